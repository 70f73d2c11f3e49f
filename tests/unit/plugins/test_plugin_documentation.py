# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation says what the code does."""

from __future__ import annotations

import importlib
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.coralogix.incidents.plugins.doc_fragments import attributes, connection, incident_ids
from ansible_collections.coralogix.incidents.plugins.module_utils import _client, _module, _options, _routes

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
    assert ("two minutes" in prose(OPTIONS["retries"])) == (_client.MAX_WAIT == 120)


class Spec(Exception):
    """Carries an argument spec out of run_change."""


def test_incident_options_are_documented_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def instead(argument_spec: dict[str, t.Any], **given: t.Any) -> t.NoReturn:
        raise Spec({"argument_spec": argument_spec, **given})

    monkeypatch.setattr(_module, "AnsibleModule", instead)
    with pytest.raises(Spec) as raised:
        module("incident_unassign").main()
    given = raised.value.args[0]
    documented = load(incident_ids.ModuleDocFragment.DOCUMENTATION)["options"]
    plain = {name: {k: v for k, v in option.items() if k != "description"} for name, option in documented.items()}
    assert given == {"argument_spec": {**plain, **_options.argument_spec()}, "supports_check_mode": True}


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


@pytest.mark.parametrize("name", MODULES)
class TestModule:
    def test_declares_what_all_modules_share(self, name: str) -> None:
        documentation = load(module(name).DOCUMENTATION)
        assert documentation["module"] == name
        fragments = documentation["extends_documentation_fragment"]
        assert {"coralogix.incidents.attributes", "coralogix.incidents.connection"} <= set(fragments)
        declared = load(attributes.ModuleDocFragment.DOCUMENTATION)["attributes"]
        assert {"check_mode", "diff_mode", "idempotent", "action_group"} == set(declared)
        assert set(documentation["attributes"]) <= set(declared)

    def test_names_the_permissions(self, name: str) -> None:
        text = module(name).DOCUMENTATION
        operation = _routes.OPERATIONS[module(name).UNASSIGN.operation]
        assert f"C({operation.permission})" in text
        assert f"C({_routes.OPERATIONS['read'].permission})" in text
        assert ("personal key" in text) == operation.personal_key

    def test_returns_what_it_documents(self, name: str) -> None:
        returned = load(module(name).RETURN)
        assert set(returned) == {"incidents", "ansible_facts", "unassigned_ids", "not_found_ids", "failure"}
        assert set(returned["failure"]["contains"]) == {"status", "method", "url", "message", "correlation_id"}
        assert (
            returned["ansible_facts"]["contains"]["coralogix_incidents"]["contains"]
            == (returned["incidents"]["contains"])
        )

    def test_examples_use_options_that_exist(self, name: str) -> None:
        known = {*OPTIONS, *load(incident_ids.ModuleDocFragment.DOCUMENTATION)["options"]}
        full_name = f"coralogix.incidents.{name}"
        used: list[dict[str, t.Any]] = []

        def collect(node: t.Any) -> None:
            if isinstance(node, dict):
                used.extend(
                    value for key, value in node.items() if key in (full_name, "group/coralogix.incidents.coralogix")
                )
            for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
                collect(inner)

        collect(load(module(name).EXAMPLES))
        assert used
        assert [set(options) - known for options in used] == [set()] * len(used)
