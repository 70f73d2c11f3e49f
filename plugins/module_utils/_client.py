# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One exchange with the API: a request, tried again where that may help, until there is JSON or a failure.

Knows neither resources nor how a request travels. The correlation ID, the deadline and the warnings belong to one run.
"""

from __future__ import annotations

import json
import random
import threading
import time
import typing as t

from ._answers import Load, Response, classify_response, message_in
from ._connections import classify_exception
from ._errors import (
    AnswerInvalid,
    Attempts,
    CoralogixError,
    DeadlinePassed,
    Failure,
    FailureKind,
    RequestFailed,
)
from ._portable import make_portable
from ._resource import Request
from ._retry import RetryPolicy, is_too_long
from ._secrets import Masker

MAX_MESSAGE = 300

_Parsed = t.TypeVar("_Parsed")


if t.TYPE_CHECKING:

    class Sender(t.Protocol):
        """Sends requests: Transport, or a stand-in of a test."""

        proxy: t.Any

        def send(self, request: Request, seconds: float) -> Response:
            """The answer to this request, if it is complete within these seconds."""

        def abort(self) -> None:
            """End the requests that are under way."""


class Client:
    """Exchanges of one run. One instance serves several threads.

    C(timeout) is in seconds and for one try, C(deadline) in seconds from now and for the whole run.
    """

    def __init__(
        self,
        transport: Sender,
        *,
        base_url: str,
        timeout: float,
        retries: int,
        deadline: float | None = None,
        correlation_id: str = "",
        masker: Masker | None = None,
        sleep: t.Callable[[float], t.Any] | None = None,
        load: Load = json.loads,
    ) -> None:
        self.base_url = base_url
        self.policy = RetryPolicy(retries)
        self.correlation_id = correlation_id
        self.warnings: dict[str, None] = {}
        """What had to be changed in answers, each once, in the order in which it was found."""
        self.has_written = False
        """Whether a request that changes something was sent. Whoever sends one sets it."""
        self._transport = transport
        self._timeout = timeout
        self._deadline = deadline
        self._end = None if deadline is None else time.monotonic() + deadline
        self._masker = masker or Masker(())
        self._stop = threading.Event()
        self._sleep = sleep or self._stop.wait
        self._load = load

    def exchange(
        self,
        request: Request,
        parse: t.Callable[[t.Any], _Parsed],
        retry: bool = True,
        may_pass_deadline: bool = False,
    ) -> _Parsed:
        """What C(parse) makes of the answer. C(retry) says whether to retry as the policy allows.

        C(may_pass_deadline) allows one try after the deadline: the one that verifies a write.
        Raises CoralogixError(RequestFailed) or CoralogixError(DeadlinePassed). C(parse) raises AnswerInvalid.
        """
        retry_loop = RetryLoop(self)
        while True:
            if self.is_past_deadline and not (may_pass_deadline and not retry_loop.attempts.tries):
                raise CoralogixError(DeadlinePassed(self._deadline or 0.0, request.operation.action))
            outcome = self.send_once(request, parse, may_pass_deadline)
            if not isinstance(outcome, Failure):
                return outcome
            retry_loop.count(outcome)
            if not (retry and retry_loop.wait_for_next(outcome)):
                failed = RequestFailed(request, outcome, Attempts(), self.correlation_id)
                raise CoralogixError(retry_loop.complete(failed))

    def send_once(
        self, request: Request, parse: t.Callable[[t.Any], _Parsed], may_pass_deadline: bool = False
    ) -> _Parsed | Failure:
        """One try: what C(parse) makes of the answer, or the failure."""
        try:
            outcome = self._try(request, parse, may_pass_deadline)
        except Exception as error:
            # Whatever it is, such as no memory or a bug here, the request may have been carried out.
            outcome = Failure(FailureKind.INTERNAL, f"{type(error).__name__}: {error}", may_have_applied=True)
        if isinstance(outcome, Failure):
            return outcome._replace(message=self._one_line(outcome.message))
        return outcome

    def _try(self, request: Request, parse: t.Callable[[t.Any], _Parsed], may_pass_deadline: bool) -> _Parsed | Failure:
        if self.is_stopped():
            return Failure(FailureKind.STOPPED, "the task was asked to stop")
        seconds = self._timeout if may_pass_deadline else self._time_for_one_try()
        try:
            response = self._transport.send(request, seconds)
        except Exception as error:
            if self.is_stopped():
                return Failure(FailureKind.STOPPED, "the task was asked to stop", may_have_applied=True)
            failure = classify_exception(error, seconds, self._transport.proxy is not None)
            if failure is None:
                raise
            return failure
        answer = classify_response(response, time.time(), self._load, request.noun)
        if isinstance(answer, Failure):
            return answer
        answer, warnings = make_portable(answer, response.body, self._masker)
        self.warnings.update(dict.fromkeys(warnings))
        try:
            return parse(answer)
        except AnswerInvalid as invalid:
            api_message = message_in(answer)
            message = f"{invalid}; it says: {api_message}" if api_message else str(invalid)
            return Failure(FailureKind.UNEXPECTED_JSON, message, response.status, may_have_applied=True, accepted=True)

    def wait(self, seconds: float) -> None:
        """Wait, but not past the deadline, and not if the run is stopped."""
        self._sleep(seconds if self._end is None else max(0.0, min(seconds, self._end - time.monotonic())))

    def stop(self) -> None:
        """End all exchanges and waits at once. No further request is sent."""
        self._stop.set()
        self._transport.abort()

    def is_stopped(self) -> bool:
        return self._stop.is_set()

    @property
    def is_past_deadline(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end

    def can_wait(self, delay: float) -> bool:
        """Whether a wait ends before the deadline, and nobody has stopped the run."""
        return not self.is_stopped() and (self._end is None or time.monotonic() + delay < self._end)

    def _time_for_one_try(self) -> float:
        if self._end is None:
            return self._timeout
        return max(0.001, min(self._timeout, self._end - time.monotonic()))

    def _one_line(self, text: str) -> str:
        """One short line for a message. The key is masked before anything is cut off."""
        masked = self._masker.mask(text)[:65536]
        line = " ".join("".join(char if char.isprintable() else " " for char in masked).split())
        return line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 1]}…"


class RetryLoop:
    """Counts the tries of one request, and waits between them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.attempts = Attempts()
        self._may_have_applied = False

    def count(self, failure: Failure) -> None:
        """Count a try that failed."""
        self.attempts = self.attempts._replace(tries=self.attempts.tries + 1)
        self._may_have_applied = self._may_have_applied or failure.may_have_applied

    def wait_for_next(self, failure: Failure) -> bool:
        """Wait until another try may succeed. False if none may, or if the wait would be too long."""
        delay = self._client.policy.next_delay(failure, self.attempts, random.random())
        if delay is None:
            return False
        if is_too_long(delay, self.attempts) or not self._client.can_wait(delay):
            self.attempts = self.attempts._replace(refused_wait=delay)
            return False
        self._client.wait(delay)
        self.attempts = self.attempts._replace(waited=self.attempts.waited + delay)
        return True

    def complete(self, failed: RequestFailed) -> RequestFailed:
        """The last failure, with what is known of all tries."""
        may_have_applied = failed.may_have_applied or self._may_have_applied
        return failed._replace(attempts=self.attempts, may_have_applied=may_have_applied)
