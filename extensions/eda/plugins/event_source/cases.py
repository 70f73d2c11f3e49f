# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
short_description: Emit an event for each change of a Coralogix case
description:
  - Polls the API for cases that match filters, finds out what changed since the last poll, and emits one event for
    each change.
  - >-
    An event has the key C(case) with the case as the API shows it now, C(change) with the kind of change,
    C(previous) with the fields that changed as they were before, and C(meta.uuid).
  - The same change has the same C(meta.uuid) whenever it is emitted again. The next change of this kind has another
    one.
  - Without C(status), cases are watched from their activation until they are closed. Needs API version 5.
  - "Filters are those of M(coralogix.incidents.case_info): C(status), C(priority), C(category), C(assignees),
    C(assigned), C(labels), C(groupings), C(search),
    C(alert_ids), C(breached), C(created_after) and C(created_before).
    The filters C(active_after), C(active_before), C(order_by) and C(limit) are not accepted."
  - "Connection options are those of all modules, with the same environment variables: C(api_key), C(auth_scheme),
    C(api_url),
    C(domain), C(region), C(team_id), C(api_version), C(timeout), C(deadline), C(retries), C(validate_certs) and
    C(ca_path).
    C(deadline) limits one poll."
  - The key needs the permission to read cases, and no other one.
options:
  interval:
    description:
      - Seconds from the start of a poll to the start of the next one, at least 5.
    type: float
    default: 60
  initial:
    description:
      - What the first poll emits. It counts only where no state is remembered.
      - With V(none), only what changes from now on makes events. With V(open), each case that is open is emitted as
        opened.
      - A time in RFC 3339 format, a day, or a time before now such as V(-1h) emits what was opened after it.
    type: str
    default: none
  state_path:
    description:
      - A file in which the source remembers what it has emitted, so that a restart loses nothing and repeats nothing.
      - Its folder must exist and be writable. Each source needs a file of its own.
    type: path
  changes:
    description:
      - The kinds of changes that make events. If it is not set, all do.
    type: list
    elements: str
    choices:
      - opened
      - reopened
      - unacknowledged
      - acknowledged
      - priority
      - unassigned
      - assigned
      - resolved
      - closed
      - updated
      - gone
  feedback:
    description:
      - Whether ansible-rulebook acknowledges each event. Together with O(state_path), no event is then lost on its
        way to the engine, even if the process is killed.
      - Needs C(--persistence-id) on the command line of ansible-rulebook, and a C(name) for the source.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Watch cases
  hosts: localhost
  sources:
    - name: cases
      coralogix.incidents.cases:
        # The key and the host come from CORALOGIX_API_KEY and CORALOGIX_REGION.
        priority: [P1, P2]
        interval: 30
        state_path: /var/lib/rulebook/cases.state
        feedback: true
  rules:
    - name: An urgent case was opened
      condition: event.change == "opened" and event.case.priority == "CASE_PRIORITY_P1"
      action:
        run_playbook:
          name: coralogix.incidents.triage
          extra_vars:
            case_ids: "{{ event.case.id }}"
            assignee: dana@example.com
    - name: Anything else
      condition: event.change is defined
      action:
        debug:
          msg: "{{ event.case.title }}: {{ event.change }}"
"""

import asyncio
import runpy
from pathlib import Path
from typing import Any

_MODULE_UTILS = Path(__file__).resolve().parents[4] / "plugins" / "module_utils"
_import_private = runpy.run_path(str(_MODULE_UTILS / "_event_imports.py"))["import_private"]


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Emit events until the task is cancelled."""
    resource = _import_private("_case").CASE
    rules = _import_private("_case_events").CASE_EVENTS
    await _import_private("_event_source").run_source(resource, rules, queue, args)


if __name__ == "__main__":
    # Try it without a rulebook: prints events. Takes its settings from the environment.
    class _Printer(asyncio.Queue[Any]):
        async def put(self, item: Any) -> None:
            print(item)

    asyncio.run(main(_Printer(), {"initial": "open"}))
