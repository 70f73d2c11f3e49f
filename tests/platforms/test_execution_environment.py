# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An execution environment is built from the example, as far as that is possible without containers.

ansible-builder makes the folder that a container engine builds from. There, the collection is installed, and then asked
for its requirements. Both are done here as the Containerfile does them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "execution-environment.yml"


def run(*command: str, cwd: Path, **variables: str) -> str:
    env = {**os.environ, **variables}
    completed = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.fixture
def context(tmp_path: Path, built_file: Path) -> Path:
    """What ansible-builder makes of the example."""
    for file in (EXAMPLE, built_file):
        shutil.copy(file, tmp_path)
    folder = tmp_path / "context"
    run("ansible-builder", "create", "--output-filename", "Containerfile", "--context", str(folder), cwd=tmp_path)
    return folder


def test_environment_gets_the_collection_and_what_it_needs(context: Path, built_file: Path, tmp_path: Path) -> None:
    commands = (context / "Containerfile").read_text(encoding="utf-8")
    install = ("ansible-galaxy", "collection", "install", "-r", "requirements.yml", "--collections-path")
    for part in ("COPY _build /build", " ".join(install[:3]), " ".join(install[3:]), "introspect.py introspect"):
        assert part in commands
    installed = str(tmp_path / "installed")
    run(*install, installed, "--offline", cwd=context / "_build", ANSIBLE_COLLECTIONS_PATH=installed)

    requirements, packages = tmp_path / "requirements.txt", tmp_path / "bindep.txt"
    written = (f"--write-pip={requirements}", f"--write-bindep={packages}")
    answer = run("ansible-builder", "introspect", *written, installed, cwd=tmp_path)
    needed: dict[str, Any] = yaml.safe_load(answer)
    # A lower bound and nothing of Ansible itself: Automation Hub refuses anything else.
    assert needed == {"python": ["requests>=2.28  # from collection coralogix.incidents"], "system": []}
    assert requirements.read_text(encoding="utf-8").splitlines() == needed["python"]
    assert not packages.exists(), "the collection needs no package of the system"
