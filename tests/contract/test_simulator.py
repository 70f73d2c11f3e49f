# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator against the vendor's contract: every operation, every version, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import contract
import pytest
import requests
from simulator import OPERATIONS, OPTIONAL_FIELDS, ROUTES, VERSIONS, Entry, Fault, Simulator
from simulator.client import query_pairs, send

contract.require()

UNKNOWN = "00000000-0000-4000-8000-000000000000"
USER, ALERT = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
PAST, FUTURE = "2001-01-01T00:00:00Z", "2101-01-01T00:00:00.5+02:00"
RANGE = {"startTime": PAST, "endTime": FUTURE}
TEAM = 4711

# Every filter of incidents that a body can carry, each of which matches some incident.
INCIDENT_FILTERS: dict[str, Any] = {
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

# A case with everything that a filter can look at, and every filter of cases, each of which matches it.
ALERT_INDICATOR = {
    "alertId": ALERT,
    "latestAlertVersion": "1",
    "priority": "INDICATOR_PRIORITY_P1",
    "groupingType": "GROUPING_TYPE_NONE",
    "state": "INDICATOR_STATE_TRIGGERED",
    "triggerTime": PAST,
    "alertVersions": ["1"],
    "permutations": [],
}
BREACH = {
    "id": ALERT,
    "createdAt": PAST,
    "kpiType": "KPI_TYPE_TIME_TO_RESOLVE",
    "casePriority": "KPI_PRIORITY_P1",
    "breachedAt": PAST,
    "breachStatus": "BREACH_STATUS_BREACHED",
}
FULL_CASE: dict[str, Any] = {
    "assignee": USER,
    "title": "Disk full",
    "category": "security",
    "priority": "P2",
    "labels": [{"key": "team", "value": "sre"}],
    "groupings": [{"key": "service", "value": "shop"}],
    "impactedEntities": [{"apmDatabase": {"name": "orders"}}],
    "caseIndicators": {"alertIndicators": [ALERT_INDICATOR]},
    "kpiBreaches": {"breachedKpis": [BREACH]},
}
CASE_FILTERS: dict[str, Any] = {
    "alertFilters": {"alertIds": [ALERT], "alertVersions": ["1", "2"]},
    "assignees": [{"unassigned": {}}, {"assignee": USER}],
    "breached": ["KPI_FILTER_TIME_TO_RESOLVE_BREACHED"],
    "caseLabelsFilter": {"flatLabels": [{"key": "team", "value": "sre"}]},
    "categories": ["CASE_CATEGORY_SECURITY"],
    "connectorTypeFilters": [{"connectorType": "CONNECTOR_TYPE_SLACK"}, {"noConnector": {}}],
    "dateRange": {"from": PAST, "to": FUTURE, "mode": "DATE_RANGE_MODE_ACTIVE_WINDOW"},
    "groupings": [{"key": "service", "values": ["shop", "other"]}],
    "impactedEntities": [{"apmDatabase": {"name": "orders"}}],
    "indicatorTypes": ["INDICATOR_TYPE_ALERT"],
    "labels": [{"key": "team", "values": ["sre"]}],
    "priorities": ["CASE_PRIORITY_P1", "CASE_PRIORITY_P2"],
    "statuses": ["CASE_STATUS_ACTIVE"],
    "textSearch": "disk",
}

# What an operation takes besides IDs and the assignee, by the names of a body.
LIST_FIELDS = {
    "filter": INCIDENT_FILTERS,
    "pagination": {"pageSize": 2},
    "orderBys": [
        {"incidentField": "INCIDENTS_FIELDS_SEVERITY", "direction": "ORDER_BY_DIRECTION_DESC"},
        {"contextualLabel": "anything", "direction": "ORDER_BY_DIRECTION_ASC"},
    ],
}
CASE_LIST_FIELDS = {
    "filters": CASE_FILTERS,
    "pagination": {"pageSize": 2, "skip": 0},
    "orderBy": {"field": "CASE_ORDER_BY_FIELD_STATUS", "direction": "CASE_ORDER_BY_DIRECTION_DESCENDING"},
}
FIELDS: dict[str, dict[str, Any]] = {
    "list": LIST_FIELDS,
    "case_list": CASE_LIST_FIELDS,
    "case_update": {"title": "New title", "resolutionReason": "New reason"},
    "case_comment": {"text": "Looking into it"},
    "case_resolve": {"reason": "Fixed"},
    "case_resolve_many": {"reason": "Fixed"},
    "case_priority": {"priority": "CASE_PRIORITY_P1"},
    "case_priority_many": {"priority": "CASE_PRIORITY_P1"},
    "user_search": {"teamId": TEAM, "username": "example.com", "pageSize": 2, "pageToken": 0},
}
# What version 3 can carry of the fields of a list.
LIST_PARAMS = [
    ("pagination.page_size", "2"),
    ("filter.status", "INCIDENT_STATUS_TRIGGERED"),
    ("filter.status", "INCIDENT_STATUS_ACKNOWLEDGED"),
    ("filter.createdAtRange.startTime", PAST),
    ("filter.created_at_range.end_time", FUTURE),
]

# The case that an operation changes, where the usual one will not do.
CASES: dict[str, dict[str, Any]] = {
    "case_update": {"status": "resolved"},
    "case_unassign": {"assignee": USER},
    "case_unassign_many": {"assignee": USER},
    "case_unacknowledge": {"status": "acknowledged"},
    "case_clear_priority": {"override": "P1"},
    "case_clear_priority_many": {"override": "P1"},
    "case_list": FULL_CASE,
}

EVERY = [(version, operation) for version in VERSIONS for operation in ROUTES[version]]
EVERY_WRITE = [(version, operation) for version, operation in EVERY if OPERATIONS[operation].is_write]
every_operation = pytest.mark.parametrize(("sim", "operation"), EVERY, indirect=["sim"])


@pytest.fixture(params=VERSIONS)
def sim(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    with Simulator(latest=request.param) as simulator:
        simulator.add_key("k")
        yield simulator


def ids_for(sim: Simulator, operation: str) -> list[str]:
    """Two things that the operation changes, or reads; a case by each of its IDs."""
    store = OPERATIONS[operation].store
    if store == "users":
        sim.add_user("dana@example.com", status="inactive")
        return []
    if store == "incidents":
        return sim.add_incidents(3, assigned=2, events=4)[:2]
    first, second = (sim.add_case(**CASES.get(operation, {})) for _n in range(2))
    return [sim.case(first)["readableId"], second]


def exchange(
    sim: Simulator, operation: str, ids: list[str], key: str = "k", **arguments: Any
) -> tuple[requests.Response, Entry]:
    if operation == "list" and sim.latest == "3":
        arguments.setdefault("params", LIST_PARAMS)
    response = send(sim, operation, *ids, user=USER, key=key, **{"fields": FIELDS.get(operation, {}), **arguments})
    return response, sim.journal[-1]


@every_operation
def test_every_operation(sim: Simulator, operation: str) -> None:
    ids = ids_for(sim, operation)
    response, entry = exchange(sim, operation, ids)
    contract.check(entry, sim.latest)
    assert response.status_code == 200, response.text
    assert (entry.operation, entry.answer) == (operation, response.json())
    assert bool(entry.effect) == OPERATIONS[operation].is_write


@pytest.mark.parametrize(("sim", "operation"), EVERY_WRITE, indirect=["sim"])
def test_state_after_a_write(sim: Simulator, operation: str) -> None:
    ids = ids_for(sim, operation)
    for _n in range(2):
        assert exchange(sim, operation, ids)[0].status_code == 200
    reads = ["read_many"] if OPERATIONS[operation].store == "incidents" else ["case_read", "case_events", "case_links"]
    answers = []
    for read in reads:
        response, entry = exchange(sim, read, ids)
        contract.check(entry, sim.latest)
        answers.append(response.json())
    if reads == ["read_many"]:
        assert answers[0]["incidents"] == {incident_id: sim.incident(incident_id) for incident_id in ids}
    else:
        assert (answers[0], answers[1]) == ({"case": sim.case(ids[0])}, {"events": sim.case_events(ids[0])})


@pytest.mark.parametrize("unknown_cases", ["404", "400"])
@every_operation
def test_unknown_ids(sim: Simulator, operation: str, unknown_cases: str) -> None:
    sim.settings["cases"].unknown_cases = unknown_cases
    ids = [] if OPERATIONS[operation].store == "users" else [UNKNOWN]
    response, entry = exchange(sim, operation, ids)
    contract.check(entry, sim.latest)
    names_ids = bool(entry.ids) and operation != "case_deliveries"
    status = 404 if operation == "read_one" else 200
    assert response.status_code == (
        int(unknown_cases) if OPERATIONS[operation].store == "cases" and names_ids else status
    )


@pytest.mark.parametrize("status", [401, 403])
@every_operation
def test_refusals_of_keys_and_permissions(sim: Simulator, operation: str, status: int) -> None:
    sim.add_key("poor", permissions=())
    response, entry = exchange(sim, operation, [UNKNOWN], key={401: "wrong", 403: "poor"}[status])
    contract.check(entry, sim.latest)
    assert response.status_code == (status if status == 401 or OPERATIONS[operation].permission else 200)


@pytest.mark.parametrize("style", ["json", "grpc", "text", "html", "error", "detail"])
@pytest.mark.parametrize("latest", VERSIONS)
def test_errors_in_every_style(latest: str, style: str) -> None:
    with Simulator(latest=latest, error_style=style) as sim:
        _response, entry = exchange(sim, "read_many", [UNKNOWN])
        assert entry.status == 401
        contract.check(entry, latest)


# Filters.
@pytest.mark.parametrize(
    ("version", "schema", "filters"),
    [("4", "IncidentQueryFilter", INCIDENT_FILTERS), ("5", "CaseFilters", CASE_FILTERS)],
)
def test_filters_are_those_of_the_contract(version: str, schema: str, filters: Mapping[str, Any]) -> None:
    assert set(filters) == set(contract.raw(version)["components"]["schemas"][schema]["properties"])


@pytest.mark.parametrize("sim", ["4", "5"], indirect=True)
@pytest.mark.parametrize("name", INCIDENT_FILTERS)
def test_every_filter_of_incidents(sim: Simulator, name: str) -> None:
    sim.add_incidents(1, assigned=1)
    response, entry = exchange(sim, "list", [], fields={"filter": {name: INCIDENT_FILTERS[name]}})
    contract.check(entry, sim.latest)
    assert response.json()["pagination"] == {"totalSize": 1}


@pytest.mark.parametrize("sim", ["3"], indirect=True)
@pytest.mark.parametrize("name", sorted(set(INCIDENT_FILTERS) - {"contextualLabels", "displayLabels", "metaLabels"}))
def test_every_filter_that_a_query_can_carry(sim: Simulator, name: str) -> None:
    sim.add_incidents(1, assigned=1)
    params = query_pairs(f"filter.{name}", INCIDENT_FILTERS[name])
    response, entry = exchange(sim, "list", [], params=params)
    contract.check(entry, "3")
    assert response.json()["pagination"] == {"totalSize": 1}


@pytest.mark.parametrize("sim", ["5"], indirect=True)
@pytest.mark.parametrize("name", CASE_FILTERS)
def test_every_filter_of_cases(sim: Simulator, name: str) -> None:
    sim.add_case(**FULL_CASE)
    response, entry = exchange(sim, "case_list", [], fields={"filters": {name: CASE_FILTERS[name]}})
    contract.check(entry, "5")
    assert len(response.json()["cases"]) == 1


# The table of operations.
@pytest.mark.parametrize("version", VERSIONS)
def test_routes_are_those_of_the_contract(version: str) -> None:
    published = {
        place: (
            sorted(contract.parameter_names(operation)),
            {p["in"] for p in operation["parameters"]} | ({"body"} if "requestBody" in operation else set()),
            operation.get("x-coralogixPermissions", [None]),
        )
        for place, operation in contract.operations(version).items()
    }
    table = {
        (route.method, route.path): (
            sorted(route.parameters),
            {route.where} | ({"path"} if "{" in route.path else set()),
            [OPERATIONS[name].permission],
        )
        for name, route in ROUTES[version].items()
    }
    assert table == published


@pytest.mark.parametrize("version", VERSIONS)
def test_optional_fields_are_those_of_the_contract(version: str) -> None:
    incident = contract.raw(version)["components"]["schemas"]["Incident"]
    assert set(incident["properties"]) - set(incident["required"]) == OPTIONAL_FIELDS


# Requests that both refuse.
@every_operation
def test_unknown_parameters_are_refused_by_both(sim: Simulator, operation: str) -> None:
    arguments: dict[str, Any] = {"json" if ROUTES[sim.latest][operation].where == "body" else "params": {"x": "1"}}
    response, entry = exchange(sim, operation, [UNKNOWN], **arguments)
    assert response.status_code == 400
    with pytest.raises(AssertionError):
        contract.check_request(entry, sim.latest)
    contract.check_response(entry, sim.latest)


IDS_AND_USER = {"ids": [UNKNOWN], "assignee": {"userId": USER}}


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("unassign", {"params": []}),
        ("unassign", {"params": [("incident_ids", "not-a-uuid")]}),
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
        ("case_assign_many", {"json": {**IDS_AND_USER, "ids": []}}),
        ("case_assign_many", {"json": {**IDS_AND_USER, "ids": ["case-1"]}}),
        ("case_assign_many", {"json": {**IDS_AND_USER, "ids": [UNKNOWN] * 1001}}),
        ("case_assign_many", {"json": {"ids": [UNKNOWN]}}),
        ("case_assign_many", {"json": {**IDS_AND_USER, "assignee": {"userId": USER.replace("1", "A")}}}),
        ("case_acknowledge_many", {"json": {"ids": [UNKNOWN]}}),
        ("case_unassign_many", {"params": [("ids", UNKNOWN.upper()), ("ids", "X")]}),
        ("case_resolve", {"json": {"reason": "x" * 501}}),
        ("case_resolve_many", {"json": {"ids": [UNKNOWN], "reason": "x" * 4097}}),
        ("case_update", {"json": {"title": " \n"}}),
        ("case_comment", {"json": {"text": ""}}),
        ("case_comment", {"json": {"text": "x" * 10_001}}),
        ("case_priority", {"json": {"priority": "P1"}}),
        ("case_deliveries", {"json": {"caseIds": []}}),
        ("case_list", {"json": {"pagination": {"pageSize": 1001}}}),
        ("case_list", {"json": {"orderBy": [{}]}}),
        ("case_list", {"json": {"filters": {"assignees": [{"assignee": "u", "unassigned": {}}]}}}),
        ("case_list", {"json": {"filters": {"impactedEntities": [{}]}}}),
        ("case_list", {"json": {"filters": {"dateRange": {"from": PAST}}}}),
        ("user_search", {"params": {"page_size": "many"}}),
        ("user_search", {"params": {"status": "ACTIVE"}}),
    ],
)
def test_limits_are_enforced_by_both(operation: str, arguments: Any) -> None:
    with Simulator(latest="5", max_url=1 << 20) as sim:
        sim.add_key("k")
        response, entry = exchange(sim, operation, [UNKNOWN], **arguments)
        assert response.status_code == 400
        contract.check_response(entry, "5")
        with pytest.raises(AssertionError):
            contract.check_request(entry, "5")


