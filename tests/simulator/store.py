# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The things of one kind, what happens to them, and which state of them a read sees. No HTTP here.

A thing is never changed in place: a write replaces its dict. Answers and the journal may therefore
keep what they were given, and nothing has to be copied.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Callable, NamedTuple, Optional

from .samples import Samples

Thing = Mapping[str, Any]


class Refused(Exception):
    """The service refuses: `status` and a text for the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class NotFound(Refused):
    """There is no such thing."""


class Act(NamedTuple):
    """Who does something to one thing, when, and with what."""

    by: str
    now: float
    new_id: Callable[[], str]
    assignee: str | None = None
    arguments: Mapping[str, Any] = {}
    """The decoded parameters of the request."""
    max_removed: int | None = None
    """How many assignees are removed at most; None is all."""
    settings: Any = None
    """Those of the store."""


# What an operation does: the fields that change, or None when nothing has to. It may raise Refused.
Effect = Callable[[Thing, Act], Optional[Mapping[str, Any]]]


@dataclass
class Lag:
    """How far reads are behind writes. What was set at the time of a write counts for that write."""

    seconds: float = 0
    """A read sees the state of so many seconds ago."""
    reads: int = 0
    """So many reads after each write see the state before it."""


class _Past:
    """An earlier state of a thing, and until when reads see it."""

    def __init__(self, thing: Thing, lag: Lag) -> None:
        self._thing = thing
        self._until = time.monotonic() + lag.seconds
        self._reads = lag.reads

    def see(self) -> Thing | None:
        """This state if a read sees it, which counts as one."""
        if time.monotonic() < self._until:
            return self._thing
        self._reads -= 1
        return self._thing if self._reads >= 0 else None

    @property
    def is_over(self) -> bool:
        return self._reads <= 0 and time.monotonic() >= self._until


class Write(NamedTuple):
    """How a write treats its IDs."""

    bad_ids: str = "error"
    """An ID that is unknown or refused: "error" (nothing is written), "skip", or "partial" (the rest is written, then
    comes an error)."""
    effect: bool = True
    """Whether anything is written at all."""
    max_ids: int | None = None
    """How many things are written at most; None is all."""
    max_removed: int | None = None
    """As `Act.max_removed`."""


class Written(NamedTuple):
    things: list[Thing]
    """What the IDs name, as it is now, in the order asked."""
    planned: list[Thing]
    """The same as it would be had everything been written."""
    changed: list[str]
    error: Refused | None = None


class Store:
    """The things of one kind, by ID."""

    noun = "thing"
    assignee_parameter = ""
    """The parameter that holds `{userId}`."""
    Settings: type[Any]
    """A dataclass, filled from the simulator's options."""

    def __init__(
        self, samples: Samples, clock: Callable[[], float], lags: Mapping[str, Lag], settings: Any = None
    ) -> None:
        self.samples = samples
        self.clock = clock
        self.lags = lags
        """Lag by what is read: "state", "events"."""
        self.settings = settings
        """What effects and answers may depend on."""
        self._lock = threading.RLock()
        self._by_id: dict[str, Thing] = {}
        self._aliases: dict[str, str] = {}
        self._past: dict[tuple[str, str], list[_Past]] = {}

    @property
    def not_found_status(self) -> int:
        return 404

    @property
    def bad_ids(self) -> str:
        """As `Write.bad_ids`, for routes that take many IDs."""
        return "error"

    def alias(self, thing: Thing) -> str | None:
        """A second ID that finds the thing too."""
        return None

    def is_visible(self, thing: Thing) -> bool:
        """Whether the API knows the thing."""
        return True

    def user_id(self, text: str) -> str:
        """The ID of a user as the service keeps it."""
        return text

    def not_found(self, thing_id: str) -> NotFound:
        text = {404: "Not Found: {} {}", 400: "Bad Request: {} {} was not found"}[self.not_found_status]
        return NotFound(self.not_found_status, text.format(self.noun, thing_id))

    def put(self, thing: Thing) -> None:
        with self._lock:
            self._by_id[thing["id"]] = thing
            alias = self.alias(thing)
            if alias:
                self._aliases[alias] = thing["id"]

    def remove(self, thing_id: str) -> None:
        with self._lock:
            thing_id = self.canonical(thing_id)
            del self._by_id[thing_id]
            for what in self.lags:
                self._past.pop((thing_id, what), None)

    def canonical(self, thing_id: str) -> str:
        return self._aliases.get(thing_id, thing_id)

    def copy(self, thing_id: str) -> dict[str, Any]:
        """The true state, whatever the lag."""
        with self._lock:
            thing = self._by_id[self.canonical(thing_id)]
        return copy.deepcopy(dict(thing))

    # Reads.
    def _find(self, thing_id: str) -> Thing | None:
        thing = self._by_id.get(self.canonical(thing_id))
        return thing if thing and self.is_visible(thing) else None

    def _seen(self, thing: Thing, what: str) -> Thing:
        seen = [past.see() for past in self._past.get((thing["id"], what), ())]
        return next((past for past in seen if past is not None), thing)

    def all(self, what: str = "state") -> list[Thing]:
        with self._lock:
            if not self._past:
                return list(self._by_id.values())
            return [self._seen(thing, what) for thing in self._by_id.values()]

    def read(self, ids: Iterable[str], what: str = "state") -> tuple[dict[str, Thing], list[str]]:
        """The things found, by the ID asked for, and the IDs not found: each once, in the order asked."""
        wanted = dict.fromkeys(ids)
        with self._lock:
            known = {i: thing for i in wanted if (thing := self._find(i))}
            found = {i: self._seen(thing, what) for i, thing in known.items()}
        return found, [i for i in wanted if i not in found]

    def read_one(self, thing_id: str, what: str = "state") -> Thing:
        found, _missing = self.read([thing_id], what)
        if not found:
            raise self.not_found(thing_id)
        return found[thing_id]

    # Writes.
    def _replace(self, old: Thing, new: Thing) -> None:
        for what, lag in self.lags.items():
            if lag.seconds or lag.reads:
                pasts = self._past.setdefault((old["id"], what), [])
                pasts[:] = [*(past for past in pasts if not past.is_over), _Past(old, lag)]
        self.put(new)

    def write(self, effect: Effect, ids: Iterable[str], by: str, arguments: Thing, how: Write) -> Written:
        """Do this to all things at one moment; `arguments` are the decoded parameters of the request."""
        user = arguments.get(self.assignee_parameter, {}).get("userId")
        assignee = None if user is None else self.user_id(user)
        act = Act(by, self.clock(), self.samples.uuid, assignee, arguments, how.max_removed, self.settings)
        planned: dict[str, Thing] = {}
        changes: list[str] = []
        errors: list[Refused] = []
        with self._lock:
            for thing_id in dict.fromkeys(ids):
                thing = self._find(thing_id)
                try:
                    if thing is None:
                        raise self.not_found(thing_id)
                    fields = effect(thing, act)
                except Refused as refusal:
                    errors.append(refusal)
                    continue
                if thing["id"] not in planned:
                    planned[thing["id"]] = {**thing, **(fields or {})}
                    changes += [thing["id"]] if fields is not None else []
            error = errors[0] if errors and how.bad_ids != "skip" else None
            stops = not how.effect or (error and how.bad_ids == "error")
            changed = [] if stops else changes[: how.max_ids]
            for changed_id in changed:
                self._replace(self._by_id[changed_id], planned[changed_id])
            now = [self._by_id[thing_id] for thing_id in planned]
        return Written(now, list(planned.values()), changed, error)
