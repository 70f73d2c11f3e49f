# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs many seeds, one after another, and counts the outcomes."""

from __future__ import annotations

import dataclasses
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from simulator import Simulator

from . import drive, invariants
from .drive import Run
from .scenario import IN_MEMORY, MODULE, OVER_HTTP, PLAYBOOK, STOPPED, Scenario, draw
from .trial import Trial
from .world import World

# Hosts of one playbook.
HOSTS = 4
# A machine that stands still for a moment looks like a service that hangs. What fails with a timeout so many
# times as long as well is a defect.
TIMEOUT_FACTOR = 8
# Seconds after which a run counts as hanging for ever. Its bound may be longer; nothing here takes as long.
MAX_SECONDS = {IN_MEMORY: 60, OVER_HTTP: 60, MODULE: 120, STOPPED: 120, PLAYBOOK: 400}


class Defect(NamedTuple):
    seed: int | None
    mode: str
    breaches: list[str]
    scenario: str
    result: str

    def __str__(self) -> str:
        again = f"make soak SEED={self.seed} RUNS=1 WAY={self.mode}"
        lines = [f"seed {self.seed} ({self.mode})", *(f"  {breach}" for breach in self.breaches)]
        return "\n".join([*lines, self.scenario, f"  returned: {self.result[:1500]}", f"  again: {again}"])


@dataclass
class Report:
    """The outcomes of many runs. Reports add up."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Numbers of runs, tasks, faults and so on, by their names."""
    nearest_to_its_bound: dict[str, Any] = field(default_factory=dict)
    defects: list[Defect] = field(default_factory=list)

    def add(self, other: Report) -> None:
        for name, counter in other.counts.items():
            self.counts[name].update(counter)
        both = (self.nearest_to_its_bound, other.nearest_to_its_bound)
        self.nearest_to_its_bound = max(both, key=lambda run: run.get("share", 0.0))
        self.defects += other.defects

    def as_json(self) -> dict[str, Any]:
        counts = {name: dict(counter.most_common()) for name, counter in self.counts.items()}
        return {**counts, "nearest": self.nearest_to_its_bound, "defects": [each._asdict() for each in self.defects]}

    def __str__(self) -> str:
        """For people, the defects last."""
        lines = []
        for name, counter in self.counts.items():
            lines += ["", f"{name}: {counter.total():,}", *(f"  {n:8,}  {row}" for row, n in counter.most_common())]
        lines += ["", f"nearest to its bound: {self.nearest_to_its_bound}", "", f"defects: {len(self.defects)}"]
        return "\n".join([*lines, *(f"\n{defect}" for defect in self.defects[:20])])


def describe_outcome(trial: Trial) -> str:
    """What became of a run, in a few words."""
    if trial.run.result is None:
        return "killed"
    result, changed = trial.run.result, "changed" if trial.run.result.get("changed") else "unchanged"
    failure = result.get("failure") or {}
    cause = failure.get("status") or ("no answer" if failure.get("method") else "no request to blame")
    return f"{changed}, failed: {cause}" if result.get("failed") else changed


def check_run(world: World, run: Run, redirected: int, report: Report) -> list[str]:
    """Check everything about a run, and count what happened in it."""
    world.finish()
    trial = Trial(world, run, list(world.simulator.journal), redirected)
    scenario, counts = world.scenario, report.counts
    counts["runs by mode"][scenario.mode] += 1
    counts["runs by task"][scenario.name] += 1
    counts["outcomes"][describe_outcome(trial)] += 1
    counts["faults that occurred"].update(world.hits)
    counts["acts of other users"].update(world.actions_done)
    counts["requests"].update(
        {
            "requests": len(trial.journal),
            "incident IDs": len(trial.asked),
            "runs with several requests to read": len(
                {e.target for e in trial.journal if e.operation == trial.kind.read}
            )
            > 2,
            "pages after a first one": max(0, len(trial.pages) - 1),
            "runs that hung": world.is_cut_off,
        }
    )
    share = round(invariants.share_of_bound(trial), 3)
    report.nearest_to_its_bound = {"share": share, "seed": scenario.seed, "mode": scenario.mode}
    breaches = invariants.check(trial, counts["checks"])
    counts["excuses"].update(trial.excuses)
    return breaches + ([] if world.is_cut_off else _converge(trial, report))


