# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists, page by page, against the simulator."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _incidents
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import ApiError, SettingsError
from ansible_collections.coralogix.incidents.plugins.module_utils._incidents import Incidents
from made_up import KEY
from simulator import Fault, Simulator

MakeService = t.Callable[..., Incidents]
Incident = dict[str, t.Any]

PAGE = 4
HELD = {"filter": {"assignee": ["u1"]}}
ORDER = {"orderBys": [{"incidentField": "INCIDENTS_FIELDS_ID", "direction": "ORDER_BY_DIRECTION_ASC"}]}


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _incidents.PAGE == 500
    monkeypatch.setattr(_incidents, "PAGE", PAGE)


def held(incident: Incident) -> bool:
    return bool(incident["assignments"])


def sizes(simulator: Simulator) -> list[int]:
    """The page sizes asked for, request by request; none of them is anything but a list."""
    assert {entry.operation for entry in simulator.journal} <= {"list"}
    return [int(entry.body["pagination"]["pageSize"]) for entry in simulator.journal]


# How many there are, the limit, and the sizes of the pages that are read.
PAGES: list[tuple[int, int | None, list[int]]] = [
    (0, None, [4]),
    (0, 3, [3]),
    (1, None, [4]),
    (4, None, [4]),
    (5, None, [4, 4]),
    (9, None, [4, 4, 4]),
    (9, 1, [1]),
    (9, 4, [4]),
    # Two pages of three hold five and one more; pages of four would hold three more.
    (9, 5, [3, 3]),
    (9, 8, [4, 4]),
    (9, 9, [3, 3, 3]),
    (9, 10, [4, 4, 4]),
    (3, 100, [4]),
    (5, 5, [3, 3]),
]


@pytest.mark.parametrize(("count", "limit", "asked"), PAGES)
def test_as_many_pages_as_it_takes(
    service: MakeService, simulator: Simulator, count: int, limit: int | None, asked: list[int]
) -> None:
    ids = sorted(simulator.add_incidents(count, events=0))
    found = service(simulator.url, api_version="5").find(ORDER, limit=limit)
    assert found.incidents == [simulator.incident(one) for one in ids[:limit]]
    assert found.total == count
    assert sizes(simulator) == asked


@pytest.mark.parametrize(("limit", "asked"), [(None, [4] * 5), (2, [4] * 2), (6, [4] * 3), (8, [4] * 5)])
def test_what_is_not_kept_does_not_count(
    service: MakeService, simulator: Simulator, limit: int | None, asked: list[int]
) -> None:
    # Of seventeen in their order, those at 5, 6, ... 11 are held.
    ids = [simulator.add_incident(f"{n:08}-0000-4000-8000-000000000000", ["u"] * (5 <= n < 12)) for n in range(17)]
    found = service(simulator.url, api_version="5").find(ORDER, held, limit)
    assert [one["id"] for one in found.incidents] == ids[5:12][:limit]
    # As the service counts them, which knows nothing of the choice.
    assert found.total == 17
    assert sizes(simulator) == asked


def test_query_goes_with_each_page(service: MakeService, simulator: Simulator) -> None:
    mine = [simulator.add_incident(assignees=["u1"]) for _n in range(5)]
    simulator.add_incidents(3, assigned=3)
    found = service(simulator.url, api_version="5").find(HELD)
    assert {one["id"] for one in found.incidents} == {*mine}
    first, second = (entry.body for entry in simulator.journal)
    assert first == {**HELD, "pagination": {"pageSize": 4}}
    token = simulator.journal[0].answer["pagination"]["nextPageToken"]
    assert second == {**HELD, "pagination": {"pageSize": 4, "pageToken": token}}


def test_incident_that_is_on_two_pages_is_found_once(service: MakeService, simulator: Simulator) -> None:
    old = [simulator.add_incident(createdAt=f"2026-01-0{day}T00:00:00Z") for day in range(6, 0, -1)]

    def make_one(_entry: t.Any) -> None:
        # The newest comes first, so that the last of the first page is the first of the second one.
        simulator.after_request = None
        simulator.add_incident(createdAt="2026-02-01T00:00:00Z")
        simulator.act("assign", old[3], "u9")

    simulator.after_request = make_one
    found = service(simulator.url, api_version="5").find({})
    assert [one["id"] for one in found.incidents] == old
    # The later page is the truer one, and so is what it counts.
    assert found.incidents[3] == simulator.incident(old[3])
    assert found.total == 7


def with_pagination(**changes: t.Any) -> t.Callable[[t.Any], t.Any]:
    """What replaces an answer: the true one, with parts of its pagination replaced, or left out where ... is given."""
    return lambda true: {
        **true,
        "pagination": {key: value for key, value in {**true["pagination"], **changes}.items() if value is not ...},
    }


