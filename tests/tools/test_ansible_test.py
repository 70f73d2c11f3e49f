# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

import pytest
from tools import ansible_test


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "plugins").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    (root / ".gitignore").write_text("/.build/\n")
    (root / "plugins" / "first.py").write_text("number = 1\n")
    return root


def files_in(tree: Path) -> set[str]:
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file() and ".git" not in path.parts}


def test_copy_follows_project_and_keeps_caches(project: Path) -> None:
    tree = project / ".build" / "tree"
    ansible_test.sync_tree(project, tree)
    assert files_in(tree) == {".gitignore", "plugins/first.py"}

    (tree / ".build").mkdir()
    (tree / ".build" / "cache").write_text("a file that the project ignores\n")
    (project / "plugins" / "first.py").rename(project / "plugins" / "second.py")
    (project / "plugins" / "second.py").write_text("number = 2\n")
    ansible_test.sync_tree(project, tree)
    assert files_in(tree) == {".gitignore", "plugins/second.py", ".build/cache"}
    assert (tree / "plugins" / "second.py").read_text() == "number = 2\n"


def test_unchanged_file_is_not_copied_again(project: Path) -> None:
    tree = project / ".build" / "tree"
    ansible_test.sync_tree(project, tree)
    before = (tree / "plugins" / "first.py").stat()
    ansible_test.sync_tree(project, tree)
    assert (tree / "plugins" / "first.py").stat().st_ctime_ns == before.st_ctime_ns


@pytest.mark.parametrize(
    ("script", "exit_code"),
    [
        ("true", 0),
        ("exit 3", 3),
        ("echo 'WARNING: All targets skipped.'", 1),
        ("echo 'WARNING: Required program \"shellcheck\" not found.'", 1),
    ],
)
def test_incomplete_run_fails(tmp_path: Path, script: str, exit_code: int) -> None:
    assert ansible_test.run_ansible_test(["sh", "-c", script], tmp_path) == exit_code


def test_missing_pip_script_is_provided_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provided = []

    def provide(script: Path, version: str) -> None:
        provided.append((script, version))
        (tmp_path / "ready").touch()

    monkeypatch.setattr(ansible_test, "provide_pip_script", provide)
    script = "test -e ready || { echo 'and saved to: /home/x/cache/get_pip_25_2.py'; exit 1; }"
    assert ansible_test.run_ansible_test(["sh", "-c", script], tmp_path) == 0
    assert provided == [(Path("/home/x/cache/get_pip_25_2.py"), "25_2")]


def test_pip_script_links_an_environment_to_the_installed_pip(tmp_path: Path) -> None:
    installed = tmp_path / "it's pip"
    (installed / "pip").mkdir(parents=True)
    (installed / "pip" / "__init__.py").touch()
    script = tmp_path / "get_pip.py"
    script.write_text(ansible_test.GET_PIP.format(folder=str(installed)), encoding="utf-8")
    venv.create(tmp_path / "environment")
    python = tmp_path / "environment" / "bin" / "python"
    subprocess.run([python, script], check=True)
    imported = subprocess.run(
        [python, "-c", "import pip; print(pip.__file__)"], capture_output=True, text=True, check=True
    )
    assert imported.stdout.strip() == str(installed / "pip" / "__init__.py")
