# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read, plan, write, verify: what a result says is true, whatever happens on the way."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils._executor import execute
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._retry import LAG_DELAYS
from ansible_collections.coralogix.incidents.plugins.modules.incident_acknowledge import ACKNOWLEDGE
from ansible_collections.coralogix.incidents.plugins.modules.incident_assign import assign
from ansible_collections.coralogix.incidents.plugins.modules.incident_resolve import RESOLVE
from ansible_collections.coralogix.incidents.plugins.modules.incident_unassign import UNASSIGN
from helpers import (
    KEY,
    UNKNOWN,
    UNKNOWN_2,
    Result,
    ScriptedTransport,
    Sleeps,
    incident,
    respond,
    run_change,
    service_for,
    table,
    with_limits,
)
from simulator import Entry, Fault, Simulator

ASSIGN = assign({"assignee": "me", "only_unassigned": False})
TAKE = assign({"assignee": "me", "only_unassigned": True})
PAIRS = with_limits(INCIDENT, 2)
Act = t.Callable[[], object]


def run(simulator: Simulator, ids: list[str], change: t.Any = UNASSIGN, **options: t.Any) -> Result:
    writes = len(simulator.writes)
    result = run_change(change, simulator.url, ids, **options)
    assert not (options.get("check_mode") and simulator.writes[writes:])
    return result


def operations(simulator: Simulator) -> list[str | None]:
    return [entry.operation for entry in simulator.journal]


def once_after(simulator: Simulator, operation: str, act: Act) -> None:
    """Do this after the answer to a request of this kind was made, and before the client gets it."""
    pending = [act]

    def hook(entry: Entry) -> None:
        if entry.operation == operation and pending:
            pending.pop()()

    simulator.after_request = hook


def assignments(result: Result) -> dict[str, int]:
    return {item["id"]: len(item["assignments"]) for item in result["incidents"]}


# The usual course.
def test_only_what_needs_it_is_written(simulator: Simulator) -> None:
    one, two, free = simulator.add_incidents(3, assigned=2)
    result = run(simulator, [two, free, one])
    assert (result["changed"], result["unassigned_ids"]) == (True, [two, one])
    assert result["incidents"] == [simulator.incident(item_id) for item_id in (two, free, one)]
    # The answer to the write is proof enough.
    assert [(entry.operation, entry.ids) for entry in simulator.journal] == [
        ("read_many", [two, free, one]),
        ("unassign", [two, one]),
    ]
    again = run(simulator, [two, free, one])
    assert (again["changed"], again["unassigned_ids"], again["incidents"]) == (False, [], result["incidents"])
    assert len(simulator.writes) == 1


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_unknown_ids_fail_before_any_write_or_are_skipped(simulator: Simulator, missing: str, check_mode: bool) -> None:
    ids = simulator.add_incidents(4, assigned=1)
    asked = [UNKNOWN, *ids, UNKNOWN_2]
    result = run(simulator, asked, missing=missing, check_mode=check_mode, resource=PAIRS)
    assert result["not_found_ids"] == [UNKNOWN, UNKNOWN_2]
    is_changed = missing == "ignore"
    assert (result["changed"], result["unassigned_ids"]) == (is_changed, ids[:1] if is_changed else [])
    assert assignments(result) == {**dict.fromkeys(ids, 0), ids[0]: int(not is_changed)}
    if not is_changed:
        assert result["msg"].startswith(f"Unknown incident IDs: '{UNKNOWN}', '{UNKNOWN_2}'.")
        assert result["msg"].endswith("Nothing was changed.")


# Reading fails.
@pytest.mark.parametrize(
    "answer",
    [
        *({"status": status} for status in (400, 401, 414, 429, 500)),
        # What stands in between refuses. That is no missing permission.
        *({"status": status, "body": "<title>Access denied</title>"} for status in (401, 403, 404)),
    ],
    ids=str,
)
def test_failed_read_ends_the_task(simulator: Simulator, answer: dict[str, t.Any]) -> None:
    ids = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("read_many", **answer))
    result = run(simulator, ids, api_version="5", retries=0)
    assert (result["failure"]["status"], result["changed"], result["incidents"]) == (answer["status"], False, [])
    assert result["msg"].endswith("Nothing was changed.")
    assert ("warnings" in result, simulator.writes) == (False, [])


