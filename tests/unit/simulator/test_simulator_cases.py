# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cases and users: effects, the lifecycle, lists, and each setting for what the contract leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

import pytest
import requests
from simulator import OPERATIONS, ROUTES, Fault, Refused, Simulator

Send = Callable[..., requests.Response]
NOW = 1_700_000_000.25
SHOWN_NOW = "2023-11-14T22:13:20.250Z"
ME, OLD, NEW = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "123")
UNKNOWN = "00000000-0000-4000-8000-000000000000"
STATUSES = ("pending_activation", "active", "acknowledged", "resolved", "closed")


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(clock=lambda: NOW) as simulator:
        simulator.add_key("k", user_id=ME)
        yield simulator


def status(sim: Simulator, case_id: str) -> str:
    return str(sim.case(case_id)["status"]).removeprefix("CASE_STATUS_").lower()


# Effects.
P1, P4 = "CASE_PRIORITY_P1", "CASE_PRIORITY_P4"
RESOLUTION = {"resolveTime": SHOWN_NOW, "resolvedBy": {"cxUser": {}}}


def changed_status(old: str, new: str) -> list[Any]:
    return [{"statusChanged": {"oldStatus": f"CASE_STATUS_{old}", "newStatus": f"CASE_STATUS_{new}"}}]


# Operation, what the case is like before, what the request carries, what then differs (None is gone), its events.
EFFECTS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], list[Any]]] = [
    ("case_assign", {}, {}, {"assignee": {"userId": NEW}}, [{"assigned": {"assigneeUserId": NEW}}]),
    (
        "case_assign_many",
        {"assignee": OLD},
        {},
        {"assignee": {"userId": NEW}},
        [{"assigned": {"assigneeUserId": NEW, "previousAssigneeUserId": OLD}}],
    ),
    (
        "case_unassign",
        {"assignee": OLD},
        {},
        {"assignee": None},
        [{"unassigned": {"previousAssigneeUserId": OLD}}],
    ),
    (
        "case_acknowledge",
        {},
        {},
        {"status": "CASE_STATUS_ACKNOWLEDGED", "acknowledgeTime": SHOWN_NOW},
        changed_status("ACTIVE", "ACKNOWLEDGED"),
    ),
    (
        "case_unacknowledge",
        {"status": "acknowledged"},
        {},
        {"status": "CASE_STATUS_ACTIVE", "acknowledgeTime": None},
        changed_status("ACKNOWLEDGED", "ACTIVE"),
    ),
    (
        "case_resolve",
        {},
        {"reason": " Fixed\n"},
        {"status": "CASE_STATUS_RESOLVED", "resolutionDetails": {"reason": "Fixed", **RESOLUTION}, "duration": "60250"},
        changed_status("ACTIVE", "RESOLVED"),
    ),
    (
        "case_resolve_many",
        {"status": "acknowledged"},
        {},
        {"status": "CASE_STATUS_RESOLVED", "resolutionDetails": RESOLUTION, "duration": "60250"},
        changed_status("ACKNOWLEDGED", "RESOLVED"),
    ),
    ("case_close", {"status": "resolved"}, {}, {"status": "CASE_STATUS_CLOSED"}, changed_status("RESOLVED", "CLOSED")),
    (
        "case_priority",
        {"priority": "P4"},
        {"priority": P1},
        {"priority": P1, "priorityDetails": {"system": P4, "override": P1}},
        [{"priorityDetailsChanged": {"from": {"system": P4}, "to": {"system": P4, "override": P1}}}],
    ),
    (
        "case_clear_priority_many",
        {"priority": "P4", "override": "P1"},
        {},
        {"priority": P4, "priorityDetails": {"system": P4}},
        [{"priorityDetailsChanged": {"from": {"system": P4, "override": P1}, "to": {"system": P4}}}],
    ),
    ("case_comment", {}, {"text": " On it "}, {}, [{"comment": {"unsafeText": " On it "}}]),
    (
        "case_update",
        {"status": "resolved", "title": "Old"},
        {"title": " New ", "resolutionReason": "Because "},
        {
            "title": "New",
            "resolutionDetails": {"resolveTime": SHOWN_NOW, "resolvedBy": {"system": {}}, "reason": "Because"},
        },
        [{"titleChangedEvent": {"from": "Old", "to": "New"}}, {"resolutionReasonChangedEvent": {"to": "Because"}}],
    ),
]


