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
import ssl
import struct
import threading
import time
import types
import typing as t
import zlib
from pathlib import Path

import pytest
import trustme
from ansible_collections.coralogix.incidents.plugins.module_utils import _transport
from ansible_collections.coralogix.incidents.plugins.module_utils._connections import BodyTooLarge, EncodingUnsupported
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import Failure, FailureKind
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._request import build_request
from ansible_collections.coralogix.incidents.plugins.module_utils._version import VERSION
from helpers import CORRELATION_ID, KEY, UNKNOWN, client_for, free_address, listener, read_head, refusal, table
from hypothesis import given
from hypothesis import strategies as st
from simulator import Fault, Simulator

K = FailureKind
ANSWER = {"incidents": {}, "notFoundIds": [UNKNOWN]}
Conversation = t.Callable[[socket.socket], object]


def read(url: str, **options: t.Any) -> t.Any:
    """What one try of a read brings: JSON or a failure."""
    client = client_for(url, **options)
    return client.send_once(build_request(client.base_url, INCIDENT, "read", "v4", [UNKNOWN]), lambda answer: answer)


def failure(url: str, **options: t.Any) -> Failure:
    outcome = read(url, **options)
    assert isinstance(outcome, Failure)
    # No prose of libraries, which shows objects and addresses.
    assert not any(word in outcome.message for word in ("Pool", "object at 0x", "Exception", "Errno", KEY))
    return outcome


