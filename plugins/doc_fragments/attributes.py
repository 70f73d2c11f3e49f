# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # For all modules.
    DOCUMENTATION = r"""
attributes:
  action_group:
    description: Use C(group/coralogix.incidents.coralogix) in C(module_defaults) to set options for all modules.
    support: full
    membership:
      - coralogix.incidents.coralogix
  action:
    description: Has an action plugin of the same name, so that some of it runs on the controller.
    support: full
    details:
      - The task runs in Ansible's own process if its connection is local, without C(become) and C(async), with
        Ansible's own Python and on Linux. Otherwise the module runs, with the same result.
      - Set the variable C(coralogix_incidents_in_process) to C(false) to always run the module.
  async:
    description: Supports being used with the C(async) keyword.
    support: full
"""

    # For modules that change something.
    CHANGE = r"""
attributes:
  check_mode:
    description: Can run in check mode and predict what it would change, without changing it.
    support: full
    details:
      - Check mode only reads, so it needs the permission to read. A key that may not write passes it, and fails in the
        real run.
  diff_mode:
    description: Returns details on what has changed, or would change in check mode, when in diff mode.
    support: full
    details:
      - Shows one line for each incident or case that changes, with its ID, its name, and its state before and after.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that nobody else makes changes in the meantime.
    support: full
"""

    # For modules that change nothing.
    INFO = r"""
attributes:
  check_mode:
    description: Does not modify state. Runs in check mode as it does otherwise.
    support: full
  diff_mode:
    description: Does not modify state, so there is no diff.
    support: N/A
"""
