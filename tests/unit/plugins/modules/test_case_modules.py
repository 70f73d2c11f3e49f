# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that change cases, from options to result: what each does, and what it says when something goes wrong."""

from __future__ import annotations

import functools
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _case
from helpers import table
from in_process import KEY, Result, Runner
from operations import ASSIGNEE, CASE_OPERATIONS, OTHER, Operation
from operations import COMMENT as COMMENT_TEXT
from simulator import Entry, Fault, Simulator

USER = ASSIGNEE.lower()
UNKNOWN = "00000000-0000-4000-8000-00000000000f"
RESOLVED, CLOSED, PENDING = "resolved", "closed", "pending_activation"
STATUSES = (PENDING, "active", "acknowledged", RESOLVED, CLOSED)


# Without those that make a change each time.
MODULES = {name.removeprefix("case "): row for name, row in CASE_OPERATIONS.items() if row.is_left_to_do is None}
ASSIGN, COMMENT = MODULES["assign"], MODULES["comment"]
for_each_module = table("module", MODULES)


def run_on(run: Runner, module: Operation, *ids: str, **options: t.Any) -> Result:
    return run(module.module, case_ids=list(ids), **{**module.options, **options})


def shown(case: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """A case without the field that no answer to a comment shows."""
    return {name: value for name, value in case.items() if name != "updateTime"}


def assert_result_is_true(sim: Simulator, module: Operation, result: Result) -> None:
    """The result agrees with what really happened, as far as it says anything for certain."""
    changed = {sim.case(case_id)["id"] for entry in sim.writes for case_id in entry.effect}
    named = {sim.case(case_id)["id"] for case_id in result[module.ids_name]}
    assert named <= changed, "what did not change is not named as changed"
    assert result["changed"] or not changed, "a change is not denied"
    if "failed" not in result:
        assert named == changed
    assert [shown(case) for case in result["cases"]] == [shown(sim.case(case["id"])) for case in result["cases"]]


# What each does.
@for_each_module
def test_check_mode_then_run_then_second_run(sim: Simulator, run: Runner, module: Operation) -> None:
    case_id = sim.add_case(title="Disk full", **module.given)
    before = {**sim.case(case_id), "events": sim.case_events(case_id)}
    predicted = run_on(run, module, case_id, check_mode=True)
    assert sim.writes == []
    done = run_on(run, module, case_id)
    assert len(sim.writes) == 1
    again = run_on(run, module, case_id)
    assert len(sim.writes) == 1
    for result in (predicted, done):
        assert (result["changed"], result[module.ids_name], result["not_found_ids"]) == (True, [case_id], [])
        assert [case["id"] for case in result["cases"]] == [case_id]
        assert result["diff"] == predicted["diff"]
        assert "events" not in result["cases"][0]
        (case,) = result["cases"]
        now = sim.case(case_id)
        assert [case.get(field) for field in module.fields] == [now.get(field) for field in module.fields]
    expected = {field: value for field, value in module.predicted(before).items() if field != "events"}
    assert predicted["cases"] == [expected]
    assert again["cases"] == [sim.case(case_id)]
    assert shown(done["cases"][0]) == shown(sim.case(case_id))
    after = {**sim.case(case_id), "events": sim.case_events(case_id)}
    assert module.took_effect(before, after)
    assert (again["changed"], again[module.ids_name], again["diff"]) == (False, [], {"prepared": ""})
    (line,) = done["diff"]["prepared"].splitlines()
    assert line.startswith(f'{case_id} ({before["readableId"]}) "Disk full": ')
    assert line.endswith(f'": {module.describe(before)} -> {module.describe(after)}')


@table(
    "module, status",
    {
        f"{name} {status}": (module, status)
        for name, module in MODULES.items()
        for status in STATUSES
        if module.skips({"status": f"CASE_STATUS_{status.upper()}"})
    },
)
def test_skips_what_is_further_along(sim: Simulator, run: Runner, module: Operation, status: str) -> None:
    case_id = sim.add_case(**{**module.given, "status": status})
    result = run_on(run, module, case_id)
    assert (result["changed"], result["skipped_ids"], result[module.ids_name]) == (False, [case_id], [])
    assert sim.writes == []


@for_each_module
def test_an_empty_list_sends_nothing(sim: Simulator, run: Runner, module: Operation) -> None:
    result = run_on(run, module, api_key=..., team_id=...)
    assert (result["changed"], result["cases"], result["ansible_facts"]) == (False, [], {"coralogix_cases": []})
    assert sim.journal == []


@for_each_module
def test_two_spellings_are_one_case_named_as_first_given(sim: Simulator, run: Runner, module: Operation) -> None:
    first, second = sim.add_case(**module.given), sim.add_case(**module.given)
    readable = sim.case(first)["readableId"].lower()
    result = run_on(run, module, readable, second.upper(), f" {first} ", second, readable.upper(), first.upper())
    assert result[module.ids_name] == [readable, second.upper()]
    assert [case["id"] for case in result["cases"]] == [first, second]
    assert sorted(case_id for entry in sim.writes for case_id in entry.effect) == sorted([first, second])
    sent = [case_id for entry in sim.journal for case_id in entry.ids]
    assert all(case_id in (first, second, readable.upper()) for case_id in sent)


@for_each_module
@pytest.mark.parametrize("status", ["404", "400"])
def test_unknown_ids_fail_or_are_skipped(sim: Simulator, run: Runner, module: Operation, status: str) -> None:
    sim.settings["cases"].unknown_cases = status
    known = sim.add_case(**module.given)
    result = run_on(run, module, "case-999", known, UNKNOWN.upper())
    assert result["msg"].startswith(f"Unknown case IDs: 'case-999', '{UNKNOWN.upper()}'. Set missing=ignore")
    assert (result["changed"], result["not_found_ids"]) == (False, ["case-999", UNKNOWN.upper()])
    assert sim.writes == []
    result = run_on(run, module, "case-999", known, UNKNOWN, missing="ignore")
    assert (result[module.ids_name], result["not_found_ids"]) == ([known], ["case-999", UNKNOWN])


@for_each_module
def test_events_are_returned_on_request(sim: Simulator, run: Runner, module: Operation) -> None:
    ids = [sim.add_case(**module.given), sim.add_case(**module.given)]
    result = run_on(run, module, *ids, include_events=True)
    assert [case["events"] for case in result["cases"]] == [sim.case_events(case_id) for case_id in ids]
    assert result["ansible_facts"]["coralogix_cases"] == result["cases"]


def test_events_that_cannot_be_read_fail_the_task_and_hide_no_change(sim: Simulator, run: Runner) -> None:
    case_id = sim.add_case()
    sim.fault(Fault("case_events", status=500))
    result = run_on(run, MODULES["acknowledge"], case_id, include_events=True)
    assert (result.get("failed"), result["changed"], result["acknowledged_ids"]) == (True, True, [case_id])
    assert result["cases"] == [sim.case(case_id)]


# What is refused before anything is sent.
REFUSED: dict[str, tuple[str, dict[str, t.Any], str]] = {
    "version 3": ("case_unassign", {"api_version": "3"}, "api_version is 3. Cases need latest or 5."),
    "version 4": ("case_close", {"api_version": "4"}, "api_version is 4. Cases need latest or 5."),
    "version in the URL": ("case_close", {"api_url": "https://h.example/mgmt/openapi/3"}, "api_version is 3."),
    "no ID": ("case_close", {"case_ids": "checkout"}, "neither a UUID nor a readable ID such as CASE-123"),
    "number": ("case_close", {"case_ids": [123]}, "neither a UUID nor a readable ID such as CASE-123"),
    "long ID": ("case_close", {"case_ids": ["A" * 64 + "-1"]}, "neither a UUID nor a readable ID"),
    "brackets": ("case_close", {"case_ids": "['CASE-1','CASE-2']"}, "it contains a bracket"),
    "null IDs": ("case_close", {"case_ids": None}, "case_ids"),
    "assignee": ("case_assign", {"assignee": "dana"}, "a user ID (a UUID) or an e-mail address"),
    "blank assignee": ("case_assign", {"assignee": " "}, "assignee is blank"),
    "null assignee": ("case_assign", {"assignee": None}, "assignee"),
    "both": ("case_priority", {"priority": "P1", "state": "absent"}, "priority cannot be combined with state=absent"),
    "no priority": ("case_priority", {}, "priority is missing. Set it to one of P1 to P5"),
    "priority": ("case_priority", {"priority": "P0"}, "value of priority must be one of: P1, P2, P3, P4, P5"),
    "blank text": ("case_comment", {"text": " \n"}, "text is blank"),
    "long text": ("case_comment", {"text": "x" * 10_001}, "text has 10001 characters. The API takes at most 10000"),
    "long reason": ("case_resolve", {"reason": "x" * 501}, "reason has 501 characters. The API takes at most 500"),
    "blank reason": ("case_resolve", {"reason": " "}, "reason is blank"),
    "nothing": ("case_update", {}, "Nothing to update. Set title, resolution_reason or both."),
    "long title": ("case_update", {"title": "x" * 513}, "title has 513 characters. The API takes at most 512"),
    "blank title": ("case_update", {"title": "\t", "resolution_reason": "x"}, "title is blank"),
    "long new reason": ("case_update", {"resolution_reason": "x" * 501}, "resolution_reason has 501 characters"),
}


@table("name, options, message", REFUSED)
def test_refused_before_anything_is_sent(
    sim: Simulator, run: Runner, name: str, options: dict[str, t.Any], message: str
) -> None:
    result = run(name, **{"case_ids": [sim.add_case()], **options})
    assert message in result["msg"]
    assert not result["changed"]
    assert sim.journal == []


def test_texts_of_the_longest_length_are_sent_trimmed(sim: Simulator, run: Runner) -> None:
    case_id = sim.add_case(status=RESOLVED)
    run("case_update", case_ids=case_id, title=f" {'t' * 512}\n", resolution_reason=f"\t{'r' * 500} ")
    run("case_comment", case_ids=case_id, text=f" {'c' * 10_000} ")
    assert sim.case(case_id)["title"] == "t" * 512
    assert sim.case(case_id)["resolutionDetails"]["reason"] == "r" * 500
    assert sim.comments(case_id) == ["c" * 10_000]


# Permissions.
@for_each_module
def test_needs_no_more_than_its_permission_and_that_to_read(sim: Simulator, run: Runner, module: Operation) -> None:
    case_id = sim.add_case(**module.given)
    sim.add_key(KEY, permissions=["case:Read", module.permission], kind="team")
    assert run_on(run, module, case_id, include_events=True)[module.ids_name] == [case_id]


@for_each_module
@pytest.mark.parametrize("check_mode", [False, True])
def test_without_the_permission_to_read_nothing_is_written(
    sim: Simulator, run: Runner, module: Operation, check_mode: bool
) -> None:
    case_id = sim.add_case(**module.given)
    sim.add_key(KEY, permissions=[module.permission])
    result = run_on(run, module, case_id, check_mode=check_mode)
    assert "It needs the permission case:Read." in result["msg"]
    assert "must read first" in result["msg"]
    assert (result["changed"], result["failure"]["status"], sim.writes) == (False, 403, [])


@for_each_module
def test_without_its_permission_the_message_names_it(sim: Simulator, run: Runner, module: Operation) -> None:
    case_id = sim.add_case(**module.given)
    sim.add_key(KEY, permissions=["case:Read"])
    result = run_on(run, module, case_id)
    assert f"It needs the permission {module.permission}." in result["msg"]
    assert result["msg"].endswith("Nothing was changed.")
    assert (result["changed"], result["failure"]["status"]) == (False, 403)


@for_each_module
def test_wrong_key_fails(sim: Simulator, run: Runner, module: Operation) -> None:
    result = run_on(run, module, sim.add_case(), api_key="cxup_wrong")
    assert "did not accept the API key (401: Unauthorized: invalid API key)" in result["msg"]
    assert (result["changed"], len(sim.journal)) == (False, 1)


@for_each_module
def test_latest_that_does_not_serve_cases_fails(sim: Simulator, run: Runner, module: Operation) -> None:
    sim.settings["cases"].latest_serves_cases = False
    case_id = sim.add_case(**module.given)
    result = run_on(run, module, case_id)
    assert "has no route GET /mgmt/openapi/latest/cases/cases/v1/" in result["msg"]
    assert 'Set api_version to "5". If that does not help, ask whether the account has cases' in result["msg"]
    assert not result["changed"]
    assert run_on(run, module, case_id, api_version="5")[module.ids_name] == [case_id]


# What the contract leaves open.
def before_the_write(sim: Simulator, act: t.Callable[[], t.Any]) -> None:
    """Somebody else acts once, between the read and the first write."""
    acted: list[Entry] = []

    def hook(entry: Entry) -> None:
        is_read = entry.operation in ("case_read", "case_events", "user_search")
        if not is_read and not acted:
            acted.append(entry)
            act()

    sim.on_request = hook


def after_a_fault(sim: Simulator, act: t.Callable[[], t.Any]) -> None:
    """Somebody else acts after each request that a fault has spoilt."""

    def hook(entry: Entry) -> None:
        if entry.fault:
            act()

    sim.after_request = hook


BULK = {name: module for name, module in MODULES.items() if module.name.endswith("_many")}
# One module for each kind of request. What happens to a request does not depend on the module.
IN_BODY, IN_QUERY, SINGLE = MODULES["resolve"], MODULES["unassign"], MODULES["acknowledge"]
DISAPPEARS = {
    f"{name} {bad_ids} {missing} {status}": (module, bad_ids, missing, status)
    for name, module in BULK.items()
    for bad_ids in ("error", "skip", "partial")
    for missing in ("fail", "ignore")
    for status in ("404", "400")
    if module in (IN_BODY, IN_QUERY) or (missing, status) == ("fail", "404")
}


@table("module, bad_ids, missing, status", DISAPPEARS)
def test_a_case_disappears_before_a_bulk_write(
    sim: Simulator, run: Runner, module: Operation, bad_ids: str, missing: str, status: str
) -> None:
    sim.settings["cases"].bulk_bad_ids, sim.settings["cases"].unknown_cases = bad_ids, status
    ids = [sim.add_case(**module.given) for _number in range(3)]
    before_the_write(sim, lambda: sim.remove_case(ids[1]))
    result = run_on(run, module, *ids, missing=missing)
    written = [] if bad_ids == "error" else [ids[0], ids[2]]
    assert result[module.ids_name] == written
    assert result["not_found_ids"] == [ids[1]]
    # The request may have been refused because of an ID, but the service may have carried it out for others.
    assert result["changed"]
    assert ("failed" in result) == (bad_ids != "skip" or missing == "fail")
    assert [case["id"] for case in result["cases"]] == [ids[0], ids[2]]
    assert result["cases"] == [sim.case(ids[0]), sim.case(ids[2])]


@for_each_module
@pytest.mark.parametrize("repeated", ["200", "400"])
def test_somebody_else_does_the_same_first(sim: Simulator, run: Runner, module: Operation, repeated: str) -> None:
    sim.settings["cases"].repeated = repeated
    case_id = sim.add_case(**module.given)
    before_the_write(sim, functools.partial(sim.act, module.name, case_id, **module.values))
    result = run_on(run, module, case_id)
    if repeated == "200" or module is COMMENT:
        assert (result["changed"], "failed" in result) == (True, False)
    else:
        # The service refuses, and the message says why.
        assert "(400: case " in result["msg"]


FORBIDDEN: dict[str, tuple[Operation, dict[str, t.Any], dict[str, t.Any]]] = {
    "assign closed": (ASSIGN, {"status": CLOSED}, {"closed_cases_assignable": False}),
    "unassign closed": (
        MODULES["unassign"], {"status": CLOSED, "assignee": OTHER}, {"closed_cases_assignable": False},
    ),
    "comment on closed": (COMMENT, {"status": CLOSED}, {"closed_cases_editable": False}),
    "update closed": (MODULES["update"], {"status": CLOSED}, {"closed_cases_editable": False}),
    "close active": (MODULES["close"], {}, {"active_cases_closable": False}),
    "reason of an unresolved case": (
        MODULES["update"]._replace(options={"resolution_reason": "x"}),
        {},
        {"repeated": "400"},
    ),
}  # fmt: skip


@table("module, given, settings", FORBIDDEN)
def test_what_the_contract_does_not_forbid_is_tried_and_its_refusal_reported(
    sim: Simulator, run: Runner, module: Operation, given: dict[str, t.Any], settings: dict[str, t.Any]
) -> None:
    case_id = sim.add_case(**given)
    before = sim.case(case_id)
    for name, value in settings.items():
        setattr(sim.settings["cases"], name, value)
    result = run_on(run, module, case_id)
    assert len(sim.writes) == 1
    assert "as invalid (400: " in result["msg"]
    assert result["msg"].endswith("Nothing was changed.")
    assert (result["changed"], result["cases"], sim.case(case_id)) == (False, [before], before)
    assert result["failure"]["status"] == 400


ALLOWED: dict[str, tuple[Operation, dict[str, t.Any]]] = {
    "assign closed": (ASSIGN, {"status": CLOSED}),
    "assign pending": (ASSIGN, {"status": PENDING}),
    "unassign closed": (MODULES["unassign"], {"status": CLOSED, "assignee": OTHER}),
    "comment on closed": (COMMENT, {"status": CLOSED}),
    "update closed": (MODULES["update"], {"status": CLOSED}),
    "close active": (MODULES["close"], {}),
    "close acknowledged": (MODULES["close"], {"status": "acknowledged"}),
    "resolve acknowledged": (MODULES["resolve"], {"status": "acknowledged"}),
    "priority of pending": (MODULES["priority"], {"status": PENDING}),
}


@table("module, given", ALLOWED)
def test_what_the_contract_does_not_forbid_is_done(
    sim: Simulator, run: Runner, module: Operation, given: dict[str, t.Any]
) -> None:
    case_id = sim.add_case(**given)
    result = run_on(run, module, case_id)
    assert result[module.ids_name] == [case_id]
    assert_result_is_true(sim, module, result)


def test_a_forbidden_transition_accepted_without_effect_fails(sim: Simulator, run: Runner) -> None:
    sim.settings["cases"].active_cases_closable = False
    sim.settings["cases"].forbidden_transitions = "200"
    case_id = sim.add_case()
    result = run("case_close", case_ids=[case_id])
    assert result["msg"].count("its effect is not visible yet") == 1
    assert (result["changed"], result["closed_ids"]) == (True, [])
    assert run.sleeps == [0.25, 0.5, 1.0, 2.0]


@for_each_module
@pytest.mark.parametrize("to", ["case_resolve", "case_close"])
@pytest.mark.parametrize("forbidden", ["400", "200"])
def test_somebody_else_resolves_or_closes_first(
    sim: Simulator, run: Runner, module: Operation, to: str, forbidden: str
) -> None:
    sim.settings["cases"].forbidden_transitions = forbidden
    case_id = sim.add_case(**module.given)
    before_the_write(sim, functools.partial(sim.act, to, case_id))
    result = run_on(run, module, case_id)
    changed = [entry.effect for entry in sim.writes if entry.effect]
    assert not changed or result["changed"]
    # Nobody can tell who did it if both wanted the same. And what a refusal or an event does not show is as it was
    # read before.
    if to not in module.name and module is not COMMENT and (changed or "_many" in module.name):
        assert_result_is_true(sim, module, result)


# Details of single modules.
def test_a_resolved_case_keeps_its_reason(sim: Simulator, run: Runner) -> None:
    case_id = sim.add_case()
    run("case_resolve", case_ids=[case_id], reason="First")
    result = run("case_resolve", case_ids=[case_id], reason="Second")
    assert (result["changed"], result["resolved_ids"], result["skipped_ids"]) == (False, [], [])
    result = run("case_update", case_ids=[case_id], resolution_reason=" Second ")
    assert result["cases"][0]["resolutionDetails"]["reason"] == "Second"


def test_the_override_is_compared_not_the_priority(sim: Simulator, run: Runner) -> None:
    same = sim.add_case(priority="P1")
    other = sim.add_case(priority="P2", override="P1")
    result = run("case_priority", case_ids=[same, other], priority="P1")
    assert result["prioritized_ids"] == [same]
    assert sim.case(same)["priorityDetails"] == {"system": "CASE_PRIORITY_P1", "override": "CASE_PRIORITY_P1"}


@pytest.mark.parametrize("status", STATUSES)
def test_no_override_is_as_wanted_in_any_status(sim: Simulator, run: Runner, status: str) -> None:
    result = run("case_priority", case_ids=[sim.add_case(status=status)], state="absent")
    assert (result["changed"], result["skipped_ids"], sim.writes) == (False, [], [])


def test_reassigned_ids_name_the_previous_assignees(sim: Simulator, run: Runner) -> None:
    taken, free, own = sim.add_case(assignee=OTHER), sim.add_case(), sim.add_case(assignee=USER)
    readable = sim.case(taken)["readableId"].lower()
    for check_mode in (True, False):
        result = run("case_assign", case_ids=[readable, free, own], assignee=USER.upper(), check_mode=check_mode)
        assert (result["assigned_ids"], result["reassigned_ids"]) == ([readable, free], {readable: [OTHER]})


def test_only_unassigned_skips_what_somebody_has(sim: Simulator, run: Runner) -> None:
    taken, free, own = sim.add_case(assignee=OTHER), sim.add_case(), sim.add_case(assignee=USER)
    result = run("case_assign", case_ids=[taken, free, own], assignee=USER, only_unassigned=True)
    assert (result["assigned_ids"], result["skipped_ids"], result["reassigned_ids"]) == ([free], [taken], {})


def test_only_unassigned_does_not_take_what_somebody_took_during_the_wait(sim: Simulator, run: Runner) -> None:
    case_id = sim.add_case()
    sim.fault(Fault("case_assign_many", status=429, times=1))
    after_a_fault(sim, lambda: sim.act("case_assign", case_id, OTHER))
    result = run("case_assign", case_ids=[case_id], assignee=USER, only_unassigned=True)
    assert (result["changed"], result["skipped_ids"], sim.case_assignee(case_id)) == (False, [case_id], OTHER)


def test_a_title_that_changes_is_not_confused_with_a_resolution(sim: Simulator, run: Runner) -> None:
    # The first try is lost without effect, and somebody resolves the case: the title still has to be written.
    case_id = sim.add_case(title="Old")
    sim.fault(Fault("case_update", reset=True, effect=False, times=1))
    after_a_fault(sim, lambda: sim.act("case_resolve", case_id, reason="Fixed"))
    result = run("case_update", case_ids=[case_id], title="New")
    assert (result["updated_ids"], sim.case(case_id)["title"]) == ([case_id], "New")
    assert "failed" not in result


# Lost answers.
LOST = {
    "reset": {"reset": True},
    "malformed": {"malformed": True},
    "503": {"status": 503},
    "not JSON": {"raw": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nOK"},
    "other JSON": {"replace": {"ok": True}},
}


@table("module", {"body": IN_BODY, "query": IN_QUERY, "single": SINGLE, "comment": COMMENT})
@table("fault", LOST)
@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("retries", [0, 4])
def test_a_lost_answer(
    sim: Simulator, run: Runner, module: Operation, fault: dict[str, t.Any], effect: bool, retries: int
) -> None:
    ids = [sim.add_case(**module.given) for _number in range(2)]
    sim.fault(Fault(module.name, effect=effect, times=1, **fault))
    result = run_on(run, module, *ids, retries=retries)
    assert_result_is_true(sim, module, result)
    effects = [case_id for entry in sim.writes for case_id in entry.effect]
    assert len(effects) == len(set(effects)), "nothing is done twice"
    if retries and "replace" not in fault:
        assert "failed" not in result
        assert result[module.ids_name] == ids
        assert sorted(effects) == sorted(ids)
    if effect:
        assert set(result[module.ids_name]) >= set(effects)


@for_each_module
@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize("stale_reads", [1, 3])
def test_a_lost_answer_while_reads_lag(
    sim: Simulator, run: Runner, module: Operation, effect: bool, stale_reads: int
) -> None:
    case_id = sim.add_case(**module.given)
    sim.stale_reads = sim.stale_events = stale_reads
    sim.fault(Fault(module.name, effect=effect, reset=True, times=1))
    result = run_on(run, module, case_id)
    assert result[module.ids_name] == [case_id]
    assert "failed" not in result
    assert sum(len(entry.effect) for entry in sim.writes) == 1


@for_each_module
def test_an_accepted_write_whose_effect_lags_behind(sim: Simulator, run: Runner, module: Operation) -> None:
    case_id = sim.add_case(**module.given)
    before = sim.case(case_id)
    sim.stale_reads = sim.stale_events = 3
    # The answer shows the state before.
    sim.fault(Fault(module.name, replace=lambda answer: {"case": before, "cases": [before], "event": {}}))
    result = run_on(run, module, case_id)
    assert (result[module.ids_name], "failed" in result) == ([case_id], False)
    assert len(sim.writes) == 1


# Comments.
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("effect", [False, True])
@pytest.mark.parametrize("lost", [1, 3])
@pytest.mark.parametrize("stale_events", [0, 1, 4])
@table("fault", {name: LOST[name] for name in ("reset", "other JSON")})
def test_a_comment_is_never_posted_twice(
    sim: Simulator, run: Runner, force: bool, effect: bool, lost: int, stale_events: int, fault: dict[str, t.Any]
) -> None:
    case_id = sim.add_case()
    if force:
        sim.act("case_comment", case_id, text=COMMENT_TEXT)
    sim.stale_events = stale_events
    before = len(sim.comments(case_id))
    sim.fault(Fault("case_comment", effect=effect, times=lost, **fault))
    result = run("case_comment", case_ids=[case_id], text=COMMENT_TEXT, force=force)
    posted = len(sim.comments(case_id)) - before
    assert posted <= 1
    assert posted == len(result["commented_ids"]) or ("failed" in result and result["changed"])
    if "replace" not in fault:
        assert posted == 1
        assert result["commented_ids"] == [case_id]


def test_a_comment_is_not_verified_by_a_case_without_its_events(sim: Simulator, run: Runner) -> None:
    """The events are read after all cases. Here one case cannot be read."""
    ids = [sim.add_case(), sim.add_case()]
    # Both writes begin before one of them fails.
    sim.fault(Fault("case_comment", reset=True, delay=0.2))
    sim.fault(Fault("case_read", when_id=ids[1], skip=1, status=500, delay=0.1))
    result = run("case_comment", case_ids=ids, text=COMMENT_TEXT, retries=0)
    assert result["changed"]
    for case_id in {item_id for entry in sim.writes for item_id in entry.ids}:
        assert case_id in result["msg"].partition("Perhaps commented, but not verified: ")[2]


def test_a_comment_is_compared_trimmed_and_as_a_whole(sim: Simulator, run: Runner) -> None:
    case_id, other = sim.add_case(), sim.add_case()
    sim.act("case_comment", case_id, text=f"  {COMMENT_TEXT}\n")
    sim.act("case_comment", other, text=f"{COMMENT_TEXT} Or not.")
    result = run("case_comment", case_ids=[case_id, other], text=f"\n{COMMENT_TEXT} ")
    assert result["commented_ids"] == [other]
    assert sim.comments(other)[-1] == COMMENT_TEXT


def test_force_posts_again(sim: Simulator, run: Runner) -> None:
    case_id = sim.add_case()
    for number in (1, 2):
        result = run("case_comment", case_ids=[case_id], text=COMMENT_TEXT, force=True)
        assert (result["changed"], sim.comments(case_id)) == (True, [COMMENT_TEXT] * number)
        assert result["diff"]["prepared"].endswith(f": {_count(number - 1)} -> {_count(number)}\n")


def _count(number: int) -> str:
    return f"{number} comment{'' if number == 1 else 's'} with this text"


def test_a_comment_with_another_text_is_not_taken_for_ours(sim: Simulator, run: Runner) -> None:
    case_id = sim.add_case()
    sim.fault(Fault("case_comment", reset=True, effect=False, times=1))
    after_a_fault(sim, lambda: sim.act("case_comment", case_id, text="Something else"))
    run("case_comment", case_ids=[case_id], text=COMMENT_TEXT)
    assert sim.comments(case_id) == ["Something else", COMMENT_TEXT]


# Many at a time: more than one request takes, and than requests run at the same time.
MANY = 20


@pytest.fixture
def eight_ids_in_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, row in list(_case.OPERATIONS.items()):
        limited = row._replace(max_ids=min(row.max_ids, 8), max_ids_in_body=min(row.max_ids_in_body, 8))
        monkeypatch.setitem(_case.OPERATIONS, name, limited)


@for_each_module
@pytest.mark.usefixtures("eight_ids_in_a_request")
def test_many_cases_are_split_into_requests(sim: Simulator, run: Runner, module: Operation) -> None:
    ids = [sim.add_case(**module.given) for _number in range(MANY)]
    result = run_on(run, module, *ids)
    assert result[module.ids_name] == ids
    assert [case["id"] for case in result["cases"]] == ids
    sizes = [len(entry.ids) for entry in sim.writes]
    assert sorted(sizes) == ([4, 8, 8] if module.name.endswith("_many") else [1] * MANY)
    assert sim.peak <= 8


@for_each_module
@pytest.mark.usefixtures("eight_ids_in_a_request")
def test_failure_of_a_second_request(sim: Simulator, run: Runner, module: Operation) -> None:
    ids = [sim.add_case(**module.given) for _number in range(MANY)]
    sim.fault(Fault(module.name, status=400, skip=1))
    result = run_on(run, module, *ids)
    assert "failed" in result
    done = {case_id for entry in sim.writes for case_id in entry.effect}
    assert set(result[module.ids_name]) == done
    assert 0 < len(done) < MANY
    assert f"{module.participle.capitalize()} before that: " in result["msg"]


# What was done is reported, whatever happens.
def test_a_second_spelling_does_not_show_the_state_before(sim: Simulator, run: Runner) -> None:
    case_id = sim.add_case()
    readable = sim.case(case_id)["readableId"]
    sim.fault(Fault("case_close_many", malformed=True))
    sim.fault(Fault("case_read", status=500, skip=2))
    result = run("case_close", case_ids=[case_id, readable], retries=0)
    assert "Perhaps closed, but not verified" in result["msg"]
    assert result["cases"] == []


def test_an_exception_while_events_are_read_keeps_what_was_done(
    sim: Simulator, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = sim.add_case()
    monkeypatch.setitem(_case.OPERATIONS, "events", _case.OPERATIONS["events"]._replace(routes={}))
    result = run("case_close", case_ids=[case_id], include_events=True, unexpected=True)
    assert (result["changed"], result["closed_ids"]) == (True, [case_id])
    assert "Closed before that: " in result["msg"]
    assert sim.case(case_id)["status"] == "CASE_STATUS_CLOSED"


def test_a_refusal_of_notifications_makes_no_case_unknown(sim: Simulator, run: Runner) -> None:
    ids = sim.add_cases(2)
    sim.fault(Fault("case_deliveries", status=404, body={"code": 404, "message": f"Not Found: case {ids[0]}"}))
    result = run("case_info", case_ids=ids, include_notifications=True, missing="ignore")
    assert "failed" in result
    assert result["not_found_ids"] == []
