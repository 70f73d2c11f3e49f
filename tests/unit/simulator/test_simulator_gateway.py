# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes, keys, refusals, limits: what happens before an operation is carried out."""

from __future__ import annotations

import email.utils
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Callable

import pytest
import requests
from simulator import OPERATIONS, PERMISSIONS, ROUTES, VERSIONS, Simulator

Send = Callable[..., requests.Response]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
V1 = "/incidents/incidents/v1"
INCIDENT_OPERATIONS = ROUTES["3"]


def ask(sim: Simulator, method: str, path: str, **arguments: Any) -> requests.Response:
    arguments.setdefault("headers", {"Authorization": "k"})
    return requests.request(method, f"{sim.url}/mgmt/openapi{path}", timeout=5, **arguments)


# Routes.
@pytest.mark.parametrize("latest", VERSIONS)
@pytest.mark.parametrize("version", [*VERSIONS, "latest"])
def test_every_version_is_served_whatever_latest_is(send: Send, latest: str, version: str) -> None:
    with Simulator(latest=latest) as sim:
        sim.add_key("k")
        incident = sim.add_incident()
        for operation in ("read_many", "unassign"):
            assert send(sim, operation, incident, version=version).status_code == 200
        assert [(e.version, e.operation, list(e.effect)) for e in sim.journal] == [
            (version, "read_many", []),
            (version, "unassign", [incident]),
        ]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", f"/3{V1}/all/by-user?incident_ids={UNKNOWN}", 404),
        # Here a GET of an incident called "by-user" would be served.
        ("DELETE", f"/5{V1}/by-user?incident_ids={UNKNOWN}", 501),
        ("GET", f"/3{V1}?ids={UNKNOWN}", 501),
        # This asks for an incident called "batch", with a parameter that does not exist.
        ("GET", f"/4{V1}/batch?ids={UNKNOWN}", 400),
        ("GET", f"/5{V1}/batch?ids={UNKNOWN}", 400),
        ("GET", f"/6{V1}", 404),
        ("GET", "/latest", 404),
        ("GET", "/latest/other/v1", 404),
        ("GET", f"/5{V1}/x/y", 404),
        ("GET", "", 404),
    ],
)
def test_routes_that_do_not_exist(sim: Simulator, method: str, path: str, status: int) -> None:
    assert ask(sim, method, path).status_code == status
    assert len(sim.writes) == (method == "DELETE")


def test_a_gateway_may_ignore_parameters(send: Send) -> None:
    with Simulator(unknown_parameters="ignore") as sim:
        sim.add_key("k")
        incident = sim.add_incident()
        lost = ask(sim, "GET", f"/4{V1}/batch?ids={incident}")
        assert (lost.status_code, lost.json()["message"]) == (404, "Not Found: incident batch")
        assert send(sim, "unassign", params={"incident_ids": incident, "x.y": "1"}).status_code == 200
        assert sim.assignees(incident) == []


@pytest.mark.parametrize("latest", VERSIONS)
def test_without_a_route(send: Send, latest: str) -> None:
    with Simulator(latest=latest, without={"read_many", "read_one"}) as sim:
        sim.add_key("k")
        incident = sim.add_incident()
        for operation, status in (("read_many", 404), ("read_one", 404), ("unassign", 200)):
            assert send(sim, operation, incident).status_code == status


def test_versions_4_and_5_differ_by_what_they_require() -> None:
    assert {name: replace(route, required=()) for name, route in ROUTES["4"].items()} == {
        name: replace(ROUTES["5"][name], required=()) for name in ROUTES["4"]
    }


# The bodies of refusals.
INVALID_KEY = "Unauthorized: invalid API key"


