# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that cannot be right are refused by name, before anything is sent."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _arguments
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from helpers import A, refusal, table
from hypothesis import given
from hypothesis import strategies as st

REFUSED_IDS = {
    "blank": (" ", "it is blank"),
    "empty": ("", "it is blank"),
    "start of a list as text": ("['A'", "a bracket"),
    "end of a list as text": ("'B']", "a bracket"),
    "tuple as text": ("(A", "a bracket"),
    "map": ("{id: A}", "a brace"),
    "quote": ("'A'", "a quote"),
    "typographic quote": ("\u201cA\u201d", "a quote"),
    "URL": ("https://x.example/A", "a URL"),
    "blank inside": ("A B", "a blank or a line break"),
    "lines of a text": ("A\nB", "a blank or a line break"),
    "comma": ("A,B", "a comma"),
    "HTML": ("<b>A", "a character that no ID has"),
    "lone surrogate": ("a\udc80", "cannot be printed"),
    "text direction": ("a\u202eb", "cannot be printed"),
}


@table("incident_id, problem", REFUSED_IDS)
def test_what_cannot_be_an_id_is_refused(incident_id: str, problem: str) -> None:
    message = refusal(_arguments.check_ids, INCIDENT, [A, incident_id])
    assert message.startswith(f"incident_ids contains {incident_id.strip()!r}, which cannot be an ID: ")
    assert problem in message
    assert "splitlines()" in message


def test_form_of_the_resource_is_checked_and_long_ids_are_shortened() -> None:
    cases = INCIDENT._replace(id_option="case_ids", check_id=lambda case_id: "" if case_id == "CASE-1" else "no CASE-…")
    assert _arguments.check_ids(cases, [" CASE-1 "]) == ["CASE-1"]
    message = refusal(_arguments.check_ids, cases, ["x" * 999])
    assert message.startswith(f"case_ids contains '{'x' * 80}', which cannot be an ID: no CASE-…. ")


some_ids = st.sampled_from([A, A.upper(), f" {A}\n", "INC-a", "inc-A", "a.b_c:d", "\u00fc", "5"])


@given(ids=st.lists(some_ids, max_size=8))
def test_ids_are_stripped_and_unique_and_uuids_compare_without_case(ids: list[str]) -> None:
    def spelling(incident_id: str) -> str:
        return A if incident_id.strip().lower() == A else incident_id.strip()

    checked = _arguments.check_ids(INCIDENT, ids)
    assert [spelling(incident_id) for incident_id in checked] == list(dict.fromkeys(map(spelling, ids)))
    assert set(checked) <= {incident_id.strip() for incident_id in ids}


SPEC: dict[str, t.Any] = {
    "ids": {"type": "list", "elements": "str"},
    "text": {"type": "str"},
    "flag": {"type": "bool"},
    "number": {"type": "int"},
    "labels": {"type": "dict"},
    "search": {"type": "dict", "options": {"text": {"type": "str"}, "flag": {"type": "bool"}}},
    "order": {"type": "list", "elements": "dict", "options": {"field": {}}},
}
REFUSED: dict[str, tuple[dict[str, t.Any], str]] = {
    "null list": ({"ids": None}, "ids is null. Null does not mean everything"),
    "null filter": ({"labels": None}, "labels is null."),
    "null in a list": ({"ids": ["a", None]}, "ids contains null."),
    "list in a list": ({"ids": ["a", ["b"]]}, "ids contains a list in a list. Use the filter flatten."),
    "list in a list of maps": ({"order": [[{}]]}, "order contains a list in a list."),
    "map in a list": ({"ids": [{"id": "a"}]}, "ids contains a map instead of text."),
    "boolean in a list": ({"ids": ["a", False]}, "ids contains False, a boolean. Put the value in quotes"),
    "boolean in place of a list": ({"ids": True}, "ids contains True, a boolean."),
    "float": ({"text": 1.1}, "text contains 1.1, a"),
    "list as a text": ({"text": ["a"]}, "text contains a list instead of text."),
    "boolean in a suboption": ({"search": {"text": True}}, "search.text contains True, a boolean."),
    "boolean in a map of a list": ({"order": [{"field": "a"}, {"field": False}]}, "order.field contains False"),
    "lone surrogate": ({"ids": ["\ud800"]}, "ids contains a character that has no UTF-8 encoding."),
}


@table("given, message", REFUSED)
def test_options_as_given_are_refused_by_name(given: dict[str, t.Any], message: str) -> None:
    assert refusal(_arguments.check_given, given, SPEC, ("ids", "labels")).startswith(message)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"ids": [], "labels": {}, "text": None, "flag": None, "search": None},
        {"ids": "a,b", "text": "a", "flag": "yes", "number": 5.0, "labels": {"a": True}},
        {"ids": ["a", 5], "search": {"text": "a", "flag": True, "other": True}, "order": ["field=a", {"field": "a"}]},
        {"unknown": None, "_ansible_check_mode": False},
    ],
    ids=str,
)
def test_other_options_as_given_are_left_to_ansible(given: dict[str, t.Any]) -> None:
    _arguments.check_given(given, SPEC, ("ids", "labels"))


def test_blank_texts_are_refused() -> None:
    _arguments.refuse_blank_texts({"text": "x", "flag": False, "ids": [" "], "labels": {}}, SPEC)
    assert refusal(_arguments.refuse_blank_texts, {"text": " \t"}, SPEC) == "text is blank."
