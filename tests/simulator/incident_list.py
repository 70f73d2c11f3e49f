# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which incidents a list request gets, and in which order. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable

from .schema import parse_time
from .store import Thing

# The keys under which Coralogix groups alerts by application and subsystem; the filters
# `applicationName` and `subsystemName` look here.
APPLICATION_LABEL = "coralogix.metadata.applicationName"
SUBSYSTEM_LABEL = "coralogix.metadata.subsystemName"

_SEVERITY_ORDER = ("UNSPECIFIED", "INFO", "LOW", "WARNING", "ERROR", "CRITICAL")
_SEVERITY_RANK = {f"INCIDENT_SEVERITY_{name}": n for n, name in enumerate(_SEVERITY_ORDER)}

Value = Callable[[Thing], Any]


def _label(name: str) -> Value:
    return lambda incident: incident["contextualLabels"].get(name, "")


def _key(name: str) -> Value:
    return lambda incident: incident.get(name, "")


_FIELDS: Mapping[str, Value] = {
    "INCIDENTS_FIELDS_UNSPECIFIED": _key("createdAt"),
    "INCIDENTS_FIELDS_ID": _key("id"),
    "INCIDENTS_FIELDS_SEVERITY": _key("severity"),
    "INCIDENTS_FIELDS_NAME": _key("name"),
    "INCIDENTS_FIELDS_CREATED_TIME": _key("createdAt"),
    "INCIDENTS_FIELDS_CLOSED_TIME": _key("closedAt"),
    "INCIDENTS_FIELDS_STATE": _key("state"),
    "INCIDENTS_FIELDS_STATUS": _key("status"),
    "INCIDENTS_FIELDS_LAST_STATE_UPDATE_TIME": _key("lastStateUpdateTime"),
    "INCIDENTS_FIELDS_APPLICATION_NAME": _label(APPLICATION_LABEL),
    "INCIDENTS_FIELDS_SUBSYSTEM_NAME": _label(SUBSYSTEM_LABEL),
    "INCIDENTS_FIELDS_DURATION": _key("duration"),
}
INCIDENT_FIELDS = tuple(_FIELDS)

# Where the order of the values is not that of their text.
_SORT_KEYS: Mapping[str, Value] = {
    **_FIELDS,
    "INCIDENTS_FIELDS_SEVERITY": lambda incident: _SEVERITY_RANK[incident["severity"]],
    "INCIDENTS_FIELDS_DURATION": lambda incident: float(incident["duration"].rstrip("s") or 0),
}


def assignees(incident: Thing) -> list[str]:
    return [assignment["assignedTo"]["userId"] for assignment in incident["assignments"]]


def _labels_fit(labels: Mapping[str, str], wanted: Mapping[str, Any], name: str) -> bool:
    return all(labels.get(key) in values[name] for key, values in wanted.items())


def _meta_fit(incident: Thing, wanted: Sequence[Any], query: Mapping[str, Any]) -> bool:
    has = {(label.get("key"), label.get("value")) for label in incident.get("metaLabels", ())}
    found = [(label.get("key"), label.get("value")) in has for label in wanted]
    return (all if query.get("metaLabelsOp") == "FILTER_OPERATOR_AND" else any)(found)


def _created_in(incident: Thing, times: Mapping[str, Any]) -> bool:
    return bool(times["startTime"] <= parse_time(incident["createdAt"]) <= times["endTime"])


def _open_in(incident: Thing, times: Mapping[str, Any]) -> bool:
    closed = incident.get("closedAt")
    return bool(
        parse_time(incident["createdAt"]) <= times["endTime"]
        and (not closed or parse_time(closed) >= times["startTime"])
    )


def _search(incident: Thing, search: Mapping[str, Any]) -> bool:
    value = _column(search, _FIELDS)(incident)
    return str(search["query"]).casefold() in str(value).casefold()


def _column(choice: Mapping[str, Any], table: Mapping[str, Value]) -> Value:
    return table[choice["incidentField"]] if "incidentField" in choice else _label(choice["contextualLabel"])


# Name of the filter -> does this incident match, given the filter's content and the whole query?
# Filters combine with AND, the values of one filter with OR; one with no values lets all through.
_FILTERS: Mapping[str, Callable[[Thing, Any, Mapping[str, Any]], bool]] = {
    "applicationName": lambda i, names, q: i["contextualLabels"].get(APPLICATION_LABEL) in names,
    "assignee": lambda i, users, q: not set(assignees(i)).isdisjoint(users),
    "contextualLabels": lambda i, wanted, q: _labels_fit(i["contextualLabels"], wanted, "contextualLabelValues"),
    "createdAtRange": lambda i, times, q: _created_in(i, times),
    "displayLabels": lambda i, wanted, q: _labels_fit(i["displayLabels"], wanted, "displayLabelValues"),
    "endTime": lambda i, end, q: parse_time(i["createdAt"]) <= end,
    "incidentDurationRange": lambda i, times, q: _open_in(i, times),
    "isMuted": lambda i, muted, q: i.get("isMuted", False) is muted,
    "metaLabels": _meta_fit,
    "searchQuery": lambda i, search, q: _search(i, search),
    "severity": lambda i, severities, q: i["severity"] in severities,
    "startTime": lambda i, start, q: parse_time(i["createdAt"]) >= start,
    "state": lambda i, states, q: i["state"] in states,
    "status": lambda i, statuses, q: i["status"] in statuses,
    "subsystemName": lambda i, names, q: i["contextualLabels"].get(SUBSYSTEM_LABEL) in names,
}


def select(incidents: Iterable[Thing], query: Mapping[str, Any]) -> list[Thing]:
    tests = [
        (_FILTERS[name], content) for name, content in query.items() if name in _FILTERS and content not in ([], {})
    ]
    return [i for i in incidents if all(test(i, content, query) for test, content in tests)]


def ordered(incidents: list[Thing], order_bys: Sequence[Mapping[str, Any]]) -> list[Thing]:
    """Newest first, unless the request says otherwise; the first order is the strongest."""
    result = sorted(incidents, key=_key("createdAt"), reverse=True)
    for order in reversed(order_bys):
        result.sort(key=_column(order, _SORT_KEYS), reverse=order["direction"] == "ORDER_BY_DIRECTION_DESC")
    return result
