# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user would write in place of incident_info: all incidents, page by page, printed as JSON.

list_script.py URL KEY PAGE_SIZE
"""

from __future__ import annotations

import json
import sys
from typing import Any

import requests


def main() -> None:
    url, key, size = sys.argv[1:]
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {key}"
    incidents: list[Any] = []
    pagination: dict[str, Any] = {"pageSize": int(size)}
    while True:
        body = {"pagination": pagination}
        answer = session.post(f"{url}/mgmt/openapi/5/incidents/incidents/v1", json=body, timeout=30).json()
        incidents += answer["incidents"]
        token = answer["pagination"].get("nextPageToken")
        if not token:
            break
        pagination["pageToken"] = token
    print(json.dumps(incidents))


if __name__ == "__main__":
    main()
