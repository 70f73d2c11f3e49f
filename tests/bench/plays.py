# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks to measure: the module's, and what a user would write without it. And the ways to run them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Callable

from .measure import Cost, run
from .stand import KEY, Stand

ROOT = Path(__file__).resolve().parents[2]
MODULE = "coralogix.incidents.incident_unassign"
INFO = "coralogix.incidents.incident_info"
ROUTES = "/mgmt/openapi/5/incidents/incidents/v1"

Tasks = list[dict[str, Any]]


def unassign(url: str, ids: list[str], **options: Any) -> Tasks:
    return [{MODULE: {"api_url": url, "api_key": KEY, "incident_ids": ids, **options}}]


def info(url: str) -> Tasks:
    return [{INFO: {"api_url": url, "api_key": KEY, "api_version": "5"}}]


def each(make: Callable[[str, list[str]], Tasks], url: str, portions: list[list[str]]) -> Tasks:
    return [task for ids in portions for task in make(url, ids)]


def two_uris(url: str, ids: list[str]) -> Tasks:
    """Read, write, and keep the incidents: the least that says whether something changed."""
    read = f"{url}{ROUTES}?" + "&".join(f"ids={one}" for one in ids)
    write = f"{url}{ROUTES}/all/by-user?" + "&".join(f"incident_ids={one}" for one in ids)
    headers = {"Authorization": f"Bearer {KEY}"}
    held = "read.json.incidents.values() | selectattr('assignments') | list | length > 0"
    return [
        {"ansible.builtin.uri": {"url": read, "headers": headers}, "register": "read"},
        {
            "ansible.builtin.uri": {"url": write, "method": "DELETE", "headers": headers},
            "register": "written",
            "changed_when": held,
        },
        {"ansible.builtin.set_fact": {"coralogix_incidents": "{{ written.json.incidents }}"}},
    ]


def loop_of_uri(url: str, ids: list[str]) -> Tasks:
    """One request for each ID, blind: without a look at who is assigned."""
    write = f"{url}{ROUTES}/all/by-user?incident_ids={{{{ item }}}}"
    headers = {"Authorization": f"Bearer {KEY}"}
    return [{"ansible.builtin.uri": {"url": write, "method": "DELETE", "headers": headers}, "loop": ids}]


def environment(folder: Path) -> dict[str, str]:
    """The session's environment, with compiled bytecode kept: without, every start of Python compiles all anew."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "CORALOGIX_URL", "CORALOGIX_DOMAIN", "CORALOGIX_REGION", "CX_REGION")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "link"),
        "PYTHONPYCACHEPREFIX": str(ROOT / ".build" / "pycache"),
        **kept,
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_REMOTE_TMP": str(folder / "remote"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    }


class Runner:
    """Runs plays, and modules alone, against one service, in a folder for what they leave."""

    def __init__(self, stand: Stand, folder: Path) -> None:
        self._stand = stand
        self._folder = folder
        self._payloads = 0
        self.environment = environment(folder)

    def book(self, name: str, tasks: Tasks) -> Path:
        book = self._folder / f"{name}.yml"
        play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
        book.write_text(json.dumps([play]), encoding="utf-8")
        return book

    def play(self, book: Path, assigned: bool = True) -> Cost:
        """Run a play on the service as it was filled, or with none of its incidents assigned."""
        return self.command([*_ANSIBLE, str(book)], assigned)

    def command(self, command: list[str], assigned: bool = True) -> Cost:
        self._stand.restore(assigned)
        cost = run(command, self._folder, self.environment)
        return cost._replace(requests=self._stand.account()["requests"])

    def payload(self, tasks: Tasks) -> list[str]:
        """The command that runs a module without Ansible: what Ansible sends to a host is one file of Python.

        Ansible is made to leave that file behind. The task itself runs on a service without incidents,
        so that it ends soon and in failure, which is of no interest here.
        """
        self._stand.fill(0, 0, 0)
        self._payloads += 1
        left = self._folder / f"left-{self._payloads}"
        env = {**self.environment, "ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_REMOTE_TMP": str(left)}
        run([*_ANSIBLE, str(self.book(left.name, tasks))], self._folder, env, may_fail=True)
        (made,) = left.glob("*/AnsiballZ_*.py")
        return [sys.executable, str(made)]


_ANSIBLE = ("ansible-playbook", "--inventory", "localhost,", "--connection", "local")