@pytest.mark.parametrize(("operation", "before", "fields", "after", "events"), EFFECTS, ids=[row[0] for row in EFFECTS])
def test_effect(
    sim: Simulator, send: Send, operation: str, before: Any, fields: Any, after: Any, events: list[Any]
) -> None:
    case_id = sim.add_case(createTime="2023-11-14T22:12:20Z", **before)
    old, readable_id = sim.case(case_id), sim.case(case_id)["readableId"]
    answer = send(sim, operation, readable_id, user=NEW, fields=fields).json()
    new = sim.case(case_id)
    # Comments leave the case alone, but for the time of its last change.
    assert new == {
        **{name: value for name, value in {**old, **after}.items() if value is not None},
        "updateTime": SHOWN_NOW,
    }
    added = sim.case_events(case_id)[1:]
    assert [event["eventData"] for event in added] == events
    assert all(event["actor"] == {"user": {"id": ME}} and event["eventTime"] == SHOWN_NOW for event in added)
    expected = {"cases": [new]} if operation.endswith("_many") else {"case": new}
    assert answer == ({"event": added[-1]} if operation == "case_comment" else expected)
    assert (sim.journal[-1].ids, sim.journal[-1].effect) == ([readable_id], [case_id])
    # Again it changes nothing, unless it is a comment.
    again = send(sim, operation, case_id, case_id, user=NEW, fields=fields)
    assert again.status_code == 200
    assert (sim.case(case_id) == new, sim.journal[-1].effect == []) == (True, operation != "case_comment")
    sim.settings["cases"].repeated = "400"
    repeated = send(sim, operation, case_id, user=NEW, fields=fields)
    assert (repeated.status_code == 400) == (operation != "case_comment")


# From which statuses an operation may come, and which it leads to.
LIFECYCLE: dict[str, tuple[tuple[str, ...], str | None]] = {
    "case_acknowledge": (("active",), "acknowledged"),
    "case_unacknowledge": (("acknowledged",), "active"),
    "case_resolve": (("active", "acknowledged"), "resolved"),
    "case_close": (("active", "acknowledged", "resolved"), "closed"),
    "case_priority": (("pending_activation", "active", "acknowledged"), None),
    "case_clear_priority": (("pending_activation", "active", "acknowledged"), None),
    "case_assign": (STATUSES, None),
    "case_comment": (STATUSES, None),
}


@pytest.mark.parametrize("setting", ["400", "200"])
@pytest.mark.parametrize("operation", LIFECYCLE)
@pytest.mark.parametrize("before", STATUSES)
def test_lifecycle(sim: Simulator, send: Send, operation: str, before: str, setting: str) -> None:
    allowed, target = LIFECYCLE[operation]
    sim.settings["cases"].forbidden_transitions = setting
    case_id = sim.add_case(status=before, priority="P3", **({"override": "P2"} if "clear" in operation else {}))
    response = send(sim, operation, case_id, user=NEW, fields={"priority": P1, "text": "x"})
    fits = before in allowed
    assert response.status_code == (200 if fits or before == target else int(setting))
    assert (bool(sim.journal[-1].effect), status(sim, case_id)) == (fits, (target or before) if fits else before)


def test_activation(sim: Simulator) -> None:
    case_id = sim.add_case(status="pending_activation")
    assert "readableId" not in sim.case(case_id)
    sim.act("case_activate", case_id, by="system")
    assert (status(sim, case_id), sim.case(sim.case(case_id)["readableId"])["id"]) == ("active", case_id)
    with pytest.raises(Refused, match="cannot go from"):
        sim.act("case_activate", sim.add_case(status="closed"))


