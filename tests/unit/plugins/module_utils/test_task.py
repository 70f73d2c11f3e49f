# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole task, from options as Ansible converts them to its result, without a module around it."""

from __future__ import annotations

import importlib
import json
import sys
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.coralogix.incidents.plugins.module_utils import _portable
from ansible_collections.coralogix.incidents.plugins.module_utils._task import Task, run_task
from ansible_collections.coralogix.incidents.plugins.module_utils._transport import Transport
from ansible_collections.coralogix.incidents.plugins.modules import incident_info, incident_unassign
from helpers import KEY, UNKNOWN, UNKNOWN_2, A, Result, ScriptedTransport, incident, respond, table
from simulator import Fault, Simulator

MODULES = "ansible_collections.coralogix.incidents.plugins.modules"


def run(definition: t.Any, target: t.Any, environ: t.Mapping[str, str] = {}, **options: t.Any) -> Result:
    """The result of a task at a simulator, or behind a transport. An option ... is left out."""
    modes = {name: options.pop(name, False) for name in ("check_mode", "diff")}
    url = target.url if isinstance(target, Simulator) else "https://api.example.com"
    given = {"api_key": KEY, "api_url": url, "retries": 0, **options}
    given = {name: value for name, value in given.items() if value is not ...}
    spec = ArgumentSpecValidator(definition.argument_spec, mutually_exclusive=definition.mutually_exclusive)
    validated = spec.validate(given)
    assert validated.error_messages == []
    task = Task(validated.validated_parameters, given, environ, **modes, ansible_version="2.99")
    new_transport = Transport if isinstance(target, Simulator) else lambda *_args: target
    result = run_task(definition, task, new_transport, sleep=lambda _seconds: None)
    assert KEY not in json.dumps(result)
    return result


def change(target: t.Any, ids: t.Any, **options: t.Any) -> Result:
    return run(incident_unassign.MODULE, target, incident_ids=ids, **options)


def find(target: t.Any, **options: t.Any) -> Result:
    return run(incident_info.MODULE, target, **options)


# Modules that change incidents.
def test_change_returns_incidents_in_the_order_asked(simulator: Simulator) -> None:
    ids = simulator.add_incidents(2, assigned=1)
    result = change(simulator, [ids[1], f" {ids[0]} ", ids[1], ids[0].upper()], diff=True)
    assert (result["changed"], result["unassigned_ids"]) == (True, [ids[0]])
    assert result["incidents"] == [simulator.incident(ids[1]), simulator.incident(ids[0])]
    assert result["diff"]["prepared"].startswith(f'{ids[0]} "')
    checked = change(simulator, ",".join(ids), check_mode=True, include_events=False)
    assert (checked["changed"], "diff" in checked) == (False, False)
    assert not any("events" in item for item in checked["ansible_facts"]["coralogix_incidents"])


@pytest.mark.parametrize("check_mode", [False, True])
def test_empty_list_sends_nothing_and_needs_no_key(check_mode: bool) -> None:
    transport = ScriptedTransport(respond(b"", 500))
    assert change(transport, [], api_key=..., api_url="nonsense", check_mode=check_mode) == {
        "changed": False,
        "incidents": [],
        "unassigned_ids": [],
        "not_found_ids": [],
        "ansible_facts": {"coralogix_incidents": []},
    }
    assert transport.requests == []


REFUSED: dict[str, tuple[dict[str, t.Any], str]] = {
    "blank ID": ({"incident_ids": [" "]}, "blank"),
    "list as text": ({"incident_ids": "['A','B']"}, "a bracket"),
    "ID too long": ({"incident_ids": ["x" * 9000]}, "9000 characters"),
    "no key": ({"api_key": ...}, "CORALOGIX_API_KEY"),
    "unknown region": ({"region": "eu9", "api_url": ...}, "eu9"),
    "two hosts": ({"region": "eu2"}, "region"),
    "timeout": ({"timeout": "nan"}, "timeout is nan"),
    "version": ({"api_url": "https://x.example/mgmt/openapi/2"}, "2"),
}


@table("options, message", REFUSED)
def test_option_that_cannot_be_used_is_refused_with_a_whole_result(options: dict[str, t.Any], message: str) -> None:
    transport = ScriptedTransport(respond(b"", 500))
    result = run(incident_unassign.MODULE, transport, **{"incident_ids": [UNKNOWN], **options})
    assert (result["failed"], result["changed"], "failure" in result) == (True, False, False)
    assert result["incidents"] == result["unassigned_ids"] == result["not_found_ids"] == []
    assert message in result["msg"]
    assert transport.requests == []


