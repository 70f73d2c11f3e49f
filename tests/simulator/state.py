# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The incidents and what the operations do to them. No HTTP here.

An incident is never changed in place: a write puts a new dict in the old one's stead. Answers and
the journal may therefore hold on to what they were given, and nothing has to be copied.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Callable, NamedTuple, Optional

from .lifelike import Incident, administrative, assignment, duration, timestamp
from .messages import parse_time


class NotFound(Exception):
    """A write was asked for an incident that does not exist."""


class Act(NamedTuple):
    """Who does something, when, and to whom the incident goes (assign only)."""

    by: str
    now: float
    event_id: str
    assignee: str | None = None


# An operation on an incident: the fields that change, or None when nothing has to.
Transition = Callable[[Incident, Act], Optional[Mapping[str, Any]]]


def _event(incident: Incident, act: Act, kind: str, **payload: Any) -> dict[str, Any]:
    return {"events": [*incident["events"], administrative(act.event_id, kind, act.by, **payload)]}


def _assign(incident: Incident, act: Act) -> Mapping[str, Any] | None:
    if [made["assignedTo"]["userId"] for made in incident["assignments"]] == [act.assignee]:
        return None
    made = assignment(str(act.assignee), act.by)
    event = _event(incident, act, "ASSIGN", assignment={"assignment": made})
    return {"assignments": [made], **event}


def _unassign(incident: Incident, act: Act) -> Mapping[str, Any] | None:
    if not incident["assignments"]:
        return None
    return {"assignments": [], **_event(incident, act, "UNASSIGN", unassign={})}


def _acknowledge(incident: Incident, act: Act) -> Mapping[str, Any] | None:
    if incident["status"] != "INCIDENT_STATUS_TRIGGERED":
        return None
    event = _event(incident, act, "ACKNOWLEDGE", acknowledge={"acknowledgedBy": {"userId": act.by}})
    return {
        "status": "INCIDENT_STATUS_ACKNOWLEDGED",
        "lastStateUpdateTime": timestamp(act.now),
        **event,
    }


def _ended(incident: Incident, act: Act) -> dict[str, Any]:
    return {
        "state": "INCIDENT_STATE_RESOLVED",
        "status": "INCIDENT_STATUS_RESOLVED",
        "lastStateUpdateTime": timestamp(act.now),
        "duration": duration(parse_time(incident["createdAt"]).timestamp(), act.now),
    }


def _resolve(incident: Incident, act: Act) -> Mapping[str, Any] | None:
    if incident["status"] == "INCIDENT_STATUS_RESOLVED":
        return None
    # There is no event type for resolving: it is a change of state.
    upsert = {
        "stateType": "UPSERT_INCIDENT_STATE_TYPE_RESOLVED",
        "payload": {"cxEventKey": incident["lastStateUpdateKey"]},
        "isMuted": incident.get("isMuted", False),
    }
    return {**_ended(incident, act), **_event(incident, act, "UPSERT_STATE", upsertState=upsert)}


def _close(incident: Incident, act: Act) -> Mapping[str, Any] | None:
    if incident.get("closedAt"):
        return None
    event = _event(incident, act, "CLOSE", close={"closedBy": {"userId": act.by}})
    return {**_ended(incident, act), "closedAt": timestamp(act.now), **event}


TRANSITIONS: Mapping[str, Transition] = {
    "assign": _assign,
    "unassign": _unassign,
    "acknowledge": _acknowledge,
    "resolve": _resolve,
    "close": _close,
}


class Written(NamedTuple):
    incidents: list[Incident]
    """The incidents asked for, as they are now, in the order asked."""
    changed: list[str]


class Incidents:
    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._by_id: dict[str, Incident] = {}

    def put(self, incident: Incident) -> None:
        with self._lock:
            self._by_id[incident["id"]] = incident

    def remove(self, incident_id: str) -> None:
        with self._lock:
            del self._by_id[incident_id]

    def all(self) -> list[Incident]:
        with self._lock:
            return list(self._by_id.values())

    def copy(self, incident_id: str) -> dict[str, Any]:
        with self._lock:
            incident = self._by_id[incident_id]
        return copy.deepcopy(dict(incident))

    def get(self, ids: Iterable[str]) -> tuple[dict[str, Incident], list[str]]:
        """The incidents found and the IDs not found, each once, in the order asked."""
        wanted = dict.fromkeys(ids)
        with self._lock:
            found = {i: self._by_id[i] for i in wanted if i in self._by_id}
        return found, [i for i in wanted if i not in found]

    def write(self, operation: str, ids: Iterable[str], act: Callable[[], Act], refuse_unknown: bool) -> Written:
        """Carry out an operation on the incidents that exist, all at once."""
        transition = TRANSITIONS[operation]
        changed = []
        with self._lock:
            found, unknown = self.get(ids)
            if unknown and refuse_unknown:
                raise NotFound(unknown[0])
            for incident_id, incident in found.items():
                fields = transition(incident, act())
                if fields is not None:
                    found[incident_id] = self._by_id[incident_id] = {**incident, **fields}
                    changed.append(incident_id)
        return Written(list(found.values()), changed)
