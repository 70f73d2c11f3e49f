# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One exchange: which tries it takes, how long it waits, what it knows in the end."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _portable
from ansible_collections.coralogix.incidents.plugins.module_utils._client import Client
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import (
    AnswerInvalid,
    Attempts,
    DeadlinePassed,
    Failure,
    FailureKind,
    RequestFailed,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._request import build_request
from helpers import CORRELATION_ID, KEY, URL, ScriptedTransport, Sleeps, client_for, error_of, respond, table

K = FailureKind
OK = respond({"a": 1})
REQUEST = build_request(f"{URL}/mgmt/openapi/latest", INCIDENT, "read", "v4", ["a"])


def same(answer: t.Any) -> t.Any:
    return answer


def exchange(*answers: t.Any, sleeps: Sleeps | None = None, **options: t.Any) -> t.Any:
    return client_for(ScriptedTransport(*answers), sleeps, **options).exchange(REQUEST, same)


def failed(*answers: t.Any, sleeps: Sleeps | None = None, **options: t.Any) -> RequestFailed:
    error = error_of(exchange, *answers, sleeps=sleeps, **options)
    assert isinstance(error, RequestFailed)
    return error


RETRIED: dict[str, t.Any] = {
    **{str(status): respond(b"", status) for status in (429, 500, 502, 503, 504, 520, 524, 529)},
    "page of a gateway": respond(b"<html><title>Bad Gateway</title>", 502),
    "reset": ConnectionResetError(104, "x"),
    "refused": ConnectionRefusedError(111, "x"),
    "timeout": TimeoutError("timed out"),
    "half the JSON": respond(b'{"incidents": ['),
    "empty answer": respond(b""),
}


@table("answer", RETRIED)
def test_what_may_pass_is_tried_again_after_growing_waits(answer: t.Any) -> None:
    sleeps: Sleeps = []
    assert exchange(answer, answer, OK, sleeps=sleeps, retries=2) == {"a": 1}
    assert (0.25 <= sleeps[0] <= 0.5, 0.5 <= sleeps[1] <= 1.0, len(sleeps)) == (True, True, 2)


FINAL: dict[str, t.Any] = {
    **{str(status): respond(b"", status) for status in (101, 302, 400, 401, 403, 404, 405, 408, 409, 414, 422, 501)},
    "login page": respond(b"<html><title>Login</title>"),
    "list": respond([]),
    "no memory": MemoryError(),
    "defect": KeyError("x"),
}


@table("answer", FINAL)
def test_what_will_not_pass_is_tried_once(answer: t.Any) -> None:
    sleeps: Sleeps = []
    error = failed(answer, sleeps=sleeps)
    assert (error.attempts, sleeps) == (Attempts(1), [])
    assert (error.request, error.correlation_id) == (REQUEST, CORRELATION_ID)


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_tries_and_waits_are_counted(retries: int) -> None:
    sleeps: Sleeps = []
    error = failed(respond(b"", 503), sleeps=sleeps, retries=retries)
    assert len(sleeps) == retries
    assert error.attempts == Attempts(retries + 1, pytest.approx(sum(sleeps)))


def test_retries_can_be_left_to_the_caller() -> None:
    client = client_for(ScriptedTransport(respond(b"", 503)))
    assert error_of(client.exchange, REQUEST, same, retries=False).attempts == Attempts(1)


def test_waits_vary() -> None:
    sleeps: Sleeps = []
    for _number in range(5):
        failed(respond(b"", 503), sleeps=sleeps, retries=1)
    assert len(set(sleeps)) > 1


def test_retry_after_is_honoured() -> None:
    sleeps: Sleeps = []
    assert exchange(respond(b"", 429, Retry_After="7"), OK, sleeps=sleeps) == {"a": 1}
    assert 7 <= sleeps[0] <= 7.5


# How long the service asks to wait, how often in vain, how many waits are made, and the wait that is refused.
WAITS: dict[str, tuple[str, int, int, t.Any]] = {
    "two minutes at once": ("120", 1, 1, None),
    "two minutes in two": ("60", 2, 2, None),
    "too long together": ("50", 99, 2, 50),
    "days": ("999999999", 99, 0, 999999999),
}


@table("asked, times, waits, refused", WAITS)
def test_all_waits_together_are_bounded(asked: str, times: int, waits: int, refused: float | None) -> None:
    sleeps: Sleeps = []
    answers = [respond(b"", 503, Retry_After=asked)] * times
    if refused is None:
        assert exchange(*answers, OK, sleeps=sleeps) == {"a": 1}
    else:
        error = failed(*answers, sleeps=sleeps, retries=100)
        assert error.attempts.refused_wait
        assert refused / 2 <= error.attempts.refused_wait <= refused + 0.5
    assert len(sleeps) == waits


def test_waits_that_nobody_asked_for_are_bounded_too() -> None:
    sleeps: Sleeps = []
    failed(respond(b"", 503), sleeps=sleeps, retries=100)
    assert 95 <= sum(sleeps) <= 125


CERTAINTY: dict[str, tuple[list[t.Any], bool]] = {
    "refused": ([403], False),
    "rate limited": ([429, 429, 429], False),
    "failed": ([500, 500, 500], True),
    "failed, then refused": ([500, 403], True),
    "reset, then rate limited": ([ConnectionResetError(), 429, 429], True),
    "rate limited, then reset": ([429, 429, ConnectionResetError()], True),
    "redirected": ([307], True),
    "no memory": ([MemoryError()], True),
}


@table("answers, may_have_applied", CERTAINTY)
def test_one_uncertain_try_makes_the_exchange_uncertain(answers: list[t.Any], may_have_applied: bool) -> None:
    made = [respond(b"", answer) if isinstance(answer, int) else answer for answer in answers]
    assert failed(*made, retries=2).may_have_applied == may_have_applied


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError("deep"), RuntimeError(f"no thread for {KEY}")], ids=repr
)
def test_any_exception_becomes_a_failure_without_the_key(error: Exception) -> None:
    failure = failed(error).failure
    assert (failure.kind, failure.may_have_applied) == (K.INTERNAL, True)
    assert failure.message.startswith(type(error).__name__)
    assert KEY not in failure.message


