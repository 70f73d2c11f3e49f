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
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Range = tuple[int, int]


class BadRequest(Exception):
    """The request does not fit the contract."""


@dataclass(frozen=True)
class Message:
    fields: Mapping[str, Field]
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    """Fields of which one excludes the others."""
    needs_one: bool = True
    """Whether one field of `one_of` must be there."""


@dataclass(frozen=True)
class Field:
    type: str | tuple[str, ...] | Message = "string"
    """A scalar's name ("any" is not looked at), the names of an enum, or a message."""
    shape: str = "single"
    """"single", "list" or "map"."""
    size: Range | None = None
    """Characters of a string, or the value of a number."""
    items: Range | None = None
    pattern: re.Pattern[str] | None = None
    pattern_name: str = ""
    """What a text that fits the pattern is called."""
    is_id: bool = False
    """Whether it names what the request is about."""


def enum(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{name}" for name in ("UNSPECIFIED", *names))


def camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda found: found.group(1).upper(), name)


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


_SCALARS = {"any": lambda value: value, "string": _of(str), "bool": _of(bool), "int": _int, "time": _time}


def _is_within(number: int, limits: Range | None) -> bool:
    return limits is None or limits[0] <= number <= limits[1]


def _decode_scalar(field: Field, kind: str, value: Any, where: str, strict: bool) -> Any:
    try:
        decoded = _SCALARS[kind](value)
    except ValueError:
        raise BadRequest(f"invalid value for {kind} field {where}: {value!r}") from None
    if strict and field.size and not _is_within(len(decoded) if isinstance(decoded, str) else decoded, field.size):
        raise BadRequest(f"{where} is out of bounds {field.size}")
    if strict and field.pattern and not field.pattern.fullmatch(decoded):
        raise BadRequest(f"{where} is not a {field.pattern_name}: {decoded!r}")
    return decoded


def _decode_item(field: Field, value: Any, where: str, strict: bool) -> Any:
    if isinstance(field.type, Message):
        return decode(field.type, value, where, strict)
    if isinstance(field.type, str):
        return _decode_scalar(field, field.type, value, where, strict)
    if value not in field.type:
        raise BadRequest(f"invalid value for enum field {where}: {value!r}")
    return value


def _decode_field(field: Field, value: Any, where: str, strict: bool) -> Any:
    if field.shape == "single":
        return _decode_item(field, value, where, strict)
    wanted: type[Any] = list if field.shape == "list" else dict
    if not isinstance(value, wanted):
        raise BadRequest(f"{where} must be a {field.shape}")
    if strict and not _is_within(len(value), field.items):
        raise BadRequest(f"{where} has {len(value)} items, allowed are {field.items}")
    if field.shape == "list":
        return [_decode_item(field, item, where, strict) for item in value]
    return {k: _decode_item(field, v, f"{where}[{k}]", strict) for k, v in value.items()}


def _check_members(message: Message, decoded: Mapping[str, Any], where: str) -> None:
    for name in message.required:
        if name not in decoded:
            raise BadRequest(f"{where + '.' if where else ''}{name} is required")
    count = sum(name in decoded for name in message.one_of)
    if count > 1 or (message.one_of and message.needs_one and not count):
        raise BadRequest(f"{where} needs exactly one of {', '.join(message.one_of)}")


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
    _check_members(message, decoded, where)
    return decoded


def _put(tree: dict[str, Any], message: Message, name: str, text: str) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        field = message.fields.get(camel(parent))
        if field is None or field.shape != "single" or not isinstance(field.type, Message):
            raise BadRequest(f'unknown query parameter "{name}"')
        message, tree = field.type, tree.setdefault(camel(parent), {})
    field = message.fields.get(camel(last))
    if field is None or field.shape == "map" or isinstance(field.type, Message):
        raise BadRequest(f'unknown query parameter "{name}", or not one that a query can carry')
    value = {"true": True, "false": False}.get(text, text) if field.type == "bool" else text
    if field.shape == "list":
        tree.setdefault(camel(last), []).append(value)
    elif tree.setdefault(camel(last), value) is not value:
        raise BadRequest(f'too many values for query parameter "{name}"')


def query_tree(message: Message, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The pairs of a query as the JSON object that they stand for."""
    tree: dict[str, Any] = {}
    for name, text in pairs:
        _put(tree, message, name, text)
    return tree
