# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each module that changes incidents does to which, by value and against the simulator."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _plan
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import holders
from ansible_collections.coralogix.incidents.plugins.module_utils._incidents import Incidents
from ansible_collections.coralogix.incidents.plugins.module_utils._module import apply
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change
from ansible_collections.coralogix.incidents.plugins.modules.incident_acknowledge import ACKNOWLEDGE
from ansible_collections.coralogix.incidents.plugins.modules.incident_assign import assign
from ansible_collections.coralogix.incidents.plugins.modules.incident_close import close
from ansible_collections.coralogix.incidents.plugins.modules.incident_resolve import RESOLVE
from ansible_collections.coralogix.incidents.plugins.modules.incident_unassign import UNASSIGN
from made_up import KEY, Printed
from simulator import Entry, Fault, Simulator

MakeService = t.Callable[..., Incidents]
Result = dict[str, t.Any]

CHANGES = {
    "unassign": UNASSIGN,
    "assign": assign({"assignee": "me", "only_unassigned": False}),
    "assign what is free": assign({"assignee": "me", "only_unassigned": True}),
    "acknowledge": ACKNOWLEDGE,
    "resolve": RESOLVE,
    "close": close({}),
}
LEAVES_ALONE = ["assign what is free", "acknowledge", "resolve"]

# Incidents as they may be: who holds them, status, state, closed or not.
TRIGGERED, ACKNOWLEDGED, RESOLVED = (f"INCIDENT_STATUS_{name}" for name in ("TRIGGERED", "ACKNOWLEDGED", "RESOLVED"))
LASTS, ENDED = (f"INCIDENT_STATE_{name}" for name in ("TRIGGERED", "RESOLVED"))
INCIDENTS: dict[str, tuple[list[str], str, str, bool]] = {
    "new": ([], TRIGGERED, LASTS, False),
    "taken": (["me"], TRIGGERED, LASTS, False),
    "another's": (["u1"], ACKNOWLEDGED, LASTS, False),
    "shared": (["u1", "me"], TRIGGERED, LASTS, False),
    "ended by itself": ([], TRIGGERED, ENDED, False),
    "acknowledged, then ended": ([], ACKNOWLEDGED, ENDED, False),
    "resolved": (["u1"], RESOLVED, ENDED, False),
    "resolved by hand": ([], RESOLVED, LASTS, False),
    "closed": ([], RESOLVED, ENDED, True),
    "closed as it was": (["me"], TRIGGERED, LASTS, True),
    "closed, acknowledged": (["u1"], ACKNOWLEDGED, ENDED, True),
}
# What each change does: those it changes and those it leaves alone; all others are as wanted.
DECISIONS: dict[str, tuple[list[str], list[str]]] = {
    "unassign": (
        ["taken", "another's", "shared", "resolved", "closed as it was", "closed, acknowledged"],
        [],
    ),
    "assign": (
        [
            *("new", "another's", "shared", "ended by itself", "acknowledged, then ended", "resolved"),
            *("resolved by hand", "closed", "closed, acknowledged"),
        ],
        [],
    ),
    "assign what is free": (
        ["new", "ended by itself", "acknowledged, then ended", "resolved by hand", "closed"],
        ["another's", "shared", "resolved", "closed, acknowledged"],
    ),
    "acknowledge": (
        ["new", "taken", "shared"],
        ["ended by itself", "resolved", "resolved by hand", "closed", "closed as it was"],
    ),
    "resolve": (
        ["new", "taken", "another's", "shared", "ended by itself", "acknowledged, then ended"],
        ["closed as it was", "closed, acknowledged"],
    ),
    "close": (
        [
            *("new", "taken", "another's", "shared", "ended by itself", "acknowledged, then ended"),
            *("resolved", "resolved by hand"),
        ],
        [],
    ),
}


def named(name: str) -> Result:
    users, status, state, is_closed = INCIDENTS[name]
    held = [{"assignedTo": {"userId": user}, "assignedBy": {"userId": "u0"}} for user in users]
    closed = {"closedAt": "2026-11-23T04:10:00.000Z"} if is_closed else {}
    return {"id": name, "assignments": held, "status": status, "state": state, "name": "n", **closed}


@pytest.mark.parametrize("name", CHANGES)
def test_decision_for_each_incident(name: str) -> None:
    change, (changed, left) = CHANGES[name], DECISIONS[name]
    states = {one: named(one) for one in INCIDENTS}
    assert _plan.those(change.needed, INCIDENTS, states) == changed
    assert _plan.those(change.left_alone, INCIDENTS, states) == left
    after = _plan.predicted(change, changed, states)
    assert all(change.wanted(after[one]) for one in INCIDENTS if one not in left)
    assert all(after[one] == named(one) for one in INCIDENTS if one not in changed)
    assert states == {one: named(one) for one in INCIDENTS}


