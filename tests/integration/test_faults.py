# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that can go wrong with a request, on the read and on the write.

The task retries, or fails and says why. Its result is correct in any case. A second task, without faults, does the
rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils._failure import FailureKind as Kind
from messages import is_about
from parity import ALL, assert_same_results
from playbooks import AS_MODULE, IN_PROCESS, KEY, Ansible, HostTask, Run, TaskResult
from simulator import Entry, Fault, Simulator

HTML = "<html><head><title>Proxy Login</title></head><body>Please log in</body></html>"
PAGE = {"Content-Type": "text/html"}
READ, WRITE = "read_many", "unassign"
METHODS = {READ: "GET", WRITE: "DELETE"}
# More than the collection reads of one answer.
TOO_LARGE = 129 << 20

Faults = tuple[Mapping[str, Any], ...]


class Scenario(NamedTuple):
    faults: Faults = ()
    error: Kind | str = ""
    """What the message is about. Empty if the task succeeds."""
    words: str = ""
    """Of the service or the connection, in the message and in C(failure)."""
    status: int | None = None
    method: str | None = "DELETE"
    """Of the request that failed for good."""
    tries: int | None = None
    """How often that request is sent. By default, until the write has an effect or the faults are over."""
    accepted: bool = False
    """Whether a write was accepted. The task then counts as changed, whatever is seen of it."""
    options: Mapping[str, Any] = MappingProxyType({})
    server: Mapping[str, Any] = MappingProxyType({})


def without_assignments(answer: dict[str, Any]) -> dict[str, Any]:
    incidents = answer["incidents"]
    for incident in incidents.values() if isinstance(incidents, dict) else incidents:
        del incident["assignments"]
    return answer


def still_assigned(answer: dict[str, Any]) -> dict[str, Any]:
    user = {"assignedTo": {"userId": "alice"}, "assignedBy": {"userId": "bob"}}
    return {"incidents": [{**incident, "assignments": [user]} for incident in answer["incidents"]]}


# Faults of the first requests, one after the other. Retries overcome them.
_TRANSIENT_FAULTS: dict[str, dict[str, Faults]] = {
    "server errors": {
        READ: ({"status": 502, "headers": PAGE, "body": HTML},),
        WRITE: ({"status": 500}, {"status": 503, "headers": {"Retry-After": "1"}}, {"status": 504, "effect": True}),
    },
    "statuses of a CDN": {READ: ({"status": 520}, {"status": 529}), WRITE: ({"status": 524, "effect": True},)},
    "429": {
        READ: ({"status": 429, "headers": {"Retry-After": "1"}},),
        WRITE: ({"status": 429, "headers": {"Retry-After": "1"}}, {"status": 429, "headers": {"Retry-After": "soon"}}),
    },
    "reset": {READ: ({"reset": True},), WRITE: ({"reset": True}, {"reset": True, "effect": True})},
    "hang": {READ: ({"hang": 4},), WRITE: ({"hang": 4, "effect": True},)},
    "truncated": {
        READ: ({"truncate_chunked": True}, {"truncate": True}),
        WRITE: ({"truncate": True, "effect": False}, {"truncate_chunked": True}),
    },
    "malformed": {READ: ({"malformed": True},), WRITE: ({"malformed": True},)},
}

