# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of one task alone: read all incidents or cases by their IDs, then unassign half of the incidents.

    python -m bench.requests_alone URL incidents|cases COUNT_OF_IDS REQUESTS_AT_A_TIME

With 0 the same requests go out one after another on one `requests.Session`. Of the collection's code, only what
builds the URLs then takes part. Prints the seconds that the requests took, and the seconds of processor time.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

import requests
from ansible_collections.coralogix.incidents.plugins.module_utils._case import CASE
from ansible_collections.coralogix.incidents.plugins.module_utils._client import Client
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._request import build_request, chunk_ids
from ansible_collections.coralogix.incidents.plugins.module_utils._resource import Resource
from ansible_collections.coralogix.incidents.plugins.module_utils._service import Service
from ansible_collections.coralogix.incidents.plugins.module_utils._settings import resolve_settings
from ansible_collections.coralogix.incidents.plugins.module_utils._transport import Transport

from bench.service import KEY, make_ids

# By the name in the command: the resource, and the routes that it has in version 5 of the API.
RESOURCES = {"incidents": (INCIDENT, "v4"), "cases": (CASE, "v5")}


def send_sequentially(base_url: str, resource: Resource, route_set: str, operations: dict[str, Sequence[str]]) -> None:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {KEY}"
    for operation, ids in operations.items():
        for chunk in chunk_ids(base_url, resource, operation, [route_set], ids):
            request = build_request(base_url, resource, operation, route_set, chunk)
            response = session.request(request.method, request.url, timeout=30)
            response.raise_for_status()
            response.json()


def send_concurrently(url: str, resource: Resource, operations: dict[str, Sequence[str]], limit: int) -> None:
    settings = resolve_settings({"api_url": url, "api_key": KEY, "api_version": "5"}, {})
    client = Client(
        Transport(settings, "bench", "", limit),
        base_url=settings.base_url,
        timeout=settings.timeout,
        retries=settings.retries,
    )
    service = Service(client, resource._replace(max_concurrent_requests=limit), settings.api_version)
    read_ids = operations.pop("read")
    if len(service.read(read_ids).items) != len(read_ids):
        raise SystemExit("a read failed")
    for operation, ids in operations.items():

        def write(chunk: Sequence[str], operation: str = operation) -> object:
            return service.write_once(operation, chunk)

        if not all(isinstance(items, dict) for items in service.for_each_chunk(write, service.chunks(operation, ids))):
            raise SystemExit("a write failed")


def main() -> None:
    url, name, count, limit = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    resource, route_set = RESOURCES[name]
    ids = make_ids(count)
    operations: dict[str, Sequence[str]] = {"read": ids}
    if resource is INCIDENT:
        operations["unassign"] = ids[: count // 2]
    wall, cpu = time.perf_counter(), time.process_time()
    if limit:
        send_concurrently(url, resource, operations, limit)
    else:
        send_sequentially(f"{url}/mgmt/openapi/5", resource, route_set, operations)
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


if __name__ == "__main__":
    main()
