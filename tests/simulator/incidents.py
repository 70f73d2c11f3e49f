# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Incidents: what they look like, what the operations do to them, and the routes of each version.

Version 3 of the API has one set of routes, versions 4 and 5 have another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .incident_list import APPLICATION_LABEL, INCIDENT_FIELDS, SUBSYSTEM_LABEL, assignees, ordered, select
from .operations import Operation, Query, Route
from .pages import page
from .samples import timestamp
from .schema import Field, Message, enum, parse_time
from .store import Act, Effect, Store, Thing, Written

# What a request may carry.
STATES = enum("INCIDENT_STATE", "TRIGGERED", "RESOLVED")
STATUSES = enum("INCIDENT_STATUS", "TRIGGERED", "ACKNOWLEDGED", "RESOLVED")
SEVERITIES = enum("INCIDENT_SEVERITY", "INFO", "WARNING", "ERROR", "CRITICAL", "LOW")
_DIRECTIONS = enum("ORDER_BY_DIRECTION", "ASC", "DESC")
_OPERATORS = ("FILTER_OPERATOR_OR_OR_UNSPECIFIED", "FILTER_OPERATOR_AND")

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ID = Field(size=(36, 36), pattern=_UUID, pattern_name="UUID", is_id=True)
_IDS = Field(shape="list", size=(36, 36), items=(1, 10_000), pattern=_UUID, pattern_name="UUID", is_id=True)
_USER = Field(Message({"userId": Field(size=(1, 300))}, required=("userId",)))
_TIMES = Field(Message({"startTime": Field("time"), "endTime": Field("time")}, ("startTime", "endTime")))
_META_LABEL = Message({"key": Field(size=(1, 255)), "value": Field(size=(1, 255))})
_FIELD_OR_LABEL = {"incidentField": Field(INCIDENT_FIELDS), "contextualLabel": Field(size=(1, 256))}


def _labels(name: str) -> Field:
    values = Field(shape="list", size=(0, 4096), items=(0, 1000))
    return Field(Message({name: values}, required=(name,)), "map")


def _choices(kind: str | tuple[str, ...], size: tuple[int, int] | None = None) -> Field:
    return Field(kind, "list", size=size, items=(0, 1000))


_FILTER = Field(
    Message(
        {
            "applicationName": _choices("string", (1, 256)),
            "assignee": _choices("string", (1, 300)),
            "contextualLabels": _labels("contextualLabelValues"),
            "createdAtRange": _TIMES,
            "displayLabels": _labels("displayLabelValues"),
            "endTime": Field("time"),
            "incidentDurationRange": _TIMES,
            "isMuted": Field("bool"),
            "metaLabels": Field(_META_LABEL, "list", items=(0, 1000)),
            "metaLabelsOp": Field(_OPERATORS),
            "searchQuery": Field(
                Message({"query": Field(size=(1, 4096)), **_FIELD_OR_LABEL}, ("query",), tuple(_FIELD_OR_LABEL))
            ),
            "severity": _choices(SEVERITIES),
            "startTime": Field("time"),
            "state": _choices(STATES),
            "status": _choices(STATUSES),
            "subsystemName": _choices("string", (1, 256)),
        }
    )
)
_PAGINATION = Field(
    Message({"pageSize": Field("int", size=(1, 10_000)), "pageToken": Field(size=(1, 4096))}, ("pageSize",))
)
_ORDER_BYS = Field(
    Message({"direction": Field(_DIRECTIONS), **_FIELD_OR_LABEL}, ("direction",), tuple(_FIELD_OR_LABEL)),
    "list",
    items=(0, 100),
)

# What an incident may lack; closing gives it a time for the last of them.
OPTIONAL_FIELDS = frozenset(("name", "description", "isMuted", "metaLabels", "closedAt"))


# What an incident consists of.
def assignment(assignee: str, by: str) -> dict[str, Any]:
    return {"assignedTo": {"userId": assignee}, "assignedBy": {"userId": by}}


def _duration(started: float, ended: float) -> str:
    return f"{max(0, int(ended - started))}s"


def _administrative(event_id: str, kind: str, user: str, **payload: Any) -> dict[str, Any]:
    return {
        "id": event_id,
        "incidentEventType": f"INCIDENT_EVENT_TYPE_{kind}",
        "originatorType": "ORIGINATOR_TYPE_ADMINISTRATIVE",
        "administrativeEvent": {"userId": user},
        **payload,
    }


def _operational(event_id: str, upsert: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": event_id,
        "incidentEventType": "INCIDENT_EVENT_TYPE_UPSERT_STATE",
        "originatorType": "ORIGINATOR_TYPE_OPERATIONAL",
        "operationalEvent": {"systemName": "alerts"},
        "upsertState": upsert,
    }


def _upsert(state: str, key: str, muted: bool) -> dict[str, Any]:
    kind = f"UPSERT_INCIDENT_STATE_TYPE_{state}"
    return {"stateType": kind, "payload": {"cxEventKey": key}, "isMuted": muted}


