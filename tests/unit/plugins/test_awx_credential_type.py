# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credential type for AWX and Automation Platform has all connection options of the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible_collections.coralogix.incidents.plugins.module_utils._settings import CONNECTION_OPTIONS

FOLDER = Path(__file__).resolve().parents[3] / "extensions" / "awx"
# The options that environment variables stand in for.
FROM_ENVIRONMENT = {name: option["env"][0] for name, option in CONNECTION_OPTIONS.items() if "env" in option}


def load(half: str) -> Any:
    return yaml.safe_load((FOLDER / f"credential_type_{half}.yml").read_text(encoding="utf-8"))


def test_fields_are_the_options_that_the_environment_can_give() -> None:
    assert {field["id"] for field in load("inputs")["fields"]} == FROM_ENVIRONMENT.keys()


def test_injectors_fill_the_environment_variable_of_each_option() -> None:
    expected = {variable: f"{{{{ {name} }}}}" for name, variable in FROM_ENVIRONMENT.items()}
    assert load("injectors") == {"env": expected}


def test_secret_options_are_secret_fields() -> None:
    secret = {name for name, option in CONNECTION_OPTIONS.items() if option.get("no_log")}
    assert {field["id"] for field in load("inputs")["fields"] if field.get("secret")} == secret


def test_only_the_key_is_required() -> None:
    assert load("inputs")["required"] == ["api_key"]
