# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cases: what they look like, what the operations do to them, and the routes of version 5.

A record in the store is `{"id", "case", "nextReadableId", "events", "deliveries", "hidden"}`; `case` is what
the API shows. What the contract leaves open is a field of CaseSettings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from .case_list import ORDER_FIELDS, ordered, select
from .operations import Operation, Query, Route
from .pages import page
from .samples import timestamp
from .schema import Field, Message, enum, parse_time
from .store import Act, Effect, Refused, Store, Thing, Written


@dataclass
class CaseSettings:
    unknown_cases: str = "404"
    """Status for an unknown case: "404" or "400"."""
    bulk_bad_ids: str = "error"
    """What a bulk call does about an ID that is unknown or refused: "error" (nothing is done), "skip" (the rest is
    done), "partial" (the rest is done, the answer is the error)."""
    repeated: str = "200"
    """Status for doing again what is done: "200" or "400"."""
    forbidden_transitions: str = "400"
    """Status for what the lifecycle does not allow: "400", or "200", which changes nothing."""
    active_cases_closable: bool = True
    """Whether an active case can be closed before it is resolved."""
    closed_cases_assignable: bool = True
    """Whether a closed case can be assigned and unassigned."""
    closed_cases_editable: bool = True
    """Whether a closed case can be commented on and updated."""
    latest_serves_cases: bool = True
    """Whether `latest` has the routes of cases, when it serves version 5."""
    pbac_truncated: bool = False
    """Whether lists say that access policies hide cases; they do so for hidden cases in any case."""


# What a request may carry.
STATUSES = enum("CASE_STATUS", "PENDING_ACTIVATION", "ACTIVE", "ACKNOWLEDGED", "RESOLVED", "CLOSED")
PRIORITIES = enum("CASE_PRIORITY", "P1", "P2", "P3", "P4", "P5")
CATEGORIES = enum("CASE_CATEGORY", "SECURITY", "AVAILABILITY")
_DIRECTIONS = enum("CASE_ORDER_BY_DIRECTION", "ASCENDING", "DESCENDING")
_MODES = enum("DATE_RANGE_MODE", "ACTIVE_WINDOW", "CREATED_AT")
_INDICATOR_TYPES = enum("INDICATOR_TYPE", "ALERT", "PROMETHEUS_ALERTMANAGER", "ERROR_TRACKING")
_KPI_FILTERS = enum(
    "KPI_FILTER",
    *(f"TIME_TO_{name}_BREACHED" for name in ("ACKNOWLEDGE", "RESOLVE", "UPDATE")),
    "NOT_BREACHED",
)
_CONNECTOR_TYPES = enum(
    "CONNECTOR_TYPE", "SLACK", "SERVICE_NOW", "PAGER_DUTY", "EMAIL", "GENERIC_HTTPS", "MICROSOFT_TEAMS"
)

_HEX = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UUID = re.compile(_HEX)
_CASE_ID = re.compile(rf"{_HEX}|[A-Z]+-[0-9]+")
_NOT_BLANK = re.compile(r"[\s\S]*\S[\s\S]*")

_ID = Field(size=(1, 64), pattern=_CASE_ID, pattern_name="case ID", is_id=True)
_IDS = Field(shape="list", size=(1, 64), items=(1, 1000), pattern=_CASE_ID, pattern_name="case ID", is_id=True)
_USER = Field(Message({"userId": Field(size=(36, 36), pattern=_UUID, pattern_name="UUID")}))
_PRIORITY = Field(PRIORITIES)


def _text(longest: int) -> Field:
    return Field(size=(1, longest), pattern=_NOT_BLANK, pattern_name="text that is not blank")


def _list(kind: str | tuple[str, ...] | Message, **limits: Any) -> Field:
    return Field(kind, "list", items=(0, 1000), **limits)


