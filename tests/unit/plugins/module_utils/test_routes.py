# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which requests the IDs, and all else that is to be said, become."""

from __future__ import annotations

import json
import typing as t
from urllib.parse import parse_qsl, urlsplit

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _routes
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import SettingsError
from hypothesis import given, settings
from hypothesis import strategies as st

BASE = "https://api.eu2.coralogix.com/mgmt/openapi/latest"
UUID = "0b5f8a3e-6c1d-4f0e-9a57-{:012x}"
V1 = "/incidents/incidents/v1"

# The vendor's routes, as its contract has them: method, path, the parameter for the IDs, whether there is a body.
PUBLISHED_3 = {
    "read": ("GET", f"{V1}/batch", "ids", False),
    "list": ("POST", V1, "", False),
    "assign": ("POST", f"{V1}/by-user", "incident_ids", False),
    "unassign": ("DELETE", f"{V1}/by-user", "incident_ids", False),
    "acknowledge": ("POST", f"{V1}/acknowledge", "incident_ids", False),
    "resolve": ("POST", f"{V1}/resolve", "incident_ids", False),
    "close": ("POST", f"{V1}/close", "incident_ids", False),
}
PUBLISHED_4 = {
    "read": ("GET", V1, "ids", False),
    "list": ("POST", V1, "", True),
    "assign": ("POST", f"{V1}/all/by-user", "incidentIds", True),
    "unassign": ("DELETE", f"{V1}/all/by-user", "incident_ids", False),
    "acknowledge": ("POST", f"{V1}/all/acknowledge", "incidentIds", True),
    "resolve": ("POST", f"{V1}/all/resolve", "incidentIds", True),
    "close": ("POST", f"{V1}/all/closed", "incidentIds", True),
}
# Permission, and whether the key has to be a personal one.
NEEDS = {
    "read": ("incidents:read", False),
    "list": ("incidents:read", False),
    "assign": ("incidents:assign", True),
    "unassign": ("incidents:assign", True),
    "acknowledge": ("incidents:acknowledge", True),
    "resolve": ("incidents:close", True),
    "close": ("incidents:close", True),
}
WITH_IDS = sorted(name for name, route in PUBLISHED_4.items() if route[2])
# What a request may say besides the IDs, and its form in a query.
USER = {"assignedTo": {"userId": "u 1&2"}}
VALUES = {"assign": (USER, [("assigned_to.userId", "u 1&2")])}

# Anything that an ID may consist of (see checked_ids), short and long, in any alphabet.
ids_of_any_kind = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20),
        st.integers(1, 3000).map("x".__mul__),
        st.integers(1, 800).map("ü".__mul__),
        st.sampled_from(["a b", "a&ids=b", "a=b", "a+b", "100%", "../..", "#", "?", "a/b", "a;b"]),
    ),
    max_size=40,
)


def requests_for(name: str, ids: t.Sequence[str]) -> dict[str, _routes.Request]:
    """The request for these IDs, by every route that the operation has."""
    values = VALUES.get(name, ({}, []))[0]
    return {one: _routes.request(BASE, name, one, ids, values) for one in _routes.OPERATIONS[name].routes}


def split(name: str, ids: t.Iterable[str], version: str = "latest") -> list[list[str]]:
    return _routes.split(name, _routes.GENERATIONS[version], BASE, ids, VALUES.get(name, ({}, []))[0])


def test_routes_are_the_published_ones() -> None:
    for version, published in (("3", PUBLISHED_3), ("4", PUBLISHED_4), ("5", PUBLISHED_4)):
        (generation,) = _routes.GENERATIONS[version]
        made = {name: tuple(operation.routes[generation]) for name, operation in _routes.OPERATIONS.items()}
        assert made == published


def test_latest_can_be_any_version() -> None:
    pinned = {generation for version in "345" for generation in _routes.GENERATIONS[version]}
    assert set(_routes.GENERATIONS["latest"]) == pinned
    assert all(len(_routes.GENERATIONS[version]) == 1 for version in "345")


