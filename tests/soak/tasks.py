# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task can be: tables of modules and of filters. Written down anew, not taken from the code under test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

Incident = Mapping[str, Any]

# Operations of the simulator; the others are writes.
READ, LIST = "read_many", "list"

USERS = ("u1", "u2", "u3")
ASSIGNEE = "u2"

ACKNOWLEDGED, RESOLVED = "INCIDENT_STATUS_ACKNOWLEDGED", "INCIDENT_STATUS_RESOLVED"
STATE_RESOLVED = "INCIDENT_STATE_RESOLVED"
# Stands for the present time, which nobody can foretell.
NOW = "now"

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


def holders(incident: Incident) -> list[str]:
    return [each["assignedTo"]["userId"] for each in incident["assignments"]]


def _is_closed(incident: Incident) -> bool:
    return bool(incident.get("closedAt"))


def _taken(seen: Mapping[str, Incident | None], done: Sequence[str]) -> dict[str, Any]:
    held = {one: holders(incident) for one in done for incident in [seen.get(one)] if incident}
    return {"reassigned_ids": {one: users for one, users in held.items() if users}}


class Change(NamedTuple):
    """What a module does to an incident."""

    operation: str
    permission: str
    done: str
    """What the incidents then are; their IDs are returned under this and C(_ids)."""
    is_done: Callable[[Incident], bool]
    after: Mapping[str, Any]
    """What check mode shows of an incident that would be changed."""
    shows: tuple[str, ...]
    """The keys that a diff is about."""
    is_past: Callable[[Incident], bool] | None = None
    """Whether an incident is to be left alone, unless it is done."""
    texts: tuple[str, ...] = ()
    """The keys without which no decision can be made."""
    reports: Callable[[Mapping[str, Incident | None], Sequence[str]], dict[str, Any]] = lambda _seen, _done: {}
    """What else is returned, by what was read first and the IDs of those changed."""

    def needs(self, incident: Incident) -> bool:
        return not self.is_done(incident) and not self.leaves(incident)

    def leaves(self, incident: Incident) -> bool:
        """Whether an incident that is not done is left alone."""
        return self.is_past is not None and self.is_past(incident) and not self.is_done(incident)


class Task(NamedTuple):
    module: str
    weight: int
    """How often it is drawn, out of a hundred times."""
    change: Change | None = None
    """None only reads."""
    options: Mapping[str, Any] = NO_OPTIONS
    """Those that make it this task."""
    reads: tuple[str, ...] = (READ,)
    """The operations by which it reads, and that faults strike, as often as they are named."""

    @property
    def by_filters(self) -> bool:
        return LIST in self.reads

    @property
    def permissions(self) -> tuple[str, ...]:
        return ("incidents:read", *([self.change.permission] if self.change else []))

    @property
    def needs_reading(self) -> bool:
        """Whether nothing can be done where reading is refused."""
        return self.change is None or self.change.is_past is not None


ASSIGN = Change(
    "assign",
    "incidents:assign",
    "assigned",
    is_done=lambda incident: holders(incident) == [ASSIGNEE],
    after={"assignments": [{"assignedTo": {"userId": ASSIGNEE}}]},
    shows=("assignments",),
    reports=_taken,
)

TASKS: dict[str, Task] = {
    "unassign": Task(
        "incident_unassign",
        34,
        Change(
            "unassign",
            "incidents:assign",
            "unassigned",
            is_done=lambda incident: not incident["assignments"],
            after={"assignments": []},
            shows=("assignments",),
        ),
    ),
    "assign": Task("incident_assign", 10, ASSIGN, {"assignee": ASSIGNEE}),
    "assign, only unassigned": Task(
        "incident_assign",
        8,
        ASSIGN._replace(is_past=lambda incident: bool(incident["assignments"])),
        {"assignee": f" {ASSIGNEE} ", "only_unassigned": True},
    ),
    "acknowledge": Task(
        "incident_acknowledge",
        10,
        Change(
            "acknowledge",
            "incidents:acknowledge",
            "acknowledged",
            is_done=lambda incident: incident["status"] == ACKNOWLEDGED,
            is_past=lambda incident: (
                incident["status"] == RESOLVED or incident["state"] == STATE_RESOLVED or _is_closed(incident)
            ),
            after={"status": ACKNOWLEDGED},
            shows=("status",),
            texts=("status", "state"),
        ),
    ),
    "resolve": Task(
        "incident_resolve",
        10,
        Change(
            "resolve",
            "incidents:close",
            "resolved",
            is_done=lambda incident: incident["status"] == RESOLVED,
            is_past=_is_closed,
            after={"status": RESOLVED, "state": STATE_RESOLVED},
            shows=("status", "state"),
            texts=("status",),
        ),
    ),
    "close": Task(
        "incident_close",
        8,
        Change(
            "close",
            "incidents:close",
            "closed",
            is_done=_is_closed,
            after={"status": RESOLVED, "state": STATE_RESOLVED, "closedAt": NOW},
            shows=("status", "state", "closedAt"),
        ),
    ),
    "info by IDs": Task("incident_info", 6),
    "info by filters": Task("incident_info", 14, reads=(LIST, LIST, LIST, READ)),
}


