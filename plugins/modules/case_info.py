#!/usr/bin/python
# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: case_info
short_description: Find Coralogix cases
version_added: 1.0.0
author:
  - The coralogix.incidents contributors (@coralogix)
description:
  - Returns the cases with the given IDs, or those that match filters.
  - Filters combine with AND, values within one filter with OR.
extends_documentation_fragment:
  - coralogix.incidents.attributes
  - coralogix.incidents.attributes.info
  - coralogix.incidents.connection
options:
  case_ids:
    description:
      - The IDs of the cases, as a list or as a string separated by commas. UUIDs and readable IDs such as V(CASE-123)
        can be mixed.
      - Their order is kept. Duplicates are dropped; two IDs of one case are duplicates.
      - An empty list returns nothing. Null is refused, here and in all filters - it does not mean all cases.
      - Cannot be combined with filters, O(order_by) or O(limit).
    type: list
    elements: str
  missing:
    description:
      - What to do about unknown IDs among O(case_ids).
      - V(fail) fails and names them. V(ignore) skips them and returns them in RV(not_found_ids).
    type: str
    choices:
      - fail
      - ignore
    default: fail
  include_events:
    description:
      - Whether to add the events of each case as its field C(events). This takes a request for each case.
    type: bool
    default: false
  include_notifications:
    description:
      - Whether to add the notifications sent about each case as its field C(notifications). This takes a request for
        each 1000 cases.
    type: bool
    default: false
  include_links:
    description:
      - Whether to add the deep links of each case as its field C(links). This takes a request for each case.
    type: bool
    default: false
  status:
    description:
      - Cases with one of these statuses.
    type: list
    elements: str
    choices:
      - pending_activation
      - active
      - acknowledged
      - resolved
      - closed
      - CASE_STATUS_PENDING_ACTIVATION
      - CASE_STATUS_ACTIVE
      - CASE_STATUS_ACKNOWLEDGED
      - CASE_STATUS_RESOLVED
      - CASE_STATUS_CLOSED
  priority:
    description:
      - Cases with one of these priorities.
    type: list
    elements: str
    choices:
      - P1
      - P2
      - P3
      - P4
      - P5
      - CASE_PRIORITY_P1
      - CASE_PRIORITY_P2
      - CASE_PRIORITY_P3
      - CASE_PRIORITY_P4
      - CASE_PRIORITY_P5
  category:
    description:
      - Cases of one of these categories.
    type: list
    elements: str
    choices:
      - security
      - availability
      - CASE_CATEGORY_SECURITY
      - CASE_CATEGORY_AVAILABILITY
  assignees:
    description:
      - Cases that are assigned to one of these users, given by user ID (a UUID) or by e-mail address.
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
      - V(true) matches cases that are assigned to anybody, V(false) those that are assigned to nobody.
      - For V(true), the module reads everything that the other filters match, and chooses from it.
      - Cannot be combined with O(assignees).
    type: bool
  labels:
    description:
      - Cases that have all of these labels. Each label has a value, or a list of values of which one must match.
      - Quote values such as C("no") and C("1.10"). YAML would make a boolean or a number of them, which is refused.
    type: dict
  groupings:
    description:
      - Cases that have all of these groupings, in the form of O(labels).
    type: dict
  search:
    description:
      - Cases whose title contains this text.
    type: str
  active_after:
    description:
      - Cases that were active at this time or later.
      - >-
        A time in RFC 3339 format with its time zone, such as V(2026-11-23T03:00:00Z), or a day, such as V(2026-11-23),
        which means midnight UTC at its beginning. Or a time before now, by the clock of the host that the task runs on:
        V(-90s), V(-30m), V(-24h), V(-7d) or V(-2w).
      - The API takes one range. O(active_after) and O(active_before) cannot be combined with O(created_after) and
        O(created_before).
    type: str
  active_before:
    description:
      - Cases that were active at this time or earlier, in the forms of O(active_after).
    type: str
  created_after:
    description:
      - Cases that were created at this time or later, in the forms of O(active_after).
    type: str
  created_before:
    description:
      - Cases that were created at this time or earlier, in the forms of O(active_after). A day means its beginning.
    type: str
  alert_ids:
    description:
      - Cases that one of these alerts caused. The ID of an alert is a UUID.
    type: list
    elements: str
  breached:
    description:
      - V(true) matches cases that breached the time to acknowledge, to resolve or to update. V(false) matches cases
        that breached none of them.
    type: bool
  order_by:
    description:
      - How to sort the cases. If it is not set, the order is the API's own.
    type: dict
    suboptions:
      field:
        description: The field to sort by.
        type: str
        required: true
        choices:
          - priority
          - status
          - updated_at
          - created_at
          - category
          - duration
      direction:
        description: V(asc) begins with the lowest value, V(desc) with the highest.
        type: str
        choices:
          - asc
          - desc
        default: asc
  limit:
    description:
      - How many cases to return at most, 1 or more. If it is not set, all that match are returned.
    type: int
notes:
  - The API key needs the permission C(case:Read).
  - Reading by O(case_ids) takes a request for each case. Up to 8 run at the same time.
  - Cases need API version 5, or V(latest) where it has them.
seealso:
  - module: coralogix.incidents.case_assign
  - module: coralogix.incidents.case_unassign
"""

EXAMPLES = r"""
- name: Find active cases of priority 1 that nobody is assigned to, with the key from CORALOGIX_API_KEY
  coralogix.incidents.case_info:
    region: eu2
    status:
      - active
    priority:
      - P1
    assigned: false
  register: unassigned

