# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole task, from options as Ansible converts them to its result, without a module around it."""

from __future__ import annotations

import json
import sys
import typing as t

import in_process
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.coralogix.incidents.plugins.module_utils import _executor, _portable, _task
from ansible_collections.coralogix.incidents.plugins.module_utils._service import Service
from ansible_collections.coralogix.incidents.plugins.module_utils._task import Task, run_task
from ansible_collections.coralogix.incidents.plugins.module_utils._transport import Transport
from helpers import KEY, UNKNOWN, UNKNOWN_2, URL, A, Result, ScriptedTransport, incident, missing_words, respond, table
from simulator import Fault, Simulator


def run(name: str, target: t.Any, environ: t.Any = None, **options: t.Any) -> Result:
    """The result of a task at a simulator, or behind a transport. An option ... is left out."""
    definition = in_process.definition(f"incident_{name}")
    modes = {mode: options.pop(mode, False) for mode in ("check_mode", "diff")}
    url = target.url if isinstance(target, Simulator) else URL
    given = {"api_key": KEY, "api_url": url, "retries": 0, **options}
    given = {option: value for option, value in given.items() if value is not ...}
    spec = ArgumentSpecValidator(definition.argument_spec, mutually_exclusive=definition.mutually_exclusive)
    validated = spec.validate(given)
    assert validated.error_messages == []
    task = Task(validated.validated_parameters, given, environ or {}, **modes, ansible_version="2.99")
    new_transport = Transport if isinstance(target, Simulator) else lambda *_args: target
    result = run_task(definition, task, new_transport, sleep=lambda _seconds: None)
    assert KEY not in json.dumps(result)
    return result


@pytest.fixture
def silent() -> t.Iterator[ScriptedTransport]:
    """A transport that gets no request."""
    transport = ScriptedTransport(respond(b"", 500))
    yield transport
    assert transport.requests == []


# Modules that change incidents.
def test_change_returns_incidents_in_the_order_asked(simulator: Simulator) -> None:
    ids = simulator.add_incidents(2, assigned=1)
    result = run("unassign", simulator, incident_ids=[ids[1], f" {ids[0]} ", ids[1], ids[0].upper()], diff=True)
    assert (result["changed"], result["unassigned_ids"]) == (True, [ids[0]])
    assert result["incidents"] == [simulator.incident(ids[1]), simulator.incident(ids[0])]
    assert result["diff"]["prepared"].startswith(f'{ids[0]} "')
    checked = run("unassign", simulator, incident_ids=",".join(ids), check_mode=True, include_events=False)
    assert (checked["changed"], "diff" in checked) == (False, False)
    assert not any("events" in item for item in checked["ansible_facts"]["coralogix_incidents"])


@pytest.mark.parametrize("check_mode", [False, True])
def test_empty_list_sends_nothing_and_needs_no_key(silent: ScriptedTransport, check_mode: bool) -> None:
    assert run("unassign", silent, incident_ids=[], api_key=..., api_url="nonsense", check_mode=check_mode) == {
        "changed": False,
        "incidents": [],
        "unassigned_ids": [],
        "not_found_ids": [],
        "ansible_facts": {"coralogix_incidents": []},
    }


REFUSED: list[tuple[dict[str, t.Any], str]] = [
    ({"incident_ids": [" "]}, "blank"),
    ({"incident_ids": "['A','B']"}, "a bracket"),
    ({"incident_ids": ["x" * 9000]}, "9000 characters"),
    ({"api_key": ...}, "CORALOGIX_API_KEY"),
    ({"assignee": "['u']"}, "assignee contains \"['u']\", which cannot be an ID: it contains a bracket."),
    ({"assignee": "x" * 9000}, "assignee has 9000 characters. The API takes at most 300."),
    ({"region": "eu9", "api_url": ...}, "eu9"),
    ({"region": "eu2"}, "region"),
    ({"timeout": "nan"}, "timeout is nan"),
    ({"api_url": "https://x.example/mgmt/openapi/2"}, "2"),
    *(({"assignee": blank, "incident_ids": ids}, "assignee is blank.") for blank in ("", " \t\n") for ids in ([A], [])),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=lambda part: str(part)[:50])
def test_option_that_cannot_be_used_is_refused_with_a_whole_result(
    silent: ScriptedTransport, options: dict[str, t.Any], message: str
) -> None:
    result = run("assign", silent, **{"incident_ids": [UNKNOWN], "assignee": "u", **options})
    assert (result["failed"], result["changed"], "failure" in result) == (True, False, False)
    assert result["incidents"] == result["assigned_ids"] == result["not_found_ids"] == []
    assert (message in result["msg"], result["reassigned_ids"]) == (True, {})
    assert result["msg"].endswith("Nothing was changed.")


