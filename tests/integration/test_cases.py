# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cases and users as a user works with them: a shift on call in one play, ad hoc commands, the documentation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import yaml
from parity import ALL, assert_same_requests, assert_same_results
from playbooks import AS_MODULE, COLLECTION, IN_PROCESS, KEY, MAX_VERBOSITY, Ansible, Run
from simulator import Simulator

TEAM = 4711
DANA = "Dana.Smith@example.com"
MODULES = (
    "case_acknowledge",
    "case_assign",
    "case_close",
    "case_comment",
    "case_info",
    "case_priority",
    "case_resolve",
    "case_unacknowledge",
    "case_unassign",
    "case_update",
    "user_info",
)

# As a user writes it. Each changing task comes twice: `again` has nothing left to do.
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/coralogix.incidents.coralogix:
      api_url: "{{ url }}"
      api_key: "{{ key }}"
      team_id: "{{ team }}"
  vars:
    ids: "{{ found.cases | map(attribute='readableId') | map('lower') }}"
  tasks:
    - name: find
      coralogix.incidents.case_info:
        status: active
        assigned: false
        labels:
          team: sre
        active_after: -24h
        order_by:
          field: created_at
      register: found

    - name: no facts
      ansible.builtin.debug:
        msg: "{{ ansible_facts.coralogix_cases is defined }}"

    - name: assign
      coralogix.incidents.case_assign: &assign
        case_ids: "{{ ids }}"
        assignee: dana.smith@EXAMPLE.com
        only_unassigned: true
    - name: assign again
      coralogix.incidents.case_assign: *assign

    - name: acknowledge
      coralogix.incidents.case_acknowledge: &acknowledge
        case_ids: "{{ ansible_facts.coralogix_cases | map(attribute='id') | map('upper') }}"
        include_events: true
    - name: acknowledge again
      coralogix.incidents.case_acknowledge: *acknowledge

    - name: comment
      coralogix.incidents.case_comment: &comment
        case_ids: "{{ ids }}"
        text: |
          Working on it.
    - name: comment again
      coralogix.incidents.case_comment: *comment
    - name: comment by force
      coralogix.incidents.case_comment:
        case_ids: "{{ ids | first }}"
        text: Working on it.
        force: true

    - name: priority
      coralogix.incidents.case_priority: &priority
        case_ids: "{{ ids | join(',') }}"
        priority: P1
    - name: priority again
      coralogix.incidents.case_priority: *priority
    - name: clear priority
      coralogix.incidents.case_priority: &clear
        case_ids: "{{ ids | first }}"
        state: absent
    - name: clear priority again
      coralogix.incidents.case_priority: *clear

    - name: unacknowledge
      coralogix.incidents.case_unacknowledge: &unacknowledge
        case_ids: "{{ ids | first }}"
    - name: unacknowledge again
      coralogix.incidents.case_unacknowledge: *unacknowledge

    - name: find the cases of dana
      coralogix.incidents.case_info:
        assignees: "{{ dana }}"
        include_events: true
        include_links: true
        include_notifications: true
      register: danas

    - name: resolve
      coralogix.incidents.case_resolve: &resolve
        case_ids: "{{ danas.cases | map(attribute='id') }}"
        reason: The disk was extended.
    - name: resolve again
      coralogix.incidents.case_resolve: *resolve

    - name: update
      coralogix.incidents.case_update: &update
        case_ids: "{{ ids | last }}"
        title: Disk full on checkout-1
        resolution_reason: The disk was replaced.
    - name: update again
      coralogix.incidents.case_update: *update

    - name: unassign
      coralogix.incidents.case_unassign: &unassign
        case_ids: "{{ ids }}"
    - name: unassign again
      coralogix.incidents.case_unassign: *unassign

    - name: close
      coralogix.incidents.case_close: &close
        case_ids: "{{ ids + ['CASE-999'] }}"
        missing: ignore
    - name: close again
      coralogix.incidents.case_close: *close

    - name: too late
      coralogix.incidents.case_acknowledge:
        case_ids: "{{ ids }}"

    - name: users
      coralogix.incidents.user_info:
        usernames:
          - "{{ dana }}"
          - nobody@example.com
        missing: ignore

    - name: unknown
      coralogix.incidents.case_unassign:
        case_ids: [case-999, "{{ ids | first }}"]
      ignore_errors: true

    - name: null as a filter
      coralogix.incidents.case_info:
        search: null
      ignore_errors: true

    - name: wrong key
      coralogix.incidents.case_info:
        case_ids: "{{ ids }}"
        api_key: not-the-key-5521
      ignore_errors: true

    - name: version 4
      coralogix.incidents.case_resolve:
        case_ids: "{{ ids }}"
        api_version: 4
      ignore_errors: true
