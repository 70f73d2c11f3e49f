# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Incidents: what the operations do to them, which state a read sees, and how tests add them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import pytest
import requests
from simulator import OPTIONAL_FIELDS, VERSIONS, NotFound, Simulator, load_incidents

Send = Callable[..., requests.Response]
NOW = 1_700_000_000.25
SHOWN_NOW = "2023-11-14T22:13:20.250Z"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
NEW_ASSIGNMENT = {"assignedTo": {"userId": "u9"}, "assignedBy": {"userId": "me"}}
RESOLVED = {"state": "INCIDENT_STATE_RESOLVED", "status": "INCIDENT_STATUS_RESOLVED", "lastStateUpdateTime": SHOWN_NOW}

# Operation -> the fields that it changes, besides events; the type and the content of the event that it adds.
EFFECTS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "assign": ({"assignments": [NEW_ASSIGNMENT]}, "ASSIGN", {"assignment": {"assignment": NEW_ASSIGNMENT}}),
    "unassign": ({"assignments": []}, "UNASSIGN", {"unassign": {}}),
    "acknowledge": (
        {"status": "INCIDENT_STATUS_ACKNOWLEDGED", "lastStateUpdateTime": SHOWN_NOW},
        "ACKNOWLEDGE",
        {"acknowledge": {"acknowledgedBy": {"userId": "me"}}},
    ),
    "resolve": (
        RESOLVED,
        "UPSERT_STATE",
        {
            "upsertState": {
                "stateType": "UPSERT_INCIDENT_STATE_TYPE_RESOLVED",
                "payload": {"cxEventKey": "key"},
                "isMuted": False,
            }
        },
    ),
    "close": ({**RESOLVED, "closedAt": SHOWN_NOW}, "CLOSE", {"close": {"closedBy": {"userId": "me"}}}),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("operation", EFFECTS)
def test_effect(send: Send, operation: str, version: str) -> None:
    fields, kind, payload = EFFECTS[operation]
    with Simulator(clock=lambda: NOW) as sim:
        sim.add_key("k", user_id="me")
        incident = sim.add_incident(assignees=("u1", "u2"), lastStateUpdateKey="key", duration="")
        before = sim.incident(incident)
        [answered] = send(sim, operation, incident, version=version, user="u9").json()["incidents"]
        assert answered == sim.incident(incident)
        *history, event = answered["events"]
        assert history == before["events"]
        assert event.pop("id")
        assert event == {
            "incidentEventType": f"INCIDENT_EVENT_TYPE_{kind}",
            "originatorType": "ORIGINATOR_TYPE_ADMINISTRATIVE",
            "administrativeEvent": {"userId": "me"},
            **payload,
        }
        changed = {name for name in answered if answered[name] != before.get(name)} - {"events"}
        assert changed - {"duration"} == set(fields)
        assert {name: answered[name] for name in fields} == fields
        assert ("duration" in changed) == (fields.get("state") is not None)
        # A second time, even twice in one request, it changes nothing.
        again = send(sim, operation, incident, incident, version=version, user="u9")
        assert again.json() == {"incidents": [sim.incident(incident)]}
        assert [entry.effect for entry in sim.journal] == [[incident], []]


