# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event sources under the real ansible-rulebook, against the simulator. A start costs seconds, so tests are few."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulator import Fault, Simulator

from .rulebooks import EVERY, KEY, PRINT, Rulebook, Rulebooks, require, rule


@pytest.fixture(autouse=True, scope="module")
def _can_run() -> None:
    require()


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        simulator.add_key(KEY)
        yield simulator


@pytest.fixture
def rulebooks(tmp_path: Path) -> Iterator[Rulebooks]:
    with Rulebooks(tmp_path) as started:
        yield started


def wait_for_polls(rulebook: Rulebook, sim: Simulator, operation: str, number: int = 1) -> None:
    """Wait for further lists that succeed."""
    wanted = polls(sim, operation) + number
    rulebook.wait_for(lambda: polls(sim, operation) >= wanted, "a poll")


def polls(sim: Simulator, operation: str) -> int:
    return sum(entry.operation == operation and entry.status == 200 for entry in list(sim.journal))


def uuids(*rulebooks: Rulebook) -> list[str]:
    return [event["meta"]["uuid"] for each in rulebooks for event in each.events]


UNASSIGN = rule(
    "unassign",
    "event.change == 'assigned'",
    PRINT,
    {
        "run_playbook": {
            "name": "coralogix.incidents.unassign",
            "extra_vars": {"incident_ids": "{{ event.incident.id }}"},
        }
    },
)


def test_an_incident_from_opened_to_closed(rulebooks: Rulebooks, sim: Simulator) -> None:
    """With a playbook of the collection, a fault, a kill, changes while nothing runs, and a key that is revoked."""
    state = rulebooks.folder / "state"
    arguments = {"api_url": sim.url, "interval": 5, "retries": 0, "state_path": str(state)}
    sim.add_incident(assignees=("before",))
    first = rulebooks.start("incidents", arguments, [UNASSIGN, EVERY])
    first.wait_for(state.exists, "the first poll")
    incident_id = sim.add_incident(assignees=())
    first.wait_for_changes("opened")
    sim.act("assign", incident_id, "dana")
    first.wait_for_changes("opened", "assigned", "unassigned")
    assert first.events[1]["previous"] == {"assignments": []}
    assert sim.assignees(incident_id) == []

    sim.fault(Fault("list", status=503, times=1))
    sim.act("acknowledge", incident_id)
    first.wait_for_changes("opened", "assigned", "unassigned", "acknowledged")
    assert "The next poll is in" in first.text
    wait_for_polls(first, sim, "list")
    first.kill()

    sim.act("resolve", incident_id)
    short_lived = sim.add_incident(assignees=())
    sim.act("close", short_lived)
    second = rulebooks.start("incidents", arguments, [EVERY])
    second.wait_for(lambda: len(second.events) >= 4, "what happened meanwhile")
    changes = [(event["incident"]["id"], event["change"]) for event in second.events]
    assert [change for item_id, change in changes if item_id == incident_id] == ["resolved"]
    assert [change for item_id, change in changes if item_id == short_lived] == ["opened", "resolved", "closed"]
    sim.act("close", incident_id)
    second.wait_for(lambda: len(second.events) >= 5, "closed")
    assert second.events[4]["change"] == "closed"
    assert second.events[4]["previous"] == {"closedAt": None}
    # Nothing came twice.
    assert len({*uuids(first, second)}) == len(first.events) + len(second.events) == 9

    sim.add_key(KEY, permissions=[])
    assert second.exit_code() == 1
    assert "It needs the permission incidents:read" in second.text
    for output in (first.text, second.text):
        assert KEY not in output
        assert "Traceback" not in output
    assert KEY not in state.read_text(encoding="utf-8")


