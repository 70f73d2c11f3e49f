# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which requests the IDs and values of an operation become."""

from __future__ import annotations

import json
import typing as t
from urllib.parse import parse_qsl, urlsplit

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT, OPERATIONS
from ansible_collections.coralogix.incidents.plugins.module_utils._request import build_request, chunk_ids
from ansible_collections.coralogix.incidents.plugins.module_utils._resource import Request
from helpers import refusal, table
from hypothesis import given, settings
from hypothesis import strategies as st

BASE = "https://api.eu2.coralogix.com/mgmt/openapi/latest"
V1 = f"{BASE}/incidents/incidents/v1"
UUID = "0b5f8a3e-6c1d-4f0e-9a57-{:012x}"
USER = {"assignedTo": {"userId": "u 1&2"}}
WITH_IDS = [name for name in OPERATIONS if name != "list"]


def build(name: str, route_set: str, ids: t.Sequence[str] = (), values: t.Mapping[str, t.Any] = {}) -> Request:
    return build_request(BASE, INCIDENT, name, route_set, ids, values)


def values_of(name: str) -> dict[str, t.Any]:
    return USER if name == "assign" else {}


def chunks(name: str, ids: t.Iterable[str], version: str = "latest") -> list[list[str]]:
    return chunk_ids(BASE, INCIDENT, name, INCIDENT.route_sets[version], ids, values_of(name))


REQUESTS: dict[str, tuple[Request, str, str, t.Any]] = {
    "IDs in a query": (
        build("unassign", "v4", ["a", "b c"]),
        *("DELETE", f"{V1}/all/by-user?incident_ids=a&incident_ids=b%20c", None),
    ),
    "IDs and values in a body": (
        build("assign", "v4", ("a", "b c"), USER),
        *("POST", f"{V1}/all/by-user", {"incidentIds": ["a", "b c"], **USER}),
    ),
    "IDs and values in a query": (
        build("assign", "v3", ["a", "b"], USER),
        *("POST", f"{V1}/by-user?incident_ids=a&incident_ids=b&assigned_to.userId=u%201%262", None),
    ),
    "nothing in a body": (build("list", "v4"), "POST", V1, None),
    "nothing in a query": (build("list", "v3"), "POST", V1, None),
}


@table("request_, method, url, body", REQUESTS)
def test_route_says_where_everything_goes(request_: Request, method: str, url: str, body: t.Any) -> None:
    assert request_[:2] == (method, url)
    assert request_.body == body
    assert json.loads(json.dumps(request_.body)) == body


# What a list is asked for, and the query of a gateway that reads it.
QUERIES: dict[str, tuple[dict[str, t.Any], str]] = {
    "page": ({"pagination": {"pageSize": 5, "pageToken": "a=="}}, "pagination.pageSize=5&pagination.pageToken=a%3D%3D"),
    "list": ({"filter": {"assignee": ["u1", "u 2"]}}, "filter.assignee=u1&filter.assignee=u%202"),
    "empty list": ({"filter": {"assignee": []}}, ""),
    "booleans": ({"filter": {"isMuted": True}, "more": {"x": False}}, "filter.isMuted=true&more.x=false"),
    "object in an object": (
        {"filter": {"createdAtRange": {"startTime": "2026-01-01T00:00:00+01:00"}}},
        "filter.createdAtRange.startTime=2026-01-01T00%3A00%3A00%2B01%3A00",
    ),
}


@table("values, query", QUERIES)
def test_values_travel_in_a_body_or_in_a_query(values: dict[str, t.Any], query: str) -> None:
    assert build("list", "v4", values=values)[:2] == ("POST", V1)
    assert build("list", "v4", values=values).body == values
    assert build("list", "v3", values=values).url == f"{V1}{query and '?'}{query}"


# Maps and lists of objects have no form in a query. The option that asks for them is named.
NOT_IN_QUERY: dict[str, tuple[str, dict[str, t.Any]]] = {
    "contextual_labels": (
        "contextual_labels",
        {"filter": {"contextualLabels": {"host": {"contextualLabelValues": ["h1"]}}}},
    ),
    "display_labels": ("display_labels", {"filter": {"displayLabels": {"Team": {"displayLabelValues": ["x"]}}}}),
    "meta_labels": ("meta_labels", {"filter": {"metaLabels": [{"key": "k", "value": "v"}]}}),
    "order_by": ("order_by", {"orderBys": [{"incidentField": "INCIDENTS_FIELDS_ID"}]}),
}


@table("option, values", NOT_IN_QUERY)
def test_what_no_query_can_carry_is_refused_by_its_option(option: str, values: dict[str, t.Any]) -> None:
    message = refusal(build, "list", "v3", values={**values, "pagination": {"pageSize": 1}})
    assert message.startswith(f"{option} cannot be sent in API version 3.")
    assert "set api_version to 5" in message


TOO_LONG: dict[str, tuple[str, dict[str, t.Any], str]] = {
    "assignee": ("assign", {"assignedTo": {"userId": "x" * 9000}}, "assignee"),
    "one of two filters": (
        "list",
        {"filter": {"applicationName": ["y"] * 50, "assignee": [f"user-{number}" for number in range(400)]}},
        "assignees",
    ),
    "subsystems": ("list", {"filter": {"subsystemName": ["z" * 300] * 40}}, "subsystems"),
}


