#!/usr/bin/python
# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_info
short_description: Find Coralogix incidents
version_added: 1.0.0
author:
  - The coralogix.incidents contributors (@coralogix)
description:
  - Returns the incidents with the given IDs, or those that match filters.
  - Filters combine with AND, values within one filter with OR.
  - Reads a list page by page, and no more pages than needed.
extends_documentation_fragment:
  - coralogix.incidents.attributes
  - coralogix.incidents.attributes.info
  - coralogix.incidents.connection
  - coralogix.incidents.include_events
options:
  incident_ids:
    description:
      - The IDs of the incidents, as a list or as a string separated by commas.
      - Their order is kept. Duplicates are dropped; two spellings of one UUID are duplicates.
      - An empty list returns nothing. Null is refused, here and in all filters - it does not mean all incidents.
      - Cannot be combined with filters, O(order_by) or O(limit).
    type: list
    elements: str
  missing:
    description:
      - What to do about unknown IDs among O(incident_ids).
      - V(fail) fails and names them. V(ignore) skips them and returns them in RV(not_found_ids).
    type: str
    choices:
      - fail
      - ignore
    default: fail
  assignees:
    description:
      - Incidents that are assigned to one of these users, given by user ID or by e-mail address.
      - E-mail addresses are looked up, which needs O(team_id). An address stands for all accounts that have it.
      - >-
        Like every list here, it can be a string separated by commas. Values are stripped, and blank ones are refused.
        A filter takes at most 1000 values.
      - An empty list matches nothing, and nothing is sent. That holds for every filter with a list or a map. Use
        C(omit) to leave a filter out.
    type: list
    elements: str
  assigned:
    description:
      - V(true) matches incidents that are assigned to anybody, V(false) those that are assigned to nobody.
      - >-
        The API has no such filter. The module reads everything that the other filters match, page by page, and chooses
        from it. With O(limit) it stops as soon as it has enough.
      - Cannot be combined with O(assignees).
    type: bool
  status:
    description:
      - Incidents with one of these statuses. The status says how far people are with it.
    type: list
    elements: str
    choices:
      - triggered
      - acknowledged
      - resolved
      - INCIDENT_STATUS_TRIGGERED
      - INCIDENT_STATUS_ACKNOWLEDGED
      - INCIDENT_STATUS_RESOLVED
  state:
    description:
      - Incidents in one of these states. The state says whether the condition behind the incident still lasts.
    type: list
    elements: str
    choices:
      - triggered
      - resolved
      - INCIDENT_STATE_TRIGGERED
      - INCIDENT_STATE_RESOLVED
  severity:
    description:
      - Incidents with one of these severities.
    type: list
    elements: str
    choices:
      - info
      - low
      - warning
      - error
      - critical
      - INCIDENT_SEVERITY_INFO
      - INCIDENT_SEVERITY_LOW
      - INCIDENT_SEVERITY_WARNING
      - INCIDENT_SEVERITY_ERROR
      - INCIDENT_SEVERITY_CRITICAL
  applications:
    description:
      - Incidents of one of these applications.
    type: list
    elements: str
  subsystems:
    description:
      - Incidents of one of these subsystems.
    type: list
    elements: str
  contextual_labels:
    description:
      - Incidents that have all of these contextual labels. Each label has a value, or a list of values of which one
        must match.
      - Quote values such as C("no") and C("1.10"). YAML would make a boolean or a number of them, which is refused.
      - Needs API version 4 or 5.
    type: dict
  display_labels:
    description:
      - Incidents that have all of these display labels, in the form of O(contextual_labels).
      - Needs API version 4 or 5.
    type: dict
  meta_labels:
    description:
      - Incidents whose alert has all of these labels, in the form of O(contextual_labels).
      - Needs API version 4 or 5.
      - With several labels, one of which has several values, the API is asked for incidents with any of the pairs, and
        the module chooses from them.
    type: dict
  muted:
    description:
      - V(true) matches incidents whose notifications are muted, V(false) the others.
    type: bool
  created_after:
    description:
      - Incidents that were created at this time or later.
      - >-
        A time in RFC 3339 format with its time zone, such as V(2026-11-23T03:00:00Z), or a day, such as V(2026-11-23),
        which means midnight UTC at its beginning. Or a time before now, by the clock of the host that the task runs on:
        V(-90s), V(-30m), V(-24h), V(-7d) or V(-2w).
    type: str
  created_before:
    description:
      - Incidents that were created at this time or earlier, in the forms of O(created_after). A day means its
        beginning, so that incidents of that day do not match.
    type: str
  open_after:
    description:
      - Incidents that were open at this time or later, in the forms of O(created_after). The API calls this the range
        of the incident's duration, from its creation until it was closed.
      - Together with O(open_before), incidents that were open at some time in between.
    type: str
  open_before:
    description:
      - Incidents that were open at this time or earlier, in the forms of O(created_after).
    type: str
  search:
    description:
      - Incidents that contain a text in one of their fields or contextual labels.
    type: dict
    suboptions:
      text:
        description: The text.
        type: str
        required: true
      field:
        description: The field to search. Set this or O(search.contextual_label).
        type: str
        choices: &fields
          - id
          - name
          - severity
          - state
          - status
          - created_time
          - closed_time
          - last_state_update_time
          - duration
          - application_name
          - subsystem_name
      contextual_label:
        description: The contextual label to search.
        type: str
  order_by:
    description:
      - How to sort the incidents. The first entry counts most.
      - If it is not set, the order is the API's own.
      - Needs API version 4 or 5.
    type: list
    elements: dict
    suboptions:
      field:
        description: The field to sort by. Set this or O(order_by[].contextual_label).
        type: str
        choices: *fields
      contextual_label:
        description: The contextual label to sort by.
        type: str
      direction:
        description: V(asc) begins with the lowest value, V(desc) with the highest.
        type: str
        choices:
          - asc
          - desc
        default: asc
  limit:
    description:
      - How many incidents to return at most, 1 or more. If it is not set, all that match are returned.
    type: int
