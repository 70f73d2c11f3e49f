# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests and the result of incident_unassign, and nothing else: what any action plugin with requests costs."""

from __future__ import annotations

from typing import Any

import requests
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = self._task.args
        with requests.Session() as session:
            session.headers.update(args["headers"])
            incidents = list(session.get(args["read"], timeout=30).json()["incidents"].values())
            changed = any(incident["assignments"] for incident in incidents)
            if changed:
                incidents = session.delete(args["write"], timeout=30).json()["incidents"]
        return {
            **result,
            "changed": changed,
            "incidents": incidents,
            "ansible_facts": {"coralogix_incidents": incidents},
        }
