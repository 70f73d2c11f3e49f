# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks requests and answers from the simulator's journal against the vendor's published contract.

The contract is not part of this project. It is looked for in the folder that the environment
variable CORALOGIX_API_CONTRACT names, else in `shared/coralogix-api` beside the repository, as
`openapi-3.json`, `openapi-4.json`, `openapi-5.json` and `openapi-5-users.json`. A test that needs it
begins with `contract.require()`: that skips the test where it is absent, and fails it when `CI` is `true`.

What openapi-core cannot know is repaired on load, see `_repair`, or decided by the tables here.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

VERSIONS = ("3", "4", "5")
BASE = "/mgmt/openapi/"

_INCIDENTS = r"/incidents/incidents/v1(?!/aggregations|/events|/filter-values|/{incident_id})"
_CASES = r"/cases/(cases|assigned|acknowledged|resolved|closed|priority-override|notifications)/v1(?!.*/sync-)"

# Version -> the paths in scope, by the file that has them: those of the services that the collection uses.
SCOPE: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "3": {"openapi-3.json": re.compile(_INCIDENTS)},
    "4": {"openapi-4.json": re.compile(_INCIDENTS)},
    "5": {
        "openapi-5.json": re.compile(f"{_INCIDENTS}|{_CASES}"),
        "openapi-5-users.json": re.compile(r"/aaa/teams/v2/"),
    },
}

# Statuses that the contract does not list, for any operation.
GATEWAY_STATUSES: Mapping[int, str] = {
    403: "the key lacks a permission, or is no personal key: decided before the service is asked",
    404: "no such route, or no such thing: the gateway's rendering of a gRPC NOT_FOUND",
    405: "no such method on this route: the gateway's router",
    414: "the request line is too long: the front end",
    429: "too many requests: the front end",
    501: "no such method on this route: the gateway's rendering of a gRPC UNIMPLEMENTED",
    502: "the service behind the gateway cannot be reached",
    503: "the service is not is_available",
    504: "the service took too long",
}


def folder() -> Path:
    named = os.environ.get("CORALOGIX_API_CONTRACT")
    beside = Path(__file__).resolve().parents[2] / "shared" / "coralogix-api"
    return Path(named) if named else beside


def missing_reason() -> str | None:
    """Why the contract cannot be used, or None."""
    absent = [name for files in SCOPE.values() for name in files if not (folder() / name).is_file()]
    if absent:
        return f"no contract {', '.join(absent)}; set CORALOGIX_API_CONTRACT"
    try:
        import openapi_core  # noqa: F401
    except ImportError:
        return "openapi-core is not installed"
    return None


def is_available() -> bool:
    return missing_reason() is None


def require() -> None:
    """At the top of a test or module: continue only with the contract."""
    import pytest

    reason = missing_reason()
    if reason and os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason, allow_module_level=True)


def _schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Every object schema that lists its properties, at any depth."""
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _schemas(child)
    if isinstance(node, dict) and isinstance(node.get("properties"), dict):
        yield node


def _repair(schema: dict[str, Any]) -> None:
    """Make a schema satisfiable and strict.

    Versions 3 and 4 require the names of protobuf's oneof groups (`originator`, `field`, …), which
    are no properties, and forbid additional ones: nothing could satisfy that. And only version 4
    forbids unknown keys in a body, while the gateway refuses them in all.
    """
    properties = schema["properties"]
    schema["required"] = [name for name in schema.get("required", ()) if name in properties]
    if not schema["required"]:
        del schema["required"]
    schema.setdefault("additionalProperties", False)


def _inline(node: Any, schemas: Mapping[str, Any]) -> Any:
    """The node with every reference replaced by what it names; they are not recursive.

    Looking references up takes more than half of the time of a validation.
    """
    if isinstance(node, dict):
        if "$ref" in node:
            return _inline(schemas[node["$ref"].rpartition("/")[2]], schemas)
        return {key: _inline(value, schemas) for key, value in node.items()}
    return [_inline(value, schemas) for value in node] if isinstance(node, list) else node


def _fields(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """What an object consists of, or one of several objects; None for anything else."""
    choices = schema.get("oneOf", schema.get("allOf", [schema]))
    if not all("properties" in choice for choice in choices):
        return None
    return {name: content for choice in choices for name, content in choice["properties"].items()}


def _flatten(parameter: Mapping[str, Any], otherwise: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A query parameter that is an object as the scalars and lists it consists of, at any depth.

    The contract does not say how version 3 writes objects in a query; the gateway writes dots.
    A field that it leaves without a type is checked as the same field of version 4, given by `otherwise`.
    Maps and lists of objects stay unchecked under their name.
    """
    fields = _fields(parameter["schema"])
    if fields is None:
        return [dict(parameter)]
    return [
        dotted
        for name, content in fields.items()
        for dotted in _flatten(
            {
                **parameter,
                "name": f"{parameter['name']}.{name}",
                "schema": content or otherwise.get(name, {}),
                "required": False,
            },
            otherwise,
        )
    ]