@pytest.mark.parametrize("total", [6, "6", "06"])
@pytest.mark.parametrize("end", [..., "", None])
def test_numbers_and_ends_may_be_spelt_in_other_ways(
    service: MakeService, simulator: Simulator, total: t.Any, end: t.Any
) -> None:
    simulator.add_incidents(6)
    simulator.fault(Fault("list", times=1, replace=with_pagination(totalSize=total)))
    simulator.fault(Fault("list", replace=with_pagination(totalSize=total, nextPageToken=end)))
    found = service(simulator.url, api_version="5").find({})
    assert (len(found.incidents), found.total) == (6, 6)
    assert len(simulator.journal) == 2


# Which incidents each page has, until one leads back.
LOOPS = {"to itself": [[0, 1, 2], [0, 1, 2]], "to an earlier one": [[0], [1], [2], [0]], "empty": [[0, 1, 2], []]}


@pytest.mark.parametrize("pages", LOOPS.values(), ids=LOOPS)
def test_pages_in_a_circle_are_refused(service: MakeService, simulator: Simulator, pages: list[list[int]]) -> None:
    shown = [simulator.incident(one) for one in simulator.add_incidents(3)]
    for number, places in enumerate(pages, 1):
        pagination = {"totalSize": 900, "nextPageToken": f"token-{number}"}
        answer = {"incidents": [shown[place] for place in places], "pagination": pagination}
        simulator.fault(Fault("list", times=None if number == len(pages) else 1, replace=answer))
    with pytest.raises(ApiError, match="without anything new") as raised:
        service(simulator.url, api_version="5").find({})
    assert raised.value.kind == "wrong_shape"
    assert str(raised.value).endswith("3 of 900 incidents had been read.")
    assert len(simulator.journal) == len(pages)


GOOD = {"id": "a", "assignments": []}
WRONG_PAGES: dict[str, tuple[t.Any, str]] = {
    "empty": ({}, "pagination"),
    "pagination null": ({"incidents": [], "pagination": None}, "pagination is not an object"),
    "pagination as a list": ({"incidents": [], "pagination": []}, "pagination is not an object"),
    "no total": ({"incidents": [], "pagination": {}}, "totalSize"),
    "total null": ({"incidents": [], "pagination": {"totalSize": None}}, "totalSize"),
    "total below 0": ({"incidents": [], "pagination": {"totalSize": -1}}, "totalSize"),
    "total is half": ({"incidents": [], "pagination": {"totalSize": 1.5}}, "totalSize"),
    "total is true": ({"incidents": [], "pagination": {"totalSize": True}}, "totalSize"),
    "total is no number": ({"incidents": [], "pagination": {"totalSize": "many"}}, "totalSize"),
    "total beyond all bounds": ({"incidents": [], "pagination": {"totalSize": "9" * 5000}}, "totalSize"),
    "token is a number": ({"incidents": [], "pagination": {"totalSize": 1, "nextPageToken": 5}}, "nextPageToken"),
    "token is a list": ({"incidents": [], "pagination": {"totalSize": 1, "nextPageToken": ["a"]}}, "nextPageToken"),
    "no incidents": ({"pagination": {"totalSize": 0}}, "incidents is not a list"),
    "incidents as a map": ({"incidents": {"a": GOOD}, "pagination": {"totalSize": 1}}, "incidents is not a list"),
    "incident null": ({"incidents": [GOOD, None], "pagination": {"totalSize": 2}}, "NoneType"),
    "incident without an ID": ({"incidents": [{"assignments": []}], "pagination": {"totalSize": 1}}, "id"),
    "incident without assignments": ({"incidents": [{"id": "a"}], "pagination": {"totalSize": 1}}, "assignments"),
    "incident without a text": ({"incidents": [GOOD], "pagination": {"totalSize": 1}}, "a has no status"),
}


@pytest.mark.parametrize(("answer", "told"), WRONG_PAGES.values(), ids=WRONG_PAGES)
def test_page_of_the_wrong_shape_is_refused(
    service: MakeService, simulator: Simulator, answer: t.Any, told: str
) -> None:
    simulator.fault(Fault("list", replace=answer))
    texts = ("status",) if "status" in told else ()
    with pytest.raises(ApiError) as raised:
        service(simulator.url, texts, api_version="5").find({})
    assert (raised.value.kind, raised.value.status) == ("wrong_shape", 200)
    assert told in raised.value.message
    assert len(simulator.journal) == 1


