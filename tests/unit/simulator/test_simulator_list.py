# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list: filters, orders, pages, and how a request writes them."""

from __future__ import annotations

from typing import Any, Callable

import pytest
import requests
from simulator import Simulator

Send = Callable[..., requests.Response]
APPLICATION = "coralogix.metadata.applicationName"
SUBSYSTEM = "coralogix.metadata.subsystemName"


@pytest.fixture
def three_incidents(sim: Simulator) -> Simulator:
    sim.add_incident(
        "a",
        ("u1", "u2"),
        name="Disk full",
        severity="INCIDENT_SEVERITY_CRITICAL",
        contextualLabels={APPLICATION: "shop", SUBSYSTEM: "api", "host": "h1"},
        displayLabels={"Team": "x"},
        metaLabels=[{"key": "k", "value": "1"}, {"key": "k", "value": "2"}],
        createdAt="2026-01-01T00:00:00Z",
        duration="90s",
        isMuted=True,
    )
    sim.add_incident(
        "b",
        (),
        name="Slow",
        severity="INCIDENT_SEVERITY_INFO",
        state="INCIDENT_STATE_RESOLVED",
        status="INCIDENT_STATUS_RESOLVED",
        contextualLabels={APPLICATION: "shop", SUBSYSTEM: "db"},
        displayLabels={},
        metaLabels=[{"key": "k", "value": "2"}],
        createdAt="2026-01-02T00:00:00.123456789Z",
        closedAt="2026-01-03T00:00:00.000Z",
        duration="1000s",
    )
    sim.add_incident(
        "c",
        ("u2",),
        name="Silent",
        severity="INCIDENT_SEVERITY_WARNING",
        status="INCIDENT_STATUS_ACKNOWLEDGED",
        contextualLabels={"host": "h2"},
        displayLabels={},
        metaLabels=[],
        createdAt="2026-01-04T00:00:00Z",
        duration="200s",
    )
    return sim


def found(response: requests.Response) -> str:
    assert response.status_code == 200, response.text
    return "".join(incident["id"] for incident in response.json()["incidents"])


def times(start: str, end: str) -> dict[str, str]:
    return {"startTime": f"2026-01-{start}T00:00:00Z", "endTime": f"2026-01-{end}T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, "cba"),
        ({"assignee": ["u1"]}, "a"),
        ({"assignee": ["u1", "u2"]}, "ca"),
        ({"assignee": []}, "cba"),
        ({"status": ["INCIDENT_STATUS_TRIGGERED", "INCIDENT_STATUS_RESOLVED"]}, "ba"),
        ({"state": ["INCIDENT_STATE_TRIGGERED"]}, "ca"),
        ({"severity": ["INCIDENT_SEVERITY_INFO"], "state": ["INCIDENT_STATE_TRIGGERED"]}, ""),
        ({"applicationName": ["shop"]}, "ba"),
        ({"application_name": ["shop"], "subsystem_name": ["db", "cache"]}, "b"),
        ({"contextualLabels": {"host": {"contextualLabelValues": ["h1", "h3"]}}}, "a"),
        ({"displayLabels": {"Team": {"displayLabelValues": ["x"]}}}, "a"),
        ({"metaLabels": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]}, "ba"),
        (
            {
                "metaLabels": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}],
                "metaLabelsOp": "FILTER_OPERATOR_AND",
            },
            "a",
        ),
        ({"isMuted": True}, "a"),
        ({"isMuted": False}, "cb"),
        ({"createdAtRange": times("02", "03")}, "b"),
        ({"incidentDurationRange": times("03", "03")}, "ba"),
        ({"incidentDurationRange": times("04", "05")}, "ca"),
        ({"startTime": times("02", "02")["startTime"]}, "cb"),
        ({"endTime": times("02", "02")["endTime"]}, "a"),
        ({"searchQuery": {"query": "SL", "incidentField": "INCIDENTS_FIELDS_NAME"}}, "b"),
        ({"searchQuery": {"query": "h", "contextualLabel": "host"}}, "ca"),
        ({"assignee": None}, "cba"),
    ],
)
def test_filters(three_incidents: Simulator, send: Send, query: dict[str, Any], ids: str) -> None:
    assert found(send(three_incidents, "list", json={"filter": query})) == ids


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("ID", "abc"),
        ("SEVERITY", "bca"),
        ("NAME", "acb"),
        ("CREATED_TIME", "abc"),
        ("CLOSED_TIME", "cab"),
        ("STATE", "bca"),
        ("DURATION", "acb"),
        ("APPLICATION_NAME", "cba"),
    ],
)
def test_orders(three_incidents: Simulator, send: Send, name: str, ids: str) -> None:
    order = {"incidentField": f"INCIDENTS_FIELDS_{name}", "direction": "ORDER_BY_DIRECTION_ASC"}
    assert found(send(three_incidents, "list", json={"orderBys": [order]})) == ids
    backwards = {**order, "direction": "ORDER_BY_DIRECTION_DESC"}
    if name in ("ID", "NAME", "DURATION"):
        assert found(send(three_incidents, "list", json={"orderBys": [backwards]})) == ids[::-1]


