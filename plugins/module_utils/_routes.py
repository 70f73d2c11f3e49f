# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which request carries out which operation, in which version of the API: tables, and requests made of them."""

from __future__ import annotations

import re
import typing as t
from types import MappingProxyType
from urllib.parse import quote

from ._errors import SettingsError

# The published version 5 takes no more in one request.
MAX_IDS = 10_000
# A body has room for more, but an answer holds all of the incidents, and has to come within the timeout.
MAX_IDS_IN_BODY = 1_000
# Every URL stays shorter: front ends of this kind commonly refuse a request line over 8 KiB.
MAX_URL = 8_000

Values = t.Mapping[str, t.Any]
"""What a request says besides the IDs, by parameter, as JSON spells it: C({"assignedTo": {"userId": …}})."""

NO_VALUES: Values = MappingProxyType({})


class Route(t.NamedTuple):
    method: str
    path: str
    """Below the base that ends in C(/mgmt/openapi/<version>)."""
    ids: str = ""
    """The parameter that takes the incident IDs, if the operation takes any."""
    body: bool = False
    """Whether the parameters travel in a JSON body; else they do in the query."""


class Operation(t.NamedTuple):
    action: str
    """For messages: what the request does."""
    permission: str
    personal_key: bool
    """Whether Coralogix takes only a personal (user-owned) key for it."""
    routes: dict[str, Route]
    """By generation of routes."""


class Request(t.NamedTuple):
    """A request, and what the messages about it need to know."""

    method: str
    url: str
    operation: Operation
    body: dict[str, t.Any] | None = None
    """What is sent as JSON, if anything is."""
    other_ids: tuple[str, ...] = ()
    """Those of the incidents' IDs that API version 5 would not take, as they are no UUIDs."""


# Versions 4 and 5 have the same routes. Where "latest" leads, the answer to a first read tells.
GENERATIONS: dict[str, tuple[str, ...]] = {
    "3": ("v3",),
    "4": ("v4",),
    "5": ("v4",),
    "latest": ("v4", "v3"),
}

UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")

_PATH = "/incidents/incidents/v1"

OPERATIONS: dict[str, Operation] = {
    "read": Operation(
        "read incidents",
        "incidents:read",
        False,
        {"v3": Route("GET", f"{_PATH}/batch", "ids"), "v4": Route("GET", _PATH, "ids")},
    ),
    "list": Operation(
        "list incidents",
        "incidents:read",
        False,
        {"v3": Route("POST", _PATH), "v4": Route("POST", _PATH, body=True)},
    ),
    "unassign": Operation(
        "unassign incidents",
        "incidents:assign",
        True,
        {
            "v3": Route("DELETE", f"{_PATH}/by-user", "incident_ids"),
            "v4": Route("DELETE", f"{_PATH}/all/by-user", "incident_ids"),
        },
    ),
    "assign": Operation(
        "assign incidents",
        "incidents:assign",
        True,
        {
            "v3": Route("POST", f"{_PATH}/by-user", "incident_ids"),
            "v4": Route("POST", f"{_PATH}/all/by-user", "incidentIds", body=True),
        },
    ),
    "acknowledge": Operation(
        "acknowledge incidents",
        "incidents:acknowledge",
        True,
        {
            "v3": Route("POST", f"{_PATH}/acknowledge", "incident_ids"),
            "v4": Route("POST", f"{_PATH}/all/acknowledge", "incidentIds", body=True),
        },
    ),
    "resolve": Operation(
        "resolve incidents",
        "incidents:close",
        True,
        {
            "v3": Route("POST", f"{_PATH}/resolve", "incident_ids"),
            "v4": Route("POST", f"{_PATH}/all/resolve", "incidentIds", body=True),
        },
    ),
    "close": Operation(
        "close incidents",
        "incidents:close",
        True,
        {
            "v3": Route("POST", f"{_PATH}/close", "incident_ids"),
            "v4": Route("POST", f"{_PATH}/all/closed", "incidentIds", body=True),
        },
    ),
}

# A gateway reads objects from a query by the names of their fields, but neither maps nor lists of objects.
NOT_IN_QUERY = {
    "contextualLabels": "contextual_labels",
    "displayLabels": "display_labels",
    "metaLabels": "meta_labels",
    "order_bys": "order_by",
}


def request(
    base_url: str, operation: str, generation: str, ids: t.Sequence[str] = (), values: Values = NO_VALUES
) -> Request:
    """The request for an operation; raises SettingsError where its route cannot carry the values."""
    wanted = OPERATIONS[operation]
    route = wanted.routes[generation]
    parameters = {**({route.ids: list(ids)} if route.ids else {}), **values}
    query = "" if route.body else _query(parameters)
    return Request(
        route.method,
        f"{base_url}{route.path}{query and '?'}{query}",
        wanted,
        parameters if route.body else None,
        tuple(incident_id for incident_id in ids if not UUID.match(incident_id)) if generation == "v4" else (),
    )


def split(
    operation: str, generations: t.Iterable[str], base_url: str, ids: t.Iterable[str], values: Values = NO_VALUES
) -> list[list[str]]:
    """Deal the IDs, in their order, into as few requests as those of all the generations allow."""
    routes = {generation: OPERATIONS[operation].routes[generation] for generation in generations}
    queries = {generation: route for generation, route in routes.items() if not route.body}
    bare = max((len(request(base_url, operation, generation, values=values).url) for generation in queries), default=0)
    name = max((len(f"{route.ids}=&") for route in queries.values()), default=0)
    most = min(MAX_IDS_IN_BODY if route.body else MAX_IDS for route in routes.values())
    chunks: list[list[str]] = []
    length = MAX_URL
    for incident_id in ids:
        added = name + len(quote(incident_id, safe="")) if queries else 0
        if length + added >= MAX_URL or len(chunks[-1]) == most:
            if bare + added >= MAX_URL:
                raise SettingsError(
                    f"incident_ids holds an ID of {len(incident_id)} characters, too long for any request."
                )
            chunks.append([])
            length = bare
        chunks[-1].append(incident_id)
        length += added
    return chunks


def _query(parameters: Values) -> str:
    return "&".join(_pair(*field) for name, value in parameters.items() for field in _fields(_snake(name), value))


def _fields(name: str, value: t.Any) -> t.Iterator[tuple[str, str]]:
    """As a gateway reads a query: a list by repeating the name, an object by the names of its fields behind dots."""
    last = name.rpartition(".")[2]
    if last in NOT_IN_QUERY:
        raise SettingsError(
            f"{NOT_IN_QUERY[last]} cannot be sent in API version 3: "
            "leave it out, or set api_version to 5 if the service has it."
        )
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _fields(f"{name}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(name, inner)
    else:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


def _snake(name: str) -> str:
    """The parameters of a query have their names of the protocol's definition, the fields within them those of JSON."""
    return re.sub("[A-Z]", lambda letter: f"_{letter.group().lower()}", name)


def _pair(name: str, value: str) -> str:
    return f"{name}={quote(value, safe='')}"
