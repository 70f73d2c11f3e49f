# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends requests to the simulator as the table of operations has them. Needs requests; the simulator does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests

from . import ROUTES, Route, Simulator
from .schema import camel

_USER_FIELDS = ("assignedTo", "assignee", "actor")


def query_pairs(name: str, value: Any) -> list[tuple[str, str]]:
    """A value as a query writes it: objects with dots, lists by repeating the name."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in query_pairs(f"{name}.{key}", inner)]
    if isinstance(value, (list, tuple)):
        return [pair for inner in value for pair in query_pairs(name, inner)]
    return [(name, str(value).lower() if isinstance(value, bool) else str(value))]


def _parameters(route: Route, ids: tuple[str, ...], user: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of the route by the names that it has for them."""
    given: dict[str, Any] = {}
    for name, field in route.fields.items():
        if field.is_id and ids:
            given[name] = list(ids) if field.shape == "list" else ids[0]
        elif camel(name) in fields:
            given[name] = fields[camel(name)]
        elif camel(name) in _USER_FIELDS and user:
            given[name] = {"userId": user}
    return given


def send(
    sim: Simulator,
    operation: str,
    *ids: str,
    user: str = "",
    fields: Mapping[str, Any] | None = None,
    key: str | None = "Bearer k",
    version: str = "latest",
    session: requests.Session | None = None,
    **arguments: Any,
) -> requests.Response:
    """`user` is whom it assigns, `fields` are further parameters; `arguments` are those of requests and win."""
    route = ROUTES[sim.latest if version == "latest" else version][operation]
    given = _parameters(route, ids, user, fields or {})
    path = re.sub(r"{(\w+)}", lambda found: quote(str(given.pop(found.group(1))), safe=""), route.path)
    if route.where == "query":
        arguments.setdefault("params", [pair for name, value in given.items() for pair in query_pairs(name, value)])
    if route.where == "body" and "data" not in arguments:
        arguments.setdefault("json", given)
    return (session or requests).request(
        route.method,
        f"{sim.url}/mgmt/openapi/{version}{path}",
        **{
            "headers": {"Authorization": key} if key else {},
            "timeout": 5,
            "allow_redirects": False,
            **arguments,
        },
    )
