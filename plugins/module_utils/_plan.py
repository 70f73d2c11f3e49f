# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions: which items need a change, what became of them, what C(changed) is. Pure functions; no I/O."""

from __future__ import annotations

import enum
import typing as t
from types import MappingProxyType

from ._resource import NO_VALUES, Item, Items, Values


def _no_results(_before: Items, _changed_ids: t.Sequence[str]) -> dict[str, t.Any]:
    return {}


class Change(t.NamedTuple):
    """What a module does to one item."""

    operation: str
    """A row of the resource's table of operations."""
    participle: str
    """What the items then are, such as C(unassigned). Their IDs are returned as C(unassigned_ids)."""
    is_wanted: t.Callable[[Item], bool]
    """Whether an item is as asked."""
    predict: t.Callable[[Item], Item]
    """How an item looks once it has been changed."""
    fields: tuple[str, ...]
    """The fields that the change is about. Two states that agree in them count as the same."""
    describe: t.Callable[[Item], str]
    """The state in a few words, for the diff: C(dana, lee)."""
    is_skipped: t.Callable[[Item], bool] | None = None
    """Whether an item that is not as asked is left so on purpose: further along, final, or already assigned."""
    required_fields: t.Mapping[str, type] = MappingProxyType({})
    """Fields that the decisions rest on, besides those of the resource."""
    values: Values = NO_VALUES
    """What the request says besides the IDs."""
    extra_results: t.Callable[[Items, t.Sequence[str]], dict[str, t.Any]] = _no_results
    """Further return values, from the items before and the IDs of those changed."""
    is_done: t.Callable[[Item, Item], bool] | None = None
    """Whether the states before and after show that the change took place. None if the wanted state says so."""
    is_repeatable: bool = True
    """Whether the same write has the same effect twice as once."""
    details: tuple[str, ...] = ()
    """Details of items that the decisions rest on."""

    def needs_change(self, item: Item) -> bool:
        return not self.is_wanted(item) and not self.skips(item)

    def skips(self, item: Item) -> bool:
        return not self.is_wanted(item) and self.is_skipped is not None and self.is_skipped(item)

    def took_effect(self, before: Item | None, after: Item) -> bool:
        if self.is_done is None:
            return self.is_wanted(after)
        return before is not None and self.is_done(before, after)

    def is_same(self, before: Item, after: Item) -> bool:
        return all(before.get(field) == after.get(field) for field in self.fields)


class Write(enum.Enum):
    """What is known of the last write of an item."""

    ACCEPTED = "accepted"
    UNCERTAIN = "uncertain"
    """It was sent, and nobody knows whether it was carried out."""


class Effect(enum.Enum):
    """What became of an item that was written."""

    CHANGED = "changed"
    """It is as asked."""
    UNKNOWN = "unknown"
    """It was perhaps changed: its state cannot be read, or it is gone."""
    NOT_VISIBLE = "not_visible"
    """The write was accepted, and the item still shows the state before."""
    DIFFERENT = "different"
    """The item shows a state that is neither the one before nor the one asked for."""
    OVERTAKEN = "overtaken"
    """The same, and an item in this state is skipped."""
    NONE = "none"
    """The write failed, and the item shows the state before."""


class Progress(t.NamedTuple):
    """What is known about the items of a task, at its end or when it was interrupted."""

    before: Items = MappingProxyType({})
    """The last state before a write that may have been carried out."""
    after: Items = MappingProxyType({})
    """The last known state. In check mode, the predicted one."""
    writes: t.Mapping[str, Write] = MappingProxyType({})
    not_found: t.Collection[str] = ()
    """Unknown IDs, those of items that disappeared meanwhile included."""
    unverified: t.Collection[str] = ()
    """IDs whose state after the write could not be read."""
    predicted: t.Sequence[str] = ()
    """In check mode, the IDs of the items that would be changed."""


def select(test: t.Callable[[Item], bool], ids: t.Iterable[str], items: Items) -> list[str]:
    """The IDs of the items that are known and pass the test, in their order."""
    return [item_id for item_id in ids if item_id in items and test(items[item_id])]


def predict(change: Change, ids: t.Iterable[str], items: Items) -> Items:
    """The items as they will be once these have been changed."""
    return {**items, **{item_id: change.predict(items[item_id]) for item_id in ids}}


def drop_aliases(ids: t.Sequence[str], items: Items) -> list[str]:
    """The IDs without those that name an item which an earlier one names as well."""
    first: dict[str, str] = {}
    for item_id in ids:
        first.setdefault(items[item_id]["id"] if item_id in items else f"unknown {item_id}", item_id)
    return list(first.values())


def assess(change: Change, item_id: str, progress: Progress) -> Effect:
    """What became of an item, by what is known of it."""
    write = progress.writes.get(item_id)
    if write is None:
        return Effect.NONE
    after = progress.after.get(item_id)
    if item_id in progress.unverified or after is None:
        return Effect.UNKNOWN
    before = progress.before.get(item_id)
    if change.took_effect(before, after):
        return Effect.CHANGED
    if before is None or change.is_same(before, after):
        return Effect.NOT_VISIBLE if write is Write.ACCEPTED else Effect.NONE
    return Effect.OVERTAKEN if change.skips(after) else Effect.DIFFERENT


def is_rewrite_safe(change: Change, write: Write | None, before: Item, latest: Item) -> bool:
    """Whether a write that failed may be sent again, after the item was read again.

    If an earlier try may have been carried out, any other state than the one before may be its effect, or that of
    somebody who acted after it. Writing again would undo what they did.
    """
    if not change.needs_change(latest) or (write and change.took_effect(before, latest)):
        return False
    return write is None or change.is_same(before, latest)
