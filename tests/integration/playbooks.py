# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ansible-playbook and ansible as a user does, and hands back what every task returned."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
KEY = "canary-7f3d9b51c8e2"
COLLECTION = "coralogix.incidents"
MODULE = f"{COLLECTION}.incident_unassign"
# The Python that modules run on.
TARGET = os.environ.get("ANSIBLE_PYTHON_INTERPRETER", sys.executable)

# What of the caller's environment a run keeps: a key, a proxy or a host of theirs must not get in.
KEPT = ("LANG", "LC_ALL", "PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONPYCACHEPREFIX", "TMPDIR")
KEPT_PREFIX = "ANSIBLE_"

# Starts branch coverage in the processes of modules, which makes them take almost twice as long.
COVERAGE = "_ANSIBLE_ANSIBALLZ_COVERAGE_CONFIG"

LOCALHOST: Mapping[str, Mapping[str, Any]] = MappingProxyType({"localhost": MappingProxyType({})})

Task = dict[str, Any]


class Case(NamedTuple):
    """The module's options, and the environment that it is to find."""

    options: dict[str, Any]
    env: Mapping[str, str] = MappingProxyType({})
    module: str = "incident_unassign"
    plays: Sequence[str] = ()
    """The names of the plays that it takes part in; without any, all."""
    variables: Mapping[str, Any] = MappingProxyType({})
    """Of its host, such as another Python."""


def host(name: str) -> str:
    """The name of a case as that of a host."""
    return re.sub(r"\W+", "-", name)


@dataclass(frozen=True)
class TaskResult:
    host: str
    task: str
    outcome: str
    """ok, failed, skipped or unreachable."""
    result: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.result[key]

    def __contains__(self, key: str) -> bool:
        return key in self.result

    @property
    def failed(self) -> bool:
        return self.outcome == "failed"


@dataclass(frozen=True)
class Run:
    returncode: int
    output: str
    """Standard output and error together."""
    tasks: list[TaskResult]

    def of(self, name: str, host: str = "localhost") -> TaskResult:
        """The result of the task of that name, of which there must be one."""
        (found,) = [task for task in self.tasks if (task.task, task.host) == (name, host)]
        return found

    @property
    def only(self) -> TaskResult:
        """The result of the only task."""
        (found,) = self.tasks
        return found


class Ansible:
    """ansible-playbook and ansible in a folder of their own, with an environment made for them."""

    def __init__(self, folder: Path, measured: bool = False) -> None:
        self.folder = folder
        self._measured = measured
        # Coverage is at home beside the tests.
        self._python = sys.executable if measured else TARGET
        self._runs = 0

    def play(self, *tasks: Task, args: Sequence[str] = (), env: Mapping[str, str] | None = None, **play: Any) -> Run:
        """Run tasks in one play on localhost."""
        return self.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks), **play}], args, env)

    def playbook(
        self,
        plays: list[dict[str, Any]] | str,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        hosts: Mapping[str, Mapping[str, Any]] = LOCALHOST,
    ) -> Run:
        """Run a playbook, given as data or as the text of one; hosts are names on this machine with variables."""
        book = self.folder / f"playbook-{self._runs}.yml"
        book.write_text(plays if isinstance(plays, str) else json.dumps(plays, indent=1), encoding="utf-8")
        # A localhost that no inventory has would run modules on Ansible's own Python.
        inventory = self.folder / "inventory.json"
        local = {"ansible_connection": "local", "ansible_python_interpreter": self._python}
        listed = {name: {**local, **variables} for name, variables in hosts.items()}
        inventory.write_text(json.dumps({"all": {"hosts": listed}}), encoding="utf-8")
        command = ["ansible-playbook", str(book), "--inventory", str(inventory), "--forks", "3"]
        return self.command(*command, *args, env=env)

    def each(self, cases: Mapping[str, Case], *plays: Mapping[str, Any], args: Sequence[str] = ()) -> Run:
        """Run modules for many cases in one playbook, each case on a host of its name (see `host`).

        Each of the plays is one task for all cases, with these keywords; without any it is one named `unassign`.
        """
        hosts = {
            host(name): {"options": case.options, "env": dict(case.env), **case.variables}
            for name, case in cases.items()
        }
        made = []
        for keywords in plays or [{"name": "unassign"}]:
            for module in dict.fromkeys(case.module for case in cases.values()):
                takers = [
                    host(name)
                    for name, case in cases.items()
                    if case.module == module and keywords["name"] in (case.plays or [keywords["name"]])
                ]
                common = {"args": "{{ options }}", "environment": "{{ env }}", "ignore_errors": True}
                tasks = [{**task(module, **keywords), **common}]
                made.append({"hosts": takers, "gather_facts": False, "strategy": "free", "tasks": tasks})
        return self.playbook([play for play in made if play["hosts"]], args, hosts=hosts)

    def command(self, *command: str, env: Mapping[str, str] | None = None) -> Run:
        results = self.folder / f"results-{self._runs}.jsonl"
        self._runs += 1
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self._environment(), "TASK_RESULTS": str(results), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
        return Run(done.returncode, done.stdout, [TaskResult(**json.loads(line)) for line in lines])

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(KEPT_PREFIX)}
        measuring = {name: os.environ[name] for name in [COVERAGE] if name in os.environ}
        return {
            **kept,
            # The programs of the environment that the tests run in.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(self.folder),
            # Else it is in the home of the account, whatever HOME says.
            "ANSIBLE_REMOTE_TMP": str(self.folder / "remote"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_results",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
            "ANSIBLE_NOCOLOR": "1",
            **(measuring if self._measured else {}),
        }


# Keywords that Ansible has itself.
KEYWORDS = ("check_mode", "diff", "environment", "ignore_errors", "module_defaults", "register")


def task(module: str, *, name: str = "", **options: Any) -> Task:
    """A task of a module; keywords that Ansible has itself go to the task, all others to the module."""
    own: Task = {key: options.pop(key) for key in KEYWORDS if key in options}
    return {"name": name or module, f"{COLLECTION}.{module}": options, **own}


def unassign(ids: Any = "{{ ids }}", *, name: str = "unassign", **options: Any) -> Task:
    return task("incident_unassign", name=name, incident_ids=ids, **options)