def test_second_order_decides_among_equals(three_incidents: Simulator, send: Send) -> None:
    orders = [
        {"contextualLabel": APPLICATION, "direction": "ORDER_BY_DIRECTION_DESC"},
        {"incidentField": "INCIDENTS_FIELDS_ID", "direction": "ORDER_BY_DIRECTION_ASC"},
    ]
    assert found(send(three_incidents, "list", json={"orderBys": orders})) == "abc"


def test_pages(sim: Simulator, send: Send) -> None:
    ids = sim.add_incidents(5)
    seen: list[str] = []
    sizes = []
    pagination: dict[str, Any] = {"pageSize": 2}
    while True:
        page = send(sim, "list", json={"pagination": pagination}).json()
        assert page["pagination"]["totalSize"] == 5
        seen += [incident["id"] for incident in page["incidents"]]
        sizes.append(len(page["incidents"]))
        if "nextPageToken" not in page["pagination"]:
            break
        pagination["pageToken"] = page["pagination"]["nextPageToken"]
    assert sizes == [2, 2, 1]
    assert sorted(seen) == sorted(ids)


def test_a_token_serves_its_own_query_only(sim: Simulator, send: Send) -> None:
    sim.add_incidents(3)
    page = send(sim, "list", json={"pagination": {"page_size": "1"}}).json()
    pagination = {"pageSize": 1, "pageToken": page["pagination"]["nextPageToken"]}
    other = {"pagination": pagination, "filter": {"isMuted": False}}
    assert send(sim, "list", json=other).status_code == 400
    pagination["pageToken"] = "nonsense"
    assert send(sim, "list", json={"pagination": pagination}).status_code == 400


def test_default_page_size(sim: Simulator, send: Send) -> None:
    sim.add_incidents(101)
    assert len(send(sim, "list", data=b"", json=None).json()["incidents"]) == 100


def test_version_3_writes_objects_with_dots(three_incidents: Simulator, send: Send) -> None:
    params = [
        ("filter.assignee", "u2"),
        ("filter.is_muted", "false"),
        ("filter.search_query.incident_field", "INCIDENTS_FIELDS_NAME"),
        ("filter.searchQuery.query", "sil"),
        ("pagination.pageSize", "1"),
    ]
    assert found(send(three_incidents, "list", version="3", params=params)) == "c"


@pytest.mark.parametrize(
    "params",
    [
        [("filter", "{}")],
        [("filter.bogus", "1")],
        [("order_bys.direction", "ORDER_BY_DIRECTION_ASC")],
        [("filter.contextual_labels[host]", "h1")],
        [("pagination.page_size", "many")],
        [("pagination.page_size", "1"), ("pagination.pageSize", "2")],
        [("pagination.page_size", "0")],
        [("pagination.page_token", "x")],
    ],
)
def test_version_3_refuses_other_parameters(sim: Simulator, send: Send, params: Any) -> None:
    assert send(sim, "list", version="3", params=params).status_code == 400


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"filter": []}', b'{"filter": {"status": "x"}}'])
def test_bodies_of_another_shape(sim: Simulator, send: Send, body: bytes) -> None:
    assert send(sim, "list", json=None, data=body).status_code == 400