@pytest.mark.parametrize("answer", [{"status": 403}, {"status": 404, "body": "Not Found: Not Found"}, {"status": 501}])
def test_one_refused_read_of_several_is_no_reason_to_write_unseen(
    simulator: Simulator, answer: dict[str, t.Any]
) -> None:
    ids = simulator.add_incidents(12, assigned=6)
    simulator.fault(Fault("read_many", when_id=ids[5], delay=0.1, **answer))
    result = run(simulator, [*ids, UNKNOWN], resource=PAIRS, api_version="5")
    assert (result["changed"], simulator.writes) == (False, [])
    assert result["failure"]["status"] == answer["status"]


# A key that may not read.
@pytest.mark.usefixtures("write_only_key")
@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_without_reading_everything_is_written_and_a_warning_says_so(simulator: Simulator, missing: str) -> None:
    ids = simulator.add_incidents(2, assigned=1)
    result = run(simulator, [*ids, UNKNOWN], missing=missing)
    assert (result["changed"], result["unassigned_ids"], assignments(result)) == (True, ids, dict.fromkeys(ids, 0))
    assert result["not_found_ids"] == ([UNKNOWN] if missing == "ignore" else [])
    assert "diff" not in result
    assert "incidents:read" in result["warnings"][0]
    if missing == "ignore":
        assert "count as not found" in result["warnings"][1]
    else:
        assert f"its answer leaves out '{UNKNOWN}'" in result["msg"]
        assert f"Perhaps unassigned, but not verified: '{UNKNOWN}'." in result["msg"]


@pytest.mark.usefixtures("write_only_key")
@pytest.mark.parametrize(
    ("change", "check_mode"), [(UNASSIGN, True), (TAKE, False), (TAKE, True), (ACKNOWLEDGE, False)]
)
def test_check_mode_and_skipping_need_reading(simulator: Simulator, change: t.Any, check_mode: bool) -> None:
    result = run(simulator, simulator.add_incidents(1), change, check_mode=check_mode)
    assert (result["changed"], result["incidents"], simulator.writes) == (False, [], [])
    assert (result["failure"]["status"], "warnings" in result) == (403, False)
    assert ("Check mode must read first" if check_mode else "which incidents to skip") in result["msg"]


UNREAD_WRITES: dict[str, tuple[dict[str, t.Any], bool, str]] = {
    "without effect": ({"replace": lambda answer: answer, "effect": False}, True, "its effect is not visible yet"),
    "uncertain": ({"status": 500}, True, "Perhaps unassigned, but not verified"),
    "refused": ({"status": 403}, False, "incidents:assign and must be a personal key"),
}


@pytest.mark.usefixtures("write_only_key")
@table("answer, is_changed, message", UNREAD_WRITES)
def test_unread_write_that_may_have_worked_is_a_change(
    simulator: Simulator, answer: dict[str, t.Any], is_changed: bool, message: str
) -> None:
    ids = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("unassign", **answer))
    result = run(simulator, ids, retries=0)
    assert (result["changed"], result["unassigned_ids"]) == (is_changed, [])
    assert message in result["msg"]
    # A warning about what counts as changed would mislead where nothing was written.
    assert ("warnings" in result) == is_changed


@pytest.mark.parametrize("latest", ["3", "5"])
def test_service_without_a_route_to_read_by(latest: str) -> None:
    with Simulator(latest=latest, without=["read_many"]) as simulator:
        simulator.add_key(KEY)
        ids = simulator.add_incidents(1, assigned=1)
        result = run(simulator, ids)
        assert (result["unassigned_ids"], "msg" in result) == (ids, False)
    with Simulator(latest=latest, without=["read_many", "unassign"]) as simulator:
        simulator.add_key(KEY)
        # The failed read shows best that the URL is wrong.
        assert run(simulator, simulator.add_incidents(1))["failure"]["method"] == "GET"


