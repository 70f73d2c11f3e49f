# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that has ended: what the service answered, and what the module must conclude from it."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from operations import NOW, Operation
from simulator import OPERATIONS, Entry

from .answers import ACCEPTED, CASE_COMMENT, CASE_EVENTS, REFUSED, Content, Incident, outcome_of
from .drive import Run
from .kinds import INCIDENTS, Kind
from .scenario import Scenario
from .tasks import is_kept
from .world import World

# Statuses that refuse a read. The task then works without reading.
UNREADABLE = (403, 404, 405, 501)

# What became of an incident that the task wanted to change.
UNTOUCHED = "untouched"
"""It was not written, or the write failed and a later read shows the state before."""
CHANGED = "changed"
UNKNOWN = "unknown"
"""It was written, and no later answer tells its state."""
NOT_VISIBLE = "not visible"
"""A write was accepted, and the incident still shows the state before."""
DIFFERENT = "different"
"""It was written, and shows a state that is neither the one before nor the one asked for."""
OVERTAKEN = "overtaken"
"""The same, and the state is one that is skipped."""


class Seen(NamedTuple):
    """What an answer showed of one incident."""

    place: int
    """In the journal."""
    incident: Incident | None
    """None if it is unknown."""
    is_true: bool


def _joined(earlier: Seen, found: Seen, operation: str) -> Seen:
    """What an answer about the events of a case, or about a comment, shows together with what was seen before."""
    if earlier.incident is None or found.incident is None:
        return found
    old_events = earlier.incident.get("events", []) if operation == CASE_COMMENT else []
    events = [*old_events, *found.incident["events"]]
    return Seen(found.place, {**earlier.incident, "events": events}, found.is_true and earlier.is_true)


class Write(NamedTuple):
    place: int
    entry: Entry
    outcome: str


