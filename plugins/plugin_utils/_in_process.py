# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a task in Ansible's own process where that is safe, and hands it over to the module everywhere else.

Ansible loads an action plugin once, before it forks. What is imported here is paid for once in a play. Nothing here
may raise while it is imported, end the process, or leave anything behind: loop items share one process.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import re
import sys
import typing as t
import warnings
from pathlib import Path

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.module_utils.ansible_release import __version__ as ansible_version
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ..module_utils._arguments import check_given
from ..module_utils._errors import CoralogixError
from ..module_utils._module import python_problem
from ..module_utils._requests_import import import_problem
from ..module_utils._settings import find_secrets
from ..module_utils._task import ModuleDefinition, Task, run_task

# The variable that switches running in process off.
SWITCH = "coralogix_incidents_in_process"
# These act only when a process starts.
STARTUP_PREFIXES = ("PYTHON", "LD_", "OPENSSL_")
# A shell reads anything else as a command or as a part of the value. Python refuses some of it.
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Where Ansible would look for a Python of this machine, nobody has chosen another one than its own.
AUTOMATIC = "auto"
# A task that makes more objects than this is a large one: over some thousand incidents.
MANY_OBJECTS = 100_000
# What Python prints about its version. Python 2 prints it to standard error.
PYTHON_VERSION = re.compile(r"Python (\d+)\.(\d+)")
# What a module shows in place of a secret option.
NO_LOG_VALUE = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class InProcessAction(ActionBase):
    """The action plugin of all modules of this collection. Each names its module's definition."""

    definition: ModuleDefinition
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        del tmp  # Ansible no longer uses it.
        variables = task_vars or {}
        in_process = self._run_in_process(variables)
        if in_process is None:
            in_process = self._run_module(variables)
        return {**result, **in_process}

    def _run_module(self, variables: dict[str, t.Any]) -> dict[str, t.Any]:
        result: dict[str, t.Any] = self._execute_module(task_vars=variables, wrap_async=self._task.async_val)
        # A Python that cannot read the code of a module prints a traceback instead of a result. Later, if it is async.
        if "module_stderr" in result or "ansible_job_id" in result:
            problem = self._python_problem()
            if problem is not None:
                return {"changed": False, "failed": True, "msg": problem}
        if (
            result.get("failed")
            and "Python library requests" in str(result.get("msg"))
            and import_problem() is not None
        ):
            result["msg"] += f" The Python of Ansible, {sys.executable}, cannot import it either."
        return result

    def _python_problem(self) -> str | None:
        """What is wrong with the Python that has run the module. None if it is new enough, or does not answer."""
        python = str(self._used_interpreter).lstrip("#!")
        with contextlib.suppress(AnsibleError):
            answer = self._low_level_execute_command(f"{python} --version")
            version = PYTHON_VERSION.search(answer["stdout"] + answer["stderr"])
            if version:
                return python_problem(python, tuple(map(int, version.groups())))
        return None

    def _run_in_process(self, variables: dict[str, t.Any]) -> dict[str, t.Any] | None:
        """The result of the task, or None if the module is to run."""
        if not (self._is_local() and self._is_switched_on(variables) and self._is_own_python(variables)):
            return None
        environment = self._task_environment()
        given = self._plain_arguments()
        if environment is None or given is None or import_problem() is not None:
            return None
        with changed_environment(environment), warnings.catch_warnings(), logging_off(), collector_at_rest():
            # Options of the type path expand variables of the environment.
            validated = ArgumentSpecValidator(
                self.definition.argument_spec, mutually_exclusive=self.definition.mutually_exclusive
            ).validate(given)
            if validated.error_messages:
                # The module words the error, and masks what is secret.
                return None
            task = Task(
                validated.validated_parameters,
                given,
                os.environ,
                check_mode=self._task.check_mode,
                diff=self._task.diff,
                ansible_version=ansible_version,
            )
            result = run_task(self.definition, task)
        if self._returns_invocation(variables):
            result["invocation"] = {"module_args": self._shown_arguments(task)}
        return result

    def _returns_invocation(self, variables: dict[str, t.Any]) -> bool:
        """Whether a module would return its arguments. Before ansible-core 2.21 it always does."""
        try:
            return bool(C.config.get_config_value("INJECT_INVOCATION", variables=variables))
        except AnsibleError:
            return True

    def _shown_arguments(self, task: Task) -> dict[str, t.Any]:
        """The arguments as a module shows them: without secrets, and what it refuses as it was given."""
        params = task.params
        try:
            check_given(task.given, self.definition.options, self.definition.not_null)
        except CoralogixError:
            spec = self.definition.argument_spec.items()
            params = {**{name: option.get("default") for name, option in spec}, **task.given}
        secret = [name for name, option in self.definition.argument_spec.items() if option.get("no_log")]
        shown = {**params, **{name: NO_LOG_VALUE for name in secret if params.get(name) is not None}}
        masked: dict[str, t.Any] = remove_values(shown, find_secrets(task.params, task.environ))
        return masked

    def _is_local(self) -> bool:
        return (
            sys.platform.startswith("linux")  # Elsewhere, a forked process that uses requests may crash.
            and self._connection.transport == "local"
            and self._connection.become is None
            and not self._task.async_val
        )

    def _is_switched_on(self, variables: dict[str, t.Any]) -> bool:
        value = self._templar.template(variables.get(SWITCH, True))
        return bool(boolean(value, strict=False))

    def _is_own_python(self, variables: dict[str, t.Any]) -> bool:
        """Whether nobody has chosen another Python than the one that Ansible runs on."""
        delegated = self._task.delegate_to
        if delegated:
            variables = variables.get("ansible_delegated_vars", {}).get(delegated, variables)
        configured = C.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
        python = str(self._templar.template(configured))
        return python.startswith(AUTOMATIC) or is_same_python(python, sys.executable)

    def _task_environment(self) -> dict[str, str] | None:
        """The variables of the keyword environment. None if some act only at the start of a process, or in a shell."""
        given: dict[str, t.Any] = {}
        self._compute_environment_string(given)
        environment = {str(name): str(value) for name, value in given.items()}
        if any(name.startswith(STARTUP_PREFIXES) or not VARIABLE_NAME.match(name) for name in environment):
            return None
        return environment

    def _plain_arguments(self) -> dict[str, t.Any] | None:
        """The options as plain values, without Ansible's tags. None if one is not plain, such as an inline vault."""
        try:
            plain: dict[str, t.Any] = json.loads(json.dumps(self._task.args))
        except (TypeError, ValueError):
            return None
        return plain