@pytest.mark.parametrize("name", CHANGES)
def test_diff_shows_all_that_changes_and_nothing_else(name: str) -> None:
    change, (changed, _left) = CHANGES[name], DECISIONS[name]
    for one in changed:
        before, after = named(one), change.after(named(one))
        differ = {key for key in {**before, **after} if before.get(key) != after.get(key)}
        assert differ
        assert differ <= set(change.shows)


@pytest.mark.parametrize("name", CHANGES)
def test_all_that_decisions_rest_on_is_checked(name: str) -> None:
    # Without any of these keys the service refuses the answer, so that nothing here has to expect it.
    change = CHANGES[name]
    for one in INCIDENTS:
        needed = {key: value for key, value in named(one).items() if key in ("id", "assignments", *change.texts)}
        assert change.needed(needed) in (True, False)
        change.after(needed)


@pytest.fixture
def population(simulator: Simulator) -> list[str]:
    """The simulator has the incidents of the table; their IDs, in its order."""

    def add(name: str) -> str:
        users, *_more = INCIDENTS[name]
        fields = {key: value for key, value in named(name).items() if key not in ("id", "assignments")}
        return simulator.add_incident(assignees=users, **fields)

    return [add(name) for name in INCIDENTS]


@pytest.fixture
def run(service: MakeService, simulator: Simulator) -> t.Callable[..., Result]:
    def run(change: Change, ids: list[str], check_mode: bool = False, **given: t.Any) -> Result:
        before = len(simulator.writes)
        outcome = apply(change, service(simulator.url, change.texts, **given), ids, "fail", check_mode)
        assert not (check_mode and simulator.writes[before:])
        return {**_plan.result(change, ids, outcome, diff=True), "warning": outcome.warning}

    return run


Run = t.Callable[..., Result]


def foreseeable(result: t.Any) -> t.Any:
    """A result without what nobody can foretell: who did it, when, and what the service notes down."""
    unknown = {"assignedBy", "closedAt", "duration", "lastStateUpdateTime", "events"}
    if isinstance(result, dict):
        return {key: foreseeable(value) for key, value in result.items() if key not in unknown}
    return [foreseeable(one) for one in result] if isinstance(result, list) else result


@pytest.mark.parametrize("version", ["3", "5"])
@pytest.mark.parametrize("name", CHANGES)
def test_change_does_what_check_mode_predicts(
    run: Run, simulator: Simulator, population: list[str], name: str, version: str
) -> None:
    change = CHANGES[name]
    changed, left = ([population[[*INCIDENTS].index(one)] for one in ones] for ones in DECISIONS[name])
    predicted = run(change, population, check_mode=True, api_version=version)
    done = run(change, population, api_version=version)
    assert foreseeable(predicted) == foreseeable(done)
    assert "msg" not in done
    assert done[f"{change.done}_ids"] == changed
    assert done.get("left_alone_ids", []) == left
    assert ("left_alone_ids" in done) == (name in LEAVES_ALONE)
    assert done["incidents"] == [simulator.incident(one) for one in population]
    # One write of those in need, and only of those.
    (write,) = simulator.writes
    assert (write.ids, list(write.effect)) == (changed, changed)
    assert write.operation == change.operation
    # Again: nothing.
    again = run(change, population, api_version=version)
    assert (again["changed"], again["incidents"]) == (False, done["incidents"])
    assert again.get("left_alone_ids", []) == left
    assert len(simulator.writes) == 1


def test_reassigned_are_those_that_somebody_held(run: Run, population: list[str]) -> None:
    by_name = dict(zip(INCIDENTS, population))
    result = run(CHANGES["assign"], population)
    assert result["reassigned_ids"] == {
        by_name["another's"]: ["u1"],
        by_name["shared"]: ["u1", "me"],
        by_name["resolved"]: ["u1"],
        by_name["closed, acknowledged"]: ["u1"],
    }
    assert run(CHANGES["assign"], population)["reassigned_ids"] == {}


def test_only_what_is_free_is_taken_from_nobody(run: Run, population: list[str]) -> None:
    assert run(CHANGES["assign what is free"], population)["reassigned_ids"] == {}


# A key that may not read.
@pytest.fixture
def write_only_key(simulator: Simulator) -> None:
    permissions = ["incidents:assign", "incidents:acknowledge", "incidents:close"]
    simulator.add_key(KEY, permissions=permissions)


