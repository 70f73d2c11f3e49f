# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random values for sample data, the same ones again for the same seed, and the API's form of times."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TypeVar

T = TypeVar("T")


def timestamp(seconds: float) -> str:
    """The API's form of a time, with milliseconds."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


class Samples:
    """Draws from one source of random numbers; safe for use by several threads."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def uuid(self) -> str:
        with self._lock:
            return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def choice(self, values: Sequence[T]) -> T:
        with self._lock:
            return self._random.choice(values)

    def number(self, start: int, stop: int) -> int:
        with self._lock:
            return self._random.randrange(start, stop)
