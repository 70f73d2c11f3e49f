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
from types import MappingProxyType

import pytest
import urllib3
from ansible_collections.coralogix.incidents.plugins.module_utils import _sockets
from helpers import (
    INCIDENT,
    KEY,
    UNKNOWN,
    Conversation,
    Failure,
    K,
    Pki,
    build_request,
    client_for,
    listener,
    parse_anything,
    read_head,
    table,
    tunnel,
)
from simulator import Fault, Simulator

TIMEOUT = 0.3
DRIP_BYTES = 64
"""One each eighth of the timeout. Then the server closes the connection: a client without a limit fails, not hangs."""
TOO_LATE = Failure(K.TIMEOUT, f"no complete answer within {TIMEOUT:g} s", retryable=True, may_have_applied=True)


def reads(url: str, count: int = 1, **options: t.Any) -> list[t.Any]:
    """What tries of a read bring. Each is over within the timeout, and a second connect at most."""
    client = client_for(url, **{"timeout": TIMEOUT, **options})
    request = build_request(client.base_url, INCIDENT, "read", "v4", [UNKNOWN])
    began = time.monotonic()
    outcomes = [client.send_once(request, parse_anything) for _request in range(count)]
    assert time.monotonic() - began < count * (2 * TIMEOUT + 1)
    return outcomes


