# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service that a benchmark asks: a simulator in a process of its own, told what to do line by line.

This file is both ends: `Stand` for the benchmark, and, run as a script, the process with the simulator.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

if __name__ == "__main__":
    # Started by its file: Python then looks for modules in here, not beside.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from simulator import Simulator

KEY = "cxup_bench"


def incident_ids(count: int) -> list[str]:
    """The IDs of the first incidents that a stand has: always the same ones."""
    return [f"{number:08x}-0000-4000-8000-000000000000" for number in range(count)]


class Stand:
    """The service as the benchmark sees it; stops with the `with` block."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url: str = self._ask("address")

    def __enter__(self) -> Stand:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin:
            self._process.stdin.close()  # The end of its orders is the end of the process.
        self._process.wait(timeout=30)

    def latency(self, seconds: float) -> None:
        """What every answer waits."""
        self._ask("latency", seconds)

    def fill(self, count: int, assigned: int, events: int) -> list[str]:
        """Replace all incidents; returns their IDs, those to be assigned first."""
        self._ask("fill", count, assigned, events)
        return incident_ids(count)

    def restore(self, assigned: bool = True) -> None:
        """Assign again what `fill` assigned, or leave nothing assigned, and forget the requests."""
        self._ask("restore", assigned)

    def account(self) -> dict[str, Any]:
        """Of the time since `restore`: `requests`, `cpu` seconds of the service; and how many are still `assigned`."""
        told: dict[str, Any] = self._ask("account")
        return told

    def _ask(self, order: str, *arguments: Any) -> Any:
        if not (self._process.stdin and self._process.stdout):
            raise AssertionError("the process was started with pipes")
        self._process.stdin.write(json.dumps([order, *arguments]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class _Desk:
    """Takes the orders; each is a method."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._ids: list[str] = []
        self._assigned: list[str] = []
        self._events = 0
        self._cpu = 0.0

    def address(self) -> str:
        return self._simulator.url

    def latency(self, seconds: float) -> None:
        self._simulator.latency = seconds

    def fill(self, count: int, assigned: int, events: int) -> None:
        for one in self._ids:
            self._simulator.remove_incident(one)
        self._ids, self._events = incident_ids(count), events
        self._assigned = self._ids[:assigned]
        for one in self._ids[assigned:]:
            self._simulator.add_incident(one, assignees=(), events=events)
        self.restore(True)
        # Hundreds of thousands of objects that stay: the answers shall not pay for their inspection.
        gc.collect()
        gc.freeze()

    def restore(self, assigned: bool) -> None:
        for one in self._assigned:
            self._simulator.add_incident(one, assignees=("somebody",) if assigned else (), events=self._events)
        self._simulator.clear_journal()
        self._cpu = time.process_time()

    def account(self) -> dict[str, Any]:
        cpu = time.process_time() - self._cpu
        left = sum(bool(self._simulator.assignees(one)) for one in self._assigned)
        return {"requests": len(self._simulator.journal), "cpu": cpu, "assigned": left}


def main() -> None:
    with Simulator() as simulator:
        simulator.add_key(KEY)
        desk = _Desk(simulator)
        for line in sys.stdin:
            order, *arguments = json.loads(line)
            print(json.dumps(getattr(desk, order)(*arguments)), flush=True)


if __name__ == "__main__":
    main()
