# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module prints for Ansible. A task itself is in test_task.py."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _module
from helpers import KEY, UNKNOWN, Result, table
from simulator import Fault, Simulator

Run = t.Callable[..., Result]
Environ = t.Mapping[str, str]


def test_module_prints_the_result_of_the_task(run_module: Run, simulator: Simulator) -> None:
    ids = simulator.add_incidents(2, assigned=1)
    result = run_module("incident_unassign", incident_ids=",".join(ids), _ansible_diff=True)
    assert (result["changed"], result["unassigned_ids"]) == (True, ids[:1])
    assert result["incidents"] == [simulator.incident(item_id) for item_id in ids]
    assert result["diff"]["prepared"].count("\n") == 1
    simulator.act("assign", ids[1], "u1")
    checked = run_module("incident_unassign", incident_ids=ids, _ansible_check_mode=True)
    assert (checked["unassigned_ids"], len(simulator.writes)) == (ids[1:], 1)
    assert "failed" not in checked


MODULES = sorted(path.stem for path in (Path(__file__).parents[4] / "plugins" / "modules").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_module_starts_on_this_python(run_module: Run, simulator: Simulator, name: str) -> None:
    result = run_module(name, api_url="nonsense")
    assert (result["failed"], "exception" in result, simulator.journal) == (True, False, [])


def test_module_fails_with_a_message(run_module: Run) -> None:
    result = run_module("incident_unassign", incident_ids=[UNKNOWN])
    assert (result["failed"], result["not_found_ids"], result["failure"]["status"]) == (True, [UNKNOWN], None)


def test_warnings_are_printed_without_the_key(run_module: Run, simulator: Simulator) -> None:
    simulator.fault(Fault("read_many", status=403, body={"message": f"the key {KEY} may not read"}))
    result = run_module("incident_unassign", incident_ids=simulator.add_incidents(1, assigned=1))
    assert "the key ******** may not read" in result["text"]
    assert result["changed"]


REFUSED: dict[str, tuple[dict[str, t.Any], str]] = {
    "null IDs": ({"incident_ids": None}, "incident_ids is null"),
    "null filter": ({"assignees": None}, "assignees is null"),
    "null IDs and a key that is a number": ({"incident_ids": None, "api_key": 12345678}, "incident_ids is null"),
    "list in a list": ({"incident_ids": [["a"]]}, "incident_ids contains a list in a list"),
    "IDs and a filter": ({"incident_ids": [UNKNOWN], "muted": True}, "mutually exclusive: incident_ids|muted"),
    "IDs and a limit": ({"incident_ids": [UNKNOWN], "limit": 1}, "mutually exclusive: incident_ids|limit"),
    "assigned and assignees": ({"assigned": True, "assignees": ["u"]}, "mutually exclusive: assignees|assigned"),
    "unknown status": ({"status": "open"}, "value of status must be one or more of"),
    "search nowhere": ({"search": {"text": "x"}}, "one of the following is required: field, contextual_label"),
    "order by two": ({"order_by": [{"field": "id", "contextual_label": "x"}]}, "exclusive: field|contextual_label"),
    "not in version 3": ({"contextual_labels": {"a": "b"}, "api_version": "3"}, "set api_version to 5"),
    "limit": ({"limit": 0}, "limit is 0"),
    "misspelt option": ({"severities": ["low"]}, "Unsupported parameters"),
    "null for an option with a default": ({"missing": None, "incident_ids": []}, "missing"),
}


@table("options, message", REFUSED)
def test_invalid_options_are_refused(
    run_module: Run, simulator: Simulator, options: dict[str, t.Any], message: str
) -> None:
    result = run_module("incident_info", **options)
    assert result["failed"]
    assert message in result["msg"]
    assert simulator.journal == []


def test_null_assignee_is_refused(run_module: Run, simulator: Simulator) -> None:
    result = run_module("incident_assign", incident_ids=simulator.add_incidents(1), assignee=None)
    assert result["failed"]
    assert "assignee" in result["msg"]
    assert simulator.journal == []


# Processes of their own.
def start(environ: Environ, prelude: str = "", **options: t.Any) -> subprocess.Popen[str]:
    """A module that runs alone, in a Python where something else happened before."""
    args = {"ANSIBLE_MODULE_ARGS": {"api_key": KEY, "_ansible_version": "2.99", "retries": 0, **options}}
    script = (
        f"{prelude}\nfrom ansible.module_utils import basic\n"
        f"basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = {json.dumps(args).encode()!r}, 'legacy'\n"
        "from ansible_collections.coralogix.incidents.plugins.modules.incident_unassign import main\nmain()\n"
    )
    command = [sys.executable, "-c", script]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(environ))


