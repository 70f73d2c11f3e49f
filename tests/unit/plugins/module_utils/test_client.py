# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One exchange: what an answer amounts to, what a broken connection is called, when to try again."""

from __future__ import annotations

import contextlib
import email.utils
import json
import os
import re
import socket
import ssl
import struct
import threading
import time
import typing as t
from pathlib import Path

import pytest
import requests
import trustme
import urllib3
from ansible_collections.coralogix.incidents.plugins.module_utils import _client, _options
from ansible_collections.coralogix.incidents.plugins.module_utils._client import Client, Trouble
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import (
    EXPLANATIONS,
    ApiError,
    CoralogixError,
    WrongShape,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._routes import Request, request
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import KEY
from requests.structures import CaseInsensitiveDict
from simulator import Fault, Simulator

MakeClient = t.Callable[..., Client]

NOW = 1_700_000_000.0
JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html; charset=utf-8"}


ID = "0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60"
# What a read of it is answered with, where it does not exist.
UNKNOWN = {"incidents": {}, "notFoundIds": [ID]}


def asks(client: Client) -> Request:
    return request(client.base_url, "read", "v4", [ID])


def writes(client: Client) -> Request:
    return request(client.base_url, "unassign", "v4", [ID])


def failure(client: Client, parse: t.Callable[[dict[str, t.Any]], t.Any] = dict) -> ApiError:
    with pytest.raises(ApiError) as raised:
        client.exchange(asks(client), parse)
    return raised.value


# Pauses.
@given(tries=st.integers(1, 10**6), fraction=st.floats(0, 1))
def test_pause_grows_and_is_bounded(tries: int, fraction: float) -> None:
    wait = _client.pause(tries, None, fraction)
    most = min(0.5 * 2.0 ** min(tries - 1, 10), 30)
    assert most / 2 <= wait <= most
    # Half of the pause is jitter, so that clients which failed together come back apart.
    assert _client.pause(tries, None, 0.0) == most / 2
    assert _client.pause(tries, None, 1.0) == most
    assert _client.pause(tries + 1, None, fraction) >= wait


@given(tries=st.integers(1, 10**6), asked=st.floats(0, 10**9), fraction=st.floats(0, 1))
def test_pause_is_never_shorter_than_the_service_asks(tries: int, asked: float, fraction: float) -> None:
    assert asked <= _client.pause(tries, asked, fraction) <= asked + 0.5


def test_pause_after_the_service_asks_is_spread_too() -> None:
    assert _client.pause(1, 7.0, 0.0) == 7.0
    assert _client.pause(1, 7.0, 1.0) == 7.5


RETRY_AFTER = {
    "seconds": ("7", 7.0),
    "blanks around": (" 7 ", 7.0),
    "none at all": ("0", 0.0),
    "date": ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
    "date in the past": ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
    "date of RFC 850": ("Tuesday, 14-Nov-23 22:13:50 GMT", 30.0),
    # HTTP has it in GMT like the others, wherever the client stands.
    "date of asctime": ("Tue Nov 14 22:13:50 2023", 30.0),
    "date with an offset": ("Tue, 14 Nov 2023 23:13:50 +0100", 30.0),
    "missing": (None, None),
    "empty": ("", None),
    "words": ("soon", None),
    "negative": ("-5", None),
    "fraction": ("1.5", None),
    "exponent": ("1e3", None),
    "not a number": ("nan", None),
    "endless": ("inf", None),
    "Arabic digits": ("\u0667", None),
    "huge": ("9" * 400, None),
    "date out of range": ("Tue, 14 Nov 99999 22:13:50 GMT", None),
    "impossible date": ("Tue, 99 Nov 2023 99:99:99 GMT", None),
}


@pytest.fixture(params=["UTC", "Asia/Kolkata"])
def _time_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_time_zone")
@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTER.values(), ids=RETRY_AFTER)
def test_retry_after_in_seconds(value: str | None, seconds: float | None) -> None:
    assert _client.retry_after_seconds(value, NOW) == seconds


@given(value=st.text(), now=st.floats(0, 2**33))
def test_retry_after_is_never_negative_nor_an_exception(value: str, now: float) -> None:
    seconds = _client.retry_after_seconds(value, now)
    assert seconds is None or seconds >= 0


# Answers.
def judge(status: int, headers: dict[str, str], body: bytes) -> dict[str, t.Any] | Trouble:
    """What an answer amounts to, with the message as it is shown."""
    judged = _client.judge(status, CaseInsensitiveDict(headers), body, NOW)
    if isinstance(judged, Trouble):
        return judged._replace(message=_client.one_line(judged.message, KEY))
    return judged


def trouble(status: int, headers: dict[str, str], body: bytes) -> Trouble:
    judged = judge(status, headers, body)
    assert isinstance(judged, Trouble)
    return judged


