# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which cases a list request gets, and in which order. Pure functions of the cases as the store keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable

from .schema import parse_time
from .store import Thing

_KPI_FILTERS = {
    f"KPI_FILTER_TIME_TO_{name}_BREACHED": f"KPI_TYPE_TIME_TO_{name}" for name in ("ACKNOWLEDGE", "RESOLVE", "UPDATE")
}
_INDICATORS = {
    "INDICATOR_TYPE_ALERT": "alertIndicators",
    "INDICATOR_TYPE_PROMETHEUS_ALERTMANAGER": "prometheusAlertIndicators",
    "INDICATOR_TYPE_ERROR_TRACKING": "genericIndicators",
}

_ORDERS: Mapping[str, Callable[[Thing], Any]] = {
    "PRIORITY": lambda case: case["priority"],
    "STATUS": lambda case: case["status"],
    "UPDATED_AT": lambda case: parse_time(case.get("updateTime", case["createTime"])),
    "CATEGORY": lambda case: case["category"],
    "DURATION": lambda case: int(case.get("duration", 0)),
    "CREATED_AT": lambda case: parse_time(case["createTime"]),
    "UNSPECIFIED": lambda case: parse_time(case["createTime"]),
}
ORDER_FIELDS = tuple(f"CASE_ORDER_BY_FIELD_{name}" for name in _ORDERS)


def _is_assigned_as(case: Thing, options: Sequence[Mapping[str, Any]]) -> bool:
    user = case.get("assignee", {}).get("userId")
    return any(("unassigned" in option and user is None) or option.get("assignee", "") == user for option in options)


def _has_pairs(pairs: Sequence[Mapping[str, str]], groups: Sequence[Mapping[str, Any]]) -> bool:
    """For each key one of its values."""
    has = {(pair["key"], pair["value"]) for pair in pairs}
    return all(any((group["key"], value) in has for value in group["values"]) for group in groups)


def _is_in_range(case: Thing, dates: Mapping[str, Any]) -> bool:
    created = parse_time(case["createTime"])
    if dates.get("mode") == "DATE_RANGE_MODE_CREATED_AT":
        return bool(dates["from"] <= created <= dates["to"])
    resolved = case.get("resolutionDetails", {}).get("resolveTime")
    return bool(created <= dates["to"] and (not resolved or parse_time(resolved) >= dates["from"]))


def _has_alerts(case: Thing, wanted: Mapping[str, Any]) -> bool:
    alerts = case.get("caseIndicators", {}).get("alertIndicators", [])
    ids, versions = wanted.get("alertIds"), wanted.get("alertVersions")
    return any(
        (not ids or alert["alertId"] in ids) and (not versions or not set(versions).isdisjoint(alert["alertVersions"]))
        for alert in alerts
    )


def _impacts(case: Thing, wanted: Sequence[Mapping[str, Any]]) -> bool:
    has = {(kind, entity.get("name")) for each in case["impactedEntities"] for kind, entity in each.items()}
    return any((kind, entity["name"]) in has for each in wanted for kind, entity in each.items())


def _has_breached(case: Thing, wanted: Sequence[str]) -> bool:
    kinds = {kpi["kpiType"] for kpi in case.get("kpiBreaches", {}).get("breachedKpis", ())}
    return any(not kinds if name == "KPI_FILTER_NOT_BREACHED" else _KPI_FILTERS.get(name) in kinds for name in wanted)


def _was_sent_by(record: Thing, wanted: Sequence[Mapping[str, Any]]) -> bool:
    types = {
        attempt["connector"]["connectorType"]
        for delivery in record["deliveries"]
        for attempt in delivery.get("attempted", {}).get("attempts", ())
    }
    return any(not types if "noConnector" in option else option.get("connectorType") in types for option in wanted)


# Name of the filter -> does this record match? Filters combine with AND, the values of one filter with OR.
_FILTERS: Mapping[str, Callable[[Thing, Any], bool]] = {
    "alertFilters": lambda record, wanted: _has_alerts(record["case"], wanted),
    "assignees": lambda record, options: _is_assigned_as(record["case"], options),
    "breached": lambda record, kpis: _has_breached(record["case"], kpis),
    "caseLabelsFilter": lambda record, wanted: (
        not wanted.get("flatLabels") or any(label in record["case"]["labels"] for label in wanted["flatLabels"])
    ),
    "categories": lambda record, categories: record["case"]["category"] in categories,
    "connectorTypeFilters": _was_sent_by,
    "dateRange": lambda record, dates: _is_in_range(record["case"], dates),
    "groupings": lambda record, groups: _has_pairs(record["case"]["groupings"], groups),
    "impactedEntities": lambda record, entities: _impacts(record["case"], entities),
    "indicatorTypes": lambda record, types: any(
        record["case"].get("caseIndicators", {}).get(_INDICATORS.get(name, "")) for name in types
    ),
    "labels": lambda record, groups: _has_pairs(record["case"]["labels"], groups),
    "priorities": lambda record, priorities: record["case"]["priority"] in priorities,
    "statuses": lambda record, statuses: record["case"]["status"] in statuses,
    "textSearch": lambda record, text: text.casefold() in record["case"]["title"].casefold(),
}


def select(records: Iterable[Thing], filters: Mapping[str, Any]) -> list[Thing]:
    tests = [(_FILTERS[name], wanted) for name, wanted in filters.items() if wanted not in ([], {})]
    return [record for record in records if all(test(record, wanted) for test, wanted in tests)]


def ordered(records: Iterable[Thing], order: Mapping[str, Any]) -> list[Thing]:
    """Newest first, unless the request says otherwise."""
    newest_first = sorted(records, key=lambda record: _ORDERS["CREATED_AT"](record["case"]), reverse=True)
    if "field" not in order:
        return newest_first
    value = _ORDERS[order["field"].removeprefix("CASE_ORDER_BY_FIELD_")]
    descends = order.get("direction") == "CASE_ORDER_BY_DIRECTION_DESCENDING"
    return sorted(newest_first, key=lambda record: value(record["case"]), reverse=descends)
