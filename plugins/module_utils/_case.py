# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cases: all that is special to them. Routes, IDs, answers, filters, and what a case's fields mean."""

from __future__ import annotations

import itertools
import re
import typing as t
from datetime import datetime

from ._errors import AnswerInvalid, Failure, FailureKind, option_invalid
from ._filters import (
    Filter,
    check_count,
    check_limit,
    convert_filters,
    enum_filter,
    label_map,
    matches_nothing,
    text_filter,
    text_values,
    time_range,
)
from ._resource import UUID, Filters, Found, Item, Operation, Options, Page, Query, Resource, Route, Values
from ._users import check_user

# The fields of a case.

ACTIVE, ACKNOWLEDGED, RESOLVED, CLOSED, PENDING = (
    f"CASE_STATUS_{name}" for name in ("ACTIVE", "ACKNOWLEDGED", "RESOLVED", "CLOSED", "PENDING_ACTIVATION")
)
PRIORITIES = ("P1", "P2", "P3", "P4", "P5")


def has_status(*statuses: str) -> t.Callable[[Item], bool]:
    """A test whether a case has one of these statuses."""
    return lambda case: case["status"] in statuses


def describe_status(case: Item) -> str:
    """The status in one word, such as C(active)."""
    return str(case["status"]).replace("CASE_STATUS_", "", 1).lower()


def object_in(case: Item, field: str) -> Item:
    """An optional field that holds an object. Empty if it is missing, or anything else."""
    value = case.get(field)
    return value if isinstance(value, dict) else {}


def assignee_id(case: Item) -> str:
    """The ID of the user it is assigned to. Empty if nobody is."""
    user_id = object_in(case, "assignee").get("userId")
    return user_id if isinstance(user_id, str) else ""


def describe_assignee(case: Item) -> str:
    """The assignee, or C(nobody)."""
    return assignee_id(case) or "nobody"


def priority_override(case: Item) -> str:
    """The priority that overrides the system's, such as C(CASE_PRIORITY_P1). Empty if none does."""
    override = object_in(case, "priorityDetails").get("override")
    if not isinstance(override, str) or override == "CASE_PRIORITY_UNSPECIFIED":
        return ""
    return override


def describe_priority(case: Item) -> str:
    """The override in short form, or C(no override)."""
    return priority_override(case).replace("CASE_PRIORITY_", "", 1) or "no override"


def resolution_reason(case: Item) -> str:
    """Why the case was resolved, stripped. Empty if nothing says so."""
    reason = object_in(case, "resolutionDetails").get("reason")
    return reason.strip() if isinstance(reason, str) else ""


def comment_ids(case: Item, text: str) -> list[str]:
    """The IDs of the events that are comments with this text, compared stripped."""
    found = []
    for event in case.get("events") or ():
        data = object_in(event, "eventData") if isinstance(event, dict) else {}
        own_text = object_in(data, "comment").get("unsafeText")
        if isinstance(own_text, str) and own_text.strip() == text:
            found.append(str(event.get("eventId")))
    return found


# IDs.

_READABLE_ID = re.compile(r"[A-Z]+-[0-9]+\Z")


def canonical_case_id(text: str) -> str:
    """An ID as the API writes it: UUIDs in lower case, readable IDs such as C(CASE-123) in upper case."""
    return text.lower() if UUID.match(text) else text.upper()


def _check_id(case_id: str) -> str:
    if UUID.match(case_id) or (_READABLE_ID.match(canonical_case_id(case_id)) and len(case_id) <= 64):
        return ""
    return "it is neither a UUID nor a readable ID such as CASE-123"


# Answers.


def _parse_case(answer: t.Any) -> Item:
    case = answer.get("case")
    if not isinstance(case, dict):
        raise AnswerInvalid("case is not an object")
    return case


def _parse_cases(answer: t.Any, _ids: t.Sequence[str] = ()) -> list[t.Any]:
    cases = answer.get("cases")
    if not isinstance(cases, list):
        raise AnswerInvalid("cases is not a list")
    return cases


def _parse_page(answer: t.Any, ids: t.Sequence[str]) -> Page:
    pagination = answer.get("pagination")
    token = pagination.get("nextPageToken") if isinstance(pagination, dict) else None
    if not isinstance(pagination, dict) or not isinstance(token or "", str):
        raise AnswerInvalid("pagination is not an object, or its nextPageToken is no text")
    return Page(_parse_cases(answer, ids), None, token or "", truncated=answer.get("pbacTruncated") is True)


def _parse_comment(answer: t.Any, ids: t.Sequence[str]) -> list[t.Any]:
    event = answer.get("event")
    if not isinstance(event, dict):
        raise AnswerInvalid("event is not an object")
    return [{"id": ids[0], "events": [event]}]


def _add_events(before: Item, shown: Item) -> Item:
    return {**before, "events": [*before.get("events", ()), *shown["events"]]}


def _parse_events(answer: t.Any, ids: t.Sequence[str]) -> dict[str, t.Any]:
    events = answer.get("events")
    if not isinstance(events, list):
        raise AnswerInvalid("events is not a list")
    return {ids[0]: events}


