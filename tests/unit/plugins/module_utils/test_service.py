# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads, writes and lists: routes, requests at the same time, answers of the wrong shape, pages."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _errors, _service
from ansible_collections.coralogix.incidents.plugins.module_utils._case import CASE
from ansible_collections.coralogix.incidents.plugins.module_utils._service import Listing, ReadResult
from helpers import (
    INCIDENT,
    KEY,
    UNKNOWN,
    A,
    B,
    C,
    K,
    ScriptedTransport,
    client_for,
    error_of,
    incident,
    respond,
    service_for,
    table,
    with_limits,
)
from simulator import Fault, Simulator

READ_3, READ_4 = "GET /batch", "GET "
WRITE_3, WRITE_4 = "DELETE /by-user", "DELETE /all/by-user"


def requests_to(simulator: Simulator) -> list[str]:
    """Method and path of each request."""
    paths = [entry.target.partition("/incidents/v1")[2].partition("?")[0] for entry in simulator.journal]
    return [f"{entry.method} {path}" for entry, path in zip(simulator.journal, paths)]


# Version asked for, version that "latest" serves, and the requests of a read and a write.
ROUTES = {
    "3": ("3", "5", [READ_3, WRITE_3]),
    "4": ("4", "5", [READ_4, WRITE_4]),
    "5": ("5", "3", [READ_4, WRITE_4]),
    "latest is 5": ("latest", "5", [READ_4, WRITE_4]),
    "latest is 3": ("latest", "3", [READ_4, READ_3, WRITE_3]),
}


@pytest.mark.parametrize(("not_found", "wrong_method"), [("json5", 501), ("json404", 405), ("text", 501)])
@table("version, latest, requests", ROUTES)
def test_routes_are_found_by_reading(
    version: str, latest: str, requests: list[str], not_found: str, wrong_method: int
) -> None:
    with Simulator(latest=latest, not_found=not_found, wrong_method=wrong_method) as simulator:
        simulator.add_key(KEY)
        assigned, free = simulator.add_incidents(2, assigned=1)
        service = service_for(simulator.url, api_version=version)
        shown = {item_id: simulator.incident(item_id) for item_id in (assigned, free)}
        assert service.read([assigned, UNKNOWN, free]) == ReadResult(shown, [UNKNOWN])
        assert service.write_once("unassign", [assigned]) == {assigned: simulator.incident(assigned)}
        assert simulator.assignees(assigned) == []
        # What was found out counts from then on.
        service.read([free])
        assert requests_to(simulator) == [*requests, requests[-2]]


WITHOUT_READ = {
    "latest is 3": ("latest", "3", [READ_4, READ_3, WRITE_3]),
    "latest is 5": ("latest", "5", [READ_4, READ_3, WRITE_3, WRITE_4]),
    "5": ("5", "5", [READ_4, WRITE_4]),
}


@table("version, latest, requests", WITHOUT_READ)
def test_write_finds_its_route_where_none_is_for_reading(version: str, latest: str, requests: list[str]) -> None:
    with Simulator(latest=latest, without=["read_many"]) as simulator:
        simulator.add_key(KEY)
        ids = simulator.add_incidents(7, assigned=7)
        service = service_for(simulator.url, with_limits(INCIDENT, 3), api_version=version)
        read: t.Any = service.read(ids[:1])
        assert (read.error.failure.kind, read.is_refused) == (K.NO_ROUTE, True)
        chunks = service.chunks("unassign", ids)
        written = service.for_each_chunk(lambda chunk: [*service.write_once("unassign", chunk)], chunks)
        assert written == chunks == [ids[:3], ids[3:6], ids[6:]]
        # Only the first of three requests has to find the route.
        assert requests_to(simulator) == [*requests, requests[-1], requests[-1]]


