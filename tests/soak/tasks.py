# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of tasks, of filters, and of options that are refused. Nothing comes from the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Callable, NamedTuple

from operations import CASE_OPERATIONS, OPERATIONS, Operation, assignee_ids, case_assignee_ids
from simulator import APPLICATION_LABEL

from .answers import CASE_EVENTS, CASE_LIST, CASE_READ, LIST, READ, Incident
from .kinds import CASES, INCIDENTS, OTHER_USER, Kind

USERS = ("u1", "u2", "u3")


class Task(NamedTuple):
    module: str
    weight: int
    """How often it is drawn, compared with others."""
    operation: Operation | None = None
    """None only reads."""
    reads: tuple[str, ...] = (READ,)
    """The operations by which it reads, and that faults apply to, as often as they are named."""
    kind: Kind = INCIDENTS

    @property
    def by_filters(self) -> bool:
        return self.kind.list in self.reads

    @property
    def permissions(self) -> tuple[str, ...]:
        return (self.kind.read_permission, *([self.operation.permission] if self.operation else []))

    @property
    def needs_reading(self) -> bool:
        """Whether nothing can be done where reading is refused."""
        return self.operation is None or self.operation.is_skipped is not None or self.kind is CASES


_WEIGHTS = {"unassign": 30, "assign": 12, "acknowledge": 12}
TASKS: dict[str, Task] = {
    **{name: Task(row.module, _WEIGHTS.get(name, 8), row) for name, row in OPERATIONS.items()},
    "info by IDs": Task("incident_info", 6),
    "info by filters": Task("incident_info", 14, reads=(LIST, LIST, LIST, READ)),
    **{
        name: Task(row.case_module, 8, row, (CASE_READ, CASE_EVENTS) if row.needs_events else (CASE_READ,), CASES)
        for name, row in CASE_OPERATIONS.items()
    },
    "case info by IDs": Task("case_info", 6, None, (CASE_READ,), CASES),
    "case info by filters": Task("case_info", 14, None, (CASE_LIST,), CASES),
}


class Filter(NamedTuple):
    draw: Callable[[Random], Any]
    matches: Callable[[Incident, Any], bool]
    in_query: bool = True
    """Whether version 3 can be asked."""


def _word(text: str) -> str:
    """The short name of a value, which an option may give as well."""
    return text.rpartition("_")[2].lower()


def _enum(field: str, prefix: str, *words: str) -> Filter:
    values = [*words, *(f"{prefix}_{word.upper()}" for word in words)]
    return Filter(
        lambda random: random.sample(values, random.choice((1, 1, 2))),
        lambda incident, wanted: _word(incident[field]) in map(_word, wanted),
    )


def _has_meta_labels(incident: Incident, wanted: Mapping[str, Any]) -> bool:
    has = [(label.get("key"), label.get("value")) for label in incident.get("metaLabels", ())]
    return all(
        any((label, value) in has for value in (values if isinstance(values, list) else [values]))
        for label, values in wanted.items()
    )


def _flag(random: Random) -> bool:
    return random.random() < 0.5


TEAMS, STAGES = ("sre", "data"), ("live", "test")
APPLICATIONS = ("shop", "m\u00fcll & co")
# All of them in the past.
DAYS = tuple(f"2026-01-{day:02}T12:00:00.000Z" for day in (3, 4, 5, 6))