_NAMED = Field(Message({"name": Field(size=(1, 4096))}, ("name",)))
_PAIR = {"key": Field(size=(1, 4096)), "value": Field(size=(1, 4096))}
_GROUPS = _list(Message({"key": _PAIR["key"], "values": _list("string", size=(1, 4096))}, ("key", "values")))
_ASSIGNEE_OPTION = Message(
    {"assignee": Field(size=(1, 256)), "unassigned": Field(Message({}))},
    one_of=("assignee", "unassigned"),
    needs_one=False,
)
_CONNECTOR_OPTION = Message(
    {"connectorType": Field(_CONNECTOR_TYPES), "noConnector": Field(Message({}))},
    one_of=("connectorType", "noConnector"),
    needs_one=False,
)
_FILTERS = Message(
    {
        "alertFilters": Field(
            Message(
                {
                    "alertIds": _list("string", size=(36, 36), pattern=_UUID, pattern_name="UUID"),
                    "alertVersions": _list("string", size=(1, 64)),
                }
            )
        ),
        "assignees": _list(_ASSIGNEE_OPTION),
        "breached": _list(_KPI_FILTERS),
        "caseLabelsFilter": Field(Message({"flatLabels": _list(Message(_PAIR, ("key", "value")))})),
        "categories": _list(CATEGORIES),
        "connectorTypeFilters": _list(_CONNECTOR_OPTION),
        "dateRange": Field(
            Message({"from": Field("time"), "to": Field("time"), "mode": Field(_MODES)}, ("from", "to"))
        ),
        "groupings": _GROUPS,
        "impactedEntities": _list(
            Message({"apmService": _NAMED, "apmDatabase": _NAMED}, one_of=("apmService", "apmDatabase"))
        ),
        "indicatorTypes": _list(_INDICATOR_TYPES),
        "labels": _GROUPS,
        "priorities": _list(PRIORITIES),
        "statuses": _list(STATUSES),
        "textSearch": Field(size=(1, 4096)),
    }
)
_PAGINATION = Message(
    {
        "pageSize": Field("int", size=(1, 1000)),
        "pageToken": Field(size=(1, 4096)),
        "skip": Field("int", size=(0, 1_000_000)),
    }
)
_ORDER_BY = Message({"field": Field(ORDER_FIELDS), "direction": Field(_DIRECTIONS)})
# What an attachment consists of is not looked at.
_ATTACHMENTS = Field("any", "list", items=(0, 100))


# What a case consists of.
def _actor(by: str) -> dict[str, Any]:
    """Coralogix users are known by their UUIDs; anybody else acts through Slack."""
    if by == "system":
        return {"system": {}}
    return {"user": {"id": by}} if _UUID.fullmatch(by) else {"slack": {"displayName": by}}


def _resolver(by: str) -> dict[str, Any]:
    kind = next(iter(_actor(by)))
    return {{"user": "cxUser"}.get(kind, kind): {}}


def _event(event_id: str, by: str, now: float, kind: str, **data: Any) -> dict[str, Any]:
    moment = timestamp(now)
    return {
        "eventId": event_id,
        "eventData": {kind: data},
        "actor": _actor(by),
        "createTime": moment,
        "eventTime": moment,
    }


# What the operations do.
Event = tuple[str, Mapping[str, Any]]


def _by(act: Act) -> str:
    """Who acts: a bulk acknowledgement names the user, else it is the key's."""
    return str(act.arguments.get("actor", {}).get("userId", act.by))


def _changed(record: Thing, act: Act, events: Sequence[Event], drop: str = "", **fields: Any) -> Thing:
    kept = {name: value for name, value in record["case"].items() if name != drop}
    new = [_event(act.new_id(), _by(act), act.now, kind, **data) for kind, data in events]
    return {
        "case": {**kept, **fields, "updateTime": timestamp(act.now)},
        "events": [*record["events"], *new],
    }


def _unchanged(status: str, record: Thing, text: str) -> Thing | None:
    """Nothing happens, which is an error if the setting says 400."""
    if status == "400":
        raise Refused(400, f"case {record['id']} {text}")
    return None


