# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can go wrong with a request, on the read and on the write: told truthfully, and mended by a new run.

All cases share a simulator and two playbooks: one with a host for each case, whose faults strike only
requests for its incidents, and one after the faults, with all incidents in one task. The read that
makes sure of a write is left in peace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import playbooks
import pytest
from playbooks import KEY, Ansible, Run, TaskResult, host, unassign
from simulator import Entry, Fault, Simulator

HTML = "<html><head><title>Proxy Login</title></head><body>Please log in</body></html>"
PAGE = {"Content-Type": "text/html"}


@dataclass
class Case:
    faults: list[dict[str, Any]]
    message: str = ""
    """What the failure says; nothing where the task ends well."""
    status: int | None = None
    told: str = ""
    """What the failure shows as the words of the service or of the connection."""
    options: dict[str, Any] = field(default_factory=dict)
    tries: int = 1
    """How often the request in question is sent."""
    method: str | None = "DELETE"
    """That of the request which the failure is about."""


def without_assignments(answer: dict[str, Any]) -> dict[str, Any]:
    incidents = answer["incidents"]
    for incident in incidents.values() if isinstance(incidents, dict) else incidents:
        del incident["assignments"]
    return answer


# A fault of the first request alone: tried again, and all is well.
PASSING: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "502 page": {"status": 502, "headers": PAGE, "body": HTML},
    "503 retry-after": {"status": 503, "headers": {"Retry-After": "1"}},
    "504 with effect": {"status": 504, "effect": True},
    "429": {"status": 429, "headers": {"Retry-After": "1"}},
    "429 garbage retry-after": {"status": 429, "headers": {"Retry-After": "soon"}},
    "reset before the effect": {"reset": True},
    "reset after the effect": {"reset": True, "effect": True},
    "hang": {"hang": 4},
    "hang after the effect": {"hang": 4, "effect": True},
    "truncated": {"truncate": True},
    "truncated chunks": {"truncate_chunked": True},
    "malformed": {"malformed": True},
}

# A fault for ever: status, beginning of the message, what is told, and the number of tries.
LASTING: dict[str, tuple[dict[str, Any], int | None, str, str, int]] = {
    "202": ({"status": 202, "body": {"ok": True}}, 202, "JSON of another shape", "incidents is not", 1),
    "400": ({"status": 400}, 400, "refused the request to", "", 1),
    "401": ({"status": 401}, 401, "did not accept the API key", "", 1),
    "404 route": (
        {"status": 404, "body": {"code": 404, "message": "Not Found: Not Found"}},
        404,
        "has no route",
        "Not Found: Not Found",
        1,
    ),
    "405": ({"status": 405, "body": "Method Not Allowed"}, 405, "has no route", "Method Not Allowed", 1),
    "409": ({"status": 409, "body": {"error": "conflict"}}, 409, "refused the request to", "conflict", 1),
    "414": ({"status": 414, "headers": PAGE, "body": HTML}, 414, "takes no URL of", "Proxy Login", 1),
    "429": ({"status": 429, "body": {"error": {"message": "slow down"}}}, 429, "limits the rate", "slow down", 2),
    "429 for hours": ({"status": 429, "headers": {"Retry-After": "7200"}}, 429, "a further wait of 7200 s", "", 1),
    "500": ({"status": 500, "body": {"detail": "it broke"}}, 500, "failed to", "it broke", 2),
    "503 text": ({"status": 503, "body": "upstream connect error"}, 503, "failed to", "upstream connect error", 2),
    "504 with effect": ({"status": 504, "effect": True}, 504, "failed to", "", 2),
    "redirect": ({"redirect": "https://login.example.com/"}, 307, "answered with a redirect", "login.example.com", 1),
    "reset": ({"reset": True}, None, "The connection to", "reset", 2),
    "reset after the effect": ({"reset": True, "effect": True}, None, "The connection to", "reset", 2),
    "hang": ({"hang": 4}, None, "did not answer", "no answer within 1 s", 2),
    "hang after the effect": ({"hang": 4, "effect": True}, None, "did not answer", "no answer within 1 s", 2),
    "truncated": ({"truncate": True}, None, "The connection to", "cut short", 2),
    "truncated chunks": ({"truncate_chunked": True}, None, "The connection to", "cut short", 2),
    "malformed": ({"malformed": True}, 200, "something other than JSON", "", 2),
    "page": ({"replace": HTML}, 200, "something other than JSON", "Proxy Login", 1),
    "empty": ({"replace": ""}, 200, "something other than JSON", "an empty answer", 2),
    "list": ({"replace": [1, 2]}, 200, "JSON of another shape", "list", 1),
    "object of other things": ({"replace": {"ok": True}}, 200, "JSON of another shape", "incidents is not", 1),
    "incidents without assignments": (
        {"replace": without_assignments},
        200,
        "JSON of another shape",
        "no list of assignments",
        1,
    ),
}


