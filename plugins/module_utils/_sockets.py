# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that end in time: a limit for each connect, and one for each answer as a whole.

The timeout of a socket applies to each single read. A server that sends a byte now and then never exceeds it. So the
sockets here check before every read and write how much time is left. The limit belongs to the thread that waits.
"""

from __future__ import annotations

import functools
import http.client
import socket
import ssl
import threading
import time
import typing as t

from ._connections import TunnelFailed
from ._requests_import import IMPORT_ERROR, requests, urllib3

# Nothing here is used without requests. But the file can be imported, as Ansible's own checks do.
_HttpBase: t.Any = object if IMPORT_ERROR else urllib3.connection.HTTPConnection
_HttpsBase: t.Any = object if IMPORT_ERROR else urllib3.connection.HTTPSConnection
_AdapterBase: t.Any = object if IMPORT_ERROR else requests.adapters.HTTPAdapter

_limit = threading.local()


def start_limit(seconds: float | None) -> None:
    """Start the time for what this thread does next on its connection. None removes the limit."""
    _limit.seconds = seconds
    restart_limit()


def restart_limit() -> None:
    """Start the same time again."""
    seconds = getattr(_limit, "seconds", None)
    _limit.end = None if seconds is None else time.monotonic() + seconds


def _set_timeout(sock: t.Any) -> None:
    end = getattr(_limit, "end", None)
    if end is not None:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        sock.settimeout(left)


class LimitedSocket(socket.socket):
    """A socket whose reads and writes end with the limit of the thread."""

    def recv(self, *args: t.Any) -> bytes:
        _set_timeout(self)
        return super().recv(*args)

    def recv_into(self, *args: t.Any) -> int:
        _set_timeout(self)
        return super().recv_into(*args)

    def sendall(self, *args: t.Any) -> None:
        _set_timeout(self)
        super().sendall(*args)


class LimitedTlsSocket(ssl.SSLSocket):
    """The same with TLS."""

    def do_handshake(self, *args: t.Any) -> None:
        _set_timeout(self)
        super().do_handshake(*args)

    def read(self, *args: t.Any) -> t.Any:
        _set_timeout(self)
        return super().read(*args)

    def send(self, *args: t.Any) -> int:
        _set_timeout(self)
        return super().send(*args)


def connect(host: str, port: int, options: t.Iterable[tuple[t.Any, ...]], opened: t.Any) -> socket.socket:
    """Connect to the first address of the host that answers, all of them within the limit of the thread.

    C(opened) is a set that collects the sockets, so that another thread can end the attempt.
    """
    error: OSError = OSError("the name has no address")
    for family, kind, protocol, _name, address in socket.getaddrinfo(host.strip("[]"), port, 0, socket.SOCK_STREAM):
        sock = LimitedSocket(family, kind, protocol)
        opened.add(sock)
        try:
            for option in options:
                sock.setsockopt(*option)
            _set_timeout(sock)
            sock.connect(address)
            return sock
        except OSError as failed:
            sock.close()
            error = failed
    raise error


class _Tracked:
    """Connections that another thread can end. The time for an answer starts when they are made."""

    def __init__(self, *args: t.Any, opened: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._opened = opened
        opened.add(self)

    def connect(self: t.Any) -> None:
        restart_limit()
        super().connect()  # type: ignore[misc]
        restart_limit()

    def _tunnel(self: t.Any) -> None:
        try:
            super()._tunnel()  # type: ignore[misc]
        except (OSError, http.client.HTTPException) as error:
            raise TunnelFailed from error


class _Limited(_Tracked):
    """What both HTTP and HTTPS connections do differently from those of urllib3."""

    def _new_conn(self: t.Any) -> socket.socket:
        try:
            return connect(self._dns_host, self.port, self.socket_options or (), self._opened)
        except (TimeoutError, socket.timeout) as error:  # Before Python 3.10, these are two.
            raise urllib3.exceptions.ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from error


class _HttpConnection(_Limited, _HttpBase):
    pass


class _HttpsConnection(_Limited, _HttpsBase):
    def _connect_tls_proxy(self, hostname: str, sock: socket.socket) -> ssl.SSLSocket:
        """Speak TLS with the proxy itself. The sockets of urllib3 would not be limited."""
        verify = urllib3.util.ssl_.resolve_cert_reqs(self.cert_reqs) != ssl.CERT_NONE
        self.proxy_is_verified = verify
        try:
            context = tls_context(verify)
            context.check_hostname = verify
            if verify:
                context.load_verify_locations(self.ca_certs, self.ca_cert_dir)
            return context.wrap_socket(sock, server_hostname=hostname.strip("[]"))
        except OSError as error:
            raise TunnelFailed from error


class LimitedAdapter(_AdapterBase):
    """An adapter for a session of requests whose connections are limited. C(opened) is a set that collects them."""

    def __init__(self, pool_size: int, tls: ssl.SSLContext | None, opened: t.Any) -> None:
        self._tls, self._opened = tls, opened
        self._pools = {
            "http": _pool_maker(urllib3.HTTPConnectionPool, _HttpConnection, opened),
            "https": _pool_maker(urllib3.HTTPSConnectionPool, _HttpsConnection, opened),
        }
        super().__init__(pool_connections=1, pool_maxsize=pool_size)

    def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._tls)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: t.Any) -> t.Any:
        manager = super().proxy_manager_for(proxy, **kwargs, ssl_context=self._tls)
        if proxy.lower().startswith("socks"):
            # These connections have classes of their own, and the library for SOCKS makes their sockets.
            manager.pool_classes_by_scheme = {
                scheme: _pool_maker(pool, type("_SocksConnection", (_Tracked, pool.ConnectionCls), {}), self._opened)
                for scheme, pool in type(manager).pool_classes_by_scheme.items()
            }
        else:
            manager.pool_classes_by_scheme = self._pools
        return manager


def _pool_maker(pool_class: t.Any, connection_class: t.Any, opened: t.Any) -> t.Callable[..., t.Any]:
    def make_pool(*args: t.Any, **kwargs: t.Any) -> t.Any:
        pool = pool_class(*args, **kwargs)
        pool.ConnectionCls = functools.partial(connection_class, opened=opened)
        return pool

    return make_pool


def tls_context(verify: bool | str) -> ssl.SSLContext:
    """What urllib3 would make for itself, with sockets that are limited. Raises OSError if it cannot be made."""
    required = ssl.CERT_NONE if verify is False else ssl.CERT_REQUIRED
    context: ssl.SSLContext = urllib3.util.ssl_.create_urllib3_context(cert_reqs=required)
    context.sslsocket_class = LimitedTlsSocket
    return context
