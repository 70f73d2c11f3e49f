# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declaration of cases: IDs, filters, answers; and the module that finds cases."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _case
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import AnswerInvalid, Failure, FailureKind
from helpers import refusal, table
from in_process import KEY, Result, Runner
from simulator import Entry, Fault, Simulator

UUID = "0b5f8a3e-6c1d-4f0e-9a57-00000000000a"
USER = "1b4c7d2e-0f3a-4b5c-8d6e-7f8091a2b3c4"
NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
Find = t.Callable[..., Result]


@pytest.fixture
def find(sim: Simulator) -> Find:
    run = Runner(sim)
    return lambda **options: run("case_info", **options)


def ids_of(result: Result) -> list[str]:
    return [case["id"] for case in result["cases"]]


# IDs.
@table(
    "text, canonical",
    {
        "upper-case UUID": (UUID.upper(), UUID),
        "lower-case readable ID": ("case-123", "CASE-123"),
        "mixed readable ID": ("Case-1", "CASE-1"),
        "other prefix": ("sec-7", "SEC-7"),
    },
)
def test_ids_are_spelled_as_the_api_spells_them(text: str, canonical: str) -> None:
    assert _case.CASE.check_id(text) == ""
    assert _case.canonical_case_id(text) == _case.CASE.request_id(text) == canonical


@pytest.mark.parametrize(
    "text", ["CASE", "CASE-", "123", "-1", "CASE-1a", "CASE 1", "CASE_1", "A" * 63 + "-1", UUID[1:]]
)
def test_invalid_ids_are_refused(text: str) -> None:
    assert "neither a UUID nor a readable ID such as CASE-123" in _case.CASE.check_id(text)


# Failures.
@table(
    "kind, message, is_unknown",
    {
        "404": (FailureKind.UNKNOWN_ID, "anything", True),
        "400": (FailureKind.INVALID, "Bad Request: case CASE-1 was not found", True),
        "does not exist": (FailureKind.INVALID, "Case CASE-1 does not exist", True),
        "could not find": (FailureKind.INVALID, "could not find case CASE-1", True),
        "another 400": (FailureKind.INVALID, "id: value must match the pattern", False),
        "403": (FailureKind.FORBIDDEN, "case not found", False),
        "no route": (FailureKind.NO_ROUTE, "Not Found", False),
    },
)
def test_failures_that_mean_an_unknown_case(kind: FailureKind, message: str, is_unknown: bool) -> None:
    assert _case.CASE.means_unknown_id(Failure(kind, message)) is is_unknown


# Filters.
ALERT = "2C963F66-AFA6-4F64-B3FC-5717AFA60000"
QUERIES: dict[str, tuple[dict[str, t.Any], dict[str, t.Any]]] = {
    "short names": (
        {"status": ["pending_activation", "CASE_STATUS_ACTIVE"], "priority": ["P1", "CASE_PRIORITY_P5"]},
        {
            "statuses": ["CASE_STATUS_PENDING_ACTIVATION", "CASE_STATUS_ACTIVE"],
            "priorities": ["CASE_PRIORITY_P1", "CASE_PRIORITY_P5"],
        },
    ),
    "category": ({"category": ["security"]}, {"categories": ["CASE_CATEGORY_SECURITY"]}),
    "assignees": ({"assignees": [f" {USER.upper()}", USER]}, {"assignees": [{"assignee": USER}]}),
    "nobody": ({"assigned": False}, {"assignees": [{"unassigned": {}}]}),
    "anybody": ({"assigned": True}, {}),
    "labels": (
        {"labels": {"team": "sre", "port": [80, "443"]}, "groupings": {"service": "shop"}},
        {
            "labels": [{"key": "team", "values": ["sre"]}, {"key": "port", "values": ["80", "443"]}],
            "groupings": [{"key": "service", "values": ["shop"]}],
        },
    ),
    "search": ({"search": " disk "}, {"textSearch": "disk"}),
    "alerts": ({"alert_ids": [ALERT, ALERT.lower()]}, {"alertFilters": {"alertIds": [ALERT.lower()]}}),
    "breached": (
        {"breached": True},
        {"breached": [f"KPI_FILTER_TIME_TO_{name}_BREACHED" for name in ("ACKNOWLEDGE", "RESOLVE", "UPDATE")]},
    ),
    "not breached": ({"breached": False}, {"breached": ["KPI_FILTER_NOT_BREACHED"]}),
    "active": (
        {"active_after": "-24h"},
        {
            "dateRange": {
                "from": "2026-11-24T12:00:00Z",
                "to": "2026-11-26T12:00:00Z",
                "mode": "DATE_RANGE_MODE_ACTIVE_WINDOW",
            }
        },
    ),
    "created": (
        {"created_after": "2026-11-01", "created_before": "2026-11-02T03:00:00+02:00"},
        {
            "dateRange": {
                "from": "2026-11-01T00:00:00Z",
                "to": "2026-11-02T01:00:00Z",
                "mode": "DATE_RANGE_MODE_CREATED_AT",
            }
        },
    ),
}