def _check_not_closed(record: Thing, allowed: bool, text: str) -> None:
    if record["case"]["status"] == "CASE_STATUS_CLOSED" and not allowed:
        raise Refused(400, f"case {record['id']} is closed and cannot be {text}")


def _assign(record: Thing, act: Act) -> Thing | None:
    _check_not_closed(record, act.settings.closed_cases_assignable, "assigned")
    old = record["case"].get("assignee", {}).get("userId")
    if old == act.assignee:
        return _unchanged(act.settings.repeated, record, "is assigned to this user already")
    previous = {"previousAssigneeUserId": old} if old else {}
    event = ("assigned", {"assigneeUserId": act.assignee, **previous})
    return _changed(record, act, [event], assignee={"userId": act.assignee})


def _unassign(record: Thing, act: Act) -> Thing | None:
    _check_not_closed(record, act.settings.closed_cases_assignable, "unassigned")
    old = record["case"].get("assignee", {}).get("userId")
    if not old:
        return _unchanged(act.settings.repeated, record, "is not assigned")
    return _changed(record, act, [("unassigned", {"previousAssigneeUserId": old})], drop="assignee")


def _transition(to: str, *allowed: str, fields: Callable[[Thing, Act], Mapping[str, Any]], drop: str = "") -> Effect:
    """The effect that changes a status."""

    def effect(record: Thing, act: Act) -> Thing | None:
        old, new = record["case"]["status"], f"CASE_STATUS_{to}"
        if old == new:
            return _unchanged(act.settings.repeated, record, f"is {to.lower()} already")
        too_early = to == "CLOSED" and not act.settings.active_cases_closable and old != "CASE_STATUS_RESOLVED"
        if old.removeprefix("CASE_STATUS_") not in allowed or too_early:
            return _unchanged(act.settings.forbidden_transitions, record, f"cannot go from {old} to {new}")
        event = ("statusChanged", {"oldStatus": old, "newStatus": new})
        return _changed(record, act, [event], drop, status=new, **fields(record, act))

    return effect


def _duration(record: Thing, act: Act) -> str:
    return str(max(0, int(1000 * (act.now - parse_time(record["case"]["createTime"]).timestamp()))))


def _resolution(record: Thing, act: Act) -> dict[str, Any]:
    reason = act.arguments.get("reason", "").strip()
    details = {"resolveTime": timestamp(act.now), "resolvedBy": _resolver(_by(act))}
    return {
        "resolutionDetails": {**({"reason": reason} if reason else {}), **details},
        "duration": _duration(record, act),
    }


_activate = _transition(
    "ACTIVE", "PENDING_ACTIVATION", fields=lambda record, act: {"readableId": record["nextReadableId"]}
)
_acknowledge = _transition("ACKNOWLEDGED", "ACTIVE", fields=lambda record, act: {"acknowledgeTime": timestamp(act.now)})
_unacknowledge = _transition("ACTIVE", "ACKNOWLEDGED", fields=lambda record, act: {}, drop="acknowledgeTime")
_resolve = _transition("RESOLVED", "ACTIVE", "ACKNOWLEDGED", fields=_resolution)
_close = _transition(
    "CLOSED",
    *("ACTIVE", "ACKNOWLEDGED", "RESOLVED"),
    fields=lambda record, act: {"duration": record["case"].get("duration") or _duration(record, act)},
)


def _override(record: Thing, act: Act) -> Thing | None:
    """Sets the priority that the request names, or clears the override when it names none."""
    new, old = act.arguments.get("priority"), record["case"]["priorityDetails"]
    if record["case"]["status"] in ("CASE_STATUS_RESOLVED", "CASE_STATUS_CLOSED"):
        return _unchanged(act.settings.forbidden_transitions, record, "is resolved or closed: its priority is fixed")
    if old.get("override") == new:
        return _unchanged(act.settings.repeated, record, "has this priority override already")
    details = {"system": old["system"], **({"override": new} if new else {})}
    event = ("priorityDetailsChanged", {"from": old, "to": details})
    return _changed(record, act, [event], priority=new or old["system"], priorityDetails=details)


