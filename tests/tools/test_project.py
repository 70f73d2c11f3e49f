# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks that files of the project agree with each other."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from ansible_collections.coralogix.incidents.plugins.module_utils._version import VERSION
from tools.pythons import CORES

ROOT = Path(__file__).resolve().parents[2]
VERSION_FILE = ROOT / "plugins" / "module_utils" / "_version.py"


def test_galaxy_yml_and_code_have_the_same_version() -> None:
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert galaxy["version"] == VERSION, "see Release in CONTRIBUTING.md"


def test_version_is_written_once_in_the_code() -> None:
    code = [path for folder in ("plugins", "extensions") for path in (ROOT / folder).rglob("*.py")]
    literal = re.compile(rf"""["']{re.escape(VERSION)}["']""")
    assert [path for path in code if literal.search(path.read_text(encoding="utf-8"))] == [VERSION_FILE]


def test_every_folder_of_tests_is_linted() -> None:
    """antsibull-nox checks tests/unit by itself, and the other folders and files only if they are listed."""
    settings = (ROOT / "antsibull-nox.toml").read_text(encoding="utf-8")
    parts = {path.relative_to(ROOT).parts[:2] for path in (ROOT / "tests").rglob("*.py")}
    python_code = {"/".join(part) for part in parts} - {"tests/unit", "tests/output"}
    assert {name for name in python_code if f'"{name}"' not in settings} == set()


def test_workflow_runs_every_ansible_core_on_its_oldest_and_newest_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    rows = workflow["jobs"]["matrix"]["strategy"]["matrix"]["include"]
    supported = [(core, pythons[end]) for core, pythons in reversed(CORES.items()) for end in (-1, 0)]
    assert [(row["core"], row["python"]) for row in rows] == supported


def test_tools_may_install_every_ansible_core() -> None:
    oldest, newest = (core.split(".") for core in (list(CORES)[-1], next(iter(CORES))))
    following = f"{newest[0]}.{int(newest[1]) + 1}"
    constraints = (ROOT / "tests" / "constraints.txt").read_text(encoding="utf-8")
    assert f"\nansible-core>={'.'.join(oldest)},<{following} " in constraints
