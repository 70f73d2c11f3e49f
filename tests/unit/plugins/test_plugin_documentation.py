# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation says what the code does."""

from __future__ import annotations

import importlib
import re
import typing as t
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml
from ansible_collections.coralogix.incidents.plugins.doc_fragments import connection
from ansible_collections.coralogix.incidents.plugins.module_utils import _client, _filters, _module, _options, _routes
from made_up import Printed
from simulator import Fault, Simulator
from simulator.messages import INCIDENT_FIELDS, SEVERITIES, STATES, STATUSES

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
PLUGINS = "ansible_collections.coralogix.incidents.plugins"


def load(text: str) -> t.Any:
    return yaml.safe_load(text)


def meta(name: str) -> t.Any:
    return load((ROOT / name).read_text(encoding="utf-8"))


def module(name: str) -> t.Any:
    return importlib.import_module(f"{PLUGINS}.modules.{name}")


def prose(option: dict[str, t.Any]) -> str:
    return " ".join(option["description"])


CONNECTION = load(connection.ModuleDocFragment.DOCUMENTATION)
OPTIONS = CONNECTION["options"]


def test_fragment_and_table_have_the_same_options() -> None:
    assert OPTIONS.keys() == _options.CONNECTION_OPTIONS.keys()


@pytest.mark.parametrize("name", _options.CONNECTION_OPTIONS)
def test_connection_option_is_documented_as_it_is(name: str) -> None:
    documented = {key: value for key, value in OPTIONS[name].items() if key != "description"}
    table = {key: value for key, value in _options.CONNECTION_OPTIONS[name].items() if key not in ("env", "no_log")}
    assert documented == table
    assert type(documented.get("default")) is type(table.get("default"))
    assert OPTIONS[name]["description"]


@pytest.mark.parametrize("name", [name for name, option in _options.CONNECTION_OPTIONS.items() if "env" in option])
def test_environment_variables_are_documented(name: str) -> None:
    described = prose(OPTIONS["region" if name in _options.HOST_OPTIONS else name])
    variables = _options.CONNECTION_OPTIONS[name]["env"]
    found = [described.find(f"E({variable})") for variable in variables]
    assert -1 not in found
    assert found == sorted(found)


def test_host_variables_are_documented_in_their_order() -> None:
    variables = [name for option in _options.HOST_OPTIONS for name in _options.CONNECTION_OPTIONS[option]["env"]]
    assert re.findall(r"E\((C\w+)\)", prose(OPTIONS["region"])) == variables
    assert f"C({_options.DEFAULT_URL})" in prose(OPTIONS["region"])
    for option in ("domain", "api_url"):
        own = _options.CONNECTION_OPTIONS[option]["env"]
        assert re.findall(r"E\((\w+)\)", prose(OPTIONS[option])) == list(own)


def test_no_variable_is_documented_that_is_not_read() -> None:
    named = set(re.findall(r"E\(((?:CORALOGIX|CX)_\w+)\)", connection.ModuleDocFragment.DOCUMENTATION))
    read = {name for option in _options.CONNECTION_OPTIONS.values() for name in option.get("env", ())}
    assert named == read


def test_regions_are_documented() -> None:
    assert re.findall(r"V\((\w+)\)", OPTIONS["region"]["description"][0]) == list(_options.REGIONS)


def test_bounds_are_documented() -> None:
    assert f"{_options.MAX_TIMEOUT:.0f}" in prose(OPTIONS["timeout"])
    for status in _client.RETRY_STATUS:
        assert str(status) in prose(OPTIONS["retries"])
    assert f"{_client.MAX_WAIT:.0f} seconds at most" in prose(OPTIONS["retries"])


def test_version_is_that_of_the_collection() -> None:
    assert meta("galaxy.yml")["version"] == _client.VERSION


def test_action_group_holds_all_modules() -> None:
    assert sorted(meta("meta/runtime.yml")["action_groups"]["coralogix"]) == MODULES


def test_requests_is_required_in_the_version_that_is_documented() -> None:
    wanted = [
        line for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines() if line[:1] not in "#"
    ]
    assert [re.sub(r"\s", "", line) for line in wanted] == ["requests>=2.28"]
    assert CONNECTION["requirements"] == ["requests >= 2.28 (Python library)"]


