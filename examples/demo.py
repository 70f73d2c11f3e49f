# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows the collection at work: runs demo.yml, by default against a simulator of the Coralogix API.

The simulator runs on the loopback interface, with a few made-up incidents, cases and users.

With --keep no playbook runs: the simulator stays up until Ctrl-C. It has the IDs, users and names of README and docs,
so their commands can be pasted into another terminal. The lines to paste there first are printed.

With --ids the playbook runs in check mode on these incidents and cases of the real service: it shows what each task
would change, and writes nothing. The API key and the region then come from the environment.

Needs ansible-core and requests, and uses the collection that it is a part of.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))

from simulator import Simulator
from simulator.samples import timestamp
from simulator.server import Entry

KEY = "cxup_demo"
KEY_VARIABLES = ("CORALOGIX_API_KEY", "CX_API_KEY")
HOST_VARIABLES = ("CORALOGIX_URL", "CORALOGIX_DOMAIN", "CORALOGIX_REGION", "CX_REGION")
TEAM_VARIABLE = "CORALOGIX_TEAM_ID"
TEAM = 4711  # The default of the simulator.

DANA = "5e1f0c52-7a0c-4b7e-8f57-2f7d8f1a9b11"
LEE = "9b7a3d4e-1c2f-4e5d-8a6b-7c8d9e0f1a2b"
USERS = {DANA: "dana@example.com", LEE: "lee@example.com"}

MINUTES_AGO = 10
INCIDENTS: tuple[dict[str, Any], ...] = (
    {
        "id": "0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60",
        "name": "Checkout latency above 2 s",
        "severity": "INCIDENT_SEVERITY_CRITICAL",
        "assignees": (DANA, LEE),
    },
    {
        "id": "7d9c2e14-85ab-4c3f-b1e6-90f2a3b4c5d6",
        "name": "Payments: timeout of the card gateway",
        "severity": "INCIDENT_SEVERITY_CRITICAL",
        "assignees": (),
        "displayLabels": {"team": "payments"},
    },
    {
        "id": "c4a1d7f8-2b36-4e59-8d07-f6e5a4b3c2d1",
        "name": "Search index: disk nearly full",
        "severity": "INCIDENT_SEVERITY_ERROR",
        "assignees": (DANA,),
        "createdAt": "2026-11-23T03:10:00.000Z",
    },
)
CASES: tuple[dict[str, Any], ...] = (
    {
        "id": "2f1e0d9c-8b7a-4655-9443-322110fedcba",
        "readableId": "CASE-123",
        "title": "High error rate in checkout",
        "priority": "P2",
        "assignee": DANA,
    },
    {"readableId": "CASE-124", "title": "No data received from payments", "priority": "P1"},
)

# How Ansible prints. What is not here, such as colours, is as the user has set it.
DISPLAY = {
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
    "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
    "ANSIBLE_LOCALHOST_WARNING": "0",
    "ANSIBLE_STDOUT_CALLBACK": "default",
}


@contextlib.contextmanager
def collections_folder() -> Iterator[str]:
    """A folder where Ansible finds this collection.

    Ansible needs it as ansible_collections/<namespace>/<name>, wherever the checkout is.
    """
    with tempfile.TemporaryDirectory(prefix="coralogix-demo-") as folder:
        namespace = Path(folder, "ansible_collections", "coralogix")
        namespace.mkdir(parents=True)
        (namespace / "incidents").symlink_to(ROOT, target_is_directory=True)
        yield folder


