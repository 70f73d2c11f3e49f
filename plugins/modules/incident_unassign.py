#!/usr/bin/python
# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_unassign
short_description: Remove all user assignments from Coralogix incidents
version_added: 1.0.0
author:
  - The coralogix.incidents contributors (@coralogix)
description:
  - Given the IDs of incidents, leaves none of them assigned to anybody and returns the incidents as facts.
  - Reads the incidents first and writes only to those that somebody is assigned to, so that a second run changes
    nothing. After writing it makes sure of the effect.
  - Any number of IDs can be given; they are dealt into as many requests as needed, a few of them at the same time.
extends_documentation_fragment:
  - coralogix.incidents.attributes
  - coralogix.incidents.attributes.change
  - coralogix.incidents.connection
  - coralogix.incidents.events
  - coralogix.incidents.incident_ids
attributes:
  check_mode:
    details:
      - Reads the incidents and predicts what a run would report. Needs the permission C(incidents:read).
notes:
  - The API key needs the permission C(incidents:assign) and has to be a personal key.
  - >-
    With C(incidents:read) as well the module sees who is assigned, and reports RV(ignore:changed) accordingly.
    Without, it does its job all the same, reports RV(ignore:changed=true) because the earlier state is unknown,
    and warns about it.
  - If the task fails half-way, its result tells what had been done by then; running it again goes on from there.
seealso:
  - module: coralogix.incidents.incident_info
  - module: coralogix.incidents.incident_assign
  - name: Unassign incidents
    description: The operation of the Coralogix API.
    link: https://coralogix.com/docs/api-reference/latest/incidents-service/unassign-incidents
"""

EXAMPLES = r"""
- name: Unassign two incidents, with the key from the environment variable CORALOGIX_API_KEY
  coralogix.incidents.incident_unassign:
    region: eu2
    incident_ids:
      - 0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60
      - 7d9c2e14-85ab-4c3f-b1e6-90f2a3b4c5d6

- name: Show who held them
  coralogix.incidents.incident_unassign:
    region: eu2
    incident_ids: "{{ incident_ids }}"
  check_mode: true
  diff: true

- name: Give the connection once for all modules of this collection
  module_defaults:
    group/coralogix.incidents.coralogix:
      api_key: "{{ coralogix_api_key }}"
      domain: eu2.coralogix.com
      api_version: "5"
  block:
    - name: Unassign what is known of a list, and leave out the rest
      coralogix.incidents.incident_unassign:
        incident_ids: "{{ incident_ids }}"
        missing: ignore
      register: unassigned

    - name: Tell what happened
      ansible.builtin.debug:
        msg: >-
          Unassigned {{ unassigned.unassigned_ids | length }} of {{ unassigned.incidents | length }} incidents;
          unknown: {{ unassigned.not_found_ids | join(', ') | default('none', true) }}

    - name: Use the facts in a following task
      ansible.builtin.debug:
        msg: "{{ item.severity }}: {{ item.name | default(item.id) }}"
      loop: "{{ ansible_facts.coralogix_incidents }}"
      loop_control:
        label: "{{ item.id }}"

- name: Unassign, and report on failure what had been done until then
  block:
    - name: Unassign
      coralogix.incidents.incident_unassign:
        region: eu2
        incident_ids: "{{ incident_ids }}"
      register: unassigned
  rescue:
    - name: Report
      ansible.builtin.debug:
        msg: >-
          {{ ansible_failed_result.msg }}
          Done: {{ ansible_failed_result.unassigned_ids | default([]) | join(', ') }}
