# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module of the collection in this process, from its options to its result, against a simulator.

Nothing waits: the waits are recorded instead. So a lag is given as a number of reads, not in seconds.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.coralogix.incidents.plugins.module_utils._task import ModuleDefinition, Task, run_task
from simulator import Simulator

KEY = "cxup_key-of-the-tests"
TEAM = 4711
Result = dict[str, Any]


def definition(name: str) -> ModuleDefinition:
    module = importlib.import_module(f"ansible_collections.coralogix.incidents.plugins.modules.{name}")
    found: ModuleDefinition = module.MODULE
    return found


@dataclass
class Runner:
    """Runs modules with the options that connect them to the simulator."""

    simulator: Simulator
    sleeps: list[float] = field(default_factory=list)

    def __call__(
        self,
        name: str,
        *,
        check_mode: bool = False,
        environ: Mapping[str, str] | None = None,
        unexpected: bool = False,
        **options: Any,
    ) -> Result:
        """The result of a task. An option ... is left out. C(unexpected) allows an unexpected exception."""
        module = definition(name)
        connection = {"api_url": self.simulator.url, "api_key": KEY}
        given = {name: value for name, value in {**connection, **options}.items() if value is not ...}
        validated = ArgumentSpecValidator(module.argument_spec, mutually_exclusive=module.mutually_exclusive).validate(
            given
        )
        if validated.error_messages:
            return {"failed": True, "changed": False, "msg": " ".join(validated.error_messages)}
        task = Task(validated.validated_parameters, given, environ or {}, check_mode, True, "2.21.0")
        result = run_task(module, task, sleep=self.sleeps.append)
        assert KEY not in json.dumps(result)
        assert unexpected or "exception" not in result, result["exception"]
        check_result(result)
        return result


def check_result(result: Result) -> None:
    """What holds for every result."""
    assert isinstance(result["changed"], bool)
    assert ("msg" in result) == ("failed" in result)
    if "ansible_facts" in result:
        (facts,) = result["ansible_facts"].values()
        assert facts == result["cases" if "cases" in result else "incidents"]
        assert "failed" not in result
