# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One poll of an event source: list, read what has vanished, and find out what happened. Runs in a thread."""

from __future__ import annotations

import logging
import platform
import random
import sys
import time
import traceback
import typing as t
import uuid
from datetime import datetime, timezone
from urllib.parse import urlsplit

from . import _settings
from ._client import Client
from ._errors import CoralogixError, DeadlinePassed, LibraryMissing, ListFailed, OptionInvalid, ProbeFailed
from ._event_arguments import NONE, OPEN, check_source_arguments
from ._event_memory import Delivery, Memory, Observation, Record
from ._event_rules import EventRules
from ._event_state import Header, StateFile
from ._failure import Failure, FailureKind
from ._filters import parse_time, rfc3339
from ._messages import Context, describe_error, describe_truncation
from ._requests_import import import_problem
from ._resource import Item, Resource
from ._secrets import Masker
from ._service import ReadResult, Service
from ._transport import Transport
from ._users import UserDirectory, resolve_assignees

# The key is revoked, or lacks a permission. Waiting does not help.
_REFUSED = frozenset((FailureKind.UNAUTHENTICATED, FailureKind.FORBIDDEN))
# If the first poll fails like this, an argument is wrong. Later, something on the way is.
_WRONG_AT_FIRST = frozenset(
    (
        FailureKind.INVALID,
        FailureKind.NO_ROUTE,
        FailureKind.URL_TOO_LONG,
        FailureKind.HTML_NOT_FOUND,
        FailureKind.HTML_REFUSED,
        FailureKind.REDIRECT,
        FailureKind.CERTIFICATE,
        FailureKind.CERTIFICATE_HOST,
        FailureKind.CERTIFICATE_FORM,
        FailureKind.CA_FILE,
    )
)
# Seconds before a poll that failed is tried again, doubled for each further failure. A request has its own retries.
FIRST_DELAY = 5.0
MAX_DELAY = 300.0
MAX_RETRY_AFTER = 3600.0
# Share of the time that may go into writing the state before a poll has wholly arrived.
_WRITE_SHARE = 0.05


class SourceError(RuntimeError):
    """What ends the source. ansible-rulebook prints its text."""


class Poll(t.NamedTuple):
    """What a poll brought."""

    observation: Observation | None
    delay: float
    """Seconds from its start to the start of the next one."""


