# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers with incidents as the contract has them, valid and broken: the result is true, or says that it is not known.

tests/unit/plugins/test_answers.py does so with a few incidents that are made up, where there is no contract.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import contract
import pytest
from answers import CASES, IDS, Incident, hold

EXAMPLES = 80  # for each of the cases, in each of the versions

contract.need()

V1 = "/incidents/incidents/v1"
READ = {"3": f"{V1}/batch", "4": V1, "5": V1}
WORDS = ("", "x", "High latency", "\u00fc {{ x }}", "\u2028", "null", "0")


def drawn(schema: Mapping[str, Any], draw: random.Random) -> Any:
    """A value that the schema allows."""
    if "oneOf" in schema:
        chosen = draw.choice(schema["oneOf"])
        # Whole, for without what tells them apart it would be each of them.
        return drawn({**chosen, "required": list(chosen["properties"])}, draw)
    if "allOf" in schema and "properties" not in schema:
        (only,) = schema["allOf"]
        return drawn(only, draw)
    if "enum" in schema:
        return draw.choice(schema["enum"])
    return _DRAWN[schema.get("type", "object")](schema, draw)


def _object(schema: Mapping[str, Any], draw: random.Random) -> dict[str, Any]:
    # In version 5, of each of several groups of properties one has to be there.
    groups = [[name for choice in part["oneOf"] for name in choice["required"]] for part in schema.get("allOf", ())]
    required = {*schema.get("required", ()), *map(draw.choice, groups)}
    others = {name for group in groups for name in group} - required
    made = {
        name: drawn(content, draw)
        for name, content in schema.get("properties", {}).items()
        if name in required or (name not in others and draw.random() < 0.5)
    }
    labels = schema.get("additionalProperties")
    if isinstance(labels, dict):
        made.update({draw.choice(WORDS): drawn(labels, draw) for _label in range(draw.randint(0, 2))})
    return made


def _array(schema: Mapping[str, Any], draw: random.Random) -> list[Any]:
    least = schema.get("minItems", 0)
    return [drawn(schema["items"], draw) for _item in range(draw.randint(least, least + 2))]


def _string(schema: Mapping[str, Any], draw: random.Random) -> str:
    if schema.get("format") == "date-time":
        return "2026-11-23T02:58:11.000Z"
    if "[0-9a-fA-F]{8}" in schema.get("pattern", ""):
        return draw.choice(IDS)
    return draw.choice([word for word in WORDS if len(word) >= schema.get("minLength", 0)])


_DRAWN: Mapping[str, Any] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "boolean": lambda _schema, draw: draw.random() < 0.5,
    "integer": lambda schema, draw: draw.randint(schema.get("minimum", 0), schema.get("minimum", 0) + 9),
    "number": lambda _schema, draw: draw.random(),
}


@functools.cache
def incident_schema(version: str) -> Mapping[str, Any]:
    answer = contract.answer_schema(version, "GET", READ[version])
    schema: Mapping[str, Any] = answer["properties"]["incidents"]["additionalProperties"]
    return schema


def incident_of(version: str, draw: random.Random) -> Incident:
    incident: Incident = drawn(incident_schema(version), draw)
    return incident


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("version", contract.VERSIONS)
def test_result_is_true_whatever_is_answered(version: str, case: str) -> None:
    hold(case, EXAMPLES, functools.partial(incident_of, version))


@pytest.mark.parametrize("version", contract.VERSIONS)
def test_incidents_are_valid_and_many(version: str) -> None:
    assert len(contract.VERSIONS) * len(CASES) * EXAMPLES >= 2000
    draw = random.Random(version)
    incidents = {one: {**incident_of(version, draw), "id": one} for one in IDS for _example in range(5)}
    assert set(incident_schema(version)["properties"]) == {key for one in incidents.values() for key in one}
    entry = SimpleNamespace(
        version=version,
        method="GET",
        target=f"{contract.BASE}{version}{READ[version]}?ids={IDS[0]}",
        query=[("ids", IDS[0])],
        headers={},
        body=None,
        fault=None,
        status=200,
        answer={"incidents": incidents, "notFoundIds": []},
    )
    contract.check_response(entry, serves=version)
