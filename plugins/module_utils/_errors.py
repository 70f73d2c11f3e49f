# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong, as values that nobody changes. _messages turns them into texts."""

from __future__ import annotations

import traceback
import typing as t

from ._failure import Attempts, Failure, FailureKind

if t.TYPE_CHECKING:
    from ._resource import Request

__all__ = ["Attempts", "Failure", "FailureKind"]


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
    """Reading was refused, and the task cannot do without it."""

    cause: RequestFailed
    check_mode: bool


class EffectMissing(t.NamedTuple):
    """The service accepted a write, and the items are not as asked."""

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

    @classmethod
    def of(cls, error: Exception) -> Unexpected:
        """From the exception itself."""
        trace = traceback.format_exception(None, error, error.__traceback__)
        return cls(f"{type(error).__name__}: {error}", "".join(trace))


class CoralogixError(Exception):
    """Carries one of the errors above to the end of the task."""

    def __init__(self, error: t.Any) -> None:
        super().__init__(error)
        self.error = error


class AnswerInvalid(Exception):
    """JSON that is not what the API documents. Says what is wrong and where."""


def option_invalid(message: str) -> CoralogixError:
    """The exception for an option or environment variable that cannot be used."""
    return CoralogixError(OptionInvalid(message))