- name: Show them
  ansible.builtin.debug:
    msg: "{{ item.createTime }} {{ item.title }}"
  loop: "{{ unassigned.cases }}"
  loop_control:
    label: "{{ item.readableId | default(item.id) }}"

- name: Read two cases with their events
  coralogix.incidents.case_info:
    region: eu2
    case_ids: CASE-123,CASE-124
    include_events: true
"""

RETURN = r"""
# Generated by tests/tools/return_docs.py from info.
cases:
  description:
    - The cases, exactly as the API shows them. In the order of O(case_ids), or else as O(order_by) says.
    - If IDs are unknown and the task fails, those that were found. If it fails otherwise, none - a part would look like
      the whole.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The ID of the case, a UUID.
      type: str
      sample: 2f1e0d9c-8b7a-4655-9443-322110fedcba
    readableId:
      description: The short ID of the case. Missing until the case has become active.
      type: str
      sample: CASE-123
    title:
      description: The title of the case.
      type: str
      sample: Checkout latency above 2 s
    status:
      description: How far the case has been handled.
      type: str
      sample: CASE_STATUS_ACTIVE
    priority:
      description: The effective priority.
      type: str
      sample: CASE_PRIORITY_P1
    priorityDetails:
      description: Where the priority comes from. May be missing.
      type: dict
      contains:
        system:
          description: The priority that Coralogix computes.
          type: str
          sample: CASE_PRIORITY_P3
        override:
          description: The priority that overrides it. Missing if none does.
          type: str
          sample: CASE_PRIORITY_P1
    category:
      description: The category of the case.
      type: str
      sample: CASE_CATEGORY_AVAILABILITY
    assignee:
      description: The user who is assigned. Missing if nobody is.
      type: dict
      contains:
        userId:
          description: The ID of the user.
          type: str
          sample: 5e1f0c52-7a0c-4b7e-8f57-2f7d8f1a9b11
    createTime:
      description: When the case was created, in RFC 3339 format.
      type: str
      sample: '2026-11-23T02:58:11.000Z'
    acknowledgeTime:
      description: When it was acknowledged, in RFC 3339 format. May be missing.
      type: str
      sample: '2026-11-23T03:01:00.000Z'
    updateTime:
      description: When it was last changed, in RFC 3339 format. May be missing.
      type: str
      sample: '2026-11-23T03:04:05.000Z'
    duration:
      description: How long it has lasted, in milliseconds. May be missing.
      type: str
      sample: '354000'
    labels:
      description: The labels of the case.
      type: list
      elements: dict
      contains:
        key:
          description: The key.
          type: str
          sample: team
        value:
          description: The value.
          type: str
          sample: payments
    groupings:
      description: What the alerts of the case are grouped by.
      type: list
      elements: dict
      contains:
        key:
          description: The key.
          type: str
          sample: team
        value:
          description: The value.
          type: str
          sample: payments
    impactedEntities:
      description: What the case affects.
      type: list
      elements: dict
      sample: []
    resolutionDetails:
      description: How the case was resolved. May be missing.
      type: dict
      contains:
        reason:
          description: Why it was resolved.
          type: str
          sample: The disk was extended.
        resolveTime:
          description: When it was resolved, in RFC 3339 format.
          type: str
          sample: '2026-11-23T04:10:00.000Z'
        resolvedBy:
          description: Who or what resolved it, such as a user or the system.
          type: dict
          sample:
            system: {}
    caseIndicators:
      description: The alerts and other signals behind the case. May be missing.
      type: dict
      sample: {}
    kpiBreaches:
      description: The times to acknowledge, update or resolve that were breached. May be missing.
      type: dict
      sample: {}
    aiSummary:
      description: A summary that Coralogix wrote. May be missing.
      type: str
      sample: The checkout service ran out of memory.
    events:
      description:
        - What has happened to the case.
        - Only with O(include_events=true).
      type: list
      elements: dict
      sample: []
    notifications:
      description:
        - The notifications that were sent about the case.
        - Only with O(include_notifications=true).
      type: list
      elements: dict
      sample: []
    links:
      description:
        - The links into Coralogix for the case, as the API shows them under C(deepLinks).
        - Only with O(include_links=true).
      type: dict
      sample: {}
count:
  description: The number of RV(cases) that are returned.
  returned: always
  type: int
  sample: 10
not_found_ids:
  description: The IDs among O(case_ids) that are unknown.
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
      sample: https://api.eu2.coralogix.com/mgmt/openapi/5/cases/cases/v1
    message:
      description: The error message of the service, or of the connection.
      type: str
      sample: permission denied
    correlation_id:
      description: The ID that was sent with all requests of the task. The vendor's support finds them by it.
      type: str
      sample: 3f0c8f9e-8d3c-4a73-9d60-0d8f5b0a7f51
# End of the generated part.
truncated:
  description:
    - Whether access policies hide cases that match, so that the list is not complete. There is a warning then, too.
  returned: always
  type: bool
  sample: false
"""

from ansible_collections.coralogix.incidents.plugins.module_utils._case import CASE
from ansible_collections.coralogix.incidents.plugins.module_utils._module import run_module
from ansible_collections.coralogix.incidents.plugins.module_utils._task import info_module
from ansible_collections.coralogix.incidents.plugins.module_utils._users import resolve_assignees

MODULE = info_module(CASE, resolve_assignees)


def main() -> None:
    run_module(MODULE)


if __name__ == "__main__":
    main()
