# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Incidents: all that is special to them. Routes, IDs, answers, filters, and what an incident's fields mean."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime

from ._errors import AnswerInvalid, Failure, FailureKind
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
    user_values,
)
from ._resource import UUID, Filters, Found, Item, Operation, Options, Page, Query, Resource, Route, Values, canonical

# The fields of an incident.

RESOLVED = {"status": "INCIDENT_STATUS_RESOLVED", "state": "INCIDENT_STATE_RESOLVED"}
"""The fields that the service sets when an incident is resolved or closed."""

ACKNOWLEDGED = "INCIDENT_STATUS_ACKNOWLEDGED"


def is_closed(incident: Item) -> bool:
    """Whether it is closed. No status says so. The API has an event for it, and this time."""
    return bool(incident.get("closedAt"))


def assignee_ids(incident: Item) -> list[str]:
    """The IDs of the users it is assigned to. An empty one if an assignment does not say."""
    users = [
        assignment.get("assignedTo") if isinstance(assignment, dict) else None for assignment in incident["assignments"]
    ]
    ids = [user.get("userId") if isinstance(user, dict) else None for user in users]
    return [user_id if isinstance(user_id, str) else "" for user_id in ids]


def describe_assignees(incident: Item) -> str:
    """The assignees in a few words: C(dana, lee), or C(nobody)."""
    return ", ".join(user_id or "(unknown user)" for user_id in assignee_ids(incident)) or "nobody"


def short_name(value: t.Any) -> str:
    """The last word of an enum's value in lower case: C(acknowledged) of C(INCIDENT_STATUS_ACKNOWLEDGED)."""
    return str(value).rpartition("_")[2].lower()


def describe_status(incident: Item) -> str:
    """How far the incident has been handled, in one word: C(triggered), C(acknowledged), C(resolved) or C(closed)."""
    return "closed" if is_closed(incident) else short_name(incident.get("status"))


# Answers.


def _parse_read(answer: t.Any, ids: t.Sequence[str]) -> Found:
    incidents, not_found = answer.get("incidents"), answer.get("notFoundIds")
    if not isinstance(incidents, dict):
        raise AnswerInvalid("incidents is not a map")
    if not isinstance(not_found, list):
        raise AnswerInvalid("notFoundIds is not a list")
    found = Found({}, [])
    for incident_id in ids:
        spellings = (incident_id, canonical(incident_id))
        spelling = next((spelling for spelling in spellings if spelling in incidents), None)
        if spelling is not None and not (incident_id in not_found and spelling != incident_id):
            found.items[incident_id] = incidents[spelling]
        elif any(spelling in not_found for spelling in spellings):
            found.not_found.append(incident_id)
        else:
            raise AnswerInvalid(f"it does not mention the incident {incident_id}")
    return found


def _parse_write(answer: t.Any, _ids: t.Sequence[str]) -> list[t.Any]:
    incidents = answer.get("incidents")
    if not isinstance(incidents, list):
        raise AnswerInvalid("incidents is not a list")
    return incidents


def _parse_page(answer: t.Any, ids: t.Sequence[str]) -> Page:
    pagination = answer.get("pagination")
    if not isinstance(pagination, dict):
        raise AnswerInvalid("pagination is not an object")
    # Gateways write a number of 64 bits as a number or as text.
    total, token = str(pagination.get("totalSize")), pagination.get("nextPageToken") or ""
    if not (re.match(r"[0-9]{1,19}\Z", total) and isinstance(token, str)):
        raise AnswerInvalid("pagination has no totalSize that is a number, or a nextPageToken that is no text")
    return Page(_parse_write(answer, ids), int(total), token)


def _means_missing_route(
    operation: str, route_set: str, failure: Failure, ids: t.Sequence[str], another_is_missing: bool
) -> bool:
    """Whether the read route of version 3, …/batch, is missing and the request met the route for a single incident.

    That route does not know an incident "batch", or refuses "batch" or the parameter as invalid. Version 3 itself has
    neither an error for unknown IDs nor a rule for their form. If it refuses an ID all the same, it names that ID.
    """
    if (operation, route_set) != ("read", "v3"):
        return False
    patterns = [_BATCH]
    if failure.kind is FailureKind.UNKNOWN_ID:
        patterns.append(_NAMELESS)
    elif failure.kind is not FailureKind.INVALID:
        return False
    elif another_is_missing:
        patterns += [_UNKNOWN_PARAMETER, *([_NO_UUID] if all(map(UUID.match, ids)) else [])]
    return any(re.match(pattern, failure.message) for pattern in patterns)


