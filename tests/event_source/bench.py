# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one poll of many open incidents costs, compared with a script that fetches the same pages.

The figures are processor seconds of this process: the least of several polls, measured in turn. The simulator has a
process of its own. `python -m event_source.bench`
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any, Callable

KEY = "cxup_0123456789abcdefghij"
OPEN = 5_000
CHANGED = OPEN // 100
GOAL = 1.5


def serve() -> None:
    """Run the simulator. Each line of input makes it change incidents."""
    from simulator import Simulator

    with Simulator() as simulator:
        simulator.add_key(KEY)
        ids = simulator.add_incidents(OPEN, OPEN // 2)
        gc.freeze()
        print(simulator.url, flush=True)
        for number, _line in enumerate(sys.stdin):
            start = number * CHANGED % OPEN
            for incident_id in ids[start : start + CHANGED]:
                simulator.act("assign", incident_id, f"user-of-change-{number}")
            requests = len(simulator.journal)
            simulator.clear_journal()
            print(requests, flush=True)


def fetch_pages(session: Any, url: str) -> int:
    """What a bare script does: all pages, as JSON."""
    token, number = "", 0
    while True:
        pagination = {"pageSize": 500, **({"pageToken": token} if token else {})}
        answer = session.post(f"{url}/mgmt/openapi/5/incidents/incidents/v1", json={"pagination": pagination}).json()
        number += len(answer["incidents"])
        token = answer["pagination"].get("nextPageToken", "")
        if not token:
            return number


def measure(function: Callable[[], Any], times: list[float]) -> Any:
    began = time.process_time()
    result = function()
    times.append(time.process_time() - began)
    return result


def run(url: str, change: Callable[[], int], repeat: int, folder: Path) -> dict[str, Any]:
    import requests
    from ansible_collections.coralogix.incidents.plugins.module_utils._event_poll import Poller
    from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
    from ansible_collections.coralogix.incidents.plugins.module_utils._incident_events import INCIDENT_EVENTS

    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {KEY}"
    arguments = {"api_key": KEY, "api_url": url, "api_version": "5", "state_path": str(folder / "state")}
    poller = Poller(INCIDENT, INCIDENT_EVENTS, arguments, {}, logging.getLogger("bench"))
    poller.open()

    def poll() -> int:
        observation = poller.poll().observation
        if observation is None:
            raise SystemExit("a poll failed")
        poller.commit(observation.deliveries, observation)
        return sum(len(delivery.events) for delivery in observation.deliveries)

    tracemalloc.start()
    poll()
    gc.collect()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    times: dict[str, list[float]] = {"script": [], "poll, nothing changed": [], "poll, 1 % changed": []}
    change()
    poll()
    wall = []
    for _n in range(repeat):
        if measure(lambda: fetch_pages(session, url), times["script"]) != OPEN:
            raise SystemExit("the script missed incidents")
        if measure(poll, times["poll, nothing changed"]):
            raise SystemExit("there are events although nothing changed")
        change()
        began = time.monotonic()
        if measure(poll, times["poll, 1 % changed"]) != CHANGED:
            raise SystemExit("there are not as many events as changes")
        wall.append(time.monotonic() - began)
        requests_of_poll = change()
        poll()
    poller.close()
    least = {name: min(values) for name, values in times.items()}
    return {
        "milliseconds": {name: round(1000 * value) for name, value in least.items()},
        "times the script": {name: round(value / least["script"], 2) for name, value in least.items()},
        "requests": requests_of_poll,
        "wall milliseconds": round(1000 * min(wall)),
        "MiB kept": round(kept / 2**20, 1),
        "MiB at most": round(peak / 2**20, 1),
        "MiB of the state": round((folder / "state").stat().st_size / 2**20, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="event_source.bench", description=__doc__)
    parser.add_argument("--repeat", type=int, default=15, metavar="N")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    command = [sys.executable, "-m", "event_source.bench", "--serve"]
    with (
        tempfile.TemporaryDirectory(prefix="coralogix-bench-") as folder,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
        ) as server,
    ):
        if not (server.stdin and server.stdout):
            raise AssertionError("the process was started with pipes")
        stdin, stdout = server.stdin, server.stdout

        def change() -> int:
            stdin.write("\n")
            stdin.flush()
            return int(stdout.readline())

        try:
            figures = run(stdout.readline().strip(), change, options.repeat, Path(folder))
        finally:
            server.kill()
    print(json.dumps(figures, indent=1))
    ratio = max(figures["times the script"].values())
    print(f"A poll costs {ratio} times the processor time of the script; the goal is {GOAL}.")
    raise SystemExit(ratio > GOAL)


if __name__ == "__main__":
    main()
