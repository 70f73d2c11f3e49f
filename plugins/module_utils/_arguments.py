# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of the options of a task, before anything is sent. Pure functions; no I/O.

Ansible converts the type of options: null becomes "not given", a list in a list becomes text, NO becomes "False". So
some checks look at the options as they were given.
"""

from __future__ import annotations

import re
import typing as t

from ._errors import CoralogixError, option_invalid
from ._resource import Resource

# Characters that no ID has, and what messages call them: the first of these that an ID contains.
_NOT_IN_IDS = re.compile(r"://|[()\[\]{}\"'`\u2018-\u201f\s,<>\\]")
_CHARACTER_NAMES = {
    **dict.fromkeys("[]()", "a bracket"),
    **dict.fromkeys("{}", "a brace"),
    **dict.fromkeys("\"'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f", "a quote"),
    "://": "a URL",
    **dict.fromkeys("<>\\", "a character that no ID has"),
    ",": "a comma",
}
_HOW_TO_GIVE_IDS = (
    "Give a YAML list, or IDs separated by commas. Split the lines of a text with splitlines(): "
    '"{{ text.splitlines() }}".'
)
_MAX_SHOWN = 80
# In characters. Version 5 of the API takes no more.
MAX_USER_ID_LENGTH = 300


def check_ids(resource: Resource, ids: t.Sequence[str]) -> list[str]:
    """The IDs in their order, stripped, each once. Raises CoralogixError(OptionInvalid)."""
    stripped = [item_id.strip() for item_id in ids]
    for item_id in stripped:
        problem = _id_problem(item_id) or resource.check_id(item_id)
        if problem:
            raise _not_an_id(resource.id_option, item_id, f"{problem}. {_HOW_TO_GIVE_IDS}")
    spell = resource.canonical_id
    first = {spell(item_id): item_id for item_id in reversed(stripped)}
    return [item_id for item_id in dict.fromkeys(stripped) if first[spell(item_id)] == item_id]


def check_user_id(name: str, user_id: str) -> None:
    """Refuse what can be neither the ID of a user nor an e-mail address, such as a list given as text."""
    problem = _id_problem(user_id.strip())
    if problem:
        raise _not_an_id(name, user_id.strip(), f"{problem}.")
    check_length(name, user_id, MAX_USER_ID_LENGTH)


def _not_an_id(name: str, text: str, problem: str) -> CoralogixError:
    return option_invalid(f"{name} contains {text[:_MAX_SHOWN]!r}, which cannot be an ID: {problem}")


def _id_problem(item_id: str) -> str:
    if not item_id:
        return "it is blank"
    found = _NOT_IN_IDS.findall(item_id)
    if found:
        name = next((name for text, name in _CHARACTER_NAMES.items() if text in found), "a blank or a line break")
        return f"it contains {name}"
    return "" if item_id.isprintable() else "it contains a character that cannot be printed"


def check_given(given: t.Mapping[str, t.Any], spec: t.Mapping[str, t.Any], not_null: t.Collection[str]) -> None:
    """Check options as they were given, by the argument spec. C(not_null) names those that may not be null.

    Raises CoralogixError(OptionInvalid) with the name of the option.
    """
    for name, value in given.items():
        if name not in spec:
            continue
        if value is None:
            if name in not_null:
                raise option_invalid(
                    f"{name} is null. Null does not mean everything, and an empty list matches nothing. To leave the "
                    f'option out, use "{{{{ omit if value is none else value }}}}".'
                )
            continue
        _check_type(name, value, spec[name])


def _check_type(name: str, value: t.Any, spec: t.Mapping[str, t.Any]) -> None:
    type_name = spec.get("type", "str")
    if type_name == "list":
        _check_elements(name, value if isinstance(value, (list, tuple)) else [value], spec)
    elif type_name == "dict" and isinstance(value, dict) and "options" in spec:
        for key, inner in value.items():
            if key in spec["options"] and inner is not None:
                _check_type(f"{name}.{key}", inner, spec["options"][key])
    elif type_name in ("str", "path"):
        check_text_type(name, value)


def _check_elements(name: str, values: t.Iterable[t.Any], spec: t.Mapping[str, t.Any]) -> None:
    for value in values:
        if value is None:
            raise option_invalid(f"{name} contains null. Remove it from the list.")
        if isinstance(value, (list, tuple)):
            raise option_invalid(f"{name} contains a list in a list. Use the filter flatten.")
        _check_type(name, value, {**spec, "type": spec.get("elements", "str")})


def refuse_lists_as_text(given: t.Mapping[str, t.Any], spec: t.Mapping[str, t.Any]) -> None:
    """Refuse a list that was given as one text in brackets. Ansible would split it at its commas."""
    for name, option in spec.items():
        text = given.get(name)
        if option.get("type") == "list" and isinstance(text, str) and re.match(r"\s*\[(?s:.*)\]\s*\Z", text):
            raise option_invalid(
                f"{name} is {text.strip()[:_MAX_SHOWN]!r}, a list written as text. Give a YAML list, or values "
                "separated by commas."
            )


def check_text_type(name: str, value: t.Any) -> None:
    """Refuse what YAML made of a text: C(NO) is a boolean, C(1.10) a number that ends in C(.1)."""
    if isinstance(value, (bool, float)):
        type_name = "a boolean" if isinstance(value, bool) else "a decimal number"
        raise option_invalid(f"{name} contains {value}, {type_name}. Put the value in quotes if it is meant as text.")
    if isinstance(value, (list, tuple, dict)):
        raise option_invalid(f"{name} contains a {'map' if isinstance(value, dict) else 'list'} instead of text.")
    if isinstance(value, str) and not value.isascii() and re.search(r"[\ud800-\udfff]", value):
        raise option_invalid(f"{name} contains a character that has no UTF-8 encoding.")


def refuse_blank_texts(params: t.Mapping[str, t.Any], spec: t.Mapping[str, t.Any]) -> None:
    """Refuse blank texts. Raises CoralogixError(OptionInvalid)."""
    for name, option in spec.items():
        value = params.get(name)
        if option.get("type", "str") == "str" and isinstance(value, str) and not value.strip():
            raise option_invalid(f"{name} is blank.")


def check_length(name: str, text: str | None, max_length: int) -> None:
    """Refuse a text that is longer than the API takes, counted without blanks around it."""
    if text is not None and len(text.strip()) > max_length:
        raise option_invalid(f"{name} has {len(text.strip())} characters. The API takes at most {max_length}.")
