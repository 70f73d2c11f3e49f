# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module as Ansible sends it, with a stopwatch around its parts.

    marks.py PAYLOAD FILE_FOR_SECONDS STARTED

STARTED is the time, in seconds since 1970, at which this process was started. Nothing in the module is
changed: imports are timed by a finder of ours, calls by functions of ours in the place of some others.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import json
import runpy
import sys
import time
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

OURS = "ansible_collections.coralogix.incidents.plugins.module_utils."

# A module -> calls in it to be timed, by the names of the parts.
CALLS: dict[str, tuple[tuple[str, str, str], ...]] = {
    # module: (class or "", function, part)
    f"{OURS}_module": (("", "run_change", "run"),),
    "ansible.module_utils.basic": (("AnsibleModule", "__init__", "options"), ("AnsibleModule", "exit_json", "result")),
    "requests.sessions": (("Session", "request", "requests"), ("Session", "__init__", "requests")),
    "urllib3.connection": (("HTTPConnection", "connect", "connect"),),
    "http.client": (("HTTPConnection", "getresponse", "wait"),),
}
# Modules whose import is timed, with what they import in turn.
IMPORTS = {
    "ansible.module_utils.basic": "ansible",
    "requests": "import requests",
    f"{OURS}_module": "import all",
}

seconds: dict[str, float] = {}


def add(part: str, began: float) -> None:
    seconds[part] = seconds.get(part, 0.0) + time.perf_counter() - began


def timed(part: str, function: Any) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            add(part, began)

    return call


class Timed(Loader):
    """Loads by another loader, which modules may share, and times that."""

    def __init__(self, name: str, loader: Loader) -> None:
        self._name = name
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        began = time.perf_counter()
        self._loader.exec_module(module)
        if self._name in IMPORTS:
            add(IMPORTS[self._name], began)
        for owner, name, part in CALLS.get(self._name, ()):
            place = getattr(module, owner) if owner else module
            setattr(place, name, timed(part, getattr(place, name)))


class Finder(MetaPathFinder):
    """Finds as the others do, and has the loading timed."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self._asked or not (fullname in CALLS or fullname in IMPORTS):
            return None
        self._asked.add(fullname)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = Timed(fullname, spec.loader)
        return spec


def main() -> None:
    payload, report, started = sys.argv[1:]
    seconds["interpreter"] = time.time() - float(started)
    began = time.perf_counter()
    sys.meta_path.insert(0, Finder())
    sys.argv = [payload]  # It takes a further argument for an order.

    def write() -> None:
        add("all", began)
        Path(report).write_text(json.dumps(seconds), encoding="utf-8")

    atexit.register(write)
    runpy.run_path(payload, run_name="__main__")


if __name__ == "__main__":
    main()
