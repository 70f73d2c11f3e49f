# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an HTTP answer means: JSON or a failure, and the one line of text that a message quotes."""

from __future__ import annotations

import json
import time
import typing as t

from ansible_collections.coralogix.incidents.plugins.module_utils._answers import (
    classify_response,
    load_with_shared_texts,
)
from helpers import (
    INCIDENT,
    KEY,
    URL,
    Failure,
    K,
    ScriptedTransport,
    build_request,
    client_for,
    parse_anything,
    respond,
    table,
)
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = 1_700_000_000.0
HTML = "text/html; charset=utf-8"
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


def classify(content: t.Any, status: int, **headers: str) -> t.Any:
    return classify_response(respond(content, status, **headers), NOW, noun="incident")


def send(content: t.Any, status: int, **headers: str) -> t.Any:
    """JSON, or the failure with its message as it is shown."""
    client = client_for(ScriptedTransport(respond(content, status, **headers)))
    return client.send_once(build_request(URL, INCIDENT, "read", "v4", ["a"]), parse_anything)


def test_status_decides_what_happened() -> None:
    # HTML comes from something in front of the service, which refused or did not find.
    of_html = dict.fromkeys((K.INVALID, K.UNAUTHENTICATED, K.FORBIDDEN, K.REFUSED), K.HTML_REFUSED)
    of_html[K.NO_ROUTE] = K.HTML_NOT_FOUND
    for status, kind in KINDS.items():
        # Only a failure within the service, or something unknown, leaves open whether it did what it was asked.
        may_have_applied = kind in (K.SERVER_ERROR, K.REDIRECT, K.UNEXPECTED_STATUS)
        words = "to nowhere" if kind is K.REDIRECT else "words"
        assert classify({"message": "words"}, status) == Failure(
            kind, words, status, status in RETRIED, may_have_applied
        )
        assert (status, classify(b"<html>", status).kind) == (status, of_html.get(kind, kind))
    assert {status for status in range(200, 300) if classify({"a": 1}, status) != {"a": 1}} == set()
    too_large = "grpc: received message larger than max (5242880 vs. 4194304)"
    # What was asked for is done. Another try would end in the same way.
    expected = Failure(K.ANSWER_TOO_LARGE_FOR_GATEWAY, too_large, 429, may_have_applied=True)
    assert classify({"code": 8, "message": too_large}, 429) == expected


NOT_FOUND: dict[K, list[t.Any]] = {
    K.NO_ROUTE: [
        *({"code": 5, "message": "Not Found", "details": []}, {"code": 404, "message": "Not Found: Not Found"}),
        *(b"not found: not found\r\n", b"no route /incidents/incidents/v1/batch", b"", b"case not found"),
    ],
    K.UNKNOWN_ID: [
        *({"code": 404, "message": "Not Found: incident 1234"}, {"code": 5, "message": "incident not found"}),
        *(b"Not Found: incident 1234", b"Not Found: Not Found here"),
    ],
    K.HTML_NOT_FOUND: [b"<html><title>404 Not Found</title></html>"],
}


def test_missing_route_and_unknown_item_are_distinguished() -> None:
    for kind, contents in NOT_FOUND.items():
        assert {str(content): classify(content, 404).kind for content in contents} == dict.fromkeys(
            map(str, contents), kind
        )