def programs_path() -> str:
    """PATH with the programs of the Python that runs this before all others."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def run_playbook(arguments: list[str], settings: Mapping[str, str]) -> int:
    """Run demo.yml with this collection. Returns its exit code when all of its processes have ended."""
    with collections_folder() as folder:
        environment = {**os.environ, **DISPLAY, **settings, "ANSIBLE_COLLECTIONS_PATH": folder, "PATH": programs_path()}
        # An interrupted Ansible leaves the module that it was running there.
        environment["ANSIBLE_REMOTE_TMP"] = str(Path(folder, "tmp"))
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
            # Ansible end the processes that it has started, SIGTERM does not. But an interrupted Ansible may wait
            # for ever for a lock that one of these processes held.
            for number in (signal.SIGINT, signal.SIGKILL):
                if process.poll() is None:
                    process.send_signal(number)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(timeout=10)


def add_samples(simulator: Simulator) -> None:
    """Add the key, users, incidents and cases."""
    created = timestamp(time.time() - 60 * MINUTES_AGO)
    simulator.add_key(KEY)
    for user_id, username in USERS.items():
        simulator.add_user(username, user_id)
    for incident in INCIDENTS:
        simulator.add_incident(**{"createdAt": created, **incident})
    for case in CASES:
        simulator.add_case(**{"createTime": created, **case})


def open_incident_and_case(simulator: Simulator) -> None:
    """Add an incident and a case, and print their IDs."""
    incident_id = simulator.add_incident(
        name="Login: no answer", severity="INCIDENT_SEVERITY_CRITICAL", assignees=(), createdAt=timestamp(time.time())
    )
    case_id = simulator.add_case(title="Login fails", priority="P1", createTime=timestamp(time.time()))
    print(f"Opened: incident {incident_id}, case {simulator.case(case_id)['readableId']}", flush=True)


def describe_request(entry: Entry) -> str:
    return f"  {entry.status} {entry.method:6} {entry.target.partition('?')[0]}, IDs: {len(entry.ids)}"


def run_on_simulator() -> int:
    own_variables = dict.fromkeys((*KEY_VARIABLES, *HOST_VARIABLES, TEAM_VARIABLE), "")
    with Simulator() as simulator:
        add_samples(simulator)
        print(
            f"A simulator of the Coralogix API has {len(INCIDENTS)} made-up incidents and {len(CASES)} cases at "
            f"{simulator.url}.",
            flush=True,
        )
        settings = {**own_variables, "CORALOGIX_URL": simulator.url, "CORALOGIX_API_KEY": KEY}
        exit_code = run_playbook([], settings)
        print("The requests that it received:")
        for entry in simulator.journal:
            print(describe_request(entry))
        print("At the end:")
        assigned = False
        for incident in (simulator.incident(incident["id"]) for incident in INCIDENTS):
            users = [USERS[user_id] for user_id in simulator.assignees(incident["id"])]
            assigned = assigned or bool(users)
            status = short_status(incident["status"])
            print(f"  {incident['name']}: {status}, assigned to {', '.join(users) or 'nobody'}")
        for case in (simulator.case(case["readableId"]) for case in CASES):
            user_id = simulator.case_assignee(case["id"])
            assigned = assigned or user_id is not None
            status = short_status(case["status"])
            print(f"  {case['title']}: {status}, assigned to {USERS[user_id] if user_id else 'nobody'}")
        return exit_code or int(assigned)


def short_status(status: str) -> str:
    return status.rpartition("_")[2].lower()


def shell_lines(url: str, collections: str) -> Iterator[str]:
    """What makes a shell use the simulator and this checkout, and keeps it from all other hosts."""
    yield "# The simulator in place of the service:"
    # This variable beats all others that name a host. The user's own key is not sent.
    yield f"export CORALOGIX_URL={url} CORALOGIX_API_KEY={KEY} CORALOGIX_TEAM_ID={TEAM}"
    yield "# A task that names another host, such as with region=eu2, does not reach it:"
    yield f"export HTTPS_PROXY={url} https_proxy={url} NO_PROXY=127.0.0.1 no_proxy=127.0.0.1"
    yield "# Ansible, and this checkout of the collection:"
    yield f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"'
    yield f"export ANSIBLE_COLLECTIONS_PATH={shlex.quote(collections)}"


def keep_simulator() -> int:
    """Run a simulator until Ctrl-C."""
    with Simulator() as simulator, collections_folder() as folder:
        add_samples(simulator)
        print("A simulator of the Coralogix API is running. Paste these lines into another terminal:\n")
        for line in shell_lines(simulator.url, folder):
            print(line)
        print("\nThen paste commands of README and docs, except for those that set the key and the region, and those")
        print("that install something: from that terminal, nothing but the simulator can be reached. Try:\n")
        print("ansible-playbook coralogix.incidents.list\n")
        print("Enter opens a critical incident and an urgent case, for rulebooks. Ctrl-C stops the simulator.")
        print("The requests that it receives:", flush=True)
        simulator.after_request = lambda entry: print(describe_request(entry), flush=True)
        for _line in sys.stdin:
            open_incident_and_case(simulator)
        threading.Event().wait()  # Nothing more can come from the keyboard.
    return 0


def preview_on_service(ids: list[str]) -> int:
    if not any(os.environ.get(name, "").strip() for name in KEY_VARIABLES):
        print("--ids uses the real service. Set CORALOGIX_API_KEY, and CORALOGIX_REGION.", file=sys.stderr)
        return 2
    print(f"Check mode at {named_host()}, IDs: {len(ids)}. Nothing is written.", flush=True)
    case_ids = [item_id for item_id in ids if re.fullmatch(r"(?i)CASE-\d+", item_id)]
    chosen = {"incident_ids": [item_id for item_id in ids if item_id not in case_ids], "case_ids": case_ids}
    return run_playbook(["--check", "--extra-vars", json.dumps(chosen)], {})


def named_host() -> str:
    """The host that the environment names, in the collection's order of variables, without any part of the key."""
    name = next((name for name in HOST_VARIABLES if os.environ.get(name, "").strip()), None)
    if name is None:
        return "api.coralogix.com, the default"
    value = os.environ[name].strip()
    return f"{urlsplit(value).hostname if name == 'CORALOGIX_URL' else value} ({name})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--ids", metavar="ID,ID", help="preview on these incidents, and cases such as CASE-123, of the real service"
    )
    group.add_argument("--keep", action="store_true", help="keep the simulator running, to paste commands against it")
    given = parser.parse_args()
    # Both signals end it with a clean-up, even if it was started in the background, where SIGINT is ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        if given.keep:
            return keep_simulator()
        if given.ids is None:
            return run_on_simulator()
        return preview_on_service([item_id.strip() for item_id in given.ids.split(",")])
    except KeyboardInterrupt:
        # The way to end --keep.
        return 0 if given.keep else 130


if __name__ == "__main__":
    sys.exit(main())