@table("options, filters", QUERIES)
def test_filters_as_the_api_takes_them(options: dict[str, t.Any], filters: dict[str, t.Any]) -> None:
    query = _case.CASE.filters.build_query(options, NOW)
    assert query.values == ({"filters": filters} if filters else {})
    assert not query.matches_nothing


@pytest.mark.parametrize(("direction", "word"), [(None, "ASCENDING"), ("asc", "ASCENDING"), ("desc", "DESCENDING")])
def test_order_by_becomes_what_the_contract_has(direction: str | None, word: str) -> None:
    query = _case.CASE.filters.build_query({"order_by": {"field": "updated_at", "direction": direction}}, NOW)
    assert query.values == {
        "orderBy": {
            "field": "CASE_ORDER_BY_FIELD_UPDATED_AT",
            "direction": f"CASE_ORDER_BY_DIRECTION_{word}",
        }
    }


@table(
    "options, message",
    {
        "user": ({"assignees": ["dana"]}, "assignees contains 'dana'. It must be a user ID (a UUID) or an e-mail"),
        "blank": ({"assignees": [USER, " "]}, "assignees contains a blank value."),
        "alert": ({"alert_ids": ["x"]}, "alert_ids contains 'x'. The ID of an alert is a UUID."),
        "label": ({"labels": {"team": None}}, "labels.team must give a value, or a list of values, for each label."),
        "label NO": ({"labels": {"team": False}}, "labels.team contains False, a boolean."),
        "search": ({"search": " "}, "search contains a blank value."),
        "limit": ({"limit": 0}, "limit is 0. It must be 1 or more."),
        "time": ({"active_after": "yesterday"}, "active_after is 'yesterday'. It must be a time"),
        "range": ({"created_after": "-1h", "created_before": "-2h"}, "Nothing can match."),
        "many": (
            {"assignees": [f"{n}@x" for n in range(1001)]},
            "assignees has 1001 values. The API takes at most 1000",
        ),
        "many labels": ({"labels": {str(n): "x" for n in range(1001)}}, "labels has 1001 values."),
    },
)
def test_filters_that_are_refused(options: dict[str, t.Any], message: str) -> None:
    assert message in refusal(_case.CASE.filters.build_query, options, NOW)


@pytest.mark.parametrize(
    "options",
    [
        {"case_ids": []},
        {"status": []},
        {"assignees": []},
        {"labels": {}},
        {"groupings": {"service": []}},
        {"alert_ids": []},
    ],
)
def test_an_empty_filter_matches_nothing_and_sends_nothing(
    sim: Simulator, find: Find, options: dict[str, t.Any]
) -> None:
    sim.add_case()
    result = find(**options, api_key=...)
    assert (result["cases"], result["count"], result["truncated"]) == ([], 0, False)
    assert sim.journal == []


@table(
    "options, message",
    {
        "IDs and a filter": ({"case_ids": "CASE-1", "status": "active"}, "case_ids|status"),
        "IDs and a limit": ({"case_ids": "CASE-1", "limit": 1}, "case_ids|limit"),
        "IDs and an order": ({"case_ids": "CASE-1", "order_by": {"field": "status"}}, "case_ids|order_by"),
        "IDs and assigned": ({"case_ids": "CASE-1", "assigned": True}, "case_ids|assigned"),
        "assignees and assigned": ({"assignees": USER, "assigned": True}, "assignees|assigned"),
        "two ranges": ({"active_after": "-1h", "created_before": "-1h"}, "active_after|created_before"),
        "null": ({"labels": None}, "labels"),
        "null time": ({"active_after": None}, "active_after is null"),
        "null order": ({"order_by": None}, "order_by is null"),
        "version 3": ({"api_version": "3"}, "api_version is 3. Cases need latest or 5."),
        "version 4": ({"case_ids": "CASE-1", "api_version": "4"}, "api_version is 4. Cases need latest or 5."),
        "status": ({"status": "open"}, "value of status must be one or more of"),
    },
)
def test_refused_before_anything_is_sent(sim: Simulator, find: Find, options: dict[str, t.Any], message: str) -> None:
    assert message in find(**options)["msg"]
    assert sim.journal == []


