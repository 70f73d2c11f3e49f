# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit tests share: an environment without settings, a simulator, and real clients for it."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import typing as t

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible_collections.coralogix.incidents.plugins.module_utils import _client, _options
from ansible_collections.coralogix.incidents.plugins.module_utils._incidents import Incidents
from hypothesis import Phase, settings
from made_up import KEY, Printed
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

    def make(api_url: str, texts: t.Iterable[str] = (), **given: t.Any) -> Incidents:
        return Incidents(client(api_url, **given), given.get("api_version", "latest"), texts)

    return make


try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # ansible-core before 2.19

    @contextlib.contextmanager
    def patch_module_args(args: dict[str, t.Any] | None = None) -> t.Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode())
            yield


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str], simulator: Simulator) -> t.Callable[..., Printed]:
    """Runs a whole module, in this process: what it prints is what Ansible gets. An option ... takes a default away."""

    def run(name: str, **given: t.Any) -> Printed:
        args = {"api_url": simulator.url, "api_key": KEY, "retries": 0, **given}
        args = {name: value for name, value in args.items() if value is not ...}
        module = importlib.import_module(f"ansible_collections.coralogix.incidents.plugins.modules.{name}")
        # They outlive a run, which elsewhere is a process of its own.
        warnings._global_warnings.clear()
        with patch_module_args(args), pytest.raises(SystemExit) as ended:
            module.main()
        printed = capsys.readouterr()
        assert KEY not in printed.out + printed.err
        return Printed(int(ended.value.code or 0), json.loads(printed.out), printed.out)

    return run
