# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A short campaign of fixed seeds, and that a campaign can fail at all."""

from __future__ import annotations

import math
from typing import Any

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _client, _incidents, _module, _plan
from ansible_collections.coralogix.incidents.plugins.modules import incident_acknowledge, incident_assign

from . import bound
from .campaign import as_text, run_seeds
from .scenario import BARE, IN_PROCESS, KILLED, PLAYBOOK, draw
from .tasks import TASKS

# Way of driving -> how many seeds; a seed of a playbook is that of all its hosts.
SEEDS = {IN_PROCESS: 40, BARE: 2, KILLED: 3, PLAYBOOK: 1}


@pytest.mark.parametrize("way", SEEDS)
def test_everything_holds(way: str) -> None:
    report = run_seeds(range(SEEDS[way]), math.inf, way)
    assert not report.defects, as_text(report)
    assert report.runs[way] >= SEEDS[way]


def test_every_task_takes_part() -> None:
    """Beside the sums, also among the seeds above."""
    assert sum(task.weight for task in TASKS.values()) == 100
    assert {draw(seed, IN_PROCESS).name for seed in range(SEEDS[IN_PROCESS])} == {*TASKS}


def test_a_seed_draws_the_same_again() -> None:
    for seed in range(50):
        assert draw(seed) == draw(seed)
        assert str(draw(seed)) == str(draw(seed))


def _always(_change: Any, _incident: Any) -> bool:
    return True


def _takes_from_others(params: Any) -> Any:
    change = incident_assign.assign(params)
    return change._replace(passed=None)


class _OnePage(_incidents.Incidents):
    def _page_answer(self, answer: Any) -> Any:
        return super()._page_answer(answer)._replace(next_token="")


# What could be broken: the place, what is put there, and the seed to begin at, so that it does not take long.
BREAKS: dict[str, tuple[Any, str, Any, int]] = {
    "everything is written": (_plan.Change, "needed", _always, 0),
    "an incident still assigned is no failure": (_module, "_without_effect", lambda *_args: None, 22),
    "unknown IDs are no failure": (_module, "no_such", lambda _ids: None, 3),
    "nothing is tried again": (_client, "RETRY_STATUS", frozenset(), 8),
    "waits are not bounded": (_client, "MAX_WAIT", math.inf, 63),
    "what is resolved is acknowledged": (
        incident_acknowledge,
        "ACKNOWLEDGE",
        incident_acknowledge.ACKNOWLEDGE._replace(passed=None),
        3,
    ),
    "what somebody holds is taken": (
        incident_assign,
        "main",
        lambda: _module.run_change(_takes_from_others, incident_assign.OPTIONS),
        16,
    ),
    "a list ends with its first page": (_module, "Incidents", _OnePage, 8),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    *broken, first = BREAKS[name]
    monkeypatch.setattr(*broken)
    found = (seed for seed in range(first, first + 500) if run_seeds([seed], math.inf, IN_PROCESS).defects)
    assert next(found, None) is not None


@pytest.mark.parametrize(
    ("retries", "asked", "seconds"),
    [(0, 0, 0), (1, 0, 0.5), (4, 0, 7.5), (2, 1, 3), (3, 7200, 125), (20, 0, 125)],
)
def test_pauses(retries: int, asked: float, seconds: float) -> None:
    assert bound.pauses(retries, asked) == seconds


def test_rounds() -> None:
    assert [bound.rounds(count) for count in (0, 1, 2, 5, 6, 9, 10)] == [0, 1, 2, 2, 3, 3, 4]


def test_requests() -> None:
    ids = ["0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60"] * 1000
    assert bound.requests([], 90) == 0
    assert bound.requests(ids[:1], 90) == 1
    # An ID takes 50 characters of 8,000.
    assert bound.requests(ids, 90) == 7
