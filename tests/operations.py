# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that change incidents, in one table: what the campaign, the units and the playbooks expect of them.
CASE_OPERATIONS has those that change cases, for the campaign.

Written from the documentation. Nothing here comes from the collection, so that the tests do not repeat its
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
OTHER = "9e8d7c6b-5a49-4838-a726-15041f2e3d4c"

NOW = "now"
"""Stands for the present time, which nobody can predict."""

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


def case_assignee_ids(case: Incident) -> list[str]:
    """The assignee of a case, as a list of one or none."""
    user = case.get("assignee")
    user_id = user.get("userId") if isinstance(user, dict) else None
    return [user_id] if user_id and isinstance(user_id, str) else []


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
    values: Mapping[str, Any] = _NONE
    """What the request says besides the IDs."""
    given: Mapping[str, Any] = _NONE
    """Of a case that needs the change: what an active case of nobody does not have."""
    case_module: str = ""
    """The module, if it changes cases."""
    predict: Callable[[Incident], Incident] | None = None
    """What check mode shows, where C(after) cannot say it."""
    is_done: Callable[[Incident, Incident], bool] | None = None
    """Whether two states, before and after, show that it was done. None if C(is_wanted) says so."""
    is_left_to_do: Callable[[Incident], bool] | None = None
    """Whether a further run without force has something to do. None if C(needs_change) says so."""
    needs_events: bool = False
    """Whether it decides by the events, which take a request of their own. Then a second write is not the same."""

    @property
    def module(self) -> str:
        return self.case_module or f"incident_{self.name}"

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

    def took_effect(self, before: Incident | None, after: Incident) -> bool:
        if self.is_done is None:
            return self.is_wanted(after)
        return before is not None and self.is_done(before, after)

    def predicted(self, incident: Incident) -> Incident:
        return self.predict(incident) if self.predict else {**incident, **self.after}

    def leaves_work(self, incident: Incident) -> bool:
        return (self.is_left_to_do or self.needs_change)(incident)

    def is_same(self, before: Incident, after: Incident) -> bool:
        return all(before.get(field) == after.get(field) for field in self.fields)

    def extra_results(self, before: Mapping[str, Incident], changed_ids: Sequence[str]) -> dict[str, Any]:
        """Further return values, from the incidents before, by ID, and the IDs of those changed."""
        if self.participle != "assigned":
            return {}
        others_of = case_assignee_ids if self.case_module else other_assignee_ids
        others = {item_id: others_of(before[item_id]) for item_id in changed_ids if item_id in before}
        return {"reassigned_ids": {incident_id: user_ids for incident_id, user_ids in others.items() if user_ids}}


