# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What incident_unassign promises when nothing goes wrong: in check mode, for real, and again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import contract
import pytest
from playbooks import KEY, MODULE, Ansible, Case, Run, host, unassign
from simulator import Simulator

# How a connection can be given: what the simulator serves as "latest", what is added to its URL, the
# options, and how many reads it takes.
CONNECTIONS: dict[str, tuple[str, str, dict[str, str], int]] = {
    "version 3": ("5", "", {"api_version": "3"}, 1),
    "version 4": ("5", "", {"api_version": "4"}, 1),
    "version 5": ("3", "", {"api_version": "5"}, 1),
    "latest that is 5": ("5", "", {}, 1),
    "latest that is 4": ("4", "", {}, 1),
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
def run(subjects: dict[str, Subject], module_ansible: Ansible) -> Run:
    """All connections in one playbook: in check mode, for real, and again."""
    cases = {}
    for name, (_latest, path, options, _reads) in CONNECTIONS.items():
        subject = subjects[name]
        # Given twice, the first incident still counts once.
        ids = [*subject.ids, subject.ids[0]]
        cases[name] = Case({"api_url": subject.sim.url + path, "api_key": KEY, "incident_ids": ids, **options})
    return module_ansible.each(
        cases,
        {"name": "check", "check_mode": True, "diff": True},
        {"name": "real", "diff": True},
        {"name": "again", "diff": True},
    )


@pytest.mark.parametrize("name", CONNECTIONS)
class TestThreeTimes:
    def test_check_mode_predicts_what_the_real_run_reports(
        self, run: Run, subjects: dict[str, Subject], name: str
    ) -> None:
        subject = subjects[name]
        check, real = (run.of(task, host(name)) for task in ("check", "real"))
        for result in (check, real):
            assert result["changed"] is True
            assert result["unassigned_ids"] == subject.assigned
            assert result["not_found_ids"] == []
            assert [incident["id"] for incident in result["incidents"]] == subject.ids
            assert all(incident["assignments"] == [] for incident in result["incidents"])
            assert result["ansible_facts"] == {"coralogix_incidents": result["incidents"]}
        assert check["diff"] == real["diff"]

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
        for task in ("real", "again"):
            incidents = run.of(task, host(name))["incidents"]
            assert incidents == [subject.sim.incident(one) for one in subject.ids]

    def test_second_run_changes_nothing(self, run: Run, subjects: dict[str, Subject], name: str) -> None:
        again = run.of("again", host(name))
        assert again["changed"] is False
        assert again["unassigned_ids"] == []
        assert again["diff"] == {"before": {}, "after": {}}

    def test_requests(self, run: Run, subjects: dict[str, Subject], name: str) -> None:
        """Each of the three reads once, and once more where latest has to be found out; one write in all."""
        subject = subjects[name]
        reads = CONNECTIONS[name][3]
        methods = [entry.method for entry in subject.sim.journal]
        assert methods == [*["GET"] * reads * 2, "DELETE", *["GET"] * reads]
        (write,) = subject.sim.writes
        assert write.ids == subject.assigned

    def test_headers(self, run: Run, subjects: dict[str, Subject], name: str) -> None:
        sent = [entry.headers for entry in subjects[name].sim.journal]
        scheme = "" if name == "bare key" else "Bearer "
        assert {headers["authorization"] for headers in sent} == {f"{scheme}{KEY}"}
        assert all(headers["user-agent"].startswith("coralogix.incidents/") for headers in sent)
        assert len({headers["x-cx-correlation-id"] for headers in sent}) == 3, "one for each task"


def test_requests_are_held_against_the_contract() -> None:
    """The fixture `simulators` does so after each file of tests; here it is said if it cannot."""
    contract.need()


@pytest.mark.smoke
def test_unassign_and_again_with_facts(ansible: Ansible, sim: Simulator) -> None:
    ids = sim.add_incidents(3, assigned=2)
    show = {
        "name": "show",
        "ansible.builtin.debug": {"msg": "{{ ansible_facts.coralogix_incidents | map(attribute='id') }}"},
    }
    run = ansible.play(
        unassign(ids, name="check", check_mode=True, diff=True),
        unassign(ids, name="real"),
        unassign(ids, name="again"),
        show,
        env={"CORALOGIX_URL": sim.url, "CORALOGIX_API_KEY": KEY},
    )
    assert run.returncode == 0, run.output
    assert [run.of(name)["changed"] for name in ("check", "real", "again")] == [True, True, False]
    assert run.of("show")["msg"] == ids
    assert [entry.operation for entry in sim.journal] == ["read_many", "read_many", "unassign", "read_many"]
    assert not any(sim.assignees(one) for one in ids)


@pytest.mark.smoke
def test_wrong_key_is_explained(ansible: Ansible, sim: Simulator) -> None:
    ids = sim.add_incidents(1, assigned=1)
    run = ansible.play(unassign(ids, api_url=sim.url, api_key="not-the-key-5521"))
    assert run.returncode == 2
    assert "did not accept the API key" in run.only["msg"]
    assert "not-the-key-5521" not in run.output
    assert run.only["failure"]["status"] == 401


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


def test_module_defaults_by_group(ansible: Ansible, sim: Simulator) -> None:
    ids = sim.add_incidents(1, assigned=1)
    group = {"api_url": sim.url, "api_key": KEY, "api_version": "4"}
    run = ansible.play(unassign(ids), module_defaults={"group/coralogix.incidents.coralogix": group})
    assert run.returncode == 0, run.output
    assert run.only["changed"] is True
    assert {entry.version for entry in sim.journal} == {"4"}


def test_task_beats_environment_and_null_takes_a_default_back(ansible: Ansible, sim: Simulator) -> None:
    ids = sim.add_incidents(1, assigned=1)
    run = ansible.play(
        unassign(ids, api_url=sim.url, region=None),
        module_defaults={"group/coralogix.incidents.coralogix": {"region": "us1"}},
        env={
            "CORALOGIX_URL": "https://wrong.example.invalid",
            "CORALOGIX_REGION": "eu2",
            "CORALOGIX_API_KEY": KEY,
            "CX_API_KEY": "wrong",
        },
    )
    assert run.returncode == 0, run.output


def test_empty_list_sends_nothing_and_needs_no_key(ansible: Ansible, sim: Simulator) -> None:
    run = ansible.play(unassign([], api_url=sim.url))
    assert run.returncode == 0, run.output
    assert (run.only["changed"], run.only["incidents"], run.only["unassigned_ids"]) == (False, [], [])
    assert run.only["ansible_facts"] == {"coralogix_incidents": []}
    assert sim.journal == []


@pytest.mark.measured
class TestUnknownIds:
    UNKNOWN = ("11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555")

    @pytest.fixture
    def mixed(self, sim: Simulator) -> list[str]:
        return [self.UNKNOWN[0], sim.add_incident(assignees=("alice",)), self.UNKNOWN[1]]

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "for real"])
    def test_fail_names_them_all_before_any_write(
        self, ansible: Ansible, sim: Simulator, mixed: list[str], check_mode: bool
    ) -> None:
        run = ansible.play(unassign(mixed, api_url=sim.url, api_key=KEY, check_mode=check_mode))
        assert run.only.failed
        assert all(one in run.only["msg"] for one in self.UNKNOWN)
        assert "Nothing was changed" in run.only["msg"]
        assert run.only["not_found_ids"] == list(self.UNKNOWN)
        assert (run.only["changed"], run.only["unassigned_ids"]) == (False, [])
        assert [incident["id"] for incident in run.only["incidents"]] == [mixed[1]]
        assert sim.writes == []

    def test_ignore_leaves_them_out_and_reports_them(self, ansible: Ansible, sim: Simulator, mixed: list[str]) -> None:
        options = {"api_url": sim.url, "api_key": KEY, "missing": "ignore"}
        run = ansible.play(
            unassign(mixed, name="check", check_mode=True, **options),
            unassign(mixed, name="real", **options),
            unassign(mixed, name="again", **options),
        )
        assert run.returncode == 0, run.output
        for name, changed in (("check", True), ("real", True), ("again", False)):
            assert run.of(name)["changed"] is changed
            assert run.of(name)["not_found_ids"] == list(self.UNKNOWN)
            assert [incident["id"] for incident in run.of(name)["incidents"]] == [mixed[1]]
        assert [write.ids for write in sim.writes] == [[mixed[1]]]


