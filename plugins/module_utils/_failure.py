# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one try of a request can fail, as a value."""

from __future__ import annotations

import enum
import typing as t


@enum.unique
class FailureKind(enum.Enum):
    """The ways in which a request can fail. _messages has a text for each."""

    # What the service answered.
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NO_ROUTE = "no_route"
    UNKNOWN_ID = "unknown_id"
    URL_TOO_LONG = "url_too_long"
    ANSWER_TOO_LARGE_FOR_GATEWAY = "answer_too_large_for_gateway"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    REFUSED = "refused"
    REDIRECT = "redirect"
    UNEXPECTED_STATUS = "unexpected_status"
    # Something else than the service answered.
    HTML_NOT_FOUND = "html_not_found"
    HTML_REFUSED = "html_refused"
    # The answer cannot be used.
    NOT_JSON = "not_json"
    BROKEN_JSON = "broken_json"
    UNEXPECTED_JSON = "unexpected_json"
    ANSWER_TOO_LARGE = "answer_too_large"
    # There was no answer.
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    UNREACHABLE = "unreachable"
    PROXY = "proxy"
    CERTIFICATE = "certificate"
    CERTIFICATE_HOST = "certificate_host"
    CERTIFICATE_FORM = "certificate_form"
    CA_FILE = "ca_file"
    STOPPED = "stopped"
    INTERNAL = "internal"


class Failure(t.NamedTuple):
    """One try of a request that brought no usable answer."""

    kind: FailureKind
    message: str
    """The words of the service or of the connection: one short line without the API key."""
    status: int | None = None
    """The HTTP status, if there was an answer."""
    retryable: bool = False
    """Whether another try may succeed."""
    may_have_applied: bool = False
    """Whether the service may have carried the request out."""
    accepted: bool = False
    """Whether the service has accepted the request, in an answer of another form than documented."""
    retry_after: float | None = None
    """Seconds that the service asks to wait."""


class Attempts(t.NamedTuple):
    """The tries of one request so far."""

    tries: int = 0
    waited: float = 0.0
    """Seconds of all the waits between them."""
    refused_wait: float | None = None
    """Seconds of the wait that would have been too long."""
