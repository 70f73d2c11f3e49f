# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends requests over HTTP with requests: key, TLS, proxies, limits of time and size. Knows no retries."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import os
import socket
import typing as t
import warnings
import weakref
import zlib
from urllib.parse import urlsplit

from ._answers import Response
from ._connections import BodyTooLarge, EncodingUnsupported
from ._errors import option_invalid
from ._requests_import import requests
from ._resource import Request
from ._settings import Settings, is_loopback
from ._sockets import LimitedAdapter, start_limit, tls_context
from ._version import VERSION

# Bytes of one answer, decompressed. 10,000 incidents with 40 events each are about 120 MB.
MAX_BODY = 128 * 1024 * 1024
_CHUNK = 256 * 1024


class Proxy(t.NamedTuple):
    """The proxy on the way to the API."""

    url: str
    source: str
    """For messages: the environment variable that names it."""


class Transport:
    """A session with the API. One instance serves several threads."""

    def __init__(
        self, settings: Settings, user_agent: str, correlation_id: str, pool_size: int, session: t.Any = None
    ) -> None:
        self._verify = settings.verify
        self._opened: t.Any = weakref.WeakSet()
        self.proxy = find_proxy(settings.base_url, os.environ)
        self._session = session or self._new_session(settings, pool_size)
        self._session.auth = _key_auth(settings.authorization)
        self._session.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "User-Agent": f"coralogix.incidents/{VERSION} {user_agent}",
                "x-cx-correlation-id": correlation_id,
            }
        )

    def _new_session(self, settings: Settings, pool_size: int) -> t.Any:
        class Session(requests.Session):
            def get_redirect_target(self, resp: t.Any) -> None:
                """None: even without following redirects, requests would parse them, and fail on some."""

        session = Session()
        tls = None
        if settings.base_url.startswith("https:"):
            try:
                tls = tls_context(settings.verify)
            except OSError as error:
                # Only the file for TLS keys is opened when a context is made.
                raise option_invalid(
                    f"SSLKEYLOGFILE is {os.environ.get('SSLKEYLOGFILE')!r}. It cannot be written ({error.strerror})."
                ) from None
        # Not for the base URL alone: requests spells paths and names in its own way before it looks for an adapter.
        scheme = settings.base_url.partition(":")[0]
        session.mount(f"{scheme}://", LimitedAdapter(pool_size, tls, self._opened))
        # Without a proxy that may be used, requests need not look for one again.
        session.trust_env = self.proxy is not None
        if settings.verify is False:
            warnings.filterwarnings("ignore", message="Unverified HTTPS request")
        return session

    def send(self, request: Request, seconds: float) -> Response:
        """Send a request once. C(seconds) limit each connect, and the answer as a whole.

        Raises what requests, urllib3, ssl and http.client raise, BodyTooLarge and EncodingUnsupported.
        """
        start_limit(seconds)
        try:
            # verify goes with the request: on the session, REQUESTS_CA_BUNDLE would override it.
            response = self._session.request(
                request.method,
                request.url,
                json=request.body,
                timeout=seconds,
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            )
            # An unread answer closes its connection: what is left of it must not be taken for the next answer.
            with contextlib.closing(response):
                body = b"" if response.status_code < 200 else read_body(response.raw, response.headers)
            return Response(response.status_code, response.headers, body)
        finally:
            start_limit(None)

    def abort(self) -> None:
        """End all exchanges at once. The threads that wait for them get an error."""
        for opened in _snapshot(self._opened):
            # Either a connection, or a socket that is not one yet.
            sock = getattr(opened, "sock", opened)
            # TLS within the TLS of a proxy: what urllib3 wraps around the socket cannot be shut down.
            sock = getattr(sock, "socket", sock)
            with contextlib.suppress(OSError, AttributeError):
                sock.shutdown(socket.SHUT_RDWR)


def _snapshot(opened: t.Any) -> list[t.Any]:
    """The members of a set to which other threads may be adding."""
    while True:
        try:
            return list(opened)
        except RuntimeError:  # Its size changed.
            continue


def read_body(raw: t.Any, headers: t.Mapping[str, str]) -> bytes:
    """Read and decompress a body, no more of it than MAX_BODY.

    C(raw) has C(read(size, decode_content=False)), as urllib3's responses have.
    """
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise EncodingUnsupported(f"the answer has the content encoding {encoding[:40]!r}")
    decompress = None if encoding in ("", "identity") else _Decompressor(encoding == "deflate")
    parts: list[bytes] = []
    received = size = 0
    while True:
        chunk = raw.read(_CHUNK, decode_content=False)
        if not chunk:
            break
        received += len(chunk)
        part = decompress(chunk, MAX_BODY - size) if decompress else chunk
        size += len(part)
        if size > MAX_BODY:
            raise BodyTooLarge(f"it has more than {MAX_BODY // 1024**2} MiB")
        parts.append(part)
    declared = headers.get("Content-Length", "")
    if (declared.isdecimal() and received < int(declared)) or (decompress and received and not decompress.is_complete):
        raise http.client.IncompleteRead(b"")
    return b"".join(parts)


class _Decompressor:
    """Decompresses chunk by chunk, and never makes more than one byte over the limit."""

    def __init__(self, is_deflate: bool) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._may_be_raw = is_deflate

    @property
    def is_complete(self) -> bool:
        return self._inflate.eof

    def __call__(self, chunk: bytes, limit: int) -> bytes:
        decompressed = b""
        while chunk and len(decompressed) <= limit:
            if self._inflate.eof:
                # gzip may consist of several parts.
                self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
            decompressed += self._decompress_part(chunk, limit - len(decompressed))
            chunk = self._inflate.unused_data
        return decompressed

    def _decompress_part(self, chunk: bytes, limit: int) -> bytes:
        try:
            return self._inflate.decompress(chunk, limit + 1)
        except zlib.error:
            if not self._may_be_raw:
                raise
            # Some servers send deflate without its header.
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._inflate.decompress(chunk, limit + 1)
        finally:
            self._may_be_raw = False


def _key_auth(authorization: str) -> t.Callable[[t.Any], t.Any]:
    """Authentication of our own: without any, requests puts a .netrc entry for the host in place of the key."""

    def authorize(prepared: t.Any) -> t.Any:
        prepared.headers["Authorization"] = authorization
        return prepared

    return authorize


def find_proxy(base_url: str, environ: t.Mapping[str, str]) -> Proxy | None:
    """The proxy that requests will use. Raises CoralogixError(OptionInvalid) if its URL cannot be used."""
    try:
        url = requests.utils.select_proxy(base_url, requests.utils.get_environ_proxies(base_url))
    except ValueError:
        url = None
    if not url:
        return None
    scheme = base_url.partition(":")[0]
    if scheme == "http" and not _is_on_loopback(url):
        # Plain http is for the loopback interface. A proxy elsewhere would see the key.
        return None
    names = [f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"]
    source = next((name for name in names if environ.get(name)), "the system's proxy setting")
    with_scheme = url if "//" in url else f"http://{url}"
    try:
        parts = urlsplit(with_scheme)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    # The value is not repeated: it may hold a password.
    if not host:
        raise option_invalid(f"{source} names a proxy, but its URL has no host or no valid port.")
    if parts.scheme.startswith("socks") and not _has_socks():
        raise option_invalid(
            f"{source} names a SOCKS proxy. That needs requests[socks] on the Python that runs the task."
        )
    return Proxy(with_scheme, source)


def _has_socks() -> bool:
    return importlib.util.find_spec("socks") is not None


def _is_on_loopback(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url if "//" in url else f"//{url}").hostname or "")
    except ValueError:
        return False
