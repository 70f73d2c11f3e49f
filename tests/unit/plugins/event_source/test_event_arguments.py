# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arguments of event sources are checked like those of modules, by name, and before anything is sent."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _event_arguments
from ansible_collections.coralogix.incidents.plugins.module_utils._case import CASE
from ansible_collections.coralogix.incidents.plugins.module_utils._case_events import CASE_EVENTS
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._incident_events import INCIDENT_EVENTS
from helpers import refusal, table

NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.timezone.utc)


class StrictUndefined:
    """A variable that is not defined, as Jinja passes it: any use of it raises."""

    def _fail(self, *_args: t.Any) -> t.Any:
        raise RuntimeError("undefined")

    __str__ = __repr__ = __eq__ = __hash__ = __bool__ = __len__ = __iter__ = __contains__ = _fail


def check(arguments: dict[t.Any, t.Any], kind: str = "incident") -> dict[str, t.Any]:
    resource, rules = (INCIDENT, INCIDENT_EVENTS) if kind == "incident" else (CASE, CASE_EVENTS)
    return _event_arguments.check_source_arguments(arguments, resource, rules, NOW)


def test_defaults() -> None:
    options = check({"eda_feedback_queue": object()})
    assert options["interval"] == 60
    assert options["initial"] == "none"
    assert options["changes"][0] == "opened"
    assert options["changes"][-2:] == ["updated", "gone"]
    assert options["api_key"] is options["severity"] is options["state_path"] is None


@table(
    "given, expected",
    {
        "one value": ({"severity": "critical"}, ["critical"]),
        "several in a text": ({"severity": "critical,error"}, ["critical", "error"]),
        "list": ({"severity": ["critical"]}, ["critical"]),
        "number as text": ({"applications": [7]}, ["7"]),
        "version": ({"api_version": 5}, "5"),
        "interval": ({"interval": 5}, 5),
        "map": ({"search": {"text": "x", "field": "name"}}, {"text": "x", "field": "name", "contextual_label": None}),
        "null": ({"state_path": None}, None),
        "time": ({"initial": "-1h"}, "-1h"),
    },
)
def test_arguments_are_converted(given: dict[str, t.Any], expected: t.Any) -> None:
    assert check(given)[next(iter(given))] == expected


REFUSED: dict[str, tuple[dict[t.Any, t.Any], str]] = {
    "unknown": (
        {"severty": ["critical"], "b": 1},
        "Unknown arguments: b, severty. A source of incidents takes interval",
    ),
    "option that no source takes": ({"limit": 5}, "Unknown arguments: limit."),
    "number as name": ({1: 2}, "Unknown arguments: 1."),
    "undefined": ({"region": StrictUndefined()}, "region uses a variable that is not defined"),
    "undefined in a list": ({"severity": [StrictUndefined()]}, "severity uses a variable that is not defined"),
    "undefined in a map": ({"meta_labels": {"a": [StrictUndefined()]}}, "meta_labels uses a variable"),
    "undefined and unknown": ({"x": StrictUndefined()}, "x uses a variable"),
    "date": ({"initial": datetime.date(2026, 11, 23)}, "initial contains a value of type date. Put it in quotes"),
    "text for number": ({"interval": "60"}, "interval is text. It must be a number."),
    "boolean for number": ({"interval": True}, "interval is a boolean."),
    "text for boolean": ({"muted": "true"}, "muted is text. It must be a boolean."),
    "boolean for text": ({"region": False}, "region contains False, a boolean."),
    "map for text": ({"state_path": {}}, "state_path contains a map instead of text."),
    "text for map": ({"meta_labels": "team=sre"}, "meta_labels is text. It must be a map."),
    "null filter": ({"severity": None}, "severity is null. Null does not mean everything"),
    "null in a filter": ({"severity": ["critical", None]}, "severity contains null."),
    "choice": ({"severity": ["fatal"]}, "severity contains 'fatal'. It must be one of info"),
    "kind of change": ({"changes": ["deleted"]}, "changes contains 'deleted'. It must be one of opened"),
    "empty list of kinds": ({"changes": []}, "changes is empty."),
    "too often": ({"interval": 4.9}, "interval is 4.9. It must be 5 to 86400 seconds."),
    "never": ({"interval": float("nan")}, "interval is nan."),
    "initial": ({"initial": "now"}, "initial is 'now'. It must be a time"),
    "blank": ({"state_path": " "}, "state_path is blank."),
    "together": ({"assigned": True, "assignees": ["a"]}, "assignees and assigned are set together."),
    "unknown in a map": ({"search": {"text": "a", "fields": "b"}}, "search contains fields. It takes text, field"),
    "missing in a map": ({"search": {"field": "name"}}, "search needs text."),
    "one of in a map": ({"search": {"text": "a"}}, "search needs one of field, contextual_label."),
    "together in a map": (
        {"search": {"text": "a", "field": "name", "contextual_label": "b"}},
        "In search, field and contextual_label are set together.",
    ),
}


@table("arguments, words", REFUSED)
def test_refusals_name_the_argument(arguments: dict[t.Any, t.Any], words: str) -> None:
    assert words in refusal(check, arguments)


@table("status", {"short": ["active", "closed"], "long": ["CASE_STATUS_CLOSED"]})
def test_closed_cases_cannot_be_watched(status: list[str]) -> None:
    assert "status contains closed." in refusal(check, {"status": status}, "case")


def test_undefined_variable_of_jinja_itself() -> None:
    jinja2 = pytest.importorskip("jinja2")
    assert "region uses a variable that is not defined" in refusal(check, {"region": jinja2.StrictUndefined(name="x")})
