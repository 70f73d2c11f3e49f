# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions by value: which incidents need a change, what they look like after it, what is reported. No I/O."""

from __future__ import annotations

import typing as t
from types import MappingProxyType

from ._errors import CoralogixError, SettingsError, listed
from ._incident import Incident
from ._routes import NO_VALUES, Values

States = t.Mapping[str, Incident]
"""Incidents by the ID asked for."""


def _nothing(_before: States, _done: t.Sequence[str]) -> dict[str, t.Any]:
    return {}


class Change(t.NamedTuple):
    """What a module of this family does to an incident."""

    operation: str
    """A row of the routes table."""
    done: str
    """What the incidents then are, such as C(unassigned); their IDs are returned as C(unassigned_ids)."""
    wanted: t.Callable[[Incident], bool]
    """Whether an incident is as it should be."""
    after: t.Callable[[Incident], Incident]
    """How an incident looks once it has been changed."""
    shows: tuple[str, ...]
    """The keys of an incident that a diff is about."""
    passed: t.Callable[[Incident], bool] | None = None
    """Whether an incident that is not as wanted is left alone all the same, such as one that is past it."""
    texts: tuple[str, ...] = ()
    """The keys that the decisions above rest on, besides C(assignments)."""
    values: Values = NO_VALUES
    """What the request says besides the IDs."""
    reports: t.Callable[[States, t.Sequence[str]], dict[str, t.Any]] = _nothing
    """What is returned besides, given the incidents before and the IDs of those changed."""

    def needed(self, incident: Incident) -> bool:
        return not self.wanted(incident) and not (self.passed and self.passed(incident))

    def left_alone(self, incident: Incident) -> bool:
        return not self.wanted(incident) and not self.needed(incident)


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
    stripped = [incident_id.strip() for incident_id in ids]
    for incident_id in stripped:
        if not incident_id:
            raise SettingsError("incident_ids holds a blank where an ID should be.")
        if not incident_id.isprintable():
            raise SettingsError(f"incident_ids holds {incident_id!r}, with a character that is in no ID.")
    return list(dict.fromkeys(stripped))


def check_texts(params: t.Mapping[str, t.Any], names: t.Iterable[str]) -> None:
    """Raises SettingsError for an option that is blank."""
    for name in names:
        if isinstance(params[name], str) and not params[name].strip():
            raise SettingsError(f"{name} is blank.")


def those(are_so: t.Callable[[Incident], bool], ids: t.Iterable[str], states: States) -> list[str]:
    """The IDs of those incidents that are known to be so, in their order."""
    return [incident_id for incident_id in ids if incident_id in states and are_so(states[incident_id])]


def predicted(change: Change, ids: t.Iterable[str], states: States) -> States:
    """The incidents as they will be once these have been changed."""
    return {**states, **{incident_id: change.after(states[incident_id]) for incident_id in ids}}


def shown(incidents: t.Iterable[Incident], events: bool) -> list[Incident]:
    """The incidents as they are returned, with their events or without."""
    if events:
        return list(incidents)
    return [{key: value for key, value in incident.items() if key != "events"} for incident in incidents]


def result(
    change: Change, ids: t.Sequence[str], outcome: Outcome, diff: bool = False, events: bool = True
) -> dict[str, t.Any]:
    """What the task returns, whether it ends well or not."""
    incidents = shown((outcome.after[incident_id] for incident_id in ids if incident_id in outcome.after), events)
    returned: dict[str, t.Any] = {
        "changed": bool(outcome.done or outcome.doubtful),
        "incidents": incidents,
        f"{change.done}_ids": list(outcome.done),
        "not_found_ids": list(outcome.not_found),
        **change.reports(outcome.before, outcome.done),
    }
    if change.passed:
        returned["left_alone_ids"] = those(change.left_alone, ids, outcome.after)
    if diff and outcome.before:
        returned["diff"] = {
            "before": _sides(change, outcome.done, outcome.before),
            "after": _sides(change, outcome.done, outcome.after),
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
        told.append(f"{change.done.capitalize()} until then: {listed(outcome.done)}.")
    if outcome.doubtful:
        told.append(f"Perhaps {change.done}, which could not be found out: {', '.join(outcome.doubtful)}.")
    return " ".join(told) or "Nothing was changed."


def _sides(change: Change, ids: t.Iterable[str], states: States) -> dict[str, t.Any]:
    return {incident_id: {key: states[incident_id].get(key) for key in change.shows} for incident_id in ids}