# Faults that do not end.
_PERMANENT_FAULTS: dict[str, tuple[dict[str, Any], Scenario]] = {
    "202": (
        {"status": 202, "body": {"ok": True}},
        Scenario(error=Kind.UNEXPECTED_JSON, words="incidents is not a", status=202, tries=1, accepted=True),
    ),
    "400": ({"status": 400}, Scenario(error=Kind.INVALID, status=400, tries=1)),
    "401": ({"status": 401}, Scenario(error=Kind.UNAUTHENTICATED, status=401, tries=1)),
    "403": ({"status": 403}, Scenario(error=Kind.FORBIDDEN, status=403, tries=1)),
    "404 route": (
        {"status": 404, "body": {"code": 404, "message": "Not Found: Not Found"}},
        Scenario(error=Kind.NO_ROUTE, words="Not Found: Not Found", status=404, tries=1),
    ),
    "404 incident": (
        {"status": 404, "body": "Not Found: incident X"},
        Scenario(error=Kind.UNKNOWN_ID, words="incident X", status=404, tries=1),
    ),
    "409": (
        {"status": 409, "body": {"error": "conflict"}},
        Scenario(error=Kind.REFUSED, words="conflict", status=409, tries=1),
    ),
    "414": (
        {"status": 414, "headers": PAGE, "body": HTML},
        Scenario(error=Kind.URL_TOO_LONG, words="Proxy Login", status=414, tries=1),
    ),
    "429": (
        {"status": 429, "body": {"error": {"message": "slow down"}}},
        Scenario(error=Kind.RATE_LIMITED, words="slow down", status=429, tries=2),
    ),
    "429 for hours": ({"status": 429, "headers": {"Retry-After": "7200"}}, Scenario(error="7200", status=429, tries=1)),
    "503": (
        {"status": 503, "body": "upstream connect error"},
        Scenario(error=Kind.SERVER_ERROR, words="upstream connect error", status=503, tries=2),
    ),
    "101": ({"status": 101}, Scenario(error=Kind.UNEXPECTED_STATUS, status=101, tries=1)),
    "redirect": (
        {"redirect": "https://login.example.com/"},
        Scenario(error=Kind.REDIRECT, words="login.example.com", status=307, tries=1),
    ),
    "reset": ({"reset": True}, Scenario(error=Kind.CONNECTION, words="reset", tries=2)),
    "truncated": ({"truncate_chunked": True}, Scenario(error=Kind.CONNECTION, words="cut short", tries=2)),
    "malformed": ({"malformed": True}, Scenario(error=Kind.BROKEN_JSON, words="bytes", status=200, tries=2)),
    "HTML": ({"replace": HTML}, Scenario(error=Kind.NOT_JSON, words="Proxy Login", status=200, tries=1)),
    "not HTTP": ({"raw": "hello\r\n\r\n"}, Scenario(error=Kind.CONNECTION, words="HTTP", tries=2)),
    "incidents without assignments": (
        {"replace": without_assignments},
        Scenario(error=Kind.UNEXPECTED_JSON, words="has no assignments of type list", status=200, tries=1),
    ),
    "too large": ({"inflate_to": TOO_LARGE}, Scenario(error=Kind.ANSWER_TOO_LARGE, words="128 MiB", tries=1)),
    "compressed twice": (
        {"inflate_to": 1 << 20, "gzip_layers": 2},
        Scenario(error=Kind.NOT_JSON, words="gzip, gzip", tries=1),
    ),
    "nested too deep": ({"nest": 100_000}, Scenario(error=Kind.BROKEN_JSON, words="too deep", status=200, tries=1)),
}
# Their writes have an effect, which the task finds out by reading afterwards.
_WRITES_WITH_EFFECT: dict[str, tuple[dict[str, Any], Scenario]] = {
    "408 with effect": ({"status": 408, "effect": True}, Scenario(error=Kind.SERVER_ERROR, status=408, tries=1)),
    "302 with effect": (
        {"redirect": "https://login.example.com/", "status": 302, "effect": True},
        Scenario(error=Kind.REDIRECT, status=302, tries=1),
    ),
    "199 with effect": ({"status": 199, "effect": True}, Scenario(error=Kind.UNEXPECTED_STATUS, status=199, tries=1)),
}
# A key that may not read is another matter: see test_change_modules.py.
_NOT_FOR_READS = ("403", "404 route")

# After a write was accepted. Each task whose effect is not visible waits some seconds for it.
_ACCEPTED = {
    "accepted without effect": Scenario(
        ({"operation": WRITE, "replace": lambda answer: answer, "effect": False},),
        "its effect is not visible yet",
        method=None,
        tries=1,
        accepted=True,
    ),
    "accepted in part": Scenario(
        ({"operation": WRITE, "partial_effect": 1},),
        "neither the state before nor the one asked for",
        method=None,
        tries=1,
        accepted=True,
    ),
    "answer without incidents": Scenario(({"operation": WRITE, "replace": {"incidents": []}},), tries=1),
    "answer shows the state before": Scenario(({"operation": WRITE, "replace": still_assigned},), tries=1),
    "reads lag behind": Scenario(
        ({"operation": WRITE, "replace": {"incidents": []}},), tries=1, server={"stale_reads": 2}
    ),
}