# Finding cases.
def test_find_by_ids_keeps_their_order(sim: Simulator, find: Find) -> None:
    ids = [sim.add_case() for _number in range(3)]
    readable = [sim.case(case_id)["readableId"] for case_id in ids]
    result = find(case_ids=f"{readable[2].lower()}, {ids[0].upper()},{readable[0]},{ids[2]} , {ids[1]}")
    assert result["cases"] == [sim.case(ids[number]) for number in (2, 0, 1)]
    assert (result["changed"], result["count"], result["truncated"], result["not_found_ids"]) == (False, 3, False, [])
    assert "ansible_facts" not in result
    assert "total" not in result


@pytest.mark.parametrize("status", ["404", "400"])
def test_unknown_ids_fail_or_are_returned(sim: Simulator, find: Find, status: str) -> None:
    sim.settings["cases"].unknown_cases = status
    known = sim.add_case()
    asked = ["case-99", known, UUID.upper()]
    result = find(case_ids=asked)
    assert result["msg"] == f"Unknown case IDs: 'case-99', '{UUID.upper()}'. Set missing=ignore to skip them."
    result = find(case_ids=asked, missing="ignore")
    assert (ids_of(result), result["not_found_ids"]) == ([known], ["case-99", UUID.upper()])


def test_a_case_hidden_by_access_policies_is_unknown(sim: Simulator, find: Find) -> None:
    hidden = sim.add_case(hidden=True)
    assert find(case_ids=[hidden], missing="ignore")["not_found_ids"] == [hidden]


def test_without_the_permission_to_read(sim: Simulator, find: Find) -> None:
    sim.add_key(KEY, permissions=["case:Update"])
    for options in ({"case_ids": [sim.add_case()]}, {"status": "active"}):
        assert "It needs the permission case:Read." in find(**options)["msg"]


def test_no_more_than_eight_requests_at_a_time(sim: Simulator, find: Find) -> None:
    sim.latency = 0.005
    ids = sim.add_cases(60)
    assert ids_of(find(case_ids=ids)) == ids
    assert 4 <= sim.peak <= 8


