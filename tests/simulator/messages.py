# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Old name; import from `simulator` itself."""

from __future__ import annotations

from .incident_list import INCIDENT_FIELDS  # noqa: F401
from .incidents import SEVERITIES, STATES, STATUSES  # noqa: F401
