# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one function for many arguments, a few at a time."""

from __future__ import annotations

import threading
import typing as t

_In = t.TypeVar("_In")
_Out = t.TypeVar("_Out")

# Seconds that a thread has to end after the run was stopped. Its connection is closed by then.
_GRACE = 1.0


def map_concurrently(
    function: t.Callable[[_In], _Out], arguments: t.Sequence[_In], limit: int, stop: t.Callable[[], None]
) -> list[_Out]:
    """The results in the order of the arguments. At most C(limit) calls run at the same time.

    The calling thread works as well, so that all of it is done even where no thread can be started. If a call
    raises, C(stop) is called, and the exception is raised here.
    """
    results: dict[int, _Out] = {}
    errors: list[BaseException] = []
    numbered = iter(enumerate(arguments))
    lock = threading.Lock()

    def work() -> None:
        while not errors:
            with lock:
                number, argument = next(numbered, (-1, None))
            if number < 0:
                return
            results[number] = function(t.cast("_In", argument))

    def work_in_thread() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads: list[threading.Thread] = []
    try:
        for _number in range(min(limit, len(arguments)) - 1):
            # Daemons: a thread that hangs in a connect does not keep a stopped process alive.
            thread = threading.Thread(target=work_in_thread, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                break
            threads.append(thread)
        work()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
    except BaseException as error:
        errors.append(error)
        stop()
        for thread in threads:
            thread.join(_GRACE)
        raise
    return [results[number] for number in range(len(arguments))]
