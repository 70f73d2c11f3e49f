# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to run the module: in this process, as a process of its own, and through ansible-playbook."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible_collections.coralogix.incidents.plugins.module_utils import _client, _incidents
from integration.playbooks import Ansible

from .scenario import Scenario
from .tasks import TASKS
from .world import World

COLLECTION = "coralogix.incidents"
MODULES = {
    task.module: import_module(f"ansible_collections.{COLLECTION}.plugins.modules.{task.module}")
    for task in TASKS.values()
}
# The folder in which Python finds ansible_collections.
COLLECTIONS = Path(str(_client.__file__)).parents[5]


@dataclass
class Ran:
    """One run of the module, as whoever started it sees it."""

    result: dict[str, Any] | None
    """What it returned; None when it was killed before."""
    output: str
    """Everything it wrote."""
    elapsed: float
    """Seconds that passed, without waits that were only accounted."""
    waited: float = 0.0
    """Seconds of waits that were only accounted."""
    killed: bool = False
    crash: str = ""


class Waits:
    """Stands in for sleep: takes the waits down, in place of waiting."""

    def __init__(self) -> None:
        self._of_thread: defaultdict[int, float] = defaultdict(float)

    def __call__(self, seconds: float) -> None:
        self._of_thread[threading.get_ident()] += seconds

    @property
    def longest(self) -> float:
        """Of all threads the one that waited longest, behind the first, which waits for them."""
        own = self._of_thread.get(threading.get_ident(), 0.0)
        others = [waited for thread, waited in self._of_thread.items() if thread != threading.get_ident()]
        return own + max(others, default=0.0)


def module_input(args: Mapping[str, Any], check_mode: bool, diff: bool) -> bytes:
    given = {**args, "_ansible_check_mode": check_mode, "_ansible_diff": diff}
    return json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode()


def in_process(scenario: Scenario, args: Mapping[str, Any], check_mode: bool, diff: bool) -> Ran:
    """All of the module, from its arguments to its output, on the client that is real but for its sleep."""
    waits, out, crash = Waits(), io.StringIO(), ""
    # Warnings are kept for the life of a process, which is one run elsewhere.
    warnings._global_warnings.clear()
    started = time.monotonic()
    with (
        patch.object(basic, "_ANSIBLE_ARGS", module_input(args, check_mode, diff)),
        patch.object(basic, "_ANSIBLE_PROFILE", "legacy", create=True),
        patch.object(_client, "Client", partial(_client.Client, sleep=waits)),
        patch.object(_incidents, "PAGE", scenario.page),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
    ):
        try:
            MODULES[scenario.task.module].main()
        except SystemExit:
            pass
        except BaseException:
            crash = traceback.format_exc()
    elapsed = time.monotonic() - started
    return Ran(parsed(out.getvalue()), out.getvalue(), elapsed, waits.longest, crash=crash)


def parsed(output: str) -> dict[str, Any] | None:
    """The result in the output of a module: its last line."""
    lines = output.strip().splitlines()
    with contextlib.suppress(ValueError, IndexError):
        result = json.loads(lines[-1])
        return result if isinstance(result, dict) else None
    return None


def environment() -> dict[str, str]:
    """For a process of the module: no key, host or proxy of the developer's gets in."""
    kept = {name: value for name, value in os.environ.items() if not is_own_setting(name)}
    return {**kept, "PYTHONPATH": str(COLLECTIONS)}


def is_own_setting(name: str) -> bool:
    return name.startswith(("CORALOGIX_", "CX_")) or name.upper().endswith(("_PROXY", "_CA_BUNDLE"))


def bare(world: World) -> Ran:
    """The module as a process of its own, its arguments on standard input; killed if the scenario says so."""
    scenario = world.scenario
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", MODULES[scenario.task.module].__name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
    )
    # Not by its ID: that may be another's by the time it is used.
    world.kill = process.kill
    by_clock = scenario.kill is not None and scenario.kill.operation is None
    timer = threading.Timer(scenario.kill.seconds if scenario.kill else 0.0, world.kill)
    if by_clock:
        timer.start()
    given = module_input(scenario.args(world.simulator.url), scenario.check_mode, scenario.diff)
    output = process.communicate(given)[0].decode("utf-8", "replace")
    timer.cancel()
    return Ran(parsed(output), output, time.monotonic() - started, killed=process.returncode == -9)


def playbook(worlds: Sequence[World]) -> list[Ran]:
    """One task, the same on many hosts at once, each with a world of its own."""
    # Variables by the names of keywords would shadow them.
    switches = {"check_mode": "{{ dry }}", "diff": "{{ with_diff }}", "ignore_errors": True}
    task = {f"{COLLECTION}.{worlds[0].scenario.task.module}": {}, "args": "{{ given }}", **switches}
    play = {"hosts": "all", "gather_facts": False, "strategy": "free", "tasks": [task]}
    hosts = {}
    for number, world in enumerate(worlds):
        scenario = world.scenario
        hosts[f"host-{number}"] = {
            "given": scenario.args(world.simulator.url),
            "dry": scenario.check_mode,
            "with_diff": scenario.diff,
        }
    with tempfile.TemporaryDirectory() as folder:
        run = Ansible(Path(folder)).playbook([play], hosts=hosts, args=["-vv"])
    # Ansible takes the word "failed" out of a result that it was told to ignore.
    results = {task.host: {**task.result, **({"failed": True} if task.failed else {})} for task in run.tasks}
    # The output is that of all hosts; each looks in it for the key of its own.
    return [
        Ran(results.get(f"host-{number}"), run.output, world.last - world.first) for number, world in enumerate(worlds)
    ]


@contextlib.contextmanager
def no_own_settings() -> Iterator[None]:
    """An environment without settings of the developer's, for as long as the context lasts."""
    taken = {name: os.environ.pop(name) for name in list(os.environ) if is_own_setting(name)}
    try:
        yield
    finally:
        os.environ.update(taken)
