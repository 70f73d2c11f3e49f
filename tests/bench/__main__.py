# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures what a task costs against a simulator of the service, and compares that with the goals.

Needs ansible-core and requests, and the checkout as a collection in .build/link: `make bench` takes care of both.
All that is compared runs in turn, so that a busy machine slows all of it alike. Figures are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ansible_collections.coralogix.incidents.plugins.module_utils._case import CASE
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT

from . import report
from .measure import Cost, Workload, measure
from .plays import ROOT, Runner, bare_unassign, find_all, loop_of_uri, ping, two_uris, unassign
from .report import IN_PROCESS, MODULE, NO_WAY
from .service import KEY, Service, running_service

LATENCY = 0.02
# The second one is as between continents.
LATENCIES = (LATENCY, 0.1)
# Incidents of one task.
FEW = 20
TASKS_IN_A_PLAY = 5
# Incidents, events of each, and the options of the task.
LARGE: list[tuple[int, int, dict[str, Any]]] = [
    *((count, 3, options) for count in (100, 1_000, 10_000) for options in ({}, {"include_events": False})),
    (10_000, 50, {"include_events": False}),
]
LISTED = (100, 1_000, 10_000)
# Requests at a time; 0 is one after another on a bare session.
CONCURRENCY = (0, 1, 2, 4, 8, 16)
CASES = 1_000
CASE_CONCURRENCY = (1, CASE.max_concurrent_requests)
# Large plays take long, and vary less.
REPEAT_LARGE = 3

Rows = list[dict[str, Any]]


