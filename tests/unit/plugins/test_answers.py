# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of every wrong shape: whatever the service says, the result is true or says that it is not known.

Each of the examples, 2,040 in a run and the same ones in every run, is a whole task. The client is the
real one; in the place of the network stands a service that keeps the true state of its incidents, and
that for every request has a turn drawn before: whether a write takes effect, and what is answered (the
truth, the truth with some of its nodes dropped, replaced or doubled, another status, bytes cut short, a
broken connection). The invariants are at the end.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
import typing as t
from io import BytesIO
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import urllib3
from ansible_collections.coralogix.incidents.plugins.module_utils import _plan, _routes
from ansible_collections.coralogix.incidents.plugins.module_utils._client import Client
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import CoralogixError
from ansible_collections.coralogix.incidents.plugins.module_utils._incidents import Incidents
from ansible_collections.coralogix.incidents.plugins.module_utils._module import apply
from ansible_collections.coralogix.incidents.plugins.module_utils._options import Settings
from ansible_collections.coralogix.incidents.plugins.modules.incident_unassign import UNASSIGN
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

EXAMPLES = 510  # for each of the four cases below

BASE = "https://api.example.com/mgmt/openapi/latest"
IDS = [f"0b5f8a3e-6c1d-4f0e-9a57-00000000000{digit}" for digit in "0abcd"]
V1 = "/incidents/incidents/v1"

# Served routes, written down anew: (method, path below the base) -> what it is and where the IDs are.
ROUTES = {
    "3": {("GET", f"{V1}/batch"): ("read", "ids"), ("DELETE", f"{V1}/by-user"): ("write", "incident_ids")},
    "5": {("GET", V1): ("read", "ids"), ("DELETE", f"{V1}/all/by-user"): ("write", "incident_ids")},
}

Json = t.Any
Incident = dict[str, Json]


# What can be drawn. A few draws for each example, from long lists: that is what makes thousands affordable.
def assignment(user: str) -> Json:
    return {"assignedTo": {"userId": user}, "assignedBy": {"userId": "u0"}}


# The fields of an incident as the API documents them, each with values that it may have; ... leaves it out.
FIELDS: dict[str, list[Json]] = {
    "assignments": [[], [assignment("u1")], [assignment("u1"), assignment("u2")]],
    "name": ["High latency", "", "\u00fc {{ x }}"],
    "description": ["d", ...],
    "state": ["INCIDENT_STATE_TRIGGERED", "INCIDENT_STATE_UNSPECIFIED"],
    "status": ["INCIDENT_STATUS_ACKNOWLEDGED", ...],
    "severity": ["INCIDENT_SEVERITY_CRITICAL", ...],
    "contextualLabels": [{}, {"Team Name": "sre", "": ""}],
    "displayLabels": [{"Application": "shop"}, ...],
    "metaLabels": [[{"key": "team", "value": "sre"}], []],
    "createdAt": ["2026-11-23T02:58:11.000Z"],
    "closedAt": [None, "2026-11-23T04:10:00.000Z", ...],
    "lastStateUpdateTime": ["2026-11-23T03:04:05.000Z", ...],
    "lastStateUpdateKey": ["4f3c1a", ...],
    "duration": ["354s", ...],
    "isMuted": [False, True],
    "events": [[], [{"id": "e1", "administrativeEvent": {"userId": "u1"}}]],
}


def incident_of(number: int) -> Incident:
    """One of all the combinations of FIELDS."""
    made = {}
    for name, values in FIELDS.items():
        number, choice = divmod(number, len(values))
        made[name] = values[choice]
    return {name: value for name, value in made.items() if value is not ...}


incidents = st.integers(0, math.prod(map(len, FIELDS.values())) - 1).map(incident_of)

FREE = [{"id": one, "assignments": []} for one in IDS]
HELD = [{"id": one, "assignments": [assignment("u3")]} for one in IDS]
OTHER_JSON: list[Json] = [
    *(None, True, False, 0, -1, 0.5, 1e300, 10**30, "", "x", "null", "\u2028", [], {}, [[]], [None], [{}], {"": None}),
    *([0], {"id": None}, {"message": "no"}, [assignment("u3")], {"incidents": []}, {"incidents": {}}),
    *({"incidents": {}, "notFoundIds": []}, {"incidents": {}, "notFoundIds": IDS}, {"notFoundIds": IDS}),
    *(IDS, *IDS, *FREE, *HELD, FREE, HELD),
    *({"incidents": FREE}, {"incidents": HELD}, {"incidents": dict(zip(IDS, FREE)), "notFoundIds": []}),
]


def pick(values: t.Sequence[t.Any]) -> st.SearchStrategy[t.Any]:
    """As sampled_from, which describes itself by all of its values."""
    return st.integers(0, len(values) - 1).map(lambda index: values[index])


