# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A night on call, with all modules of the collection in one play: what one returns, the next one works on."""

from __future__ import annotations

import json

import pytest
from playbooks import KEY, Ansible
from simulator import Simulator

# As a user writes it: the time without quotes is one to YAML, the version a number, and only the group is told of
# the connection.
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/coralogix.incidents.coralogix:
      api_url: "{{ url }}"
      api_key: "{{ key }}"
      api_version: 4
  tasks:
    - name: what alice holds
      coralogix.incidents.incident_info:
        assignees: alice
        created_after: 2020-01-01T00:00:00Z
      register: held

    - name: no facts
      ansible.builtin.debug:
        msg: "{{ ansible_facts.coralogix_incidents is defined }}"

    - name: to bob
      coralogix.incidents.incident_assign:
        incident_ids: "{{ held.incidents | map(attribute='id') }}"
        assignee: bob

    - name: to bob again
      coralogix.incidents.incident_assign:
        incident_ids: "{{ held.incidents | map(attribute='id') }}"
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

    - name: what bob holds
      coralogix.incidents.incident_info:
        assignees: [bob]
        status: [acknowledged]
      register: held

    - name: to nobody
      coralogix.incidents.incident_unassign:
        incident_ids: "{{ held.incidents | map(attribute='id') }}"

    - name: to nobody again
      coralogix.incidents.incident_unassign:
        incident_ids: "{{ held.incidents | map(attribute='id') }}"
"""


@pytest.mark.measured
@pytest.mark.smoke
def test_hand_over(ansible: Ansible, sim: Simulator) -> None:
    hers = {
        sim.add_incident(assignees=("alice",)): ["alice"],
        sim.add_incident(assignees=("alice", "dave")): ["alice", "dave"],
    }
    others = [
        sim.add_incident(assignees=("alice",), createdAt="2019-12-31T23:59:59.999Z"),
        sim.add_incident(assignees=("carol",)),
    ]
    before = [sim.incident(one) for one in others]
    given = json.dumps({"url": sim.url, "key": KEY})
    run = ansible.playbook(PLAYBOOK, args=["--extra-vars", given])
    assert run.returncode == 0, run.output

    found = run.of("what alice holds")
    first, second = ids = [incident["id"] for incident in found["incidents"]]
    assert set(ids) == set(hers)
    assert (found["changed"], found["count"], found["total"]) == (False, 2, 2)
    assert "ansible_facts" not in found
    assert run.of("no facts")["msg"] is False
    assert run.of("to bob")["assigned_ids"] == ids
    assert run.of("to bob")["reassigned_ids"] == hers
    assert run.of("acknowledge")["acknowledged_ids"] == ids
    assert run.of("resolve")["resolved_ids"] == run.of("close")["closed_ids"] == [first]
    assert [incident["id"] for incident in run.of("what bob holds")["incidents"]] == [second]
    assert run.of("to nobody")["unassigned_ids"] == [second]
    assert [run.of(name)["changed"] for name in ("to bob again", "to nobody again")] == [False, False]

    assert [sim.incident(one) for one in others] == before
    assert sim.assignees(first) == ["bob"]
    assert sim.assignees(second) == []
    assert [entry.operation for entry in sim.journal if entry.operation != "read_many"] == [
        *["list", "assign", "acknowledge", "resolve", "close", "list", "unassign"]
    ]
    assert {entry.version for entry in sim.journal} == {"4"}, "the group reaches all of the modules"
    assert KEY not in run.output