@pytest.mark.parametrize("version", ["5", "latest"])
def test_few_requests_run_at_the_same_time_and_order_is_kept(version: str) -> None:
    with Simulator(latency=0.02) as simulator:
        simulator.add_key(KEY)
        ids = simulator.add_incidents(40)
        service = service_for(simulator.url, with_limits(INCIDENT, 3), api_version=version)
        read = service.read([ids[5], UNKNOWN, *ids[:5], *ids[6:]])
        assert (list(read.items), read.not_found) == ([ids[5], *ids[:5], *ids[6:]], [UNKNOWN])
        assert len(simulator.journal) == 14
        assert 1 < simulator.peak <= INCIDENT.max_concurrent_requests


def test_failed_request_stops_further_ones_and_is_no_refusal_if_another_was_answered() -> None:
    with Simulator(latency=0.02) as simulator:
        simulator.add_key(KEY)
        ids = simulator.add_incidents(60)
        simulator.fault(Fault("read_many", when_id=ids[10], status=403))
        read: t.Any = service_for(simulator.url, with_limits(INCIDENT, 3)).read(ids)
        assert (read.error.failure.kind, read.is_refused) == (K.FORBIDDEN, False)
        assert set(ids[:3]) <= set(read.items) < set(ids)
        assert len(simulator.journal) <= 1 + 2 * INCIDENT.max_concurrent_requests


@pytest.mark.parametrize("version", ["3", "5"])
def test_two_thousand_incidents_are_read(simulator: Simulator, version: str) -> None:
    ids = simulator.add_incidents(2000, events=0)
    assert list(service_for(simulator.url, api_version=version).read(ids).items) == ids
    assert all(len(entry.target) < 8000 for entry in simulator.journal)


# Answers to reads and writes.
def service_answering(*answers: t.Any, **options: t.Any) -> t.Any:
    """The service behind a transport that answers with this JSON."""
    return service_for(ScriptedTransport(*map(respond, answers)), **{"api_version": "5", "retries": 0, **options})


GOOD: t.Any = {"incidents": {A: incident(A)}, "notFoundIds": [B]}
WRONG_READS: dict[str, tuple[dict[str, t.Any], str]] = {
    **{f"incidents {value}": ({"incidents": value}, "incidents is not a map") for value in (None, [incident(A)])},
    **{f"notFoundIds {value}": ({"notFoundIds": value}, "notFoundIds is not a list") for value in (None, {B: True}, B)},
    "ID left out": ({"incidents": {}}, f"it does not mention the incident {A}"),
    "unknown ID left out": ({"notFoundIds": []}, f"it does not mention the incident {B}"),
    "unknown IDs of other types": ({"notFoundIds": [5, None, [B], {}]}, f"it does not mention the incident {B}"),
    "other ID": ({"incidents": {A: incident(B, status="s")}}, f"under the ID {A} it shows the incident {B}"),
    **{
        f"incident {shown}": ({"incidents": {A: shown}}, problem)
        for shown, problem in (
            (None, "an incident is not an object but NoneType"),
            ([], "an incident is not an object but list"),
            ({"assignments": []}, "an incident has no id of type string"),
            (incident(5), "an incident has no id of type string"),
            ({"id": A, "assignments": None}, f"the incident {A} has no assignments of type list"),
            ({"id": A, "assignments": {}}, f"the incident {A} has no assignments of type list"),
            (incident(A), f"the incident {A} has no status of type string"),
        )
    },
}


@table("changes, message", WRONG_READS)
def test_read_of_the_wrong_shape_is_refused(changes: dict[str, t.Any], message: str) -> None:
    error = service_answering({**GOOD, **changes}, required_fields={"status": str}).read([A, B]).error
    assert (error.failure.kind, error.failure.status, error.failure.message) == (K.UNEXPECTED_JSON, 200, message)


WRONG_WRITES = [
    *({}, {"incidents": None}, {"incidents": {A: incident(A)}}, {"incidents": [None]}, [], "OK"),
    *({"incidents": [{"assignments": []}]}, {"incidents": [incident(A), {"id": B}]}),
]


@pytest.mark.parametrize("answer", WRONG_WRITES, ids=str)
def test_write_of_the_wrong_shape_may_have_been_carried_out(answer: t.Any) -> None:
    error = service_answering(answer).write_once("unassign", [A, B])
    assert (error.failure.kind, error.may_have_applied) == (K.UNEXPECTED_JSON, True)


