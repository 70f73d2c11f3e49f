# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tools.pythons import CORES, find_pythons, newest_core, newest_python, path_with_pythons, real_executable

THIS_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def write_program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is both PATH and home, so that nothing else of this machine is found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_wrapper_is_resolved_to_real_executable(machine: Path) -> None:
    wrapper = write_program(machine, f"python{THIS_VERSION}", f'exec "{sys.executable}" "$@"')
    assert real_executable(wrapper, THIS_VERSION) == Path(sys.executable)


@pytest.mark.parametrize("text", ["exit 127", "echo 2.7 /usr/bin/python", "echo nonsense"])
def test_broken_or_other_python_is_ignored(machine: Path, text: str) -> None:
    assert real_executable(write_program(machine, "python3.13", text), "3.13") is None


def test_first_python_that_starts_is_found(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "shims").mkdir()
    (machine / "bin").mkdir()
    write_program(machine / "shims", "python3.12", "exit 127")
    write_program(machine / "bin", "python3.12", "echo 3.12 /opt/bin/python3.12")
    monkeypatch.setenv("PATH", f"{machine / 'shims'}:{machine / 'bin'}")
    assert find_pythons() == {"3.12": Path("/opt/bin/python3.12")}


def test_pyenv_versions_are_searched(machine: Path) -> None:
    folder = machine / ".pyenv" / "versions" / "3.13.0" / "bin"
    folder.mkdir(parents=True)
    write_program(folder, "python3.13", f"echo 3.13 {folder}/python3.13")
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
def test_newest_core_and_its_python(versions: tuple[str, ...], core: str) -> None:
    pythons = {version: Path(f"/bin/python{version}") for version in versions}
    assert newest_core(pythons) == core
    assert newest_python(core, pythons) == versions[0]


def test_no_python_for_any_core() -> None:
    with pytest.raises(SystemExit, match=r"No Python from 3\.10 to 3\.14"):
        newest_core({"3.9": Path("/bin/python3.9")})


def test_unsupported_core() -> None:
    with pytest.raises(SystemExit, match=r"2\.15 is not supported.* 2\.21"):
        newest_python("2.15", {"3.12": Path("/bin/python3.12")})


def test_no_python_for_this_core() -> None:
    assert newest_python("2.17", {"3.14": Path("/bin/python3.14")}) is None


def test_found_pythons_come_first_in_path(machine: Path) -> None:
    pythons = {"3.13": Path("/opt/a/python3.13"), "3.9": Path("/opt/b/python3.9")}
    assert path_with_pythons(pythons) == f"/opt/a:/opt/b:{machine}"


def test_newest_core_and_python_are_listed_first() -> None:
    def as_numbers(version: str) -> tuple[int, ...]:
        return tuple(int(part) for part in version.split("."))

    assert list(CORES) == sorted(CORES, key=as_numbers, reverse=True)
    for versions in CORES.values():
        assert list(versions) == sorted(versions, key=as_numbers, reverse=True)
