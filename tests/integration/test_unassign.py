# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What incident_unassign promises when nothing goes wrong: in check mode, for real, and again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import contract
import pytest
from playbooks import KEY, MODULE, TARGET, Ansible, Case, Run, TaskResult, host, unassign
from simulator import Simulator

# How a connection can be given: what the simulator serves as "latest", what is added to its URL, the
# options, and how many reads it takes.
CONNECTIONS: dict[str, tuple[str, str, dict[str, str], int]] = {
    "version 3": ("5", "", {"api_version": "3"}, 1),
    "version 4": ("5", "", {"api_version": "4"}, 1),
    "version 5": ("3", "", {"api_version": "5"}, 1),
    "latest that is 5": ("5", "", {}, 1),
    "latest that is 3": ("3", "", {}, 2),
    "whole base of version 3": ("5", "/mgmt/openapi/3", {}, 1),
    "whole base of latest": ("3", "/mgmt/openapi/latest", {}, 2),
    "whole base of latest with pinned routes": ("3", "/mgmt/openapi/latest", {"api_version": "3"}, 1),
    "bare key": ("5", "", {"auth_scheme": "raw"}, 1),
}


class Subject:
    """A simulator with three incidents, the first and the last assigned."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.assigned = [sim.add_incident(assignees=("alice", "bob")), sim.add_incident(assignees=("carol",))]
        self.ids = [self.assigned[0], sim.add_incident(assignees=()), self.assigned[1]]


@pytest.fixture(scope="module")
def subjects(simulators: Callable[..., Simulator]) -> dict[str, Subject]:
    return {name: Subject(simulators(latest=latest)) for name, (latest, *_rest) in CONNECTIONS.items()}


@pytest.fixture(scope="module")
def target_python() -> str:
    """As modules tell it: Python/ and the version."""
    told = subprocess.run([TARGET, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return "/".join(told.split())


@pytest.fixture(scope="module")
def run(subjects: dict[str, Subject], module_ansible: Ansible) -> Run:
    """All connections in one playbook."""
    cases = {}
    for name, (_latest, path, options, _reads) in CONNECTIONS.items():
        subject = subjects[name]
        # Given twice, the first incident still counts once.
        ids = [*subject.ids, subject.ids[0]]
        given = {"api_url": subject.sim.url + path, "api_key": KEY, "incident_ids": ids, **options}
        cases[name] = Case(given)
    return module_ansible.each(
        cases,
        {"name": "check", "check_mode": True, "diff": True},
        {"name": "real", "diff": True},
        {"name": "again", "diff": True},
    )


@pytest.mark.parametrize("name", CONNECTIONS)
class TestThreeTimes:
    def test_check_mode_predicts_what_the_real_run_reports(self, run: Run, name: str) -> None:
        check, real = (run.of(play, host(name)) for play in ("check", "real"))
        for key in ("changed", "unassigned_ids", "not_found_ids", "diff"):
            assert check[key] == real[key]
        assert check["incidents"] == [
            # Who removed an assignment is an event, which nobody can predict.
            {**one, "events": predicted["events"]}
            for one, predicted in zip(real["incidents"], check["incidents"], strict=True)
        ]
        assert check["ansible_facts"] == {"coralogix_incidents": check["incidents"]}

    def test_result(self, run: Run, subjects: dict[str, Subject], name: str) -> None:
        real, subject = run.of("real", host(name)), subjects[name]
        assert real["changed"] is True
        assert real["unassigned_ids"] == subject.assigned
        assert real["not_found_ids"] == []
        assert [incident["id"] for incident in real["incidents"]] == subject.ids
        assert all(incident["assignments"] == [] for incident in real["incidents"])
        assert real["ansible_facts"] == {"coralogix_incidents": real["incidents"]}

    def test_diff_shows_only_assignments_of_what_changes(
        self, run: Run, subjects: dict[str, Subject], name: str
    ) -> None:
        subject = subjects[name]
        diff = run.of("real", host(name))["diff"]
        assert list(diff["before"]) == list(diff["after"]) == subject.assigned
        assert all(list(shown) == ["assignments"] for side in diff.values() for shown in side.values())
        held = [one["assignedTo"]["userId"] for one in diff["before"][subject.assigned[0]]["assignments"]]
        assert held == ["alice", "bob"]
        assert diff["after"][subject.assigned[0]] == {"assignments": []}

    def test_incidents_are_exactly_what_the_api_shows(self, run: Run, subjects: dict[str, Subject], name: str) -> None:
        subject = subjects[name]
        for play in ("real", "again"):
            incidents = run.of(play, host(name))["incidents"]
            assert incidents == [subject.sim.incident(one) for one in subject.ids]

    def test_second_run_changes_nothing(self, run: Run, name: str) -> None:
        again = run.of("again", host(name))
        assert again["changed"] is False
        assert again["unassigned_ids"] == []
        assert again["diff"] == {"before": {}, "after": {}}

    def test_requests(self, run: Run, subjects: dict[str, Subject], name: str) -> None:
        """Each task reads once, and once more where latest has to be found out; one write in all."""
        subject = subjects[name]
        read = ["GET"] * CONNECTIONS[name][3]
        methods = [entry.method for entry in subject.sim.journal]
        assert methods == [*read, *read, "DELETE", *read]
        (write,) = subject.sim.writes
        assert write.ids == subject.assigned

    def test_headers(self, run: Run, subjects: dict[str, Subject], target_python: str, name: str) -> None:
        sent = [entry.headers for entry in subjects[name].sim.journal]
        scheme = "" if name == "bare key" else "Bearer "
        assert {headers["authorization"] for headers in sent} == {f"{scheme}{KEY}"}
        assert all(headers["user-agent"].startswith("coralogix.incidents/") for headers in sent)
        # Not that of Ansible itself: nox chooses an old one.
        assert {headers["user-agent"].split()[-1] for headers in sent} == {target_python}
        assert len({headers["x-cx-correlation-id"] for headers in sent}) == 3, "one for each task"


def test_requests_are_held_against_the_contract() -> None:
    """The fixture `simulators` does so after each file of tests; here it is said if it cannot."""
    contract.need()


def test_unassign_and_again_with_facts(ansible: Ansible, sim: Simulator) -> None:
    """The environment names the service and the key; what a task says beats both."""
    ids = sim.add_incidents(3, assigned=2)
    elsewhere = {"CORALOGIX_URL": "https://wrong.example.invalid", "CORALOGIX_REGION": "eu2", "CX_API_KEY": "wrong"}
    defaults = {"group/coralogix.incidents.coralogix": {"region": "us1"}}
    run = ansible.play(
        unassign(ids, name="check", check_mode=True, diff=True),
        unassign(ids, name="real"),
        {
            "name": "show",
            "ansible.builtin.debug": {"msg": "{{ ansible_facts.coralogix_incidents | map(attribute='id') }}"},
        },
        # Null takes the default back.
        unassign(ids, name="again", api_url=sim.url, region=None, environment=elsewhere, module_defaults=defaults),
        unassign(ids, name="wrong key", api_key="not-the-key-5521", ignore_errors=True),
        env={"CORALOGIX_URL": sim.url, "CORALOGIX_API_KEY": KEY},
    )
    assert run.returncode == 0, run.output
    assert [run.of(name)["changed"] for name in ("check", "real", "again")] == [True, True, False]
    assert run.of("show")["msg"] == ids
    assert [entry.operation for entry in sim.journal] == ["read_many"] * 2 + ["unassign"] + ["read_many"] * 2
    assert not any(sim.assignees(one) for one in ids)
    assert "did not accept the API key" in run.of("wrong key")["msg"]
    assert run.of("wrong key")["failure"]["status"] == 401
    assert "not-the-key-5521" not in run.output


@pytest.mark.smoke
def test_ad_hoc_with_a_comma_separated_string(ansible: Ansible, sim: Simulator) -> None:
    ids = sim.add_incidents(3, assigned=3)
    run = ansible.command(
        "ansible",
        "localhost",
        "-m",
        MODULE,
        "-a",
        f"api_url={sim.url} incident_ids='{ids[0]}, {ids[1]},{ids[2]}'",
        env={"CX_API_KEY": KEY},
    )
    assert run.returncode == 0, run.output
    assert "localhost | CHANGED" in run.output
    assert sim.writes[0].ids == ids


UNKNOWN = ("11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555")
TO_ENCODE = ("a b/c?d&e=f#g%h+i", "Störung-№-1", "INC:1;2@x")

THREE_TIMES = ("check", "real", "again")

# What a task is given: the server, the options; and in which of the plays it takes part.
GIVEN: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = {
    "empty list": ({}, {"incident_ids": [], "api_key": None}, THREE_TIMES),
    "without events": ({}, {"events": False}, THREE_TIMES),
    "IDs to encode": ({}, {"incident_ids": TO_ENCODE, "api_version": "3"}, THREE_TIMES),
    "thousands": ({"latency": 0.05}, {}, THREE_TIMES),
    "unknown IDs fail": ({}, {}, THREE_TIMES),
    "unknown IDs ignored": ({}, {"missing": "ignore"}, THREE_TIMES),
    "unseen unknown IDs fail": ({"key": {"permissions": ["incidents:assign"]}}, {}, ("real",)),
    "unseen unknown IDs ignored": (
        {"key": {"permissions": ["incidents:assign"]}},
        {"missing": "ignore"},
        ("real",),
    ),
    "team key": ({"key": {"kind": "team"}}, {}, ("real",)),
    "gone meanwhile": ({}, {}, ("real",)),
    "no requests": ({}, {}, ("real",)),
}


@pytest.fixture(scope="module")
def given(simulators: Callable[..., Simulator]) -> dict[str, Subject]:
    subjects = {name: Subject(simulators(**server)) for name, (server, *_rest) in GIVEN.items()}
    for name, subject in subjects.items():
        if "unknown" in name:
            subject.ids = [UNKNOWN[0], *subject.ids, UNKNOWN[1]]
    for one in TO_ENCODE:
        subjects["IDs to encode"].sim.add_incident(one, assignees=("alice",))
    thousands, gone = subjects["thousands"], subjects["gone meanwhile"]
    thousands.ids = thousands.sim.add_incidents(2000, assigned=1000, events=0)
    gone.sim.on_request = lambda entry: gone.sim.remove_incident(gone.ids[0]) if entry.operation == "unassign" else None
    return subjects


@pytest.fixture(scope="module")
def done(given: dict[str, Subject], module_ansible: Ansible, bare_python: Path) -> Callable[..., TaskResult]:
    cases = {
        name: Case(
            {"api_url": given[name].sim.url, "api_key": KEY, "incident_ids": given[name].ids, **options},
            plays=plays,
            variables={"ansible_python_interpreter": str(bare_python)} if name == "no requests" else {},
        )
        for name, (_server, options, plays) in GIVEN.items()
    }
    run = module_ansible.each(cases, {"name": "check", "check_mode": True}, {"name": "real"}, {"name": "again"})
    return lambda name, play="real": run.of(play, host(name))


class TestGiven:
    @pytest.mark.parametrize("name", [name for name, (*_rest, plays) in GIVEN.items() if plays == THREE_TIMES])
    def test_check_mode_predicts_the_run_and_the_next_changes_nothing(
        self, done: Callable[..., TaskResult], given: dict[str, Subject], name: str
    ) -> None:
        check, real, again = (done(name, play) for play in THREE_TIMES)
        for key in ("changed", "unassigned_ids", "not_found_ids"):
            assert check[key] == real[key]
        assert (again["changed"], again["unassigned_ids"]) == (False, [])
        assert [one["id"] for one in check["incidents"]] == [one["id"] for one in real["incidents"]]
        assert again["incidents"] == real["incidents"]
        assert check.failed == real.failed == again.failed
        # One of the three runs writes, and only if there is something to write.
        writes = {entry.headers["x-cx-correlation-id"] for entry in given[name].sim.writes}
        assert len(writes) == real["changed"]

    def test_empty_list_sends_nothing_and_needs_no_key(
        self, done: Callable[..., TaskResult], given: dict[str, Subject]
    ) -> None:
        result = done("empty list")
        assert not result.failed
        assert (result["changed"], result["incidents"], result["unassigned_ids"]) == (False, [], [])
        assert result["ansible_facts"] == {"coralogix_incidents": []}
        assert given["empty list"].sim.journal == []

    def test_events_are_left_out_where_nobody_wants_them(
        self, done: Callable[..., TaskResult], given: dict[str, Subject]
    ) -> None:
        result, subject = done("without events"), given["without events"]
        assert result["incidents"] == [
            {key: value for key, value in subject.sim.incident(one).items() if key != "events"} for one in subject.ids
        ]
        assert result["ansible_facts"]["coralogix_incidents"] == result["incidents"]

    def test_ids_that_need_encoding(self, done: Callable[..., TaskResult]) -> None:
        assert done("IDs to encode")["unassigned_ids"] == list(TO_ENCODE)

    def test_thousands_of_ids_in_requests_that_front_ends_take(
        self, done: Callable[..., TaskResult], given: dict[str, Subject]
    ) -> None:
        result, sim, ids = done("thousands"), given["thousands"].sim, given["thousands"].ids
        assert len(result["unassigned_ids"]) == 1000
        assert [incident["id"] for incident in result["incidents"]] == ids
        assert max(len(sim.url + entry.target) for entry in sim.journal) < 8000
        for operation, wanted in (("read_many", ids * 3), ("unassign", result["unassigned_ids"])):
            sent = [one for entry in sim.journal if entry.operation == operation for one in entry.ids]
            assert sorted(sent) == sorted(wanted), "each once in a run"
        assert 1 < sim.peak <= 4, "several at once, a few at a time"

    @pytest.mark.parametrize("play", THREE_TIMES)
    def test_unknown_ids_fail_before_any_write_and_are_all_named(
        self, done: Callable[..., TaskResult], given: dict[str, Subject], play: str
    ) -> None:
        result, subject = done("unknown IDs fail", play), given["unknown IDs fail"]
        assert result.failed
        assert all(one in result["msg"] for one in UNKNOWN)
        assert "Nothing was changed" in result["msg"]
        assert result["not_found_ids"] == list(UNKNOWN)
        assert (result["changed"], result["unassigned_ids"]) == (False, [])
        assert [incident["id"] for incident in result["incidents"]] == subject.ids[1:-1]
        assert subject.sim.writes == []

    def test_unknown_ids_are_left_out_and_reported(
        self, done: Callable[..., TaskResult], given: dict[str, Subject]
    ) -> None:
        result, subject = done("unknown IDs ignored"), given["unknown IDs ignored"]
        assert result["changed"] is True
        assert result["not_found_ids"] == list(UNKNOWN)
        assert [incident["id"] for incident in result["incidents"]] == subject.ids[1:-1]
        assert [write.ids for write in subject.sim.writes] == [subject.assigned]

    def test_unknown_ids_are_not_passed_over_where_reading_is_refused(self, done: Callable[..., TaskResult]) -> None:
        failed, ignored = done("unseen unknown IDs fail"), done("unseen unknown IDs ignored")
        assert failed.failed
        assert all(one in failed["msg"] for one in UNKNOWN)
        assert len(failed["unassigned_ids"]) == 3
        assert ignored["not_found_ids"] == list(UNKNOWN)
        assert not ignored.failed

    def test_team_key_is_refused_and_told_why(self, done: Callable[..., TaskResult]) -> None:
        result = done("team key")
        assert result.failed
        assert "personal key" in result["msg"]
        assert "incidents:assign" in result["msg"]
        assert result["changed"] is False

    def test_somebody_elses_changes_meanwhile(self, done: Callable[..., TaskResult], given: dict[str, Subject]) -> None:
        """Removed between read and write: the rest is done, and the loss is told."""
        result, subject = done("gone meanwhile"), given["gone meanwhile"]
        assert result.failed
        assert result["not_found_ids"] == [subject.ids[0]]
        assert result["unassigned_ids"] == [subject.assigned[1]]
        assert result["changed"] is True

    def test_missing_requests_is_explained(self, done: Callable[..., TaskResult]) -> None:
        assert "Failed to import the required Python library (requests)" in done("no requests")["msg"]


# A key without incidents:read, and servers without a route to read by.
KEYS_AND_SERVERS: dict[str, dict[str, Any]] = {
    "key without read": {"key": {"permissions": ["incidents:assign"]}},
    "key without read, latest is 3": {"key": {"permissions": ["incidents:assign"]}, "latest": "3"},
    "key without read, key looked at first": {
        "key": {"permissions": ["incidents:assign"]},
        "auth_first": True,
        "latest": "3",
    },
    "no route to read by": {"without": ["read_many"], "latest": "3"},
    "no route to read by, batch taken for an ID": {
        "without": ["read_many"],
        "latest": "4",
        "unknown_parameters": "ignore",
        "not_found": "json404",
        "wrong_method": 405,
    },
    "no route to read by, plain text": {"without": ["read_many"], "latest": "3", "not_found": "text"},
}


@pytest.fixture(scope="module")
def unreadable(simulators: Callable[..., Simulator]) -> dict[str, Subject]:
    return {name: Subject(simulators(**options)) for name, options in KEYS_AND_SERVERS.items()}


@pytest.fixture(scope="module")
def unread(unreadable: dict[str, Subject], module_ansible: Ansible) -> Run:
    cases = {
        name: Case(
            {"api_url": subject.sim.url, "api_key": KEY, "incident_ids": subject.ids},
        )
        for name, subject in unreadable.items()
    }
    return module_ansible.each(
        cases, {"name": "check", "check_mode": True}, {"name": "real", "diff": True}, {"name": "again"}
    )


@pytest.mark.parametrize("name", KEYS_AND_SERVERS)
class TestUnreadable:
    @pytest.mark.parametrize("play", ["real", "again"])
    def test_job_is_done_with_a_warning(
        self, unread: Run, unreadable: dict[str, Subject], name: str, play: str
    ) -> None:
        """Each time: that nothing was to be done the second time, the module cannot see."""
        result, subject = unread.of(play, host(name)), unreadable[name]
        assert result.outcome == "ok", result.result
        assert result["changed"] is True
        assert [incident["id"] for incident in result["incidents"]] == subject.ids
        assert not any(subject.sim.assignees(one) for one in subject.ids)
        assert "incidents:read" in " ".join(result["warnings"])
        assert [write.operation for write in subject.sim.writes if write.status == 200] == ["unassign"] * 2

    def test_check_mode_says_that_it_has_to_read(self, unread: Run, name: str) -> None:
        check = unread.of("check", host(name))
        assert check.failed
        assert check["changed"] is False
        assert "Check mode has to read" in check["msg"]
        assert "incidents:read" in check["msg"] or "no route" in check["msg"]