FILTERS: dict[str, Filter] = {
    "assignees": Filter(
        lambda random: random.sample(USERS, random.choice((0, 1, 1, 1, 2, 2))),
        lambda incident, users: any(user in users for user in assignee_ids(incident)),
    ),
    "assigned": Filter(_flag, lambda incident, wanted: bool(incident["assignments"]) is wanted),
    "status": _enum("status", "INCIDENT_STATUS", "triggered", "acknowledged", "resolved"),
    "state": _enum("state", "INCIDENT_STATE", "triggered", "resolved"),
    "severity": _enum("severity", "INCIDENT_SEVERITY", "info", "low", "warning", "error", "critical"),
    "muted": Filter(_flag, lambda incident, wanted: incident.get("isMuted", False) is wanted),
    "applications": Filter(
        lambda random: [f" {random.choice(APPLICATIONS)}"],
        lambda incident, names: incident["contextualLabels"].get(APPLICATION_LABEL) in [name.strip() for name in names],
    ),
    "contextual_labels": Filter(
        lambda random: random.choice(({}, *({APPLICATION_LABEL: name} for name in APPLICATIONS))),
        lambda incident, wanted: wanted.items() <= incident["contextualLabels"].items(),
        in_query=False,
    ),
    "meta_labels": Filter(
        lambda random: {"team": random.choice((*TEAMS, [*TEAMS])), "stage": random.choice(STAGES)},
        _has_meta_labels,
        in_query=False,
    ),
    "created_after": Filter(lambda random: random.choice(DAYS), lambda incident, day: incident["createdAt"] >= day),
    "created_before": Filter(
        lambda random: f" {random.choice(DAYS)}", lambda incident, day: incident["createdAt"] <= day.strip()
    ),
    "search": Filter(
        lambda random: {"text": random.choice(("LATENCY", "<b> %", "no such")), "field": "name"},
        lambda incident, search: search["text"].casefold() in incident.get("name", "").casefold(),
    ),
}


def _has_pairs(field: str) -> Callable[[Incident, Any], bool]:
    def matches(case: Incident, wanted: Mapping[str, Any]) -> bool:
        has = [(pair["key"], pair["value"]) for pair in case[field]]
        return all(
            any((key, value) in has for value in (values if isinstance(values, list) else [values]))
            for key, values in wanted.items()
        )

    return matches


CASE_FILTERS: dict[str, Filter] = {
    "status": _enum("status", "CASE_STATUS", "active", "acknowledged", "resolved", "closed"),
    "priority": Filter(
        lambda random: random.choice((["P1"], ["P2", "CASE_PRIORITY_P3"])),
        lambda case, wanted: _word(case["priority"]) in map(_word, wanted),
    ),
    "category": _enum("category", "CASE_CATEGORY", "security", "availability"),
    "assignees": Filter(
        lambda random: random.choice(([], [OTHER_USER], [OTHER_USER.upper()])),
        lambda case, users: any(user in map(str.lower, users) for user in case_assignee_ids(case)),
    ),
    "assigned": Filter(_flag, lambda case, wanted: bool(case_assignee_ids(case)) is wanted),
    "labels": Filter(
        lambda random: random.choice(({}, {"team": "sre"}, {"team": ["sre", "data"]})), _has_pairs("labels")
    ),
    "groupings": Filter(lambda random: {"service": random.choice(("checkout", "search"))}, _has_pairs("groupings")),
    "search": Filter(
        lambda random: random.choice(("LATENCY", "no such")),
        lambda case, text: text.casefold() in case["title"].casefold(),
    ),
}
_FILTERS_OF = {INCIDENTS.plural: FILTERS, CASES.plural: CASE_FILTERS}
# Filters that contradict each other, or might.
_NOT_TOGETHER = (("assignees", "assigned"), ("created_after", "created_before"))

# Field -> the field of the incident or case, where its order is that of the text.
ORDERS = {
    "id": "id",
    "created_time": "createdAt",
    "status": "status",
    "priority": "priority",
    "category": "category",
    "created_at": "createTime",
}


def draw_query(random: Random, kind: Kind) -> dict[str, Any]:
    """Options that choose incidents or cases, with an order and a limit."""
    filters, is_case = _FILTERS_OF[kind.plural], kind is CASES
    names = random.sample(list(filters), random.choice((0, 0, 0, 1, 1, 2)))
    for first, second in _NOT_TOGETHER:
        if first in names and second in names:
            names.remove(second)
    query = {name: filters[name].draw(random) for name in names}
    if random.random() < 0.2:
        fields = ("status", "priority", "category", "created_at") if is_case else ("id", "created_time", "status")
        order = {"field": random.choice(fields), "direction": random.choice(("asc", "desc"))}
        query["order_by"] = order if is_case else [order]
    if random.random() < 0.3:
        query["limit"] = random.randint(1, 8)
    return query


def _filters(incident: Incident) -> Mapping[str, Filter]:
    return CASE_FILTERS if "title" in incident else FILTERS


def matches(query: Mapping[str, Any], incident: Incident) -> bool:
    filters = _filters(incident)
    return all(filters[name].matches(incident, value) for name, value in query.items() if name in filters)


