# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows the collection at work: runs demo.yml, by default against a simulator of the Coralogix API.

The simulator runs on the loopback interface, with a few made-up incidents. With --ids the same playbook
runs in check mode on these incidents of the real service: it shows what each task would change, and
writes nothing. The API key and the region then come from the environment.

Needs ansible-core and requests, and uses the collection that it is a part of.
"""

from __future__ import annotations

import argparse
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

INCIDENTS: tuple[dict[str, Any], ...] = (
    {
        "id": "0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60",
        "name": "Checkout latency above 2 s",
        "severity": "INCIDENT_SEVERITY_CRITICAL",
        "assignees": ("dana", "lee"),
    },
    {
        "id": "7d9c2e14-85ab-4c3f-b1e6-90f2a3b4c5d6",
        "name": "Payments: error rate above 5 %",
        "severity": "INCIDENT_SEVERITY_CRITICAL",
        "assignees": (),
    },
    {
        "id": "c4a1d7f8-2b36-4e59-8d07-f6e5a4b3c2d1",
        "name": "Search index: disk nearly full",
        "severity": "INCIDENT_SEVERITY_WARNING",
        "assignees": ("dana",),
    },
)

# How Ansible prints. What is not here, such as colours, is as the user has set it.
DISPLAY = {
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
    "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
    "ANSIBLE_LOCALHOST_WARNING": "0",
    "ANSIBLE_STDOUT_CALLBACK": "default",
}


def run_playbook(arguments: list[str], settings: Mapping[str, str]) -> int:
    """Run demo.yml with this collection. Returns its exit code when all of its processes have ended."""
    with tempfile.TemporaryDirectory(prefix="coralogix-demo-") as folder:
        # Ansible needs it as ansible_collections/<namespace>/<name>, wherever the checkout is.
        namespace = Path(folder, "ansible_collections", "coralogix")
        namespace.mkdir(parents=True)
        (namespace / "incidents").symlink_to(ROOT, target_is_directory=True)
        environment = {**os.environ, **DISPLAY, **settings, "ANSIBLE_COLLECTIONS_PATH": folder}
        # An interrupted Ansible leaves the module that it was running there.
        environment["ANSIBLE_REMOTE_TMP"] = str(Path(folder, "tmp"))
        # Use the Ansible of the Python that runs this, whatever else is in PATH.
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        command = ["ansible-playbook", str(HERE / "demo.yml"), "--inventory", "localhost,", "--connection", "local"]
        python = {"ansible_python_interpreter": sys.executable}
        try:
            process = subprocess.Popen([*command, "--extra-vars", json.dumps(python), *arguments], env=environment)
        except FileNotFoundError:
            print("There is no ansible-playbook. Install ansible-core and requests.", file=sys.stderr)
            return 2
        try:
            return process.wait()
        finally:
            # Ctrl-C has reached Ansible as well. SIGTERM, and errors in this program, have not. SIGINT lets
            # Ansible end the processes that it has started, SIGTERM does not.
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait()


def run_on_simulator() -> int:
    own_variables = dict.fromkeys((*KEY_VARIABLES, *HOST_VARIABLES), "")
    with Simulator() as simulator:
        simulator.add_key(KEY)
        ids = [simulator.add_incident(**incident) for incident in INCIDENTS]
        print(f"A simulator of the Coralogix API has {len(ids)} made-up incidents at {simulator.url}.", flush=True)
        settings = {**own_variables, "CORALOGIX_URL": simulator.url, "CORALOGIX_API_KEY": KEY}
        exit_code = run_playbook([], settings)
        print("The requests that it received:")
        for entry in simulator.journal:
            path = entry.target.partition("?")[0]
            print(f"  {entry.status} {entry.method:6} {path}, IDs: {len(entry.ids)}")
        print("The incidents at the end:")
        for incident in map(simulator.incident, ids):
            users = ", ".join(simulator.assignees(incident["id"])) or "nobody"
            print(f"  {incident['name']}: {incident['status'].rpartition('_')[2].lower()}, assigned to {users}")
        return exit_code or int(any(map(simulator.assignees, ids)))


def preview_on_service(ids: list[str]) -> int:
    if not any(os.environ.get(name, "").strip() for name in KEY_VARIABLES):
        print("--ids uses the real service. Set CORALOGIX_API_KEY, and CORALOGIX_REGION.", file=sys.stderr)
        return 2
    print(f"Check mode on {len(ids)} incidents at {named_host()}. Nothing is written.", flush=True)
    return run_playbook(["--check", "--extra-vars", json.dumps({"incident_ids": ids})], {})


def named_host() -> str:
    """The host that the environment names, in the collection's order of variables, without any part of the key."""
    name = next((name for name in HOST_VARIABLES if os.environ.get(name, "").strip()), None)
    if name is None:
        return "api.coralogix.com, the default"
    value = os.environ[name].strip()
    return f"{urlsplit(value).hostname if name == 'CORALOGIX_URL' else value} ({name})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ids", metavar="ID,ID", help="preview on these incidents of the real service")
    ids = parser.parse_args().ids
    # Both signals end it with a clean-up, even if it was started in the background, where SIGINT is ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        if ids is None:
            return run_on_simulator()
        return preview_on_service([incident_id.strip() for incident_id in ids.split(",")])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
