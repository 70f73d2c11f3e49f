#!/usr/bin/python
# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_assign
short_description: Assign Coralogix incidents to a user
version_added: 1.0.0
author:
  - The coralogix.incidents contributors (@coralogix)
description:
  - Given the IDs of incidents and of a user, leaves all of them assigned to that user and to nobody else.
  - Reads the incidents first. One that is held by exactly that user is left as it is; others are assigned, and
    RV(reassigned_ids) tells from whom they were taken.
extends_documentation_fragment:
  - coralogix.incidents.attributes
  - coralogix.incidents.attributes.change
  - coralogix.incidents.connection
  - coralogix.incidents.events
  - coralogix.incidents.incident_ids
attributes:
  check_mode:
    details:
      - Reads the incidents and predicts what a run would report, but for who will have made the assignment
        (C(assignedBy)). Needs the permission C(incidents:read).
options:
  assignee:
    description:
      - The ID of the user who is to hold the incidents.
    type: str
    required: true
  only_unassigned:
    description:
      - Whether to leave incidents alone that somebody holds already. They are returned in RV(left_alone_ids).
      - Needs the permission C(incidents:read), for only reading shows who holds them.
    type: bool
    default: false
notes:
  - The API key needs the permission C(incidents:assign) and has to be a personal key.
  - >-
    With C(incidents:read) as well the module sees who holds the incidents. Without, it assigns all of them, reports
    RV(ignore:changed=true) because the earlier state is unknown, and warns about it.
seealso:
  - module: coralogix.incidents.incident_info
  - module: coralogix.incidents.incident_unassign
"""

EXAMPLES = r"""
- name: Take over two incidents, with the key from the environment variable CORALOGIX_API_KEY
  coralogix.incidents.incident_assign:
    region: eu2
    assignee: "{{ my_user_id }}"
    incident_ids:
      - 0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60
      - 7d9c2e14-85ab-4c3f-b1e6-90f2a3b4c5d6

- name: Take what nobody holds yet
  coralogix.incidents.incident_assign:
    region: eu2
    assignee: "{{ my_user_id }}"
    incident_ids: "{{ incident_ids }}"
    only_unassigned: true
  register: taken

- name: Tell what happened
  ansible.builtin.debug:
    msg: "Took {{ taken.assigned_ids | length }}; held by others: {{ taken.left_alone_ids | length }}"
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
assigned_ids:
  description: The IDs of the incidents that were assigned, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample:
    - 0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60
reassigned_ids:
  description:
    - From whom incidents were taken. The IDs of those of the RV(assigned_ids) that somebody held before, each with the
      list of the IDs of these users.
    - Empty if the incidents could not be read first.
  returned: always
  type: dict
  sample:
    0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60:
      - 9b7a3d4e-1c2f-4e5d-8a6b-7c8d9e0f1a2b
left_alone_ids:
  description: The IDs of the incidents that were left to those who hold them.
  returned: with O(only_unassigned=true)
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

import typing as t

from ansible_collections.coralogix.incidents.plugins.module_utils._incident import (
    INCIDENT,
    assignee_ids,
    describe_assignees,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._module import run_module
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change
from ansible_collections.coralogix.incidents.plugins.module_utils._resource import Items, canonical
from ansible_collections.coralogix.incidents.plugins.module_utils._task import change_module


def assign(params: t.Mapping[str, t.Any]) -> Change:
    assignee = params["assignee"].strip()
    user = {"userId": assignee}

    def others(incident: t.Any) -> list[str]:
        """The IDs of the assignees besides the new one."""
        return [user_id for user_id in assignee_ids(incident) if user_id and canonical(user_id) != canonical(assignee)]

    def reassigned_ids(before: Items, changed_ids: t.Sequence[str]) -> dict[str, t.Any]:
        known = [incident_id for incident_id in changed_ids if incident_id in before]
        taken_from = {incident_id: others(before[incident_id]) for incident_id in known}
        return {"reassigned_ids": {incident_id: user_ids for incident_id, user_ids in taken_from.items() if user_ids}}

    change = Change(
        operation="assign",
        participle="assigned",
        is_wanted=lambda incident: [canonical(user_id) for user_id in assignee_ids(incident)] == [canonical(assignee)],
        predict=lambda incident: {**incident, "assignments": [{"assignedTo": user}]},
        fields=("assignments",),
        describe=describe_assignees,
        values={"assignedTo": user},
        extra_results=reassigned_ids,
    )
    if params["only_unassigned"]:
        return change._replace(is_skipped=lambda incident: bool(incident["assignments"]))
    return change


MODULE = change_module(
    INCIDENT,
    assign,
    {
        "assignee": {"type": "str", "required": True},
        "only_unassigned": {"type": "bool", "default": False},
    },
)


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