# What the operations do.
def _event(incident: Thing, act: Act, kind: str, **payload: Any) -> dict[str, Any]:
    return {"events": [*incident["events"], _administrative(act.new_id(), kind, act.by, **payload)]}


def _kept(incident: Thing, act: Act) -> list[Any]:
    """The assignments that a write which is only partly carried out does not remove."""
    return [] if act.max_removed is None else list(incident["assignments"][act.max_removed :])


def _assign(incident: Thing, act: Act) -> Thing | None:
    if assignees(incident) == [act.assignee]:
        return None
    new = assignment(str(act.assignee), act.by)
    event = _event(incident, act, "ASSIGN", assignment={"assignment": new})
    return {"assignments": [*_kept(incident, act), new], **event}


def _unassign(incident: Thing, act: Act) -> Thing | None:
    if not incident["assignments"]:
        return None
    return {"assignments": _kept(incident, act), **_event(incident, act, "UNASSIGN", unassign={})}


def _acknowledge(incident: Thing, act: Act) -> Thing | None:
    if incident["status"] != "INCIDENT_STATUS_TRIGGERED":
        return None
    event = _event(incident, act, "ACKNOWLEDGE", acknowledge={"acknowledgedBy": {"userId": act.by}})
    return {"status": "INCIDENT_STATUS_ACKNOWLEDGED", "lastStateUpdateTime": timestamp(act.now), **event}


def _ended(incident: Thing, act: Act) -> dict[str, Any]:
    return {
        "state": "INCIDENT_STATE_RESOLVED",
        "status": "INCIDENT_STATUS_RESOLVED",
        "lastStateUpdateTime": timestamp(act.now),
        "duration": _duration(parse_time(incident["createdAt"]).timestamp(), act.now),
    }


def _resolve(incident: Thing, act: Act) -> Thing | None:
    if incident["status"] == "INCIDENT_STATUS_RESOLVED":
        return None
    # There is no event type for resolving: it is a change of state.
    upsert = _upsert("RESOLVED", incident["lastStateUpdateKey"], incident.get("isMuted", False))
    return {**_ended(incident, act), **_event(incident, act, "UPSERT_STATE", upsertState=upsert)}


def _close(incident: Thing, act: Act) -> Thing | None:
    if incident.get("closedAt"):
        return None
    event = _event(incident, act, "CLOSE", close={"closedBy": {"userId": act.by}})
    return {**_ended(incident, act), "closedAt": timestamp(act.now), **event}


@dataclass
class IncidentSettings:
    unknown_ids: str = "skip"
    """What a write does about unknown IDs: "skip" or "404"."""
    lower_case_user_ids: bool = False
    """Whether user IDs are kept in lower case, however they are sent."""


