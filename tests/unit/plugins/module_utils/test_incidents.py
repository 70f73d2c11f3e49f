# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service against the simulator, over HTTP."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _routes
from ansible_collections.coralogix.incidents.plugins.module_utils._client import PARALLEL
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import ApiError
from ansible_collections.coralogix.incidents.plugins.module_utils._incidents import Incidents
from made_up import KEY
from simulator import Fault, Simulator

MakeService = t.Callable[..., Incidents]

A, B = "0b5f8a3e-6c1d-4f0e-9a57-00000000000a", "0b5f8a3e-6c1d-4f0e-9a57-00000000000b"
NOBODY = "00000000-0000-4000-8000-000000000000"


def requests_of(simulator: Simulator) -> list[str]:
    """Method and path below the version, of each request in order."""
    return ["{} /{}".format(one.method, one.target.split("/", 4)[4].split("?")[0]) for one in simulator.journal]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three IDs a request."""
    monkeypatch.setattr(_routes, "MAX_IDS", 3)


V1 = "/incidents/incidents/v1"
READ_3, READ_4 = f"GET {V1}/batch", f"GET {V1}"
WRITE_3, WRITE_4 = f"DELETE {V1}/by-user", f"DELETE {V1}/all/by-user"

# Version asked for, version that "latest" serves: the requests of a read and a write.
FOUND_ROUTES = {
    "3": ("3", "5", [READ_3, WRITE_3]),
    "4": ("4", "5", [READ_4, WRITE_4]),
    "5": ("5", "3", [READ_4, WRITE_4]),
    "latest is 5": ("latest", "5", [READ_4, WRITE_4]),
    "latest is 4": ("latest", "4", [READ_4, WRITE_4]),
    "latest is 3": ("latest", "3", [READ_4, READ_3, WRITE_3]),
}


@pytest.mark.parametrize(("version", "latest", "sent"), FOUND_ROUTES.values(), ids=FOUND_ROUTES)
@pytest.mark.parametrize("not_found", ["json5", "json404", "text"])
@pytest.mark.parametrize("wrong_method", [501, 405])
def test_routes_are_found_by_reading(
    service: MakeService, version: str, latest: str, sent: list[str], not_found: str, wrong_method: int
) -> None:
    with Simulator(latest=latest, not_found=not_found, wrong_method=wrong_method) as simulator:
        simulator.add_key(KEY)
        assigned, free = simulator.add_incidents(2, assigned=1)
        one = service(simulator.url, api_version=version)
        read = one.read([assigned, NOBODY, free])
        assert read.found == {assigned: simulator.incident(assigned), free: simulator.incident(free)}
        assert read.not_found == [NOBODY]
        written = one.write("unassign", [assigned])
        assert written == ({assigned: simulator.incident(assigned)}, [assigned], [], None)
        assert simulator.assignees(assigned) == []
        # Whatever is asked from now on goes the way that was found.
        one.read([free])
        assert requests_of(simulator) == [*sent, sent[-2]]


# There is no route to read by: the write finds its own.
WITHOUT_READ = {
    "latest is 3": ("latest", "3", [READ_4, READ_3, WRITE_3]),
    "latest is 4": ("latest", "4", [READ_4, READ_3, WRITE_3, WRITE_4]),
    "latest is 5": ("latest", "5", [READ_4, READ_3, WRITE_3, WRITE_4]),
    "3": ("3", "3", [READ_3, WRITE_3]),
    "5": ("5", "5", [READ_4, WRITE_4]),
}


@pytest.mark.parametrize(("version", "latest", "sent"), WITHOUT_READ.values(), ids=WITHOUT_READ)
@pytest.mark.usefixtures("small_chunks")
def test_write_finds_its_route_where_none_is_for_reading(
    service: MakeService, version: str, latest: str, sent: list[str]
) -> None:
    with Simulator(latest=latest, without=["read_many"]) as simulator:
        simulator.add_key(KEY)
        ids = simulator.add_incidents(7, assigned=7)
        one = service(simulator.url, api_version=version)
        with pytest.raises(ApiError) as raised:
            one.read(ids[:1])
        assert raised.value.kind == "no_route"
        written = one.write("unassign", ids)
        assert (written.accepted, written.error) == (ids, None)
        # Seven IDs make three requests, and only the first of them has to find the way.
        assert requests_of(simulator) == [*sent, sent[-1], sent[-1]]


@pytest.mark.parametrize("words", ["Not Found: incident batch", "incident not found", "Not Found: incident"])
def test_route_that_takes_its_last_word_for_an_id_is_missing(service: MakeService, words: str) -> None:
    # GET …/v1/batch meets GET …/v1/{id}: there is no incident of the ID "batch".
    with Simulator(without=["read_many"]) as simulator:
        simulator.add_key(KEY)
        simulator.fault(Fault("read_one", status=404, body=words))
        (assigned,) = simulator.add_incidents(1, assigned=1)
        one = service(simulator.url)
        with pytest.raises(ApiError) as raised:
            one.read([assigned])
        assert raised.value.kind == "no_route"
        assert one.write("unassign", [assigned]).accepted == [assigned]


REFUSALS = {
    # message: whether the route is missing, with version 3 pinned, and where the newer route is missing as well
    "invalid incident id: batch": (True, True),
    "id: value must be a valid UUID": (False, True),
    'unknown query parameter "ids"': (False, True),
    "too many ids in the request": (False, False),
    "invalid value for field ids: malformed id": (False, False),
    "batch too large": (False, False),
    "error: batch too large": (False, False),
    "batch service refused the request": (False, False),
    'id "batch" is no UUID': (True, True),
    "incident not found: batch.": (True, True),
    "invalid UUID length: 5": (False, True),
    "invalid UUID: abc": (False, False),
    "missing team id": (False, False),
    "malformed query (request id 7f3a)": (False, False),
    "invalid GetIncidentRequest.Id: value must be a valid UUID | caused by: invalid uuid format": (False, True),
    "id is out of bounds (36, 36)": (False, True),
    "invalid GetIncidentRequest.Id: value length must be 36 runes": (False, True),
    "unknown ids": (False, False),
    "the request is malformed": (False, False),
}


@pytest.mark.parametrize(("message", "missing"), REFUSALS.items())
@pytest.mark.parametrize("version", ["3", "latest"])
def test_refusal_that_takes_the_last_word_of_a_route_for_an_id(
    service: MakeService, simulator: Simulator, version: str, message: str, missing: tuple[bool, bool]
) -> None:
    if version == "latest":
        simulator.fault(Fault("read_many", status=501, body="Method Not Allowed"))
    simulator.fault(Fault(status=400, body={"code": 3, "message": message}))
    with pytest.raises(ApiError) as raised:
        service(simulator.url, api_version=version).read([A])
    assert (raised.value.kind == "no_route") == raised.value.unreadable == missing[version == "latest"]


# What version 3 itself might say of an ID that was asked for, however unlikely: nothing may be written then.
REFUSED_IDS = {
    "another thing": ([A], 404, "Not Found: team 42"),
    "named": ([A], 404, f"Not Found: incident {A}"),
    "named in another spelling": ([A.upper()], 400, f'invalid ID "{A}".'),
    "no UUID, named": ([A, "foo"], 404, "Not Found: incident foo"),
    "no UUID": ([A, "foo"], 400, "Invalid UUID length: 3"),
    "no UUID, said otherwise": ([A, "foo"], 400, "incident_id must be a UUID"),
}


@pytest.mark.parametrize(("ids", "status", "message"), REFUSED_IDS.values(), ids=REFUSED_IDS)
@pytest.mark.parametrize("version", ["3", "latest"])
def test_refused_id_is_no_missing_route(
    service: MakeService, version: str, ids: list[str], status: int, message: str
) -> None:
    with Simulator(latest="3") as simulator:
        simulator.add_key(KEY)
        simulator.fault(Fault("read_many", status=status, body={"code": status, "message": message}))
        with pytest.raises(ApiError) as raised:
            service(simulator.url, api_version=version).read(ids)
        assert raised.value.kind == ("no_incident" if status == 404 else "invalid")
        assert not raised.value.unreadable


@pytest.mark.parametrize("version", ["4", "latest"])
def test_incident_that_a_newer_route_does_not_know_is_no_missing_route(
    service: MakeService, simulator: Simulator, version: str
) -> None:
    simulator.fault(Fault("read_many", status=404, body={"code": 404, "message": "Not Found: incident x"}))
    with pytest.raises(ApiError) as raised:
        service(simulator.url, api_version=version).read([A])
    assert (raised.value.kind, raised.value.unreadable, len(simulator.journal)) == ("no_incident", False, 1)


def test_forbidden_read_leaves_the_route_open(service: MakeService) -> None:
    # This gateway looks at the key first: the 403 says nothing about the route.
    with Simulator(latest="3", auth_first=True) as simulator:
        simulator.add_key(KEY, permissions=["incidents:assign"])
        (assigned,) = simulator.add_incidents(1, assigned=1)
        one = service(simulator.url)
        with pytest.raises(ApiError) as raised:
            one.read([assigned])
        assert (raised.value.kind, raised.value.uncertain) == ("forbidden", False)
        assert one.write("unassign", [assigned]).accepted == [assigned]
        assert requests_of(simulator) == [READ_4, WRITE_4, WRITE_3]


def test_forbidden_on_the_second_route_rules_out_the_first(service: MakeService) -> None:
    with Simulator(latest="3") as simulator:
        simulator.add_key(KEY, permissions=["incidents:assign"])
        (assigned,) = simulator.add_incidents(1, assigned=1)
        one = service(simulator.url)
        with pytest.raises(ApiError):
            one.read([assigned])
        assert one.write("unassign", [assigned]).accepted == [assigned]
        assert requests_of(simulator) == [READ_4, READ_3, WRITE_3]


def test_no_route_at_all(service: MakeService) -> None:
    with Simulator(without=["read_many", "unassign"]) as simulator:
        simulator.add_key(KEY)
        (assigned,) = simulator.add_incidents(1, assigned=1)
        one = service(simulator.url)
        with pytest.raises(ApiError):
            one.read([assigned])
        written = one.write("unassign", [assigned])
        assert written.error
        assert (written.error.kind, written.error.uncertain) == ("no_route", False)
        assert written == ({}, [], [], written.error)


@pytest.mark.parametrize("latest", ["5", "3"])
def test_missing_route_does_not_make_a_lost_answer_certain(service: MakeService, latest: str) -> None:
    # The first write has taken effect, its answer is lost; then the route is gone.
    with Simulator(latest=latest) as simulator:
        simulator.add_key(KEY, permissions=["incidents:assign"])
        (assigned,) = simulator.add_incidents(1, assigned=1)
        simulator.fault(Fault("unassign", status=500, effect=True, times=1))
        simulator.fault(Fault("unassign", status=501, body="Method Not Allowed"))
        written = service(simulator.url).write("unassign", [assigned])
        assert simulator.assignees(assigned) == []
        assert written.error
        assert (written.accepted, written.uncertain) == ([], [assigned])


# Several requests.
@pytest.mark.parametrize("version", ["5", "latest"])
@pytest.mark.usefixtures("small_chunks")
def test_requests_run_at_once_a_few_at_a_time(service: MakeService, version: str) -> None:
    with Simulator(latency=0.03) as simulator:
        simulator.add_key(KEY)
        ids = simulator.add_incidents(40, assigned=40)
        one = service(simulator.url, api_version=version)
        asked = [ids[5], NOBODY, *ids[:5], *ids[6:]]
        read = one.read(asked)
        assert list(read.found) == [each for each in asked if each != NOBODY]
        assert read.not_found == [NOBODY]
        written = one.write("unassign", ids)
        assert written.accepted == ids
        assert list(written.answered) == ids
        assert len(simulator.journal) == 28
        assert 1 < simulator.peak <= PARALLEL


@pytest.mark.usefixtures("small_chunks")
def test_one_request_goes_ahead_to_find_the_route(service: MakeService) -> None:
    with Simulator(latest="3") as simulator:
        simulator.add_key(KEY)
        ids = simulator.add_incidents(9)
        service(simulator.url).read(ids)
        assert requests_of(simulator) == [READ_4, READ_3, READ_3, READ_3]
        assert [entry.ids for entry in simulator.journal[:2]] == [ids[:3], ids[:3]]


@pytest.mark.usefixtures("small_chunks")
def test_failing_request_stops_further_ones(service: MakeService) -> None:
    with Simulator(latency=0.02) as simulator:
        simulator.add_key(KEY)
        ids = simulator.add_incidents(60, assigned=60)
        simulator.fault(Fault("unassign", when_id=ids[4], status=400))
        written = service(simulator.url, api_version="5").write("unassign", ids)
        assert written.error
        assert written.error.kind == "invalid"
        # Twenty requests were due; those under way with the failing one may end.
        assert len(simulator.writes) <= 2 * PARALLEL
        done = [each for each in ids if not simulator.assignees(each)]
        assert written.accepted == done
        assert list(written.answered) == done
        assert ids[3] not in done
        assert written.uncertain == []


@pytest.mark.usefixtures("small_chunks")
def test_failing_read_raises_its_error(service: MakeService, simulator: Simulator) -> None:
    ids = simulator.add_incidents(30)
    simulator.fault(Fault("read_many", when_id=ids[4], status=400))
    with pytest.raises(ApiError) as raised:
        service(simulator.url).read(ids)
    assert raised.value.kind == "invalid"


@pytest.mark.usefixtures("small_chunks")
def test_uncertain_requests_are_told_from_refused_ones(service: MakeService) -> None:
    with Simulator(latency=0.05) as simulator:
        simulator.add_key(KEY)
        ids = simulator.add_incidents(6, assigned=6)
        simulator.fault(Fault("unassign", when_id=ids[0], status=500, effect=True))
        simulator.fault(Fault("unassign", when_id=ids[3], status=429))
        written = service(simulator.url, api_version="5", retries=0).write("unassign", ids)
        assert written.error
        assert written.error.kind == "server_error"
        assert written._replace(error=None) == ({}, [], ids[:3], None)


# Answers.
def read_answer(simulator: Simulator, **changes: t.Any) -> t.Callable[[t.Any], t.Any]:
    """What replaces a read's answer: the true one, with parts replaced, or taken out where ... is given."""
    return lambda true: {key: value for key, value in {**true, **changes}.items() if value is not ...}


