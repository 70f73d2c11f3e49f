# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the changes between two states are called, in which order they come, and which UUIDs they have."""

from __future__ import annotations

import typing as t

from ansible_collections.coralogix.incidents.plugins.module_utils import _event_changes
from ansible_collections.coralogix.incidents.plugins.module_utils._case_events import CASE_EVENTS
from ansible_collections.coralogix.incidents.plugins.module_utils._event_changes import Change
from ansible_collections.coralogix.incidents.plugins.module_utils._event_rules import EventRules
from ansible_collections.coralogix.incidents.plugins.module_utils._incident_events import INCIDENT_EVENTS
from helpers import A, incident, table

Item = t.Dict[str, t.Any]  # noqa: UP006 - Python 3.9 evaluates this line


def an_incident(status: str = "triggered", *users: str, **fields: t.Any) -> Item:
    state = "RESOLVED" if status == "resolved" else "TRIGGERED"
    return incident(
        A,
        *users,
        **{
            "status": f"INCIDENT_STATUS_{status.upper()}",
            "state": f"INCIDENT_STATE_{state}",
            "severity": "INCIDENT_SEVERITY_LOW",
            **fields,
        },
    )


def a_case(status: str = "active", user: str = "", **fields: t.Any) -> Item:
    assignee = {"assignee": {"userId": user}} if user else {}
    return {
        "id": A,
        "title": "t",
        "status": f"CASE_STATUS_{status.upper()}",
        "priority": "CASE_PRIORITY_P3",
        **assignee,
        **fields,
    }


CLOSED = {"closedAt": "2026-11-23T03:00:00Z"}
CRITICAL = {"severity": "INCIDENT_SEVERITY_CRITICAL"}

INCIDENTS: dict[str, tuple[Item, Item, list[str]]] = {
    "nothing": (an_incident(), an_incident(), []),
    "acknowledged": (an_incident(), an_incident("acknowledged"), ["acknowledged"]),
    "unacknowledged": (an_incident("acknowledged"), an_incident(), ["unacknowledged"]),
    "resolved": (an_incident("acknowledged"), an_incident("resolved"), ["resolved"]),
    "the state shows it first": (an_incident(), an_incident(state="INCIDENT_STATE_RESOLVED"), ["resolved"]),
    "then the status": (an_incident(state="INCIDENT_STATE_RESOLVED"), an_incident("resolved"), ["updated"]),
    "closed at once": (an_incident(), an_incident("resolved", **CLOSED), ["resolved", "closed"]),
    "closed after it was resolved": (an_incident("resolved"), an_incident("resolved", **CLOSED), ["closed"]),
    "reopened": (an_incident("resolved"), an_incident(), ["reopened"]),
    "reopened after it was closed": (an_incident("resolved", **CLOSED), an_incident("acknowledged"), ["reopened"]),
    "assigned": (an_incident(), an_incident("triggered", "dana"), ["assigned"]),
    "assigned to another": (an_incident("triggered", "dana"), an_incident("triggered", "lee"), ["assigned"]),
    "assigned to one more": (an_incident("triggered", "dana"), an_incident("triggered", "dana", "lee"), ["assigned"]),
    "unassigned": (an_incident("triggered", "dana"), an_incident(), ["unassigned"]),
    "unassigned from one": (an_incident("triggered", "dana", "lee"), an_incident("triggered", "lee"), ["unassigned"]),
    "by somebody else": (
        an_incident("triggered", "dana"),
        an_incident(assignments=[{"assignedTo": {"userId": "dana"}, "assignedBy": {"userId": "lee"}}]),
        ["updated"],
    ),
    "severity": (an_incident(), an_incident(**CRITICAL), ["severity"]),
    "name": (an_incident(name="a"), an_incident(name="b"), ["updated"]),
    "a new field": (an_incident(), an_incident(name="b"), ["updated"]),
    "all at once": (
        an_incident(),
        an_incident("resolved", "dana", name="b", **CRITICAL, **CLOSED),
        ["severity", "assigned", "resolved", "closed"],
    ),
    "only what changes by itself": (
        an_incident(duration="1s", events=[], lastStateUpdateTime="1", lastStateUpdateKey="a"),
        an_incident(duration="2s", events=[{}], lastStateUpdateTime="2", lastStateUpdateKey="b"),
        [],
    ),
}
CASES: dict[str, tuple[Item, Item, list[str]]] = {
    "nothing": (a_case(updateTime="1", duration="1"), a_case(updateTime="2", duration="2"), []),
    "activated": (a_case("pending_activation"), a_case(readableId="CASE-1"), ["updated"]),
    "acknowledged": (a_case(), a_case("acknowledged", acknowledgeTime="1"), ["acknowledged"]),
    "unacknowledged": (a_case("acknowledged", acknowledgeTime="1"), a_case(), ["unacknowledged"]),
    "resolved": (a_case(), a_case("resolved", resolutionDetails={"reason": "x"}), ["resolved"]),
    "another reason": (
        a_case("resolved", resolutionDetails={"reason": "x"}),
        a_case("resolved", resolutionDetails={"reason": "y"}),
        ["updated"],
    ),
    "closed at once": (a_case(), a_case("closed"), ["resolved", "closed"]),
    "closed": (a_case("resolved"), a_case("closed"), ["closed"]),
    "assigned": (a_case(), a_case(user="dana"), ["assigned"]),
    "assigned to another": (a_case(user="lee"), a_case(user="dana"), ["assigned"]),
    "unassigned": (a_case(user="lee"), a_case(), ["unassigned"]),
    "priority": (a_case(), a_case(priority="CASE_PRIORITY_P1"), ["priority"]),
    "title": (a_case(), a_case(title="u"), ["updated"]),
}


