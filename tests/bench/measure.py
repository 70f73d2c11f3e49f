# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs commands and measures what each costs the machine: time, processor time, memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Callable, NamedTuple, TypeVar

# ru_maxrss is in KiB, but on macOS in bytes.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024

_Name = TypeVar("_Name")


class Cost(NamedTuple):
    wall: float
    """Seconds."""
    cpu: float
    """Seconds of processor time, user and system, of the process and its children."""
    memory: float = 0
    """Peak of the largest single process, in bytes. Never less than that of the benchmark itself."""
    requests: float = 0

    def __sub__(self, other: Cost) -> Cost:
        """Time and processor time less those of the other."""
        return self._replace(wall=self.wall - other.wall, cpu=self.cpu - other.cpu)


Workload = Callable[[], Cost]


def run(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end. Its output goes to the files `output` and `errors` of the folder."""
    with (folder / "output").open("wb") as output, (folder / "errors").open("wb") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        _pid, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        texts = [(folder / name).read_text(encoding="utf-8", errors="replace")[-2000:] for name in ("output", "errors")]
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n" + "\n".join(texts))
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * _RSS_UNIT)


def measure(workloads: Mapping[_Name, Workload], repeat: int, warm_up: bool = True) -> dict[_Name, Cost]:
    """The median costs of each workload.

    All workloads run in turn, forwards and backwards, so that a busy moment hits all alike.
    """
    if warm_up:
        for workload in workloads.values():
            workload()
    costs: dict[_Name, list[Cost]] = {name: [] for name in workloads}
    for turn in range(repeat):
        for name in list(workloads)[:: -1 if turn % 2 else 1]:
            costs[name].append(workloads[name]())
    return {name: Cost(*map(statistics.median, zip(*of_workload))) for name, of_workload in costs.items()}
