# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why no answer came: from an exception of requests, urllib3, ssl or http.client to a failure. No I/O."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import typing as t
import zlib

from ._errors import Failure, FailureKind
from ._requests_import import requests, urllib3


class BodyTooLarge(Exception):
    """An answer is larger than the limit, as it came or decompressed. The text names the limit."""


class EncodingUnsupported(Exception):
    """The answer has a content encoding that was not asked for."""


class TunnelFailed(OSError):
    """The proxy did not open the tunnel to the API. Nothing was sent through it."""


class _Row(t.NamedTuple):
    exceptions: tuple[type[BaseException], ...]
    kind: FailureKind
    message: str
    """C({cause}) stands for the text of the innermost exception, C({timeout}) for seconds."""
    retryable: bool = False
    may_have_applied: bool = False


def _classes(module: t.Any, *names: str) -> tuple[type[BaseException], ...]:
    """The classes of these names that this version of a library has."""
    found = [getattr(module, name, None) for name in names]
    return tuple(cls for cls in found if cls is not None)


def _ssl_match_hostname() -> t.Any:
    return getattr(urllib3.util, "ssl_match_hostname", None) or getattr(urllib3.packages, "ssl_match_hostname", None)


def _classification() -> tuple[_Row, ...]:
    """The first row that fits one of the exceptions decides: the causes come before what they cause."""
    of_requests, of_urllib3 = requests.exceptions, urllib3.exceptions
    return (
        _Row((BodyTooLarge,), FailureKind.ANSWER_TOO_LARGE, "{cause}", False, True),
        _Row((EncodingUnsupported,), FailureKind.NOT_JSON, "{cause}", False, True),
        _Row(
            _classes(of_requests, "InvalidProxyURL", "InvalidSchema", "InvalidURL")
            + _classes(
                of_urllib3, "ProxySchemeUnknown", "ProxySchemeUnsupported", "LocationParseError", "URLSchemeUnknown"
            ),
            FailureKind.PROXY,
            "its URL cannot be used",
        ),
        _Row((ssl.SSLCertVerificationError,), FailureKind.CERTIFICATE, "{cause}"),
        # urllib3's own, before its version 2.
        _Row(_classes(_ssl_match_hostname(), "CertificateError"), FailureKind.CERTIFICATE_HOST, "{cause}"),
        _Row((socket.gaierror, UnicodeError), FailureKind.UNREACHABLE, "the name does not resolve", True),
        _Row((ConnectionRefusedError,), FailureKind.UNREACHABLE, "connection refused", True),
        # Some versions of urllib3 derive this one from the next one.
        _Row((of_urllib3.NewConnectionError,), FailureKind.UNREACHABLE, "{cause}", True),
        _Row(
            (of_requests.ConnectTimeout, of_urllib3.ConnectTimeoutError),
            FailureKind.UNREACHABLE,
            "no connection within {timeout} s",
            True,
        ),
        _Row(
            (of_requests.ReadTimeout, of_urllib3.ReadTimeoutError, TimeoutError, socket.timeout),
            FailureKind.TIMEOUT,
            "no complete answer within {timeout} s",
            True,
            True,
        ),
        _Row(
            (http.client.RemoteDisconnected,), FailureKind.CONNECTION, "connection closed without an answer", True, True
        ),
        _Row((ConnectionResetError, BrokenPipeError), FailureKind.CONNECTION, "connection reset", True, True),
        # The texts of these quote the answer, which may be incident data.
        _Row((http.client.BadStatusLine,), FailureKind.CONNECTION, "the answer is not HTTP", True, True),
        _Row(
            (http.client.IncompleteRead, of_requests.ChunkedEncodingError),
            FailureKind.CONNECTION,
            "the answer was cut short",
            True,
            True,
        ),
        _Row(
            (zlib.error, of_requests.ContentDecodingError, of_urllib3.DecodeError),
            FailureKind.CONNECTION,
            "the compressed answer was broken",
            True,
            True,
        ),
        _Row((ssl.SSLError,), FailureKind.CONNECTION, "TLS failed: {cause}", True, True),
        _Row((http.client.HTTPException,), FailureKind.CONNECTION, "the answer is not valid HTTP", True, True),
        # Such a text may quote the answer as well.
        _Row((ValueError,), FailureKind.CONNECTION, "the answer is not valid HTTP", True, True),
        _Row((OSError, of_urllib3.HTTPError), FailureKind.CONNECTION, "{cause}", True, True),
    )