# What an answer to a write leaves open.
def test_what_the_answer_leaves_out_is_read_again(simulator: Simulator) -> None:
    ids = simulator.add_incidents(3, assigned=3)
    simulator.fault(Fault("unassign", replace=lambda answer: {"incidents": answer["incidents"][1:2]}))
    result = run(simulator, ids)
    assert (result["unassigned_ids"], assignments(result)) == (ids, dict.fromkeys(ids, 0))
    assert [entry.ids for entry in simulator.journal] == [ids, ids, [ids[0], ids[2]]]


@pytest.mark.parametrize("lag", range(5))
def test_read_that_lags_behind_is_repeated_with_growing_waits(simulator: Simulator, lag: int) -> None:
    ids = simulator.add_incidents(1, assigned=1)
    simulator.stale_reads = lag
    simulator.fault(Fault("unassign", replace={"incidents": []}))
    sleeps: Sleeps = []
    result = run(simulator, ids, sleeps=sleeps)
    assert (result["unassigned_ids"], "msg" in result, sleeps) == (ids, False, [*LAG_DELAYS[:lag]])


@pytest.mark.parametrize("answer", [lambda answer: answer, {"incidents": []}], ids=["as before", "empty"])
def test_accepted_write_without_visible_effect_fails_and_is_a_change(simulator: Simulator, answer: t.Any) -> None:
    ids = simulator.add_incidents(2, assigned=2)
    simulator.fault(Fault("unassign", replace=answer, effect=False))
    sleeps: Sleeps = []
    result = run(simulator, ids, sleeps=sleeps)
    assert (result["changed"], result["unassigned_ids"], assignments(result)) == (True, [], dict.fromkeys(ids, 1))
    assert f"its effect is not visible yet on these incidents: '{ids[0]}', '{ids[1]}'." in result["msg"]
    assert "Nothing was changed" not in result["msg"]
    assert result["diff"] == {"prepared": ""}
    assert sleeps == [*LAG_DELAYS]
    assert operations(simulator) == ["read_many", "unassign", *["read_many"] * 5]


def test_write_that_was_carried_out_in_part_is_a_change(simulator: Simulator) -> None:
    incident_id = simulator.add_incident(assignees=["dana", "lee"])
    simulator.fault(Fault("unassign", partial_effect=1))
    result = run(simulator, [incident_id])
    assert (result["changed"], result["unassigned_ids"]) == (True, [])
    assert "show neither the state before nor the one asked for" in result["msg"]
    assert result["diff"]["prepared"].endswith(": dana, lee -> lee\n")
    assert operations(simulator) == ["read_many", "unassign", "read_many"]


def test_user_id_in_another_spelling_is_the_same_user() -> None:
    with Simulator(lower_case_user_ids=True) as simulator:
        simulator.add_key(KEY)
        ids = [simulator.add_incident(assignees=[])]
        change = assign({"assignee": "2F1C9E4A-7B3D-4C58-9E60-A1B2C3D4E5F6", "only_unassigned": True})
        first, second = (run(simulator, ids, change) for _run in range(2))
    assert (first["assigned_ids"], second["assigned_ids"], second["skipped_ids"]) == (ids, [], [])
    assert "msg" not in first


# The answer to a write is lost.
LOST: dict[str, dict[str, t.Any]] = {
    "500": {"status": 500},
    "408": {"status": 408},
    "520": {"status": 520},
    "101": {"status": 101},
    "307": {"redirect": "/elsewhere"},
    "reset": {"reset": True},
    "cut short": {"truncate": True},
    "no JSON": {"replace": "OK"},
    "page": {"replace": "<html>"},
    "wrong shape": {"replace": {"incidents": [{}]}},
}


