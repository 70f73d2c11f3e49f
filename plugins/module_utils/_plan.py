# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions by value: which incidents need a change, what they look like after it, what is reported. No I/O."""

from __future__ import annotations

import typing as t
from types import MappingProxyType

from ._errors import CoralogixError, SettingsError
from ._incidents import Incident

States = t.Mapping[str, Incident]
"""Incidents by the ID asked for."""


class Change(t.NamedTuple):
    """What a module of this family does to an incident."""

    operation: str
    """A row of the routes table."""
    done: str
    """What the incidents then are, such as C(unassigned); their IDs are returned as C(unassigned_ids)."""
    needed: t.Callable[[Incident], bool]
    after: t.Callable[[Incident], Incident]
    shows: tuple[str, ...]
    """The keys of an incident that a diff is about."""


class Outcome(t.NamedTuple):
    """How a change ended, or how far it came."""

    before: States = MappingProxyType({})
    after: States = MappingProxyType({})
    """The incidents as they are, or in check mode would be."""
    done: t.Sequence[str] = ()
    """The IDs of the incidents that were changed."""
    not_found: t.Sequence[str] = ()
    doubtful: t.Sequence[str] = ()
    """The IDs of the incidents that were perhaps changed: nothing that is known tells."""
    error: CoralogixError | None = None
    warning: str = ""


def checked_ids(ids: t.Sequence[str]) -> list[str]:
    """The IDs in their order, without surrounding blanks and repetitions; raises SettingsError."""
    stripped = [one.strip() for one in ids]
    for one in stripped:
        if not one:
            raise SettingsError("incident_ids holds a blank where an ID should be.")
        if not one.isprintable():
            raise SettingsError(f"incident_ids holds {one!r}, with a character that is in no ID.")
    return list(dict.fromkeys(stripped))


def todo(change: Change, ids: t.Iterable[str], states: States) -> list[str]:
    """The IDs of those incidents that are known to need the change."""
    return [one for one in ids if one in states and change.needed(states[one])]


def predicted(change: Change, ids: t.Iterable[str], states: States) -> States:
    """The incidents as they will be once these have been changed."""
    return {**states, **{one: change.after(states[one]) for one in ids}}


def result(
    change: Change, ids: t.Iterable[str], outcome: Outcome, diff: bool = False, events: bool = True
) -> dict[str, t.Any]:
    """What the task returns, whether it ends well or not; the incidents with their events or without."""
    incidents = [outcome.after[one] for one in ids if one in outcome.after]
    if not events:
        incidents = [{key: value for key, value in one.items() if key != "events"} for one in incidents]
    returned: dict[str, t.Any] = {
        "changed": bool(outcome.done or outcome.doubtful),
        "incidents": incidents,
        f"{change.done}_ids": list(outcome.done),
        "not_found_ids": list(outcome.not_found),
    }
    if diff and outcome.before:
        returned["diff"] = {
            "before": _shown(change, outcome.done, outcome.before),
            "after": _shown(change, outcome.done, outcome.after),
        }
    if outcome.error is None:
        returned["ansible_facts"] = {"coralogix_incidents": incidents}
    else:
        returned["msg"] = f"{outcome.error} {_progress(change, outcome)}"
        returned["failure"] = outcome.error.failure
    return returned


def _progress(change: Change, outcome: Outcome) -> str:
    """For a message: what had been done when the task failed."""
    told = []
    if outcome.done:
        told.append(f"{change.done.capitalize()} until then: {', '.join(outcome.done)}.")
    if outcome.doubtful:
        told.append(f"Perhaps {change.done}, which could not be found out: {', '.join(outcome.doubtful)}.")
    return " ".join(told) or "Nothing was changed."


def _shown(change: Change, ids: t.Iterable[str], states: States) -> dict[str, t.Any]:
    return {one: {key: states[one].get(key) for key in change.shows} for one in ids}