def _cases() -> dict[str, Case]:
    cases = {}
    for name, fault in PASSING.items():
        # Once on the read, and once on the write.
        both = [{"operation": operation, "times": 1, **fault} for operation in ("read_many", "unassign")]
        cases[f"{name} passes"] = Case(both, tries=2)
    for operation in ("read_many", "unassign"):
        for name, (fault, status, message, told, tries) in LASTING.items():
            # What is no route to read by does not stand in the way of the write.
            if operation == "read_many" and message == "has no route":
                continue
            cases[f"{operation}: {name} lasts"] = Case(
                [{"operation": operation, **fault}],
                message,
                status,
                told,
                tries=tries,
                method="GET" if operation == "read_many" else "DELETE",
            )
    cases["unassign: 403"] = Case([{"operation": "unassign", "status": 403}], "incidents:assign", 403)
    cases["unassign: incident gone"] = Case(
        [{"operation": "unassign", "status": 404, "body": "Not Found: incident X"}], "does not know an incident", 404
    )
    cases["unassign: accepted without effect"] = Case(
        [{"operation": "unassign", "replace": lambda answer: answer, "effect": False}],
        "are still not unassigned",
        method=None,
    )
    cases["unassign: answer leaves incidents out"] = Case(
        [{"operation": "unassign", "replace": lambda _answer: {"incidents": []}}], tries=1
    )
    cases["unassign: answer shows the state before"] = Case(
        [{"operation": "unassign", "replace": lambda _answer: STALE["answer"]}], tries=1
    )
    cases["no further tries"] = Case(
        [{"operation": "read_many", "status": 503, "times": 1}],
        "failed to read",
        503,
        options={"retries": 0},
        method="GET",
    )
    return cases


CASES = _cases()
STALE: dict[str, Any] = {}
"""An answer that shows the incidents of the case still assigned; filled when they exist."""


class Subject:
    """The incidents of a case: the first and the last are assigned."""

    def __init__(self, name: str, case: Case, sim: Simulator) -> None:
        self.case = case
        self.sim = sim
        self.assigned = [sim.add_incident(assignees=("alice",)), sim.add_incident(assignees=("bob", "carol"))]
        self.ids = [self.assigned[0], sim.add_incident(assignees=()), self.assigned[1]]
        if "state before" in name:
            STALE["answer"] = {"incidents": [sim.incident(one) for one in self.assigned]}
        for fault in case.faults:
            sim.fault(Fault(when_id=self.ids[0], **fault))

    @property
    def removed(self) -> list[str]:
        """What was really done."""
        return [one for one in self.assigned if not self.sim.assignees(one)]

    @property
    def journal(self) -> list[Entry]:
        return [entry for entry in self.sim.journal if self.ids[0] in entry.ids]


class Faulty(NamedTuple):
    run: Run
    subjects: dict[str, Subject]
    removed: dict[str, list[str]]
    """After the playbook: what was really done."""
    journals: dict[str, list[Entry]]

    def result(self, name: str) -> TaskResult:
        return self.run.of("unassign", host(name))


OPTIONS = {"api_key": KEY, "api_version": "5", "timeout": 1, "retries": 1}


@pytest.fixture(scope="module")
def faulty(simulators: Callable[..., Simulator], module_ansible: Ansible) -> Faulty:
    sim = simulators()
    subjects = {name: Subject(name, case, sim) for name, case in CASES.items()}
    tasks = {
        name: playbooks.Case({**OPTIONS, "incident_ids": subject.ids, "api_url": sim.url, **subject.case.options})
        for name, subject in subjects.items()
    }
    run = module_ansible.each(tasks, args=["-vv"])
    return Faulty(
        run,
        subjects,
        {name: subject.removed for name, subject in subjects.items()},
        {name: subject.journal for name, subject in subjects.items()},
    )


@pytest.fixture(scope="module")
def clean(faulty: Faulty, module_ansible: Ansible) -> Run:
    sim = next(iter(faulty.subjects.values())).sim
    sim.clear_faults()
    sim.clear_journal()
    ids = [one for subject in faulty.subjects.values() for one in subject.ids]
    run = module_ansible.play(unassign(ids, api_url=sim.url, api_key=KEY))
    assert run.returncode == 0, run.output
    return run


