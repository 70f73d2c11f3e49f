# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From task options to a result: apply() and the whole module against the simulator."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _plan, _routes
from ansible_collections.coralogix.incidents.plugins.module_utils._incidents import Incidents
from ansible_collections.coralogix.incidents.plugins.module_utils._module import apply
from ansible_collections.coralogix.incidents.plugins.modules.incident_unassign import UNASSIGN
from made_up import KEY, Printed
from simulator import Fault, Simulator

MakeService = t.Callable[..., Incidents]
Result = dict[str, t.Any]

NOBODY, NOWHERE = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))
MODULE = "ansible_collections.coralogix.incidents.plugins.modules.incident_unassign"


@pytest.fixture
def run(service: MakeService, simulator: Simulator) -> t.Callable[..., Result]:
    """apply() and the result made of it, with the promises that hold for every result."""

    def run(ids: list[str], missing: str = "fail", check_mode: bool = False, **given: t.Any) -> Result:
        outcome = apply(UNASSIGN, service(simulator.url, **given), ids, missing, check_mode)
        result = _plan.result(UNASSIGN, ids, outcome, diff=True)
        assert result["changed"] or not result["unassigned_ids"]
        assert [one for one in ids if one in result["unassigned_ids"]] == result["unassigned_ids"]
        assert [one for one in ids if one in result["not_found_ids"]] == result["not_found_ids"]
        assert ("msg" in result) == ("failure" in result) == ("ansible_facts" not in result)
        if check_mode:
            assert simulator.writes == []
        return {**result, "warning": outcome.warning}

    return run