class Poller:
    """Polls, and remembers which events have arrived. Used by one thread at a time, except for C(stop).

    C(new_transport), C(now) and C(sleep) are for tests. Raises SourceError.
    """

    def __init__(
        self,
        resource: Resource,
        rules: EventRules,
        arguments: t.Mapping[t.Any, t.Any],
        environ: t.Mapping[str, str],
        log: logging.Logger,
        new_transport: t.Callable[..., t.Any] = Transport,
        now: t.Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        sleep: t.Callable[[float], t.Any] | None = None,
    ) -> None:
        self._resource = resource
        self._rules = rules
        self._log = log
        self._new_transport = new_transport
        self._now = now
        self._sleep = sleep
        self._masker = Masker(())
        self._context = Context(resource)
        self._client: Client | None = None
        self._service: Service | None = None
        self._is_stopped = False
        self._polls = 0
        """How many polls succeeded."""
        self._failures = 0
        self._refusals = 0
        self._warned: set[str] = set()
        self._last_write = 0.0
        self._write_seconds = 0.0
        try:
            self._options = check_source_arguments(arguments, resource, rules, now())
            self._settings = _settings.resolve_settings(self._options, environ)
        except CoralogixError as error:
            raise self._error(error.error) from None
        self._masker = Masker(_settings.find_secrets(self._options, environ))
        self._memory = Memory(rules, resource.singular, self._options["changes"])
        owner = f"{resource.plural} at {urlsplit(self._settings.base_url).netloc}"
        path = self._options["state_path"]
        self._state = StateFile(path, owner) if path else None
        self._starts_anew = True

    @property
    def interval(self) -> float:
        return float(self._options["interval"])

    def open(self) -> None:
        """Lock and read the state. Raises SourceError."""
        if self._state is None:
            return
        try:
            lines = self._state.open()
        except CoralogixError as error:
            raise self._error(error.error) from None
        if lines is not None:
            self._starts_anew = False
            self._memory.generation, self._memory.newest = self._state.header
            try:
                records = [Record.from_json(line) for line in lines]
            except (ValueError, TypeError):
                raise self._error(self._state.damaged().error) from None
            self._memory.records = {record.item["id"]: record for record in records}

    def stop(self) -> None:
        """End the exchange that is under way, from any thread."""
        self._is_stopped = True
        if self._client:
            self._client.stop()

    def close(self) -> None:
        """Give up the lock of the state."""
        if self._state:
            self._state.close()

    def poll(self) -> Poll:
        """Find out what happened since the last poll. Raises SourceError if no further poll can succeed."""
        try:
            observation, error = self._observe(self._now())
        except CoralogixError as failed:
            observation, error = None, failed.error
        except Exception:
            # An unexpected error must not end the source.
            self._log.error("%s", self._masker.mask(traceback.format_exc()))
            return Poll(None, self._next_delay(None, "An unexpected error."))
        self._log_warnings()
        if error is not None:
            return Poll(observation, self._handle_failure(error))
        self._polls += 1
        self._failures = self._refusals = 0
        return Poll(observation, self.interval)

    def commit(self, deliveries: t.Iterable[Delivery], finished: Observation | None) -> bool:
        """Remember what has arrived. C(finished) is the last poll, once all of it has arrived.

        Returns whether all of it is in the file. If not, call C(write) soon.
        """
        if self._state is None:
            return True
        for delivery in deliveries:
            self._state.put(delivery.item_id, delivery.record.to_json())
        if finished:
            self._state.finish(Header(finished.generation, finished.newest), finished.forgotten)
        if finished or time.monotonic() - self._last_write > self._write_seconds / _WRITE_SHARE:
            self.write()
        return not self._state.is_dirty

    def write(self) -> None:
        """Write the state. A file that cannot be written is logged, and tried again the next time."""
        if self._state is None or not self._state.is_dirty:
            return
        began = time.monotonic()
        try:
            self._state.save()
        except OSError as error:
            self._log.error(
                "state_path is %r. The file cannot be written (%s). Events may be sent again after a restart.",
                self._options["state_path"],
                error.strerror or error,
            )
        self._last_write = time.monotonic()
        self._write_seconds = self._last_write - began

    def _observe(self, now: datetime) -> tuple[Observation, t.Any]:
        service = self._connect()
        memory, initial = self._memory, self._options["initial"].strip()
        since = memory.watched_since(now)
        start = None
        if self._starts_anew and initial not in (NONE, OPEN):
            start = parse_time("initial", initial, now)
            since = min(since, start)
        listed = self._list(service, since, memory.later_clock(now))
        read = ReadResult({}, [])
        vanished = memory.ids_to_read(listed, now)
        if vanished:
            read = service.read(vanished)
        observation = memory.observe(listed, read.items, read.not_found, now, self._emits_new(initial, start))
        self._starts_anew = False
        events = sum(len(delivery.events) for delivery in observation.deliveries)
        self._log.info("%d %s are watched, %d events", len(memory.records), self._resource.plural, events)
        return observation, read.error

    def _emits_new(self, initial: str, start: datetime | None) -> t.Callable[[Item], bool]:
        """Whether an item that was not known makes events."""
        if not self._starts_anew:
            return lambda _item: True
        if start is not None:
            opened_after = start
            return lambda item: self._memory.was_opened_after(item, opened_after)
        return self._memory.is_open if initial == OPEN else lambda _item: False

    def _list(self, service: Service, since: datetime, now: datetime) -> dict[str, Item | None]:
        """All items that the lists show. C(None) stands for one that is unchanged.

        Each item is compared as soon as its page has come: most are unchanged, and can be dropped at once.
        """
        listed: dict[str, Item | None] = {}

        def collect(item: Item) -> None:
            # An item that moves from one list to the next while they are read has ended: what is newer counts.
            listed[item["id"]] = None if self._memory.is_unchanged(item) else item

        for options in self._rules.build_lists(self._filters, rfc3339(since), now):
            query = self._resource.filters.build_query(options, now)
            if query.matches_nothing:
                continue
            if service.list_items(query.values, _collector(collect, query.keep)).truncated:
                self._warn_once(describe_truncation(self._context))
        return listed

    def _connect(self) -> Service:
        settings = self._settings
        problem = import_problem()
        if problem is not None:
            raise CoralogixError(LibraryMissing((sys.executable,), problem))
        if self._service is None:
            self._correlation_id = str(uuid.uuid4())
            agent = f"event-source Python/{platform.python_version()}"
            self._transport = self._new_transport(
                settings, agent, self._correlation_id, self._resource.max_concurrent_requests
            )
            proxy = self._transport.proxy
            self._context = Context(
                self._resource,
                key_source=settings.key_source,
                host_source=settings.host_source,
                proxy_source=proxy.source if proxy else "",
                ca_source=settings.ca_source,
            )
        # The deadline is that of one poll.
        self._client = client = Client(
            self._transport,
            base_url=settings.base_url,
            timeout=settings.timeout,
            retries=settings.retries,
            deadline=settings.deadline,
            correlation_id=self._correlation_id,
            masker=self._masker,
            sleep=self._sleep,
        )
        if self._is_stopped:
            client.stop()
        if self._service is None:
            self._filters = self._options
            if self._options.get("assignees"):
                self._filters = {**resolve_assignees(self._options, self)}
            self._service = Service(client, self._resource, settings.api_version)
        self._service.client = client
        return self._service

    def users(self) -> UserDirectory:
        """The search for users at the same host."""
        if self._client is None:
            raise AssertionError("there is a connection by now")
        return UserDirectory(self._client, self._settings)

    def _handle_failure(self, error: t.Any) -> float:
        """Log a failure. Returns the seconds until the next poll. Raises SourceError if there is none."""
        # The next poll finds out anew which routes, proxies and certificates there are.
        self._service = None
        failure = _failure_in(error)
        if failure is None:
            if not isinstance(error, DeadlinePassed):
                raise self._error(error)
        elif failure.kind in _REFUSED:
            self._refusals += 1
            # Gateways refuse a good key now and then. Not at the start, and not twice.
            if not self._polls or self._refusals > 1:
                raise self._error(error)
        elif failure.kind in _WRONG_AT_FIRST and not self._polls:
            raise self._error(error)
        return self._next_delay(failure, self._describe(error))

    def _next_delay(self, failure: Failure | None, text: str) -> float:
        self._failures += 1
        delay = poll_delay(self._failures, self.interval, failure.retry_after if failure else None, random.random())
        self._log.warning("%s The next poll is in %.0f s.", text, delay)
        return delay

    def _log_warnings(self) -> None:
        for warning in list(self._client.warnings) if self._client else ():
            self._warn_once(warning)

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._log.warning("%s", self._masker.mask(text))

    def _describe(self, error: t.Any) -> str:
        return self._masker.mask(describe_error(error, self._context))

    def _error(self, error: t.Any) -> SourceError:
        return SourceError(self._describe(error))


def _collector(collect: t.Callable[[Item], None], keep: t.Callable[[Item], bool] | None) -> t.Callable[[Item], bool]:
    """The C(keep) of a list that passes each matching item to C(collect), and keeps none in memory."""

    def collect_only(item: Item) -> bool:
        if keep is None or keep(item):
            collect(item)
        return False

    return collect_only


def poll_delay(failures: int, interval: float, retry_after: float | None, fraction: float) -> float:
    """Seconds to wait after so many polls in a row that failed. C(fraction), from 0 to 1, is random."""
    max_delay = max(MAX_DELAY, interval)
    backoff = min(FIRST_DELAY * 2 ** (min(failures, 32) - 1), max_delay) * (1 + fraction) / 2
    return max(backoff, min(retry_after or 0.0, MAX_RETRY_AFTER))


def _failure_in(error: t.Any) -> Failure | None:
    """The failure of the request that is to blame. None if no request is."""
    while isinstance(error, (ListFailed, ProbeFailed)):
        error = error.cause
    if isinstance(error, (DeadlinePassed, OptionInvalid, LibraryMissing)):
        return None
    failure: Failure | None = getattr(error, "failure", None)
    return failure