class Edit(t.NamedTuple):
    """A change of one node of the true answer."""

    node: int
    how: str
    value: Json


edits = st.builds(
    Edit,
    # The upper nodes, on which decisions rest, come first.
    st.one_of(st.integers(0, 8), st.integers(0, 60)),
    st.sampled_from(["drop", "replace", "replace", "double", "add", "rename"]),
    pick(OTHER_JSON),
)


class Turn(t.NamedTuple):
    """What becomes of one request."""

    effect: str
    """Of a write whose fate its answer leaves open: `all`, `none` or `first`, which is all but one."""
    how: str
    edits: t.Sequence[Edit] = ()
    number: int = 200
    """The status, or at how many per cent the bytes are cut off."""


EFFECTS = ("all", "none", "first")
STATUSES = (201, 204, 206, 302, 400, 401, 403, 404, 405, 408, 414, 429, 500, 501, 502, 503, 504, 520)
PLAIN_TURNS = [
    *(Turn(effect, how) for effect in EFFECTS for how in ("truth", "truth", "truth", "lost", "broken")),
    *(Turn(effect, "status", (), status) for effect in EFFECTS for status in STATUSES),
    *(Turn(effect, "cut", (), percent) for effect in EFFECTS for percent in (0, 1, 50, 80, 99)),
    *(Turn(effect, "other", [Edit(0, "replace", value)]) for effect in EFFECTS for value in OTHER_JSON),
]
edited_turns = st.builds(
    Turn, st.sampled_from(EFFECTS), st.just("edited"), st.one_of(st.tuples(edits), st.tuples(edits, edits))
)
turns = st.one_of(pick(PLAIN_TURNS), edited_turns, edited_turns)
# The last turn is that of all requests after it.
some_turns = st.one_of(st.tuples(turns), st.tuples(turns, turns))
truth = st.just((Turn("all", "truth"),))
mostly_true = st.one_of(truth, some_turns)
forbidden = st.sampled_from([(Turn("none", "status", (), status),) for status in (403, 404, 405, 501)])


class Manner(t.NamedTuple):
    missing: str
    serves: str
    version: str
    retries: int
    max_ids: int


MANNERS = [
    Manner(*each)
    for each in itertools.product(
        ("ignore", "fail"), sorted(ROUTES), ("latest", "as served"), (0, 1, 2), (10_000, 10_000, 1, 2)
    )
]


class Task(t.NamedTuple):
    incidents: dict[str, Incident]
    ids: list[str]
    manner: Manner
    read: t.Sequence[Turn]
    write: t.Sequence[Turn]
    reread: t.Sequence[Turn]


SELECTIONS = [list(some) for count in (3, 2, 1, 4) for some in itertools.permutations(IDS[:4], count)]


def tasks(read: st.SearchStrategy[t.Any]) -> st.SearchStrategy[Task]:
    return st.builds(
        Task,
        # Of the five IDs three exist.
        incidents=st.tuples(incidents, incidents, incidents).map(lambda made: dict(zip(IDS, made))),
        ids=pick(SELECTIONS),
        manner=pick(MANNERS),
        read=read,
        write=some_turns,
        reread=mostly_true,
    )


# The service.
def nodes(tree: Json) -> list[tuple[t.Any, t.Any]]:
    """Where each node hangs: its parent and the key or index there, the root in a list of its own."""
    holder = [tree]
    found: list[tuple[t.Any, t.Any]] = [(holder, 0)]
    for parent, key in found:
        node = parent[key]
        if isinstance(node, dict):
            found += [(node, inner) for inner in node]
        elif isinstance(node, list):
            found += [(node, inner) for inner in range(len(node))]
    return found


def edited(tree: Json, changes: t.Iterable[Edit]) -> Json:
    for change in changes:
        found = nodes(tree)
        holder = found[0][0]
        parent, key = found[change.node % len(found)]
        node = parent[key]
        if change.how == "replace" or (parent is holder and change.how != "add"):
            parent[key] = copy.deepcopy(change.value)
        elif change.how == "drop":
            del parent[key]
        elif change.how == "double" and isinstance(parent, list):
            parent.append(copy.deepcopy(node))
        elif change.how == "rename" and isinstance(parent, dict):
            parent[str(change.value)] = parent.pop(key)
        elif isinstance(node, dict):
            node[str(change.value)] = copy.deepcopy(change.value)
        elif isinstance(node, list):
            node.append(copy.deepcopy(change.value))
        tree = holder[0]
    return tree