@pytest.mark.usefixtures("write_only_key")
@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("name", LEAVES_ALONE)
def test_leaving_alone_takes_reading(
    run: Run, simulator: Simulator, population: list[str], name: str, check_mode: bool
) -> None:
    result = run(CHANGES[name], population, check_mode)
    assert (result["changed"], result["incidents"], simulator.writes) == (False, [], [])
    assert ("Check mode has to read" if check_mode else "which incidents to leave alone") in result["msg"]
    assert "incidents:read" in result["msg"]
    assert (result["failure"]["status"], result["warning"]) == (403, "")


@pytest.mark.usefixtures("write_only_key")
@pytest.mark.parametrize("name", [name for name in CHANGES if name not in LEAVES_ALONE])
def test_others_do_their_job_without_reading(run: Run, simulator: Simulator, population: list[str], name: str) -> None:
    change = CHANGES[name]
    result = run(change, population)
    assert "msg" not in result
    assert result[f"{change.done}_ids"] == population
    assert "incidents:read" in result["warning"]
    assert all(change.wanted(simulator.incident(one)) for one in population)
    assert result.get("reassigned_ids", {}) == {}


# Answers.
ODD_ASSIGNMENTS: dict[str, tuple[list[t.Any], list[str]]] = {
    # As they stand in an incident, and who that is.
    "null": ([None], [""]),
    "text": (["me"], [""]),
    "list": ([["me"]], [""]),
    "empty": ([{}], [""]),
    "user null": ([{"assignedTo": None}], [""]),
    "user is text": ([{"assignedTo": "me"}], [""]),
    "user without an ID": ([{"assignedTo": {}}], [""]),
    "ID null": ([{"assignedTo": {"userId": None}}], [""]),
    "ID is a list": ([{"assignedTo": {"userId": ["me"]}}], [""]),
    "one of two": ([None, {"assignedTo": {"userId": "me"}}], ["", "me"]),
}


@pytest.mark.parametrize(("odd", "users"), ODD_ASSIGNMENTS.values(), ids=ODD_ASSIGNMENTS)
@pytest.mark.parametrize("name", CHANGES)
def test_odd_assignments_are_held_by_somebody(name: str, odd: list[t.Any], users: list[str]) -> None:
    change, incident = CHANGES[name], {**named("new"), "assignments": odd}
    assert holders(incident) == users
    if change.shows == ("assignments",):
        assert change.needed(incident) == (name != "assign what is free")
    outcome = _plan.Outcome({"a": incident}, {"a": change.after(incident)}, ["a"])
    result = _plan.result(change, ["a"], outcome, diff=True)
    if "reassigned_ids" in result:
        assert result["reassigned_ids"] == {"a": [user for user in users if user]}


def test_incident_without_what_decides_is_refused(run: Run, simulator: Simulator) -> None:
    (one,) = simulator.add_incidents(1)
    for key in ("status", "state"):
        shown = {name: value for name, value in simulator.incident(one).items() if name != key}
        simulator.clear_faults()
        simulator.fault(Fault("read_many", replace={"incidents": {one: shown}, "notFoundIds": []}))
        result = run(ACKNOWLEDGE, [one])
        assert f"the incident {one} has no {key}" in result["failure"]["message"]
        # Others do not need it.
        assert "msg" not in run(CHANGES["assign"], [one], check_mode=True)
    assert simulator.writes == []


@pytest.mark.parametrize("name", CHANGES)
def test_write_without_effect_is_a_failure(run: Run, simulator: Simulator, population: list[str], name: str) -> None:
    change = CHANGES[name]
    changed = [population[[*INCIDENTS].index(one)] for one in DECISIONS[name][0]]
    simulator.fault(Fault(change.operation, replace=lambda true: true, effect=False))
    result = run(change, population)
    assert not result["changed"]
    assert f"these incidents are still not {change.done} as asked: {', '.join(changed)}." in result["msg"]
    assert result.get("reassigned_ids", {}) == {}


# Somebody else is faster.
class Race(t.NamedTuple):
    change: str
    after: str
    """The request after which somebody else does something."""
    does: str
    done: bool
    left: bool
    requests: list[str]


