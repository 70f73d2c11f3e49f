# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How incidents and cases differ for the campaign: names, IDs, and how the simulator keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, NamedTuple

from operations import ASSIGNEE, COMMENT, TITLE
from simulator import OPTIONAL_FIELDS, Simulator

from .answers import (
    CASE_EVENTS,
    CASE_LIST,
    CASE_READ,
    LIST,
    READ,
    Content,
    canonical,
    case_content_of,
    incident_content_of,
    is_uuid,
)

OTHER_USER = "9e8d7c6b-5a49-4838-a726-15041f2e3d4c"


class Act(NamedTuple):
    """What another user does, as the simulator takes it."""

    operation: str
    user: str | None = None
    arguments: Mapping[str, Any] = {}


class Kind(NamedTuple):
    plural: str
    id_option: str
    title_field: str
    read: str
    list: str
    events: str
    """The operation that reads events, where items come without them."""
    read_permission: str
    needs_personal_key: bool
    max_concurrent: int
    canonical: Callable[[str], str]
    content_of: Callable[..., Content | None]
    add: Callable[[Simulator, str, Mapping[str, Any]], None]
    state: Callable[[Simulator, str], dict[str, Any]]
    remove: Callable[[Simulator, str], None]
    acts: Mapping[str, Act]
    """What other users do, by a name. The more often it is named in C(usual_acts), the more often it happens."""
    usual_acts: tuple[str, ...]
    hiding_acts: Mapping[str, tuple[str, ...]]
    """By the operation, what hides from a reader that something had been changed so."""

    def takes(self, version: str, incident_id: str) -> bool:
        """Whether the version takes this ID."""
        return version != "5" or is_uuid(incident_id) or self is CASES


def _add_incident(sim: Simulator, incident_id: str, fields: Mapping[str, Any]) -> None:
    if not fields:
        sim.add_incident(incident_id, assignees=("u2",), events=1)
        return
    lacking = OPTIONAL_FIELDS.difference(fields, ("description",))
    sim.add_incident(without=lacking, **{**fields, "id": incident_id})


def _canonical_case_id(text: str) -> str:
    """As the API writes it."""
    return text.lower() if is_uuid(text) else text.upper()


def _add_case(sim: Simulator, case_id: str, fields: Mapping[str, Any]) -> None:
    user = fields.get("assignee", {}).get("userId")
    given = {name: value for name, value in fields.items() if name not in ("id", "assignee")}
    sim.add_case(case_id, user, **given)


def _case_state(sim: Simulator, case_id: str) -> dict[str, Any]:
    return {**sim.case(case_id), "events": sim.case_events(case_id)}


INCIDENTS = Kind(
    plural="incidents",
    id_option="incident_ids",
    title_field="name",
    read=READ,
    list=LIST,
    events="",
    read_permission="incidents:read",
    needs_personal_key=True,
    max_concurrent=4,
    canonical=canonical,
    content_of=incident_content_of,
    add=_add_incident,
    state=lambda sim, incident_id: sim.incident(incident_id),
    remove=lambda sim, incident_id: sim.remove_incident(incident_id),
    acts={
        **{f"assign {user}": Act("assign", user) for user in ("u1", "u2")},
        **{name: Act(name) for name in ("unassign", "acknowledge", "resolve", "close")},
    },
    usual_acts=(
        *("assign u1", "assign u1", "assign u2", "unassign", "acknowledge", "resolve", "close", "remove", "create"),
    ),
    hiding_acts={
        "unassign": ("assign u1", "assign u1", "remove"),
        "assign": ("assign u1", "unassign", "remove"),
        "acknowledge": ("resolve", "close", "remove"),
        "resolve": ("close", "remove"),
        "close": ("remove",),
    },
)

CASES = Kind(
    plural="cases",
    id_option="case_ids",
    title_field="title",
    read=CASE_READ,
    list=CASE_LIST,
    events=CASE_EVENTS,
    read_permission="case:Read",
    needs_personal_key=False,
    max_concurrent=8,
    canonical=_canonical_case_id,
    content_of=case_content_of,
    add=_add_case,
    state=_case_state,
    remove=lambda sim, case_id: sim.remove_case(case_id),
    acts={
        "assign to another": Act("case_assign", OTHER_USER),
        "assign to the same": Act("case_assign", ASSIGNEE.lower()),
        **{
            name: Act(f"case_{name}")
            for name in ("unassign", "acknowledge", "unacknowledge", "resolve", "close", "activate")
        },
        "resolve for a reason": Act("case_resolve", arguments={"reason": "by hand"}),
        "override as P1": Act("case_priority", arguments={"priority": "CASE_PRIORITY_P1"}),
        "override as P4": Act("case_priority", arguments={"priority": "CASE_PRIORITY_P4"}),
        "clear the override": Act("case_clear_priority"),
        "comment the same": Act("case_comment", arguments={"text": COMMENT}),
        "comment": Act("case_comment", arguments={"text": "On it."}),
        "update": Act("case_update", arguments={"title": TITLE}),
        "rename": Act("case_update", arguments={"title": "Something else"}),
    },
    usual_acts=(
        *("assign to another", "assign to another", "unassign", "acknowledge", "resolve", "close", "remove", "create"),
        *("comment", "rename", "activate"),
    ),
    hiding_acts={
        "case_assign_many": ("assign to another", "unassign", "remove"),
        "case_unassign_many": ("assign to another", "assign to another", "remove"),
        "case_acknowledge": ("unacknowledge", "resolve", "remove"),
        "case_unacknowledge": ("acknowledge", "resolve", "close", "remove"),
        "case_resolve_many": ("close", "remove"),
        "case_close_many": ("remove",),
        "case_priority_many": ("override as P4", "clear the override", "resolve", "remove"),
        "case_clear_priority_many": ("override as P4", "resolve", "remove"),
        "case_comment": ("comment the same", "comment", "remove"),
        "case_update": ("rename", "close", "remove"),
    },
)
# Module -> the act of another user that does the same.
SAME_ACT = {
    **{f"incident_{name}": name for name in ("unassign", "acknowledge", "resolve", "close")},
    "incident_assign": "assign u2",
    **{f"case_{name}": name for name in ("unassign", "acknowledge", "unacknowledge", "resolve", "close", "update")},
    "case_assign": "assign to the same",
    "case_priority": "override as P1",
    "case_comment": "comment the same",
}
