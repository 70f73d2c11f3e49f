# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows the collection at work: runs demo.yml, by default against a simulator of the Coralogix API.

The simulator is started for it on the loopback, with a few made-up incidents. With --ids the same
playbook runs against the real service instead and really unassigns these incidents; the API key and
the region come from the environment, as for any playbook.

Needs ansible-core and requests, and shows the collection that it is a part of.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))

from simulator import Simulator

KEY = "cxup_demo"
KEY_VARIABLES = ("CORALOGIX_API_KEY", "CX_API_KEY")
HOST_VARIABLES = ("CORALOGIX_URL", "CORALOGIX_DOMAIN", "CORALOGIX_REGION", "CX_REGION")


def held_by(user: str) -> dict[str, Any]:
    return {"assignedTo": {"userId": user}, "assignedBy": {"userId": "rota"}}


INCIDENTS: tuple[dict[str, Any], ...] = (
    {
        "id": "0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60",
        "name": "Checkout latency above 2 s",
        "severity": "INCIDENT_SEVERITY_CRITICAL",
        "assignments": [held_by("dana"), held_by("lee")],
    },
    {
        "id": "7d9c2e14-85ab-4c3f-b1e6-90f2a3b4c5d6",
        "name": "Payments: error rate above 5 %",
        "severity": "INCIDENT_SEVERITY_CRITICAL",
        "assignments": [],
    },
    {
        "id": "c4a1d7f8-2b36-4e59-8d07-f6e5a4b3c2d1",
        "name": "Search index: disk nearly full",
        "severity": "INCIDENT_SEVERITY_WARNING",
        "assignments": [held_by("dana")],
    },
)

# How Ansible shows it. What is missing in here, such as colours, is as the user has it.
DISPLAY = {
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
    "ANSIBLE_DIFF_CONTEXT": "2",
    "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
    "ANSIBLE_LOCALHOST_WARNING": "0",
    "ANSIBLE_STDOUT_CALLBACK": "default",
}


def play(ids: list[str], settings: Mapping[str, str]) -> int:
    """Run demo.yml with this collection; returns its exit code when nothing of it is left."""
    with tempfile.TemporaryDirectory(prefix="coralogix-demo-") as folder:
        # Wherever this folder is: Ansible wants it as ansible_collections/<namespace>/<name>.
        namespace = Path(folder, "ansible_collections", "coralogix")
        namespace.mkdir(parents=True)
        (namespace / "incidents").symlink_to(ROOT, target_is_directory=True)
        environment = {**os.environ, **DISPLAY, **settings, "ANSIBLE_COLLECTIONS_PATH": folder}
        # An interrupted Ansible leaves the module that it was running there.
        environment["ANSIBLE_REMOTE_TMP"] = str(Path(folder, "tmp"))
        # The Ansible of the Python that runs this, whatever else is in PATH.
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        command = ["ansible-playbook", str(HERE / "demo.yml"), "--inventory", "localhost,", "--connection", "local"]
        extra = {"incident_ids": ids, "ansible_python_interpreter": sys.executable}
        try:
            running = subprocess.Popen([*command, "--extra-vars", json.dumps(extra)], env=environment)
        except FileNotFoundError:
            print("There is no ansible-playbook here: install ansible-core and requests.", file=sys.stderr)
            return 2
        try:
            return running.wait()
        finally:
            # Ctrl-C has reached it as well; SIGTERM and failures in here have not. Unlike SIGTERM, an
            # interrupt lets Ansible end the processes that it has begun.
            if running.poll() is None:
                running.send_signal(signal.SIGINT)
                running.wait()


def against_simulator() -> int:
    foreign = dict.fromkeys((*KEY_VARIABLES, *HOST_VARIABLES), "")
    with Simulator() as simulator:
        simulator.add_key(KEY)
        ids = [simulator.add_incident(**incident) for incident in INCIDENTS]
        print(f"A simulator of the Coralogix API serves {len(ids)} made-up incidents at {simulator.url}.", flush=True)
        code = play(ids, {**foreign, "CORALOGIX_URL": simulator.url, "CORALOGIX_API_KEY": KEY})
        print("What the simulator was asked:")
        for entry in simulator.journal:
            path = entry.target.partition("?")[0]
            print(f"  {entry.method:6} {path} for {len(entry.ids)} IDs: {entry.status}")
        left = collections.Counter(user for one in ids for user in simulator.assignees(one))
        print(f"Still assigned: {', '.join(left) or 'nobody'}.")
        return code or int(bool(left))


def against_service(ids: list[str]) -> int:
    if not any(os.environ.get(name, "").strip() for name in KEY_VARIABLES):
        print("--ids means the real service: set CORALOGIX_API_KEY, and CORALOGIX_REGION.", file=sys.stderr)
        return 2
    print(f"This is for real: {len(ids)} incidents at {named_host()} will be assigned to nobody.", flush=True)
    return play(ids, {})


def named_host() -> str:
    """What the environment says of the host, in the collection's order and without a word of the key."""
    name = next((name for name in HOST_VARIABLES if os.environ.get(name, "").strip()), None)
    if name is None:
        return "api.coralogix.com, the default"
    value = os.environ[name].strip()
    return f"{urlsplit(value).hostname if name == 'CORALOGIX_URL' else value} ({name})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ids", metavar="ID,ID", help="unassign these incidents of the real service")
    given = parser.parse_args().ids
    # Both end it cleaning up, also where it was begun in the background, with interrupts ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        if given is None:
            return against_simulator()
        return against_service([one.strip() for one in given.split(",")])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
