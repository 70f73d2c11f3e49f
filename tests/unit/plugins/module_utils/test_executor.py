# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read, plan, write, verify: what a result says is true, whatever happens on the way."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils._executor import execute
from ansible_collections.coralogix.incidents.plugins.module_utils._retry import LAG_DELAYS
from ansible_collections.coralogix.incidents.plugins.modules import incident_assign
from ansible_collections.coralogix.incidents.plugins.modules.incident_acknowledge import ACKNOWLEDGE
from ansible_collections.coralogix.incidents.plugins.modules.incident_resolve import RESOLVE
from ansible_collections.coralogix.incidents.plugins.modules.incident_unassign import UNASSIGN
from helpers import (
    INCIDENT,
    KEY,
    UNKNOWN,
    UNKNOWN_2,
    Result,
    ScriptedTransport,
    incident,
    respond,
    run_change,
    service_for,
    table,
    with_limits,
)
from simulator import Entry, Fault, Simulator

ASSIGN = incident_assign.make_change({"assignee": "me", "only_unassigned": False})
TAKE = incident_assign.make_change({"assignee": "me", "only_unassigned": True})
PAIRS = with_limits(INCIDENT, 2)


def run(simulator: Simulator, ids: list[str], change: t.Any = UNASSIGN, **options: t.Any) -> Result:
    return run_change(change, simulator.url, ids, **options)


def operations(simulator: Simulator) -> list[str | None]:
    return [entry.operation for entry in simulator.journal]


def once_after(simulator: Simulator, operation: str, act: t.Callable[[], object]) -> None:
    """Do this after the answer to a request of this kind was made, and before the client gets it."""
    pending = [act]

    def hook(entry: Entry) -> None:
        if entry.operation == operation and pending:
            pending.pop()()

    simulator.after_request = hook


def assignments(result: Result) -> dict[str, int]:
    return {item["id"]: len(item["assignments"]) for item in result["incidents"]}


# The normal case.
def test_only_what_needs_it_is_written(simulator: Simulator) -> None:
    first, second, free = simulator.add_incidents(3, assigned=2)
    result = run(simulator, [second, free, first])
    assert (result["changed"], result["unassigned_ids"]) == (True, [second, first])
    assert result["incidents"] == [simulator.incident(item_id) for item_id in (second, free, first)]
    # The answer to the write is proof enough.
    requests = [(entry.operation, entry.ids) for entry in simulator.journal]
    assert requests == [("read_many", [second, free, first]), ("unassign", [second, first])]
    again = run(simulator, [second, free, first])
    assert (again["changed"], again["unassigned_ids"], again["incidents"]) == (False, [], result["incidents"])
    assert len(simulator.writes) == 1


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_unknown_ids_fail_before_any_write_or_are_skipped(simulator: Simulator, missing: str, check_mode: bool) -> None:
    ids = simulator.add_incidents(4, assigned=1)
    result = run(simulator, [UNKNOWN, *ids, UNKNOWN_2], missing=missing, check_mode=check_mode, resource=PAIRS)
    goes_on = missing == "ignore"
    assert (result["changed"], result["unassigned_ids"]) == (goes_on, ids[:1] if goes_on else [])
    assert result["not_found_ids"] == [UNKNOWN, UNKNOWN_2]
    assert assignments(result) == {**dict.fromkeys(ids, 0), ids[0]: int(not goes_on)}
    assert len(simulator.writes) == (goes_on and not check_mode)
    if not goes_on:
        assert result["msg"].startswith(f"Unknown incident IDs: '{UNKNOWN}', '{UNKNOWN_2}'.")
        assert result["msg"].endswith("Nothing was changed.")


# Reading fails. A proxy in between may refuse as well; that is no missing permission.
READ_FAILURES = [
    *({"status": status} for status in (400, 401, 414, 429, 500)),
    *({"status": status, "body": "<title>Access denied</title>"} for status in (401, 403, 404)),
]
PARTIAL_FAILURES = [{"status": 403}, {"status": 404, "body": "Not Found: Not Found"}, {"status": 501}]