def test_items_not_asked_for_are_dropped_and_missing_ones_stay_open() -> None:
    more = {"incidents": {**GOOD["incidents"], C: incident(C)}, "notFoundIds": [B, UNKNOWN]}
    assert service_answering(more).read([A, B]) == ReadResult({A: incident(A)}, [B])
    written = service_answering({"incidents": [incident(C), incident(B)], "more": 1}).write_once("unassign", [A, B])
    assert written == {B: incident(B)}


def test_uuids_compare_without_case_and_other_ids_with_it() -> None:
    upper = A.upper()
    assert service_answering(GOOD).read([upper, B.upper()]) == ReadResult({upper: incident(A)}, [B.upper()])
    # A service that tells the spellings apart says so.
    apart = {"incidents": {A: incident(A)}, "notFoundIds": [upper]}
    assert service_answering(apart).read([A, upper]) == ReadResult({A: incident(A)}, [upper])
    assert service_answering({"incidents": [incident(A)]}).write_once("unassign", [upper]) == {upper: incident(A)}
    other = {"incidents": {"inc-a": incident("inc-a")}, "notFoundIds": ["INC-A"]}
    assert service_answering(other).read(["INC-A", "inc-a"]) == ReadResult({"inc-a": incident("inc-a")}, ["INC-A"])


def test_dropped_fields_are_gone_as_soon_as_an_item_arrives(simulator: Simulator) -> None:
    """They take most of the memory of a large task."""
    item_id = simulator.add_incident()
    service = _service.Service(client_for(simulator.url), INCIDENT, "5", dropped_fields=("events",))
    assert "events" in simulator.incident(item_id)
    assert "events" not in service.read([item_id]).items[item_id]


def test_items_are_passed_on_as_they_are() -> None:
    labels = {"Team Name": "sre", "": "", "\u00fc.\U0001f600": "\u2028"}
    odd = incident(A, contextualLabels=labels, closedAt=None, x=10**400)
    found = service_answering({"incidents": {A: odd}, "notFoundIds": []}).read([A]).items[A]
    assert (found, list(found)) == (odd, list(odd))


# Lists.
SMALL_PAGES = INCIDENT._replace(page_size=4)
ORDER = {"orderBys": [{"incidentField": "INCIDENTS_FIELDS_ID", "direction": "ORDER_BY_DIRECTION_ASC"}]}
# How many there are, the limit, and the sizes of the pages that are read.
PAGES: list[tuple[int, int | None, list[int]]] = [
    *((0, None, [4]), (0, 3, [3]), (1, None, [4]), (4, None, [4]), (5, None, [4, 4]), (9, None, [4, 4, 4])),
    # Two pages of three hold five and one more. Pages of four would hold three more.
    *((9, 1, [1]), (9, 4, [4]), (9, 5, [3, 3]), (9, 8, [4, 4]), (9, 9, [3, 3, 3]), (9, 10, [4, 4, 4]), (3, 100, [4])),
]


def page_sizes(simulator: Simulator) -> list[int]:
    assert {entry.operation for entry in simulator.journal} == {"list"}
    return [int(entry.body["pagination"]["pageSize"]) for entry in simulator.journal]


@pytest.mark.parametrize(("count", "limit", "sizes"), PAGES)
def test_list_takes_as_few_pages_as_possible(
    simulator: Simulator, count: int, limit: int | None, sizes: list[int]
) -> None:
    ids = sorted(simulator.add_incidents(count, events=0))
    listing = service_for(simulator.url, SMALL_PAGES, api_version="5").list_items(ORDER, limit=limit)
    assert listing == Listing([simulator.incident(item_id) for item_id in ids[:limit]], count)
    assert page_sizes(simulator) == sizes


@pytest.mark.parametrize(("limit", "pages"), [(None, 5), (2, 2), (6, 3), (8, 5)])
def test_items_not_kept_do_not_count_for_the_limit(simulator: Simulator, limit: int | None, pages: int) -> None:
    # Of seventeen, those at 5, 6, ... 11 are assigned.
    ids = [simulator.add_incident(f"{n:08}-0000-4000-8000-000000000000", ["u"] * (5 <= n < 12)) for n in range(17)]
    service = service_for(simulator.url, SMALL_PAGES, api_version="5")
    listing = service.list_items(ORDER, lambda item: bool(item["assignments"]), limit)
    assert ([item["id"] for item in listing.items], listing.total) == (ids[5:12][:limit], 17)
    assert page_sizes(simulator) == [4] * pages


