# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from threading import Barrier

import pytest
from tools import suite
from tools.suite import BUILD_GROUP, BUILT, COVERAGE_GROUP, STAGES, Group, SessionResult, plan_stages, total_line

REPORT = '<testsuites><testsuite tests="{}" failures="{}" errors="{}" skipped="{}"/></testsuites>'


@pytest.fixture
def reports(tmp_path: Path) -> dict[str, Path]:
    numbers = {"units": (10, 0, 0, 1), "integration": (5, 2, 1, 0)}
    for name, row in numbers.items():
        (tmp_path / f"{name}.xml").write_text(REPORT.format(*row))
    return {name: tmp_path / f"{name}.xml" for name in numbers}


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (SessionResult("units", "success", 1), "11 passed, 3 failed, 1 skipped"),
        (SessionResult("integration", "failed", 1), "11 passed, 3 failed, 1 skipped"),
        (SessionResult("sanity", "failed", 1), "11 passed, 4 failed, 1 skipped"),
        (SessionResult("yamllint", "aborted", 1), "11 passed, 4 failed, 1 skipped"),
        (SessionResult("units", "failed", 1), "11 passed, 4 failed, 1 skipped"),
        (SessionResult("parity-2.16", "skipped", 0), "11 passed, 3 failed, 1 skipped"),
    ],
)
def test_total_counts_tests_and_failed_sessions(result: SessionResult, line: str, reports: dict[str, Path]) -> None:
    assert total_line([result], reports) == line


def test_all_stages_without_names() -> None:
    assert plan_stages([]) == [list(stage) for stage in STAGES]


def test_selected_sessions_keep_their_group_and_environment() -> None:
    ((units, static),) = plan_stages(["units", "lint"])
    assert (static.name, static.sessions, static.env) == ("static", ("lint",), {"CI": "true"})
    assert (units.name, units.sessions, units.env) == ("units", ("units",), {})


def test_build_runs_before_sessions_that_use_it() -> None:
    first, second = plan_stages(["parity-2.20", "integration"])
    assert first == [BUILD_GROUP]
    assert [(group.sessions, group.env) for group in second] == [(("integration",), BUILT), (("parity-2.20",), BUILT)]
    assert plan_stages(["build"]) == [[BUILD_GROUP]]


def test_coverage_runs_after_what_it_measures() -> None:
    first, last = plan_stages(["coverage", "units"])
    assert [group.name for group in first] == ["units"]
    assert last == [COVERAGE_GROUP]


def test_a_waiting_group_does_not_delay_another(monkeypatch: pytest.MonkeyPatch) -> None:
    both_run = Barrier(2, timeout=10)
    monkeypatch.setattr(suite, "MAX_PARALLEL_GROUPS", 1)
    monkeypatch.setattr(suite, "print_log", lambda _group: None)
    monkeypatch.setattr(suite, "run_group", lambda group: [SessionResult(group.name, "success", both_run.wait())])
    results = suite.run_stage([Group("busy", ()), Group("waits", (), waits=True)])
    assert {result.name for result in results} == {"busy", "waits"}