def test_needs_are_the_published_ones() -> None:
    needs = {name: (operation.permission, operation.personal_key) for name, operation in _routes.OPERATIONS.items()}
    assert needs == NEEDS


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_request_tells_what_messages_need(name: str) -> None:
    for generation, made in requests_for(name, ["a"]).items():
        assert made.method == _routes.OPERATIONS[name].routes[generation].method
        assert made.operation is _routes.OPERATIONS[name]
        assert made.operation.action == f"{name} incidents"


def test_url_repeats_the_parameter() -> None:
    made = _routes.request(BASE, "unassign", "v4", ["a", "b c"])
    assert (made.method, made.url) == ("DELETE", f"{BASE}{V1}/all/by-user?incident_ids=a&incident_ids=b%20c")
    assert made.body is None


def test_body_holds_the_ids_and_all_else() -> None:
    made = _routes.request(BASE, "assign", "v4", ("a", "b c"), USER)
    assert (made.method, made.url) == ("POST", f"{BASE}{V1}/all/by-user")
    assert made.body == {"incidentIds": ["a", "b c"], **USER}
    assert json.loads(json.dumps(made.body)) == made.body


def test_query_holds_the_ids_and_all_else() -> None:
    made = _routes.request(BASE, "assign", "v3", ["a", "b"], USER)
    query = "incident_ids=a&incident_ids=b&assigned_to.userId=u%201%262"
    assert (made.url, made.body) == (f"{BASE}{V1}/by-user?{query}", None)


# What the list is asked, and the query that the gateway of version 3 reads it from.
LISTS: dict[str, tuple[dict[str, t.Any], str]] = {
    "nothing": ({}, ""),
    "page": ({"pagination": {"pageSize": 5, "pageToken": "a=="}}, "pagination.pageSize=5&pagination.pageToken=a%3D%3D"),
    "list": ({"filter": {"assignee": ["u1", "u 2"]}}, "filter.assignee=u1&filter.assignee=u%202"),
    "empty list": ({"filter": {"assignee": []}}, ""),
    "truth values": ({"filter": {"isMuted": True}, "more": {"x": False}}, "filter.isMuted=true&more.x=false"),
    "objects in objects": (
        {"filter": {"createdAtRange": {"startTime": "2026-01-01T00:00:00+01:00", "endTime": "x"}}},
        "filter.createdAtRange.startTime=2026-01-01T00%3A00%3A00%2B01%3A00&filter.createdAtRange.endTime=x",
    ),
}


@pytest.mark.parametrize(("values", "query"), LISTS.values(), ids=LISTS)
def test_list_in_a_body_and_in_a_query(values: dict[str, t.Any], query: str) -> None:
    assert _routes.request(BASE, "list", "v4", values=values)[:2] == ("POST", f"{BASE}{V1}")
    assert _routes.request(BASE, "list", "v4", values=values).body == values
    in_query = _routes.request(BASE, "list", "v3", values=values)
    assert (in_query.url, in_query.body) == (f"{BASE}{V1}{query and '?'}{query}", None)


# Maps and lists of objects have no form in a query; by the option that asks for them.
UNSAYABLE: dict[str, dict[str, t.Any]] = {
    "contextual_labels": {"filter": {"contextualLabels": {"host": {"contextualLabelValues": ["h1"]}}}},
    "display_labels": {"filter": {"displayLabels": {"Team": {"displayLabelValues": ["x"]}}}},
    "meta_labels": {"filter": {"metaLabels": [{"key": "k", "value": "v"}]}},
    "order_by": {"orderBys": [{"incidentField": "INCIDENTS_FIELDS_ID", "direction": "ORDER_BY_DIRECTION_ASC"}]},
}


