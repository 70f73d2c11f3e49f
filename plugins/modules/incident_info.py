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
  - Returns incidents, either those of given IDs or those that pass all of the given filters.
  - Reads page by page, no more pages than it takes.
extends_documentation_fragment:
  - coralogix.incidents.attributes
  - coralogix.incidents.attributes.info
  - coralogix.incidents.connection
  - coralogix.incidents.events
options:
  incident_ids:
    description:
      - The IDs of the incidents. A comma-separated string can be given as well.
      - They are returned in this order; repetitions are dropped, and blanks are refused.
      - Cannot be given together with filters, O(order_by) or O(limit).
    type: list
    elements: str
  missing:
    description:
      - What to do if there are IDs among O(incident_ids) of no known incident.
      - V(fail) names them all, V(ignore) goes on without them and returns them in RV(not_found_ids).
    type: str
    choices:
      - fail
      - ignore
    default: fail
  assignees:
    description:
      - Incidents that one of these users holds, given by their user IDs.
      - An empty list is held by nobody in it, so that no incident is returned. This holds for all filters with lists.
    type: list
    elements: str
  assigned:
    description:
      - V(true) is for incidents that anybody holds, V(false) for those that nobody holds.
      - >-
        The API has no such filter: the module reads what passes the other filters, page by page, and chooses from it.
        With O(limit) it stops once it has enough.
      - Cannot be given together with O(assignees).
    type: bool
  status:
    description:
      - Incidents with one of these statuses, which tell how far the handling is.
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
      - Incidents in one of these states, which tell whether the condition behind them lasts.
    type: list
    elements: str
    choices:
      - triggered
      - resolved
      - INCIDENT_STATE_TRIGGERED
      - INCIDENT_STATE_RESOLVED
  severity:
    description:
      - Incidents of one of these severities.
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
      - Incidents that have all of these contextual labels. To each belongs its value, or a list of values, of which the
        incident has to have one.
      - Needs API version 4 or 5.
    type: dict
  display_labels:
    description:
      - Incidents that have all of these display labels; in the form of O(contextual_labels).
      - Needs API version 4 or 5.
    type: dict
  meta_labels:
    description:
      - Incidents that have all of these labels of the alert behind them; in the form of O(contextual_labels).
      - Needs API version 4 or 5.
      - If several labels are given, one of them with several values, the API is asked for incidents that have any of
        the pairs, and the module chooses from these.
    type: dict
  muted:
    description:
      - Whether notifications about the incident are muted.
    type: bool
  created_after:
    description:
      - Incidents that were created at this time or later.
      - >-
        A time in RFC 3339 form, such as V(2026-11-23T03:00:00Z), a day, such as V(2026-11-23), which begins at midnight
        UTC, or some time ago by the clock of the host that the module runs on: V(-90s), V(-30m), V(-24h), V(-7d) or
        V(-2w).
    type: str
  created_before:
    description:
      - Incidents that were created at this time or earlier; in the forms of O(created_after).
    type: str
  open_after:
    description:
      - Incidents that were open at this time or later; in the forms of O(created_after).
      - Together with O(open_before), those that were open at some time in between.
    type: str
  open_before:
    description:
      - Incidents that were open at this time or earlier; in the forms of O(created_after).
    type: str
  search:
    description:
      - Incidents that have a text in one of their fields or contextual labels.
    type: dict
    suboptions:
      text:
        description: The text.
        type: str
        required: true
      field:
        description: The field to look into; this or O(search.contextual_label) has to be given.
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
        description: The contextual label to look into.
        type: str
  order_by:
    description:
      - By what to sort the incidents; what comes first counts most.
      - The order is the API's own if this is not set.
      - Needs API version 4 or 5.
    type: list
    elements: dict
    suboptions:
      field:
        description: The field to sort by; this or O(order_by[].contextual_label) has to be given.
        type: str
        choices: *fields
      contextual_label:
        description: The contextual label to sort by.
        type: str
      direction:
        description: Whether to begin with the least or with the greatest.
        type: str
        choices:
          - asc
          - desc
        default: asc
  limit:
    description:
      - How many incidents to return at most, 1 or more. All of them if it is not set.
    type: int
notes:
  - The API key needs the permission C(incidents:read).
  - With O(api_version=latest), one further request finds out which routes the service has.
seealso:
  - module: coralogix.incidents.incident_assign
  - module: coralogix.incidents.incident_unassign
"""

EXAMPLES = r"""
- name: Find what is critical and nobody holds, with the key from the environment variable CORALOGIX_API_KEY
  coralogix.incidents.incident_info:
    region: eu2
    severity:
      - critical
    status:
      - triggered
    assigned: false
    created_after: -24h
  register: unheld

- name: Show it
  ansible.builtin.debug:
    msg: "{{ item.createdAt }} {{ item.name | default(item.id) }}"
  loop: "{{ unheld.incidents }}"
  loop_control:
    label: "{{ item.id }}"

- name: Find the ten latest incidents of a team
  coralogix.incidents.incident_info:
    region: eu2
    display_labels:
      team: payments
    order_by:
      - field: created_time
        direction: desc
    limit: 10

- name: Look whether incidents of a list still exist
  coralogix.incidents.incident_info:
    region: eu2
    incident_ids: "{{ incident_ids }}"
    missing: ignore
    events: false
  register: known

- name: Tell which do not
  ansible.builtin.debug:
    msg: "Unknown: {{ known.not_found_ids | join(', ') | default('none', true) }}"
"""

RETURN = r"""
incidents:
  description:
    - The incidents, exactly as the API shows them. In the order of O(incident_ids), or else as O(order_by) says.
    - If the task fails, those that were found if there are unknown IDs, else none, as a part would look like the whole.
    - RV(coralogix.incidents.incident_unassign#module:incidents) tells what an incident holds.
  returned: always
  type: list
  elements: dict
count:
  description: How many RV(incidents) are returned.
  returned: always
  type: int
  sample: 10
total:
  description:
    - How many incidents there are, as the API counts them. More than RV(count) if O(limit) was reached, or if the
      module itself has chosen from them, as with O(assigned).
    - With O(incident_ids), the same as RV(count).
  returned: always
  type: int
  sample: 42
not_found_ids:
  description: Those of the O(incident_ids) that do not exist.
  returned: always
  type: list
  elements: str
  sample: []
failure:
  description: What the failed request was; see RV(coralogix.incidents.incident_unassign#module:failure).
  returned: failure
  type: dict
"""

from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._module import run_module
from ansible_collections.coralogix.incidents.plugins.module_utils._task import info_module

MODULE = info_module(INCIDENT)


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
