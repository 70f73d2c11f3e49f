# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one retry policy: which tries are followed by another one, and after which wait. No I/O.

urllib3's own Retry never sees an answer that is cut short or no JSON, and does not bound the whole wait.
"""

from __future__ import annotations

import email.utils
import re
import typing as t
from datetime import timezone

from ._errors import Attempts, Failure

# 520 to 524 and 529 come from a content delivery network in front of the service.
RETRY_STATUSES = frozenset((429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529))
# Seconds before the second try, doubled for each further one.
FIRST_DELAY = 0.5
MAX_DELAY = 30.0
# Seconds of all the waits of one request: two minutes, and room for the random part of each wait.
MAX_TOTAL_DELAY = 125.0

# Seconds between the reads that look for the effect of a write. A read may lag behind a write.
LAG_DELAYS = (0.25, 0.5, 1.0, 2.0)


class RetryPolicy(t.NamedTuple):
    """Decides about another try of one request."""

    retries: int

    def next_delay(self, failure: Failure, attempts: Attempts, fraction: float) -> float | None:
        """Seconds to wait before another try. None means that no further try may succeed or is allowed.

        C(fraction), from 0 to 1, is random: clients that failed together do not come back together.
        """
        if not failure.retryable or attempts.tries > self.retries:
            return None
        return backoff_delay(attempts.tries, failure.retry_after, fraction)


def is_too_long(delay: float, attempts: Attempts) -> bool:
    """Whether a wait would make the waits of the request longer than allowed."""
    return attempts.waited + delay > MAX_TOTAL_DELAY


def backoff_delay(tries: int, retry_after: float | None, fraction: float) -> float:
    """Seconds to wait after so many tries."""
    if retry_after is not None:
        return retry_after + FIRST_DELAY * fraction
    backoff: float = min(FIRST_DELAY * 2 ** (min(tries, 32) - 1), MAX_DELAY)
    return backoff * (1 + fraction) / 2


def parse_retry_after(value: str | None, now: float) -> float | None:
    """The value of Retry-After, seconds or an HTTP date, as seconds from C(now) (Unix time)."""
    value = (value or "").strip()
    if re.match(r"[0-9]{1,9}\Z", value):
        return float(value)
    moment = parse_http_date(value)
    return None if moment is None else max(0.0, moment - now)


def parse_http_date(value: str | None) -> float | None:
    """An HTTP date as Unix time."""
    try:
        moment = email.utils.parsedate_to_datetime(value or "")
        # One of the forms of an HTTP date has no time zone. It is in UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
