# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes `simulator` importable, and a client that speaks to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from simulator import ROUTES, Simulator

Send = Callable[..., requests.Response]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Serves version 5 as `latest`; the key "k" may do everything."""
    with Simulator() as simulator:
        simulator.add_key("k", user_id="me")
        yield simulator


@pytest.fixture
def send() -> Iterator[Send]:
    """send(sim, operation, *ids, …) as the table of routes has it; keyword arguments as requests."""
    with requests.Session() as session:
        session.trust_env = False

        def sent(
            sim: Simulator,
            operation: str,
            *ids: str,
            key: str | None = "Bearer k",
            version: str = "latest",
            user: str = "",
            **arguments: Any,
        ) -> requests.Response:
            route = ROUTES[sim.latest if version == "latest" else version][operation]
            name = {"read_many": "ids", "list": ""}.get(operation, "")
            if operation not in ("read_many", "read_one", "list"):
                name = "incident_ids" if route.where == "query" else "incidentIds"
            if route.where == "query":
                pairs = [(name, i) for i in ids] if name else []
                pairs += [("assigned_to.user_id", user)] if user else []
                arguments.setdefault("params", pairs)
            if route.where == "body":
                body: dict[str, Any] = {name: list(ids)} if name else {}
                arguments.setdefault("json", {**body, **({"assignedTo": {"userId": user}} if user else {})})
            return session.request(
                route.method,
                f"{sim.url}/mgmt/openapi/{version}{route.path.format(id=''.join(ids[:1]))}",
                **{
                    "headers": {"Authorization": key} if key else {},
                    "timeout": 5,
                    "allow_redirects": False,
                    **arguments,
                },
            )

        yield sent