class IncidentStore(Store):
    noun = "incident"
    assignee_parameter = "assignedTo"
    Settings = IncidentSettings
    settings: IncidentSettings

    @property
    def bad_ids(self) -> str:
        return {"skip": "skip", "404": "error"}[self.settings.unknown_ids]

    def user_id(self, text: str) -> str:
        return text.lower() if self.settings.lower_case_user_ids else text

    def sample(
        self,
        incident_id: str | None = None,
        users: Iterable[str] = (),
        events: int | Sequence[Mapping[str, Any]] = 1,
        fields: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """An open incident of the last hours, not stored; `fields` replace its own as they are."""
        draw, now = self.samples, self.clock()
        incident_id = incident_id or draw.uuid()
        created = now - draw.number(600, 6 * 3600)
        application = draw.choice(("checkout", "payments", "search", "identity"))
        subsystem = draw.choice(("api", "worker", "database", "ingress"))
        alert = draw.choice(("Error rate above threshold", "High latency", "Disk nearly full", "No data received"))
        key, assigner = draw.uuid(), draw.uuid()
        incident: dict[str, Any] = {
            "id": incident_id,
            "name": f"{alert} in {application}",
            "description": f"{alert}: {application}/{subsystem}",
            "state": "INCIDENT_STATE_TRIGGERED",
            "status": "INCIDENT_STATUS_TRIGGERED",
            "assignments": [assignment(self.user_id(user), assigner) for user in users],
            "severity": draw.choice(SEVERITIES[1:5]),
            "contextualLabels": {APPLICATION_LABEL: application, SUBSYSTEM_LABEL: subsystem},
            "displayLabels": {"Application": application, "sub_system": subsystem},
            "metaLabels": [{"key": "team", "value": draw.choice(("sre", "platform", "data"))}],
            "createdAt": timestamp(created),
            "lastStateUpdateTime": timestamp(created),
            "lastStateUpdateKey": key,
            "duration": _duration(created, now),
            "isMuted": False,
        }
        known = {*incident, "closedAt", "events"}
        if not known.issuperset(fields or ()):
            raise TypeError(f"not a field of an incident: {sorted(set(fields or ()) - known)}")
        incident.update(fields or {})
        incident["events"] = _history(incident, key, events) if isinstance(events, int) else list(events)
        return incident


def _history(incident: Thing, key: str, count: int) -> list[dict[str, Any]]:
    """`count` events: the alert triggers again and again, then somebody is assigned.

    Their inner objects are shared: nothing ever changes them, and half a million events must fit.
    """
    upsert = _upsert("TRIGGERED", key, False)
    assigned = [
        _administrative(
            f"{incident['id']}-{count - n}",
            "ASSIGN",
            given.get("assignedBy", {}).get("userId", ""),
            assignment={"assignment": given},
        )
        for n, given in enumerate(incident["assignments"], 1)
    ][: max(0, count - 1)]
    triggered = [_operational(f"{incident['id']}-{n}", upsert) for n in range(count - len(assigned))]
    return triggered + assigned[::-1]


# What the operations answer.
def _list(store: IncidentStore, query: Query) -> Any:
    wanted, orders = query.params.get("filter", {}), query.params.get("orderBys", [])
    found = ordered(select(store.all(), wanted), orders)
    portion = page(found, [wanted, orders], query.params.get("pagination", {}), query.endless_pages)
    incidents = [store.sample() for _n in range(portion.size)] if query.endless_pages else portion.things
    more = {"nextPageToken": portion.next_token} if portion.next_token else {}
    return {"incidents": incidents, "pagination": {**more, "totalSize": len(found)}}


def _read_many(store: IncidentStore, query: Query) -> Any:
    found, missing = store.read(query.params.get("ids", []))
    return {"incidents": found, "notFoundIds": missing}


def _show(written: Written) -> Any:
    return {"incidents": written.things}


# The table.
_V1 = "/incidents/incidents/v1"
_BY_ID = Route("GET", f"{_V1}/{{id}}", "path", {"id": _ID}, ("id",))
_READ = "incidents:read"


def _versions(route_3: Route, route_4: Route, required_in_5: tuple[str, ...] = ()) -> dict[str, Route]:
    """Versions 4 and 5 have the same routes; what 4 does not say, 5 may require."""
    route_5 = Route(route_4.method, route_4.path, route_4.where, route_4.fields, route_4.required + required_in_5)
    return {"3": route_3, "4": route_4, "5": route_5}


def _write(permission: str, effect: Effect, old: Route, new: Route, required_in_5: tuple[str, ...] = ()) -> Operation:
    return Operation(
        "incidents", permission, _versions(old, new, required_in_5), effect=effect, show=_show, needs_personal_key=True
    )


def _query(method: str, path: str, **fields: Field) -> Route:
    # The contract requires nothing here, but nobody can be assigned without saying whom.
    return Route(method, _V1 + path, "query", fields, tuple(name for name in fields if name == "assigned_to"))


def _body(path: str, **fields: Field) -> Route:
    return Route("POST", _V1 + path, "body", fields, tuple(fields))


# Version 5 asks for one ID at least, so leaving the list out of the query is no way round it.
OPERATIONS = {
    "list": Operation(
        "incidents",
        _READ,
        _versions(
            Route("POST", _V1, "query", {"filter": _FILTER, "pagination": _PAGINATION, "order_bys": _ORDER_BYS}),
            Route("POST", _V1, "body", {"filter": _FILTER, "pagination": _PAGINATION, "orderBys": _ORDER_BYS}),
        ),
        read=_list,
    ),
    "read_one": Operation(
        "incidents",
        _READ,
        _versions(_BY_ID, _BY_ID),
        read=lambda store, query: {"incident": store.read_one(query.params["id"])},
    ),
    "read_many": Operation(
        "incidents",
        _READ,
        _versions(_query("GET", "/batch", ids=_IDS), _query("GET", "", ids=_IDS), ("ids",)),
        read=_read_many,
    ),
    "assign": _write(
        "incidents:assign",
        _assign,
        _query("POST", "/by-user", incident_ids=_IDS, assigned_to=_USER),
        _body("/all/by-user", incidentIds=_IDS, assignedTo=_USER),
    ),
    "unassign": _write(
        "incidents:assign",
        _unassign,
        _query("DELETE", "/by-user", incident_ids=_IDS),
        _query("DELETE", "/all/by-user", incident_ids=_IDS),
        ("incident_ids",),
    ),
    "acknowledge": _write(
        "incidents:acknowledge",
        _acknowledge,
        _query("POST", "/acknowledge", incident_ids=_IDS),
        _body("/all/acknowledge", incidentIds=_IDS),
    ),
    "resolve": _write(
        "incidents:close",
        _resolve,
        _query("POST", "/resolve", incident_ids=_IDS),
        _body("/all/resolve", incidentIds=_IDS),
    ),
    "close": _write(
        "incidents:close",
        _close,
        _query("POST", "/close", incident_ids=_IDS),
        _body("/all/closed", incidentIds=_IDS),
    ),
}
