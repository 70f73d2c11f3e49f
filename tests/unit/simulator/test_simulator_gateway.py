# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes, keys, refusals, limits: what happens before an operation is carried out."""

from __future__ import annotations

import email.utils
from dataclasses import replace
import threading
import time
from typing import Any, Callable

import pytest
import requests
from simulator import OPERATIONS, PERMISSIONS, ROUTES, VERSIONS, Simulator

Send = Callable[..., requests.Response]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
V1 = "/incidents/incidents/v1"


def ask(sim: Simulator, method: str, path: str, key: str = "k") -> requests.Response:
    headers = {"Authorization": key} if key else {}
    return requests.request(method, f"{sim.url}/mgmt/openapi{path}", headers=headers, timeout=5)


@pytest.mark.parametrize("latest", VERSIONS)
@pytest.mark.parametrize("version", [*VERSIONS, "latest"])
def test_every_version_is_served_whatever_latest_is(send: Send, latest: str, version: str) -> None:
    with Simulator(latest=latest) as sim:
        sim.add_key("k")
        incident = sim.add_incident()
        assert send(sim, "read_many", incident, version=version).status_code == 200
        assert send(sim, "unassign", incident, version=version).status_code == 200
        assert [(e.version, e.operation, list(e.effect)) for e in sim.journal] == [
            (version, "read_many", []),
            (version, "unassign", [incident]),
        ]


def test_the_old_and_the_new_address_exclude_each_other(sim: Simulator) -> None:
    incident = sim.add_incident()
    asked = f"incident_ids={incident}"
    assert ask(sim, "DELETE", f"/3{V1}/all/by-user?{asked}").status_code == 404
    # Here a GET of an incident called "by-user" would be served.
    assert ask(sim, "DELETE", f"/5{V1}/by-user?{asked}").status_code == 501
    assert ask(sim, "GET", f"/3{V1}?ids={incident}").status_code == 501
    # An incident called "batch" is asked for, with a parameter that is none.
    assert ask(sim, "GET", f"/4{V1}/batch?ids={incident}").status_code == 400
    assert ask(sim, "GET", f"/5{V1}/batch?ids={incident}").status_code == 400
    assert sim.assignees(incident) == ["u1"]
    assert len(sim.writes) == 2


def test_a_gateway_may_ignore_parameters(send: Send) -> None:
    with Simulator(unknown_parameters="ignore") as sim:
        sim.add_key("k")
        incident = sim.add_incident()
        lost = ask(sim, "GET", f"/4{V1}/batch?ids={incident}")
        assert (lost.status_code, lost.json()["message"]) == (404, "Not Found: incident batch")
        assert send(sim, "unassign", params={"incident_ids": incident, "x.y": "1"}).status_code == 200
        assert sim.assignees(incident) == []


@pytest.mark.parametrize("path", ["/6" + V1, "/latest", "/latest/other/v1", "/5" + V1 + "/x/y", ""])
def test_missing_routes(sim: Simulator, path: str) -> None:
    response = ask(sim, "GET", path)
    assert (response.status_code, sim.journal[-1].operation) == (404, None)


@pytest.mark.parametrize(
    ("style", "body"),
    [
        ("json5", '{"code":5,"message":"Not Found","details":[]}'),
        ("json404", '{"code":404,"message":"Not Found: Not Found"}'),
        ("text", "Not Found: Not Found"),
    ],
)
def test_styles_of_a_missing_route(style: str, body: str) -> None:
    with Simulator(not_found=style) as sim:
        assert ask(sim, "GET", "/9", key="").text == body


@pytest.mark.parametrize("status", [501, 405])
def test_styles_of_a_wrong_method(status: int) -> None:
    with Simulator(wrong_method=status) as sim:
        response = ask(sim, "PUT", f"/latest{V1}")
        assert response.status_code == status
        assert response.json()["message"] == "Method Not Allowed"


@pytest.mark.parametrize("latest", VERSIONS)
def test_without_a_route(send: Send, latest: str) -> None:
    with Simulator(latest=latest, without={"read_many", "read_one"}) as sim:
        sim.add_key("k")
        incident = sim.add_incident()
        assert send(sim, "read_many", incident).json() == {"code": 5, "message": "Not Found", "details": []}
        assert send(sim, "read_one", incident).json()["code"] == 5
        assert send(sim, "unassign", incident).status_code == 200
    with pytest.raises(ValueError, match="nonsense"):
        Simulator(without={"nonsense"})


@pytest.mark.parametrize("key", ["Bearer k", "bearer k", "k"])
def test_both_ways_to_send_a_key(sim: Simulator, send: Send, key: str) -> None:
    assert send(sim, "read_many", UNKNOWN, key=key).status_code == 200


@pytest.mark.parametrize("key", [None, "Bearer wrong", "wrong", "Basic k", "Bearer"])
def test_no_valid_key(sim: Simulator, send: Send, key: str | None) -> None:
    incident = sim.add_incident()
    assert send(sim, "unassign", incident, key=key).status_code == 401
    assert sim.assignees(incident) == ["u1"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_permissions(sim: Simulator, send: Send, operation: str) -> None:
    needed = OPERATIONS[operation].permission
    sim.add_key("poor", permissions=set(PERMISSIONS) - {needed})
    sim.add_key("just", permissions={needed})
    user = "u" if operation == "assign" else ""
    incident = sim.add_incident()
    refused = send(sim, operation, incident, key="poor", user=user)
    assert (refused.status_code, needed in refused.json()["message"]) == (403, True)
    assert send(sim, operation, incident, key="just", user=user).status_code == 200


@pytest.mark.parametrize("operation", OPERATIONS)
def test_team_keys(sim: Simulator, send: Send, operation: str) -> None:
    sim.add_key("team", kind="team")
    user = "u" if operation == "assign" else ""
    response = send(sim, operation, sim.add_incident(), key="team", user=user)
    if OPERATIONS[operation].personal_key:
        assert response.status_code == 403
        assert "personal" in response.json()["message"]
    else:
        assert response.status_code == 200


def test_a_keys_user_does_not_give_the_key_away(sim: Simulator) -> None:
    assert "secret" not in sim.add_key("secret")
    with pytest.raises(ValueError, match="personal or team"):
        sim.add_key("x", kind="other")


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
        ("PUT", set(), 404),
    ],
)
def test_key_before_route(method: str, permissions: Any, status: int) -> None:
    with Simulator(auth_first=True) as sim:
        if permissions is not None:
            sim.add_key("k", permissions=permissions)
        assert ask(sim, method, "/latest/nowhere").status_code == status
    with Simulator() as sim:
        assert ask(sim, method, "/latest/nowhere").status_code == 404