def _update(record: Thing, act: Act) -> Thing | None:
    _check_not_closed(record, act.settings.closed_cases_editable, "updated")
    case, events, fields = record["case"], [], {}
    title = act.arguments.get("title", case["title"]).strip()
    if title != case["title"]:
        events.append(("titleChangedEvent", {"from": case["title"], "to": title}))
        fields["title"] = title
    reason = act.arguments.get("resolutionReason", "").strip()
    details = case.get("resolutionDetails")
    if reason and not details:
        _unchanged(act.settings.forbidden_transitions, record, "is not resolved: it has no reason to change")
    elif reason and reason != details.get("reason"):
        old = {"from": details["reason"]} if "reason" in details else {}
        events.append(("resolutionReasonChangedEvent", {**old, "to": reason}))
        fields["resolutionDetails"] = {**details, "reason": reason}
    if not events:
        return _unchanged(act.settings.repeated, record, "is like this already")
    return _changed(record, act, events, **fields)


def _comment(record: Thing, act: Act) -> Thing | None:
    _check_not_closed(record, act.settings.closed_cases_editable, "commented on")
    attachments = {"attachments": act.arguments["attachments"]} if act.arguments.get("attachments") else {}
    return _changed(record, act, [("comment", {"unsafeText": act.arguments["text"], **attachments})])


class CaseStore(Store):
    noun = "case"
    assignee_parameter = "assignee"
    Settings = CaseSettings
    settings: CaseSettings

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._last_number = 0

    @property
    def not_found_status(self) -> int:
        return int(self.settings.unknown_cases)

    @property
    def bad_ids(self) -> str:
        return self.settings.bulk_bad_ids

    def alias(self, thing: Thing) -> str | None:
        readable_id: str | None = thing["case"].get("readableId")
        return readable_id

    def is_visible(self, thing: Thing) -> bool:
        return not thing["hidden"]

    def sample(self, case_id: str | None = None, assignee: str | None = None, **given: Any) -> dict[str, Any]:
        """A case of the last hours, not stored; `given` are `events`, `deliveries`, `override`, `hidden`, and fields
        that replace its own as they are. Short names such as `active` and `P1` stand for the API's."""
        draw, now = self.samples, self.clock()
        created = now - draw.number(600, 6 * 3600)
        self._last_number += 1
        own = {name: given.pop(name, None) for name in ("events", "deliveries", "override", "hidden")}
        names = {name: _full_name(prefix, given.pop(name)) for name, prefix in _PREFIXES.items() if name in given}
        override = _full_name("CASE_PRIORITY", own["override"]) if own["override"] else None
        service = draw.choice(("checkout", "payments", "search", "identity"))
        system = names.pop("priority", draw.choice(PRIORITIES[1:]))
        case = {
            "id": case_id or draw.uuid(),
            "readableId": f"CASE-{self._last_number}",
            "title": f"{draw.choice(('Error rate above threshold', 'High latency', 'No data received'))} in {service}",
            "status": "CASE_STATUS_ACTIVE",
            "priority": override or system,
            "priorityDetails": {"system": system, **({"override": override} if override else {})},
            "category": draw.choice(CATEGORIES[1:]),
            "createTime": timestamp(created),
            "updateTime": timestamp(created),
            "labels": [{"key": "team", "value": draw.choice(("sre", "platform", "data"))}],
            "groupings": [{"key": "service", "value": service}],
            "impactedEntities": [{"apmService": {"name": service}}],
            **({"assignee": {"userId": assignee}} if assignee else {}),
            **names,
        }
        case.update({**_fields_of_status(case, now), **given})
        record = {
            "id": case["id"],
            "case": case,
            "nextReadableId": case["readableId"],
            "deliveries": self._deliveries(now) if own["deliveries"] is None else list(own["deliveries"]),
            "hidden": bool(own["hidden"]),
        }
        if case["status"] == "CASE_STATUS_PENDING_ACTIVATION" and "readableId" not in given:
            del case["readableId"]
        created_event = _event(draw.uuid(), "system", created, "created", priority=system)
        return {**record, "events": [created_event] if own["events"] is None else list(own["events"])}

    def _deliveries(self, now: float) -> list[dict[str, Any]]:
        connector = {"connectorId": "slack-1", "connectorType": "CONNECTOR_TYPE_SLACK", "connectorName": "On call"}
        attempt = {"connector": connector, "outcome": {"success": {"evidenceUrl": "https://slack.example.invalid/1"}}}
        router = {"routerId": "router-1", "routerName": "Default"}
        return [
            {
                "requestNotificationId": self.samples.uuid(),
                "timestamp": timestamp(now),
                "attempted": {"router": router, "attempts": [attempt]},
            }
        ]


