#!/usr/bin/python
# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_resolve
short_description: Resolve Coralogix incidents
version_added: 1.0.0
author:
  - The coralogix.incidents contributors (@coralogix)
description:
  - Given the IDs of incidents, resolves those that are not resolved.
  - Reads the incidents first. What has the C(status) resolved is left as it is. So is what is closed, as closing is
    final; RV(left_alone_ids) reports it unless its C(status) is resolved.
extends_documentation_fragment:
  - coralogix.incidents.attributes
  - coralogix.incidents.attributes.change
  - coralogix.incidents.connection
  - coralogix.incidents.events
  - coralogix.incidents.incident_ids
attributes:
  check_mode:
    details:
      - Reads the incidents and predicts what a run would report, with C(status) and C(state) resolved.
notes:
  - >-
    The API key needs the permissions C(incidents:close) and C(incidents:read), and has to be a personal key.
    Without reading, the module could not tell which incidents to leave alone.
seealso:
  - module: coralogix.incidents.incident_info
  - module: coralogix.incidents.incident_acknowledge
  - module: coralogix.incidents.incident_close
"""

EXAMPLES = r"""
- name: Resolve what the runbook has mended, with the key from the environment variable CORALOGIX_API_KEY
  coralogix.incidents.incident_resolve:
    region: eu2
    incident_ids: "{{ incident_ids }}"
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
resolved_ids:
  description: The IDs of the incidents that were resolved, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample:
    - 0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60
left_alone_ids:
  description: The IDs of the incidents that were left alone, as they are closed.
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
    INCIDENT,
    RESOLVED,
    describe_status,
    is_closed,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._module import run_module
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change
from ansible_collections.coralogix.incidents.plugins.module_utils._task import change_module

RESOLVE = Change(
    operation="resolve",
    participle="resolved",
    is_wanted=lambda incident: incident["status"] == RESOLVED["status"],
    predict=lambda incident: {**incident, **RESOLVED},
    fields=("status", "closedAt"),
    describe=describe_status,
    is_skipped=is_closed,
    required_fields={"status": str},
)

MODULE = change_module(INCIDENT, lambda _params: RESOLVE)


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