class Benchmark:
    """Each section is a method, and returns the rows of a table."""

    def __init__(self, service: Service, folder: Path, repeat: int) -> None:
        self._service = service
        self._url = service.url()
        self._runner = Runner(service, folder)
        self._repeat = repeat
        self._repeat_large = min(repeat, REPEAT_LARGE)

    def tasks(self) -> Rows:
        """One task, and five of them in a play, on 20 incidents each. The cost of an empty play is subtracted."""
        ids = self._service.fill(FEW * TASKS_IN_A_PLAY, FEW * TASKS_IN_A_PLAY // 2, 3)
        # The first half of all incidents is assigned. So half of each task's are.
        portions = [ids[number::TASKS_IN_A_PLAY] for number in range(TASKS_IN_A_PLAY)]
        play, url = self._runner.play, self._url
        unassign_all = [task for portion in portions for task in unassign(url, portion)]
        workloads: dict[tuple[str, str, int], Workload] = {("empty", NO_WAY, 0): partial(play, [])}
        for count in (1, TASKS_IN_A_PLAY):
            tasks = unassign_all[:count]
            workloads["ping", NO_WAY, count] = partial(play, ping(url, ids) * count)
            for way in (IN_PROCESS, MODULE):
                workloads["unassign", way, count] = partial(play, tasks, way == IN_PROCESS)
            workloads["again", IN_PROCESS, count] = partial(play, tasks, assigned=False)
            workloads["bare", NO_WAY, count] = partial(play, [bare_unassign(url, ids) for ids in portions[:count]])
        workloads["uri", NO_WAY, 1] = partial(play, two_uris(url, portions[0]))
        workloads["loop", NO_WAY, 1] = partial(play, loop_of_uri(url, portions[0]))
        costs = measure(workloads, self._repeat)
        empty = costs.pop(("empty", NO_WAY, 0))
        return [
            {"case": name, "way": way, "count": count, **(cost - empty)._asdict()}
            for (name, way, count), cost in costs.items()
        ]

    def parallel(self) -> Rows:
        """The requests of one task with many IDs, without Ansible, by how many run at a time."""
        rows: Rows = []
        count = LARGE[-1][0]
        self._service.fill(count, count // 2, 3)
        for latency in LATENCIES:
            self._service.set_latency(latency)

            workloads: dict[int, Workload] = {
                limit: partial(self._send, "incidents", count, limit) for limit in CONCURRENCY
            }
            costs = measure(workloads, self._repeat_large, warm_up=False)
            rows += [{"latency": latency, "parallel": limit, **cost._asdict()} for limit, cost in costs.items()]
        self._service.set_latency(LATENCY)
        return rows

    def cases(self) -> Rows:
        """The requests that read cases by their IDs, one for each case, without Ansible."""
        self._service.add_cases(CASES)
        workloads: dict[int, Workload] = {
            limit: partial(self._send, "cases", CASES, limit) for limit in CASE_CONCURRENCY
        }
        costs = measure(workloads, self._repeat_large, warm_up=False)
        return [{"parallel": limit, **cost._asdict()} for limit, cost in costs.items()]

    def _send(self, resource: str, count: int, limit: int) -> Cost:
        cost = self._runner.run(
            [sys.executable, "-m", "bench.requests_alone", self._url, resource, str(count), str(limit)]
        )
        wall, cpu = self._runner.output()
        return cost._replace(wall=wall, cpu=cpu)

    def large(self) -> Rows:
        """Whole plays with one task on many incidents, half of them assigned."""
        rows: Rows = []
        for count, events, options in LARGE:
            ids = self._service.fill(count, count // 2, events)
            tasks = unassign(self._url, ids, **options)
            workloads: dict[str, Workload] = {
                way: partial(self._runner.play, tasks, way == IN_PROCESS) for way in (IN_PROCESS, MODULE)
            }
            costs = measure(workloads, self._repeat_large, warm_up=False)
            rows += [
                {"count": count, "events": events, "options": options, "way": way, **cost._asdict()}
                for way, cost in costs.items()
            ]
        return rows

    def lists(self) -> Rows:
        """Whole plays that find all incidents, beside a script that gets the same pages."""
        rows: Rows = []
        script = str(Path(__file__).with_name("list_script.py"))
        command = [sys.executable, script, self._url, KEY, str(INCIDENT.page_size)]
        tasks = find_all(self._url)
        for count in LISTED:
            self._service.fill(count, count // 2, 3)
            workloads: dict[str, Workload] = {
                IN_PROCESS: partial(self._runner.play, tasks),
                MODULE: partial(self._runner.play, tasks, False),
                "script": partial(self._runner.run, command),
            }
            costs = measure(workloads, self._repeat_large, warm_up=count == LISTED[0])
            rows += [{"count": count, "way": way, **cost._asdict()} for way, cost in costs.items()]
        return rows


SECTIONS = ("tasks", "parallel", "cases", "large", "lists")


def conditions(repeat: int) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "ansible_core": version("ansible-core"),
        "requests": version("requests"),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "latency": LATENCY,
        "repeat": repeat,
        "repeat_large": min(repeat, REPEAT_LARGE),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--repeat", type=int, default=7, metavar="N", help="how often each task is measured")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS, help="measure only these")
    parser.add_argument("--json", type=Path, default=ROOT / ".build" / "bench.json", metavar="FILE")
    parser.add_argument("--from-json", action="store_true", help="measure nothing, show the figures of that file")
    parser.add_argument("--write-docs", action="store_true", help="write the tables into docs/benchmarks.md")
    options = parser.parse_args()
    if options.from_json:
        measured = json.loads(options.json.read_text(encoding="utf-8"))
    else:
        measured = {"conditions": conditions(options.repeat)}
        with tempfile.TemporaryDirectory(prefix="coralogix-bench-") as folder, running_service(LATENCY) as service:
            benchmark = Benchmark(service, Path(folder), options.repeat)
            for section in options.sections:
                began = time.monotonic()
                measured[section] = getattr(benchmark, section)()
                print(f"{section}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    tables = report.tables(measured)
    for name, table in tables.items():
        print(f"\n{name}\n\n{table}")
    if options.write_docs:
        report.write_into(ROOT / "docs" / "benchmarks.md", tables)


if __name__ == "__main__":
    main()
