# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a run may take, by the options of its task. Nothing here is taken from the code under test."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
MAX_WAIT = 125.0
MAX_CONCURRENT = 4
MAX_URL = 8_000
# Waits while a read may lag behind the write, and how many reads that makes with the first one.
LAG_WAITS = 0.25 + 0.5 + 1 + 2
VERIFYING_READS = 5


class Seconds(NamedTuple):
    """A bound of the time that requests take, and one of the waits between them."""

    requests: float
    waits: float


def delays(retries: int, retry_after: float = 0.0) -> float:
    """Seconds that one request may wait between its tries. C(retry_after) is the longest that was asked for."""
    backoff = [min(FIRST_DELAY * 2**number, LONGEST_DELAY) for number in range(retries)]
    return min(MAX_WAIT, sum(max(delay, retry_after + FIRST_DELAY) for delay in backoff))


def count_requests(ids: Iterable[str], url_length: int) -> int:
    """How many requests the IDs take. C(url_length) is the length of a URL without any of them."""
    count, room = 0, 0
    for incident_id in ids:
        length = len("&incident_ids=") + len(quote(incident_id, safe=""))
        if count == 0 or length >= room:
            count, room = count + 1, MAX_URL - url_length
        room -= length
    return count


def rounds(count: int) -> int:
    """How many requests come one after another: one goes first, the others a few at a time."""
    return min(count, 1) + math.ceil(max(0, count - 1) / MAX_CONCURRENT)


def by_ids(count: int, routes: int, timeout: float, retries: int, retry_after: float) -> Seconds:
    """Read, write (each further try after a read), and reads that verify. Each try may connect and be answered."""
    tries = rounds(count) * routes * (retries + 1) * 2 * timeout
    waits = rounds(count) * routes * delays(retries, retry_after)
    return Seconds((1 + 2 + VERIFYING_READS) * tries, (2 + VERIFYING_READS) * waits + LAG_WAITS)


def by_filters(pages: int, routes: int, timeout: float, retries: int, retry_after: float) -> Seconds:
    """Page after page. With routes in doubt, a read by each of them goes first."""
    requests = pages + (routes if routes > 1 else 0)
    return Seconds(requests * (retries + 1) * 2 * timeout, requests * delays(retries, retry_after))
