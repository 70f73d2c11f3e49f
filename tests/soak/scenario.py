# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draws scenarios. A scenario is everything about one run. The same random numbers draw the same one again."""

from __future__ import annotations

import dataclasses
import functools
import signal
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Callable, NamedTuple
from urllib.parse import quote

from operations import ASSIGNEE, COMMENT, REASON, TITLE
from simulator import APPLICATION_LABEL, assignment

from .answers import is_uuid, portable
from .faults import BY_FILTERS, ENDLESS, KINDS, LEADS_BACK, LISTS_INCIDENTS, READS, STALE, WRITES, Edit
from .kinds import CASES, OTHER_USER, SAME_ACT
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

    @functools.cached_property
    def _by_readable_id(self) -> dict[str, str]:
        return {str(fields["readableId"]): i for i, fields in self.incidents.items() if "readableId" in fields}

    def stored_id(self, incident_id: str) -> str:
        """The ID by which the simulator keeps what this ID names, however it is written."""
        written = self.task.kind.canonical(incident_id.strip())
        return self._by_readable_id.get(written, written)

    @functools.cached_property
    def spelled(self) -> dict[str, str]:
        """How the task first names each incident or case, without blanks, by the ID in the simulator."""
        return {self.stored_id(incident_id): incident_id.strip() for incident_id in reversed(self.ids)}

    @functools.cached_property
    def asked(self) -> list[str]:
        """The IDs in the simulator of all that the task names, each once."""
        return list(dict.fromkeys(map(self.stored_id, self.ids)))

    @property
    def valid(self) -> list[str]:
        """The IDs that the version takes: a further run asks for these only."""
        return [incident_id for incident_id in self.asked if self.task.kind.takes(self.serves, incident_id)]

    def arguments(self, url: str) -> dict[str, Any]:
        """The task's options."""
        base = f"/mgmt/openapi/{self.api_version}" if self.whole_base else ""
        given: dict[str, Any] = {
            **({} if self.task.by_filters else {self.task.kind.id_option: list(self.ids), "missing": self.missing}),
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
_ODD = "abcXYZ019-_.~/?#&=%+;@|^!$*\u00e4\u00df\u20ac\u6f22\U0001f600"


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
    if task.kind is CASES and not task.by_filters:
        known = [
            _uuid(random) for _n in range(random.randint(20, 60) if size < 0.02 else random.choice((1, 2, 3, 2, 4)))
        ]
        unknown = [random.choice((_uuid(random), "OPS-9999")) for _n in range(random.choice((0, 0, 0, 0, 0, 1)))]
        return known, unknown
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


def _draw_case_ids(random: Random, asked: Sequence[str], cases: Mapping[str, Any], aliases: bool) -> list[str]:
    """The IDs as they are given: UUIDs and readable IDs, in capitals or not. Some cases are named twice."""
    forms = {case_id: [case_id, case_id.upper()] for case_id in asked}
    for case_id in asked:
        readable = str(cases.get(case_id, {}).get("readableId", ""))
        forms[case_id] += [f" {readable} ", readable, readable, readable.lower()] if readable else [case_id] * 2
    # Where two names of a case are read apart, a fault or another user may come between.
    twice = [case_id for case_id in asked[:20] if aliases and random.random() < 0.1]
    return [random.choice(forms[case_id]) for case_id in (*asked, *twice)]


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


_CASE_STATUSES = ("ACTIVE", "ACTIVE", "ACKNOWLEDGED", "RESOLVED", "CLOSED", "PENDING_ACTIVATION")


def draw_case(random: Random, number: int = 0) -> dict[str, Any]:
    """The fields of a case, as the simulator takes them."""
    status, system = random.choice(_CASE_STATUSES), random.choice(("P2", "P3"))
    override = random.choice((None, None, "P1", "P4"))
    assignee = random.choice((None, OTHER_USER, OTHER_USER, ASSIGNEE.lower()))
    comments = [{"comment": {"unsafeText": text}} for text in (COMMENT, "On it.") if random.random() < 0.2]
    details = {"resolveTime": DAYS[3], "resolvedBy": {"system": {}}}
    reason = {"reason": random.choice((REASON, f"{REASON} ", "by hand"))} if random.random() < 0.6 else {}
    is_over = status in ("RESOLVED", "CLOSED")
    return {
        "status": f"CASE_STATUS_{status}",
        "priority": f"CASE_PRIORITY_{override or system}",
        "priorityDetails": {
            "system": f"CASE_PRIORITY_{system}",
            **({"override": f"CASE_PRIORITY_{override}"} if override else {}),
        },
        "category": f"CASE_CATEGORY_{random.choice(('SECURITY', 'AVAILABILITY'))}",
        "title": random.choice(("High latency", TITLE, "\u00fc & <b> %s {{ x }}", "two\nlines\x1b[1m", "n" * 300)),
        "createTime": random.choice(DAYS),
        "labels": [{"key": "team", "value": random.choice(TEAMS)}],
        "groupings": [{"key": "service", "value": random.choice(("checkout", "payments"))}],
        **({"assignee": {"userId": assignee}} if assignee else {}),
        **({"resolutionDetails": {**reason, **details}} if is_over else {}),
        **({} if status == "PENDING_ACTIVATION" else {"readableId": f"OPS-{number}"}),
        "events": [
            {"eventId": str(uuid.UUID(int=random.getrandbits(128), version=4)), "eventData": data} for data in comments
        ],
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
        task.kind.list if kind.tasks in (BY_FILTERS, LISTS_INCIDENTS) else _draw_operation(random, task, kind.requests),
        effect=random.choice(kind.effects),
        # It takes two pages to lead back.
        times=4 if name == LEADS_BACK else random.choice((1, 1, 1, 2, 3, None)),
        skip=random.choice((0, 0, 0, 1, 1, 2)),
        when_id=random.choice(ids) if ids and random.random() < 0.3 else None,
        edit=kind.draw(random),
    )


def _draw_action(random: Random, task: Task, ids: Sequence[str], unknown: Sequence[str]) -> Action:
    # What the task itself does is added.
    what = random.choice((*task.kind.usual_acts, *[SAME_ACT.get(task.module, "create")] * 3))
    incident_id = random.choice(unknown if unknown and what == "create" else ids)
    return Action(what, incident_id, _draw_moment(random, task))


def _draw_moment(random: Random, task: Task) -> Moment:
    operation = _draw_operation(random, task, (READS, WRITES))
    return Moment(random.choice(("before", "after")), operation, random.choice((1, 1, 1, 2, 2, 3)))


def _act_during_wait(random: Random, scenario: Scenario) -> Scenario:
    """Where a write fails and another user acts: mostly they act between that try and what follows it."""
    hiding_acts = scenario.task.kind.hiding_acts
    failed = [fault for fault in scenario.faults if fault.operation in hiding_acts]
    if not failed or not scenario.actions or random.random() < 0.3:
        return scenario
    fault, (action, *others) = failed[0]._replace(skip=0, when_id=None), scenario.actions
    if random.random() < 0.5:
        # Each try fails. The last one is looked up after another user has acted.
        fault, number = fault._replace(times=None), scenario.retries + 1 if fault.is_retryable else 1
    else:
        fault, number = fault._replace(times=1), 1
    what = random.choice((*hiding_acts[fault.operation], action.what))
    moment = Moment("after", fault.operation, number)
    return dataclasses.replace(scenario, faults=[fault], actions=[action._replace(what=what, moment=moment), *others])


def _lag_behind_lost_write(random: Random, scenario: Scenario) -> Scenario:
    """Where reads lag: mostly the answer to the write does not tell, so that they have to."""
    operation = scenario.task.operation
    lags = scenario.simulator.get("stale_events" if operation and operation.needs_events else "stale_reads")
    if not lags or operation is None or random.random() < 0.3:
        return scenario
    leaves_out = "answer leaves one out" if operation.needs_events is False else "reset"
    kind = random.choice((STALE, leaves_out, "reset", "status 504"))
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
# What is not known of the service of cases, each either way.
_CASE_SERVICE: dict[str, tuple[float, Sequence[Any]]] = {
    "unknown_cases": (0.3, ("400",)),
    "bulk_bad_ids": (0.5, ("skip", "partial")),
    "repeated": (0.4, ("400",)),
    "forbidden_transitions": (0.4, ("200",)),
    "active_cases_closable": (0.2, (False,)),
    "closed_cases_assignable": (0.2, (False,)),
    "closed_cases_editable": (0.2, (False,)),
    "latest_serves_cases": (0.1, (False,)),
    "pbac_truncated": (0.1, (True,)),
    "stale_events": (0.12, (1, 2, 3, 4, 7)),
}


def _draw_service(random: Random, mode: str, task: Task) -> dict[str, Any]:
    switches = {**_SERVICE, **(_CASE_SERVICE if task.kind is CASES else {})}
    chosen = {name: random.choice(values) for name, (share, values) in switches.items() if random.random() < share}
    if task.kind is CASES and chosen.get("error_style") == "html":
        # A page comes from something in front of the service, which knows no case.
        del chosen["error_style"]
    chosen.update({"latency": 0.01} if mode != IN_MEMORY and random.random() < 0.2 else {})
    # Only its words show that a refusal is about "batch" as an ID. A page has no such words.
    return {**chosen, "without": (task.kind.read,), "error_style": "json"} if random.random() < 0.03 else chosen


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
    is_case = task.kind is CASES
    version = random.choice(("latest", "5", "latest", "3", "4", "latest"))
    latest = random.choice(("5", "4", "3", "5"))
    if is_case and random.random() < 0.9:
        version, latest = random.choice(("latest", "5", "5")), "5"
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
    if is_case:
        # A request names a case as the task does.
        faults = [fault._replace(when_id=None) for fault in faults]
    actions = (
        [_draw_action(random, task, asked, unknown) for _n in range(random.choice((0, 0, 0, 1, 2)))] if asked else []
    )
    is_short = any(KINDS[fault.kind].is_silent for fault in faults)
    has_deadline = mode == OVER_HTTP and random.random() < 0.08
    has_small_pages = mode in (IN_MEMORY, OVER_HTTP) and len(known) < 20 and ENDLESS not in [f.kind for f in faults]
    most_events = 0 if len(known) > 20 else 3
    options = (
        draw_query(random, task.kind) if task.by_filters else dict(task.operation.options if task.operation else {})
    )
    service = _draw_service(random, mode, task)
    drawn = {
        i: draw_case(random, n) if is_case else {"events": random.randint(0, most_events), **incident(random)}
        for n, i in enumerate(known)
    }
    is_calm = not (faults or actions or "stale_reads" in service or "stale_events" in service)
    given = _draw_case_ids(random, asked, drawn, is_calm) if is_case else _draw_given_ids(random, asked)
    # Where nothing is to be done, not all options are looked at.
    has_refused = random.random() < 0.03 and asked and not matches_nothing(options)
    # An inventory holds only what Ansible can carry.
    refusable = [each for each in refused_options(task) if mode != PLAYBOOK or portable([*each]) == [*each]]
    scenario = Scenario(
        mode=mode,
        name=name,
        options=options,
        refused=random.choice(refusable) if has_refused else None,
        # Only in this process can it be another than it is.
        page_size=random.choice((1, 1, 2, 3)) if has_small_pages else 500,
        api_version=version,
        latest=latest,
        whole_base=random.random() < 0.2,
        simulator=service,
        key=("Bearer " if random.random() < 0.1 else "") + f"canary/+%=\\{random.getrandbits(64):016x}",
        auth_scheme=random.choice(("bearer", "raw")),
        permissions=task.permissions[key[1]],
        key_kind=key[2],
        key_is_known=key[3],
        incidents=drawn,
        ids=[] if task.by_filters else given,
        missing=random.choice(("fail", "ignore")),
        check_mode=random.random() < 0.15,
        diff=random.random() < 0.5,
        include_events=random.random() < (0.3 if is_case else 0.8),
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
