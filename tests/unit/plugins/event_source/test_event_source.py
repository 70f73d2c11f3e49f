# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The asyncio part: puts events into the queue, waits until the engine has taken them, and ends at once."""

from __future__ import annotations

import asyncio
import logging
import os
import runpy
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _event_source
from ansible_collections.coralogix.incidents.plugins.module_utils._event_memory import Delivery, Observation, Record
from ansible_collections.coralogix.incidents.plugins.module_utils._event_poll import Poll, SourceError
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._incident_events import INCIDENT_EVENTS
from helpers import KEY
from simulator import Simulator

ROOT = Path(__file__).resolve().parents[4]
SOURCES = ROOT / "extensions" / "eda" / "plugins" / "event_source"
Uuids = t.List[str]  # noqa: UP006 - Python 3.9 evaluates this line


def observation(*deliveries: Uuids) -> Observation:
    """Each delivery is a list of UUIDs."""
    made = [
        Delivery(uuids[0], Record({}, ("", 0), 0, {}), [{"change": "x", "meta": {"uuid": uuid}} for uuid in uuids])
        for uuids in deliveries
    ]
    return Observation(made, [f"forgotten {uuids[0]}" for uuids in deliveries], 0, "")


class FakePoller:
    """Returns its observations, and then nothing. Records what is committed."""

    def __init__(self, *polls: t.Any, delay: float = 0.01) -> None:
        self.polls = list(polls)
        self.delay = delay
        self.committed: Uuids = []
        self.finished: list[Observation] = []
        self.calls: list[str] = []
        self.threads: set[int] = set()

    def __call__(self, *_arguments: t.Any) -> FakePoller:
        return self

    def open(self) -> None:
        self.calls.append("open")

    def poll(self) -> Poll:
        self.threads.add(threading.get_ident())
        next_poll = self.polls.pop(0) if self.polls else None
        if callable(next_poll):
            next_poll = next_poll()
        return Poll(next_poll, self.delay)

    def commit(self, deliveries: t.Iterable[Delivery], finished: Observation | None) -> bool:
        self.committed += [delivery.item_id for delivery in deliveries]
        self.finished += [finished] if finished else []
        return False

    def write(self) -> None:
        self.calls.append("write")

    def stop(self) -> None:
        self.calls.append("stop")

    def close(self) -> None:
        self.calls.append("close")


def run(
    poller: t.Any,
    engine: t.Callable[[t.Any, t.Any], t.Coroutine[t.Any, t.Any, None]],
    feedback: bool = False,
    limit: float = 5,
    queue: t.Any = None,
    room: int = 1,
) -> t.Any:
    """Run a source beside an engine, and cancel it when the engine ends. Returns the exception of the source."""

    async def both() -> t.Any:
        events: asyncio.Queue[t.Any] = asyncio.Queue(room)
        feedbacks: asyncio.Queue[t.Any] = asyncio.Queue(1)
        arguments = {"eda_feedback_queue": feedbacks} if feedback else {}
        source = asyncio.get_running_loop().create_task(
            _event_source.run_source(INCIDENT, INCIDENT_EVENTS, queue or events, arguments, poller, limit)
        )
        await asyncio.wait_for(engine(events, feedbacks), 20)
        source.cancel()
        (result,) = await asyncio.gather(source, return_exceptions=True)
        return result

    return asyncio.run(both())


def test_events_arrive_in_order_and_are_committed_when_they_have_left_the_queue() -> None:
    poller = FakePoller(observation(["a1", "a2"], ["b1"]))
    taken = []

    async def engine(events: t.Any, _feedback: t.Any) -> None:
        for committed in ([], ["a1"], ["a1"]):
            event = await events.get()
            taken.append(event["meta"]["uuid"])
            await asyncio.sleep(0.1)
            assert poller.committed == committed or poller.committed == [*committed, "b1"]
        await asyncio.sleep(0.2)

    assert isinstance(run(poller, engine), asyncio.CancelledError)
    assert taken == ["a1", "a2", "b1"]
    assert poller.committed == ["a1", "b1"]
    assert [each.forgotten for each in poller.finished if each.forgotten] == [["forgotten a1", "forgotten b1"]]