@pytest.mark.parametrize(
    ("options", "method", "status", "body"),
    [
        ({"not_found": "json5"}, "GET", 404, '{"code":5,"message":"Not Found","details":[]}'),
        ({"not_found": "json404"}, "GET", 404, '{"code":404,"message":"Not Found: Not Found"}'),
        ({"not_found": "text"}, "GET", 404, "Not Found: Not Found"),
        ({"wrong_method": 501}, "PUT", 501, '{"code":12,"message":"Method Not Allowed","details":[]}'),
        ({"wrong_method": 405}, "PUT", 405, '{"code":405,"message":"Method Not Allowed"}'),
        ({"error_style": "json"}, "POST", 401, f'{{"code":401,"message":"{INVALID_KEY}"}}'),
        ({"error_style": "grpc"}, "POST", 401, f'{{"code":16,"message":"{INVALID_KEY}","details":[]}}'),
        ({"error_style": "text"}, "POST", 401, INVALID_KEY),
        ({"error_style": "html"}, "POST", 401, "<html>"),
        ({"error_style": "error"}, "POST", 401, f'{{"error":"{INVALID_KEY}"}}'),
        ({"error_style": "error_message"}, "POST", 401, f'{{"error":{{"message":"{INVALID_KEY}"}}}}'),
        ({"error_style": "detail"}, "POST", 401, f'{{"detail":"{INVALID_KEY}"}}'),
    ],
)
def test_bodies_of_refusals(options: dict[str, Any], method: str, status: int, body: str) -> None:
    with Simulator(**options) as sim:
        response = ask(sim, method, "/latest/nowhere" if status == 404 else f"/latest{V1}")
        assert (response.status_code, response.text[: len(body)]) == (status, body)
        assert sim.journal[-1].operation == ("list" if status == 401 else None)


# Keys.
@pytest.mark.parametrize(
    ("key", "status"),
    [
        *((key, 200) for key in ("Bearer k", "bearer k", "k")),
        *((key, 401) for key in (None, "Bearer wrong", "wrong", "Basic k", "Bearer")),
    ],
)
def test_keys(sim: Simulator, send: Send, key: str | None, status: int) -> None:
    incident = sim.add_incident()
    assert send(sim, "unassign", incident, key=key).status_code == status
    assert sim.assignees(incident) == ([] if status == 200 else ["u1"])


@pytest.mark.parametrize("operation", INCIDENT_OPERATIONS)
def test_permissions(sim: Simulator, send: Send, operation: str) -> None:
    row, incident = OPERATIONS[operation], sim.add_incident()
    permission = str(row.permission)
    sim.add_key("poor", permissions=set(PERMISSIONS) - {permission})
    sim.add_key("team", kind="team")
    sim.add_key("just", permissions={permission})
    expected = {"poor": permission, "team": "personal" if row.needs_personal_key else "", "just": ""}
    for key, reason in expected.items():
        response = send(sim, operation, incident, key=key, user="u")
        assert (response.status_code == 403, reason in response.text) == (bool(reason), True)


def test_user_of_a_key_does_not_show_the_key(sim: Simulator) -> None:
    assert "secret" not in sim.add_key("secret")


@pytest.mark.parametrize(
    ("method", "permissions", "status"),
    [
        ("GET", None, 401),
        ("DELETE", {"incidents:read"}, 403),
        ("DELETE", {"incidents:assign"}, 404),
        ("GET", {"incidents:assign"}, 403),
        ("GET", {"incidents:read"}, 404),
        ("POST", {"incidents:close"}, 404),
        ("POST", set(), 403),
        ("PATCH", set(), 404),
    ],
)
def test_key_before_route(method: str, permissions: Any, status: int) -> None:
    for auth_first in (True, False):
        with Simulator(auth_first=auth_first) as sim:
            if permissions is not None:
                sim.add_key("k", permissions=permissions)
            assert ask(sim, method, "/latest/nowhere").status_code == (status if auth_first else 404)


# Parameters.
def test_comma_joined_ids_are_one_unknown_id(sim: Simulator) -> None:
    both = ",".join(sim.add_incidents(2))
    assert ask(sim, "GET", f"/4{V1}?ids={both}").json() == {"incidents": {}, "notFoundIds": [both]}
    assert "is not a UUID" in ask(sim, "GET", f"/5{V1}?ids={both[:36]}&ids={both[:35]},").json()["message"]


