# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of an incident in the form that the API shows it. No I/O."""

from __future__ import annotations

import typing as t
from datetime import datetime

Incident = dict[str, t.Any]
"""An incident as the API shows it; checked so far that C(id) is text, C(assignments) a list, and that what the
service was asked to check is text."""


def holders(incident: Incident) -> list[str]:
    """The IDs of the users it is assigned to; an empty one where an assignment does not tell."""
    users = [
        assignment.get("assignedTo") if isinstance(assignment, dict) else None for assignment in incident["assignments"]
    ]
    ids = [user.get("userId") if isinstance(user, dict) else None for user in users]
    return [user_id if isinstance(user_id, str) else "" for user_id in ids]


# What the service makes of an incident that is resolved, or closed.
RESOLVED = {"status": "INCIDENT_STATUS_RESOLVED", "state": "INCIDENT_STATE_RESOLVED"}


def is_closed(incident: Incident) -> bool:
    """No status says so: the API has an event for it, and this time."""
    return bool(incident.get("closedAt"))


def rfc3339(moment: datetime, timespec: str = "auto") -> str:
    """A time in UTC as the API writes it; C(timespec) is that of C(isoformat)."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