def changes(rules: EventRules, old: Item, new: Item) -> list[Change]:
    return _event_changes.find_changes(
        rules, _event_changes.remembered(rules, old), _event_changes.remembered(rules, new)
    )


@table("old, new, kinds", INCIDENTS)
def test_changes_of_incidents(old: Item, new: Item, kinds: list[str]) -> None:
    assert [change.kind for change in changes(INCIDENT_EVENTS, old, new)] == kinds


@table("old, new, kinds", CASES)
def test_changes_of_cases(old: Item, new: Item, kinds: list[str]) -> None:
    assert [change.kind for change in changes(CASE_EVENTS, old, new)] == kinds


@table("old, new, kinds", INCIDENTS)
def test_previous_has_each_field_that_changed_once(old: Item, new: Item, kinds: list[str]) -> None:
    ignored = INCIDENT_EVENTS.volatile
    expected = {field: old.get(field) for field in {**old, **new} if old.get(field) != new.get(field)}
    found: Item = {}
    for change in changes(INCIDENT_EVENTS, old, new):
        assert not found.keys() & change.previous.keys()
        found.update(change.previous)
    assert found == {field: value for field, value in expected.items() if field not in ignored}


@table(
    "item, kinds",
    {
        "open": (an_incident("acknowledged", "dana"), ["opened"]),
        "resolved": (an_incident("resolved"), ["opened", "resolved"]),
        "closed": (an_incident("resolved", **CLOSED), ["opened", "resolved", "closed"]),
    },
)
def test_changes_before_an_incident_was_first_seen(item: Item, kinds: list[str]) -> None:
    first = _event_changes.first_changes(INCIDENT_EVENTS, item)
    assert [(change.kind, change.previous) for change in first] == [(kind, {}) for kind in kinds]


def test_uuids() -> None:
    """The same for the same change; different for another item, kind, number, value, and after it was forgotten."""
    change = Change("assigned", {"assignments": []}, ["dana"])
    first = _event_changes.change_uuid("incident", A, 0, change, 1)
    assert first == _event_changes.change_uuid("incident", A, 0, change._replace(previous={}), 1)
    others = [
        _event_changes.change_uuid("case", A, 0, change, 1),
        _event_changes.change_uuid("incident", "B", 0, change, 1),
        _event_changes.change_uuid("incident", A, 1, change, 1),
        _event_changes.change_uuid("incident", A, 0, change, 2),
        _event_changes.change_uuid("incident", A, 0, change._replace(kind="unassigned"), 1),
        _event_changes.change_uuid("incident", A, 0, change._replace(value=["lee"]), 1),
    ]
    assert len({first, *others}) == 7


def test_what_is_found_again_together_with_more_keeps_its_uuid() -> None:
    """After a kill, the next poll may see later changes as well."""

    def uuids(new: Item) -> set[str]:
        return {
            _event_changes.change_uuid("incident", A, 0, change, 1)
            for change in changes(INCIDENT_EVENTS, an_incident(), new)
        }

    assert uuids(an_incident("resolved")) < uuids(an_incident("resolved", "dana", **CLOSED))
    assert uuids(an_incident("triggered", "dana")) < uuids(an_incident("acknowledged", "dana", **CRITICAL))
