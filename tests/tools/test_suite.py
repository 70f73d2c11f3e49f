# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from tools.suite import BUILT, FIRST, GROUPS, LAST, Outcome, stages, total

SUITE = '<testsuites><testsuite tests="{}" failures="{}" errors="{}" skipped="{}"/></testsuites>'


@pytest.fixture
def reports(tmp_path: Path) -> dict[str, Path]:
    numbers = {"units": (10, 0, 0, 1), "integration": (5, 2, 1, 0)}
    for name, row in numbers.items():
        (tmp_path / f"{name}.xml").write_text(SUITE.format(*row))
    return {name: tmp_path / f"{name}.xml" for name in numbers}


@pytest.mark.parametrize(
    ("outcomes", "line"),
    [
        ([Outcome("units", "success", 1)], "11 passed, 3 failed, 1 skipped"),
        ([Outcome("integration", "failed", 1)], "11 passed, 3 failed, 1 skipped"),
        ([Outcome("sanity", "failed", 1)], "11 passed, 4 failed, 1 skipped"),
        ([Outcome("yamllint", "aborted", 1)], "11 passed, 4 failed, 1 skipped"),
        ([Outcome("units", "failed", 1)], "11 passed, 4 failed, 1 skipped"),
        ([Outcome("smoke-2.17", "skipped", 0)], "11 passed, 3 failed, 1 skipped"),
    ],
)
def test_total(outcomes: list[Outcome], line: str, reports: dict[str, Path]) -> None:
    assert total(outcomes, reports) == line


def test_everything_is_chosen_without_names() -> None:
    assert stages([]) == [[FIRST], list(GROUPS), [LAST]]


def test_sessions_chosen_by_name_keep_their_group_and_its_environment() -> None:
    ((units, static),) = stages(["units", "lint"])
    assert (static.name, static.sessions, static.env) == ("static", ("lint",), {"CI": "true"})
    assert (units.name, units.sessions, units.env) == ("units", ("units",), {})


def test_what_needs_the_collection_as_built_comes_after_it() -> None:
    first, second = stages(["smoke-2.20", "integration"])
    assert first == [FIRST]
    assert [(group.sessions, group.env) for group in second] == [(("integration",), BUILT), (("smoke-2.20",), BUILT)]
    assert stages(["build"]) == [[FIRST]]


def test_coverage_comes_after_what_it_measures() -> None:
    first, last = stages(["coverage", "units"])
    assert [group.name for group in first] == ["units"]
    assert last == [LAST]
