# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why no answer came, by exception. Those of real connections are in test_transport.py and test_sockets.py."""

from __future__ import annotations

import http.client
import socket
import ssl
import typing as t
import zlib

import pytest
import requests
from ansible_collections.coralogix.incidents.plugins.module_utils import _connections
from helpers import Failure, K, table
from urllib3 import exceptions as of_urllib3

POOL: t.Any = None


def tls_error(reason: str = "", code: int = 0) -> ssl.SSLError:
    """An error as OpenSSL raises it: with a reason, or with the code of a verification."""
    error: t.Any = ssl.SSLCertVerificationError(1, "x") if code else ssl.SSLError(1, f"[SSL: {reason}]")
    if reason:
        error.reason = reason
    if code:
        error.verify_code, error.verify_message = code, f"code {code}"
    return error


def caused_by(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def of_proxy(error: Exception) -> Exception:
    return of_urllib3.ProxyError("Cannot connect to proxy.", error)


# What the exceptions mean: kind, whether another try may succeed, whether the request may have been carried out; and a
# part of the message.
ROWS: dict[tuple[K, bool, bool], list[tuple[BaseException, str]]] = {
    (K.ANSWER_TOO_LARGE, False, True): [(_connections.BodyTooLarge("it has more than 1 MiB"), "more than 1 MiB")],
    (K.NOT_JSON, False, True): [(_connections.EncodingUnsupported("br"), "br")],
    (K.CERTIFICATE, False, False): [(tls_error(code=20), "code 20")],
    (K.CERTIFICATE_HOST, False, False): [(tls_error(code=62), "code 62"), (tls_error(code=64), "code 64")],
    (K.CERTIFICATE_FORM, False, False): [(tls_error(code=85), "code 85"), (tls_error(code=92), "code 92")],
    (K.CA_FILE, False, False): [
        *((tls_error("NO_CERTIFICATE_OR_CRL_FOUND"), ""), (ssl.SSLError("unknown error (PEM lib)"), "")),
    ],
    (K.UNREACHABLE, True, False): [
        (socket.gaierror(-2, "Name or service not known"), "does not resolve"),
        (UnicodeError("label too long"), "does not resolve"),
        (of_urllib3.ConnectTimeoutError(POOL, "x"), "no connection within 3 s"),
        (ConnectionRefusedError(111, "x"), "connection refused"),
        (caused_by(of_urllib3.NewConnectionError(POOL, "x"), OSError(113, "No route to host")), "No route to host"),
    ],
    (K.TIMEOUT, True, True): [(socket.timeout("timed out"), "answer within 3 s")],
    (K.CONNECTION, True, True): [
        (ConnectionResetError(104, "x"), "connection reset"),
        (http.client.RemoteDisconnected("x"), "closed without an answer"),
        (http.client.BadStatusLine("incident data"), "the answer is not HTTP"),
        (http.client.IncompleteRead(b"incident data"), "cut short"),
        (zlib.error("x"), "compressed answer was broken"),
        (tls_error("UNEXPECTED_EOF"), "TLS failed: "),
        (http.client.LineTooLong("header line"), "not valid HTTP"),
        (ValueError("incident data"), "not valid HTTP"),
        (UnicodeDecodeError("utf-8", b"incident data", 0, 1, "incident data"), "not valid HTTP"),
        (OSError(5, "Input/output error"), "Input/output error"),
        # It may have let the request through.
        (of_proxy(ConnectionResetError(104, "x")), "connection reset"),
    ],
    (K.PROXY, False, False): [
        (requests.exceptions.InvalidProxyURL("x"), "its URL cannot be used"),
        (OSError("Tunnel connection failed: 407 Login"), "refused the tunnel: 407 Login"),
        (of_proxy(tls_error(code=20)), "code 20"),
        (of_proxy(tls_error("WRONG_VERSION_NUMBER")), "it speaks http"),
        (caused_by(_connections.TunnelFailed(), tls_error(code=62)), "code 62"),
    ],
    (K.PROXY, True, False): [
        (OSError("Tunnel connection failed: 503"), "refused the tunnel: 503"),
        (of_proxy(ConnectionRefusedError(111, "x")), "connection refused"),
        (of_proxy(socket.gaierror(-2, "x")), "does not resolve"),
        (caused_by(_connections.TunnelFailed(), http.client.RemoteDisconnected("x")), "closed without an answer"),
    ],
}
CASES = {f"{row[0].name} {error!r}": (row, error, part) for row, pairs in ROWS.items() for error, part in pairs}


@table("row, error, part", CASES)
def test_exception_becomes_a_failure_however_it_is_wrapped(
    row: tuple[K, bool, bool], error: Exception, part: str
) -> None:
    in_context = requests.ConnectionError("outer")
    in_context.__context__ = error
    as_argument = requests.ConnectionError(of_urllib3.MaxRetryError(POOL, "/", error))
    for wrapped in (error, caused_by(RuntimeError("outer"), error), in_context, as_argument):
        failure = _connections.classify_exception(wrapped, 3.0, through_proxy=row[0] is K.PROXY)
        assert isinstance(failure, Failure)
        assert (failure.kind, failure.retryable, failure.may_have_applied) == row
        assert (part in failure.message, "incident data" in failure.message) == (True, False)


def test_unreachable_through_a_proxy_means_the_proxy() -> None:
    for error, part in ROWS[K.UNREACHABLE, True, False]:
        failure: t.Any = _connections.classify_exception(error, 3.0, through_proxy=True)
        assert (failure.kind, part in failure.message) == (K.PROXY, True)


def test_circular_exceptions_and_braces_are_classified() -> None:
    first, second = requests.exceptions.ConnectionError("{bad} format"), OSError("{")
    first.__context__, second.__context__ = second, first
    failure: t.Any = _connections.classify_exception(first, 1.0, through_proxy=False)
    assert failure.kind is K.CONNECTION


def test_exceptions_that_have_nothing_to_do_with_a_connection_are_none() -> None:
    for error in (MemoryError(), RecursionError(), KeyError("x"), RuntimeError("can't start new thread")):
        assert _connections.classify_exception(error, 1.0, through_proxy=False) is None


@pytest.mark.parametrize(
    ("timeout", "text"), [(0.995, "1"), (0.25, "0.2"), (0.04, "0.04"), (29.97, "30"), (3600.0, "3600")]
)
def test_seconds_in_messages_are_rounded(timeout: float, text: str) -> None:
    failure = _connections.classify_exception(TimeoutError(), timeout, False)
    assert failure is not None
    assert failure.message == f"no complete answer within {text} s"
