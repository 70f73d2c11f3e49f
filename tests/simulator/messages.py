# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a request may carry, and how it is decoded: from a JSON body or from a query string.

A gRPC gateway takes a field under its lowerCamelCase and its snake_case name, refuses fields it does
not know, and in a query writes the fields of an object with dots (`pagination.page_size=10`), a list
by repeating the name, a map as `name[key]=value`. It has no way to write a list of objects or a map
of objects in a query: `order_bys`, `filter.meta_labels` and the label filters of version 3 are
therefore refused here. The contract leaves open what version 3's object parameters look like.

Lengths, counts and patterns are the limits of version 5; the earlier versions have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Range = tuple[int, int]


class BadRequest(Exception):
    """The request is not one that the contract knows."""


@dataclass(frozen=True)
class Message:
    fields: Mapping[str, Field]
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Field:
    type: str | tuple[str, ...] | Message = "string"
    """A scalar's name, the names of an enum, or a message."""
    shape: str = "one"
    """"one", "list" or "map"."""
    size: Range | None = None
    """Characters of a string, or the value of a number."""
    items: Range | None = None
    pattern: re.Pattern[str] | None = field(default=None)


UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

STATES = tuple(f"INCIDENT_STATE_{name}" for name in ("UNSPECIFIED", "TRIGGERED", "RESOLVED"))
STATUSES = tuple(f"INCIDENT_STATUS_{name}" for name in ("UNSPECIFIED", "TRIGGERED", "ACKNOWLEDGED", "RESOLVED"))
SEVERITIES = tuple(
    f"INCIDENT_SEVERITY_{name}" for name in ("UNSPECIFIED", "INFO", "WARNING", "ERROR", "CRITICAL", "LOW")
)
INCIDENT_FIELDS = tuple(
    f"INCIDENTS_FIELDS_{name}"
    for name in (
        "UNSPECIFIED",
        "ID",
        "SEVERITY",
        "NAME",
        "CREATED_TIME",
        "CLOSED_TIME",
        "STATE",
        "STATUS",
        "LAST_STATE_UPDATE_TIME",
        "APPLICATION_NAME",
        "SUBSYSTEM_NAME",
        "DURATION",
    )
)
DIRECTIONS = tuple(f"ORDER_BY_DIRECTION_{name}" for name in ("UNSPECIFIED", "ASC", "DESC"))
OPERATORS = ("FILTER_OPERATOR_OR_OR_UNSPECIFIED", "FILTER_OPERATOR_AND")

_ID = Field(size=(36, 36), pattern=UUID)
_IDS = Field(shape="list", size=(36, 36), items=(1, 10_000), pattern=UUID)
_USER = Message({"userId": Field(size=(1, 300))}, required=("userId",))
_TIMES = Message({"startTime": Field("time"), "endTime": Field("time")}, ("startTime", "endTime"))
_META_LABEL = Message({"key": Field(size=(1, 255)), "value": Field(size=(1, 255))})
_FIELD_OR_LABEL = {
    "incidentField": Field(INCIDENT_FIELDS),
    "contextualLabel": Field(size=(1, 256)),
}


def _values(name: str) -> Message:
    return Message({name: Field(shape="list", size=(0, 4096), items=(0, 1000))}, required=(name,))


def _choices(kind: str | tuple[str, ...], size: Range | None = None) -> Field:
    return Field(kind, "list", size=size, items=(0, 1000))


_FILTER = Message(
    {
        "applicationName": _choices("string", (1, 256)),
        "assignee": _choices("string", (1, 300)),
        "contextualLabels": Field(_values("contextualLabelValues"), "map"),
        "createdAtRange": Field(_TIMES),
        "displayLabels": Field(_values("displayLabelValues"), "map"),
        "endTime": Field("time"),
        "incidentDurationRange": Field(_TIMES),
        "isMuted": Field("bool"),
        "metaLabels": Field(_META_LABEL, "list", items=(0, 1000)),
        "metaLabelsOp": Field(OPERATORS),
        "searchQuery": Field(
            Message(
                {"query": Field(size=(1, 4096)), **_FIELD_OR_LABEL},
                required=("query",),
                one_of=("incidentField", "contextualLabel"),
            )
        ),
        "severity": _choices(SEVERITIES),
        "startTime": Field("time"),
        "state": _choices(STATES),
        "status": _choices(STATUSES),
        "subsystemName": _choices("string", (1, 256)),
    }
)
_PAGINATION = Message(
    {"pageSize": Field("int", size=(1, 10_000)), "pageToken": Field(size=(1, 4096))},
    required=("pageSize",),
)
_ORDER_BY = Message(
    {"direction": Field(DIRECTIONS), **_FIELD_OR_LABEL},
    required=("direction",),
    one_of=("incidentField", "contextualLabel"),
)

