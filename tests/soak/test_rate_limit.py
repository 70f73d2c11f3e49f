# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many tasks at once against a limit of the rate: all end well, and what that takes.

Every task has a client of its own, as on hosts of their own; they start in the same moment, which is the worst
for the service. The waits are real.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from typing import Any

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _client, _options
from ansible_collections.coralogix.incidents.plugins.module_utils._incidents import Incidents
from ansible_collections.coralogix.incidents.plugins.module_utils._module import apply
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Outcome
from ansible_collections.coralogix.incidents.plugins.modules.incident_unassign import UNASSIGN
from simulator import Simulator

from .drive import no_own_settings

TASKS = 20
PER_SECOND = 10
KEY = "canary-of-many-tasks"


class Herd:
    """Tasks that start together, each with an incident of its own."""

    def __init__(self, tasks: int, per_second: int, retry_after: str = "seconds") -> None:
        self.sim = Simulator(rate_limit=per_second, retry_after=retry_after)
        self.sim.add_key(KEY)
        self.ids = self.sim.add_incidents(tasks, assigned=tasks)
        self.outcomes: dict[str, Outcome] = {}
        self.waits: list[float] = []
        self.seconds: dict[str, float] = {}
        self._together = threading.Barrier(tasks)

    def _task(self, one: str) -> None:
        defaults = {name: option.get("default") for name, option in _options.CONNECTION_OPTIONS.items()}
        settings = _options.settings({**defaults, "api_key": KEY, "api_url": self.sim.url}, {})
        client = _client.Client(settings, "tests", sleep=self._sleep)
        self._together.wait()
        started = time.monotonic()
        self.outcomes[one] = apply(UNASSIGN, Incidents(client, "latest"), [one], "fail", False)
        self.seconds[one] = time.monotonic() - started

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        time.sleep(seconds)

    def run(self) -> Herd:
        with no_own_settings(), self.sim:
            threads = [threading.Thread(target=self._task, args=(one,)) for one in self.ids]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return self

    @property
    def refused(self) -> int:
        return sum(entry.status == 429 for entry in self.sim.journal)

    @property
    def most_tries(self) -> int:
        return max(Counter(entry.target for entry in self.sim.journal).values())

    def figures(self) -> dict[str, Any]:
        return {
            "tasks": len(self.ids),
            "failed": sum(outcome.error is not None for outcome in self.outcomes.values()),
            "requests": len(self.sim.journal),
            "refused": self.refused,
            "most tries of one request": self.most_tries,
            "waits": len(self.waits),
            "shortest wait": round(min(self.waits, default=0), 2),
            "median wait": round(statistics.median(self.waits or [0]), 2),
            "longest wait": round(max(self.waits, default=0), 2),
            "seconds of the first to end": round(min(self.seconds.values()), 2),
            "seconds of the last to end": round(max(self.seconds.values()), 2),
        }


@pytest.fixture(scope="module")
def herd() -> Herd:
    return Herd(TASKS, PER_SECOND).run()


def test_all_end_well(herd: Herd) -> None:
    assert not [outcome.error for outcome in herd.outcomes.values() if outcome.error]
    assert not any(herd.sim.assignees(one) for one in herd.ids)


def test_some_were_refused(herd: Herd) -> None:
    """Or nothing has been shown."""
    assert herd.refused >= TASKS - PER_SECOND


def test_nobody_comes_back_before_the_time_the_service_asked_for(herd: Herd) -> None:
    assert min(herd.waits) >= 1.0


def test_waits_spread(herd: Herd) -> None:
    assert statistics.pstdev(herd.waits) > 0.05
    tenths = {round(wait, 1) for wait in herd.waits}
    assert len(tenths) >= 4, sorted(herd.waits)
