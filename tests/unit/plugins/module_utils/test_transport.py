# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real exchanges: headers, redirects, TLS, proxies, broken answers, the limit of size, the end of all exchanges."""

from __future__ import annotations

import gzip
import http.client
import os
import re
import socket
import threading
import time
import typing as t
import zlib
from pathlib import Path

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _transport
from ansible_collections.coralogix.incidents.plugins.module_utils._connections import BodyTooLarge, EncodingUnsupported
from ansible_collections.coralogix.incidents.plugins.module_utils._version import VERSION
from helpers import (
    CORRELATION_ID,
    INCIDENT,
    KEY,
    UNKNOWN,
    URL,
    Conversation,
    Failure,
    K,
    Pki,
    build_request,
    client_for,
    failure_of_read,
    listener,
    parse_anything,
    read_head,
    read_once,
    refusal,
    table,
    tunnel,
)
from hypothesis import given
from hypothesis import strategies as st
from simulator import Fault, Simulator

ANSWER = {"incidents": {}, "notFoundIds": [UNKNOWN]}


def read_request(client: t.Any) -> t.Any:
    return build_request(client.base_url, INCIDENT, "read", "v4", [UNKNOWN])


# What goes out.
def test_headers_of_a_request(simulator: Simulator) -> None:
    assert read_once(simulator.url) == ANSWER
    headers = simulator.journal[0].headers
    expected = {"authorization": f"Bearer {KEY}", "accept": "application/json", "x-cx-correlation-id": CORRELATION_ID}
    assert {name: headers[name] for name in expected} == expected
    assert headers["user-agent"] == f"coralogix.incidents/{VERSION} tests"
    assert "content-length" not in headers