@pytest.mark.parametrize("status", range(200, 600))
def test_status_decides_what_happened(status: int) -> None:
    judged = judge(status, JSON, b'{"message": "words"}')
    if status < 300:
        assert judged == {"message": "words"}
        return
    assert isinstance(judged, Trouble)
    special = {
        400: "invalid",
        401: "unauthenticated",
        403: "forbidden",
        404: "no_route",
        405: "no_route",
        408: "server_error",
        414: "too_long",
        429: "rate_limited",
        499: "server_error",
        501: "no_route",
    }
    usual = {3: "redirect", 4: "refused", 5: "server_error"}[status // 100]
    assert judged.kind == special.get(status, usual)
    assert judged.status == status
    assert judged.again == (status in (429, 500, 502, 503, 504))
    # Only a failure within the service, or one on the way, leaves open whether it did what it was asked.
    assert judged.uncertain == (status in (408, 499) or (status >= 500 and status != 501))
    assert "words" in judged.message or judged.kind == "redirect"
    assert judged.kind in EXPLANATIONS


def test_answer_too_large_for_the_gateway_is_no_limited_rate() -> None:
    """What was asked for is done; trying again would end in the same way."""
    body = b'{"code":8,"message":"grpc: received message larger than max (5242880 vs. 4194304)"}'
    judged = trouble(429, JSON, body)
    assert (judged.kind, judged.again, judged.uncertain) == ("too_large", False, True)


NOT_FOUND = {
    "route, gRPC code": (b'{"code":5,"message":"Not Found","details":[]}', "no_route"),
    "route, HTTP code": (b'{"code":404,"message":"Not Found: Not Found"}', "no_route"),
    "route, text": (b"Not Found: Not Found", "no_route"),
    "route, text with a line break": (b"Not Found: Not Found\r\n", "no_route"),
    "route, in small letters": (b"not found: not found", "no_route"),
    "thing, JSON": (b'{"code":404,"message":"Not Found: incident 1234"}', "no_incident"),
    "thing, text": (b"Not Found: incident 1234", "no_incident"),
    "thing of a telling name": (b"Not Found: Not Found here", "no_incident"),
    "thing, in other words": (b'{"code":5,"message":"incident not found"}', "no_incident"),
    "route, in words of its own": (b"no route /incidents/incidents/v1/batch", "no_route"),
    "page": (b"<html><title>404 Not Found</title></html>", "no_page"),
    "empty": (b"", "no_route"),
}


@pytest.mark.parametrize(("body", "kind"), NOT_FOUND.values(), ids=NOT_FOUND)
def test_missing_route_is_told_from_missing_thing(body: bytes, kind: str) -> None:
    assert trouble(404, {}, body).kind == kind


@pytest.mark.parametrize("status", range(300, 600))
def test_page_is_not_taken_for_an_answer_of_the_service(status: int) -> None:
    """So that a firewall's 403 makes nobody look for a permission, and no write go out unseen."""
    kind = trouble(status, HTML, b"<html>").kind
    if status in (404, 405, 501):
        assert kind == "no_page"
    elif 400 <= status < 500 and status not in (408, 414, 429, 499):
        assert kind == "blocked"
    else:
        assert kind == trouble(status, {}, b"").kind


WORDS: dict[str, tuple[dict[str, str], bytes, str]] = {
    "code and message": (JSON, b'{"code":3,"message":"bad id","details":[]}', "bad id"),
    "error": (JSON, b'{"error":"bad id"}', "bad id"),
    "error with a message": (JSON, b'{"error":{"message":"bad id"}}', "bad id"),
    "detail": (JSON, b'{"detail":"bad id"}', "bad id"),
    "no message in the message": (JSON, b'{"message":"","error":"bad id"}', "bad id"),
    "something else": (JSON, b'{"reason":"bad id"}', '{"reason":"bad id"}'),
    "list": (JSON, b'["bad id"]', '["bad id"]'),
    "number": (JSON, b'{"message":5}', '{"message":5}'),
    "null": (JSON, b"null", "null"),
    "string": (JSON, b'"bad id"', "bad id"),
    "text": ({"Content-Type": "text/plain"}, b"bad id\n", "bad id"),
    "text without a type": ({}, b"bad id", "bad id"),
    "several lines": ({}, b"bad\r\n\tid\n\n", "bad id"),
    "page with a title": (
        HTML,
        b"<html><TITLE lang=en>\n502 Bad\nGateway </title>",
        "a page titled '502 Bad Gateway'",
    ),
    "page without a title": (HTML, b"<html><body>busy</body>", "a page of HTML"),
    "page by its look": ({}, b" \n<!DOCTYPE html><title>Login</title>", "a page titled 'Login'"),
    "page by its type": (HTML, b"busy", "a page of HTML"),
    "empty": ({}, b"", ""),
    "blank": ({}, b" \n", ""),
    "invalid UTF-8": ({}, b"bad \xff\xfe id", "bad \ufffd\ufffd id"),
    "control characters": ({}, b"\x1b[31mbad\x00 id\x07\xc2\x9b", "[31mbad id"),
    "control characters in JSON": (JSON, b'{"message":"bad\\u001b[2J id\\u202e"}', "bad [2J id"),
    "lone surrogate": (JSON, b'{"message":"bad\\ud800id"}', "bad id"),
    "nested messages": (JSON, b'{"error":' * 500 + b'"deep"' + b"}" * 500, "deep"),
}


@pytest.mark.parametrize(("headers", "body", "words"), WORDS.values(), ids=WORDS)
def test_words_of_the_service_in_one_line(headers: dict[str, str], body: bytes, words: str) -> None:
    assert trouble(400, headers, body).message == words


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 10**6,
        b'{"message":"' + b"x" * 60_000 + b'"}',
        b"[" * 10**5,
        b"<title>" + b"x" * 10**6,
        b"\xf0\x9f\x98\x80" * 500,
    ],
    ids=["text", "JSON", "brackets", "page", "emoji"],
)
@pytest.mark.parametrize("status", [400, 500])
def test_very_long_answers_are_cut(status: int, body: bytes) -> None:
    message = trouble(status, {}, body).message
    assert len(message) <= 300
    assert message.endswith("\u2026") or message == "a page of HTML"


