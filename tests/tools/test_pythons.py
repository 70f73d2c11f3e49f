# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tools.pythons import CORES, best_python, find_pythons, newest_core, real_executable, real_path

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of nothing but this folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_wrapper_leads_to_the_real_executable(machine: Path) -> None:
    wrapper = program(machine, f"python{THIS}", f'exec "{sys.executable}" "$@"')
    assert real_executable(wrapper, THIS) == Path(sys.executable)


@pytest.mark.parametrize("text", ["exit 127", "echo 2.7 /usr/bin/python", "echo nonsense"])
def test_what_does_not_run_as_that_version_is_no_python(machine: Path, text: str) -> None:
    assert real_executable(program(machine, "python3.13", text), "3.13") is None


def test_the_first_in_path_that_runs_is_found(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "shims").mkdir()
    (machine / "bin").mkdir()
    program(machine / "shims", "python3.12", "exit 127")
    program(machine / "bin", "python3.12", "echo 3.12 /opt/bin/python3.12")
    monkeypatch.setenv("PATH", f"{machine / 'shims'}:{machine / 'bin'}")
    assert find_pythons() == {"3.12": Path("/opt/bin/python3.12")}


def test_pyenv_is_searched_behind_its_shims(machine: Path) -> None:
    folder = machine / ".pyenv" / "versions" / "3.13.0" / "bin"
    folder.mkdir(parents=True)
    program(folder, "python3.13", f"echo 3.13 {folder}/python3.13")
    assert find_pythons() == {"3.13": folder / "python3.13"}


@pytest.mark.parametrize(
    ("versions", "core"),
    [
        (("3.14", "3.9"), "2.21"),
        (("3.12",), "2.21"),
        (("3.11",), "2.19"),
        (("3.10",), "2.17"),
    ],
)
def test_newest_core_that_the_machine_takes(versions: tuple[str, ...], core: str) -> None:
    pythons = {version: Path(f"/bin/python{version}") for version in versions}
    assert newest_core(pythons) == core
    assert best_python(core, pythons) == versions[0]


def test_a_machine_without_a_fitting_python_is_told_so() -> None:
    with pytest.raises(SystemExit, match="no supported ansible-core"):
        newest_core({"3.9": Path("/bin/python3.9")})


def test_an_unsupported_core_is_told_from_the_supported() -> None:
    with pytest.raises(SystemExit, match=r"2\.16 is not supported.* 2\.21"):
        best_python("2.16", {"3.12": Path("/bin/python3.12")})


def test_a_core_without_its_python_has_none() -> None:
    assert best_python("2.17", {"3.14": Path("/bin/python3.14")}) is None


def test_found_pythons_come_first_in_path(machine: Path) -> None:
    pythons = {"3.13": Path("/opt/a/python3.13"), "3.9": Path("/opt/b/python3.9")}
    assert real_path(pythons) == f"/opt/a:/opt/b:{machine}"


def test_cores_are_listed_newest_first() -> None:
    def number(version: str) -> tuple[int, ...]:
        return tuple(int(part) for part in version.split("."))

    assert list(CORES) == sorted(CORES, key=number, reverse=True)
    for versions in CORES.values():
        assert list(versions) == sorted(versions, key=number, reverse=True)