def _converge(trial: Trial, report: Report) -> list[str]:
    """Without faults, and twice: the first run does what is left, the second finds nothing to do."""
    breaches: list[str] = []
    for name in ("a clean run", "a further run"):
        with World(_clean(trial)) as world:
            run = drive.in_process(world)
            world.finish()
            trial = Trial(world, run, list(world.simulator.journal), 0)
        found = invariants.check(trial, report.counts["checks"])
        # What reading shows in need is asked for again, though the service refuses it. After that, no further request
        # begins: some are left for the next run.
        is_refused = any(invariants.is_refused(trial, incident_id) for incident_id in trial.asked)
        has_written = trial.changed_by_us or (trial.writes and not trial.is_unread)
        if name == "a further run" and has_written and not is_refused:
            found.append(f"it changed something: {trial.run.result}")
        breaches += [f"{name}: {breach}" for breach in found]
        report.counts["requests"]["further runs"] += 1
    return breaches


def _clean(trial: Trial) -> Scenario:
    """The same task on the incidents as they are now, with a key that may do everything, and without faults."""
    scenario, world = trial.scenario, trial.world
    kind, passing = scenario.task.kind, ("stale_reads", "stale_events", "max_url")
    incidents = {i: kind.state(world.simulator, i) for i in world.states if world.now(i)}
    service = {name: value for name, value in scenario.simulator.items() if name not in passing}
    options = {**scenario.options, **({"force": False} if "force" in scenario.options else {})}
    return dataclasses.replace(
        scenario,
        mode=IN_MEMORY,
        check_mode=False,
        diff=True,
        missing="ignore",
        timeout=30.0,
        refused=None,
        deadline=None,
        stop=None,
        faults=[],
        actions=[],
        name=scenario.name.removesuffix(", force"),
        options=options,
        simulator=service,
        permissions=scenario.task.permissions,
        key_kind="personal",
        key_is_known=True,
        incidents=incidents,
        ids=[i for i in scenario.valid if i in incidents or not world.is_unreadable],
    )


def run_scenarios(scenarios: Sequence[Scenario], redirect_host: Simulator) -> Report:
    """Let scenarios take place at the same time, and check each. Redirects lead to a host of their own."""
    report = Report()
    redirect_host.clear_journal()
    with ExitStack() as stack, drive.no_own_settings():
        worlds = [stack.enter_context(World(scenario, redirect_host.url)) for scenario in scenarios]
        watchdog = threading.Timer(MAX_SECONDS[scenarios[0].mode], _cut_off, [worlds])
        watchdog.start()
        runs = drive.run(worlds)
        watchdog.cancel()
        for world, run in zip(worlds, runs):
            breaches = check_run(world, run, len(redirect_host.journal), report)
            if breaches:
                scenario, text = world.scenario, f"{run.crash or run.result}"
                report.defects.append(Defect(scenario.seed, scenario.mode, breaches, str(scenario), text))
    return report


def _cut_off(worlds: Iterable[World]) -> None:
    for world in worlds:
        world.cut_off()


def scenarios_of(seed: int, mode: str | None = None) -> list[Scenario]:
    """What takes place for a seed: one scenario, or those of all hosts of a playbook."""
    scenario = draw(Random(seed), mode)
    hosts = range(HOSTS if scenario.mode == PLAYBOOK else 0)
    drawn = [draw(Random(f"{seed} {host}"), PLAYBOOK, scenario.name) for host in hosts] or [scenario]
    return [dataclasses.replace(each, seed=seed) for each in drawn]


def run_seed(seed: int, redirect_host: Simulator, mode: str | None = None) -> Report:
    """Run what a seed draws."""
    scenarios = scenarios_of(seed, mode)
    report = run_scenarios(scenarios, redirect_host)
    depends_on_time = any(scenario.timeout < 1 or scenario.deadline for scenario in scenarios)
    if report.defects and (report.counts["requests"]["runs that hung"] or depends_on_time):
        patient = [dataclasses.replace(each, timeout=min(30.0, each.timeout * TIMEOUT_FACTOR)) for each in scenarios]
        report = run_scenarios(patient, redirect_host)
        report.counts["requests"]["runs repeated, as they depend on the time"] += 1
    return report


def run_seeds(seeds: Iterable[int], until: float, mode: str | None = None) -> Report:
    """Run seeds as long as there is time, on the clock of time.monotonic."""
    total = Report()
    with Simulator() as redirect_host:
        for seed in seeds:
            if time.monotonic() >= until:
                break
            try:
                total.add(run_seed(seed, redirect_host, mode))
            except Exception:
                # A defect of the campaign. All other runs count nevertheless.
                scenario = scenarios_of(seed, mode)[0]
                breach = f"the campaign itself failed:\n{traceback.format_exc()}"
                total.defects.append(Defect(seed, scenario.mode, [breach], str(scenario), ""))
    return total
