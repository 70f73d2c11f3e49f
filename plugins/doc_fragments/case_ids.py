# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # For modules that change cases given by their IDs.
    DOCUMENTATION = r"""
options:
  case_ids:
    description:
      - The IDs of the cases, as a list or as a string separated by commas. UUIDs and readable IDs such as V(CASE-123)
        can be mixed.
      - Their order is kept. Duplicates are dropped; two IDs of one case are duplicates.
      - An empty list changes nothing, sends nothing, and is no error.
      - What cannot be an ID is refused before anything is sent, such as null, a blank, a URL, or text with brackets or
        quotes.
    type: list
    elements: str
    required: true
  missing:
    description:
      - What to do about unknown IDs.
      - V(fail) fails, names them and changes nothing.
      - V(ignore) skips them and returns them in RV(not_found_ids).
    type: str
    choices:
      - fail
      - ignore
    default: fail
  include_events:
    description:
      - Whether the returned cases include their C(events). This takes a request for each case.
    type: bool
    default: false
notes:
  - Cases need API version 5, or V(latest) where it has them.
  - If the task fails half-way, its result says what was done by then. Run it again to continue.
"""