"""


# Tasks that also run as modules: the first ones, which depend on no others, and those that show no case.
AS_MODULES = ("find", "assign", "acknowledge", "users", "version 4")


class Shift(NamedTuple):
    run: Run
    sim: Simulator
    ids: list[str]

    def of(self, name: str) -> dict[str, Any]:
        return self.run.of(name).result

    @property
    def readable_ids(self) -> list[str]:
        return [self.sim.case(case_id)["readableId"].lower() for case_id in self.ids]


def add_cases(sim: Simulator) -> list[str]:
    """Two cases that the play looks for, in the order of their creation, and three others."""
    sim.add_user(DANA)
    found = [sim.add_case(title="Disk full", labels=[{"key": "team", "value": "sre"}]) for _number in range(2)]
    sim.add_case(labels=[{"key": "team", "value": "data"}])
    sim.add_case(labels=[{"key": "team", "value": "sre"}], assignee=sim.add_user("lee@example.com"))
    sim.add_case(labels=[{"key": "team", "value": "sre"}], status="resolved")
    return sorted(found, key=lambda case_id: str(sim.case(case_id)["createTime"]))


@pytest.fixture(scope="module")
def shifts(simulators: Callable[..., Simulator], shared_ansible: Ansible) -> dict[str, Shift]:
    """The same shift, in both ways."""
    results = {}
    now = time.time()
    for way in (IN_PROCESS, AS_MODULE):
        # The same time in both, because a case shows its duration.
        sim = simulators(clock=lambda: now)
        ids = add_cases(sim)
        variables = {"url": sim.url, "key": KEY, "team": TEAM, "dana": DANA}
        plays = yaml.safe_load(PLAYBOOK)
        if way == AS_MODULE and not ALL:
            plays[0]["tasks"] = [task for task in plays[0]["tasks"] if task["name"] in AS_MODULES]
        run = shared_ansible.playbook(plays, ["--diff", *MAX_VERBOSITY], hosts={"localhost": variables}, way=way)
        results[way] = Shift(run, sim, ids)
    return results


@pytest.fixture(scope="module")
def shift(shifts: dict[str, Shift]) -> Shift:
    assert shifts[IN_PROCESS].run.returncode == 0, shifts[IN_PROCESS].run.output
    return shifts[IN_PROCESS]


# Task, and the name of the returned IDs.
CHANGES = {
    "assign": "assigned_ids",
    "acknowledge": "acknowledged_ids",
    "comment": "commented_ids",
    "priority": "prioritized_ids",
    "clear priority": "prioritized_ids",
    "unacknowledge": "unacknowledged_ids",
    "resolve": "resolved_ids",
    "update": "updated_ids",
    "unassign": "unassigned_ids",
    "close": "closed_ids",
}


def test_finds_the_cases(shift: Shift) -> None:
    assert [case["id"] for case in shift.of("find")["cases"]] == shift.ids
    assert shift.of("no facts")["msg"] in (False, "False")
    assert not shift.of("find")["truncated"]


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_happens_once(shift: Shift, name: str) -> None:
    first, again = shift.of(name), shift.of(f"{name} again")
    assert (first["changed"], again["changed"]) == (True, False)
    changed = first[CHANGES[name]]
    assert changed
    assert again[CHANGES[name]] == []
    assert first["ansible_facts"]["coralogix_cases"] == first["cases"]
    (diff,) = first["diff"] if isinstance(first["diff"], list) else [first["diff"]]
    assert [line.split(" ", 1)[0] for line in diff["prepared"].splitlines()] == changed


def test_ids_are_returned_as_the_task_gave_them(shift: Shift) -> None:
    assert shift.of("assign")["assigned_ids"] == shift.readable_ids
    assert shift.of("acknowledge")["acknowledged_ids"] == [case_id.upper() for case_id in shift.ids]
    assert shift.of("close")["not_found_ids"] == ["CASE-999"]


def test_final_state_of_the_cases(shift: Shift) -> None:
    first, second = (shift.sim.case(case_id) for case_id in shift.ids)
    assert first["status"] == second["status"] == "CASE_STATUS_CLOSED"
    assert [len(shift.sim.comments(case_id)) for case_id in shift.ids] == [2, 1]
    assert "override" not in first["priorityDetails"]
    assert (second["priority"], second["title"]) == ("CASE_PRIORITY_P1", "Disk full on checkout-1")
    assert second["resolutionDetails"]["reason"] == "The disk was replaced."
    assert shift.of("too late")["skipped_ids"] == shift.readable_ids
    danas = shift.of("find the cases of dana")["cases"]
    assert all(case["events"] and case["links"] and case["notifications"] for case in danas)
    users = shift.of("users")
    assert [user["username"] for user in users["users"]] == [DANA]
    assert users["not_found_usernames"] == ["nobody@example.com"]


def test_one_search_for_each_task_with_an_email(shift: Shift) -> None:
    # Two assignments, one list, and one for each of two usernames.
    assert [entry.operation for entry in shift.sim.journal].count("user_search") == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unknown", "Unknown case IDs: 'case-999'. Set missing=ignore to skip them."),
        ("null as a filter", "search is null. Null does not mean everything"),
        ("wrong key", "did not accept the API key (401: Unauthorized: invalid API key)"),
        ("version 4", "api_version is 4. Cases need latest or 5."),
    ],
)
def test_invalid_tasks_fail(shift: Shift, name: str, message: str) -> None:
    assert message in shift.of(name)["msg"]
    assert not shift.of(name)["changed"]


def test_both_ways_return_and_send_the_same(shifts: dict[str, Shift]) -> None:
    assert_same_results(shifts[IN_PROCESS].run, shifts[AS_MODULE].run)
    as_modules = shifts[AS_MODULE].sim.writes
    # The tasks that both have write first.
    assert_same_requests(shifts[IN_PROCESS].sim.writes[: len(as_modules)], as_modules)


# Ad hoc.
def test_ad_hoc(ansible: Ansible, sim: Simulator) -> None:
    ids = add_cases(sim)
    env = {"CORALOGIX_URL": sim.url, "CORALOGIX_API_KEY": KEY, "CORALOGIX_TEAM_ID": str(TEAM)}
    readable = str(sim.case(ids[1])["readableId"]).lower()
    arguments = f"case_ids={ids[0].upper()},{readable},{ids[0]} assignee={DANA}"
    check = ansible.ad_hoc("case_assign", arguments, ["--check", "--diff"], env=env)
    assert (check.only["changed"], sim.writes) == (True, [])
    assert f'{ids[0].upper()} ({sim.case(ids[0])["readableId"]}) "Disk full": nobody -> ' in check.output
    run = ansible.ad_hoc("case_assign", arguments, env=env)
    assert run.only["assigned_ids"] == [ids[0].upper(), readable]
    assert all(sim.case_assignee(case_id) for case_id in ids)


@pytest.mark.parametrize("way", [IN_PROCESS, AS_MODULE])
def test_team_from_the_environment_of_the_task(ansible: Ansible, sim: Simulator, way: str) -> None:
    sim.add_user(DANA)
    task = {
        "name": "users",
        f"{COLLECTION}.user_info": {"search": "dana", "api_url": sim.url},
        "environment": {"CORALOGIX_TEAM_ID": str(TEAM), "CX_API_KEY": KEY},
    }
    assert [user["username"] for user in ansible.play(task, way=way).only["users"]] == [DANA]


# The documentation.
def test_documentation_of_every_module(ansible: Ansible) -> None:
    run = ansible.command("ansible-doc", "--json", *(f"{COLLECTION}.{module}" for module in MODULES))
    shown = json.loads(run.output[run.output.index("{") :])
    for module in MODULES:
        documented = shown[f"{COLLECTION}.{module}"]
        assert documented["doc"]["options"]["team_id"]
        assert documented["doc"]["attributes"]["action_group"]["support"] == "full"
        assert documented["examples"].strip()
        assert "failure" in documented["return"]
