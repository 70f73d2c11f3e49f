# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out a change: read, plan, write, verify. Keeps track of it, whatever happens on the way."""

from __future__ import annotations

import typing as t

from . import _plan
from ._client import RetryLoop
from ._errors import (
    AnswerIncomplete,
    DeadlinePassed,
    EffectMissing,
    FailureKind,
    IdsUnknown,
    ReadRequired,
    RequestFailed,
    Unexpected,
)
from ._plan import Change, Effect, Progress, Write
from ._retry import LAG_DELAYS
from ._service import ReadResult, Service


class Outcome(t.NamedTuple):
    """How a change ended, or how far it came."""

    progress: Progress = Progress()
    error: t.Any = None
    """One of the errors in _errors."""
    read_refusal: RequestFailed | None = None
    """Why the items could not be read before they were written."""


def execute(change: Change, service: Service, ids: t.Sequence[str], missing: str, check_mode: bool) -> Outcome:
    """Read, plan, write and verify. C(missing) is C(fail) or C(ignore).

    Returns what is known in the end. An error is in the outcome, together with what was done before it.
    """
    read = service.read(ids)
    if read.error:
        if not (read.is_refused and isinstance(read.error, RequestFailed)):
            return Outcome(error=read.error)
        if check_mode or change.is_skipped or service.resource.reads_before_writes:
            return Outcome(error=ReadRequired(read.error, check_mode))
        return _execute_unread(change, service, ids, missing, read.error)
    if read.not_found and missing == "fail":
        progress = Progress(read.items, read.items, not_found=read.not_found)
        return Outcome(progress, IdsUnknown(tuple(read.not_found)))
    # Each item is tracked once, under the first of the IDs that name it.
    named = _plan.drop_aliases(ids, read.items)
    read = read._replace(items={item_id: read.items[item_id] for item_id in named if item_id in read.items})
    pending = _plan.select(change.needs_change, named, read.items)
    if check_mode:
        after = _plan.predict(change, pending, read.items)
        return Outcome(Progress(read.items, after, not_found=read.not_found, predicted=pending))
    tracker = _Tracker(change, service, read)
    error = tracker.run(pending)
    gone = [item_id for item_id in tracker.gone if item_id not in read.not_found]
    if gone and missing == "fail":
        error = error or IdsUnknown(tuple(gone))
    return Outcome(tracker.progress(), error or _missing_effect(change, ids, tracker.progress()))


def _execute_unread(
    change: Change, service: Service, ids: t.Sequence[str], missing: str, read_refusal: RequestFailed
) -> Outcome:
    """The change without reading: every item is written, and the answer to that is all that is known."""
    tracker = _Tracker(change, service, ReadResult({}, []), can_read=False)
    error = tracker.run(ids)
    progress = tracker.progress()
    if isinstance(error, RequestFailed) and not progress.writes:
        # If there is no route at all, the failed read shows best that the URL is wrong.
        both_missing = read_refusal.failure.kind is error.failure.kind is FailureKind.NO_ROUTE
        return Outcome(error=read_refusal if both_missing else error)
    accepted = [item_id for item_id in ids if progress.writes.get(item_id) is Write.ACCEPTED]
    left_out = [item_id for item_id in accepted if item_id not in progress.after]
    error = error or _missing_effect(change, ids, progress)
    if left_out and missing == "fail":
        error = error or AnswerIncomplete(tuple(left_out))
    if missing == "ignore":
        progress = progress._replace(not_found=left_out)
    return Outcome(progress, error, read_refusal)