def _parse_links(answer: t.Any, ids: t.Sequence[str]) -> dict[str, t.Any]:
    links = answer.get("deepLinks")
    if not isinstance(links, dict):
        raise AnswerInvalid("deepLinks is not an object")
    return {ids[0]: links}


def _parse_notifications(answer: t.Any, ids: t.Sequence[str]) -> dict[str, t.Any]:
    by_case = answer.get("deliveriesByCase")
    if not isinstance(by_case, dict):
        raise AnswerInvalid("deliveriesByCase is not a map")
    found = {}
    for case_id in ids:
        deliveries = by_case.get(case_id) or {}
        found[case_id] = deliveries.get("notificationDeliveries", []) if isinstance(deliveries, dict) else None
        if not isinstance(found[case_id], list):
            raise AnswerInvalid(f"the deliveries of {case_id} are not a list")
    return found


def _means_unknown_id(failure: Failure) -> bool:
    """An unknown case may come as 404, or as 400 that says so."""
    if failure.kind is FailureKind.UNKNOWN_ID:
        return True
    return failure.kind is FailureKind.INVALID and bool(re.match(_NOT_FOUND, failure.message))


_NOT_FOUND = (
    r"(?i).*\b(?:(?:not|could not be) found|(?:cannot|could not) find|"
    r"does(?: not|n't) exist|(?:no such|unknown) case)\b"
)

# Routes of version 5. No other version has them.


def _route(method: str, path: str, ids: str = "", in_body: bool = False) -> dict[str, Route]:
    return {"v5": Route(method, f"/cases/{path}", ids, in_body)}


def _bulk_write(action: str, permission: str, method: str, path: str, in_body: bool = True) -> Operation:
    return Operation(
        action,
        permission,
        _route(method, path, "ids", in_body),
        max_ids=1_000,
        # The contract does not say what becomes of the other IDs if one is refused.
        refusal_may_apply=True,
        parse=_parse_cases,
    )


def _single_write(action: str, permission: str, method: str, path: str, in_body: bool = False) -> Operation:
    routes = _route(method, path, in_body=in_body)
    return Operation(action, permission, routes, parse=lambda answer, _ids: [_parse_case(answer)])


OPERATIONS: dict[str, Operation] = {
    "read": Operation(
        "read cases",
        "case:Read",
        _route("GET", "cases/v1/{id}"),
        parse=lambda answer, ids: Found({ids[0]: _parse_case(answer)}, []),
    ),
    "list": Operation("list cases", "case:Read", _route("POST", "cases/v1", in_body=True), parse=_parse_page),
    "events": Operation(
        "read events of cases", "case:Read", _route("GET", "cases/v1/{id}/events"), parse=_parse_events
    ),
    "links": Operation(
        "read links of cases", "case:Read", _route("GET", "cases/v1/{id}/deep-links"), parse=_parse_links
    ),
    "notifications": Operation(
        "read notifications of cases",
        "case:Read",
        _route("POST", "notifications/v1/deliveries", "caseIds", in_body=True),
        parse=_parse_notifications,
    ),
    "assign": _bulk_write("assign cases", "case:Assign", "PUT", "assigned/v1"),
    "unassign": _bulk_write("unassign cases", "case:Assign", "DELETE", "assigned/v1", in_body=False),
    # The bulk route asks for the acting user, whom a task does not know.
    "acknowledge": _single_write("acknowledge cases", "case:Acknowledge", "PUT", "acknowledged/v1/{id}"),
    "unacknowledge": _single_write("unacknowledge cases", "case:Acknowledge", "DELETE", "acknowledged/v1/{id}"),
    "resolve": _bulk_write("resolve cases", "case:Close", "POST", "resolved/v1"),
    "close": _bulk_write("close cases", "case:Close", "POST", "closed/v1"),
    "set_priority": _bulk_write("override the priority of cases", "case:Update", "POST", "priority-override/v1"),
    "clear_priority": _bulk_write(
        "clear the priority override of cases", "case:Update", "DELETE", "priority-override/v1", in_body=False
    ),
    "update": _single_write("update cases", "case:Update", "PUT", "cases/v1/{id}", in_body=True),
    "comment": Operation(
        "comment on cases",
        "case:Comment",
        _route("POST", "cases/v1/{id}/comments", in_body=True),
        parse=_parse_comment,
        merge=_add_events,
    ),
}

# Filters.


def _convert_labels(name: str, labels: t.Any) -> list[dict[str, t.Any]]:
    return check_count(name, [{"key": key, "values": values} for key, values in label_map(name, labels).items()])


def _convert_assignees(name: str, values: t.Any) -> list[dict[str, str]]:
    users = text_values(name, values)
    for user in users:
        check_user(name, user)
    return [{"assignee": user} for user in dict.fromkeys(user.lower() for user in users)]


