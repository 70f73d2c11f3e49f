# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task in Ansible's own process shows of its arguments: no secret, neither as an option nor within another."""

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
ROWS = [
    (PLAIN, {}, PLAIN),
    ({**PLAIN, "api_key": KEY}, {}, {**PLAIN, **SHOWN}),
    ({**WITH_KEY, "api_key": KEY}, {}, {**MASKED, **SHOWN}),
    (WITH_KEY, IN_ENVIRONMENT, MASKED),
]

# In a Python of its own: Ansible's parts for a controller change what its parts for modules print.
PROGRAM = """
import json, sys
from ansible_collections.coralogix.incidents.plugins.action.case_comment import ActionModule
from ansible_collections.coralogix.incidents.plugins.module_utils._task import Task

action = ActionModule.__new__(ActionModule)
rows = json.load(sys.stdin)
tasks = [Task(options, options, environ, False, True, "2.21.0") for options, environ, _shown in rows]
print(json.dumps([action._shown_arguments(task) for task in tasks]))
"""


def test_no_secret_is_among_the_arguments_that_are_returned(subprocess_environ: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(ROWS),
        env=subprocess_environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [shown for _options, _environ, shown in ROWS]
