# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an operation, its IDs and its values to HTTP requests. No I/O."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import quote

from ._errors import option_invalid
from ._resource import NO_VALUES, UUID, Request, Resource, Values

# Every URL stays shorter. Front ends of this kind commonly refuse a request line of more than 8 KiB.
MAX_URL = 8_000


def build_request(
    base_url: str,
    resource: Resource,
    operation_name: str,
    route_set: str,
    ids: t.Sequence[str] = (),
    values: Values = NO_VALUES,
) -> Request:
    """The request for an operation. Raises CoralogixError(OptionInvalid) if its route cannot carry the values."""
    operation = resource.operations[operation_name]
    route = operation.routes[route_set]
    uuids_only = route_set in resource.sets_with_uuids_only
    not_uuids = tuple(item_id for item_id in ids if not UUID.match(item_id)) if uuids_only else ()
    parameters = {**({route.ids: list(ids)} if route.ids else {}), **values}
    query = "" if route.in_body else _query(resource, parameters)
    path = route.path.replace("{id}", quote(ids[0], safe="")) if "{id}" in route.path else route.path
    url = f"{base_url}{path}{query and '?'}{query}"
    if len(url) >= MAX_URL and values and not route.in_body:
        raise _too_long(resource, values)
    return Request(
        route.method,
        url,
        operation,
        parameters if route.in_body and parameters else None,
        not_uuids,
        resource.singular,
    )


def chunk_ids(
    base_url: str,
    resource: Resource,
    operation_name: str,
    route_sets: t.Iterable[str],
    ids: t.Iterable[str],
    values: Values = NO_VALUES,
) -> list[list[str]]:
    """Split the IDs, in their order, into as few requests as all of the route sets allow."""
    operation = resource.operations[operation_name]
    routes = {route_set: operation.routes[route_set] for route_set in route_sets}
    if any("{id}" in route.path for route in routes.values()):
        return [[item_id] for item_id in ids]
    queries = {route_set: route for route_set, route in routes.items() if not route.in_body}
    length_without_ids = max(
        (len(build_request(base_url, resource, operation_name, name, values=values).url) for name in queries), default=0
    )
    separators = max((len(f"{route.ids}=&") for route in queries.values()), default=0)
    max_ids = min(operation.max_ids_in_body if route.in_body else operation.max_ids for route in routes.values())
    chunks: list[list[str]] = []
    length = MAX_URL
    for item_id in ids:
        added_length = separators + len(quote(item_id, safe="")) if queries else 0
        if length + added_length >= MAX_URL or len(chunks[-1]) == max_ids:
            if length_without_ids + added_length >= MAX_URL:
                raise option_invalid(
                    f"{resource.id_option} contains an ID of {len(item_id)} characters. That is too long for a request."
                )
            chunks.append([])
            length = length_without_ids
        chunks[-1].append(item_id)
        length += added_length
    return chunks


def _too_long(resource: Resource, values: Values) -> Exception:
    """The exception about the option whose values make the URL too long."""
    # The filters of a list are the fields of one parameter.
    fields = {
        field: {name: {field: value}} if isinstance(content, dict) else {name: content}
        for name, content in values.items()
        for field, value in (content if isinstance(content, dict) else {name: content}).items()
    }
    parameter = max(fields, key=lambda field: len(_query(resource, fields[field])))
    option = resource.parameter_options.get(parameter, parameter)
    return option_invalid(
        f"{option} is too long. With API version 3 it must fit into the URL of the request. Give fewer or shorter "
        "values, or set api_version to 5 if the service has it."
    )


def _query(resource: Resource, parameters: Values) -> str:
    return "&".join(
        f"{field}={quote(text, safe='')}"
        for name, value in parameters.items()
        for field, text in _query_fields(resource, _snake_case(name), value)
    )


def _query_fields(resource: Resource, name: str, value: t.Any) -> t.Iterator[tuple[str, str]]:
    """As a gRPC gateway reads a query: lists repeat the name, objects add the names of their fields after dots."""
    last = name.rpartition(".")[2]
    if last in resource.not_in_query:
        raise option_invalid(
            f"{resource.parameter_options.get(last, last)} cannot be sent in API version 3. "
            "Leave it out, or set api_version to 5 if the service has it."
        )
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _query_fields(resource, f"{name}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _query_fields(resource, name, inner)
    else:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)


def _snake_case(name: str) -> str:
    """Parameters of a query are named as in the protocol's definition, the fields within them as in JSON."""
    return re.sub("[A-Z]", lambda letter: f"_{letter.group().lower()}", name)