GOOD_A = {"id": A, "assignments": []}

WRONG_READS: dict[str, tuple[dict[str, t.Any], str]] = {
    "no incidents": ({"incidents": ...}, "incidents"),
    "incidents null": ({"incidents": None}, "incidents"),
    "incidents as a list": ({"incidents": [GOOD_A]}, "incidents"),
    "no unknown IDs": ({"notFoundIds": ...}, "notFoundIds"),
    "unknown IDs null": ({"notFoundIds": None}, "notFoundIds"),
    "unknown IDs as a map": ({"notFoundIds": {B: True}}, "notFoundIds"),
    "unknown IDs as text": ({"notFoundIds": B}, "notFoundIds"),
    "one left out": ({"incidents": {}}, A),
    "one null": ({"incidents": {A: None}}, A),
    "unknown one left out": ({"notFoundIds": []}, B),
    "unknown IDs of another type": ({"notFoundIds": [5, None, [B], {}]}, B),
    "incident is a list": ({"incidents": {A: []}}, "list"),
    "incident is text": ({"incidents": {A: "x"}}, "str"),
    "incident without an ID": ({"incidents": {A: {"assignments": []}}}, "id"),
    "incident with a number as ID": ({"incidents": {A: {"id": 5, "assignments": []}}}, "id"),
    "incident of another ID": ({"incidents": {A: {"id": B, "assignments": []}}}, A),
    "incident without assignments": ({"incidents": {A: {"id": A}}}, "assignments"),
    "assignments null": ({"incidents": {A: {"id": A, "assignments": None}}}, "assignments"),
    "assignments as a map": ({"incidents": {A: {"id": A, "assignments": {}}}}, "assignments"),
    "assignments as text": ({"incidents": {A: {"id": A, "assignments": ""}}}, "assignments"),
}


