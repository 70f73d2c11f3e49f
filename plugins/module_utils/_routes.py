# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which request carries out which operation, in which version of the API: tables, and URLs made of them."""

from __future__ import annotations

import typing as t
from urllib.parse import quote

from ._errors import SettingsError

# The published version 5 takes no more in one request.
MAX_IDS = 10_000
# Every URL stays shorter: front ends of this kind commonly refuse a request line over 8 KiB.
MAX_URL = 8_000


class Route(t.NamedTuple):
    method: str
    path: str
    """Below the base that ends in C(/mgmt/openapi/<version>)."""
    ids: str
    """The query parameter that takes the incident IDs, repeated for each."""


class Operation(t.NamedTuple):
    action: str
    """For messages: what the request does."""
    permission: str
    personal_key: bool
    """Whether Coralogix takes only a personal (user-owned) key for it."""
    routes: dict[str, Route]
    """By generation of routes."""


# Versions 4 and 5 have the same routes. Where "latest" leads, the answer to a first read tells.
GENERATIONS: dict[str, tuple[str, ...]] = {
    "3": ("v3",),
    "4": ("v4",),
    "5": ("v4",),
    "latest": ("v4", "v3"),
}

OPERATIONS: dict[str, Operation] = {
    "read": Operation(
        "read incidents",
        "incidents:read",
        False,
        {
            "v3": Route("GET", "/incidents/incidents/v1/batch", "ids"),
            "v4": Route("GET", "/incidents/incidents/v1", "ids"),
        },
    ),
    "unassign": Operation(
        "unassign incidents",
        "incidents:assign",
        True,
        {
            "v3": Route("DELETE", "/incidents/incidents/v1/by-user", "incident_ids"),
            "v4": Route("DELETE", "/incidents/incidents/v1/all/by-user", "incident_ids"),
        },
    ),
}


def url(base_url: str, route: Route, ids: t.Iterable[str]) -> str:
    """The whole URL, the IDs as the gateway takes an array: the parameter repeated, each one percent-encoded."""
    return f"{base_url}{route.path}?" + "&".join(_parameter(route, one) for one in ids)


def split(operation: Operation, base_url: str, ids: t.Iterable[str]) -> list[list[str]]:
    """Deal the IDs, in their order, into as few requests as their URLs, whichever route is served, allow."""
    routes = operation.routes.values()
    bare = max(len(url(base_url, route, ())) for route in routes)
    chunks: list[list[str]] = []
    length = MAX_URL
    for one in ids:
        added = max(len(_parameter(route, one)) for route in routes) + len("&")
        if length + added >= MAX_URL or len(chunks[-1]) == MAX_IDS:
            if bare + added >= MAX_URL:
                raise SettingsError(f"incident_ids holds an ID of {len(one)} characters, too long for any request.")
            chunks.append([])
            length = bare
        chunks[-1].append(one)
        length += added
    return chunks


def _parameter(route: Route, one: str) -> str:
    return f"{route.ids}={quote(one, safe='')}"
