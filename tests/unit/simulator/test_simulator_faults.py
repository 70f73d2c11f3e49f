# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each kind of fault, when it applies, and what it leaves behind; hooks and the journal."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
import zlib
from typing import Any, Callable

import pytest
import requests
from simulator import Entry, Fault, Simulator

Send = Callable[..., requests.Response]


def exchange(sim: Simulator, timeout: float, request: str = "GET /mgmt/openapi/4/incidents/incidents/v1") -> bytes:
    """All bytes that a request receives until the connection closes or so many seconds have passed."""
    host, port = sim.url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout) as client:
        client.sendall(f"{request} HTTP/1.1\r\nAuthorization: k\r\nConnection: close\r\n\r\n".encode())
        end = time.monotonic() + timeout
        with contextlib.suppress(OSError):
            while time.monotonic() < end and (data := client.recv(1 << 16)):
                received += data
    return received


# The answer in place of the true one.
@pytest.mark.parametrize(
    ("body", "text", "kind"),
    [
        ("", "", "text/plain; charset=utf-8"),
        ("<html>Bad Gateway</html>", "<html>Bad Gateway</html>", "text/html"),
        (b"\xff", "\ufffd", "text/plain; charset=utf-8"),
        ({"error": {"message": "x"}}, '{"error":{"message":"x"}}', "application/json"),
        ("plain", "plain", "text/plain; charset=utf-8"),
        (None, "null", "application/json"),
    ],
)
def test_status_with_body(sim: Simulator, send: Send, body: Any, text: str, kind: str) -> None:
    sim.fault(Fault(status=502, body=body))
    response = send(sim, "read_many", "x")
    assert (response.status_code, response.text, response.headers["Content-Type"]) == (502, text, kind)


def test_status_without_body_is_an_error_of_the_service(sim: Simulator, send: Send) -> None:
    sim.fault(Fault("read_many", status=503, headers={"Retry-After": "7"}, times=1))
    response = send(sim, "read_many", "x")
    assert (response.status_code, response.headers["Retry-After"], response.json()["code"]) == (503, "7", 503)
    assert (sim.journal[-1].fault, sim.journal[-1].status, sim.journal[-1].effect) == ("status", 503, [])


@pytest.mark.parametrize("effect", [False, True])
@pytest.mark.parametrize("status", [101, 102, 103, 199, *range(300, 309)])
def test_statuses_that_leave_the_effect_open(sim: Simulator, send: Send, status: int, effect: bool) -> None:
    incident = sim.add_incident()
    sim.fault(Fault("unassign", status=status, effect=effect))
    response = send(sim, "unassign", incident)
    assert (response.status_code, sim.assignees(incident)) == (status, [] if effect else ["u1"])
    # The next exchange on this connection is not disturbed.
    assert send(sim, "read_many", incident).status_code == 200


def test_interim_status_has_neither_body_nor_final_response(sim: Simulator) -> None:
    sim.fault(Fault(status=100))
    assert re.fullmatch(rb"HTTP/1.1 100 Continue\r\n(\S+: .*\r\n)+\r\n", exchange(sim, 5))


def test_headers_of_a_fault_win(sim: Simulator, send: Send) -> None:
    sim.fault(Fault(replace="<html>", headers={"Content-Type": "application/json"}))
    response = send(sim, "read_many", "x")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("body", [[], {}, {"a": 1}, None, False])
def test_replaced_answer(sim: Simulator, send: Send, body: Any) -> None:
    incident = sim.add_incident()
    sim.fault(Fault("unassign", replace=body))
    assert send(sim, "unassign", incident).json() == body
    assert (sim.journal[-1].answer, sim.journal[-1].effect) == (body, [incident])


def test_replaced_by_a_function_of_the_true_answer(sim: Simulator, send: Send) -> None:
    first, second = sim.add_incidents(2, assigned=2)

    def without_first(answer: Any) -> Any:
        answer["incidents"][1]["name"] = "changed"
        del answer["incidents"][0]
        return answer

    sim.fault(Fault("unassign", replace=without_first))
    [left] = send(sim, "unassign", first, second).json()["incidents"]
    assert (left["id"], left["name"], left["assignments"]) == (second, "changed", [])
    assert sim.incident(second)["name"] != "changed"
    assert sim.journal[-1].effect == [first, second]