@dataclass
class Trial:
    """One run of the campaign that has ended, with the world that it took place in."""

    world: World
    run: Run
    journal: list[Entry]
    redirected: int
    """Requests at the other host, to which redirects lead."""
    excuses: Counter[str] = field(default_factory=Counter)

    @property
    def scenario(self) -> Scenario:
        return self.world.scenario

    @functools.cached_property
    def result(self) -> dict[str, Any]:
        """What it returned, with the IDs in the simulator in place of those that the task gave."""
        if self.run.result is None:
            raise ValueError("a run that was killed has no result")
        key = self.scenario.stored_id
        result = dict(self.run.result)
        for name, value in result.items():
            if name.endswith("_ids") and isinstance(value, list):
                result[name] = [key(incident_id) for incident_id in value]
            elif name.endswith("_ids") and isinstance(value, dict):
                result[name] = {key(incident_id): users for incident_id, users in value.items()}
        return result

    @property
    def kind(self) -> Kind:
        return self.scenario.task.kind

    @property
    def items(self) -> list[Incident]:
        """The incidents or cases that it returned."""
        found: list[Incident] = self.result[self.kind.plural]
        return found

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @property
    def is_interrupted(self) -> bool:
        """Whether a signal or the deadline may have kept the task from taking an answer that was given."""
        return self.world.stopped_at > 0 or self.scenario.deadline is not None

    @functools.cached_property
    def asked(self) -> list[str]:
        return self.scenario.asked

    @property
    def operation(self) -> Operation:
        """What the task does. Asked for only where it changes something."""
        if self.scenario.task.operation is None:
            raise ValueError("this task changes nothing")
        return self.scenario.task.operation

    @functools.cached_property
    def _texts(self) -> tuple[str, ...]:
        operation = self.scenario.task.operation
        return operation.required_fields if operation else ()

    @functools.cached_property
    def contents(self) -> list[Content | None]:
        """By its place in the journal, what each answer says."""
        key = self.scenario.stored_id
        found = [self.kind.content_of(entry, self._texts) for entry in self.journal]
        return [
            content
            and content._replace(
                incidents={key(i): incident for i, incident in content.incidents.items()},
                unknown=[key(incident_id) for incident_id in content.unknown],
            )
            for content in found
        ]

    def ids_of(self, entry: Entry) -> list[str]:
        """The IDs in the simulator that a request is about."""
        return [self.scenario.stored_id(incident_id) for incident_id in entry.ids]

    def is_write(self, entry: Entry) -> bool:
        if entry.operation:
            return OPERATIONS[entry.operation].is_write
        return entry.method != "GET" and self.scenario.task.operation is not None

    @functools.cached_property
    def pages(self) -> list[tuple[Entry, Content]]:
        """The pages of a list that were answered."""
        answered = zip(self.journal, self.contents)
        return [(entry, content) for entry, content in answered if entry.operation == self.kind.list and content]

    @functools.cached_property
    def writes(self) -> list[Write]:
        return [
            Write(place, entry, outcome_of(entry, self.contents[place]))
            for place, entry in enumerate(self.journal)
            if self.is_write(entry)
        ]

    def writes_of(self, incident_id: str) -> list[Write]:
        return [write for write in self.writes if incident_id in self.ids_of(write.entry)]

    @functools.cached_property
    def first_write(self) -> int:
        return self.writes[0].place if self.writes else len(self.journal)

    def reads_of(self, incident_id: str) -> list[tuple[int, Content | None]]:
        """Place and content of the reads of an incident. Without content, a read failed."""
        return [
            (place, content)
            for place, (entry, content) in enumerate(zip(self.journal, self.contents))
            if incident_id in self.ids_of(entry) and entry.method == "GET"
        ]

    @functools.cached_property
    def _seen(self) -> dict[str, list[Seen]]:
        seen: dict[str, list[Seen]] = {incident_id: [] for incident_id in self.asked}
        without_events: dict[str, Seen] = {}
        passed_over = (self.kind.list, *(() if self.needs_events else (CASE_EVENTS,)))
        for place, (entry, content) in enumerate(zip(self.journal, self.contents)):
            if content is None or entry.operation in passed_over:
                continue
            untrue = self.world.untrue.get(id(entry), set())
            for incident_id in {*self.ids_of(entry)} & seen.keys() & {*content.incidents, *content.unknown}:
                found = Seen(place, content.incidents.get(incident_id), incident_id not in untrue)
                if self.needs_events and entry.operation == self.kind.read and found.incident:
                    # A read is whole with the events, which take a request of their own.
                    without_events[incident_id] = found
                    continue
                known = (
                    [*filter(None, [without_events.get(incident_id)])]
                    if entry.operation == CASE_EVENTS
                    else seen[incident_id]
                )
                is_part = entry.operation in (CASE_EVENTS, CASE_COMMENT)
                seen[incident_id].append(
                    _joined(known[-1], found, str(entry.operation)) if is_part and known else found
                )
        return seen

    @property
    def needs_events(self) -> bool:
        """Whether the task decides by events that take a request of their own."""
        operation = self.scenario.task.operation
        reads_them = self.scenario.include_events and not self.scenario.task.by_filters
        return bool(self.kind.events) and (operation.needs_events if operation else reads_them)

    def first_seen(self, incident_id: str) -> Seen | None:
        """What the first read of the incident showed, if that was before the first write."""
        return next((seen for seen in self._seen[incident_id] if seen.place < self.first_write), None)

    def last_seen(self, incident_id: str, before: int | None = None) -> Seen | None:
        """What the last answer about the incident showed, of those before a place in the journal."""
        found = [seen for seen in self._seen[incident_id] if before is None or seen.place < before]
        return found[-1] if found else None

    @functools.cached_property
    def is_read(self) -> bool:
        """Whether the state of all incidents was read before the first write."""
        return all(self.first_seen(incident_id) for incident_id in self.asked)

    @functools.cached_property
    def is_unread(self) -> bool:
        """Whether reading was refused, so that the task had to work without it."""
        first = self.journal[: self.first_write]
        refused = [
            entry
            for entry, content in zip(first, self.contents)
            if entry.operation in (self.kind.read, None) and entry.status in UNREADABLE and content is None
        ]
        return not self.is_read and bool(refused)

    @functools.cached_property
    def unknown_ids(self) -> list[str]:
        """The IDs that the reads before the first write did not find."""
        firsts = {incident_id: self.first_seen(incident_id) for incident_id in self.asked}
        return [incident_id for incident_id, seen in firsts.items() if seen and seen.incident is None]

    @functools.cached_property
    def changed_by_us(self) -> set[str]:
        """The incidents that a request of ours changed."""
        return {incident_id for entry in self.journal for incident_id in entry.effect}

    @functools.cached_property
    def pending_ids(self) -> list[str]:
        """The IDs of those that the first read showed in need of the change."""
        firsts = {incident_id: self.first_seen(incident_id) for incident_id in self.asked}
        return [
            i for i, seen in firsts.items() if seen and seen.incident and self.operation.needs_change(seen.incident)
        ]

    # What the module must conclude.
    def open_writes(self, incident_id: str) -> list[Write]:
        """The writes that were carried out, or may have been."""
        return [write for write in self.writes_of(incident_id) if write.outcome != REFUSED]

    def before(self, incident_id: str) -> Incident | None:
        """The last state before a write that may have been carried out."""
        if self.is_unread:
            return None
        writes = self.open_writes(incident_id)
        end = writes[0].place if writes else len(self.journal)
        known = [seen.incident for seen in self._seen[incident_id] if seen.incident and seen.place < end]
        return known[-1] if known else None

    def effects(self, incident_id: str) -> set[str]:
        """What became of an incident, by the answers that the module got. Several if any of them may be concluded."""
        writes = self.open_writes(incident_id)
        if not writes:
            return {UNTOUCHED}
        last = self.last_seen(incident_id)
        if last and last.incident and last.place >= writes[0].place and self._took_effect(incident_id, last.incident):
            return {CHANGED}
        place = last.place if last else -1
        is_shown = place > writes[-1].place or (self.is_unread and place == writes[-1].place)
        concluded = self._conclude(incident_id, writes[-1], last.incident if last else None) if is_shown else UNKNOWN
        later = zip(self.journal[writes[0].place :], self.contents[writes[0].place :])
        a_read_failed = any(entry.method == "GET" and content is None for entry, content in later)
        return {concluded, UNKNOWN} if a_read_failed or self.is_interrupted else {concluded}

    def _took_effect(self, incident_id: str, after: Incident) -> bool:
        return self.operation.took_effect(self.before(incident_id), after)

    def _conclude(self, incident_id: str, write: Write, after: Incident | None) -> str:
        before = self.before(incident_id)
        if after is None:
            return UNKNOWN
        if before is None or self.operation.is_same(before, after):
            return NOT_VISIBLE if write.outcome == ACCEPTED else UNTOUCHED
        return OVERTAKEN if self.operation.skips(after) else DIFFERENT

    @functools.cached_property
    def all_effects(self) -> dict[str, set[str]]:
        return {incident_id: self.effects(incident_id) for incident_id in self.asked}

    @functools.cached_property
    def is_certain(self) -> bool:
        """Whether for each incident only one conclusion is right."""
        return self.scenario.task.operation is None or all(len(effects) == 1 for effects in self.all_effects.values())

    @functools.cached_property
    def changed_ids(self) -> list[str]:
        """The IDs of those changed, or in check mode of those that would be changed."""
        if self.scenario.check_mode:
            return [] if self.failed else self.pending_ids
        return [incident_id for incident_id, effects in self.all_effects.items() if effects == {CHANGED}]

    # What the task must return.
    def returned(self, incident: Incident) -> Incident:
        """How the task returns an incident in this state, by its options."""
        operation = self.scenario.task.operation
        is_predicted = operation and self.scenario.check_mode and not self.failed and operation.needs_change(incident)
        shown = operation.predicted(incident) if operation and is_predicted else incident
        return {name: value for name, value in shown.items() if name not in self._not_compared}

    @functools.cached_property
    def _not_compared(self) -> set[str]:
        # A comment's answer does not show the case as it then is.
        is_comment = self.needs_events and self.scenario.task.operation is not None
        of_cases = (*(("events",) if self.kind.events else ()), *(("updateTime",) if is_comment else ()))
        details = ("links", "notifications")
        return {
            *(*self.world.altered_fields, *of_cases, *details),
            *(() if self.scenario.include_events else ("events",)),
        }

    def comparable(self, value: Any) -> Any:
        """A value of the result, without what cannot be predicted."""
        if isinstance(value, list) and all(isinstance(item, dict) and "id" in item for item in value):
            return [self._comparable_incident(incident) for incident in value]
        return {name: self.comparable(inner) for name, inner in value.items()} if isinstance(value, dict) else value

    def _comparable_incident(self, incident: Incident) -> Incident:
        fields = {
            name: value
            for name, value in incident.items()
            if name not in self._not_compared or (name == "events" and not self.kind.events)
        }
        operation = self.scenario.task.operation
        is_predicted = (
            operation and self.scenario.check_mode and self.scenario.stored_id(incident["id"]) in self.changed_ids
        )
        if operation and is_predicted and "closedAt" in operation.after:
            fields["closedAt"] = NOW if incident.get("closedAt", "") > incident.get("createdAt", "") else None
        return fields

    @functools.cached_property
    def _shown(self) -> dict[str, Incident]:
        """By the IDs asked for, the incidents that the task must return, as they were last seen."""
        if not (self.is_read or (self.is_unread and self.writes)):
            return {}
        lasts = {incident_id: self.last_seen(incident_id) for incident_id in self.asked}
        known = {incident_id: last.incident for incident_id, last in lasts.items() if last and last.incident}
        # An answer that is not true may give two of them the same ID: they count as one.
        named = {incident["id"]: incident_id for incident_id, incident in reversed(known.items())}
        known = {
            incident_id: incident for incident_id, incident in known.items() if named[incident["id"]] == incident_id
        }
        if self.scenario.task.operation is None:
            return known
        return {i: incident for i, incident in known.items() if UNKNOWN not in self.all_effects[i]}

    @functools.cached_property
    def _not_found_ids(self) -> list[str]:
        if not self.is_unread:
            lasts = {incident_id: self.last_seen(incident_id) for incident_id in self.asked}
            return [i for i, last in lasts.items() if self.is_read and last and last.incident is None]
        # Of what was accepted, the answer leaves these out.
        accepted = [i for i in self.asked if self.open_writes(i) and self.open_writes(i)[-1].outcome == ACCEPTED]
        is_reported = self.scenario.missing == "ignore" and self.scenario.task.operation is not None
        return [i for i in accepted if is_reported and self.all_effects[i] == {UNKNOWN}]

    @functools.cached_property
    def expected(self) -> dict[str, Any]:
        """What the task must return, by name. Without what cannot be predicted."""
        if self.scenario.task.by_filters:
            return self._expected_list
        operation, incidents = self.scenario.task.operation, [self.returned(each) for each in self._shown.values()]
        if operation is None:
            return self._expected_read(incidents, self._not_found_ids, len(incidents))
        before = {i: incident for i in self.changed_ids for incident in [self.before(i)] if incident}
        expected = {
            operation.ids_name: self.changed_ids,
            "not_found_ids": self._not_found_ids,
            **operation.extra_results(before, self.changed_ids),
        }
        has_changed = bool(self.changed_ids) or any(UNTOUCHED not in effects for effects in self.all_effects.values())
        if not self.is_certain:
            return {**expected, **({"changed": True} if has_changed else {})}
        skipped = [incident_id for incident_id, incident in self._shown.items() if operation.skips(incident)]
        return {
            **expected,
            "changed": has_changed,
            self.kind.plural: incidents,
            "ansible_facts": None if self.failed else {f"coralogix_{self.kind.plural}": incidents},
            "skipped_ids": None if operation.is_skipped is None else skipped,
            "diff": self._diff,
        }

    @property
    def _expected_list(self) -> dict[str, Any]:
        shown: dict[str, Incident] = {}
        for _entry, content in [] if self.failed else self.pages:
            shown.update(
                (i, incident)
                for i, incident in content.incidents.items()
                if is_kept(self.kind, self.scenario.query, incident)
            )
        incidents = [self.returned(incident) for incident in shown.values()][: self.scenario.query.get("limit")]
        # What was removed between the list and the events is not returned.
        gone = {i for content in self.contents if content and not self.failed for i in content.unknown}
        incidents = [incident for incident in incidents if incident["id"] not in gone]
        return self._expected_read(incidents, [], self.pages[-1][1].total if self.pages and not self.failed else 0)

    def _expected_read(self, items: list[Incident], not_found_ids: list[str], total: int) -> dict[str, Any]:
        pages = [] if self.failed else self.pages
        is_counted = self.kind is INCIDENTS
        counted = {"total": total} if is_counted else {"truncated": any(page.truncated for _entry, page in pages)}
        read_only = {"changed": False, "diff": None, "ansible_facts": None}
        found = {self.kind.plural: items, "not_found_ids": not_found_ids, "count": len(items)}
        return {**read_only, **found, **counted}

    @property
    def _diff(self) -> dict[str, str] | None:
        """One line for each incident that changes, with its ID, its name, and what changes."""
        if not (self.scenario.diff and self.is_read and len(self.unknown_ids) < len(self.asked)):
            return None
        return {"prepared": "".join(map(self._diff_line, self.asked))}

    def _diff_line(self, incident_id: str) -> str:
        before, last = self.before(incident_id), self.last_seen(incident_id)
        is_written = incident_id in self.changed_ids or not self.all_effects[incident_id] & {UNTOUCHED, UNKNOWN}
        if not (before and last and last.incident and is_written):
            return ""
        operation = self.operation
        is_predicted = self.scenario.check_mode and operation.needs_change(last.incident)
        after = operation.predicted(last.incident) if is_predicted else last.incident
        states = [operation.describe(each) for each in (before, after)]
        name, title = _one_line(before.get(self.kind.title_field))[:200], self.scenario.spelled[incident_id]
        readable_id = before.get("readableId")
        if readable_id and readable_id != title.strip().upper():
            title += f" ({readable_id})"
        if name:
            title += f' "{name}"'
        return f"{title}: {' -> '.join(map(_one_line, states))}\n" if states[0] != states[1] else ""


def _one_line(text: Any) -> str:
    return (
        " ".join("".join(char if char.isprintable() else " " for char in text).split()) if isinstance(text, str) else ""
    )