@pytest.mark.parametrize(
    ("setting", "operations", "before"),
    [
        ("active_cases_closable", ("case_close", "case_close_many"), "active"),
        ("closed_cases_assignable", ("case_assign", "case_unassign_many"), "closed"),
        ("closed_cases_editable", ("case_update", "case_comment"), "closed"),
    ],
)
@pytest.mark.parametrize("allowed", [True, False])
def test_settings_for_what_the_service_may_refuse(
    send: Send, setting: str, operations: tuple[str, ...], before: str, allowed: bool
) -> None:
    options: dict[str, Any] = {setting: allowed}
    with Simulator(**options) as sim:
        sim.add_key("k")
        for operation in operations:
            case_id = sim.add_case(status=before, assignee=OLD)
            response = send(sim, operation, case_id, user=NEW, fields={"title": "New", "text": "x"})
            assert (response.status_code, bool(sim.journal[-1].effect)) == (200 if allowed else 400, allowed)
            assert allowed or case_id in response.json()["message"]


def test_resolution_reason_of_an_unresolved_case(sim: Simulator, send: Send) -> None:
    case_id = sim.add_case()
    assert send(sim, "case_update", case_id, fields={"title": "T", "resolutionReason": "R"}).status_code == 400
    sim.settings["cases"].forbidden_transitions = "200"
    case = send(sim, "case_update", case_id, fields={"title": "T", "resolutionReason": "R"}).json()["case"]
    assert (case["title"], "resolutionDetails" in case) == ("T", False)


# IDs.
@pytest.mark.parametrize("code", ["404", "400"])
@pytest.mark.parametrize("mode", ["error", "skip", "partial"])
def test_bad_ids_in_bulk(send: Send, mode: str, code: str) -> None:
    with Simulator(bulk_bad_ids=mode, unknown_cases=code) as sim:
        sim.add_key("k")
        first, second = sim.add_cases(2)
        response = send(sim, "case_close_many", first, UNKNOWN, second)
        done = [] if mode == "error" else [first, second]
        assert (response.status_code, sim.journal[-1].effect) == (200 if mode == "skip" else int(code), done)
        assert sorted(case["id"] for case in response.json().get("cases", [])) == sorted(done if mode == "skip" else [])
        assert (UNKNOWN in response.text) == (mode != "skip")
        # One that refuses is as bad as one that is unknown.
        other = sim.add_case(status="pending_activation")
        third = sim.add_case()
        assert send(sim, "case_close_many", other, third).status_code == (200 if mode == "skip" else 400)
        assert (status(sim, third) == "closed") == (mode != "error")
        # A single route always says so.
        for operation in ("case_read", "case_events", "case_links", "case_close"):
            assert send(sim, operation, UNKNOWN).status_code == int(code)


def test_both_ids_name_one_case(sim: Simulator, send: Send) -> None:
    case_id = sim.add_case(readableId="OPS-7")
    answer = send(sim, "case_close_many", "OPS-7", case_id).json()
    assert answer == {"cases": [sim.case("OPS-7")]}
    assert send(sim, "case_deliveries", "OPS-7", case_id, UNKNOWN).json()["deliveriesByCase"].keys() == {
        "OPS-7",
        case_id,
    }
    assert send(sim, "case_read", "OPS-7").json() == send(sim, "case_read", case_id).json()
    sim.remove_case("OPS-7")
    assert send(sim, "case_read", case_id).status_code == 404


def test_actor_of_a_bulk_acknowledgement(sim: Simulator, send: Send) -> None:
    case_id = sim.add_case()
    send(sim, "case_acknowledge_many", case_id, user=NEW)
    assert sim.case_events(case_id)[-1]["actor"] == {"user": {"id": NEW}}


