# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stateful stand-in for the Coralogix API, over real HTTP, for tests.

It needs the standard library alone and imports nothing of the collection: what it does comes from the
vendor's contract. See server.py for the options, faults.py for what can be made to go wrong, and
`python tests/simulator --help` for the command line.

A kind of resource is one module (incidents.py): what its things look like, a store, and a table of
operations. A row says what the operation does to one thing, by which route each version serves it,
and which permission it takes; routes.py collects the tables, server.py the stores. The rest knows
no kind of resource.
"""

from __future__ import annotations

from .faults import Fault
from .incident_list import APPLICATION_LABEL, INCIDENT_FIELDS, SUBSYSTEM_LABEL
from .incidents import OPTIONAL_FIELDS, SEVERITIES, STATES, STATUSES, assignment
from .operations import VERSIONS, Operation, Route
from .routes import OPERATIONS, PERMISSIONS, ROUTES
from .samples import timestamp
from .server import Entry, Simulator, load_incidents
from .store import NotFound, Refused

__all__ = [
    "APPLICATION_LABEL",
    "INCIDENT_FIELDS",
    "OPERATIONS",
    "OPTIONAL_FIELDS",
    "PERMISSIONS",
    "ROUTES",
    "SEVERITIES",
    "STATES",
    "STATUSES",
    "SUBSYSTEM_LABEL",
    "VERSIONS",
    "Entry",
    "Fault",
    "NotFound",
    "Operation",
    "Refused",
    "Route",
    "Simulator",
    "assignment",
    "load_incidents",
    "timestamp",
]