@functools.cache
def _filters() -> dict[str, Any]:
    """The filters of a list as version 4 has them."""
    schemas = raw("4")["components"]["schemas"]
    return dict(_inline(schemas["IncidentQueryFilter"], schemas)["properties"])


def _is_open(parameter: Mapping[str, Any]) -> bool:
    schema = parameter["schema"]
    return not schema or schema.get("type") == "object" or "properties" in schema.get("items", {})


@functools.cache
def raw(version: str) -> dict[str, Any]:
    """The contract as it is published, its files joined, with the paths in scope alone."""
    joined: dict[str, Any] = {}
    for name, scope in SCOPE[version].items():
        content = json.loads((folder() / name).read_text(encoding="utf-8"))
        paths = {path: _methods(item) for path, item in content["paths"].items() if scope.match(path)}
        schemas = content["components"]["schemas"]
        joined = joined or {**content, "paths": {}, "components": {**content["components"], "schemas": {}}}
        joined["paths"].update(paths)
        joined["components"]["schemas"].update(schemas)
    return joined


def _methods(item: Mapping[str, Any]) -> dict[str, Any]:
    """The operations of a path; parameters that are stated for the path belong to each."""
    shared = item.get("parameters", [])
    return {
        method: {**operation, "parameters": [*shared, *operation.get("parameters", ())]}
        for method, operation in item.items()
        if method != "parameters"
    }


@functools.cache
def operations(version: str) -> dict[tuple[str, str], dict[str, Any]]:
    """(method, path) -> operation, as published, for those in scope."""
    return {
        (method.upper(), path): operation
        for path, item in raw(version)["paths"].items()
        for method, operation in item.items()
    }


def parameter_names(operation: Mapping[str, Any]) -> list[str]:
    """The names of all an operation takes: in the path, the query and the body."""
    media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    listed = [parameter["name"] for parameter in operation.get("parameters", ())]
    return listed + list(media.get("schema", {}).get("properties", ()))


@functools.cache
def _prepare(version: str) -> tuple[dict[tuple[str, str], dict[str, Any]], Any]:
    """The operations in scope with repaired parameters, and openapi-core's view of the whole."""
    from openapi_core import Config, OpenAPI

    content = copy.deepcopy(raw(version))
    for schema in _schemas(content):
        _repair(schema)
    content["paths"] = _inline(content["paths"], content["components"].pop("schemas"))
    known = {}
    for path, item in content["paths"].items():
        for method, operation in item.items():
            parameters = [d for p in operation.get("parameters", ()) for d in _flatten(p, _filters())]
            known[method.upper(), path] = {**operation, "parameters": parameters}
            # openapi-core would look for the members of an object, so those it does not get.
            operation["parameters"] = [p for p in parameters if not _is_open(p)]
    # To validate the contract itself takes half a second, and finds nothing that is ours to repair.
    return known, OpenAPI.from_dict(content, config=Config(spec_validator_cls=None))


def answer_schema(version: str, method: str, path: str) -> dict[str, Any]:
    """The schema of an answer with status 200, whole: with nothing in it that refers elsewhere."""
    operation = _prepare(version)[0][method, path]
    return dict(operation["responses"]["200"]["content"]["application/json"]["schema"])


def version_of(entry: Any, serves: str) -> str:
    """The version a request is checked against; `serves` is what `latest` stands for."""
    return serves if entry.version == "latest" else str(entry.version)


def _path(entry: Any) -> str:
    """The path below the version."""
    path = urlsplit(entry.target).path
    if not path.startswith(BASE):
        raise AssertionError(f"{entry.method} {path} lies outside {BASE}")
    return "/" + str(path[len(BASE) :].partition("/")[2])


def _find(entry: Any, version: str) -> dict[str, Any] | None:
    known, _openapi = _prepare(version)
    path = _path(entry)
    for (method, pattern), operation in sorted(known.items(), key=lambda item: "{" in item[0][1]):
        fits = re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), path)
        if method == entry.method and fits:
            return operation
    return None


