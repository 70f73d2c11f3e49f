# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to run a task: in this process, with or without sockets, as a module, and through ansible-playbook."""

from __future__ import annotations

import contextlib
import http.client
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
from importlib import import_module
from pathlib import Path
from typing import Any, Callable

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.coralogix.incidents.plugins.module_utils import _request, _task
from ansible_collections.coralogix.incidents.plugins.module_utils._answers import Response
from ansible_collections.coralogix.incidents.plugins.module_utils._transport import Transport
from integration.playbooks import Ansible
from requests.structures import CaseInsensitiveDict
from simulator import Simulator
from simulator.wire import Request

from .scenario import IN_MEMORY, OVER_HTTP, PLAYBOOK
from .tasks import TASKS
from .world import NO_SOCKET, World

COLLECTION = "coralogix.incidents"
MODULES = {
    task.module: import_module(f"ansible_collections.{COLLECTION}.plugins.modules.{task.module}")
    for task in TASKS.values()
}
# The folder in which Python finds ansible_collections.
COLLECTIONS = Path(str(_task.__file__)).parents[5]


@dataclass
class Run:
    """One run of a task, as whoever started it sees it."""

    result: dict[str, Any] | None
    """What it returned. None if it was killed before."""
    output: str
    """Everything it wrote."""
    elapsed: float
    """Seconds that passed, without waits that were only counted."""
    waited: float = 0.0
    """Seconds of waits that were only counted."""
    returncode: int = 0
    crash: str = ""
    ended_at: float = 0.0
    """On the clock of time.monotonic."""


class Waits:
    """Replaces sleep: counts the waits, and does not wait."""

    def __init__(self) -> None:
        self._by_thread: defaultdict[int, float] = defaultdict(float)

    def __call__(self, seconds: float) -> None:
        self._by_thread[threading.get_ident()] += seconds

    @property
    def longest(self) -> float:
        """Of all threads the one that waited longest, behind the first, which waits for them."""
        own = self._by_thread.get(threading.get_ident(), 0.0)
        others = [waited for thread, waited in self._by_thread.items() if thread != threading.get_ident()]
        return own + max(others, default=0.0)


class MemoryTransport:
    """Carries requests to the simulator without sockets, which takes a tenth of the time."""

    proxy = None
    _EXCEPTIONS: Mapping[str, Callable[[], Exception]] = {
        "truncated": lambda: http.client.IncompleteRead(b""),
        "truncated_chunked": lambda: http.client.IncompleteRead(b""),
        "reset": lambda: ConnectionResetError(104, "Connection reset by peer"),
    }

    def __init__(self, simulator: Simulator, authorization: str, correlation_id: str) -> None:
        self._simulator = simulator
        self._headers = {"authorization": authorization, "x-cx-correlation-id": correlation_id}

    def send(self, request: _request.Request, _seconds: float) -> Response:
        target = request.url.removeprefix(NO_SOCKET)
        body = b"" if request.body is None else json.dumps(request.body).encode()
        line_length = len(f"{request.method} {target} HTTP/1.1")
        delivery = self._simulator._handle(Request(request.method, target, self._headers, body, line_length))
        reply = delivery.reply
        if delivery.how in self._EXCEPTIONS or reply is None:
            raise self._EXCEPTIONS[delivery.how]()
        headers = CaseInsensitiveDict({"Content-Type": reply.content_type, **dict(reply.headers)})
        return Response(reply.status, headers, b"" if reply.status < 200 else reply.encode())

    def abort(self) -> None:
        pass


def in_process(world: World) -> Run:
    """All of the task, from its options to its result. Waits are only counted, unless there is a deadline."""
    scenario, waits, crash, result = world.scenario, Waits(), "", None
    definition = MODULES[scenario.task.module].MODULE
    definition = definition._replace(resource=definition.resource._replace(page_size=scenario.page_size))
    given = json.loads(json.dumps(scenario.arguments(world.url)))

    def new_memory_transport(settings: Any, _user_agent: str, correlation_id: str, _pool_size: int) -> Any:
        return MemoryTransport(world.simulator, settings.authorization, correlation_id)

    started = time.monotonic()
    try:
        new_transport = new_memory_transport if scenario.mode == IN_MEMORY else Transport
        sleep = None if "deadline" in given else waits
        result = run_task(definition, given, scenario.check_mode, scenario.diff, new_transport, sleep)
        result = json.loads(json.dumps(result))
    except BaseException:
        crash = traceback.format_exc()
    ended = time.monotonic()
    return Run(result, json.dumps(result), ended - started, waits.longest, crash=crash, ended_at=ended)