def test_somebody_else_acts(sim: Simulator) -> None:
    case_id = sim.add_case()
    sim.act("case_assign", case_id, NEW, by=OLD)
    sim.act("case_comment", case_id, text="Done")
    sim.act("case_resolve", case_id, by="system", reason="Timeout")
    assert (sim.case_assignee(case_id), sim.comments(case_id)) == (NEW, ["Done"])
    assert sim.case(case_id)["resolutionDetails"]["resolvedBy"] == {"system": {}}
    actors = [event["actor"] for event in sim.case_events(case_id)[1:]]
    assert actors == [{"user": {"id": OLD}}, {"slack": {"displayName": "somebody-else"}}, {"system": {}}]


# Versions and lags.
def test_only_version_5_has_cases(send: Send) -> None:
    assert not [name for version in "34" for name in ROUTES[version] if OPERATIONS[name].store != "incidents"]
    with Simulator(latest_serves_cases=False) as sim:
        sim.add_key("k")
        case_id = sim.add_case()
        assert send(sim, "case_read", case_id).json() == {"code": 5, "message": "Not Found", "details": []}
        assert send(sim, "case_read", case_id, version="5").status_code == 200


def test_events_have_a_lag_of_their_own(sim: Simulator, send: Send) -> None:
    case_id = sim.add_case()
    sim.stale_events, sim.stale_reads = 2, 1
    send(sim, "case_update", case_id, fields={"title": "New"})
    assert [len(send(sim, "case_events", case_id).json()["events"]) for _n in range(3)] == [1, 1, 2]
    titles = [send(sim, "case_read", case_id).json()["case"]["title"] == "New" for _n in range(2)]
    assert titles == [False, True]
    sim.events_lag = 60
    send(sim, "case_comment", case_id, fields={"text": "x"})
    assert len(send(sim, "case_events", case_id).json()["events"]) == 2
    assert sim.comments(case_id) == ["x"]


# Lists.
ALERT = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def three_cases(sim: Simulator) -> Simulator:
    sim.add_case(
        title="A disk is full",
        priority="P1",
        category="security",
        assignee=OLD,
        createTime="2026-01-01T00:00:00Z",
        updateTime="2026-01-09T00:00:00Z",
        labels=[{"key": "team", "value": "sre"}, {"key": "tier", "value": "1"}],
        groupings=[{"key": "host", "value": "h1"}],
        impactedEntities=[{"apmService": {"name": "shop"}}],
        caseIndicators={"alertIndicators": [{"alertId": ALERT, "alertVersions": ["1"]}]},
        kpiBreaches={"breachedKpis": [{"kpiType": "KPI_TYPE_TIME_TO_RESOLVE"}]},
        duration="9",
    )
    sim.add_case(
        title="B is slow",
        priority="P3",
        category="availability",
        status="resolved",
        createTime="2026-01-02T00:00:00.5Z",
        updateTime="2026-01-03T00:00:00Z",
        labels=[{"key": "team", "value": "sre"}],
        groupings=[],
        impactedEntities=[],
        resolutionDetails={"resolveTime": "2026-01-03T00:00:00Z"},
        caseIndicators={"alertIndicators": [], "genericIndicators": [{}]},
        duration="1000",
        deliveries=[],
    )
    sim.add_case(
        title="C is silent",
        priority="P2",
        override="P5",
        category="security",
        status="acknowledged",
        createTime="2026-01-04T00:00:00Z",
        updateTime="2026-01-04T00:00:00Z",
        labels=[],
        groupings=[{"key": "host", "value": "h2"}],
        impactedEntities=[{"apmDatabase": {"name": "shop"}}],
        duration="200",
    )
    return sim


def found(response: requests.Response) -> str:
    assert response.status_code == 200, response.text
    return "".join(case["title"][0] for case in response.json()["cases"])