@table("answer", LOST)
@pytest.mark.parametrize("effect", [True, False], ids=["with effect", "without effect"])
def test_uncertain_write_is_verified(simulator: Simulator, answer: dict[str, t.Any], effect: bool) -> None:
    ids = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("unassign", **answer, effect=effect))
    result = run(simulator, ids, retries=0)
    assert (result["changed"], result["unassigned_ids"]) == (effect, ids if effect else [])
    assert assignments(result) == {ids[0]: int(not effect)}
    assert result["failure"]["method"] == "DELETE"
    assert result["msg"].endswith(f"Unassigned before that: '{ids[0]}'." if effect else "Nothing was changed.")


UNVERIFIED: dict[str, tuple[dict[str, t.Any], str]] = {
    "lost": ({"status": 500}, "DELETE"),
    "as before": ({"replace": lambda answer: answer, "effect": False}, "GET"),
    "left out": ({"replace": lambda answer: {"incidents": answer["incidents"][1:]}}, "GET"),
}


@table("answer, method", UNVERIFIED)
def test_write_that_cannot_be_verified_is_perhaps_a_change(
    simulator: Simulator, answer: dict[str, t.Any], method: str
) -> None:
    assigned, free = simulator.add_incidents(2, assigned=1)
    simulator.fault(Fault("unassign", **answer))
    simulator.fault(Fault("read_many", skip=1, status=500))
    result = run(simulator, [free, assigned], retries=0)
    assert (result["changed"], result["unassigned_ids"], assignments(result)) == (True, [], {free: 0})
    assert f"Perhaps unassigned, but not verified: '{assigned}'." in result["msg"]
    # The first failure is the one to act on.
    assert result["failure"]["method"] == method


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
def test_refused_write_has_changed_nothing(simulator: Simulator, status: int) -> None:
    ids = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("unassign", status=status))
    result = run(simulator, ids, retries=0)
    assert (result["changed"], result["failure"]["status"], result["diff"]) == (False, status, {"prepared": ""})
    # That is certain, so that nothing is read again.
    assert operations(simulator) == ["read_many", "unassign"]


def test_failure_half_way_says_what_was_done(simulator: Simulator) -> None:
    ids = simulator.add_incidents(8, assigned=8)
    simulator.fault(Fault("unassign", when_id=ids[3], status=403))
    simulator.fault(Fault("unassign", when_id=ids[4], delay=0.2))
    result = run(simulator, ids, resource=PAIRS)
    done = [item_id for item_id in ids if not simulator.assignees(item_id)]
    assert (result["unassigned_ids"], result["changed"]) == (done, bool(done))
    assert assignments(result) == {item_id: int(item_id not in done) for item_id in ids}
    assert result["diff"]["prepared"].count("\n") == len(done)
    assert result["failure"]["status"] == 403


# A retry reads again first.
class Retry(t.NamedTuple):
    change: t.Any
    answer: dict[str, t.Any]
    act: tuple[str, ...]
    """What somebody else does during the wait: an operation, and a user."""
    writes: int
    changed: bool
    expected: dict[str, t.Any]
    message: str = ""


LOST_EFFECT = {"status": 503, "effect": True}
LIMITED = {"status": 429}
RETRIES: dict[str, Retry] = {
    "nothing happened": Retry(UNASSIGN, LIMITED, (), 2, True, {"unassigned_ids": 1}),
    "it had worked": Retry(UNASSIGN, LOST_EFFECT, (), 1, True, {"unassigned_ids": 1}),
    "it had not worked": Retry(UNASSIGN, {"status": 503}, (), 2, True, {"unassigned_ids": 1}),
    "somebody did it": Retry(UNASSIGN, LIMITED, ("unassign",), 1, False, {"unassigned_ids": 0}),
    "it had worked, then somebody took it": Retry(
        UNASSIGN, LOST_EFFECT, ("assign", "u9"), 1, True, {"unassigned_ids": 0}, "neither the state before nor"
    ),
    "somebody took what only a free one may be": Retry(
        TAKE, LIMITED, ("assign", "u9"), 1, False, {"assigned_ids": 0, "skipped_ids": 1, "reassigned_ids": {}}
    ),
    "somebody took it, it may be taken": Retry(
        ASSIGN, LIMITED, ("assign", "u9"), 2, True, {"assigned_ids": 1, "reassigned_ids": ["u9"]}
    ),
    "somebody resolved what was to be acknowledged": Retry(
        ACKNOWLEDGE, LIMITED, ("resolve",), 1, False, {"acknowledged_ids": 0, "skipped_ids": 1}
    ),
}