def _uncounted(kind: Kind, query: Mapping[str, Any]) -> dict[str, Any]:
    """The filters that the service cannot be asked for so: the module chooses from more."""
    has_alternatives = any(isinstance(values, list) for values in query.get("meta_labels", {}).values())
    chooses_assigned = kind is INCIDENTS or query.get("assigned") is True
    names = (*(("assigned",) if chooses_assigned else ()), *(("meta_labels",) if has_alternatives else ()))
    return {name: query[name] for name in names if name in query}


def is_kept(kind: Kind, query: Mapping[str, Any], incident: Incident) -> bool:
    """Whether the module keeps an incident of a page. The service has looked at what it counts by."""
    return matches(_uncounted(kind, query), incident)


def matches_nothing(query: Mapping[str, Any]) -> bool:
    """Whether a filter is empty, so that nothing can match and nothing has to be asked."""
    return [] in query.values() or {} in query.values()


def needs_body(query: Mapping[str, Any]) -> bool:
    """Whether version 3 cannot be asked for it."""
    return any(name == "order_by" or (name in FILTERS and not FILTERS[name].in_query) for name in query)


def is_counted(kind: Kind, query: Mapping[str, Any]) -> bool:
    """Whether the service counts only what matches."""
    return not _uncounted(kind, query)


# Options that are refused before anything is sent, and their values.
_REFUSED_ANYWHERE = (("timeout", 0), ("timeout", -1.5), ("deadline", 0), ("retries", -1), ("api_key", " "))
_REFUSED_IDS = (
    *(None, [None], ["['A'", "'B']"], "['A', 'B']", ["[A]"], ["{A: 1}"], ['"A"'], ["\u2019A\u2019"], ["A B"], ["A\nB"]),
    *(["https://x.example.com/incidents/A"], [["A"]], [True], [1.5], ["A,B"], [" "], ["<A>"], ["A\\B"], ["\ud800"]),
)
_REFUSED_FILTERS = (
    *((name, None) for name in (*FILTERS, "order_by", "limit", "incident_ids")),
    *(
        ("assignees", value)
        for value in (["bob", " "], [["bob"]], [True], [1.1], [None], [f"u{n}" for n in range(1001)])
    ),
    *(("applications", value) for value in ([""], [False], ["\udc00"], [{"a": "b"}])),
    *(("meta_labels", {"team": value}) for value in (None, [["sre"]], " ", True, 1.5, {"a": "b"})),
    *(("search", {"text": " ", "field": "name"}), ("limit", 0), ("created_after", "tomorrow"), ("created_before", " ")),
)


_REFUSED_CASE_IDS = (*_REFUSED_IDS, ["CASE"], ["12"], ["CASE-1x"])
_REFUSED_CASE_FILTERS = (
    *((name, None) for name in (*CASE_FILTERS, "order_by", "limit", "case_ids")),
    *(("assignees", value) for value in ([" "], [["bob"]], [True], ["bob"])),
    *(("labels", {"team": value}) for value in (None, " ", True)),
    *(("search", " "), ("limit", 0), ("created_after", "tomorrow"), ("alert_ids", ["x"])),
)
_REFUSED_OWN: dict[str, list[tuple[str, Any]]] = {
    "incident_assign": [("assignee", value) for value in (" ", True, 1.5)],
    "case_assign": [("assignee", value) for value in (" ", True, "bob")],
    "case_comment": [("text", value) for value in (" ", True, "x" * 10_001)],
    "case_update": [("title", " "), ("title", "x" * 513), ("resolution_reason", "x" * 501)],
    "case_resolve": [("reason", " "), ("reason", "x" * 501)],
}


def refused_options(task: Task) -> list[tuple[str, Any]]:
    """Options that the task must refuse, each alone."""
    is_case = task.kind is CASES
    by_ids = [(task.kind.id_option, value) for value in (_REFUSED_CASE_IDS if is_case else _REFUSED_IDS)]
    by_filters: Sequence[tuple[str, Any]] = _REFUSED_CASE_FILTERS if is_case else _REFUSED_FILTERS
    own = _REFUSED_OWN.get(task.module, [])
    return [*own, *_REFUSED_ANYWHERE, *(by_filters if task.by_filters else by_ids)]
