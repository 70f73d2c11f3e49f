# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Galaxy and Automation Hub run galaxy-importer on each file that is uploaded, and refuse what it reports.

It checks metadata, tags, README, changelog, and runs ansible-doc and ansible-lint. The other checks of Automation Hub
for certified collections are sessions of their own: `sanity` on every ansible-core, without an ignore file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CONFIG = Path(__file__).resolve().parents[1] / "galaxy-importer.cfg"
REPORTS = ("CRITICAL", "ERROR", "WARNING")


def report(file: Path, folder: Path, **settings: str) -> list[str]:
    """What galaxy-importer finds wrong with a file. It exits with 0 after most errors."""
    completed = subprocess.run(
        [sys.executable, "-m", "galaxy_importer.main", str(file)],
        cwd=folder,
        env={**os.environ, "GALAXY_IMPORTER_CONFIG": str(CONFIG), **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    print(completed.stdout)
    lines = completed.stdout.splitlines()
    assert completed.returncode or "Importer processing completed successfully" in lines
    return [line for line in lines if line.startswith(REPORTS)]


def test_no_error_and_no_warning(built_file: Path, tmp_path: Path) -> None:
    assert report(built_file, tmp_path) == []


def test_a_check_that_cannot_run_is_reported(built_file: Path, tmp_path: Path) -> None:
    missing = report(built_file, tmp_path, PATH="")
    assert {line.split(",")[0] for line in missing} == {
        "WARNING: ansible-doc not found",
        "WARNING: ansible-lint not found",
    }
