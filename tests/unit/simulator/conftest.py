# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulator, and what sends requests to it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from simulator import Simulator
from simulator.client import send as send_request

Send = Callable[..., requests.Response]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Serves version 5 as `latest`; the key "k" may do everything."""
    with Simulator() as simulator:
        simulator.add_key("k", user_id="me")
        yield simulator


@pytest.fixture
def send() -> Iterator[Send]:
    """simulator.client.send over one connection."""
    with requests.Session() as session:
        session.trust_env = False
        yield functools.partial(send_request, session=session)