def _build_scenarios() -> dict[str, Scenario]:
    scenarios = {
        "no retries": Scenario(
            ({"operation": READ, "status": 503},), Kind.SERVER_ERROR, "", 503, "GET", 1, options={"retries": 0}
        )
    }
    for name, by_operation in _TRANSIENT_FAULTS.items():
        faults = [{"operation": op, "times": 1, **fault} for op, listed in by_operation.items() for fault in listed]
        scenarios[f"{name}, then none"] = Scenario(tuple(faults), options={"retries": 3})
    lasting: dict[str, tuple[dict[str, Any], Scenario]] = {**_PERMANENT_FAULTS, **_WRITES_WITH_EFFECT}
    for name, (fault, scenario) in lasting.items():
        for operation in (READ, WRITE):
            if operation == WRITE or (name in _PERMANENT_FAULTS and name not in _NOT_FOR_READS):
                # Between two tries, the task finds out that a write had an effect. It is not sent again.
                effect = {"effect": False} if scenario.tries == 2 else {}
                scenarios[f"{operation}: {name}"] = scenario._replace(
                    faults=({"operation": operation, **fault, **effect},),
                    method=METHODS[operation],
                    accepted=scenario.accepted and operation == WRITE,
                )
    return {**scenarios, **_ACCEPTED}


SCENARIOS = _build_scenarios()
BOTH_WAYS = (
    tuple(SCENARIOS)
    if ALL
    else (
        "server errors, then none",
        "unassign: 503",
    )
)


class Subject:
    """A simulator with three incidents, the first and the last of them assigned."""

    def __init__(self, scenario: Scenario, sim: Simulator) -> None:
        self.sim = sim
        self.assigned = [sim.add_incident(assignees=("alice",)), sim.add_incident(assignees=("bob", "carol"))]
        self.ids = [self.assigned[0], sim.add_incident(assignees=()), self.assigned[1]]
        self.faults = [Fault(**fault) for fault in scenario.faults]
        for fault in self.faults:
            sim.fault(fault)

    def unassigned_ids(self) -> list[str]:
        """What was really done."""
        return [incident_id for incident_id in self.assigned if not self.sim.assignees(incident_id)]

    def expected_tries(self, operation: str) -> int:
        faults = [fault for fault in self.faults if fault.operation == operation]
        effects = [bool(fault.effect) for fault in faults]
        return effects.index(True) + 1 if operation == WRITE and True in effects else len(faults) + 1


class SpecialTask(NamedTuple):
    """A task with a test of its own. It runs in the same playbook to save time."""

    sim: Simulator
    ids: list[str]
    options: Mapping[str, Any] = MappingProxyType({"retries": 0})


def other_tasks(simulators: Callable[..., Simulator]) -> dict[str, SpecialTask]:
    others = {}
    for name, effect in {"lost answer, with effect": True, "lost answer, without": False}.items():
        sim = simulators()
        others[name] = SpecialTask(sim, sim.add_incidents(2, assigned=1))
        sim.fault(Fault(WRITE, reset=True, effect=effect))
        sim.fault(Fault(READ, status=503, skip=1))
    sim = simulators()
    disappearing = others["disappears"] = SpecialTask(sim, sim.add_incidents(2, assigned=2))
    sim.on_request = lambda entry: (
        disappearing.sim.remove_incident(disappearing.ids[0]) if entry.operation == WRITE else None
    )
    sim = simulators(latency=0.05)
    others["a thousand"] = SpecialTask(sim, sim.add_incidents(1000, assigned=500, events=0))
    sim = simulators()
    many = others["one of many requests"] = SpecialTask(sim, sim.add_incidents(500, assigned=500, events=0))
    sim.fault(Fault(WRITE, when_id=many.ids[-1], status=500))
    sim = simulators(rate_limit=3)
    for number, incident_id in enumerate(sim.add_incidents(4, assigned=4)):
        others[f"limited rate {number}"] = SpecialTask(sim, [incident_id], {"retries": 8})
    return others


