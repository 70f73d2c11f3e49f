# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each kind of fault, when it strikes, and what it leaves behind; hooks and the journal."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Callable

import pytest
import requests
from simulator import Entry, Fault, Simulator

Send = Callable[..., requests.Response]


def test_status(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident()
    sim.fault(Fault("unassign", status=503, headers={"Retry-After": "7"}, times=1))
    response = send(sim, "unassign", incident)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "7")
    assert response.json()["code"] == 503
    assert sim.assignees(incident) == ["u1"]
    assert (sim.journal[-1].fault, sim.journal[-1].status, sim.journal[-1].effect) == ("status", 503, [])
    assert send(sim, "unassign", incident).status_code == 200


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
def test_status_with_a_body(sim: Simulator, send: Send, body: Any, text: str, kind: str) -> None:
    sim.fault(Fault(status=502, body=body))
    response = send(sim, "read_many")
    assert (response.status_code, response.text, response.headers["Content-Type"]) == (502, text, kind)


def test_headers_of_a_fault_win(sim: Simulator, send: Send) -> None:
    sim.fault(Fault(replace="<html>", headers={"Content-Type": "application/json"}))
    response = send(sim, "read_many")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("effect", [False, True])
@pytest.mark.parametrize(
    "kind", [{"status": 504}, {"reset": True}, {"truncate": True}, {"malformed": True}, {"hang": 0.01}]
)
def test_effect(sim: Simulator, send: Send, kind: dict[str, Any], effect: bool) -> None:
    incident = sim.add_incident()
    sim.fault(Fault("unassign", effect=effect, **kind))
    with contextlib.suppress(requests.RequestException):
        send(sim, "unassign", incident).json()
    assert sim.assignees(incident) == ([] if effect else ["u1"])
    assert sim.journal[-1].effect == ([incident] if effect else [])
    assert sim.journal[-1].fault == next(iter(kind))


def test_reset(sim: Simulator, send: Send) -> None:
    sim.fault(Fault(reset=True))
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        send(sim, "read_many")
    assert sim.journal[-1].status is None


def test_hang(sim: Simulator, send: Send) -> None:
    sim.fault(Fault(hang=60))
    with pytest.raises(requests.ReadTimeout):
        send(sim, "read_many", timeout=0.4)
    assert sim.journal[-1].status is None
    started = time.monotonic()
    sim.stop()
    # It does not wait for the end of the fault.
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("kind", ["truncate", "truncate_chunked"])
def test_truncated(sim: Simulator, send: Send, kind: str) -> None:
    sim.add_incident("i")
    faults: dict[str, Any] = {kind: True}
    sim.fault(Fault(**faults))
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        send(sim, "list")
    assert (sim.journal[-1].status, sim.journal[-1].answer) == (200, None)


def test_malformed(sim: Simulator, send: Send) -> None:
    sim.fault(Fault(malformed=True))
    response = send(sim, "list")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        response.json()
    assert sim.journal[-1].answer is None


@pytest.mark.parametrize(("body", "answer"), [([], []), ({"a": 1}, {"a": 1}), (None, None), (False, False)])
def test_replaced(sim: Simulator, send: Send, body: Any, answer: Any) -> None:
    sim.fault(Fault("read_many", replace=body))
    assert send(sim, "read_many").json() == answer
    assert sim.journal[-1].answer == answer


def test_replaced_by_a_function_of_the_true_answer(sim: Simulator, send: Send) -> None:
    first, second = sim.add_incidents(2, assigned=2)

    def without_first(answer: Any) -> Any:
        answer["incidents"][1]["name"] = "spoilt"
        del answer["incidents"][0]
        return answer

    sim.fault(Fault("unassign", replace=without_first))
    [left] = send(sim, "unassign", first, second).json()["incidents"]
    assert (left["id"], left["name"], left["assignments"]) == (second, "spoilt", [])
    assert sim.incident(second)["name"] != "spoilt"
    assert sim.journal[-1].effect == [first, second]


def test_the_server_that_says_200_and_does_nothing(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident()
    sim.fault(Fault("unassign", replace=lambda answer: answer, effect=False))
    assert send(sim, "unassign", incident).json() == {"incidents": [sim.incident(incident)]}
    assert sim.assignees(incident) == ["u1"]


def test_redirect(sim: Simulator, send: Send) -> None:
    sim.fault(Fault(redirect="http://127.0.0.1:1/", times=1))
    sim.fault(Fault(redirect="/elsewhere", status=301))
    answers = [send(sim, "read_many") for _n in range(2)]
    assert [(a.status_code, a.headers["Location"]) for a in answers] == [
        (307, "http://127.0.0.1:1/"),
        (301, "/elsewhere"),
    ]


def test_delay(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident()
    sim.fault(Fault("unassign", delay=0.1, times=1))
    sim.fault(Fault("unassign", delay=0.1, status=500))
    for status in (200, 500):
        started = time.monotonic()
        assert send(sim, "unassign", incident).status_code == status
        assert time.monotonic() - started >= 0.1


def test_which_requests_and_how_often(sim: Simulator, send: Send) -> None:
    first, second = sim.add_incidents(2)
    sim.fault(Fault("read_many", status=500, when_id=second, skip=1, times=2))
    asked = [(first,), (first, second), (second,), (first,), (second, first), (second,)]
    statuses = [send(sim, "read_many", *ids).status_code for ids in asked]
    assert statuses == [200, 200, 500, 200, 500, 200]
    assert send(sim, "read_one", second).status_code == 200


def test_faults_in_the_order_given(sim: Simulator, send: Send) -> None:
    for status in (500, 502):
        sim.fault(Fault(status=status, times=1))
    sim.fault(Fault(status=503))
    assert [send(sim, "read_many").status_code for _n in range(4)] == [500, 502, 503, 503]
    sim.clear_faults()
    assert send(sim, "list").status_code == 200


def test_any_request_is_one_without_a_route_too(sim: Simulator) -> None:
    sim.fault(Fault(status=418, times=1))
    assert requests.get(f"{sim.url}/nowhere", timeout=5).status_code == 418


@pytest.mark.parametrize("kinds", [{}, {"status": 500, "reset": True}, {"times": 1}])
def test_a_fault_has_one_kind(kinds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exactly one kind"):
        Fault(**kinds)


def test_hooks(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident(assignees=())
    seen: list[Entry] = []

    def meanwhile(entry: Entry) -> None:
        seen.append(entry)
        sim.act("assign", incident, "u7")

    def afterwards(entry: Entry) -> None:
        seen.append(entry)
        sim.act("assign", incident, "u8")

    sim.on_request, sim.after_request = meanwhile, afterwards
    [answered] = send(sim, "unassign", incident).json()["incidents"]
    assert answered["assignments"] == []
    assert sim.assignees(incident) == ["u8"]
    assert [(entry.status, list(entry.effect)) for entry in seen] == [(None, []), (200, [incident])]


def test_a_hook_that_fails_is_not_passed_over(send: Send) -> None:
    def fail(entry: Entry) -> None:
        raise AssertionError("not this request")

    sim = Simulator().start()
    sim.on_request = fail
    assert send(sim, "read_many").status_code == 500
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
    assert read.answer == {"incidents": {incident: read.answer["incidents"][incident]}, "notFoundIds": []}
    assert (write.headers["authorization"], write.headers["x-mark"]) == ("k", "m")
    assert write.body == {"incidentIds": [incident], "assignedTo": {"userId": "u2"}}
    assert (write.status, write.fault, write.effect) == (200, None, [incident])
    assert read.time <= write.time <= time.time()
    assert sim.writes == [write]
    sim.clear_journal()
    assert sim.journal == []