@pytest.mark.parametrize("name", ["incident_unassign", "incident_info"])
def test_null_is_refused_by_name(silent: ScriptedTransport, name: str) -> None:
    definition = in_process.definition(name)
    assert "incident_ids" in definition.not_null
    for option in definition.not_null:
        task = Task(dict.fromkeys(definition.options), {option: None}, {}, False, False, "")
        result = run_task(definition, task, lambda *_args: silent)
        assert (result["failed"], result["changed"], "failure" in result) == (True, False, False)
        assert result["msg"].startswith(f"{option} is null.")


@pytest.mark.parametrize("option", ["applications", "status", "assignees"])
def test_list_written_as_text_is_refused(silent: ScriptedTransport, option: str) -> None:
    definition = in_process.definition("incident_info")
    text = " ['a','b'] "
    params = {**dict.fromkeys(definition.options), option: ["['a'", "'b']"], "include_events": True}
    result = run_task(definition, Task(params, {option: text}, {}, False, False, ""), lambda *_args: silent)
    assert result["msg"].startswith(f"{option} is {text.strip()!r}, a list written as text. Give a YAML list")
    assert (result["failed"], result["incidents"], silent.requests) == (True, [], [])


def test_key_that_is_no_text_is_refused(silent: ScriptedTransport) -> None:
    result = run("info", silent, api_key=..., environ={"CX_API_KEY": "cxup_of_bytes\udcff"})
    assert result["msg"].startswith("CX_API_KEY contains a quote, a blank,")


def test_exception_before_a_write_ends_in_a_whole_result(
    silent: ScriptedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Service, "read", raising(MemoryError()))
    result = run("unassign", silent, incident_ids=[A])
    assert (result["failed"], result["changed"], result["incidents"], result["unassigned_ids"]) == (True, False, [], [])
    assert result["msg"] == "The task was interrupted (MemoryError: ). Nothing was changed."


def test_exception_after_a_write_is_never_reported_as_unchanged(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_executor, "_missing_effect", raising(MemoryError()))
    result = run("unassign", simulator, incident_ids=[simulator.add_incident()])
    assert (result["failed"], result["changed"], len(simulator.writes)) == (True, True, 1)
    assert result["msg"].endswith("(MemoryError: ). The task may have changed incidents before that. Check them.")


def test_result_that_cannot_be_built_names_what_was_changed(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_task, "change_result", raising(MemoryError()))
    ids = [simulator.add_incident()]
    result = run("unassign", simulator, incident_ids=ids)
    assert (result["failed"], result["changed"], result["unassigned_ids"]) == (True, True, ids)
    assert result["msg"].startswith("The result could not be built (MemoryError: ).")


def raising(error: BaseException) -> t.Callable[..., t.NoReturn]:
    def raise_error(*_args: t.Any) -> t.NoReturn:
        raise error

    return raise_error


def test_environment_of_the_task_counts(simulator: Simulator) -> None:
    connection: dict[str, t.Any] = {"environ": {"CX_API_KEY": KEY, "CORALOGIX_URL": simulator.url}}
    connection.update(api_key=..., api_url=..., incident_ids=[UNKNOWN], missing="ignore")
    assert run("info", simulator, **connection)["count"] == 0
    simulator.fault(Fault(status=401))
    words = ["CX_API_KEY", "CORALOGIX_URL, which names this host"]
    assert missing_words(words, run("info", simulator, **connection)["msg"]) == []


def test_requests_of_a_task_share_a_correlation_id_and_name_the_versions(simulator: Simulator) -> None:
    for _number in range(2):
        run("unassign", simulator, incident_ids=simulator.add_incidents(1, assigned=1))
    headers = [entry.headers for entry in simulator.journal]
    first, same, other, _same = (each["x-cx-correlation-id"] for each in headers)
    assert (first == same, first == other) == (True, False)
    python = "{}.{}.{}".format(*sys.version_info)
    assert headers[0]["user-agent"].split()[1:] == ["ansible-core/2.99", f"Python/{python}"]


@pytest.mark.parametrize("source", ["api_key", "CORALOGIX_API_KEY", "CX_API_KEY"])
@pytest.mark.parametrize("key", [KEY, f"Bearer {KEY}"], ids=["bare", "with prefix"])
def test_key_is_masked_wherever_it_comes_back(simulator: Simulator, source: str, key: str) -> None:
    options: dict[str, t.Any] = {"api_key": key} if source == "api_key" else {"api_key": ..., "environ": {source: key}}
    simulator.add_incident(A, name=f"n {KEY}", contextualLabels={f"l {KEY}": KEY}, assignees=["u"])
    # That the key is nowhere in a result is what run() asserts.
    result = run("unassign", simulator, incident_ids=[A], diff=True, **options)
    assert result["incidents"][0]["contextualLabels"] == {"l ********": "********"}
    assert '"n ********": u -> nobody' in result["diff"]["prepared"]
    simulator.fault(Fault(status=403, body={"message": f"invalid key {KEY}"}))
    for name in ("info", "unassign"):
        failed = run(name, simulator, incident_ids=[A], **options)
        assert (failed["failure"]["message"], "invalid key ********" in failed["msg"]) == ("invalid key ********", True)