@pytest.mark.measured
def test_thousands_of_ids_in_requests_that_front_ends_take(
    ansible: Ansible, simulators: Callable[..., Simulator]
) -> None:
    sim = simulators(latency=0.05)
    ids = sim.add_incidents(2000, assigned=1000, events=0)
    run = ansible.play(unassign("{{ ids }}", api_url=sim.url, api_key=KEY), vars={"ids": ids})
    assert run.returncode == 0, run.output[-2000:]
    assert len(run.only["unassigned_ids"]) == 1000
    assert [incident["id"] for incident in run.only["incidents"]] == ids
    assert max(len(sim.url + entry.target) for entry in sim.journal) < 8000
    for operation, wanted in (("read_many", ids), ("unassign", run.only["unassigned_ids"])):
        sent = [one for entry in sim.journal if entry.operation == operation for one in entry.ids]
        assert sorted(sent) == sorted(wanted), "each once"
    assert 1 < sim.peak <= 4, "several at once, a few at a time"


def test_events_are_left_out_where_nobody_wants_them(ansible: Ansible, sim: Simulator) -> None:
    ids = sim.add_incidents(2, assigned=1)
    run = ansible.play(unassign(ids, api_url=sim.url, api_key=KEY, events=False))
    assert run.only["incidents"] == [
        {key: value for key, value in sim.incident(one).items() if key != "events"} for one in ids
    ]
    assert run.only["ansible_facts"]["coralogix_incidents"] == run.only["incidents"]


