# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulator in which a scenario takes place, and what truly happened in it.

The order of what happened to an incident is that of its own events, which the simulator writes under one
lock: who unassigned it, and between what. The journal tells which request of ours had an effect.
"""

from __future__ import annotations

import contextlib
import copy
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from simulator import Entry, Fault, Simulator
from simulator.lifelike import assignment
from simulator.state import NotFound

from .scenario import KINDS, LEADS_BACK, SOMEBODY, STALE, Deed, Scenario, Struck, http_date
from .tasks import LIST, READ, passes

Incident = dict[str, Any]


class Told(NamedTuple):
    """What a whole and well-shaped answer says."""

    incidents: Mapping[str, Incident]
    unknown: Sequence[str]


def _well_shaped(incidents: Sequence[Any], texts: Sequence[str]) -> bool:
    return all(
        isinstance(one, dict)
        and all(isinstance(one.get(key), str) for key in ("id", *texts))
        and isinstance(one.get("assignments"), list)
        for one in incidents
    )


def told(entry: Entry, texts: Sequence[str] = ()) -> Told | None:
    """What the service said of incidents by this answer; None if it said nothing that can be understood.

    C(texts) are keys that the incidents need besides.
    """
    answer = entry.answer
    if not (entry.status and 200 <= entry.status < 300 and isinstance(answer, dict) and entry.operation):
        return None
    said = {READ: _told_by_read, LIST: _told_by_list}.get(entry.operation, _told_by_write)(entry, answer)
    return said if said and _well_shaped(list(said.incidents.values()), texts) else None


def _told_by_read(entry: Entry, answer: Mapping[str, Any]) -> Told | None:
    incidents, unknown = answer.get("incidents"), answer.get("notFoundIds")
    if not isinstance(incidents, dict) or not isinstance(unknown, list):
        return None
    return Told(incidents, unknown) if {*entry.ids} <= {*incidents, *unknown} else None


def _told_by_write(_entry: Entry, answer: Mapping[str, Any]) -> Told | None:
    incidents = answer.get("incidents")
    if not isinstance(incidents, list) or not _well_shaped(incidents, ()):
        return None
    return Told({one["id"]: one for one in incidents}, ())


def _told_by_list(entry: Entry, answer: Mapping[str, Any]) -> Told | None:
    pagination = answer.get("pagination")
    if not isinstance(pagination, dict) or not str(pagination.get("totalSize")).isdecimal():
        return None
    return _told_by_write(entry, answer) if isinstance(pagination.get("nextPageToken", ""), str) else None


def open_fate(entry: Entry, texts: Sequence[str] = ()) -> bool:
    """Whether the answer to a write leaves open that it was carried out."""
    if entry.status is None or entry.status == 100 or entry.fault in ("truncate", "truncate_chunked"):
        return True
    if entry.status >= 500 and entry.status != 501:
        return True
    return 200 <= entry.status < 300 and told(entry, texts) is None


class CountedFault(Fault):
    """A fault that knows how often it struck."""

    hits = 0

    def strikes(self) -> bool:
        struck = super().strikes()
        self.hits += struck
        return struck


class World:
    """The simulator of a scenario; a context."""

    def __init__(self, scenario: Scenario, trap_url: str) -> None:
        self.scenario = scenario
        self.simulator = sim = Simulator(latest=scenario.latest, seed=scenario.seed, **dict(scenario.simulator))
        if scenario.key_known:
            token = scenario.key.removeprefix("Bearer ")
            self.user = sim.add_key(token, scenario.permissions, scenario.key_kind)
        self._trap_url = trap_url
        for held in scenario.incidents:
            sim.add_incident(
                held.id,
                events=held.events,
                assignments=[assignment(*each) for each in held.assignments],
                **dict(held.fields),
            )
        self.start: dict[str, Incident] = {held.id: sim.incident(held.id) for held in scenario.incidents}
        self.states: dict[str, list[Incident]] = {one: [incident] for one, incident in self.start.items()}
        """All that each incident has been, as far as other users made it so."""
        self.removed: dict[str, Incident] = {}
        """Incidents that another user removed, as they were then."""
        self.created: set[str] = set()
        self.late: set[str] = set()
        """IDs of which a write took effect after the module had stopped waiting for its answer."""
        self.kill: Callable[[], None] = lambda: None
        """Kills the module's process."""
        self.given_up = False
        """Whether the run went on for ever."""
        self.first = self.last = 0.0
        """When the first request came and when the last one was answered."""
        self._lock = threading.Lock()
        self._arrived: list[tuple[float, str, frozenset[str]]] = []
        self._answered = 0
        self._counts: Counter[tuple[str, str | None]] = Counter()
        self._over = False
        self._first_token = ""
        sim.on_request, sim.after_request = self._on_request, self._after_request
        self.faults = [self._fault(struck) for struck in scenario.faults]
        for fault in self.faults:
            sim.fault(fault)

    def __enter__(self) -> World:
        self.simulator.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.simulator.__exit__(kind, error, trace)

    # Faults.
    def _fault(self, struck: Struck) -> CountedFault:
        given = dict(KINDS[struck.kind].fault)
        if given.get("redirect"):
            given["redirect"] = f"{self._trap_url}/mgmt/openapi/5/incidents/incidents/v1"
        made_here = {STALE: self._stale, LEADS_BACK: self._leads_back}
        if struck.kind in made_here:
            given["replace"] = made_here[struck.kind]
        if given.get("headers") == {"Retry-After": "DATE"}:
            given["headers"] = {"Retry-After": http_date()}
        return CountedFault(
            operation=struck.operation,
            effect=struck.effect,
            times=struck.times,
            skip=struck.skip,
            when_id=struck.when_id,
            **given,
        )

    def _stale(self, answer: Any) -> Any:
        shown = answer.get("incidents") if isinstance(answer, dict) else None
        if not isinstance(shown, list):
            return answer
        return {**answer, "incidents": [copy.deepcopy(self.start.get(one["id"], one)) for one in shown]}

    def _leads_back(self, answer: Any) -> Any:
        """The page, with the token that the first one had."""
        found = answer.get("pagination", {}) if isinstance(answer, dict) else {}
        self._first_token = self._first_token or found.get("nextPageToken", "")
        return {**answer, "pagination": {**found, "nextPageToken": self._first_token}} if found else answer

    # What happens meanwhile.
    def _on_request(self, entry: Entry) -> None:
        with self._lock:
            self.first = self.first or time.monotonic()
            self._arrived.append((entry.time, entry.target, frozenset(entry.ids)))
        self._happen("before", entry)

    def _after_request(self, entry: Entry) -> None:
        with self._lock:
            arrived = [(at, target) for at, target, _ids in self._arrived]
            after_it = self._arrived[arrived.index((entry.time, entry.target)) + 1 :]
            later = {one for _at, _target, ids in after_it for one in ids}
            self.late |= {one for one in entry.effect if one in later or self._over}
        self._happen("after", entry)
        with self._lock:
            self._answered += 1
            self.last = time.monotonic()

    def _happen(self, moment: str, entry: Entry) -> None:
        with self._lock:
            self._counts[moment, entry.operation] += 1
            number = self._counts[moment, entry.operation]
        if self._over:
            return
        for deed in self.scenario.deeds:
            if (deed.moment, deed.operation, deed.number) == (moment, entry.operation, number):
                self._do(deed)
        kill = self.scenario.kill
        if kill and (kill.moment, kill.operation, kill.number) == (moment, entry.operation, number):
            self.kill()

    def _do(self, deed: Deed) -> None:
        own = {"remove": self._remove, "create": self._create}
        operation, _space, user = deed.action.partition(" ")
        # Nobody can change what is not there.
        with contextlib.suppress(NotFound, KeyError):
            if operation in own:
                own[operation](deed.id)
            else:
                self.simulator.act(operation, deed.id, user, SOMEBODY)
            self.states.setdefault(deed.id, []).append(self.simulator.incident(deed.id))

    def _remove(self, one: str) -> None:
        self.removed[one] = self.simulator.incident(one)
        self.simulator.remove_incident(one)

    def _create(self, one: str) -> None:
        if self.now(one) is None:
            self.simulator.add_incident(one, assignees=("u2",), events=1)
            self.start.setdefault(one, self.simulator.incident(one))
            self.created.add(one)

    @property
    def hits(self) -> Counter[str]:
        """How often each kind of fault struck."""
        counted: Counter[str] = Counter()
        for struck, fault in zip(self.scenario.faults, self.faults):
            counted[struck.kind] += fault.hits
        return +counted

    def give_up(self) -> None:
        """End a run that hangs: nobody is there any more."""
        self.given_up = True
        self.simulator.stop()

    # What has happened.
    def settle(self) -> None:
        """Wait until every request that has come is answered, and let nothing happen from now on.

        A process that was killed may have left one behind. A hang comes after the effect.
        """
        self._over = True
        end = time.monotonic() + 10
        while self._answered < len(self._arrived) and time.monotonic() < end:
            time.sleep(0.005)
        self.simulator.on_request = self.simulator.after_request = None

    def peace(self) -> None:
        """No faults and no limits from here on."""
        self.simulator.clear_faults()
        self.simulator.clear_journal()
        self.simulator.max_url = 8192

    def now(self, one: str) -> Incident | None:
        try:
            return self.simulator.incident(one)
        except KeyError:
            return None

    @property
    def blind(self) -> bool:
        """Whether this server has no route to read by, whatever the key."""
        return "without" in dict(self.scenario.simulator)

    def needs(self, one: str) -> bool:
        """Whether the task has anything to do with the incident as it is."""
        incident, change = self.now(one), self.scenario.task.change
        return incident is not None and change is not None and change.needs(incident)

    def passing(self) -> list[Incident]:
        """The incidents that pass the filters of the task, as they are."""
        found = [incident for one in self.start for incident in [self.now(one)] if incident]
        return [incident for incident in found if passes(self.scenario.query, incident)]

    def deeds(self, one: str) -> list[tuple[str, str]]:
        """What was done to the incident since the start: pairs of the kind of event and of who did it."""
        incident = self.now(one) or self.removed.get(one)
        if incident is None or one not in self.start:
            return []
        return [
            (event["incidentEventType"].removeprefix("INCIDENT_EVENT_TYPE_"), event["administrativeEvent"]["userId"])
            for event in incident["events"][len(self.start[one]["events"]) :]
        ]

    def others_acted(self, one: str) -> bool:
        return any(by == SOMEBODY for _kind, by in self.deeds(one))

    def meddled(self, one: str) -> bool:
        """Whether anybody but the module did anything to it."""
        return one in self.removed or one in self.created or self.others_acted(one) or one in self.late