def test_find_by_filters_over_all_pages_with_limit_and_order(sim: Simulator, find: Find) -> None:
    ids = [sim.add_case(createTime=f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z", labels=[]) for n in range(1100)]
    order = {"field": "created_at"}
    assert ids_of(find(order_by=order)) == ids
    assert len(sim.journal) == 3
    assert ids_of(find(order_by={**order, "direction": "desc"}, limit=3)) == ids[:-4:-1]
    assert sim.journal[-1].body["pagination"] == {"pageSize": 3}


def test_find_assigned_and_unassigned_cases(sim: Simulator, find: Find) -> None:
    theirs, mine, nobodys = sim.add_case(assignee=UUID), sim.add_case(assignee=USER), sim.add_case()
    assert set(ids_of(find(assigned=True))) == {theirs, mine}
    assert ids_of(find(assigned=False)) == [nobodys]
    assert ids_of(find(assignees=USER.upper())) == [mine]
    assert len(ids_of(find(assigned=True, limit=1))) == 1


@pytest.mark.parametrize("how", ["setting", "hidden case"])
def test_truncation_by_access_policies_is_reported(sim: Simulator, find: Find, how: str) -> None:
    known = sim.add_case()
    assert not find()["truncated"]
    if how == "setting":
        sim.settings["cases"].pbac_truncated = True
    else:
        sim.add_case(hidden=True)
    result = find()
    assert (ids_of(result), result["count"], result["truncated"]) == ([known], 1, True)
    assert result["warnings"] == ["Access policies hide some cases that match. The list is not complete."]


DETAILS = {"include_events": "events", "include_links": "links", "include_notifications": "notifications"}


@pytest.mark.parametrize("by_ids", [True, False])
def test_details_are_added_on_request(sim: Simulator, find: Find, by_ids: bool) -> None:
    ids = [sim.add_case(), sim.add_case(deliveries=[])]
    asked = ["case-1", ids[1].upper()] if by_ids else None
    options = {"case_ids": asked} if by_ids else {"order_by": {"field": "status"}}
    (first, second) = sorted(find(**options, **dict.fromkeys(DETAILS, True))["cases"], key=lambda c: ids.index(c["id"]))
    assert (first["events"], second["events"]) == (sim.case_events(ids[0]), sim.case_events(ids[1]))
    assert first["links"]["detail"].endswith(ids[0])
    assert [len(case["notifications"]) for case in (first, second)] == [1, 0]
    operations = [entry.operation for entry in sim.journal]
    assert operations.count("case_deliveries") == 1
    assert operations.count("case_events") == operations.count("case_links") == 2


@pytest.mark.parametrize("option", DETAILS)
def test_only_requested_details_are_added(sim: Simulator, find: Find, option: str) -> None:
    sim.add_case()
    (case,) = find(**{option: True})["cases"]
    assert {*case} & {*DETAILS.values()} == {DETAILS[option]}
    assert len(sim.journal) == 2


def test_notifications_take_a_request_for_each_thousand(sim: Simulator, find: Find) -> None:
    ids = sim.add_cases(1001)
    assert len(find(include_notifications=True)["cases"]) == len(ids)
    assert [entry.operation for entry in sim.journal].count("case_deliveries") == 2


def test_a_case_that_disappears_before_its_details_are_read(sim: Simulator, find: Find) -> None:
    gone, stays = sim.add_case(), sim.add_case()

    def disappear(entry: Entry) -> None:
        if (entry.operation, entry.ids) == ("case_events", [gone]):
            sim.remove_case(gone)

    sim.on_request = disappear
    result = find(case_ids=[gone, stays], include_events=True, missing="ignore")
    assert (ids_of(result), result["not_found_ids"]) == ([stays], [gone])


# Answers that are not what the contract says.
@table(
    "operation, options, answer, message",
    {
        "no case": ("case_read", {"case_ids": UUID}, {"cases": []}, "case is not an object"),
        "another case": ("case_read", {"case_ids": "CASE-9"}, None, "under the ID CASE-9 it shows the case"),
        "no status": ("case_read", {"case_ids": UUID}, {"case": {"id": UUID, "title": "x"}}, "has no status"),
        "no list": ("case_list", {}, {"cases": {}, "pagination": {}}, "cases is not a list"),
        "no pages": ("case_list", {}, {"cases": []}, "pagination is not an object"),
        "token": ("case_list", {}, {"cases": [], "pagination": {"nextPageToken": 7}}, "nextPageToken is no text"),
        "no events": ("case_events", {"include_events": True}, {"events": None}, "events is not a list"),
        "no links": ("case_links", {"include_links": True}, {"deepLinks": []}, "deepLinks is not an object"),
        "no deliveries": ("case_deliveries", {"include_notifications": True}, {}, "deliveriesByCase is not a map"),
    },
)
def test_answers_of_the_wrong_shape_fail(
    sim: Simulator, find: Find, operation: str, options: dict[str, t.Any], answer: t.Any, message: str
) -> None:
    case_id = sim.add_case()
    sim.fault(Fault(operation, replace={"case": sim.case(case_id)} if answer is None else answer))
    result = find(**options, retries=0)
    assert message in result["msg"]
    assert result["cases"] == []


def test_deliveries_that_are_no_list() -> None:
    parse = _case.OPERATIONS["notifications"].parse
    with pytest.raises(AnswerInvalid):
        parse({"deliveriesByCase": {"CASE-1": {"notificationDeliveries": {}}}}, ["CASE-1"])


# The fields of a case, of any type.
@table(
    "case, assignee, override, reason",
    {
        "missing": ({}, "", "", ""),
        "null": ({"assignee": None, "priorityDetails": None, "resolutionDetails": None}, "", "", ""),
        "lists": ({"assignee": [], "priorityDetails": [1], "resolutionDetails": "x"}, "", "", ""),
        "empty": ({"assignee": {}, "priorityDetails": {}, "resolutionDetails": {}}, "", "", ""),
        "unspecified": ({"priorityDetails": {"override": "CASE_PRIORITY_UNSPECIFIED"}}, "", "", ""),
        "given": (
            {
                "assignee": {"userId": USER},
                "priorityDetails": {"override": "CASE_PRIORITY_P2"},
                "resolutionDetails": {"reason": " x "},
            },
            USER,
            "CASE_PRIORITY_P2",
            "x",
        ),
    },
)
def test_optional_fields_of_any_type_are_read(
    case: dict[str, t.Any], assignee: str, override: str, reason: str
) -> None:
    assert _case.assignee_id(case) == assignee
    assert _case.priority_override(case) == override
    assert _case.resolution_reason(case) == reason


@pytest.mark.parametrize("name", ["case_priority", "case_update", "case_assign", "case_comment"])
@pytest.mark.parametrize("value", [None, [], "x"])
def test_modules_accept_optional_fields_of_other_types(sim: Simulator, name: str, value: t.Any) -> None:
    case_id = sim.add_case()
    case = {**sim.case(case_id), "assignee": value, "priorityDetails": value, "resolutionDetails": value}
    sim.fault(Fault("case_read", replace={"case": case}))
    sim.fault(
        Fault("case_events", replace={"events": [value, {"eventData": value}, {"eventData": {"comment": value}}]})
    )
    options: dict[str, t.Any] = {
        "case_priority": {"priority": "P1"},
        "case_update": {"resolution_reason": "x"},
        "case_assign": {"assignee": USER},
        "case_comment": {"text": "x"},
    }[name]
    result = Runner(sim)(name, case_ids=[case_id], check_mode=True, **options)
    assert (result["changed"], "failed" in result) == (True, False)
