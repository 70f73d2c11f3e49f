# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Made-up incidents that look like real ones; the same seed makes the same ones again."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

Incident = Mapping[str, Any]

# The keys under which Coralogix groups alerts by application and subsystem; the filters
# `applicationName` and `subsystemName` look here.
APPLICATION_LABEL = "coralogix.metadata.applicationName"
SUBSYSTEM_LABEL = "coralogix.metadata.subsystemName"

_APPLICATIONS = ("checkout", "payments", "search", "identity")
_SUBSYSTEMS = ("api", "worker", "database", "ingress")
_ALERTS = ("Error rate above threshold", "High latency", "Disk nearly full", "No data received")
_SEVERITIES = tuple(f"INCIDENT_SEVERITY_{s}" for s in ("INFO", "WARNING", "ERROR", "CRITICAL"))
_TEAMS = ("sre", "platform", "data")
_SYSTEM = {"systemName": "alerts"}


def timestamp(seconds: float) -> str:
    """The API's form of a time, with milliseconds."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def duration(started: float, ended: float) -> str:
    return f"{max(0, int(ended - started))}s"


def assignment(assignee: str, by: str) -> dict[str, Any]:
    return {"assignedTo": {"userId": assignee}, "assignedBy": {"userId": by}}


def administrative(event_id: str, kind: str, user: str, **payload: Any) -> dict[str, Any]:
    return {
        "id": event_id,
        "incidentEventType": f"INCIDENT_EVENT_TYPE_{kind}",
        "originatorType": "ORIGINATOR_TYPE_ADMINISTRATIVE",
        "administrativeEvent": {"userId": user},
        **payload,
    }


def operational(event_id: str, upsert: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": event_id,
        "incidentEventType": "INCIDENT_EVENT_TYPE_UPSERT_STATE",
        "originatorType": "ORIGINATOR_TYPE_OPERATIONAL",
        "operationalEvent": _SYSTEM,
        "upsertState": upsert,
    }


def _history(incident_id: str, key: str, assignments: Sequence[Any], count: int) -> list[dict[str, Any]]:
    """`count` events: the alert triggers again and again, then somebody is assigned.

    Their inner objects are shared: nothing ever changes them, and half a million events must fit.
    """
    upsert = {
        "stateType": "UPSERT_INCIDENT_STATE_TYPE_TRIGGERED",
        "payload": {"cxEventKey": key},
        "isMuted": False,
    }
    assigned = [
        administrative(
            f"{incident_id}-{count - n}",
            "ASSIGN",
            made.get("assignedBy", {}).get("userId", ""),
            assignment={"assignment": made},
        )
        for n, made in enumerate(assignments, 1)
    ][: max(0, count - 1)]
    triggered = [operational(f"{incident_id}-{n}", upsert) for n in range(count - len(assigned))]
    return triggered + assigned[::-1]


# What an incident may lack; closing gives it a time for the last of them.
OPTIONAL = frozenset(("name", "description", "isMuted", "metaLabels", "closedAt"))


class Maker:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def incident(
        self,
        incident_id: str | None,
        assignees: Iterable[str],
        events: int | Sequence[Mapping[str, Any]],
        now: float,
        fields: Mapping[str, Any],
    ) -> dict[str, Any]:
        """An open incident of the last hours; `fields` are laid over it as they are."""
        choice = self._random.choice
        incident_id = incident_id or self.uuid()
        created = now - self._random.randrange(600, 6 * 3600)
        application, subsystem = choice(_APPLICATIONS), choice(_SUBSYSTEMS)
        alert, key = choice(_ALERTS), self.uuid()
        assigner = self.uuid()
        assignments = [assignment(user, assigner) for user in assignees]
        made: dict[str, Any] = {
            "id": incident_id,
            "name": f"{alert} in {application}",
            "description": f"{alert}: {application}/{subsystem}",
            "state": "INCIDENT_STATE_TRIGGERED",
            "status": "INCIDENT_STATUS_TRIGGERED",
            "assignments": assignments,
            "severity": choice(_SEVERITIES),
            "contextualLabels": {APPLICATION_LABEL: application, SUBSYSTEM_LABEL: subsystem},
            "displayLabels": {"Application": application, "sub_system": subsystem},
            "metaLabels": [{"key": "team", "value": choice(_TEAMS)}],
            "createdAt": timestamp(created),
            "lastStateUpdateTime": timestamp(created),
            "lastStateUpdateKey": key,
            "duration": duration(created, now),
            "isMuted": False,
        }
        known = {*made, "closedAt", "events"}
        if not known.issuperset(fields):
            raise TypeError(f"not a field of an incident: {sorted(set(fields) - known)}")
        made.update(fields)
        made["events"] = (
            _history(incident_id, key, made["assignments"], events) if isinstance(events, int) else list(events)
        )
        return made