# What goes out.
def test_request_says_who_asks(simulator: Simulator) -> None:
    assert read(simulator.url) == ANSWER
    headers = simulator.journal[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["accept"] == "application/json"
    assert headers["user-agent"] == f"coralogix.incidents/{VERSION} tests"
    assert headers["x-cx-correlation-id"] == CORRELATION_ID
    assert "content-length" not in headers


def test_netrc_does_not_replace_the_key(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("default login me password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    # With a proxy, requests looks into the environment.
    monkeypatch.setenv("HTTP_PROXY", simulator.url)
    assert read("http://localhost:9", auth_scheme="raw") == ANSWER
    assert simulator.journal[0].headers["authorization"] == KEY


@pytest.mark.parametrize(
    "location", ["https://elsewhere.example/login", "/login", "http://[bad", "/caf\u00e9", "/\x1b[31mred", ""]
)
@pytest.mark.parametrize("status", [301, 307])
def test_redirects_are_not_followed(simulator: Simulator, status: int, location: str) -> None:
    simulator.fault(Fault(redirect=location, status=status))
    assert failure(simulator.url)[:3:2] == (K.REDIRECT, status)
    assert len(simulator.journal) == 1


def test_connection_is_kept_for_the_next_request() -> None:
    connections: list[socket.socket] = []

    def converse(connection: socket.socket) -> None:
        connections.append(connection)
        for _request in range(2):
            read_head(connection)
            connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")

    with listener(converse) as address:
        client = client_for(f"http://{address}")
        request = build_request(client.base_url, INCIDENT, "read", "v4", [UNKNOWN])
        assert [client.send_once(request, lambda answer: answer) for _request in range(2)] == [{}, {}]
    assert len(connections) == 1


# What comes back.
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def answers(data: bytes) -> Conversation:
    def converse(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(data)

    return converse


def resets(connection: socket.socket) -> None:
    read_head(connection)
    # With a linger time of zero, close() sends RST.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hangs(connection: socket.socket) -> None:
    read_head(connection)
    connection.recv(1)


BROKEN: dict[str, tuple[Conversation, FailureKind, str]] = {
    "reset": (resets, K.CONNECTION, "connection reset"),
    "closed": (read_head, K.CONNECTION, "connection closed without an answer"),
    "cut short": (answers(OK + b"Content-Length: 99\r\n\r\n{}"), K.CONNECTION, "the answer was cut short"),
    "chunk cut short": (answers(CHUNKED + b"9\r\n{"), K.CONNECTION, "the answer was cut short"),
    "last chunk missing": (answers(CHUNKED + b"2\r\n{}\r\n"), K.CONNECTION, "the answer was cut short"),
    "chunk without a length": (answers(CHUNKED + b"secret\r\n"), K.CONNECTION, "the answer was cut short"),
    "negative chunk": (answers(CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n"), K.CONNECTION, "the answer"),
    "broken compression": (
        answers(OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
        K.CONNECTION,
        "the compressed answer was broken",
    ),
    "compression cut short": (
        answers(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}" * 99)[:-9]),
        K.CONNECTION,
        "the answer was cut short",
    ),
    "unknown compression": (
        answers(OK + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}"),
        K.NOT_JSON,
        "the answer has the content encoding 'br'",
    ),
    # Incident data may stand in the place of a status line.
    "no HTTP": (answers(b"secret\r\n\r\n"), K.CONNECTION, "the answer is no HTTP"),
    "status that is no number": (answers(b"HTTP/1.1 secret OK\r\n\r\n"), K.CONNECTION, "the answer is no HTTP"),
    "head cut short": (answers(b"HTTP/1.1 200"), K.NOT_JSON, "an empty answer"),
    "endless header": (answers(OK + b"A: " + b"x" * 70_000 + b"\r\n\r\n"), K.CONNECTION, "the answer is no valid HTTP"),
    "two lengths": (
        answers(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        K.CONNECTION,
        "the answer is no valid HTTP",
    ),
    "switched protocol": (answers(b"HTTP/1.1 101 Switching\r\n\r\nx"), K.UNEXPECTED_STATUS, ""),
    "unknown interim status": (answers(b"HTTP/1.1 199 Odd\r\n\r\n"), K.UNEXPECTED_STATUS, ""),
}


@table("converse, kind, message", BROKEN)
def test_broken_answer_may_have_been_carried_out(converse: Conversation, kind: FailureKind, message: str) -> None:
    with listener(converse) as address:
        broken = failure(f"http://{address}", timeout=5)
    assert (broken.kind, broken.may_have_applied) == (kind, True)
    assert message in broken.message
    assert "secret" not in broken.message


def test_refused_connection_was_not_carried_out() -> None:
    assert failure(f"http://{free_address()}") == Failure(K.UNREACHABLE, "connection refused", retryable=True)


@pytest.mark.parametrize("host", ["api.does-not-exist.invalid", f"{'a' * 63}.{'b' * 63}.invalid"])
def test_unknown_name_is_unreachable(host: str) -> None:
    unknown = failure(f"https://{host}")
    assert unknown == Failure(K.UNREACHABLE, "the name does not resolve", retryable=True)


# The limit of size.
class Raw:
    """A body that comes in pieces, as urllib3 hands it over."""

    def __init__(self, pieces: t.Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    def read(self, size: int, decode_content: bool) -> bytes:
        assert not decode_content
        return next(self._pieces, b"")


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


ENCODINGS: dict[str, t.Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "X-GZIP": gzip.compress,
    "deflate": zlib.compress,
    "deflate ": raw_deflate,
    # Compressed in parts, one after the other: RFC 1952 allows it.
    " gzip": lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:]),
}


def pieces_of(data: bytes, size: int) -> t.Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@given(data=st.binary(max_size=300), encoding=st.sampled_from([*ENCODINGS]), size=st.integers(2, 40))
def test_body_is_decompressed_whatever_pieces_it_comes_in(data: bytes, encoding: str, size: int) -> None:
    body = ENCODINGS[encoding](data)
    headers = {"Content-Encoding": encoding, "Content-Length": str(len(body))}
    assert _transport.read_body(Raw(pieces_of(body, size)), headers) == data
    if len(body) > 1:
        with pytest.raises((http.client.IncompleteRead, zlib.error)):
            _transport.read_body(Raw(pieces_of(body[:-1], size)), headers)


BOMBS: dict[str, tuple[t.Callable[[], t.Iterator[bytes]], str]] = {
    "plain": (lambda: (bytes(1 << 20) for _piece in range(1 << 20)), ""),
    "gzip": (lambda: pieces_of(gzip.compress(bytes((128 << 20) + 1), 1), 1 << 18), "gzip"),
}


@table("pieces, encoding", BOMBS)
def test_body_above_the_limit_is_refused(pieces: t.Callable[[], t.Iterator[bytes]], encoding: str) -> None:
    assert _transport.MAX_BODY == 128 << 20
    with pytest.raises(BodyTooLarge, match="more than 128 MiB"):
        _transport.read_body(Raw(pieces()), {"Content-Encoding": encoding})


def test_doubly_compressed_body_is_refused() -> None:
    with pytest.raises(EncodingUnsupported, match="'gzip, gzip'"):
        _transport.read_body(Raw([b"x"]), {"Content-Encoding": "gzip, gzip"})


# The end of all exchanges.
def test_abort_ends_an_exchange_at_once() -> None:
    arrived = threading.Event()

    def converse(connection: socket.socket) -> None:
        read_head(connection)
        arrived.set()
        connection.recv(1)

    with listener(converse) as address:
        client = client_for(f"http://{address}")
        request = build_request(client.base_url, INCIDENT, "read", "v4", [UNKNOWN])
        threading.Thread(target=lambda: arrived.wait(5) and client.stop()).start()
        began = time.monotonic()
        outcome = client.send_once(request, lambda answer: answer)
    assert time.monotonic() - began < 3
    assert (outcome.kind, outcome.may_have_applied) == (K.STOPPED, True)
    assert client.send_once(request, lambda answer: answer) == Failure(K.STOPPED, "the task was asked to stop")


# TLS.
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
        issued = authority.issue_cert(name)
        pair = (str(folder / f"{name}.pem"), str(folder / f"{name}.key"))
        issued.cert_chain_pems[0].write_to_path(pair[0])
        issued.private_key_pem.write_to_path(pair[1])
        pairs.append(pair)
    return Pki(str(folder / "ca.pem"), pairs[0], pairs[1])


def test_untrusted_certificate_is_refused_before_anything_is_sent(pki: Pki) -> None:
    with Simulator(tls=pki.server) as simulator:
        untrusted = failure(simulator.url)
        assert untrusted._replace(message="") == Failure(K.CERTIFICATE, "")
        assert "_ssl.c" not in untrusted.message
        assert simulator.journal == []


def test_certificate_for_another_host_is_refused(pki: Pki) -> None:
    with Simulator(tls=pki.other) as simulator:
        other = failure(simulator.url, ca_path=pki.ca)
    assert other._replace(message="") == Failure(K.CERTIFICATE_HOST, "")
    assert "127.0.0.1" in other.message


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
        request = build_request(client.base_url, INCIDENT, "read", "v4", [UNKNOWN])
        # The retry verifies as well.
        assert client.exchange(request, lambda answer: answer) == ANSWER
        assert len(simulator.journal) == 2


@pytest.mark.parametrize(
    "content", ["no certificate", "", "-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n"]
)
def test_damaged_authority_file_is_named_and_not_tried_again(pki: Pki, tmp_path: Path, content: str) -> None:
    (tmp_path / "ca.pem").write_text(content)
    with Simulator(tls=pki.server) as simulator:
        damaged = failure(simulator.url, ca_path=str(tmp_path / "ca.pem"))
    assert damaged == Failure(K.CA_FILE, "it holds no certificate that can be read")


def test_tls_to_a_plain_port_and_the_reverse(pki: Pki, simulator: Simulator) -> None:
    with listener(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as address:
        plain = failure(f"https://{address}")
    assert plain.kind is K.CONNECTION
    assert plain.message.startswith("TLS failed: ")
    with Simulator(tls=pki.server) as tls:
        assert failure(tls.url.replace("https:", "http:"), timeout=2).kind is K.CONNECTION


def test_file_for_tls_keys_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "missing" / "keys"))
    assert refusal(client_for, "https://api.example.com").startswith("SSLKEYLOGFILE is ")


# Proxies.
def test_proxy_of_the_environment_is_used(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    # The simulator is its own proxy: it understands absolute addresses.
    monkeypatch.setenv("HTTP_PROXY", simulator.url)
    assert read("http://localhost:9") == ANSWER
    assert simulator.journal[0].target.startswith("http://localhost:9/mgmt/openapi/latest/")


@pytest.mark.parametrize("proxy", ["http://192.0.2.1:3128", "192.0.2.1:3128", "socks5://192.0.2.1", "http://["])
def test_plain_http_shows_the_key_to_no_proxy_elsewhere(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    assert read(simulator.url) == ANSWER


def through(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch, scheme: str = "http", **options: t.Any
) -> Failure:
    with listener(conversation) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://{address}")
        return failure("https://127.0.0.1:9", **{"timeout": 5, **options})


PROXY_FAILURES: dict[str, tuple[Conversation, str, bool]] = {
    "wants a login": (answers(b"HTTP/1.1 407 Proxy Authentication\r\n\r\n"), "it refused the tunnel: 407", False),
    "forbids": (answers(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "it refused the tunnel: 403", False),
    "is overloaded": (answers(b"HTTP/1.1 503 Busy\r\n\r\n"), "it refused the tunnel: 503", True),
    "closes": (read_head, "connection closed without an answer", True),
    "resets": (resets, "connection reset", True),
    "speaks no HTTP": (answers(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "the answer is no HTTP", True),
}


@table("conversation, message, retryable", PROXY_FAILURES)
def test_failure_before_the_tunnel_is_the_proxys_and_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch, conversation: Conversation, message: str, retryable: bool
) -> None:
    refused = through(conversation, monkeypatch)
    assert (refused.kind, refused.retryable, refused.may_have_applied) == (K.PROXY, retryable, False)
    assert message in refused.message


def test_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{free_address()}")
    assert failure("https://api.example.com") == Failure(K.PROXY, "connection refused", retryable=True)


def test_https_to_a_proxy_that_speaks_http(monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = through(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n"), monkeypatch, "https")
    assert (spoken.kind, spoken.may_have_applied) == (K.PROXY, False)
    assert "speaks http" in spoken.message


def test_certificate_of_a_proxy_is_verified(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    for certificate, ca_path, message in (
        (pki.server, None, "unable to get local issuer"),
        (pki.other, pki.ca, "127.0.0.1"),
    ):
        with Simulator(tls=certificate) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            refused = failure("https://api.example.com", ca_path=ca_path)
        assert (refused.kind, refused.retryable, refused.may_have_applied) == (K.PROXY, False, False)
        assert message in refused.message


def tunnel(pki: Pki, conversation: Conversation) -> Conversation:
    """A proxy that lets one connection through, and what is behind it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pki.server)

    def converse(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as inner:
            conversation(inner)

    return converse


BEHIND_PROXY: dict[str, tuple[Conversation, str]] = {
    "resets": (resets, "connection reset"),
    "closes": (read_head, "connection closed without an answer"),
    "speaks no HTTP": (answers(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "the answer is no HTTP"),
    "hangs": (hangs, "no complete answer within 1 s"),
}


@table("conversation, message", BEHIND_PROXY)
def test_failure_behind_the_tunnel_may_have_been_carried_out(
    pki: Pki, monkeypatch: pytest.MonkeyPatch, conversation: Conversation, message: str
) -> None:
    lost = through(tunnel(pki, conversation), monkeypatch, timeout=1, ca_path=pki.ca)
    assert (lost.kind is K.PROXY, lost.may_have_applied, lost.message) == (False, True, message)


BAD_PROXIES = [
    *("http://[", "http://me:pass/word@proxy:3128", "http://me:pass#word@proxy:3128"),
    *("http://me:password@proxy:99999", "http://", "https://:3128"),
]


@pytest.mark.parametrize("proxy", BAD_PROXIES)
def test_proxy_without_a_host_is_refused_by_its_variable(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    message = refusal(client_for, "https://api.example.com")
    assert message.startswith("ALL_PROXY names a proxy")
    # What stands before the @ may be a password.
    assert not re.search("pass|word", message)


def test_proxy_of_an_unknown_kind_is_the_proxys_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "nonsense://x:1")
    assert failure("https://api.example.com") == Failure(K.PROXY, "its URL cannot be used")


def test_socks_proxy_without_its_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5h://127.0.0.1:1080")
    assert "HTTPS_PROXY names a SOCKS proxy. That needs requests[socks]" in refusal(
        client_for, "https://api.example.com"
    )


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
    assert _transport.find_proxy("https://api.example.com/mgmt", os.environ) == expected


def test_session_of_a_test_is_used_as_it_is() -> None:
    session = types.SimpleNamespace(headers={}, auth=None)
    settings = types.SimpleNamespace(verify=True, base_url="https://x.example", authorization="Bearer k")
    transport = _transport.Transport(t.cast("t.Any", settings), "tests", "c", 1, session)
    assert session.headers["x-cx-correlation-id"] == "c"
    assert transport.proxy is None
