# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which address serves which operation: a table, and the look-up in it.

Version 3 of the API has one set of routes, versions 4 and 5 have another. As in the real gateway a
path is matched together with its method, literal paths before `{id}`: on versions 4 and 5
`DELETE …/v1/by-user` therefore meets `GET …/v1/{id}` and is a wrong method, not a missing route.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

BASE = "/mgmt/openapi/"
VERSIONS = ("3", "4", "5")


class Operation(NamedTuple):
    permission: str
    personal_key: bool
    write: bool


OPERATIONS = {
    "list": Operation("incidents:read", personal_key=False, write=False),
    "read_one": Operation("incidents:read", personal_key=False, write=False),
    "read_many": Operation("incidents:read", personal_key=False, write=False),
    "assign": Operation("incidents:assign", personal_key=True, write=True),
    "unassign": Operation("incidents:assign", personal_key=True, write=True),
    "acknowledge": Operation("incidents:acknowledge", personal_key=True, write=True),
    "resolve": Operation("incidents:close", personal_key=True, write=True),
    "close": Operation("incidents:close", personal_key=True, write=True),
}

PERMISSIONS = tuple(sorted({operation.permission for operation in OPERATIONS.values()}))


class Route(NamedTuple):
    method: str
    path: str
    where: str
    """Where the parameters travel: "query", "body" or "path"."""
    parameters: tuple[str, ...]
    """Their names, as the contract of this version spells them."""
    required: tuple[str, ...] = ()
    """Those without which the server refuses the request."""


_V1 = "/incidents/incidents/v1"

# In version 3 the contract requires nothing, but nobody can be assigned without saying whom.
_ROUTES_3 = {
    "list": Route("POST", _V1, "query", ("filter", "pagination", "order_bys")),
    "read_one": Route("GET", f"{_V1}/{{id}}", "path", ("id",), ("id",)),
    "read_many": Route("GET", f"{_V1}/batch", "query", ("ids",)),
    "assign": Route("POST", f"{_V1}/by-user", "query", ("incident_ids", "assigned_to"), ("assigned_to",)),
    "unassign": Route("DELETE", f"{_V1}/by-user", "query", ("incident_ids",)),
    "acknowledge": Route("POST", f"{_V1}/acknowledge", "query", ("incident_ids",)),
    "resolve": Route("POST", f"{_V1}/resolve", "query", ("incident_ids",)),
    "close": Route("POST", f"{_V1}/close", "query", ("incident_ids",)),
}

_IDS = ("incidentIds",)
_IDS_AND_USER = ("incidentIds", "assignedTo")

_ROUTES_4 = {
    "list": Route("POST", _V1, "body", ("filter", "pagination", "orderBys")),
    "read_one": Route("GET", f"{_V1}/{{id}}", "path", ("id",), ("id",)),
    "read_many": Route("GET", _V1, "query", ("ids",)),
    "assign": Route("POST", f"{_V1}/all/by-user", "body", _IDS_AND_USER, _IDS_AND_USER),
    "unassign": Route("DELETE", f"{_V1}/all/by-user", "query", ("incident_ids",)),
    "acknowledge": Route("POST", f"{_V1}/all/acknowledge", "body", _IDS, _IDS),
    "resolve": Route("POST", f"{_V1}/all/resolve", "body", _IDS, _IDS),
    "close": Route("POST", f"{_V1}/all/closed", "body", _IDS, _IDS),
}

# Version 5 asks for one ID at least, so leaving the list out of the query is no way round it.
_ROUTES_5 = {
    **_ROUTES_4,
    "read_many": _ROUTES_4["read_many"]._replace(required=("ids",)),
    "unassign": _ROUTES_4["unassign"]._replace(required=("incident_ids",)),
}

ROUTES: dict[str, dict[str, Route]] = {"3": _ROUTES_3, "4": _ROUTES_4, "5": _ROUTES_5}


class Match(NamedTuple):
    """What the gateway makes of a method and a path."""

    version: str | None = None
    """The version as the address names it, `latest` included."""
    serves: str | None = None
    """The version whose routes and limits apply."""
    operation: str | None = None
    path_id: str | None = None
    wrong_method: bool = False

    @property
    def route(self) -> Route | None:
        if self.serves is None or self.operation is None:
            return None
        return ROUTES[self.serves][self.operation]


def _path_id(pattern: str, path: str) -> str | None:
    """The ID if the path fits a pattern that ends in {id}, '' if it fits a literal, else None."""
    if not pattern.endswith("{id}"):
        return "" if path == pattern else None
    prefix = pattern[: -len("{id}")]
    rest = path[len(prefix) :]
    return unquote(rest) if path.startswith(prefix) and rest and "/" not in rest else None


def find(method: str, path: str, latest: str) -> Match:
    version, slash, rest = path[len(BASE) :].partition("/")
    serves = latest if version == "latest" else version
    if not path.startswith(BASE) or serves not in ROUTES:
        return Match()
    fits = [
        (operation, route, found)
        for operation, route in ROUTES[serves].items()
        for found in [_path_id(route.path, slash + rest)]
        if found is not None
    ]
    for operation, route, found in sorted(fits, key=lambda fit: "{" in fit[1].path):
        if route.method == method:
            return Match(version, serves, operation, found or None)
    return Match(version, serves, wrong_method=bool(fits))


def permissions_for_method(method: str) -> frozenset[str]:
    """The permissions of which a caller needs at least one to do anything with this method."""
    return frozenset(
        OPERATIONS[operation].permission
        for routes in ROUTES.values()
        for operation, route in routes.items()
        if route.method == method
    )
