# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of every wrong shape: whatever the service says, the result is true or says that it is not known."""

from __future__ import annotations

import random

import pytest
from answers import CASES, carry_out, drawn_task, hold, made_up, mostly_true

EXAMPLES = 250  # for each of the cases


@pytest.mark.parametrize("case", CASES)
def test_result_is_true_whatever_is_answered(case: str) -> None:
    hold(case, EXAMPLES, made_up)


def test_examples_are_many_and_of_all_kinds() -> None:
    assert len(CASES) * EXAMPLES >= 2000
    ways = set()
    for number in range(200):
        task = drawn_task(random.Random(f"assign {number}"), "assign", mostly_true, made_up)
        service, result = carry_out(task, False)
        ways.add((bool(service.written), "msg" in result, bool(service.hides or service.pretends)))
    # Written or not, failed or not, lied to or not.
    assert len(ways) == 8
