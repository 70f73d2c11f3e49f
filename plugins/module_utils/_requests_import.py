# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one import of requests. Where it fails, the modules can still say so."""

from __future__ import annotations

import importlib
import typing as t

requests: t.Any = None
urllib3: t.Any = None
IMPORT_ERROR: Exception | None = None
try:
    requests = importlib.import_module("requests")
    urllib3 = importlib.import_module("urllib3")
    # What is needed as soon as other files are imported. A folder that a removal left behind is imported without it.
    _needed = (requests.adapters.HTTPAdapter, urllib3.connection.HTTPSConnection)
except Exception as error:  # A broken installation raises anything: AttributeError, SyntaxError, a warning.
    IMPORT_ERROR = error


def import_problem() -> str | None:
    """None if requests works, an empty text if it is missing, else the words of the error."""
    if IMPORT_ERROR is None:
        return None
    if isinstance(IMPORT_ERROR, ModuleNotFoundError) and IMPORT_ERROR.name == "requests":
        return ""
    return f"{type(IMPORT_ERROR).__name__}: {IMPORT_ERROR}"
