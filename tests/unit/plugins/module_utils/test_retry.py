# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When another try is made, and how long it waits."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _retry
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import Attempts
from helpers import Failure, K, table
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_700_000_000.0

RETRYABLE = Failure(K.SERVER_ERROR, "", retryable=True)
LIMITED = RETRYABLE._replace(retry_after=7.0)


@given(tries=st.integers(1, 10**6), fraction=st.floats(0, 1))
def test_backoff_doubles_up_to_a_maximum_and_half_of_it_is_random(tries: int, fraction: float) -> None:
    longest = min(0.5 * 2.0 ** min(tries - 1, 10), 30)
    delay = _retry.backoff_delay(tries, None, fraction)
    assert longest / 2 == _retry.backoff_delay(tries, None, 0.0) <= delay
    assert longest == _retry.backoff_delay(tries, None, 1.0) >= delay


@given(tries=st.integers(1, 10**6), asked=st.floats(0, 10**9), fraction=st.floats(0, 1))
def test_delay_is_never_shorter_than_the_service_asks(tries: int, asked: float, fraction: float) -> None:
    assert asked <= _retry.backoff_delay(tries, asked, fraction) <= asked + 0.5


DECISIONS: dict[str, tuple[Failure, int, int, float | None]] = {
    "first retry": (RETRYABLE, 1, 4, 0.5),
    "last retry": (RETRYABLE, 4, 4, 4.0),
    "no retry is left": (RETRYABLE, 5, 4, None),
    "no retries wanted": (RETRYABLE, 1, 0, None),
    "another try cannot succeed": (RETRYABLE._replace(retryable=False), 1, 4, None),
    "service asks to wait": (LIMITED, 1, 4, 7.5),
}


@table("failure, tries, retries, delay", DECISIONS)
def test_policy_decides_about_the_next_try(failure: Failure, tries: int, retries: int, delay: float | None) -> None:
    assert _retry.RetryPolicy(retries).next_delay(failure, Attempts(tries), 1.0) == delay


def test_all_waits_of_a_request_are_bounded() -> None:
    assert not _retry.is_too_long(5.0, Attempts(waited=120.0))
    assert _retry.is_too_long(5.1, Attempts(waited=120.0))


RETRY_AFTER: dict[str, tuple[str | None, float | None]] = {
    "seconds": ("7", 7.0),
    "blanks around": (" 7 ", 7.0),
    "zero": ("0", 0.0),
    "date": ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
    "date in the past": ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
    "date of RFC 850": ("Tuesday, 14-Nov-23 22:13:50 GMT", 30.0),
    # HTTP has it in GMT like the others, wherever the client is.
    "date of asctime": ("Tue Nov 14 22:13:50 2023", 30.0),
    "date with an offset": ("Tue, 14 Nov 2023 23:13:50 +0100", 30.0),
    "missing": (None, None),
    **{
        f"unusable: {value[:20]!a}": (value, None)
        for value in ("", "soon", "-5", "1.5", "1e3", "nan", "inf", "\u0667", "9" * 400)
    },
    "date out of range": ("Tue, 14 Nov 99999 22:13:50 GMT", None),
    "impossible date": ("Tue, 99 Nov 2023 99:99:99 GMT", None),
}


@pytest.fixture(params=["UTC", "Asia/Kolkata"])
def _time_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_time_zone")
@table("value, seconds", RETRY_AFTER)
def test_retry_after_is_read_in_seconds(value: str | None, seconds: float | None) -> None:
    assert _retry.parse_retry_after(value, NOW) == seconds


@given(value=st.text(), now=st.floats(0, 2**33))
def test_no_retry_after_is_negative_or_raises(value: str, now: float) -> None:
    assert (_retry.parse_retry_after(value, now) or 0) >= 0