@table("case", RETRIES)
def test_retry_of_a_write_reads_again_first(simulator: Simulator, case: Retry) -> None:
    ids = [simulator.add_incident(assignees=["u1"] if case.change is UNASSIGN else [])]
    simulator.fault(Fault(case.change.operation, times=1, **case.answer))
    if case.act:
        once_after(simulator, case.change.operation, lambda: simulator.act(case.act[0], ids[0], *case.act[1:]))
    result = run(simulator, ids, case.change)
    assert (result["changed"], len(simulator.writes)) == (case.changed, case.writes)
    for name, expected in case.expected.items():
        shown = (
            expected
            if isinstance(expected, dict)
            else {ids[0]: expected}
            if name == "reassigned_ids"
            else ids[:expected]
        )
        assert result[name] == shown
    assert case.message in result.get("msg", "")
    assert ("msg" in result) == bool(case.message)
    assert operations(simulator)[1:3] == [case.change.operation, "read_many"]


def test_reads_between_two_tries_are_tries_themselves(simulator: Simulator) -> None:
    ids = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("unassign", times=1, status=503))
    simulator.fault(Fault("read_many", skip=1, times=2, status=503))
    sleeps: Sleeps = []
    assert run(simulator, ids, sleeps=sleeps)["unassigned_ids"] == ids
    assert (len(sleeps), sleeps == sorted(sleeps)) == (3, True)
    simulator.fault(Fault(None, skip=1, status=503))
    simulator.act("assign", ids[0], "u1")
    result = run(simulator, ids)
    assert "Tried 5 times" in result["msg"]
    assert result["failure"]["method"] == "GET"
    assert result["changed"]


# Somebody else is at it.
class Race(t.NamedTuple):
    change: t.Any
    after: str
    """The request after which somebody else does something."""
    does: str
    changed_ids: int
    warning: str = ""
    message: str = ""


RACES: dict[str, Race] = {
    # What the write finds is what is wanted already. Nobody can tell whose doing it is.
    "acknowledged before": Race(ACKNOWLEDGE, "read_many", "acknowledge", 1),
    "resolved before it is acknowledged": Race(ACKNOWLEDGE, "read_many", "resolve", 0, "Somebody else changed"),
    "closed before it is acknowledged": Race(ACKNOWLEDGE, "read_many", "close", 0, "Somebody else changed"),
    "resolved after it was acknowledged": Race(ACKNOWLEDGE, "acknowledge", "resolve", 1),
    "closed before it is resolved": Race(RESOLVE, "read_many", "close", 1),
    # It is taken all the same. The API knows no other way.
    "taken before": Race(ASSIGN, "read_many", "assign", 1),
    "taken before, though only free ones were wanted": Race(TAKE, "read_many", "assign", 1),
    "taken after": Race(ASSIGN, "assign", "assign", 1),
    "freed before": Race(ASSIGN, "read_many", "unassign", 1),
}


@table("race", RACES)
def test_somebody_else_is_faster(simulator: Simulator, race: Race) -> None:
    ids = [simulator.add_incident(assignees=[])]
    once_after(simulator, race.after, lambda: simulator.act(race.does, ids[0], "u9" if race.does == "assign" else None))
    result = run(simulator, ids, race.change)
    assert (result["changed"], result[f"{race.change.participle}_ids"]) == (True, ids[: race.changed_ids])
    assert (bool(race.warning), "msg" in result) == ("warnings" in result, False)
    assert race.warning in str(result.get("warnings"))