@pytest.mark.parametrize("option", UNSAYABLE)
def test_what_no_query_can_carry_is_refused(option: str) -> None:
    values = {**UNSAYABLE[option], "pagination": {"pageSize": 1}}
    assert _routes.request(BASE, "list", "v4", values=values).body == values
    with pytest.raises(SettingsError, match=rf"\A{option} cannot .* version 3: .* set api_version to 5"):
        _routes.request(BASE, "list", "v3", values=values)


@pytest.mark.parametrize("name", WITH_IDS)
@settings(max_examples=40)
@given(ids=ids_of_any_kind)
def test_split_loses_nothing_and_is_as_coarse_as_urls_allow(name: str, ids: list[str]) -> None:
    chunks = split(name, ids)
    assert [one for chunk in chunks for one in chunk] == ids
    assert all(chunks)
    besides = VALUES.get(name, ({}, []))[1]
    for chunk in chunks:
        for generation, made in requests_for(name, chunk).items():
            route = _routes.OPERATIONS[name].routes[generation]
            assert len(made.url) < 8000
            assert made.url.isascii()
            pairs = [] if route.body else [*((route.ids, one) for one in chunk), *besides]
            assert parse_qsl(urlsplit(made.url).query, strict_parsing=bool(pairs)) == pairs
            assert (made.body or {route.ids: chunk})[route.ids] == chunk
    for chunk, following in zip(chunks, chunks[1:]):
        longest = max(len(made.url) for made in requests_for(name, [*chunk, following[0]]).values())
        assert longest >= 8000


# How many requests so many UUIDs become, and how many of them the first holds.
UUIDS = [
    (1, "read", "latest", 1, 1),
    (10_000, "read", "latest", 52, 193),
    (10_000, "unassign", "latest", 64, 158),
    # A body has room for all of them, but the answer to it holds all incidents.
    (10_000, "assign", "5", 10, 1000),
    (999, "close", "4", 1, 999),
    # As long as the service may have the older routes, the URL sets the bounds.
    (10_000, "close", "latest", 64, 158),
    (10_000, "acknowledge", "3", 64, 158),
]


@pytest.mark.parametrize(("count", "name", "version", "chunks", "first"), UUIDS)
def test_uuids_fill_their_requests(count: int, name: str, version: str, chunks: int, first: int) -> None:
    dealt = split(name, [UUID.format(number) for number in range(count)], version)
    assert (len(dealt), len(dealt[0])) == (chunks, first)
    assert {len(chunk) for chunk in dealt[:-1]} <= {first}


def test_no_request_asks_for_more_than_version_5_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _routes.MAX_IDS == 10_000
    monkeypatch.setattr(_routes, "MAX_URL", 10**6)
    assert [len(chunk) for chunk in split("read", map(str, range(20_001)))] == [10_000, 10_000, 1]


@pytest.mark.parametrize("name", WITH_IDS)
def test_an_id_too_long_for_any_request_is_refused(name: str) -> None:
    longest = 7999 - max(len(made.url) for made in requests_for(name, [""]).values())
    assert split(name, ["a", "x" * longest, "b"]) == [["a"], ["x" * longest], ["b"]]
    for too_long in ("x" * (longest + 1), "ü" * (longest // 6 + 1)):
        with pytest.raises(SettingsError, match=rf"incident_ids .* {len(too_long)} characters"):
            split(name, ["a", too_long])


def test_a_body_takes_ids_of_any_length() -> None:
    assert split("close", ["x" * 9000, "a"], "5") == [["x" * 9000, "a"]]


def test_nothing_is_split_into_nothing() -> None:
    assert split("read", []) == []


def test_ids_that_version_5_would_not_take_are_known() -> None:
    ids = [UUID.format(1), "CASE-123", UUID.format(2).upper(), ""]
    assert _routes.request(BASE, "unassign", "v4", ids).other_ids == ("CASE-123", "")
    assert _routes.request(BASE, "unassign", "v3", ids).other_ids == ()