# X509_V_ERR_* of OpenSSL: the certificate is for another name or address.
_WRONG_HOST_CODES = frozenset((62, 64))
# From X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA to X509_V_ERR_EC_KEY_EXPLICIT_PARAMS: the certificate breaks RFC 5280.
# Python 3.13 and newer refuse such certificates, older versions do not.
_FORM_CODES = frozenset(range(79, 95))
_TUNNEL_STATUS = r"Tunnel connection failed: (\d{3})(.*)"
_CA_FILE_REASONS = frozenset(("NO_CERTIFICATE_OR_CRL_FOUND", "NO_START_LINE", "BAD_BASE64_DECODE", "PEM_LIB"))


def classify_exception(error: BaseException, timeout: float, through_proxy: bool) -> Failure | None:
    """The failure that an exception means. None if it has nothing to do with the connection, such as MemoryError.

    C(timeout) is in seconds, for the message.
    """
    causes = list(_causes(error))
    innermost = causes[-1]
    for cause in causes:
        tunnel = re.match(_TUNNEL_STATUS, str(cause)) if isinstance(cause, OSError) else None
        if tunnel:
            # Trying again after 407 can lock an account.
            status = int(tunnel.group(1))
            message = f"{status}{tunnel.group(2)}".strip()
            return Failure(FailureKind.PROXY, f"it refused the tunnel: {message}", retryable=status >= 500)
        if isinstance(cause, ssl.SSLError) and (
            _ssl_reason(cause) in _CA_FILE_REASONS or "PEM lib" in str(cause) or "BAD_BASE64" in str(cause)
        ):
            return Failure(FailureKind.CA_FILE, "it contains no readable certificate")
    fitting = (
        row
        for row in _classification()
        for cause in causes
        if isinstance(cause, row.exceptions) and _applies(row, cause)
    )
    row = next(fitting, None)
    if row is None:
        return None
    message = row.message.format(timeout=_format_seconds(timeout), cause=_text(innermost))
    kind = _certificate_kind(causes) if row.kind is FailureKind.CERTIFICATE else row.kind
    in_tunnel = any(isinstance(cause, TunnelFailed) for cause in causes)
    has_proxy_error = in_tunnel or any(isinstance(cause, urllib3.exceptions.ProxyError) for cause in causes)
    if has_proxy_error and through_proxy and _speaks_http(causes):
        return Failure(FailureKind.PROXY, "it speaks http, and its URL begins with https://")
    # With a proxy, every connection is one to the proxy. Not all versions of urllib3 say so.
    is_proxy_failure = kind is FailureKind.UNREACHABLE or (has_proxy_error and not row.may_have_applied)
    if in_tunnel or (through_proxy and is_proxy_failure):
        return Failure(FailureKind.PROXY, message, retryable=row.retryable)
    return Failure(kind, message, retryable=row.retryable, may_have_applied=row.may_have_applied)


def _applies(row: _Row, cause: BaseException) -> bool:
    """A UnicodeDecodeError comes from an answer. Other UnicodeErrors come from a host name that cannot be encoded."""
    return not (isinstance(cause, UnicodeDecodeError) and UnicodeError in row.exceptions)


def _ssl_reason(error: ssl.SSLError) -> str:
    """Only errors that OpenSSL raises have a reason."""
    return getattr(error, "reason", None) or ""


def _speaks_http(causes: t.Iterable[BaseException]) -> bool:
    return any(isinstance(cause, ssl.SSLError) and _ssl_reason(cause) in _PLAIN_HTTP_REASONS for cause in causes)


_PLAIN_HTTP_REASONS = frozenset(
    ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
)


def _certificate_kind(causes: t.Iterable[BaseException]) -> FailureKind:
    verifications = (cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError))
    code = next((getattr(cause, "verify_code", 0) for cause in verifications), 0)
    if code in _WRONG_HOST_CODES:
        return FailureKind.CERTIFICATE_HOST
    return FailureKind.CERTIFICATE_FORM if code in _FORM_CODES else FailureKind.CERTIFICATE


def _causes(error: BaseException) -> t.Iterator[BaseException]:
    """The exception and those that it wraps (as its cause, its reason or an argument), from the outside inwards."""
    seen: list[BaseException] = [error]
    for cause in seen:
        yield cause
        context = None if cause.__suppress_context__ else cause.__context__
        wrapped = (*cause.args, getattr(cause, "reason", None), cause.__cause__, context)
        seen += [inner for inner in wrapped if isinstance(inner, BaseException) and inner not in seen]


def _text(error: BaseException) -> str:
    text = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error)
    # This names a line in the source of Python.
    return re.sub(r" \(_ssl\.c:\d+\)", "", text)


def _format_seconds(timeout: float) -> str:
    """A short number: the time left until a deadline has many digits."""
    return f"{round(timeout, 1) or round(timeout, 3):g}"
