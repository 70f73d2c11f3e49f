# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tasks run in Ansible's own process, and which ones as modules. Both return the same.

At the highest verbosity Ansible shows each process that it starts on a host. Tasks in its own process start none.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from parity import normalise
from playbooks import (
    AS_MODULE,
    IN_PROCESS,
    KEY,
    MAX_VERBOSITY,
    MODULE_NAME,
    SWITCH,
    TARGET,
    Ansible,
    Run,
    host_name,
    unassign,
)
from simulator import Fault, Simulator
from tools.pythons import TOO_OLD, find_pythons

OWN_PYTHON = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
# Another path to the same Python is another Python: it may be in another virtual environment.
OTHER_PYTHON = {"ansible_python_interpreter": "{{ other_python }}"}


def become_method() -> str | None:
    """How this account can become root without a password."""
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return "sudo"
    return "su" if os.geteuid() == 0 and shutil.which("su") else None


class Context(NamedTuple):
    """How a task runs. All contexts are hosts of one play."""

    way: str
    variables: Mapping[str, Any] = MappingProxyType({})
    """Of the host. The play's task takes some of its keywords from them."""
    options: Mapping[str, Any] = MappingProxyType({})
    delegate: str = ""


CONTEXTS = {
    "own Python": Context(IN_PROCESS, OWN_PYTHON),
    "automatic": Context(IN_PROCESS, {"ansible_python_interpreter": "auto"}),
    "linked virtual environment": Context(IN_PROCESS, {"ansible_python_interpreter": "{{ linked_python }}"}),
    "another Python": Context(AS_MODULE, OTHER_PYTHON),
    "switched off": Context(AS_MODULE, {**OWN_PYTHON, SWITCH: "{{ 'no' }}"}),
    "another connection": Context(AS_MODULE, {**OWN_PYTHON, "ansible_connection": "elsewhere"}),
    "become": Context(AS_MODULE, {**OWN_PYTHON, "ansible_become": True, "ansible_become_method": become_method()}),
    "async": Context(AS_MODULE, {**OWN_PYTHON, "seconds": 60, "interval": 1}),
    "async without polling": Context(AS_MODULE, {**OWN_PYTHON, "seconds": 60, "interval": 0}),
    "environment": Context(
        IN_PROCESS, {**OWN_PYTHON, "env": {"CORALOGIX_URL": "{{ url }}", "X": 1}}, {"api_url": None}
    ),
    # These act only when a process starts.
    **{
        f"variable {name}": Context(AS_MODULE, {**OWN_PYTHON, "env": {name: value}})
        for name, value in (("PYTHONHASHSEED", "1"), ("LD_LIBRARY_PATH", "/nowhere"), ("OPENSSL_CONF", "/dev/null"))
    },
    "variable with a name for shells": Context(AS_MODULE, {**OWN_PYTHON, "env": {"A=B": "1"}}),
    "delegated to another Python": Context(AS_MODULE, OWN_PYTHON, delegate="with another Python"),
    "delegated to its own Python": Context(IN_PROCESS, OTHER_PYTHON, delegate="with its own Python"),
}
DELEGATES = {"with another Python": OTHER_PYTHON, "with its own Python": OWN_PYTHON}

PLAY = {
    "hosts": [host_name(name) for name in CONTEXTS],
    "gather_facts": False,
    "strategy": "free",
    "tasks": [
        {
            "name": "task",
            MODULE_NAME: "{{ options }}",
            "async": "{{ seconds | default(0) }}",
            "poll": "{{ interval | default(15) }}",
            "delegate_to": "{{ delegate | default(omit, true) }}",
            "environment": "{{ env | default({}) }}",
            "diff": True,
            "register": "job",
        }
    ],
}
STATUS_PLAY = {
    "hosts": host_name("async without polling"),
    "gather_facts": False,
    "tasks": [
        {
            "name": "status",
            "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
            "register": "status",
            "until": "status is finished",
            "delay": 1,
            "retries": 60,
        }
    ],
}


