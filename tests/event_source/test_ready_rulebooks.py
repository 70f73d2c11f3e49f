# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rulebooks of the collection under the real ansible-rulebook, against the simulator that the demo keeps up.

As a user of a fresh clone would try them: with the lines that the demo prints, and the inventory of the guide.
Only the interval and the port differ. A start costs seconds, so all of them run at the same time.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from documents import GUIDES, ROOT, blocks_of

from .rulebooks import TIMEOUT, Rulebook, require

AUTOMATION = f"{GUIDES}/automation.rst"
RULEBOOKS = ROOT / "extensions" / "eda" / "rulebooks"
LEE = "9b7a3d4e-1c2f-4e5d-8a6b-7c8d9e0f1a2b"
DANAS_INCIDENT = "0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60"
TOKEN = "a-token"
VARIABLES = {
    "opened_critical_triage": {"TRIAGE_ASSIGNEE": "lee@example.com", "STATE_FOLDER": "."},
    "resolved_close": {"STATE_FOLDER": "."},
    "webhook_unassign": {"WEBHOOK_TOKEN": TOKEN},
}


@pytest.fixture(autouse=True, scope="module")
def _can_run() -> None:
    require()


class Demo:
    """The demo with --keep, and rulebooks that run against it in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.lines: list[str] = []
        self._rulebooks: list[subprocess.Popen[str]] = []
        self._process = self._start([sys.executable, str(ROOT / "examples" / "demo.py"), "--keep"], {})
        self._ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._ready.wait(TIMEOUT), self.lines
        exports = [word for line in self.lines if line.startswith("export ") for word in shlex.split(line)[1:]]
        self.environment = {name: value for name, _equals, value in (word.partition("=") for word in exports)}
        self.environment["PATH"] = self.environment["PATH"].replace("$PATH", os.environ["PATH"])
        blocks = [block.text for block in blocks_of(AUTOMATION, "yaml")]
        (inventory,) = [text for text in blocks if text.startswith("all:\n")]
        (folder / "inventory.yml").write_text(inventory, encoding="utf-8")

    def _start(self, command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "ANSIBLE_NOCOLOR": "1", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self.lines.append(line.rstrip("\n"))
            if line.startswith("The requests"):
                self._ready.set()

    def press_enter(self) -> None:
        assert self._process.stdin
        print(file=self._process.stdin, flush=True)

    @property
    def opened(self) -> list[str]:
        """The IDs of what the demo has opened."""
        lines = [line for line in self.lines if line.startswith("Opened: ")]
        return [item_id for line in lines for item_id in re.findall(r"(?:incident|case) ([\w-]+)", line)]

    def count_requests(self, method: str, end: str) -> int:
        return sum(
            line.split()[:2] == ["200", method] and line.split()[2].endswith(f"{end},")
            for line in self.lines
            if len(line.split()) > 2
        )

    def start_rulebook(self, name: str, file: str) -> Rulebook:
        variables = VARIABLES[name]
        options = ("--inventory", "inventory.yml", "--env-vars", ",".join(variables))
        command = ["ansible-rulebook", "--rulebook", file, *options]
        process = self._start(command, {**self.environment, **variables})
        self._rulebooks.append(process)
        return Rulebook(process)

    def copy_rulebook(self, name: str) -> str:
        text = (RULEBOOKS / f"{name}.yml").read_text(encoding="utf-8")
        text = text.replace("interval: 60", "interval: 5").replace("port: 5000", f"port: {self.port}")
        (self.folder / f"{name}.yml").write_text(text, encoding="utf-8")
        return f"{name}.yml"

    def run_playbook(self, name: str, **variables: Any) -> None:
        command = ["ansible-playbook", f"coralogix.incidents.{name}", "--extra-vars", json.dumps(variables)]
        environment = {**os.environ, **self.environment}
        subprocess.run(
            command, cwd=self.folder, env=environment, stdout=subprocess.DEVNULL, timeout=TIMEOUT, check=True
        )

    def post(self, body: Any, token: str = TOKEN) -> int:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/endpoint",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=TIMEOUT) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code

    def is_listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        for process in self._rulebooks:
            process.kill()
            process.wait()
        self._process.send_signal(signal.SIGINT)
        self._process.wait(TIMEOUT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    try:
        yield demo
    finally:
        demo.stop()


def test_every_rulebook_is_run() -> None:
    assert {path.stem for path in RULEBOOKS.glob("*.yml")} == VARIABLES.keys()


def test_triage_close_and_unassign(demo: Demo) -> None:
    triage, close, webhook = (demo.start_rulebook(name, demo.copy_rulebook(name)) for name in VARIABLES)
    for rulebook, stem in ((triage, "opened_critical"), (close, "resolved")):
        for kind in ("incidents", "cases"):
            state = demo.folder / f"{stem}_{kind}.json"
            rulebook.wait_for(lambda state=state: state.exists() and state.stat().st_size, f"a poll of {kind}")  # type: ignore[misc]
    webhook.wait_for(demo.is_listening, "listening")

    # Something opens: it is assigned.
    demo.press_enter()
    triage.wait_for(lambda: len(demo.opened) == 2, "opening")
    incident_id, case_id = demo.opened
    triage.wait_for(lambda: triage.text.count("Taken. Incidents:") == 2, "triage")
    assert f'{incident_id} "Login: no answer": nobody -> {LEE}' in triage.text
    assert f'"Login fails": nobody -> {LEE}' in triage.text

    # It is resolved: it is closed.
    demo.run_playbook("resolve", incident_ids=[incident_id], case_ids=[case_id])
    close.wait_for(lambda: close.text.count("Resolved. Incidents: 0, cases: 0. Closed. ") == 2, "closing")
    assert demo.count_requests("POST", "/all/closed") == 1
    assert demo.count_requests("POST", "/closed/v1") == 1

    # A webhook with the token names what to unassign. A template in it is not evaluated.
    assert demo.post({"incident_ids": [DANAS_INCIDENT]}, token="wrong") == 401
    assert demo.post({"incident_ids": ["{{ 'evaluated' | upper }}"]}) == 200
    webhook.wait_for(lambda: "which cannot be an ID" in webhook.text, "a refusal")
    assert "EVALUATED" not in webhook.text
    assert demo.post({"incident_ids": [DANAS_INCIDENT], "case_ids": "CASE-123"}) == 200
    webhook.wait_for(lambda: "Unassigned. Incidents: 1, cases: 1. Unknown: none." in webhook.text, "unassigning")

    for rulebook in (triage, close, webhook):
        assert demo.environment["CORALOGIX_API_KEY"] not in rulebook.text
        assert "Traceback" not in rulebook.text


def test_runs_by_name(demo: Demo) -> None:
    name = "opened_critical_triage"
    rulebook = demo.start_rulebook(name, f"coralogix.incidents.{name}")
    state = demo.folder / "opened_critical_incidents.json"
    rulebook.wait_for(lambda: state.exists() and state.stat().st_size, "a poll")