def test_redirect(sim: Simulator, send: Send) -> None:
    sim.fault(Fault(redirect="http://127.0.0.1:1/", times=1))
    sim.fault(Fault(redirect="/elsewhere", status=301))
    answers = [send(sim, "read_many", "x") for _n in range(2)]
    assert [(a.status_code, a.headers["Location"]) for a in answers] == [
        (307, "http://127.0.0.1:1/"),
        (301, "/elsewhere"),
    ]


# Answers that do not arrive, or not whole.
def raise_if_short(response: requests.Response) -> None:
    """As urllib3 does from version 2 on."""
    if len(response.content) < int(response.headers["Content-Length"]):
        raise requests.ConnectionError("IncompleteRead")


@pytest.mark.parametrize(
    ("fault", "error", "recorded"),
    [
        (Fault(reset=True), "reset by peer", (None, None)),
        (Fault(hang=0.01), "closed connection without response", (None, None)),
        (Fault(raw=b'{"secret": 1}\r\n\r\n'), "BadStatusLine", (None, None)),
        (Fault(raw=""), "closed connection without response", (None, None)),
        (Fault(truncate=True), "IncompleteRead", (200, None)),
        (Fault(truncate_chunked=True), "IncompleteRead|InvalidChunkLength|ended prematurely", (200, None)),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_broken_connection(sim: Simulator, send: Send, fault: Fault, error: str, recorded: Any) -> None:
    sim.add_incident("i")
    sim.fault(fault)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError), match=error):
        raise_if_short(send(sim, "list"))
    assert (sim.journal[-1].status, sim.journal[-1].answer) == recorded


def test_malformed_answer(sim: Simulator, send: Send) -> None:
    sim.fault(Fault(malformed=True))
    response = send(sim, "list")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        response.json()
    assert sim.journal[-1].answer is None