@pytest.mark.parametrize(
    "body", [b"<title>" * 5000, b"<title" * 5000, b"<" * 10**5], ids=["titles", "half titles", "<"]
)
def test_a_strange_page_takes_no_minutes(body: bytes) -> None:
    """Which it would if the expression that looks for a title went back and forth; this is no measurement."""
    began = time.perf_counter()
    trouble(502, HTML, body)
    assert time.perf_counter() - began < 20


UNREADABLE = {
    # What stands in the way of a page comes again, a broken answer may not.
    "empty": ({}, b"", "not_json", True, "an empty answer"),
    # A piece of the incidents tells nothing, and belongs in no message.
    "half": (JSON, b'{"incidents": [', "broken_json", True, "15 bytes"),
    "text": ({}, b"OK", "not_json", True, "OK"),
    "invalid UTF-8": (JSON, b' {"a": "\xff"}', "broken_json", True, "11 bytes"),
    "100,000 brackets": (JSON, b"[" * 10**5 + b"]" * 10**5, "broken_json", True, "200000 bytes"),
    "page": (HTML, b"<title>Login</title>", "not_json", False, "a page titled 'Login'"),
    "page of another type": (JSON, b"<html>", "not_json", False, "a page of HTML"),
    "list": (JSON, b"[]", "wrong_shape", False, "no object but list"),
    "null": (JSON, b"null", "wrong_shape", False, "no object but NoneType"),
    "number": (JSON, b"5", "wrong_shape", False, "no object but int"),
    "string": (JSON, b'"x"', "wrong_shape", False, "no object but str"),
}


