# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stateful stand-in for the Coralogix incidents service, over real HTTP, for tests.

It needs the standard library alone and knows nothing of the collection: what it does comes from the
vendor's contract. See server.py for the options, faults.py for what can be made to go wrong, and
`python tests/simulator --help` for the command line.
"""

from __future__ import annotations

from .faults import Fault
from .routes import OPERATIONS, PERMISSIONS, ROUTES, VERSIONS, Operation, Route
from .server import Entry, Simulator, load_incidents

__all__ = [
    "OPERATIONS",
    "PERMISSIONS",
    "ROUTES",
    "VERSIONS",
    "Entry",
    "Fault",
    "Operation",
    "Route",
    "Simulator",
    "load_incidents",
]