def _canonical(name: str) -> str:
    """A dotted name as `_flatten` writes it: the gateway takes its parts in either spelling."""
    first, *rest = name.split(".")
    return ".".join([first, *(re.sub(r"_(\w)", lambda m: m.group(1).upper(), p) for p in rest)])


def _unknown_names(operation: Mapping[str, Any], names: list[str]) -> list[str]:
    query = [p for p in operation["parameters"] if p["in"] == "query"]
    known = {p["name"] for p in query}
    beneath = tuple(p["name"] + end for p in query if _is_open(p) for end in (".", "["))
    return [n for n in names if n not in known and not (beneath and n.startswith(beneath))]


def _openapi_request(entry: Any, version: str) -> Any:
    from openapi_core.datatypes import RequestParameters
    from werkzeug.datastructures import Headers, ImmutableMultiDict

    query = [(_canonical(name), value) for name, value in entry.query]
    return SimpleNamespace(
        host_url=f"https://api.coralogix.com{BASE}{version}",
        path=f"{BASE}{version}{_path(entry)}",
        method=entry.method.lower(),
        content_type=entry.headers.get("content-type", "application/json").lower(),
        body=json.dumps(entry.body).encode() if entry.body is not None else None,
        parameters=RequestParameters(query=ImmutableMultiDict(query), header=Headers(dict(entry.headers))),
    )


def _openapi_response(entry: Any) -> Any:
    return SimpleNamespace(
        status_code=entry.status,
        headers={},
        content_type="application/json",
        data=json.dumps(entry.answer).encode(),
    )


def _describe_error(error: BaseException | None) -> str:
    """An error of openapi-core with its causes and where in the data they lie."""
    lines = []
    while error is not None:
        lines.append(f"{type(error).__name__}: {error}")
        for detail in getattr(error, "schema_errors", ()):
            where = "/".join(str(part) for part in detail.absolute_path)
            lines.append(f"  at {where or 'the top'}: {detail.message[:500]}")
        error = error.__cause__
    return "\n".join(lines)


def check_request(entry: Any, serves: str) -> None:
    from openapi_core.exceptions import OpenAPIError

    version = version_of(entry, serves)
    what = f"{entry.method} {entry.target[:200]} (version {version})"
    if version not in VERSIONS:
        raise AssertionError(f"{what}: there is no such version")
    operation = _find(entry, version)
    if operation is None:
        raise AssertionError(f"{what}: no operation of the contract")
    names = [_canonical(name) for name, _value in entry.query]
    unknown = _unknown_names(operation, names)
    if unknown:
        raise AssertionError(f"{what}: unknown query parameters {unknown}")
    if entry.body is not None and "requestBody" not in operation:
        raise AssertionError(f"{what}: the operation has no body")
    try:
        _prepare(version)[1].validate_request(_openapi_request(entry, version))
    except OpenAPIError as error:
        raise AssertionError(f"{what}: the request is wrong\n{_describe_error(error)}") from error


def _is_gateway_error(entry: Any) -> bool:
    """An error that the gateway words itself: not JSON, not an object with an HTTP status.

    Version 5 has a schema for errors, but answers with a gRPC code or none have been seen too.
    """
    code = entry.answer.get("code") if isinstance(entry.answer, dict) else None
    return entry.status >= 400 and not (isinstance(code, int) and code >= 100)


def check_response(entry: Any, serves: str) -> None:
    """The answer to a request. An answer that a fault has spoilt is wrong on purpose, and passes."""
    from openapi_core.exceptions import OpenAPIError

    if entry.fault or entry.status in GATEWAY_STATUSES or entry.status is None:
        return
    version = version_of(entry, serves)
    what = f"{entry.status} for {entry.method} {entry.target[:200]} (version {version})"
    operation = _find(entry, version)
    if operation is None or str(entry.status) not in operation["responses"]:
        raise AssertionError(f"{what}: not a documented answer")
    if _is_gateway_error(entry):
        return
    try:
        _prepare(version)[1].validate_response(_openapi_request(entry, version), _openapi_response(entry))
    except OpenAPIError as error:
        raise AssertionError(f"{what}: the answer is wrong\n{_describe_error(error)}") from error


def check(entry: Any, serves: str) -> None:
    """Raises AssertionError unless request and answer are as the contract has them.

    `serves` is the version that the server's `latest` stands for: `sim.latest`.
    """
    check_request(entry, serves)
    check_response(entry, serves)
