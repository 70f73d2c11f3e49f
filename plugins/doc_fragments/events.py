# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # For all modules, as all of them return incidents.
    DOCUMENTATION = r"""
options:
  events:
    description:
      - Whether the incidents that are returned hold their C(events).
      - V(false) keeps the result small, and the facts; everything else of the incidents is still there.
    type: bool
    default: true
"""
