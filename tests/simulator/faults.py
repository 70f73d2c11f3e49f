# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults on demand: what goes wrong, for which requests, and how often."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from .wire import DRIP_PARTS

_UNSET: Any = object()

# Kind -> whether a write has taken effect, unless the fault says otherwise. Kinds that spoil a true
# answer come after the effect, the others before it.
_EFFECT = {
    "status": False,
    "reset": False,
    "hang": False,
    "redirect": False,
    "truncate": True,
    "truncate_chunked": True,
    "malformed": True,
    "raw": True,
    "replace": True,
    "pad_to": True,
    "inflate_to": True,
    "nest": True,
    "endless_pages": True,
}

# These go together with any kind, with each other, and may stand alone.
_MODIFIERS = ("drip", "partial_effect", "partial_ids", "delay")


@dataclass
class Fault:
    """One fault, of at most one kind; modifiers may be added to it, or stand alone.

    With `effect=False` a kind that spoils the true answer gets the answer of a write that did
    nothing: `Fault("unassign", replace=lambda answer: answer, effect=False)` is the server that says
    200 and leaves the incidents assigned.
    """

    operation: str | None = None
    """Name of the operation; None is any request, one that no route serves included."""
    when_id: str | None = None
    """Only requests that ask for this ID."""
    times: int | None = None
    """How many requests it applies to; None is all."""
    skip: int = 0
    """How many matching requests it lets pass before."""
    effect: bool | None = None
    """Whether a write is carried out nevertheless; None is the usual for the kind."""

    # Kinds.
    status: int | None = None
    """Answer with this status, `headers` and `body`. A status below 200 has no body, and then the connection closes."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = _UNSET
    """What a status or a redirect carries: text and bytes as they are, else JSON; an error when not given."""
    reset: bool = False
    """Reset the connection (TCP RST) in place of an answer."""
    hang: float | None = None
    """Say nothing for so many seconds, then close the connection without an answer."""
    redirect: str | None = None
    """Location of a redirect; its status is `status`, or 307."""
    truncate: bool = False
    """Declare the whole answer, send half of it, close."""
    truncate_chunked: bool = False
    """Send half of the answer as a chunk, close without the last chunk."""
    malformed: bool = False
    """Send half of the answer, well framed: JSON that breaks off."""
    raw: bytes | str | None = None
    """Send these bytes in place of an answer, then close."""
    replace: Any = _UNSET
    """Status 200 with this body, or with what this function makes of a copy of the true answer."""
    pad_to: int | None = None
    """The true answer with blanks inside, so that it has this many bytes."""
    inflate_to: int | None = None
    """The same, compressed: small as it travels, this many bytes when decompressed."""
    gzip_layers: int = 1
    """How often `inflate_to` compresses."""
    nest: int | None = None
    """The true answer with lists of this many levels in the first thing it shows."""
    endless_pages: bool = False
    """Each page of a list is full of new sample data and names a further page."""

    # Modifiers.
    drip: float = 0
    """Send one part of the answer byte by byte, with so many seconds before each."""
    drip_part: str = "body"
    """The part: "status", "headers", "body", "chunks" (the sizes of chunks), "trailers", or "interim": interim
    responses without end, one at a time."""
    interim_statuses: tuple[int, ...] = (100,)
    """The statuses of these, in turn."""
    partial_effect: int | None = None
    """Remove so many assignees at most (assign and unassign of incidents)."""
    partial_ids: int | None = None
    """Change so many of the things at most."""
    delay: float = 0
    """Wait so many seconds first."""

    hits: int = field(default=0, init=False)
    """How many requests it has applied to."""
    _seen: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        kinds, modifiers = self._given(_EFFECT), self._given(_MODIFIERS)
        if self.redirect is not None:
            kinds = [kind for kind in kinds if kind != "status"]
        if len(kinds) > 1 or not (kinds or modifiers):
            raise ValueError(f"a fault has exactly one kind, not {kinds}")
        if self.drip_part not in DRIP_PARTS:
            raise ValueError(f"drip_part is one of {', '.join(DRIP_PARTS)}")
        self.kind: str = (kinds or modifiers)[0]
        if self.effect is None:
            self.effect = _EFFECT.get(self.kind, True)

    def _given(self, names: Sequence[str] | Mapping[str, bool]) -> list[str]:
        defaults = {spec.name: spec.default for spec in fields(self)}
        return [name for name in names if getattr(self, name) != defaults[name]]

    @property
    def raw_bytes(self) -> bytes:
        return self.raw.encode() if isinstance(self.raw, str) else self.raw or b""

    @property
    def has_body(self) -> bool:
        return self.body is not _UNSET

    def matches(self, operation: str | None, ids: Sequence[str]) -> bool:
        return self.operation in (None, operation) and self.when_id in (None, *ids)

    def applies(self) -> bool:
        """Count one matching request; True if the fault applies to it."""
        self._seen += 1
        number = self._seen - self.skip
        applies = number > 0 and (self.times is None or number <= self.times)
        self.hits += applies
        return applies


class Faults:
    """The faults in force; the first that matches and is due applies, the others do not count the request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def find(self, operation: str | None, ids: Sequence[str]) -> Fault | None:
        with self._lock:
            return next((f for f in self._faults if f.matches(operation, ids) and f.applies()), None)