# Patterns that few tasks need are compiled when they are needed.
# "batch" in the place of an ID.
_BATCH = r"(?i)(?:.*(?:[:=\"'`(]\s*|\b(?:id|uuid|incident)\s+))?batch(?=[\"'`).,;]|\s*\Z|\s+is\b)"
_NAMELESS = r"(?i)(?:not found: )?(?:the )?incident(?: (?:was )?not found)?\.?\Z"
_UNKNOWN_PARAMETER = r"(?i).*\bunknown\b.*\bparameter\b.*\bids\b"
# The form of one ID is wrong, and the ID is not named. Version 3 itself would name it, or mention several IDs.
_NO_UUID = (
    r"(?i)(?!.*\b(?:ids|(?:team|request|user)[ _]?id)\b)(?!.*\b(?:id|uuid)\s*[:=(\"'`]+\s*\S+\Z)(?=.*\b(?:id|uuid)\b)"
    r".*\b(?:valid|invalid|malformed|must be|format|length|bounds)\b"
)

# Routes. Versions 4 and 5 have the same ones; "v4" and "v3" are their names here.

_PATH = "/incidents/incidents/v1"


def _write(action: str, permission: str, old: Route, new: Route) -> Operation:
    return Operation(action, permission, {"v3": old, "v4": new}, needs_personal_key=True, parse=_parse_write)


OPERATIONS: dict[str, Operation] = {
    "read": Operation(
        "read incidents",
        "incidents:read",
        {"v3": Route("GET", f"{_PATH}/batch", "ids"), "v4": Route("GET", _PATH, "ids")},
        parse=_parse_read,
    ),
    "list": Operation(
        "list incidents",
        "incidents:read",
        {"v3": Route("POST", _PATH), "v4": Route("POST", _PATH, in_body=True)},
        parse=_parse_page,
    ),
    "unassign": _write(
        "unassign incidents",
        "incidents:assign",
        Route("DELETE", f"{_PATH}/by-user", "incident_ids"),
        Route("DELETE", f"{_PATH}/all/by-user", "incident_ids"),
    ),
    "assign": _write(
        "assign incidents",
        "incidents:assign",
        Route("POST", f"{_PATH}/by-user", "incident_ids"),
        Route("POST", f"{_PATH}/all/by-user", "incidentIds", in_body=True),
    ),
    "acknowledge": _write(
        "acknowledge incidents",
        "incidents:acknowledge",
        Route("POST", f"{_PATH}/acknowledge", "incident_ids"),
        Route("POST", f"{_PATH}/all/acknowledge", "incidentIds", in_body=True),
    ),
    "resolve": _write(
        "resolve incidents",
        "incidents:close",
        Route("POST", f"{_PATH}/resolve", "incident_ids"),
        Route("POST", f"{_PATH}/all/resolve", "incidentIds", in_body=True),
    ),
    "close": _write(
        "close incidents",
        "incidents:close",
        Route("POST", f"{_PATH}/close", "incident_ids"),
        Route("POST", f"{_PATH}/all/closed", "incidentIds", in_body=True),
    ),
}

# Filters.


def _label_filter(parameter: str, values_name: str) -> Filter:
    def convert(name: str, labels: t.Any) -> dict[str, dict[str, list[str]]]:
        return {label: {values_name: values} for label, values in label_map(name, labels).items()}

    return Filter({"type": "dict"}, parameter, convert)


def _meta_label_pairs(name: str, labels: t.Any) -> list[dict[str, str]]:
    pairs = [{"key": label, "value": value} for label, values in label_map(name, labels).items() for value in values]
    return check_count(name, pairs)


FIELDS = (
    "id",
    "name",
    "severity",
    "state",
    "status",
    "created_time",
    "closed_time",
    "last_state_update_time",
    "duration",
    "application_name",
    "subsystem_name",
)
# A field of incidents, or one of their contextual labels.
_COLUMN: dict[str, t.Any] = {
    "field": {"type": "str", "choices": list(FIELDS)},
    "contextual_label": {"type": "str"},
}
_ONE_COLUMN = {"mutually_exclusive": [tuple(_COLUMN)], "required_one_of": [tuple(_COLUMN)]}


def _column(name: str, chosen: t.Mapping[str, t.Any]) -> dict[str, str]:
    if chosen.get("field"):
        return {"incidentField": f"INCIDENTS_FIELDS_{chosen['field'].upper()}"}
    return {"contextualLabel": text_values(f"{name}.contextual_label", [chosen["contextual_label"]])[0]}