def fragments(name: str) -> list[t.Any]:
    """The contents of the documentation fragments that a module extends, in their order."""
    found = []
    for one in load(module(name).DOCUMENTATION)["extends_documentation_fragment"]:
        file, _dot, part = one[len("coralogix.incidents.") :].partition(".")
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
    """Options without what only one of documentation and argument spec has; nested under its name in there."""
    skipped = {"description", "no_log", "mutually_exclusive", "required_one_of", nested}
    return {
        name: {
            **{key: value for key, value in option.items() if key not in skipped},
            **({"nested": plain(option[nested], nested)} if nested in option else {}),
        }
        for name, option in options.items()
    }


class Spec(Exception):
    """Carries an argument spec out of main()."""


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[str], dict[str, t.Any]]:
    """What a module gives to AnsibleModule."""

    def instead(**given: t.Any) -> t.NoReturn:
        raise Spec(given)

    def spec(name: str) -> dict[str, t.Any]:
        with pytest.raises(Spec) as raised:
            module(name).main()
        return dict(raised.value.args[0])

    monkeypatch.setattr(_module, "AnsibleModule", instead)
    return spec


def check_use(options: dict[str, t.Any], used: t.Any) -> None:
    """Raises AssertionError for an option, at any depth, or a choice that is not documented."""
    assert isinstance(used, dict)
    assert set(used) <= set(options)
    for name, value in used.items():
        for one in value if isinstance(value, list) else [value]:
            if "suboptions" in options[name]:
                check_use(options[name]["suboptions"], one)
            elif "choices" in options[name]:
                assert one in options[name]["choices"]


def uses(node: t.Any, names: t.Collection[str]) -> t.Iterator[tuple[str, t.Any]]:
    """Where examples name a module or a group, and what they give to it."""
    if isinstance(node, dict):
        yield from ((key, value) for key, value in node.items() if key in names)
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from uses(inner, names)


# What Ansible itself makes part of a result, and `diff`, which --diff alone brings.
ANSIBLES = {"changed", "msg", "failed", "invocation", "exception", "warnings", "deprecations", "diff"}
# What has to be given besides IDs.
REQUIRED = {"incident_assign": {"assignee": "u1"}}
# Further options, and the condition that RETURN words for what they bring.
CONDITIONS = {"incident_assign": ({"only_unassigned": True}, "with O(only_unassigned=true)")}
NOBODY = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize("name", MODULES)
class TestModule:
    def test_declares_what_all_modules_share(self, name: str) -> None:
        documentation = load(module(name).DOCUMENTATION)
        assert documentation["module"] == name
        extended = [one.partition(".incidents.")[2] for one in documentation["extends_documentation_fragment"]]
        own = ["attributes.info"] if name == "incident_info" else ["attributes.change", "incident_ids"]
        assert sorted(extended) == sorted(["attributes", "connection", "events", *own])
        # Of two fragments that declare the same, Ansible would show the first.
        declared = [one for part in fragments(name) for one in part.get("attributes", {})]
        idempotent = [] if name == "incident_info" else ["idempotent"]
        assert sorted(declared) == sorted(["action_group", "check_mode", "diff_mode", *idempotent])
        assert set(documentation.get("attributes", ())) <= set(declared)

    def test_options_are_documented_as_they_are(self, name: str, spec: t.Callable[[str], dict[str, t.Any]]) -> None:
        given = spec(name)
        documented = plain(documented_options(name), "suboptions")
        assert documented == plain(given["argument_spec"], "options")
        assert given["supports_check_mode"]
        assert given["argument_spec"]["api_key"]["no_log"]
        assert "fallback" not in str(given)
        if name != "incident_info":
            assert given.keys() == {"argument_spec", "supports_check_mode"}

    def test_names_the_permissions(self, name: str) -> None:
        text = module(name).DOCUMENTATION
        operation = _routes.OPERATIONS[{"incident_info": "list"}.get(name, name[len("incident_") :])]
        named = set(re.findall(r"C\((incidents:\w+)\)", text))
        assert named == {operation.permission, _routes.OPERATIONS["read"].permission}
        assert ("has to be a personal key" in text) == operation.personal_key

    def test_returns_what_it_documents(
        self, name: str, run_module: t.Callable[..., Printed], simulator: Simulator
    ) -> None:
        ids = simulator.add_incidents(1)
        more, condition = CONDITIONS.get(name, ({}, ""))
        returned = load(module(name).RETURN)
        for expected, asked in (("success", ids), ("failure", [NOBODY])):
            for options, conditions in (({}, {"always", expected}), (more, {"always", expected, condition})):
                printed = run_module(name, incident_ids=asked, **REQUIRED.get(name, {}), **options)
                assert printed.status == (expected == "failure")
                documented = {key for key, value in returned.items() if value["returned"] in conditions}
                assert printed.result.keys() - ANSIBLES == documented
        assert {one["returned"] for one in returned.values()} <= {"always", "success", "failure", condition}
        assert not printed.result.keys() & {"diff"}

    def test_returns_are_of_the_documented_types(
        self, name: str, run_module: t.Callable[..., Printed], simulator: Simulator
    ) -> None:
        types: dict[str, t.Any] = {"str": str, "int": int, "list": list, "dict": dict}
        ids = simulator.add_incidents(2, assigned=1)
        simulator.fault(Fault(times=1, status=401))
        failed, ended = (run_module(name, incident_ids=ids, **REQUIRED.get(name, {})).result for _run in range(2))
        for result in (failed, ended):
            for key, value in load(module(name).RETURN).items():
                assert isinstance(result.get(key, types[value["type"]]()), types[value["type"]])
                for one in result.get(key, ()) if "elements" in value else ():
                    assert isinstance(one, types[value["elements"]])
        assert failed["failure"].keys() == CONTENTS["failure"]["contains"].keys()
        for key, value in CONTENTS["failure"]["contains"].items():
            assert isinstance(failed["failure"][key], types[value["type"]])

    def test_examples_use_options_that_exist(self, name: str) -> None:
        group = "group/coralogix.incidents.coralogix"
        options = {f"coralogix.incidents.{one}": documented_options(one) for one in MODULES}
        used = list(uses(load(module(name).EXAMPLES), {*options, group}))
        assert f"coralogix.incidents.{name}" in dict(used)
        for key, given in used:
            check_use(OPTIONS if key == group else options[key], given)


