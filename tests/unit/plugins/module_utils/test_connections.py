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

import requests
import urllib3
from ansible_collections.coralogix.incidents.plugins.module_utils._connections import (
    BodyTooLarge,
    EncodingUnsupported,
    classify_exception,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import Failure, FailureKind
from helpers import table

K = FailureKind
POOL: t.Any = None


def verification_error(code: int, text: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] (_ssl.c:1000)")
    error.verify_code, error.verify_message = code, text
    return error


def ssl_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}] (_ssl.c:1000)")
    error.reason = reason
    return error


def as_proxy(error: Exception) -> urllib3.exceptions.ProxyError:
    return urllib3.exceptions.ProxyError("Cannot connect to proxy.", error)


def no_route() -> urllib3.exceptions.NewConnectionError:
    error = urllib3.exceptions.NewConnectionError(POOL, "x")
    error.__cause__ = OSError(113, "No route to host")
    return error


UNSENT = {"retryable": True, "may_have_applied": False}
OPEN = {"retryable": True, "may_have_applied": True}
FINAL = {"retryable": False, "may_have_applied": False}
ROWS: dict[str, tuple[BaseException, FailureKind, str, dict[str, bool]]] = {
    "too large": (BodyTooLarge("it has more than 1 MiB"), K.ANSWER_TOO_LARGE, "it has more than 1 MiB", {**OPEN, "retryable": False}),
    "encoding": (EncodingUnsupported("br"), K.NOT_JSON, "br", {**OPEN, "retryable": False}),
    "proxy's URL": (requests.exceptions.InvalidProxyURL("x"), K.PROXY, "its URL cannot be used", FINAL),
    "certificate": (verification_error(20, "unable to get local issuer certificate"), K.CERTIFICATE, "unable to get", FINAL),
    "certificate for another name": (verification_error(62, "Hostname mismatch"), K.CERTIFICATE_HOST, "Hostname", FINAL),
    "certificate for another address": (verification_error(64, "IP mismatch"), K.CERTIFICATE_HOST, "IP", FINAL),
    "certificate without a key identifier": (verification_error(85, "Missing Authority Key"), K.CERTIFICATE_FORM, "Missing", FINAL),
    "authority without key usage": (verification_error(92, "CA cert"), K.CERTIFICATE_FORM, "CA cert", FINAL),
    "damaged CA file": (ssl_error("NO_CERTIFICATE_OR_CRL_FOUND"), K.CA_FILE, "no certificate", FINAL),
    "damaged certificate in a CA file": (ssl.SSLError("unknown error (PEM lib)"), K.CA_FILE, "no certificate", FINAL),
    "no such name": (socket.gaierror(-2, "Name or service not known"), K.UNREACHABLE, "does not resolve", UNSENT),
    "name too long": (UnicodeError("label too long"), K.UNREACHABLE, "does not resolve", UNSENT),
    "connect timeout": (urllib3.exceptions.ConnectTimeoutError(POOL, "x"), K.UNREACHABLE, "no connection within 3 s", UNSENT),
    "refused": (ConnectionRefusedError(111, "Connection refused"), K.UNREACHABLE, "connection refused", UNSENT),
    "no route": (no_route(), K.UNREACHABLE, "No route to host", UNSENT),
    "timeout": (socket.timeout("timed out"), K.TIMEOUT, "no complete answer within 3 s", OPEN),
    "reset": (ConnectionResetError(104, "x"), K.CONNECTION, "connection reset", OPEN),
    "closed": (http.client.RemoteDisconnected("x"), K.CONNECTION, "closed without an answer", OPEN),
    "no HTTP": (http.client.BadStatusLine("incident data"), K.CONNECTION, "the answer is no HTTP", OPEN),
    "cut short": (http.client.IncompleteRead(b"incident data"), K.CONNECTION, "cut short", OPEN),
    "broken compression": (zlib.error("x"), K.CONNECTION, "compressed answer was broken", OPEN),
    "other TLS error": (ssl_error("UNEXPECTED_EOF"), K.CONNECTION, "TLS failed: ", OPEN),
    "endless header": (http.client.LineTooLong("header line"), K.CONNECTION, "no valid HTTP", OPEN),
    "other text that cannot be read": (ValueError("incident data"), K.CONNECTION, "no valid HTTP", OPEN),
    "other OS error": (OSError(5, "Input/output error"), K.CONNECTION, "Input/output error", OPEN),
    "proxy refuses the tunnel": (OSError("Tunnel connection failed: 407 Login"), K.PROXY, "refused the tunnel: 407 Login", FINAL),
    "proxy is overloaded": (OSError("Tunnel connection failed: 503"), K.PROXY, "refused the tunnel: 503", UNSENT),
    "proxy is not there": (as_proxy(ConnectionRefusedError(111, "x")), K.PROXY, "connection refused", UNSENT),
    "proxy has no name": (as_proxy(socket.gaierror(-2, "x")), K.PROXY, "does not resolve", UNSENT),
    "proxy's certificate": (as_proxy(verification_error(20, "local issuer")), K.PROXY, "local issuer", FINAL),
    "proxy speaks plain HTTP": (as_proxy(ssl_error("WRONG_VERSION_NUMBER")), K.PROXY, "it speaks http", FINAL),
}  # fmt: skip


@table("error, kind, message, flags", ROWS)
def test_exception_becomes_a_failure_however_it_is_wrapped(
    error: BaseException, kind: FailureKind, message: str, flags: dict[str, bool]
) -> None:
    chained = RuntimeError("outer")
    chained.__cause__ = error
    in_context = requests.ConnectionError("outer")
    in_context.__context__ = error
    for wrapped in (error, chained, in_context, requests.ConnectionError(urllib3.exceptions.MaxRetryError(POOL, "/", error))):  # type: ignore[arg-type]  # fmt: skip
        failure = classify_exception(wrapped, 3.0, through_proxy=kind is K.PROXY)
        assert isinstance(failure, Failure)
        assert (failure.kind, {name: getattr(failure, name) for name in flags}) == (kind, flags)
        assert message in failure.message
        assert "incident data" not in failure.message


def test_exceptions_in_a_circle_and_with_braces_are_no_problem() -> None:
    first, second = requests.exceptions.ConnectionError("{bad} format"), OSError("{")
    first.__context__, second.__context__ = second, first
    failure = classify_exception(first, 1.0, through_proxy=False)
    assert failure
    assert failure.kind is K.CONNECTION


def test_exceptions_that_have_nothing_to_do_with_a_connection_are_none() -> None:
    for error in (MemoryError(), RecursionError(), KeyError("x"), RuntimeError("can't start new thread")):
        assert classify_exception(error, 1.0, through_proxy=False) is None


def test_with_a_proxy_what_cannot_be_reached_is_the_proxy() -> None:
    for error, kind, message, _flags in ROWS.values():
        if kind is K.UNREACHABLE:
            failure = classify_exception(error, 3.0, through_proxy=True)
            assert failure
            assert (failure.kind, message in failure.message) == (K.PROXY, True)


def test_proxy_is_not_blamed_for_what_may_have_been_carried_out() -> None:
    failure = classify_exception(as_proxy(ConnectionResetError(104, "x")), 1.0, through_proxy=True)
    assert failure
    assert (failure.kind, failure.may_have_applied) == (K.CONNECTION, True)
