# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks whose service answers in every wrong shape, and what has to hold for their results all the same.

Each of the examples, thousands in a run and the same ones in every run, is a whole task. The client is the
real one; in the place of its session stands a service that keeps the true state of its incidents, and
that for every request has a turn drawn before: whether a write takes effect, and what is answered (the
truth, the truth with some of its nodes dropped, replaced or doubled, a lie in the right shape, another status,
bytes cut short, a broken connection). The invariants are at the end.

The examples are drawn by `random`, by their numbers, and made smaller by simpler() where one fails: Hypothesis
takes several times as long for the drawing alone as the task takes that is drawn.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import copy
import itertools
import json
import math
import random
import typing as t
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import urllib3
from ansible_collections.coralogix.incidents.plugins.module_utils import _incidents, _plan, _routes
from ansible_collections.coralogix.incidents.plugins.module_utils._client import PARALLEL, Client
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import CoralogixError
from ansible_collections.coralogix.incidents.plugins.module_utils._incidents import Incidents
from ansible_collections.coralogix.incidents.plugins.module_utils._module import apply
from ansible_collections.coralogix.incidents.plugins.module_utils._options import Settings
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change
from ansible_collections.coralogix.incidents.plugins.modules.incident_acknowledge import ACKNOWLEDGE
from ansible_collections.coralogix.incidents.plugins.modules.incident_assign import assign
from ansible_collections.coralogix.incidents.plugins.modules.incident_unassign import UNASSIGN

BASE = "https://api.example.com/mgmt/openapi/latest"
IDS = [f"0b5f8a3e-6c1d-4f0e-9a57-00000000000{digit}" for digit in "0abcd"]
V1 = "/incidents/incidents/v1"

# Served routes, written down anew: (method, path below the base) -> what it is and where the IDs are.
ROUTES: dict[str, dict[str, dict[tuple[str, str], tuple[str, str]]]] = {
    "unassign": {
        "3": {("GET", f"{V1}/batch"): ("read", "ids"), ("DELETE", f"{V1}/by-user"): ("write", "incident_ids")},
        "5": {("GET", V1): ("read", "ids"), ("DELETE", f"{V1}/all/by-user"): ("write", "incident_ids")},
    },
    "assign": {
        "3": {("GET", f"{V1}/batch"): ("read", "ids"), ("POST", f"{V1}/by-user"): ("write", "incident_ids")},
        "5": {("GET", V1): ("read", "ids"), ("POST", f"{V1}/all/by-user"): ("write", "incidentIds")},
    },
    "acknowledge": {
        "3": {("GET", f"{V1}/batch"): ("read", "ids"), ("POST", f"{V1}/acknowledge"): ("write", "incident_ids")},
        "5": {("GET", V1): ("read", "ids"), ("POST", f"{V1}/all/acknowledge"): ("write", "incidentIds")},
    },
    "list": {"5": {("POST", V1): ("list", "")}},
}

Json = t.Any
Incident = dict[str, Json]


# What can be drawn. A few draws for each example, from long lists: that is what makes thousands affordable.
def assignment(user: str) -> Json:
    return {"assignedTo": {"userId": user}, "assignedBy": {"userId": "u0"}}


