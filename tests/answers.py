# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of every wrong shape: the campaign's scenarios and invariants, drawn and made smaller by Hypothesis.

tests/soak/test_answers.py uses them with made-up incidents, tests/contract/test_contract_answers.py with incidents as
the vendor's contract has them.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any, Callable

from hypothesis import Phase, settings
from hypothesis import strategies as st
from soak import drive, invariants
from soak.faults import EDITED
from soak.scenario import IN_MEMORY, Scenario, draw, draw_incident
from soak.trial import Trial
from soak.world import World

# Mostly JSON of a wrong shape, sometimes no JSON.
_KINDS_BY_WEIGHT = {
    10: (EDITED,),
    8: ("incident shown otherwise",),
    3: ("other JSON",),
    2: ("cut short", "answer leaves one out", "accepted without effect", "partial: one incident", "reset"),
    1: ("partial: one incident, then lost", "malformed", "a page", *(f"status {n}" for n in (204, 304, 403, 429, 504))),
}
WEIGHTS = {kind: weight for weight, kinds in _KINDS_BY_WEIGHT.items() for kind in kinds}

RANDOMS = st.randoms(use_true_random=False)


def examples(count: int) -> settings:
    """The same examples in every run. Without Phase.explain, which takes minutes where an example is long."""
    phases = (Phase.generate, Phase.shrink)
    return settings(max_examples=count, derandomize=True, database=None, deadline=None, phases=phases)


def draw_scenario(random: Random, name: str, incident: Callable[[Random], dict[str, Any]] = draw_incident) -> Scenario:
    """A small scenario of a task, with at least one fault."""
    return draw(random, IN_MEMORY, name, weights=WEIGHTS, fault_counts=(1, 1, 2), incident=incident, is_small=True)


def run(scenario: Scenario) -> Trial:
    with World(scenario) as world, drive.no_own_settings():
        ended = drive.in_process(world)
        world.finish()
        return Trial(world, ended, list(world.simulator.journal), 0)


def check(scenario: Scenario) -> None:
    """Run a scenario, and check all invariants that apply."""
    trial = run(scenario)
    breaches = invariants.check(trial, Counter())
    assert not breaches, f"{breaches}\n{scenario}\n{trial.run.result}"
