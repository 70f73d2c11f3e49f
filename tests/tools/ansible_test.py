# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ansible-test without containers: prepares a copy of the project, provides pip, checks the output.

ansible-test exits with 0 when it found nothing to test or when a program is missing. Here both fail.

Usage: ansible_test.py PROJECT COPY ARGUMENTS...
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# ansible-test prints these when it tested less than it was asked to, and still exits with 0.
INCOMPLETE_RUN = ("All targets skipped", "Required program")

# ansible-test says this when it cannot download its bootstrap script for pip. It names the file that it looks for.
MISSING_PIP_SCRIPT = re.compile(r"saved to: (?P<script>\S+get_pip_(?P<version>[\d_]+)\.py)")

# Replaces get-pip.py. ansible-test makes a virtual environment for almost every check. Installing pip into
# each takes longer than the checks, so this links all of them to one installed pip.
GET_PIP = """\
import pathlib
import sysconfig

pathlib.Path(sysconfig.get_path("purelib"), "pip.pth").write_text({folder!r} + "\\n")
"""


def project_files(root: Path) -> set[Path]:
    """The files that git tracks or would track, relative to the root. New files count before `git add`, too."""
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
    """Make `tree` a copy of the project. Unchanged files and ansible-test's caches stay as they are.

    A copy, because ansible-test refuses a symbolic link. With a git repository of its own, because
    ansible-test skips all files of a folder that git ignores.
    """
    wanted = project_files(root)
    tree.mkdir(parents=True, exist_ok=True)
    if not (tree / ".git").exists():
        subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    for stale in project_files(tree) - wanted:
        (tree / stale).unlink()
    for name in wanted:
        copy_if_changed(root / name, tree / name)


def copy_if_changed(source: Path, target: Path) -> None:
    if target.exists() and file_signature(source) == file_signature(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def file_signature(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_mode


def provide_pip_script(script: Path, version: str) -> None:
    """Write a bootstrap script where ansible-test looks for the downloaded one; the version as in 25_2."""
    folder = script.parent / f"pip_{version}"
    requirement = f"pip=={version.replace('_', '.')}"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(folder)]
    subprocess.run([*install, requirement], check=True)
    script.write_text(GET_PIP.format(folder=str(folder)), encoding="utf-8")


def run_and_print(command: list[str], tree: Path) -> tuple[int, str]:
    """Run the command in the tree and print its output line by line. Returns exit code and output."""
    lines = []
    with subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, "".join(lines)


def run_ansible_test(command: list[str], tree: Path) -> int:
    """Run the command, again if pip had to be provided, and return its exit code; 1 for an incomplete run."""
    exit_code, output = run_and_print(command, tree)
    missing = MISSING_PIP_SCRIPT.search(output)
    if exit_code and missing:
        provide_pip_script(Path(missing["script"]), missing["version"])
        exit_code, output = run_and_print(command, tree)
    incomplete = [text for text in INCOMPLETE_RUN if text in output]
    for text in incomplete:
        print(f"ansible-test did not test everything. Its output contains {text!r}.", flush=True)
    return exit_code or int(bool(incomplete))


def main() -> int:
    root, tree, *arguments = sys.argv[1:]
    sync_tree(Path(root), Path(tree))
    # git must not find the project's own repository above the copy.
    os.environ["GIT_CEILING_DIRECTORIES"] = str(Path(tree).parent)
    return run_ansible_test(["ansible-test", *arguments], Path(tree))


if __name__ == "__main__":
    sys.exit(main())