MESSAGES: dict[str, tuple[t.Any, str, str]] = {
    **{
        f"JSON {content}": (content, "", "bad id")
        for content in (
            *({"code": 3, "message": "bad id", "details": []}, {"error": "bad id"}, {"error": {"message": "bad id"}}),
            *({"detail": "bad id"}, {"message": "", "error": "bad id"}, "bad id"),
        )
    },
    "other JSON": (b'{"reason":"bad id"}', "", '{"reason":"bad id"}'),
    "message is a number": (b'{"message":5}', "", '{"message":5}'),
    "several lines": (b"bad\r\n\tid\n\n", "", "bad id"),
    "title": (b"<html><TITLE lang=en>\n502 Bad\nGateway </title>", HTML, "an HTML page titled '502 Bad Gateway'"),
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
    assert send(content, 400, Content_Type=content_type).message == message


LONG = {
    "text": b"x" * 10**6,
    "JSON": b'{"message":"' + b"x" * 70_000 + b'"}',
    "brackets": b"[" * 10**5,
    "title without an end": b"<title>" + b"x" * 10**6,
    "many titles": b"<title>" * 5000,
    "many half titles": b"<title" * 5000,
    "emoji": "\U0001f600".encode() * 500,
}


@table("body", LONG)
def test_long_answer_is_cut_quickly(body: bytes) -> None:
    began = time.perf_counter()
    message = send(body, 502).message
    assert (len(message) <= 300, message.endswith("\u2026") or message == "an HTML page") == (True, True)
    # Much more if the expression that looks for a title went back and forth.
    assert time.perf_counter() - began < 20


def test_key_is_masked_before_a_message_is_cut() -> None:
    # Around the lengths at which a message is cut, with the whole key, a part or nothing of it before the cut.
    for length in (*range(274, 304, 2), *range(65_510, 65_540, 2)):
        assert KEY[:4] not in send(b"x " * (length // 2) + KEY.encode(), 400).message
    assert send(b"", 302, location=f"https://x.example/?{KEY}").message == "to https://x.example/?********"


UNUSABLE: dict[str, tuple[bytes, str, K, bool, str]] = {
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
}


@table("body, content_type, kind, is_retryable, message", UNUSABLE)
def test_success_without_an_object_is_a_failure_that_may_have_applied(
    body: bytes, content_type: str, kind: K, is_retryable: bool, message: str
) -> None:
    for status in (200, 204, 299):
        expected = Failure(kind, message, status, is_retryable, may_have_applied=True)
        assert classify(body, status, Content_Type=content_type) == expected


def test_json_that_would_take_gigabytes_of_memory_is_not_decoded() -> None:
    bomb = b"[" + b"[]," * 4_000_000 + b"0]"
    expected = Failure(K.ANSWER_TOO_LARGE, "it has more than 8 million values", 200, may_have_applied=True)
    assert classify(bomb, 200) == expected
    assert send(bomb, 500).message.startswith("[[],[],")
    assert classify(b'{"a": "' + b"x" * len(bomb) + b'"}', 200)["a"][0] == "x"


def test_json_is_recognised_whatever_its_content_type() -> None:
    assert classify(b'\xef\xbb\xbf {"a": 1}\n', 200, Content_Type="text/plain") == {"a": 1}


def test_retry_after_is_counted_by_the_clock_of_the_service() -> None:
    headers = {"retry_AFTER": "Tue, 14 Nov 2023 22:23:50 GMT", "Date": "Tue, 14 Nov 2023 22:23:40 GMT"}
    assert classify(b"", 429, **headers).retry_after == 10.0
    assert classify(b"", 503, **{**headers, "Date": "today"}).retry_after == 630.0


keys = st.sampled_from(["message", "error", "detail", "x"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
some_json = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
header_values = st.text(st.characters(max_codepoint=255))


@settings(max_examples=150)
@given(
    status=st.integers(100, 999),
    headers=st.dictionaries(st.sampled_from(["Content_Type", "Location", "Retry_After"]), header_values),
    body=st.binary(max_size=200)
    | some_json.map(lambda value: json.dumps(value).encode())
    | st.text().map(lambda text: f"<title>{text}</title>".encode()),
)
def test_every_answer_is_json_or_a_failure_with_a_short_line(status: int, headers: t.Any, body: bytes) -> None:
    outcome = send(body, status, **headers)
    if isinstance(outcome, Failure):
        assert outcome.kind is not K.INTERNAL
        assert outcome.message.isprintable()
        assert len(outcome.message) <= 300
    else:
        assert isinstance(outcome, dict)


def test_equal_texts_of_a_task_are_one_object() -> None:
    first, second = load_with_shared_texts(b'[{"a": "some text", "b": {"c": "some text"}}, {"a": 1}]')
    assert first == {"a": "some text", "b": {"c": "some text"}}
    assert first["a"] is first["b"]["c"]
    assert second == {"a": 1}