_PREFIXES = {"status": "CASE_STATUS", "priority": "CASE_PRIORITY", "category": "CASE_CATEGORY"}


def _full_name(prefix: str, name: str) -> str:
    return name if name.startswith(prefix) else f"{prefix}_{name.upper()}"


def _fields_of_status(case: Thing, now: float) -> dict[str, Any]:
    """What a case of this status has besides."""
    status = case["status"]
    if status == "CASE_STATUS_ACKNOWLEDGED":
        return {"acknowledgeTime": timestamp(now)}
    if status in ("CASE_STATUS_RESOLVED", "CASE_STATUS_CLOSED"):
        return {"resolutionDetails": {"resolveTime": timestamp(now), "resolvedBy": {"system": {}}}, "duration": "60000"}
    return {}


# What the operations answer.
def _list_cases(store: CaseStore, query: Query) -> Any:
    filters, order = query.params.get("filters", {}), query.params.get("orderBy", {})
    found = ordered(select(store.all(), filters), order)
    visible = [record for record in found if store.is_visible(record)]
    portion = page(visible, [filters, order], query.params.get("pagination", {}), query.endless_pages)
    records = [store.sample() for _n in range(portion.size)] if query.endless_pages else portion.things
    hides = len(visible) < len(found) or store.settings.pbac_truncated
    return {
        "cases": [record["case"] for record in records],
        "pagination": {"nextPageToken": portion.next_token} if portion.next_token else {},
        **({"pbacTruncated": True} if hides else {}),
    }


def _links(store: CaseStore, query: Query) -> Any:
    case = store.read_one(query.params["caseId"])["case"]
    url = "https://team.example.invalid/#/cases"
    impacted = [{"entity": entity, "url": f"{url}/entity"} for entity in case["impactedEntities"]]
    return {"deepLinks": {"detail": f"{url}/{case['id']}", "alertIndicators": {}, "impactedEntities": impacted}}


def _list_deliveries(store: CaseStore, query: Query) -> Any:
    """By the ID as it was sent; unknown cases are left out, of which the contract says nothing."""
    found, _missing = store.read(query.params["caseIds"])
    return {"deliveriesByCase": {i: {"notificationDeliveries": found[i]["deliveries"]} for i in found}}


def _show_single(written: Written) -> Any:
    return {"case": written.things[0]["case"]}


def _show_bulk(written: Written) -> Any:
    # In another order than the request's: none is promised.
    return {"cases": sorted((record["case"] for record in written.things), key=lambda case: str(case["id"]))}


def _show_event(written: Written) -> Any:
    return {"event": written.planned[0]["events"][-1]}


# The table.
_V1 = "/cases/{}/v1"
_READ, _UPDATE, _CLOSE, _COMMENT = "case:Read", "case:Update", "case:Close", "case:Comment"
_ASSIGN, _ACKNOWLEDGE = "case:Assign", "case:Acknowledge"


def _single(method: str, service: str, end: str = "/{id}", required: tuple[str, ...] = (), **fields: Field) -> Route:
    path = _V1.format(service) + end
    names = re.findall(r"{(\w+)}", path)
    return Route(
        method, path, "body" if fields else "path", {**dict.fromkeys(names, _ID), **fields}, (*names, *required)
    )


