# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be drawn: a scenario is everything about one run, and the same seed draws the same one again."""

from __future__ import annotations

import dataclasses
import email.utils
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

from .tasks import APPLICATION, APPLICATIONS, DAYS, LIST, READ, STAGES, TASKS, TEAMS, USERS, Task, draw_query

PAGE = "<html><head><title>Proxy Login</title></head><body>Please log in</body></html>"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

IN_PROCESS, BARE, KILLED, PLAYBOOK = "in process", "bare module", "killed", "playbook"
# Out of a thousand runs. A process of its own costs fifty runs in this one, a playbook three hundred.
WAYS = {IN_PROCESS: 955, BARE: 20, KILLED: 20, PLAYBOOK: 5}

# By which of its requests a fault strikes a task: what they are called, its table says.
READS, WRITES = "reads", "writes"


class Kind(NamedTuple):
    """A kind of fault, by the arguments of the simulator's Fault."""

    fault: Mapping[str, Any]
    mends: bool = False
    """Whether the module is to try again after it, so that a fault that passes costs only time."""
    effects: tuple[bool, ...] = (False,)
    """Whether a write takes effect nevertheless. A refusal is one: nothing else could be told from it."""
    requests: tuple[str, ...] = (READS, WRITES)
    tasks: tuple[str, ...] = ()
    """The tasks that it is for; none are all."""


EITHER = (False, True)


def _without(gone: str) -> Callable[[Any], Any]:
    return lambda answer: _each_incident(answer, lambda one: {key: one[key] for key in one if key != gone})


def _each_incident(answer: Any, change: Any) -> Any:
    """The answer with every incident changed, whether they stand in a map or in a list."""
    told = answer.get("incidents") if isinstance(answer, dict) else None
    if isinstance(told, dict):
        return {**answer, "incidents": {one: change(incident) for one, incident in told.items()}}
    return {**answer, "incidents": [change(one) for one in told]} if isinstance(told, list) else answer


def _last_left_out(answer: Any) -> Any:
    told = answer.get("incidents") if isinstance(answer, dict) else None
    return {**answer, "incidents": told[:-1]} if isinstance(told, list) else answer


# JSON that is whole, and not what the API documents. Nothing here is a well-shaped untruth about a read:
# from that nothing could be told.
MIS_SHAPED: dict[str, Any] = {
    "null": None,
    "number": 3,
    "text": '"no"',
    "list": [1, 2],
    "empty object": {},
    "other object": {"ok": True},
    "incidents null": {"incidents": None, "notFoundIds": None},
    "incidents text": {"incidents": "none", "notFoundIds": []},
    "incidents of null": {"incidents": [None], "notFoundIds": []},
    "id a number": {"incidents": [{"id": 3, "assignments": []}], "notFoundIds": []},
    "no assignments": _without("assignments"),
    "assignments null": lambda answer: _each_incident(answer, lambda one: {**one, "assignments": None}),
    "assignments a map": lambda answer: _each_incident(answer, lambda one: {**one, "assignments": {}}),
    "id gone": _without("id"),
}


def _pagination(changed: Mapping[str, Any]) -> Callable[[Any], Any]:
    """The page of a list with its pagination changed."""
    return lambda answer: (
        {**answer, "pagination": {**answer["pagination"], **changed}}
        if isinstance(answer, dict) and "pagination" in answer
        else answer
    )


def _without_pagination(answer: Any) -> Any:
    return {name: answer[name] for name in answer if name != "pagination"} if isinstance(answer, dict) else answer


def _total_as_text(answer: Any) -> Any:
    """As some gateways write a number of 64 bits."""
    found = answer.get("pagination") if isinstance(answer, dict) else None
    return _pagination({"totalSize": str(found["totalSize"])})(answer) if found else answer


BY_FILTERS = tuple(name for name, task in TASKS.items() if task.by_filters)

# A stale answer is made where the incidents are, in world.py; and what leads back, where the pages are.
STALE = "answer shows the state before"
LEADS_BACK = "page: leads back"