# One module documents what an incident and a failure hold, and the others refer to it.
CONTENTS = load(module("incident_unassign").RETURN)


def test_contents_are_documented_once() -> None:
    assert CONTENTS["ansible_facts"]["contains"]["coralogix_incidents"]["contains"] == CONTENTS["incidents"]["contains"]
    assert set(CONTENTS["failure"]["contains"]) == {"status", "method", "url", "message", "correlation_id"}
    for name in set(MODULES) - {"incident_unassign"}:
        returned = load(module(name).RETURN)
        for key in ("incidents", "failure"):
            assert f"RV(coralogix.incidents.incident_unassign#module:{key})" in str(returned[key]["description"])
            assert "contains" not in returned[key]


def test_what_excludes_what_is_documented(spec: t.Callable[[str], dict[str, t.Any]]) -> None:
    documented = load(module("incident_info").DOCUMENTATION)["options"]
    alone = {"incident_ids", "missing", "events"}
    pairs = {frozenset(pair) for pair in spec("incident_info")["mutually_exclusive"]}
    filters = {frozenset(("incident_ids", name)) for name in documented if name not in alone}
    assert pairs == {*filters, frozenset(("assignees", "assigned"))}
    assert "Cannot be given together with filters, O(order_by) or O(limit)" in prose(documented["incident_ids"])
    assert "Cannot be given together with O(assignees)" in prose(documented["assigned"])


def test_forms_of_times_are_documented() -> None:
    documented = load(module("incident_info").DOCUMENTATION)["options"]
    params: dict[str, t.Any] = dict.fromkeys(_filters.options())
    forms = re.findall(r"V\(([^)]+)\)", prose(documented["created_after"]))
    assert len(forms) > 5
    for form in forms:
        assert _filters.query({**params, "created_after": form}, datetime.now(timezone.utc)).values


def test_choices_of_a_module_that_filters_are_those_of_the_contract() -> None:
    # In this order the words stand for what the simulator knows under these names.
    for name, known in (("status", STATUSES), ("state", STATES), ("severity", SEVERITIES)):
        choices = load(module("incident_info").DOCUMENTATION)["options"][name]["choices"]
        full = [one for one in choices if one.startswith("INCIDENT_")]
        assert set(full) == {one for one in known if not one.endswith("_UNSPECIFIED")}
        assert [one.rsplit("_", 1)[1].lower() for one in full] == choices[: len(full)]
    fields = {f"INCIDENTS_FIELDS_{name.upper()}" for name in _filters.FIELDS}
    assert fields == {one for one in INCIDENT_FIELDS if not one.endswith("_UNSPECIFIED")}