def is_same_python(python: str, own: str) -> bool:
    """Whether two paths name the Python of the same environment.

    A virtual environment links to the Python that made it. So the folders have to be the same, not only the files.
    """
    if python == own:
        return True
    with contextlib.suppress(OSError):
        one, other = Path(python), Path(own)
        return one.is_absolute() and one.samefile(other) and one.parent.samefile(other.parent)
    return False


@contextlib.contextmanager
def changed_environment(changes: t.Mapping[str, str]) -> t.Iterator[None]:
    """Set variables of this process for as long as the context lasts."""
    before = {name: os.environ.get(name) for name in changes}
    try:
        # Fails in the middle if a value cannot be set.
        os.environ.update(changes)
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def logging_off() -> t.Iterator[None]:
    """Keep what libraries log out of Ansible's log file. A key may be in it, as in headers that cannot be parsed."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def collector_at_rest() -> t.Iterator[None]:
    """Keep the garbage collector from walking, again and again, through what a large task makes and returns.

    Nothing of that refers to itself, so there is nothing to find. It takes a twentieth of the time of 10,000 incidents.
    What a small task leaves to the collector, such as its connections, is found as usual: loop items share one process.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > MANY_OBJECTS:
            gc.freeze()
        if was_enabled:
            gc.enable()
