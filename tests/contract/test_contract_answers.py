# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers with incidents as the contract has them, valid and broken: the result is true, or says that it is not known.

tests/soak/test_answers.py does so with made-up incidents, where there is no contract.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from random import Random
from types import SimpleNamespace
from typing import Any

import contract
import pytest
from answers import RANDOMS, check, draw_scenario, examples
from hypothesis import given
from operations import TRIGGERED
from soak.kinds import INCIDENTS
from soak.tasks import TASKS

NAMES = [name for name, task in TASKS.items() if task.kind is INCIDENTS]
EXAMPLES = 42  # for each task, in each of the versions

contract.require()

V1 = "/incidents/incidents/v1"
READ = {"3": f"{V1}/batch", "4": V1, "5": V1}
ID = "0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60"
WORDS = ("", "x", "High latency", "\u00fc {{ x }}", "\u2028", "null", "0")


def draw_value(schema: Mapping[str, Any], draw: Random) -> Any:
    """A value that the schema allows."""
    if "oneOf" in schema:
        chosen = draw.choice(schema["oneOf"])
        # Whole, for without what tells them apart it would be each of them.
        return draw_value({**chosen, "required": list(chosen["properties"])}, draw)
    if "allOf" in schema and "properties" not in schema:
        (only,) = schema["allOf"]
        return draw_value(only, draw)
    if "enum" in schema:
        return draw.choice(schema["enum"])
    return _DRAW_BY_TYPE[schema.get("type", "object")](schema, draw)


def _object(schema: Mapping[str, Any], draw: Random) -> dict[str, Any]:
    # In version 5, of each of several groups of properties one has to be there.
    groups = [[name for choice in part["oneOf"] for name in choice["required"]] for part in schema.get("allOf", ())]
    required = {*schema.get("required", ()), *map(draw.choice, groups)}
    others = {name for group in groups for name in group} - required
    values = {
        name: draw_value(content, draw)
        for name, content in schema.get("properties", {}).items()
        if name in required or (name not in others and draw.random() < 0.5)
    }
    labels = schema.get("additionalProperties")
    if isinstance(labels, dict):
        values.update({draw.choice(WORDS): draw_value(labels, draw) for _label in range(draw.randint(0, 2))})
    return values


def _array(schema: Mapping[str, Any], draw: Random) -> list[Any]:
    least = schema.get("minItems", 0)
    return [draw_value(schema["items"], draw) for _item in range(draw.randint(least, least + 2))]


def _string(schema: Mapping[str, Any], draw: Random) -> str:
    if schema.get("format") == "date-time":
        return "2026-11-23T02:58:11.000Z"
    if "[0-9a-fA-F]{8}" in schema.get("pattern", ""):
        return ID
    return draw.choice([word for word in WORDS if len(word) >= schema.get("minLength", 0)])


_DRAW_BY_TYPE: Mapping[str, Any] = {
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


def draw_incident(version: str, random: Random) -> dict[str, Any]:
    incident: dict[str, Any] = draw_value(incident_schema(version), random)
    # The simulator's operations know no incident without a status.
    unspecified = incident["status"].endswith("_UNSPECIFIED")
    return {**incident, **({"status": TRIGGERED} if unspecified else {})}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("version", contract.VERSIONS)
@examples(EXAMPLES)
@given(random=RANDOMS)
def test_result_is_true_for_any_answer(version: str, name: str, random: Random) -> None:
    check(draw_scenario(random, name, functools.partial(draw_incident, version)))


@pytest.mark.parametrize("version", contract.VERSIONS)
def test_drawn_incidents_are_valid_and_cover_all_fields(version: str) -> None:
    assert len(contract.VERSIONS) * len(NAMES) * EXAMPLES >= 1000
    random = Random(version)
    incidents = {str(number): {**draw_incident(version, random), "id": ID} for number in range(25)}
    names = {name for incident in incidents.values() for name in incident}
    assert set(incident_schema(version)["properties"]) == names
    entry = SimpleNamespace(
        version=version,
        method="GET",
        target=f"{contract.BASE}{version}{READ[version]}?ids={ID}",
        query=[("ids", ID)],
        headers={},
        body=None,
        fault=None,
        status=200,
        answer={"incidents": incidents, "notFoundIds": []},
    )
    contract.check_response(entry, serves=version)
