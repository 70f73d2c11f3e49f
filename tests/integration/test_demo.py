# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo: what it shows, and that what people read can be pasted while it keeps its simulator up."""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.splitter import parse_kv
from documents import GUIDES, ROOT, blocks_of, commands_of
from playbooks import COLLECTION, KEY, Ansible, TaskResult
from simulator import Simulator

DEMO = str(ROOT / "examples" / "demo.py")
# Their commands and playbooks run.
TRIED = ("README.md", *(f"{GUIDES}/{page}.rst" for page in ("getting_started", "guide", "cases", "performance")))

UNKNOWN_ID = "11111111-2222-4333-8444-555555555555"
# What is left of the real service must not be reached.
NO_WAY_OUT = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
# Of the user, and never to be used without --ids.
OWN = {"CORALOGIX_API_KEY": "of-the-user", "CORALOGIX_REGION": "eu2", "CX_API_KEY": "of-the-user"}


def left_over(marker: str) -> list[str]:
    """The processes that have the marker in their environment, as those have that a run has started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def of_modules(tasks: list[TaskResult]) -> list[TaskResult]:
    return [task for task in tasks if "not_found_ids" in task]


def test_shows_find_acknowledge_assign_unassign_and_resolve(ansible: Ansible) -> None:
    run = ansible.command(sys.executable, DEMO, env={**NO_WAY_OUT, **OWN})
    assert run.returncode == 0, run.output
    assert not re.search("WARN|ERROR|of-the-user", run.output)
    for line in (
        "triggered -> acknowledged",
        "acknowledged -> resolved",
        "active -> acknowledged",
        'CASE-123 "High error rate in checkout": ',
        "-> nobody",
    ):
        assert line in run.output
    assert run.output.count("assigned to nobody") == 5
    incidents = [False, True, True, True, True, False, True]
    cases = [False, True, True, True, True]
    assert [task["changed"] for task in of_modules(run.tasks)] == [*incidents, *cases]
    assert len(run.output.splitlines()) < 120, "compact"
    assert without_blanks(text_of_picture()) in without_blanks(run.output), "make picture draws it anew"
    assert not left_over(str(ansible.folder))


def text_of_picture() -> str:
    """What the picture of the README shows of the output."""
    picture = (ROOT / "docs" / "demo.svg").read_text(encoding="utf-8")
    text = html.unescape("".join(re.findall(r"<text[^>]*>(.*?)</text>", picture)))
    return text.partition("$\xa0make\xa0demo")[2].removesuffix("…")


def without_blanks(text: str) -> str:
    return "".join(text.split())


def test_previews_on_the_service_that_the_environment_names(ansible: Ansible, sim: Simulator) -> None:
    incident_ids = sim.add_incidents(3, assigned=2)
    case_id = sim.case(sim.add_cases(1, assigned=1)[0])["readableId"]
    environment = {**NO_WAY_OUT, "CORALOGIX_URL": sim.url, "CORALOGIX_API_KEY": KEY}
    run = ansible.command(sys.executable, DEMO, "--ids", f"{incident_ids[0]}, {case_id}", env=environment)
    assert run.returncode == 0, run.output
    assert run.output.splitlines()[0] == "Check mode at 127.0.0.1 (CORALOGIX_URL), IDs: 2. Nothing is written."
    # Twice for the incident: once more in the task that is always in check mode.
    assert run.output.count("-> nobody") == 2
    assert sim.writes == []


def test_without_a_key_it_writes_nothing(ansible: Ansible) -> None:
    run = ansible.command(sys.executable, DEMO, "--ids", UNKNOWN_ID, env=NO_WAY_OUT)
    assert run.returncode == 2
    assert "CORALOGIX_API_KEY" in run.output


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, DEMO, *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_leaves_nothing_when_it_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C reaches all processes of the terminal, SIGTERM the demo alone."""
    with started(tmp_path) as running:
        assert running.stdout
        next(line for line in running.stdout if line.startswith("TASK"))
        if number == signal.SIGINT:
            os.killpg(running.pid, number)
        else:
            os.kill(running.pid, number)
        running.stdout.read()
        assert running.wait(timeout=30) == 130
    # A process that Ansible has forked may need a moment to see that it is over.
    deadline = time.monotonic() + 10
    while left_over(str(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left_over(str(tmp_path))
    assert not list(tmp_path.glob("coralogix-demo-*"))


# Pasting.


class Documented:
    """The commands of the documents, and all that is YAML and can be run."""

    def __init__(self) -> None:
        pasted = ("ansible ", "ansible-playbook ", "export ")
        commands = [line for document in TRIED for line in commands_of(document) if line.startswith(pasted)]
        # Documents may show the same command.
        self.commands = list(dict.fromkeys(commands))
        self.files: dict[str, str] = {}
        self.plays: list[dict[str, Any]] = []
        for block in (block for document in TRIED for block in blocks_of(document, "yaml")):
            if block.file:
                self.files[block.file] = block.text
            elif block.is_run:
                content = yaml.safe_load(block.text)
                is_playbook = all("hosts" in entry for entry in content)
                play = {"hosts": "localhost", "gather_facts": False, "tasks": content}
                self.plays += content if is_playbook else [play]


class Merged:
    """Commands as plays of one playbook, as each start of Ansible takes half a second. Each has a host of its own.

    The first command of each form, and those with further options, are left to be pasted as they are.
    """

    def __init__(self, commands: list[str]) -> None:
        self.plays: list[dict[str, Any]] = []
        self.hosts: dict[str, dict[str, Any]] = {}
        self.pasted: list[str] = []
        forms: set[str] = set()
        for number, command in enumerate(commands):
            words = shlex.split(command)
            host = f"command-{number}"
            play = self._play(words, host)
            if play is None or words[0] not in forms:
                self.pasted.append(command)
                forms.add(words[0])
            else:
                self.plays.append(play)
                self.hosts[host] = self._variables(words)

    @staticmethod
    def _play(words: list[str], host: str) -> dict[str, Any] | None:
        is_playbook = words[0] == "ansible-playbook" and words[1].startswith(f"{COLLECTION}.")
        if is_playbook and {*words[2::2]} <= {"-e"}:
            return {"ansible.builtin.import_playbook": words[1], "vars": {"target_hosts": host}}
        if [*words[:3:2], *words[4:5]] == ["ansible", "-m", "-a"] and len(words) == 6:
            options = json.loads(words[5]) if words[5].startswith("{") else words[5]
            return {"hosts": host, "gather_facts": False, "tasks": [{words[3]: options}]}
        return None

    @staticmethod
    def _variables(words: list[str]) -> dict[str, Any]:
        given = words[3::2] if words[0] == "ansible-playbook" else []
        # Ansible reads what follows -e with the same function.
        variables = {name: value for text in given for name, value in parse_kv(text).items()}
        return {"ansible_connection": "local", **variables}


def exports(running: subprocess.Popen[str]) -> list[str]:
    """The lines to paste, as soon as the demo waits for requests."""
    assert running.stdout
    lines = []
    for line in running.stdout:
        if line.startswith("The requests"):
            break
        lines.append(line.rstrip("\n"))
    return [line for line in lines if line.startswith("export ")]


def paste(folder: Path, lines: list[str]) -> str:
    """Run the lines in a shell of a user. Returns the output; the line of a command that fails ends with !!!."""
    script = "\n".join(lines)
    completed = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "PYTHONPYCACHEPREFIX": os.environ.get("PYTHONPYCACHEPREFIX", ""),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
            **NO_WAY_OUT,
            **OWN,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return completed.stdout


def test_what_people_read_can_be_pasted(tmp_path: Path) -> None:
    documented = Documented()
    assert len(documented.commands) > 20
    assert len(documented.plays) > 10
    assert "unassign.yml" in documented.files
    for name, text in documented.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    merged = Merged(documented.commands)
    assert len(merged.pasted) + len(merged.plays) == len(documented.commands)
    assert {command.split()[0] for command in merged.pasted} == {"export", "ansible", "ansible-playbook"}
    files = {"all.yml": documented.plays, "merged.yml": merged.plays, "hosts.json": {"all": {"hosts": merged.hosts}}}
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    with started(tmp_path, "--keep") as running:
        setup = exports(running)
        variables = 'echo "{coralogix_api_key: $CORALOGIX_API_KEY, coralogix_url: $CORALOGIX_URL}" > vault.yml'
        given = {
            "incident_ids": ["0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60", "7d9c2e14-85ab-4c3f-b1e6-90f2a3b4c5d6"],
            "case_ids": ["CASE-124"],
            "incidents": [{"id": "0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60"}],
        }
        everything = f"ansible-playbook all.yml -e @vault.yml -e '{json.dumps(given)}'"
        lines = [*merged.pasted, "ansible-playbook merged.yml -i hosts.json", everything]
        commands = [
            command if command.startswith("export ") else f'{command} || echo "!!! failed: {number}"'
            for number, command in enumerate(lines)
        ]
        output = paste(tmp_path, [*setup, variables, *commands])
        failed = re.findall(r"^!!! failed: (\d+)$", output, re.M)
        assert not failed, [lines[int(number)] for number in failed] + [output[-6000:]]
        assert {host for host in merged.hosts if re.search(rf"^{host} +: ok=[1-9]", output, re.M)} == {*merged.hosts}
        assert "[WARNING]" not in output
        assert "changed=1" in output

        # A task that names a real host does not reach it.
        output = paste(
            tmp_path, [*setup, "ansible localhost -m coralogix.incidents.incident_info -a 'region=eu2 limit=1'"]
        )
        assert "refused the tunnel" in output

        # Something opens.
        assert running.stdin
        print(file=running.stdin, flush=True)
        requests = _read_until(running, lambda line: line.startswith("Opened: incident "))
        assert [line for line in requests if " CONNECT " in line] == ["  404 CONNECT api.eu2.coralogix.com:443, IDs: 0"]
        assert not [line for line in requests if line.lstrip().startswith(("401", "403", "5"))]
        os.kill(running.pid, signal.SIGINT)
        assert running.wait(timeout=30) == 0
    assert not list(tmp_path.glob("coralogix-demo-*"))


def _read_until(running: subprocess.Popen[str], is_last: Callable[[str], bool]) -> list[str]:
    assert running.stdout
    lines = []
    for line in running.stdout:
        lines.append(line.rstrip("\n"))
        if is_last(line):
            break
    return lines


def test_first_steps_of_the_readme(tmp_path: Path) -> None:
    """In a checkout, with nothing but Python. The simulator stands in for the service."""
    (steps,) = [block.text for block in blocks_of("README.md", "shell") if "read -rs" in block.text]
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".git", ".build", ".nox", ".venv", ".*_cache"))
    with started(tmp_path, "--keep") as running:
        (host,) = [line for line in exports(running) if "CORALOGIX_URL" in line]
        environment = {
            name: value for name, value in os.environ.items() if not re.match("ANSIBLE_|CORALOGIX_|CX_|PIP_CONST", name)
        }
        completed = subprocess.run(
            ["bash", "-ec", f"{host}\n{steps}"],
            cwd=checkout,
            env={**environment, "ANSIBLE_HOME": str(tmp_path / "home")},
            input=host.partition("CORALOGIX_API_KEY=")[2].split()[0] + "\n",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "Checkout latency above 2 s" in completed.stdout
    assert "CASE-123" in completed.stdout