def drips(sent: bytes, dripping: bytes = b"") -> Conversation:
    """Sends some bytes at once, and then one byte after the other, for much longer than the timeout."""

    def converse(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(sent)
        for byte in itertools.islice(itertools.cycle(dripping), DRIP_BYTES):
            time.sleep(TIMEOUT / 8)
            connection.sendall(bytes([byte]))
        time.sleep(4 * TIMEOUT)

    return converse


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY_DRIPS = drips(HEAD + b"Content-Length: 999\r\n\r\n", b"{")
DRIPS = {
    "nothing": drips(b""),
    "status line": drips(b"", b"HTTP/1.1 200 OK"),
    "header": drips(HEAD + b"A: ", b"x"),
    "headers": drips(HEAD, b"A: b\r\n"),
    "body": BODY_DRIPS,
    "compressed body": drips(HEAD + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\xff", b"\0\0\0\xff\xff"),
    "size of a chunk": drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"A: b\r\n"),
    "interim answers": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@table("converse", DRIPS)
def test_answer_as_a_whole_ends_with_the_timeout(converse: Conversation) -> None:
    with listener(converse) as address:
        assert reads(f"http://{address}") == [TOO_LATE]


@pytest.mark.parametrize("path", ["/pr%6fxy/mgmt/openapi/5", "/caf\u00e9/mgmt/openapi/5", "/a/../mgmt/openapi/5"])
def test_kept_connections_and_every_spelling_of_the_url_are_limited(path: str) -> None:
    def converse(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
        BODY_DRIPS(connection)

    with listener(converse) as address:
        assert reads(f"HTTP://{address}{path}", 2) == [{}, TOO_LATE]


def test_slow_answer_within_the_timeout_is_read(simulator: Simulator) -> None:
    simulator.fault(Fault(drip=0.001, drip_part="headers"))
    assert reads(simulator.url, timeout=20) == [{"incidents": {}, "notFoundIds": [UNKNOWN]}]


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


def test_connect_ends_with_the_timeout_over_all_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Failure(K.UNREACHABLE, f"no connection within {TIMEOUT:g} s", retryable=True)
    with full_queue() as address:
        assert reads(f"http://{address}") == [expected]
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        assert reads("https://127.0.0.1:9") == [expected._replace(kind=K.PROXY)]
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
    opened: set[t.Any] = set()
    with listener(lambda connection: connection.recv(1)) as address:
        host, _colon, port = address.partition(":")
        thread = threading.Thread(target=_sockets.connect, args=(host, int(port), (), opened))
        thread.start()
        thread.join(5)
    (sock,) = opened
    assert (sock.gettimeout(), sock.close()) == (None, None)
    _sockets.start_limit(None)


def relay(context: ssl.SSLContext) -> Conversation:
    """Behind a tunnel that is itself within TLS: a server with TLS of its own, whose body drips."""

    def converse(outer: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = context.wrap_bio(incoming, outgoing, server_side=True)

        def step(call: t.Callable[..., t.Any], *args: t.Any) -> t.Any:
            while True:
                try:
                    return call(*args)
                except ssl.SSLWantReadError:
                    outer.sendall(outgoing.read())
                    incoming.write(outer.recv(65536))
                finally:
                    outer.sendall(outgoing.read())

        step(inner.do_handshake)
        step(inner.read, 65536)
        step(inner.write, HEAD + b"Content-Length: 999\r\n\r\n")
        for _byte in range(DRIP_BYTES):
            time.sleep(TIMEOUT / 8)
            step(inner.write, b"{")

    return converse


# The server or the proxy, the scheme of the proxy, and what the failure is.
WITH_TLS: dict[str, tuple[t.Callable[[Pki], Conversation], str, K]] = {
    "body": (lambda pki: pki.over_tls(BODY_DRIPS), "", K.TIMEOUT),
    "handshake": (lambda _pki: lambda connection: time.sleep(4 * TIMEOUT), "", K.TIMEOUT),
    "headers of the proxy": (lambda _pki: drips(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), "http", K.PROXY),
    "interim answers of the proxy": (lambda _pki: drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "http", K.PROXY),
    "body through a proxy": (lambda pki: tunnel(pki.over_tls(BODY_DRIPS)), "http", K.TIMEOUT),
    "handshake with a proxy": (lambda _pki: lambda connection: time.sleep(4 * TIMEOUT), "https", K.PROXY),
    "answer of a proxy with TLS": (lambda pki: pki.over_tls(drips(b"", b"HTTP/1.1 200")), "https", K.PROXY),
    "body through a proxy with TLS": (lambda pki: pki.over_tls(tunnel(relay(pki.context))), "https", K.TIMEOUT),
}


@table("server, proxy_scheme, kind", WITH_TLS)
def test_tls_and_proxies_end_with_the_timeout_too(
    pki: Pki, monkeypatch: pytest.MonkeyPatch, server: t.Callable[[Pki], Conversation], proxy_scheme: str, kind: K
) -> None:
    with listener(server(pki)) as address:
        if proxy_scheme:
            monkeypatch.setenv("HTTPS_PROXY", f"{proxy_scheme}://{address}")
        (outcome,) = reads("https://127.0.0.1:9" if proxy_scheme else f"https://{address}", ca_path=pki.ca)
    assert (outcome.kind, KEY in outcome.message) == (kind, False)


def test_stop_ends_what_is_read_through_a_proxy_with_tls(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    with listener(pki.over_tls(tunnel(relay(pki.context)))) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"https://{address}")
        client = client_for("https://127.0.0.1:9", timeout=20, ca_path=pki.ca)
        threading.Timer(2 * TIMEOUT, client.stop).start()
        began = time.monotonic()
        outcome = client.send_once(build_request(client.base_url, INCIDENT, "read", "v4", [UNKNOWN]), parse_anything)
    assert (outcome.kind, outcome.may_have_applied) == (K.STOPPED, True)
    # The drip lasts for twelve times the timeout.
    assert time.monotonic() - began < 6 * TIMEOUT


def test_connect_and_answer_have_the_timeout_each(pki: Pki) -> None:
    def answer(connection: socket.socket) -> None:
        read_head(connection)
        time.sleep(0.4)
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")

    def converse(connection: socket.socket) -> None:
        time.sleep(0.4)
        pki.over_tls(answer)(connection)

    with listener(converse) as address:
        assert reads(f"https://{address}", timeout=0.6, ca_path=pki.ca) == [{}]


class _SocksPool(urllib3.HTTPSConnectionPool):
    """As in urllib3.contrib.socks, which cannot be imported without its library."""


class _SocksManager(urllib3.PoolManager):
    pool_classes_by_scheme: t.Any = MappingProxyType({"https": _SocksPool})


def test_connections_through_socks_can_be_stopped_too() -> None:
    opened: set[t.Any] = set()
    adapter = _sockets.LimitedAdapter(1, None, opened)
    adapter.proxy_manager["socks5://h"] = manager = _SocksManager()
    for _request in range(2):
        adapter.proxy_manager_for("socks5://h")
    connection = manager.pool_classes_by_scheme["https"]("h").ConnectionCls("h")
    assert isinstance(connection, _SocksPool.ConnectionCls)
    assert opened == {connection}