@pytest.mark.parametrize(
    ("style", "body"),
    [
        ("json", '{"code":401,"message":"Unauthorized: invalid API key"}'),
        ("grpc", '{"code":16,"message":"Unauthorized: invalid API key","details":[]}'),
        ("text", "Unauthorized: invalid API key"),
        ("html", "<html>"),
        ("error", '{"error":"Unauthorized: invalid API key"}'),
        ("error_message", '{"error":{"message":"Unauthorized: invalid API key"}}'),
        ("detail", '{"detail":"Unauthorized: invalid API key"}'),
    ],
)
def test_error_styles(send: Send, style: str, body: str) -> None:
    with Simulator(error_style=style) as sim:
        response = send(sim, "read_many", UNKNOWN)
        assert (response.status_code, response.text[: len(body)]) == (401, body)


def test_url_length(sim: Simulator, send: Send) -> None:
    def length(target: str) -> int:
        return len(f"DELETE {target} HTTP/1.1")

    incident = sim.add_incident()
    start = f"/mgmt/openapi/latest{V1}/all/by-user?incident_ids={incident}&x="
    for surplus, status in ((0, 400), (1, 414)):
        target = start + "y" * (8192 - length(start) + surplus)
        response = requests.delete(sim.url + target, headers={"Authorization": "k"}, timeout=5)
        assert response.status_code == status
    assert response.headers["Content-Type"] == "text/html"
    assert "414 Request-URI Too Large" in response.text
    assert send(sim, "unassign", *[UNKNOWN] * 20_000).status_code == 414
    assert sim.assignees(incident) == ["u1"]


def test_comma_joined_ids_are_one_unknown_id(sim: Simulator) -> None:
    both = ",".join(sim.add_incidents(2))
    assert ask(sim, "GET", f"/4{V1}?ids={both}").json() == {"incidents": {}, "notFoundIds": [both]}
    assert ask(sim, "GET", f"/5{V1}?ids={both}").status_code == 400


@pytest.mark.parametrize("version", ["3", "4"])
def test_earlier_versions_do_not_restrict_ids(sim: Simulator, send: Send, version: str) -> None:
    odd = sim.add_incident("a b/c&d=é%")
    assert send(sim, "unassign", odd, version=version).json()["incidents"][0]["id"] == odd
    assert ask(sim, "GET", f"/{version}{V1}/a%20b%2Fc%26d%3D%C3%A9%25").json()["incident"]["id"] == odd


def test_bodies_take_both_spellings(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident()
    body = {"incident_ids": [incident], "assigned_to": {"user_id": "u2"}}
    assert send(sim, "assign", json=body).status_code == 200
    assert sim.assignees(incident) == ["u2"]
    assert sim.journal[-1].ids == [incident]


def test_surplus_is_refused(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident()
    assert send(sim, "unassign", params={"incident_ids": incident, "force": "1"}).status_code == 400
    assert send(sim, "unassign", incident, json={"incidentIds": [incident]}).status_code == 400
    assert send(sim, "close", incident, params={"incident_ids": incident}).status_code == 400
    assert send(sim, "assign", incident, version="3").status_code == 400
    assert sim.assignees(incident) == ["u1"]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_rate_limit(send: Send, form: str) -> None:
    with Simulator(rate_limit=1, retry_after=form) as sim:
        sim.add_key("k")
        answers = [send(sim, "read_many", UNKNOWN) for _n in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        after = answers[-1].headers["Retry-After"]
        if form == "seconds":
            assert after == "1"
            time.sleep(1)
            assert send(sim, "read_many", UNKNOWN).status_code == 200
        else:
            assert 0 < email.utils.parsedate_to_datetime(after).timestamp() - time.time() <= 2


def test_latency_and_peak(send: Send) -> None:
    with Simulator(latency=0.4) as sim:
        sim.add_key("k")
        threads = [threading.Thread(target=ask, args=(sim, "GET", f"/4{V1}")) for _n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # One after the other, they would never be four at once.
        assert sim.peak == 4
        assert len(sim.journal) == 4


def test_one_connection_serves_many_requests(sim: Simulator) -> None:
    headers = {"Authorization": "k"}
    ports = set()
    with requests.Session() as session:
        for _n in range(3):
            response = session.get(f"{sim.url}/mgmt/openapi/4{V1}", headers=headers, stream=True, timeout=5)
            connection: Any = response.raw.connection
            ports.add(connection.sock.getsockname()[1])
            assert response.json()["notFoundIds"] == []
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


def test_the_routes_differ_only_by_dialect() -> None:
    assert {n: replace(r, required=()) for n, r in ROUTES["4"].items()} == {
        n: replace(r, required=()) for n, r in ROUTES["5"].items()
    }
    with pytest.raises(ValueError, match="latest"):
        Simulator(latest="6")
