# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the integration tests: simulators, and Ansible."""

from __future__ import annotations

import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import contract
import pytest
from playbooks import KEY, Ansible
from simulator import Simulator

# pytest then explains what differs.
pytest.register_assert_rewrite("parity")


@pytest.fixture
def ansible(tmp_path: Path, request: pytest.FixtureRequest) -> Ansible:
    return Ansible(tmp_path, measured=request.node.get_closest_marker("measured") is not None)


@pytest.fixture(scope="module")
def shared_ansible(tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """For the playbooks that the tests of a file share."""
    return Ansible(tmp_path_factory.mktemp("ansible"))


@pytest.fixture(scope="module")
def simulators() -> Iterator[Callable[..., Simulator]]:
    """Starts simulators that accept the key. At the end, their requests are checked against the contract."""
    started: list[Simulator] = []
    with ExitStack() as stack:

        def start(*, key: dict[str, Any] | None = None, **options: Any) -> Simulator:
            simulator = stack.enter_context(Simulator(**options))
            simulator.add_key(KEY, **(key or {}))
            started.append(simulator)
            return simulator

        yield start
    if contract.is_available():
        for simulator in started:
            check_against_contract(simulator)


@pytest.fixture
def sim(simulators: Callable[..., Simulator]) -> Simulator:
    return simulators()


def check_against_contract(simulator: Simulator) -> None:
    """Every request is one of the contract, except for those that find out what "latest" serves."""
    a_read_succeeded = any(entry.operation == "read_many" and entry.status == 200 for entry in simulator.journal)
    for entry in simulator.journal:
        other_route = entry.fault is None and entry.status in (400, 404)
        if entry.version == "latest" and (entry.operation is None or other_route):
            assert entry.method == "GET" or not a_read_succeeded, f"{entry.method} {entry.target} tries a route"
        elif entry.status != 400:  # Tests have the service refuse requests.
            contract.check_request(entry, serves=simulator.latest)
            if count_incidents(entry.answer) <= FEW:
                contract.check_response(entry, serves=simulator.latest)


# More incidents than these in one answer are all of the same kind, and take a millisecond each to check.
FEW = 50


def count_incidents(answer: Any) -> int:
    incidents = answer.get("incidents") if isinstance(answer, dict) else None
    return len(incidents) if isinstance(incidents, (dict, list)) else 0


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with nothing but its standard library."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder)
    return folder / "bin" / "python"
