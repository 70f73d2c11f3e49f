# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an HTTP answer amounts to: JSON or a failure, and the one line of text that a message quotes."""

from __future__ import annotations

import json
import time
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils._answers import classify_response
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import Failure, FailureKind
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._request import build_request
from helpers import KEY, URL, ScriptedTransport, client_for, respond, table
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = 1_700_000_000.0
HTML = "text/html; charset=utf-8"
REQUEST = build_request(URL, INCIDENT, "read", "v4", ["a"])

K = FailureKind
KINDS = {
    **dict.fromkeys(range(100, 200), K.UNEXPECTED_STATUS),
    **dict.fromkeys(range(300, 400), K.REDIRECT),
    **dict.fromkeys(range(400, 500), K.REFUSED),
    **dict.fromkeys(range(500, 600), K.SERVER_ERROR),
    **dict.fromkeys(range(600, 1000), K.UNEXPECTED_STATUS),
    400: K.INVALID,
    401: K.UNAUTHENTICATED,
    403: K.FORBIDDEN,
    404: K.NO_ROUTE,
    405: K.NO_ROUTE,
    408: K.SERVER_ERROR,
    414: K.URL_TOO_LONG,
    429: K.RATE_LIMITED,
    499: K.SERVER_ERROR,
    501: K.NO_ROUTE,
}
RETRIED = {429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}
# What stands between the service and the client refused, or did not find, instead of the service.
REFUSALS = {K.INVALID, K.UNAUTHENTICATED, K.FORBIDDEN, K.REFUSED}


def classify(content: t.Any, status: int, **headers: str) -> t.Any:
    return classify_response(respond(content, status, **headers), NOW)


def failure(content: t.Any, status: int, **headers: str) -> Failure:
    """The failure with its message as it is shown."""
    transport = ScriptedTransport(respond(content, status, **headers))
    outcome = client_for(transport).send_once(REQUEST, lambda answer: answer)
    assert isinstance(outcome, Failure)
    return outcome


def test_status_decides_what_happened() -> None:
    for status, kind in KINDS.items():
        expected = Failure(
            kind,
            "to nowhere" if kind is K.REDIRECT else "words",
            status,
            retryable=status in RETRIED,
            # Only a failure within the service, or something unknown, leaves open whether it did what it was asked.
            may_have_applied=kind in (K.SERVER_ERROR, K.REDIRECT, K.UNEXPECTED_STATUS),
        )
        assert classify({"message": "words"}, status) == expected
        of_html = K.HTML_REFUSED if kind in REFUSALS else K.HTML_NOT_FOUND if kind is K.NO_ROUTE else kind
        assert (status, classify(b"<html>", status).kind) == (status, of_html)
    assert {status for status in range(200, 300) if classify({"a": 1}, status) != {"a": 1}} == set()


def test_answer_too_large_for_the_gateway_is_no_rate_limit() -> None:
    message = "grpc: received message larger than max (5242880 vs. 4194304)"
    judged = classify({"code": 8, "message": message}, 429)
    # What was asked for is done. Another try would end in the same way.
    assert judged == Failure(K.ANSWER_TOO_LARGE_FOR_GATEWAY, message, 429, may_have_applied=True)


NOT_FOUND = {
    "route, gRPC code": ({"code": 5, "message": "Not Found", "details": []}, K.NO_ROUTE),
    "route, HTTP code": ({"code": 404, "message": "Not Found: Not Found"}, K.NO_ROUTE),
    "route, text with a line break": (b"not found: not found\r\n", K.NO_ROUTE),
    "route, other words": (b"no route /incidents/incidents/v1/batch", K.NO_ROUTE),
    "item, JSON": ({"code": 404, "message": "Not Found: incident 1234"}, K.UNKNOWN_ID),
    "item, text": (b"Not Found: incident 1234", K.UNKNOWN_ID),
    "item with a misleading name": (b"Not Found: Not Found here", K.UNKNOWN_ID),
    "item, other words": ({"code": 5, "message": "incident not found"}, K.UNKNOWN_ID),
    "HTML": (b"<html><title>404 Not Found</title></html>", K.HTML_NOT_FOUND),
    "empty": (b"", K.NO_ROUTE),
}


@table("content, kind", NOT_FOUND)
def test_missing_route_and_unknown_item_are_told_apart(content: t.Any, kind: FailureKind) -> None:
    assert classify(content, 404).kind is kind


MESSAGES: dict[str, tuple[t.Any, str, str]] = {
    "message": ({"code": 3, "message": "bad id", "details": []}, "", "bad id"),
    "error": ({"error": "bad id"}, "", "bad id"),
    "error with a message": ({"error": {"message": "bad id"}}, "", "bad id"),
    "detail": ({"detail": "bad id"}, "", "bad id"),
    "empty message, then an error": ({"message": "", "error": "bad id"}, "", "bad id"),
    "other JSON": (b'{"reason":"bad id"}', "", '{"reason":"bad id"}'),
    "message is a number": (b'{"message":5}', "", '{"message":5}'),
    "string": (b'"bad id"', "", "bad id"),
    "several lines": (b"bad\r\n\tid\n\n", "", "bad id"),
    "title": (
        b"<html><TITLE lang=en>\n502 Bad\nGateway </title>",
        HTML,
        "an HTML page titled '502 Bad Gateway'",
    ),
    "HTML by its look": (b" \n<!DOCTYPE html><title>Login</title>", "", "an HTML page titled 'Login'"),
    "HTML by its type": (b"busy", HTML, "an HTML page"),
    "blank": (b" \n", "", ""),
    "invalid UTF-8": (b"bad \xff\xfe id", "", "bad \ufffd\ufffd id"),
    "control characters": (b"\x1b[31mbad\x00 id\x07\xc2\x9b", "", "[31mbad id"),
    "control characters in JSON": (b'{"message":"bad\\u001b[2J id\\u202e"}', "", "bad [2J id"),
    "lone surrogate": (b'{"message":"bad\\ud800id"}', "", "bad id"),
    "nested messages": (b'{"error":' * 500 + b'"deep"' + b"}" * 500, "", "deep"),
    "key": (f"the key {KEY} is bad".encode(), "", "the key ******** is bad"),
}


