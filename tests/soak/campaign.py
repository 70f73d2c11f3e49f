# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many seeds, one after another, and what came of them."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any, Callable

from simulator import Simulator

from . import drive, invariants
from .answers import READ
from .case import Case
from .drive import Run
from .scenario import IN_MEMORY, IN_PROCESS, MODULE, PLAYBOOK, SOMEBODY, STOPPED, Scenario, draw
from .world import World

# Hosts of one playbook.
HOSTS = 4
# A machine that stands still for a moment looks like a service that hangs. What fails with a timeout so many
# times as long as well is a defect.
PATIENT = 8
# Seconds after which a run counts as hanging for ever. Its bound may be longer; nothing here takes as long.
PATIENCE = {IN_MEMORY: 60, IN_PROCESS: 60, MODULE: 120, STOPPED: 120, PLAYBOOK: 400}


@dataclass
class Defect:
    seed: int | None
    way: str
    breaches: list[str]
    scenario: str
    result: str

    def __str__(self) -> str:
        again = f"make soak SEED={self.seed} RUNS=1 WAY='{self.way}'"
        lines = [f"seed {self.seed} ({self.way})", *(f"  {breach}" for breach in self.breaches)]
        return "\n".join([*lines, self.scenario, f"  returned: {self.result[:1500]}", f"  again: {again}"])


@dataclass
class Report:
    """What many runs came to. Reports add up."""

    runs: Counter[str] = field(default_factory=Counter)
    """By the way of running."""
    tasks: Counter[str] = field(default_factory=Counter)
    """Runs by what the task is to do."""
    faults: Counter[str] = field(default_factory=Counter)
    actions_of_others: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    """Invariants."""
    excuses: Counter[str] = field(default_factory=Counter)
    """Relaxations that counted."""
    numbers: Counter[str] = field(default_factory=Counter)
    nearest_to_its_bound: dict[str, Any] = field(default_factory=dict)
    defects: list[Defect] = field(default_factory=list)

    def add(self, other: Report) -> None:
        for spec in dataclasses.fields(self):
            own, others = getattr(self, spec.name), getattr(other, spec.name)
            if isinstance(own, Counter):
                own.update(others)
        self.nearest_to_its_bound = max(
            self.nearest_to_its_bound, other.nearest_to_its_bound, key=lambda run: run.get("share", 0.0)
        )
        self.defects += other.defects


_CAUSES = {
    "Unknown incident": "unknown IDs",
    "not visible yet": "effect not visible",
    "neither the state before": "another effect",
    "leaves out": "left out",
    "cannot be sent in API version 3": "not to be asked of version 3",
    "deadline": "deadline",
    "Stopped": "stopped",
    "interrupted": "interrupted",
}


def describe_outcome(case: Case) -> str:
    """What became of a run, in a few words."""
    if case.run.result is None:
        return "killed"
    result, refused = case.run.result, case.scenario.refused
    changed = "changed" if result.get("changed") else "ok"
    if not result.get("failed"):
        return changed
    failure = result.get("failure") or {}
    cause = f"status {failure['status']}" if failure.get("status") else "no answer"
    if failure.get("method") is None:
        cause = next((cause for text, cause in _CAUSES.items() if text in str(result.get("msg"))), "other")
    cause = "refused option" if refused else cause
    return f"failed after a change: {cause}" if changed == "changed" else f"failed: {cause}"


def _converge(case: Case, report: Report) -> list[str]:
    """Without faults, and twice: the first run does what is left, the second finds nothing to do."""
    breaches: list[str] = []
    for name in ("a clean run", "a further run"):
        with World(_clean(case)) as world:
            arguments = world.scenario.arguments(world.url)
            run = drive.in_process(world, arguments, False, diff=True)
            world.settle()
            case = Case(world, run, list(world.simulator.journal), 0)
        found = invariants.check(case, report.checked)
        if name == "a further run" and (case.ours or (case.writes and not case.is_unread)):
            found.append(f"it changed something: {case.result}")
        breaches += [f"{name}: {breach}" for breach in found]
        report.numbers["further runs"] += 1
    return breaches


def _clean(case: Case) -> Scenario:
    """The same task on the incidents as they are now, with a key that may do everything, and without faults."""
    scenario, simulator = case.scenario, case.world.simulator
    now = {i: simulator.incident(i) for i in case.world.states if case.world.now(i)}
    incidents = {i: {name: value for name, value in fields.items() if name != "id"} for i, fields in now.items()}
    spoilt = ("stale_reads", "max_url", "latency")
    return dataclasses.replace(
        scenario,
        way=IN_MEMORY,
        refused=None,
        simulator={name: value for name, value in scenario.simulator.items() if name not in spoilt},
        permissions=scenario.task.permissions,
        key_kind="personal",
        key_is_known=True,
        incidents=incidents,
        ids=[i for i in scenario.valid if i in incidents or not case.world.is_unreadable],
        missing="ignore",
        check_mode=False,
        diff=True,
        timeout=30.0,
        deadline=None,
        faults=[],
        actions=[],
        stop=None,
    )


