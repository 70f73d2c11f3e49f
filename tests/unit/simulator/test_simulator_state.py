# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the operations do to incidents."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import pytest
import requests
from simulator import OPERATIONS, VERSIONS, Simulator, load_incidents
from simulator import OPTIONAL_FIELDS as OPTIONAL

Send = Callable[..., requests.Response]
NOW = 1_700_000_000.25
WRITES = [name for name, made in OPERATIONS.items() if made.write]


@pytest.fixture
def frozen() -> Any:
    with Simulator(clock=lambda: NOW) as sim:
        sim.add_key("k", user_id="me")
        yield sim


def written(send: Send, sim: Simulator, operation: str, *ids: str) -> Any:
    user = "u9" if operation == "assign" else ""
    return send(sim, operation, *ids, user=user).json()["incidents"]


def test_unassign_removes_every_assignment_and_says_who_did(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident(assignees=("u1", "u2"), events=3)
    [answered] = written(send, sim, "unassign", incident)
    assert answered == sim.incident(incident)
    assert answered["assignments"] == sim.assignees(incident) == []
    assert len(answered["events"]) == 4
    event = answered["events"][-1]
    assert event.pop("id")
    assert event == {
        "incidentEventType": "INCIDENT_EVENT_TYPE_UNASSIGN",
        "originatorType": "ORIGINATOR_TYPE_ADMINISTRATIVE",
        "administrativeEvent": {"userId": "me"},
        "unassign": {},
    }


def test_assign_replaces(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident(assignees=("u1", "u2"))
    [answered] = written(send, sim, "assign", incident)
    made = {"assignedTo": {"userId": "u9"}, "assignedBy": {"userId": "me"}}
    assert answered["assignments"] == [made]
    assert answered["events"][-1]["assignment"] == {"assignment": made}


def test_acknowledge(frozen: Simulator, send: Send) -> None:
    incident = frozen.add_incident()
    [answered] = written(send, frozen, "acknowledge", incident)
    assert answered["status"] == "INCIDENT_STATUS_ACKNOWLEDGED"
    assert answered["state"] == "INCIDENT_STATE_TRIGGERED"
    assert answered["lastStateUpdateTime"] == "2023-11-14T22:13:20.250Z"
    assert answered["events"][-1]["acknowledge"] == {"acknowledgedBy": {"userId": "me"}}


def test_resolve_then_close(frozen: Simulator, send: Send) -> None:
    incident = frozen.add_incident()
    [resolved] = written(send, frozen, "resolve", incident)
    assert resolved["status"] == "INCIDENT_STATUS_RESOLVED"
    assert resolved["state"] == "INCIDENT_STATE_RESOLVED"
    assert "closedAt" not in resolved
    assert resolved["events"][-1]["upsertState"]["stateType"].endswith("RESOLVED")
    [closed] = written(send, frozen, "close", incident)
    assert closed["closedAt"] == "2023-11-14T22:13:20.250Z"
    assert closed["events"][-1]["close"] == {"closedBy": {"userId": "me"}}


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_second_time_changes_nothing(sim: Simulator, send: Send, operation: str, version: str) -> None:
    incident = sim.add_incident()
    user = "u9" if operation == "assign" else ""
    send(sim, operation, incident, version=version, user=user)
    once = sim.incident(incident)
    response = send(sim, operation, incident, incident, version=version, user=user)
    assert response.json() == {"incidents": [once]}
    assert sim.incident(incident) == once
    assert [entry.effect for entry in sim.journal] == [[incident], []]


def test_answers_keep_the_order_asked(sim: Simulator, send: Send) -> None:
    ids = sim.add_incidents(5, assigned=3)[::-1]
    assert [i["id"] for i in written(send, sim, "unassign", *ids)] == ids
    assert sorted(sim.journal[-1].effect) == sorted(ids[2:])


def test_unknown_ids(sim: Simulator, send: Send) -> None:
    known, unknown = sim.add_incident(), "00000000-0000-4000-8000-000000000000"
    assert send(sim, "read_many", unknown, known).json() == {
        "incidents": {known: sim.incident(known)},
        "notFoundIds": [unknown],
    }
    assert send(sim, "read_one", known).json() == {"incident": sim.incident(known)}
    lost = send(sim, "read_one", unknown)
    assert (lost.status_code, lost.json()) == (
        404,
        {"code": 404, "message": f"Not Found: incident {unknown}"},
    )
    assert [i["id"] for i in written(send, sim, "unassign", unknown, known)] == [known]


def test_unknown_ids_may_refuse_a_write(send: Send) -> None:
    with Simulator(unknown_ids="404") as sim:
        sim.add_key("k")
        known, unknown = sim.add_incident(), "00000000-0000-4000-8000-000000000000"
        response = send(sim, "unassign", known, unknown)
        assert response.status_code == 404
        assert unknown in response.json()["message"]
        assert sim.assignees(known) == ["u1"]
        assert sim.journal[-1].effect == []


def test_somebody_else(sim: Simulator) -> None:
    incident = sim.add_incident(assignees=())
    sim.act("assign", incident, "u5")
    assert sim.assignees(incident) == ["u5"]
    sim.act("unassign", incident)
    assert sim.assignees(incident) == []
    assert [e["incidentEventType"][20:] for e in sim.incident(incident)["events"]][-2:] == [
        "ASSIGN",
        "UNASSIGN",
    ]
    sim.remove_incident(incident)
    with pytest.raises(KeyError):
        sim.incident(incident)


def test_copies_are_the_callers_own(sim: Simulator) -> None:
    incident = sim.add_incident()
    sim.incident(incident)["assignments"].clear()
    assert sim.assignees(incident) == ["u1"]


def test_the_journal_keeps_what_was_answered_then(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident()
    send(sim, "read_many", incident)
    sim.act("unassign", incident)
    assert len(sim.journal[0].answer["incidents"][incident]["assignments"]) == 1


def test_same_seed_same_incidents() -> None:
    def made(seed: int) -> list[Any]:
        sim = Simulator(seed=seed, clock=lambda: NOW)
        return [sim.incident(i) for i in sim.add_incidents(5, assigned=2, events=7)]

    assert made(1) == made(1) != made(2)
    assert all(len(incident["events"]) == 7 for incident in made(1))


def test_fields_of_a_made_incident() -> None:
    sim = Simulator()
    event = {"id": "e"}
    made = sim.add_incident("x", assignees=(), events=[event], name="N", contextualLabels={"a.b": ""})
    incident = sim.incident(made)
    assert (incident["id"], incident["name"], incident["events"]) == ("x", "N", [event])
    assert incident["contextualLabels"] == {"a.b": ""}
    with pytest.raises(TypeError, match="colour"):
        sim.add_incident(colour="red")


def test_load_incidents() -> None:
    sim = Simulator()
    made = sim.incident(sim.add_incident("whole"))
    forms: list[Any] = [
        [{"id": "a"}, {"id": "b", "assignees": ["u"]}],
        [{"id": "c", "assignments": [{"assignedTo": {"userId": "u"}}]}],
        {"incidents": [made]},
        {"incidents": {"whole": made}},
    ]
    assert [load_incidents(sim, form) for form in forms] == [["a", "b"], ["c"], ["whole"], ["whole"]]
    assert sim.incident("whole") == made
    assert [sim.assignees(one) for one in "abc"] == [[], ["u"], ["u"]]


def test_incident_without_what_it_need_not_have() -> None:
    sim = Simulator()
    assert not OPTIONAL & set(sim.incident(sim.add_incident(without=OPTIONAL)))
    with pytest.raises(TypeError, match="status"):
        sim.add_incident(without=["name", "status"])


def test_ten_thousand_incidents(send: Send) -> None:
    with Simulator(max_url=1 << 20) as sim:
        sim.add_key("k")
        ids = sim.add_incidents(10_000, assigned=5_000, events=0)
        assert len(send(sim, "unassign", *ids).json()["incidents"]) == 10_000
        assert len(sim.journal[-1].effect) == 5_000


def test_many_clients_at_once(sim: Simulator, send: Send) -> None:
    ids = sim.add_incidents(40, assigned=40)
    # Each incident is unassigned by two requests; one of them finds nothing left to do.
    chunks = [ids[start : start + 10] for start in (0, 5, 10, 15, 20, 25, 30)] + [ids[:5], ids[35:]]
    with ThreadPoolExecutor(len(chunks)) as pool:
        answers = list(pool.map(lambda chunk: send(sim, "unassign", *chunk), chunks))
    assert all(answer.status_code == 200 for answer in answers)
    assert sorted(i for entry in sim.journal for i in entry.effect) == sorted(ids)
    assert all(len(sim.incident(i)["events"]) == 4 for i in ids)