@pytest.mark.parametrize(("changes", "told"), WRONG_READS.values(), ids=WRONG_READS)
def test_read_of_the_wrong_shape_is_refused(
    service: MakeService, simulator: Simulator, changes: dict[str, t.Any], told: str
) -> None:
    simulator.add_incident(A)
    simulator.fault(Fault("read_many", replace=read_answer(simulator, **changes)))
    with pytest.raises(ApiError) as raised:
        service(simulator.url).read([A, B])
    assert (raised.value.kind, raised.value.status) == ("wrong_shape", 200)
    assert told in raised.value.message
    assert len(simulator.journal) == 1


WRONG_WRITES: dict[str, t.Any] = {
    "empty": {},
    "null": {"incidents": None},
    "a map, as a read has it": {"incidents": {A: GOOD_A}},
    "incident is null": {"incidents": [None]},
    "incident is text": {"incidents": [A]},
    "incident without an ID": {"incidents": [{"assignments": []}]},
    "incident without assignments": {"incidents": [{"id": A}]},
    "one of two wrong": {"incidents": [GOOD_A, {"id": B, "assignments": None}]},
    "list": [],
    "text": '"OK"',
}


@pytest.mark.parametrize("answer", WRONG_WRITES.values(), ids=WRONG_WRITES)
def test_write_of_the_wrong_shape_is_uncertain(service: MakeService, simulator: Simulator, answer: t.Any) -> None:
    simulator.add_incident(A)
    simulator.fault(Fault("unassign", replace=answer))
    written = service(simulator.url).write("unassign", [A])
    assert written.error
    assert written.error.kind == "wrong_shape"
    assert written._replace(error=None) == ({}, [], [A], None)
    assert len(simulator.journal) == 1


