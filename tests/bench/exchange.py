# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of one task alone, in a process of their own: read all IDs, unassign half of them.

    exchange.py URL PARALLEL FILE_OF_IDS

With PARALLEL at 0 the same requests go out one after another on one `requests.Session`, without any
of the collection's code but that which makes the URLs. Prints the seconds that they took, and the
processor's seconds; imports do not count.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Callable
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[0] = str(ROOT / "tests")
    sys.path.append(str(ROOT / ".build" / "link"))

import requests
from ansible_collections.coralogix.incidents.plugins.module_utils import _client, _incidents, _options, _routes

from bench.stand import KEY

# The defaults of the options.
TIMEOUT = 30.0
RETRIES = 4


def sequential(base_url: str, ids: list[str], assigned: list[str]) -> None:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {KEY}"
    for operation, wanted in (("read", ids), ("unassign", assigned)):
        for chunk in _routes.split(operation, ["v4"], base_url, wanted):
            request = _routes.request(base_url, operation, "v4", chunk)
            session.request(request.method, request.url, timeout=TIMEOUT).json()


def parallel(number: int) -> Callable[[str, list[str], list[str]], None]:
    def exchange(base_url: str, ids: list[str], assigned: list[str]) -> None:
        settings = _options.Settings(base_url, "5", f"Bearer {KEY}", TIMEOUT, RETRIES, True, "api_key", "api_url")
        with mock.patch.object(_client, "PARALLEL", number), mock.patch.object(_incidents, "PARALLEL", number):
            service = _incidents.Incidents(_client.Client(settings, "bench"), "5")
            service.read(ids)
            written = service.write("unassign", assigned)
        if written.error:
            raise written.error

    return exchange


def main() -> None:
    url, number, path = sys.argv[1:]
    ids: list[str] = json.loads(Path(path).read_text(encoding="utf-8"))
    exchange = parallel(int(number)) if int(number) else sequential
    wall, cpu = time.perf_counter(), time.process_time()
    exchange(f"{url}/mgmt/openapi/5", ids, ids[: len(ids) // 2])
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


if __name__ == "__main__":
    main()