# The checker must be able to fail.
@pytest.fixture
def unassigned(sim: Simulator) -> Entry:
    entry = exchange(sim, "unassign", sim.add_incidents(1, assigned=1))[1]
    contract.check(entry, sim.latest)
    return entry


def test_checker_sees_wrong_answers(sim: Simulator, unassigned: Entry) -> None:
    incident = unassigned.answer["incidents"][0]
    event = incident["events"][-1]
    wrong: list[Any] = [
        {},
        {"incidents": {}},
        *(
            {"incidents": [changed]}
            for changed in (
                {k: v for k, v in incident.items() if k != "assignments"},
                {**incident, "status": "open"},
                {**incident, "surplus": 1},
                {**incident, "createdAt": "yesterday, or the day before"},
                {**incident, "events": [{**event, "close": {}}]},
                {**incident, "events": [{k: event[k] for k in event if k != "unassign"}]},
            )
        ),
    ]
    for answer in wrong:
        with pytest.raises(AssertionError, match="the answer is wrong"):
            contract.check(unassigned._replace(answer=answer), sim.latest)
    with pytest.raises(AssertionError, match="not a documented answer"):
        contract.check(unassigned._replace(status=204), sim.latest)


def test_checker_sees_wrong_requests(sim: Simulator, unassigned: Entry) -> None:
    wrong: list[dict[str, Any]] = [
        {"method": "PUT"},
        {"target": unassigned.target.replace("by-user", "by-team")},
        {"version": "6"},
        {"query": [*unassigned.query, ("force", "true")]},
        {"query": [("incidentIds", i) for i in unassigned.ids]},
        {"body": {"incidentIds": unassigned.ids}},
        {"headers": {}},
    ]
    for change in wrong:
        with pytest.raises(AssertionError):
            contract.check(unassigned._replace(**change), sim.latest)