# The fields of an incident as the API documents them, each with values that it may have; ... leaves it out.
FIELDS: dict[str, list[Json]] = {
    "assignments": [[], [assignment("u1")], [assignment("u1"), assignment("u2")], [assignment("me")]],
    "name": ["High latency", "", "\u00fc {{ x }}"],
    "description": ["d", ...],
    "state": ["INCIDENT_STATE_TRIGGERED", "INCIDENT_STATE_UNSPECIFIED"],
    "status": ["INCIDENT_STATUS_TRIGGERED", "INCIDENT_STATUS_ACKNOWLEDGED", "INCIDENT_STATUS_RESOLVED"],
    "severity": ["INCIDENT_SEVERITY_CRITICAL", ...],
    "contextualLabels": [{}, {"Team Name": "sre", "": ""}],
    "displayLabels": [{"Application": "shop"}, ...],
    "metaLabels": [[{"key": "team", "value": "sre"}], []],
    "createdAt": ["2026-11-23T02:58:11.000Z"],
    "closedAt": [None, ..., ..., "2026-11-23T04:10:00.000Z"],
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


def made_up(draw: random.Random) -> Incident:
    return incident_of(draw.randrange(KINDS))


KINDS = math.prod(map(len, FIELDS.values()))


# What each change makes of an incident, written down anew.
def users(incident: Incident) -> list[Json]:
    """Those who hold it; an assignment of a spoilt answer, which does not say whose it is, counts as well."""
    told = [one.get("assignedTo") if isinstance(one, dict) else None for one in incident["assignments"]]
    return [one["userId"] if isinstance(one, dict) and isinstance(one.get("userId"), str) else "" for one in told]


def standing(name: str, incident: Json) -> str | None:
    """Whether an incident is as wanted, is to be left alone, or needs the change; None where it is of no shape."""
    if not isinstance(incident, dict) or not isinstance(incident.get("assignments"), list):
        return None
    if name == "unassign":
        return "needy" if incident["assignments"] else "wanted"
    if name == "assign":
        return "wanted" if users(incident) == ["me"] else "needy"
    if not all(isinstance(incident.get(key), str) for key in ("status", "state")):
        return None
    if incident["status"] == "INCIDENT_STATUS_ACKNOWLEDGED":
        return "wanted"
    past = incident["status"] == "INCIDENT_STATUS_RESOLVED" or incident["state"] == "INCIDENT_STATE_RESOLVED"
    return "passed" if past or incident.get("closedAt") else "needy"


EFFECT: dict[str, Incident] = {
    "unassign": {"assignments": []},
    "assign": {"assignments": [{"assignedTo": {"userId": "me"}, "assignedBy": {"userId": "u0"}}]},
    "acknowledge": {"status": "INCIDENT_STATUS_ACKNOWLEDGED"},
}
CHANGES: dict[str, Change] = {
    "unassign": UNASSIGN,
    "assign": assign({"assignee": "me", "only_unassigned": False}),
    "acknowledge": ACKNOWLEDGE,
}

STATUS = {"status": "INCIDENT_STATUS_ACKNOWLEDGED", "state": "INCIDENT_STATE_TRIGGERED"}
FREE = [{"id": one, "assignments": [], **STATUS} for one in IDS]
HELD = [{"id": one, "assignments": [assignment("u3")], **STATUS, "status": "INCIDENT_STATUS_TRIGGERED"} for one in IDS]
MINE = [{"id": one, "assignments": [assignment("me")], **STATUS, "status": "INCIDENT_STATUS_RESOLVED"} for one in IDS]
OTHER_JSON: list[Json] = [
    *(None, True, False, 0, -1, 0.5, 1e300, 10**30, "", "x", "null", "\u2028", [], {}, [[]], [None], [{}], {"": None}),
    *([0], {"id": None}, {"message": "no"}, [assignment("u3")], {"incidents": []}, {"incidents": {}}),
    *({"incidents": {}, "notFoundIds": []}, {"incidents": {}, "notFoundIds": IDS}, {"notFoundIds": IDS}),
    *(IDS, *IDS, *FREE, *HELD, *MINE, FREE, HELD, MINE, "me", "INCIDENT_STATUS_ACKNOWLEDGED", "9" * 5000),
    *({"incidents": FREE}, {"incidents": HELD}, {"incidents": dict(zip(IDS, FREE)), "notFoundIds": []}),
    *({"incidents": FREE, "pagination": {"totalSize": 9, "nextPageToken": token}} for token in ("1", "x", 5, None)),
]


class Edit(t.NamedTuple):
    """A change of one node of the true answer."""

    node: int
    how: str
    value: Json


def drawn_edit(draw: random.Random) -> Edit:
    # The upper nodes, on which decisions rest, come first.
    node = draw.randint(0, draw.choice((8, 60)))
    return Edit(node, draw.choice(("drop", "replace", "replace", "double", "add", "rename")), draw.choice(OTHER_JSON))


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
TRUTH = (Turn("all", "truth"),)


def drawn_turn(draw: random.Random) -> Turn:
    effect = draw.choice(EFFECTS)
    kind = draw.random()
    if kind < 0.3:
        return draw.choice(PLAIN_TURNS)
    if kind < 0.6:
        lie = {key: draw.choice(FIELDS[key]) for key in ("assignments", "status", "state")}
        return Turn(effect, "lie", [Edit(draw.randrange(3), "lie", lie)])
    return Turn(effect, "edited", [drawn_edit(draw) for _edit in range(draw.randint(1, 2))])


# The last turn is that of all requests after it.
def some_turns(draw: random.Random) -> t.Sequence[Turn]:
    return [drawn_turn(draw) for _turn in range(draw.randint(1, 2))]


def mostly_true(draw: random.Random) -> t.Sequence[Turn]:
    return TRUTH if draw.random() < 0.6 else some_turns(draw)


def forbidden(draw: random.Random) -> t.Sequence[Turn]:
    return [Turn("none", "status", (), draw.choice((403, 404, 405, 501)))]


class Manner(t.NamedTuple):
    missing: str
    serves: str
    version: str
    retries: int
    max_ids: int


MANNERS = [
    Manner(*each)
    for each in itertools.product(
        ("ignore", "fail"), ("3", "5"), ("latest", "as served"), (0, 1, 2), (10_000, 10_000, 1, 2)
    )
]


class Task(t.NamedTuple):
    change: str
    incidents: dict[str, Incident]
    ids: list[str]
    manner: Manner
    read: t.Sequence[Turn]
    write: t.Sequence[Turn]
    reread: t.Sequence[Turn]


SELECTIONS = [list(some) for count in (3, 2, 1, 4) for some in itertools.permutations(IDS[:4], count)]


Draw = t.Callable[[random.Random], t.Any]


def drawn_task(draw: random.Random, change: str, read: Draw, incident: Draw) -> Task:
    return Task(
        change,
        # Of the five IDs three exist.
        incidents={one: incident(draw) for one in IDS[:3]},
        ids=draw.choice(SELECTIONS),
        manner=draw.choice(MANNERS),
        read=read(draw),
        write=some_turns(draw),
        reread=mostly_true(draw),
    )


def simpler(task: Task) -> t.Iterator[Task]:
    """The same task with one thing less in it."""
    if len(task.ids) > 1:
        yield from (task._replace(ids=[other for other in task.ids if other != one]) for one in task.ids)
    for stage in ("read", "write", "reread"):
        turns: t.Sequence[Turn] = getattr(task, stage)
        less: list[t.Any] = [TRUTH, *([turn] for turn in turns if len(turns) > 1)]
        less += [[turn._replace(edits=[edit])] for turn in turns[:1] for edit in turn.edits if len(turn.edits) > 1]
        yield from (Task(**{**task._asdict(), stage: each}) for each in less if [*each] != [*turns])
    for one, incident in task.incidents.items():
        plain = {**incident_of(0), **{key: incident[key] for key in ("assignments", "status")}}
        if incident != plain:
            yield task._replace(incidents={**task.incidents, one: plain})


def smallest(task: Task, fails: t.Callable[[Task], bool]) -> Task:
    """The simplest task that still fails, as far as simpler() leads."""
    found: Task | None = task
    while found is not None:
        task = found
        found = next((one for one in simpler(task) if fails(one)), None)
    return task


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


class Service:
    """The network and what is behind it, in the place of the session that a client has."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.routes = ROUTES[task.change][task.manner.serves]
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
        """IDs that an answer showed as in need, or as otherwise than wanted, though they were not."""
        self.pretends: set[str] = set()
        """IDs that an answer showed as not in need, or as wanted, though they were not."""
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

    def request(self, method: str, url: str, *, json: Json, **_given: t.Any) -> SimpleNamespace:
        parts = urlsplit(url)
        kind, parameter = self.routes.get((method, parts.path[len(urlsplit(BASE).path) :]), ("", ""))
        if not kind:
            return self._response(404, b'{"code":5,"message":"Not Found","details":[]}')
        if kind == "list":
            return self._listed(json)
        sent: list[tuple[str, t.Any]] = [*parse_qsl(parts.query), *(json or {}).items()]
        user = {"3": ("assigned_to.userId", "me"), "5": ("assignedTo", {"userId": "me"})}[self.task.manner.serves]
        if kind == "write" and self.task.change == "assign":
            sent.remove(user)
        assert {name for name, _value in sent} == {parameter}
        ids = json[parameter] if json else [value for _name, value in sent]
        turn = self._turn(kind, ids)
        if kind == "write":
            self.written += ids
            self._take_effect(ids, turn)
        answer: Json = self._true_read(ids) if kind == "read" else self._true_write(ids)
        status, body = self._spoilt(answer, turn)
        told = self._told(kind, ids, status, body)
        if kind == "read" and not self.written:
            self.read_first.append((ids, status, told))
        return self._delivered(turn, status, body)

    def _delivered(self, turn: Turn, status: int, body: bytes) -> SimpleNamespace:
        if turn.how == "lost":
            raise requests.ConnectionError(
                urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
            )
        if turn.how == "broken":
            raise requests.exceptions.ChunkedEncodingError(urllib3.exceptions.ProtocolError("broken", ValueError("x")))
        return self._response(status, body)

    def _listed(self, asked: Json) -> SimpleNamespace:
        size, start = asked["pagination"]["pageSize"], asked["pagination"].get("pageToken", "0")
        turn = self._turn("read", [start])
        if not start.isdecimal():
            return self._response(400, b'{"code":3,"message":"invalid page token","details":[]}')
        end = int(start) + size
        more = {"nextPageToken": str(end)} if end < len(self.state) else {}
        page = [*self.state.values()][int(start) : end]
        status, body = self._spoilt({"incidents": page, "pagination": {"totalSize": len(self.state), **more}}, turn)
        self.read_first.append(([start], status, self._told("list", [], status, body)))
        return self._delivered(turn, status, body)

    def _take_effect(self, ids: list[str], turn: Turn) -> None:
        # A refusal is one: nothing else could be told from it.
        refused = turn.how == "status" and (300 <= turn.number < 500 or turn.number == 501)
        reach = {"all": ids, "none": [], "first": ids[:-1]}[turn.effect]
        for one in () if refused else reach:
            if self.true_standing(one) == "needy":
                self.state[one] = {**self.state[one], **EFFECT[self.task.change]}
                self.truly_changed.add(one)

    def true_standing(self, one: str) -> str | None:
        return standing(self.task.change, self.state.get(one))

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
        if turn.how == "lie":
            (lie,) = turn.edits
            told = copy.deepcopy(told_incidents(answer))
            if told:
                told[lie.node % len(told)][1].update(lie.value)
            made = dict(told) if isinstance(answer["incidents"], dict) else [incident for _one, incident in told]
            return 200, json.dumps({**answer, "incidents": made}).encode()
        if turn.how == "other":
            return 200, json.dumps(turn.edits[0].value).encode()
        whole = json.dumps(answer).encode()
        if turn.how == "cut":
            return 200, whole[: len(whole) * turn.number // 100]
        if turn.how == "status" and turn.number >= 300:
            return turn.number, b'{"code":1,"message":"no","details":[]}'
        return turn.number, b"" if turn.number == 204 else whole

    def _response(self, status: int, body: bytes) -> SimpleNamespace:
        return SimpleNamespace(status_code=status, content=body, headers={"Content-Type": "application/json"})

    def _told(self, kind: str, ids: list[str], status: int, body: bytes) -> Json:
        """Take down what the answer says of the incidents, and where that is not the truth."""
        if not 200 <= status < 300:
            return None
        try:
            answer = json.loads(body)
        except ValueError:
            return None
        pairs = told_incidents(answer)
        self.shown += [incident for _one, incident in pairs]
        if kind == "write":
            self.omits.update({*ids} - {one for one, _incident in pairs if isinstance(one, str)})
        for one, incident in pairs:
            if isinstance(one, str) and one in ids:
                self._compare(one, standing(self.task.change, incident))
        unknown = answer.get("notFoundIds") if isinstance(answer, dict) else None
        if kind == "read" and isinstance(unknown, list):
            self.hides.update(one for one in ids if one in self.state and one in unknown)
        return answer

    def _compare(self, one: str, said: str | None) -> None:
        true = self.true_standing(one)
        if said and said != true:
            if true != "needy":
                self.hides.add(one)
            if said != "needy":
                self.pretends.add(one)


def told_incidents(answer: Json) -> list[tuple[Json, Json]]:
    """The incidents of an answer with the ID that each has in it, in either form."""
    told = answer.get("incidents") if isinstance(answer, dict) else None
    if isinstance(told, dict):
        return [*told.items()]
    return [(one.get("id"), one) for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def seen_needy(service: Service) -> set[str]:
    """The incidents that the reads before the first write showed as in need of the change."""
    return {
        one
        for ids, _status, answer in service.read_first
        if isinstance(answer, dict) and isinstance(answer.get("incidents"), dict)
        for one in ids
        if standing(service.task.change, answer["incidents"].get(one)) == "needy"
    }


# By the number of retries: what takes long to make, and is the same for all examples.
CLIENTS = [
    Client(
        Settings(BASE, "latest", "Bearer k", 1.0, retries, True, "api_key", "api_url"),
        "tests",
        sleep=lambda seconds: None,
    )
    for retries in range(3)
]
POOL = concurrent.futures.ThreadPoolExecutor(PARALLEL)


def incidents_of(task: Task) -> tuple[Service, Incidents]:
    """The network, and the service of the collection for it."""
    manner = task.manner
    version = manner.serves if manner.version == "as served" else "latest"
    service = Service(task)
    client = CLIENTS[manner.retries]
    client._session = t.cast("requests.Session", service)
    return service, Incidents(client, version, CHANGES[task.change].texts if task.change in CHANGES else ())


def carry_out(task: Task, check_mode: bool) -> tuple[Service, dict[str, t.Any]]:
    change, manner = CHANGES[task.change], task.manner
    service, incidents = incidents_of(task)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(concurrent.futures, "ThreadPoolExecutor", lambda workers: contextlib.nullcontext(POOL))
        patch.setattr(_routes, "MAX_IDS", manner.max_ids)
        patch.setattr(_routes, "MAX_IDS_IN_BODY", manner.max_ids)
        try:
            outcome = apply(change, incidents, task.ids, manner.missing, check_mode)
        except CoralogixError as error:
            outcome = _plan.Outcome(error=error)
    return service, _plan.result(change, task.ids, outcome, diff=True)


def done_ids(task: Task, result: dict[str, t.Any]) -> list[str]:
    ids: list[str] = result[f"{CHANGES[task.change].done}_ids"]
    return ids


def check_form(task: Task, result: dict[str, t.Any]) -> None:
    """What holds for every result, whatever was answered."""
    json.dumps(result)
    done = done_ids(task, result)
    for ids in (done, result["not_found_ids"], result.get("left_alone_ids", [])):
        assert [one for one in task.ids if one in ids] == ids
    assert result["changed"] or not done
    assert ("msg" in result) == ("ansible_facts" not in result)
    if "diff" in result:
        assert list(result["diff"]["before"]) == list(result["diff"]["after"]) == done
    assert set(result.get("reassigned_ids", ())) <= set(done)


def check_real_run(task: Task) -> None:
    service, result = carry_out(task, check_mode=False)
    check_form(task, result)
    # Only what the read showed as in need is written, unless reading is out of the question.
    assert set(service.written) <= set(task.ids)
    unreadable = {403, 404, 405, 501}
    if (task.manner.version, task.manner.serves) == ("latest", "3"):
        # After another route was missing, "invalid" is taken for a missing route as well.
        unreadable.add(400)
    readable = unreadable.isdisjoint(status for _ids, status, _answer in service.read_first)
    if readable or CHANGES[task.change].passed:
        assert set(service.written) <= seen_needy(service)
    # What is shown is what some answer showed, untouched.
    assert all(incident in service.shown for incident in result["incidents"])
    # A change is never kept quiet about, unless an answer said of it that it was not made.
    if service.truly_changed - service.hides:
        assert result["changed"]
    # None is said to be done that is not as wanted, unless an answer said so.
    unwanted = {one for one in IDS if service.true_standing(one) != "wanted"}
    assert not set(done_ids(task, result)) & unwanted - service.pretends
    # A task that ends well has left none in need, and says which incidents there are not.
    if "msg" not in result:
        # Without reading, an incident that the answer leaves out is taken for unknown.
        unsaid = service.omits & {*result["not_found_ids"]}
        needy = {one for one in task.ids if service.true_standing(one) == "needy"}
        assert not needy - service.pretends - service.hides - unsaid
        known = [incident["id"] for incident in result["incidents"]]
        assert len(known) + len(result["not_found_ids"]) >= len(task.ids) or service.hides
        left = {one for one in IDS if service.true_standing(one) == "passed"}
        assert set(result.get("left_alone_ids", ())) - service.hides - service.pretends <= left


def check_dry_run(task: Task) -> None:
    service, result = carry_out(task, check_mode=True)
    check_form(task, result)
    done = done_ids(task, result)
    assert service.written == []
    assert set(done) <= seen_needy(service)
    if "msg" not in result:
        assert not any(standing(task.change, incident) == "needy" for incident in result["incidents"])
        assert set(done) == seen_needy(service) & set(task.ids)
    if not service.hides and not service.pretends and "msg" not in result:
        true = {one: {**task.incidents[one], "id": one} for one in task.ids if one in task.incidents}
        assert done == [one for one in true if standing(task.change, true[one]) == "needy"]


def check_list(task: Task) -> None:
    service, incidents = incidents_of(task)
    limit = len(task.ids) if task.manner.missing == "fail" else None
    found = None
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(CoralogixError):
        patch.setattr(_incidents, "PAGE", min(task.manner.max_ids, 2))
        found = incidents.find({}, lambda incident: incident["assignments"] != [], limit)
    # Three incidents are three pages at most, and the tokens that lead further are as few.
    assert len(service.read_first) <= 8 * (task.manner.retries + 1)
    if found is not None:
        assert limit is None or len(found.incidents) <= limit
        assert all(incident in service.shown and incident["assignments"] for incident in found.incidents)
        assert len({incident["id"] for incident in found.incidents}) == len(found.incidents)
        json.dumps(found)
    if task.read == TRUTH:
        held = [incident for incident in service.state.values() if incident["assignments"]]
        assert found == (held[:limit], len(service.state))


# The change, what becomes of reading, and what is checked.
CASES: dict[str, tuple[str, Draw, t.Callable[[Task], None]]] = {
    "unassign": ("unassign", mostly_true, check_real_run),
    "unassign unread": ("unassign", forbidden, check_real_run),
    "unassign in check mode": ("unassign", mostly_true, check_dry_run),
    "assign": ("assign", mostly_true, check_real_run),
    "assign unread": ("assign", forbidden, check_real_run),
    "assign in check mode": ("assign", mostly_true, check_dry_run),
    "acknowledge": ("acknowledge", mostly_true, check_real_run),
    "acknowledge in check mode": ("acknowledge", mostly_true, check_dry_run),
    "list": ("list", mostly_true, check_list),
}


def holds(check: t.Callable[[Task], None], task: Task) -> bool:
    try:
        check(task)
    except Exception:  # whatever it is, it is what must not happen
        return False
    return True


def hold(case: str, examples: int, incident: Draw) -> None:
    """Check so many tasks of a case, each with incidents drawn by the function."""
    change, read, check = CASES[case]
    for number in range(examples):
        task = drawn_task(random.Random(f"{case} {number}"), change, read, incident)
        if change == "list":
            task = task._replace(manner=task.manner._replace(serves="5", version="as served"))
        if not holds(check, task):
            task = smallest(task, lambda one: not holds(check, one))
            print(task)
            check(task)