def test_close_after_resolve(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident()
    [resolved] = send(sim, "resolve", incident).json()["incidents"]
    assert "closedAt" not in resolved
    assert send(sim, "acknowledge", incident).json() == {"incidents": [resolved]}
    assert send(sim, "close", incident).json()["incidents"][0]["closedAt"]


def test_answers_keep_the_order_of_the_request(sim: Simulator, send: Send) -> None:
    ids = sim.add_incidents(5, assigned=3)[::-1]
    assert [i["id"] for i in send(sim, "unassign", *ids).json()["incidents"]] == ids
    assert sorted(sim.journal[-1].effect) == sorted(ids[2:])


def test_unknown_ids(sim: Simulator, send: Send) -> None:
    known = sim.add_incident()
    assert send(sim, "read_many", UNKNOWN, known).json() == {
        "incidents": {known: sim.incident(known)},
        "notFoundIds": [UNKNOWN],
    }
    assert send(sim, "read_one", known).json() == {"incident": sim.incident(known)}
    lost = send(sim, "read_one", UNKNOWN)
    assert (lost.status_code, lost.json()) == (404, {"code": 404, "message": f"Not Found: incident {UNKNOWN}"})
    assert [i["id"] for i in send(sim, "unassign", UNKNOWN, known).json()["incidents"]] == [known]


def test_unknown_ids_may_refuse_a_write(send: Send) -> None:
    with Simulator(unknown_ids="404") as sim:
        sim.add_key("k")
        known = sim.add_incident()
        response = send(sim, "unassign", known, UNKNOWN)
        assert (response.status_code, UNKNOWN in response.json()["message"]) == (404, True)
        assert (sim.assignees(known), sim.journal[-1].effect) == (["u1"], [])


@pytest.mark.parametrize("lower", [False, True])
def test_user_ids_in_lower_case(send: Send, lower: bool) -> None:
    with Simulator(lower_case_user_ids=lower) as sim:
        sim.add_key("k")
        incident = sim.add_incident(assignees=("ABC",))
        assert sim.assignees(incident) == ["abc" if lower else "ABC"]
        for _n in range(2):
            send(sim, "assign", incident, user="DEF")
        assert sim.assignees(incident) == ["def" if lower else "DEF"]
        assert [entry.effect for entry in sim.journal] == [[incident], []]


# Reads that are behind writes.
def shown(sim: Simulator, send: Send, incident: str) -> list[int]:
    """How many assignees the incident has by each kind of read; the last by the list of what u1 has, if it is there."""
    listed = [send(sim, "list", fields={"filter": wanted}).json()["incidents"] for wanted in ({}, {"assignee": ["u1"]})]
    reads = [
        send(sim, "read_many", incident).json()["incidents"].values(),
        [send(sim, "read_one", incident).json()["incident"]],
        *listed,
    ]
    return [len(shown["assignments"]) for found in reads for shown in found]


def test_read_lag(sim: Simulator, send: Send) -> None:
    incident = sim.add_incident()
    sim.read_lag = 0.5
    assert send(sim, "unassign", incident).json()["incidents"][0]["assignments"] == []
    time.sleep(0.3)
    sim.act("assign", incident, "u2")
    # The first state, then the one between the writes, then the last.
    assert shown(sim, send, incident) == [1, 1, 1, 1]
    time.sleep(0.3)
    assert shown(sim, send, incident) == [0, 0, 0]
    time.sleep(0.3)
    assert send(sim, "read_one", incident).json() == {"incident": sim.incident(incident)}
    assert sim.assignees(incident) == ["u2"]


def test_stale_reads(sim: Simulator, send: Send) -> None:
    incident, other = sim.add_incidents(2, assigned=2)
    sim.stale_reads = 2
    send(sim, "unassign", incident, other)

    def reads(count: int) -> list[int]:
        read = [send(sim, "read_many", incident).json()["incidents"][incident] for _n in range(count)]
        return [len(incident["assignments"]) for incident in read]

    assert reads(3) == [1, 1, 0]
    # A list is a read of each; the other incident has been read once by it.
    assert [len(i["assignments"]) for i in send(sim, "list").json()["incidents"]].count(1) == 1
    assert [len(send(sim, "read_one", other).json()["incident"]["assignments"]) for _n in range(2)] == [1, 0]
    # What others do counts too, and each write anew.
    sim.act("assign", incident, "u1")
    assert reads(1) == [0]
    sim.act("unassign", incident)
    assert reads(3) == [0, 1, 0]


def test_lag_from_the_start(send: Send) -> None:
    with Simulator(read_lag=60) as sim:
        sim.add_key("k")
        incident = sim.add_incident()
        # What is added or removed shows at once.
        send(sim, "unassign", incident)
        assert len(send(sim, "read_one", incident).json()["incident"]["assignments"]) == 1
        sim.remove_incident(incident)
        assert send(sim, "read_one", incident).status_code == 404
        sim.add_incident(incident, assignees=())
        assert send(sim, "read_one", incident).json()["incident"]["assignments"] == []


# What tests add and do.
def test_act(sim: Simulator) -> None:
    incident = sim.add_incident(assignees=())
    sim.act("assign", incident, "u5")
    assert sim.assignees(incident) == ["u5"]
    sim.act("unassign", incident, by="u6")
    assert sim.assignees(incident) == []
    event = sim.incident(incident)["events"][-1]
    assert (event["incidentEventType"][20:], event["administrativeEvent"]) == ("UNASSIGN", {"userId": "u6"})
    sim.remove_incident(incident)
    with pytest.raises(KeyError):
        sim.incident(incident)
    with pytest.raises(NotFound):
        sim.act("unassign", incident)
    with pytest.raises(ValueError, match="changes nothing"):
        sim.act("list", incident)


def test_copies_belong_to_the_caller(sim: Simulator) -> None:
    incident = sim.add_incident()
    sim.incident(incident)["assignments"].clear()
    assert sim.assignees(incident) == ["u1"]


def test_same_seed_same_incidents() -> None:
    def incidents(seed: int) -> list[Any]:
        sim = Simulator(seed=seed, clock=lambda: NOW)
        return [sim.incident(i) for i in sim.add_incidents(5, assigned=2, events=7)]

    assert incidents(1) == incidents(1) != incidents(2)
    assert all(len(incident["events"]) == 7 for incident in incidents(1))


def test_fields_of_an_incident(sim: Simulator, send: Send) -> None:
    nested: Any = []
    for _level in range(300):
        nested = [nested]
    fields: dict[str, Any] = {
        "id": "x",
        "name": "\ud83d",
        "assignments": [],
        "events": [{"id": "e"}],
        "contextualLabels": {"a.b": "", "__ansible_type": "x", "nested": nested},
    }
    assert sim.add_incident(**fields) == "x"
    shown = send(sim, "read_one", "x", version="4").json()["incident"]
    assert {name: shown[name] for name in fields} == fields
    with pytest.raises(TypeError, match="colour"):
        sim.add_incident(colour="red")


def test_incident_without_optional_fields() -> None:
    sim = Simulator()
    assert not OPTIONAL_FIELDS & set(sim.incident(sim.add_incident(without=OPTIONAL_FIELDS)))
    with pytest.raises(TypeError, match="status"):
        sim.add_incident(without=["name", "status"])


def test_load_incidents() -> None:
    sim = Simulator()
    whole = sim.incident(sim.add_incident("whole"))
    forms: list[Any] = [
        [{"id": "a"}, {"id": "b", "assignees": ["u"]}],
        [{"id": "c", "assignments": [{"assignedTo": {"userId": "u"}}]}],
        {"incidents": [whole]},
        {"incidents": {"whole": whole}},
    ]
    assert [load_incidents(sim, form) for form in forms] == [["a", "b"], ["c"], ["whole"], ["whole"]]
    assert sim.incident("whole") == whole
    assert [sim.assignees(incident_id) for incident_id in "abc"] == [[], ["u"], ["u"]]


# Many at once.
def test_two_thousand_incidents(send: Send) -> None:
    with Simulator(max_url=1 << 20) as sim:
        sim.add_key("k")
        ids = sim.add_incidents(2_000, assigned=1_000, events=0)
        assert len(send(sim, "unassign", *ids).json()["incidents"]) == 2_000
        assert len(sim.journal[-1].effect) == 1_000


def test_many_clients_at_once(sim: Simulator, send: Send) -> None:
    ids = sim.add_incidents(40, assigned=40)
    # Each incident is in two requests; one of them finds nothing left to do.
    chunks = [ids[start : start + 10] for start in (0, 5, 10, 15, 20, 25, 30)] + [ids[:5], ids[35:]]
    with ThreadPoolExecutor(len(chunks)) as pool:
        answers = list(pool.map(lambda chunk: send(sim, "unassign", *chunk), chunks))
    assert all(answer.status_code == 200 for answer in answers)
    assert sorted(i for entry in sim.journal for i in entry.effect) == sorted(ids)
    assert all(len(sim.incident(i)["events"]) == 4 for i in ids)
