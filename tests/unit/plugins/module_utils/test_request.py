# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which requests the IDs and values of an operation become."""

from __future__ import annotations

import typing as t
from urllib.parse import parse_qsl, urlsplit

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import OPERATIONS
from ansible_collections.coralogix.incidents.plugins.module_utils._request import chunk_ids
from ansible_collections.coralogix.incidents.plugins.module_utils._resource import Request
from helpers import INCIDENT, build_request, refusal, table
from hypothesis import given, settings
from hypothesis import strategies as st

BASE = "https://api.eu2.coralogix.com/mgmt/openapi/latest"
V1 = f"{BASE}/incidents/incidents/v1"
UUID = "0b5f8a3e-6c1d-4f0e-9a57-{:012x}"
USER = {"assignedTo": {"userId": "u 1&2"}}
USER_IN_QUERY = "assigned_to.userId=u%201%262"
WITH_IDS = [name for name in OPERATIONS if name != "list"]


def build(name: str, route_set: str, ids: t.Sequence[str] = (), values: t.Any = None) -> Request:
    return build_request(BASE, INCIDENT, name, route_set, ids, values or {})


def values_of(name: str) -> dict[str, t.Any]:
    return USER if name == "assign" else {}


def chunks(name: str, ids: t.Iterable[str], version: str = "latest") -> list[list[str]]:
    return chunk_ids(BASE, INCIDENT, name, INCIDENT.route_sets[version], ids, values_of(name))


PAGE = {"pagination": {"pageSize": 5, "pageToken": "a=="}}
TIME = {"filter": {"createdAtRange": {"startTime": "2026-01-01T00:00:00+01:00"}}}
# Operation, route set, IDs and values; then method, URL and body.
REQUESTS: dict[str, tuple[tuple[t.Any, ...], tuple[t.Any, ...]]] = {
    "IDs in a query": (
        ("unassign", "v4", ["a", "b c"]),
        ("DELETE", f"{V1}/all/by-user?incident_ids=a&incident_ids=b%20c", None),
    ),
    "IDs and values in a body": (
        ("assign", "v4", ("a", "b c"), USER),
        ("POST", f"{V1}/all/by-user", {"incidentIds": ["a", "b c"], **USER}),
    ),
    "IDs and values in a query": (
        ("assign", "v3", ["a", "b"], USER),
        ("POST", f"{V1}/by-user?incident_ids=a&incident_ids=b&{USER_IN_QUERY}", None),
    ),
    "nothing in a body": (("list", "v4"), ("POST", V1, None)),
    "nothing in a query": (("list", "v3"), ("POST", V1, None)),
    **{
        f"list with {query or 'an empty list'}": (
            ("list", "v3", [], values),
            ("POST", f"{V1}{query and '?'}{query}", None),
        )
        for values, query in (
            (PAGE, "pagination.pageSize=5&pagination.pageToken=a%3D%3D"),
            ({"filter": {"assignee": ["u1", "u 2"]}}, "filter.assignee=u1&filter.assignee=u%202"),
            ({"filter": {"assignee": []}}, ""),
            ({"filter": {"isMuted": True}, "more": {"x": False}}, "filter.isMuted=true&more.x=false"),
            (TIME, "filter.createdAtRange.startTime=2026-01-01T00%3A00%3A00%2B01%3A00"),
        )
    },
    "list in a body": (("list", "v4", [], {**PAGE, **TIME}), ("POST", V1, {**PAGE, **TIME})),
}


@table("given, expected", REQUESTS)
def test_route_decides_where_ids_and_values_go(given: tuple[t.Any, ...], expected: tuple[t.Any, ...]) -> None:
    request = build(*given)
    assert (request.method, request.url, request.body) == expected


# Maps and lists of objects have no form in a query, and a URL has a limit. The option that asks for it is named.
TOO_MUCH_FOR_A_QUERY: dict[str, tuple[str, dict[str, t.Any], str, str]] = {
    "contextual_labels": ("list", {"filter": {"contextualLabels": {"a": {"x": ["b"]}}}}, "contextual_labels", "sent"),
    "display_labels": ("list", {"filter": {"displayLabels": {"a": {"x": ["b"]}}}}, "display_labels", "sent"),
    "meta_labels": ("list", {"filter": {"metaLabels": [{"key": "k", "value": "v"}]}}, "meta_labels", "sent"),
    "order_by": ("list", {"orderBys": [{"incidentField": "x"}], **PAGE}, "order_by", "sent"),
    "assignee": ("assign", {"assignedTo": {"userId": "x" * 9000}}, "assignee", "too long"),
    "longest of two filters": (
        "list",
        {"filter": {"applicationName": ["y"] * 50, "assignee": [f"user-{number}" for number in range(400)]}},
        "assignees",
        "too long",
    ),
}