TOO_LARGE = {"code": 8, "message": "grpc: received message larger than max (5242880 vs. 4194304)"}

KINDS: dict[str, Kind] = {
    **{f"status {status}": Kind({"status": status}) for status in (300, 304, 400, 401, 403, 405, 409, 414, 418)},
    "status 404, no route": Kind({"status": 404, "body": {"code": 5, "message": "Not Found", "details": []}}),
    "status 404, no incident": Kind({"status": 404, "body": "Not Found: incident X"}),
    "status 501": Kind({"status": 501, "body": {"code": 12, "message": "Method Not Allowed"}}),
    "status 407, a page": Kind({"status": 407, "body": PAGE}),
    **{f"status {status}": Kind({"status": status}, True, EITHER) for status in (500, 502, 503, 504)},
    "status 502, a page": Kind({"status": 502, "body": PAGE}, True, EITHER),
    "status 503, Retry-After 1": Kind({"status": 503, "headers": {"Retry-After": "1"}}, True, EITHER),
    **{f"status {status}": Kind({"status": status}, False, EITHER) for status in (408, 499, 520)},
    "status 429, too large": Kind({"status": 429, "body": TOO_LARGE}, False, EITHER),
    "status 100": Kind({"status": 100}, True, EITHER),
    "status 202": Kind({"status": 202}, False, EITHER),
    "status 204": Kind({"status": 204, "body": ""}, True, EITHER),
    **{
        f"status 429, Retry-After {value}": Kind({"status": 429, "headers": {"Retry-After": value}}, True)
        for value in ("0", "1", "2", "soon")
    },
    "status 429, Retry-After a date": Kind({"status": 429, "headers": {"Retry-After": "DATE"}}, True),
    "status 429, Retry-After 7200": Kind({"status": 429, "headers": {"Retry-After": "7200"}}),
    "status 429": Kind({"status": 429}, True),
    "reset": Kind({"reset": True}, True, EITHER),
    "hang": Kind({"hang": 20}, True, EITHER),
    "truncated": Kind({"truncate": True}, True, EITHER),
    "truncated chunks": Kind({"truncate_chunked": True}, True, EITHER),
    "malformed": Kind({"malformed": True}, True, EITHER),
    "a page": Kind({"replace": PAGE}, False, EITHER),
    "empty": Kind({"replace": ""}, True, EITHER),
    **{f"mis-shaped: {name}": Kind({"replace": body}, False, EITHER) for name, body in MIS_SHAPED.items()},
    **{f"redirect {status}": Kind({"redirect": "TRAP", "status": status}) for status in (301, 302, 303, 307, 308)},
    "latency": Kind({"delay": 0.02}, True, (True,)),
    "accepted without effect": Kind({"replace": lambda answer: answer}, False, (False,), (WRITES,)),
    "answer leaves one out": Kind({"replace": _last_left_out}, False, EITHER, (WRITES,)),
    STALE: Kind({"replace": STALE}, False, (True,), (WRITES,)),
    **{
        f"mis-shaped: no {key}": Kind(
            {"replace": _without(key)},
            False,
            EITHER,
            tasks=tuple(name for name, task in TASKS.items() if task.change and key in task.change.texts),
        )
        for key in ("status", "state")
    },
    "page: no pagination": Kind({"replace": _without_pagination}, False, (False,), (READS,), BY_FILTERS),
    "page: no total": Kind({"replace": _pagination({"totalSize": None})}, False, (False,), (READS,), BY_FILTERS),
    "page: token a number": Kind({"replace": _pagination({"nextPageToken": 7})}, False, (False,), (READS,), BY_FILTERS),
    "page: total as text": Kind({"replace": _total_as_text}, True, (True,), (READS,), BY_FILTERS),
    LEADS_BACK: Kind({"replace": LEADS_BACK}, False, (False,), (READS,), BY_FILTERS),
}
# After these the module waits in vain, as long as its timeout says.
SILENT = ("hang", "status 100")
# Drawn so many times as often as others, as most of what the module has to know rests on them.
WEIGHTS = {
    "accepted without effect": 6,
    "answer leaves one out": 3,
    STALE: 3,
    "reset": 4,
    "truncated": 3,
    "status 500": 2,
    "status 504": 3,
    "status 403": 3,
    "status 429, Retry-After 7200": 4,
    # Few tasks can meet them.
    **{name: 3 if kind.tasks == BY_FILTERS else 12 for name, kind in KINDS.items() if kind.tasks},
    LEADS_BACK: 12,
}
# Harmless where the module does what it promises: such a fault is no reason to fail.
HARMLESS = ("latency", "page: total as text", STALE)


