# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One exchange: which tries it takes, how long it waits, what it knows in the end."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _errors, _portable
from ansible_collections.coralogix.incidents.plugins.module_utils._client import Client
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import Attempts
from helpers import (
    CORRELATION_ID,
    INCIDENT,
    KEY,
    URL,
    Failure,
    K,
    ScriptedTransport,
    build_request,
    client_for,
    error_of,
    parse_anything,
    respond,
    table,
)

OK = respond({"a": 1})
REQUEST = build_request(f"{URL}/mgmt/openapi/latest", INCIDENT, "read", "v4", ["a"])


def exchange(*answers: t.Any, sleeps: t.Any = None, **options: t.Any) -> t.Any:
    """The JSON of an exchange, or the failed request. A number stands for an answer of this status."""
    scripted = [respond(b"", answer) if isinstance(answer, int) else answer for answer in answers]
    client = client_for(ScriptedTransport(*scripted), sleeps, **options)
    if scripted[-1] is OK:
        return client.exchange(REQUEST, parse_anything)
    failed = error_of(client.exchange, REQUEST, parse_anything)
    assert isinstance(failed, _errors.RequestFailed)
    assert (failed.request, failed.correlation_id) == (REQUEST, CORRELATION_ID)
    return failed


# Which failures are worth a retry is in the tests of answers, connections and the policy.
RETRIED = [503, 429, ConnectionRefusedError(), TimeoutError("timed out"), respond(b'{"half": ['), respond(b"")]
FINAL = [403, 408, respond(b"<title>Login</title>"), respond([]), MemoryError(), KeyError("x")]


@pytest.mark.parametrize("answer", RETRIED, ids=lambda answer: str(answer)[:40])
def test_temporary_failures_are_retried_after_growing_waits(answer: t.Any) -> None:
    sleeps: list[float] = []
    assert exchange(answer, answer, OK, sleeps=sleeps, retries=2) == {"a": 1}
    assert (0.25 <= sleeps[0] <= 0.5, 0.5 <= sleeps[1] <= 1.0, len(sleeps)) == (True, True, 2)


@pytest.mark.parametrize("answer", FINAL, ids=lambda answer: str(answer)[:40])
def test_permanent_failures_are_tried_once(answer: t.Any) -> None:
    sleeps: list[float] = []
    assert (exchange(answer, sleeps=sleeps).attempts, sleeps) == (Attempts(1), [])


def test_tries_and_waits_are_counted_and_vary() -> None:
    sleeps: list[float] = []
    for retries in (0, 1, 4):
        before = len(sleeps)
        attempts = exchange(503, sleeps=sleeps, retries=retries).attempts
        assert len(sleeps) == before + retries
        assert attempts == (retries + 1, pytest.approx(sum(sleeps[before:])), None)
    assert len({*sleeps}) == 5
    client = client_for(ScriptedTransport(respond(b"", 503)))
    assert error_of(client.exchange, REQUEST, parse_anything, retry=False).attempts == Attempts(1)


# How long the service asks to wait, how often in vain, how many waits are made, and the wait that is refused.
WAITS: dict[str, tuple[str, int, int, t.Any]] = {
    "a few seconds": ("7", 1, 1, None),
    "two minutes at once": ("120", 1, 1, None),
    "two minutes in two": ("60", 2, 2, None),
    "too long together": ("50", 99, 2, 50),
    "days": ("999999999", 99, 0, 999999999),
}


@table("asked, times, waits, refused", WAITS)
def test_retry_after_is_honoured_and_bounded(asked: str, times: int, waits: int, refused: float | None) -> None:
    sleeps: list[float] = []
    answers = [respond(b"", 503, Retry_After=asked)] * times
    if refused is None:
        assert exchange(*answers, OK, sleeps=sleeps) == {"a": 1}
    else:
        assert refused <= exchange(*answers, sleeps=sleeps, retries=100).attempts.refused_wait <= refused + 0.5
    assert len(sleeps) == waits
    assert all(float(asked) <= wait <= float(asked) + 0.5 for wait in sleeps)


def test_backoff_waits_are_bounded_too() -> None:
    sleeps: list[float] = []
    exchange(503, sleeps=sleeps, retries=100)
    assert 95 <= sum(sleeps) <= 125


CERTAINTY: dict[str, tuple[list[t.Any], bool]] = {
    "refused": ([403], False),
    "rate limited": ([429, 429, 429], False),
    "failed, then refused": ([500, 403], True),
    "reset, then rate limited": ([ConnectionResetError(), 429, 429], True),
    "rate limited, then reset": ([429, 429, ConnectionResetError()], True),
    "redirected": ([307], True),
    "no memory": ([MemoryError()], True),
}


@table("answers, may_have_applied", CERTAINTY)
def test_one_uncertain_try_makes_the_exchange_uncertain(answers: list[t.Any], may_have_applied: bool) -> None:
    assert exchange(*answers, retries=2).may_have_applied == may_have_applied


