# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions about made-up items that have a color and an owner."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.coralogix.incidents.plugins.module_utils import _plan
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change, Effect, Progress, Write
from helpers import table
from hypothesis import given
from hypothesis import strategies as st

Item = t.Dict[str, t.Any]  # noqa: UP006 - Python 3.9 evaluates this line

PAINT = Change(
    operation="paint",
    participle="painted",
    is_wanted=lambda item: item["color"] == "red",
    predict=lambda item: {**item, "color": "red"},
    fields=("color",),
    describe=lambda item: str(item["color"]),
    is_skipped=lambda item: item["color"] == "black",
)


def make_item(color: str, **fields: t.Any) -> Item:
    return {"id": "a", "color": color, **fields}


ids = [f"id-{number}" for number in range(5)]


def in_any_color(item_id: str) -> st.SearchStrategy[Item]:
    return st.sampled_from(["red", "black", "blue"]).map(lambda color: {"id": item_id, "color": color})


some_items = st.fixed_dictionaries({}, optional={item_id: in_any_color(item_id) for item_id in ids})


@given(asked=st.lists(st.sampled_from(ids), unique=True), items=some_items)
def test_every_known_item_is_wanted_or_skipped_or_changed(asked: list[str], items: dict[str, Item]) -> None:
    before = copy.deepcopy(items)
    pending = _plan.select(PAINT.needs_change, asked, items)
    skipped = _plan.select(PAINT.skips, asked, items)
    wanted = _plan.select(PAINT.is_wanted, asked, items)
    assert sorted([*pending, *skipped, *wanted]) == sorted(item_id for item_id in asked if item_id in items)
    assert all(part == [item_id for item_id in asked if item_id in part] for part in (pending, skipped, wanted))
    after = _plan.predict(PAINT, pending, items)
    assert _plan.select(PAINT.needs_change, asked, after) == []
    assert {item_id for item_id in items if after[item_id] != items[item_id]} == set(pending)
    assert (list(after), items) == (list(items), before)


def test_change_without_skipping_skips_nothing() -> None:
    assert PAINT._replace(is_skipped=None).needs_change(make_item("black"))


def test_second_id_of_an_item_is_dropped() -> None:
    items = {"a": {"id": "a"}, "A-1": {"id": "a"}, "b": {"id": "b"}}
    assert _plan.drop_aliases(["A-1", "x", "b", "a", "x"], items) == ["A-1", "x", "b"]


BLUE, RED, GREEN, BLACK = make_item("blue"), make_item("red"), make_item("green"), make_item("black")
# What is known of the write, the state before, the last known state, and what became of the item.
EFFECTS: dict[str, tuple[Write | None, Item | None, Item | None, Effect]] = {
    "not written": (None, BLUE, RED, Effect.NONE),
    "accepted, as asked": (Write.ACCEPTED, BLUE, RED, Effect.CHANGED),
    "uncertain, as asked": (Write.UNCERTAIN, BLUE, RED, Effect.CHANGED),
    "accepted, as before": (Write.ACCEPTED, BLUE, make_item("blue", owner="x"), Effect.NOT_VISIBLE),
    "uncertain, as before": (Write.UNCERTAIN, BLUE, BLUE, Effect.NONE),
    "accepted, other": (Write.ACCEPTED, BLUE, GREEN, Effect.DIFFERENT),
    "uncertain, other": (Write.UNCERTAIN, BLUE, GREEN, Effect.DIFFERENT),
    "accepted, to be skipped": (Write.ACCEPTED, BLUE, BLACK, Effect.OVERTAKEN),
    "uncertain, to be skipped": (Write.UNCERTAIN, BLUE, BLACK, Effect.OVERTAKEN),
    "accepted, gone": (Write.ACCEPTED, BLUE, None, Effect.UNKNOWN),
    "accepted, unread before, as asked": (Write.ACCEPTED, None, RED, Effect.CHANGED),
    "accepted, unread before, not as asked": (Write.ACCEPTED, None, GREEN, Effect.NOT_VISIBLE),
}


@table("write, before, after, effect", EFFECTS)
def test_effect_follows_from_what_is_known(
    write: Write | None, before: Item | None, after: Item | None, effect: Effect
) -> None:
    progress = Progress({"a": before} if before else {}, {"a": after} if after else {}, {"a": write} if write else {})
    assert _plan.assess(PAINT, "a", progress) is effect
    unverified = Effect.UNKNOWN if write else Effect.NONE
    assert _plan.assess(PAINT, "a", progress._replace(unverified=["a"])) is unverified


# What an earlier try may have done, the states before and now, and whether the write may be sent again.
REWRITES: dict[str, tuple[Write | None, Item, Item, bool]] = {
    "nothing was done": (None, BLUE, BLUE, True),
    "nothing was done, and it looks otherwise": (None, BLUE, GREEN, True),
    "nothing was done, and somebody did it": (None, BLUE, RED, False),
    "nothing was done, and it is to be skipped": (None, BLUE, BLACK, False),
    "uncertain, and nothing changed": (Write.UNCERTAIN, BLUE, make_item("blue", owner="x"), True),
    "uncertain, and it is as asked": (Write.UNCERTAIN, BLUE, RED, False),
    "uncertain, and somebody acted": (Write.UNCERTAIN, BLUE, GREEN, False),
}


@table("write, before, latest, is_safe", REWRITES)
def test_write_is_repeated_only_if_it_undoes_nothing(
    write: Write | None, before: Item, latest: Item, is_safe: bool
) -> None:
    assert _plan.is_rewrite_safe(PAINT, write, before, latest) == is_safe


def test_is_done_compares_the_states_where_no_state_is_wanted() -> None:
    """Such as a comment: the wanted state is never there before."""
    comment = PAINT._replace(
        is_wanted=lambda _item: False,
        is_done=lambda before, after: after["n"] > before["n"],
        fields=("n",),
        is_skipped=None,
    )
    before, after = {"id": "a", "n": 1}, {"id": "a", "n": 2}
    assert _plan.assess(comment, "a", Progress({"a": before}, {"a": after}, {"a": Write.ACCEPTED})) is Effect.CHANGED
    assert (
        _plan.assess(comment, "a", Progress({"a": before}, {"a": before}, {"a": Write.ACCEPTED})) is Effect.NOT_VISIBLE
    )
    assert not _plan.is_rewrite_safe(comment, Write.UNCERTAIN, before, after)
    assert _plan.is_rewrite_safe(comment, Write.UNCERTAIN, before, before)
