# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An event source: polls in a thread, hands events to the engine, and remembers what has arrived.

All that C(main) of a source does. Knows asyncio, and neither Ansible nor a kind of resource.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import os
import queue as queues
import threading
import typing as t

from ._event_memory import Delivery, Event, Observation
from ._event_poll import Poller
from ._event_rules import EventRules
from ._resource import Resource

# Seconds for the engine to take an event. It is slow while many actions wait, and never takes an event that it cannot
# read.
TAKE_TIMEOUT = 60.0
# Seconds between two checks of a queue, and between two attempts to write the state.
_PAUSE = 0.02
_WRITE_PAUSE = 1.0


async def run_source(
    resource: Resource,
    rules: EventRules,
    queue: t.Any,
    arguments: t.Mapping[t.Any, t.Any],
    new_poller: t.Callable[..., Poller] = Poller,
    take_timeout: float = TAKE_TIMEOUT,
) -> None:
    """Emit events until the task is cancelled. Raises SourceError if no further poll can succeed."""
    log = logging.getLogger(f"coralogix.incidents.{resource.plural}")
    poller = new_poller(resource, rules, arguments, os.environ, log)
    receipts = Receipts(queue, arguments.get("eda_feedback_queue"), log)
    source = _Source(poller, receipts, log, take_timeout)
    try:
        await source.run()
    finally:
        source.stop()


class _Source:
    def __init__(self, poller: Poller, receipts: Receipts, log: logging.Logger, take_timeout: float) -> None:
        self._poller = poller
        self._receipts = receipts
        self._log = log
        self._take_timeout = take_timeout
        self._worker = Worker()
        self._uncommitted: collections.deque[Delivery] = collections.deque()
        self._finished: Observation | None = None
        """The polls that have arrived, except for the deliveries that are not committed."""
        self._is_written = True
        self._writer: asyncio.Task[None] | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        await self._worker.run(self._poller.open)
        self._writer = loop.create_task(self._write())
        while True:
            started = loop.time()
            poll = await self._worker.run(self._poller.poll)
            if poll.observation:
                await self._deliver(poll.observation)
            else:
                await self._commit(self._finished)
            await asyncio.sleep(max(0.0, started + poll.delay - loop.time()))

    def stop(self) -> None:
        self._receipts.stop()
        if self._writer:
            self._writer.cancel()
        self._poller.stop()
        self._worker.run_last(self._poller.close)

    async def _deliver(self, observation: Observation) -> None:
        forgotten = [*self._finished.forgotten, *observation.forgotten] if self._finished else observation.forgotten
        quiet = [delivery for delivery in observation.deliveries if not delivery.events]
        if quiet:
            # In one piece: half of what was there at the start would make the other half seem new.
            self._uncommitted.extend(quiet)
            await self._commit(None)
        for delivery in observation.deliveries[len(quiet) :]:
            for event in delivery.events:
                await self._receipts.put(event)
                if self._receipts.is_exact:
                    await self._receipts.wait(self._take_timeout)
            self._uncommitted.append(delivery)
            await self._commit(None)
        if not self._receipts.is_exact:
            await self._receipts.wait(self._take_timeout)
        self._finished = observation._replace(forgotten=forgotten)
        await self._commit(self._finished)

    async def _commit(self, finished: Observation | None) -> None:
        """Have the poller remember what has arrived."""
        committed = []
        while self._uncommitted and not self._receipts.is_waiting_for(self._uncommitted[0].events):
            committed.append(self._uncommitted.popleft())
        if self._uncommitted:
            finished = None
        if committed or finished:
            self._is_written = await self._worker.run(self._poller.commit, committed, finished)
        if finished:
            self._finished = None

    async def _write(self) -> None:
        """Write what is not written yet. It may take long until the engine takes the next event."""
        while True:
            await asyncio.sleep(_WRITE_PAUSE)
            if not self._is_written:
                self._is_written = True
                await self._worker.run(self._poller.write)