def result_of(process: subprocess.Popen[str]) -> Result:
    out, errors = process.communicate(timeout=30)
    assert (KEY in out + errors, errors) == (False, "")
    result: Result = json.loads(out)
    return result


MISSING = "import sys; sys.modules['requests'] = None"


def test_missing_requests_is_explained_and_an_empty_list_needs_none(subprocess_environ: Environ) -> None:
    result = result_of(start(subprocess_environ, MISSING, incident_ids=[UNKNOWN]))
    assert "library requests is missing" in result["msg"]
    assert sys.executable in result["msg"]
    assert (result["failed"], result["changed"], result["unassigned_ids"]) == (True, False, [])
    assert not result_of(start(subprocess_environ, MISSING, incident_ids=[])).get("failed")


BROKEN = {
    "ImportError": ("raise ImportError('libssl is too old')", "ImportError: libssl is too old"),
    "AttributeError": ("raise AttributeError('no such thing')", "AttributeError: no such thing"),
    "SyntaxError": ("a b", "SyntaxError: "),
    "left-over folder": ("", "AttributeError: "),
    "warning turned error": (
        "import warnings; warnings.simplefilter('error'); warnings.warn('odd')",
        "UserWarning: odd",
    ),
}


@table("source, words", BROKEN)
def test_broken_requests_says_what_is_wrong(
    subprocess_environ: Environ, tmp_path: Path, source: str, words: str
) -> None:
    (tmp_path / "requests.py").write_text(source)
    environ = {**subprocess_environ, "PYTHONPATH": f"{tmp_path}:{subprocess_environ['PYTHONPATH']}"}
    result = result_of(start(environ, incident_ids=[UNKNOWN]))
    assert words in result["msg"]
    assert "is missing" not in result["msg"]
    assert result["changed"] is False


def test_old_python_gets_a_message(subprocess_environ: Environ) -> None:
    problem = _module.python_problem("/usr/bin/python3", (3, 8, 18, "final", 0))
    assert problem
    assert "needs Python 3.9 or newer. /usr/bin/python3 is Python 3.8." in problem
    assert _module.python_problem("/usr/bin/python3", (3, 9, 0, "final", 0)) is None
    prelude = "import sys; sys.version_info = (3, 8, 18, 'final', 0)"
    # What ansible-core itself asks of its Python comes first on some versions.
    assert "Python" in result_of(start(subprocess_environ, prelude, incident_ids=[UNKNOWN]))["msg"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("operation", ["read_many", "unassign"])
def test_signal_ends_the_module_soon_with_a_result(
    simulator: Simulator, subprocess_environ: Environ, number: signal.Signals, operation: str
) -> None:
    simulator.fault(Fault(operation, hang=20))
    process = start(subprocess_environ, incident_ids=simulator.add_incidents(1, assigned=1), api_url=simulator.url)
    until = time.monotonic() + 20
    while not any(entry.operation == operation for entry in simulator.journal) and time.monotonic() < until:
        time.sleep(0.01)
    began = time.monotonic()
    process.send_signal(number)
    result = result_of(process)
    assert time.monotonic() - began < 3
    assert (result["failed"], result["changed"]) == (True, operation == "unassign")
    assert ("Perhaps unassigned" if operation == "unassign" else "Nothing was changed.") in result["msg"]


def test_signal_before_the_first_request_is_not_lost(simulator: Simulator, subprocess_environ: Environ) -> None:
    prelude = "import os, signal, uuid; new = uuid.uuid4\n"
    # The correlation ID is made when there is no client yet that could be stopped.
    prelude += "uuid.uuid4 = lambda: os.kill(os.getpid(), signal.SIGTERM) or new()"
    result = result_of(start(subprocess_environ, prelude, incident_ids=[UNKNOWN], api_url=simulator.url))
    assert (result["failed"], result["changed"], simulator.journal) == (True, False, [])