def test_what_a_write_leaves_out_is_accepted_but_not_answered(service: MakeService, simulator: Simulator) -> None:
    ids = simulator.add_incidents(3, assigned=3)
    simulator.fault(Fault("unassign", replace=lambda true: {"incidents": true["incidents"][1:2], "more": 1}))
    written = service(simulator.url).write("unassign", ids)
    assert written == ({ids[1]: simulator.incident(ids[1])}, ids, [], None)


def test_what_was_not_asked_for_is_left_out(service: MakeService, simulator: Simulator) -> None:
    asked, other = simulator.add_incidents(2, assigned=2)
    more = {other: simulator.incident(other)}
    simulator.fault(Fault("read_many", replace=lambda true: {**true, "incidents": {**true["incidents"], **more}}))
    simulator.fault(Fault("unassign", replace=lambda true: {"incidents": [*true["incidents"], more[other]]}))
    one = service(simulator.url)
    assert list(one.read([asked]).found) == [asked]
    assert list(one.write("unassign", [asked]).answered) == [asked]


def test_other_ids_differ_by_their_case(service: MakeService, simulator: Simulator) -> None:
    simulator.add_incident("inc-a")
    read = service(simulator.url, api_version="3").read(["INC-A", "inc-a"])
    assert (list(read.found), read.not_found) == (["inc-a"], ["INC-A"])