def dates(start: str, end: str, mode: str) -> dict[str, str]:
    return {"from": f"2026-01-{start}T00:00:00Z", "to": f"2026-01-{end}T00:00:00Z", "mode": f"DATE_RANGE_MODE_{mode}"}


@pytest.mark.parametrize(
    ("filters", "cases"),
    [
        ({}, "CBA"),
        ({"statuses": ["CASE_STATUS_ACTIVE", "CASE_STATUS_RESOLVED"]}, "BA"),
        ({"statuses": []}, "CBA"),
        ({"priorities": ["CASE_PRIORITY_P5"]}, "C"),
        ({"categories": ["CASE_CATEGORY_SECURITY"], "priorities": [P1]}, "A"),
        ({"assignees": [{"assignee": OLD}]}, "A"),
        ({"assignees": [{"unassigned": {}}]}, "CB"),
        ({"assignees": [{"unassigned": {}}, {"assignee": OLD}]}, "CBA"),
        ({"labels": [{"key": "team", "values": ["sre", "dev"]}]}, "BA"),
        ({"labels": [{"key": "team", "values": ["sre"]}, {"key": "tier", "values": ["1"]}]}, "A"),
        ({"groupings": [{"key": "host", "values": ["h2"]}]}, "C"),
        ({"case_labels_filter": {"flat_labels": [{"key": "tier", "value": "1"}]}}, "A"),
        ({"textSearch": "DISK"}, "A"),
        ({"dateRange": dates("03", "05", "CREATED_AT")}, "C"),
        ({"dateRange": dates("03", "03", "ACTIVE_WINDOW")}, "BA"),
        ({"dateRange": dates("04", "05", "UNSPECIFIED")}, "CA"),
        ({"alertFilters": {"alertIds": [ALERT]}}, "A"),
        ({"alertFilters": {"alertVersions": ["2"]}}, ""),
        ({"impactedEntities": [{"apmDatabase": {"name": "shop"}}]}, "C"),
        ({"indicatorTypes": ["INDICATOR_TYPE_ERROR_TRACKING"]}, "B"),
        ({"connectorTypeFilters": [{"noConnector": {}}]}, "B"),
        ({"connectorTypeFilters": [{"connectorType": "CONNECTOR_TYPE_SLACK"}]}, "CA"),
        ({"breached": ["KPI_FILTER_TIME_TO_RESOLVE_BREACHED", "KPI_FILTER_TIME_TO_UPDATE_BREACHED"]}, "A"),
        ({"breached": ["KPI_FILTER_NOT_BREACHED"]}, "CB"),
    ],
    ids=str,
)
def test_filters(three_cases: Simulator, send: Send, filters: Any, cases: str) -> None:
    assert found(send(three_cases, "case_list", fields={"filters": filters})) == cases


@pytest.mark.parametrize(
    ("field", "cases"),
    [
        ("PRIORITY", "ABC"),
        ("STATUS", "CAB"),
        ("UPDATED_AT", "BCA"),
        ("CREATED_AT", "ABC"),
        ("CATEGORY", "BCA"),
        ("DURATION", "ACB"),
    ],
)
def test_orders(three_cases: Simulator, send: Send, field: str, cases: str) -> None:
    order = {"field": f"CASE_ORDER_BY_FIELD_{field}", "direction": "CASE_ORDER_BY_DIRECTION_ASCENDING"}
    assert found(send(three_cases, "case_list", fields={"orderBy": order})) == cases
    descending = {**order, "direction": "CASE_ORDER_BY_DIRECTION_DESCENDING"}
    # Among equals the newest remains first.
    backwards = {"CATEGORY": "CAB"}.get(field, cases[::-1])
    assert found(send(three_cases, "case_list", fields={"orderBy": descending})) == backwards