Run = t.Callable[..., Result]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two IDs a request."""
    monkeypatch.setattr(_routes, "MAX_IDS", 2)


@pytest.fixture
def write_only_key(simulator: Simulator) -> None:
    simulator.add_key(KEY, permissions=["incidents:assign"])


def written_ids(simulator: Simulator) -> list[str]:
    return [one for entry in simulator.writes for one in entry.ids]


def shown(result: Result) -> dict[str, int]:
    """How many assignments the returned incidents have."""
    return {incident["id"]: len(incident["assignments"]) for incident in result["incidents"]}


# The usual course.
def test_only_assigned_incidents_are_written(run: Run, simulator: Simulator) -> None:
    one, two, free = simulator.add_incidents(3, assigned=2)
    before = {each: {"assignments": simulator.incident(each)["assignments"]} for each in (two, one)}
    result = run([two, free, one])
    assert result["changed"]
    assert result["unassigned_ids"] == written_ids(simulator) == [two, one]
    assert result["incidents"] == [simulator.incident(each) for each in (two, free, one)]
    assert result["ansible_facts"] == {"coralogix_incidents": result["incidents"]}
    assert result["diff"] == {"before": before, "after": {two: {"assignments": []}, one: {"assignments": []}}}
    assert (result["not_found_ids"], result["warning"]) == ([], "")
    # A read and a write; the answer to the write is proof enough.
    assert len(simulator.journal) == 2


def test_second_run_changes_nothing(run: Run, simulator: Simulator) -> None:
    ids = simulator.add_incidents(2, assigned=1)
    first, second = run(ids), run(ids)
    assert (first["changed"], second["changed"]) == (True, False)
    assert second["incidents"] == first["incidents"]
    assert second["unassigned_ids"] == []
    assert second["diff"] == {"before": {}, "after": {}}
    assert len(simulator.writes) == 1


def test_check_mode_predicts_the_run(run: Run, simulator: Simulator) -> None:
    ids = [*simulator.add_incidents(3, assigned=2), NOBODY]
    predicted = run(ids, "ignore", check_mode=True)
    done = run(ids, "ignore")
    for result in (predicted, done):
        # Each run adds an event; who did it, and when, cannot be foretold.
        for incident in result["incidents"]:
            incident["events"] = None
    assert predicted == done


# Unknown IDs.
@pytest.mark.parametrize("check_mode", [False, True])
def test_unknown_ids_fail_before_any_write(run: Run, simulator: Simulator, check_mode: bool) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    result = run([NOBODY, assigned, NOWHERE], check_mode=check_mode)
    assert result["msg"].startswith(f"There is no incident {NOBODY}, {NOWHERE}")
    assert result["msg"].endswith("Nothing was changed.")
    assert result["not_found_ids"] == [NOBODY, NOWHERE]
    assert shown(result) == {assigned: 1}
    assert not result["changed"]
    assert simulator.writes == []


@pytest.mark.parametrize("check_mode", [False, True])
def test_unknown_ids_are_left_out_on_demand(run: Run, simulator: Simulator, check_mode: bool) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    result = run([NOBODY, assigned, NOWHERE], "ignore", check_mode=check_mode)
    assert result["not_found_ids"] == [NOBODY, NOWHERE]
    assert result["unassigned_ids"] == [assigned]
    assert shown(result) == {assigned: 0}


@pytest.mark.usefixtures("small_chunks")
def test_all_unknown_ids_are_named(run: Run, simulator: Simulator) -> None:
    known = simulator.add_incidents(4)
    result = run([NOBODY, *known, NOWHERE])
    assert result["not_found_ids"] == [NOBODY, NOWHERE]
    assert f"{NOBODY}, {NOWHERE}" in result["msg"]


@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_incident_gone_between_read_and_write(run: Run, simulator: Simulator, missing: str) -> None:
    kept, gone = simulator.add_incidents(2, assigned=2)
    left = [gone]
    # The answer to the read is made: now somebody deletes the incident.
    simulator.after_request = lambda entry: simulator.remove_incident(left.pop()) if left else None
    result = run([NOBODY, gone, kept] if missing == "ignore" else [gone, kept], missing)
    assert result["unassigned_ids"] == [kept]
    assert result["not_found_ids"] == ([NOBODY, gone] if missing == "ignore" else [gone])
    assert shown(result) == {kept: 0}
    assert result["changed"]
    if missing == "fail":
        assert result["msg"].startswith(f"There is no incident {gone}")
        assert result["msg"].endswith(f"Unassigned until then: {kept}.")
    else:
        assert "msg" not in result


# Reading fails.
@pytest.mark.parametrize("status", [400, 401, 414, 429, 500])
def test_failing_read_ends_the_task(run: Run, simulator: Simulator, status: int) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("read_many", status=status))
    result = run([assigned], retries=0)
    assert (result["failure"]["status"], result["changed"], result["incidents"]) == (status, False, [])
    assert result["msg"].endswith("Nothing was changed.")
    assert simulator.writes == []


@pytest.mark.usefixtures("write_only_key")
def test_key_that_may_not_read_does_the_job(run: Run, simulator: Simulator) -> None:
    ids = simulator.add_incidents(2, assigned=1)
    result = run(ids)
    assert result["changed"]
    assert result["unassigned_ids"] == written_ids(simulator) == ids
    assert shown(result) == dict.fromkeys(ids, 0)
    assert "incidents:read" in result["warning"]
    assert "403" in result["warning"]
    # Nothing is known of the time before.
    assert "diff" not in result


@pytest.mark.parametrize("latest", ["3", "5"])
def test_server_that_has_no_route_to_read_by(service: MakeService, latest: str) -> None:
    with Simulator(latest=latest, without=["read_many"]) as simulator:
        simulator.add_key(KEY)
        (assigned,) = simulator.add_incidents(1, assigned=1)
        outcome = apply(UNASSIGN, service(simulator.url), [assigned], "fail", False)
        assert outcome.done == [assigned]
        assert outcome.error is None
        assert "incidents:read" in outcome.warning
        assert simulator.assignees(assigned) == []


STRAY = {
    "403": {"status": 403},
    "404": {"status": 404, "body": "Not Found: Not Found"},
    "501": {"status": 501, "body": "Method Not Allowed"},
}


@pytest.mark.parametrize("fault", STRAY.values(), ids=STRAY)
@pytest.mark.usefixtures("small_chunks")
def test_one_of_several_reads_refused_is_no_reason_to_write_unseen(
    run: Run, simulator: Simulator, fault: dict[str, t.Any]
) -> None:
    ids = simulator.add_incidents(12, assigned=6)
    simulator.fault(Fault("read_many", when_id=ids[5], **fault))
    result = run([*ids, NOBODY], api_version="5")
    assert (result["changed"], result["warning"], simulator.writes) == (False, "", [])
    assert result["failure"]["status"] == fault["status"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_page_in_place_of_the_read_is_no_reason_to_write_unseen(run: Run, simulator: Simulator, status: int) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("read_many", status=status, body="<html><title>Access denied</title></html>"))
    result = run([assigned], api_version="5")
    assert (result["changed"], result["warning"], simulator.writes) == (False, "", [])
    assert "Access denied" in result["msg"]
    assert "permission" not in result["msg"]


def test_where_there_is_no_route_at_all_the_one_to_read_by_is_named(service: MakeService) -> None:
    with Simulator(without=["read_many", "unassign"]) as simulator:
        simulator.add_key(KEY)
        (assigned,) = simulator.add_incidents(1, assigned=1)
        outcome = apply(UNASSIGN, service(simulator.url), [assigned], "fail", False)
    assert (outcome.warning, outcome.doubtful) == ("", ())
    assert outcome.error
    assert outcome.error.method == "GET"


@pytest.mark.usefixtures("write_only_key")
@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_warning_says_what_counts_as_not_found(run: Run, simulator: Simulator, missing: str) -> None:
    ids = simulator.add_incidents(1, assigned=1)
    assert ("counts as not found" in run(ids, missing)["warning"]) == (missing == "ignore")


@pytest.mark.usefixtures("write_only_key")
def test_check_mode_has_to_read(run: Run, simulator: Simulator) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    result = run([assigned], check_mode=True)
    assert result["failure"]["status"] == 403
    assert "Check mode has to read" in result["msg"]
    assert "incidents:read" in result["msg"]
    assert result["warning"] == ""


def test_check_mode_says_so_after_further_tries_too(run: Run, simulator: Simulator) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("read_many", status=503, times=1))
    simulator.fault(Fault("read_many", status=403))
    result = run([assigned], check_mode=True)
    assert "of waiting. Check mode has to read" in result["msg"]


@pytest.mark.usefixtures("write_only_key")
@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_unread_incident_that_the_answer_leaves_out(run: Run, simulator: Simulator, missing: str) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    result = run([NOBODY, assigned], missing)
    assert result["changed"]
    assert result["unassigned_ids"] == [assigned]
    assert shown(result) == {assigned: 0}
    assert result["not_found_ids"] == ([NOBODY] if missing == "ignore" else [])
    if missing == "fail":
        assert f"leaves out {NOBODY}" in result["msg"]
        assert (
            f"Unassigned until then: {assigned}. Perhaps unassigned, which could not be found out: {NOBODY}."
            in (result["msg"])
        )


@pytest.mark.usefixtures("write_only_key")
def test_unread_incident_still_assigned(run: Run, simulator: Simulator) -> None:
    one, two = simulator.add_incidents(2, assigned=2)
    simulator.fault(Fault("unassign", replace=lambda true: true, effect=False))
    result = run([one, two])
    assert not result["changed"]
    assert f"still not unassigned as asked: {one}, {two}." in result["msg"]
    assert result["msg"].endswith("Nothing was changed.")
    assert shown(result) == {one: 1, two: 1}


@pytest.mark.usefixtures("write_only_key")
@pytest.mark.parametrize("effect", [True, False])
def test_unread_incident_and_an_uncertain_write(run: Run, simulator: Simulator, effect: bool) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("unassign", status=500, effect=effect))
    result = run([assigned])
    # Said to be changed, as nobody can tell; but no ID is claimed.
    assert (result["changed"], result["unassigned_ids"], result["incidents"]) == (True, [], [])
    assert f"Perhaps unassigned, which could not be found out: {assigned}." in result["msg"]
    assert result["failure"]["status"] == 500


@pytest.mark.usefixtures("write_only_key")
def test_unread_incident_and_a_refused_write(run: Run, simulator: Simulator) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    simulator.add_key(KEY, permissions=[])
    result = run([assigned])
    assert not result["changed"]
    assert "incidents:assign" in result["msg"]
    assert "personal key" in result["msg"]
    # It would say that changed is true.
    assert result["warning"] == ""


# Writing fails, or its answer is not what it should be.
def test_answer_that_leaves_out_incidents_is_verified(run: Run, simulator: Simulator) -> None:
    ids = simulator.add_incidents(3, assigned=3)
    simulator.fault(Fault("unassign", replace=lambda true: {"incidents": true["incidents"][1:2]}))
    result = run(ids)
    assert result["unassigned_ids"] == ids
    assert result["incidents"] == [simulator.incident(each) for each in ids]
    assert [entry.ids for entry in simulator.journal] == [ids, ids, [ids[0], ids[2]]]


@pytest.mark.parametrize("answer", ["true", "empty"])
def test_write_without_effect_is_a_failure(run: Run, simulator: Simulator, answer: str) -> None:
    one, two = simulator.add_incidents(2, assigned=2)
    spoil = {"true": lambda true: true, "empty": lambda true: {"incidents": []}}[answer]
    simulator.fault(Fault("unassign", replace=spoil, effect=False))
    result = run([one, two])
    assert not result["changed"]
    assert f"still not unassigned as asked: {one}, {two}." in result["msg"]
    assert result["diff"] == {"before": {}, "after": {}}
    assert shown(result) == {one: 1, two: 1}
    # One more look, as an answer may have been made before the effect.
    assert [entry.operation for entry in simulator.journal] == ["read_many", "unassign", "read_many"]


def test_answer_older_than_the_effect_is_looked_at_again(run: Run, simulator: Simulator) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    old = simulator.incident(assigned)
    simulator.fault(Fault("unassign", replace={"incidents": [old]}))
    result = run([assigned])
    assert result["unassigned_ids"] == [assigned]
    assert shown(result) == {assigned: 0}


def test_assigned_anew_after_the_answer_is_somebody_elses_doing(run: Run, simulator: Simulator) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    simulator.after_request = lambda entry: (
        simulator.act("assign", assigned, "u9") if entry.operation == "unassign" else None
    )
    result = run([assigned])
    assert result["unassigned_ids"] == [assigned]


UNCERTAIN: dict[str, dict[str, t.Any]] = {
    "500": {"status": 500},
    "reset": {"reset": True},
    "truncated": {"truncate": True},
    "not JSON": {"replace": "OK"},
    "page": {"replace": "<html>"},
    "wrong shape": {"replace": {"incidents": [{}]}},
}


@pytest.mark.parametrize("fault", UNCERTAIN.values(), ids=UNCERTAIN)
@pytest.mark.parametrize("effect", [True, False], ids=["with effect", "without effect"])
def test_uncertain_write_is_verified_by_reading(
    run: Run, simulator: Simulator, fault: dict[str, t.Any], effect: bool
) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("unassign", **fault, effect=effect))
    result = run([assigned], retries=1)
    assert result["changed"] == effect
    assert result["unassigned_ids"] == ([assigned] if effect else [])
    assert shown(result) == {assigned: 0 if effect else 1}
    assert result["failure"]["method"] == "DELETE"
    assert result["msg"].endswith(f"Unassigned until then: {assigned}." if effect else "Nothing was changed.")


@pytest.mark.parametrize("effect", [True, False], ids=["with effect", "without effect"])
def test_uncertain_write_and_no_way_to_verify(run: Run, simulator: Simulator, effect: bool) -> None:
    assigned, free = simulator.add_incidents(2, assigned=1)
    simulator.fault(Fault("unassign", status=500, effect=effect))
    simulator.fault(Fault("read_many", skip=1, status=500))
    result = run([free, assigned], retries=0)
    assert (result["changed"], result["unassigned_ids"]) == (True, [])
    assert shown(result) == {free: 0}
    assert f"Perhaps unassigned, which could not be found out: {assigned}." in result["msg"]
    # The first failure is the one to act on.
    assert result["failure"]["method"] == "DELETE"


@pytest.mark.parametrize("effect", [True, False], ids=["with effect", "without effect"])
def test_answer_as_before_and_no_way_to_verify(run: Run, simulator: Simulator, effect: bool) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    before = simulator.incident(assigned)
    simulator.fault(Fault("unassign", replace={"incidents": [before]}, effect=effect))
    simulator.fault(Fault("read_many", skip=1, status=500))
    result = run([assigned], retries=0)
    assert (result["changed"], result["unassigned_ids"], result["incidents"]) == (True, [], [])
    assert f"Perhaps unassigned, which could not be found out: {assigned}." in result["msg"]
    assert result["failure"]["method"] == "GET"


def test_incomplete_answer_and_no_way_to_verify(run: Run, simulator: Simulator) -> None:
    left_out, answered = simulator.add_incidents(2, assigned=2)
    simulator.fault(Fault("unassign", replace=lambda true: {"incidents": true["incidents"][1:]}))
    simulator.fault(Fault("read_many", skip=1, status=403))
    result = run([left_out, answered])
    assert (result["changed"], result["unassigned_ids"]) == (True, [answered])
    assert shown(result) == {answered: 0}
    assert f"Perhaps unassigned, which could not be found out: {left_out}." in result["msg"]
    assert (result["failure"]["method"], result["failure"]["status"]) == ("GET", 403)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
def test_refused_write_has_changed_nothing(run: Run, simulator: Simulator, status: int) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("unassign", status=status))
    result = run([assigned], retries=0)
    assert not result["changed"]
    assert result["failure"]["status"] == status
    assert shown(result) == {assigned: 1}
    assert result["diff"] == {"before": {}, "after": {}}
    # Certain as it is, nothing has to be read again.
    assert [entry.operation for entry in simulator.journal] == ["read_many", "unassign"]


@pytest.mark.usefixtures("small_chunks")
def test_failure_half_way_tells_what_was_done(run: Run, simulator: Simulator) -> None:
    ids = simulator.add_incidents(8, assigned=8)
    simulator.fault(Fault("unassign", when_id=ids[3], status=403))
    simulator.fault(Fault("unassign", when_id=ids[4], delay=0.2))
    result = run(ids)
    done = [each for each in ids if not simulator.assignees(each)]
    assert result["unassigned_ids"] == done
    assert shown(result) == {each: 0 if each in done else 1 for each in ids}
    assert result["changed"] == bool(done)
    assert list(result["diff"]["after"]) == done
    assert result["failure"]["status"] == 403


# The whole module, in this process.
@pytest.fixture
def module(run_module: t.Callable[..., Printed]) -> t.Callable[..., Printed]:
    return functools.partial(run_module, "incident_unassign")


Module = t.Callable[..., Printed]


def test_module_returns_facts(module: Module, simulator: Simulator) -> None:
    ids = simulator.add_incidents(2, assigned=1)
    status, result, _text = module(incident_ids=[ids[1], f" {ids[0]} ", ids[1]], _ansible_diff=True)
    assert status == 0
    assert result["changed"]
    assert result["incidents"] == [simulator.incident(ids[1]), simulator.incident(ids[0])]
    assert result["ansible_facts"]["coralogix_incidents"] == result["incidents"]
    assert result["diff"]["after"] == {ids[0]: {"assignments": []}}
    assert not result.get("warnings")


def test_module_takes_a_comma_separated_string(module: Module, simulator: Simulator) -> None:
    ids = simulator.add_incidents(2, assigned=2)
    assert module(incident_ids=",".join(ids)).result["unassigned_ids"] == ids


def test_module_in_check_mode_writes_nothing(module: Module, simulator: Simulator) -> None:
    ids = simulator.add_incidents(1, assigned=1)
    result = module(incident_ids=ids, _ansible_check_mode=True).result
    assert (result["changed"], result["unassigned_ids"], simulator.writes) == (True, ids, [])
    assert "diff" not in result


def test_module_fails_with_what_to_do(module: Module, simulator: Simulator) -> None:
    status, result, _text = module(incident_ids=[NOBODY])
    assert (status, result["failed"], result["not_found_ids"]) == (1, True, [NOBODY])
    assert result["msg"].startswith(f"There is no incident {NOBODY}")
    assert result["failure"]["status"] is None
    assert module(incident_ids=[NOBODY], missing="ignore").result["not_found_ids"] == [NOBODY]


def test_module_warns_where_it_could_not_read(module: Module, simulator: Simulator) -> None:
    simulator.add_key(KEY, permissions=["incidents:assign"])
    ids = simulator.add_incidents(1, assigned=1)
    status, result, text = module(incident_ids=ids)
    assert (status, result["changed"]) == (0, True)
    assert "incidents:read" in text


def test_warning_does_not_show_the_key(module: Module, simulator: Simulator) -> None:
    """Not all versions of ansible-core mask warnings."""
    simulator.fault(Fault("read_many", status=403, body={"message": f"the key {KEY} may not read"}))
    ids = simulator.add_incidents(1, assigned=1)
    # That the key is nowhere in the output is what the fixture asserts.
    assert "the key ******** may not read" in module(incident_ids=ids).text


@pytest.mark.parametrize("check_mode", [False, True])
def test_empty_list_sends_nothing_and_needs_no_key(module: Module, simulator: Simulator, check_mode: bool) -> None:
    status, result, _text = module(incident_ids=[], api_key=..., api_url="nonsense", _ansible_check_mode=check_mode)
    assert status == 0
    assert not result["changed"]
    assert result["incidents"] == result["unassigned_ids"] == result["not_found_ids"] == []
    assert result["ansible_facts"] == {"coralogix_incidents": []}
    assert simulator.journal == []


REFUSED: dict[str, tuple[dict[str, t.Any], str]] = {
    "IDs blank": ({"incident_ids": [" "]}, "blank"),
    "ID too long": ({"incident_ids": ["x" * 9000]}, "9000 characters"),
    "no key": ({"api_key": ...}, "CORALOGIX_API_KEY"),
    "key null": ({"api_key": None}, "api_key"),
    "region": ({"region": "eu9", "api_url": ...}, "eu9"),
    "timeout": ({"timeout": "nan"}, "timeout"),
    "two hosts": ({"region": "eu2"}, "region"),
}


@pytest.mark.parametrize(("given", "told"), REFUSED.values(), ids=REFUSED)
def test_module_refuses_options_with_a_whole_result(
    module: Module, simulator: Simulator, given: dict[str, t.Any], told: str
) -> None:
    status, result, _text = module(**{"incident_ids": [NOBODY], **given})
    assert (status, result["failed"], result["changed"]) == (1, True, False)
    assert told in result["msg"]
    assert result["incidents"] == result["unassigned_ids"] == result["not_found_ids"] == []
    assert set(result["failure"]) == {"status", "method", "url", "message", "correlation_id"}
    assert simulator.journal == []


def test_null_is_no_list(module: Module, simulator: Simulator) -> None:
    # Unlike an empty list, it is what an undefined or misspelt variable leaves.
    status, result, _text = module(incident_ids=None)
    assert (status, result["failed"]) == (1, True)
    assert "incident_ids" in result["msg"]
    assert simulator.journal == []


@pytest.mark.parametrize("source", ["api_key", "CORALOGIX_API_KEY", "CX_API_KEY"])
@pytest.mark.parametrize("key", [KEY, f"Bearer {KEY}"], ids=["bare", "with prefix"])
def test_key_is_masked_wherever_the_service_repeats_it(
    module: Module, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, source: str, key: str
) -> None:
    given: dict[str, t.Any] = {} if source == "api_key" else {"api_key": ...}
    if source == "api_key":
        given["api_key"] = key
    else:
        monkeypatch.setenv(source, key)
    simulator.fault(Fault(status=401, body={"message": f"invalid key {KEY}"}))
    # That the key is nowhere in the output is what the fixture asserts.
    assert "invalid key ***" in module(incident_ids=[NOBODY], **given).result["failure"]["message"]


def test_user_agent_names_the_versions(module: Module, simulator: Simulator) -> None:
    module(incident_ids=[NOBODY])
    words = simulator.journal[0].headers["user-agent"].split()
    assert [word.split("/")[0] for word in words] == ["coralogix.incidents", "ansible-core", "Python"]
    assert words[2] == "Python/{}.{}.{}".format(*sys.version_info)


ODD_INCIDENTS: dict[str, dict[str, t.Any]] = {
    "deep": {"events": json.loads("[" * 300 + "]" * 300)},
    "null character": {"name": "\0"},
    "huge number": {"duration": 10**400, "isMuted": 1e308},
    "no number": {"duration": float("nan"), "isMuted": float("inf")},
    "line separators": {"name": "\u2028\u2029\x85"},
    "telling keys": {"displayLabels": {"__ansible_unsafe": "x", "_ansible_no_log": True, "{{ 7*7 }}": "{{ 7*7 }}"}},
}


@pytest.mark.parametrize("fields", ODD_INCIDENTS.values(), ids=ODD_INCIDENTS)
def test_odd_incident_comes_through(module: Module, simulator: Simulator, fields: dict[str, t.Any]) -> None:
    shown = {"id": NOBODY, "assignments": [], **fields}
    simulator.fault(Fault(body=json.dumps({"incidents": {NOBODY: shown}, "notFoundIds": []}), status=200))
    status, result, _text = module(incident_ids=[NOBODY])
    assert (status, result["changed"]) == (0, False)
    assert json.dumps(result["incidents"]) == json.dumps([shown])


def test_half_a_character_does_not_keep_ansible_from_telling(module: Module, simulator: Simulator) -> None:
    (assigned,) = simulator.add_incidents(1, assigned=1)
    simulator.fault(Fault("unassign", replace=lambda true: {"incidents": [{**true["incidents"][0], "name": "\ud83d"}]}))
    status, result, text = module(incident_ids=[assigned])
    assert (status, result["unassigned_ids"], result["incidents"][0]["name"]) == (0, [assigned], "\ufffd")
    assert "\\ud83d" not in text


def test_missing_requests_is_explained_the_ansible_way() -> None:
    # A process of its own, in which `import requests` really fails.
    code = f"import sys; sys.modules['requests'] = None; from {MODULE} import main; main()"
    args = {"incident_ids": [NOBODY], "api_key": KEY, "_ansible_version": "2.99"}
    script = (
        "import json\nfrom ansible.module_utils import basic\n"
        f"basic._ANSIBLE_ARGS = {json.dumps({'ANSIBLE_MODULE_ARGS': args}).encode()!r}\n"
        "basic._ANSIBLE_PROFILE = 'legacy'\n"
        f"{code}\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=env)
    result = json.loads(ended.stdout)
    assert (ended.returncode, result["failed"]) == (1, True)
    assert "Failed to import the required Python library (requests)" in result["msg"]
    assert result["msg"].endswith(". Nothing was changed.")
    assert (result["changed"], result["unassigned_ids"], result["incidents"]) == (False, [], [])
    assert KEY not in ended.stdout + ended.stderr
