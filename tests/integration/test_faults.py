# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can go wrong with a request, on the read and on the write: told truthfully, and mended by a new run.

All cases share a simulator and two playbooks: one with a host for each case, whose faults strike only
requests for its incidents, and one after the faults, with all incidents in one task. The read that
makes sure of a write is left in peace.
"""

from __future__ import annotations

from collections import Counter
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
    tries: int | None = None
    """How often the request in question is sent; once more than it fails, if nothing is said."""
    method: str | None = "DELETE"
    """That of the request which the failure is about."""


def without_assignments(answer: dict[str, Any]) -> dict[str, Any]:
    incidents = answer["incidents"]
    for incident in incidents.values() if isinstance(incidents, dict) else incidents:
        del incident["assignments"]
    return answer


READ, WRITE = "read_many", "unassign"
METHODS = {READ: "GET", WRITE: "DELETE"}

# Faults of the first requests alone, one after the other: tried again, and all is well.
PASSING: dict[str, dict[str, list[dict[str, Any]]]] = {
    "server errors": {
        READ: [{"status": 502, "headers": PAGE, "body": HTML}],
        WRITE: [{"status": 500}, {"status": 503, "headers": {"Retry-After": "1"}}, {"status": 504, "effect": True}],
    },
    "429": {
        READ: [{"status": 429, "headers": {"Retry-After": "1"}}],
        WRITE: [{"status": 429, "headers": {"Retry-After": "1"}}, {"status": 429, "headers": {"Retry-After": "soon"}}],
    },
    "reset": {READ: [{"reset": True}], WRITE: [{"reset": True}, {"reset": True, "effect": True}]},
    "hang": {READ: [{"hang": 4}], WRITE: [{"hang": 4, "effect": True}]},
    "truncated": {READ: [{"truncate_chunked": True}], WRITE: [{"truncate": True}, {"truncate_chunked": True}]},
    "malformed": {READ: [{"malformed": True}], WRITE: [{"malformed": True}]},
}

# A fault for ever: status, beginning of the message, what is told, and the number of tries.
LASTING: dict[str, tuple[dict[str, Any], int | None, str, str, int]] = {
    "202": ({"status": 202, "body": {"ok": True}}, 202, "JSON of another shape", "incidents is not", 1),
    "400": ({"status": 400}, 400, "refused the request to", "", 1),
    "401": ({"status": 401}, 401, "did not accept the API key", "", 1),
    "403": ({"status": 403}, 403, "incidents:assign", "", 1),
    "404 route": (
        {"status": 404, "body": {"code": 404, "message": "Not Found: Not Found"}},
        404,
        "has no route",
        "Not Found: Not Found",
        1,
    ),
    "404 incident": (
        {"status": 404, "body": "Not Found: incident X"},
        404,
        "does not know one of them",
        "incident X",
        1,
    ),
    "408 with effect": ({"status": 408, "effect": True}, 408, "failed to", "", 1),
    "409": ({"status": 409, "body": {"error": "conflict"}}, 409, "refused the request to", "conflict", 1),
    "414": ({"status": 414, "headers": PAGE, "body": HTML}, 414, "takes no URL of", "Proxy Login", 1),
    "429": ({"status": 429, "body": {"error": {"message": "slow down"}}}, 429, "limits the rate", "slow down", 2),
    "429 for hours": ({"status": 429, "headers": {"Retry-After": "7200"}}, 429, "a further wait of 7200 s", "", 1),
    "503": ({"status": 503, "body": "upstream connect error"}, 503, "failed to", "upstream connect error", 2),
    "504 with effect": ({"status": 504, "effect": True}, 504, "failed to", "", 2),
    "redirect": ({"redirect": "https://login.example.com/"}, 307, "answered with a redirect", "login.example.com", 1),
    "reset": ({"reset": True}, None, "The connection to", "reset", 2),
    "reset after the effect": ({"reset": True, "effect": True}, None, "The connection to", "reset", 2),
    "hang after the effect": ({"hang": 4, "effect": True}, None, "did not answer", "no answer within 1 s", 2),
    # Only newer versions of requests see that an answer of a stated length is cut short; the others see broken JSON.
    "truncated": ({"truncate_chunked": True}, None, "The connection to", "cut short", 2),
    "malformed": ({"malformed": True}, 200, "JSON that is broken or cut short", "bytes", 2),
    "page": ({"replace": HTML}, 200, "something other than JSON", "Proxy Login", 1),
    "incidents without assignments": (
        {"replace": without_assignments},
        200,
        "JSON of another shape",
        "no list of assignments",
        1,
    ),
}
# A read has no effect to find out. How the job is done without reading, test_unassign.py tells.
LASTING_READS = [name for name in LASTING if "effect" not in name and name not in ("403", "404 route")]


def _cases() -> dict[str, Case]:
    cases = {}
    for name, by_operation in PASSING.items():
        faults = [
            {"operation": operation, "times": 1, **fault} for operation, many in by_operation.items() for fault in many
        ]
        cases[f"{name} passes"] = Case(faults, options={"retries": 3})
    lasting = [(READ, name) for name in LASTING_READS] + [(WRITE, name) for name in LASTING]
    for operation, name in lasting:
        fault, status, message, told, tries = LASTING[name]
        faults = [{"operation": operation, **fault}]
        cases[f"{operation}: {name} lasts"] = Case(
            faults, message, status, told, tries=tries, method=METHODS[operation]
        )
    cases["accepted without effect"] = Case(
        [{"operation": WRITE, "replace": lambda answer: answer, "effect": False}],
        "are still not unassigned",
        tries=1,
        method=None,
    )
    cases["answer leaves incidents out"] = Case(
        [{"operation": WRITE, "replace": lambda _answer: {"incidents": []}}], tries=1
    )
    cases["answer shows the state before"] = Case(
        [{"operation": WRITE, "replace": lambda _answer: STALE["answer"]}], tries=1
    )
    cases["no further tries"] = Case(
        [{"operation": READ, "status": 503, "times": 1}],
        "failed to read",
        503,
        options={"retries": 0},
        tries=1,
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
        case = CASES[name]
        faults = Counter(fault["operation"] for fault in case.faults)
        for operation, failures in faults.items():
            sent = [entry for entry in faulty.journals[name] if entry.operation == operation]
            assert len(sent) == (case.tries or failures + 1)
        writes = [entry for entry in faulty.journals[name] if entry.operation == WRITE]
        assert all(entry.ids == faulty.subjects[name].assigned for entry in writes)
        assert bool(writes) == (WRITE in faults)

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
    sim = simulators(rate_limit=2)
    ids = sim.add_incidents(4, assigned=4)
    run = ansible.each(
        {f"host {one}": playbooks.Case({"api_url": sim.url, "api_key": KEY, "incident_ids": [one]}) for one in ids}
    )
    assert not [result.result for result in run.tasks if result.failed]
    assert not any(sim.assignees(one) for one in ids)
    assert 429 in {entry.status for entry in sim.journal}


def test_failure_of_one_of_many_requests(ansible: Ansible, sim: Simulator) -> None:
    """Of several requests one fails for good: what the others did is told, and a new run does the rest."""
    ids = sim.add_incidents(500, assigned=500, events=0)
    sim.fault(Fault(WRITE, when_id=ids[-1], status=500, times=1))
    options: dict[str, Any] = {"api_url": sim.url, "api_key": KEY, "retries": 0}
    run = ansible.play(
        unassign("{{ ids }}", name="failed", ignore_errors=True, **options),
        unassign("{{ ids }}", name="again", **options),
        vars={"ids": ids},
    )
    failed, again = run.of("failed"), run.of("again")
    assert failed.failed
    assert failed["changed"] is True
    assert 0 < len(failed["unassigned_ids"]) < len(ids)
    assert [incident["id"] for incident in failed["incidents"]] == ids
    assert not again.failed, run.output
    assert sorted(failed["unassigned_ids"] + again["unassigned_ids"]) == sorted(ids), "each once"
    assert not any(sim.assignees(one) for one in ids)


def test_lost_answer_that_cannot_be_made_sure_of(ansible: Ansible, simulators: Callable[..., Simulator]) -> None:
    """Neither the write nor the read after it is answered: perhaps something changed, and that is what is said."""
    effects = {"with effect": True, "without effect": False}
    sim = simulators()
    cases, ids = {}, {}
    for name, effect in effects.items():
        ids[name] = sim.add_incidents(2, assigned=1)
        sim.fault(Fault(WRITE, when_id=ids[name][0], reset=True, effect=effect))
        sim.fault(Fault(READ, when_id=ids[name][0], status=503, skip=1))
        cases[name] = playbooks.Case({"api_url": sim.url, "api_key": KEY, "retries": 0, "incident_ids": ids[name]})
    run = ansible.each(cases)
    for name in effects:
        result = run.of("unassign", host(name))
        assert result.failed
        assert result["changed"] is True
        assert result["unassigned_ids"] == []
        assert f"Perhaps unassigned, which could not be found out: {ids[name][0]}" in result["msg"]
        assert [incident["id"] for incident in result["incidents"]] == [ids[name][1]]