def run_task(
    definition: Any,
    given: dict[str, Any],
    check_mode: bool = False,
    diff: bool = False,
    new_transport: Any = Transport,
    sleep: Any = None,
) -> dict[str, Any]:
    """The result of a task, from its options as they are given. The environment has no settings."""
    validator = ArgumentSpecValidator(definition.argument_spec, mutually_exclusive=definition.mutually_exclusive)
    validated = validator.validate(given)
    if validated.error_messages:
        return {"failed": True, "changed": False, "msg": " ".join(validated.error_messages)}
    task = _task.Task(validated.validated_parameters, given, {}, check_mode, diff, "tests")
    return dict(_task.run_task(definition, task, new_transport, sleep))


def _parse_result(output: str) -> dict[str, Any] | None:
    """The result in the output of a module: its last line."""
    with contextlib.suppress(ValueError, IndexError):
        result = json.loads(output.strip().splitlines()[-1])
        return result if isinstance(result, dict) else None
    return None


def is_own_setting(name: str) -> bool:
    """Whether a variable of the environment is a key, host or proxy of the developer's."""
    return name.startswith(("CORALOGIX_", "CX_")) or name.upper().endswith(("_PROXY", "_CA_BUNDLE"))


def as_module(world: World) -> Run:
    """The module as a process of its own, its arguments on standard input; with the signal of the scenario."""
    scenario, stop = world.scenario, world.scenario.stop
    arguments = {
        **scenario.arguments(world.url),
        "_ansible_check_mode": scenario.check_mode,
        "_ansible_diff": scenario.diff,
    }
    environment = {name: value for name, value in os.environ.items() if not is_own_setting(name)}
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", MODULES[scenario.task.module].__name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**environment, "PYTHONPATH": str(COLLECTIONS)},
    )

    def send_signal() -> None:
        world.stopped_at = time.monotonic()
        # Not by its ID: that may be another's by the time it is used.
        process.send_signal(stop.signal if stop else 0)

    world.send_signal = send_signal
    timer = threading.Timer(stop.seconds if stop else 0.0, send_signal)
    if stop and stop.moment is None:
        timer.start()
    output = process.communicate(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())[0].decode("utf-8", "replace")
    timer.cancel()
    ended = time.monotonic()
    return Run(_parse_result(output), output, ended - started, returncode=process.returncode, ended_at=ended)


def in_playbook(worlds: Sequence[World]) -> list[Run]:
    """One task, the same on many hosts at once, each with a world of its own."""
    # Variables by the names of keywords would shadow them.
    keywords = {"check_mode": "{{ dry }}", "diff": "{{ with_diff }}", "ignore_errors": True}
    task = {f"{COLLECTION}.{worlds[0].scenario.task.module}": {}, "args": "{{ given }}", **keywords}
    play = {"hosts": "all", "gather_facts": False, "strategy": "free", "tasks": [task]}
    hosts = {
        f"host-{number}": {
            "given": world.scenario.arguments(world.url),
            "dry": world.scenario.check_mode,
            "with_diff": world.scenario.diff,
            "coralogix_incidents_in_process": world.scenario.in_process_action,
        }
        for number, world in enumerate(worlds)
    }
    with tempfile.TemporaryDirectory() as folder:
        run = Ansible(Path(folder)).playbook([play], hosts=hosts, args=["-vv"])
    # With ignore_errors, Ansible removes "failed" from the result.
    results = {task.host: {**task.result, **({"failed": True} if task.failed else {})} for task in run.tasks}
    # The output is that of all hosts. Each looks in it for its own key.
    return [
        Run(results.get(f"host-{number}"), run.output, world.last - world.first, ended_at=world.last)
        for number, world in enumerate(worlds)
    ]


def run(worlds: Sequence[World]) -> list[Run]:
    """Run what takes place in these worlds. They differ from each other only in a playbook."""
    mode = worlds[0].scenario.mode
    if mode == PLAYBOOK:
        return in_playbook(worlds)
    return [(in_process if mode in (IN_MEMORY, OVER_HTTP) else as_module)(world) for world in worlds]


@contextlib.contextmanager
def no_own_settings() -> Iterator[None]:
    """An environment without settings of the developer's, for as long as the context lasts."""
    taken = {name: os.environ.pop(name) for name in list(os.environ) if is_own_setting(name)}
    try:
        yield
    finally:
        os.environ.update(taken)