@pytest.mark.parametrize(("headers", "body", "kind", "again", "words"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("status", [200, 204, 299])
def test_success_without_an_object_is_trouble(
    status: int, headers: dict[str, str], body: bytes, kind: str, again: bool, words: str | None
) -> None:
    judged = trouble(status, headers, body)
    assert (judged.kind, judged.status, judged.again) == (kind, status, again)
    # The service said yes: it may well have done it.
    assert judged.uncertain
    assert words in (None, judged.message)


def test_json_need_not_say_so() -> None:
    assert judge(200, {"Content-Type": "text/plain"}, b'\xef\xbb\xbf {"a": 1}\n') == {"a": 1}


def test_retry_after_is_read_whatever_the_case() -> None:
    assert trouble(429, {"retry-after": "7"}, b"").retry_after == 7.0
    assert trouble(503, {"RETRY-AFTER": "Tue, 14 Nov 2023 22:13:50 GMT"}, b"").retry_after == 30.0


def test_retry_after_date_is_by_the_clock_of_the_service() -> None:
    headers = {"Retry-After": "Tue, 14 Nov 2023 22:23:50 GMT", "Date": "Tue, 14 Nov 2023 22:23:40 GMT"}
    assert trouble(429, headers, b"").retry_after == 10.0
    assert trouble(429, {**headers, "Date": "today"}, b"").retry_after == 630.0


def test_half_a_character_becomes_the_mark_of_one() -> None:
    answer = judge(200, JSON, b'{"a\\uDFFF": ["\\ud83d", "\\ud83d\\ude00", "\\\\ud83d", "\\u00e9"]}')
    assert answer == {"a\ufffd": ["\ufffd", "\U0001f600", "\\ud83d", "\u00e9"]}
    assert judge(200, JSON, b'{"a": "\xed\xa0\xbd"}') == {"a": "\ufffd"}


def test_key_is_masked_also_where_a_message_is_cut() -> None:
    for length in range(250, 310):
        assert KEY[:4] not in trouble(400, {}, b"x" * length + b" " + KEY.encode()).message
    assert trouble(302, {"Location": f"/?{KEY}"}, b"").message == "to /?********"


def test_redirect_says_where_to() -> None:
    assert trouble(302, {"location": "https://elsewhere.example/"}, b"").message == "to https://elsewhere.example/"
    assert trouble(302, {}, b"").message == "to nowhere"
    assert len(trouble(302, {"Location": "https://" + "x" * 999}, b"").message) <= 300


header_values = st.text(st.characters(max_codepoint=255))
some_headers = st.dictionaries(st.sampled_from(["Content-Type", "Location", "Retry-After"]), header_values)
some_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["message", "error", "detail", "code", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())


@settings(max_examples=300)
@given(
    status=st.integers(100, 999),
    headers=some_headers,
    body=st.one_of(st.binary(max_size=200), some_json, st.text().map(lambda text: f"<title>{text}</title>".encode())),
)
def test_no_answer_is_an_exception(status: int, headers: dict[str, str], body: bytes) -> None:
    judged = judge(status, headers, body)
    if isinstance(judged, Trouble):
        assert judged.kind in EXPLANATIONS
        assert judged.message.isprintable()
        assert len(judged.message) <= 300
        assert judged.again <= (status in (429, 500, 502, 503, 504) or 200 <= status < 300)
    else:
        assert 200 <= status < 300
        assert isinstance(judged, dict)


# Connections, all of them real.
Conversation = t.Callable[[socket.socket], object]


@contextlib.contextmanager
def listener(converse: Conversation) -> t.Iterator[str]:
    """A server whose whole behaviour is one function; yields its address as host:port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as connection:
                        converse(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        # Wakes the thread that waits in accept().
        server.shutdown(socket.SHUT_RDWR)


def request_of(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    return received


def says(answer: bytes) -> Conversation:
    def converse(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(answer)

    return converse


def resets(connection: socket.socket) -> None:
    request_of(connection)
    # With a linger time of nought, close() sends RST.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hangs(connection: socket.socket) -> None:
    request_of(connection)
    with contextlib.suppress(OSError):
        connection.settimeout(5)
        connection.recv(1)


def hangs_in_the_body(connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    with contextlib.suppress(OSError):
        connection.settimeout(5)
        connection.recv(1)


# Before version 2, urllib3 hands such a body on, and only the JSON shows that something is missing.
_CUT_SHORT = ("broken_json", "1 bytes") if urllib3.__version__.startswith("1.") else ("connection", "cut short")
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

# What the server does: the kind of error, words of its message, whether the request may have been carried out.
BROKEN: dict[str, tuple[Conversation, str, str, bool]] = {
    "reset": (resets, "connection", "reset", True),
    "closed without an answer": (request_of, "connection", "closed without an answer", True),
    "hangs": (hangs, "timeout", "no answer within 0.05 s", True),
    "hangs in the body": (hangs_in_the_body, "timeout", "no answer within 0.05 s", True),
    "truncated": (says(_OK + b"Content-Length: 99\r\n\r\n{"), *_CUT_SHORT, True),
    "truncated chunk": (says(_OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{"), "connection", "cut short", True),
    "last chunk missing": (
        says(_OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
        "connection",
        "cut short",
        True,
    ),
    "chunk without a length": (
        says(_OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"),
        "connection",
        "cut short",
        True,
    ),
    "broken compression": (
        says(_OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
        "connection",
        "the answer was broken",
        True,
    ),
    "no HTTP": (says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "connection", "SSH-2.0", True),
    "head cut short": (says(b"HTTP/1.1 200"), "not_json", "an empty answer", True),
    "status that is no number": (says(b"HTTP/1.1 abc OK\r\n\r\n"), "connection", "abc", True),
    "endless header": (says(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000 + b"\r\n\r\n"), "connection", "", True),
    "negative chunk": (
        says(_OK + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n"),
        "connection",
        "",
        True,
    ),
    "two lengths": (
        says(_OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        "connection",
        "Content-Length",
        True,
    ),
}


@pytest.mark.parametrize(("converse", "kind", "words", "uncertain"), BROKEN.values(), ids=BROKEN)
def test_broken_exchange_says_what_broke(
    client: MakeClient, converse: Conversation, kind: str, words: str, uncertain: bool
) -> None:
    with listener(converse) as address:
        # Only where there is nothing to wait for, a moment is long enough.
        error = failure(client(f"http://{address}", timeout=0.05 if kind == "timeout" else 5, retries=0))
    assert (error.kind, error.uncertain) == (kind, uncertain)
    assert words in error.message
    assert error.message.isprintable()
    # No prose of requests, which shows objects and addresses.
    assert not any(word in str(error) for word in ("Pool", "object at 0x", "Exception", "Errno", KEY))


def test_refused_connection(client: MakeClient, sleeps: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    error = failure(client(f"http://{address}", retries=2))
    assert (error.kind, error.message, error.uncertain, error.status) == (
        "unreachable",
        "connection refused",
        False,
        None,
    )
    assert str(error).startswith(f"Could not reach {address} to read incidents (connection refused).")
    assert len(sleeps) == 2


def test_name_that_does_not_resolve(client: MakeClient) -> None:
    error = failure(client("https://api.does-not-exist.invalid", retries=0))
    assert (error.kind, error.message, error.uncertain) == ("unreachable", "the name does not resolve", False)


def test_no_connection_in_time(client: MakeClient) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        # Once its queue is full, the system lets further connections wait.
        for _n in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        error = failure(client(f"http://127.0.0.1:{address[1]}", timeout=0.05, retries=0))
    assert (error.kind, error.message, error.uncertain) == ("unreachable", "no connection within 0.05 s", False)


# TLS and proxies.
class Pki(t.NamedTuple):
    ca: str
    server: tuple[str, str]
    """Certificate and key of 127.0.0.1."""
    other: tuple[str, str]
    """The same for another name."""


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    pairs = []
    for name in ("127.0.0.1", "other.example.com"):
        made = authority.issue_cert(name)
        pair = (str(folder / f"{name}.pem"), str(folder / f"{name}.key"))
        made.cert_chain_pems[0].write_to_path(pair[0])
        made.private_key_pem.write_to_path(pair[1])
        pairs.append(pair)
    return Pki(str(folder / "ca.pem"), pairs[0], pairs[1])


def test_certificate_has_to_be_trusted(client: MakeClient, pki: Pki, sleeps: list[float]) -> None:
    with Simulator(tls=pki.server) as simulator:
        error = failure(client(simulator.url))
        assert (error.kind, error.uncertain) == ("certificate", False)
        assert "ca_path" in str(error)
        assert "_ssl.c" not in error.message
        assert simulator.journal == []
    # Another try would meet the same certificate.
    assert sleeps == []


def test_certificate_has_to_be_for_the_host(client: MakeClient, pki: Pki) -> None:
    with Simulator(tls=pki.other) as simulator:
        error = failure(client(simulator.url, ca_path=pki.ca))
    assert (error.kind, error.uncertain) == ("other_certificate", False)
    assert "127.0.0.1" in error.message
    assert "check api_url" in str(error)
    assert "ca_path" not in str(error)


@pytest.mark.parametrize("trusted", ["ca_path", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "not at all"])
def test_certificate_is_trusted_by_option_or_environment(
    client: MakeClient, pki: Pki, monkeypatch: pytest.MonkeyPatch, trusted: str
) -> None:
    given: dict[str, t.Any] = {}
    if trusted == "ca_path":
        given["ca_path"] = pki.ca
        # The option beats the environment.
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.devnull)
    elif trusted == "not at all":
        given["validate_certs"] = False
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.devnull)
    else:
        monkeypatch.setenv(trusted, pki.ca)
    with Simulator(tls=pki.server) as simulator:
        simulator.add_key(KEY)
        one = client(simulator.url, **given)
        assert one.exchange(asks(one), dict) == UNKNOWN


def test_retries_keep_verifying(client: MakeClient, pki: Pki) -> None:
    with Simulator(tls=pki.server) as simulator:
        simulator.add_key(KEY)
        simulator.fault(Fault(reset=True, times=2))
        one = client(simulator.url, ca_path=pki.ca)
        assert one.exchange(asks(one), dict) == UNKNOWN
        assert len(simulator.journal) == 3


def test_ca_file_that_is_none_is_not_tried_again(client: MakeClient, sleeps: list[float], tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")

    def ask(url: str) -> None:
        one = client(url, ca_path=str(junk))
        one.exchange(asks(one), dict)

    with Simulator() as simulator, pytest.raises(CoralogixError) as raised:
        ask(simulator.url.replace("http:", "https:"))
    assert "ca_path" in str(raised.value)
    # No connection was made, and none will be by waiting.
    assert not getattr(raised.value, "uncertain", False)
    assert sleeps == []


def test_tls_to_a_plain_port(client: MakeClient) -> None:
    with listener(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as address:
        error = failure(client(f"https://{address}", retries=0))
    assert error.kind == "connection"
    assert error.message.startswith("TLS failed: ")


def test_plain_http_to_a_tls_port(client: MakeClient, pki: Pki) -> None:
    with Simulator(tls=pki.server) as simulator:
        error = failure(client(simulator.url.replace("https:", "http:"), retries=0, timeout=2))
    assert error.kind == "connection"


def test_proxy_of_the_environment_is_used(
    client: MakeClient, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The simulator is its own proxy: it understands absolute addresses.
    monkeypatch.setenv("HTTP_PROXY", simulator.url)
    one = client("http://localhost:9")
    assert one.exchange(asks(one), dict) == UNKNOWN
    assert simulator.journal[0].target.startswith("http://localhost:9/mgmt/openapi/latest/")


@pytest.mark.parametrize("proxy", ["http://192.0.2.1:3128", "192.0.2.1:3128", "socks5://192.0.2.1"])
def test_plain_http_shows_the_key_to_no_distant_proxy(
    client: MakeClient, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    one = client(simulator.url)
    assert one.exchange(asks(one), dict) == UNKNOWN


def test_proxy_that_refuses(client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with listener(says(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        error = failure(client("https://api.eu2.coralogix.com", retries=0))
    assert (error.kind, error.uncertain) == ("unreachable", False)
    assert error.message.startswith("the proxy failed: ")
    assert "407" in error.message


# What becomes of a request that a proxy has let pass: the words of the message.
BEHIND_PROXY: dict[str, tuple[Conversation, str]] = {
    "reset": (resets, "connection reset"),
    "closed without an answer": (request_of, "connection closed without an answer"),
    "no HTTP": (says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "SSH-2.0"),
    "hangs": (hangs, "no answer within"),
}


@pytest.mark.parametrize(("converse", "words"), BEHIND_PROXY.values(), ids=BEHIND_PROXY)
def test_answer_lost_behind_a_proxy_leaves_the_effect_open(
    client: MakeClient, pki: Pki, monkeypatch: pytest.MonkeyPatch, converse: Conversation, words: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pki.server)

    def tunnel(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as inner:
            converse(inner)

    with listener(tunnel) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        error = failure(client("https://127.0.0.1:9", ca_path=pki.ca, retries=0, timeout=1))
    assert error.uncertain
    assert words in error.message
    assert "proxy failed" not in error.message


def test_proxy_that_is_not_there(client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
    error = failure(client("https://api.eu2.coralogix.com", retries=0))
    assert (error.kind, error.uncertain) == ("unreachable", False)
    assert "proxy" in error.message
    assert "refused" in error.message


@pytest.mark.parametrize(
    "proxy",
    [
        *("http://[", "http://me:pass/word@proxy:3128", "http://me:pass#word@proxy:3128"),
        *("http://me:password@proxy:99999", "nonsense://x", "http://"),
    ],
)
@pytest.mark.parametrize("url", ["https://api.eu2.coralogix.com", "http://127.0.0.1:9"], ids=["https", "http"])
def test_proxy_that_is_none(client: MakeClient, monkeypatch: pytest.MonkeyPatch, proxy: str, url: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    error = failure(client(url, retries=0))
    assert (error.kind, error.uncertain) == ("unreachable", False)
    # What stands before the @ may be a password.
    assert not re.search("pass|word", str(error))
    assert error.message in ("the environment names a proxy whose URL cannot be used", "connection refused")


def test_any_exception_becomes_a_trouble() -> None:
    odd: list[BaseException] = [
        OSError(5, "Input/output error"),
        ValueError(),
        requests.exceptions.InvalidURL("{bad} format"),
        ssl.SSLError("x"),
        requests.ConnectionError(ValueError("{}")),
    ]
    odd[1].__context__ = odd[2]
    odd[2].__context__ = odd[1]
    for error in odd:
        judged = _client.connection_trouble(error, 1.0)
        assert judged.kind in EXPLANATIONS
        # Unless it is known to come before anything is sent, the request may have been carried out.
        assert judged.uncertain == judged.again == (judged.kind == "connection")


# What goes out.
def test_request_says_who_asks(client: MakeClient, simulator: Simulator) -> None:
    one = client(simulator.url)
    one.exchange(asks(one), dict)
    one.exchange(asks(one), dict)
    error = failure(one, _refuse)
    first, second, third = (entry.headers for entry in simulator.journal)
    assert first["authorization"] == f"Bearer {KEY}"
    assert first["accept"] == "application/json"
    assert first["user-agent"] == f"coralogix.incidents/{_client.VERSION} tests"
    correlation = {headers["x-cx-correlation-id"] for headers in (first, second, third)}
    assert correlation == {error.correlation_id}
    assert "content-length" not in first


def test_two_tasks_are_told_apart(client: MakeClient, simulator: Simulator) -> None:
    for _n in range(2):
        one = client(simulator.url)
        one.exchange(asks(one), dict)
    assert len({entry.headers["x-cx-correlation-id"] for entry in simulator.journal}) == 2


def test_netrc_does_not_replace_the_key(
    client: MakeClient, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login me password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    one = client(simulator.url, auth_scheme="raw")
    one.exchange(asks(one), dict)
    assert simulator.journal[0].headers["authorization"] == KEY


LOCATIONS = {
    "elsewhere": "https://elsewhere.example/login",
    "below": "/login",
    "broken": "http://[bad",
    "not UTF-8": "/caf\u00e9",
    "escape sequence": "/\x1b[31mred",
    "empty": "",
}


@pytest.mark.parametrize("location", LOCATIONS.values(), ids=LOCATIONS)
@pytest.mark.parametrize("status", [301, 307])
def test_redirects_are_not_followed(client: MakeClient, simulator: Simulator, status: int, location: str) -> None:
    simulator.fault(Fault(redirect=location, status=status))
    error = failure(client(simulator.url, retries=0))
    assert (error.kind, error.status, error.uncertain) == ("redirect", status, False)
    assert str(error).isprintable()
    assert len(simulator.journal) == 1


# Trying again.
def _refuse(answer: dict[str, t.Any]) -> t.NoReturn:
    raise WrongShape("nothing is right")


AGAIN: dict[str, dict[str, t.Any]] = {
    "429": {"status": 429},
    "500": {"status": 500},
    "502": {"status": 502, "body": "<html><title>Bad Gateway</title>"},
    "503": {"status": 503, "body": ""},
    "504": {"status": 504},
    "reset": {"reset": True},
    "hang": {"hang": 0.6},
    "truncated": {"truncate": True},
    "truncated chunk": {"truncate_chunked": True},
    "half the JSON": {"malformed": True},
}


@pytest.mark.parametrize("fault", AGAIN.values(), ids=AGAIN)
def test_what_may_pass_is_tried_again(
    client: MakeClient, simulator: Simulator, sleeps: list[float], fault: dict[str, t.Any]
) -> None:
    simulator.fault(Fault(**fault, times=2))
    one = client(simulator.url, timeout=0.3, retries=2)
    assert one.exchange(asks(one), dict) == UNKNOWN
    assert len(simulator.journal) == 3
    assert [0.25 <= sleeps[0] <= 0.5, 0.5 <= sleeps[1] <= 1.0, len(sleeps)] == [True, True, 2]


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_number_of_tries_and_their_waits(
    client: MakeClient, simulator: Simulator, sleeps: list[float], retries: int
) -> None:
    simulator.fault(Fault(status=503))
    error = failure(client(simulator.url, retries=retries))
    assert (error.kind, error.status) == ("server_error", 503)
    assert len(simulator.journal) == retries + 1
    assert [0.5 * 2**number / 2 <= wait <= 0.5 * 2**number for number, wait in enumerate(sleeps)] == [True] * retries
    if retries:
        assert error.note == f"Tried {retries + 1} times, with {sum(sleeps):.1f} s of waiting."
        assert str(error).endswith(error.note)
    else:
        assert error.note == ""


def test_waits_vary(client: MakeClient, simulator: Simulator, sleeps: list[float]) -> None:
    simulator.fault(Fault(status=503))
    for _n in range(5):
        failure(client(simulator.url, retries=1))
    assert len(set(sleeps)) > 1


NOT_AGAIN: dict[str, tuple[dict[str, t.Any], str]] = {
    **{
        str(status): ({"status": status}, "") for status in (400, 401, 403, 404, 405, 408, 409, 414, 418, 422, 501, 505)
    },
    "redirect": ({"redirect": "/login"}, "redirect"),
    "page": ({"replace": "<html><title>Login</title>"}, "not_json"),
    "list": ({"replace": []}, "wrong_shape"),
}


@pytest.mark.parametrize(("fault", "kind"), NOT_AGAIN.values(), ids=NOT_AGAIN)
def test_what_will_not_pass_is_not_tried_again(
    client: MakeClient, simulator: Simulator, sleeps: list[float], fault: dict[str, t.Any], kind: str
) -> None:
    simulator.fault(Fault(**fault))
    error = failure(client(simulator.url))
    assert kind in ("", error.kind)
    assert (len(simulator.journal), sleeps, error.note) == (1, [], "")


def test_wrong_shape_is_not_tried_again(client: MakeClient, simulator: Simulator, sleeps: list[float]) -> None:
    error = failure(client(simulator.url), _refuse)
    assert (error.kind, error.message, error.status, error.uncertain) == ("wrong_shape", "nothing is right", 200, True)
    assert (len(simulator.journal), sleeps) == (1, [])


def test_answer_of_the_wrong_shape_has_its_say(client: MakeClient, simulator: Simulator) -> None:
    simulator.fault(Fault(replace={"code": 7, "message": f"denied to {KEY}"}))
    error = failure(client(simulator.url), _refuse)
    assert error.message == "nothing is right; it says: denied to ********"


def test_retry_after_is_honoured(client: MakeClient, simulator: Simulator, sleeps: list[float]) -> None:
    soon = email.utils.formatdate(time.time() + 40, usegmt=True)
    simulator.fault(Fault(status=429, headers={"Retry-After": "7"}, times=1))
    simulator.fault(Fault(status=503, headers={"Retry-After": soon}, times=1))
    one = client(simulator.url)
    one.exchange(asks(one), dict)
    assert 7 <= sleeps[0] <= 7.5
    assert 37 <= sleeps[1] <= 40.5


def test_whole_wait_is_bounded(client: MakeClient, simulator: Simulator, sleeps: list[float]) -> None:
    simulator.fault(Fault(status=429, headers={"Retry-After": "50"}))
    error = failure(client(simulator.url, retries=99))
    assert len(sleeps) == 2
    assert sum(sleeps) <= _client.MAX_WAIT == 125
    assert error.kind == "rate_limited"
    assert error.note == "Gave up after try 3: a further wait of 50 s would pass 125 s in all."


@pytest.mark.parametrize(("asked", "waits"), [("120", 1), ("60", 2)])
def test_two_minutes_are_waited_if_asked_for(
    client: MakeClient, simulator: Simulator, sleeps: list[float], asked: str, waits: int
) -> None:
    simulator.fault(Fault(status=429, headers={"Retry-After": asked}, times=waits))
    one = client(simulator.url)
    one.exchange(asks(one), dict)
    assert len(sleeps) == waits


def test_whole_wait_is_bounded_without_the_service_asking(
    client: MakeClient, simulator: Simulator, sleeps: list[float]
) -> None:
    simulator.fault(Fault(status=500))
    failure(client(simulator.url, retries=10**6))
    assert 95 <= sum(sleeps) <= 125


def test_a_wait_of_days_is_not_begun(client: MakeClient, simulator: Simulator, sleeps: list[float]) -> None:
    simulator.fault(Fault(status=503, headers={"Retry-After": "999999999"}))
    error = failure(client(simulator.url))
    assert sleeps == []
    assert "Gave up after try 1" in error.note


CERTAINTY: dict[str, tuple[list[dict[str, t.Any]], bool]] = {
    "refused": ([{"status": 403}], False),
    "rate limited": ([{"status": 429}, {"status": 429}, {"status": 429}], False),
    "failed": ([{"status": 500}] * 3, True),
    "failed, then refused": ([{"status": 500}, {"status": 403}], True),
    "reset, then rate limited": ([{"reset": True}, {"status": 429}, {"status": 429}], True),
    "rate limited, then reset": ([{"status": 429}, {"status": 429}, {"reset": True}], True),
    "cut short, then unknown": ([{"truncate": True}, {"status": 404, "body": "Not Found: incident a"}], True),
}


@pytest.mark.parametrize(("faults", "uncertain"), CERTAINTY.values(), ids=CERTAINTY)
def test_one_uncertain_try_makes_the_whole_uncertain(
    client: MakeClient, simulator: Simulator, faults: list[dict[str, t.Any]], uncertain: bool
) -> None:
    for fault in faults:
        simulator.fault(Fault(**fault, times=1))
    one = client(simulator.url, retries=2)
    with pytest.raises(ApiError) as raised:
        one.exchange(writes(one), dict)
    assert raised.value.uncertain == uncertain
    assert len(simulator.journal) == len(faults)


# What the reader of the message learns.
TOLD: dict[str, tuple[dict[str, t.Any], list[str]]] = {
    "400": ({"status": 400}, ["invalid"]),
    "401": ({"status": 401}, ["127.0.0.1", "check api_key", "another region", "api_url, which names"]),
    "403": ({"status": 403}, ["incidents:assign", "personal key"]),
    "404 route": ({"status": 404, "body": "Not Found: Not Found"}, ["DELETE", "/by-user", "api_version", "api_url"]),
    "404 incident": (
        {"status": 404, "body": "Not Found: incident a"},
        ["does not know", "incident a", "incidents:read"],
    ),
    "404 incident, in other words": ({"status": 404, "body": {"message": "incident not found"}}, ["does not know"]),
    "403 page": ({"status": 403, "body": "<title>Blocked</title>"}, ["a page", "Blocked", "proxy"]),
    "404 page": ({"status": 404, "body": "<title>Nothing</title>"}, ["a page", "Nothing", "api_url"]),
    "409": ({"status": 409}, ["refused", "409"]),
    "414": ({"status": 414, "body": "<title>Too long</title>"}, ["characters", "incident_ids", "proxy"]),
    "429": ({"status": 429}, ["rate", "later"]),
    "429 too large": ({"status": 429, "body": "received message larger than max"}, ["larger than", "incident_ids"]),
    "500": ({"status": 500}, ["correlation ID"]),
    "redirect": ({"redirect": "https://elsewhere.example"}, ["elsewhere.example", "not followed", "proxy"]),
    "page": ({"replace": "<title>Login</title>"}, ["Login", "JSON", "proxy"]),
    "half the JSON": ({"malformed": True}, ["cut short", "bytes", "correlation ID"]),
    "shape": ({"replace": []}, ["shape", "api_version", "correlation ID"]),
    "no words": ({"status": 503, "body": ""}, ["503"]),
}


@pytest.mark.parametrize(("fault", "told"), TOLD.values(), ids=TOLD)
def test_message_and_failure_tell_what_to_do(
    client: MakeClient, simulator: Simulator, fault: dict[str, t.Any], told: list[str]
) -> None:
    simulator.fault(Fault(**fault))
    one = client(simulator.url, retries=0)
    request = writes(one)
    with pytest.raises(ApiError) as raised:
        one.exchange(request, dict)
    error = raised.value
    assert [word for word in told if word not in str(error)] == []
    assert KEY not in str(error)
    assert error.failure == {
        "status": simulator.journal[0].status,
        "method": "DELETE",
        "url": request.url,
        "message": error.message or None,
        "correlation_id": simulator.journal[0].headers["x-cx-correlation-id"],
    }


SOURCES = {
    "task": ({"api_key": KEY, "api_url": "{url}"}, {}, "check api_key, and check api_url, which names this host."),
    "environment": (
        {"api_key": None},
        {"CX_API_KEY": KEY, "CORALOGIX_URL": "{url}"},
        "check CX_API_KEY, and check CORALOGIX_URL, which names this host.",
    ),
}


@pytest.mark.parametrize(("task", "environ", "told"), SOURCES.values(), ids=SOURCES)
def test_message_tells_where_key_and_host_come_from(
    params: t.Callable[..., dict[str, t.Any]],
    simulator: Simulator,
    task: dict[str, str | None],
    environ: dict[str, str],
    told: str,
) -> None:
    simulator.fault(Fault(status=401))
    given = {name: value and value.format(url=simulator.url) for name, value in task.items()}
    variables = {name: value.format(url=simulator.url) for name, value in environ.items()}
    one = Client(_options.settings(params(**given), variables), "tests")
    assert str(failure(one)).endswith(told)


def test_message_tells_that_no_host_was_named(params: t.Callable[..., dict[str, t.Any]]) -> None:
    checked = _options.settings(params(retries=0, timeout=5), {})
    one = Client(checked._replace(base_url="https://127.0.0.1:9/mgmt/openapi/5"), "tests")
    assert str(failure(one)).endswith("and region, domain or api_url, of which none is set.")


def test_unknown_incident_is_not_said_to_be_found_out_by_a_key_that_can_read(
    client: MakeClient, simulator: Simulator
) -> None:
    simulator.fault(Fault(status=404, body="Not Found: incident a"))
    message = str(failure(client(simulator.url)))
    assert message.endswith("Leave that ID out.")


def test_reading_is_not_said_to_need_a_personal_key(client: MakeClient, simulator: Simulator) -> None:
    simulator.fault(Fault(status=403))
    message = str(failure(client(simulator.url)))
    assert "incidents:read" in message
    assert "personal" not in message
