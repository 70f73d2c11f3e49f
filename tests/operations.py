# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that change incidents, in one table: what the campaign, the units and the playbooks expect of them.

Written down anew, from the documentation. Nothing here comes from the collection, so that the tests do not repeat its
mistakes. What an operation does at the service, and which permission it takes, is in the simulator's table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Callable, NamedTuple

import simulator

Incident = Mapping[str, Any]

TRIGGERED = "INCIDENT_STATUS_TRIGGERED"
ACKNOWLEDGED = "INCIDENT_STATUS_ACKNOWLEDGED"
RESOLVED = "INCIDENT_STATUS_RESOLVED"
STATE_RESOLVED = "INCIDENT_STATE_RESOLVED"

ASSIGNEE = "2F1C9E4A-7B3D-4C58-9E60-A1B2C3D4E5F6"
"""A UUID in upper case: the service may write it in lower case."""

NOW = "now"
"""Stands for the present time, which nobody can foretell."""

_NONE: Mapping[str, Any] = MappingProxyType({})


def assignee_ids(incident: Incident) -> list[str]:
    """The IDs of the assignees. An empty one if an assignment does not say."""
    users = [
        assignment.get("assignedTo") if isinstance(assignment, dict) else None for assignment in incident["assignments"]
    ]
    ids = [user.get("userId") if isinstance(user, dict) else None for user in users]
    return [user_id if isinstance(user_id, str) else "" for user_id in ids]


def other_assignee_ids(incident: Incident) -> list[str]:
    """The IDs of the assignees besides ASSIGNEE."""
    return [user_id for user_id in assignee_ids(incident) if user_id and user_id.lower() != ASSIGNEE.lower()]


def is_closed(incident: Incident) -> bool:
    return bool(incident.get("closedAt"))


def describe_assignees(incident: Incident) -> str:
    return ", ".join(user_id or "(unknown user)" for user_id in assignee_ids(incident)) or "nobody"


def describe_status(incident: Incident) -> str:
    return "closed" if is_closed(incident) else str(incident.get("status")).rpartition("_")[2].lower()


class Operation(NamedTuple):
    """One module that changes incidents, with certain options."""

    name: str
    """As the simulator calls it."""
    participle: str
    """What the incidents then are: their IDs are returned as C(<participle>_ids)."""
    is_wanted: Callable[[Incident], bool]
    fields: tuple[str, ...]
    """What the operation is about. Two states that agree in these fields count as the same."""
    after: Mapping[str, Any]
    """What check mode shows of an incident that would be changed."""
    describe: Callable[[Incident], str]
    """A state as the diff shows it."""
    is_skipped: Callable[[Incident], bool] | None = None
    """Whether an incident that is not as wanted is left so. None if the module has no C(skipped_ids)."""
    required_fields: tuple[str, ...] = ()
    """Texts without which the module cannot decide."""
    options: Mapping[str, Any] = _NONE
    """The module's own options that make it this operation."""

    @property
    def module(self) -> str:
        return f"incident_{self.name}"

    @property
    def permission(self) -> str:
        return str(simulator.OPERATIONS[self.name].permission)

    @property
    def ids_name(self) -> str:
        """The name of the result with the IDs of those changed."""
        return f"{self.participle}_ids"

    def needs_change(self, incident: Incident) -> bool:
        return not self.is_wanted(incident) and not self.skips(incident)

    def skips(self, incident: Incident) -> bool:
        return self.is_skipped is not None and self.is_skipped(incident) and not self.is_wanted(incident)

    def is_same(self, before: Incident, after: Incident) -> bool:
        return all(before.get(field) == after.get(field) for field in self.fields)

    def extra_results(self, before: Mapping[str, Incident], changed_ids: Sequence[str]) -> dict[str, Any]:
        """What is returned besides, from the incidents before, by ID, and the IDs of those changed."""
        if self.name != "assign":
            return {}
        others = {i: other_assignee_ids(before[i]) for i in changed_ids if i in before}
        return {"reassigned_ids": {incident_id: user_ids for incident_id, user_ids in others.items() if user_ids}}


_ASSIGN = Operation(
    "assign",
    "assigned",
    is_wanted=lambda incident: [user_id.lower() for user_id in assignee_ids(incident)] == [ASSIGNEE.lower()],
    fields=("assignments",),
    after={"assignments": [{"assignedTo": {"userId": ASSIGNEE}}]},
    describe=describe_assignees,
    options={"assignee": ASSIGNEE},
)

OPERATIONS: dict[str, Operation] = {
    "unassign": Operation(
        "unassign",
        "unassigned",
        is_wanted=lambda incident: not incident["assignments"],
        fields=("assignments",),
        after={"assignments": []},
        describe=describe_assignees,
    ),
    "assign": _ASSIGN,
    "assign, only unassigned": _ASSIGN._replace(
        is_skipped=lambda incident: bool(incident["assignments"]),
        options={"assignee": f" {ASSIGNEE} ", "only_unassigned": True},
    ),
    "acknowledge": Operation(
        "acknowledge",
        "acknowledged",
        is_wanted=lambda incident: incident["status"] == ACKNOWLEDGED,
        fields=("status", "state", "closedAt"),
        after={"status": ACKNOWLEDGED},
        describe=describe_status,
        is_skipped=lambda incident: (
            incident["status"] == RESOLVED or incident["state"] == STATE_RESOLVED or is_closed(incident)
        ),
        required_fields=("status", "state"),
    ),
    "resolve": Operation(
        "resolve",
        "resolved",
        is_wanted=lambda incident: incident["status"] == RESOLVED,
        fields=("status", "closedAt"),
        after={"status": RESOLVED, "state": STATE_RESOLVED},
        describe=describe_status,
        is_skipped=is_closed,
        required_fields=("status",),
    ),
    "close": Operation(
        "close",
        "closed",
        is_wanted=is_closed,
        fields=("status", "closedAt"),
        after={"status": RESOLVED, "state": STATE_RESOLVED, "closedAt": NOW},
        describe=describe_status,
    ),
}