@pytest.mark.parametrize("assignee", ["", " \t\n"])
@pytest.mark.parametrize("ids", [[A], []])
def test_blank_assignee_is_refused(assignee: str, ids: list[str]) -> None:
    definition = importlib.import_module(f"{MODULES}.incident_assign").MODULE
    result = run(definition, ScriptedTransport(None), incident_ids=ids, assignee=assignee)
    assert (result["msg"], result["reassigned_ids"]) == ("assignee is blank. Nothing was changed.", {})


@pytest.mark.parametrize("definition", [incident_unassign.MODULE, incident_info.MODULE], ids=["change", "info"])
def test_null_is_refused_by_name(definition: t.Any) -> None:
    transport = ScriptedTransport(respond(b"", 500))
    for name in definition.not_null:
        params = {"incident_ids": None, **dict.fromkeys(definition.options)}
        result = run_task(definition, Task(params, {name: None}, {}, False, False, ""), lambda *_args: transport)
        assert (result["failed"], result["changed"], "failure" in result) == (True, False, False)
        assert result["msg"].startswith(f"{name} is null.")
    assert set(definition.not_null) >= {"incident_ids"}
    assert transport.requests == []


def test_environment_of_the_task_counts(simulator: Simulator) -> None:
    environ = {"CX_API_KEY": KEY, "CORALOGIX_URL": simulator.url}
    assert (
        find(simulator, environ=environ, api_key=..., api_url=..., incident_ids=[UNKNOWN], missing="ignore")["count"]
        == 0
    )
    simulator.fault(Fault(status=401))
    message = find(simulator, environ=environ, api_key=..., api_url=..., incident_ids=[UNKNOWN])["msg"]
    assert "CX_API_KEY" in message
    assert "CORALOGIX_URL, which names this host" in message


def test_requests_of_a_task_share_a_correlation_id_and_name_the_versions(simulator: Simulator) -> None:
    for _task in range(2):
        change(simulator, simulator.add_incidents(1, assigned=1))
    headers = [entry.headers for entry in simulator.journal]
    first, same, other, _same = (each["x-cx-correlation-id"] for each in headers)
    assert (first == same, first == other) == (True, False)
    python = "{}.{}.{}".format(*sys.version_info)
    assert headers[0]["user-agent"].split()[1:] == ["ansible-core/2.99", f"Python/{python}"]


@pytest.mark.parametrize("source", ["api_key", "CORALOGIX_API_KEY", "CX_API_KEY"])
@pytest.mark.parametrize("key", [KEY, f"Bearer {KEY}"], ids=["bare", "with prefix"])
def test_key_is_masked_wherever_it_comes_back(simulator: Simulator, source: str, key: str) -> None:
    options = {"api_key": key} if source == "api_key" else {"api_key": ..., "environ": {source: key}}
    simulator.add_incident(A, name=f"n {KEY}", contextualLabels={f"l {KEY}": KEY}, assignees=["u"])
    result = change(simulator, [A], diff=True, **options)  # That the key is nowhere in it is what run() asserts.
    assert result["incidents"][0]["contextualLabels"] == {"l ********": "********"}
    assert '"n ********": u -> nobody' in result["diff"]["prepared"]
    simulator.fault(Fault(status=403, body={"message": f"invalid key {KEY}"}))
    assert find(simulator, incident_ids=[A], **options)["failure"]["message"] == "invalid key ********"
    assert "invalid key ********" in change(simulator, [A], **options)["msg"]


def test_answer_that_ansible_cannot_carry_is_changed_with_a_warning(simulator: Simulator) -> None:
    simulator.fault(
        Fault("read_many", replace={"incidents": {A: incident(A, "u", x={"__ansible_type": 1})}, "notFoundIds": []})
    )
    result = change(simulator, [A], check_mode=True)
    assert (result["incidents"], result["warnings"]) == ([incident(A, x={"___ansible_type": 1})], [_portable.RENAMED])


ODD_FIELDS: dict[str, dict[str, t.Any]] = {
    "null character": {"name": "\0"},
    "numbers": {"duration": 10**400, "isMuted": 1e308},
    "no number": {"duration": float("inf"), "isMuted": float("-inf")},
    "line separators": {"name": "\u2028\u2029\x85"},
    "template": {"displayLabels": {"_ansible_no_log": True, "{{ 7*7 }}": "{{ 7*7 }}"}},
}


