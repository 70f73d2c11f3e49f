# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures what a task costs, against a simulator of the service, and holds it against the goals.

Needs ansible-core and requests, and the checkout as a collection in .build/link: `make bench` sees to
both. All that is compared runs in turn, so that a busy machine slows all of it alike; figures are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

if not __package__:
    # Started as a folder: Python then looks for modules in here, not beside.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench import report
from bench.measure import Case, Cost, interleaved, run
from bench.plays import ROOT, Runner, each, info, loop_of_uri, two_uris, unassign
from bench.stand import KEY, Stand, incident_ids

HERE = Path(__file__).resolve().parent

LATENCY = 0.02
SIZES = (100, 1_000, 10_000)
EVENTS = (3, 50)
# Events returned by a task -> how often it is measured at most: with half a million it takes a minute.
AT_MOST = {10_000: 99, 100_000: 3, 1_000_000: 1}
# What a task returns, and the options for it.
VARIANTS: dict[str, dict[str, Any]] = {report.EVERYTHING: {}, "events: false": {"events": False}}
# Of the same kind in one play.
TASKS = 4
# A play that returns more events takes minutes.
LONG = 100_000
MOST = 10_000
PARALLEL = (1, 2, 4, 8, 16)
# The second one as between continents.
LATENCIES = (LATENCY, 0.1)

Section = list[dict[str, Any]]


