# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator against the vendor's contract: every operation, every version, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import contract
import pytest
import requests
from simulator import OPERATIONS, ROUTES, VERSIONS, Entry, Fault, Simulator
from simulator import OPTIONAL_FIELDS as OPTIONAL

contract.need()

UNKNOWN = "00000000-0000-4000-8000-000000000000"
PAST, FUTURE = "2001-01-01T00:00:00Z", "2101-01-01T00:00:00.5+02:00"
RANGE = {"startTime": PAST, "endTime": FUTURE}

# Every filter that a body can carry, each of which lets some incident pass.
FILTERS: dict[str, Any] = {
    "applicationName": ["checkout", "payments", "search", "identity"],
    "assignee": ["user-0", "nobody"],
    "contextualLabels": {
        "coralogix.metadata.subsystemName": {"contextualLabelValues": ["api", "worker", "database", "ingress"]}
    },
    "createdAtRange": RANGE,
    "displayLabels": {"Application": {"displayLabelValues": ["checkout", "payments", "search", "identity"]}},
    "endTime": FUTURE,
    "incidentDurationRange": RANGE,
    "isMuted": False,
    "metaLabels": [{"key": "team", "value": t} for t in ("sre", "platform", "data")],
    "metaLabelsOp": "FILTER_OPERATOR_OR_OR_UNSPECIFIED",
    "searchQuery": {"query": " in ", "incidentField": "INCIDENTS_FIELDS_NAME"},
    "severity": [f"INCIDENT_SEVERITY_{s}" for s in ("INFO", "WARNING", "ERROR", "CRITICAL")],
    "startTime": PAST,
    "state": ["INCIDENT_STATE_TRIGGERED"],
    "status": ["INCIDENT_STATUS_TRIGGERED"],
    "subsystemName": ["api", "worker", "database", "ingress"],
}
ORDER = [
    {"incidentField": "INCIDENTS_FIELDS_SEVERITY", "direction": "ORDER_BY_DIRECTION_DESC"},
    {"contextualLabel": "anything", "direction": "ORDER_BY_DIRECTION_ASC"},
]

# What an operation needs besides the IDs: in a query, in a body.
EXTRA: dict[str, tuple[list[tuple[str, str]], dict[str, Any]]] = {
    "assign": ([("assigned_to.user_id", "u2")], {"assignedTo": {"userId": "u2"}}),
    "list": (
        [
            ("pagination.page_size", "2"),
            ("filter.status", "INCIDENT_STATUS_TRIGGERED"),
            ("filter.status", "INCIDENT_STATUS_ACKNOWLEDGED"),
            ("filter.createdAtRange.startTime", PAST),
            ("filter.created_at_range.end_time", FUTURE),
        ],
        {"filter": FILTERS, "pagination": {"pageSize": 2}, "orderBys": ORDER},
    ),
}


