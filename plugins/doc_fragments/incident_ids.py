# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # For modules that change incidents given by their IDs; in code it is run_change that adds them.
    DOCUMENTATION = r"""
options:
  incident_ids:
    description:
      - The IDs of the incidents. A comma-separated string can be given as well.
      - Their order is kept in what is returned, repetitions are dropped, and blanks are refused.
      - An empty list is nothing to do and no error; no request is sent.
    type: list
    elements: str
    required: true
  missing:
    description:
      - What to do if there are IDs of no known incident.
      - V(fail) names them all and changes nothing.
      - V(ignore) goes on without them and returns them in RV(not_found_ids).
    type: str
    choices:
      - fail
      - ignore
    default: fail
"""
