# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks to measure: those of the collection, and what a user would write without it. And the way to run them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .measure import Cost, run
from .service import KEY, Service

ROOT = Path(__file__).resolve().parents[2]
ROUTES = "/mgmt/openapi/5/incidents/incidents/v1"
HEADERS = {"Authorization": f"Bearer {KEY}"}

Tasks = list[dict[str, Any]]


def ping(_url: str, _ids: Sequence[str]) -> Tasks:
    return [{"ansible.builtin.ping": {}}]


def unassign(url: str, ids: Sequence[str], **options: Any) -> Tasks:
    return [{"coralogix.incidents.incident_unassign": {"api_url": url, "api_key": KEY, "incident_ids": ids, **options}}]


def find_all(url: str) -> Tasks:
    return [{"coralogix.incidents.incident_info": {"api_url": url, "api_key": KEY, "api_version": "5"}}]


def two_uris(url: str, ids: Sequence[str]) -> Tasks:
    """Read, write, and keep the incidents: the least that reports whether something changed."""
    read = f"{url}{ROUTES}?" + "&".join(f"ids={incident_id}" for incident_id in ids)
    write = f"{url}{ROUTES}/all/by-user?" + "&".join(f"incident_ids={incident_id}" for incident_id in ids)
    is_any_assigned = "read.json.incidents.values() | selectattr('assignments') | list | length > 0"
    return [
        {"ansible.builtin.uri": {"url": read, "headers": HEADERS}, "register": "read"},
        {
            "ansible.builtin.uri": {"url": write, "method": "DELETE", "headers": HEADERS},
            "register": "written",
            "changed_when": is_any_assigned,
        },
        {"ansible.builtin.set_fact": {"coralogix_incidents": "{{ written.json.incidents }}"}},
    ]


def bare_unassign(url: str, ids: Sequence[str]) -> dict[str, Any]:
    """A task of an action plugin that does just this."""
    read, write, _ = two_uris(url, ids)
    urls = {"read": read["ansible.builtin.uri"]["url"], "write": write["ansible.builtin.uri"]["url"]}
    return {"bare_unassign": {**urls, "headers": HEADERS}}


def loop_of_uri(url: str, ids: Sequence[str]) -> Tasks:
    """One request for each ID, without a look at who is assigned."""
    write = f"{url}{ROUTES}/all/by-user?incident_ids={{{{ item }}}}"
    return [{"ansible.builtin.uri": {"url": write, "method": "DELETE", "headers": HEADERS}, "loop": ids}]


class Runner:
    """Runs plays and other commands against one service. A folder takes what they leave."""

    def __init__(self, service: Service, folder: Path) -> None:
        self._service = service
        self._folder = folder
        self._environment = {
            # Without bytecode files, every start of Python compiles everything again.
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "ANSIBLE_ACTION_PLUGINS": str(Path(__file__).with_name("action_plugins")),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_REMOTE_TMP": str(folder / "remote"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        }

    def play(self, tasks: Tasks, in_process: bool = True, assigned: bool = True) -> Cost:
        """Run a play on the service as it was filled, or with none of its incidents assigned."""
        playbook = self._folder / "playbook.yml"
        variables = {"coralogix_incidents_in_process": in_process}
        play = {"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}
        playbook.write_text(json.dumps([play]), encoding="utf-8")
        return self.run(["ansible-playbook", "-i", "localhost,", "-c", "local", str(playbook)], assigned)

    def run(self, command: Sequence[str], assigned: bool = True) -> Cost:
        self._service.restore(assigned)
        cost = run(command, self._folder, self._environment)
        return cost._replace(requests=self._service.requests())

    def output(self) -> Any:
        """The output of the last command, which is JSON."""
        return json.loads((self._folder / "output").read_bytes())