@pytest.mark.parametrize("change", [ASSIGN, TAKE])
def test_taken_by_somebody_else_before_a_lost_answer_is_verified(simulator: Simulator, change: t.Any) -> None:
    ids = [simulator.add_incident(assignees=[])]
    simulator.fault(Fault("assign", status=500, effect=True))
    once_after(simulator, "assign", lambda: simulator.act("assign", ids[0], "u9"))
    result = run(simulator, ids, change, retries=0)
    assert (result["changed"], result["assigned_ids"]) == (True, [])
    assert result["incidents"] == [simulator.incident(ids[0])]


@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_incident_that_disappears_meanwhile(simulator: Simulator, missing: str) -> None:
    kept, gone = simulator.add_incidents(2, assigned=2)
    once_after(simulator, "read_many", lambda: simulator.remove_incident(gone))
    asked = [gone, kept, *([UNKNOWN] if missing == "ignore" else [])]
    result = run(simulator, asked, missing=missing)
    assert (result["changed"], result["unassigned_ids"], assignments(result)) == (True, [kept], {kept: 0})
    assert result["not_found_ids"] == [gone, *asked[2:]]
    if missing == "fail":
        assert result["msg"].startswith(f"Unknown incident IDs: '{gone}'")
        assert f"Unassigned before that: '{kept}'." in result["msg"]
    else:
        assert f"These incidents disappeared at the same time: '{gone}'" in result["warnings"][0]


# The deadline, exceptions, the end.
READ = respond({"incidents": {UNKNOWN: incident(UNKNOWN, "u1")}, "notFoundIds": []})
FREED = respond({"incidents": {UNKNOWN: incident(UNKNOWN)}, "notFoundIds": []})


def test_one_try_of_the_verification_may_pass_the_deadline() -> None:
    def answer_late(_request: t.Any) -> t.Any:
        time.sleep(0.25)
        return respond(b"", 504)

    transport = ScriptedTransport(READ, answer_late, FREED)
    outcome = execute(UNASSIGN, service_for(transport, deadline=0.2), [UNKNOWN], "fail", False)
    assert [request.method for request in transport.requests] == ["GET", "DELETE", "GET"]
    assert outcome.progress.after == {UNKNOWN: incident(UNKNOWN)}


@pytest.mark.parametrize("error", [MemoryError(), RecursionError(), RuntimeError("can't start new thread")], ids=repr)
def test_exception_during_a_write_ends_in_a_verified_result(error: Exception) -> None:
    result = run_change(UNASSIGN, ScriptedTransport(READ, error, FREED), [UNKNOWN], api_version="5")
    assert (result["changed"], result["unassigned_ids"]) == (True, [UNKNOWN])
    assert type(error).__name__ in result["msg"]


def test_defect_after_a_write_does_not_lose_the_account() -> None:
    def fail_after_the_write(item: t.Any) -> bool:
        if len(transport.requests) > 1:
            raise KeyError("x")
        return not item["assignments"]

    transport = ScriptedTransport(READ, respond({"incidents": []}))
    service = service_for(transport)
    outcome = execute(UNASSIGN._replace(is_wanted=fail_after_the_write), service, [UNKNOWN], "fail", False)
    assert outcome.error.message == "KeyError: 'x'"
    assert "fail_after_the_write" in outcome.error.traceback
    assert outcome.progress.unverified == {UNKNOWN}
    assert service.client.is_stopped()


def test_stop_during_a_write_ends_with_what_is_known(simulator: Simulator) -> None:
    ids = simulator.add_incidents(4, assigned=4)
    service = service_for(simulator.url, PAIRS._replace(max_concurrent_requests=1))
    once_after(simulator, "unassign", service.client.stop)
    outcome = execute(UNASSIGN, service, ids, "fail", False)
    assert outcome.error.failure.message == "the task was asked to stop"
    assert set(outcome.progress.unverified) == set(ids[:2])
    assert len(simulator.writes) == 1