def _convert_alert_ids(name: str, values: t.Any) -> dict[str, list[str]]:
    ids = list(dict.fromkeys(value.lower() for value in text_values(name, values)))
    for alert_id in ids:
        if not UUID.match(alert_id):
            raise option_invalid(f"{name} contains {alert_id[:80]!r}. The ID of an alert is a UUID.")
    return {"alertIds": ids}


_BREACHED = [f"KPI_FILTER_TIME_TO_{name}_BREACHED" for name in ("ACKNOWLEDGE", "RESOLVE", "UPDATE")]

FILTERS: dict[str, Filter] = {
    "status": enum_filter(
        "statuses", "CASE_STATUS", "pending_activation", "active", "acknowledged", "resolved", "closed"
    ),
    "priority": Filter(
        {
            "type": "list",
            "elements": "str",
            "choices": [*PRIORITIES, *(f"CASE_PRIORITY_{name}" for name in PRIORITIES)],
        },
        "priorities",
        lambda _name, values: [value if value.startswith("CASE_") else f"CASE_PRIORITY_{value}" for value in values],
    ),
    "category": enum_filter("categories", "CASE_CATEGORY", "security", "availability"),
    "assignees": text_filter("assignees")._replace(convert=_convert_assignees),
    "labels": Filter({"type": "dict"}, "labels", _convert_labels),
    "groupings": Filter({"type": "dict"}, "groupings", _convert_labels),
    "search": Filter({"type": "str"}, "textSearch", lambda name, text: text_values(name, [text])[0]),
    "alert_ids": Filter({"type": "list", "elements": "str"}, "alertFilters", _convert_alert_ids),
    "breached": Filter(
        {"type": "bool"}, "breached", lambda _name, breached: _BREACHED if breached else ["KPI_FILTER_NOT_BREACHED"]
    ),
}

# Pairs of options that bound a time. The API takes one range, of one mode.
_RANGES = {
    "DATE_RANGE_MODE_ACTIVE_WINDOW": ("active_after", "active_before"),
    "DATE_RANGE_MODE_CREATED_AT": ("created_after", "created_before"),
}
_FIELDS = ("priority", "status", "updated_at", "created_at", "category", "duration")
_ORDER_BY: dict[str, t.Any] = {
    "type": "dict",
    "options": {
        "field": {"type": "str", "required": True, "choices": list(_FIELDS)},
        "direction": {"type": "str", "choices": ["asc", "desc"], "default": "asc"},
    },
}
_DIRECTIONS = {"asc": "ASCENDING", "desc": "DESCENDING"}


def _build_query(options: Options, now: datetime) -> Query:
    check_limit(options)
    parameters = convert_filters(FILTERS, options)
    if options.get("assigned") is False:
        parameters["assignees"] = [{"unassigned": {}}]
    for mode, bounds in _RANGES.items():
        time_bounds = time_range(bounds, options, now)
        if time_bounds:
            parameters["dateRange"] = {"from": time_bounds[0], "to": time_bounds[1], "mode": mode}
    order = options.get("order_by")
    values: dict[str, t.Any] = {"filters": parameters} if parameters else {}
    if order:
        direction = _DIRECTIONS[order.get("direction") or "asc"]
        values["orderBy"] = {
            "field": f"CASE_ORDER_BY_FIELD_{order['field'].upper()}",
            "direction": f"CASE_ORDER_BY_DIRECTION_{direction}",
        }
    # The API can be asked for cases that are assigned to nobody, but not for those that are assigned to anybody.
    keep = (lambda case: bool(assignee_id(case))) if options.get("assigned") else None
    return Query(values, keep, matches_nothing(FILTERS, options))


def _pagination(size: int, token: str) -> Values:
    return {"pagination": {"pageSize": size, **({"pageToken": token} if token else {})}}


CASE = Resource(
    singular="case",
    plural="cases",
    id_option="case_ids",
    id_noun="case IDs",
    title_field="title",
    operations=OPERATIONS,
    route_sets={"latest": ("v5",), "5": ("v5",)},
    required_fields={"status": str, "title": str},
    pagination=_pagination,
    filters=Filters(
        options={
            **{name: filter_.spec for name, filter_ in FILTERS.items()},
            "assigned": {"type": "bool"},
            **{name: {"type": "str"} for bounds in _RANGES.values() for name in bounds},
            "order_by": _ORDER_BY,
            "limit": {"type": "int"},
        },
        mutually_exclusive=[
            ("assignees", "assigned"),
            *itertools.product(*_RANGES.values()),
        ],
        build_query=_build_query,
    ),
    page_size=500,
    max_concurrent_requests=8,
    probe_id="00000000-0000-0000-0000-000000000000",
    parameter_options={filter_.parameter: name for name, filter_ in FILTERS.items()},
    check_id=_check_id,
    id_fields=("id", "readableId"),
    reads_before_writes=True,
    means_unknown_id=_means_unknown_id,
    canonical_id=canonical_case_id,
    request_id=canonical_case_id,
    describe_total=lambda _total, truncated: {"truncated": truncated},
    events_are_fields=False,
    details=("events", "notifications", "links"),
)
