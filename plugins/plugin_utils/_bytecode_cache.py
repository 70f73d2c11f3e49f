# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports files of this collection with Python's own loader, as Ansible loads plugins.

Ansible's loader for the other files of a collection compiles them in every run, which takes about a third of the time
of a first task. Python's own loader keeps the bytecode in __pycache__ if it can write there.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import typing as t
from importlib.machinery import ModuleSpec
from pathlib import Path

# ansible_collections.coralogix.incidents.plugins. and its folder.
_PACKAGE = f"{__name__.rpartition('.plugin_utils.')[0]}."
_FOLDER = Path(__file__).parents[1]


class _Finder:
    @staticmethod
    def find_spec(name: str, _path: t.Any, _target: t.Any = None) -> ModuleSpec | None:
        if not name.startswith(_PACKAGE):
            return None
        file = _FOLDER.joinpath(*name[len(_PACKAGE) :].split(".")).with_suffix(".py")
        return importlib.util.spec_from_file_location(name, file) if file.is_file() else None


@contextlib.contextmanager
def bytecode_cache() -> t.Iterator[None]:
    """Use the cache for what is imported while this lasts."""
    sys.meta_path.insert(0, _Finder)
    try:
        yield
    finally:
        sys.meta_path.remove(_Finder)
