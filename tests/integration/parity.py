# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares tasks that ran in Ansible's own process with the same tasks that ran as modules.

Both have to return the same, and to send the same requests. Only what no two runs have in common is replaced before:
ports, times, correlation IDs, and the IDs that the simulator draws.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from playbooks import Run
from simulator import Entry

# Starting a module takes most of the time of a short task. So only a share of the scenarios runs in both ways, unless
# this variable says otherwise: TEST_PARITY=all nox -s integration.
ALL = os.environ.get("TEST_PARITY") == "all"

_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_REPLACED = (
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+Z"), "TIME"),
    (re.compile(r"\d+(\.\d+)? s of waiting|wait of \d+(\.\d+)? s"), "SECONDS"),
    (re.compile(r'"duration": "\d+s"'), "DURATION"),
)
# They differ in every run.
_NOT_COMPARED_HEADERS = ("host", "user-agent", "x-cx-correlation-id")


def normalise(content: Any) -> str:
    """Content as text that two runs have in common. UUIDs become numbers, in the order in which they occur."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    numbers: dict[str, int] = {}
    return _UUID.sub(lambda found: f"UUID-{numbers.setdefault(found[0], len(numbers))}", text)


def assert_same_results(in_process: Run, as_modules: Run, check_ways: bool = True) -> None:
    """All tasks that ran as modules returned the same in process.

    C(check_ways) also makes sure that they ran in these ways. Both runs then need MAX_VERBOSITY.
    """
    assert as_modules.tasks, as_modules.end
    for task in as_modules.tasks:
        other = in_process.of(task.task, task.host)
        # Within a value, the order counts as well. Ansible itself adds some keys at the top.
        both = [normalise([result.outcome, *_sorted_items(result.result)]) for result in (other, task)]
        assert both[0].splitlines() == both[1].splitlines(), task.task
        if check_ways:
            assert as_modules.started_module(task.host), task
            assert not in_process.started_module(task.host), task


def _sorted_items(result: Mapping[str, Any]) -> list[tuple[str, Any]]:
    sorted_result = dict(sorted(result.items()))
    if "invocation" in sorted_result:
        sorted_result["invocation"] = sorted(result["invocation"]["module_args"].items())
    return list(sorted_result.items())


def assert_same_requests(in_process: Iterable[Entry], as_modules: Iterable[Entry]) -> None:
    """The same requests were sent. A few are on the way at a time, so their order does not count."""
    assert sorted(map(_request, in_process)) == sorted(map(_request, as_modules))


def _request(entry: Entry) -> str:
    headers: Mapping[str, str] = entry.headers
    compared = {name: value for name, value in headers.items() if name not in _NOT_COMPARED_HEADERS}
    return normalise([entry.method, unquote(entry.target), entry.body, compared, entry.status])