@table("content, content_type, message", MESSAGES)
def test_message_is_one_line_of_the_answer(content: t.Any, content_type: str, message: str) -> None:
    assert failure(content, 400, Content_Type=content_type).message == message


LONG = {
    "text": b"x" * 10**6,
    "JSON": b'{"message":"' + b"x" * 70_000 + b'"}',
    "brackets": b"[" * 10**5,
    "title without an end": b"<title>" + b"x" * 10**6,
    "many titles": b"<title>" * 5000,
    "many half titles": b"<title" * 5000,
    "emoji": "\U0001f600".encode() * 500,
}


@pytest.mark.parametrize("status", [400, 502])
@table("body", LONG)
def test_long_answer_is_cut_and_takes_no_minutes(body: bytes, status: int) -> None:
    began = time.perf_counter()
    message = failure(body, status).message
    assert len(message) <= 300
    assert message.endswith("\u2026") or message == "an HTML page"
    # Much more if the expression that looks for a title went back and forth.
    assert time.perf_counter() - began < 20


def test_key_is_masked_before_a_message_is_cut() -> None:
    for length in (*range(250, 310), *range(65_500, 65_540)):
        assert KEY[:4] not in failure(b"x " * (length // 2) + KEY.encode(), 400).message


def test_redirect_names_its_target() -> None:
    assert failure(b"", 302, location=f"https://else.example/?{KEY}").message == "to https://else.example/?********"
    assert len(failure(b"", 302, Location="https://" + "x" * 999).message) <= 300


UNUSABLE: dict[str, tuple[bytes, str, FailureKind, bool, str]] = {
    # HTML comes from something in between, and comes again. A broken answer may not.
    "empty": (b"", "", K.NOT_JSON, True, "an empty answer"),
    "text": (b"OK", "", K.NOT_JSON, True, "OK"),
    "HTML": (b"<title>Login</title>", HTML, K.NOT_JSON, False, "an HTML page titled 'Login'"),
    # No part of an answer that may be incident data is quoted.
    "half": (b'{"incidents": [', "", K.BROKEN_JSON, True, "15 bytes"),
    "invalid UTF-8": (b' {"a": "\xff"}', "", K.BROKEN_JSON, True, "11 bytes"),
    "100,000 brackets": (b"[" * 10**5 + b"]" * 10**5, "", K.BROKEN_JSON, False, "it is nested too deep"),
    "list": (b"[]", "", K.UNEXPECTED_JSON, False, "not an object but list"),
    "null": (b"null", "", K.UNEXPECTED_JSON, False, "not an object but NoneType"),
    "number": (b"5", "", K.UNEXPECTED_JSON, False, "not an object but int"),
}


@pytest.mark.parametrize("status", [200, 204, 299])
@table("body, content_type, kind, retryable, message", UNUSABLE)
def test_success_without_an_object_is_a_failure_that_may_have_applied(
    status: int, body: bytes, content_type: str, kind: FailureKind, retryable: bool, message: str
) -> None:
    expected = Failure(kind, message, status, retryable, may_have_applied=True)
    assert classify(body, status, Content_Type=content_type) == expected


def test_json_is_recognised_whatever_its_content_type() -> None:
    assert classify(b'\xef\xbb\xbf {"a": 1}\n', 200, Content_Type="text/plain") == {"a": 1}


def test_retry_after_is_counted_by_the_clock_of_the_service() -> None:
    headers = {"retry_AFTER": "Tue, 14 Nov 2023 22:23:50 GMT", "Date": "Tue, 14 Nov 2023 22:23:40 GMT"}
    assert classify(b"", 429, **headers).retry_after == 10.0
    assert classify(b"", 503, **{**headers, "Date": "today"}).retry_after == 630.0


some_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["message", "error", "detail", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())


@settings(max_examples=300)
@given(
    status=st.integers(100, 999),
    headers=st.dictionaries(
        st.sampled_from(["Content_Type", "Location", "Retry_After"]), st.text(st.characters(max_codepoint=255))
    ),
    body=st.one_of(st.binary(max_size=200), some_json, st.text().map(lambda text: f"<title>{text}</title>".encode())),
)
def test_every_answer_is_json_or_a_failure_with_a_short_line(status: int, headers: t.Any, body: bytes) -> None:
    transport = ScriptedTransport(respond(body, status, **headers))
    outcome = client_for(transport).send_once(REQUEST, lambda answer: answer)
    assert isinstance(outcome, (Failure, dict))
    if isinstance(outcome, Failure):
        assert outcome.kind is not K.INTERNAL
        assert outcome.message.isprintable()
        assert len(outcome.message) <= 300
