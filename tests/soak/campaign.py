# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many seeds, one after another, and what came of them."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from simulator import Simulator

from . import drive, invariants
from .drive import Ran
from .invariants import Case
from .scenario import BARE, IN_PROCESS, KILLED, PLAYBOOK, SOMEBODY, Scenario, draw
from .tasks import READ
from .world import World

CLEAN_KEY = "canary-of-the-clean-run"
# Hosts of one playbook; their seeds are far from those of other runs.
HOSTS = 4
FAR = 1_000_000_000
# A machine that stands still for a moment looks like a service that hangs. What fails with a timeout so many
# times as long as well is a defect.
PATIENT = 8
# Seconds after which a run counts as hanging for ever. Its bound may be longer; nothing here takes as long.
PATIENCE = {IN_PROCESS: 60, BARE: 120, KILLED: 120, PLAYBOOK: 400}


@dataclass
class Defect:
    seed: int
    way: str
    breaches: list[str]
    scenario: str
    result: str


@dataclass
class Report:
    """What many runs came to; reports add up."""

    runs: Counter[str] = field(default_factory=Counter)
    """By the way of driving."""
    tasks: Counter[str] = field(default_factory=Counter)
    """Runs by what the task is to do."""
    further_runs: int = 0
    """Those that show that it converges."""
    faults: Counter[str] = field(default_factory=Counter)
    deeds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    excuses: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    incidents: int = 0
    several_requests: int = 0
    """Runs with IDs for more than one request."""
    further_pages: int = 0
    """Pages of a list after the first."""
    repeated: int = 0
    """Runs that failed with a short timeout, or hung, and were therefore judged by a second one."""
    given_up: int = 0
    """Runs that hung."""
    slowest: dict[str, Any] = field(default_factory=dict)
    """The run that came nearest to its bound."""
    defects: list[Defect] = field(default_factory=list)

    def add(self, other: Report) -> None:
        for spec in dataclasses.fields(self):
            mine, theirs = getattr(self, spec.name), getattr(other, spec.name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            elif spec.name == "slowest":
                self.slowest = max(mine, theirs, key=lambda run: run.get("share", 0.0))
            else:
                setattr(self, spec.name, mine + theirs)


def outcome(ran: Ran) -> str:
    """What became of a run, in a few words."""
    if ran.result is None:
        return "killed" if ran.killed else "no result"
    changed = "changed" if ran.result.get("changed") else "ok"
    if not ran.result.get("failed"):
        return changed
    failure = ran.result.get("failure") or {}
    if failure.get("method") is None:
        words = {"There is no incident": "unknown IDs", "are still not": "without effect", "leaves out": "left out"}
        words |= {"cannot be sent in API version 3": "not to be asked of version 3"}
        cause = next((cause for text, cause in words.items() if text in str(ran.result.get("msg"))), "other")
    else:
        cause = f"status {failure['status']}" if failure["status"] else "no answer"
    return f"failed after a change: {cause}" if changed == "changed" else f"failed: {cause}"


def _converge(world: World, report: Report) -> list[str]:
    """Without faults, and twice: the first run does what is left, the second finds nothing to do."""
    scenario = world.scenario
    if (world.blind and scenario.task.needs_reading) or invariants.must_refuse(scenario):
        return []
    world.peace()
    ids = [one for one in scenario.valid if not world.blind or world.now(one)]
    world.simulator.add_key(CLEAN_KEY)
    by_ids = {} if scenario.task.by_filters else {"incident_ids": ids, "missing": "ignore"}
    clean = {"events": True, "api_key": CLEAN_KEY, "timeout": 30.0, **by_ids}
    asked = {**scenario.args(world.simulator.url), **clean}
    todo = [one for one in ids if world.needs(one)]
    second = drive.in_process(scenario, asked, False, False)
    breaches = invariants.check_second(world, ids, todo, second, report.checked)
    world.peace()
    third = drive.in_process(scenario, asked, False, True)
    report.further_runs += 2
    return breaches + invariants.check_third(world, ids, third, report.checked)


def _judge(world: World, ran: Ran, strays: int, report: Report) -> list[str]:
    """Hold everything against a run, and take down what happened in it."""
    world.settle()
    journal = list(world.simulator.journal)
    case = Case(world, ran, journal, strays)
    report.runs[world.scenario.way] += 1
    report.tasks[world.scenario.name] += 1
    report.given_up += world.given_up
    report.outcomes[outcome(ran)] += 1
    report.faults.update(world.hits)
    report.deeds.update(deed for one in world.states for deed in _deeds(world, one))
    report.requests += len(journal)
    report.incidents += len(case.asked)
    report.several_requests += len({entry.target for entry in journal if entry.operation == READ}) > 2
    report.further_pages += max(0, len(case.pages) - 1)
    share = invariants.share_of_bound(case)
    report.slowest = {
        "share": round(share, 3),
        "seconds": round(ran.elapsed + ran.waited, 1),
        "seed": world.scenario.seed,
        "way": world.scenario.way,
    }
    breaches = invariants.check(case, report.checked)
    report.excuses.update(+case.excuses)
    return breaches + ([] if world.given_up else _converge(world, report))


def _deeds(world: World, one: str) -> Iterable[str]:
    words = {"upsert_state": "resolve"}
    kinds = [kind.lower() for kind, by in world.deeds(one) if by == SOMEBODY]
    by_others = [f"another user: {words.get(kind, kind)}" for kind in kinds]
    return [
        *by_others,
        *(["another user: remove"] if one in world.removed else []),
        *(["another user: create"] if one in world.created else []),
    ]


def _give_up(worlds: list[World]) -> None:
    for world in worlds:
        world.give_up()


def _play(scenarios: list[Scenario], run: Callable[[list[World]], list[Ran]], trap: Simulator) -> Report:
    """Let scenarios take place at the same time, and judge each."""
    report = Report()
    trap.clear_journal()
    with ExitStack() as stack, drive.no_own_settings():
        worlds = [stack.enter_context(World(scenario, trap.url)) for scenario in scenarios]
        watchdog = threading.Timer(PATIENCE[scenarios[0].way], _give_up, (worlds,))
        watchdog.start()
        runs = run(worlds)
        watchdog.cancel()
        for world, ran in zip(worlds, runs):
            breaches = _judge(world, ran, len(trap.journal), report)
            if breaches:
                scenario = world.scenario
                text = f"{ran.crash or ran.result}"
                report.defects.append(Defect(scenario.seed, scenario.way, breaches, str(scenario), text))
    return report


def _in_process(worlds: list[World]) -> list[Ran]:
    return [
        drive.in_process(scenario, scenario.args(world.simulator.url), scenario.check_mode, scenario.diff)
        for world in worlds
        for scenario in [world.scenario]
    ]


WAYS: dict[str, Callable[[list[World]], list[Ran]]] = {
    IN_PROCESS: _in_process,
    BARE: lambda worlds: [drive.bare(world) for world in worlds],
    KILLED: lambda worlds: [drive.bare(world) for world in worlds],
    PLAYBOOK: drive.playbook,
}


def scenarios_of(seed: int, way: str | None = None) -> list[Scenario]:
    """What takes place for a seed: one scenario, or those of all hosts of a playbook."""
    scenario = draw(seed, way)
    if scenario.way != PLAYBOOK:
        return [scenario]
    drawn = [draw(FAR + seed * HOSTS + host, PLAYBOOK, scenario.name) for host in range(HOSTS)]
    return [dataclasses.replace(each, seed=seed) for each in drawn]


def run_seed(seed: int, trap: Simulator, way: str | None = None) -> Report:
    """Run what a seed draws; the trap is the other host, to which redirects lead."""
    scenarios = scenarios_of(seed, way)
    run = WAYS[scenarios[0].way]
    report = _play(scenarios, run, trap)
    if report.defects and (report.given_up or any(scenario.timeout < 1 for scenario in scenarios)):
        patient = [dataclasses.replace(one, timeout=min(30.0, one.timeout * PATIENT)) for one in scenarios]
        report = _play(patient, run, trap)
        report.repeated += 1
    return report


def run_seeds(seeds: Iterable[int], until: float, way: str | None = None) -> Report:
    """Run seeds as long as there is time, on the clock of time.monotonic."""
    total = Report()
    with Simulator() as trap:
        for seed in seeds:
            if time.monotonic() >= until:
                break
            total.add(run_seed(seed, trap, way))
    return total


def as_json(report: Report) -> dict[str, Any]:
    values = {spec.name: getattr(report, spec.name) for spec in dataclasses.fields(report)}
    plain = {name: dict(value.most_common()) if isinstance(value, Counter) else value for name, value in values.items()}
    return {**plain, "defects": [dataclasses.asdict(defect) for defect in report.defects]}


def _table(title: str, rows: Counter[str]) -> list[str]:
    lines = [f"  {count:8,}  {name}" for name, count in rows.most_common()]
    return ["", f"{title}: {sum(rows.values()):,}", *lines]


def as_text(report: Report) -> str:
    """The report for people; the defects last."""
    runs = sum(report.runs.values())
    summary = (
        f"{runs:,} runs and {report.further_runs:,} further ones, {report.incidents:,} incident IDs, "
        f"{report.requests:,} requests; {report.several_requests:,} runs needed several requests to read, "
        f"{report.further_pages:,} pages came after a first one; "
        f"{report.repeated} were repeated with a longer timeout, {report.given_up} hung"
    )
    lines = [
        summary,
        *_table("runs by way of driving", report.runs),
        *_table("runs by task", report.tasks),
        *_table("faults that struck", report.faults),
        *_table("deeds of other users", report.deeds),
        *_table("outcomes", report.outcomes),
        *_table("invariants held", report.checked),
        *_table("relaxations that counted", report.excuses),
        "",
        f"nearest to its bound: {report.slowest}",
        "",
        f"defects: {len(report.defects)}",
    ]
    for defect in report.defects[:20]:
        lines += ["", f"seed {defect.seed} ({defect.way})", *(f"  {breach}" for breach in defect.breaches)]
        lines += [defect.scenario, f"  returned: {defect.result[:1500]}", f"  again: {again(defect)}"]
    return "\n".join(lines)


def again(defect: Defect) -> str:
    return f"make soak SEED={defect.seed} RUNS=1 WAY={defect.way.split()[0]}"
