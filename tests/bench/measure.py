# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs commands, and tells what each cost the machine: time, processor time, memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Callable, NamedTuple

# ru_maxrss is in KiB, but on macOS in bytes.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Cost(NamedTuple):
    wall: float
    """Seconds."""
    cpu: float
    """Seconds of all processors, in user and system mode, its own children included."""
    memory: int = 0
    """Peak of the largest process, in bytes. It never shows as less than this process has itself."""
    output: int = 0
    """Bytes written to standard output."""
    requests: int = 0

    def __sub__(self, other: Cost) -> Cost:
        return self._replace(wall=self.wall - other.wall, cpu=self.cpu - other.cpu)

    def __truediv__(self, times: int) -> Cost:
        """The share of one, where the whole did the same several times."""
        return self._replace(wall=self.wall / times, cpu=self.cpu / times, requests=self.requests // times)


Case = Callable[[], Cost]


def run(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None, *, may_fail: bool = False) -> Cost:
    """Run a command to its end; its output goes to the folder's `output` and `errors`."""
    with (folder / "output").open("wb") as output, (folder / "errors").open("wb") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        _pid, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode and not may_fail:
        told = [(folder / name).read_text(encoding="utf-8", errors="replace")[-2000:] for name in ("output", "errors")]
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n" + "\n".join(told))
    written = (folder / "output").stat().st_size
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * _RSS_UNIT, written)


def interleaved(cases: Mapping[str, Case], repeat: int, warm_up: bool = True) -> dict[str, Cost]:
    """Run the cases in turn, forwards and backwards, so that a busy moment hits all alike; the medians of each."""
    if warm_up:
        for case in cases.values():
            case()
    costs: dict[str, list[Cost]] = {name: [] for name in cases}
    for turn in range(repeat):
        for name in list(cases)[:: -1 if turn % 2 else 1]:
            costs[name].append(cases[name]())
    return {name: median(of_case) for name, of_case in costs.items()}


def median(costs: Sequence[Cost]) -> Cost:
    wall, cpu, memory, output, requests = (statistics.median(column) for column in zip(*costs))
    return Cost(wall, cpu, int(memory), int(output), int(requests))