class Filter(NamedTuple):
    draw: Callable[[Random], Any]
    passes: Callable[[Incident, Any], bool]
    in_query: bool = True
    """Whether version 3 can be asked."""
    counted: bool = True
    """Whether C(total) counts only what passes; else the module chooses from more."""


def _word(text: str) -> str:
    """The short name of a value, which an option may give as well."""
    return text.rpartition("_")[2].lower()


def _enum(key: str, prefix: str, *words: str) -> Filter:
    values = [*words, *(f"{prefix}_{word.upper()}" for word in words)]
    return Filter(
        lambda random: random.sample(values, random.choice((1, 1, 2))),
        lambda incident, wanted: _word(incident[key]) in map(_word, wanted),
    )


def _has_labels(incident: Incident, wanted: Mapping[str, Any]) -> bool:
    has = [(label["key"], label["value"]) for label in incident["metaLabels"]]
    return all(
        any((label, value) in has for value in (values if isinstance(values, list) else [values]))
        for label, values in wanted.items()
    )


def _coin(random: Random) -> bool:
    return random.random() < 0.5


TEAMS, STAGES = ("sre", "data"), ("live", "test")
APPLICATION = "coralogix.metadata.applicationName"
APPLICATIONS = ("shop", "m\u00fcll & co")
# All of them in the past.
DAYS = tuple(f"2026-01-{day:02}T12:00:00.000Z" for day in (3, 4, 5, 6))

FILTERS: dict[str, Filter] = {
    "assignees": Filter(
        lambda random: random.sample(USERS, random.choice((0, 1, 1, 1, 2, 2))),
        lambda incident, users: any(user in users for user in holders(incident)),
    ),
    "assigned": Filter(_coin, lambda incident, wanted: bool(incident["assignments"]) is wanted, counted=False),
    "status": _enum("status", "INCIDENT_STATUS", "triggered", "acknowledged", "resolved"),
    "state": _enum("state", "INCIDENT_STATE", "triggered", "resolved"),
    "severity": _enum("severity", "INCIDENT_SEVERITY", "info", "low", "warning", "error", "critical"),
    "muted": Filter(_coin, lambda incident, wanted: incident["isMuted"] is wanted),
    "applications": Filter(
        lambda random: [random.choice(APPLICATIONS)],
        lambda incident, names: incident["contextualLabels"].get(APPLICATION) in names,
    ),
    "contextual_labels": Filter(
        lambda random: {APPLICATION: random.choice(APPLICATIONS)},
        lambda incident, wanted: wanted.items() <= incident["contextualLabels"].items(),
        in_query=False,
    ),
    "meta_labels": Filter(
        lambda random: {"team": random.choice((*TEAMS, [*TEAMS])), "stage": random.choice(STAGES)},
        _has_labels,
        in_query=False,
        counted=False,
    ),
    "created_after": Filter(lambda random: random.choice(DAYS), lambda incident, day: incident["createdAt"] >= day),
    "created_before": Filter(
        lambda random: f" {random.choice(DAYS)}", lambda incident, day: incident["createdAt"] <= day.strip()
    ),
    "search": Filter(
        lambda random: {"text": random.choice(("LATENCY", "<b> %", "no such")), "field": "name"},
        lambda incident, search: search["text"].casefold() in incident["name"].casefold(),
    ),
}
# Filters that contradict each other, or might.
_NOT_TOGETHER = (("assignees", "assigned"), ("created_after", "created_before"))

# Field -> the key of the incident, where its order is that of the text.
ORDERS = {"id": "id", "created_time": "createdAt", "status": "status"}


def draw_query(random: Random) -> dict[str, Any]:
    """Options that choose incidents, with an order and a limit."""
    names = random.sample(list(FILTERS), random.choice((0, 0, 0, 1, 1, 2)))
    for one, other in _NOT_TOGETHER:
        if one in names and other in names:
            names.remove(other)
    query = {name: FILTERS[name].draw(random) for name in names}
    if random.random() < 0.2:
        query["order_by"] = [{"field": random.choice(list(ORDERS)), "direction": random.choice(("asc", "desc"))}]
    if random.random() < 0.3:
        query["limit"] = random.randint(1, 8)
    return query


def passes(query: Mapping[str, Any], incident: Incident) -> bool:
    return all(FILTERS[name].passes(incident, value) for name, value in query.items() if name in FILTERS)


def only_in_a_body(query: Mapping[str, Any]) -> list[str]:
    """The options that version 3 cannot be asked for."""
    return [name for name in query if name == "order_by" or (name in FILTERS and not FILTERS[name].in_query)]


def chooses_none(query: Mapping[str, Any]) -> bool:
    """Whether there is nothing to choose from, so that nothing has to be asked."""
    return [] in query.values()


def is_counted(query: Mapping[str, Any]) -> bool:
    return all(FILTERS[name].counted for name in query if name in FILTERS)
