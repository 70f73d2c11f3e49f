# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one function for many arguments, a few at a time."""

from __future__ import annotations

import threading
import typing as t

_In = t.TypeVar("_In")
_Out = t.TypeVar("_Out")

# is_busy: whether the thread is at work for a call of map_concurrently.
_thread = threading.local()

# Seconds that a thread has to end after the run was stopped. Its connection is closed by then.
_GRACE = 1.0


def map_concurrently(
    function: t.Callable[[_In], _Out], arguments: t.Sequence[_In], limit: int, stop: t.Callable[[], None]
) -> list[_Out]:
    """The results in the order of the arguments. At most C(limit) calls run at the same time.

    The calling thread works as well, so that the work is done even where no thread can be started. A call within a
    call starts no threads: the limit holds for all of them together. If a call raises, C(stop) is called, and the
    exception is raised here.
    """
    pool = _Pool(function, arguments)
    try:
        pool.start(0 if getattr(_thread, "is_busy", False) else min(limit, len(arguments)) - 1)
        pool.work()
        pool.join()
    except BaseException as error:
        pool.errors.append(error)
        stop()
        pool.join(_GRACE)
        raise
    if pool.errors:
        stop()
        raise pool.errors[0]
    return [pool.results[number] for number in range(len(arguments))]


class _Pool(t.Generic[_In, _Out]):
    def __init__(self, function: t.Callable[[_In], _Out], arguments: t.Iterable[_In]) -> None:
        self.results: dict[int, _Out] = {}
        self.errors: list[BaseException] = []
        self._function = function
        self._numbered = iter(enumerate(arguments))
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self, count: int) -> None:
        """Start this number of threads, or as many as the system allows."""
        for _number in range(count):
            # Daemons: a thread that hangs in a connect does not keep a stopped process alive.
            thread = threading.Thread(target=self._work_in_thread, daemon=True)
            try:
                thread.start()
            except Exception:  # RuntimeError as a rule; for want of memory, another one.
                return
            self._threads.append(thread)

    def work(self) -> None:
        """Take one argument after the other, until there is none left or a call raised."""
        was_busy = getattr(_thread, "is_busy", False)
        _thread.is_busy = True
        try:
            while not self.errors:
                with self._lock:
                    numbered = next(self._numbered, None)
                if numbered is None:
                    return
                number, argument = numbered
                self.results[number] = self._function(argument)
        finally:
            _thread.is_busy = was_busy

    def _work_in_thread(self) -> None:
        try:
            self.work()
        except BaseException as error:
            self.errors.append(error)

    def join(self, seconds: float | None = None) -> None:
        for thread in self._threads:
            thread.join(seconds)