_ASSIGN = Operation(
    "assign",
    "assigned",
    is_wanted=lambda incident: [user_id.lower() for user_id in assignee_ids(incident)] == [ASSIGNEE.lower()],
    fields=("assignments",),
    after={"assignments": [{"assignedTo": {"userId": ASSIGNEE}}]},
    describe=describe_assignees,
    options={"assignee": ASSIGNEE},
    values={"assignedTo": {"userId": ASSIGNEE}},
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


# Cases.
COMMENT = "The runbook restarted the service."
TITLE, REASON = "Restarted by the runbook", "out of memory"


def _part(case: Incident, field: str) -> Mapping[str, Any]:
    value = case.get(field)
    return value if isinstance(value, dict) else {}


def _has_status(*names: str) -> Callable[[Incident], bool]:
    return lambda case: case["status"] in [f"CASE_STATUS_{name}" for name in names]


def override_of(case: Incident) -> str:
    override = _part(case, "priorityDetails").get("override")
    return override if isinstance(override, str) and override != "CASE_PRIORITY_UNSPECIFIED" else ""


def reason_of(case: Incident) -> str:
    reason = _part(case, "resolutionDetails").get("reason")
    return reason.strip() if isinstance(reason, str) else ""


def comment_ids(case: Incident) -> list[str]:
    """The IDs of the events that are comments with the text COMMENT."""
    events = [event for event in case.get("events") or () if isinstance(event, dict)]
    texts = [(event.get("eventId"), _part(_part(event, "eventData"), "comment").get("unsafeText")) for event in events]
    return [str(event_id) for event_id, text in texts if isinstance(text, str) and text.strip() == COMMENT]


def _describe_comments(case: Incident) -> str:
    count = len(comment_ids(case))
    return f"{count} comment{'' if count == 1 else 's'} with this text"


def _without(case: Incident, field: str) -> dict[str, Any]:
    return {name: value for name, value in case.items() if name != field}


def _with_override(case: Incident, override: str) -> Incident:
    details = _without(_part(case, "priorityDetails"), "override")
    system = details.get("system", case.get("priority"))
    details = {**details, **({"override": override} if override else {})}
    return {**case, "priority": override or system, "priorityDetails": details}


def _with_comment(case: Incident) -> Incident:
    return {**case, "events": [*case.get("events", ()), {"eventData": {"comment": {"unsafeText": COMMENT}}}]}


def _to_status(module: str, name: str, participle: str, to: str, *skipped: str, **rest: Any) -> Operation:
    """An operation that changes the status of cases."""
    return Operation(
        name,
        participle,
        is_wanted=_has_status(to),
        fields=("status",),
        after={"status": f"CASE_STATUS_{to}"},
        describe=lambda case: str(case["status"]).replace("CASE_STATUS_", "", 1).lower(),
        is_skipped=_has_status(*skipped),
        case_module=f"case_{module}",
        **rest,
    )


def _prioritize(name: str, override: str, given: Mapping[str, Any], **options: Any) -> Operation:
    return Operation(
        name,
        "prioritized",
        is_wanted=lambda case: override_of(case) == override,
        fields=("priorityDetails",),
        after={},
        describe=lambda case: override_of(case).replace("CASE_PRIORITY_", "", 1) or "no override",
        is_skipped=_has_status("RESOLVED", "CLOSED"),
        case_module="case_priority",
        predict=lambda case: _with_override(case, override),
        options=options,
        values={"priority": override} if override else {},
        given=given,
    )


_ASSIGN_CASES = Operation(
    "case_assign_many",
    "assigned",
    is_wanted=lambda case: [user_id.lower() for user_id in case_assignee_ids(case)] == [ASSIGNEE.lower()],
    fields=("assignee",),
    after={"assignee": {"userId": ASSIGNEE.lower()}},
    describe=lambda case: ", ".join(case_assignee_ids(case)) or "nobody",
    options={"assignee": ASSIGNEE},
    values={"assignee": {"userId": ASSIGNEE.lower()}},
    given={"assignee": OTHER},
    case_module="case_assign",
)
_COMMENT_ON_CASES = Operation(
    "case_comment",
    "commented",
    is_wanted=lambda case: bool(comment_ids(case)),
    fields=(),
    after={},
    describe=_describe_comments,
    options={"text": f" {COMMENT} "},
    values={"text": COMMENT},
    case_module="case_comment",
    predict=_with_comment,
    is_done=lambda before, after: bool({*comment_ids(after)} - {*comment_ids(before)}),
    needs_events=True,
)

CASE_OPERATIONS: dict[str, Operation] = {
    "case assign": _ASSIGN_CASES,
    "case assign, only unassigned": _ASSIGN_CASES._replace(
        is_skipped=lambda case: bool(case_assignee_ids(case)),
        options={"assignee": f" {ASSIGNEE} ", "only_unassigned": True},
        given={},
    ),
    "case unassign": Operation(
        "case_unassign_many",
        "unassigned",
        is_wanted=lambda case: not case_assignee_ids(case),
        fields=("assignee",),
        after={},
        describe=_ASSIGN_CASES.describe,
        given={"assignee": OTHER},
        case_module="case_unassign",
        predict=lambda case: _without(case, "assignee"),
    ),
    "case acknowledge": _to_status(
        "acknowledge", "case_acknowledge", "acknowledged", "ACKNOWLEDGED", "PENDING_ACTIVATION", "RESOLVED", "CLOSED"
    ),
    "case unacknowledge": _to_status(
        *(
            "unacknowledge",
            "case_unacknowledge",
            "unacknowledged",
            "ACTIVE",
            "PENDING_ACTIVATION",
            "RESOLVED",
            "CLOSED",
        ),
        given={"status": "acknowledged"},
    ),
    "case resolve": _to_status(
        *("resolve", "case_resolve_many", "resolved", "RESOLVED", "PENDING_ACTIVATION", "CLOSED"),
        options={"reason": f" {REASON}\n"},
        values={"reason": REASON},
        predict=lambda case: {**case, "status": "CASE_STATUS_RESOLVED", "resolutionDetails": {"reason": REASON}},
    ),
    "case close": _to_status(
        "close", "case_close_many", "closed", "CLOSED", "PENDING_ACTIVATION", given={"status": "resolved"}
    ),
    "case priority": _prioritize("case_priority_many", "CASE_PRIORITY_P1", {"priority": "P1"}, priority="P1"),
    "case priority, absent": _prioritize(
        "case_clear_priority_many", "", {"priority": "P3", "override": "P2"}, state="absent"
    ),
    "case comment": _COMMENT_ON_CASES,
    "case comment, force": _COMMENT_ON_CASES._replace(
        is_wanted=lambda _case: False,
        is_left_to_do=lambda case: not comment_ids(case),
        options={"text": COMMENT, "force": True},
    ),
    "case update": Operation(
        "case_update",
        "updated",
        is_wanted=lambda case: case["title"].strip() == TITLE and reason_of(case) == REASON,
        fields=("title", "resolutionDetails"),
        after={},
        describe=lambda case: f"title {case['title'].strip()!r}, resolution reason {reason_of(case)!r}",
        options={"title": f" {TITLE}", "resolution_reason": REASON},
        values={"title": TITLE, "resolutionReason": REASON},
        # Only a resolved case has a reason that can be updated.
        given={"status": "resolved"},
        case_module="case_update",
        predict=lambda case: {
            **case,
            "title": TITLE,
            "resolutionDetails": {**_part(case, "resolutionDetails"), "reason": REASON},
        },
    ),
}
