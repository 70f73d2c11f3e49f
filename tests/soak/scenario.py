# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be drawn: a scenario is everything about one run. The same random numbers draw the same one again."""

from __future__ import annotations

import dataclasses
import signal
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Callable, NamedTuple
from urllib.parse import quote

from simulator import APPLICATION_LABEL, assignment

from .answers import LIST, READ, canonical, is_uuid
from .faults import BY_FILTERS, ENDLESS, KINDS, LEADS_BACK, READS, STALE, WRITES, Edit
from .tasks import APPLICATIONS, DAYS, STAGES, TASKS, TEAMS, USERS, Task, draw_query, matches_nothing, refused_options

IN_MEMORY, OVER_HTTP, MODULE, STOPPED, PLAYBOOK = "memory", "http", "module", "stopped", "playbook"
# Out of a thousand runs. A process of its own costs fifty runs in this one, a playbook three hundred.
MODES = {IN_MEMORY: 655, OVER_HTTP: 300, MODULE: 20, STOPPED: 20, PLAYBOOK: 5}

SOMEBODY = "somebody-else"
"""By whom the simulator has other users assign."""


class InjectedFault(NamedTuple):
    kind: str
    operation: str
    effect: bool
    times: int | None
    skip: int
    when_id: str | None
    edit: Edit

    @property
    def is_retryable(self) -> bool:
        return KINDS[self.kind].retryable


class Moment(NamedTuple):
    """When something happens: before or after the request of that number takes effect."""

    when: str
    operation: str
    number: int


class Action(NamedTuple):
    """What another user does meanwhile."""

    what: str
    incident_id: str
    moment: Moment


class Stop(NamedTuple):
    """A signal to the module's process, some time after its start, or at a request."""

    signal: int
    seconds: float
    moment: Moment | None


@dataclass(frozen=True)
class Scenario:
    mode: str
    name: str
    """Of the task, a row of the table."""
    options: dict[str, Any]
    """The module's own options."""
    refused: tuple[str, Any] | None
    """An option that takes the place of another one, and that the task must refuse."""
    page_size: int
    api_version: str
    latest: str
    whole_base: bool
    """Whether api_url is the base with the version in it."""
    simulator: dict[str, Any]
    """Options of the simulator."""
    key: str
    auth_scheme: str
    permissions: tuple[str, ...]
    key_kind: str
    key_is_known: bool
    incidents: dict[str, dict[str, Any]]
    """Fields by ID, at the start."""
    ids: list[str]
    """As given to the task."""
    missing: str
    check_mode: bool
    diff: bool
    include_events: bool
    timeout: float
    deadline: float | None
    retries: int
    faults: list[InjectedFault] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    stop: Stop | None = None
    in_process_action: bool = True
    """Whether a playbook runs the task in Ansible's own process."""
    seed: int | None = None

    @property
    def task(self) -> Task:
        return TASKS[self.name]

    @property
    def query(self) -> dict[str, Any]:
        """The options that choose incidents, if they are not given by their IDs."""
        return self.options if self.task.by_filters else {}

    @property
    def serves(self) -> str:
        """The version whose routes and limits apply."""
        return self.latest if self.api_version == "latest" else self.api_version

    @property
    def asked(self) -> list[str]:
        """The IDs without blanks around them, each once, in the spelling that comes first."""
        first: dict[str, str] = {}
        for incident_id in self.ids:
            first.setdefault(canonical(incident_id.strip()), incident_id.strip())
        return list(first.values())

    @property
    def valid(self) -> list[str]:
        """The IDs that the version takes: a further run asks for these only."""
        return [incident_id for incident_id in self.asked if self.serves != "5" or is_uuid(incident_id)]

    def arguments(self, url: str) -> dict[str, Any]:
        """The task's options."""
        base = f"/mgmt/openapi/{self.api_version}" if self.whole_base else ""
        given: dict[str, Any] = {
            **({} if self.task.by_filters else {"incident_ids": list(self.ids), "missing": self.missing}),
            **self.options,
            "include_events": self.include_events,
            "api_key": self.key,
            "auth_scheme": self.auth_scheme,
            "api_url": url + base,
            "api_version": self.api_version,
            "timeout": self.timeout,
            "retries": self.retries,
            **({} if self.deadline is None else {"deadline": self.deadline}),
        }
        return {**given, **dict([self.refused] if self.refused else [])}

    def __str__(self) -> str:
        """One line for each field, long values cut."""
        lines = []
        for spec in dataclasses.fields(self):
            value = getattr(self, spec.name)
            items = list(value.items()) if spec.name == "incidents" else value if isinstance(value, list) else [value]
            lines += [f"  {spec.name}: {_cut(repr(item))}" for item in items[:8]]
            lines += [f"  {spec.name}: … {len(items)} in all"] if len(items) > 8 else []
        return "\n".join(lines)


