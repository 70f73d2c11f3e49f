# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulator in which a scenario takes place, and what truly happened in it.

Other users act in the hooks that the simulator calls before and after each request. Its journal says which request of
the module had an effect.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any, Callable
from urllib.parse import quote

from simulator import OPTIONAL_FIELDS, Entry, Fault, NotFound, Simulator

from .answers import Incident, canonical, content_of, portable
from .faults import ECHO, KINDS, NESTED
from .scenario import IN_MEMORY, SOMEBODY, Action, InjectedFault, Moment, Scenario
from .tasks import matches, matches_nothing

# Where a simulator without a socket seems to be.
NO_SOCKET = "http://localhost:9"


class World:
    """The simulator of a scenario; a context."""

    def __init__(self, scenario: Scenario, redirect_url: str = NO_SOCKET) -> None:
        self.scenario = scenario
        self.simulator = sim = Simulator(latest=scenario.latest, **scenario.simulator)
        if scenario.key_is_known:
            sim.add_key(scenario.key.removeprefix("Bearer "), scenario.permissions, scenario.key_kind)
        self.redirect_url = f"{redirect_url}/mgmt/openapi/5/incidents/incidents/v1"
        for incident_id, fields in scenario.incidents.items():
            lacking = OPTIONAL_FIELDS.difference(fields, ("description",))
            sim.add_incident(without=lacking, **{**fields, "id": incident_id})
        # What was found out between two changes of any kind.
        self._cache: dict[str, Incident] = {}
        self._cached_version, self._acted = (-1, -1), 0
        self.start: dict[str, Incident] = {i: incident for i in scenario.incidents if (incident := self.now(i))}
        self.states: dict[str, list[Incident]] = {i: [incident] for i, incident in self.start.items()}
        """All that each incident has been, as far as other users made it so."""
        self.actions_done: Counter[str] = Counter()
        """What other users did, and how often."""
        self.touched: set[str] = set()
        """IDs of incidents to which other users did anything."""
        self.removed: dict[str, Incident] = {}
        """Incidents that another user removed, as they were then."""
        self.late: set[str] = set()
        """IDs of which a write took effect after the module had stopped waiting for its answer."""
        self.untrue: dict[int, set[str]] = {}
        """By the identity of an entry of the journal, the IDs about which the answer was not true when it was given."""
        self.send_signal: Callable[[], None] = lambda: None
        """Sends the scenario's signal to the module's process."""
        self.stopped_at = 0.0
        """When that was, on the clock of time.monotonic."""
        self.is_cut_off = False
        """Whether the run went on for ever, and was ended."""
        self.first = self.last = 0.0
        """When the first request came and when the last one was answered."""
        self._lock = threading.Lock()
        self._arrived: list[tuple[float, frozenset[str]]] = []
        self._answered = 0
        self._counts: Counter[tuple[str, str | None]] = Counter()
        self._is_over = False
        self._first_token = ""
        sim.on_request, sim.after_request = self._on_request, self._after_request
        self.faults = [self._make_fault(injected) for injected in scenario.faults]
        for fault in self.faults:
            sim.fault(fault)

    def __enter__(self) -> World:
        if self.scenario.mode != IN_MEMORY:
            self.simulator.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.simulator.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        return NO_SOCKET if self.scenario.mode == IN_MEMORY else self.simulator.url

    # Faults.
    def _make_fault(self, injected: InjectedFault) -> Fault:
        kind = KINDS[injected.kind]
        return Fault(
            operation=injected.operation,
            effect=injected.effect,
            times=injected.times,
            skip=injected.skip,
            when_id=injected.when_id,
            **(kind.fault(self, injected.edit) if callable(kind.fault) else kind.fault),
        )

    @property
    def key_in_all_forms(self) -> str:
        """Text with the API key in every form."""
        key = self.scenario.key
        encoded = [base64.b64encode((prefix + key).encode()).decode() for prefix in ("", "x", "xx")]
        return " ".join([f"Bearer {key}", quote(key, safe=""), json.dumps(key)[1:-1], *encoded])

    def show_state_before(self, answer: Any) -> Any:
        shown = answer.get("incidents") if isinstance(answer, dict) else None
        if not isinstance(shown, list):
            return answer
        return {
            **answer,
            "incidents": [copy.deepcopy(self.start.get(shown_now["id"], shown_now)) for shown_now in shown],
        }

    def lead_back(self, answer: Any) -> Any:
        """The page, with the token that the first one had."""
        pagination = answer.get("pagination", {}) if isinstance(answer, dict) else {}
        self._first_token = self._first_token or pagination.get("nextPageToken", "")
        return {**answer, "pagination": {**pagination, "nextPageToken": self._first_token}} if pagination else answer

    @property
    def altered_fields(self) -> tuple[str, ...]:
        """Fields of incidents that faults have put something into. What holds the key is masked."""
        hits = self.hits
        return (("description", "contextualLabels") if hits[ECHO] else ()) + (("nested",) if hits[NESTED] else ())

    @property
    def hits(self) -> Counter[str]:
        """How often each kind of fault occurred."""
        counted: Counter[str] = Counter()
        for injected, fault in zip(self.scenario.faults, self.faults):
            counted[injected.kind] += fault.hits
        return +counted

    # What happens meanwhile.
    def _on_request(self, entry: Entry) -> None:
        with self._lock:
            self.first = self.first or time.monotonic()
            self._arrived.append((entry.time, frozenset(entry.ids)))
        self._happen("before", entry)

    def _after_request(self, entry: Entry) -> None:
        with self._lock:
            later = {incident_id for at, ids in self._arrived if at > entry.time for incident_id in ids}
            self.late |= {incident_id for incident_id in entry.effect if incident_id in later or self._is_over}
        self.untrue[id(entry)] = self._find_untrue(entry)
        self._happen("after", entry)
        with self._lock:
            self._answered += 1
            self.last = time.monotonic()

    def _find_untrue(self, entry: Entry) -> set[str]:
        is_honest = entry.fault is None and not self.scenario.simulator.get("stale_reads")
        content = None if is_honest else content_of(entry)
        if content is None:
            return set()
        shown = {**dict.fromkeys(content.unknown), **content.incidents}
        return {
            i for i, incident in shown.items() if self._without_altered(incident) != self._without_altered(self.now(i))
        }

    def _without_altered(self, incident: Incident | None) -> Incident | None:
        return incident and {name: value for name, value in incident.items() if name not in self.altered_fields}

    def _happen(self, when: str, entry: Entry) -> None:
        with self._lock:
            self._counts[when, entry.operation] += 1
            moment = Moment(when, str(entry.operation), self._counts[when, entry.operation])
        if self._is_over:
            return
        for action in self.scenario.actions:
            if action.moment == moment:
                self._act(action)
        if self.scenario.stop and self.scenario.stop.moment == moment:
            self.send_signal()

    def _act(self, action: Action) -> None:
        incident_id, before = action.incident_id, self.now(action.incident_id)
        operation, _space, user = action.what.partition(" ")
        self._acted += 1
        # Nobody can change what is not there.
        with contextlib.suppress(NotFound, KeyError):
            if operation == "remove":
                self.simulator.remove_incident(incident_id)
            elif operation != "create":
                self.simulator.act(operation, incident_id, user or None, SOMEBODY)
            elif before is None and incident_id not in self.removed:
                self.simulator.add_incident(incident_id, assignees=("u2",), events=1)
        self._acted += 1
        after = self.now(incident_id)
        if before != after:
            self.actions_done[operation] += 1
            self.touched.add(incident_id)
        if before and not after:
            self.removed[incident_id] = before
        if after and not before:
            self.start.setdefault(incident_id, after)
        self.states.setdefault(incident_id, []).extend([after] if after else [])

    def cut_off(self) -> None:
        """End a run that hangs: nobody is there any more."""
        self.is_cut_off = True
        self.simulator.stop()

    # What has happened.
    def settle(self) -> None:
        """Wait until every request that has come is answered, and let nothing happen from now on.

        A process that was killed may have left one behind. A hang comes after the effect.
        """
        self._is_over = True
        end = time.monotonic() + 10
        while self._answered < len(self._arrived) and time.monotonic() < end:
            time.sleep(0.005)
        self.simulator.on_request = self.simulator.after_request = None

    def now(self, incident_id: str) -> Incident | None:
        """The incident as it is, in the form in which Ansible can carry it."""
        version = (len(self.simulator.journal), self._acted)
        if version != self._cached_version:
            self._cached_version, self._cache = version, {}
        if incident_id not in self._cache:
            with contextlib.suppress(KeyError):
                self._cache[incident_id] = portable(self.simulator.incident(canonical(incident_id)), 62)
        return self._cache.get(incident_id)

    @property
    def is_unreadable(self) -> bool:
        """Whether this server has no route to read by, whatever the key."""
        return "without" in self.scenario.simulator

    def needs_change(self, incident_id: str) -> bool:
        """Whether the task has anything to do with the incident as it is."""
        incident, operation = self.now(incident_id), self.scenario.task.operation
        return incident is not None and operation is not None and operation.needs_change(incident)

    def matching(self) -> list[Incident]:
        """The incidents that match the filters of the task, as they are."""
        found = [incident for incident_id in self.start for incident in [self.now(incident_id)] if incident]
        query = self.scenario.query
        return [] if matches_nothing(query) else [incident for incident in found if matches(query, incident)]