@table("name, values, option", TOO_LONG)
def test_values_too_long_for_a_url_are_refused_by_their_option(
    name: str, values: dict[str, t.Any], option: str
) -> None:
    assert refusal(build, name, "v3", values=values).startswith(f"{option} is too long for the URL of a request")
    assert build(name, "v4", values=values).body
    if name in WITH_IDS:
        assert option in refusal(chunk_ids, BASE, INCIDENT, name, ("v3",), ["a"], values)


# Anything that an ID may consist of, and more: short and long, in any alphabet.
some_ids = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20),
        st.integers(1, 3000).map("x".__mul__),
        st.integers(1, 800).map("\u00fc".__mul__),
        st.sampled_from(["a b", "a&ids=b", "a=b", "a+b", "100%", "../..", "#", "?", "a/b", "a;b"]),
    ),
    max_size=40,
)


@pytest.mark.parametrize("name", WITH_IDS)
@settings(max_examples=40)
@given(ids=some_ids)
def test_chunks_lose_nothing_and_are_as_large_as_urls_allow(name: str, ids: list[str]) -> None:
    split = chunks(name, ids)
    assert [incident_id for chunk in split for incident_id in chunk] == ids
    assert all(split)
    values = [("assigned_to.userId", "u 1&2")] if name == "assign" else []
    for chunk in split:
        for route_set, route in OPERATIONS[name].routes.items():
            request = build(name, route_set, chunk, values_of(name))
            assert len(request.url) < 8000
            assert request.url.isascii()
            pairs = [] if route.in_body else [*((route.ids, incident_id) for incident_id in chunk), *values]
            assert parse_qsl(urlsplit(request.url).query, strict_parsing=bool(pairs)) == pairs
            assert (request.body or {route.ids: chunk})[route.ids] == chunk
    for chunk, following in zip(split, split[1:]):
        longer = [build(name, route_set, [*chunk, following[0]]) for route_set in ("v3", "v4")]
        assert max(len(request.url) for request in longer) + len("&assigned_to.userId=u%201%262") * bool(values) >= 8000


# How many requests so many UUIDs become, and how many of them the first one holds.
UUIDS = [
    (0, "read", "latest", 0, 0),
    (1, "read", "latest", 1, 1),
    (10_000, "read", "latest", 52, 193),
    (10_000, "unassign", "latest", 64, 158),
    # A body has room for all of them, but the answer holds all of the incidents.
    (10_000, "assign", "5", 10, 1000),
    (999, "close", "4", 1, 999),
    # As long as the service may have the older routes, their URLs set the limit.
    (10_000, "close", "latest", 64, 158),
    (10_000, "acknowledge", "3", 64, 158),
]


@pytest.mark.parametrize(("count", "name", "version", "requests", "first"), UUIDS)
def test_uuids_fill_their_requests(count: int, name: str, version: str, requests: int, first: int) -> None:
    split = chunks(name, [UUID.format(number) for number in range(count)], version)
    assert len(split) == requests
    assert {len(chunk) for chunk in split[:-1]} <= {first}
    assert [len(chunk) for chunk in split[:1]] == [first][:requests]


def test_limit_of_ids_holds_whatever_their_length() -> None:
    operations = {**OPERATIONS, "read": OPERATIONS["read"]._replace(max_ids=3)}
    incidents = INCIDENT._replace(operations=operations)
    split = chunk_ids(BASE, incidents, "read", ("v3", "v4"), map(str, range(7)))
    assert [len(chunk) for chunk in split] == [3, 3, 1]


def test_route_with_the_id_in_its_path_takes_one_id() -> None:
    routes = {"v5": OPERATIONS["read"].routes["v4"]._replace(path="/cases/{id}/events", ids="")}
    operations = {"read": OPERATIONS["read"]._replace(routes=routes)}
    cases = INCIDENT._replace(operations=operations)
    assert chunk_ids(BASE, cases, "read", ("v5",), ["a", "b"]) == [["a"], ["b"]]
    assert build_request(BASE, cases, "read", "v5", ["a/b c"]).url == f"{BASE}/cases/a%2Fb%20c/events"


@pytest.mark.parametrize("name", WITH_IDS)
def test_id_too_long_for_any_request_is_refused(name: str) -> None:
    urls = [build(name, route_set, [""], values_of(name)).url for route_set in ("v3", "v4")]
    longest = 7999 - max(map(len, urls))
    assert chunks(name, ["a", "x" * longest, "b"]) == [["a"], ["x" * longest], ["b"]]
    for too_long in ("x" * (longest + 1), "\u00fc" * (longest // 6 + 1)):
        message = refusal(chunks, name, ["a", too_long])
        assert message.startswith(f"incident_ids contains an ID of {len(too_long)} characters.")


def test_body_takes_ids_of_any_length() -> None:
    assert chunks("close", ["x" * 9000, "a"], "5") == [["x" * 9000, "a"]]


def test_ids_that_version_5_refuses_are_known() -> None:
    ids = [UUID.format(1), "CASE-123", UUID.format(2).upper(), ""]
    assert build("unassign", "v4", ids).not_uuids == ("CASE-123", "")
    assert build("unassign", "v3", ids).not_uuids == ()
