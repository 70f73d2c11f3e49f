# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of the arguments of an event source. ansible-rulebook passes them on as YAML and templates made them.

Ansible does this for modules. Nothing of Ansible is imported here.
"""

from __future__ import annotations

import math
import typing as t
from datetime import datetime

from ._arguments import check_given, refuse_blank_texts
from ._errors import option_invalid
from ._event_changes import GONE, OPENED, UPDATED
from ._event_rules import EventRules
from ._filters import parse_time
from ._resource import Options, Resource
from ._settings import argument_spec, check_type

MIN_INTERVAL, MAX_INTERVAL = 5, 86_400
NONE, OPEN = "none", "open"

_PLAIN_TYPES = (str, bool, int, float, type(None))
# Arguments that ansible-rulebook adds itself.
_ENGINE_ARGUMENTS = frozenset(("eda_feedback_queue",))


def source_spec(resource: Resource, rules: EventRules) -> dict[str, dict[str, t.Any]]:
    """The arguments of a source, in the form of an argument spec."""
    filters = {name: spec for name, spec in resource.filters.options.items() if name not in rules.unsupported}
    kinds = [OPENED, *rules.kinds, UPDATED, GONE]
    return {
        "interval": {"type": "float", "default": 60},
        "initial": {"type": "str", "default": NONE},
        "state_path": {"type": "path"},
        "changes": {"type": "list", "elements": "str", "choices": kinds, "default": kinds},
        "feedback": {"type": "bool", "default": False},
        **filters,
        **argument_spec(),
    }


def check_source_arguments(
    arguments: t.Mapping[t.Any, t.Any], resource: Resource, rules: EventRules, now: datetime
) -> dict[str, t.Any]:
    """The arguments with their defaults. Raises CoralogixError(OptionInvalid) with the name of an argument."""
    spec = source_spec(resource, rules)
    given = {name: value for name, value in arguments.items() if name not in _ENGINE_ARGUMENTS}
    for name, value in given.items():
        _check_plain(str(name), value)
    unknown = [str(name) for name in given if name not in spec]
    if unknown:
        raise option_invalid(
            f"Unknown arguments: {', '.join(sorted(unknown))}. A source of {resource.plural} takes {', '.join(spec)}."
        )
    check_given(given, spec, not_null=[*resource.filters.options, "changes"])
    options: dict[str, t.Any] = {
        name: option.get("default") if given.get(name) is None else _convert(name, given[name], option)
        for name, option in spec.items()
    }
    refuse_blank_texts(options, {**spec, "state_path": {"type": "str"}})
    _check_exclusive(options, resource.filters.mutually_exclusive)
    interval = options["interval"]
    if not (math.isfinite(interval) and MIN_INTERVAL <= interval <= MAX_INTERVAL):
        raise option_invalid(f"interval is {interval}. It must be {MIN_INTERVAL} to {MAX_INTERVAL} seconds.")
    if options["initial"].strip() not in (NONE, OPEN):
        try:
            parse_time("initial", options["initial"], now)
        except Exception as error:
            raise option_invalid(f"{_message(error)} Or it can be {NONE} or {OPEN}.") from None
    if not options["changes"]:
        raise option_invalid("changes is empty. Leave it out for all kinds of changes.")
    problem = rules.find_problem(options)
    if problem:
        raise option_invalid(problem)
    return options


def _message(error: t.Any) -> str:
    return str(error.error.message)


def _check_plain(name: str, value: t.Any) -> None:
    """Refuse what is not made of JSON types, before anything looks closer at it.

    An undefined variable is an object of Jinja that raises whenever it is used.
    """
    cls = type(value)
    if cls in (list, tuple):
        for inner in value:
            _check_plain(name, inner)
    elif cls is dict:
        for key, inner in value.items():
            _check_plain(name, key)
            _check_plain(name, inner)
    elif "Undefined" in cls.__name__:
        raise option_invalid(
            f"{name} uses a variable that is not defined. Pass it to ansible-rulebook with --vars or --env-vars."
        )
    elif not issubclass(cls, _PLAIN_TYPES):
        raise option_invalid(
            f"{name} contains a value of type {cls.__name__}. Put it in quotes if it is meant as text."
        )


def _convert(name: str, value: t.Any, spec: t.Mapping[str, t.Any]) -> t.Any:
    """The value in the type of the argument, as far as a module would convert it."""
    type_name = spec.get("type", "str")
    if type_name == "list":
        if isinstance(value, str):
            value = value.split(",")
        elif not isinstance(value, (list, tuple)):
            value = [value]
        return [_convert(name, inner, {**spec, "type": spec.get("elements", "str")}) for inner in value]
    if type_name in ("str", "path") and isinstance(value, int) and not isinstance(value, bool):
        # A template turns digits into a number.
        value = str(value)
    check_type(name, value, type_name)
    converted: t.Any = value
    choices = spec.get("choices")
    if choices and value not in choices:
        raise option_invalid(f"{name} contains {value!r}. It must be one of {', '.join(choices)}.")
    return _convert_map(name, converted, spec) if type_name == "dict" and "options" in spec else converted


def _convert_map(name: str, value: Options, spec: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    options = spec["options"]
    unknown = [str(key) for key in value if key not in options]
    if unknown:
        raise option_invalid(f"{name} contains {', '.join(unknown)}. It takes {', '.join(options)}.")
    converted = {
        key: option.get("default") if value.get(key) is None else _convert(f"{name}.{key}", value[key], option)
        for key, option in options.items()
    }
    missing = [key for key, option in options.items() if option.get("required") and converted[key] is None]
    if missing:
        raise option_invalid(f"{name} needs {', '.join(missing)}.")
    _check_exclusive(converted, spec.get("mutually_exclusive", ()), name)
    for group in spec.get("required_one_of", ()):
        if all(converted[key] is None for key in group):
            raise option_invalid(f"{name} needs one of {', '.join(group)}.")
    return converted


def _check_exclusive(options: Options, groups: t.Iterable[t.Sequence[str]], name: str = "") -> None:
    for group in groups:
        given = [key for key in group if options.get(key) is not None]
        if len(given) > 1:
            prefix = f"In {name}, " if name else ""
            raise option_invalid(f"{prefix}{' and '.join(given)} are set together. Set one of them.")
