# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the Pythons of this machine, and the ansible-core that each of them can run.

As a program it prints the interpreters that can run a supported ansible-core, the newest first.
It needs only the standard library, because the Makefile runs it with whatever Python `python3` is.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

# Supported ansible-core -> Pythons that its controller runs on. Both newest first.
CORES = {
    "2.21": ("3.14", "3.13", "3.12"),
    "2.20": ("3.14", "3.13", "3.12"),
    "2.19": ("3.13", "3.12", "3.11"),
    "2.18": ("3.13", "3.12", "3.11"),
    "2.17": ("3.12", "3.11", "3.10"),
    "2.16": ("3.12", "3.11", "3.10"),
}

OLDEST_CORE = list(CORES)[-1]

# The oldest Python of a managed node that the newest ansible-core supports.
OLDEST_TARGET = "3.9"

# Pythons of a managed node that older ones of these ansible-core still support, and the collection does not.
TOO_OLD = ("3.8", "3.7", "3.6", "2.7")

VERSIONS = ("3.14", "3.13", "3.12", "3.11", "3.10", OLDEST_TARGET)


def search_folders() -> list[Path]:
    """The folders of PATH, and the real folders behind pyenv's shims."""
    path = [Path(entry) for entry in os.get_exec_path() if entry]
    return path + sorted(Path.home().glob(".pyenv/versions/*/bin"), reverse=True)


def real_executable(candidate: Path, version: str) -> Path | None:
    """The interpreter behind this file, if it starts and has this version.

    A pyenv shim exists even for versions that pyenv cannot start, so existence proves nothing.
    """
    program = "import sys; sys.stdout.write('%d.%d ' % sys.version_info[:2] + sys.executable)"
    command = [str(candidate), "-c", program]
    try:
        completed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    if completed.returncode or not completed.stdout.startswith(f"{version} "):
        return None
    return Path(completed.stdout.strip().partition(" ")[2])


def find_pythons(versions: Iterable[str] = VERSIONS) -> dict[str, Path]:
    """Version -> the first interpreter of that version that starts, in the order of the versions."""
    found = {}
    for version in versions:
        candidates = (folder / f"python{version}" for folder in search_folders())
        executables = (real_executable(path, version) for path in candidates if path.is_file())
        python = next(filter(None, executables), None)
        if python:
            found[version] = python
    return found


def path_with_pythons(pythons: dict[str, Path]) -> str:
    """PATH with the folders of these Pythons first."""
    folders = [str(python.parent) for python in pythons.values()]
    return os.pathsep.join(dict.fromkeys(folders + os.get_exec_path()))


def newest_python(core: str, pythons: dict[str, Path]) -> str | None:
    """The newest of these Pythons that can run this ansible-core."""
    if core not in CORES:
        raise SystemExit(f"ansible-core {core} is not supported. Supported: {', '.join(CORES)}.")
    return next((version for version in CORES[core] if version in pythons), None)


def newest_core(pythons: dict[str, Path]) -> str:
    """The newest ansible-core that one of these Pythons can run."""
    core = next((core for core in CORES if newest_python(core, pythons)), None)
    if core is None:
        raise SystemExit("No Python from 3.10 to 3.14 found. Supported versions of ansible-core need one.")
    return core


def main() -> None:
    pythons = find_pythons()
    for version in CORES[newest_core(pythons)]:
        if version in pythons:
            print(pythons[version])


if __name__ == "__main__":
    main()
