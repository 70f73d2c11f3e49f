# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a row in a table of operations consists of. Each kind of resource has such a table."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable

from .schema import Field, Message, camel
from .store import Effect, Written

VERSIONS = ("3", "4", "5")


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    """Below the version; `{name}` is a parameter."""
    where: str
    """Where the parameters travel that are not in the path: "query", "body" or "path" (there are none)."""
    fields: Mapping[str, Field]
    """All parameters, as the contract of this version spells them."""
    required: tuple[str, ...] = ()
    """Those without which the server refuses the request."""

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(self.fields)

    @functools.cached_property
    def message(self) -> Message:
        return Message({camel(n): f for n, f in self.fields.items()}, tuple(map(camel, self.required)))

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        literals = re.split(r"{(\w+)}", self.path)
        return re.compile("".join(f"(?P<{p}>[^/]+)" if n % 2 else re.escape(p) for n, p in enumerate(literals)))

    def ids(self, params: Mapping[str, Any]) -> list[str]:
        """The IDs among decoded parameters."""
        found = [params.get(name, []) for name, field in self.message.fields.items() if field.is_id]
        return [i for ids in found for i in (ids if isinstance(ids, list) else [ids])]

    @property
    def is_bulk(self) -> bool:
        return any(field.is_id and field.shape == "list" for field in self.fields.values())


@dataclass(frozen=True)
class Query:
    """A read, decoded."""

    params: Mapping[str, Any]
    endless_pages: bool = False


@dataclass(frozen=True)
class Operation:
    """A row: what it does, and by which route a version serves it. It has either `read` or `effect`."""

    store: str
    """The name of the store it works on."""
    permission: str | None
    """None where nothing is published."""
    routes: Mapping[str, Route] = field(repr=False)
    """Version -> route; none for what only the service itself does."""
    read: Callable[[Any, Query], Any] | None = None
    """The store and a query -> the content of the answer."""
    effect: Effect | None = None
    """What a write does to one thing."""
    show: Callable[[Written], Any] | None = None
    """What a write did -> the content of the answer."""
    needs_personal_key: bool = False

    @property
    def is_write(self) -> bool:
        return self.effect is not None
