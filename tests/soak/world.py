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

from simulator import Entry, Fault, Refused, Simulator

from .answers import CASE_COMMENT, Content, Incident, portable
from .faults import ECHO, KINDS, NESTED
from .scenario import IN_MEMORY, SOMEBODY, Action, InjectedFault, Moment, Scenario
from .tasks import matches, matches_nothing

# Where a simulator without a socket seems to be.
NO_SOCKET = "http://localhost:9"


class World:
    """The simulator of a scenario; a context."""

    def __init__(self, scenario: Scenario, redirect_url: str = NO_SOCKET) -> None:
        self.scenario = scenario
        self.kind = scenario.task.kind
        self.simulator = sim = Simulator(latest=scenario.latest, **scenario.simulator)
        if scenario.key_is_known:
            sim.add_key(scenario.key.removeprefix("Bearer "), scenario.permissions, scenario.key_kind)
        self.redirect_url = f"{redirect_url}/mgmt/openapi/5/{self.kind.plural}/{self.kind.plural}/v1"
        for incident_id, fields in scenario.incidents.items():
            self.kind.add(sim, incident_id, fields)
        # States that were looked up, until anything changes.
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
        if not isinstance(answer, dict):
            return answer
        if isinstance(answer.get("case"), dict):
            return {**answer, "case": self._state_before(answer["case"])}
        shown = answer.get(self.kind.plural)
        return {**answer, self.kind.plural: list(map(self._state_before, shown))} if isinstance(shown, list) else answer

    def _state_before(self, shown_now: Incident) -> Any:
        before = copy.deepcopy(dict(self.start.get(shown_now["id"], shown_now)))
        if self.kind.events:
            before.pop("events", None)
        return before

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
            self._arrived.append((entry.time, frozenset(map(self.scenario.stored_id, entry.ids))))
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
        lags = [self.scenario.simulator.get(name) for name in ("stale_reads", "stale_events")]
        is_honest = entry.fault is None and not any(lags)
        content: Content | None = None if is_honest else self.kind.content_of(entry)
        if content is None:
            return set()
        shown = {
            self.scenario.stored_id(i): item
            for i, item in {**dict.fromkeys(content.unknown), **content.incidents}.items()
        }
        return {i for i, item in shown.items() if not self._is_true(entry, item, self.now(i))}

    def _is_true(self, entry: Entry, shown: Incident | None, now: Incident | None) -> bool:
        if shown is None or now is None:
            return shown is now
        if entry.operation == CASE_COMMENT:
            return bool(shown["events"][0] in now["events"])
        if set(shown) == {"events"}:
            return bool(shown["events"] == now["events"])
        if self.kind.events:
            now = {name: value for name, value in now.items() if name != "events"}
        return self._without_altered(shown) == self._without_altered(now)

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
        operation, act = action.what, self.kind.acts.get(action.what)
        self._acted += 1
        # An incident that is gone or closed cannot be changed.
        with contextlib.suppress(Refused, KeyError):
            if operation == "remove":
                self.kind.remove(self.simulator, incident_id)
            elif act:
                self.simulator.act(act.operation, incident_id, act.user, SOMEBODY, **act.arguments)
            elif before is None and incident_id not in self.removed:
                self.kind.add(self.simulator, incident_id, {})
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
    def finish(self) -> None:
        """Wait until every request that has arrived is answered. Nothing happens after that.

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
                self._cache[incident_id] = portable(self.kind.state(self.simulator, incident_id), 62)
        return self._cache.get(incident_id)

    @property
    def is_unreadable(self) -> bool:
        """Whether this server has no route to read by, whatever the key."""
        return "without" in self.scenario.simulator

    def needs_change(self, incident_id: str) -> bool:
        """Whether the task has anything to do with the incident as it is."""
        incident, operation = self.now(incident_id), self.scenario.task.operation
        return incident is not None and operation is not None and operation.leaves_work(incident)

    def matching(self) -> list[Incident]:
        """The incidents that match the filters of the task, as they are."""
        found = [incident for incident_id in self.start for incident in [self.now(incident_id)] if incident]
        query = self.scenario.query
        return [] if matches_nothing(query) else [incident for incident in found if matches(query, incident)]
