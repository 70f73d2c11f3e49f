# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tools import ansible_test


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "plugins").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    (root / ".gitignore").write_text("/.build/\n")
    (root / "plugins" / "one.py").write_text("one = 1\n")
    return root


def files(tree: Path) -> set[str]:
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file() and ".git" not in path.parts}


def test_the_tree_follows_the_project_and_keeps_caches(project: Path) -> None:
    tree = project / ".build" / "tree"
    ansible_test.sync_tree(project, tree)
    assert files(tree) == {".gitignore", "plugins/one.py"}

    (tree / ".build").mkdir()
    (tree / ".build" / "cache").write_text("kept: the project ignores it\n")
    (project / "plugins" / "one.py").rename(project / "plugins" / "two.py")
    (project / "plugins" / "two.py").write_text("two = 2\n")
    ansible_test.sync_tree(project, tree)
    assert files(tree) == {".gitignore", "plugins/two.py", ".build/cache"}
    assert (tree / "plugins" / "two.py").read_text() == "two = 2\n"


def test_an_unchanged_file_is_left_alone(project: Path) -> None:
    tree = project / ".build" / "tree"
    ansible_test.sync_tree(project, tree)
    before = (tree / "plugins" / "one.py").stat()
    ansible_test.sync_tree(project, tree)
    assert (tree / "plugins" / "one.py").stat().st_ctime_ns == before.st_ctime_ns


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("true", 0),
        ("exit 3", 3),
        ("echo 'WARNING: All targets skipped.'", 1),
        ("echo 'WARNING: Required program \"shellcheck\" not found.'", 1),
    ],
)
def test_what_was_not_tested_is_a_failure(tmp_path: Path, script: str, status: int) -> None:
    assert ansible_test.run(["sh", "-c", script], tmp_path) == status


def test_a_missing_pip_bootstrap_is_provided_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provided = []

    def provide(script: Path, version: str) -> None:
        provided.append((script, version))
        (tmp_path / "ready").touch()

    monkeypatch.setattr(ansible_test, "provide_get_pip", provide)
    script = "test -e ready || { echo 'and saved to: /home/x/cache/get_pip_25_2.py'; exit 1; }"
    assert ansible_test.run(["sh", "-c", script], tmp_path) == 0
    assert provided == [(Path("/home/x/cache/get_pip_25_2.py"), "25_2")]
