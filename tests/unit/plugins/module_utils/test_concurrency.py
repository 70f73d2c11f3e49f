# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A few calls at a time, in threads or without."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils._concurrency import map_concurrently


def no_stop() -> None:
    pytest.fail("nothing has to be stopped")


def test_results_come_in_order_and_few_calls_run_at_once() -> None:
    running: list[int] = []
    counts_at_once: list[int] = []

    def double(number: int) -> int:
        running.append(number)
        counts_at_once.append(len(running))
        time.sleep(0.002 * (number % 3))
        running.remove(number)
        return 2 * number

    assert map_concurrently(double, range(30), 4, no_stop) == [2 * number for number in range(30)]
    assert 1 < max(counts_at_once) <= 4


def test_calls_within_calls_keep_to_the_same_limit() -> None:
    running: list[int] = []
    counts_at_once: list[int] = []

    def inner(number: int) -> None:
        running.append(number)
        counts_at_once.append(len(running))
        time.sleep(0.002)
        running.remove(number)

    def outer(number: int) -> None:
        map_concurrently(inner, range(4 * number, 4 * number + 4), 3, no_stop)

    map_concurrently(outer, range(6), 3, no_stop)
    assert (len(counts_at_once), max(counts_at_once) <= 3) == (24, True)


@pytest.mark.parametrize("arguments", [[], [1]])
def test_little_work_takes_no_thread(arguments: list[int]) -> None:
    names = map_concurrently(lambda _number: threading.current_thread().name, arguments, 4, no_stop)
    assert names == [threading.current_thread().name] * len(arguments)


@pytest.mark.parametrize("raised_by", ["caller", "thread"])
@pytest.mark.parametrize("error", [ValueError("x"), MemoryError(), KeyboardInterrupt()], ids=repr)
def test_exception_stops_the_others_and_is_raised(error: BaseException, raised_by: str) -> None:
    stopped = threading.Event()
    calls: list[int] = []

    def call(number: int) -> None:
        calls.append(number)
        if (threading.current_thread() is threading.main_thread()) == (raised_by == "caller"):
            raise error
        stopped.wait(0.1)

    with pytest.raises(type(error)) as raised:
        map_concurrently(call, range(100), 2, stopped.set)
    assert raised.value is error
    assert stopped.is_set()
    assert len(calls) <= 4


WITHOUT_THREADS = """
import resource, threading
from ansible_collections.coralogix.incidents.plugins.module_utils._concurrency import map_concurrently
def start(self): raise {}
threading.Thread.start = start
print(map_concurrently(lambda number: -number, range(5), 4, lambda: None))
"""


@pytest.mark.parametrize("error", ["RuntimeError", "MemoryError"])
def test_all_is_done_where_no_thread_can_be_started(subprocess_environ: t.Mapping[str, str], error: str) -> None:
    command = [sys.executable, "-c", WITHOUT_THREADS.format(error)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=subprocess_environ)
    assert (ended.stdout, ended.stderr) == ("[0, -1, -2, -3, -4]\n", "")
