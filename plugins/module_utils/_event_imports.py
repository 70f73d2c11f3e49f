# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports the shared private code of an event source, by its path.

ansible-rulebook runs a source as a single file, without the package that the source belongs to. A package of a
private name stands in for it. Nothing is added to sys.path, where code of another collection could find it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import typing as t
from importlib.machinery import ModuleSpec
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent
_PACKAGE = "_coralogix_incidents_module_utils"


def import_private(name: str) -> t.Any:
    """The module of this name beside this file."""
    if _PACKAGE not in sys.modules:
        spec = ModuleSpec(_PACKAGE, None, is_package=True)
        spec.submodule_search_locations = [str(_FOLDER)]
        sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{_PACKAGE}.{name}")