@pytest.mark.parametrize("error", [MemoryError(), RecursionError(), RuntimeError(f"no thread for {KEY}")], ids=repr)
def test_any_exception_becomes_a_failure_without_the_key(error: Exception) -> None:
    failure = exchange(error).failure
    assert (failure.kind, failure.may_have_applied, KEY in failure.message) == (K.INTERNAL, True, False)
    assert failure.message.startswith(type(error).__name__)


def test_exception_of_a_parser_becomes_a_failure() -> None:
    def refuse(answer: t.Any) -> t.Any:
        raise _errors.AnswerInvalid("nothing is right")

    client = client_for(ScriptedTransport(OK, respond({"message": f"denied to {KEY}"}), OK))
    invalid = Failure(K.UNEXPECTED_JSON, "nothing is right", 200, may_have_applied=True, accepted=True)
    assert client.send_once(REQUEST, refuse) == invalid
    with_words = "nothing is right; it says: denied to ********"
    assert client.send_once(REQUEST, refuse) == invalid._replace(message=with_words)
    assert client.send_once(REQUEST, lambda answer: answer["b"]).kind is K.INTERNAL


def test_changes_to_answers_are_warned_of_once() -> None:
    client = client_for(ScriptedTransport(respond(b'{"__ansible_type": "\\ud83d"}')))
    assert [client.exchange(REQUEST, parse_anything) for _number in range(2)] == [{"____ansible_type": "\ufffd"}] * 2
    assert list(client.warnings) == [_portable.REPAIRED, _portable.RENAMED]


# The deadline, and stopping.
def waiting_client(
    *answers: t.Any, deadline: float | None = None, sleep: t.Callable[[float], t.Any] | None = None
) -> tuple[Client, ScriptedTransport]:
    """A client that really waits, unless it is given another C(sleep)."""
    transport = ScriptedTransport(*answers)
    return Client(transport, base_url=URL, timeout=30.0, retries=100, deadline=deadline, sleep=sleep), transport


ASKS_FOR_A_MINUTE = respond(b"", 503, Retry_After="60")


def test_no_wait_passes_the_deadline_and_the_last_try_is_cut_to_it() -> None:
    sleeps: list[float] = []
    client, transport = waiting_client(ASKS_FOR_A_MINUTE, deadline=2.0, sleep=sleeps.append)
    attempts = error_of(client.exchange, REQUEST, parse_anything).attempts
    assert sleeps == []
    assert (attempts.tries, attempts.refused_wait >= 60, len(transport.requests)) == (1, True, 1)
    assert 1.5 < transport.seconds[0] <= 2.0


def test_a_wait_ends_at_the_deadline() -> None:
    client, _transport = waiting_client(deadline=0.05)
    began = time.monotonic()
    client.wait(5.0)
    assert time.monotonic() - began < 2.0


def test_only_a_verifying_read_may_begin_after_the_deadline() -> None:
    client, transport = waiting_client(respond(b"", 503, Retry_After="0"), deadline=0.05)
    time.sleep(0.06)
    assert error_of(client.exchange, REQUEST, parse_anything) == _errors.DeadlinePassed(0.05, "read incidents")
    assert transport.requests == []
    assert isinstance(error_of(client.exchange, REQUEST, parse_anything, may_pass_deadline=True), _errors.RequestFailed)
    # That one gets the whole timeout.
    assert transport.seconds == [30.0]
    assert (client.is_past_deadline, client.can_wait(0.0)) == (True, False)


def test_stop_ends_a_wait_and_sends_nothing_more() -> None:
    client, transport = waiting_client(ASKS_FOR_A_MINUTE)
    threading.Timer(0.05, client.stop).start()
    began = time.monotonic()
    error = error_of(client.exchange, REQUEST, parse_anything)
    assert time.monotonic() - began < 5
    assert (error.failure.kind, error.may_have_applied) == (K.STOPPED, True)
    assert (len(transport.requests), transport.is_aborted, client.is_stopped()) == (1, True, True)


def test_exception_after_a_stop_counts_as_stopped() -> None:
    def stop_and_break(_request: t.Any) -> Exception:
        client.stop()
        return ConnectionResetError()

    client, _transport = waiting_client(stop_and_break)
    assert client.send_once(REQUEST, parse_anything) == Failure(
        K.STOPPED, "the task was asked to stop", may_have_applied=True
    )


@pytest.mark.parametrize("before", range(280, 300, 3))
def test_key_is_masked_before_a_message_is_cut(before: int) -> None:
    client = client_for(ScriptedTransport(respond({"message": "x" * before + KEY}, 400)))
    request = build_request(client.base_url, INCIDENT, "read", "v4", ["a"])
    failure = client.send_once(request, lambda answer: answer)
    assert isinstance(failure, Failure)
    assert KEY[:4] not in failure.message