@pytest.mark.parametrize("name", CASES)
class TestFault:
    def test_message(self, faulty: Faulty, name: str) -> None:
        case, result = CASES[name], faulty.result(name)
        assert result.failed == bool(case.message), result.result
        if case.message:
            assert case.message in result["msg"]
            assert case.told in result["msg"]
            assert len(result["msg"]) < 800

    def test_failure(self, faulty: Faulty, name: str) -> None:
        case, result = CASES[name], faulty.result(name)
        assert ("failure" in result) == bool(case.message)
        if case.message:
            assert set(result["failure"]) == {"status", "method", "url", "message", "correlation_id"}
            assert case.told in result["failure"]["message"]
            assert result["failure"]["status"] == case.status
            assert result["failure"]["method"] == case.method

    def test_truth(self, faulty: Faulty, name: str) -> None:
        result, removed = faulty.result(name), faulty.removed[name]
        still = set(faulty.subjects[name].assigned) - set(removed)
        assert result["changed"] == bool(removed)
        assert result["unassigned_ids"] == removed
        for incident in result["incidents"]:
            assert bool(incident["assignments"]) == (incident["id"] in still)
        if not result.failed:
            assert not still

    def test_requests(self, faulty: Faulty, name: str) -> None:
        operations = [fault["operation"] for fault in CASES[name].faults]
        for operation in operations:
            assert len([entry for entry in faulty.journals[name] if entry.operation == operation]) == CASES[name].tries
        writes = [entry for entry in faulty.journals[name] if entry.operation == "unassign"]
        assert all(entry.ids == faulty.subjects[name].assigned for entry in writes)
        assert bool(writes) == (operations != ["read_many"])

    def test_a_clean_run_converges(self, clean: Run, faulty: Faulty, name: str) -> None:
        subject = faulty.subjects[name]
        left = [one for one in subject.assigned if one not in faulty.removed[name]]
        assert [one for one in clean.only["unassigned_ids"] if one in subject.ids] == left
        assert subject.removed == subject.assigned
        assert [one for write in subject.sim.writes for one in write.ids if one in subject.ids] == left


def test_no_output_holds_the_key_or_a_traceback(faulty: Faulty, clean: Run) -> None:
    for output in (faulty.run.output, clean.output):
        assert KEY not in output
        assert "Traceback" not in output


def test_many_hosts_refused_for_a_while_all_succeed(ansible: Ansible, simulators: Callable[..., Simulator]) -> None:
    sim = simulators(rate_limit=5)
    ids = sim.add_incidents(8, assigned=8)
    hosts = {f"host-{number}": {"ids": [one]} for number, one in enumerate(ids)}
    task = unassign("{{ ids }}", api_url=sim.url, api_key=KEY)
    run = ansible.playbook([{"hosts": "all", "gather_facts": False, "tasks": [task]}], hosts=hosts)
    assert run.returncode == 0, run.output
    assert not any(sim.assignees(one) for one in ids)


def test_failure_of_one_of_many_requests(ansible: Ansible, sim: Simulator) -> None:
    """Of several requests one fails for good: what the others did is told, and a new run does the rest."""
    ids = sim.add_incidents(500, assigned=500, events=0)
    sim.fault(Fault("unassign", when_id=ids[-1], status=500))
    options: dict[str, Any] = {"api_url": sim.url, "api_key": KEY, "retries": 0}
    failed = ansible.play(unassign("{{ ids }}", **options), vars={"ids": ids})
    removed = [one for one in ids if not sim.assignees(one)]
    assert failed.only.failed
    assert 0 < len(removed) < len(ids)
    assert failed.only["changed"] is True
    assert failed.only["unassigned_ids"] == removed
    assert [incident["id"] for incident in failed.only["incidents"]] == ids
    sim.clear_faults()
    again = ansible.play(unassign("{{ ids }}", **options), vars={"ids": ids})
    assert again.only["unassigned_ids"] == [one for one in ids if one not in removed]


@pytest.mark.parametrize("effect", [True, False], ids=["with effect", "without effect"])
def test_lost_answer_that_cannot_be_made_sure_of(ansible: Ansible, sim: Simulator, effect: bool) -> None:
    """Neither the write nor the read after it is answered: perhaps something changed, and that is what is said."""
    ids = sim.add_incidents(2, assigned=1)
    sim.fault(Fault("unassign", reset=True, effect=effect))
    sim.fault(Fault("read_many", status=503, skip=1))
    run = ansible.play(unassign(ids, api_url=sim.url, api_key=KEY, retries=0))
    assert run.only.failed
    assert run.only["changed"] is True
    assert run.only["unassigned_ids"] == []
    assert f"Perhaps unassigned, which could not be found out: {ids[0]}" in run.only["msg"]
    assert [incident["id"] for incident in run.only["incidents"]] == [ids[1]]