def page(*ids: str, total: t.Any = 6, token: t.Any = "") -> dict[str, t.Any]:
    return {"incidents": [*map(incident, ids)], "pagination": {"totalSize": total, "nextPageToken": token}}


def test_query_and_token_go_with_each_page_and_an_item_on_two_pages_is_listed_once() -> None:
    later = {**page(total="7"), "incidents": [incident(B, name="later"), incident(C)]}
    transport = ScriptedTransport(respond(page(A, B, token="t=")), respond(later))
    listing = service_for(transport, SMALL_PAGES, api_version="5").list_items({"filter": {"assignee": ["u1"]}})
    assert listing == Listing([incident(A), incident(B, name="later"), incident(C)], 7)
    assert [request.body for request in transport.requests] == [
        {"filter": {"assignee": ["u1"]}, "pagination": {"pageSize": 4, **more}} for more in ({}, {"pageToken": "t="})
    ]


@pytest.mark.parametrize("total", [1, "1", "01"])
@pytest.mark.parametrize("token", ["", None])
def test_numbers_and_ends_may_be_spelled_in_other_ways(total: t.Any, token: t.Any) -> None:
    assert service_answering(page(A, total=total, token=token)).list_items({}) == Listing([incident(A)], 1)


ENDLESS_PAGES: dict[str, tuple[list[dict[str, t.Any]], str]] = {
    "page names itself": ([page(A, token="1"), page(A, token="1")], "nothing new"),
    "page names an earlier one": ([page(A, token="1"), page(B, token="2"), page(A, token="1")], "nothing new"),
    "empty page names another": ([page(A, token="1"), page(token="2")], "nothing new"),
    "far more than counted": (
        [page(*map(str, range(start, start + 700)), token=str(start)) for start in (0, 700)],
        "the pages show far more than the 6 incidents that it counts",
    ),
}


@table("pages, message", ENDLESS_PAGES)
def test_pages_without_an_end_are_given_up(pages: list[dict[str, t.Any]], message: str) -> None:
    error = error_of(service_answering(*pages).list_items, {})
    assert isinstance(error, _errors.ListFailed)
    assert message in error.cause.failure.message
    assert (error.read, error.total) == (len({item["id"] for listed in pages[:-1] for item in listed["incidents"]}), 6)


def test_uncounted_pages_without_an_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_service, "_MAX_UNCOUNTED", 3)
    cases = [
        {"cases": [{"id": str(n), "status": "", "title": ""}], "pagination": {"nextPageToken": "t"}} for n in range(9)
    ]
    transport = ScriptedTransport(*map(respond, cases))
    error = error_of(service_for(transport, CASE).list_items, {})
    assert "the pages show more than 3 cases" in error.cause.failure.message
    assert len(transport.requests) == 4


NO_TOTALS: list[t.Any] = [None, -1, 1.5, True, "many", "9" * 5000]
WRONG_PAGES: dict[str, tuple[t.Any, str]] = {
    **{
        f"pagination {value}": ({"incidents": [], "pagination": value}, "pagination is not an")
        for value in (None, ["x"])
    },
    **{f"total {value!r:.9}": (page(total=value), "totalSize") for value in NO_TOTALS},
    **{f"token {value}": (page(token=value), "nextPageToken") for value in (5, ["a"])},
    "no incidents": ({"pagination": {"totalSize": 0}}, "incidents is not a list"),
    "map": ({"incidents": {A: incident(A)}, "pagination": {"totalSize": 1}}, "incidents is not a list"),
    "incident null": ({"incidents": [None], "pagination": {"totalSize": 2}}, "NoneType"),
    "incident without assignments": ({"incidents": [{"id": A}], "pagination": {"totalSize": 1}}, "assignments"),
}


