# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests and fixtures have to agree on."""

from __future__ import annotations

import typing as t

KEY = "cxup_made-up-key"
"""The API key that every simulator of the tests knows."""


class Printed(t.NamedTuple):
    """How a module's run ended."""

    status: int
    result: dict[str, t.Any]
    text: str
