# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-test without containers: a tree that it accepts, its way to pip, and an honest verdict.

ansible-test exits with 0 where it found nothing to test or lacks a program; here that is a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# What ansible-test prints where it tested less than it was asked to, and still exits with 0.
INCOMPLETE = ("All targets skipped", "Required program")

# Its complaint when the host of its pip bootstrap script cannot be reached; it names the cache file.
NO_PIP = re.compile(r"saved to: (?P<script>\S+get_pip_(?P<version>[\d_]+)\.py)")

# Stands in for get-pip.py: the same pip, from the package index that pip is set up to use.
GET_PIP = """\
import runpy
import sys

sys.path.insert(0, {wheel!r})
options = [arg for arg in sys.argv[1:] if arg not in ("--no-setuptools", "--no-wheel")]
sys.argv = ["pip", "install", "--quiet", *options]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def project_files(root: Path) -> set[Path]:
    """What git tracks or would track, so also a file of this minute that nobody added yet."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    names = (Path(name) for name in listing.stdout.split("\0") if name)
    return {name for name in names if (root / name).is_file()}


def sync_tree(root: Path, tree: Path) -> None:
    """Make `tree` a copy of the project; what did not change stays, and so do ansible-test's caches.

    ansible-test refuses a symbolic link, and skips every file of a folder that git ignores:
    hence a copy, and a git repository of its own.
    """
    wanted = project_files(root)
    tree.mkdir(parents=True, exist_ok=True)
    if not (tree / ".git").exists():
        subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    for stale in project_files(tree) - wanted:
        (tree / stale).unlink()
    for name in wanted:
        copy_changed(root / name, tree / name)


def copy_changed(source: Path, target: Path) -> None:
    if target.exists() and stamp(source) == stamp(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_mode


def provide_get_pip(script: Path, version: str) -> None:
    """Lay a bootstrap script where ansible-test looks for a downloaded one."""
    script.parent.mkdir(parents=True, exist_ok=True)
    requirement = f"pip=={version.replace('_', '.')}"
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", requirement]
    subprocess.run([*download, "--dest", str(script.parent)], check=True)
    wheel = next(script.parent.glob(f"pip-{version.replace('_', '.')}-*.whl"))
    script.write_text(GET_PIP.format(wheel=str(wheel)), encoding="utf-8")


def stream(command: list[str], tree: Path) -> tuple[int, str]:
    """Run it, show its output as it comes, and hand the output back."""
    lines = []
    with subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, "".join(lines)


def run(command: list[str], tree: Path) -> int:
    status, output = stream(command, tree)
    complaint = NO_PIP.search(output)
    if status and complaint:
        provide_get_pip(Path(complaint["script"]), complaint["version"])
        status, output = stream(command, tree)
    incomplete = [sign for sign in INCOMPLETE if sign in output]
    for sign in incomplete:
        print(f"Not everything was tested: the output has {sign!r}.", flush=True)
    return status or int(bool(incomplete))


def main() -> int:
    root, tree, *arguments = sys.argv[1:]
    sync_tree(Path(root), Path(tree))
    # Where git looks for a repository above the tree it would find the project's own.
    os.environ["GIT_CEILING_DIRECTORIES"] = str(Path(tree).parent)
    return run(["ansible-test", *arguments], Path(tree))


if __name__ == "__main__":
    sys.exit(main())