@pytest.mark.parametrize("version", ["3", "4"])
def test_earlier_versions_do_not_restrict_ids(sim: Simulator, send: Send, version: str) -> None:
    odd = sim.add_incident("a b/c&d=é%")
    assert send(sim, "unassign", odd, version=version).json()["incidents"][0]["id"] == odd
    assert send(sim, "read_one", odd, version=version).json()["incident"]["id"] == odd


def test_bodies_take_both_spellings(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident()
    body = {"incident_ids": [incident], "assigned_to": {"user_id": "u2"}}
    assert send(sim, "assign", json=body).status_code == 200
    assert (sim.assignees(incident), sim.journal[-1].ids) == (["u2"], [incident])


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("unassign", {"params": {"incident_ids": UNKNOWN, "force": "1"}}),
        ("unassign", {"json": {"incidentIds": [UNKNOWN]}}),
        ("close", {"params": {"incident_ids": UNKNOWN}}),
        ("assign", {"version": "3"}),
    ],
)
def test_parameters_that_do_not_belong(sim: Simulator, send: Send, operation: str, arguments: Any) -> None:
    incident = sim.add_incident(UNKNOWN)
    assert send(sim, operation, incident, **arguments).status_code == 400
    assert sim.assignees(incident) == ["u1"]


@pytest.mark.parametrize(
    ("options", "error"),
    [({"without": {"nonsense"}}, "nonsense"), ({"latest": "6"}, "latest"), ({"kind": "other"}, "personal or team")],
)
def test_options_that_do_not_exist(options: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        Simulator().add_key("x", **options) if "kind" in options else Simulator(**options)


# Limits and connections.
def test_url_length(sim: Simulator) -> None:
    start = f"/latest{V1}/all/by-user?x="
    base = len(f"DELETE /mgmt/openapi{start} HTTP/1.1")
    for surplus, status in ((0, 400), (1, 414)):
        response = ask(sim, "DELETE", start + "y" * (8192 - base + surplus))
        assert response.status_code == status
    assert response.headers["Content-Type"] == "text/html"
    assert "414 Request-URI Too Large" in response.text
    assert ask(sim, "DELETE", start + "y" * 800_000).status_code == 414


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_rate_limit(send: Send, form: str) -> None:
    with Simulator(rate_limit=1, retry_after=form) as sim:
        sim.add_key("k")
        answers = [send(sim, "list") for _n in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        after = answers[-1].headers["Retry-After"]
        if form == "seconds":
            assert after == "1"
            time.sleep(1)
            assert send(sim, "list").status_code == 200
        else:
            assert 0 < email.utils.parsedate_to_datetime(after).timestamp() - time.time() <= 2


def test_latency_and_peak() -> None:
    with Simulator(latency=0.4) as sim, ThreadPoolExecutor(4) as pool:
        for _n in range(4):
            pool.submit(ask, sim, "GET", f"/4{V1}")
        pool.shutdown()
        # One after the other, they would never be four at once.
        assert (sim.peak, len(sim.journal)) == (4, 4)


def test_one_connection_serves_many_requests(sim: Simulator, send: Send) -> None:
    ports = set()
    for _n in range(3):
        response = send(sim, "read_many", UNKNOWN, stream=True)
        connection: Any = response.raw.connection
        ports.add(connection.sock.getsockname()[1])
        assert response.json()["notFoundIds"] == [UNKNOWN]
    assert len(ports) == 1


def test_as_a_proxy_of_itself(sim: Simulator) -> None:
    response = requests.get(
        f"http://api.example.invalid/mgmt/openapi/4{V1}",
        proxies={"http": sim.url},
        headers={"Authorization": "k"},
        timeout=5,
    )
    assert response.status_code == 200
    assert sim.journal[-1].target.startswith("http://api.example.invalid/")