class Receipts:
    """Puts events into the queue of the engine, and knows which of them have been taken.

    With a feedback queue, the engine acknowledges each event. Without one, an event counts as taken when it has left
    the queue.
    """

    def __init__(self, queue: t.Any, feedback: t.Any, log: logging.Logger) -> None:
        self._queue = queue
        self._feedback = feedback
        self._log = log
        # A queue of ansible-rulebook has the real one inside.
        self._inner = getattr(queue, "queue", queue)
        self._waiting: dict[str, None] = {}
        """The UUIDs of events that have not been taken yet, in the order in which they were put."""
        self._all_taken = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the engine says which events it has taken."""
        return self._feedback is not None

    async def put(self, event: Event) -> None:
        if self.is_exact and self._reader is None:
            # Always read, as a full feedback queue would stop the engine.
            self._reader = asyncio.get_running_loop().create_task(self._read())
        uuid = event["meta"]["uuid"]
        if self.is_exact:
            self._waiting[uuid] = None
            self._all_taken.clear()
            await self._queue.put(event)
            return
        await self._queue.put(event)
        if getattr(self._inner, "maxsize", 0) == 1:
            # There was room for this one, so the ones before have left.
            self._waiting.clear()
        self._waiting[uuid] = None

    async def wait(self, seconds: float) -> None:
        """Wait until all events have been taken, no longer than so many seconds."""
        if not self._waiting:
            return
        if self.is_exact:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._all_taken.wait(), seconds)
        else:
            await self._wait_until_empty(seconds)
        if self._waiting:
            self._log.warning(
                "ansible-rulebook did not take %d events within %.0f s. They are sent again after a restart.",
                len(self._waiting),
                seconds,
            )

    def is_waiting_for(self, events: t.Iterable[Event]) -> bool:
        """Whether any of these events has not been taken yet."""
        return bool(self._waiting) and any(event["meta"]["uuid"] in self._waiting for event in events)

    def stop(self) -> None:
        if self._reader:
            self._reader.cancel()

    async def _wait_until_empty(self, seconds: float) -> None:
        is_empty = getattr(self._inner, "empty", lambda: True)
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not is_empty():
            if loop.time() > end:
                return
            await asyncio.sleep(_PAUSE)
        self._waiting.clear()

    async def _read(self) -> None:
        while True:
            event = await self._feedback.get()
            meta = event.get("meta") if isinstance(event, dict) else None
            self._take(meta.get("uuid") if isinstance(meta, dict) else None)

    def _take(self, uuid: t.Any) -> None:
        if uuid not in self._waiting:
            return
        # The engine takes events in order. It never takes one that it has passed over.
        for waiting in list(self._waiting):
            del self._waiting[waiting]
            if waiting == uuid:
                break
            self._log.error("ansible-rulebook has dropped the event %s", waiting)
        if not self._waiting:
            self._all_taken.set()


class Worker:
    """A thread that runs one function after the other, and never keeps the process from ending.

    The default executor would: a process waits for its threads.
    """

    def __init__(self) -> None:
        self._jobs: queues.SimpleQueue[t.Any] = queues.SimpleQueue()
        threading.Thread(target=self._work, name="coralogix.incidents", daemon=True).start()

    async def run(self, function: t.Callable[..., t.Any], *arguments: t.Any) -> t.Any:
        """What the function returns or raises."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def job() -> None:
            try:
                result, error = function(*arguments), None
            except BaseException as raised:
                result, error = None, raised
            # The loop may be closed by now.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_resolve, future, result, error)

        self._jobs.put(job)
        return await future

    def run_last(self, function: t.Callable[[], t.Any]) -> None:
        """Run this function after all others, and end the thread."""
        self._jobs.put(function)
        self._jobs.put(None)

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            job()


def _resolve(future: asyncio.Future[t.Any], result: t.Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