@dataclass(frozen=True)
class Held:
    """An incident at the start."""

    id: str
    assignments: tuple[tuple[str, str], ...]
    """Pairs of who is assigned and who assigned them."""
    events: int
    fields: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Struck:
    """A fault."""

    kind: str
    operation: str
    effect: bool
    times: int | None
    skip: int
    when_id: str | None


@dataclass(frozen=True)
class Deed:
    """What another user does meanwhile: C(moment) the C(number)th request of the operation takes effect."""

    action: str
    id: str
    operation: str
    number: int
    moment: str


@dataclass(frozen=True)
class Kill:
    """When the process is killed: some time after its start, or by a request."""

    seconds: float
    operation: str | None
    number: int
    moment: str


@dataclass(frozen=True)
class Scenario:
    seed: int
    way: str
    name: str
    """Of the task, a row of the table."""
    options: tuple[tuple[str, Any], ...]
    """Of the module's own."""
    page: int
    """How many incidents the module asks for in a page."""
    api_version: str
    latest: str
    whole_base: bool
    """Whether api_url is the base with the version in it."""
    simulator: tuple[tuple[str, Any], ...]
    key: str
    auth_scheme: str
    permissions: tuple[str, ...]
    key_kind: str
    key_known: bool
    incidents: tuple[Held, ...]
    ids: tuple[str, ...]
    """As given to the task."""
    missing: str
    check_mode: bool
    diff: bool
    events: bool
    timeout: float
    retries: int
    faults: tuple[Struck, ...]
    deeds: tuple[Deed, ...]
    kill: Kill | None = None

    @property
    def task(self) -> Task:
        return TASKS[self.name]

    @property
    def query(self) -> dict[str, Any]:
        """The options that choose incidents, if they are not given by their IDs."""
        return dict(self.options) if self.task.by_filters else {}

    @property
    def serves(self) -> str:
        """The version whose routes and limits apply."""
        return self.latest if self.api_version == "latest" else self.api_version

    @property
    def asked(self) -> list[str]:
        return list(dict.fromkeys(one.strip() for one in self.ids))

    @property
    def valid(self) -> list[str]:
        """The IDs that the version takes: a further run asks for these only."""
        return [one for one in self.asked if self.serves != "5" or UUID.fullmatch(one.lower())]

    def args(self, url: str) -> dict[str, Any]:
        """The module's options."""
        base = f"/mgmt/openapi/{self.api_version}" if self.whole_base else ""
        by_ids = {} if self.task.by_filters else {"incident_ids": list(self.ids), "missing": self.missing}
        return {
            **by_ids,
            **dict(self.options),
            "events": self.events,
            "api_key": self.key,
            "auth_scheme": self.auth_scheme,
            "api_url": url + base,
            "api_version": self.api_version,
            "timeout": self.timeout,
            "retries": self.retries,
        }

    def __str__(self) -> str:
        """All that is not as usual, one thing a line; long IDs cut."""
        shown = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            items = value if field.name in ("incidents", "ids", "faults", "deeds") else [value]
            shown += [f"  {field.name}: {_cut(repr(item))}" for item in items[:40]]
            shown += [f"  {field.name}: … {len(items)} in all"] if len(items) > 40 else []
        return "\n".join(shown)