@pytest.mark.parametrize(("room", "put"), [(1, 1), (2, 2), (0, 2)], ids=["one", "two", "any number"])
def test_an_event_still_in_the_queue_is_not_committed(room: int, put: int) -> None:
    poller = FakePoller(observation(["a1"], ["b1"]))

    async def engine(events: t.Any, _feedback: t.Any) -> None:
        await asyncio.sleep(0.3)
        assert events.qsize() == put

    run(poller, engine, room=room)
    assert poller.committed == []
    assert poller.finished == []


def test_with_feedback_an_event_is_committed_when_it_is_acknowledged() -> None:
    poller = FakePoller(observation(["a1"], ["b1"]))

    async def engine(events: t.Any, feedback: t.Any) -> None:
        first = await events.get()
        await asyncio.sleep(0.2)
        assert events.empty()
        assert poller.committed == []
        await feedback.put(first)
        second = await events.get()
        assert poller.committed == ["a1"]
        await feedback.put(second)
        await asyncio.sleep(0.2)

    run(poller, engine, feedback=True)
    assert poller.committed == ["a1", "b1"]
    assert poller.finished


def test_an_event_that_the_engine_drops_does_not_stop_the_source(caplog: pytest.LogCaptureFixture) -> None:
    poller = FakePoller(observation(["a1"], ["b1"]), observation(["c1"]))

    async def engine(events: t.Any, feedback: t.Any) -> None:
        await events.get()
        await feedback.put(await events.get())
        await feedback.put(await events.get())
        await asyncio.sleep(0.2)

    run(poller, engine, feedback=True, limit=0.1)
    assert poller.committed == ["a1", "b1", "c1"]
    assert "did not take 1 events" in caplog.text
    assert "has dropped the event a1" in caplog.text


def test_forgotten_items_wait_until_all_events_are_acknowledged() -> None:
    poller = FakePoller(observation(["a1"]), observation(["b1"]))

    async def engine(events: t.Any, feedback: t.Any) -> None:
        first, second = await events.get(), await events.get()
        await asyncio.sleep(0.3)
        assert poller.committed == []
        assert poller.finished == []
        # Late, after the source has given up waiting. Both fit, as somebody always reads.
        await feedback.put(first)
        await feedback.put({"meta": {"uuid": "of another source"}})
        await feedback.put("no event")
        await feedback.put(second)
        await asyncio.sleep(0.2)

    run(poller, engine, feedback=True, limit=0.1)
    assert poller.committed == ["a1", "b1"]
    forgotten = [name for each in poller.finished for name in each.forgotten]
    assert forgotten == ["forgotten a1", "forgotten b1"]


def test_a_state_not_written_yet_is_written_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_event_source, "_WRITE_PAUSE", 0.05)
    poller = FakePoller(observation(["a1"], ["b1"]))

    async def engine(events: t.Any, feedback: t.Any) -> None:
        await feedback.put(await events.get())
        await events.get()
        await asyncio.sleep(0.3)

    run(poller, engine, feedback=True)
    assert poller.committed == ["a1"]
    assert "write" in poller.calls


def test_a_queue_with_nothing_but_put_works() -> None:
    poller = FakePoller(observation(["a1"]))

    class Queue:
        async def put(self, event: t.Any) -> None:
            self.event = event

    async def engine(_events: t.Any, _feedback: t.Any) -> None:
        await asyncio.sleep(0.2)

    run(poller, engine, queue=Queue())
    assert poller.committed == ["a1"]


