# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All operations, and which address serves which.

As in the real gateway a path is matched together with its method, literal paths before `{id}`: on
versions 4 and 5 `DELETE …/v1/by-user` therefore meets `GET …/v1/{id}` and is a wrong method, not a
missing route.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from . import cases, incidents, users
from .operations import VERSIONS, Operation, Route
from .schema import camel

BASE = "/mgmt/openapi/"

OPERATIONS: dict[str, Operation] = {**incidents.OPERATIONS, **cases.OPERATIONS, **users.OPERATIONS}

PERMISSIONS = tuple(sorted({row.permission for row in OPERATIONS.values() if row.permission}))

ROUTES: dict[str, dict[str, Route]] = {
    version: {name: row.routes[version] for name, row in OPERATIONS.items() if version in row.routes}
    for version in VERSIONS
}

# Literal paths are served first; most requests have one.
_LITERAL = {
    (version, route.method, route.path): name
    for version, routes in ROUTES.items()
    for name, route in routes.items()
    if "{" not in route.path
}

_ID_NAMES = frozenset(
    name
    for routes in ROUTES.values()
    for route in routes.values()
    for name, field in route.message.fields.items()
    if field.is_id
)


class Match(NamedTuple):
    """What the gateway makes of a method and a path."""

    version: str | None = None
    """The version as the address names it, `latest` included."""
    serves: str | None = None
    """The version whose routes and limits apply."""
    operation: str | None = None
    path_parameters: Mapping[str, str] = {}
    wrong_method: bool = False

    @property
    def route(self) -> Route | None:
        if self.serves is None or self.operation is None:
            return None
        return ROUTES[self.serves][self.operation]


def find(method: str, path: str, latest: str) -> Match:
    version, slash, rest = path[len(BASE) :].partition("/")
    serves = latest if version == "latest" else version
    if not path.startswith(BASE) or serves not in ROUTES:
        return Match()
    literal = _LITERAL.get((serves, method, slash + rest))
    if literal:
        return Match(version, serves, literal)
    fits = [
        (operation, route, {name: unquote(value) for name, value in found.groupdict().items()})
        for operation, route in ROUTES[serves].items()
        for found in [route.pattern.fullmatch(slash + rest)]
        if found
    ]
    for operation, route, parameters in fits:
        if route.method == method:
            return Match(version, serves, operation, parameters)
    return Match(version, serves, wrong_method=bool(fits))


def requested_ids(match: Match, query: Sequence[tuple[str, str]], body: Any) -> list[str]:
    """The IDs in a request, whether or not the request is valid."""
    in_body = body if isinstance(body, dict) else {}
    listed = [ids for name, ids in in_body.items() if camel(name) in _ID_NAMES]
    return [
        *(value for name, value in match.path_parameters.items() if camel(name) in _ID_NAMES),
        *(value for name, value in query if camel(name) in _ID_NAMES),
        *(str(i) for ids in listed if isinstance(ids, list) for i in ids),
    ]


def permissions_for_method(method: str) -> frozenset[str]:
    """The permissions of which a caller needs at least one to do anything with this method."""
    return frozenset(
        row.permission
        for row in OPERATIONS.values()
        if row.permission and any(route.method == method for route in row.routes.values())
    )