def _cut(text: str) -> str:
    return text if len(text) <= 400 else f"{text[:300]}…{text[-60:]} ({len(text)} characters)"


# IDs.
ODD = "abcXYZ019-_.~ /?#&=%+,;:@'\"<>|\\^`[]()!$\u00e4\u00df\u20ac\u6f22\U0001f600"


def _uuid(random: Random) -> str:
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def _odd_id(random: Random) -> str:
    return _printable("".join(random.choices(ODD, k=random.randint(1, 30)))) or "a%20b"


def _long_id(random: Random) -> str:
    """So long that a request holds few of them; the URL may hold 8,000 characters."""
    wanted = random.choice((900, 1800, 3600))
    text = ""
    while len(quote(text, safe="")) < wanted:
        text += "".join(random.choices(ODD, k=40))
    return _printable(text)


def _printable(text: str) -> str:
    return text.strip()


def _ids(random: Random, lenient: bool, several: bool = False) -> tuple[list[str], list[str]]:
    """IDs of incidents that exist, and IDs of none."""
    if several:
        # More than one page of 500 is rare, as it takes long.
        count = random.choices((random.randint(0, 16), random.randint(501, 1200)), (97, 3))[0]
        # The others are for incidents that another user creates, which moves those that are there.
        return [_uuid(random) for _n in range(count)], [_uuid(random), _uuid(random)]
    size = random.choices(("few", "long", "many"), (85, 10 if lenient else 0, 5))[0]
    if size == "many":
        return [_uuid(random) for _n in range(random.randint(160, 420))], [_uuid(random)][: random.randint(0, 1)]
    if size == "long":
        return [_long_id(random) for _n in range(random.randint(3, 24))], []
    make = random.choice((_uuid, _odd_id)) if lenient else _uuid
    known = [make(random) for _n in range(random.choice((0, 1, 1, 2, 2, 2, 3, 3, 4, 5)))]
    unknown = [make(random) for _n in range(random.choice((0, 0, 0, 0, 0, 0, 1, 2)))]
    if make is _odd_id and known and random.random() < 0.1:
        # Of free text, "a" and "A" are two.
        unknown.append(known[0].swapcase())
    if not lenient and random.random() < 0.03:
        unknown.append(_odd_id(random))
    known = list(dict.fromkeys(known))
    return known, [one for one in dict.fromkeys(unknown) if one not in known]


SOMEBODY = "somebody-else"
"""By whom the simulator has other users assign."""


def _held(random: Random, one: str, events: int) -> Held:
    assignments = tuple(
        (random.choice(USERS), random.choice((SOMEBODY, "u0"))) for _n in range(random.choice((0, 0, 1, 1, 1, 1, 2)))
    )
    status = random.choice(("TRIGGERED", "TRIGGERED", "ACKNOWLEDGED", "RESOLVED"))
    # Mostly as the status says.
    state = random.choice(("RESOLVED" if status == "RESOLVED" else "TRIGGERED",) * 3 + ("RESOLVED", "UNSPECIFIED"))
    fields = {
        "state": f"INCIDENT_STATE_{state}",
        "status": f"INCIDENT_STATUS_{status}",
        "severity": f"INCIDENT_SEVERITY_{random.choice(('INFO', 'LOW', 'WARNING', 'ERROR', 'CRITICAL'))}",
        "contextualLabels": {APPLICATION: random.choice(APPLICATIONS)},
        "metaLabels": [
            {"key": "team", "value": random.choice(TEAMS)},
            {"key": "stage", "value": random.choice(STAGES)},
        ],
        "createdAt": random.choice(DAYS),
        "isMuted": random.random() < 0.2,
        "name": random.choice(("High latency", "", "\u00fc & <b> %s")),
    }
    if random.random() < 0.2:
        fields["closedAt"] = "2026-11-23T04:10:00.000Z"
    return Held(one, assignments, events, tuple(fields.items()))