def test_a_hanging_poll_blocks_neither_the_loop_nor_the_end() -> None:
    released = threading.Event()
    poller = FakePoller(lambda: released.wait(10) and None)
    turns = []

    async def engine(_events: t.Any, _feedback: t.Any) -> None:
        for _n in range(10):
            turns.append(time.monotonic())
            await asyncio.sleep(0.02)

    began = time.monotonic()
    assert isinstance(run(poller, engine), asyncio.CancelledError)
    assert time.monotonic() - began < 5
    assert len(turns) == 10
    assert poller.calls == ["open", "stop"]
    assert threading.get_ident() not in poller.threads
    released.set()
    while poller.calls[-1] != "close":
        assert time.monotonic() - began < 10, "the state is given up in the end"
        time.sleep(0.01)


def test_the_time_of_a_poll_counts_as_a_part_of_the_interval() -> None:
    began = []

    def poll() -> None:
        began.append(time.monotonic())
        time.sleep(0.5)

    async def engine(_events: t.Any, _feedback: t.Any) -> None:
        while len(began) < 2:
            await asyncio.sleep(0.01)

    run(FakePoller(poll, poll, delay=0.5), engine)
    assert 0.5 <= began[1] - began[0] < 0.95


def test_an_error_of_the_poller_ends_the_source() -> None:
    def fail() -> None:
        raise SourceError("the key is revoked")

    async def engine(_events: t.Any, _feedback: t.Any) -> None:
        await asyncio.sleep(0.2)

    result = run(FakePoller(None, fail), engine)
    assert isinstance(result, SourceError)
    assert str(result) == "the key is revoked"


@pytest.mark.parametrize(
    ("name", "add", "own_change"), [("incidents", "add_incident", "severity"), ("cases", "add_case", "priority")]
)
def test_main_emits_events(simulator: Simulator, name: str, add: str, own_change: str) -> None:
    """As ansible-rulebook runs it."""
    item_id = getattr(simulator, add)()
    main = runpy.run_path(str(SOURCES / f"{name}.py"))["main"]
    assert asyncio.iscoroutinefunction(main)

    async def first_event() -> t.Any:
        queue: asyncio.Queue[t.Any] = asyncio.Queue(1)
        changes = ["opened", own_change]
        arguments = {"api_url": simulator.url, "api_key": KEY, "initial": "open", "changes": changes}
        task = asyncio.get_running_loop().create_task(main(queue, arguments))
        event = await asyncio.wait_for(queue.get(), 20)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return event

    event = asyncio.run(first_event())
    assert event[name[:-1]]["id"] == item_id
    assert event["change"] == "opened"


LOADED = """
import runpy, sys
before = list(sys.path)
for path in sys.argv[1:]:
    module = runpy.run_path(path)
    module["_import_private"]("_event_source")
    module["_import_private"]("_incident_events")
    module["_import_private"]("_case_events")
assert sys.path == before
names = {name.split(".")[0] for name in sys.modules}
assert not names & {"ansible", "ansible_collections", "plugins"}, names
"""


def test_sources_load_without_ansible_and_add_nothing_to_the_path(tmp_path: Path) -> None:
    paths = sorted(str(path) for path in SOURCES.glob("*.py"))
    assert len(paths) == 2
    environment = {**os.environ, "PYTHONPATH": ""}
    subprocess.run([sys.executable, "-c", LOADED, *paths], check=True, env=environment, cwd=tmp_path)


def test_a_source_run_as_a_program_prints_events_until_a_signal(simulator: Simulator) -> None:
    item_id = simulator.add_incident()
    environment = {**os.environ, "CORALOGIX_URL": simulator.url, "CORALOGIX_API_KEY": KEY, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, str(SOURCES / "incidents.py")], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout
        assert item_id in process.stdout.readline()
        process.terminate()
        assert process.wait(10) < 0


def test_log_messages_reach_the_root_logger() -> None:
    assert logging.getLogger("coralogix.incidents.cases").propagate