def _cut(text: str) -> str:
    return text if len(text) <= 400 else f"{text[:300]}…{text[-60:]} ({len(text)} characters)"


# IDs. Free text has no brackets, quotes, blanks or commas, and is no URL.
_ODD = "abcXYZ019-_.~/?#&=%+;@|^!$*()\u00e4\u00df\u20ac\u6f22\U0001f600"


def _uuid(random: Random) -> str:
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def _odd_id(random: Random) -> str:
    return "".join(random.choices(_ODD, k=random.randint(1, 30)))


def _long_id(random: Random) -> str:
    """So long that a request holds few of them. A URL may have 8,000 characters."""
    wanted, text = random.choice((900, 1800, 3600)), ""
    while len(quote(text, safe="")) < wanted:
        text += "".join(random.choices(_ODD, k=40))
    return text


def _draw_ids(random: Random, task: Task, lenient: bool, is_small: bool) -> tuple[list[str], list[str]]:
    """IDs of incidents that exist, and IDs of none."""
    # What takes several requests is rare, as it takes long.
    size = 1.0 if is_small else random.random()
    if task.by_filters:
        count = random.randint(501, 1200) if size < 0.02 else random.randint(0, 4 if is_small else 16)
        # The others are for incidents that another user creates.
        return [_uuid(random) for _n in range(count)], [_uuid(random), _uuid(random)]
    if size < 0.025:
        many, few = [_uuid(random) for _n in range(random.randint(160, 420))], [_uuid(random)][: random.randint(0, 1)]
        return (few, many) if random.random() < 0.2 else (many, few)
    if size < 0.1 and lenient:
        return [_long_id(random) for _n in range(random.randint(3, 24))], []
    make = random.choice((_uuid, _odd_id)) if lenient else _uuid
    known = [make(random) for _n in range(random.choice((2, 1, 3, 2, 1, 2, 3, 4, 5, 0)))]
    unknown = [make(random) for _n in range(random.choice((0, 0, 0, 0, 0, 0, 1, 2)))]
    if make is _odd_id and known and random.random() < 0.1:
        # Of free text, "a" and "A" are two.
        unknown.append(known[0].swapcase())
    if not lenient and random.random() < 0.03:
        unknown.append(_odd_id(random))
    known = list(dict.fromkeys(known))
    return known, [incident_id for incident_id in dict.fromkeys(unknown) if incident_id not in known]


def _draw_given_ids(random: Random, asked: Sequence[str]) -> list[str]:
    """The IDs as they are given: some with blanks, some twice, UUIDs in upper case as well."""
    given = [f" {incident_id} " if random.random() < 0.02 else incident_id for incident_id in asked]
    again = [incident_id for incident_id in asked[:20] if random.random() < 0.05]
    return given + [incident_id.upper() if is_uuid(incident_id) else incident_id for incident_id in again]


# Labels and names are user data. Ansible and UTF-8 have no place for some of them.
_ODD_LABELS = ({"__ansible_type": "x"}, {"__ansible_unsafe": {"y": "z"}}, {"a\ud800": "\udfff"}, {"": ""})
_NAMES = (
    "High latency",
    "High latency",
    "",
    "\u00fc & <b> %s {{ x }}",
    "two\nlines\u2028\x1b[1m",
    "half \ud83d",
    "n" * 300,
)


