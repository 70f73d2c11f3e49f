# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task in Ansible's own process shows of its arguments, and what it leaves behind in the process.

Each test has a Python of its own: Ansible's parts for a controller change what its parts for modules print.
"""

from __future__ import annotations

import json
import subprocess
import sys

from helpers import KEY

PLAIN = {"case_ids": ["CASE-1"], "text": "restarted", "api_key": None, "retries": 4}
WITH_KEY = {**PLAIN, "text": f"with {KEY}", "case_ids": [KEY]}
IN_ENVIRONMENT = {"CORALOGIX_API_KEY": KEY}
MASKED = {**PLAIN, "text": "with ********", "case_ids": ["VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"]}
SHOWN = {"api_key": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}

# The options, the environment, and what is to be shown.
TASKS = [
    (PLAIN, {}, PLAIN),
    ({**PLAIN, "api_key": KEY}, {}, {**PLAIN, **SHOWN}),
    ({**WITH_KEY, "api_key": KEY}, {}, {**MASKED, **SHOWN}),
    (WITH_KEY, IN_ENVIRONMENT, MASKED),
]

PROGRAM = """
import json, sys
from ansible_collections.coralogix.incidents.plugins.action.case_comment import ActionModule
from ansible_collections.coralogix.incidents.plugins.module_utils._task import Task

action = ActionModule.__new__(ActionModule)
rows = json.load(sys.stdin)
tasks = [Task(options, options, environ, False, True, "2.21.0") for options, environ, _shown in rows]
print(json.dumps([action._shown_arguments(task) for task in tasks]))
"""


# What cannot be set is refused by Python when the variable before it is set already.
LEFT_BEHIND = """
import gc, json, logging, os, sys
from ansible_collections.coralogix.incidents.plugins.plugin_utils import _bytecode_cache, _in_process

def state():
    of_python = [gc.isenabled(), gc.get_freeze_count(), len(sys.meta_path)]
    return [dict(os.environ), logging.root.manager.disable, *of_python]

before = state()
for changes in ({"CX_API_KEY": "k"}, {"CX_API_KEY": "k", "X": chr(0)}):
    try:
        with _bytecode_cache.bytecode_cache(), _in_process.logging_off(), _in_process.collector_at_rest():
            with _in_process.changed_environment(changes):
                raise ValueError
    except ValueError:
        print(json.dumps(state() == before))
"""


def run(program: str, environ: dict[str, str], given: str = "") -> str:
    ended = subprocess.run(
        [sys.executable, "-c", program],
        input=given,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_no_secret_is_among_the_arguments_that_are_returned(subprocess_environ: dict[str, str]) -> None:
    shown = run(PROGRAM, subprocess_environ, json.dumps(TASKS))
    assert json.loads(shown) == [expected for _options, _environ, expected in TASKS]


def test_nothing_is_left_behind(subprocess_environ: dict[str, str]) -> None:
    """Neither by a task that ends, nor by one whose environment cannot be set. Loop items share one process."""
    assert run(LEFT_BEHIND, subprocess_environ) == "true\n" * 2