@pytest.mark.parametrize("sim", ["4", "5"], indirect=True)
def test_checker_sees_wrong_bodies(sim: Simulator) -> None:
    entry = exchange(sim, "assign", sim.add_incidents(1))[1]
    contract.check(entry, sim.latest)
    for body in (
        # Version 4 does not say that the body must be there at all.
        *([None] if sim.latest == "5" else []),
        {},
        {**entry.body, "incident_ids": []},
        {**entry.body, "incidentIds": "x"},
        {**entry.body, "assignedTo": {"user": "u"}},
    ):
        with pytest.raises(AssertionError):
            contract.check(entry._replace(body=body), sim.latest)


@pytest.mark.parametrize("sim", ["3"], indirect=True)
@pytest.mark.parametrize(
    ("operation", "pair"),
    [
        ("list", ("filter.createdAtRange.begin", PAST)),
        ("list", ("filter.createdAtRange.startTime", "yesterday")),
        ("list", ("filter.isMuted", "perhaps")),
        ("list", ("filter.searchQuery.incidentField", "NAME")),
        ("list", ("filter.searchQuery.text", "x")),
        ("list", ("filter.status", "OPEN")),
        ("list", ("order_bys.direction", "ORDER_BY_DIRECTION_ASC")),
        ("list", ("pagination.pageSize", "many")),
        ("assign", ("assigned_to.name", "u")),
        ("assign", ("assigned_to", "u")),
        ("assign", ("assignedTo.userId", "u")),
    ],
)
def test_checker_sees_wrong_objects_in_a_query(sim: Simulator, operation: str, pair: tuple[str, str]) -> None:
    """Also where version 3 leaves them without a type."""
    entry = exchange(sim, operation, sim.add_incidents(1))[1]
    contract.check(entry, "3")
    with pytest.raises(AssertionError):
        contract.check(entry._replace(query=[pair, *entry.query]), "3")


@pytest.mark.parametrize("sim", ["3"], indirect=True)
def test_latest_is_checked_as_the_version_it_serves(sim: Simulator, unassigned: Entry) -> None:
    with pytest.raises(AssertionError, match="no operation"):
        contract.check(unassigned, "5")


def test_answer_of_a_fault_passes_but_not_its_request(sim: Simulator) -> None:
    sim.fault(Fault("unassign", replace=lambda answer: {"surprise": answer}))
    entry = exchange(sim, "unassign", sim.add_incidents(1))[1]
    contract.check(entry, sim.latest)
    with pytest.raises(AssertionError, match="unknown query parameters"):
        contract.check(entry._replace(query=[("x", "1")]), sim.latest)


def test_missing_contract_skips_or_fails_in_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("CORALOGIX_API_CONTRACT", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    assert not contract.is_available()
    with pytest.raises(pytest.skip.Exception, match="CORALOGIX_API_CONTRACT"):
        contract.require()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CORALOGIX_API_CONTRACT"):
        contract.require()
