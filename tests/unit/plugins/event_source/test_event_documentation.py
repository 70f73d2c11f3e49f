# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the event sources agrees with their code. No tool checks it."""

from __future__ import annotations

import runpy
import typing as t
from datetime import datetime, timezone

import pytest
import yaml
from ansible_collections.coralogix.incidents.plugins.module_utils._case import CASE
from ansible_collections.coralogix.incidents.plugins.module_utils._case_events import CASE_EVENTS
from ansible_collections.coralogix.incidents.plugins.module_utils._event_arguments import (
    check_source_arguments,
    source_spec,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._incident_events import INCIDENT_EVENTS
from ansible_collections.coralogix.incidents.plugins.module_utils._settings import argument_spec
from documents import GUIDES, ROOT, text_of

SOURCES = {"incidents": (INCIDENT, INCIDENT_EVENTS), "cases": (CASE, CASE_EVENTS)}


@pytest.fixture(params=SOURCES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def documents(name: str) -> dict[str, t.Any]:
    source = runpy.run_path(str(ROOT / "extensions" / "eda" / "plugins" / "event_source" / f"{name}.py"))
    return {block: yaml.safe_load(source[block]) for block in ("DOCUMENTATION", "EXAMPLES")}


def test_documented_arguments_match_the_spec(name: str) -> None:
    resource, rules = SOURCES[name]
    spec, document = source_spec(resource, rules), documents(name)["DOCUMENTATION"]
    own = {key: option for key, option in spec.items() if key in document["options"]}
    for key, option in own.items():
        documented = {field: value for field, value in document["options"][key].items() if field != "description"}
        expected = {**option}
        if key == "changes":
            assert expected.pop("default") == expected["choices"]
        assert documented == expected
    text = "\n".join(document["description"])
    others = set(spec) - set(own)
    assert {key for key in others if f"C({key})" not in text} == set()
    assert others >= {*argument_spec()}
    assert {key for key in rules.unsupported if f"C({key})" not in text} == set()


def test_the_example_is_accepted(name: str) -> None:
    resource, rules = SOURCES[name]
    (ruleset,) = documents(name)["EXAMPLES"]
    arguments = ruleset["sources"][0][f"coralogix.incidents.{name}"]
    check_source_arguments(arguments, resource, rules, datetime.now(timezone.utc))


def test_the_page_names_all_kinds_of_changes_and_arguments(name: str) -> None:
    resource, rules = SOURCES[name]
    page = text_of(f"{GUIDES}/event_driven.rst")
    kinds = source_spec(resource, rules)["changes"]["choices"]
    own = [
        key
        for key in source_spec(resource, rules)
        if key not in resource.filters.options and key not in argument_spec()
    ]
    assert {word for word in (*kinds, *own) if f"``{word}``" not in page} == set()
