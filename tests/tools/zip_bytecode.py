# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the bytecode of what a Python imports from zips, as Python itself does only for folders.

Ansible sends a module as a zip, so that every task compiles Ansible's code and the module's anew, which
takes half of a short task. noxfile.py puts this into the environments whose Pythons run the modules of the
integration tests. What they execute stays the same. It has to run on every Python of a managed node, and to
import next to nothing: each of them starts with it.
"""

from __future__ import annotations

import _imp
import marshal
import os
import sys
import zipimport

TYPE_CHECKING = False  # That of typing would cost importing it.
if TYPE_CHECKING:
    from types import CodeType

_compile = zipimport._compile_source


def start() -> None:
    """Begin, where PYTHONPYCACHEPREFIX says where to keep bytecode."""
    if sys.pycache_prefix:
        zipimport._compile_source = code_of


def code_of(pathname: str, source: bytes) -> CodeType:
    """What the source compiles to, for a file of this path."""
    # The hash that Python's own bytecode files use.
    name = f"{sys.hexversion:x}-{_imp.source_hash(0, source).hex()}"
    kept = os.path.join(sys.pycache_prefix or "", "zips", name)
    try:
        with open(kept, "rb") as file:
            code: CodeType = marshal.load(file)  # noqa: S302 - our own file
    except FileNotFoundError:
        code = _compile(pathname, source)
        _keep(code, kept)
    else:
        # Tracebacks and coverage name the zip of this time.
        _imp._fix_co_filename(code, pathname)
    return code


def _keep(code: CodeType, path: str) -> None:
    """Several tasks may do so at once: no other must see half a file."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    unfinished = f"{path}.{os.getpid()}"
    with open(unfinished, "wb") as file:
        marshal.dump(code, file)
    os.replace(unfinished, path)