class _Tracker:
    """What is known about every item while the task writes. Threads touch different IDs."""

    def __init__(self, change: Change, service: Service, read: ReadResult, can_read: bool = True) -> None:
        self._change = change
        self._service = service
        self._client = service.client
        self._can_read = can_read
        self._unknown = read.not_found
        self._before = dict(read.items)
        self._after = dict(read.items)
        self._writes: dict[str, Write] = {}
        self._unverified: set[str] = set()
        self._abandoned: RequestFailed | None = None
        self.gone: dict[str, None] = {}

    def progress(self) -> Progress:
        hidden = {*self._unverified, *self.gone}
        after = {item_id: item for item_id, item in self._after.items() if item_id not in hidden}
        return Progress(self._before, after, dict(self._writes), [*self._unknown, *self.gone], self._unverified)

    def run(self, ids: t.Sequence[str]) -> t.Any:
        """Write and verify. Returns the first error. An exception is recorded as an error too."""
        try:
            chunks = self._service.chunks(self._change.operation, ids, self._change.values)
            failed: list[t.Any] = []

            def write(chunk: list[str]) -> t.Any:
                # After a failure no further request begins.
                error = None if failed else self._write_chunk(chunk)
                if error:
                    failed.append(error)
                return error

            errors = [error for error in self._service.for_each_chunk(write, chunks) if error]
            unverified = self._verify()
            return errors[0] if errors else unverified or self._abandoned_write()
        except Exception as error:
            if not self._writes:
                raise
            self._service.client.stop()
            self._unverified.update(self._unclear_after_exception())
            return Unexpected.of(error)

    def _write_chunk(self, chunk: list[str]) -> t.Any:
        """Write items in one request, again where that may help. Before each retry they are read again."""
        pending, retry_loop = chunk, RetryLoop(self._client)
        error = self._write_once(pending)
        while isinstance(error, RequestFailed):
            retry_loop.count(error.failure)
            if not retry_loop.wait_for_next(error.failure):
                return retry_loop.complete(error)
            if self._can_read:
                again, read_error = self._reread(pending)
                if read_error:
                    error = read_error
                    continue
                if len(again) < len(pending):
                    self._abandoned = retry_loop.complete(error)
                pending = again
                if not pending:
                    return None
            error = self._write_once(pending)
        return error

    def _write_once(self, ids: list[str]) -> t.Any:
        """Send one write, and record what its answer says. Returns the error, if there is one."""
        earlier_writes = {item_id: self._writes.get(item_id) for item_id in ids}
        # Before it is sent: if anything is raised from here on, its effect is unknown.
        self._writes.update(dict.fromkeys(ids, Write.UNCERTAIN))
        outcome = self._service.write_once(self._change.operation, ids, self._change.values)
        if isinstance(outcome, dict):
            self._writes.update(dict.fromkeys(ids, Write.ACCEPTED))
            merge = self._service.resource.operations[self._change.operation].merge
            for item_id, shown in outcome.items():
                self._after[item_id] = merge(self._after[item_id], shown) if merge else shown
            return None
        if isinstance(outcome, DeadlinePassed) or not outcome.may_have_applied:
            for item_id, write in earlier_writes.items():
                if write is None:
                    del self._writes[item_id]
        elif outcome.failure.accepted:
            self._writes.update(dict.fromkeys(ids, Write.ACCEPTED))
        return outcome

    def _reread(self, ids: list[str]) -> tuple[list[str], t.Any]:
        """Read between two tries. Returns the IDs of the items to be written again, and the error of the read.

        If a write must not be repeated, its effect is looked for several times: the read may lag behind the write.
        """
        pending = ids
        for delay in (0.0, *LAG_DELAYS):
            if delay and (self._change.is_repeatable or not any(item_id in self._writes for item_id in pending)):
                break
            if delay:
                self._client.wait(delay)
            read = self._service.read(pending, retry=False)
            if read.error:
                return ids, read.error
            pending = self._record_reread(pending, read)
            if not pending:
                break
        return pending, None

    def _record_reread(self, ids: t.Sequence[str], read: ReadResult) -> list[str]:
        """Record what a read between two tries shows. Returns the IDs of the items to be written again."""
        again = []
        for item_id in ids:
            latest = read.items.get(item_id)
            if latest is None:
                self.gone[item_id] = None
                continue
            write = self._writes.get(item_id)
            self._after[item_id] = latest
            if _plan.is_rewrite_safe(self._change, write, self._before[item_id], latest):
                again.append(item_id)
            if write is None:
                # Nothing was carried out yet: whatever differs was changed by somebody else.
                self._before[item_id] = latest
        return again

    def _unclear_ids(self) -> list[str]:
        """IDs of items that were written, and that no answer shows as asked."""
        return [
            item_id
            for item_id in self._writes
            if item_id not in self.gone
            and not (
                item_id in self._after and self._change.took_effect(self._before.get(item_id), self._after[item_id])
            )
        ]

    def _known_unclear_ids(self) -> list[str]:
        """The same, only those whose state after the write could be read."""
        return [item_id for item_id in self._unclear_ids() if item_id not in self._unverified]

    def _unclear_after_exception(self) -> list[str]:
        """The unclear IDs, even if a decision raises. Then nothing is known of any item that was written."""
        try:
            return self._unclear_ids()
        except Exception:
            return list(self._writes)

    def _verify(self) -> t.Any:
        """Read again what the answers leave open, several times while the state before shows. Returns the error."""
        if not self._can_read:
            return None
        unclear_ids = self._unclear_ids()
        error = self._read_written(unclear_ids, may_pass_deadline=True)
        for delay in LAG_DELAYS:
            # As long as an item shows the state before, the read may lag behind the write.
            unclear_ids = [item_id for item_id in self._known_unclear_ids() if self._is_as_before(item_id)]
            if error or not unclear_ids or not self._client.can_wait(delay):
                break
            self._client.wait(delay)
            error = self._read_written(unclear_ids)
        return error

    def _read_written(self, ids: t.Sequence[str], may_pass_deadline: bool = False) -> t.Any:
        """Read written items, and record what they show. Returns the error."""
        if not ids:
            return None
        read = self._service.read(ids, may_pass_deadline=may_pass_deadline)
        known = {*read.items, *read.not_found}
        self._unverified.difference_update(known)
        self._unverified.update(item_id for item_id in ids if item_id not in known)
        self.gone.update(dict.fromkeys(read.not_found))
        self._after.update(read.items)
        return read.error

    def _abandoned_write(self) -> RequestFailed | None:
        """The error of a write that was not sent again because somebody else changed its items, if it had no effect."""
        if self._abandoned is None:
            return None
        uncertain = (item_id for item_id in self._known_unclear_ids() if self._writes[item_id] is Write.UNCERTAIN)
        return self._abandoned if any(self._is_as_before(item_id) for item_id in uncertain) else None

    def _is_as_before(self, item_id: str) -> bool:
        return self._change.is_same(self._before[item_id], self._after[item_id])


def _missing_effect(change: Change, ids: t.Sequence[str], progress: Progress) -> EffectMissing | None:
    effects = {item_id: _plan.assess(change, item_id, progress) for item_id in ids}
    unchanged = tuple(item_id for item_id in ids if effects[item_id] is Effect.NOT_VISIBLE)
    different = tuple(item_id for item_id in ids if effects[item_id] is Effect.DIFFERENT)
    return EffectMissing(unchanged, different) if unchanged or different else None
