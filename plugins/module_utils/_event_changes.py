# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened to an item between two answers: kinds of changes, and their UUIDs. Pure functions."""

from __future__ import annotations

import json
import typing as t
import uuid

from ._event_rules import ACKNOWLEDGED, CLOSED, OPEN, RESOLVED, EventRules
from ._resource import Item

OPENED, UPDATED, GONE = "opened", "updated", "gone"
_ASSIGNED, _UNASSIGNED = "assigned", "unassigned"

# From one stage to another: the kinds of changes.
_TRANSITIONS: dict[tuple[str, str], tuple[str, ...]] = {
    (OPEN, ACKNOWLEDGED): ("acknowledged",),
    (OPEN, RESOLVED): ("resolved",),
    (OPEN, CLOSED): ("resolved", "closed"),
    (ACKNOWLEDGED, OPEN): ("unacknowledged",),
    (ACKNOWLEDGED, RESOLVED): ("resolved",),
    (ACKNOWLEDGED, CLOSED): ("resolved", "closed"),
    (RESOLVED, OPEN): ("reopened",),
    (RESOLVED, ACKNOWLEDGED): ("reopened",),
    (RESOLVED, CLOSED): ("closed",),
    (CLOSED, OPEN): ("reopened",),
    (CLOSED, ACKNOWLEDGED): ("reopened",),
}

_NAMESPACE = uuid.UUID("c1f3f2f0-6a1b-5d0e-9a55-6d1e5b0f7a10")


class ItemChange(t.NamedTuple):
    """One change of one item."""

    kind: str
    previous: dict[str, t.Any]
    """The fields that changed, as they were. A field that was not there is null."""
    value: t.Any = None
    """What distinguishes the change from others of its kind, in JSON types: to whom the item was assigned."""


def stable_fields(rules: EventRules, item: Item) -> Item:
    """The fields of an item whose changes count."""
    return {field: value for field, value in item.items() if field not in rules.volatile}


def first_changes(rules: EventRules, item: Item) -> list[ItemChange]:
    """What happened to an item before it was first seen. It may have come to its end between two lists."""
    ended = _TRANSITIONS.get((OPEN, rules.stage(item)), ())
    return [ItemChange(OPENED, {}), *(ItemChange(kind, {}) for kind in ended if kind in ("resolved", "closed"))]


def find_changes(rules: EventRules, old: Item, new: Item) -> list[ItemChange]:
    """What happened between two states, in the order of an item's life. Both are what C(stable_fields) returns."""
    changed = [field for field in {**old, **new} if old.get(field) != new.get(field)]
    if not changed:
        return []
    values = _values_by_kind(rules, old, new)
    kinds = [kind for kind in rules.kinds if kind in values] or [UPDATED]
    covered = {field for kind in kinds for field in rules.kinds.get(kind, ())}
    # The other changed fields go with the first change.
    others = [field for field in changed if field not in covered]
    changes = []
    for kind in kinds:
        fields = [*(field for field in changed if field in rules.kinds.get(kind, ())), *others]
        value = {field: new.get(field) for field in others} if kind == UPDATED else values[kind]
        changes.append(ItemChange(kind, {field: old.get(field) for field in fields}, value))
        others = []
    return changes


def _values_by_kind(rules: EventRules, old: Item, new: Item) -> dict[str, t.Any]:
    """The kinds of changes, with what distinguishes each from others of its kind."""
    values: dict[str, t.Any] = dict.fromkeys(_TRANSITIONS.get((rules.stage(old), rules.stage(new)), ()))
    before, after = rules.assignees(old), rules.assignees(new)
    if before != after:
        values[_UNASSIGNED if after < before else _ASSIGNED] = sorted(after)
    if old.get(rules.level) != new.get(rules.level):
        values[rules.level] = new.get(rules.level)
    return values


def change_uuid(name: str, item_id: str, generation: int, change: ItemChange, count: int) -> str:
    """The UUID of a change: the same whenever the change is found again.

    C(generation) counts how often items were forgotten before this one was first seen, C(count) the changes of this
    kind since then.
    """
    parts = [name, item_id, generation, change.kind, count, change.value]
    return str(uuid.uuid5(_NAMESPACE, json.dumps(parts, sort_keys=True)))