@pytest.fixture(scope="module")
def pythons(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Other paths to Ansible's own Python."""
    folder = tmp_path_factory.mktemp("pythons")
    (folder / "link").symlink_to(Path(sys.executable).parents[1], target_is_directory=True)
    other = folder / "python"
    other.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    other.chmod(0o755)
    return {"other_python": str(other), "linked_python": str(folder / "link" / "bin" / Path(sys.executable).name)}


@pytest.fixture(scope="module")
def contexts(simulators: Callable[..., Simulator], shared_ansible: Ansible, pythons: dict[str, str]) -> Run:
    """All contexts in one play."""
    hosts: dict[str, Any] = {host_name(name): {**variables, **pythons} for name, variables in DELEGATES.items()}
    for name, context in CONTEXTS.items():
        sim = simulators()
        options = {"api_url": sim.url, "api_key": KEY, "incident_ids": sim.add_incidents(2, assigned=1)}
        hosts[host_name(name)] = {
            **pythons,
            **context.variables,
            "url": sim.url,
            "options": {**options, **context.options},
            "delegate": host_name(context.delegate),
        }
    return shared_ansible.playbook([PLAY, STATUS_PLAY], MAX_VERBOSITY, hosts=hosts)


@pytest.mark.parity
@pytest.mark.parametrize("name", CONTEXTS)
def test_way_and_result(contexts: Run, name: str) -> None:
    context, result = CONTEXTS[name], contexts.of("status" if "without polling" in name else "task", name)
    if name == "become" and not become_method():
        pytest.skip("this account can become root by neither sudo nor su")
    assert contexts.started_module(context.delegate or name) == (context.way == AS_MODULE)
    own = contexts.of("task", "own Python")
    assert own["changed"] is True
    # Without polling, Ansible has no diff.
    keys = (own.result.keys() & {*result.result, "changed"}) - {"invocation"}
    assert keys >= {"incidents", "ansible_facts", "unassigned_ids", "not_found_ids"}
    assert normalise({key: result[key] for key in keys}) == normalise({key: own[key] for key in keys})


def play_text(text: str, **variables: str) -> str:
    """A play on localhost, with the tasks in the text."""
    head = "- hosts: localhost\n  gather_facts: false\n  tasks:\n"
    return head + textwrap.indent(textwrap.dedent(text).format(**variables), "    ")


@pytest.mark.parity
class TestKeywords:
    """Keywords of a task, each in a play of its own."""

    def test_loop_items_do_not_share_their_environment(self, ansible: Ansible, sim: Simulator) -> None:
        items = [{"CX_API_KEY": "k1", "CORALOGIX_URL": sim.url}, {"CORALOGIX_URL": sim.url}]
        task = {**unassign([sim.add_incident()], environment="{{ item }}", ignore_errors=True), "loop": items}
        run = ansible.play(task, args=MAX_VERBOSITY)
        first, second = run.only["results"]
        assert "did not accept the API key" in first["msg"]
        assert second["msg"].startswith("No API key.")
        assert not run.started_module()

    def test_until_loop_and_no_log(self, ansible: Ansible, sim: Simulator) -> None:
        ids = sim.add_incidents(3, assigned=3)
        options: dict[str, Any] = {"api_url": sim.url, "api_key": KEY, "retries": 0}
        sim.fault(Fault("read_many", when_id=ids[0], status=503, times=1))
        run = ansible.play(
            {**unassign([ids[0]], name="until", register="tried", **options), "until": "tried is success", "delay": 0},
            {**unassign("{{ item }}", name="loop", **options), "loop": ids[:2]},
            {**unassign([ids[2]], name="no_log", **options), "no_log": True},
            args=MAX_VERBOSITY,
        )
        assert run.returncode == 0, run.end
        assert (run.of("until")["attempts"], run.of("until")["unassigned_ids"]) == (2, [ids[0]])
        assert [result["unassigned_ids"] for result in run.of("loop")["results"]] == [[], [ids[1]]]
        assert run.of("no_log")["changed"] is True
        assert "incidents" not in run.of("no_log")
        assert ids[2] not in run.output
        assert not run.started_module()

    def test_nothing_is_written_after_the_timeout_of_the_task(self, ansible: Ansible, sim: Simulator) -> None:
        """As a module, the task would go on: the option deadline is for that."""
        ids = sim.add_incidents(1, assigned=1)
        sim.fault(Fault("read_many", delay=1.5))
        task = {**unassign(ids, api_url=sim.url, api_key=KEY, ignore_errors=True), "timeout": 1}
        run = ansible.play(task, args=MAX_VERBOSITY)
        assert run.only.failed
        assert not run.started_module()
        time.sleep(1)
        assert sim.writes == []

    def test_vault_and_time_without_quotes(self, ansible: Ansible, sim: Simulator) -> None:
        """Values that are not plain text. Where Ansible does not convert them to text, the task runs as a module."""
        ids = sim.add_incidents(1, assigned=1)
        vault = VaultLib([("default", VaultSecret(b"password"))]).encrypt(KEY).decode()
        text = """
            - name: vault
              coralogix.incidents.incident_info:
                api_url: {url}
                assigned: true
                api_key: !vault |
            {vault}

            - name: time
              coralogix.incidents.incident_info:
                api_url: {url}
                created_after: 2020-01-01T00:00:00Z
        """
        book = play_text(text, url=sim.url, vault=textwrap.indent(vault, " " * 18))
        password = ansible.folder / "password"
        password.write_text("password", encoding="utf-8")
        args = ["--vault-password-file", str(password), *MAX_VERBOSITY]
        run = ansible.playbook(book, args, {"CORALOGIX_API_KEY": KEY})
        assert run.returncode == 0, run.end
        for name in ("vault", "time"):
            assert [incident["id"] for incident in run.of(name)["incidents"]] == ids


@pytest.mark.parity
def test_ad_hoc(ansible: Ansible, sim: Simulator) -> None:
    ids = sim.add_incidents(3, assigned=3)
    arguments = f"api_url={sim.url} incident_ids='{ids[0]}, {ids[1]},{ids[2]}'"
    run = ansible.ad_hoc("incident_unassign", arguments, MAX_VERBOSITY, {"CX_API_KEY": KEY})
    assert run.returncode == 0, run.end
    assert run.only["unassigned_ids"] == ids
    assert sim.writes[0].ids == ids
    assert not run.started_module()


# What the library requests may do when it is imported, and what the message says. More of it: test_module.py.
BROKEN = {
    "raise ImportError(\"cannot import name 'x'\")": "ImportError: cannot import name 'x'",
    "import warnings; warnings.simplefilter('error'); warnings.warn('too new', RuntimeWarning)": (
        "RuntimeWarning: too new"
    ),
}


@pytest.fixture(scope="module")
def old_pythons() -> dict[str, Path]:
    """Version -> a Python that is too old for the collection."""
    return find_pythons(TOO_OLD)


@pytest.fixture(scope="module")
def failures(
    simulators: Callable[..., Simulator],
    shared_ansible: Ansible,
    bare_python: Path,
    old_pythons: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """Modules that fail before they send anything, in one play."""
    sim = simulators()
    options = {"api_url": sim.url, "api_key": KEY, "incident_ids": sim.add_incidents(1, assigned=1)}
    hosts: dict[str, dict[str, Any]] = {
        "refused": {"options": {**options, "regoin": "eu2"}},
        "bare": {"ansible_python_interpreter": str(bare_python)},
    }
    for version, python in old_pythons.items():
        hosts[host_name(version)] = {"ansible_python_interpreter": str(python)}
        hosts[host_name(f"async {version}")] = {"ansible_python_interpreter": str(python), "seconds": 60}
    for number, code in enumerate(BROKEN):
        folder = tmp_path_factory.mktemp("broken")
        (folder / "requests.py").write_text(f"{code}\n", encoding="utf-8")
        hosts[f"broken-{number}"] = {"env": {"PYTHONPATH": str(folder)}}
    task = {
        "name": "task",
        MODULE_NAME: "{{ options }}",
        "environment": "{{ env | default({}) }}",
        "async": "{{ seconds | default(0) }}",
        "poll": 1,
        "ignore_errors": True,
    }
    play = {"hosts": "all", "gather_facts": False, "strategy": "free", "tasks": [task]}
    run = shared_ansible.playbook(
        [play], MAX_VERBOSITY, hosts={name: {"options": options, **hosts[name]} for name in hosts}
    )
    assert sim.journal == []
    return run


class TestFailures:
    """Options that Ansible refuses; a library requests that is missing or broken; a Python that is too old."""

    def test_options_that_ansible_refuses(self, failures: Run) -> None:
        """The task is handed over to the module, which words the error."""
        message = failures.of("task", "refused")["msg"]
        assert f"Unsupported parameters for ({MODULE_NAME}) module: regoin." in message
        assert failures.started_module("refused")

    def test_missing_library(self, failures: Run, bare_python: Path) -> None:
        message = failures.of("task", "bare")["msg"]
        assert message.startswith(f"The Python library requests is missing on {bare_python}. Install it there")
        assert sys.executable not in message

    def test_broken_library(self, failures: Run) -> None:
        for number, text in enumerate(BROKEN.values()):
            message = failures.of("task", f"broken-{number}")["msg"]
            assert message.startswith("The Python library requests cannot be imported on ")
            assert f": {text}" in message

    @pytest.mark.parity
    @pytest.mark.parametrize("version", TOO_OLD)
    def test_old_python(self, failures: Run, old_pythons: dict[str, Path], version: str) -> None:
        """Some cannot even read the code of a module. Where Ansible itself refuses a Python, it says so as well."""
        if version not in old_pythons:
            pytest.skip(f"this machine has no Python {version}")
        for host in (version, f"async {version}"):
            task = failures.of("task", host)
            message = f"This module needs Python 3.9 or newer. {old_pythons[version]} is Python {version}. "
            messages_of_ansible = (
                "Ansible requires Python 3.9",
                "ansible-core requires a minimum of Python version 3.8",
            )
            assert task.failed
            assert task["msg"].startswith((message, *messages_of_ansible))
            assert "Traceback" not in json.dumps(task.result)

    def test_library_missing_for_ansible_itself(self, tmp_path: Path, bare_python: Path, sim: Simulator) -> None:
        """Another Python may have it. If it does not, the message says which Pythons were tried."""
        hide = tmp_path / "hide_requests.py"
        hide.write_text(textwrap.dedent(HIDE_REQUESTS), encoding="utf-8")
        ansible = Ansible(tmp_path, program=(sys.executable, str(hide)))
        hosts = {
            "works": {"ansible_python_interpreter": TARGET},
            "bare": {"ansible_python_interpreter": str(bare_python)},
        }
        task = unassign(sim.add_incidents(1, assigned=1), api_url=sim.url, api_key=KEY, ignore_errors=True)
        run = ansible.playbook([{"hosts": "all", "gather_facts": False, "tasks": [task]}], MAX_VERBOSITY, hosts=hosts)
        assert run.of("unassign", "works")["changed"] is True
        message = run.of("unassign", "bare")["msg"]
        assert f"requests is missing on {bare_python}." in message
        assert f"The Python of Ansible, {sys.executable}, cannot import it either." in message


HIDE_REQUESTS = """
    import runpy
    import sys

    class Hidden:
        def find_spec(self, name, path=None, target=None):
            if name == "requests":
                raise ModuleNotFoundError("No module named 'requests'", name="requests")

    sys.meta_path.insert(0, Hidden())
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
"""
