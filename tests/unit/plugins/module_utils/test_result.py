# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task returns, by value. What happens on the way to it is in test_executor.py."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _errors, _messages, _result
from ansible_collections.coralogix.incidents.plugins.module_utils._executor import Outcome
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Progress, Write
from ansible_collections.coralogix.incidents.plugins.modules.incident_acknowledge import ACKNOWLEDGE
from ansible_collections.coralogix.incidents.plugins.modules.incident_unassign import UNASSIGN
from helpers import INCIDENT, A, B, C, Failure, K, Result, build_request, incident, table

CONTEXT = _messages.Context(INCIDENT)
REQUEST = build_request("https://host.example", INCIDENT, "read", "v4", ["a"])
FORBIDDEN = _errors.RequestFailed(REQUEST, Failure(K.FORBIDDEN, "no", 403), _errors.Attempts(1), "c-1")
ACCEPTED, UNCERTAIN = Write.ACCEPTED, Write.UNCERTAIN


def result(outcome: Outcome, ids: t.Sequence[str] = (A, B, C), change: t.Any = UNASSIGN, **options: t.Any) -> Result:
    return _result.change_result(INCIDENT, change, ids, outcome, CONTEXT, **options)


def progress(*writes: Write, users: tuple[str, ...] = (), **fields: t.Any) -> Progress:
    """Items that were assigned to u1 and were written, and now are assigned to these users."""
    ids = (A, B, C)[: len(writes)]
    before = {item_id: incident(item_id, "u1", **fields) for item_id in ids}
    after = {item_id: incident(item_id, *users, **fields) for item_id in ids}
    return Progress(before, after, dict(zip(ids, writes)))


def test_success_returns_facts_and_no_failure() -> None:
    items = [incident(B), incident(A)]
    assert result(Outcome(progress(ACCEPTED, ACCEPTED)._replace(not_found=[C])), (C, B, A)) == {
        "changed": True,
        "incidents": items,
        "ansible_facts": {"coralogix_incidents": items},
        "unassigned_ids": [B, A],
        "not_found_ids": [C],
    }


def test_check_mode_returns_what_is_predicted() -> None:
    predicted = Progress({A: incident(A, "u1")}, {A: incident(A)}, predicted=[A])
    checked = result(Outcome(predicted), diff=True)
    assert (checked["changed"], checked["unassigned_ids"]) == (True, [A])
    assert checked["diff"] == {"prepared": f"{A}: u1 -> nobody\n"}


@pytest.mark.parametrize("include_events", [True, False])
def test_events_are_returned_if_wanted_and_an_item_with_two_names_once(include_events: bool) -> None:
    item = incident(A, name="n", events=[{}])
    outcome = Outcome(Progress({}, {A: item, A.upper(): item}))
    returned = result(outcome, (A.upper(), A), include_events=include_events)
    shown = incident(A, name="n", **({"events": [{}]} if include_events else {}))
    assert returned["incidents"] == returned["ansible_facts"]["coralogix_incidents"] == [shown]


NAMES: list[tuple[t.Any, str]] = [
    *(("Error rate", ' "Error rate"'), (None, ""), (["x"], "")),
    *(("a\n\x1b[31mb\u2028c", ' "a [31mb c"'), ("x" * 300, f' "{"x" * 200}"')),
]


@pytest.mark.parametrize(("name", "title"), NAMES)
def test_diff_has_one_line_for_each_item_that_changes(name: t.Any, title: str) -> None:
    before = {A: incident(A, "x\ny\x1b[0m", name=name), B: incident(B), C: incident(C, "u1")}
    outcome = Outcome(Progress(before, {A: incident(A), B: incident(B), C: incident(C)}, {A: ACCEPTED, B: ACCEPTED}))
    # User data begins no further line.
    assert result(outcome, diff=True)["diff"] == {"prepared": f"{A}{title}: x y [0m -> nobody\n"}
    assert "diff" not in result(outcome)