notes:
  - The API key needs the permission C(incidents:read).
  - With O(api_version=latest) and filters, one extra request finds out which routes the service has.
seealso:
  - module: coralogix.incidents.incident_assign
  - module: coralogix.incidents.incident_unassign
"""

EXAMPLES = r"""
- name: Find critical incidents that nobody is assigned to, with the key from CORALOGIX_API_KEY
  coralogix.incidents.incident_info:
    region: eu2
    severity:
      - critical
    status:
      - triggered
    assigned: false
    created_after: -24h
  register: unassigned

- name: Show them
  ansible.builtin.debug:
    msg: "{{ item.createdAt }} {{ item.name | default(item.id) }}"
  loop: "{{ unassigned.incidents }}"
  loop_control:
    label: "{{ item.id }}"

- name: Find the ten newest incidents of a team
  coralogix.incidents.incident_info:
    region: eu2
    display_labels:
      team: payments
    order_by:
      - field: created_time
        direction: desc
    limit: 10

- name: Check which incidents of a list still exist
  coralogix.incidents.incident_info:
    region: eu2
    incident_ids: "{{ incident_ids }}"
    missing: ignore
    include_events: false
  register: known

- name: Show the unknown ones
  ansible.builtin.debug:
    msg: "Unknown: {{ known.not_found_ids | join(', ') | default('none', true) }}"
"""

RETURN = r"""
# Generated by tests/tools/return_docs.py from info.
incidents:
  description:
    - The incidents, exactly as the API shows them. In the order of O(incident_ids), or else as O(order_by) says.
    - If IDs are unknown and the task fails, those that were found. If it fails otherwise, none - a part would look like
      the whole.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The ID of the incident.
      type: str
      sample: 0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60
    name:
      description: The name of the incident. May be missing.
      type: str
      sample: Checkout latency above 2 s
    description:
      description: What the incident is about. May be missing.
      type: str
      sample: The 95th percentile of the latency was above its threshold for 10 minutes.
    state:
      description: Whether the condition behind the incident still lasts.
      type: str
      sample: INCIDENT_STATE_TRIGGERED
    status:
      description: How far the incident has been handled.
      type: str
      sample: INCIDENT_STATUS_TRIGGERED
    severity:
      description: The severity of the incident.
      type: str
      sample: INCIDENT_SEVERITY_CRITICAL
    assignments:
      description: Who is assigned to it. Empty if nobody is.
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
      description: Whether notifications about it are muted. May be missing.
      type: bool
      sample: false
    createdAt:
      description: When the incident was opened, in RFC 3339 format.
      type: str
      sample: '2026-11-23T02:58:11.000Z'
    closedAt:
      description: When it was closed, in RFC 3339 format. Missing while it is open.
      type: str
      sample: '2026-11-23T04:10:00.000Z'
    lastStateUpdateTime:
      description: When its state was last changed, in RFC 3339 format.
      type: str
      sample: '2026-11-23T03:04:05.000Z'
    lastStateUpdateKey:
      description: The key of the last change of its state.
      type: str
      sample: 4f3c1a
    duration:
      description: How long it has lasted, in seconds, such as C(354s).
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
      description: The labels of the alert behind the incident. May be missing.
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
        - What has happened to the incident, such as who was assigned and unassigned.
        - Missing with O(include_events=false).
      type: list
      elements: dict
      sample: []
count:
  description: The number of RV(incidents) that are returned.
  returned: always
  type: int
  sample: 10
not_found_ids:
  description: The IDs among O(incident_ids) that are unknown.
  returned: always
  type: list
  elements: str
  sample: []
failure:
  description:
    - The failed request, for a rescue block or for the vendor's support.
    - Its values are null if the task failed for another reason. It is missing if an option is wrong.
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
      sample: https://api.eu2.coralogix.com/mgmt/openapi/5/incidents/incidents/v1
    message:
      description: The error message of the service, or of the connection.
      type: str
      sample: permission denied
    correlation_id:
      description: The ID that was sent with all requests of the task. The vendor's support finds them by it.
      type: str
      sample: 3f0c8f9e-8d3c-4a73-9d60-0d8f5b0a7f51
# End of the generated part.
total:
  description:
    - The number of incidents that match, as the API counts them. It is more than RV(count) if O(limit) was reached, or
      if the module itself chooses from what the API returns, as with O(assigned).
    - With O(incident_ids), the same as RV(count).
  returned: always
  type: int
  sample: 42
"""

from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._module import run_module
from ansible_collections.coralogix.incidents.plugins.module_utils._task import info_module
from ansible_collections.coralogix.incidents.plugins.module_utils._users import resolve_assignees

MODULE = info_module(INCIDENT, resolve_assignees)


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
