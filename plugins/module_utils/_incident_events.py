# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Incidents as event sources see them: what their changes are called, and which lists show the open ones."""

from __future__ import annotations

from . import _event_rules
from ._incident import ACKNOWLEDGED, RESOLVED, assignee_ids, is_closed
from ._resource import Item

_UNCOUNTED = 1_000_000_000


def _stage(incident: Item) -> str:
    """By status and state, whichever shows the end first."""
    if is_closed(incident):
        return _event_rules.CLOSED
    if any(incident.get(field) == value for field, value in RESOLVED.items()):
        return _event_rules.RESOLVED
    return _event_rules.ACKNOWLEDGED if incident.get("status") == ACKNOWLEDGED else _event_rules.OPEN


def _version(incident: Item) -> tuple[str, int]:
    """The time of the state, and the number of events: an assignment adds an event, but does not change that time.

    An answer without events counts as newer than any with events.
    """
    events = incident.get("events")
    number = len(events) if isinstance(events, list) else 0
    return str(incident.get("lastStateUpdateTime") or ""), number or _UNCOUNTED


INCIDENT_EVENTS = _event_rules.EventRules(
    kinds={
        "reopened": ("status", "state", "closedAt"),
        "unacknowledged": ("status",),
        "acknowledged": ("status",),
        "severity": ("severity",),
        "unassigned": ("assignments",),
        "assigned": ("assignments",),
        "resolved": ("status", "state"),
        "closed": ("closedAt",),
    },
    level="severity",
    stage=_stage,
    assignees=lambda incident: frozenset(assignee_ids(incident)),
    # An alert that goes on adds events and moves the time of the state.
    volatile=frozenset(("events", "duration", "lastStateUpdateTime", "lastStateUpdateKey")),
    created="createdAt",
    times=("createdAt", "lastStateUpdateTime", "closedAt"),
    version=_version,
    unsupported=frozenset(("open_after", "open_before", "order_by", "limit")),
    find_problem=lambda _options: "",
    build_lists=lambda options, since, _now: [{**options, "open_after": since}],
)