READ_WRITE = ["read_many", "write"]
RACES: dict[str, Race] = {
    # What the write finds is what is wanted already: done, as far as anybody can tell.
    "acknowledged before": Race("acknowledge", "read_many", "acknowledge", True, False, READ_WRITE),
    "resolved before the acknowledgement": Race(
        "acknowledge", "read_many", "resolve", False, True, [*READ_WRITE, "read_many"]
    ),
    "closed before the acknowledgement": Race(
        "acknowledge", "read_many", "close", False, True, [*READ_WRITE, "read_many"]
    ),
    "resolved after the acknowledgement": Race("acknowledge", "write", "resolve", True, False, READ_WRITE),
    "closed before it is resolved": Race("resolve", "read_many", "close", True, False, READ_WRITE),
    "closed before it is closed": Race("close", "read_many", "close", True, False, READ_WRITE),
    # It is taken all the same: the API knows no other way.
    "taken before": Race("assign", "read_many", "assign", True, False, READ_WRITE),
    "taken before, though only what is free": Race(
        "assign what is free", "read_many", "assign", True, False, READ_WRITE
    ),
    "taken after": Race("assign", "write", "assign", True, False, READ_WRITE),
    "freed before": Race("assign", "read_many", "unassign", True, False, READ_WRITE),
}


@pytest.mark.parametrize("race", RACES.values(), ids=RACES)
def test_somebody_else_is_faster(run: Run, simulator: Simulator, race: Race) -> None:
    change = CHANGES[race.change]
    one = simulator.add_incident(assignees=[])
    pending = [race.does]

    def meanwhile(entry: Entry) -> None:
        if pending and entry.operation == {"write": change.operation}.get(race.after, race.after):
            simulator.act(pending.pop(), one, "u9")

    simulator.after_request = meanwhile
    result = run(change, [one])
    assert (result[f"{change.done}_ids"] == [one], "msg" in result) == (race.done, False)
    assert result["changed"] == race.done
    assert (result.get("left_alone_ids") == [one]) == race.left
    assert list(result["diff"]["after"]) == ([one] if race.done else [])
    requests = [{"write": change.operation}.get(name, name) for name in race.requests]
    assert [entry.operation for entry in simulator.journal] == requests


@pytest.mark.parametrize("name", ["assign", "assign what is free"])
def test_taken_by_somebody_else_before_a_lost_answer_is_verified(run: Run, simulator: Simulator, name: str) -> None:
    one = simulator.add_incident(assignees=[])
    simulator.fault(Fault("assign", status=500, effect=True))
    simulator.after_request = lambda entry: simulator.act("assign", one, "u9") if entry.operation == "assign" else None
    result = run(CHANGES[name], [one], retries=0)
    # It held for a moment, and nobody can tell: no claim either way, and a change reported.
    assert result["assigned_ids"] == []
    assert result["changed"]
    assert f"Perhaps assigned, which could not be found out: {one}." in result["msg"]
    assert result["incidents"] == [simulator.incident(one)]


# The options of assigning, in the whole module.
@pytest.mark.parametrize("assignee", ["", " ", "\t\n"])
@pytest.mark.parametrize("ids", [["a"], []])
def test_blank_assignee_is_refused(
    run_module: t.Callable[..., Printed], simulator: Simulator, assignee: str, ids: list[str]
) -> None:
    printed = run_module("incident_assign", incident_ids=ids, assignee=assignee)
    assert (printed.status, printed.result["changed"]) == (1, False)
    assert printed.result["msg"] == "assignee is blank. Nothing was changed."
    assert printed.result["reassigned_ids"] == {}
    assert simulator.journal == []


def test_blanks_around_the_assignee_are_not_part_of_it(
    run_module: t.Callable[..., Printed], simulator: Simulator
) -> None:
    ids = simulator.add_incidents(1)
    for changed in (True, False):
        assert run_module("incident_assign", incident_ids=ids, assignee=" me\n").result["changed"] == changed
    assert simulator.assignees(ids[0]) == ["me"]


MODULES: list[tuple[str, dict[str, t.Any]]] = [
    ("incident_acknowledge", {}),
    ("incident_resolve", {}),
    ("incident_close", {}),
    ("incident_assign", {"assignee": "me"}),
    ("incident_assign", {"assignee": "me", "only_unassigned": True}),
]


@pytest.mark.parametrize(("module", "given"), MODULES)
def test_whole_module(
    run_module: t.Callable[..., Printed], simulator: Simulator, module: str, given: dict[str, t.Any]
) -> None:
    ids = simulator.add_incidents(2, events=1)
    first, second = (
        run_module(module, incident_ids=ids, events=False, _ansible_diff=True, **given).result for _run in range(2)
    )
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["incidents"] == [
        {key: value for key, value in simulator.incident(one).items() if key != "events"} for one in ids
    ]
    assert list(first["diff"]["after"]) == ids
    assert second["diff"] == {"before": {}, "after": {}}
    assert second["ansible_facts"]["coralogix_incidents"] == first["incidents"]
