# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs nox sessions, groups of them in parallel, and adds up their results.

`make test` calls it without arguments for everything, or with the names of the wanted sessions.
It prints the output of a group when the group has ended, so that the output of groups does not mix.
The last line is the total over all tests. The file .build/total.txt has the same line.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

from tools.pythons import OLDEST_CORE, find_pythons, path_with_pythons

BUILD = Path(".build")
LOGS = BUILD / "logs"
JUNIT = BUILD / "junit"
TOTAL = BUILD / "total.txt"


@dataclass(frozen=True)
class Group:
    """Sessions that run one after the other."""

    name: str
    sessions: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    waits: bool = False
    """Whether it waits for most of its time, so that another group can run meanwhile."""


# For sessions that use the collection as built: the session `build` has run, and must not run again
# while another session tests what it built.
BUILT = {"COLLECTION_IS_BUILT": "1"}

BUILD_GROUP = Group("build", ("build",))

# These run in parallel. The longest come first, so that no long one is left for the end.
# Those that wait run beside the others.
PARALLEL_GROUPS = (
    Group("events", ("events",), BUILT, waits=True),
    Group("integration", ("integration",), BUILT),
    Group("units", ("units",)),
    Group("oldest-and-contract", ("units-oldest", "contract")),
    Group(
        "static",
        ("lint", "ansible-lint", "docs-check", "license-check", "extra-checks", "changelog"),
        # In CI the formatters of antsibull-nox report bad formatting. Elsewhere they correct it and succeed.
        {"CI": "true"},
    ),
    Group("sanity", ("sanity",)),
    # The newest ansible-core is that of the other groups. nox and CI have sessions for those in between.
    Group("installed", (f"parity-{OLDEST_CORE}", "import-check"), BUILT),
    Group("docs", ("docs",)),
)

# It needs the data that units and integration measured.
COVERAGE_GROUP = Group("coverage", ("coverage",))

# Stages run one after the other, the groups of a stage in parallel.
STAGES = ((BUILD_GROUP,), PARALLEL_GROUPS, (COVERAGE_GROUP,))

# More busy processes than processors compete for the caches, which makes everything a quarter slower.
# So at most one group runs per processor, and the groups share the processors for their tests.
CPUS = os.cpu_count() or 1
MAX_PARALLEL_GROUPS = max(2, min(CPUS, len(PARALLEL_GROUPS)))
WORKERS_PER_GROUP = CPUS // MAX_PARALLEL_GROUPS


@dataclass(frozen=True)
class SessionResult:
    name: str
    status: str
    """nox's word: success, failed, aborted or skipped."""
    seconds: float

    @property
    def failed(self) -> bool:
        return self.status not in ("success", "skipped")


def plan_stages(names: Collection[str]) -> list[list[Group]]:
    """The stages of these sessions, or of all. Sessions that no group lists run in a group "others"."""
    if not names:
        return [list(stage) for stage in STAGES]
    listed = {session for stage in STAGES for group in stage for session in group.sessions}
    others = Group("others", tuple(name for name in names if name not in listed), BUILT)
    groups = [*(select_sessions(group, names) for group in PARALLEL_GROUPS), others]
    selected = [group for group in groups if group.sessions]
    build_first = "build" in names or any(group.env == BUILT for group in selected)
    stages = [[BUILD_GROUP] if build_first else [], selected, [COVERAGE_GROUP] if "coverage" in names else []]
    return [stage for stage in stages if stage]


def select_sessions(group: Group, names: Collection[str]) -> Group:
    return replace(group, sessions=tuple(session for session in group.sessions if session in names))