"""

RETURN = r"""
incidents:
  description:
    - The incidents as they are at the end of the task, in the order of O(incident_ids), exactly as the API shows them.
    - In check mode, as they would be.
    - If the task fails, those whose state is known.
    - An incident may lack C(name), C(description), C(isMuted), C(metaLabels) and C(closedAt).
  returned: always
  type: list
  elements: dict
  contains: &incident
    id:
      description: The ID of the incident.
      type: str
      sample: 0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60
    name:
      description: The name of the incident.
      type: str
      sample: Checkout latency above 2 s
    description:
      description: What the incident is about.
      type: str
      sample: The 95th percentile of the latency was above its threshold for 10 minutes.
    state:
      description: Whether the condition behind the incident lasts.
      type: str
      sample: INCIDENT_STATE_TRIGGERED
    status:
      description: How far its handling is.
      type: str
      sample: INCIDENT_STATUS_TRIGGERED
    severity:
      description: The severity of the incident.
      type: str
      sample: INCIDENT_SEVERITY_CRITICAL
    assignments:
      description: Who is assigned to it. Empty once the task has ended well.
      type: list
      elements: dict
      contains:
        assignedTo:
          description: The user who is assigned.
          type: dict
          contains:
            userId:
              description: The ID of the user.
              type: str
              sample: 5e1f0c52-7a0c-4b7e-8f57-2f7d8f1a9b11
        assignedBy:
          description: The user who assigned them.
          type: dict
          contains:
            userId:
              description: The ID of the user.
              type: str
              sample: 9b7a3d4e-1c2f-4e5d-8a6b-7c8d9e0f1a2b
      sample: []
    isMuted:
      description: Whether notifications about it are muted.
      type: bool
      sample: false
    createdAt:
      description: When the incident was opened, in RFC 3339 form.
      type: str
      sample: '2026-11-23T02:58:11.000Z'
    closedAt:
      description: When it was closed, in RFC 3339 form. Missing while it is open.
      type: str
      sample: '2026-11-23T04:10:00.000Z'
    lastStateUpdateTime:
      description: When its state was last changed, in RFC 3339 form.
      type: str
      sample: '2026-11-23T03:04:05.000Z'
    lastStateUpdateKey:
      description: The key of the last change of its state.
      type: str
      sample: 4f3c1a
    duration:
      description: How long it has lasted, in seconds with the unit C(s).
      type: str
      sample: 354s
    contextualLabels:
      description: Labels that place the incident, such as its application and subsystem. The keys are user data.
      type: dict
      sample:
        application: shop
    displayLabels:
      description: Labels to show. The keys are user data.
      type: dict
      sample:
        team: payments
    metaLabels:
      description: The labels of the alert behind the incident.
      type: list
      elements: dict
      contains:
        key:
          description: The key of the label.
          type: str
          sample: runbook
        value:
          description: The value of the label.
          type: str
          sample: https://runbooks.example.com/checkout
    events:
      description:
        - What has happened to the incident, among it who was assigned and unassigned.
        - Left out with O(events=false).
      type: list
      elements: dict
      sample: []
ansible_facts:
  description: The facts that the task leaves to those after it.
  returned: success
  type: dict
  contains:
    coralogix_incidents:
      description: The same list as RV(incidents).
      returned: success
      type: list
      elements: dict
      contains: *incident
unassigned_ids:
  description:
    - The IDs of the incidents from which an assignment was removed, or in check mode would be.
    - If the incidents could not be read first, those that are unassigned now, for who held them before is unknown.
  returned: always
  type: list
  elements: str
  sample:
    - 0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60
not_found_ids:
  description: Those of the O(incident_ids) that do not exist.
  returned: always
  type: list
  elements: str
  sample: []
failure:
  description:
    - What the failed request was, for a rescue block or for the vendor's support.
    - Its values are null as far as no request is to blame.
  returned: failure
  type: dict
  contains:
    status:
      description: The HTTP status of the last answer. Null if there was none.
      type: int
      sample: 403
    method:
      description: The HTTP method.
      type: str
      sample: GET
    url:
      description: The URL, with the IDs in it.
      type: str
      sample: >-
        https://api.eu2.coralogix.com/mgmt/openapi/5/incidents/incidents/v1?ids=0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60
    message:
      description: What the service, or the connection, said.
      type: str
      sample: permission denied
    correlation_id:
      description: The ID that was sent with all requests of the task; the vendor's support finds them by it.
      type: str
      sample: 3f0c8f9e-8d3c-4a73-9d60-0d8f5b0a7f51
"""

from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT, describe_assignees
from ansible_collections.coralogix.incidents.plugins.module_utils._module import run_module
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change
from ansible_collections.coralogix.incidents.plugins.module_utils._task import change_module

UNASSIGN = Change(
    operation="unassign",
    participle="unassigned",
    is_wanted=lambda incident: not incident["assignments"],
    predict=lambda incident: {**incident, "assignments": []},
    fields=("assignments",),
    describe=describe_assignees,
)

MODULE = change_module(INCIDENT, lambda _params: UNASSIGN)


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