class Played(NamedTuple):
    run: Run
    subjects: dict[str, Subject]
    others: dict[str, SpecialTask]
    unassigned: dict[str, list[str]]
    """What was really done by the end of this run."""
    journals: dict[str, list[Entry]]

    def result(self, name: str) -> TaskResult:
        return self.run.of("unassign", name)


def play(
    ansible: Ansible, subjects: dict[str, Subject], others: dict[str, SpecialTask], way: str = IN_PROCESS
) -> Played:
    tasks = {
        name: SpecialTask(subject.sim, subject.ids, SCENARIOS[name].options) for name, subject in subjects.items()
    } | others
    common = {"api_key": KEY, "api_version": "5", "retries": 1, "timeout": 2}
    host_tasks = {
        name: HostTask({**common, "api_url": task.sim.url, "incident_ids": task.ids, **task.options})
        for name, task in tasks.items()
    }
    return Played(
        ansible.run_each(host_tasks, way=way),
        subjects,
        others,
        {name: subject.unassigned_ids() for name, subject in subjects.items()},
        {name: list(task.sim.journal) for name, task in tasks.items()},
    )


@pytest.fixture(scope="module")
def faulty(simulators: Callable[..., Simulator], shared_ansible: Ansible) -> Played:
    subjects = {name: Subject(scenario, simulators(**scenario.server)) for name, scenario in SCENARIOS.items()}
    return play(shared_ansible, subjects, other_tasks(simulators))


@pytest.fixture(scope="module")
def clean(faulty: Played, shared_ansible: Ansible) -> Played:
    """The same tasks again, without faults."""
    others = {name: faulty.others[name] for name in ["one of many requests"]}
    for sim in [task.sim for tasks in (faulty.subjects, others) for task in tasks.values()]:
        sim.clear_faults()
        sim.clear_journal()
        sim.stale_reads = 0
    return play(shared_ansible, faulty.subjects, others)


@pytest.mark.parametrize("name", SCENARIOS)
class TestFault:
    def test_message(self, faulty: Played, name: str) -> None:
        scenario, result = SCENARIOS[name], faulty.result(name)
        assert result.failed == bool(scenario.error), result.result
        if scenario.error:
            assert is_about(result["msg"], scenario.error), result["msg"]
            assert scenario.words in result["msg"]
            assert len(result["msg"]) < 800

    def test_failure(self, faulty: Played, name: str) -> None:
        scenario, result = SCENARIOS[name], faulty.result(name)
        assert ("failure" in result) == bool(scenario.error)
        if scenario.error:
            failure = result["failure"]
            assert set(failure) == {"status", "method", "url", "message", "correlation_id"}
            assert (failure["status"], failure["method"]) == (scenario.status, scenario.method)
            assert scenario.words in (failure["message"] or "")

    def test_result_says_what_was_done(self, faulty: Played, name: str) -> None:
        result, unassigned = faulty.result(name), faulty.unassigned[name]
        still_assigned = set(faulty.subjects[name].assigned) - set(unassigned)
        assert result["changed"] == (bool(unassigned) or SCENARIOS[name].accepted)
        assert result["unassigned_ids"] == unassigned
        for incident in result["incidents"]:
            assert bool(incident["assignments"]) == (incident["id"] in still_assigned)
        assert result.failed or not still_assigned

    def test_requests(self, faulty: Played, name: str) -> None:
        scenario, subject = SCENARIOS[name], faulty.subjects[name]
        writes = [entry for entry in faulty.journals[name] if entry.operation == WRITE]
        assert all(entry.ids == subject.assigned for entry in writes)
        operations = {str(fault.operation) for fault in subject.faults}
        assert bool(writes) == (WRITE in operations)
        if WRITE in operations:
            assert len(writes) == (scenario.tries or subject.expected_tries(WRITE))
        else:
            assert len(faulty.journals[name]) == scenario.tries

    def test_second_task_does_the_rest(self, clean: Played, faulty: Played, name: str) -> None:
        subject = faulty.subjects[name]
        rest = [incident_id for incident_id in subject.assigned if incident_id not in faulty.unassigned[name]]
        assert clean.result(name)["unassigned_ids"] == rest
        assert clean.unassigned[name] == subject.assigned
        writes = [entry for entry in clean.journals[name] if entry.operation == WRITE]
        assert [incident_id for entry in writes for incident_id in entry.ids] == rest