def draw_incident(random: Random) -> dict[str, Any]:
    """The fields of an incident."""
    users = [random.choice(USERS) for _n in range(random.choice((1, 1, 0, 2, 1, 0, 1)))]
    users = [*users, "u4\n\x1b[1m"] if random.random() < 0.02 else users
    status = random.choice(("TRIGGERED", "TRIGGERED", "ACKNOWLEDGED", "RESOLVED"))
    # Mostly as the status says.
    state = random.choice(("RESOLVED" if status == "RESOLVED" else "TRIGGERED",) * 3 + ("RESOLVED", "UNSPECIFIED"))
    odd = random.choice(_ODD_LABELS) if random.random() < 0.05 else {}
    return {
        "assignments": [assignment(user, random.choice((SOMEBODY, "u0"))) for user in users],
        "state": f"INCIDENT_STATE_{state}",
        "status": f"INCIDENT_STATUS_{status}",
        "severity": f"INCIDENT_SEVERITY_{random.choice(('INFO', 'LOW', 'WARNING', 'ERROR', 'CRITICAL'))}",
        "contextualLabels": {APPLICATION_LABEL: random.choice(APPLICATIONS), **odd},
        "metaLabels": [
            {"key": "team", "value": random.choice(TEAMS)},
            {"key": "stage", "value": random.choice(STAGES)},
        ],
        "createdAt": random.choice(DAYS),
        "isMuted": random.random() < 0.2,
        "name": random.choice(_NAMES),
        **({"closedAt": "2026-11-23T04:10:00.000Z"} if random.random() < 0.2 else {}),
    }


# Faults, and what others do.
def _draw_operation(random: Random, task: Task, requests: Sequence[str]) -> str:
    """One that the task carries out by requests of these sorts. The last sort comes twice as often."""
    sorts = {READS: task.reads, WRITES: (task.operation.name,) if task.operation else ()}
    chosen = [sorts[sort] for sort in (*requests, requests[-1]) if sorts[sort]]
    return random.choice(random.choice(chosen))


def _draw_faults(
    random: Random, name: str, ids: Sequence[str], weights: Mapping[str, float], counts: Sequence[int]
) -> list[InjectedFault]:
    drawn = [_draw_fault(random, TASKS[name], weights, ids) for _n in range(random.choice(counts))]
    if len(drawn) == 2 and random.random() < 0.6:
        # One try after the other meets a fault: an answer that is lost, then a refusal.
        first, second = drawn
        if KINDS[first.kind].requests == KINDS[second.kind].requests:
            second = second._replace(operation=first.operation, skip=0, when_id=None)
        drawn = [first._replace(times=1, skip=0, when_id=None), second]
    return drawn


def _draw_fault(random: Random, task: Task, weights: Mapping[str, float], ids: Sequence[str]) -> InjectedFault:
    name = random.choices(list(weights), list(weights.values()))[0]
    kind = KINDS[name]
    return InjectedFault(
        name,
        LIST if kind.tasks == BY_FILTERS else _draw_operation(random, task, kind.requests),
        effect=random.choice(kind.effects),
        # It takes two pages to lead back.
        times=4 if name == LEADS_BACK else random.choice((1, 1, 1, 2, 3, None)),
        skip=random.choice((0, 0, 0, 1, 1, 2)),
        when_id=random.choice(ids) if ids and random.random() < 0.3 else None,
        edit=kind.draw(random),
    )


# What another user does, and how often. What the task itself does is added.
_ACTIONS = ("assign u1", "assign u1", "assign u2", "unassign", "acknowledge", "resolve", "close", "remove", "create")


