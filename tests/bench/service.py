# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service that the benchmark calls: a simulator in a process of its own, so that its costs stay apart."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.managers import BaseManager
from typing import Any

from simulator import Simulator

KEY = "cxup_bench"


def make_ids(count: int) -> list[str]:
    """The IDs of the first incidents, and cases, of a service: always the same ones."""
    return [f"{number:08x}-0000-4000-8000-000000000000" for number in range(count)]


class Service:
    """A simulator, and what the benchmark does to it. Lives in the process of the simulator."""

    def __init__(self, latency: float) -> None:
        self._simulator = Simulator(latency=latency).start()
        self._simulator.add_key(KEY)
        self._ids: list[str] = []
        self._assigned = 0
        self._events = 0

    def url(self) -> str:
        return self._simulator.url

    def set_latency(self, seconds: float) -> None:
        """Each answer waits this long."""
        self._simulator.latency = seconds

    def fill(self, count: int, assigned: int, events: int) -> list[str]:
        """Replace all incidents. Returns their IDs; the first ones are assigned."""
        for incident_id in self._ids:
            self._simulator.remove_incident(incident_id)
        self._ids, self._assigned, self._events = make_ids(count), assigned, events
        for incident_id in self._ids[assigned:]:
            self._simulator.add_incident(incident_id, assignees=(), events=events)
        self.restore()
        # Hundreds of thousands of objects that stay: the garbage collector need not look through them again.
        gc.collect()
        gc.freeze()
        return self._ids

    def add_cases(self, count: int) -> None:
        for case_id in make_ids(count):
            self._simulator.add_case(case_id)

    def restore(self, assigned: bool = True) -> None:
        """Assign again what `fill` assigned, or leave nothing assigned, and forget the requests."""
        for incident_id in self._ids[: self._assigned]:
            assignees = ("somebody",) if assigned else ()
            self._simulator.add_incident(incident_id, assignees=assignees, events=self._events)
        self._simulator.clear_journal()

    def requests(self) -> int:
        """How many requests there were since `restore`."""
        return len(self._simulator.journal)


class _Manager(BaseManager):
    pass


_Manager.register("Service", Service)


@contextmanager
def running_service(latency: float) -> Iterator[Service]:
    """A service that runs as long as the context lasts."""
    with _Manager(ctx=multiprocessing.get_context("spawn")) as manager:
        remote: Any = manager
        yield remote.Service(latency)