@pytest.mark.parametrize("retries", [0, 1])
def test_page_that_fails_tells_how_many_had_been_read(service: MakeService, simulator: Simulator, retries: int) -> None:
    simulator.add_incidents(10, assigned=3)
    simulator.fault(Fault("list", skip=2, status=503))
    with pytest.raises(ApiError) as raised:
        # Those count that were read, whether or not they are to be kept.
        service(simulator.url, api_version="5", retries=retries).find({}, held)
    assert str(raised.value).endswith(". 8 of 10 incidents had been read.")
    assert ("Tried 2 times" in str(raised.value)) == bool(retries)


def test_first_page_that_fails_tells_nothing_of_the_kind(service: MakeService, simulator: Simulator) -> None:
    simulator.add_key(KEY, permissions=["incidents:assign"])
    with pytest.raises(ApiError) as raised:
        service(simulator.url, api_version="5").find({})
    assert raised.value.kind == "forbidden"
    assert "had been read" not in str(raised.value)
    assert "incidents:read" in str(raised.value)


# Version asked for, version that "latest" serves: the operations that are asked for, and where the query is.
WAYS: dict[str, tuple[str, str, list[str | None], str]] = {
    "3": ("3", "5", ["list", "list"], "query"),
    "4": ("4", "3", ["list", "list"], "body"),
    "5": ("5", "3", ["list", "list"], "body"),
    "latest is 5": ("latest", "5", ["read_many", "list", "list"], "body"),
    "latest is 4": ("latest", "4", ["read_many", "list", "list"], "body"),
    "latest is 3": ("latest", "3", [None, "read_many", "list", "list"], "query"),
}
FILTER = {
    "assignee": ["u1", "u 2"],
    "isMuted": False,
    "createdAtRange": {"startTime": "2026-01-01T00:00:00Z", "endTime": "2040-01-01T00:00:00.5Z"},
}


@pytest.mark.parametrize(("version", "latest", "operations", "where"), WAYS.values(), ids=WAYS)
def test_query_is_put_as_the_version_takes_it(
    service: MakeService, version: str, latest: str, operations: list[str | None], where: str
) -> None:
    with Simulator(latest=latest) as simulator:
        simulator.add_key(KEY)
        made: dict[str, t.Any] = {"isMuted": False, "createdAt": "2026-02-01T00:00:00Z"}
        wanted = [simulator.add_incident(assignees=[user], **made) for user in ("u1", "u 2", "u1", "u1", "u 2")]
        others: list[dict[str, t.Any]] = [
            {"assignees": ["u3"]},
            {"isMuted": True},
            {"createdAt": "2025-01-01T00:00:00Z"},
        ]
        for other in others:
            simulator.add_incident(**{"assignees": ["u1"], **made, **other})
        one = service(simulator.url, api_version=version)
        found = one.find({"filter": FILTER})
        assert {incident["id"] for incident in found.incidents} == {*wanted}
        assert found.total == 5
        assert [entry.operation for entry in simulator.journal] == operations
        for entry in simulator.journal:
            if entry.operation == "list":
                assert (bool(entry.query), bool(entry.body)) == (where == "query", where == "body")
        # What was found out holds for the next list.
        simulator.clear_journal()
        one.find({}, limit=1)
        assert [entry.operation for entry in simulator.journal] == ["list"]


@pytest.mark.parametrize(("version", "latest"), [("3", "5"), ("latest", "3")])
def test_what_version_3_cannot_be_asked_is_not_asked(service: MakeService, version: str, latest: str) -> None:
    with Simulator(latest=latest) as simulator:
        simulator.add_key(KEY)
        labels = {"filter": {"displayLabels": {"team": {"displayLabelValues": ["x"]}}}}
        for query, option in ((labels, "display_labels"), (ORDER, "order_by")):
            with pytest.raises(SettingsError, match=rf"{option} cannot .* api_version to 5"):
                service(simulator.url, api_version=version).find(query)
        assert "list" not in {entry.operation for entry in simulator.journal}


def test_no_route_to_list_by(service: MakeService) -> None:
    with Simulator(without=["list"]) as simulator:
        simulator.add_key(KEY)
        with pytest.raises(ApiError) as raised:
            service(simulator.url).find({})
        assert raised.value.kind == "no_route"


def test_whatever_the_read_says_it_tells_the_routes(service: MakeService, simulator: Simulator) -> None:
    ids = simulator.add_incidents(2)
    simulator.fault(Fault("read_many", replace={"incidents": {}, "notFoundIds": []}))
    found = service(simulator.url).find({})
    assert {one["id"] for one in found.incidents} == {*ids}
    assert [entry.operation for entry in simulator.journal] == ["read_many", "list"]
