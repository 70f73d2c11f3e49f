# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API key is in no output and in no result, whoever repeats it.

Every run of every integration test is searched for the key (see Ansible.command). Here the services and users are
careless with it.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from parity import ALL, assert_same_results
from playbooks import AS_MODULE, IN_PROCESS, KEY, MAX_VERBOSITY, Ansible, HostTask, Run
from simulator import Fault, Simulator

IN_BASE64 = base64.b64encode(f"user:{KEY}".encode()).decode()
ECHO = {"code": 401, "message": f"invalid header Authorization: Bearer {KEY}, or Basic {IN_BASE64}"}


class Scenario(NamedTuple):
    """A task, and the service that it meets."""

    fault: dict[str, Any] | None = None
    options: Mapping[str, Any] = MappingProxyType({})
    module: str = "incident_unassign"
    incident: Mapping[str, Any] = MappingProxyType({})
    succeeds: bool = False
    as_module: bool = False


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


SCENARIOS = {
    "echoed": Scenario({"status": 401, "body": ECHO}),
    "echoed to a body": Scenario(
        {"operation": "assign", "status": 401, "body": ECHO}, {"assignee": "next"}, "incident_assign"
    ),
    "echoed to filters": Scenario(
        {"operation": "list", "status": 401, "body": ECHO}, {"status": ["triggered"]}, "incident_info"
    ),
    "echoed in a warning": Scenario(
        {"operation": "read_many", "status": 403, "body": f"the key {KEY} may not read"}, succeeds=True, as_module=True
    ),
    "echoed and cut": Scenario({"status": 400, "body": "x" * 290 + KEY}),
    "in JSON of another form": Scenario({"replace": {"incidents": {}, "notFoundIds": [], KEY: KEY}}),
    "in a redirect": Scenario({"redirect": f"https://elsewhere.example.com/?key={KEY}"}),
    "in an answer that is not HTTP": Scenario({"raw": f"{KEY}\r\n\r\n"}),
    # urllib3 logs what it cannot parse, and Ansible writes what is logged in its own process to its log file.
    "in a line that is not a header": Scenario({"raw": f"HTTP/1.1 401 Unauthorized\r\nno header {KEY}\r\n\r\n"}),
    "in JSON that is cut": Scenario({"malformed": True}, incident={"name": KEY * 30}),
    "in an incident": Scenario(
        incident={"name": f"key {KEY}", "displayLabels": {f"key {KEY}": IN_BASE64}}, succeeds=True, as_module=True
    ),
    "no key": Scenario(options={"api_key": f"{KEY}\n{KEY}"}),
    "in another option": Scenario(options={"region": KEY, "api_url": None}),
    # The module words this error, in both ways.
    "as a value of a choice": Scenario(options={"api_version": KEY}),
    "no server": Scenario(options={"api_url": f"http://127.0.0.1:{closed_port()}"}),
    "with prefix": Scenario(options={"api_key": f"Bearer {KEY}"}, succeeds=True),
    "bare": Scenario(options={"auth_scheme": "raw"}, succeeds=True),
    # The module does not get the key as an option.
    "in the environment": Scenario({"status": 401, "body": ECHO}, {"api_key": None}, as_module=True),
}


def log_file(ansible: Ansible) -> Path:
    return ansible.folder / "ansible.log"


@pytest.fixture(scope="module")
def play(simulators: Callable[..., Simulator], shared_ansible: Ansible) -> Callable[[str], Run]:
    def run(way: str) -> Run:
        host_tasks = {}
        for name, scenario in SCENARIOS.items():
            if not (way == IN_PROCESS or ALL or scenario.as_module):
                continue
            sim = simulators()
            incident_id = sim.add_incident(**scenario.incident)
            if scenario.fault:
                sim.fault(Fault(**scenario.fault))
            ids = {} if "status" in scenario.options else {"incident_ids": [incident_id]}
            options = {"api_url": sim.url, "api_key": KEY, "retries": 0, "api_version": "5", **ids, **scenario.options}
            host_tasks[name] = HostTask(options, module=scenario.module)
        env = {"CORALOGIX_API_KEY": f" {KEY}\n", "ANSIBLE_LOG_PATH": str(log_file(shared_ansible))}
        return shared_ansible.run_each(host_tasks, {"name": "task", "diff": True}, args=MAX_VERBOSITY, way=way, env=env)

    return run


@pytest.fixture(scope="module")
def in_process(play: Callable[[str], Run]) -> Run:
    return play(IN_PROCESS)


@pytest.mark.parity
def test_key_is_masked(in_process: Run) -> None:
    succeeded = {task.host for task in in_process.tasks if not task.failed}
    assert succeeded == {name.replace(" ", "-") for name, scenario in SCENARIOS.items() if scenario.succeeds}
    assert "the key ******** may not read" in in_process.output
    assert in_process.of("task", "in an incident")["incidents"][0]["name"] == "key ********"
    assert IN_BASE64 not in in_process.output
    assert "Traceback" not in in_process.output


@pytest.mark.parity
def test_key_is_not_in_the_log_file(in_process: Run, shared_ansible: Ansible) -> None:
    assert in_process.tasks
    log = log_file(shared_ansible).read_text(encoding="utf-8")
    assert "the key ******** may not read" in log
    assert KEY not in log
    assert IN_BASE64 not in log


def test_key_is_masked_in_modules_too(play: Callable[[str], Run], in_process: Run) -> None:
    as_modules = play(AS_MODULE)
    assert_same_results(in_process, as_modules, check_ways=not ALL)
    assert IN_BASE64 not in as_modules.output