def test_netrc_does_not_replace_the_key(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("default login me password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    # With a proxy, requests looks into the environment. The simulator is its own proxy: it takes absolute addresses.
    monkeypatch.setenv("HTTP_PROXY", simulator.url)
    assert read_once("http://localhost:9", auth_scheme="raw") == ANSWER
    assert simulator.journal[0].headers["authorization"] == KEY
    assert simulator.journal[0].target.startswith("http://localhost:9/mgmt/openapi/latest/")


@pytest.mark.parametrize(
    "location", ["https://x.example/login", "/login", "http://[bad", "/caf\u00e9", "/\x1b[31m", ""]
)
@pytest.mark.parametrize("status", [301, 307])
def test_redirects_are_not_followed(simulator: Simulator, status: int, location: str) -> None:
    simulator.fault(Fault(redirect=location, status=status))
    redirected = failure_of_read(simulator.url)
    assert (redirected.kind, redirected.status, len(simulator.journal)) == (K.REDIRECT, status, 1)


def test_connection_is_kept_for_the_next_request() -> None:
    connections: list[socket.socket] = []

    def converse(connection: socket.socket) -> None:
        connections.append(connection)
        for _request in range(2):
            read_head(connection)
            connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")

    with listener(converse) as address:
        client = client_for(f"http://{address}")
        assert [client.send_once(read_request(client), parse_anything) for _request in range(2)] == [{}, {}]
    assert len(connections) == 1


# What comes back.
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
# What is sent in place of an answer.
BROKEN: dict[str, tuple[t.Any, K, str]] = {
    "reset": ({"reset": True}, K.CONNECTION, "connection reset"),
    "closed": (b"", K.CONNECTION, "connection closed without an answer"),
    "cut short": (OK + b"Content-Length: 99\r\n\r\n{}", K.CONNECTION, "the answer was cut short"),
    "chunk cut short": (CHUNKED + b"9\r\n{", K.CONNECTION, "the answer was cut short"),
    "last chunk missing": (CHUNKED + b"2\r\n{}\r\n", K.CONNECTION, "the answer was cut short"),
    "chunk without a length": (CHUNKED + b"secret\r\n", K.CONNECTION, "the answer was cut short"),
    "negative chunk": (CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", K.CONNECTION, "the answer"),
    "broken compression": (OK + b"Content-Encoding: gzip\r\n\r\n{}", K.CONNECTION, "the compressed answer was broken"),
    "compression cut short": (
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}" * 99)[:-9],
        K.CONNECTION,
        "the answer was cut short",
    ),
    "unknown compression": (OK + b"Content-Encoding: br\r\n\r\n{}", K.NOT_JSON, "the content encoding 'br'"),
    # Incident data may stand in the place of a status line.
    "no HTTP": (b"secret\r\n\r\n", K.CONNECTION, "the answer is not HTTP"),
    "status that is no number": (b"HTTP/1.1 secret OK\r\n\r\n", K.CONNECTION, "the answer is not HTTP"),
    "head cut short": (b"HTTP/1.1 200", K.NOT_JSON, "an empty answer"),
    "endless header": (OK + b"A: " + b"x" * 70_000 + b"\r\n\r\n", K.CONNECTION, "the answer is not valid HTTP"),
    "two lengths": (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", K.CONNECTION, "not valid HTTP"),
    "switched protocol": (b"HTTP/1.1 101 Switching\r\n\r\nx", K.UNEXPECTED_STATUS, ""),
    "unknown interim status": (b"HTTP/1.1 199 Odd\r\n\r\n", K.UNEXPECTED_STATUS, ""),
}


@table("sent, kind, message", BROKEN)
def test_broken_answer_may_have_been_carried_out(simulator: Simulator, sent: t.Any, kind: K, message: str) -> None:
    simulator.fault(Fault(**(sent if isinstance(sent, dict) else {"raw": sent})))
    broken = failure_of_read(simulator.url, timeout=5)
    assert (broken.kind, broken.may_have_applied, message in broken.message) == (kind, True, True)
    assert "secret" not in broken.message


@pytest.mark.parametrize("host", ["127.0.0.1:1", "api.does-not-exist.invalid", f"{'a' * 63}.{'b' * 63}.invalid"])
def test_host_that_cannot_be_reached_has_carried_out_nothing(host: str) -> None:
    message = "connection refused" if host.endswith(":1") else "the name does not resolve"
    assert failure_of_read(f"https://{host}") == Failure(K.UNREACHABLE, message, retryable=True)


# The limit of size.
class Raw:
    """A body that comes in pieces, as urllib3 hands it over."""

    def __init__(self, pieces: t.Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    def read(self, _size: int, decode_content: bool) -> bytes:
        assert not decode_content
        return next(self._pieces, b"")


def pieces_of(data: bytes, size: int) -> t.Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


ENCODINGS: dict[str, t.Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "X-GZIP": gzip.compress,
    "deflate": zlib.compress,
    "deflate ": raw_deflate,
    # Compressed in parts, one after the other: RFC 1952 allows it.
    "gzip": lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:]),
}


@given(data=st.binary(max_size=300), encoding=st.sampled_from([*ENCODINGS]), size=st.integers(2, 40))
def test_body_is_decompressed_whatever_pieces_it_comes_in(data: bytes, encoding: str, size: int) -> None:
    body = ENCODINGS[encoding](data)
    headers = {"Content-Encoding": encoding, "Content-Length": str(len(body))}
    assert _transport.read_body(Raw(pieces_of(body, size)), headers) == data
    if len(body) > 1:
        with pytest.raises((http.client.IncompleteRead, zlib.error)):
            _transport.read_body(Raw(pieces_of(body[:-1], size)), headers)


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_body_above_the_limit_is_refused(encoding: str) -> None:
    assert _transport.MAX_BODY == 128 << 20
    bomb = gzip.compress(bytes((128 << 20) + 1), 1)
    pieces = pieces_of(bomb, 1 << 18) if encoding else (bytes(1 << 20) for _piece in range(256))
    with pytest.raises(BodyTooLarge, match="more than 128 MiB"):
        _transport.read_body(Raw(pieces), {"Content-Encoding": encoding})
    with pytest.raises(EncodingUnsupported, match="'gzip, gzip'"):
        _transport.read_body(Raw([b"x"]), {"Content-Encoding": "gzip, gzip"})


def test_abort_ends_an_exchange_at_once(simulator: Simulator) -> None:
    simulator.fault(Fault(hang=20))
    arrived = threading.Event()
    simulator.after_request = lambda _entry: arrived.set()
    client = client_for(simulator.url)
    threading.Thread(target=lambda: arrived.wait(5) and client.stop()).start()
    began = time.monotonic()
    outcome = client.send_once(read_request(client), parse_anything)
    assert time.monotonic() - began < 3
    assert (outcome.kind, outcome.may_have_applied) == (K.STOPPED, True)
    assert client.send_once(read_request(client), parse_anything) == outcome._replace(may_have_applied=False)


# TLS.
def test_untrusted_certificate_is_refused_before_anything_is_sent(pki: Pki) -> None:
    for certificate, ca_path, kind in ((pki.server, None, K.CERTIFICATE), (pki.other, pki.ca, K.CERTIFICATE_HOST)):
        with Simulator(tls=certificate) as simulator:
            untrusted = failure_of_read(simulator.url, ca_path=ca_path)
            assert (untrusted._replace(message=""), simulator.journal) == (Failure(kind, ""), [])
            assert "_ssl.c" not in untrusted.message


@pytest.mark.parametrize("source", ["ca_path", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "nothing"])
def test_certificate_is_trusted_by_option_or_environment(
    pki: Pki, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    # The option beats the environment.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.devnull if source in ("ca_path", "nothing") else "")
    options: dict[str, t.Any] = {"ca_path": {"ca_path": pki.ca}, "nothing": {"validate_certs": False}}.get(source, {})
    if not options:
        monkeypatch.setenv(source, pki.ca)
    with Simulator(tls=pki.server) as simulator:
        simulator.add_key(KEY)
        simulator.fault(Fault(reset=True, times=1))
        client = client_for(simulator.url, **options)
        # The retry verifies as well.
        assert client.exchange(read_request(client), parse_anything) == ANSWER
        assert len(simulator.journal) == 2


@pytest.mark.parametrize(
    "content", ["no certificate", "", "-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----"]
)
def test_damaged_authority_file_is_named_and_not_tried_again(pki: Pki, tmp_path: Path, content: str) -> None:
    (tmp_path / "ca.pem").write_text(content)
    with Simulator(tls=pki.server) as simulator:
        damaged = failure_of_read(simulator.url, ca_path=str(tmp_path / "ca.pem"))
    assert damaged._replace(message="") == Failure(K.CA_FILE, "")


def speaks_http(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_tls_to_a_plain_port_and_the_reverse(pki: Pki) -> None:
    with listener(speaks_http) as address:
        assert failure_of_read(f"https://{address}").kind is K.CONNECTION
    with Simulator(tls=pki.server) as tls:
        assert failure_of_read(tls.url.replace("https:", "http:"), timeout=2).kind is K.CONNECTION


def test_file_for_tls_keys_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "missing" / "keys"))
    assert refusal(client_for, URL).startswith("SSLKEYLOGFILE is ")


# Proxies.
@pytest.mark.parametrize("proxy", ["http://192.0.2.1:3128", "192.0.2.1:3128", "socks5://192.0.2.1", "http://["])
def test_plain_http_shows_the_key_to_no_proxy_elsewhere(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    assert read_once(simulator.url) == ANSWER


# What a proxy does in place of opening a tunnel, and whether another try may help.
PROXY_FAILURES: dict[str, tuple[dict[str, t.Any], str, bool]] = {
    "wants a login": ({"status": 407}, "it refused the tunnel: 407", False),
    "forbids": ({"status": 403}, "it refused the tunnel: 403", False),
    "is overloaded": ({"status": 503}, "it refused the tunnel: 503", True),
    "closes": ({"raw": b""}, "connection closed without an answer", True),
    "resets": ({"reset": True}, "connection reset", True),
    "speaks no HTTP": ({"raw": b"SSH-2.0-OpenSSH_9.6\r\n\r\n"}, "the answer is not HTTP", True),
}


@table("answer, message, is_retryable", PROXY_FAILURES)
def test_failure_before_the_tunnel_is_the_proxys_and_nothing_was_sent(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, answer: dict[str, t.Any], message: str, is_retryable: bool
) -> None:
    simulator.fault(Fault(**answer))
    monkeypatch.setenv("HTTPS_PROXY", simulator.url)
    refused = failure_of_read(URL, timeout=5)
    assert refused._replace(message="") == Failure(K.PROXY, "", retryable=is_retryable)
    assert message in refused.message


def test_proxy_that_cannot_be_used_is_the_proxys_failure(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator(tls=pki.server) as untrusted, Simulator(tls=pki.other) as other, listener(speaks_http) as plain:
        for proxy, message, is_retryable in (
            ("http://127.0.0.1:1", "connection refused", True),
            (f"https://{plain}", "speaks http", False),
            (untrusted.url, "unable to get local issuer", False),
            (other.url, "127.0.0.1", False),
            ("nonsense://x:1", "its URL cannot be used", False),
        ):
            monkeypatch.setenv("https_proxy", proxy)
            failed = failure_of_read(URL, timeout=5, ca_path=pki.ca if proxy == other.url else None)
            assert failed._replace(message="") == Failure(K.PROXY, "", retryable=is_retryable)
            assert message in failed.message


def answers(data: bytes) -> Conversation:
    return lambda connection: read_head(connection) and connection.sendall(data)


BEHIND_PROXY: dict[str, tuple[Conversation, str]] = {
    "closes": (read_head, "connection closed without an answer"),
    "speaks no HTTP": (answers(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "the answer is not HTTP"),
    "hangs": (lambda connection: read_head(connection) and connection.recv(1), "answer within 0.5 s"),
}


@table("conversation, message", BEHIND_PROXY)
def test_failure_behind_the_tunnel_may_have_been_carried_out(
    pki: Pki, monkeypatch: pytest.MonkeyPatch, conversation: Conversation, message: str
) -> None:
    with listener(tunnel(pki.over_tls(conversation))) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        lost = failure_of_read("https://127.0.0.1:9", timeout=0.5, ca_path=pki.ca)
    assert (lost.kind is K.PROXY, lost.may_have_applied, message in lost.message) == (False, True, True)


BAD_PROXIES = [
    *("http://[", "http://me:pass/word@proxy:3128", "http://me:pass#word@proxy:3128", "https://:3128"),
    *("http://me:password@proxy:99999", "http://", "socks5h://127.0.0.1:1080"),
]


@pytest.mark.parametrize("proxy", BAD_PROXIES)
def test_proxy_without_a_host_or_a_library_is_refused_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    message = refusal(client_for, URL)
    assert message.startswith("ALL_PROXY names a ")
    assert ("requests[socks]" in message) == proxy.startswith("socks")
    # What stands before the @ may be a password.
    assert not re.search("pass|word", message)


PROXY_SOURCES: dict[str, tuple[dict[str, str], t.Any]] = {
    "lower case wins": ({"HTTPS_PROXY": "http://a:1", "https_proxy": "b:2"}, ("http://b:2", "https_proxy")),
    "all schemes": ({"ALL_PROXY": "http://a:1"}, ("http://a:1", "ALL_PROXY")),
    "another scheme": ({"HTTP_PROXY": "http://a:1"}, None),
    "excepted host": ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "example.com"}, None),
}


@table("environ, expected", PROXY_SOURCES)
def test_proxy_is_known_by_the_variable_that_names_it(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: t.Any
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert _transport.find_proxy(f"{URL}/mgmt", os.environ) == expected
