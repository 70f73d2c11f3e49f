# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a run may take, from what its user chose. Written down anew, not taken from the code under test."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from urllib.parse import quote

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
MAX_WAIT = 125.0
PARALLEL = 4
MAX_URL = 8_000


def pauses(retries: int, asked: float = 0.0) -> float:
    """Seconds that one request may wait between its tries; C(asked) is the largest Retry-After."""
    backoff = [min(FIRST_PAUSE * 2**number, LONGEST_PAUSE) for number in range(retries)]
    return min(MAX_WAIT, sum(max(each, asked + FIRST_PAUSE) for each in backoff))


def exchange(timeout: float, retries: int) -> float:
    """Seconds that all tries of one request may take without the waits: each may connect, send and read."""
    return (retries + 1) * 2 * timeout


def requests(ids: Iterable[str], bare: int) -> int:
    """In how many requests the IDs go; C(bare) is the length of a URL without any."""
    count, room = 0, 0
    for one in ids:
        length = len("&incident_ids=") + len(quote(one, safe=""))
        if count == 0 or length >= room:
            count, room = count + 1, MAX_URL - bare
        room -= length
    return count


def rounds(count: int) -> int:
    """How many requests stand one behind the other: one goes ahead, the others a few at a time."""
    return min(count, 1) + math.ceil(max(0, count - 1) / PARALLEL)


def longest(count: int, routes: int, each: float) -> float:
    """A read, a write and the read that makes sure of it, each of so many requests, by each route in turn."""
    return 3 * rounds(count) * routes * each


def listing(pages: int, routes: int, each: float) -> float:
    """Page after page; with routes in doubt, a read by each of them goes ahead."""
    return (pages + (routes if routes > 1 else 0)) * each


def longest_run(timeout: float, retries: int, ids: Sequence[str], bare: int, routes: int, asked: float) -> float:
    """Seconds from the first request to the result."""
    count = requests(ids, bare)
    return longest(count, routes, exchange(timeout, retries) + pauses(retries, asked))
