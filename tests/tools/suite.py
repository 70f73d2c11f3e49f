# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run nox sessions, groups of them side by side, and say at the end what came of it.

`make test` calls it: without arguments for everything, or with the names of the wanted sessions.
The output of a group appears when the group is done, so that groups do not mix. The last line is a
total over all tests; .build/total.txt keeps it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tools.pythons import find_pythons, real_path

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


# Others need it, and nobody shall build it anew under a running test.
FIRST = Group("build", ("build",))
BUILT = {"COLLECTION_IS_BUILT": "1"}

# Groups run side by side; the longest first.
GROUPS = (
    Group("playbooks", ("integration",), BUILT),
    Group("units", ("units", "units-oldest", "contract")),
    Group("sanity", ("sanity",)),
    Group("installed", ("smoke-2.19", "smoke-2.17", "import-check"), BUILT),
    Group(
        "static",
        ("lint", "ansible-lint", "docs-check", "license-check", "extra-checks", "changelog"),
        # antsibull-nox's formatters complain in CI; elsewhere they would mend the code and pass.
        {"CI": "true"},
    ),
)

# It needs what the others measured.
LAST = Group("coverage", ("coverage",))

STAGES = ((FIRST,), GROUPS, (LAST,))


@dataclass(frozen=True)
class Outcome:
    """What became of one session."""

    name: str
    result: str
    seconds: float

    @property
    def failed(self) -> bool:
        """nox tells failed from aborted sessions; nobody else does."""
        return self.result not in ("success", "skipped")


def stages(names: list[str]) -> list[list[Group]]:
    """Groups of sessions: those of a stage side by side, the stages one after the other."""
    if not names:
        return [list(stage) for stage in STAGES]
    known = {session for stage in STAGES for group in stage for session in group.sessions}
    rest = Group("others", tuple(name for name in names if name not in known), BUILT)
    middle = [wanted(group, names) for group in GROUPS]
    chosen = [group for group in (*middle, rest) if group.sessions]
    needs_build = any(group.env == BUILT for group in chosen)
    first, last = wanted(FIRST, ["build"] if needs_build else names), wanted(LAST, names)
    return [stage for stage in ([first] if first.sessions else [], chosen, [last] if last.sessions else []) if stage]


def wanted(group: Group, names: Iterable[str]) -> Group:
    return Group(group.name, tuple(n for n in group.sessions if n in names), group.env)


# How many groups run at a time, and how many processes each of them may have for its tests: where more than the
# processors are at work, they take each other's caches, and all of it takes a quarter longer.
CPUS = os.cpu_count() or 1
LANES = max(2, min(CPUS, len(GROUPS)))
WORKERS = CPUS // LANES


def environment(group: Group) -> dict[str, str]:
    """For files, not for a terminal; and with the Pythons found once for all groups."""
    # To pytest-xdist, 0 is no further process.
    workers = str(WORKERS if WORKERS > 1 else 0)
    plain = {"NO_COLOR": "1", "PY_COLORS": "0", "PYTHONUNBUFFERED": "1", "TEST_WORKERS": workers}
    unwanted = ("FORCE_COLOR", "PYTHONPATH")
    inherited = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**inherited, **plain, **group.env}


def run(group: Group) -> list[Outcome]:
    """Run the sessions of a group with nox; its output goes to a file."""
    report = LOGS / f"{group.name}.json"
    nox = Path(sys.executable).with_name("nox")
    command = [str(nox), "--report", str(report), "--sessions", *group.sessions]
    started = time.monotonic()
    with (LOGS / f"{group.name}.log").open("w", encoding="utf-8") as log:
        status = subprocess.run(
            command,
            check=False,
            env=environment(group),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        ).returncode
    outcomes = read_report(report)
    if status and not any(outcome.failed for outcome in outcomes):
        # nox itself gave up, perhaps before the first session.
        outcomes.append(Outcome(f"nox ({group.name})", "failed", time.monotonic() - started))
    return outcomes


def read_report(report: Path) -> list[Outcome]:
    if not report.exists():
        return []
    sessions = json.loads(report.read_text(encoding="utf-8"))["sessions"]
    return [Outcome(session["name"], session["result"], session.get("duration") or 0.0) for session in sessions]


def show(group: Group) -> None:
    print(f"\n===== {group.name}: {' '.join(group.sessions)}", flush=True)
    print((LOGS / f"{group.name}.log").read_text(encoding="utf-8", errors="replace"), flush=True)


def run_all(groups: list[Group]) -> list[Outcome]:
    """Run groups side by side, and show each when it is done."""
    outcomes = []
    with ThreadPoolExecutor(max_workers=LANES) as pool:
        running = {pool.submit(run, group): group for group in groups}
        for done in as_completed(running):
            show(running[done])
            outcomes.extend(done.result())
    return outcomes


def count_tests(reports: Iterable[Path]) -> Counter[str]:
    """Passed, failed and skipped tests of all reports, in JUnit's XML as pytest writes it."""
    counts: Counter[str] = Counter()
    for report in reports:
        for suite in ElementTree.parse(report).iter("testsuite"):  # noqa: S314 - our own file
            number = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
            counts["failed"] += number["failures"] + number["errors"]
            counts["skipped"] += number["skipped"]
            counts["passed"] += number["tests"] - number["failures"] - number["errors"] - number["skipped"]
    return counts


def total(outcomes: list[Outcome], reports: dict[str, Path]) -> str:
    """The closing line. A session that failed otherwise than by its tests counts as one failure."""
    counts = count_tests(reports.values())
    for outcome in outcomes:
        report = reports.get(outcome.name)
        own_failures = count_tests([report])["failed"] if report else 0
        if outcome.failed and not own_failures:
            counts["failed"] += 1
    return f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped"


def summary(outcomes: list[Outcome]) -> str:
    rows = (f"{o.name:24} {o.result:8} {o.seconds:6.1f} s" for o in outcomes)
    return "\n".join(["", "===== sessions", *rows])


def main() -> int:
    for folder in (LOGS, JUNIT):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    TOTAL.unlink(missing_ok=True)
    os.environ["PATH"] = real_path(find_pythons())

    started = time.monotonic()
    outcomes = [outcome for groups in stages(sys.argv[1:]) for outcome in run_all(groups)]
    print(summary(outcomes))
    print(f"{time.monotonic() - started:.0f} s in all")
    closing = total(outcomes, {path.stem: path for path in sorted(JUNIT.glob("*.xml"))})
    TOTAL.write_text(closing + "\n", encoding="utf-8")
    print(closing)
    return int(any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
