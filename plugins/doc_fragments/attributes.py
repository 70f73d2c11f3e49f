# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # For all modules.
    DOCUMENTATION = r"""
attributes:
  action_group:
    description: Use C(group/coralogix.incidents.coralogix) in C(module_defaults) to set options for all modules of it.
    support: full
    membership:
      - coralogix.incidents.coralogix
"""

    # For modules that change incidents.
    CHANGE = r"""
attributes:
  check_mode:
    description: Can run in check mode and tell what it would change, without changing it.
    support: full
  diff_mode:
    description: Will return what has changed, or in check mode would change, in diff mode.
    support: full
    details:
      - Shows only the incidents that change, and of them only what changes.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the incidents are not changed in the meantime.
    support: full
"""

    # For modules that change nothing.
    INFO = r"""
attributes:
  check_mode:
    description: Changes nothing, in check mode or without.
    support: full
  diff_mode:
    description: Changes nothing, so that there is nothing to show in diff mode.
    support: N/A
"""
