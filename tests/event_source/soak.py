# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Weeks in the life of an event source, by a fake clock: random changes, faults, kills and restarts.

What the source emits is compared with the changes that the simulator made: no event is lost, none is made up, and an
event that comes twice has the same UUID. `python -m event_source.soak --polls 10000`
"""

from __future__ import annotations

import argparse
import collections
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, cast

from ansible_collections.coralogix.incidents.plugins.module_utils._case import CASE
from ansible_collections.coralogix.incidents.plugins.module_utils._case_events import CASE_EVENTS
from ansible_collections.coralogix.incidents.plugins.module_utils._event_memory import Delivery, Event, Observation
from ansible_collections.coralogix.incidents.plugins.module_utils._event_poll import Poller
from ansible_collections.coralogix.incidents.plugins.module_utils._event_rules import EventRules
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._incident_events import INCIDENT_EVENTS
from ansible_collections.coralogix.incidents.plugins.module_utils._resource import Resource
from simulator import Fault, Simulator

KEY = "cxup_0123456789abcdefghij"
START = datetime(2026, 3, 1, tzinfo=timezone.utc)
USERS = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(3)]
# Open items at a time, and items on a page: several pages, which shift while they are read.
MAX_OPEN = 25
PAGE_SIZE = 8
# How late lists are at most.
MAX_LAG = timedelta(minutes=5)
FAULTS: Sequence[Mapping[str, Any]] = (
    {"status": 503},
    {"status": 429, "headers": {"Retry-After": "90"}},
    {"status": 500},
    {"reset": True},
    {"truncate": True},
    {"malformed": True},
    {"replace": {}},
    {"status": 504, "body": "<html>504</html>"},
)


class Kind(NamedTuple):
    """One kind of resource, and the simulator's operations for it."""

    resource: Resource
    rules: EventRules
    operations: Mapping[str, str]
    """The name of a change -> the simulator's operation."""
    reads: tuple[str, ...]


KINDS = {
    "incidents": Kind(
        INCIDENT,
        INCIDENT_EVENTS,
        {name: name for name in ("assign", "unassign", "acknowledge", "resolve", "close")},
        ("list", "read_many"),
    ),
    "cases": Kind(
        CASE,
        CASE_EVENTS,
        {
            name: f"case_{name}"
            for name in ("assign", "unassign", "acknowledge", "unacknowledge", "resolve", "close", "priority")
        },
        ("case_list", "case_read"),
    ),
}


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now.timestamp()


class History:
    """What really happened to each item: how often each operation changed it."""

    def __init__(self) -> None:
        self.counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.old_stages: dict[str, str] = {}
        """The stages of items that existed before the source started."""