@pytest.mark.parametrize(
    ("answer", "count"), [*((answer, 1) for answer in READ_FAILURES), *((answer, 12) for answer in PARTIAL_FAILURES)]
)
def test_nothing_is_written_after_a_failed_read(simulator: Simulator, answer: dict[str, t.Any], count: int) -> None:
    ids = simulator.add_incidents(count, assigned=count)
    # Of several reads, one is refused.
    simulator.fault(Fault("read_many", when_id=ids[count // 2], delay=0.1 * (count > 1), **answer))
    result = run(simulator, ids, resource=PAIRS, api_version="5", retries=0)
    assert (result["changed"], simulator.writes, "warnings" in result) == (False, [], False)
    assert result["failure"]["status"] == answer["status"]
    assert result["msg"].endswith("Nothing was changed.")


# A key that may not read.
@pytest.mark.usefixtures("write_only_key")
@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_key_that_may_not_read_writes_everything_with_a_warning(simulator: Simulator, missing: str) -> None:
    ids = simulator.add_incidents(2, assigned=1)
    result = run(simulator, [*ids, UNKNOWN], missing=missing)
    assert (result["changed"], result["unassigned_ids"], assignments(result)) == (True, ids, dict.fromkeys(ids, 0))
    assert (result["not_found_ids"], "diff" in result) == ([UNKNOWN] if missing == "ignore" else [], False)
    assert "incidents:read" in result["warnings"][0]
    if missing == "ignore":
        assert "count as not found" in result["warnings"][1]
    else:
        assert f"its answer leaves out '{UNKNOWN}'" in result["msg"]
        assert f"Perhaps unassigned, but not verified: '{UNKNOWN}'." in result["msg"]


@pytest.mark.usefixtures("write_only_key")
@pytest.mark.parametrize(("change", "check_mode"), [(UNASSIGN, True), (TAKE, False), (ACKNOWLEDGE, False)])
def test_check_mode_and_skipping_need_reading(simulator: Simulator, change: t.Any, check_mode: bool) -> None:
    result = run(simulator, simulator.add_incidents(1), change, check_mode=check_mode)
    assert (result["changed"], result["incidents"], simulator.writes) == (False, [], [])
    assert (result["failure"]["status"], "warnings" in result) == (403, False)
    assert ("must read first" in result["msg"], "Check mode" in result["msg"]) == (True, check_mode)


WITHOUT_EFFECT = {"replace": lambda answer: answer, "effect": False}
UNREAD_WRITES: dict[str, tuple[dict[str, t.Any], bool, str]] = {
    "without effect": (WITHOUT_EFFECT, True, "its effect is not visible yet"),
    "uncertain": ({"status": 500}, True, "Perhaps unassigned, but not verified"),
    "refused": ({"status": 403}, False, "incidents:assign and must be a personal key"),
}


@pytest.mark.usefixtures("write_only_key")
@table("answer, is_changed, message", UNREAD_WRITES)
def test_unread_write_that_may_have_worked_is_a_change(
    simulator: Simulator, answer: dict[str, t.Any], is_changed: bool, message: str
) -> None:
    simulator.fault(Fault("unassign", **answer))
    result = run(simulator, simulator.add_incidents(1, assigned=1), retries=0)
    assert (result["changed"], result["unassigned_ids"], message in result["msg"]) == (is_changed, [], True)
    # A warning about what counts as changed would mislead where nothing was written.
    assert ("warnings" in result) == is_changed


@pytest.mark.parametrize("latest", ["3", "5"])
@pytest.mark.parametrize("without", [["read_many"], ["read_many", "unassign"]])
def test_service_without_a_route_to_read_by(latest: str, without: list[str]) -> None:
    with Simulator(latest=latest, without=without) as simulator:
        simulator.add_key(KEY)
        ids = simulator.add_incidents(1, assigned=1)
        result = run(simulator, ids)
    can_write = len(without) == 1
    assert (result["unassigned_ids"], "msg" in result) == (ids if can_write else [], not can_write)
    # The failed read shows best that the URL is wrong.
    assert can_write or result["failure"]["method"] == "GET"


# What an answer to a write leaves open.
def test_incidents_missing_from_the_answer_are_read_again(simulator: Simulator) -> None:
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
    sleeps: list[float] = []
    result = run(simulator, ids, sleeps=sleeps)
    assert (result["unassigned_ids"], "msg" in result, sleeps) == (ids, False, [*LAG_DELAYS[:lag]])


@pytest.mark.parametrize("answer", [lambda answer: answer, {"incidents": []}], ids=["as before", "empty"])
def test_accepted_write_without_visible_effect_fails_and_is_a_change(simulator: Simulator, answer: t.Any) -> None:
    ids = simulator.add_incidents(2, assigned=2)
    simulator.fault(Fault("unassign", replace=answer, effect=False))
    sleeps: list[float] = []
    result = run(simulator, ids, sleeps=sleeps)
    assert (result["changed"], result["unassigned_ids"], assignments(result)) == (True, [], dict.fromkeys(ids, 1))
    assert f"its effect is not visible yet on these incidents: '{ids[0]}', '{ids[1]}'." in result["msg"]
    assert ("Nothing was changed" in result["msg"], result["diff"]) == (False, {"prepared": ""})
    assert sleeps == [*LAG_DELAYS]
    assert operations(simulator) == ["read_many", "unassign", *["read_many"] * 5]


def test_write_that_was_carried_out_in_part_is_a_change(simulator: Simulator) -> None:
    ids = [simulator.add_incident(assignees=["dana", "lee"])]
    simulator.fault(Fault("unassign", partial_effect=1))
    result = run(simulator, ids)
    assert (result["changed"], result["unassigned_ids"]) == (True, [])
    assert "show neither the state before nor the one asked for" in result["msg"]
    assert result["diff"]["prepared"].endswith(": dana, lee -> lee\n")
    assert operations(simulator) == ["read_many", "unassign", "read_many"]


def test_user_id_in_another_spelling_is_the_same_user() -> None:
    change = incident_assign.make_change({"assignee": "2F1C9E4A-7B3D-4C58-9E60-A1B2C3D4E5F6", "only_unassigned": True})
    with Simulator(lower_case_user_ids=True) as simulator:
        simulator.add_key(KEY)
        ids = [simulator.add_incident(assignees=[])]
        first, second = (run(simulator, ids, change) for _run in range(2))
    assert (first["assigned_ids"], second["assigned_ids"], second["skipped_ids"]) == (ids, [], [])
    assert "msg" not in first


# The answer to a write is lost, or the write is refused.
LOST: dict[str, dict[str, t.Any]] = {
    **{str(status): {"status": status} for status in (500, 408, 520, 101)},
    "307": {"redirect": "/elsewhere"},
    "reset": {"reset": True},
    "cut short": {"truncate": True},
    "no JSON": {"replace": "OK"},
    "page": {"replace": "<html>"},
}


@table("answer", LOST)
@pytest.mark.parametrize("effect", [True, False], ids=["with effect", "without effect"])
def test_uncertain_write_is_verified(simulator: Simulator, answer: dict[str, t.Any], effect: bool) -> None:
    ids = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("unassign", **answer, effect=effect))
    result = run(simulator, ids, retries=0)
    assert (result["changed"], result["unassigned_ids"]) == (effect, ids if effect else [])
    assert (assignments(result), result["failure"]["method"]) == ({ids[0]: int(not effect)}, "DELETE")
    assert result["msg"].endswith(f"Unassigned before that: '{ids[0]}'." if effect else "Nothing was changed.")


@pytest.mark.parametrize("answer", [{}, {"incidents": [{}]}], ids=["empty", "wrong shape"])
@pytest.mark.parametrize("effect", [True, False], ids=["with effect", "without effect"])
def test_success_with_json_of_another_form_is_an_accepted_write(
    simulator: Simulator, answer: t.Any, effect: bool
) -> None:
    ids = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("unassign", replace=answer, effect=effect))
    result = run(simulator, ids, retries=0)
    assert (result["changed"], result["unassigned_ids"]) == (True, ids if effect else [])
    assert ("its effect is not visible yet" in result["msg"]) != effect
    assert "Nothing was changed" not in result["msg"]


UNVERIFIED: dict[str, tuple[dict[str, t.Any], str]] = {
    "lost": ({"status": 500}, "DELETE"),
    "as before": (WITHOUT_EFFECT, "GET"),
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
    simulator.fault(Fault("unassign", status=status))
    result = run(simulator, simulator.add_incidents(1, assigned=1), retries=0)
    assert (result["changed"], result["failure"]["status"], result["diff"]) == (False, status, {"prepared": ""})
    # That is certain, so that nothing is read again.
    assert operations(simulator) == ["read_many", "unassign"]


def test_failure_half_way_says_what_was_done(simulator: Simulator) -> None:
    ids = simulator.add_incidents(8, assigned=8)
    simulator.fault(Fault("unassign", when_id=ids[3], status=403))
    simulator.fault(Fault("unassign", when_id=ids[4], delay=0.2))
    result = run(simulator, ids, resource=PAIRS)
    done = [item_id for item_id in ids if not simulator.assignees(item_id)]
    assert (result["unassigned_ids"], result["changed"], result["failure"]["status"]) == (done, bool(done), 403)
    assert assignments(result) == {item_id: int(item_id not in done) for item_id in ids}
    assert result["diff"]["prepared"].count("\n") == len(done)


# A retry reads again first.
class Retry(t.NamedTuple):
    change: t.Any
    answer: dict[str, t.Any]
    act: tuple[str, ...]
    """What somebody else does during the wait: an operation, and a user."""
    writes: int
    changed: bool
    changed_ids: int
    expected: t.Callable[[str], dict[str, t.Any]] = lambda _id: {}
    """Further parts of the result, by the ID."""


LOST_EFFECT, NO_EFFECT, LIMITED = {"status": 503, "effect": True}, {"status": 503}, {"status": 429}
RETRIES: dict[str, Retry] = {
    "nothing happened": Retry(UNASSIGN, LIMITED, (), 2, True, 1),
    "it had worked": Retry(UNASSIGN, LOST_EFFECT, (), 1, True, 1),
    "it had not worked": Retry(UNASSIGN, NO_EFFECT, (), 2, True, 1),
    "somebody did it": Retry(UNASSIGN, LIMITED, ("unassign",), 1, False, 0),
    "it had worked, then somebody took it": Retry(UNASSIGN, LOST_EFFECT, ("assign", "u9"), 1, True, 0),
    "somebody took what only a free one may be": Retry(
        TAKE, LIMITED, ("assign", "u9"), 1, False, 0, lambda item_id: {"skipped_ids": [item_id], "reassigned_ids": {}}
    ),
    "somebody took it, and it may be taken": Retry(
        ASSIGN, LIMITED, ("assign", "u9"), 2, True, 1, lambda item_id: {"reassigned_ids": {item_id: ["u9"]}}
    ),
    "somebody resolved what was to be acknowledged": Retry(
        ACKNOWLEDGE, LIMITED, ("resolve",), 1, False, 0, lambda item_id: {"skipped_ids": [item_id]}
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
    expected = {f"{case.change.participle}_ids": ids[: case.changed_ids], **case.expected(ids[0])}
    assert {name: result[name] for name in expected} == expected
    # Only what was perhaps written, and then changed by somebody, is a failure.
    assert ("neither the state before nor" in result.get("msg", "")) == ("msg" in result)
    assert ("msg" in result) == (case.changed and not case.changed_ids)
    assert operations(simulator)[1:3] == [case.change.operation, "read_many"]


def test_failed_reads_between_two_tries_count_as_tries(simulator: Simulator) -> None:
    ids = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("unassign", times=1, status=503))
    simulator.fault(Fault("read_many", skip=1, times=2, status=503))
    sleeps: list[float] = []
    assert run(simulator, ids, sleeps=sleeps)["unassigned_ids"] == ids
    assert (len(sleeps), sleeps == sorted(sleeps)) == (3, True)
    simulator.fault(Fault(None, skip=1, status=503))
    simulator.act("assign", ids[0], "u1")
    result = run(simulator, ids)
    assert (result["changed"], result["failure"]["method"], "Tried 5 times" in result["msg"]) == (True, "GET", True)


# Somebody else acts in between: what they do, after which request, how many IDs are changed, and whether there is a
# warning.
RACES: dict[str, tuple[t.Any, str, str, int, bool]] = {
    # The write finds what is wanted already. Nobody can tell who did it.
    "acknowledged before": (ACKNOWLEDGE, "acknowledge", "read_many", 1, False),
    "resolved before it is acknowledged": (ACKNOWLEDGE, "resolve", "read_many", 0, True),
    "closed before it is acknowledged": (ACKNOWLEDGE, "close", "read_many", 0, True),
    "resolved after it was acknowledged": (ACKNOWLEDGE, "resolve", "acknowledge", 1, False),
    "closed before it is resolved": (RESOLVE, "close", "read_many", 1, False),
    # It is taken all the same. The API knows no other way.
    "taken before": (ASSIGN, "assign", "read_many", 1, False),
    "taken before, though only free ones were wanted": (TAKE, "assign", "read_many", 1, False),
    "taken after": (ASSIGN, "assign", "assign", 1, False),
    "freed before": (ASSIGN, "unassign", "read_many", 1, False),
}


@table("change, act, after, changed_ids, is_warned", RACES)
def test_change_by_somebody_else_in_between(
    simulator: Simulator, change: t.Any, act: str, after: str, changed_ids: int, is_warned: bool
) -> None:
    ids = [simulator.add_incident(assignees=[])]
    once_after(simulator, after, lambda: simulator.act(act, ids[0], "u9" if act == "assign" else None))
    result = run(simulator, ids, change)
    assert (result["changed"], result[f"{change.participle}_ids"]) == (True, ids[:changed_ids])
    assert ("Somebody else changed" in str(result.get("warnings")), "msg" in result) == (is_warned, False)


def test_taken_by_somebody_else_before_a_lost_answer_is_verified(simulator: Simulator) -> None:
    ids = [simulator.add_incident(assignees=[])]
    simulator.fault(Fault("assign", status=500, effect=True))
    once_after(simulator, "assign", lambda: simulator.act("assign", ids[0], "u9"))
    result = run(simulator, ids, ASSIGN, retries=0)
    assert (result["changed"], result["assigned_ids"], "msg" in result) == (True, [], True)
    assert result["incidents"] == [simulator.incident(ids[0])]


def test_lost_write_whose_incident_looks_as_before_in_the_end_is_a_failure(simulator: Simulator) -> None:
    """Between two tries somebody has it, so it is not written again. Then they give it back."""
    taken, free = ids = [simulator.add_incident(assignees=[]) for _ in range(2)]
    simulator.fault(Fault("assign", times=1, status=503))
    acts = {2: ("assign", taken, "u9"), 3: ("unassign", taken)}

    def act(_entry: Entry) -> None:
        if len(simulator.journal) in acts:
            simulator.act(*acts[len(simulator.journal)])

    simulator.after_request = act
    result = run(simulator, ids, ASSIGN)
    assert [entry.ids for entry in simulator.writes] == [ids, [free]]
    assert (result["changed"], result["assigned_ids"], result["failure"]["status"]) == (True, [free], 503)
    assert result["msg"].endswith(f"Assigned before that: '{free}'.")
    assert assignments(result) == {taken: 0, free: 1}


@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_incident_that_disappears_during_the_task_is_not_found(simulator: Simulator, missing: str) -> None:
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


def test_exception_after_a_write_keeps_what_was_done() -> None:
    def fail_after_the_write(item: t.Any) -> bool:
        if len(transport.requests) > 1:
            raise KeyError("x")
        return not item["assignments"]

    transport = ScriptedTransport(READ, respond({"incidents": []}))
    service = service_for(transport)
    outcome = execute(UNASSIGN._replace(is_wanted=fail_after_the_write), service, [UNKNOWN], "fail", False)
    assert (outcome.error.message, outcome.progress.unverified) == ("KeyError: 'x'", {UNKNOWN})
    assert "fail_after_the_write" in outcome.error.traceback
    assert service.client.is_stopped()


def test_stop_during_a_write_ends_with_what_is_known(simulator: Simulator) -> None:
    ids = simulator.add_incidents(4, assigned=4)
    service = service_for(simulator.url, PAIRS._replace(max_concurrent_requests=1))
    once_after(simulator, "unassign", service.client.stop)
    outcome = execute(UNASSIGN, service, ids, "fail", False)
    assert outcome.error.failure.message == "the task was asked to stop"
    assert (set(outcome.progress.unverified), len(simulator.writes)) == (set(ids[:2]), 1)


def test_no_write_begins_after_a_failed_one(simulator: Simulator) -> None:
    ids = simulator.add_incidents(3, assigned=3)
    simulator.fault(Fault("unassign", status=403, times=1))
    one_by_one = with_limits(INCIDENT, 1)._replace(max_concurrent_requests=1)
    result = run(simulator, ids, resource=one_by_one, api_version="5")
    assert result["failed"]
    assert result["unassigned_ids"] == []
    assert operations(simulator).count("unassign") == 1