@table("answer, message", WRONG_PAGES)
def test_page_of_the_wrong_shape_is_refused(answer: t.Any, message: str) -> None:
    error = error_of(service_answering(answer).list_items, {})
    assert isinstance(error, _errors.RequestFailed)
    assert (error.failure.kind, message in error.failure.message) == (K.UNEXPECTED_JSON, True)


def test_page_that_fails_says_how_many_were_read(simulator: Simulator) -> None:
    simulator.add_incidents(10, assigned=3)
    simulator.fault(Fault("list", skip=2, status=503))
    service = service_for(simulator.url, SMALL_PAGES, api_version="5", retries=1)
    # Those that were read count, whether or not they are kept.
    error = error_of(service.list_items, {}, lambda _item: False)
    assert (error.read, error.total, error.cause.attempts.tries) == (8, 10, 2)


# Version asked for, version that "latest" serves, the operations that are asked for, and where the query travels.
VERSIONS: dict[str, tuple[str, str, list[str | None], str]] = {
    "3": ("3", "5", ["list", "list"], "query"),
    "5": ("5", "3", ["list", "list"], "body"),
    "latest is 5": ("latest", "5", ["read_many", "list", "list"], "body"),
    "latest is 3": ("latest", "3", [None, "read_many", "list", "list"], "query"),
}
SINCE = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2040-01-01T00:00:00.5Z"}
FILTER = {"assignee": ["u1", "u 2"], "isMuted": False, "createdAtRange": SINCE}


@table("version, latest, operations, where", VERSIONS)
def test_query_travels_as_the_version_takes_it(
    version: str, latest: str, operations: list[str | None], where: str
) -> None:
    with Simulator(latest=latest) as simulator:
        simulator.add_key(KEY)
        fields: dict[str, t.Any] = {"assignees": ["u1"], "isMuted": False, "createdAt": "2026-02-01T00:00:00Z"}
        wanted = {
            simulator.add_incident(**{**fields, "assignees": [user]}) for user in ("u1", "u 2", "u1", "u1", "u 2")
        }
        others: list[dict[str, t.Any]] = [
            {"assignees": ["u3"]},
            {"isMuted": True},
            {"createdAt": "2025-01-01T00:00:00Z"},
        ]
        for other in others:
            simulator.add_incident(**{**fields, **other})
        service = service_for(simulator.url, SMALL_PAGES, api_version=version)
        listing = service.list_items({"filter": FILTER})
        assert ({item["id"] for item in listing.items}, listing.total) == (wanted, 5)
        # What was found out counts for the next list.
        service.list_items({}, limit=1)
        assert [entry.operation for entry in simulator.journal] == [*operations, "list"]
        for entry in simulator.journal[-3:]:
            assert (bool(entry.query), bool(entry.body)) == (where == "query", where == "body")


@pytest.mark.parametrize(("version", "latest"), [("3", "5"), ("latest", "3")])
def test_query_that_version_3_cannot_carry_is_not_sent(version: str, latest: str) -> None:
    with Simulator(latest=latest) as simulator:
        simulator.add_key(KEY)
        message = error_of(service_for(simulator.url, api_version=version).list_items, ORDER).message
        assert message.startswith("order_by cannot be sent in API version 3.")
        assert "list" not in {entry.operation for entry in simulator.journal}


def test_probe_may_be_answered_with_anything_but_a_failure(simulator: Simulator) -> None:
    simulator.fault(Fault("read_many", replace={"incidents": {}, "notFoundIds": []}, times=1))
    assert service_for(simulator.url).list_items({}) == Listing([], 0)
    simulator.fault(Fault("read_many", status=404, body="Not Found: incident 0", times=1))
    by_single_reads = INCIDENT._replace(means_unknown_id=lambda failure: failure.kind is K.UNKNOWN_ID)
    assert service_for(simulator.url, by_single_reads).list_items({}) == Listing([], 0)
    simulator.fault(Fault("read_many", status=403))
    error = error_of(service_for(simulator.url).list_items, {})
    assert isinstance(error, _errors.ProbeFailed)
    assert error.cause.failure.kind is K.FORBIDDEN
