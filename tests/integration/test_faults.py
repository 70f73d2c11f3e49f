# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can go wrong with a request, on the read and on the write: told truthfully, and mended by a new run.

All cases share two playbooks, each with a host and a simulator of its own: one with the faults, and
one after them. The read that makes sure of a write is left in peace, except where a case is about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from playbooks import KEY, Ansible, Run, TaskResult, unassign
from simulator import Fault, Simulator

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
        {"replace": lambda answer: _without_assignments(answer)},
        200,
        "JSON of another shape",
        "no list of assignments",
        1,
    ),
}


def _without_assignments(answer: dict[str, Any]) -> dict[str, Any]:
    incidents = answer["incidents"]
    for incident in incidents.values() if isinstance(incidents, dict) else incidents:
        del incident["assignments"]
    return answer


def _cases() -> dict[str, Case]:
    cases = {}
    for operation in ("read_many", "unassign"):
        for name, fault in PASSING.items():
            cases[f"{operation}: {name} passes"] = Case([{"operation": operation, "times": 1, **fault}], tries=2)
        for name, (fault, status, message, told, tries) in LASTING.items():
            # What is no route to read by does not stand in the way of the write.
            if operation == "read_many" and message == "has no route":
                continue
            cases[f"{operation}: {name} lasts"] = Case(
                [{"operation": operation, **fault}], message, status, told, tries=tries
            )
    cases["unassign: 403"] = Case([{"operation": "unassign", "status": 403}], "incidents:assign", 403)
    cases["unassign: incident gone"] = Case(
        [{"operation": "unassign", "status": 404, "body": "Not Found: incident X"}], "does not know an incident", 404
    )
    cases["unassign: accepted without effect"] = Case(
        [{"operation": "unassign", "replace": lambda answer: answer, "effect": False}], "are still not unassigned"
    )
    cases["unassign: answer leaves incidents out"] = Case(
        [{"operation": "unassign", "replace": lambda _answer: {"incidents": []}}], tries=1
    )
    cases["unassign: answer shows the state before"] = Case(
        [{"operation": "unassign", "replace": lambda _answer: STALE["answer"]}], tries=1
    )
    cases["no further tries"] = Case(
        [{"operation": "read_many", "status": 503, "times": 1}], "failed to read", 503, options={"retries": 0}
    )
    return cases


CASES = _cases()
STALE: dict[str, Any] = {}
"""An answer that shows the incidents still assigned; filled when they exist."""


class Outcome:
    """A case after the playbook with the faults."""

    def __init__(self, case: Case, sim: Simulator) -> None:
        self.case = case
        self.sim = sim
        self.assigned = [sim.add_incident(assignees=("alice",)), sim.add_incident(assignees=("bob", "carol"))]
        self.ids = [self.assigned[0], sim.add_incident(assignees=()), self.assigned[1]]
        STALE["answer"] = {"incidents": [sim.incident(one) for one in self.assigned]}
        for fault in case.faults:
            sim.fault(Fault(**fault))

    @property
    def removed(self) -> list[str]:
        """What was really done."""
        return [one for one in self.assigned if not self.sim.assignees(one)]


@pytest.fixture(scope="module")
def outcomes(simulators: Callable[..., Simulator]) -> dict[str, Outcome]:
    return {name: Outcome(case, simulators()) for name, case in CASES.items()}


def _play(ansible: Ansible, outcomes: dict[str, Outcome]) -> Run:
    task = unassign(
        "{{ ids }}",
        api_url="{{ url }}",
        api_key=KEY,
        timeout=1,
        retries="{{ further_tries }}",
        api_version="5",
        ignore_errors=True,
    )
    hosts = {
        _host(name): {
            "ids": outcome.ids,
            "url": outcome.sim.url,
            "further_tries": outcome.case.options.get("retries", 1),
        }
        for name, outcome in outcomes.items()
    }
    play = {"hosts": "all", "gather_facts": False, "strategy": "free", "tasks": [task]}
    return ansible.playbook([play], hosts=hosts, args=["-vv"])


def _host(name: str) -> str:
    return name.replace(" ", "_").replace(":", "")


@pytest.fixture(scope="module")
def faulty(outcomes: dict[str, Outcome], module_ansible: Ansible) -> Run:
    return _play(module_ansible, outcomes)


@pytest.fixture(scope="module")
def states(faulty: Run, outcomes: dict[str, Outcome]) -> dict[str, tuple[list[str], list[Any]]]:
    """After the faults: what was really removed, and the journal."""
    return {name: (outcome.removed, list(outcome.sim.journal)) for name, outcome in outcomes.items()}


@pytest.fixture(scope="module")
def clean(states: Any, outcomes: dict[str, Outcome], module_ansible: Ansible) -> Run:
    for outcome in outcomes.values():
        outcome.sim.clear_faults()
        outcome.sim.clear_journal()
    return _play(module_ansible, outcomes)


@pytest.mark.parametrize("name", CASES)
class TestFault:
    def result(self, run: Run, name: str) -> TaskResult:
        return run.of("unassign", _host(name))

    def test_message(self, faulty: Run, name: str) -> None:
        case, result = CASES[name], self.result(faulty, name)
        assert result.failed == bool(case.message), result.result
        if case.message:
            assert case.message in result["msg"]
            assert case.told in result["msg"]
            assert set(result["failure"]) == {"status", "method", "url", "message", "correlation_id"}
            assert case.told in result["failure"]["message"]
            if not name.startswith("unassign: accepted"):
                assert result["failure"]["status"] == case.status
                assert result["failure"]["method"] == ("GET" if "read" in name or "tries" in name else "DELETE")
            assert len(result["msg"]) < 800

    def test_truth(self, faulty: Run, states: Any, outcomes: dict[str, Outcome], name: str) -> None:
        result, (removed, _journal) = self.result(faulty, name), states[name]
        assert result["changed"] == bool(removed)
        assert result["unassigned_ids"] == removed
        still = set(outcomes[name].assigned) - set(removed)
        for incident in result["incidents"]:
            assert bool(incident["assignments"]) == (incident["id"] in still)
        if not result.failed:
            assert removed == outcomes[name].assigned

    def test_requests(self, faulty: Run, states: Any, outcomes: dict[str, Outcome], name: str) -> None:
        _removed, journal = states[name]
        faulted = [entry for entry in journal if entry.operation == CASES[name].faults[0]["operation"]]
        assert len(faulted) == CASES[name].tries
        writes = [entry for entry in journal if entry.operation == "unassign"]
        assert all(entry.ids == outcomes[name].assigned for entry in writes)
        if name.startswith("read_many") and CASES[name].message:
            assert writes == []

    def test_a_clean_run_converges(self, clean: Run, states: Any, outcomes: dict[str, Outcome], name: str) -> None:
        result, outcome = self.result(clean, name), outcomes[name]
        left = [one for one in outcome.assigned if one not in states[name][0]]
        assert not result.failed
        assert result["unassigned_ids"] == left
        assert outcome.removed == outcome.assigned
        assert [write.ids for write in outcome.sim.writes] == ([left] if left else [])


def test_no_output_holds_the_key_or_a_traceback(faulty: Run, clean: Run) -> None:
    for run in (faulty, clean):
        assert KEY not in run.output
        assert "Traceback" not in run.output


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
    options = {"api_url": sim.url, "api_key": KEY, "retries": 0}
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