@table("fields", ODD_FIELDS)
def test_other_odd_data_is_returned_as_it_is(fields: dict[str, t.Any]) -> None:
    shown = incident(A, **fields)
    result = change(ScriptedTransport(respond({"incidents": {A: shown}, "notFoundIds": []})), [A])
    assert result["incidents"] == [shown]


def test_exception_before_anything_was_sent_becomes_a_result() -> None:
    def fail(*_args: t.Any) -> t.Any:
        raise KeyError(KEY)

    task = Task(
        {"api_key": KEY, "incident_ids": [A], "missing": "fail", "include_events": True}, {}, {}, False, False, ""
    )
    result = run_task(incident_unassign.MODULE, task, fail)
    assert (result["failed"], result["changed"]) == (True, False)
    assert result["msg"] == "The task was interrupted (KeyError: '********')."
    assert "fail" in result["exception"]
    assert KEY not in str(result)


# The module that finds incidents.
@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_find_by_ids(simulator: Simulator, missing: str) -> None:
    first, second = simulator.add_incidents(2, assigned=1)
    result = find(simulator, incident_ids=[UNKNOWN, second, f" {first} ", second.upper(), UNKNOWN_2], missing=missing)
    assert result["incidents"] == [simulator.incident(second), simulator.incident(first)]
    assert (result["count"], result["total"], result["not_found_ids"]) == (2, 2, [UNKNOWN, UNKNOWN_2])
    assert (result["changed"], "ansible_facts" in result) == (False, False)
    assert ("failed" in result) == ("msg" in result) == ("failure" in result) == (missing == "fail")
    assert [entry.operation for entry in simulator.journal] == ["read_many"]


@pytest.mark.parametrize("options", [{"incident_ids": []}, {"assignees": []}, {"meta_labels": {"team": []}}], ids=str)
def test_nothing_is_found_without_a_request(options: dict[str, t.Any]) -> None:
    result = find(ScriptedTransport(None), **options, api_key=..., api_url="nonsense")
    assert result == {"changed": False, "incidents": [], "count": 0, "total": 0, "not_found_ids": []}


def test_find_by_filters(simulator: Simulator) -> None:
    fields: dict[str, t.Any] = {"displayLabels": {"team": "x"}, "severity": "INCIDENT_SEVERITY_CRITICAL"}
    ids = [
        simulator.add_incident(assignees=users, createdAt=f"2026-01-0{day}T00:00:00Z", **fields)
        for day, users in enumerate((["u1"], [], ["u2"], [], ["u1"]), 1)
    ]
    simulator.add_incident(displayLabels={"team": "y"}, severity="INCIDENT_SEVERITY_CRITICAL")

    def found(**options: t.Any) -> tuple[list[str], int, int]:
        filters = {"display_labels": {"team": "x"}, "severity": "critical", "order_by": [{"field": "created_time"}]}
        result = find(simulator, **{**filters, **options})
        assert any("events" in item for item in result["incidents"]) == options.get("include_events", True)
        return [item["id"] for item in result["incidents"]], result["count"], result["total"]

    assert found(api_version=5) == (ids, 5, 5)
    assert found(assigned=False, include_events=False) == ([ids[1], ids[3]], 2, 5)
    assert found(order_by=[{"field": "created_time", "direction": "desc"}], limit=1) == (ids[-1:], 1, 5)
    assert found(created_after="2026-01-02", created_before="2026-01-04T00:00:00Z", check_mode=True)[0] == ids[1:4]


def test_failed_page_returns_no_part_of_a_list() -> None:
    pages = [{"incidents": [incident(A)], "pagination": {"totalSize": 5, "nextPageToken": "1"}}]
    result = find(ScriptedTransport(*map(respond, pages), respond(b"", 500)), muted=False, api_version="5")
    assert (result["failed"], result["incidents"], result["count"], result["failure"]["status"]) == (True, [], 0, 500)
    assert "1 of 5 incidents had been read." in result["msg"]
    # Nothing could have been changed, and nothing is said of it.
    assert "changed" not in result["msg"]


@pytest.mark.parametrize("options", [{"incident_ids": [UNKNOWN]}, {"muted": True}], ids=str)
def test_key_that_may_not_read_is_explained(simulator: Simulator, options: dict[str, t.Any]) -> None:
    simulator.add_key(KEY, permissions=["incidents:assign"])
    result = find(simulator, **options)
    assert (result["failed"], result["failure"]["status"]) == (True, 403)
    assert "incidents:read" in result["msg"]
