# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a task as an Ansible module, in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
import typing as t

from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule

from . import _settings
from ._arguments import check_given
from ._client import Client
from ._errors import CoralogixError
from ._task import ModuleDefinition, Task, run_task

OLDEST_PYTHON = (3, 9)


def run_module(definition: ModuleDefinition) -> None:
    """All that a module does: check the options, run the task, print the result."""
    # AnsibleModule does not tell null from absent. Its options are private to it, and this function is the documented
    # way to look at them first.
    given = basic._load_params() or {}
    problem = None
    try:
        check_given(given, definition.options, definition.not_null)
    except CoralogixError as error:
        problem = error.error.message
    # Not while the exception is handled: fail_json would add its traceback.
    if problem is not None:
        # AnsibleModule would refuse some of it too, with a message of its own.
        spec = definition.argument_spec.items()
        kept = ("default", "no_log")
        any_type = {
            name: {"type": "raw", **{key: option[key] for key in kept if key in option}} for name, option in spec
        }
        module = AnsibleModule(argument_spec=any_type, supports_check_mode=True)
        module.no_log_values.update(_settings.find_secrets(given, os.environ))
        module.fail_json(msg=problem)
    module = AnsibleModule(
        argument_spec=definition.argument_spec,
        supports_check_mode=True,
        mutually_exclusive=definition.mutually_exclusive,
    )
    problem = python_problem(sys.executable, sys.version_info)
    if problem is not None:
        module.fail_json(msg=problem)
    # The key may come from the environment, where AnsibleModule does not see it.
    module.no_log_values.update(_settings.find_secrets(module.params, os.environ))
    stop = _StopOnSignal()
    task = Task(module.params, given, os.environ, module.check_mode, module._diff, module.ansible_version)
    _exit(module, run_task(definition, task, on_connect=stop.watch))


def python_problem(python: str, version: tuple[t.Any, ...]) -> str | None:
    """What is wrong with a Python of this version that modules run on. None if it is new enough."""
    if version >= OLDEST_PYTHON:
        return None
    needed, found = (".".join(map(str, numbers[:2])) for numbers in (OLDEST_PYTHON, version))
    return (
        f"This module needs Python {needed} or newer. {python} is Python {found}. Set ansible_python_interpreter to a "
        "newer one, or run the task on the control node with delegate_to: localhost."
    )


def _exit(module: AnsibleModule, result: dict[str, t.Any]) -> None:
    for warning in result.pop("warnings", ()):
        module.warn(warning)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


class _StopOnSignal:
    """Stops the run when a signal asks the process to end. The task then still returns what it has done."""

    def __init__(self) -> None:
        self._client: Client | None = None
        self._is_stopped = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def watch(self, client: Client) -> None:
        """Stop this client when the signal comes, or at once if it has come."""
        self._client = client
        if self._is_stopped:
            client.stop()

    def _stop(self, _number: int, _frame: t.Any) -> None:
        self._is_stopped = True
        if self._client:
            self._client.stop()
