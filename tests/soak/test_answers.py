# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever the service answers, the result is true, or says that it is uncertain."""

from __future__ import annotations

from random import Random

import pytest
from answers import RANDOMS, check, draw_scenario, examples, run
from hypothesis import given

from .tasks import TASKS

EXAMPLES = 40  # for each task


@pytest.mark.parametrize("name", TASKS)
@examples(EXAMPLES)
@given(random=RANDOMS)
def test_result_is_true_for_any_answer(name: str, random: Random) -> None:
    check(draw_scenario(random, name))


def test_examples_are_many_and_cover_all_outcomes() -> None:
    assert len(TASKS) * EXAMPLES >= 800
    trials = [run(draw_scenario(Random(seed), "assign")) for seed in range(60)]
    # Written or not, failed or not; and many got untrue answers.
    assert len({(bool(trial.writes), trial.failed) for trial in trials}) == 4
    assert sum(any(trial.world.untrue.values()) for trial in trials) >= 6
