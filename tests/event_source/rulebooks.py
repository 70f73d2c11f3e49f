# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the real ansible-rulebook on the collection, and reads the events that its rules print."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml

KEY = "cxup_0123456789abcdefghij"
OLDEST_JAVA = 17
# Seconds to wait for anything. Much longer than it takes.
TIMEOUT = 90


def missing_requirement() -> str:
    """What is missing to run ansible-rulebook. Empty if nothing is."""
    if not shutil.which("ansible-rulebook", path=_program_path()):
        return "ansible-rulebook is not installed"
    java = shutil.which("java")
    if java is None:
        return f"there is no Java on this machine; ansible-rulebook needs {OLDEST_JAVA} or newer"
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    if not found or int(found.group(1)) < OLDEST_JAVA:
        return f"the Java of this machine is too old; ansible-rulebook needs {OLDEST_JAVA} or newer"
    return ""


def require() -> None:
    """Skip the tests where ansible-rulebook cannot run. In CI, that is a failure."""
    reason = missing_requirement()
    if reason and os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def _program_path() -> str:
    # It looks for ansible-galaxy and ansible-playbook in PATH.
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def rule(name: str, condition: str, *actions: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "condition": condition, "actions": list(actions)}


PRINT: dict[str, Any] = {"print_event": {}}
EVERY = rule("every", "event.change is defined", PRINT)


class Rulebook:
    """One ansible-rulebook, and what it has printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.output: list[str] = []
        self.events: list[dict[str, Any]] = []
        """What print_event has printed."""
        self._last = time.monotonic()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self.output.append(line)
            self._last = time.monotonic()
            # print_event prints an event on one line, --print-events on many.
            if line.startswith("{'") and line.endswith("}\n"):
                self.events.append(ast.literal_eval(line))

    @property
    def text(self) -> str:
        return "".join(self.output)

    @property
    def silence(self) -> float:
        """Seconds since the last output."""
        return time.monotonic() - self._last

    @property
    def received(self) -> dict[str, str]:
        """From --print-events: the UUIDs of events by the IDs of their items."""
        found, item_id = {}, ""
        for name, value in re.findall(r"'(id|uuid)': '([0-9a-f-]{36})'", self.text):
            if name == "id":
                item_id = value
            else:
                found[item_id] = value
        return found

    @property
    def changes(self) -> list[str]:
        return [event["change"] for event in self.events]

    def wait_for(self, condition: Callable[[], object], what: str, timeout: float = TIMEOUT) -> None:
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end or self._process.poll() is not None:
                raise AssertionError(f"{what} did not happen:\n{self.text[-4000:]}")
            time.sleep(0.05)

    def wait_for_changes(self, *changes: str) -> None:
        self.wait_for(lambda: self.changes[: len(changes)] == list(changes), f"{changes} (there are {self.changes})")

    def kill(self) -> None:
        self._process.kill()
        self._end()

    def exit_code(self, timeout: float = TIMEOUT) -> int:
        code = self._process.wait(timeout)
        self._end()
        return code

    def memory(self) -> int:
        """KiB of the Python process and its Java machine, which is a part of it."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(re.findall(r"^VmRSS:\s+(\d+)", status, re.M)[0])

    def _end(self) -> None:
        self._process.wait()
        self._reader.join(10)


class Rulebooks:
    """Starts rulebooks in a folder. All of them end with the block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Rulebooks:
        return self

    def __exit__(self, *_exception: object) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def start(
        self, source: str, arguments: Mapping[str, Any], rules: Sequence[Mapping[str, Any]], *options: str
    ) -> Rulebook:
        rulebook = {
            "name": "tests",
            "hosts": "all",
            "sources": [{"name": "source", f"coralogix.incidents.{source}": dict(arguments)}],
            "rules": [dict(each) for each in rules],
        }
        (self.folder / "rulebook.yml").write_text(yaml.safe_dump([rulebook]), encoding="utf-8")
        inventory = {"all": {"hosts": {"localhost": {"ansible_connection": "local"}}}}
        (self.folder / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
        environment = {
            **os.environ,
            "PATH": _program_path(),
            "CORALOGIX_API_KEY": KEY,
            "CORALOGIX_URL": str(arguments["api_url"]),
            "PYTHONUNBUFFERED": "1",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        }
        process = subprocess.Popen(
            ["ansible-rulebook", "-r", "rulebook.yml", "-i", "inventory.yml", *options],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._processes.append(process)
        return Rulebook(process)