@pytest.fixture(params=VERSIONS)
def sim(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    with Simulator(latest=request.param) as simulator:
        simulator.add_key("k")
        yield simulator


@pytest.mark.parametrize("version", [version for version in VERSIONS if version != "latest"])
def test_incident_may_lack_what_the_contract_lets_it_lack(version: str) -> None:
    incident = contract.raw(version)["components"]["schemas"]["Incident"]
    assert set(incident["properties"]) - set(incident["required"]) == OPTIONAL


def send(
    sim: Simulator, operation: str, ids: list[str], key: str = "k", **changes: Any
) -> tuple[requests.Response, Entry]:
    route = ROUTES[sim.latest][operation]
    query, body = EXTRA.get(operation, ([], {}))
    name = next((name for name in route.parameters if name.lower().endswith("ids")), None)
    pairs = [(str(name), i) for i in ids] if name else []
    arguments: dict[str, dict[str, Any]] = {
        "path": {},
        "query": {"params": pairs + query},
        "body": {"json": {**({name: ids} if name else {}), **body}},
    }
    response = requests.request(
        route.method,
        f"{sim.url}/mgmt/openapi/latest{route.path.format(id=ids[0])}",
        **{**arguments[route.where], **changes},
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
    )
    return response, sim.journal[-1]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation(sim: Simulator, operation: str) -> None:
    ids = sim.add_incidents(4, assigned=2, events=4)
    response, entry = send(sim, operation, ids[:3])
    contract.check(entry, sim.latest)
    assert response.status_code == 200, response.text
    assert entry.operation == operation
    assert entry.answer == response.json()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_on_unknown_incidents(sim: Simulator, operation: str) -> None:
    response, entry = send(sim, operation, [UNKNOWN])
    contract.check(entry, sim.latest)
    assert response.status_code == (404 if operation == "read_one" else 200)


@pytest.mark.parametrize("operation", [name for name, made in OPERATIONS.items() if made.write])
def test_what_a_write_leaves_behind(sim: Simulator, operation: str) -> None:
    ids = sim.add_incidents(2, assigned=1)
    send(sim, operation, ids)
    send(sim, operation, ids)
    _response, entry = send(sim, "read_many", ids)
    contract.check(entry, sim.latest)
    assert entry.answer["incidents"][ids[0]] == sim.incident(ids[0])


@pytest.mark.parametrize("sim", ["4", "5"], indirect=True)
def test_every_filter_passes_something(sim: Simulator) -> None:
    sim.add_incidents(1, assigned=1)
    assert set(FILTERS) == set(contract.raw("4")["components"]["schemas"]["IncidentQueryFilter"]["properties"])
    for name in FILTERS:
        body = {"filter": {name: FILTERS[name]}}
        response, entry = send(sim, "list", [UNKNOWN], json=body)
        contract.check(entry, sim.latest)
        assert response.json()["pagination"] == {"totalSize": 1}, name


def pairs(name: str, value: Any) -> list[tuple[str, str]]:
    """A value as a query writes it: objects behind dots, lists by repeating the name."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in pairs(f"{name}.{key}", inner)]
    if isinstance(value, list):
        return [pair for inner in value for pair in pairs(name, inner)]
    return [(name, str(value).lower() if isinstance(value, bool) else value)]


def test_every_filter_that_a_query_can_carry_passes_something() -> None:
    with Simulator(latest="3") as sim:
        sim.add_key("k")
        sim.add_incidents(1, assigned=1)
        for name in sorted(set(FILTERS) - {"contextualLabels", "displayLabels", "metaLabels"}):
            _response, entry = send(sim, "list", [UNKNOWN], params=pairs(f"filter.{name}", FILTERS[name]))
            contract.check(entry, "3")
            assert entry.answer["pagination"] == {"totalSize": 1}, name


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("status", [401, 403])
def test_refusals(sim: Simulator, operation: str, status: int) -> None:
    sim.add_key("poor", permissions=())
    response, entry = send(sim, operation, [UNKNOWN], key={401: "wrong", 403: "poor"}[status])
    contract.check(entry, sim.latest)
    assert response.status_code == status


def test_requests_that_the_contract_does_not_know_are_refused_by_both(sim: Simulator) -> None:
    for operation, route in ROUTES[sim.latest].items():
        changes: dict[str, dict[str, Any]] = {
            "path": {"params": {"x": "1"}},
            "query": {"params": {"x": "1"}},
            "body": {"json": {"x": 1}},
        }
        response, entry = send(sim, operation, [UNKNOWN], **changes[route.where])
        assert response.status_code == 400
        contract.check_response(entry, sim.latest)
        with pytest.raises(AssertionError):
            contract.check_request(entry, sim.latest)


def test_limits_of_version_5_are_those_of_the_checker() -> None:
    bad: list[tuple[str, dict[str, Any]]] = [
        ("unassign", {"params": [("incident_ids", "short")]}),
        ("unassign", {"params": []}),
        ("unassign", {"params": [("incident_ids", UNKNOWN)] * 10_001}),
        ("read_many", {"params": [("ids", UNKNOWN), ("ids", f"{UNKNOWN},{UNKNOWN}")]}),
        ("close", {"json": {"incidentIds": []}}),
        ("assign", {"json": {"incidentIds": [UNKNOWN], "assignedTo": {"userId": ""}}}),
        ("assign", {"json": {"incidentIds": [UNKNOWN]}}),
        ("list", {"json": {"pagination": {"pageSize": 10_001}}}),
        ("list", {"json": {"pagination": {"pageSize": 0}}}),
        ("list", {"json": {"orderBys": [{"direction": "ORDER_BY_DIRECTION_ASC"}]}}),
        ("list", {"json": {"filter": {"status": ["OPEN"]}}}),
        ("list", {"json": {"filter": {"assignee": ["u"] * 1001}}}),
        ("list", {"json": {"filter": {"createdAtRange": {"startTime": PAST}}}}),
        ("list", {"json": {"filter": {"searchQuery": {"query": "x"}}}}),
    ]
    with Simulator(latest="5", max_url=1 << 20) as sim:
        sim.add_key("k")
        for operation, changes in bad:
            response, entry = send(sim, operation, [UNKNOWN], **changes)
            assert response.status_code == 400, (operation, changes)
            contract.check_response(entry, "5")
            with pytest.raises(AssertionError):
                contract.check_request(entry, "5")


@pytest.mark.parametrize("style", ["json", "grpc", "text", "html", "error", "detail"])
def test_errors_in_every_style_pass(style: str) -> None:
    for latest in VERSIONS:
        with Simulator(latest=latest, error_style=style) as sim:
            _response, entry = send(sim, "read_many", [UNKNOWN])
            assert entry.status == 401
            contract.check(entry, latest)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_routes_table_is_the_contract(version: str) -> None:
    published = {
        place: (sorted(contract.parameter_names(made)), made["x-coralogixPermissions"])
        for place, made in contract.operations(version).items()
    }
    ours = {
        (route.method, route.path): (sorted(route.parameters), [OPERATIONS[name].permission])
        for name, route in ROUTES[version].items()
    }
    assert ours == published


@pytest.mark.parametrize("version", VERSIONS)
def test_where_parameters_travel(version: str) -> None:
    for route in ROUTES[version].values():
        made = contract.operations(version)[route.method, route.path]
        places = {p["in"] for p in made.get("parameters", ())}
        assert places | ({"body"} if "requestBody" in made else set()) == {route.where}


# The checker must be able to fail.
def entry_of(sim: Simulator, operation: str = "unassign") -> Entry:
    return send(sim, operation, sim.add_incidents(1, assigned=1))[1]


def test_checker_sees_wrong_answers(sim: Simulator) -> None:
    entry = entry_of(sim)
    contract.check(entry, sim.latest)
    incident = entry.answer["incidents"][0]
    event = incident["events"][-1]
    wrong: list[Any] = [
        {},
        {"incidents": {}},
        {"incidents": [{k: v for k, v in incident.items() if k != "assignments"}]},
        {"incidents": [{**incident, "status": "open"}]},
        {"incidents": [{**incident, "surplus": 1}]},
        {"incidents": [{**incident, "createdAt": "yesterday, or the day before"}]},
        {"incidents": [{**incident, "events": [{**event, "close": {}}]}]},
        {"incidents": [{**incident, "events": [{k: event[k] for k in event if k != "unassign"}]}]},
    ]
    for answer in wrong:
        with pytest.raises(AssertionError, match="the answer is wrong"):
            contract.check(entry._replace(answer=answer), sim.latest)
    with pytest.raises(AssertionError, match="not a documented answer"):
        contract.check(entry._replace(status=204), sim.latest)


def test_checker_sees_wrong_requests(sim: Simulator) -> None:
    entry = entry_of(sim)
    wrong = [
        entry._replace(method="PUT"),
        entry._replace(target=entry.target.replace("by-user", "by-team")),
        entry._replace(version="6"),
        entry._replace(query=[*entry.query, ("force", "true")]),
        entry._replace(query=[("incidentIds", i) for i in entry.ids]),
        entry._replace(body={"incidentIds": entry.ids}),
        entry._replace(headers={}),
    ]
    for bad in wrong:
        with pytest.raises(AssertionError):
            contract.check(bad, sim.latest)


def test_checker_sees_wrong_bodies() -> None:
    for latest in ("4", "5"):
        with Simulator(latest=latest) as sim:
            sim.add_key("k")
            entry = entry_of(sim, "assign")
            contract.check(entry, latest)
            # Version 4 does not say that the body must be there at all.
            for body in (
                *([None] if latest == "5" else []),
                {},
                {**entry.body, "incident_ids": []},
                {**entry.body, "incidentIds": "x"},
                {**entry.body, "assignedTo": {"user": "u"}},
            ):
                with pytest.raises(AssertionError):
                    contract.check(entry._replace(body=body), latest)


def test_checker_sees_wrong_objects_in_a_query() -> None:
    """Also where version 3 leaves them without a type."""
    wrong = {
        "list": [
            ("filter.createdAtRange.begin", PAST),
            ("filter.createdAtRange.startTime", "yesterday"),
            ("filter.isMuted", "perhaps"),
            ("filter.searchQuery.incidentField", "NAME"),
            ("filter.searchQuery.text", "x"),
            ("filter.status", "OPEN"),
            ("order_bys.direction", "ORDER_BY_DIRECTION_ASC"),
            ("pagination.pageSize", "many"),
        ],
        "assign": [("assigned_to.name", "u"), ("assigned_to", "u"), ("assignedTo.userId", "u")],
    }
    with Simulator(latest="3") as sim:
        sim.add_key("k")
        for operation, surplus in wrong.items():
            entry = entry_of(sim, operation)
            contract.check(entry, "3")
            for pair in surplus:
                with pytest.raises(AssertionError):
                    contract.check(entry._replace(query=[pair, *entry.query]), "3")


def test_latest_is_held_against_what_it_serves() -> None:
    with Simulator(latest="3") as sim:
        sim.add_key("k")
        entry = entry_of(sim)
        contract.check(entry, "3")
        with pytest.raises(AssertionError, match="no operation"):
            contract.check(entry, "5")


def test_a_spoilt_answer_passes_but_not_its_request(sim: Simulator) -> None:
    sim.fault(Fault("unassign", replace=lambda answer: {"surprise": answer}))
    entry = entry_of(sim)
    contract.check(entry, sim.latest)
    with pytest.raises(AssertionError, match="unknown query parameters"):
        contract.check(entry._replace(query=[("x", "1")]), sim.latest)


def test_without_the_contract(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("CORALOGIX_API_CONTRACT", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    assert not contract.available()
    with pytest.raises(pytest.skip.Exception, match="CORALOGIX_API_CONTRACT"):
        contract.need()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CORALOGIX_API_CONTRACT"):
        contract.need()
