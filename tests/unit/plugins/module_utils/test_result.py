# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task returns, by value. What happens on the way to it is in test_executor.py."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _result
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import (
    Attempts,
    DeadlinePassed,
    Failure,
    FailureKind,
    IdsUnknown,
    OptionInvalid,
    ReadRequired,
    RequestFailed,
    Unexpected,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._executor import Outcome
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._messages import Context, describe_error
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Progress, Write
from ansible_collections.coralogix.incidents.plugins.module_utils._request import build_request
from ansible_collections.coralogix.incidents.plugins.modules.incident_acknowledge import ACKNOWLEDGE
from ansible_collections.coralogix.incidents.plugins.modules.incident_unassign import UNASSIGN
from helpers import A, B, C, Result, incident, table

CONTEXT = Context(INCIDENT)
REQUEST = build_request("https://host.example", INCIDENT, "read", "v4", ["a"])
FORBIDDEN = RequestFailed(REQUEST, Failure(FailureKind.FORBIDDEN, "no", 403), Attempts(1), "c-1")


def result(outcome: Outcome, ids: t.Sequence[str] = (A, B, C), **options: t.Any) -> Result:
    return _result.change_result(INCIDENT, UNASSIGN, ids, outcome, CONTEXT, **options)


def progress(*writes: Write, users: tuple[str, ...] = (), **fields: t.Any) -> Progress:
    """Items that were assigned to u1 and were written, and now are assigned to these users."""
    ids = (A, B, C)[: len(writes)]
    before = {item_id: incident(item_id, "u1", **fields) for item_id in ids}
    after = {item_id: incident(item_id, *users, **fields) for item_id in ids}
    return Progress(before, after, dict(zip(ids, writes)))


def test_success_returns_facts_and_no_failure() -> None:
    done = progress(Write.ACCEPTED, Write.ACCEPTED)._replace(not_found=[C])
    items = [incident(B), incident(A)]
    assert result(Outcome(done), (C, B, A)) == {
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
def test_events_are_returned_if_wanted(include_events: bool) -> None:
    done = progress(Write.ACCEPTED, name="n", events=[{}])
    returned = result(Outcome(done), include_events=include_events)
    for items in (returned["incidents"], returned["ansible_facts"]["coralogix_incidents"]):
        assert items == [incident(A, name="n", **({"events": [{}]} if include_events else {}))]


def test_second_name_of_an_item_is_returned_once() -> None:
    item = incident(A)
    assert result(Outcome(Progress({}, {A: item, A.upper(): item})), (A.upper(), A))["incidents"] == [item]


NAMES: dict[str, tuple[t.Any, str]] = {
    "plain": ("Error rate", ' "Error rate"'),
    "missing": (None, ""),
    "of another type": (["x"], ""),
    "several lines": ("a\n\x1b[31mb\u2028c", ' "a [31mb c"'),
    "long": ("x" * 300, f' "{"x" * 200}"'),
}


@table("name, title", NAMES)
def test_diff_has_one_line_for_each_item_that_changes(name: t.Any, title: str) -> None:
    done = progress(Write.ACCEPTED, Write.ACCEPTED, name=name)
    done = done._replace(
        before={**done.before, B: incident(B), C: incident(C, "u1")}, after={**done.after, C: incident(C)}
    )
    assert result(Outcome(done), diff=True)["diff"] == {"prepared": f"{A}{title}: u1 -> nobody\n"}


def test_user_data_begins_no_further_line_of_a_diff() -> None:
    done = Progress({A: incident(A, "x\ny\x1b[0m")}, {A: incident(A)}, {A: Write.ACCEPTED})
    assert result(Outcome(done), diff=True)["diff"] == {"prepared": f"{A}: x y [0m -> nobody\n"}


def test_diff_is_missing_where_nothing_is_known_of_the_time_before() -> None:
    assert "diff" not in result(Outcome(Progress({}, {A: incident(A)}, {A: Write.ACCEPTED})), diff=True)
    assert "diff" not in result(Outcome(progress(Write.ACCEPTED)))


ACCEPTED, UNCERTAIN = Write.ACCEPTED, Write.UNCERTAIN
# What was done until an error, the end of the message, and whether a change is reported.
MESSAGES: dict[str, tuple[Outcome, str, bool]] = {
    "nothing": (Outcome(), "Nothing was changed.", False),
    "nothing, after a write that failed": (Outcome(progress(UNCERTAIN, users=("u1",))), "Nothing was changed.", False),
    "some": (Outcome(progress(ACCEPTED, UNCERTAIN)), f"Unassigned before that: '{A}', '{B}'.", True),
    "perhaps": (
        Outcome(progress(UNCERTAIN)._replace(unverified=[A])),
        f"Perhaps unassigned, but not verified: '{A}'.",
        True,
    ),
    "both": (
        Outcome(progress(ACCEPTED, UNCERTAIN)._replace(unverified=[B])),
        f"Unassigned before that: '{A}'. Perhaps unassigned, but not verified: '{B}'.",
        True,
    ),
    "not visible yet": (
        Outcome(progress(ACCEPTED, users=("u1",))),
        f"its effect is not visible yet on these incidents: '{A}'. They may change later. Run the task again to make sure.",
        True,
    ),
    "other than before and other than asked": (Outcome(progress(ACCEPTED, users=("u2",))), "still wanted.", True),
}


@table("outcome, message, is_changed", MESSAGES)
def test_error_is_followed_by_what_was_done(outcome: Outcome, message: str, is_changed: bool) -> None:
    failed = result(outcome._replace(error=FORBIDDEN))
    assert failed["msg"].startswith(describe_error(FORBIDDEN, CONTEXT))
    assert failed["msg"].endswith(message)
    assert (failed["failed"], failed["changed"], "ansible_facts" in failed) == (True, is_changed, False)


def test_error_is_followed_by_what_somebody_else_changed() -> None:
    before, after = (
        {A: {"id": A, "status": status, "state": "", "assignments": []}} for status in ("x", "INCIDENT_STATUS_RESOLVED")
    )
    outcome = Outcome(Progress(before, after, {A: ACCEPTED}), FORBIDDEN)
    failed = _result.change_result(INCIDENT, ACKNOWLEDGE, [A], outcome, CONTEXT)
    assert failed["msg"].endswith(f"Perhaps acknowledged, then changed by somebody else: '{A}'.")


NO_REQUEST = dict.fromkeys(("status", "method", "url", "message", "correlation_id"))
OF_REQUEST = {"status": 403, "method": "GET", "url": REQUEST.url, "message": "no", "correlation_id": "c-1"}
FAILURES: dict[str, tuple[t.Any, t.Any]] = {
    "request": (FORBIDDEN, OF_REQUEST),
    "required read": (ReadRequired(FORBIDDEN, True), OF_REQUEST),
    "unknown IDs": (IdsUnknown(("a",)), NO_REQUEST),
    "deadline": (DeadlinePassed(5, "read incidents"), NO_REQUEST),
    # A map of nulls would only hide the message.
    "option": (OptionInvalid("x is y."), None),
}


@table("error, failure", FAILURES)
def test_failure_shows_the_request_that_is_to_blame(error: t.Any, failure: t.Any) -> None:
    assert _result.failure_result(error, CONTEXT).get("failure") == failure


def test_traceback_of_an_unforeseen_error_is_returned() -> None:
    failed = _result.failure_result(Unexpected("KeyError: 'x'", "Traceback …"), CONTEXT)
    assert (failed["msg"], failed["exception"]) == ("The task was interrupted (KeyError: 'x').", "Traceback …")


def test_result_that_cannot_be_built_still_says_what_was_changed() -> None:
    outcome = Outcome(progress(ACCEPTED, UNCERTAIN)._replace(unverified=[B]))
    unbuilt = _result.unbuilt_result(UNASSIGN, [A, B], outcome, CONTEXT, MemoryError("x"))
    assert (unbuilt["failed"], unbuilt["changed"], unbuilt["unassigned_ids"]) == (True, True, [A])
    assert unbuilt["msg"].startswith("The result could not be built (MemoryError: x). Unassigned before that:")
    assert f"Perhaps unassigned, but not verified: '{B}'." in unbuilt["msg"]
