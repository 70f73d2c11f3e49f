# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of one task alone: read all IDs, then unassign half of them.

    python -m bench.requests_alone URL COUNT_OF_IDS REQUESTS_AT_A_TIME

With 0 the same requests go out one after another on one `requests.Session`. Of the collection's code, only what
builds the URLs then takes part. Prints the seconds that the requests took, and the seconds of processor time.
"""

from __future__ import annotations

import json
import sys
import time

import requests
from ansible_collections.coralogix.incidents.plugins.module_utils._client import Client
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._request import build_request, chunk_ids
from ansible_collections.coralogix.incidents.plugins.module_utils._service import Service
from ansible_collections.coralogix.incidents.plugins.module_utils._settings import resolve_settings
from ansible_collections.coralogix.incidents.plugins.module_utils._transport import Transport

from bench.service import KEY, incident_ids


def send_sequentially(base_url: str, ids: list[str]) -> None:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {KEY}"
    for operation, chosen in (("read", ids), ("unassign", ids[: len(ids) // 2])):
        for chunk in chunk_ids(base_url, INCIDENT, operation, ["v4"], chosen):
            request = build_request(base_url, INCIDENT, operation, "v4", chunk)
            response = session.request(request.method, request.url, timeout=30)
            response.raise_for_status()
            response.json()


def send_concurrently(url: str, ids: list[str], limit: int) -> None:
    settings = resolve_settings({"api_url": url, "api_key": KEY, "api_version": "5"}, {})
    client = Client(
        Transport(settings, "bench", "", limit),
        base_url=settings.base_url,
        timeout=settings.timeout,
        retries=settings.retries,
    )
    service = Service(client, INCIDENT._replace(max_concurrent_requests=limit), settings.api_version)
    read = service.read(ids)
    chunks = service.chunks("unassign", ids[: len(ids) // 2])
    written = service.for_each_chunk(lambda chunk: service.write_once("unassign", chunk), chunks)
    if len(read.items) != len(ids) or not all(isinstance(items, dict) for items in written):
        raise SystemExit("a request failed")


def main() -> None:
    url, count, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    ids = incident_ids(count)
    wall, cpu = time.perf_counter(), time.process_time()
    if limit:
        send_concurrently(url, ids, limit)
    else:
        send_sequentially(f"{url}/mgmt/openapi/5", ids)
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


if __name__ == "__main__":
    main()
