# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A night on call with all modules for incidents in one play. Each task works on the results of the one before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from parity import assert_same_requests, assert_same_results
from playbooks import AS_MODULE, IN_PROCESS, KEY, MAX_VERBOSITY, WAYS, Ansible, Run
from simulator import Simulator

pytestmark = pytest.mark.parity

# As a user writes it, with a version that is a number to YAML, and the connection in the defaults of the group.
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/coralogix.incidents.coralogix:
      api_url: "{{ url }}"
      api_key: "{{ key }}"
      api_version: 4
  tasks:
    - name: find the incidents of alice
      coralogix.incidents.incident_info:
        assignees: alice
        created_after: "2020-01-01T00:00:00Z"
      register: found

    - name: look for facts
      ansible.builtin.debug:
        msg: "{{ ansible_facts.coralogix_incidents is defined }}"

    - name: assign them to bob
      coralogix.incidents.incident_assign:
        incident_ids: "{{ found.incidents | map(attribute='id') }}"
        assignee: bob

    - name: acknowledge
      coralogix.incidents.incident_acknowledge:
        incident_ids: "{{ ansible_facts.coralogix_incidents | map(attribute='id') }}"

    - name: resolve
      coralogix.incidents.incident_resolve:
        incident_ids: "{{ (ansible_facts.coralogix_incidents | first).id }}"

    - name: close
      coralogix.incidents.incident_close:
        incident_ids: "{{ ansible_facts.coralogix_incidents | map(attribute='id') }}"

    - name: find the incidents of bob
      coralogix.incidents.incident_info:
        assignees: [bob]
        status: [acknowledged]
      register: found

    - name: unassign
      coralogix.incidents.incident_unassign:
        incident_ids: "{{ found.incidents | map(attribute='id') }}"
"""


def play(ansible: Ansible, sim: Simulator, way: str) -> Run:
    before = {
        "of alice": sim.add_incident(assignees=("alice",)),
        "shared": sim.add_incident(assignees=("alice", "dave")),
        "too old": sim.add_incident(assignees=("alice",), createdAt="2019-12-31T23:59:59.999Z"),
        "of carol": sim.add_incident(assignees=("carol",)),
    }
    others = {name: sim.incident(before[name]) for name in ("too old", "of carol")}
    # Not on the command line, which Ansible itself shows.
    variables = ansible.folder / "variables.json"
    variables.write_text(json.dumps({"url": sim.url, "key": KEY}), encoding="utf-8")
    run = ansible.playbook(PLAYBOOK, ["--extra-vars", f"@{variables}", *MAX_VERBOSITY], way=way)
    assert run.returncode == 0, run.end
    assert {name: sim.incident(before[name]) for name in others} == others

    found = run.of("find the incidents of alice")
    first, second = ids = [incident["id"] for incident in found["incidents"]]
    assert set(ids) == {before["of alice"], before["shared"]}
    assert (found["changed"], found["count"], found["total"]) == (False, 2, 2)
    assert run.of("look for facts")["msg"] is False
    assert run.of("assign them to bob")["assigned_ids"] == ids
    assert run.of("assign them to bob")["reassigned_ids"] == {
        before["of alice"]: ["alice"],
        before["shared"]: ["alice", "dave"],
    }
    assert run.of("acknowledge")["acknowledged_ids"] == ids
    assert run.of("resolve")["resolved_ids"] == run.of("close")["closed_ids"] == [first]
    assert [incident["id"] for incident in run.of("find the incidents of bob")["incidents"]] == [second]
    assert run.of("unassign")["unassigned_ids"] == [second]

    assert (sim.assignees(first), sim.assignees(second)) == (["bob"], [])
    operations = [entry.operation for entry in sim.journal if entry.operation != "read_many"]
    assert operations == ["list", "assign", "acknowledge", "resolve", "close", "list", "unassign"]
    assert {entry.version for entry in sim.journal} == {"4"}, "the group's defaults reach all modules"
    return run


@pytest.mark.measured
def test_hand_over(ansible: Ansible, shared_ansible: Ansible, simulators: Callable[..., Simulator]) -> None:
    sims = {way: simulators() for way in WAYS}
    # Modules run in processes of their own, where nothing is measured.
    ansibles = {IN_PROCESS: ansible, AS_MODULE: shared_ansible}
    runs = {way: play(ansibles[way], sim, way) for way, sim in sims.items()}
    assert_same_requests(sims[IN_PROCESS].journal, sims[AS_MODULE].journal)
    as_modules = [task for task in runs[AS_MODULE].tasks if task.task != "look for facts"]
    assert_same_results(runs[IN_PROCESS], replace(runs[AS_MODULE], tasks=as_modules))
