#!/usr/bin/python
# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_close
short_description: Close Coralogix incidents
version_added: 1.0.0
author:
  - The coralogix.incidents contributors (@coralogix)
description:
  - Given the IDs of incidents, closes those that are not closed. An incident is closed once it has a C(closedAt).
  - Closing is final; no module of this collection changes the status of a closed incident.
  - Reads the incidents first. What is closed already is left as it is.
extends_documentation_fragment:
  - coralogix.incidents.attributes
  - coralogix.incidents.attributes.change
  - coralogix.incidents.connection
  - coralogix.incidents.events
  - coralogix.incidents.incident_ids
attributes:
  check_mode:
    details:
      - Reads the incidents and predicts what a run would report, with the present time as C(closedAt), and with
        C(status) and C(state) resolved. Needs the permission C(incidents:read).
notes:
  - The API key needs the permission C(incidents:close) and has to be a personal key.
  - >-
    With C(incidents:read) as well the module sees what is closed already. Without, it closes all of them, reports
    RV(ignore:changed=true) because the earlier state is unknown, and warns about it.
seealso:
  - module: coralogix.incidents.incident_info
  - module: coralogix.incidents.incident_resolve
"""

EXAMPLES = r"""
- name: Close two incidents, with the key from the environment variable CORALOGIX_API_KEY
  coralogix.incidents.incident_close:
    region: eu2
    incident_ids:
      - 0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60
      - 7d9c2e14-85ab-4c3f-b1e6-90f2a3b4c5d6

- name: Show what closing would change
  coralogix.incidents.incident_close:
    region: eu2
    incident_ids: "{{ incident_ids }}"
  check_mode: true
  diff: true
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
closed_ids:
  description: The IDs of the incidents that were closed, or in check mode would be.
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
  description: What the failed request was; see RV(coralogix.incidents.incident_unassign#module:failure).
  returned: failure
  type: dict
"""

from datetime import datetime, timezone

from ansible_collections.coralogix.incidents.plugins.module_utils._filters import rfc3339
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import (
    INCIDENT,
    RESOLVED,
    describe_status,
    is_closed,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._module import run_module
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change
from ansible_collections.coralogix.incidents.plugins.module_utils._resource import Item
from ansible_collections.coralogix.incidents.plugins.module_utils._task import change_module


def predict_closed(incident: Item) -> Item:
    return {**incident, **RESOLVED, "closedAt": rfc3339(datetime.now(timezone.utc), "milliseconds")}


CLOSE = Change(
    operation="close",
    participle="closed",
    is_wanted=is_closed,
    predict=predict_closed,
    fields=("status", "closedAt"),
    describe=describe_status,
)

MODULE = change_module(INCIDENT, lambda _params: CLOSE)


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