class Bench:
    def __init__(self, stand: Stand, folder: Path, repeat: int, long: bool) -> None:
        self._stand = stand
        self._folder = folder
        self._repeat = repeat
        self._long = long
        self._runner = Runner(stand, folder)

    def run(self) -> dict[str, Section]:
        measured: dict[str, Section] = {}
        for section in (self.tasks, self.parts, self.parallel, self.scale, self.pages, self.plays):
            began = time.monotonic()
            measured[section.__name__] = section()
            print(f"{section.__name__}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        return measured

    def tasks(self) -> Section:
        """One task over 20 incidents, and what else there is.

        A play has the task several times, on incidents of its own each time, for one is short beside the play
        itself; what an empty play costs is taken off.
        """
        stand, runner = self._stand, self._runner
        ids = stand.fill(20 * TASKS, 10 * TASKS, 3)
        # The first half of all is assigned.
        portions = [ids[10 * n : 10 * (n + 1)] + ids[10 * (TASKS + n) : 10 * (TASKS + n + 1)] for n in range(TASKS)]
        task = runner.book("unassign", each(unassign, stand.url, portions))
        cases: dict[str, Case] = {
            "empty": partial(runner.play, runner.book("empty", [])),
            "ping": partial(runner.play, runner.book("ping", [{"ansible.builtin.ping": {}}] * TASKS)),
            "unassign": partial(runner.play, task),
            "again": partial(runner.play, task, assigned=False),
            "uri": partial(runner.play, runner.book("uri", each(two_uris, stand.url, portions))),
            "loop": partial(runner.play, runner.book("loop", loop_of_uri(stand.url, portions[0]))),
        }
        plays = interleaved(cases, self._repeat)
        empty = plays.pop("empty")
        return [
            {"case": name, **((cost - empty) / (1 if name == "loop" else TASKS))._asdict()}
            for name, cost in plays.items()
        ]

    def parts(self) -> Section:
        """Where the time of the module goes in that task: seconds by part, as marks.py knows them."""
        stand, runner = self._stand, self._runner
        payload = runner.payload(unassign(stand.url, incident_ids(20)))
        stand.fill(20, 10, 3)
        written = self._folder / "seconds.json"
        rows: Section = []

        def marks() -> Cost:
            cost = runner.command([sys.executable, str(HERE / "marks.py"), payload[-1], str(written), str(time.time())])
            rows.append({"process": cost.wall, **json.loads(written.read_text(encoding="utf-8"))})
            return cost

        bare = interleaved({"module": partial(runner.command, payload), "marks": marks}, 2 * self._repeat)
        # The first one was to warm up.
        return [{"bare": bare["module"].wall, **row} for row in rows[1:]]

    def scale(self) -> Section:
        """The module alone, as a process of its own, on more and more incidents."""
        rows: Section = []
        for events in EVENTS:
            for size in SIZES:
                tasks = {
                    name: unassign(self._stand.url, incident_ids(size), **options) for name, options in VARIANTS.items()
                }
                payloads = {name: self._runner.payload(task) for name, task in tasks.items()}
                self._stand.fill(size, size // 2, events)
                cases: dict[str, Case] = {name: partial(self._runner.command, one) for name, one in payloads.items()}
                costs = interleaved(cases, self._times(size * events), warm_up=size == SIZES[0])
                rows += [
                    {"ids": size, "events": events, "returned": name, **cost._asdict()} for name, cost in costs.items()
                ]
        return rows

    def pages(self) -> Section:
        """incident_info alone, as a process of its own, on all incidents, beside a script that gets the same pages."""
        rows: Section = []
        payload = self._runner.payload(info(self._stand.url))
        script = [sys.executable, str(HERE / "pages.py"), self._stand.url, KEY, str(constant("_incidents", "PAGE"))]
        for size in SIZES:
            self._stand.fill(size, size // 2, EVENTS[0])
            cases: dict[str, Case] = {
                name: partial(self._runner.command, one) for name, one in (("module", payload), ("script", script))
            }
            costs = interleaved(cases, self._repeat, warm_up=size == SIZES[0])
            rows += [{"incidents": size, "case": name, **cost._asdict()} for name, cost in costs.items()]
        return rows

    def plays(self) -> Section:
        """Whole plays on many incidents: what Ansible makes of a large result. Once each."""
        rows: Section = []
        empty = self._runner.play(self._runner.book("empty", []))
        for events in EVENTS:
            ids = self._stand.fill(MOST, MOST // 2, events)
            for name, options in VARIANTS.items():
                if events * MOST > LONG and not (options or self._long):
                    continue
                book = self._runner.book("large", unassign(self._stand.url, ids, **options))
                cost = self._runner.play(book) - empty
                rows.append({"ids": MOST, "events": events, "returned": name, **cost._asdict()})
        return rows

    def parallel(self) -> Section:
        """The requests for many IDs alone, by how many run at a time; 0 is one after another on one connection."""
        rows: Section = []
        ids = self._stand.fill(MOST, MOST // 2, 3)
        path = self._folder / "ids.json"
        path.write_text(json.dumps(ids), encoding="utf-8")
        for latency in LATENCIES:
            self._stand.latency(latency)
            service_cpu: dict[int, float] = {}

            def exchange(used: dict[int, float], number: int) -> Cost:
                self._stand.restore()
                command = [sys.executable, str(HERE / "exchange.py"), self._stand.url, str(number), str(path)]
                run(command, self._folder, self._runner.environment)
                wall, cpu = json.loads((self._folder / "output").read_bytes())
                told = self._stand.account()
                used[number] = told["cpu"]
                return Cost(wall, cpu, requests=told["requests"])

            cases: dict[str, Case] = {str(number): partial(exchange, service_cpu, number) for number in (0, *PARALLEL)}
            costs = interleaved(cases, self._repeat if latency == LATENCY else 1, warm_up=False)
            rows += [
                {"latency": latency, "parallel": int(name), "service_cpu": service_cpu[int(name)], **cost._asdict()}
                for name, cost in costs.items()
            ]
        self._stand.latency(LATENCY)
        return rows

    def _times(self, events: int) -> int:
        """How often to measure a task that returns so many events."""
        return min(self._repeat, next(times for most, times in AT_MOST.items() if events <= most))


def constant(module: str, name: str) -> int:
    """A number of the collection's code, such as how many requests of one task it sends at a time."""
    code = (ROOT / "plugins" / "module_utils" / f"{module}.py").read_text(encoding="utf-8")
    return int(re.findall(rf"^{name} = (\d+)$", code, re.M)[0])


def surroundings(repeat: int) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "ansible_core": version("ansible-core"),
        "requests": version("requests"),
        "system": platform.system(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "latency": LATENCY,
        "parallel": constant("_client", "PARALLEL"),
        "repeat": repeat,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="how often each thing is measured")
    parser.add_argument("--long", action="store_true", help="also a play that returns half a million events")
    parser.add_argument("--json", type=Path, default=ROOT / ".build" / "bench.json", metavar="FILE")
    parser.add_argument("--from-json", action="store_true", help="measure nothing, show the figures of that file")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    if options.from_json:
        measured = json.loads(options.json.read_text(encoding="utf-8"))
    else:
        measured = {"surroundings": surroundings(options.repeat)}
        with tempfile.TemporaryDirectory(prefix="coralogix-bench-") as folder, Stand() as stand:
            stand.latency(LATENCY)
            measured |= Bench(stand, Path(folder), options.repeat, options.long).run()
        measured["goals"] = report.goals(measured)
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    tables = report.tables(measured)
    for name, table in tables.items():
        print(f"\n{name}\n\n{table}")
    if options.write_docs:
        report.write_into(ROOT / "docs" / "performance.md", tables)


if __name__ == "__main__":
    main()