class Soak:
    """One run. C(defects) says what went wrong."""

    def __init__(self, name: str, seed: int, folder: Path) -> None:
        self.kind = KINDS[name]
        self.random = Random(seed)
        self.clock = Clock()
        self.simulator = Simulator(
            seed=seed, clock=self.clock, forbidden_transitions="200", closed_cases_assignable=True
        )
        self.simulator.add_key(KEY)
        self.state = folder / f"{name}-{seed}"
        # Lists may come from a replica that is late. Reads by ID do not.
        self.store = cast(Any, self.simulator._stores[name])
        self.replicas: collections.deque[tuple[datetime, list[Any]]] = collections.deque(maxlen=8)
        self.is_late = False
        self.true_list = self.store.all
        self.store.all = self._list
        self.closed: dict[str, tuple[datetime, int, dict[str, Any]]] = {}
        """When items were closed, after how many polls, and how they looked then."""
        self.history = History()
        self.emitted: dict[str, Event] = {}
        self.last: dict[str, dict[str, Any]] = {}
        """The state that the last event of each item shows."""
        self.arrived: set[str] = set()
        """The UUIDs of events that have arrived, and are not in the file yet."""
        self.committed: set[str] = set()
        self.killed: collections.Counter[str] = collections.Counter()
        """How often the source was killed after it sent events of an item, and before they were written down."""
        self.stream: list[Event] = []
        self.defects: list[str] = []
        self.polls = self.failed = self.kills = self.most_known = 0
        self.skew = timedelta(0)
        self.open: list[str] = []
        self.poller: Any = None

    # What happens at the service.
    def _add_item(self) -> None:
        # Some were created a while ago, by the clock of another system.
        created = self.clock.now - timedelta(seconds=self.random.choice((0, 0, 30, 200)))
        text = created.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        if self.kind.resource is INCIDENT:
            item_id = self.simulator.add_incident(
                assignees=self.random.choice([(), (USERS[0],)]), createdAt=text, lastStateUpdateTime=text
            )
        else:
            item_id = self.simulator.add_case(createTime=text, updateTime=text)
        self.open.append(item_id)
        self.history.counts[item_id]["opened"] += 1

    def _change_item(self) -> None:
        # No two changes of an item have the same time.
        self.clock.now += timedelta(milliseconds=10)
        item_id = self.random.choice(self.open)
        if self.random.random() < 0.02:
            self._remove(item_id)
            return
        name = self.random.choice([*self.kind.operations])
        before = self._item(item_id)
        arguments: dict[str, Any] = {}
        if name == "priority":
            arguments["priority"] = f"CASE_PRIORITY_P{self.random.randint(1, 5)}"
        user = self.random.choice(USERS) if name == "assign" else None
        self.simulator.act(self.kind.operations[name], item_id, user, by=USERS[2], **arguments)
        if self._item(item_id) != before:
            self.history.counts[item_id][name] += 1
        if self.kind.rules.stage(self._item(item_id)) == "closed":
            self.open.remove(item_id)
            self.closed[item_id] = self.clock.now, self.polls, self._item(item_id)

    def _remove(self, item_id: str) -> None:
        (self.simulator.remove_incident if self.kind.resource is INCIDENT else self.simulator.remove_case)(item_id)
        self.open.remove(item_id)
        self.history.counts[item_id]["removed"] += 1

    def _item(self, item_id: str) -> dict[str, Any]:
        if item_id in self.closed:
            return self.closed[item_id][-1]
        return self.simulator.incident(item_id) if self.kind.resource is INCIDENT else self.simulator.case(item_id)

    def _change_items(self, number: int) -> None:
        for _n in range(number):
            if self.random.random() < (0.5 if len(self.open) < MAX_OPEN else 0.1):
                self._add_item()
            elif self.open:
                self._change_item()

    def _list(self, *_arguments: Any) -> list[Any]:
        """All items, or those that the replica has."""
        late = [items for moment, items in self.replicas if self.clock.now - moment < MAX_LAG]
        return late[0] if self.is_late and late else self.true_list()

    def _between_pages(self, _entry: Any) -> None:
        if self.poller is not None and self.random.random() < 0.2:
            self._change_items(1)

    # The source.
    def _start(self) -> None:
        if self.poller is not None:
            self.poller.close()
        self.killed.update(self._item_and_change(self.emitted[event_uuid])[0] for event_uuid in self.arrived)
        self.arrived.clear()
        arguments = {
            "api_key": KEY,
            "api_url": self.simulator.url,
            "api_version": "5",
            "retries": 0,
            "state_path": str(self.state),
        }
        resource = self.kind.resource._replace(page_size=PAGE_SIZE)
        log = logging.getLogger("soak")
        self.poller = Poller(
            resource, self.kind.rules, arguments, {}, log, now=lambda: self.clock.now + self.skew, sleep=lambda _s: None
        )
        self.poller.open()

    def _poll(self) -> None:
        self.is_late = self.random.random() < 0.1 and self.simulator.on_request is not None
        poll = self.poller.poll()
        self.simulator.clear_journal()
        self.replicas.append((self.clock.now, self.true_list()))
        self.polls += 1
        self.failed += poll.observation is None
        self.most_known = max(self.most_known, len(self.poller._memory.records))
        if poll.observation and not self._deliver(poll.observation):
            self.kills += 1
            self._start()
        elif poll.delay == self.poller.interval and not self.is_late:
            self._clean_up()
        self.clock.now += timedelta(seconds=min(poll.delay, 600))

    def _clean_up(self) -> None:
        """After a poll that succeeded: a store of all that ever was would make lists slow."""
        for item_id, (moment, polls, _item) in self.closed.items():
            is_old = self.clock.now - moment > timedelta(hours=1) and self.polls - polls > 30
            if item_id in self.store._by_id and is_old:
                self.store.remove(item_id)

    def _deliver(self, observation: Observation) -> bool:
        """False if the process is killed meanwhile."""
        quiet = [delivery for delivery in observation.deliveries if not delivery.events]
        self._commit(quiet, None)
        observation = observation._replace(deliveries=observation.deliveries[len(quiet) :])
        killed_at = self.random.randrange(len(observation.deliveries) + 1) if self.random.random() < 0.05 else None
        for number, delivery in enumerate(observation.deliveries):
            if number == killed_at:
                # The engine may have got some of it, and nothing of it is written down.
                self._receive(delivery.events[: self.random.randint(0, 2)])
                self.killed[delivery.item_id] += 1
                return False
            self._receive(delivery.events)
            self._commit([delivery], None)
        if killed_at is not None:
            return False
        self._commit([], observation)
        return True

    def _receive(self, events: Sequence[Event]) -> None:
        for event in events:
            uuid = event["meta"]["uuid"]
            known = self.emitted.get(uuid)
            # What comes again may show a later state.
            self.last[self._item_and_change(event)[0]] = event[self.kind.resource.singular]
            if known is None:
                self.emitted[uuid] = event
                self.stream.append(event)
            elif uuid in self.committed:
                self.defects.append(f"emitted again after it was written down: {self._item_and_change(event)}")
            elif self._item_and_change(known)[:2] != self._item_and_change(event)[:2]:
                self.defects.append(
                    f"two changes with one UUID: {self._item_and_change(known)}, {self._item_and_change(event)}"
                )

    def _commit(self, deliveries: Sequence[Delivery], finished: Observation | None) -> None:
        self.poller.commit(deliveries, finished)
        self.arrived.update(event["meta"]["uuid"] for delivery in deliveries for event in delivery.events)
        # The file is written at the latest when all has arrived.
        if not self.poller._state.is_dirty:
            self.committed |= self.arrived
            self.arrived.clear()

    def _item_and_change(self, event: Event) -> tuple[str, str, Any]:
        return event[self.kind.resource.singular]["id"], event["change"], event["previous"]

    # The run.
    def run(self, polls: int) -> None:
        with self.simulator:
            self._change_items(10)
            self.history.old_stages = {item_id: self.kind.rules.stage(self._item(item_id)) for item_id in self.open}
            self.history.counts.clear()
            self._start()
            self._poll()
            self.simulator.on_request = self._between_pages
            while self.polls < polls:
                self._change_items(self.random.choice((0, 0, 1, 2, 5)))
                self._disturb_source()
                self._poll()
            # No further disturbance, until the last late list has come.
            self.simulator.clear_faults()
            self.simulator.stale_reads = 0
            self.simulator.on_request = None
            self.skew = timedelta(0)
            for _n in range(20):
                self._poll()
            self._check()
            self.poller.close()

    def _disturb_source(self) -> None:
        draw = self.random.random()
        if draw < 0.05:
            fault = dict(self.random.choice(FAULTS))
            operation = self.random.choice(self.kind.reads)
            times, skip = self.random.choice((1, 1, 2, 4)), self.random.choice((0, 1, 2))
            self.simulator.fault(Fault(operation, times=times, skip=skip, **fault))
        elif draw < 0.07:
            self._start()
        elif draw < 0.08:
            # The machine was off.
            self.clock.now += timedelta(hours=self.random.choice((1, 8, 50)))
            self._change_items(20)
            self._start()
        elif draw < 0.13:
            self.simulator.stale_reads = self.random.choice((0, 1, 1, 3))
        elif draw < 0.14:
            self.skew = timedelta(seconds=self.random.choice((0, -40, 40, -7200, 7200)))
        elif draw < 0.15:
            self.simulator.clear_faults()

    def _check(self) -> None:
        events: dict[str, list[Event]] = collections.defaultdict(list)
        for event in self.stream:
            events[self._item_and_change(event)[0]].append(event)
        for item_id, history in self.history.counts.items():
            for defect in self._defects_of(item_id, history, events[item_id]):
                self.defects.append(
                    f"{item_id}: {defect}; history {dict(history)}, events {[e['change'] for e in events[item_id]]}"
                )
        for item_id in set(events) - set(self.history.counts):
            self.defects.append(
                f"{item_id}: nothing happened, and there are events {[e['change'] for e in events[item_id]]}"
            )
        known = set(self.poller._memory.records)
        if not known.issuperset(self.open):
            self.defects.append(f"not watched any more: {set(self.open) - known}")

    def _defects_of(self, item_id: str, history: Mapping[str, int], events: Sequence[Event]) -> Iterator[str]:
        changes = collections.Counter(event["change"] for event in events)
        if history.get("removed"):
            # It may have gone before any list showed it.
            # Nor is it known if the source was killed before that was written down.
            if changes and not changes["gone"] and not changes["closed"] and not self.killed[item_id]:
                yield "it is gone, and no event says so"
            return
        item, rules = self._item(item_id), self.kind.rules
        stage, old_stage = rules.stage(item), self.history.old_stages.get(item_id, "")
        is_new = not old_stage
        expected = {
            "opened": is_new,
            "resolved": stage in ("resolved", "closed") and old_stage != "resolved",
            "closed": stage == "closed",
            "reopened": 0,
            "gone": 0,
        }
        yield from (f"{kind} was emitted {changes[kind]} times" for kind, n in expected.items() if changes[kind] != n)
        for kind, cause in (("acknowledged", "acknowledge"), ("assigned", "assign"), ("unassigned", "unassign")):
            # After a kill, a late list may bring the source to the same state by another way.
            if changes[kind] > history.get(cause, 0) + self.killed[item_id]:
                yield f"{kind} was emitted more often than it happened"
        yield from self._defects_of_last(item, self.last.get(item_id, {}))
        if is_new and events and events[0]["change"] != "opened":
            yield "opened is not the first event"

    def _defects_of_last(self, item: Mapping[str, Any], last: dict[str, Any]) -> Iterator[str]:
        """Whether the last event shows the item as it is."""
        rules = self.kind.rules
        shown, true = (
            [rules.stage(state), rules.assignees(state), state.get(rules.level)] if state else None
            for state in (last, dict(item))
        )
        if shown != true:
            yield f"the last event shows {shown}, and the truth is {true}"


