# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Pythons this machine has, and which ansible-core each of them can run.

Run as a program it prints the interpreters that can run a supported ansible-core, best first.
It needs nothing but the standard library, and runs on any Python that may be called `python3`.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

# Supported ansible-core -> Pythons of its controller; both newest first.
CORES = {
    "2.21": ("3.14", "3.13", "3.12"),
    "2.20": ("3.14", "3.13", "3.12"),
    "2.19": ("3.13", "3.12", "3.11"),
    "2.18": ("3.13", "3.12", "3.11"),
    "2.17": ("3.12", "3.11", "3.10"),
}

# The oldest Python that a managed node may have: what the newest ansible-core still takes.
OLDEST_TARGET = "3.9"

VERSIONS = ("3.14", "3.13", "3.12", "3.11", "3.10", OLDEST_TARGET)


def folders() -> list[Path]:
    """Where Pythons may be: PATH, and pyenv's real folders behind its shims."""
    listed = [Path(entry) for entry in os.get_exec_path() if entry]
    return listed + sorted(Path.home().glob(".pyenv/versions/*/bin"), reverse=True)


def real_executable(candidate: Path, version: str) -> Path | None:
    """Start it: a pyenv shim is there for versions that it cannot start, and hides those that it can."""
    program = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    command = [str(candidate), "-c", program]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    if answer.returncode or not answer.stdout.startswith(f"{version} "):
        return None
    return Path(answer.stdout.strip().partition(" ")[2])


def find_pythons() -> dict[str, Path]:
    """Version -> the first interpreter of that version that really runs, newest version first."""
    found = {}
    for version in VERSIONS:
        candidates = (folder / f"python{version}" for folder in folders())
        started = (real_executable(path, version) for path in candidates if path.is_file())
        python = next(filter(None, started), None)
        if python:
            found[version] = python
    return found


def real_path(pythons: dict[str, Path]) -> str:
    """PATH with the folders of these Pythons first."""
    first = [str(python.parent) for python in pythons.values()]
    return os.pathsep.join(dict.fromkeys(first + os.get_exec_path()))


def best_python(core: str, pythons: dict[str, Path]) -> str | None:
    """The newest Python here that runs this ansible-core."""
    if core not in CORES:
        raise SystemExit(f"ansible-core {core} is not supported; these are: {', '.join(CORES)}.")
    return next((version for version in CORES[core] if version in pythons), None)


def newest_core(pythons: dict[str, Path]) -> str:
    """The newest ansible-core that any Python here can run."""
    fitting = (core for core in CORES if best_python(core, pythons))
    core = next(fitting, None)
    if core is None:
        raise SystemExit("No Python from 3.10 to 3.14 found: no supported ansible-core runs here.")
    return core


def main() -> None:
    pythons = find_pythons()
    for version in CORES[newest_core(pythons)]:
        if version in pythons:
            print(pythons[version])


if __name__ == "__main__":
    main()