# Every parameter that any operation has, under its lowerCamelCase name.
PARAMETERS: Mapping[str, Field] = {
    "id": _ID,
    "ids": _IDS,
    "incidentIds": _IDS,
    "assignedTo": Field(_USER),
    "filter": Field(_FILTER),
    "pagination": Field(_PAGINATION),
    "orderBys": Field(_ORDER_BY, "list", items=(0, 100)),
}


def camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda found: found.group(1).upper(), name)


def request_message(parameters: Iterable[str], required: Iterable[str]) -> Message:
    names = [camel(name) for name in parameters]
    return Message({name: PARAMETERS[name] for name in names}, tuple(map(camel, required)))


def parse_time(text: str) -> datetime:
    """An RFC 3339 time; digits beyond microseconds are cut off, as Python has no room for them."""
    match = re.fullmatch(r"(.+?[T ][0-9:]{8})(\.\d+)?(Z|z|[+-]\d\d:\d\d)", text)
    if not match:
        raise ValueError(text)
    seconds, fraction, zone = match.groups()
    micros = (fraction or ".0")[1:7].ljust(6, "0")
    return datetime.fromisoformat(f"{seconds}.{micros}{'+00:00' if zone in 'Zz' else zone}")


def _int(value: Any) -> int:
    # Proto JSON writes 64-bit numbers as strings, and takes both.
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(value)
    return int(value)


def _of(kind: type) -> Any:
    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(value)
        return value

    return check


def _time(value: Any) -> datetime:
    return parse_time(_of(str)(value))


_SCALARS = {"string": _of(str), "bool": _of(bool), "int": _int, "time": _time}


def _within(number: int, limits: Range | None) -> bool:
    return limits is None or limits[0] <= number <= limits[1]


def _decode_one(spec: Field, value: Any, where: str, strict: bool) -> Any:
    if isinstance(spec.type, Message):
        return decode(spec.type, value, where, strict)
    if isinstance(spec.type, tuple):
        if value not in spec.type:
            raise BadRequest(f"invalid value for enum field {where}: {value!r}")
        return value
    try:
        decoded = _SCALARS[spec.type](value)
    except ValueError:
        raise BadRequest(f"invalid value for {spec.type} field {where}: {value!r}") from None
    if not strict:
        return decoded
    if not _within(len(decoded) if isinstance(decoded, str) else decoded, spec.size):
        raise BadRequest(f"{where} is out of bounds {spec.size}")
    if spec.pattern and not spec.pattern.fullmatch(decoded):
        raise BadRequest(f"{where} is not a UUID: {decoded!r}")
    return decoded


def _decode_field(spec: Field, value: Any, where: str, strict: bool) -> Any:
    if spec.shape == "one":
        return _decode_one(spec, value, where, strict)
    wanted: type[Any] = list if spec.shape == "list" else dict
    if not isinstance(value, wanted):
        raise BadRequest(f"{where} must be a {spec.shape}")
    if strict and not _within(len(value), spec.items):
        raise BadRequest(f"{where} has {len(value)} items, allowed are {spec.items}")
    if spec.shape == "list":
        return [_decode_one(spec, item, where, strict) for item in value]
    return {k: _decode_one(spec, v, f"{where}[{k}]", strict) for k, v in value.items()}


def decode(message: Message, value: Any, where: str, strict: bool) -> dict[str, Any]:
    """Proto JSON -> the same with lowerCamelCase names and Python's own times and numbers."""
    if not isinstance(value, dict):
        raise BadRequest(f"{where or 'the body'} must be an object")
    decoded = {}
    for given, content in value.items():
        name = camel(given)
        if name not in message.fields:
            raise BadRequest(f'unknown field "{given}"' + (f" in {where}" if where else ""))
        if content is not None:
            path = f"{where}.{name}" if where else name
            decoded[name] = _decode_field(message.fields[name], content, path, strict)
    for name in message.required:
        if name not in decoded:
            raise BadRequest(f"{where + '.' if where else ''}{name} is required")
    if message.one_of and sum(name in decoded for name in message.one_of) != 1:
        raise BadRequest(f"{where} needs exactly one of {', '.join(message.one_of)}")
    return decoded


def _put(tree: dict[str, Any], message: Message, name: str, text: str) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        spec = message.fields.get(camel(parent))
        if spec is None or spec.shape != "one" or not isinstance(spec.type, Message):
            raise BadRequest(f'unknown query parameter "{name}"')
        message, tree = spec.type, tree.setdefault(camel(parent), {})
    spec = message.fields.get(camel(last))
    if spec is None or spec.shape == "map" or isinstance(spec.type, Message):
        raise BadRequest(f'unknown query parameter "{name}", or not one that a query can carry')
    value = {"true": True, "false": False}.get(text, text) if spec.type == "bool" else text
    if spec.shape == "list":
        tree.setdefault(camel(last), []).append(value)
    elif tree.setdefault(camel(last), value) is not value:
        raise BadRequest(f'too many values for query parameter "{name}"')


def query_tree(message: Message, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The pairs of a query as the JSON object that they stand for."""
    tree: dict[str, Any] = {}
    for name, text in pairs:
        _put(tree, message, name, text)
    return tree
