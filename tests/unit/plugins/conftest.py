# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the unit tests: an environment without settings, a simulator, a module that runs in this process."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import typing as t

import in_process
import pytest
import trustme
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from helpers import KEY, Pki, Result
from hypothesis import HealthCheck, Phase, settings
from simulator import Simulator

# The same examples in every run, and no database of failures: CI and a laptop test the same.
settings.register_profile(
    "repeatable",
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
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
    with Simulator() as started:
        started.add_key(KEY)
        yield started


@pytest.fixture
def sim(simulator: Simulator) -> Simulator:
    """For in_process.Runner, which has a key of its own."""
    simulator.add_key(in_process.KEY)
    return simulator


@pytest.fixture
def run(sim: Simulator) -> in_process.Runner:
    return in_process.Runner(sim)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    pairs = []
    for name in ("127.0.0.1", "other.example.com"):
        issued, pair = authority.issue_cert(name), (str(folder / f"{name}.pem"), str(folder / f"{name}.key"))
        issued.cert_chain_pems[0].write_to_path(pair[0])
        issued.private_key_pem.write_to_path(pair[1])
        pairs.append(pair)
    return Pki(str(folder / "ca.pem"), *pairs)


@pytest.fixture
def write_only_key(simulator: Simulator) -> None:
    """The key may write everything and read nothing."""
    simulator.add_key(KEY, permissions=["incidents:assign", "incidents:acknowledge", "incidents:close"])


@pytest.fixture
def subprocess_environ() -> dict[str, str]:
    """For a Python of its own that imports what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # ansible-core before 2.19

    @contextlib.contextmanager
    def patch_module_args(args: dict[str, t.Any] | None = None) -> t.Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode())
            yield


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str], simulator: Simulator) -> t.Iterator[t.Callable[..., Result]]:
    """Runs a whole module in this process. Returns what it prints; `text` has all of it. An option ... is left out."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(name: str, **options: t.Any) -> Result:
        args = {"api_url": simulator.url, "api_key": KEY, "retries": 0, **options}
        module = importlib.import_module(f"ansible_collections.coralogix.incidents.plugins.modules.{name}")
        # They outlive a run. Elsewhere, every run has a process of its own.
        warnings._global_warnings.clear()
        given = {option: value for option, value in args.items() if value is not ...}
        with patch_module_args(given), pytest.raises(SystemExit) as ended:
            module.main()
        printed = capsys.readouterr()
        assert KEY not in printed.out + printed.err
        result: Result = json.loads(printed.out)
        assert bool(ended.value.code) == result.get("failed", False)
        return {**result, "text": printed.out}

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