def test_delay(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident()
    sim.fault(Fault("unassign", delay=0.1, times=1))
    sim.fault(Fault("unassign", delay=0.1, status=500))
    for status in (200, 500):
        started = time.monotonic()
        assert send(sim, "unassign", incident).status_code == status
        assert time.monotonic() - started >= 0.1


@pytest.mark.parametrize(
    ("part", "at_once", "whole_later"),
    [
        ("status", b"", True),
        ("headers", b"HTTP/1.1 200 OK\r\n", True),
        ("body", b"\r\nContent-Length: 33\r\n\r\n", True),
        ("chunks", b"\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        ("trailers", b"\r\n0\r\n", True),
        ("interim", b"", False),
    ],
)
def test_drip(sim: Simulator, send: Send, part: str, at_once: bytes, whole_later: bool) -> None:
    sim.fault(Fault(drip=0.15, drip_part=part, interim_statuses=(102, 103, 100)))
    start = exchange(sim, 0.1)
    assert at_once in start
    assert b'"notFoundIds":[]}\r\n0\r\n\r\n' not in start
    assert b"\r\n\r\n{" not in start
    assert sim.journal[-1].status == 200
    sim.clear_faults()
    if whole_later:
        sim.fault(Fault(drip=0.0001, drip_part=part))
        assert send(sim, "read_many", "00000000-0000-4000-8000-000000000000").json()["incidents"] == {}
    else:
        sim.fault(Fault(drip=0.01, drip_part=part, interim_statuses=(102, 103, 100)))
        assert re.findall(rb"HTTP/1.1 (\d+)", exchange(sim, 0.2))[:4] == [b"102", b"103", b"100", b"102"]


def test_drip_of_the_answer_to_a_tunnel(sim: Simulator) -> None:
    sim.fault(Fault(drip=0.001, drip_part="status", status=407))
    assert exchange(sim, 5, "CONNECT host:443").startswith(b"HTTP/1.1 407 Proxy Auth")


@pytest.mark.parametrize("fault", [{"hang": 60}, {"drip": 60}, {"delay": 60}], ids=str)
def test_stopping_ends_waits(sim: Simulator, send: Send, fault: dict[str, float]) -> None:
    sim.fault(Fault(**fault))  # type: ignore[arg-type]
    with pytest.raises(requests.RequestException):
        send(sim, "list", timeout=0.2)
    started = time.monotonic()
    sim.stop()
    assert time.monotonic() - started < 2


# Answers too large, too deep, too many.
@pytest.mark.parametrize("size", [10_000, 3 << 20])
def test_padded_answer(sim: Simulator, send: Send, size: int) -> None:
    incident = sim.add_incident(events=1)
    sim.fault(Fault("unassign", pad_to=size))
    response = send(sim, "unassign", incident)
    assert len(response.content) == int(response.headers["Content-Length"]) == size
    assert response.json() == sim.journal[-1].answer == {"incidents": [sim.incident(incident)]}


@pytest.mark.parametrize("layers", [1, 2])
def test_compressed_answer(sim: Simulator, send: Send, layers: int) -> None:
    incident = sim.add_incident()
    sim.fault(Fault("unassign", inflate_to=20 << 20, gzip_layers=layers))
    response = send(sim, "unassign", incident, stream=True)
    assert response.headers["Content-Encoding"] == ", ".join(["gzip"] * layers)
    packed = content = response.raw.read(decode_content=False)
    for _layer in range(layers):
        content = zlib.decompress(content, wbits=31)
    assert (len(packed) < 60_000 / layers**4, len(content)) == (True, 20 << 20)
    assert json.loads(content) == {"incidents": [sim.incident(incident)]}


@pytest.mark.parametrize(
    ("operation", "first"),
    [
        ("unassign", lambda answer: answer["incidents"][0]),
        ("read_many", lambda answer: next(iter(answer["incidents"].values()))),
        ("read_one", lambda answer: answer["incident"]),
    ],
)
def test_nested_answer(sim: Simulator, send: Send, operation: str, first: Callable[[Any], Any]) -> None:
    incident = sim.add_incident()
    sim.fault(Fault(operation, nest=100))
    shown = first(send(sim, operation, incident).json())
    depth, inner = 1, shown.pop("nested")
    while inner:
        depth, [inner] = depth + 1, inner
    assert (depth, shown) == (100, sim.incident(incident))


def test_nested_beyond_every_parser(sim: Simulator, send: Send) -> None:
    sim.fault(Fault(nest=200_000))
    assert send(sim, "list").text.count("[") == 200_001
    assert sim.journal[-1].answer is None


def test_endless_pages(sim: Simulator, send: Send) -> None:
    sim.add_incidents(3)
    sim.fault(Fault("list", endless_pages=True))
    ids: list[str] = []
    pagination: dict[str, Any] = {"pageSize": 2}
    for _n in range(4):
        page = send(sim, "list", fields={"pagination": pagination}).json()
        assert (len(page["incidents"]), page["pagination"]["totalSize"]) == (2, 3)
        ids += [incident["id"] for incident in page["incidents"]]
        pagination["pageToken"] = page["pagination"]["nextPageToken"]
    assert len(set(ids)) == 8


# Effects.
@pytest.mark.parametrize("effect", [False, True])
@pytest.mark.parametrize(
    "kind",
    [{"status": 504}, {"reset": True}, {"truncate": True}, {"malformed": True}, {"hang": 0.01}, {"raw": b""}],
    ids=lambda kind: next(iter(kind)),
)
def test_effect(sim: Simulator, send: Send, kind: dict[str, Any], effect: bool) -> None:
    incident = sim.add_incident()
    sim.fault(Fault("unassign", effect=effect, **kind))
    with contextlib.suppress(requests.RequestException):
        send(sim, "unassign", incident).json()
    assert sim.assignees(incident) == ([] if effect else ["u1"])
    assert sim.journal[-1].effect == ([incident] if effect else [])
    assert sim.journal[-1].fault == next(iter(kind))


def test_success_without_effect(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident()
    sim.fault(Fault("unassign", replace=lambda answer: answer, effect=False))
    assert send(sim, "unassign", incident).json() == {"incidents": [sim.incident(incident)]}
    assert sim.assignees(incident) == ["u1"]


@pytest.mark.parametrize(
    ("operation", "kept", "status"), [("unassign", ["u2", "u3"], None), ("assign", ["u2", "u3", "u9"], 500)]
)
def test_only_some_assignees_are_removed(
    sim: Simulator, send: Send, operation: str, kept: list[str], status: int | None
) -> None:
    incident = sim.add_incident(assignees=("u1", "u2", "u3"))
    sim.fault(Fault(operation, partial_effect=1, status=status, effect=True))
    assert send(sim, operation, incident, user="u9").status_code == (status or 200)
    assert (sim.assignees(incident), sim.journal[-1].effect) == (kept, [incident])


def test_only_some_things_are_changed(sim: Simulator, send: Send) -> None:
    ids = sim.add_incidents(3, assigned=3)
    sim.fault(Fault("unassign", partial_ids=2))
    shown = send(sim, "unassign", *ids).json()["incidents"]
    assert [len(incident["assignments"]) for incident in shown] == [0, 0, 1]
    assert sim.journal[-1].effect == ids[:2]


# Which requests.
def test_when_id_skip_and_times(sim: Simulator, send: Send) -> None:
    first, second = sim.add_incidents(2)
    fault = Fault("read_many", status=500, when_id=second, skip=1, times=2)
    sim.fault(fault)
    asked = [(first,), (first, second), (second,), (first,), (second, first), (second,)]
    statuses = [send(sim, "read_many", *ids).status_code for ids in asked]
    assert (statuses, fault.hits) == ([200, 200, 500, 200, 500, 200], 2)
    assert send(sim, "read_one", second).status_code == 200


def test_faults_in_the_order_given(sim: Simulator, send: Send) -> None:
    for status in (500, 502):
        sim.fault(Fault(status=status, times=1))
    sim.fault(Fault(status=503))
    assert [send(sim, "list").status_code for _n in range(4)] == [500, 502, 503, 503]
    sim.clear_faults()
    assert send(sim, "list").status_code == 200


def test_any_request_is_one_without_a_route_too(sim: Simulator) -> None:
    sim.fault(Fault(status=418, times=1))
    assert requests.get(f"{sim.url}/nowhere", timeout=5).status_code == 418


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, "exactly one kind"),
        ({"status": 500, "reset": True}, "exactly one kind"),
        ({"times": 1}, "exactly one kind"),
        ({"drip": 1, "drip_part": "tail"}, "drip_part"),
    ],
)
def test_not_a_fault(given: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        Fault(**given)


# Hooks and journal.
def test_hooks(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident(assignees=())
    seen: list[Entry] = []

    def before(entry: Entry) -> None:
        seen.append(entry)
        sim.act("assign", incident, "u7")

    def after(entry: Entry) -> None:
        seen.append(entry)
        sim.act("assign", incident, "u8")

    sim.on_request, sim.after_request = before, after
    [answered] = send(sim, "unassign", incident).json()["incidents"]
    assert answered["assignments"] == []
    assert sim.assignees(incident) == ["u8"]
    assert [(entry.status, list(entry.effect)) for entry in seen] == [(None, []), (200, [incident])]


def test_error_in_a_hook_is_raised_at_the_end(send: Send) -> None:
    def fail(entry: Entry) -> None:
        raise AssertionError("not this request")

    sim = Simulator().start()
    sim.on_request = fail
    assert send(sim, "list").status_code == 500
    with pytest.raises(AssertionError, match="not this request"):
        sim.__exit__(None, None, None)


def test_journal(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident()
    send(sim, "read_many", incident)
    send(sim, "assign", incident, user="u2", headers={"Authorization": "k", "X-Mark": "m"})
    read, write = sim.journal
    assert (read.method, read.version, read.operation) == ("GET", "latest", "read_many")
    assert read.target == f"/mgmt/openapi/latest/incidents/incidents/v1?ids={incident}"
    assert (read.query, read.ids, read.body) == ([("ids", incident)], [incident], None)
    # It keeps what was answered then, not what is true now.
    assert len(read.answer["incidents"][incident]["assignments"]) == 1
    assert read.answer["incidents"][incident]["assignments"] != sim.incident(incident)["assignments"]
    assert (write.headers["authorization"], write.headers["x-mark"]) == ("k", "m")
    assert write.body == {"incidentIds": [incident], "assignedTo": {"userId": "u2"}}
    assert (write.status, write.fault, write.effect) == (200, None, [incident])
    assert read.time <= write.time <= time.time()
    assert sim.writes == [write]
    sim.clear_journal()
    assert sim.journal == []