@pytest.mark.measured
def test_ids_that_need_encoding(ansible: Ansible, sim: Simulator) -> None:
    ids = ["a b/c?d&e=f#g%h+i", "Störung-№-1", "INC:1;2@x"]
    for one in ids:
        sim.add_incident(one, assignees=("alice",))
    run = ansible.play(unassign(ids, api_url=sim.url, api_key=KEY, api_version="3"))
    assert run.returncode == 0, run.output
    assert run.only["unassigned_ids"] == ids


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
    """All of them in one playbook: in check mode, and for real."""
    cases = {
        name: Case({"api_url": subject.sim.url, "api_key": KEY, "incident_ids": subject.ids})
        for name, subject in unreadable.items()
    }
    return module_ansible.each(cases, {"name": "check", "check_mode": True}, {"name": "real", "diff": True})


class TestUnreadable:
    @pytest.mark.parametrize("name", KEYS_AND_SERVERS)
    def test_job_is_done_with_a_warning(self, unread: Run, unreadable: dict[str, Subject], name: str) -> None:
        real, subject = unread.of("real", host(name)), unreadable[name]
        assert real.outcome == "ok", real.result
        assert real["changed"] is True
        assert [incident["id"] for incident in real["incidents"]] == subject.ids
        assert not any(subject.sim.assignees(one) for one in subject.ids)
        assert "incidents:read" in " ".join(real["warnings"])
        assert [write.operation for write in subject.sim.writes if write.status == 200] == ["unassign"]

    @pytest.mark.parametrize("name", KEYS_AND_SERVERS)
    def test_check_mode_says_that_it_has_to_read(self, unread: Run, name: str) -> None:
        check = unread.of("check", host(name))
        assert check.failed
        assert check["changed"] is False
        assert "Check mode has to read" in check["msg"]
        assert "incidents:read" in check["msg"] or "no route" in check["msg"]

    def test_unknown_id_is_not_passed_over(self, ansible: Ansible, simulators: Callable[..., Simulator]) -> None:
        sim = simulators(key={"permissions": ["incidents:assign"]})
        known, unknown = sim.add_incident(assignees=("alice",)), TestUnknownIds.UNKNOWN[0]
        options = {"api_url": sim.url, "api_key": KEY}
        run = ansible.play(
            unassign([known, unknown], name="fail", ignore_errors=True, **options),
            unassign([known, unknown], name="ignore", missing="ignore", **options),
        )
        assert run.of("fail").failed
        assert unknown in run.of("fail")["msg"]
        assert run.of("fail")["unassigned_ids"] == [known]
        assert run.of("ignore")["not_found_ids"] == [unknown]
        assert not run.of("ignore").failed


@pytest.mark.measured
def test_team_key_is_refused_and_told_why(ansible: Ansible, simulators: Callable[..., Simulator]) -> None:
    sim = simulators(key={"kind": "team"})
    ids = sim.add_incidents(1, assigned=1)
    run = ansible.play(unassign(ids, api_url=sim.url, api_key=KEY))
    assert run.only.failed
    assert "personal key" in run.only["msg"]
    assert "incidents:assign" in run.only["msg"]
    assert run.only["changed"] is False


def test_somebody_elses_changes_meanwhile(ansible: Ansible, sim: Simulator) -> None:
    """Removed between read and write: the rest is done, and the loss is told."""
    ids = sim.add_incidents(2, assigned=2)
    sim.on_request = lambda entry: sim.remove_incident(ids[0]) if entry.operation == "unassign" else None
    run = ansible.play(unassign(ids, api_url=sim.url, api_key=KEY))
    assert run.only.failed
    assert run.only["not_found_ids"] == [ids[0]]
    assert run.only["unassigned_ids"] == [ids[1]]
    assert run.only["changed"] is True


def test_target_with_an_older_python(ansible: Ansible, sim: Simulator, older_python: Path) -> None:
    ids = sim.add_incidents(2, assigned=1)
    run = ansible.play(
        unassign(ids, name="check", check_mode=True, api_url=sim.url, api_key=KEY),
        unassign(ids, name="real", api_url=sim.url, api_key=KEY),
        unassign(ids, name="again", api_url=sim.url, api_key=KEY),
        vars={"ansible_python_interpreter": str(older_python)},
    )
    assert run.returncode == 0, run.output
    assert [run.of(name)["changed"] for name in ("check", "real", "again")] == [True, True, False]
    assert f"Python/{sys.version.split()[0]}" not in sim.journal[0].headers["user-agent"]


def test_missing_requests_is_explained(ansible: Ansible, sim: Simulator, bare_python: Path) -> None:
    run = ansible.play(
        unassign(["x"], api_url=sim.url, api_key=KEY), vars={"ansible_python_interpreter": str(bare_python)}
    )
    assert run.only.failed
    assert "Failed to import the required Python library (requests)" in run.only["msg"]
