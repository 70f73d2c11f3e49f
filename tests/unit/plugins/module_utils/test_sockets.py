# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that sends one byte now and then keeps no task longer than the timeout says."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
import time
import typing as t
from pathlib import Path

import pytest
import trustme
from ansible_collections.coralogix.incidents.plugins.module_utils import _sockets
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import Failure, FailureKind
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._request import build_request
from helpers import UNKNOWN, client_for, listener, read_head, table

TIMEOUT = 0.4
K = FailureKind
Conversation = t.Callable[[socket.socket], object]


def read(url: str, **options: t.Any) -> t.Any:
    """What one try of a read brings. It is over within the timeout, and a second connect at most."""
    client = client_for(url, **{"timeout": TIMEOUT, **options})
    request = build_request(client.base_url, INCIDENT, "read", "v4", [UNKNOWN])
    began = time.monotonic()
    outcome = client.send_once(request, lambda answer: answer)
    assert time.monotonic() - began < 3 * TIMEOUT + 0.5
    return outcome


def drips(sent: bytes, dripping: bytes = b"", interval: float = TIMEOUT / 8) -> Conversation:
    """Sends some bytes at once, and then one byte after the other without an end."""

    def converse(connection: socket.socket) -> None:
        if isinstance(connection, ssl.SSLSocket) or sent or dripping:
            read_head(connection)
        connection.sendall(sent)
        for byte in itertools.cycle(dripping):
            time.sleep(interval)
            connection.sendall(bytes([byte]))
        time.sleep(4 * TIMEOUT)

    return converse


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
DRIPS: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "status line": (b"", b"HTTP/1.1 200 OK"),
    "header": (HEAD + b"A: ", b"x"),
    "headers": (HEAD, b"A: b\r\n"),
    "body": (HEAD + b"Content-Length: 999\r\n\r\n", b"{"),
    "body without a length": (HEAD + b"\r\n", b"{"),
    "compressed body": (HEAD + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\xff", b"\0\0\0\xff\xff"),
    "chunk": (CHUNKED + b"fff\r\n", b"{"),
    "size of a chunk": (CHUNKED, b"0"),
    "extension of a chunk": (CHUNKED + b"2;", b"x"),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"A: b\r\n"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@table("sent, dripping", DRIPS)
def test_answer_as_a_whole_ends_with_the_timeout(sent: bytes, dripping: bytes) -> None:
    with listener(drips(sent, dripping)) as address:
        assert read(f"http://{address}") == Failure(
            K.TIMEOUT, f"no complete answer within {TIMEOUT:g} s", retryable=True, may_have_applied=True
        )


def test_kept_connection_is_limited_as_well() -> None:
    def converse(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
        drips(HEAD + b"Content-Length: 999\r\n\r\n", b"{")(connection)

    with listener(converse) as address:
        client = client_for(f"http://{address}", timeout=TIMEOUT)
        request = build_request(client.base_url, INCIDENT, "read", "v4", [UNKNOWN])
        first, second = (client.send_once(request, lambda answer: answer) for _request in range(2))
    assert first == {}
    assert second.kind is K.TIMEOUT


@pytest.mark.parametrize("path", ["", "/pr%6fxy/mgmt/openapi/5", "/caf\u00e9/mgmt/openapi/5", "/a/../mgmt/openapi/5"])
def test_spelling_of_the_url_does_not_matter(path: str) -> None:
    with listener(drips(HEAD, b"A: b\r\n")) as address:
        assert read(f"HTTP://{address}{path}").kind is K.TIMEOUT


# Slow but whole answers within the timeout are fine, and the connect has a time of its own.
def test_slow_answer_within_the_timeout_is_read() -> None:
    def converse(connection: socket.socket) -> None:
        read_head(connection)
        for byte in HEAD + b"Content-Length: 2\r\n\r\n{}":
            time.sleep(0.001)
            connection.sendall(bytes([byte]))

    with listener(converse) as address:
        assert read(f"http://{address}", timeout=5) == {}


@contextlib.contextmanager
def full_queue() -> t.Iterator[str]:
    """An address at which further connections have to wait."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _number in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"127.0.0.1:{server.getsockname()[1]}"


NO_CONNECTION = Failure(K.UNREACHABLE, f"no connection within {TIMEOUT:g} s", retryable=True)


def test_connect_ends_with_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    with full_queue() as address:
        assert read(f"http://{address}") == NO_CONNECTION
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        assert read("https://127.0.0.1:9") == NO_CONNECTION._replace(kind=K.PROXY)


def test_all_addresses_of_a_host_share_one_timeout() -> None:
    with full_queue() as address:
        host, _colon, port = address.partition(":")
        _sockets.start_limit(TIMEOUT)
        began = time.monotonic()
        for _address in range(3):
            with pytest.raises(OSError, match="timed out"):
                _sockets.connect(host, int(port), (), set())
        _sockets.start_limit(None)
    assert TIMEOUT <= time.monotonic() - began < 2 * TIMEOUT


def test_limit_belongs_to_one_thread() -> None:
    _sockets.start_limit(0.001)
    left: list[socket.socket] = []
    with listener(lambda connection: connection.recv(1)) as address:
        host, _colon, port = address.partition(":")
        thread = threading.Thread(target=lambda: left.append(_sockets.connect(host, int(port), (), set())))
        thread.start()
        thread.join(5)
        assert left[0].gettimeout() is None
        left[0].close()
    _sockets.start_limit(None)


# TLS and proxies.
@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A context for servers at 127.0.0.1, and the file of its authority."""
    authority = trustme.CA()
    path: Path = tmp_path_factory.mktemp("pki") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context, str(path)


def over_tls(context: ssl.SSLContext, conversation: Conversation) -> Conversation:
    def converse(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inner:
            conversation(inner)

    return converse


def tunnel(conversation: Conversation) -> Conversation:
    """A proxy that opens a tunnel to this conversation."""

    def converse(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        conversation(connection)

    return converse


BODY_DRIPS = drips(HEAD + b"Content-Length: 999\r\n\r\n", b"{")


def relay(context: ssl.SSLContext) -> Conversation:
    """Behind a tunnel that is itself within TLS: a server with TLS of its own, whose body drips."""

    def converse(outer: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = context.wrap_bio(incoming, outgoing, server_side=True)

        def step(call: t.Callable[[], t.Any]) -> t.Any:
            while True:
                try:
                    return call()
                except ssl.SSLWantReadError:
                    outer.sendall(outgoing.read())
                    incoming.write(outer.recv(65536))
                finally:
                    outer.sendall(outgoing.read())

        step(inner.do_handshake)
        step(lambda: inner.read(65536))
        step(lambda: inner.write(HEAD + b"Content-Length: 999\r\n\r\n"))
        while True:
            time.sleep(TIMEOUT / 8)
            step(lambda: inner.write(b"{"))

    return converse


WITH_TLS: dict[str, tuple[t.Callable[[ssl.SSLContext], Conversation], str, FailureKind]] = {
    "body": (lambda context: over_tls(context, BODY_DRIPS), "", K.TIMEOUT),
    "handshake": (lambda _context: drips(b""), "", K.TIMEOUT),
    "proxy's answer": (lambda _context: drips(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), "http", K.PROXY),
    "interim answers of the proxy": (lambda _context: drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "http", K.PROXY),
    "body through a proxy": (lambda context: tunnel(over_tls(context, BODY_DRIPS)), "http", K.TIMEOUT),
    "handshake with a proxy": (lambda _context: drips(b""), "https", K.PROXY),
    "answer of a proxy with TLS": (lambda context: over_tls(context, drips(b"", b"HTTP/1.1 200")), "https", K.PROXY),
    "body through a proxy with TLS": (lambda context: over_tls(context, tunnel(relay(context))), "https", K.TIMEOUT),
}


@table("server, proxy_scheme, kind", WITH_TLS)
def test_tls_and_proxies_end_with_the_timeout_too(
    tls: tuple[ssl.SSLContext, str],
    monkeypatch: pytest.MonkeyPatch,
    server: t.Callable[[ssl.SSLContext], Conversation],
    proxy_scheme: str,
    kind: FailureKind,
) -> None:
    context, ca_path = tls
    with listener(server(context)) as address:
        if proxy_scheme:
            monkeypatch.setenv("HTTPS_PROXY", f"{proxy_scheme}://{address}")
        outcome = read("https://127.0.0.1:9" if proxy_scheme else f"https://{address}", ca_path=ca_path)
    assert outcome.kind is kind