def _draw_action(random: Random, task: Task, ids: Sequence[str], unknown: Sequence[str]) -> Action:
    own = "create" if task.operation is None else task.operation.name
    what = random.choice((*_ACTIONS, *["assign u2" if own == "assign" else own] * 3))
    incident_id = random.choice(unknown if unknown and what == "create" else ids)
    return Action(what, incident_id, _draw_moment(random, task))


def _draw_moment(random: Random, task: Task) -> Moment:
    operation = _draw_operation(random, task, (READS, WRITES))
    return Moment(random.choice(("before", "after")), operation, random.choice((1, 1, 1, 2, 2, 3)))


# What hides from a reader that an incident had been changed so.
_HIDES = {
    "unassign": ("assign u1", "assign u1", "remove"),
    "assign": ("assign u1", "unassign", "remove"),
    "acknowledge": ("resolve", "close", "remove"),
    "resolve": ("close", "remove"),
    "close": ("remove",),
}


def _act_during_wait(random: Random, scenario: Scenario) -> Scenario:
    """Where a write fails and another user acts: mostly they act between that try and what follows it."""
    failed = [fault for fault in scenario.faults if fault.operation in _HIDES]
    if not failed or not scenario.actions or random.random() < 0.3:
        return scenario
    fault, (action, *others) = failed[0]._replace(skip=0, when_id=None), scenario.actions
    if random.random() < 0.5:
        # Each try fails. The last one is looked up after another user has acted.
        fault, number = fault._replace(times=None), scenario.retries + 1 if fault.is_retryable else 1
    else:
        fault, number = fault._replace(times=1), 1
    what = random.choice((*_HIDES[fault.operation], action.what))
    moment = Moment("after", fault.operation, number)
    return dataclasses.replace(scenario, faults=[fault], actions=[action._replace(what=what, moment=moment), *others])


def _lag_behind_lost_write(random: Random, scenario: Scenario) -> Scenario:
    """Where reads lag: mostly the answer to the write does not tell, so that they have to."""
    operation = scenario.task.operation
    if not scenario.simulator.get("stale_reads") or operation is None or random.random() < 0.3:
        return scenario
    kind = random.choice((STALE, "answer leaves one out", "reset", "status 504"))
    lost = InjectedFault(kind, operation.name, True, random.choice((1, None)), 0, None, Edit(0, "", None))
    return dataclasses.replace(scenario, faults=[lost], actions=scenario.actions[: random.randint(0, 1)])


_KEYS = (
    # weight, of the permissions of the task (the first is to read), kind, whether it is known
    (80, slice(None), "personal", True),
    (9, slice(1, None), "personal", True),
    (3, slice(1), "personal", True),
    (2, slice(0), "personal", True),
    (3, slice(None), "team", True),
    (3, slice(None), "personal", False),
)
# How the gateway answers, and how far reads lag behind writes.
_SERVICE: dict[str, tuple[float, Sequence[Any]]] = {
    "auth_first": (0.3, (True,)),
    "not_found": (0.3, ("json404", "text")),
    "wrong_method": (0.3, (405,)),
    "error_style": (0.3, ("grpc", "text", "html", "error", "error_message", "detail")),
    "unknown_ids": (0.3, ("404",)),
    "unknown_parameters": (0.3, ("ignore",)),
    "lower_case_user_ids": (0.3, (True,)),
    "stale_reads": (0.12, (1, 2, 3, 4, 7)),
    "max_url": (0.02, (2000,)),
}


def _draw_service(random: Random, mode: str) -> dict[str, Any]:
    chosen = {name: random.choice(values) for name, (share, values) in _SERVICE.items() if random.random() < share}
    chosen.update({"latency": 0.01} if mode != IN_MEMORY and random.random() < 0.2 else {})
    # Only by its words is a refusal of "batch" as an ID told from any other. A page has none.
    return {**chosen, "without": (READ,), "error_style": "json"} if random.random() < 0.03 else chosen


WEIGHTS = {name: kind.weight for name, kind in KINDS.items()}