class Service(requests.adapters.HTTPAdapter):
    """The network and what is behind it."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task
        self.state = copy.deepcopy(task.incidents)
        for one, incident in self.state.items():
            incident["id"] = one
        self.truly_changed: set[str] = set()
        self.written: list[str] = []
        self.read_first: list[tuple[list[str], int, Json]] = []
        """IDs, status and answer of each read before the first write."""
        self.shown: list[Json] = []
        """Every incident that any answer showed."""
        self.hides: set[str] = set()
        """IDs that an answer showed as assigned or unknown though they were neither."""
        self.pretends: set[str] = set()
        """IDs that an answer showed as free though they were assigned."""
        self.omits: set[str] = set()
        """IDs of incidents that the answer to a write says nothing of."""
        self._turns: dict[t.Any, int] = {}

    # Which turn it is depends on what is asked for and how often it was, not on which thread is first.
    def _turn(self, kind: str, ids: list[str]) -> Turn:
        stage = kind if kind == "write" or not self.written else "reread"
        key = (stage, ids[0])
        number = self._turns.get(key, 0)
        self._turns[key] = number + 1
        turns: t.Sequence[Turn] = getattr(self.task, stage)
        return turns[min(number, len(turns) - 1)]

    def send(self, request: requests.PreparedRequest, *given: t.Any, **more: t.Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        path = parts.path[len(urlsplit(BASE).path) :]
        kind, parameter = ROUTES[self.task.manner.serves].get((str(request.method), path), (None, ""))
        if kind is None:
            return self._response(request, 404, b'{"code":5,"message":"Not Found","details":[]}')
        query = parse_qsl(parts.query)
        assert {name for name, _value in query} == {parameter}
        ids = [value for _name, value in query]
        turn = self._turn(kind, ids)
        if kind == "write":
            self.written += ids
            self._take_effect(ids, turn)
        answer: Json = self._true_read(ids) if kind == "read" else self._true_write(ids)
        status, body = self._spoilt(answer, turn)
        told = self._told(kind, ids, status, body)
        if kind == "read" and not self.written:
            self.read_first.append((ids, status, told))
        if turn.how == "lost":
            raise requests.ConnectionError(
                urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
            )
        if turn.how == "broken":
            raise requests.exceptions.ChunkedEncodingError(urllib3.exceptions.ProtocolError("broken", ValueError("x")))
        return self._response(request, status, body)

    def _take_effect(self, ids: list[str], turn: Turn) -> None:
        # A refusal is one: nothing else could be told from it.
        refused = turn.how == "status" and (300 <= turn.number < 500 or turn.number == 501)
        reach = {"all": ids, "none": [], "first": ids[:-1]}[turn.effect]
        for one in () if refused else reach:
            if one in self.state and self.state[one]["assignments"]:
                self.state[one] = {**self.state[one], "assignments": []}
                self.truly_changed.add(one)

    def _true_read(self, ids: list[str]) -> Json:
        return {
            "incidents": {one: self.state[one] for one in ids if one in self.state},
            "notFoundIds": [one for one in ids if one not in self.state],
        }

    def _true_write(self, ids: list[str]) -> Json:
        return {"incidents": [self.state[one] for one in ids if one in self.state]}

    def _spoilt(self, answer: Json, turn: Turn) -> tuple[int, bytes]:
        if turn.how == "edited":
            return 200, json.dumps(edited(copy.deepcopy(answer), turn.edits)).encode()
        if turn.how == "other":
            return 200, json.dumps(turn.edits[0].value).encode()
        whole = json.dumps(answer).encode()
        if turn.how == "cut":
            return 200, whole[: len(whole) * turn.number // 100]
        if turn.how == "status" and turn.number >= 300:
            return turn.number, b'{"code":1,"message":"no","details":[]}'
        return turn.number, b"" if turn.number == 204 else whole

    def _response(self, request: requests.PreparedRequest, status: int, body: bytes) -> requests.Response:
        raw = urllib3.HTTPResponse(
            BytesIO(body), headers={"Content-Type": "application/json"}, status=status, preload_content=False
        )
        return self.build_response(request, raw)

    def _told(self, kind: str, ids: list[str], status: int, body: bytes) -> Json:
        """Take down what the answer says of the incidents, and where that is not the truth."""
        if not 200 <= status < 300:
            return None
        try:
            answer = json.loads(body)
        except ValueError:
            return None
        told = answer.get("incidents") if isinstance(answer, dict) else None
        if isinstance(told, dict):
            pairs = list(told.items())
        else:
            pairs = (
                [(one.get("id"), one) for one in told or () if isinstance(one, dict)] if isinstance(told, list) else []
            )
        self.shown += [incident for _one, incident in pairs]
        if kind == "write":
            self.omits.update({*ids} - {one for one, _incident in pairs if isinstance(one, str)})
        for one, incident in pairs:
            true = self.state.get(one) if isinstance(one, str) else None
            held = incident.get("assignments") if isinstance(incident, dict) else None
            if one in ids and isinstance(held, list) and (true is None or bool(held) != bool(true["assignments"])):
                (self.hides if held else self.pretends).add(one)
        unknown = answer.get("notFoundIds") if isinstance(answer, dict) else None
        if kind == "read" and isinstance(unknown, list):
            self.hides.update(one for one in ids if one in self.state and one in unknown)
        return answer


def seen_assigned(service: Service) -> set[str]:
    """The incidents that the reads before the first write showed as assigned."""
    return {
        one
        for ids, _status, answer in service.read_first
        if isinstance(answer, dict) and isinstance(answer.get("incidents"), dict)
        for one in ids
        for incident in [answer["incidents"].get(one)]
        if isinstance(incident, dict) and incident.get("assignments")
    }


def carry_out(task: Task, check_mode: bool) -> tuple[Service, dict[str, t.Any]]:
    manner = task.manner
    version = manner.serves if manner.version == "as served" else "latest"
    client = Client(Settings(BASE, version, "Bearer k", 1.0, manner.retries, True), "tests", sleep=lambda seconds: None)
    service = Service(task)
    client._session.mount(BASE, service)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_routes, "MAX_IDS", manner.max_ids)
        try:
            outcome = apply(UNASSIGN, Incidents(client, version), task.ids, manner.missing, check_mode)
        except CoralogixError as error:
            outcome = _plan.Outcome(error=error)
    return service, _plan.result(UNASSIGN, task.ids, outcome, diff=True)


def check_form(task: Task, result: dict[str, t.Any]) -> None:
    """What holds for every result, whatever was answered."""
    json.dumps(result)
    for name in ("unassigned_ids", "not_found_ids"):
        assert [one for one in task.ids if one in result[name]] == result[name]
    assert result["changed"] or not result["unassigned_ids"]
    assert ("msg" in result) == ("ansible_facts" not in result)
    if "diff" in result:
        assert list(result["diff"]["before"]) == list(result["diff"]["after"]) == result["unassigned_ids"]


READS = {"readable": mostly_true, "unreadable": forbidden}


def check_real_run(task: Task) -> None:
    service, result = carry_out(task, check_mode=False)
    check_form(task, result)
    # Only what the read showed as assigned is written, unless reading is out of the question.
    assert set(service.written) <= set(task.ids)
    unreadable = {403, 404, 405, 501}
    if (task.manner.version, task.manner.serves) == ("latest", "3"):
        # After another route was missing, "invalid" is taken for a missing route as well.
        unreadable.add(400)
    if service.written and unreadable.isdisjoint(status for _ids, status, _answer in service.read_first):
        assert set(service.written) <= seen_assigned(service)
    # What is shown is what some answer showed, untouched.
    assert all(incident in service.shown for incident in result["incidents"])
    # A removed assignment is never kept quiet about, unless an answer said of it that it was not removed.
    if service.truly_changed - service.hides:
        assert result["changed"]
    # None is said to be removed that is still there, unless an answer said so.
    still_assigned = {one for one, incident in service.state.items() if incident["assignments"]}
    assert not set(result["unassigned_ids"]) & still_assigned - service.pretends
    # A task that ends well has left nobody assigned, and says which incidents there are not.
    if "msg" not in result:
        # Without reading, an incident that the answer leaves out is taken for unknown.
        unsaid = service.omits & {*result["not_found_ids"]}
        assert not set(task.ids) & still_assigned - service.pretends - service.hides - unsaid
        known = [incident["id"] for incident in result["incidents"]]
        assert len(known) + len(result["not_found_ids"]) >= len(task.ids) or service.hides
    event(f"wrote: {bool(service.written)}, failed: {'msg' in result}")
    event(f"an untrue answer: {bool(service.hides or service.pretends)}")


def check_dry_run(task: Task) -> None:
    service, result = carry_out(task, check_mode=True)
    check_form(task, result)
    assert service.written == []
    assert set(result["unassigned_ids"]) <= seen_assigned(service)
    if "msg" not in result:
        assert not any(incident["assignments"] for incident in result["incidents"])
        assert set(result["unassigned_ids"]) == seen_assigned(service) & set(task.ids)
    if not service.hides and not service.pretends and "msg" not in result:
        true = [one for one in task.ids if task.incidents.get(one, {}).get("assignments")]
        assert result["unassigned_ids"] == true


@pytest.mark.parametrize("check", [check_real_run, check_dry_run])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_result_is_true_whatever_is_answered(read: st.SearchStrategy[t.Any], check: t.Callable[[Task], None]) -> None:
    ran = 0

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(task=tasks(read))
    def examples(task: Task) -> None:
        nonlocal ran
        ran += 1
        check(task)

    examples()
    assert ran >= EXAMPLES