def test_pages(three_cases: Simulator, send: Send) -> None:
    first = send(three_cases, "case_list", fields={"pagination": {"pageSize": 2}})
    token = first.json()["pagination"]["nextPageToken"]
    second = send(three_cases, "case_list", fields={"pagination": {"pageSize": 2, "pageToken": token}})
    assert (found(first), found(second), second.json()["pagination"]) == ("CB", "A", {})
    assert found(send(three_cases, "case_list", fields={"pagination": {"pageSize": 1, "skip": 1}})) == "B"
    other = {"pagination": {"pageToken": token}, "filters": {"textSearch": "x"}}
    assert send(three_cases, "case_list", fields=other).status_code == 400
    three_cases.fault(Fault("case_list", endless_pages=True))
    beyond = send(three_cases, "case_list", fields={"pagination": {"pageSize": 2, "pageToken": token}}).json()
    assert (len(beyond["cases"]), bool(beyond["pagination"]["nextPageToken"])) == (2, True)


def test_cases_that_a_policy_hides(three_cases: Simulator, send: Send) -> None:
    assert "pbacTruncated" not in send(three_cases, "case_list").json()
    hidden = three_cases.add_case(hidden=True, title="Disk of others")
    seen = send(three_cases, "case_list", fields={"filters": {"textSearch": "disk"}})
    assert (found(seen), seen.json()["pbacTruncated"]) == ("A", True)
    assert "pbacTruncated" not in send(three_cases, "case_list", fields={"filters": {"textSearch": "slow"}}).json()
    assert send(three_cases, "case_read", hidden).status_code == 404
    three_cases.settings["cases"].pbac_truncated = True
    assert send(three_cases, "case_list", fields={"filters": {"textSearch": "slow"}}).json()["pbacTruncated"] is True


# Users.
def names(response: requests.Response) -> list[str]:
    return [user["username"] for user in response.json()["users"]]


def test_user_search(sim: Simulator, send: Send) -> None:
    dana = sim.add_user("Dana@example.com", userAccountId=7, firstName="Dana", lastName="Smith")
    sim.add_user("dana@example.com.au", status="inactive")
    sim.add_user("lee@example.com", ME)
    team = {"teamId": sim.settings["users"].team_id}
    found = send(sim, "user_search", fields={**team, "username": "dana@example.com"})
    assert found.json()["users"][0] == {
        "userId": dana,
        "username": "Dana@example.com",
        "firstName": "Dana",
        "lastName": "Smith",
        "status": "USER_STATUS_ACTIVE",
        "userAccountId": 7,
    }
    assert (names(found), found.json()["totalCount"]) == (["Dana@example.com", "dana@example.com.au"], 2)
    active = send(sim, "user_search", fields={**team, "status": "USER_STATUS_ACTIVE"})
    assert names(active) == ["Dana@example.com", "lee@example.com"]
    pages = [send(sim, "user_search", fields={**team, "pageSize": 2, "pageToken": n}) for n in (0, 2)]
    assert [(len(names(page)), page.json().get("nextPageToken")) for page in pages] == [(2, 2), (1, None)]
    sim.settings["users"].last_page_token = "zero"
    assert send(sim, "user_search", fields=team).json()["nextPageToken"] == 0
    sim.fault(Fault("user_search", endless_pages=True))
    beyond = send(sim, "user_search", fields={**team, "username": "dana", "pageSize": 2, "pageToken": 8}).json()
    assert (len(beyond["users"]), beyond["nextPageToken"]) == (2, 10)


@pytest.mark.parametrize(
    ("version", "team", "key", "status"),
    [("5", 1, "k", 404), ("5", "x", "k", 400), ("5", 4711, "wrong", 401), ("latest", 4711, "k", 200)],
)
def test_user_search_with_another_team_or_key(
    sim: Simulator, send: Send, version: str, team: Any, key: str, status: int
) -> None:
    sim.add_user()
    assert send(sim, "user_search", fields={"teamId": team}, version=version, key=key).status_code == status


def test_options_that_do_not_exist() -> None:
    with pytest.raises(TypeError, match="colour"):
        Simulator(colour="red")
