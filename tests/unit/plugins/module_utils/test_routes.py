# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which requests the IDs become."""

from __future__ import annotations

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

# The vendor's routes, as its contract has them.
PUBLISHED = {
    ("read", "3"): ("GET", f"{V1}/batch", "ids"),
    ("read", "4"): ("GET", V1, "ids"),
    ("read", "5"): ("GET", V1, "ids"),
    ("unassign", "3"): ("DELETE", f"{V1}/by-user", "incident_ids"),
    ("unassign", "4"): ("DELETE", f"{V1}/all/by-user", "incident_ids"),
    ("unassign", "5"): ("DELETE", f"{V1}/all/by-user", "incident_ids"),
}

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


def urls(name: str, base: str, ids: t.Iterable[str]) -> list[str]:
    """The URLs of a request for these IDs, by every route that the operation has."""
    return [_routes.url(base, route, ids) for route in _routes.OPERATIONS[name].routes.values()]


def test_routes_are_the_published_ones() -> None:
    made = {
        (name, version): tuple(operation.routes[_routes.GENERATIONS[version][0]])
        for name, operation in _routes.OPERATIONS.items()
        for version in ("3", "4", "5")
    }
    assert made == PUBLISHED


def test_latest_can_be_any_version() -> None:
    pinned = {generation for version in "345" for generation in _routes.GENERATIONS[version]}
    assert set(_routes.GENERATIONS["latest"]) == pinned
    assert all(len(_routes.GENERATIONS[version]) == 1 for version in "345")


def test_reading_needs_no_personal_key_and_writing_does() -> None:
    needs = {name: (operation.permission, operation.personal_key) for name, operation in _routes.OPERATIONS.items()}
    assert needs == {"read": ("incidents:read", False), "unassign": ("incidents:assign", True)}


def test_url_repeats_the_parameter() -> None:
    route = _routes.OPERATIONS["unassign"].routes["v4"]
    assert _routes.url(BASE, route, ["a", "b c"]) == f"{BASE}{V1}/all/by-user?incident_ids=a&incident_ids=b%20c"


@pytest.mark.parametrize("name", sorted(_routes.OPERATIONS))
@settings(max_examples=80)
@given(ids=ids_of_any_kind)
def test_split_loses_nothing_and_is_as_coarse_as_urls_allow(name: str, ids: list[str]) -> None:
    chunks = _routes.split(_routes.OPERATIONS[name], BASE, ids)
    assert [one for chunk in chunks for one in chunk] == ids
    assert all(chunks)
    for chunk in chunks:
        for url, route in zip(urls(name, BASE, chunk), _routes.OPERATIONS[name].routes.values()):
            assert len(url) < 8000
            assert url.isascii()
            assert parse_qsl(urlsplit(url).query, strict_parsing=True) == [(route.ids, one) for one in chunk]
    for chunk, following in zip(chunks, chunks[1:]):
        # Within two characters: an ampersand is counted with each ID.
        longest = max(map(len, urls(name, BASE, [*chunk, following[0]])))
        assert longest >= 8000 - len("&")


@pytest.mark.parametrize(("count", "name", "chunks"), [(1, "read", 1), (10_000, "read", 52), (10_000, "unassign", 64)])
def test_uuids_fill_their_urls(count: int, name: str, chunks: int) -> None:
    split = _routes.split(_routes.OPERATIONS[name], BASE, [UUID.format(number) for number in range(count)])
    assert len(split) == chunks
    assert {len(chunk) for chunk in split[:-1]} <= {len(split[0])}


def test_no_request_asks_for_more_than_version_5_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _routes.MAX_IDS == 10_000
    monkeypatch.setattr(_routes, "MAX_URL", 10**6)
    chunks = _routes.split(_routes.OPERATIONS["read"], BASE, map(str, range(20_001)))
    assert [len(chunk) for chunk in chunks] == [10_000, 10_000, 1]


@pytest.mark.parametrize("name", sorted(_routes.OPERATIONS))
def test_an_id_too_long_for_any_request_is_refused(name: str) -> None:
    operation = _routes.OPERATIONS[name]
    room = 7999 - max(map(len, urls(name, BASE, [""])))
    longest = room - len("&")
    assert _routes.split(operation, BASE, ["a", "x" * longest, "b"]) == [["a"], ["x" * longest], ["b"]]
    for too_long in ("x" * (room + 1), "ü" * (room // 6 + 1)):
        with pytest.raises(SettingsError, match=rf"incident_ids .* {len(too_long)} characters"):
            _routes.split(operation, BASE, ["a", too_long])


def test_nothing_is_split_into_nothing() -> None:
    assert _routes.split(_routes.OPERATIONS["read"], BASE, []) == []