def _bulk(method: str, service: str, required: tuple[str, ...] = (), **fields: Field) -> Route:
    # Where the IDs travel in the query the contract does not require them, and does not say what none would mean.
    where = "query" if method == "DELETE" else "body"
    return Route(method, _V1.format(service), where, {"ids": _IDS, **fields}, ("ids", *required))


def _operation(permission: str | None, route: Route | None, **rest: Any) -> Operation:
    return Operation("cases", permission, {"5": route} if route else {}, **rest)


def _write(permission: str | None, effect: Effect, route: Route | None) -> Operation:
    return _operation(permission, route, effect=effect, show=_show_bulk if route and route.is_bulk else _show_single)


OPERATIONS = {
    "case_list": _operation(
        _READ,
        Route(
            "POST",
            _V1.format("cases"),
            "body",
            {"filters": Field(_FILTERS), "orderBy": Field(_ORDER_BY), "pagination": Field(_PAGINATION)},
        ),
        read=_list_cases,
    ),
    "case_read": _operation(
        _READ, _single("GET", "cases"), read=lambda store, query: {"case": store.read_one(query.params["id"])["case"]}
    ),
    "case_events": _operation(
        _READ,
        _single("GET", "cases", "/{case_id}/events"),
        read=lambda store, query: {"events": store.read_one(query.params["caseId"], "events")["events"]},
    ),
    "case_links": _operation(_READ, _single("GET", "cases", "/{case_id}/deep-links"), read=_links),
    "case_deliveries": _operation(
        _READ,
        Route(
            "POST",
            _V1.format("notifications") + "/deliveries",
            "body",
            {"caseIds": Field(shape="list", size=(1, 64), items=(1, 1000), is_id=True)},
            ("caseIds",),
        ),
        read=_list_deliveries,
    ),
    "case_update": _write(_UPDATE, _update, _single("PUT", "cases", title=_text(512), resolutionReason=_text(500))),
    "case_comment": _operation(
        _COMMENT,
        _single("POST", "cases", "/{case_id}/comments", ("text",), text=_text(10_000), attachments=_ATTACHMENTS),
        effect=_comment,
        show=_show_event,
    ),
    "case_assign": _write(_ASSIGN, _assign, _single("POST", "assigned", required=("assignee",), assignee=_USER)),
    "case_assign_many": _write(_ASSIGN, _assign, _bulk("PUT", "assigned", ("assignee",), assignee=_USER)),
    "case_unassign": _write(_ASSIGN, _unassign, _single("DELETE", "assigned")),
    "case_unassign_many": _write(_ASSIGN, _unassign, _bulk("DELETE", "assigned")),
    "case_acknowledge": _write(_ACKNOWLEDGE, _acknowledge, _single("PUT", "acknowledged")),
    "case_acknowledge_many": _write(_ACKNOWLEDGE, _acknowledge, _bulk("POST", "acknowledged", ("actor",), actor=_USER)),
    "case_unacknowledge": _write(_ACKNOWLEDGE, _unacknowledge, _single("DELETE", "acknowledged")),
    "case_resolve": _write(_CLOSE, _resolve, _single("PUT", "resolved", reason=Field(size=(1, 500)))),
    "case_resolve_many": _write(_CLOSE, _resolve, _bulk("POST", "resolved", reason=Field(size=(1, 4096)))),
    "case_close": _write(_CLOSE, _close, _single("POST", "closed")),
    "case_close_many": _write(_CLOSE, _close, _bulk("POST", "closed")),
    "case_priority": _write(
        _UPDATE, _override, _single("PUT", "priority-override", required=("priority",), priority=_PRIORITY)
    ),
    "case_priority_many": _write(
        _UPDATE, _override, _bulk("POST", "priority-override", ("priority",), priority=_PRIORITY)
    ),
    "case_clear_priority": _write(_UPDATE, _override, _single("DELETE", "priority-override")),
    "case_clear_priority_many": _write(_UPDATE, _override, _bulk("DELETE", "priority-override")),
    # Only the service itself does this.
    "case_activate": _write(None, _activate, None),
}
