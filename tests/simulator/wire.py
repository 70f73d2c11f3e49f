# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP/1.1 on plain sockets: keep-alive, TLS, and every way an answer can fail to arrive.

Written on sockets, and not on http.server or a framework, because a client is to be shown resets,
silence and truncated bodies: the bytes that leave, and the moment they do, must be ours to decide.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from typing import Callable, NamedTuple

from .gateway import Reply, reason

_NO_BODY = (204, 304)
_LONGEST_HEAD = 1 << 23


class Request(NamedTuple):
    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    line_length: int


class Delivery(NamedTuple):
    """How an answer travels: the name of a function in `_DELIVERIES`."""

    how: str
    reply: Reply | None = None


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
        taken = bytes(self._buffer[:found])
        del self._buffer[: found + len(end)]
        return taken

    def _receive(self) -> bool:
        data = self.sock.recv(1 << 16)
        self._buffer += data
        return bool(data)

    def _exactly(self, length: int) -> bytes | None:
        while len(self._buffer) < length:
            if not self._receive():
                return None
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

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


def _head(reply: Reply, framing: Mapping[str, str]) -> bytes:
    headers = {"Content-Type": reply.content_type, **framing, **dict(reply.headers)}
    lines = [f"HTTP/1.1 {reply.status} {reason(reply.status)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


# Each tells whether the connection can serve a further request.
def _whole(sock: socket.socket, reply: Reply) -> bool:
    body = b"" if reply.status in _NO_BODY else reply.encode()
    sock.sendall(_head(reply, {"Content-Length": str(len(body))}) + body)
    return True


def _truncated(sock: socket.socket, reply: Reply) -> bool:
    body = reply.encode()
    sock.sendall(_head(reply, {"Content-Length": str(len(body))}) + body[: len(body) // 2])
    return False


def _truncated_chunked(sock: socket.socket, reply: Reply) -> bool:
    body = reply.encode()
    part = body[: len(body) // 2]
    chunk = b"%x\r\n%s\r\n" % (len(part), part)
    sock.sendall(_head(reply, {"Transfer-Encoding": "chunked"}) + chunk)
    return False


def _reset(sock: socket.socket, reply: Reply | None) -> bool:
    # With a linger time of nought, close() sends RST where it would send FIN.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def _drop(sock: socket.socket, reply: Reply | None) -> bool:
    return False


_DELIVERIES: Mapping[str, Callable[..., bool]] = {
    "whole": _whole,
    "truncated": _truncated,
    "truncated_chunked": _truncated_chunked,
    "reset": _reset,
    "drop": _drop,
}


class Listener:
    """Accepts connections on the loopback and serves each in a thread of its own."""

    def __init__(
        self,
        handle: Callable[[Request], Delivery],
        port: int = 0,
        tls: tuple[str, str] | None = None,
    ) -> None:
        self._handle = handle
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
            how, reply = self._handle(request)
            going_on = _DELIVERIES[how](connection.sock, reply)
            if not going_on or request.headers.get("connection", "").lower() == "close":
                return

    def close(self) -> None:
        with self._lock:
            self._closing = True
            open_now = dict(self._open)
        # Closing a socket does not wake a thread that waits in accept() on it; a visitor does.
        with contextlib.suppress(OSError):
            socket.create_connection(self.address).close()
        self._acceptor.join()
        self._socket.close()
        for sock in open_now.values():
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in open_now:
            thread.join(timeout=5)