ODD_FIELDS: dict[str, dict[str, t.Any]] = {
    "null character": {"name": "\0"},
    "numbers": {"duration": 10**400, "isMuted": 1e308},
    "no number": {"duration": float("inf"), "isMuted": float("-inf")},
    "line separators": {"name": "\u2028\u2029\x85"},
    "template": {"displayLabels": {"{{ 7*7 }}": "{{ 7*7 }}"}},
    "reserved": {"x": {"__ansible_type": 1, "_ansible_no_log": True}},
}


@table("fields", ODD_FIELDS)
def test_odd_data_is_returned_as_it_is_unless_ansible_reserves_it(fields: dict[str, t.Any]) -> None:
    answer = respond({"incidents": {A: incident(A, **fields)}, "notFoundIds": []})
    result = run("unassign", ScriptedTransport(answer), incident_ids=[A])
    is_reserved = "x" in fields
    renamed = {"x": {"____ansible_type": 1, "___ansible_no_log": True}}
    assert result["incidents"] == [incident(A, **(renamed if is_reserved else fields))]
    assert result.get("warnings", []) == [_portable.RENAMED] * is_reserved


def test_exception_before_anything_was_sent_becomes_a_result() -> None:
    def fail(*_args: t.Any) -> t.Any:
        raise KeyError(KEY)

    params = {"api_key": KEY, "incident_ids": [A], "missing": "fail", "include_events": True}
    result = run_task(in_process.definition("incident_unassign"), Task(params, {}, {}, False, False, ""), fail)
    assert (result["failed"], result["changed"], KEY in str(result)) == (True, False, False)
    assert "KeyError: '********'" in result["msg"]
    assert "fail" in result["exception"]


# The module that finds incidents.
@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_find_by_ids(simulator: Simulator, missing: str) -> None:
    first, second = simulator.add_incidents(2, assigned=1)
    asked = [UNKNOWN, second, f" {first} ", second.upper(), UNKNOWN_2]
    result = run("info", simulator, incident_ids=asked, missing=missing)
    assert result["incidents"] == [simulator.incident(second), simulator.incident(first)]
    assert (result["count"], result["total"], result["not_found_ids"]) == (2, 2, [UNKNOWN, UNKNOWN_2])
    assert (result["changed"], "ansible_facts" in result) == (False, False)
    assert ("failed" in result) == ("msg" in result) == ("failure" in result) == (missing == "fail")
    assert [entry.operation for entry in simulator.journal] == ["read_many"]


@pytest.mark.parametrize("options", [{"incident_ids": []}, {"assignees": []}, {"meta_labels": {"team": []}}], ids=str)
def test_filters_that_match_nothing_send_nothing(silent: ScriptedTransport, options: dict[str, t.Any]) -> None:
    result = run("info", silent, **options, api_key=..., api_url="nonsense")
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
        result = run("info", simulator, **{**filters, **options})
        assert any("events" in item for item in result["incidents"]) == options.get("include_events", True)
        return [item["id"] for item in result["incidents"]], result["count"], result["total"]

    assert found(api_version=5) == (ids, 5, 5)
    assert found(assigned=False, include_events=False) == ([ids[1], ids[3]], 2, 5)
    assert found(order_by=[{"field": "created_time", "direction": "desc"}], limit=1) == (ids[-1:], 1, 5)
    assert found(created_after="2026-01-02", created_before="2026-01-04T00:00:00Z", check_mode=True)[0] == ids[1:4]


def test_failed_page_returns_no_part_of_a_list() -> None:
    page = respond({"incidents": [incident(A)], "pagination": {"totalSize": 5, "nextPageToken": "1"}})
    result = run("info", ScriptedTransport(page, respond(b"", 500)), muted=False, api_version="5")
    assert (result["failed"], result["incidents"], result["count"], result["failure"]["status"]) == (True, [], 0, 500)
    # Nothing could have been changed, and nothing is said of it.
    assert ("1 of 5 incidents" in result["msg"], "changed" in result["msg"]) == (True, False)


@pytest.mark.parametrize("options", [{"incident_ids": [UNKNOWN]}, {"muted": True}], ids=str)
def test_key_that_may_not_read_is_explained(simulator: Simulator, options: dict[str, t.Any]) -> None:
    simulator.add_key(KEY, permissions=["incidents:assign"])
    result = run("info", simulator, **options)
    assert (result["failed"], result["failure"]["status"], "incidents:read" in result["msg"]) == (True, 403, True)
