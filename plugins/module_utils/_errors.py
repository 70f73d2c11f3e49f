# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong, as values that nobody changes. What people read of them is written in _messages."""

from __future__ import annotations

import enum
import typing as t

if t.TYPE_CHECKING:
    from ._request import Request


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
    retry_after: float | None = None
    """Seconds that the service asks to wait."""


class Attempts(t.NamedTuple):
    """The tries of one request so far."""

    tries: int = 0
    waited: float = 0.0
    """Seconds of all the waits between them."""
    refused_wait: float | None = None
    """Seconds of the wait that would have been too long."""


class OptionInvalid(t.NamedTuple):
    """An option or an environment variable cannot be used. Nothing was sent because of it."""

    message: str


class RequestFailed(t.NamedTuple):
    """A request failed for good."""

    request: Request
    failure: Failure
    attempts: Attempts
    correlation_id: str
    may_have_applied: bool = False
    """Whether any of the tries may have been carried out."""


class ListFailed(t.NamedTuple):
    """A page of a list failed."""

    cause: t.Any
    """RequestFailed or DeadlinePassed."""
    read: int
    total: int


class ProbeFailed(t.NamedTuple):
    """The read that finds out which routes the service has failed. The user did not ask for it."""

    cause: t.Any
    """RequestFailed or DeadlinePassed."""


class DeadlinePassed(t.NamedTuple):
    """The task's deadline passed before a request could begin."""

    deadline: float
    action: str


class IdsUnknown(t.NamedTuple):
    """IDs that the service does not know."""

    ids: tuple[str, ...]


class ReadRequired(t.NamedTuple):
    """Reading was refused, and the task cannot do without."""

    cause: RequestFailed
    check_mode: bool


class EffectMissing(t.NamedTuple):
    """The service accepted a write, and the things are not as asked."""

    unchanged_ids: tuple[str, ...]
    """They still show the state before the write."""
    different_ids: tuple[str, ...]
    """They show a state that is neither the one before nor the one asked for."""


class AnswerIncomplete(t.NamedTuple):
    """The answer to a write leaves IDs out, and they cannot be read."""

    ids: tuple[str, ...]


class LibraryMissing(t.NamedTuple):
    """The Python library requests cannot be imported."""

    pythons: tuple[str, ...]
    """The Pythons that were tried."""
    reason: str
    """The words of the import error. Empty if the library is simply not there."""


class Unexpected(t.NamedTuple):
    """An exception that nobody foresaw."""

    message: str
    traceback: str


class CoralogixError(Exception):
    """Carries one of the errors above to the end of the task."""

    def __init__(self, error: t.Any) -> None:
        super().__init__(error)
        self.error = error


class AnswerInvalid(Exception):
    """JSON that is not what the API documents. Says what is wrong and where."""


class Stopped(BaseException):
    """A signal asks the process to end. No `except Exception` on the way may swallow it."""


def option_invalid(message: str) -> CoralogixError:
    """The exception for an option or environment variable that cannot be used."""
    return CoralogixError(OptionInvalid(message))