def test_exception_of_a_parser_becomes_a_failure() -> None:
    def refuse(answer: t.Any) -> t.Any:
        raise AnswerInvalid("nothing is right")

    def fail(answer: t.Any) -> t.Any:
        return answer["b"]

    invalid = client_for(ScriptedTransport(OK)).send_once(REQUEST, refuse)
    assert invalid == Failure(K.UNEXPECTED_JSON, "nothing is right", 200, may_have_applied=True)
    worded = client_for(ScriptedTransport(respond({"message": f"denied to {KEY}"}))).send_once(REQUEST, refuse)
    assert worded.message == "nothing is right; it says: denied to ********"
    assert client_for(ScriptedTransport(OK)).send_once(REQUEST, fail).kind is K.INTERNAL


def test_changes_to_answers_are_warned_of_once() -> None:
    client = client_for(ScriptedTransport(respond(b'{"__ansible_type": "\\ud83d"}')))
    assert [client.exchange(REQUEST, same) for _number in range(2)] == [{"___ansible_type": "\ufffd"}] * 2
    assert list(client.warnings) == [_portable.REPAIRED, _portable.RENAMED]


# The deadline.
def slow_client(*answers: t.Any, deadline: float, **options: t.Any) -> tuple[Client, ScriptedTransport]:
    """A client that really waits."""
    transport = ScriptedTransport(*answers)
    client = Client(transport, base_url=URL, timeout=30.0, retries=100, deadline=deadline, **options)
    return client, transport


def test_no_wait_passes_the_deadline() -> None:
    client, transport = slow_client(respond(b"", 503, Retry_After="60"), deadline=5.0)
    error = error_of(client.exchange, REQUEST, same)
    assert (error.attempts.tries, error.attempts.refused_wait >= 60, len(transport.requests)) == (1, True, 1)


def test_no_try_begins_after_the_deadline_but_one_that_verifies() -> None:
    client, transport = slow_client(respond(b"", 503, Retry_After="0"), deadline=0.05)
    time.sleep(0.06)
    assert error_of(client.exchange, REQUEST, same) == DeadlinePassed(0.05, "read incidents")
    assert transport.requests == []
    assert isinstance(error_of(client.exchange, REQUEST, same, past_deadline=True), RequestFailed)
    # That one gets the whole timeout.
    assert transport.seconds == [30.0]
    assert client.is_past_deadline
    assert not client.can_wait(0.0)


def test_last_try_is_cut_to_what_the_deadline_leaves() -> None:
    client, transport = slow_client(OK, deadline=2.0)
    client.exchange(REQUEST, same)
    assert 1.5 < transport.seconds[0] <= 2.0


def test_timeout_is_that_of_each_try() -> None:
    transport = ScriptedTransport(respond(b"", 503), OK)
    client_for(transport, timeout=7).exchange(REQUEST, same)
    assert transport.seconds == [7.0, 7.0]


# Stopping.
def test_stop_ends_a_wait_and_sends_nothing_more() -> None:
    client, transport = slow_client(respond(b"", 503, Retry_After="60"), deadline=600.0)
    threading.Timer(0.05, client.stop).start()
    began = time.monotonic()
    error = error_of(client.exchange, REQUEST, same)
    assert time.monotonic() - began < 5
    assert (error.failure.kind, error.may_have_applied) == (K.STOPPED, True)
    assert (len(transport.requests), transport.is_aborted, client.is_stopped()) == (1, True, True)


def test_exception_after_a_stop_is_no_broken_connection() -> None:
    client, transport = slow_client(OK, deadline=600.0)

    def broken(_request: t.Any) -> t.Any:
        client.stop()
        return ConnectionResetError()

    transport = ScriptedTransport(broken)
    client = Client(transport, base_url=URL, timeout=1.0, retries=4)
    assert client.send_once(REQUEST, same) == Failure(K.STOPPED, "the task was asked to stop", may_have_applied=True)
