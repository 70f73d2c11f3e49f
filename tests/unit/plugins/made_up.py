# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests and fixtures have to agree on."""

from __future__ import annotations

KEY = "cxup_made-up-key"
"""The API key that every simulator of the tests knows."""