def draw(
    random: Random,
    mode: str | None = None,
    name: str | None = None,
    *,
    weights: Mapping[str, float] = WEIGHTS,
    fault_counts: Sequence[int] = (0, 1, 1, 2, 1, 0, 2, 3),
    incident: Callable[[Random], dict[str, Any]] = draw_incident,
    is_small: bool = False,
) -> Scenario:
    """A scenario. A mode or a task that is given takes the place of the one drawn.

    C(weights) are those of kinds of faults. A small scenario has few incidents.
    """
    drawn_mode = random.choices(list(MODES), list(MODES.values()))[0]
    mode = mode or drawn_mode
    drawn_name = random.choices(list(TASKS), [task.weight for task in TASKS.values()])[0]
    name = name or drawn_name
    task = TASKS[name]
    version = random.choice(("latest", "5", "latest", "3", "4", "latest"))
    latest = random.choice(("5", "4", "3", "5"))
    known, unknown = _draw_ids(random, task, (latest if version == "latest" else version) != "5", is_small)
    asked = [incident_id for incident_id in known if len(known) < 2 or random.random() < 0.9] + unknown
    random.shuffle(asked)
    key = random.choices(_KEYS, [row[0] for row in _KEYS])[0]
    usable = {
        kind: weight
        for kind, weight in weights.items()
        if name in (KINDS[kind].tasks or [name])
        and (task.operation or READS in KINDS[kind].requests)
        and not (mode == IN_MEMORY and KINDS[kind].needs_http)
    }
    faults = _draw_faults(random, name, [] if task.by_filters else asked, usable, fault_counts)
    actions = (
        [_draw_action(random, task, asked, unknown) for _n in range(random.choice((0, 0, 0, 1, 2)))] if asked else []
    )
    is_short = any(KINDS[fault.kind].is_silent for fault in faults)
    has_deadline = mode == OVER_HTTP and random.random() < 0.08
    has_small_pages = mode in (IN_MEMORY, OVER_HTTP) and len(known) < 20 and ENDLESS not in [f.kind for f in faults]
    most_events = 0 if len(known) > 20 else 3
    options = draw_query(random) if task.by_filters else dict(task.operation.options if task.operation else {})
    # Where nothing is to be done, not all options are looked at.
    has_refused = random.random() < 0.03 and asked and not matches_nothing(options)
    scenario = Scenario(
        mode=mode,
        name=name,
        options=options,
        refused=random.choice(refused_options(task)) if has_refused else None,
        # Only in this process can it be another than it is.
        page_size=random.choice((1, 1, 2, 3)) if has_small_pages else 500,
        api_version=version,
        latest=latest,
        whole_base=random.random() < 0.2,
        simulator=_draw_service(random, mode),
        key=("Bearer " if random.random() < 0.1 else "") + f"canary/+%=\\{random.getrandbits(64):016x}",
        auth_scheme=random.choice(("bearer", "raw")),
        permissions=task.permissions[key[1]],
        key_kind=key[2],
        key_is_known=key[3],
        incidents={
            incident_id: {"events": random.randint(0, most_events), **incident(random)} for incident_id in known
        },
        ids=[] if task.by_filters else _draw_given_ids(random, asked),
        missing=random.choice(("fail", "ignore")),
        check_mode=random.random() < 0.15,
        diff=random.random() < 0.5,
        include_events=random.random() < 0.8,
        timeout=0.4 if is_short else 30.0,
        deadline=random.choice((0.2, 0.7, 1.5)) if has_deadline else None,
        retries=min(random.choice((2, 1, 0, 3)), 3 if mode in (IN_MEMORY, OVER_HTTP) else 1),
        faults=faults,
        actions=actions,
        stop=_draw_stop(random, task) if mode == STOPPED else None,
        in_process_action=random.random() < 0.5,
    )
    return _lag_behind_lost_write(random, _act_during_wait(random, scenario))


def _draw_stop(random: Random, task: Task) -> Stop:
    number = random.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
    return Stop(number, random.uniform(0.0, 0.8), random.choice((None, _draw_moment(random, task))))