def test_both_ways_return_the_same(
    faulty: Played, simulators: Callable[..., Simulator], shared_ansible: Ansible
) -> None:
    subjects = {name: Subject(SCENARIOS[name], simulators(**SCENARIOS[name].server)) for name in BOTH_WAYS}
    assert_same_results(faulty.run, play(shared_ansible, subjects, {}, AS_MODULE).run, check_ways=False)


def test_no_traceback(faulty: Played, clean: Played) -> None:
    assert "Traceback" not in faulty.run.output + clean.run.output


def test_waits_for_an_effect_that_is_not_visible(faulty: Played) -> None:
    reads = [entry for entry in faulty.journals["accepted without effect"] if entry.operation == READ]
    assert len(reads) == 6
    assert 3.5 < faulty.result("accepted without effect").seconds < 20


@pytest.mark.parametrize("name", ["lost answer, with effect", "lost answer, without"])
def test_lost_answer_that_cannot_be_verified(faulty: Played, name: str) -> None:
    """The answer to the write is lost, and the read that verifies fails too: perhaps something was changed."""
    result, ids = faulty.result(name), faulty.others[name].ids
    assert result.failed
    assert result["changed"] is True
    assert result["unassigned_ids"] == []
    assert f"Perhaps unassigned, but not verified: '{ids[0]}'." in result["msg"]
    assert [incident["id"] for incident in result["incidents"]] == [ids[1]]


def test_incident_that_disappears_before_the_write(faulty: Played) -> None:
    result, (first, second) = faulty.result("disappears"), faulty.others["disappears"].ids
    assert result.failed
    assert result["changed"] is True
    assert (result["not_found_ids"], result["unassigned_ids"]) == ([first], [second])


def test_a_thousand_incidents(faulty: Played) -> None:
    result, (sim, ids, _options) = faulty.result("a thousand"), faulty.others["a thousand"]
    assert len(result["unassigned_ids"]) == 500
    assert [incident["id"] for incident in result["incidents"]] == ids
    assert max(len(sim.url + entry.target) for entry in sim.journal) < 8000
    for operation, expected in ((READ, ids), (WRITE, result["unassigned_ids"])):
        sent = [incident_id for entry in sim.journal if entry.operation == operation for incident_id in entry.ids]
        assert sorted(sent) == sorted(expected), "each once"
    assert 1 < sim.peak <= 4, "a few requests at a time"


def test_one_of_many_requests_fails(faulty: Played, clean: Played) -> None:
    """The result says what the others did, and a second task does the rest."""
    name = "one of many requests"
    first, second, ids = faulty.result(name), clean.result(name), faulty.others[name].ids
    assert first.failed
    assert first["changed"] is True
    assert 0 < len(first["unassigned_ids"]) < len(ids)
    assert [incident["id"] for incident in first["incidents"]] == ids
    assert not second.failed
    assert sorted(first["unassigned_ids"] + second["unassigned_ids"]) == sorted(ids), "each once"


def test_limited_rate_slows_many_hosts_down(faulty: Played) -> None:
    tasks = {name: other for name, other in faulty.others.items() if name.startswith("limited rate")}
    assert not [name for name in tasks if faulty.result(name).failed]
    for (incident_id,) in (task.ids for task in tasks.values()):
        assert not faulty.others["limited rate 0"].sim.assignees(incident_id)
    assert 429 in {entry.status for entry in faulty.journals["limited rate 0"]}
