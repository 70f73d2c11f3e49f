#!/usr/bin/python
# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_acknowledge
short_description: Acknowledge Coralogix incidents
version_added: 1.0.0
author:
  - The coralogix.incidents contributors (@coralogix)
description:
  - Given the IDs of incidents, acknowledges those that are merely triggered.
  - Reads the incidents first. What is acknowledged already is left as it is, and so is what is past that, as its
    C(status) or C(state) is resolved or it is closed; RV(left_alone_ids) reports the latter.
extends_documentation_fragment:
  - coralogix.incidents.attributes
  - coralogix.incidents.attributes.change
  - coralogix.incidents.connection
  - coralogix.incidents.events
  - coralogix.incidents.incident_ids
attributes:
  check_mode:
    details:
      - Reads the incidents and predicts what a run would report.
notes:
  - >-
    The API key needs the permissions C(incidents:acknowledge) and C(incidents:read), and has to be a personal key.
    Without reading, the module could not tell which incidents to leave alone.
seealso:
  - module: coralogix.incidents.incident_info
  - module: coralogix.incidents.incident_resolve
  - module: coralogix.incidents.incident_assign
"""

EXAMPLES = r"""
- name: Acknowledge what a webhook tells about, with the key from the environment variable CORALOGIX_API_KEY
  coralogix.incidents.incident_acknowledge:
    region: eu2
    incident_ids: "{{ incident_ids }}"
    missing: ignore
  register: acknowledged

- name: Tell what was left alone
  ansible.builtin.debug:
    msg: "Resolved already: {{ acknowledged.left_alone_ids | join(', ') | default('none', true) }}"
"""

RETURN = r"""
incidents:
  description:
    - The incidents as they are at the end of the task, or in check mode would be, in the order of O(incident_ids).
    - If the task fails, those whose state is known.
    - RV(coralogix.incidents.incident_unassign#module:incidents) tells what an incident holds.
  returned: always
  type: list
  elements: dict
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
acknowledged_ids:
  description: The IDs of the incidents that were acknowledged, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample:
    - 0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60
left_alone_ids:
  description: The IDs of the incidents that were left alone, as they are resolved or closed.
  returned: always
  type: list
  elements: str
  sample: []
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

from ansible_collections.coralogix.incidents.plugins.module_utils._incident import (
    ACKNOWLEDGED,
    INCIDENT,
    RESOLVED,
    describe_status,
    is_closed,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._module import run_module
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change
from ansible_collections.coralogix.incidents.plugins.module_utils._resource import Item
from ansible_collections.coralogix.incidents.plugins.module_utils._task import change_module


def is_further_along(incident: Item) -> bool:
    return is_closed(incident) or any(incident[field] == value for field, value in RESOLVED.items())


ACKNOWLEDGE = Change(
    operation="acknowledge",
    participle="acknowledged",
    is_wanted=lambda incident: incident["status"] == ACKNOWLEDGED,
    predict=lambda incident: {**incident, "status": ACKNOWLEDGED},
    fields=("status", "state", "closedAt"),
    describe=describe_status,
    is_skipped=is_further_along,
    required_fields={"status": str, "state": str},
)

MODULE = change_module(INCIDENT, lambda _params: ACKNOWLEDGE)


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