def group_environment(group: Group) -> dict[str, str]:
    """Plain text, because the output goes to a file, and the number of processes for tests."""
    # With 0, pytest-xdist runs the tests in pytest's own process.
    workers = str(WORKERS_PER_GROUP if WORKERS_PER_GROUP > 1 else 0)
    settings = {"NO_COLOR": "1", "PY_COLORS": "0", "PYTHONUNBUFFERED": "1", "TEST_WORKERS": workers}
    # nox itself starts faster with bytecode files. They are written below .build, as in the sessions.
    settings["PYTHONPYCACHEPREFIX"] = str((BUILD / "pycache").resolve())
    removed = ("FORCE_COLOR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    inherited = {name: value for name, value in os.environ.items() if name not in removed}
    return {**inherited, **settings, **group.env}


def run_group(group: Group) -> list[SessionResult]:
    """Run the sessions of a group with nox; its output goes to a log file."""
    report = LOGS / f"{group.name}.json"
    nox = Path(sys.executable).with_name("nox")
    command = [str(nox), "--report", str(report), "--sessions", *group.sessions]
    started = time.monotonic()
    with (LOGS / f"{group.name}.log").open("w", encoding="utf-8") as log:
        exit_code = subprocess.run(
            command,
            check=False,
            env=group_environment(group),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        ).returncode
    results = read_report(report)
    if exit_code and not any(result.failed for result in results):
        # nox itself failed, perhaps before the first session.
        results.append(SessionResult(f"nox ({group.name})", "failed", time.monotonic() - started))
    return results


def read_report(report: Path) -> list[SessionResult]:
    if not report.exists():
        return []
    sessions = json.loads(report.read_text(encoding="utf-8"))["sessions"]
    return [SessionResult(session["name"], session["result"], session.get("duration") or 0.0) for session in sessions]


def print_log(group: Group) -> None:
    print(f"\n===== {group.name}: {' '.join(group.sessions)}", flush=True)
    print((LOGS / f"{group.name}.log").read_text(encoding="utf-8", errors="replace"), flush=True)


def run_stage(groups: Iterable[Group]) -> list[SessionResult]:
    """Run groups in parallel, and print the log of each when it has ended."""
    results = []
    with ThreadPoolExecutor(max_workers=MAX_PARALLEL_GROUPS) as pool, ThreadPoolExecutor(max_workers=1) as beside:
        futures = {(beside if group.waits else pool).submit(run_group, group): group for group in groups}
        for future in as_completed(futures):
            print_log(futures[future])
            results.extend(future.result())
    return results


def count_tests(reports: Iterable[Path]) -> Counter[str]:
    """Passed, failed and skipped tests of these JUnit reports, as pytest writes them."""
    counts: Counter[str] = Counter()
    for report in reports:
        for suite in ElementTree.parse(report).iter("testsuite"):  # noqa: S314 - our own file
            number = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
            failed = number["failures"] + number["errors"]
            counts["failed"] += failed
            counts["skipped"] += number["skipped"]
            counts["passed"] += number["tests"] - failed - number["skipped"]
    return counts


def total_line(results: Iterable[SessionResult], reports: dict[str, Path]) -> str:
    """All tests of the reports (session -> its report). A session that failed without a failed test counts as one."""
    counts = count_tests(reports.values())
    for result in results:
        report = reports.get(result.name)
        failed_tests = count_tests([report])["failed"] if report else 0
        if result.failed and not failed_tests:
            counts["failed"] += 1
    return f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped"


def session_table(results: Iterable[SessionResult]) -> str:
    rows = (f"{result.name:24} {result.status:8} {result.seconds:6.1f} s" for result in results)
    return "\n".join(["", "===== sessions", *rows])


def main() -> int:
    for folder in (LOGS, JUNIT):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    TOTAL.unlink(missing_ok=True)
    # Each group's nox then finds the Pythons at once.
    os.environ["PATH"] = path_with_pythons(find_pythons())

    started = time.monotonic()
    results = [result for groups in plan_stages(sys.argv[1:]) for result in run_stage(groups)]
    print(session_table(results))
    print(f"Total time: {time.monotonic() - started:.0f} s")
    line = total_line(results, {path.stem: path for path in sorted(JUNIT.glob("*.xml"))})
    TOTAL.write_text(line + "\n", encoding="utf-8")
    print(line)
    return int(any(result.failed for result in results))


if __name__ == "__main__":
    sys.exit(main())
