# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the changes between two states are called, in which order they come, and which UUIDs they have."""

from __future__ import annotations

import typing as t

from ansible_collections.coralogix.incidents.plugins.module_utils import _event_changes
from ansible_collections.coralogix.incidents.plugins.module_utils._case_events import CASE_EVENTS
from ansible_collections.coralogix.incidents.plugins.module_utils._event_changes import ItemChange
from ansible_collections.coralogix.incidents.plugins.module_utils._event_rules import EventRules
from ansible_collections.coralogix.incidents.plugins.module_utils._incident_events import INCIDENT_EVENTS
from helpers import A, incident, table

Item = t.Dict[str, t.Any]  # noqa: UP006 - Python 3.9 evaluates this line


def make_incident(status: str = "triggered", *users: str, **fields: t.Any) -> Item:
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


def make_case(status: str = "active", user: str = "", **fields: t.Any) -> Item:
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
    "nothing": (make_incident(), make_incident(), []),
    "acknowledged": (make_incident(), make_incident("acknowledged"), ["acknowledged"]),
    "unacknowledged": (make_incident("acknowledged"), make_incident(), ["unacknowledged"]),
    "resolved": (make_incident("acknowledged"), make_incident("resolved"), ["resolved"]),
    "the state shows it first": (make_incident(), make_incident(state="INCIDENT_STATE_RESOLVED"), ["resolved"]),
    "then the status": (make_incident(state="INCIDENT_STATE_RESOLVED"), make_incident("resolved"), ["updated"]),
    "closed at once": (make_incident(), make_incident("resolved", **CLOSED), ["resolved", "closed"]),
    "closed after it was resolved": (make_incident("resolved"), make_incident("resolved", **CLOSED), ["closed"]),
    "reopened": (make_incident("resolved"), make_incident(), ["reopened"]),
    "reopened after it was closed": (make_incident("resolved", **CLOSED), make_incident("acknowledged"), ["reopened"]),
    "assigned": (make_incident(), make_incident("triggered", "dana"), ["assigned"]),
    "assigned to another": (make_incident("triggered", "dana"), make_incident("triggered", "lee"), ["assigned"]),
    "assigned to one more": (
        make_incident("triggered", "dana"),
        make_incident("triggered", "dana", "lee"),
        ["assigned"],
    ),
    "unassigned": (make_incident("triggered", "dana"), make_incident(), ["unassigned"]),
    "unassigned from one": (
        make_incident("triggered", "dana", "lee"),
        make_incident("triggered", "lee"),
        ["unassigned"],
    ),
    "by somebody else": (
        make_incident("triggered", "dana"),
        make_incident(assignments=[{"assignedTo": {"userId": "dana"}, "assignedBy": {"userId": "lee"}}]),
        ["updated"],
    ),
    "severity": (make_incident(), make_incident(**CRITICAL), ["severity"]),
    "name": (make_incident(name="a"), make_incident(name="b"), ["updated"]),
    "a new field": (make_incident(), make_incident(name="b"), ["updated"]),
    "all at once": (
        make_incident(),
        make_incident("resolved", "dana", name="b", **CRITICAL, **CLOSED),
        ["severity", "assigned", "resolved", "closed"],
    ),
    "only what changes_between by itself": (
        make_incident(duration="1s", events=[], lastStateUpdateTime="1", lastStateUpdateKey="a"),
        make_incident(duration="2s", events=[{}], lastStateUpdateTime="2", lastStateUpdateKey="b"),
        [],
    ),
}
CASES: dict[str, tuple[Item, Item, list[str]]] = {
    "nothing": (make_case(updateTime="1", duration="1"), make_case(updateTime="2", duration="2"), []),
    "activated": (make_case("pending_activation"), make_case(readableId="CASE-1"), ["updated"]),
    "acknowledged": (make_case(), make_case("acknowledged", acknowledgeTime="1"), ["acknowledged"]),
    "unacknowledged": (make_case("acknowledged", acknowledgeTime="1"), make_case(), ["unacknowledged"]),
    "resolved": (make_case(), make_case("resolved", resolutionDetails={"reason": "x"}), ["resolved"]),
    "another reason": (
        make_case("resolved", resolutionDetails={"reason": "x"}),
        make_case("resolved", resolutionDetails={"reason": "y"}),
        ["updated"],
    ),
    "closed at once": (make_case(), make_case("closed"), ["resolved", "closed"]),
    "closed": (make_case("resolved"), make_case("closed"), ["closed"]),
    "assigned": (make_case(), make_case(user="dana"), ["assigned"]),
    "assigned to another": (make_case(user="lee"), make_case(user="dana"), ["assigned"]),
    "unassigned": (make_case(user="lee"), make_case(), ["unassigned"]),
    "priority": (make_case(), make_case(priority="CASE_PRIORITY_P1"), ["priority"]),
    "title": (make_case(), make_case(title="u"), ["updated"]),
}


def changes_between(rules: EventRules, old: Item, new: Item) -> list[ItemChange]:
    return _event_changes.find_changes(
        rules, _event_changes.stable_fields(rules, old), _event_changes.stable_fields(rules, new)
    )


@table("old, new, kinds", INCIDENTS)
def test_changes_of_incidents(old: Item, new: Item, kinds: list[str]) -> None:
    assert [change.kind for change in changes_between(INCIDENT_EVENTS, old, new)] == kinds


@table("old, new, kinds", CASES)
def test_changes_of_cases(old: Item, new: Item, kinds: list[str]) -> None:
    assert [change.kind for change in changes_between(CASE_EVENTS, old, new)] == kinds


@table("old, new, kinds", INCIDENTS)
def test_previous_has_each_field_that_changed_once(old: Item, new: Item, kinds: list[str]) -> None:
    ignored = INCIDENT_EVENTS.volatile
    expected = {field: old.get(field) for field in {**old, **new} if old.get(field) != new.get(field)}
    found: Item = {}
    for change in changes_between(INCIDENT_EVENTS, old, new):
        assert not found.keys() & change.previous.keys()
        found.update(change.previous)
    assert found == {field: value for field, value in expected.items() if field not in ignored}


@table(
    "item, kinds",
    {
        "open": (make_incident("acknowledged", "dana"), ["opened"]),
        "resolved": (make_incident("resolved"), ["opened", "resolved"]),
        "closed": (make_incident("resolved", **CLOSED), ["opened", "resolved", "closed"]),
    },
)
def test_changes_before_an_incident_was_first_seen(item: Item, kinds: list[str]) -> None:
    first = _event_changes.first_changes(INCIDENT_EVENTS, item)
    assert [(change.kind, change.previous) for change in first] == [(kind, {}) for kind in kinds]


def test_uuid_depends_on_what_the_change_is() -> None:
    """The same for the same change; different for another item, kind, number, value, and after it was forgotten."""
    change = ItemChange("assigned", {"assignments": []}, ["dana"])
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


def test_a_change_found_again_with_later_ones_keeps_its_uuid() -> None:
    """After a kill, the next poll may see later changes as well."""

    def uuids(new: Item) -> set[str]:
        return {
            _event_changes.change_uuid("incident", A, 0, change, 1)
            for change in changes_between(INCIDENT_EVENTS, make_incident(), new)
        }

    assert uuids(make_incident("resolved")) < uuids(make_incident("resolved", "dana", **CLOSED))
    assert uuids(make_incident("triggered", "dana")) < uuids(make_incident("acknowledged", "dana", **CRITICAL))