def test_uuids_may_come_back_in_lower_case(service: MakeService, simulator: Simulator) -> None:
    asked = [A.upper(), B.upper()]
    shown = {"id": A, "assignments": [{}]}
    simulator.fault(Fault("read_many", replace={"incidents": {A: shown}, "notFoundIds": [B]}, times=1))
    simulator.fault(Fault("read_many", replace={"incidents": {A: shown}, "notFoundIds": [asked[0]]}))
    simulator.fault(Fault("unassign", replace={"incidents": [GOOD_A]}))
    one = service(simulator.url)
    assert one.read(asked) == ({asked[0]: shown}, [asked[1]])
    # A service that tells the spellings apart says so.
    assert one.read([A, asked[0]]) == ({A: shown}, [asked[0]])
    assert one.write("unassign", asked).answered == {asked[0]: GOOD_A}


def test_incidents_are_handed_on_untouched(service: MakeService, simulator: Simulator) -> None:
    labels = {"Team Name": "sre", "camelCase": "x", "": "", "\u00fc.\U0001f600": "\u2028"}
    odd = simulator.add_incident(contextualLabels=labels, displayLabels={}, closedAt=None)
    read = service(simulator.url).read([odd])
    assert read.found[odd] == simulator.incident(odd)
    assert list(read.found[odd]) == list(simulator.incident(odd))


@pytest.mark.parametrize("version", ["3", "5"])
def test_two_thousand_incidents_go_through(service: MakeService, version: str) -> None:
    with Simulator() as simulator:
        simulator.add_key(KEY)
        ids = [simulator.add_incident(assignees=(), events=0) for _n in range(2000)]
        assert list(service(simulator.url, api_version=version).read(ids).found) == ids
        assert all(len(entry.target) < 8000 for entry in simulator.journal)