@contextmanager
def _folder() -> Iterator[Path]:
    # In memory, where there is such a folder: a disk would take most of the time.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a folder of its own is made in it
    with tempfile.TemporaryDirectory(prefix="coralogix-events-", dir=memory) as folder:
        yield Path(folder)


def run_soak(name: str, seed: int, polls: int) -> Soak:
    with _folder() as folder:
        soak = Soak(name, seed, folder)
        soak.run(polls)
        if KEY in "".join(path.read_text(encoding="utf-8") for path in folder.iterdir()):
            soak.defects.append("the key is in the state")
    if KEY in json.dumps(soak.stream):
        soak.defects.append("the key is in an event")
    return soak


def main() -> None:
    parser = argparse.ArgumentParser(prog="event_source.soak", description=__doc__)
    parser.add_argument("--polls", type=int, default=10_000, metavar="N", help="for each kind of resource")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.getLogger("soak").setLevel(logging.CRITICAL)
    failed = False
    for name in KINDS:
        began = time.monotonic()
        soak = run_soak(name, options.seed, options.polls)
        days = (soak.clock.now - START) / timedelta(days=1)
        changes = sum(sum(counts.values()) for counts in soak.history.counts.values())
        print(
            f"{name}: {soak.polls} polls ({soak.failed} failed) in {days:.1f} simulated days, {soak.kills} kills, "
            f"{len(soak.history.counts)} items, {changes} changes, {len(soak.stream)} events, "
            f"at most {soak.most_known} items known; {time.monotonic() - began:.0f} s; {len(soak.defects)} defects",
            flush=True,
        )
        for defect in soak.defects[:10]:
            print(f"  {defect}")
        failed = failed or bool(soak.defects)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
