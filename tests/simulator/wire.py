# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP/1.1 on plain sockets: keep-alive, TLS, and every way an answer can fail to arrive.

Written on sockets, and not on http.server or a framework, because a client is to meet resets,
silence and truncated bodies: the simulator decides which bytes leave, and when.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Callable, NamedTuple

from .gateway import Padded, Reply, reason

_LONGEST_HEAD = 1 << 23


class Request(NamedTuple):
    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    line_length: int


@dataclass(frozen=True)
class Delivery:
    """How an answer travels."""

    how: str = "whole"
    """The name of a function in `_DELIVERIES`."""
    reply: Reply | None = None
    raw: bytes = b""
    drip: float = 0
    """Seconds before each byte of the part that drips."""
    drip_part: str = ""
    interim_statuses: tuple[int, ...] = ()

    @property
    def is_whole(self) -> bool:
        return self.how in ("whole", "drip") and self.drip_part != "interim"


class Connection:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = bytearray()

    def _until(self, end: bytes) -> bytes | None:
        """The bytes before `end`; None if the client has gone."""
        start = 0
        while (found := self._buffer.find(end, start)) < 0:
            start = max(0, len(self._buffer) - len(end))
            if len(self._buffer) > _LONGEST_HEAD or not self._receive():
                return None
        data = bytes(self._buffer[:found])
        del self._buffer[: found + len(end)]
        return data

    def _receive(self) -> bool:
        data = self.sock.recv(1 << 16)
        self._buffer += data
        return bool(data)

    def _exactly(self, length: int) -> bytes | None:
        while len(self._buffer) < length:
            if not self._receive():
                return None
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return data

    def read(self) -> Request | None:
        """The next request; None when there is none, or none that is HTTP."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3:
            return None
        headers = {
            name.strip().lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)
        }
        length = headers.get("content-length", "0")
        body = self._exactly(int(length)) if length.isdigit() else None
        if body is None:
            return None
        return Request(words[0], words[1], headers, body, len(first))


def _status_line(status: int) -> bytes:
    return f"HTTP/1.1 {status} {reason(status)}\r\n".encode("latin-1")


def _headers(reply: Reply, **framing: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in framing.items()}
    headers = {"Content-Type": reply.content_type, **named, **dict(reply.headers)}
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _head(reply: Reply, **framing: str) -> bytes:
    return _status_line(reply.status) + _headers(reply, **framing)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


Wait = Callable[[float], bool]
"""Waits so many seconds; True if the simulator is being stopped."""


# Each sends an answer and returns whether the connection can serve a further request.
def _whole(sock: socket.socket, delivery: Delivery, reply: Reply, wait: Wait) -> bool:
    if reply.status < 200:
        # An interim response has no body, and here no final one follows.
        sock.sendall(_head(reply, Connection="close"))
        return False
    if reply.status in (204, 304):
        sock.sendall(_head(reply, Content_Length="0"))
        return True
    head = _head(reply, Content_Length=str(reply.length))
    if isinstance(reply.content, Padded):
        sock.sendall(head)
        for block in reply.content:
            sock.sendall(block)
    else:
        sock.sendall(head + reply.encode())
    return True


def _truncated(sock: socket.socket, delivery: Delivery, reply: Reply, wait: Wait) -> bool:
    body = reply.encode()
    sock.sendall(_head(reply, Content_Length=str(len(body))) + body[: len(body) // 2])
    return False


def _truncated_chunked(sock: socket.socket, delivery: Delivery, reply: Reply, wait: Wait) -> bool:
    body = reply.encode()
    sock.sendall(_head(reply, Transfer_Encoding="chunked") + _chunk(body[: len(body) // 2]))
    return False


def _raw(sock: socket.socket, delivery: Delivery, reply: Reply, wait: Wait) -> bool:
    sock.sendall(delivery.raw)
    return False


def _reset(sock: socket.socket, delivery: Delivery, reply: Reply, wait: Wait) -> bool:
    # With a linger time of zero, close() sends RST where it would send FIN.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def _drop(sock: socket.socket, delivery: Delivery, reply: Reply, wait: Wait) -> bool:
    return False


# What drips: pieces that are each sent at once, with a wait before those marked True.
Piece = tuple[bool, bytes]


def _bytes(data: bytes) -> Iterator[Piece]:
    return ((True, data[n : n + 1]) for n in range(len(data)))


def _drip_status(reply: Reply, delivery: Delivery) -> Iterator[Piece]:
    yield from _bytes(_status_line(reply.status))
    yield False, _headers(reply, Content_Length=str(reply.length)) + reply.encode()


def _drip_headers(reply: Reply, delivery: Delivery) -> Iterator[Piece]:
    yield False, _status_line(reply.status)
    yield from _bytes(_headers(reply, Content_Length=str(reply.length)))
    yield False, reply.encode()


def _drip_body(reply: Reply, delivery: Delivery) -> Iterator[Piece]:
    yield False, _head(reply, Content_Length=str(reply.length))
    yield from _bytes(reply.encode())


def _drip_chunks(reply: Reply, delivery: Delivery) -> Iterator[Piece]:
    """Each byte of the body is a chunk; the lines with their sizes drip."""
    yield False, _head(reply, Transfer_Encoding="chunked")
    for _wait, byte in _bytes(reply.encode()):
        yield from _bytes(b"1\r\n")
        yield False, byte + b"\r\n"
    yield False, b"0\r\n\r\n"


def _drip_trailers(reply: Reply, delivery: Delivery) -> Iterator[Piece]:
    yield False, _head(reply, Transfer_Encoding="chunked") + _chunk(reply.encode()) + b"0\r\n"
    yield from _bytes(b"".join(b"X-Trailer-%d: %s\r\n" % (n, b"x" * 40) for n in range(10)) + b"\r\n")


def _drip_interim(reply: Reply, delivery: Delivery) -> Iterator[Piece]:
    """Interim responses without end."""
    while True:
        yield from ((True, _status_line(status) + b"\r\n") for status in delivery.interim_statuses)


_DRIPS: Mapping[str, Callable[[Reply, Delivery], Iterable[Piece]]] = {
    "status": _drip_status,
    "headers": _drip_headers,
    "body": _drip_body,
    "chunks": _drip_chunks,
    "trailers": _drip_trailers,
    "interim": _drip_interim,
}
DRIP_PARTS = tuple(_DRIPS)


def _drip(sock: socket.socket, delivery: Delivery, reply: Reply, wait: Wait) -> bool:
    for pauses, piece in _DRIPS[delivery.drip_part](reply, delivery):
        if pauses and wait(delivery.drip):
            return False
        sock.sendall(piece)
    return True


_DELIVERIES: Mapping[str, Callable[[socket.socket, Delivery, Reply, Wait], bool]] = {
    "whole": _whole,
    "truncated": _truncated,
    "truncated_chunked": _truncated_chunked,
    "raw": _raw,
    "reset": _reset,
    "drop": _drop,
    "drip": _drip,
}

_NO_REPLY = Reply(0, None)


class Listener:
    """Accepts connections on the loopback and serves each in a thread of its own."""

    def __init__(
        self,
        handle: Callable[[Request], Delivery],
        wait: Wait,
        port: int = 0,
        tls: tuple[str, str] | None = None,
    ) -> None:
        self._handle = handle
        self._wait = wait
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if self._context and tls:
            self._context.load_cert_chain(*tls)
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, socket.socket] = {}
        self._closing = False
        self._socket = socket.create_server(("127.0.0.1", port), backlog=128)
        self.address: tuple[str, int] = self._socket.getsockname()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            sock, _address = self._socket.accept()
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            with self._lock:
                if self._closing:
                    sock.close()
                    return
                self._open[thread] = sock
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context:
                sock = self._context.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open[threading.current_thread()] = sock
            self._converse(Connection(sock))
        except OSError:
            pass  # The client has gone, or the simulator is being stopped.
        finally:
            with self._lock:
                self._open.pop(threading.current_thread(), None)
            sock.close()

    def _converse(self, connection: Connection) -> None:
        while True:
            request = connection.read()
            if request is None:
                return
            delivery = self._handle(request)
            send = _DELIVERIES[delivery.how]
            goes_on = send(connection.sock, delivery, delivery.reply or _NO_REPLY, self._wait)
            if not goes_on or request.headers.get("connection", "").lower() == "close":
                return

    def close(self) -> None:
        with self._lock:
            self._closing = True
            open_now = dict(self._open)
        # Closing a socket does not wake a thread that waits in accept() on it; a connection does.
        with contextlib.suppress(OSError):
            socket.create_connection(self.address).close()
        self._acceptor.join()
        self._socket.close()
        for sock in open_now.values():
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in open_now:
            thread.join(timeout=5)