@table("name, values, option, problem", TOO_MUCH_FOR_A_QUERY)
def test_what_a_query_cannot_carry_is_refused_by_its_option(
    name: str, values: dict[str, t.Any], option: str, problem: str
) -> None:
    message = refusal(build, name, "v3", values=values)
    assert message.startswith(f"{option} ")
    assert problem in message
    assert "set api_version to 5" in message
    assert build(name, "v4", values=values).body
    if name == "assign":
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
@settings(max_examples=15)
@given(ids=some_ids)
def test_chunks_lose_nothing_and_are_as_large_as_urls_allow(name: str, ids: list[str]) -> None:
    split = chunks(name, ids)
    assert [incident_id for chunk in split for incident_id in chunk] == ids
    assert all(split)
    values = values_of(name)
    for chunk in split:
        for route_set, route in OPERATIONS[name].routes.items():
            request = build(name, route_set, chunk, values)
            assert (len(request.url) < 8000, request.url.isascii()) == (True, True)
            pairs = [(route.ids, incident_id) for incident_id in chunk] + [*parse_qsl(USER_IN_QUERY)] * bool(values)
            query = parse_qsl(urlsplit(request.url).query, strict_parsing=not route.in_body)
            assert (query, request.body) == (([], {route.ids: chunk, **values}) if route.in_body else (pairs, None))
    for chunk, following in zip(split, split[1:]):
        longer = [build(name, route_set, [*chunk, following[0]]) for route_set in ("v3", "v4")]
        assert max(len(request.url) for request in longer) + len(f"&{USER_IN_QUERY}") * bool(values) >= 8000


# How many requests so many UUIDs become, and how many of them the first one holds.
UUIDS = [
    *((0, "read", "latest", 0, 0), (1, "read", "latest", 1, 1)),
    *((10_000, "read", "latest", 52, 193), (10_000, "unassign", "latest", 64, 158)),
    # A body has room for all of them, but the answer holds all of the incidents.
    *((10_000, "assign", "5", 10, 1000), (999, "close", "4", 1, 999)),
    # As long as the service may have the older routes, their URLs set the limit.
    *((10_000, "close", "latest", 64, 158), (10_000, "acknowledge", "3", 64, 158)),
]


@pytest.mark.parametrize(("count", "name", "version", "requests", "first"), UUIDS)
def test_uuids_fill_their_requests(count: int, name: str, version: str, requests: int, first: int) -> None:
    sizes = [len(chunk) for chunk in chunks(name, [UUID.format(number) for number in range(count)], version)]
    assert (len(sizes), sizes[:1], {*sizes[:-1]} <= {first}) == (requests, [first][:requests], True)


def test_limit_of_ids_and_ids_in_paths() -> None:
    read = OPERATIONS["read"]
    limited = INCIDENT._replace(operations={"read": read._replace(max_ids=3)})
    assert list(map(len, chunk_ids(BASE, limited, "read", ("v3", "v4"), map(str, range(7))))) == [3, 3, 1]
    routes = {"v5": read.routes["v4"]._replace(path="/cases/{id}/events", ids="")}
    cases = INCIDENT._replace(operations={"read": read._replace(routes=routes)})
    assert chunk_ids(BASE, cases, "read", ("v5",), ["a", "b"]) == [["a"], ["b"]]
    assert build_request(BASE, cases, "read", "v5", ["a/b c"]).url == f"{BASE}/cases/a%2Fb%20c/events"


@pytest.mark.parametrize("name", WITH_IDS)
def test_id_too_long_for_any_request_is_refused(name: str) -> None:
    longest = 7999 - max(len(build(name, route_set, [""], values_of(name)).url) for route_set in ("v3", "v4"))
    assert chunks(name, ["a", "x" * longest, "b"]) == [["a"], ["x" * longest], ["b"]]
    for too_long in ("x" * (longest + 1), "\u00fc" * (longest // 6 + 1)):
        message = refusal(chunks, name, ["a", too_long])
        assert message.startswith(f"incident_ids contains an ID of {len(too_long)} characters.")
    assert chunks("close", ["x" * 9000, "a"], "5") == [["x" * 9000, "a"]]


def test_ids_that_version_5_refuses_are_known() -> None:
    ids = [UUID.format(1), "CASE-123", UUID.format(2).upper(), ""]
    assert [build("unassign", route_set, ids).not_uuids for route_set in ("v4", "v3")] == [("CASE-123", ""), ()]
