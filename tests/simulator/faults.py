# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults on demand: what goes wrong, for which requests, and how often."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

_UNSET: Any = object()

# Kind -> whether the write has taken effect when it strikes, unless the fault says otherwise. Kinds
# that spoil a true answer come after the effect, the others before it.
_EFFECT = {
    "status": False,
    "reset": False,
    "hang": False,
    "redirect": False,
    "truncate": True,
    "truncate_chunked": True,
    "malformed": True,
    "replace": True,
    "delay": True,
}


@dataclass
class Fault:
    """One fault. Exactly one kind must be given; `delay` may also precede any other kind.

    With `effect=False` a kind that spoils the true answer gets the answer of a write that did
    nothing: `Fault("unassign", replace=lambda answer: answer, effect=False)` is the server that says
    200 and leaves the incidents assigned.
    """

    operation: str | None = None
    """Name of the operation; None is any request, one that no route serves included."""
    when_id: str | None = None
    """Only requests that ask for this incident."""
    times: int | None = None
    """How many requests it hits; None is for ever."""
    skip: int = 0
    """How many matching requests pass unharmed before."""
    effect: bool | None = None
    """Whether a write is carried out nevertheless; None is the usual for the kind."""

    status: int | None = None
    """Answer with this status, `headers` and `body` (text and bytes as they are, else JSON)."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = _UNSET
    """What a status or a redirect carries; when not given, an error of the server's style."""
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
    replace: Any = _UNSET
    """Status 200 with this body, or with what this function makes of a copy of the true answer."""
    delay: float = 0
    """Wait so many seconds first."""

    _seen: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        kinds = [kind for kind in self._kinds() if kind != "delay"]
        if self.redirect is not None:
            kinds = [kind for kind in kinds if kind != "status"]
        if len(kinds) > 1 or not self._kinds():
            raise ValueError(f"a fault has exactly one kind, not {kinds}")
        self.kind: str = (kinds or ["delay"])[0]
        if self.effect is None:
            self.effect = _EFFECT[self.kind]

    def _kinds(self) -> list[str]:
        defaults = {spec.name: spec.default for spec in fields(self)}
        return [kind for kind in _EFFECT if getattr(self, kind) != defaults[kind]]

    @property
    def has_body(self) -> bool:
        return self.body is not _UNSET

    def matches(self, operation: str | None, ids: Sequence[str]) -> bool:
        return self.operation in (None, operation) and self.when_id in (None, *ids)

    def strikes(self) -> bool:
        """Count one matching request; True if the fault hits it."""
        self._seen += 1
        hits = self._seen - self.skip
        return hits > 0 and (self.times is None or hits <= self.times)


class Faults:
    """The faults in force; the first that matches and is due hits, the others do not see it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, operation: str | None, ids: Sequence[str]) -> Fault | None:
        with self._lock:
            return next((f for f in self._faults if f.matches(operation, ids) and f.strikes()), None)
