# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task returns, from what is known at its end. Pure functions; no I/O."""

from __future__ import annotations

import typing as t

from . import _plan
from ._errors import OptionInvalid, Unexpected
from ._executor import Outcome
from ._messages import Context, describe_error, describe_failure, describe_progress, outcome_warnings
from ._plan import Change, Effect
from ._resource import Item, Resource

Result = Item

# Characters of a name in a diff.
_MAX_TITLE = 200


def change_result(
    resource: Resource,
    change: Change,
    ids: t.Sequence[str],
    outcome: Outcome,
    context: Context,
    diff: bool = False,
    include_events: bool = True,
) -> Result:
    """The result of a module that changes items, whether the task ends well or not."""
    progress = outcome.progress
    effects, changed_ids = _effects(change, ids, outcome)
    known_ids = _plan.drop_aliases([item_id for item_id in ids if item_id in progress.after], progress.after)
    items = returned_items((progress.after[item_id] for item_id in known_ids), include_events)
    not_found = {*progress.not_found}
    result: Result = {
        "changed": bool(changed_ids) or any(effect is not Effect.NONE for effect in effects.values()),
        resource.plural: items,
        f"{change.participle}_ids": changed_ids,
        "not_found_ids": [item_id for item_id in ids if item_id in not_found],
        **change.extra_results(progress.before, changed_ids),
    }
    if change.is_skipped:
        result["skipped_ids"] = _plan.select(change.skips, known_ids, progress.after)
    if diff and progress.before:
        result["diff"] = {"prepared": "".join(_diff_lines(resource, change, ids, outcome))}
    warnings = outcome_warnings(change, ids, outcome, effects, context)
    if warnings:
        result["warnings"] = warnings
    if outcome.error is None:
        result["ansible_facts"] = {f"coralogix_{resource.plural}": items}
        return result
    failure = failure_result(outcome.error, context)
    progress_text = describe_progress(change, changed_ids, effects, outcome.error, context)
    return {**result, **failure, "msg": f"{failure['msg']} {progress_text}".rstrip()}


def fallback_result(
    change: Change, ids: t.Sequence[str], outcome: Outcome, context: Context, error: Exception
) -> Result:
    """What is returned if the full result cannot be built, such as without memory: what was changed."""
    effects, changed_ids = _effects(change, ids, outcome)
    return {
        "failed": True,
        "changed": bool(changed_ids) or any(effect is not Effect.NONE for effect in effects.values()),
        f"{change.participle}_ids": changed_ids,
        "msg": f"The result could not be built ({type(error).__name__}: {error}). "
        f"{describe_progress(change, changed_ids, effects, error, context)}",
    }


def _effects(change: Change, ids: t.Sequence[str], outcome: Outcome) -> tuple[dict[str, Effect], list[str]]:
    """What became of each item, and the IDs of those that changed, or in check mode would change."""
    effects = {item_id: _plan.assess(change, item_id, outcome.progress) for item_id in ids}
    changed_ids = [item_id for item_id in ids if effects[item_id] is Effect.CHANGED]
    return effects, list(outcome.progress.predicted) or changed_ids


def failure_result(error: t.Any, context: Context) -> Result:
    """What a failed task returns: the message, and the parts of the failed request."""
    result: Result = {"failed": True, "msg": describe_error(error, context)}
    if isinstance(error, Unexpected):
        result["exception"] = error.traceback
    # No request is to blame for an option, and a result full of nulls only hides the message.
    if not isinstance(error, OptionInvalid):
        result["failure"] = describe_failure(error)
    return result


def returned_items(items: t.Iterable[Item], include_events: bool) -> list[Item]:
    """The items as they are returned, with their events or without."""
    if include_events:
        return list(items)
    return [{field: value for field, value in item.items() if field != "events"} for item in items]


def _diff_lines(resource: Resource, change: Change, ids: t.Iterable[str], outcome: Outcome) -> t.Iterator[str]:
    """One line for each item that changes: its ID, its name, and what changes."""
    progress = outcome.progress
    for item_id in ids:
        before, after = progress.before.get(item_id), progress.after.get(item_id)
        written = item_id in progress.predicted or _plan.assess(change, item_id, progress) is not Effect.NONE
        if not (before and after and written) or change.describe(before) == change.describe(after):
            continue
        states = (printable(change.describe(item)) for item in (before, after))
        yield f"{' '.join([item_id, *_names(resource, item_id, before)])}: {' -> '.join(states)}\n"


def _names(resource: Resource, item_id: str, item: Item) -> t.Iterator[str]:
    """What people know an item by, besides the ID that the task gave."""
    other_id = printable(item.get(resource.id_fields[-1]))
    if other_id and resource.canonical_id(other_id) != resource.canonical_id(item_id):
        yield f"({other_id})"
    name = printable(item.get(resource.title_field))[:_MAX_TITLE]
    if name:
        yield f'"{name}"'


def printable(text: t.Any) -> str:
    """User data for one line of output. Nothing in it can begin a further line or control a terminal."""
    characters = "".join(char if char.isprintable() else " " for char in text) if isinstance(text, str) else ""
    return " ".join(characters.split())
