# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
"""

EXAMPLES = r"""
"""

import asyncio
import runpy
from pathlib import Path
from typing import Any

_MODULE_UTILS = Path(__file__).resolve().parents[4] / "plugins" / "module_utils"
_import_private = runpy.run_path(str(_MODULE_UTILS / "_event_imports.py"))["import_private"]


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Emit events until the task is cancelled."""
    resource = _import_private("_incident").INCIDENT
    rules = _import_private("_incident_events").INCIDENT_EVENTS
    await _import_private("_event_source").run_source(resource, rules, queue, args)


if __name__ == "__main__":
    # Try it without a rulebook: prints events. Takes its settings from the environment.
    class _Printer(asyncio.Queue[Any]):
        async def put(self, item: Any) -> None:
            print(item)

    asyncio.run(main(_Printer(), {"initial": "open"}))