# Faults and deeds.
def _operation(random: Random, task: Task, requests: Sequence[str]) -> str | None:
    """One that the task carries out by requests of these sorts; the last sort comes twice as often."""
    sorts = {READS: task.reads, WRITES: (task.change.operation,) if task.change else ()}
    chosen = [sorts[sort] for sort in (*requests, requests[-1]) if sorts[sort]]
    return random.choice(random.choice(chosen)) if chosen else None


def _faults(random: Random, name: str, ids: Sequence[str]) -> list[Struck]:
    kinds = [kind for kind, row in KINDS.items() if name in (row.tasks or [name])]
    kinds = [kind for kind in kinds if TASKS[name].change or READS in KINDS[kind].requests]
    drawn = [_struck(random, TASKS[name], kinds, ids) for _n in range(random.choice((0, 0, 1, 1, 1, 2, 2, 3)))]
    if len(drawn) == 2 and random.random() < 0.6:
        # One try after the other meets a fault: an answer that is lost, then a refusal.
        first, second = drawn
        passing = dataclasses.replace(first, times=1, skip=0, when_id=None)
        if KINDS[first.kind].requests == KINDS[second.kind].requests:
            second = dataclasses.replace(second, operation=first.operation, skip=0, when_id=None)
        drawn = [passing, second]
    return drawn


def _struck(random: Random, task: Task, kinds: Sequence[str], ids: Sequence[str]) -> Struck:
    name = random.choices(kinds, [WEIGHTS.get(kind, 1) for kind in kinds])[0]
    kind = KINDS[name]
    return Struck(
        kind=name,
        operation=LIST if kind.tasks == BY_FILTERS else str(_operation(random, task, kind.requests)),
        effect=random.choice(kind.effects),
        # It takes two pages to lead back.
        times=random.choice((1, 1, 1, 2, 3, None)) if name != LEADS_BACK else 4,
        skip=random.choice((0, 0, 0, 1, 1, 2)),
        when_id=random.choice(ids) if ids and random.random() < 0.3 else None,
    )


# What another user does, and how often; what the task itself does is added.
DEEDS = ("assign u1", "assign u1", "assign u2", "unassign", "acknowledge", "resolve", "close", "remove", "create")


def _deed(random: Random, task: Task, ids: Sequence[str], unknown: Sequence[str]) -> Deed:
    same = {"assign": "assign u2"}.get(task.change.operation, task.change.operation) if task.change else "create"
    action = random.choice((*DEEDS, same, same, same))
    return Deed(
        action=action,
        id=random.choice(unknown if unknown and action == "create" else ids),
        operation=str(_operation(random, task, (READS, WRITES))),
        number=random.choice((1, 1, 1, 2, 2, 3)),
        moment=random.choice(("before", "after")),
    )


def _kill(random: Random, task: Task) -> Kill:
    return Kill(
        seconds=random.uniform(0.0, 0.8),
        operation=random.choice((None, _operation(random, task, (READS, WRITES)))),
        number=random.choice((1, 1, 1, 2)),
        moment=random.choice(("before", "after")),
    )


KEYS = (
    # weight, of the permissions of the task (the first is to read), kind, known
    (80, slice(None), "personal", True),
    (9, slice(1, None), "personal", True),
    (3, slice(1), "personal", True),
    (2, slice(0), "personal", True),
    (3, slice(None), "team", True),
    (3, slice(None), "personal", False),
)


def _service(random: Random) -> dict[str, Any]:
    """The manners of the gateway, as the simulator takes them."""
    rare: dict[str, Sequence[Any]] = {
        "auth_first": (True,),
        "not_found": ("json404", "text"),
        "wrong_method": (405,),
        "error_style": ("grpc", "text", "html", "error", "error_message", "detail"),
        "unknown_ids": ("404",),
        "unknown_parameters": ("ignore",),
        "latency": (0.005, 0.02),
    }
    chosen = {name: random.choice(values) for name, values in rare.items() if random.random() < 0.3}
    if random.random() < 0.03:
        # Only by its words is a refusal of "batch" as an ID told from any other; a page has none.
        chosen |= {"without": (READ,), "error_style": "json"}
    if random.random() < 0.02:
        chosen["max_url"] = 2000
    return chosen


