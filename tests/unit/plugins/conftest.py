# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit tests share: an environment without settings, a simulator, and real clients for it."""

from __future__ import annotations

import os
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _client, _options
from ansible_collections.coralogix.incidents.plugins.module_utils._incidents import Incidents
from hypothesis import Phase, settings
from made_up import KEY
from simulator import Simulator

# The same examples in every run, and no database of failures: CI and a laptop test the same.
settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    # Without Phase.explain, which takes minutes where an example is long.
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a key nor a proxy of the machine reaches a test."""
    for name in list(os.environ):
        if name.startswith(("CORALOGIX_", "CX_")) or name.upper().endswith(("_PROXY", "_CA_BUNDLE")):
            monkeypatch.delenv(name)


@pytest.fixture
def simulator() -> t.Iterator[Simulator]:
    """Serves version 5 as `latest` and knows KEY."""
    with Simulator() as made:
        made.add_key(KEY)
        yield made


@pytest.fixture
def sleeps() -> list[float]:
    """The waits of the clients that the fixtures below made; none of them really took place."""
    return []


@pytest.fixture
def params() -> t.Callable[..., dict[str, t.Any]]:
    """Connection options as AnsibleModule hands them over: all of them, null where nothing was given."""

    def make(**given: t.Any) -> dict[str, t.Any]:
        defaults = {name: option.get("default") for name, option in _options.CONNECTION_OPTIONS.items()}
        assert defaults.keys() >= given.keys()
        return {**defaults, "api_key": KEY, **given}

    return make


@pytest.fixture
def client(params: t.Callable[..., dict[str, t.Any]], sleeps: list[float]) -> t.Callable[..., _client.Client]:
    """Makes a client for a URL and further options."""

    def make(api_url: str, **given: t.Any) -> _client.Client:
        settings = _options.settings(params(api_url=api_url, **given), {})
        return _client.Client(settings, "tests", sleep=sleeps.append)

    return make


@pytest.fixture
def service(client: t.Callable[..., _client.Client]) -> t.Callable[..., Incidents]:
    """Makes the service for a URL and further options."""

    def make(api_url: str, **given: t.Any) -> Incidents:
        return Incidents(client(api_url, **given), given.get("api_version", "latest"))

    return make
