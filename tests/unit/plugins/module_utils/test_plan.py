# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions by value."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _plan
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import (
    ApiError,
    CoralogixError,
    SettingsError,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change, Outcome
from ansible_collections.coralogix.incidents.plugins.module_utils._routes import OPERATIONS, Request
from ansible_collections.coralogix.incidents.plugins.modules.incident_unassign import UNASSIGN
from hypothesis import given
from hypothesis import strategies as st

Incident = dict[str, t.Any]

# Another member of the family, to see that nothing here is about unassigning alone: it leaves some incidents alone.
CLOSE = Change(
    operation="close",
    done="closed",
    wanted=lambda incident: incident.get("status") == "CLOSED",
    after=lambda incident: {**incident, "status": "CLOSED", "closedAt": None},
    shows=("status", "closedAt"),
    passed=lambda incident: incident.get("status") == "FINAL" or not incident["assignments"],
    reports=lambda before, done: {"counts": [len(before), len(done)]},
)
changes = st.sampled_from([UNASSIGN, CLOSE])

IDS = [f"id-{number}" for number in range(6)]


def incident_of(one: str) -> st.SearchStrategy[Incident]:
    assignments = st.sampled_from([[], [{"assignedTo": {"userId": "u"}}], [{}, None]])
    return st.fixed_dictionaries(
        {"id": st.just(one), "assignments": assignments},
        optional={"status": st.sampled_from(["OPEN", "CLOSED", "FINAL"]), "displayLabels": st.just({"Some Key": "x"})},
    )


orders = st.lists(st.sampled_from(IDS), unique=True)
states_of_some = st.fixed_dictionaries({}, optional={one: incident_of(one) for one in IDS})


@given(change=changes, ids=orders, states=states_of_some)
def test_todo_is_what_is_known_to_need_it_in_order(change: Change, ids: list[str], states: dict[str, Incident]) -> None:
    before = copy.deepcopy(states)
    todo = _plan.those(change.needed, ids, states)
    assert todo == [one for one in ids if one in todo]
    for one in ids:
        assert (one in todo) == (one in states and change.needed(states[one]))
    assert states == before


@given(change=changes, ids=orders, states=states_of_some)
def test_predicted_leaves_nothing_in_need(change: Change, ids: list[str], states: dict[str, Incident]) -> None:
    before = copy.deepcopy(states)
    todo = _plan.those(change.needed, ids, states)
    after = _plan.predicted(change, todo, states)
    assert states == before
    assert list(after) == list(states)
    assert _plan.those(change.needed, ids, after) == []
    assert _plan.predicted(change, todo, after) == after
    for one in states:
        untouched = [key for key in states[one] if key not in change.shows or one not in todo]
        assert {key: after[one][key] for key in untouched} == {key: states[one][key] for key in untouched}


def outcome_of(change: Change, ids: list[str], states: dict[str, Incident]) -> Outcome:
    """As check mode has it."""
    todo = _plan.those(change.needed, ids, states)
    return Outcome(
        states, _plan.predicted(change, todo, states), todo, not_found=[one for one in ids if one not in states]
    )


@given(change=changes, ids=orders, states=states_of_some, diff=st.booleans())
def test_result_shows_what_was_asked_for_in_order(
    change: Change, ids: list[str], states: dict[str, Incident], diff: bool
) -> None:
    outcome = outcome_of(change, ids, states)
    before = copy.deepcopy(outcome)
    result = _plan.result(change, ids, outcome, diff)
    assert outcome == before
    assert [incident["id"] for incident in result["incidents"]] == [one for one in ids if one in states]
    assert result["ansible_facts"] == {"coralogix_incidents": result["incidents"]}
    assert result[f"{change.done}_ids"] == list(outcome.done)
    assert result["not_found_ids"] == list(outcome.not_found)
    assert result["changed"] == bool(outcome.done)
    assert result.keys() == {
        "changed",
        "incidents",
        "ansible_facts",
        "not_found_ids",
        f"{change.done}_ids",
        *(["left_alone_ids", "counts"] if change is CLOSE else []),
        *(["diff"] if diff and states else []),
    }
    json.dumps(result)


@given(ids=orders, states=states_of_some)
def test_each_incident_is_changed_or_was_as_wanted_or_is_left_alone(
    ids: list[str], states: dict[str, Incident]
) -> None:
    result = _plan.result(CLOSE, ids, outcome_of(CLOSE, ids, states))
    wanted = [one for one in ids if one in states and CLOSE.wanted(states[one])]
    parts = [result["closed_ids"], result["left_alone_ids"], result["not_found_ids"], wanted]
    assert sorted(one for part in parts for one in part) == sorted(ids)
    assert all(part == [one for one in ids if one in part] for part in parts)
    assert result["counts"] == [len(states), len(result["closed_ids"])]


@pytest.mark.parametrize("events", [True, False])
def test_events_are_shown_on_demand(events: bool) -> None:
    states: dict[str, Incident] = {one: {"id": one, "assignments": [{}], "events": [{}], "name": "n"} for one in "ab"}
    outcome = outcome_of(UNASSIGN, ["a", "b"], states)
    result = _plan.result(UNASSIGN, ["a", "b"], outcome, True, events)
    for one in (*result["incidents"], *result["ansible_facts"]["coralogix_incidents"]):
        assert set(one) == {"id", "assignments", "name", *(["events"] if events else [])}
    assert outcome.after["a"]["events"] == [{}]


@given(change=changes, ids=orders, states=states_of_some)
def test_diff_holds_only_what_changes(change: Change, ids: list[str], states: dict[str, Incident]) -> None:
    outcome = outcome_of(change, ids, states)
    diff = _plan.result(change, ids, outcome, True).get("diff", {"before": {}, "after": {}})
    assert list(diff["before"]) == list(diff["after"]) == list(outcome.done)
    for one in outcome.done:
        assert diff["before"][one] == {key: states[one].get(key) for key in change.shows}
        assert diff["after"][one] == {key: outcome.after[one].get(key) for key in change.shows}
        assert diff["before"][one] != diff["after"][one]


def test_unassign_shows_assignments_alone() -> None:
    before: dict[str, Incident] = {
        "a": {"id": "a", "assignments": [{"assignedTo": {"userId": "u"}}], "name": "n"},
        "b": {"id": "b", "assignments": []},
    }
    outcome = outcome_of(UNASSIGN, ["a", "b"], before)
    result = _plan.result(UNASSIGN, ["b", "a"], outcome, True)
    assert result["diff"] == {
        "before": {"a": {"assignments": [{"assignedTo": {"userId": "u"}}]}},
        "after": {"a": {"assignments": []}},
    }
    assert result["incidents"] == [{"id": "b", "assignments": []}, {"id": "a", "assignments": [], "name": "n"}]


FREE = {"id": "a", "assignments": []}

# What was done until an error: words of the message, and whether a change is reported.
PROGRESS: dict[str, tuple[Outcome, str, bool]] = {
    "nothing": (Outcome(), "Nothing was changed.", False),
    "some": (Outcome(after={"a": FREE}, done=["a", "b"]), "Unassigned until then: a, b.", True),
    # The result has them all.
    "many": (Outcome(done=["a"] * 632), f"Unassigned until then: {', '.join('a' * 20)} and 612 more.", True),
    "perhaps": (
        Outcome(doubtful=["c"]),
        "Perhaps unassigned, which could not be found out: c.",
        True,
    ),
    "both": (
        Outcome(done=["a"], doubtful=["c", "d"]),
        "Unassigned until then: a. Perhaps unassigned, which could not be found out: c, d.",
        True,
    ),
}


@pytest.mark.parametrize(("outcome", "told", "changed"), PROGRESS.values(), ids=PROGRESS)
def test_error_tells_what_was_done(outcome: Outcome, told: str, changed: bool) -> None:
    result = _plan.result(UNASSIGN, ["a"], outcome._replace(error=CoralogixError("It broke.")), False)
    assert result["msg"] == f"It broke. {told}"
    assert result["changed"] == changed
    assert result["unassigned_ids"] == list(outcome.done)
    assert result["failure"] == {
        "status": None,
        "method": None,
        "url": None,
        "message": "It broke.",
        "correlation_id": None,
    }
    # A task that fails leaves no facts.
    assert "ansible_facts" not in result


def test_error_of_a_request_is_told_whole() -> None:
    request = Request("GET", "https://host.example/x?ids=a", OPERATIONS["read"])
    error = ApiError("forbidden", request, "no", status=403, correlation_id="c-1")
    result = _plan.result(UNASSIGN, [], Outcome(error=error), False)
    assert result["failure"] == {
        "status": 403,
        "method": "GET",
        "url": "https://host.example/x?ids=a",
        "message": "no",
        "correlation_id": "c-1",
    }
    assert result["msg"].startswith("The API key may not read incidents at host.example (403: no).")


# IDs.
ids_as_given = st.lists(st.text(max_size=4) | st.sampled_from(["a", " a", "a\t", "b"]))


@given(ids=ids_as_given)
def test_ids_are_stripped_and_unique_or_refused(ids: list[str]) -> None:
    stripped = [one.strip() for one in ids]
    if all(one and one.isprintable() for one in stripped):
        checked = _plan.checked_ids(ids)
        assert len(set(checked)) == len(checked)
        assert set(checked) == set(stripped)
        assert sorted(checked, key=stripped.index) == checked
    else:
        with pytest.raises(SettingsError, match="incident_ids"):
            _plan.checked_ids(ids)


REFUSED_IDS = {
    "blank": (["a", " "], "blank"),
    "empty": ([""], "blank"),
    "line break": (["a\nb"], r"a\\nb"),
    "lone surrogate": (["a\udc80"], "udc80"),
    "turned round": (["a\u202eb"], "u202e"),
}


@pytest.mark.parametrize(("ids", "told"), REFUSED_IDS.values(), ids=REFUSED_IDS)
def test_what_is_no_id_is_refused(ids: list[str], told: str) -> None:
    with pytest.raises(SettingsError, match=rf"incident_ids.*{told}"):
        _plan.checked_ids(ids)


def test_no_ids_are_no_error() -> None:
    assert _plan.checked_ids([]) == []


def test_blank_texts_are_refused() -> None:
    params = {"a": "x", "b": " \t", "c": False, "d": None, "e": []}
    _plan.check_texts(params, "acde")
    with pytest.raises(SettingsError, match=r"\Ab is blank"):
        _plan.check_texts(params, "abc")