def draw(seed: int, way: str | None = None, name: str | None = None) -> Scenario:
    """The scenario of a seed. A way or a task that is given takes the place of the one drawn."""
    random = Random(seed)
    drawn = random.choices(list(WAYS), list(WAYS.values()))[0]
    way = way or drawn
    named = random.choices(list(TASKS), [task.weight for task in TASKS.values()])[0]
    name = name or named
    task = TASKS[name]
    version = random.choice(("latest", "latest", "latest", "3", "4", "5"))
    latest = random.choice(("3", "4", "5", "5"))
    serves = latest if version == "latest" else version
    known, unknown = _ids(random, lenient=serves != "5", several=task.by_filters)
    asked = [one for one in known if len(known) < 2 or random.random() < 0.9] + unknown
    random.shuffle(asked)
    given = [f" {one} " if random.random() < 0.02 else one for one in asked]
    given += [one for one in given if random.random() < 0.05]
    faults = _faults(random, name, [] if task.by_filters else asked)
    deeds = [_deed(random, task, asked, unknown) for _n in range(random.choice((0, 0, 0, 1, 2)))] if asked else []
    key = random.choices(KEYS, [row[0] for row in KEYS])[0]
    silent = any(fault.kind in SILENT for fault in faults)
    drawn_so = Scenario(
        seed=seed,
        way=way,
        name=name,
        options=tuple((draw_query(random) if task.by_filters else task.options).items()),
        # Only in this process can it be another than it is.
        page=random.choice((1, 1, 2, 3)) if way == IN_PROCESS and len(known) < 20 else 500,
        api_version=version,
        latest=latest,
        whole_base=random.random() < 0.2,
        simulator=tuple(_service(random).items()),
        key=("Bearer " if random.random() < 0.1 else "") + f"canary-{random.getrandbits(64):016x}",
        auth_scheme=random.choice(("bearer", "raw")),
        permissions=task.permissions[key[1]],
        key_kind=key[2],
        key_known=key[3],
        incidents=tuple(_held(random, one, 0 if len(known) > 20 else random.randint(0, 5)) for one in known),
        ids=() if task.by_filters else tuple(given),
        missing=random.choice(("fail", "ignore")),
        check_mode=random.random() < 0.15,
        diff=random.random() < 0.5,
        events=random.random() < 0.8,
        timeout=0.4 if silent else 30.0,
        retries=min(random.choice((0, 1, 2, 3)), 3 if way == IN_PROCESS else 1),
        faults=tuple(faults),
        deeds=tuple(deeds),
        kill=_kill(random, task) if way == KILLED else None,
    )
    return _between(random, drawn_so)


# What hides from a reader that an incident had been changed so.
HIDES = {
    "unassign": ("assign u1", "assign u1", "remove"),
    "assign": ("assign u1", "unassign", "remove"),
    "acknowledge": ("resolve", "close", "remove"),
}


def _between(random: Random, scenario: Scenario) -> Scenario:
    """Mostly, if an answer to a write is lost and another user acts, it stays lost, and they act before it is read."""
    lost = [fault for fault in scenario.faults if fault.effect and fault.operation in HIDES]
    if not lost or not scenario.deeds or random.random() < 0.4:
        return scenario
    fault, (deed, *others) = dataclasses.replace(lost[0], times=None, skip=0, when_id=None), scenario.deeds
    number = scenario.retries + 1 if KINDS[fault.kind].mends else 1
    action = random.choice(HIDES[fault.operation])
    deed = dataclasses.replace(deed, action=action, operation=fault.operation, number=number, moment="after")
    return dataclasses.replace(scenario, faults=(fault,), deeds=(deed, *others))


def http_date() -> str:
    """A Retry-After of two seconds; the form knows whole seconds only."""
    return email.utils.formatdate(time.time() + 2, usegmt=True)
