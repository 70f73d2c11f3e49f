# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ansible-playbook and ansible as a user does, and returns what every task returned.

Tasks of the collection run in Ansible's own process, or as modules: see WAYS.
"""

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
MODULE_NAME = f"{COLLECTION}.incident_unassign"
# The Python that modules run on.
TARGET = os.environ.get("ANSIBLE_PYTHON_INTERPRETER", sys.executable)

# With it, Ansible shows every process that it starts.
MAX_VERBOSITY = ("-vvvv",)

# The two ways in which a task runs. Modules are started on TARGET.
IN_PROCESS, AS_MODULE = "in process", "as module"
WAYS = (IN_PROCESS, AS_MODULE)
SWITCH = "coralogix_incidents_in_process"
VARIABLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        IN_PROCESS: MappingProxyType({"ansible_python_interpreter": "{{ ansible_playbook_python }}"}),
        AS_MODULE: MappingProxyType({"ansible_python_interpreter": TARGET, SWITCH: False}),
    }
)
# Hosts that run at the same time. Tasks in process mostly wait; modules mostly compute.
FORKS = {IN_PROCESS: 16, AS_MODULE: 3}

# Of the developer's environment, a run keeps only these: no key, proxy or host of theirs.
KEPT = ("LANG", "LC_ALL", "PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONPYCACHEPREFIX", "TMPDIR")
KEPT_PREFIX = "ANSIBLE_"

# Where Ansible's own process writes its coverage, if that is measured.
COVERAGE_FILE = os.environ.get("TEST_COVERAGE_FILE")
COVERAGE_SETTINGS = """
[run]
branch = true
parallel = true
concurrency = multiprocessing
include = */ansible_collections/coralogix/incidents/plugins/*
"""

LOCALHOST: Mapping[str, Mapping[str, Any]] = MappingProxyType({"localhost": MappingProxyType({})})

Task = dict[str, Any]


class HostTask(NamedTuple):
    """The task of one host, in a playbook that runs many of them."""

    options: Mapping[str, Any]
    """The options of the module."""
    env: Mapping[str, str] = MappingProxyType({})
    """The keyword C(environment) of its tasks."""
    module: str = "incident_unassign"
    plays: Sequence[str] = ()
    """The names of the plays that it takes part in. All of them if it is empty."""
    variables: Mapping[str, Any] = MappingProxyType({})
    """Variables of its host, such as another Python."""


def host_name(name: str) -> str:
    """Any name as the name of a host."""
    return re.sub(r"\W+", "-", name)


@dataclass(frozen=True)
class TaskResult:
    host: str
    task: str
    outcome: str
    """ok, failed, skipped or unreachable."""
    seconds: float
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
        """The result of the task with this name on this host. There must be exactly one."""
        (found,) = [task for task in self.tasks if (task.task, task.host) == (name, host_name(host))]
        return found

    @property
    def only(self) -> TaskResult:
        """The result of the only task."""
        (found,) = self.tasks
        return found

    @property
    def end(self) -> str:
        """The end of the output, for the message of an assertion."""
        return self.output[-3000:]

    def started_module(self, host: str | None = None) -> bool:
        """Whether Ansible started a process, for a task of any host or of this one. Needs MAX_VERBOSITY."""
        return f"{'' if host is None else f'<{host_name(host)}'}> EXEC " in self.output


class Ansible:
    """ansible-playbook and ansible in a folder of their own, with an environment of their own."""

    def __init__(self, folder: Path, measured: bool = False, program: Sequence[str] = ()) -> None:
        """C(program) is what starts the commands of Ansible. By default, they start directly."""
        self.folder = folder
        self._measured = measured
        self._program = program
        self._runs = 0

    def play(
        self,
        *tasks: Task,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        way: str = IN_PROCESS,
        **play: Any,
    ) -> Run:
        """Run tasks in one play on localhost."""
        plays = [{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks), **play}]
        return self.playbook(plays, args, env, way=way)

    def playbook(
        self,
        plays: list[dict[str, Any]] | str,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        hosts: Mapping[str, Mapping[str, Any]] = LOCALHOST,
        way: str = IN_PROCESS,
    ) -> Run:
        """Run a playbook, given as data or as text. Hosts are names for this machine, with variables."""
        book = self.folder / f"playbook-{self._runs}.yml"
        book.write_text(plays if isinstance(plays, str) else json.dumps(plays, indent=1), encoding="utf-8")
        inventory = self.folder / "inventory.json"
        common = {"ansible_connection": "local", **VARIABLES[way]}
        listed = {name: {**common, **variables} for name, variables in hosts.items()}
        inventory.write_text(json.dumps({"all": {"hosts": listed}}), encoding="utf-8")
        command = ["ansible-playbook", str(book), "--inventory", str(inventory), "--forks", str(FORKS[way])]
        return self.command(*command, *args, env=env)

    def run_each(
        self,
        host_tasks: Mapping[str, HostTask],
        *plays: Mapping[str, Any],
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        way: str = IN_PROCESS,
    ) -> Run:
        """Run many tasks in one playbook, each on a host of its own.

        Each play runs them once, with these keywords. Without plays there is one, named C(unassign).
        """
        hosts = {
            host_name(name): {"options": host_task.options, "env": dict(host_task.env), **host_task.variables}
            for name, host_task in host_tasks.items()
        }
        listed = []
        for keywords in plays or [{"name": "unassign"}]:
            for module in dict.fromkeys(host_task.module for host_task in host_tasks.values()):
                names = [
                    host_name(name)
                    for name, host_task in host_tasks.items()
                    if host_task.module == module and keywords["name"] in (host_task.plays or [keywords["name"]])
                ]
                common = {"args": "{{ options }}", "environment": "{{ env }}", "ignore_errors": True}
                tasks = [{**task(module, **keywords), **common}]
                listed.append({"hosts": names, "gather_facts": False, "strategy": "free", "tasks": tasks})
        return self.playbook([play for play in listed if play["hosts"]], args, env, hosts, way)

    def ad_hoc(
        self,
        module: str,
        arguments: str,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        way: str = IN_PROCESS,
    ) -> Run:
        """Run one module with the command ansible."""
        switch = () if way == IN_PROCESS else ("-e", f"{SWITCH}=false")
        # Without this variable, ansible loads no callback plugins.
        callbacks = {"ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"}
        command = ["ansible", "localhost", "-m", f"{COLLECTION}.{module}", "-a", arguments]
        return self.command(*command, *switch, *args, env={**callbacks, **(env or {})})

    def command(self, *command: str, env: Mapping[str, str] | None = None) -> Run:
        """Run a command, mostly one of Ansible. The key must be neither in its output nor in the results."""
        results = self.folder / f"results-{self._runs}.jsonl"
        self._runs += 1
        completed = subprocess.run(
            self._complete(command),
            cwd=self.folder,
            env={**self._environment(), "TASK_RESULTS": str(results), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        text = results.read_text(encoding="utf-8") if results.exists() else ""
        for secret in (KEY, KEY[:12], KEY[-12:]):
            assert secret not in completed.stdout + text, self._lines_with(secret, completed.stdout + text)
        tasks = [TaskResult(**json.loads(line)) for line in text.splitlines()]
        return Run(completed.returncode, completed.stdout, tasks)

    def _complete(self, command: Sequence[str]) -> Sequence[str]:
        """The command, behind the program that starts it."""
        program = self._program
        if self._measured and COVERAGE_FILE:
            settings = self.folder / "coverage.ini"
            settings.write_text(f"{COVERAGE_SETTINGS}data_file = {COVERAGE_FILE}\n", encoding="utf-8")
            program = (sys.executable, "-m", "coverage", "run", f"--rcfile={settings}")
        if not program:
            return command
        return [*program, str(Path(sys.executable).with_name(command[0])), *command[1:]]

    @staticmethod
    def _lines_with(secret: str, text: str) -> str:
        return "\n".join(line[:2000] for line in text.splitlines() if secret in line)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(KEPT_PREFIX)}
        return {
            **kept,
            # The programs of the environment that the tests run in.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(self.folder),
            # Otherwise they are in the home folder of the account, whatever HOME says.
            "ANSIBLE_REMOTE_TMP": str(self.folder / "remote"),
            "ANSIBLE_ASYNC_DIR": str(self.folder / "async"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_results",
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
            "ANSIBLE_NOCOLOR": "1",
        }


# Keywords of Ansible's own.
KEYWORDS = ("check_mode", "diff", "environment", "ignore_errors", "module_defaults", "register")


def task(module: str, *, name: str = "", **options: Any) -> Task:
    """A task. Keywords of Ansible's own go to the task, all others are options of the module."""
    keywords: Task = {key: options.pop(key) for key in KEYWORDS if key in options}
    return {"name": name or module, f"{COLLECTION}.{module}": options, **keywords}


def unassign(ids: Any = "{{ ids }}", *, name: str = "unassign", **options: Any) -> Task:
    """A task of incident_unassign."""
    return task("incident_unassign", name=name, incident_ids=ids, **options)
