# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # For all modules that return incidents.
    DOCUMENTATION = r"""
options:
  include_events:
    description:
      - Whether the returned incidents include their C(events).
      - V(false) keeps the result and the facts small. It leaves out nothing else.
    type: bool
    default: true
"""
