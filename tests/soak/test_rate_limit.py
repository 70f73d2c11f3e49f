# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many tasks at once against a limit of the rate: all end well, and what that takes.

They start in the same moment, which is the worst for the service. The waits are real.
"""

from __future__ import annotations

import statistics
import threading
import time
from typing import Any

import pytest
from ansible_collections.coralogix.incidents.plugins.modules import incident_unassign
from simulator import Simulator

from . import drive

TASKS = 20
PER_SECOND = 10
KEY = "canary-of-many-tasks"


class ManyTasks:
    """Tasks that start together, each with an incident and a client of its own."""

    def __init__(self, tasks: int, per_second: int, retry_after: str = "seconds") -> None:
        self.simulator = Simulator(rate_limit=per_second, retry_after=retry_after)
        self.simulator.add_key(KEY)
        self.ids = self.simulator.add_incidents(tasks, assigned=tasks)
        self.results: dict[str, dict[str, Any]] = {}
        self.waits: list[float] = []
        self.seconds: dict[str, float] = {}
        self._start = threading.Barrier(tasks)

    def _run_task(self, incident_id: str) -> None:
        given = {"incident_ids": [incident_id], "api_key": KEY, "api_url": self.simulator.url}
        self._start.wait()
        started = time.monotonic()
        self.results[incident_id] = drive.run_task(incident_unassign.MODULE, given, sleep=self._sleep)
        self.seconds[incident_id] = time.monotonic() - started

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        time.sleep(seconds)

    def run(self) -> ManyTasks:
        with drive.no_own_settings(), self.simulator:
            threads = [threading.Thread(target=self._run_task, args=(incident_id,)) for incident_id in self.ids]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return self

    def figures(self) -> dict[str, Any]:
        """For the page on reliability."""
        return {
            "tasks": len(self.ids),
            "failed": sum(bool(result.get("failed")) for result in self.results.values()),
            "requests": len(self.simulator.journal),
            "refused": sum(entry.status == 429 for entry in self.simulator.journal),
            "waits": len(self.waits),
            "shortest, median, longest wait": [
                round(measure(self.waits or [0]), 2) for measure in (min, statistics.median, max)
            ],
            "seconds of the last to end": round(max(self.seconds.values()), 2),
        }


@pytest.fixture(scope="module")
def many_tasks() -> ManyTasks:
    return ManyTasks(TASKS, PER_SECOND).run()


def test_all_tasks_succeed_although_some_were_refused(many_tasks: ManyTasks) -> None:
    assert many_tasks.figures()["failed"] == 0
    assert not any(many_tasks.simulator.assignees(incident_id) for incident_id in many_tasks.ids)
    assert many_tasks.figures()["refused"] >= TASKS - PER_SECOND


def test_no_task_retries_before_retry_after(many_tasks: ManyTasks) -> None:
    assert min(many_tasks.waits) >= 1.0


def test_waits_spread(many_tasks: ManyTasks) -> None:
    assert statistics.pstdev(many_tasks.waits) > 0.05
    assert len({round(wait, 1) for wait in many_tasks.waits}) >= 4, sorted(many_tasks.waits)
