# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation says what the code does."""

from __future__ import annotations

import functools
import importlib
import re
import typing as t
from datetime import datetime, timezone

import in_process
import pytest
import yaml
from ansible_collections.coralogix.incidents.plugins.doc_fragments.connection import ModuleDocFragment
from ansible_collections.coralogix.incidents.plugins.module_utils import _retry, _settings
from ansible_collections.coralogix.incidents.plugins.module_utils._version import VERSION
from documents import ROOT, text_of
from helpers import A, Result
from operations import CASE_OPERATIONS, OPERATIONS
from simulator import OPERATIONS as SIMULATED_OPERATIONS
from simulator import OPTIONAL_FIELDS, SEVERITIES, STATES, STATUSES, Simulator

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
PLUGINS = "ansible_collections.coralogix.incidents.plugins"


def module(name: str) -> t.Any:
    return importlib.import_module(f"{PLUGINS}.modules.{name}")


@functools.cache
def load(text: str) -> t.Any:
    """What a text in YAML says. Nobody changes it: it is shared."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe


def prose(documented: dict[str, t.Any]) -> str:
    description = documented["description"]
    return description if isinstance(description, str) else " ".join(description)


# The connection options.
CONNECTION = load(ModuleDocFragment.DOCUMENTATION)
OPTIONS = CONNECTION["options"]
TABLE = _settings.CONNECTION_OPTIONS


def test_connection_options_are_documented_as_they_are() -> None:
    assert plain(OPTIONS, "suboptions") == plain(_settings.argument_spec(), "options")


def test_environment_variables_are_documented_in_their_order() -> None:
    hosts = [variable for option in _settings.HOST_OPTIONS for variable in TABLE[option]["env"]]
    for name, option in TABLE.items():
        expected = hosts if name == "region" else [*option.get("env", ())]
        assert re.findall(r"E\(((?:CORALOGIX|CX)_\w+)\)", prose(OPTIONS[name])) == expected
    assert re.findall(r"E\((\w+)\)", prose(OPTIONS["ca_path"])) == [*_settings.CA_VARIABLES]


def test_values_and_bounds_are_documented() -> None:
    assert re.findall(r"V\((\w+)\)", OPTIONS["region"]["description"][0]) == [*_settings.REGIONS]
    assert f"C({_settings.DEFAULT_URL})" in prose(OPTIONS["region"])
    for name, seconds in _settings.MAX_SECONDS.items():
        assert f"at most {seconds:.0f}" in prose(OPTIONS[name])
    retries = prose(OPTIONS["retries"])
    ranges = re.findall(r"(\d{3}) to (\d{3})", retries)
    named = {int(number) for number in re.findall(r"\b[45]\d\d\b", retries)}
    assert named.union(*(range(int(first), int(last)) for first, last in ranges)) == _retry.RETRY_STATUSES
    assert f"at most {_retry.MAX_TOTAL_DELAY:.0f} seconds" in retries


def test_versions_and_requirements_agree() -> None:
    assert load(text_of("galaxy.yml"))["version"] == VERSION
    lines = [re.sub(r"\s", "", line) for line in text_of("requirements.txt").splitlines() if line[:1] not in "#"]
    assert lines == ["requests>=2.28"]
    assert CONNECTION["requirements"] == ["requests >= 2.28 (Python library)"]


def test_every_module_is_in_the_action_group_and_has_an_action_plugin_and_a_row_in_the_readme() -> None:
    assert load(text_of("meta/runtime.yml"))["action_groups"]["coralogix"] == MODULES
    assert (
        sorted(path.stem for path in (ROOT / "plugins" / "action").glob("*.py") if path.stem != "__init__") == MODULES
    )
    assert {*re.findall(r"^\| `((?:incident|case|user)_\w+)` \|", text_of("README.md"), re.M)} == {*MODULES}


# Modules.
def fragments(name: str) -> list[t.Any]:
    """The documentation fragments that a module extends."""
    found = []
    for extended in load(module(name).DOCUMENTATION)["extends_documentation_fragment"]:
        file, _dot, part = extended[len("coralogix.incidents.") :].partition(".")
        fragment = importlib.import_module(f"{PLUGINS}.doc_fragments.{file}").ModuleDocFragment
        found.append(load(getattr(fragment, part.upper() or "DOCUMENTATION")))
    return found


def documented_options(name: str) -> dict[str, t.Any]:
    """All options that a module documents, itself or by its fragments, none of them twice."""
    sources = [part.get("options", {}) for part in (*fragments(name), load(module(name).DOCUMENTATION))]
    merged = {option: documented for source in sources for option, documented in source.items()}
    assert len(merged) == sum(map(len, sources))
    return merged


def plain(options: dict[str, t.Any], nested: str) -> dict[str, t.Any]:
    """Options without what only one of documentation and argument spec has. C(nested) is the name of suboptions."""
    left_out = {"description", "no_log", "mutually_exclusive", "required_one_of", nested}
    return {
        name: {
            **{key: value for key, value in option.items() if key not in left_out},
            **({"nested": plain(option[nested], nested)} if nested in option else {}),
        }
        for name, option in options.items()
    }


def check_use(options: dict[str, t.Any], used: t.Any) -> None:
    """Raises AssertionError for an option, at any depth, or a choice that is not documented."""
    assert set(used) <= set(options)
    for name, value in used.items():
        for given in value if isinstance(value, list) else [value]:
            if "suboptions" in options[name]:
                check_use(options[name]["suboptions"], given)
            elif "choices" in options[name] and "{{" not in str(given):
                assert given in options[name]["choices"]


def uses(node: t.Any, names: t.Collection[str]) -> t.Iterator[tuple[str, t.Any]]:
    """Where examples name a module or a group, and what they give to it."""
    if isinstance(node, dict):
        yield from ((key, value) for key, value in node.items() if key in names)
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from uses(inner, names)


# Module -> the first row that it has in the tests' tables of operations.
ROWS = {row.module: row for row in reversed([*OPERATIONS.values(), *CASE_OPERATIONS.values()])}
# What Ansible itself makes part of a result, and what only --diff brings.
OF_ANSIBLE = {"changed", "msg", "failed", "exception", "warnings", "diff"}
TYPES: dict[str, t.Any] = {"str": str, "int": int, "list": list, "dict": dict, "bool": bool}


def run(simulator: Simulator, name: str, fails: bool, **options: t.Any) -> Result:
    """A run that ends well, or one that fails."""
    simulator.add_key(in_process.KEY)
    kind = name.partition("_")[0]
    if kind == "user":
        simulator.add_user("dana@example.com")
        options.update(usernames=["lee@example.com" if fails else "dana@example.com"], team_id=in_process.TEAM)
    else:
        row = ROWS.get(name)
        known = simulator.add_incident() if kind == "incident" else simulator.add_case(**(row.given if row else {}))
        options.update({f"{kind}_ids": [A if fails else known], **(row.options if row else {})})
    return in_process.Runner(simulator)(name, **options)


def is_type(value: t.Any, documented: dict[str, t.Any]) -> bool:
    elements = TYPES.get(documented.get("elements", ""), object)
    return isinstance(value, TYPES[documented["type"]]) and (
        documented["type"] != "list" or all(isinstance(inner, elements) for inner in value)
    )


@pytest.mark.parametrize("name", MODULES)
class TestModule:
    def test_options_are_documented_as_they_are(self, name: str) -> None:
        definition = module(name).MODULE
        assert load(module(name).DOCUMENTATION)["module"] == name
        assert plain(documented_options(name), "suboptions") == plain(definition.argument_spec, "options")
        assert definition.argument_spec["api_key"]["no_log"]

    def test_attributes_are_declared_once(self, name: str) -> None:
        # Of two fragments that declare the same, Ansible would show the first.
        declared = [attribute for part in fragments(name) for attribute in part.get("attributes", {})]
        of_changes = [] if name.endswith("_info") else ["idempotent"]
        assert sorted(declared) == sorted(["action", "action_group", "async", "check_mode", "diff_mode", *of_changes])

    def test_permissions_are_named(self, name: str) -> None:
        text = module(name).DOCUMENTATION
        reads = {"incident": ["read_many"], "case": ["case_read"], "user": []}[name.partition("_")[0]]
        needed = [SIMULATED_OPERATIONS[row] for row in [*reads, *([ROWS[name].name] if name in ROWS else [])]]
        assert set(re.findall(r"C\(((?:incidents|case):\w+)\)", text)) == {operation.permission for operation in needed}
        assert ("must be a personal key" in text) == any(operation.needs_personal_key for operation in needed)

    def test_what_is_returned_is_documented_with_its_type(self, name: str, simulator: Simulator) -> None:
        documented = load(module(name).RETURN)
        conditions = {value["returned"] for value in documented.values()} - {"always", "success", "failure"}
        options = {
            option: value == "true" for option, value in re.findall(r"with O\((\w+)=(\w+)\)", " ".join(conditions))
        }
        for given, met in (({}, set()), (options, conditions)):
            for ending in ("success", "failure"):
                result = run(simulator, name, ending == "failure", **given)
                assert result.get("failed", False) == (ending == "failure")
                expected = {key for key, value in documented.items() if value["returned"] in {"always", ending, *met}}
                assert result.keys() - OF_ANSIBLE == expected
                assert [key for key in expected if not is_type(result[key], documented[key])] == []

    def test_fields_of_what_is_returned_are_documented(self, name: str, simulator: Simulator) -> None:
        documented = load(module(name).RETURN)
        resource = module(name).MODULE.resource
        fields = documented[resource.plural]["contains"]
        if "ansible_facts" in documented:
            assert documented["ansible_facts"]["contains"][f"coralogix_{resource.plural}"]["contains"] == fields
        for item in run(simulator, name, fails=False)[resource.plural]:
            assert {key for key in item if key not in fields or not is_type(item[key], fields[key])} == set()
            if resource.plural == "incidents":
                assert fields.keys() == {*item, *OPTIONAL_FIELDS}
        failure = run(simulator, name, fails=True)["failure"]
        assert failure.keys() == documented["failure"]["contains"].keys()

    def test_examples_use_options_that_exist(self, name: str) -> None:
        group = "group/coralogix.incidents.coralogix"
        options = {f"coralogix.incidents.{used}": documented_options(used) for used in MODULES}
        used = list(uses(load(module(name).EXAMPLES), {*options, group}))
        assert f"coralogix.incidents.{name}" in dict(used)
        for key, given in used:
            check_use(OPTIONS if key == group else options[key], given)


@pytest.mark.parametrize("kind", ["incident", "case"])
def test_options_that_exclude_each_other_are_documented(kind: str) -> None:
    definition = module(f"{kind}_info").MODULE
    ids, filters = f"{kind}_ids", [*definition.resource.filters.options]
    pairs = {frozenset(pair) for pair in definition.mutually_exclusive}
    assert pairs >= {frozenset((ids, name)) for name in filters}
    documented = documented_options(f"{kind}_info")
    assert "Cannot be combined with filters, O(order_by) or O(limit)" in prose(documented[ids])
    for first, second in pairs - {frozenset((ids, name)) for name in filters}:
        texts = (
            prose(documented[first]),
            prose(documented[second]),
            prose(documented.get("active_after", {"description": ""})),
        )
        assert any(
            "annot be combined with" in text and f"O({name})" in text for text in texts for name in (first, second)
        )


@pytest.mark.parametrize(("kind", "option"), [("incident", "created_after"), ("case", "active_after")])
def test_documented_forms_of_a_time_are_taken(kind: str, option: str) -> None:
    filters = module(f"{kind}_info").MODULE.resource.filters
    forms = re.findall(r"V\(([^)]+)\)", prose(documented_options(f"{kind}_info")[option]))
    assert len(forms) > 5
    for form in forms:
        assert filters.build_query({**dict.fromkeys(filters.options), option: form}, datetime.now(timezone.utc)).values


def test_choices_are_those_of_the_contract() -> None:
    for name, known in (("status", STATUSES), ("state", STATES), ("severity", SEVERITIES)):
        choices = documented_options("incident_info")[name]["choices"]
        full = [choice for choice in choices if choice.startswith("INCIDENT_")]
        assert {*full} == {value for value in known if not value.endswith("_UNSPECIFIED")}
        assert [choice.rsplit("_", 1)[1].lower() for choice in full] == choices[: len(full)]