FILTERS: dict[str, Filter] = {
    "assignees": text_filter("assignee")._replace(convert=user_values),
    "status": enum_filter("status", "INCIDENT_STATUS", "triggered", "acknowledged", "resolved"),
    "state": enum_filter("state", "INCIDENT_STATE", "triggered", "resolved"),
    "severity": enum_filter("severity", "INCIDENT_SEVERITY", "info", "low", "warning", "error", "critical"),
    "applications": text_filter("applicationName"),
    "subsystems": text_filter("subsystemName"),
    "contextual_labels": _label_filter("contextualLabels", "contextualLabelValues"),
    "display_labels": _label_filter("displayLabels", "displayLabelValues"),
    "meta_labels": Filter({"type": "dict"}, "metaLabels", _meta_label_pairs),
    "muted": Filter({"type": "bool"}, "isMuted"),
    "search": Filter(
        {"type": "dict", "options": {"text": {"type": "str", "required": True}, **_COLUMN}, **_ONE_COLUMN},
        "searchQuery",
        lambda name, search: {"query": text_values(f"{name}.text", [search["text"]])[0], **_column(name, search)},
    ),
}

# Pairs of options that bound a time. The API takes a range with both ends.
_RANGES = {
    "createdAtRange": ("created_after", "created_before"),
    "incidentDurationRange": ("open_after", "open_before"),
}

_ORDER_BY: dict[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "options": {**_COLUMN, "direction": {"type": "str", "choices": ["asc", "desc"], "default": "asc"}},
    **_ONE_COLUMN,
}


def _build_query(options: Options, now: datetime) -> Query:
    check_limit(options)
    parameters = convert_filters(FILTERS, options)
    for parameter, bounds in _RANGES.items():
        time_bounds = time_range(bounds, options, now)
        if time_bounds:
            parameters[parameter] = {"startTime": time_bounds[0], "endTime": time_bounds[1]}
    tests: list[t.Callable[[Item], bool]] = []
    assigned = options.get("assigned")
    if assigned is not None:
        tests.append(lambda incident: bool(incident["assignments"]) is assigned)
    if len(parameters.get("metaLabels", ())) > 1:
        labels = label_map("meta_labels", options["meta_labels"])
        # The API looks for any of the pairs or for all of them. Several values of one label are looked for here.
        several = any(len(values) > 1 for values in labels.values())
        parameters["metaLabelsOp"] = "FILTER_OPERATOR_OR_OR_UNSPECIFIED" if several else "FILTER_OPERATOR_AND"
        if several and len(labels) > 1:
            tests.append(lambda incident: _has_meta_labels(incident, labels))
    orders = [
        {**_column("order_by", order), "direction": f"ORDER_BY_DIRECTION_{(order.get('direction') or 'asc').upper()}"}
        for order in options.get("order_by") or ()
    ]
    return Query(
        {**({"filter": parameters} if parameters else {}), **({"orderBys": orders} if orders else {})},
        (lambda incident: all(test(incident) for test in tests)) if tests else None,
        matches_nothing(FILTERS, options),
    )


def _has_meta_labels(incident: Item, wanted: t.Mapping[str, t.Sequence[str]]) -> bool:
    labels = incident.get("metaLabels")
    listed = labels if isinstance(labels, list) else ()
    pairs = [(label.get("key"), label.get("value")) for label in listed if isinstance(label, dict)]
    return all(any((label, value) in pairs for value in values) for label, values in wanted.items())


def _pagination(size: int, token: str) -> Values:
    return {"pagination": {"pageSize": size, **({"pageToken": token} if token else {})}}


INCIDENT = Resource(
    singular="incident",
    plural="incidents",
    id_option="incident_ids",
    id_noun="incident IDs",
    title_field="name",
    operations=OPERATIONS,
    # The answer to a first read tells which routes "latest" serves.
    route_sets={"latest": ("v4", "v3"), "3": ("v3",), "4": ("v4",), "5": ("v4",)},
    required_fields={"assignments": list},
    pagination=_pagination,
    filters=Filters(
        options={
            **{name: filter_.spec for name, filter_ in FILTERS.items()},
            "assigned": {"type": "bool"},
            **{name: {"type": "str"} for bounds in _RANGES.values() for name in bounds},
            "order_by": _ORDER_BY,
            "limit": {"type": "int"},
        },
        mutually_exclusive=[("assignees", "assigned")],
        build_query=_build_query,
    ),
    # Large pages arrive slowly, and many small ones take long.
    page_size=500,
    max_concurrent_requests=4,
    probe_id="00000000-0000-0000-0000-000000000000",
    parameter_options={
        **{filter_.parameter: name for name, filter_ in FILTERS.items()},
        "assignedTo": "assignee",
        "userId": "assignee",
        "order_bys": "order_by",
    },
    check_id=lambda _incident_id: "",
    # A gateway reads objects from a query by the names of their fields, but neither maps nor lists of objects.
    not_in_query=frozenset(("contextualLabels", "displayLabels", "metaLabels", "order_bys")),
    sets_with_uuids_only=frozenset(("v4",)),
    means_missing_route=_means_missing_route,
)