def judge(world: World, run: Run, trapped: int, report: Report) -> list[str]:
    """Check everything about a run, and count what happened in it."""
    world.settle()
    case = Case(world, run, list(world.simulator.journal), trapped)
    report.runs[world.scenario.way] += 1
    report.tasks[world.scenario.name] += 1
    report.outcomes[describe_outcome(case)] += 1
    report.faults.update(world.hits)
    report.actions_of_others.update(_actions_of_others(world))
    targets = {entry.target for entry in case.journal if entry.operation == READ}
    report.numbers.update(
        {
            "requests": len(case.journal),
            "incident IDs": len(case.asked),
            "runs that needed several requests to read": len(targets) > 2,
            "pages after a first one": max(0, len(case.pages) - 1),
            "runs that hung": world.is_cut_off,
        }
    )
    report.nearest_to_its_bound = {
        "share": round(invariants.share_of_bound(case), 3),
        "seconds": round(run.elapsed + run.waited, 1),
        "seed": world.scenario.seed,
        "way": world.scenario.way,
    }
    breaches = invariants.check(case, report.checked)
    report.excuses.update(case.excuses)
    return breaches + ([] if world.is_cut_off else _converge(case, report))


def _actions_of_others(world: World) -> Iterable[str]:
    kinds = [kind.lower() for i in world.acted_on for kind, by in world.actors(i) if by == SOMEBODY]
    yield from ({"upsert_state": "resolve"}.get(kind, kind) for kind in kinds)
    yield from ["remove"] * len(world.removed) + ["create"] * len(world.created)


def _run_in_process(worlds: Sequence[World]) -> list[Run]:
    return [
        drive.in_process(world, scenario.arguments(world.url), scenario.check_mode, scenario.diff)
        for world in worlds
        for scenario in [world.scenario]
    ]


def _run_module(worlds: Sequence[World]) -> list[Run]:
    return [drive.as_module(world) for world in worlds]


RUN: dict[str, Callable[[Sequence[World]], list[Run]]] = {
    IN_MEMORY: _run_in_process,
    IN_PROCESS: _run_in_process,
    MODULE: _run_module,
    STOPPED: _run_module,
    PLAYBOOK: drive.in_playbook,
}


def play(scenarios: Sequence[Scenario], trap: Simulator | None = None) -> Report:
    """Let scenarios take place at the same time, and judge each. The trap is the host to which redirects lead."""
    report = Report()
    if trap:
        trap.clear_journal()
    with ExitStack() as stack, drive.no_own_settings():
        worlds = [stack.enter_context(World(scenario, *([trap.url] if trap else []))) for scenario in scenarios]
        watchdog = threading.Timer(PATIENCE[scenarios[0].way], lambda: [world.cut_off() for world in worlds])
        watchdog.start()
        runs = RUN[scenarios[0].way](worlds)
        watchdog.cancel()
        for world, run in zip(worlds, runs):
            breaches = judge(world, run, len(trap.journal) if trap else 0, report)
            if breaches:
                scenario, text = world.scenario, f"{run.crash or run.result}"
                report.defects.append(Defect(scenario.seed, scenario.way, breaches, str(scenario), text))
    return report


def scenarios_of(seed: int, way: str | None = None) -> list[Scenario]:
    """What takes place for a seed: one scenario, or those of all hosts of a playbook."""
    scenario = dataclasses.replace(draw(Random(seed), way), seed=seed)
    if scenario.way != PLAYBOOK:
        return [scenario]
    drawn = [draw(Random(f"{seed} {host}"), PLAYBOOK, scenario.name) for host in range(HOSTS)]
    return [dataclasses.replace(each, seed=seed) for each in drawn]


def run_seed(seed: int, trap: Simulator, way: str | None = None) -> Report:
    """Run what a seed draws."""
    scenarios = scenarios_of(seed, way)
    report = play(scenarios, trap)
    depends_on_time = any(scenario.timeout < 1 or scenario.deadline for scenario in scenarios)
    if report.defects and (report.numbers["runs that hung"] or depends_on_time):
        patient = [dataclasses.replace(one, timeout=min(30.0, one.timeout * PATIENT)) for one in scenarios]
        report = play(patient, trap)
        report.numbers["runs repeated, as they depend on the time"] += 1
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


def as_text(report: Report) -> str:
    """The report for people, the defects last."""
    lines = []
    for spec in dataclasses.fields(report):
        rows = getattr(report, spec.name)
        if isinstance(rows, Counter):
            lines += ["", f"{spec.name.replace('_', ' ')}: {sum(rows.values()):,}"]
            lines += [f"  {count:8,}  {name}" for name, count in rows.most_common()]
    lines += ["", f"nearest to its bound: {report.nearest_to_its_bound}", "", f"defects: {len(report.defects)}"]
    return "\n".join([*lines, *(f"\n{defect}" for defect in report.defects[:20])])
