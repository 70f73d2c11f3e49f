# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks that are interrupted: by a signal, or by their own deadline. What was written by then is known."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playbooks import AS_MODULE, IN_PROCESS, KEY, Ansible, HostTask, Run, unassign
from simulator import Entry, Fault, Simulator

# The write has an effect, and its answer does not come while a test runs.
HANGING_WRITE: dict[str, Any] = {"operation": "unassign", "hang": 60, "effect": True}
# A signal ends a task within these seconds. They are more than promised, as the machine may be busy.
SIGNAL_SECONDS = 8


def processes_with(marker: str) -> list[int]:
    """The processes that have the marker in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


class Interrupted(NamedTuple):
    run: Run
    seconds: float
    """From the signal to the end of Ansible."""
    requests: list[Entry]


@pytest.fixture
def default_sigint() -> Iterator[None]:
    """A shell starts commands in the background with SIGINT ignored, and their children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def interrupt(ansible: Ansible, sim: Simulator, default_sigint: None) -> Callable[..., Interrupted]:
    """Runs a task whose write hangs, and sends a signal to its processes meanwhile."""

    def run(number: signal.Signals, way: str, marker: str, in_environment_of_task: bool) -> Interrupted:
        sim.fault(Fault(**HANGING_WRITE))
        sent: list[float] = []

        def send() -> None:
            for process in processes_with(marker):
                # The end of one process may end another.
                with suppress(ProcessLookupError):
                    os.kill(process, number)
            sent.append(time.monotonic())

        # The hook runs before the write has an effect.
        sim.on_request = lambda entry: (
            threading.Timer(0.3, send).start() if entry.operation == "unassign" and not sent else None
        )
        name, value = marker.split("=")
        environment = {name: value}
        ids = sim.add_incidents(2, assigned=1)
        task = unassign(ids, api_url=sim.url, api_key=KEY, environment=environment if in_environment_of_task else {})
        result = ansible.play(task, env={} if in_environment_of_task else environment, way=way)
        return Interrupted(result, time.monotonic() - sent[0], list(sim.journal))

    return run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_to_a_module_ends_in_a_result(interrupt: Callable[..., Interrupted], number: signal.Signals) -> None:
    """By then the write has been sent, and not been answered. No further request is sent."""
    marker = f"TEST_MARKER=module-{os.getpid()}-{number}"
    run, seconds, requests = interrupt(number, AS_MODULE, marker, in_environment_of_task=True)
    assert seconds < SIGNAL_SECONDS
    assert run.only.failed
    assert run.only["changed"] is True
    assert run.only["unassigned_ids"] == []
    assert "Perhaps unassigned, but not verified: '" in run.only["msg"]
    assert len(run.only["incidents"]) == 1
    assert [entry.operation for entry in requests] == ["read_many", "unassign"]


def test_ctrl_c_ends_ansible_and_leaves_no_process(interrupt: Callable[..., Interrupted]) -> None:
    """It reaches all processes of the terminal. In process there is no result then, as with all action plugins."""
    marker = f"TEST_MARKER=process-{os.getpid()}"
    run, seconds, requests = interrupt(signal.SIGINT, IN_PROCESS, marker, in_environment_of_task=False)
    assert seconds < SIGNAL_SECONDS
    assert run.returncode != 0
    assert "Traceback" not in run.output
    assert processes_with(marker) == []
    assert [entry.operation for entry in requests] == ["read_many", "unassign"]


class Deadline(NamedTuple):
    fault: dict[str, Any]
    options: dict[str, Any]
    text: str
    changed: bool = False
    verified: bool = False
    """Whether the effect of a write is known."""


DRIP: dict[str, Any] = {"drip": 0.4, "drip_part": "headers"}
DEADLINES = {
    "read drips": Deadline({"operation": "read_many", **DRIP}, {"timeout": 60}, "answer within "),
    "read is refused for long": Deadline(
        {"operation": "read_many", "status": 429, "headers": {"Retry-After": "30"}}, {}, "would pass the deadline"
    ),
    # One try is left for the read that verifies the write.
    "write drips": Deadline(
        {"operation": "unassign", **DRIP}, {"timeout": 60}, "Unassigned before that: '", changed=True, verified=True
    ),
    "write drips, and so does the rest": Deadline(
        {"skip": 1, **DRIP}, {"timeout": 1.5}, "Perhaps unassigned, but not verified: '", changed=True
    ),
}


@pytest.fixture(scope="module")
def deadlines(simulators: Callable[..., Simulator], shared_ansible: Ansible) -> Run:
    host_tasks = {}
    for name, deadline in DEADLINES.items():
        sim = simulators()
        sim.fault(Fault(**deadline.fault))
        options = {
            "api_url": sim.url,
            "api_key": KEY,
            "incident_ids": sim.add_incidents(2, assigned=1),
            "deadline": 1,
        }
        host_tasks[name] = HostTask({**options, "api_version": "5", **deadline.options})
    return shared_ansible.run_each(host_tasks)


@pytest.mark.parametrize("name", DEADLINES)
def test_deadline(deadlines: Run, name: str) -> None:
    expected, result = DEADLINES[name], deadlines.of("unassign", name)
    assert result.failed
    assert expected.text in result["msg"]
    assert result["changed"] is expected.changed
    assert bool(result["unassigned_ids"]) is expected.verified
    # The deadline, and one more try.
    assert result.seconds < 1 + 1.5 + SIGNAL_SECONDS