def test_a_minute_of_errors_delays_events_and_loses_none(rulebooks: Rulebooks, sim: Simulator) -> None:
    """In real time. The source waits longer and longer, or as long as Retry-After says."""
    assigned, resolved = (sim.add_incident(assignees=()) for _ in range(2))
    arguments = {"api_url": sim.url, "interval": 5, "retries": 0}
    started = rulebooks.start("incidents", arguments, [EVERY], "-v")
    started.wait_for(lambda: "2 incidents are watched" in started.text, "the first poll")
    sim.fault(Fault("list", status=503, times=3))
    sim.fault(Fault("list", status=429, headers={"Retry-After": "45"}, times=1))
    sim.act("assign", assigned, "dana")
    started.wait_for(lambda: "The next poll is in 45 s" in started.text, "a wait as long as Retry-After says")
    assert started.events == []
    sim.act("resolve", resolved)
    opened = sim.add_incident(assignees=())
    started.wait_for(lambda: len(started.events) >= 3, "what happened meanwhile")
    wait_for_polls(started, sim, "list")
    changes = {event["incident"]["id"]: event["change"] for event in started.events}
    assert (changes, len(started.events)) == ({assigned: "assigned", resolved: "resolved", opened: "opened"}, 3)
    waits = [int(seconds) for seconds in re.findall(r"The next poll is in (\d+) s", started.text)]
    # Each is shortened at random by up to a half.
    assert [longest // 2 <= wait <= longest for wait, longest in zip(waits, (5, 10, 20))] == [True] * 3
    assert waits[3:] == [45]
    assert "Traceback" not in started.text


def test_a_kill_between_queue_and_state_repeats_and_loses_nothing(rulebooks: Rulebooks, sim: Simulator) -> None:
    """The engine takes no more events while actions wait. What it had and did not acknowledge comes again."""
    (rulebooks.folder / "slow.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks: [{ansible.builtin.pause: {seconds: 60}}]\n", encoding="utf-8"
    )
    state = rulebooks.folder / "state"
    arguments = {"api_url": sim.url, "interval": 5, "state_path": str(state), "initial": "open", "feedback": True}
    ids = sim.add_cases(16)
    slow = rule("slow", "event.change is defined", {"run_playbook": {"name": "slow.yml"}})
    options = ("--persistence-id", "7")
    first = rulebooks.start("cases", arguments, [slow], *options, "--print-events")
    first.wait_for(lambda: first.received and first.silence > 3, "a full queue")
    first.kill()
    before = first.received
    second = rulebooks.start("cases", arguments, [EVERY], *options)
    second.wait_for(lambda: {*before, *uuids_by_case(second)} == {*ids}, "all cases")
    wait_for_polls(second, sim, "case_list", 2)
    after = uuids_by_case(second)
    assert 1 <= len(after) < len(ids)
    # What was received and not acknowledged comes again, with the same UUID.
    again = before.keys() & after.keys()
    assert len(again) == 1
    assert all(before[case_id] == after[case_id] for case_id in again)
    assert len(second.events) == len(after)


def uuids_by_case(rulebook: Rulebook) -> dict[str, str]:
    return {event["case"]["id"]: event["meta"]["uuid"] for event in rulebook.events}


def test_five_thousand_incidents_of_which_one_in_a_hundred_changes(rulebooks: Rulebooks, sim: Simulator) -> None:
    """And a rule that ends the process while a poll hangs: it ends at once."""
    ids = sim.add_incidents(5_000, events=2)
    arguments = {"api_url": sim.url, "interval": 5, "state_path": str(rulebooks.folder / "state")}
    ending = rule("end", "event.change == 'closed'", {"shutdown": {}})
    started = rulebooks.start("incidents", arguments, [ending, EVERY], "-v")
    started.wait_for(lambda: "5000 incidents are watched" in started.text, "the first poll")
    for number in range(2):
        changed = ids[50 * number : 50 * (number + 1)]
        for incident_id in changed:
            sim.act("assign", incident_id, "dana")
        started.wait_for(lambda: len(started.events) >= 50 * (number + 1), "the changes")  # noqa: B023
        assert {event["incident"]["id"] for event in started.events[50 * number :]} == {*changed}
    assert started.changes == ["assigned"] * 100
    sim.fault(Fault("list", hang=60, skip=10))
    sim.act("close", ids[-1])
    began = time.monotonic()
    assert started.exit_code() == 0
    assert time.monotonic() - began < 20
    assert "Traceback" not in started.text