def test_diff_is_missing_without_the_state_before() -> None:
    assert "diff" not in result(Outcome(Progress({}, {A: incident(A)}, {A: ACCEPTED})), diff=True)


# What was done until an error, the end of the message, and whether a change is reported.
MESSAGES: dict[str, tuple[Progress, str, bool]] = {
    "nothing": (Progress(), "Nothing was changed.", False),
    "nothing, after a write that failed": (progress(UNCERTAIN, users=("u1",)), "Nothing was changed.", False),
    "some": (progress(ACCEPTED, UNCERTAIN), f"Unassigned before that: '{A}', '{B}'.", True),
    "some, and perhaps more": (
        progress(ACCEPTED, UNCERTAIN)._replace(unverified=[B]),
        f"Unassigned before that: '{A}'. Perhaps unassigned, but not verified: '{B}'.",
        True,
    ),
    "not visible yet": (progress(ACCEPTED, users=("u1",)), "make sure.", True),
    "neither as before nor as asked": (progress(ACCEPTED, users=("u2",)), "still wanted.", True),
}


@table("done, ending, is_changed", MESSAGES)
def test_error_is_followed_by_what_was_done(done: Progress, ending: str, is_changed: bool) -> None:
    failed = result(Outcome(done, FORBIDDEN))
    assert failed["msg"].startswith(_messages.describe_error(FORBIDDEN, CONTEXT))
    assert failed["msg"].endswith(ending)
    assert (failed["failed"], failed["changed"], "ansible_facts" in failed) == (True, is_changed, False)


def test_error_is_followed_by_what_somebody_else_changed() -> None:
    before, after = ({A: incident(A, status=status, state="")} for status in ("x", "INCIDENT_STATUS_RESOLVED"))
    failed = result(Outcome(Progress(before, after, {A: ACCEPTED}), FORBIDDEN), [A], ACKNOWLEDGE)
    assert failed["msg"].endswith(f"Perhaps acknowledged, then changed by somebody else: '{A}'.")


NO_REQUEST = dict.fromkeys(("status", "method", "url", "message", "correlation_id"))
OF_REQUEST = {"status": 403, "method": "GET", "url": REQUEST.url, "message": "no", "correlation_id": "c-1"}


def test_failure_shows_the_request_that_is_to_blame() -> None:
    for error, failure in (
        (FORBIDDEN, OF_REQUEST),
        (_errors.ReadRequired(FORBIDDEN, True), OF_REQUEST),
        (_errors.ListFailed(FORBIDDEN, 1, 2), OF_REQUEST),
        (_errors.IdsUnknown(("a",)), NO_REQUEST),
        (_errors.DeadlinePassed(5, "read incidents"), NO_REQUEST),
        # A map of nulls would only hide the message.
        (_errors.OptionInvalid("x is y."), None),
    ):
        assert _result.failure_result(error, CONTEXT).get("failure") == failure
    unforeseen = _result.failure_result(_errors.Unexpected("KeyError: 'x'", "Traceback …"), CONTEXT)
    assert (unforeseen["exception"], "KeyError: 'x'" in unforeseen["msg"]) == ("Traceback …", True)


def test_result_that_cannot_be_built_still_says_what_was_changed() -> None:
    outcome = Outcome(progress(ACCEPTED, UNCERTAIN)._replace(unverified=[B]))
    fallback = _result.fallback_result(UNASSIGN, [A, B], outcome, CONTEXT, MemoryError("x"))
    assert (fallback["failed"], fallback["changed"], fallback["unassigned_ids"]) == (True, True, [A])
    assert "(MemoryError: x). Unassigned before that:" in fallback["msg"]
    assert f"Perhaps unassigned, but not verified: '{B}'." in fallback["msg"]
    for verified in (True, False):
        done = progress(UNCERTAIN, users=("u1",))._replace(unverified=[] if verified else [A])
        fallback = _result.fallback_result(UNASSIGN, [A, B], Outcome(done), CONTEXT, MemoryError())
        assert (fallback["changed"], fallback["unassigned_ids"]) == (not verified, [])
