# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can go wrong with an answer, in one table. A row says how the simulator makes it."""

from __future__ import annotations

import base64
import copy
import email.utils
import json
import time
from collections.abc import Mapping
from functools import partial
from random import Random
from typing import Any, Callable, NamedTuple
from urllib.parse import quote

from operations import ACKNOWLEDGED, ASSIGNEE, RESOLVED, TITLE, TRIGGERED
from simulator import assignment
from simulator.wire import DRIP_PARTS

from .kinds import CASES, INCIDENTS, OTHER_USER
from .tasks import TASKS

# The requests that a fault applies to.
READS, WRITES = "reads", "writes"
BY_FILTERS = tuple(name for name, task in TASKS.items() if task.by_filters)
CHANGES_ASSIGNMENTS = tuple(
    name
    for name, task in TASKS.items()
    if task.kind is INCIDENTS and task.operation and "assign" in task.operation.name
)
LISTS_INCIDENTS = ("info by filters",)

EITHER = (False, True)
Arguments = Mapping[str, Any]


class Edit(NamedTuple):
    """A change of one node of a true answer."""

    node: int
    how: str
    value: Any


class FaultKind(NamedTuple):
    fault: Arguments | Callable[[Any, Edit], Arguments]
    """The arguments of the simulator's Fault, or what makes them of the World and an edit."""
    retryable: bool = False
    """Whether the module must try again, so that a fault which passes costs only time."""
    effects: tuple[bool, ...] = (False,)
    """Whether a write takes effect all the same. A refusal never does: nothing else could be known from it."""
    requests: tuple[str, ...] = (READS, WRITES)
    tasks: tuple[str, ...] = ()
    """The tasks that it is for. Empty for all."""
    draw: Callable[[Random], Edit] = lambda _random: Edit(0, "", None)
    weight: float = 1
    """How often it is drawn, compared with others."""
    is_harmless: bool = False
    """Whether the module must succeed in spite of it."""
    needs_http: bool = False
    """Whether only a real connection can carry it."""
    is_silent: bool = False
    """Whether the module waits in vain, as long as its timeout says."""


# Answers that are edited: JSON that is whole, and not what the API documents, or not true.
def _each_incident(answer: Any, change: Callable[[Any], Any]) -> Any:
    """The answer with every incident changed, whether they stand in a map or in a list."""
    if isinstance(answer, dict) and isinstance(answer.get("case"), dict):
        return {**answer, "case": change(answer["case"])}
    if isinstance(answer, dict) and isinstance(answer.get("cases"), list):
        return {**answer, "cases": [change(case) for case in answer["cases"]]}
    shown = answer.get("incidents") if isinstance(answer, dict) else None
    if isinstance(shown, dict):
        return {**answer, "incidents": {incident_id: change(incident) for incident_id, incident in shown.items()}}
    return {**answer, "incidents": [change(incident) for incident in shown]} if isinstance(shown, list) else answer


def _replaced(**fields: Any) -> Arguments:
    """Every incident with these fields; ... takes one away."""

    def change(incident: Any) -> Any:
        return {name: value for name, value in {**incident, **fields}.items() if value is not ...}

    return {"replace": lambda answer: _each_incident(answer, change)}


def _last_left_out(answer: Any) -> Any:
    for plural in (INCIDENTS.plural, CASES.plural):
        shown = answer.get(plural) if isinstance(answer, dict) else None
        if isinstance(shown, list):
            return {**answer, plural: shown[:-1]}
    return answer


def _pagination(change: Callable[[Any], Any]) -> Arguments:
    """The page of a list with its pagination changed."""

    def changed(answer: Any) -> Any:
        pagination = answer.get("pagination") if isinstance(answer, dict) else None
        return {**answer, "pagination": change(pagination)} if pagination else answer

    return {"replace": changed}


def _nodes(tree: Any) -> list[tuple[Any, Any]]:
    """Where each node hangs: its parent and the key or index there, the root in a list of its own."""
    found: list[tuple[Any, Any]] = [([tree], 0)]
    for parent, key in found:
        node = parent[key]
        if isinstance(node, dict):
            found += [(node, inner) for inner in node]
        elif isinstance(node, list):
            found += [(node, inner) for inner in range(len(node))]
    return found


def edit_answer(tree: Any, edit: Edit) -> Any:
    """The tree, changed in place."""
    nodes = _nodes(tree)
    holder = nodes[0][0]
    parent, key = nodes[edit.node % len(nodes)]
    node = parent[key]
    if edit.how == "replace" or (parent is holder and edit.how != "add"):
        parent[key] = copy.deepcopy(edit.value)
    elif edit.how == "drop":
        del parent[key]
    elif edit.how == "double" and isinstance(parent, list):
        parent.append(copy.deepcopy(node))
    elif edit.how == "rename" and isinstance(parent, dict):
        parent[str(edit.value)] = parent.pop(key)
    elif isinstance(node, dict):
        node[str(edit.value)] = copy.deepcopy(edit.value)
    elif isinstance(node, list):
        node.append(copy.deepcopy(edit.value))
    return holder[0]


_ID = "0b5f8a3e-6c1d-4f0e-9a57-000000000000"
_MADE_UP = {
    "id": _ID,
    "assignments": [assignment("u3", "u0")],
    "status": TRIGGERED,
    "state": "INCIDENT_STATE_TRIGGERED",
}
OTHER_JSON: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 0.5, 1e300, 10**30, "", "x", "null", "\u2028", [], {}, [[]], [None], [{}], {"": None}),
    *([0], {"id": None}, {"message": "no"}, [assignment("u3", "u0")], {"incidents": []}, {"incidents": {}}, "9" * 5000),
    *(
        {"incidents": {}, "notFoundIds": []},
        {"incidents": {}, "notFoundIds": [_ID]},
        {"notFoundIds": [_ID]},
        [_ID],
        _ID,
    ),
    *(_MADE_UP, [_MADE_UP], {"incidents": [_MADE_UP]}, {"incidents": {_ID: _MADE_UP}, "notFoundIds": []}),
    *(
        {"incidents": [_MADE_UP], "pagination": {"totalSize": 9, "nextPageToken": token}}
        for token in ("1", "x", 5, None)
    ),
    *("u1", TRIGGERED, ACKNOWLEDGED, RESOLVED, ["\ud800"], {"__ansible_type": "x"}),
)
_LIES: dict[str, tuple[Any, ...]] = {
    "assignments": ([], [assignment("u1", "u0")], [assignment("u1", "u0"), assignment("u2", "u0")]),
    "status": (TRIGGERED, ACKNOWLEDGED, RESOLVED),
    "state": ("INCIDENT_STATE_TRIGGERED", "INCIDENT_STATE_RESOLVED"),
    "closedAt": (None, "2026-11-23T04:10:00.000Z"),
}


def _draw_edit(random: Random) -> Edit:
    # The upper nodes, on which decisions rest, come first.
    node = random.randint(0, random.choice((8, 8, 60)))
    how = random.choice(("drop", "replace", "replace", "double", "add", "rename"))
    return Edit(node, how, random.choice(OTHER_JSON))


# As in _LIES, of a case. None takes a field away.
_CASE_LIES: dict[str, tuple[Any, ...]] = {
    "assignee": (None, {"userId": OTHER_USER}, {"userId": ASSIGNEE.lower()}),
    "status": tuple(f"CASE_STATUS_{name}" for name in ("ACTIVE", "ACKNOWLEDGED", "RESOLVED", "CLOSED")),
    "title": ("Something else", TITLE),
    "priorityDetails": ({"system": "CASE_PRIORITY_P3"}, {"system": "CASE_PRIORITY_P3", "override": "CASE_PRIORITY_P1"}),
}


def _draw_lie(random: Random) -> Edit:
    of_incident, of_case = (
        {name: random.choice(values) for name, values in lies.items()} for lies in (_LIES, _CASE_LIES)
    )
    return Edit(random.randrange(3), "incident shown otherwise", {"incident": of_incident, "case": of_case})


def _draw_other_json(random: Random) -> Edit:
    return Edit(0, "replace", random.choice(OTHER_JSON))


def _draw_cut(random: Random) -> Edit:
    return Edit(random.randint(2, 300), "cut", None)


def _cut_off(answer: Any, edit: Edit) -> str:
    return json.dumps(answer)[: edit.node]


def _lie(answer: Any, edit: Edit) -> Any:
    """One of the incidents is shown otherwise than it is."""
    if not isinstance(answer, dict):
        return answer
    answer = copy.deepcopy(answer)
    cases = answer.get("cases") or [case for case in [answer.get("case")] if case]
    shown = answer.get("incidents")
    incidents = list(shown.values()) if isinstance(shown, dict) else shown or []
    things, lies = (cases, edit.value["case"]) if cases else (incidents, edit.value["incident"])
    if things:
        thing = things[edit.node % len(things)]
        thing.update(copy.deepcopy(lies))
        if cases and thing["assignee"] is None:
            del thing["assignee"]
    return answer


def key_forms(key: str) -> list[str]:
    """The API key as it is, percent-encoded, escaped, and inside of base64."""
    token = key.removeprefix("Bearer ")
    encoded = [base64.b64encode(b"x" * offset + token.encode()).decode().rstrip("=") for offset in range(3)]
    return [token, quote(token, safe=""), json.dumps(token)[1:-1], *(text[4:-1] for text in encoded)]


PAGE = "<html><head><title>Proxy Login</title></head><body>Please log in</body></html>"
TOO_LARGE = {"code": 8, "message": "grpc: received message larger than max (5242880 vs. 4194304)"}
INTERIM_STATUSES = (102, 103)
STALE = "answer shows the state before"
LEADS_BACK = "page: leads back"
ENDLESS = "page: endless"
NESTED = "nested"
ECHO = "answer holds the key"
EDITED = "answer edited"


def _refusal(fault: Any, **row: Any) -> FaultKind:
    """It leaves no doubt: a write had no effect."""
    return FaultKind(fault, False, (False,), **row)


def _lost(fault: Any, **row: Any) -> FaultKind:
    """It leaves open whether a write took effect. Another try may help."""
    return FaultKind(fault, True, EITHER, **row)


def _useless(fault: Any, **row: Any) -> FaultKind:
    """It leaves open whether a write took effect. Another try would not help."""
    return FaultKind(fault, False, EITHER, **row)


def _of_pages(fault: Any, **row: Any) -> FaultKind:
    return FaultKind(fault, requests=(READS,), **{"tasks": BY_FILTERS, "weight": 3, **row})


def _drip(part: str, **fault: Any) -> Arguments:
    return {"drip": 0.05, "drip_part": part, **fault}


def _retry_after(value: str) -> Arguments:
    return {"status": 429, "headers": {"Retry-After": value}}


def _in_two_seconds() -> str:
    """As an HTTP date, which has whole seconds only."""
    return email.utils.formatdate(time.time() + 2, usegmt=True)


_SILENT = {"needs_http": True, "is_silent": True, "weight": 0.6}
_WITHOUT_FIELD = {
    field: tuple(name for name, task in TASKS.items() if task.operation and field in task.operation.required_fields)
    for field in ("status", "state")
}

KINDS: dict[str, FaultKind] = {
    # Refusals.
    **{f"status {status}": _refusal({"status": status}) for status in (400, 401, 405, 409, 414, 418, 428)},
    "status 403": _refusal({"status": 403}, weight=3),
    "status 404, no route": _refusal({"status": 404, "body": {"code": 5, "message": "Not Found", "details": []}}),
    "status 404, no incident": _refusal({"status": 404, "body": "Not Found: incident X"}),
    "status 501": _refusal({"status": 501, "body": {"code": 12, "message": "Method Not Allowed"}}),
    "status 407, a page": _refusal({"status": 407, "body": PAGE}),
    "status 400, holds the key": _refusal(
        lambda world, _edit: {"status": 400, "body": {"message": world.key_in_all_forms}}
    ),
    "status 429, Retry-After 7200": _refusal(_retry_after("7200"), weight=4),
    # The rate is limited.
    **{f"status 429, Retry-After {n}": FaultKind(_retry_after(n), True, weight=2) for n in ("0", "1", "2", "soon")},
    "status 429, Retry-After a date": FaultKind(lambda _world, _edit: _retry_after(_in_two_seconds()), True),
    "status 429": FaultKind({"status": 429}, True, weight=3),
    # Statuses that leave open whether a write was carried out.
    **{f"status {n}": _useless({"status": n}) for n in (101, 102, 103, 199, 300, 304, 306, 308, 408, 499, 525, 599)},
    **{f"status {n}": _lost({"status": n}) for n in (500, 502, 503, 504, 520, 521, 522, 523, 524, 529)},
    "status 502, a page": _lost({"status": 502, "body": PAGE}),
    "status 503, Retry-After 1": _lost({"status": 503, "headers": {"Retry-After": "1"}}, weight=3),
    "status 503, holds the key": _lost(lambda world, _edit: {"status": 503, "body": world.key_in_all_forms}),
    "status 429, too large": _useless({"status": 429, "body": TOO_LARGE}),
    "status 100": _lost({"status": 100}, needs_http=True),
    "status 202": _useless({"status": 202}),
    "status 204": _lost({"status": 204, "body": ""}),
    **{
        f"redirect {n}": _useless(lambda world, _edit, n=n: {"redirect": world.redirect_url, "status": n})
        for n in (301, 302, 303, 307, 308)
    },
    # No answer, or a broken one.
    "reset": _lost({"reset": True}, weight=6),
    "hang": _lost({"hang": 20}, **_SILENT),
    "truncated": _lost({"truncate": True}, weight=3),
    "truncated chunks": _lost({"truncate_chunked": True}),
    "malformed": _lost({"malformed": True}),
    "no HTTP": _lost(lambda world, _edit: {"raw": f"{world.key_in_all_forms}\r\n\r\n"}, needs_http=True),
    "a page": _useless({"replace": PAGE}),
    "empty": _lost({"replace": ""}),
    "bomb": _useless({"inflate_to": 130 << 20}, needs_http=True, weight=0.3),
    "bomb, packed twice": _useless({"inflate_to": 1 << 20, "gzip_layers": 2}, needs_http=True),
    "nested without end": _useless({"nest": 200_000}),
    **{f"drips: {part}": _lost(_drip(part), **_SILENT) for part in DRIP_PARTS},
    "drips: interim 102, 103": _useless(_drip("interim", interim_statuses=INTERIM_STATUSES), **_SILENT),
    # Answers of another shape, or with another content.
    "mis-shaped: incidents null": _useless({"replace": {"incidents": None, "notFoundIds": None}}),
    "mis-shaped: no assignments": _useless(_replaced(assignments=...)),
    "mis-shaped: assignments null": _useless(_replaced(assignments=None)),
    "mis-shaped: assignments a map": _useless(_replaced(assignments={})),
    "mis-shaped: id gone": _useless(_replaced(id=...)),
    **{f"mis-shaped: no {f}": _useless(_replaced(**{f: ...}), tasks=t, weight=8) for f, t in _WITHOUT_FIELD.items()},
    "other JSON": _useless(lambda _world, edit: {"replace": edit.value}, draw=_draw_other_json, weight=5),
    "cut short": _lost(lambda _world, edit: {"replace": partial(_cut_off, edit=edit)}, draw=_draw_cut, weight=2),
    EDITED: _useless(lambda _world, edit: {"replace": partial(edit_answer, edit=edit)}, draw=_draw_edit, weight=12),
    "incident shown otherwise": _useless(
        lambda _world, edit: {"replace": partial(_lie, edit=edit)}, draw=_draw_lie, weight=8
    ),
    # Writes whose answers do not tell, or that are carried out only in part.
    "answer leaves one out": _useless({"replace": _last_left_out}, requests=(WRITES,), weight=3),
    "accepted without effect": _refusal({"replace": lambda answer: answer}, requests=(WRITES,), weight=6),
    **{
        name: FaultKind(fault, "lost" in name, (True,), (WRITES,), tasks, weight=3)
        for name, fault, tasks in (
            ("partial: one incident", {"partial_ids": 1}, ()),
            ("partial: one incident, then lost", {"partial_ids": 1, "reset": True}, ()),
            ("partial: one assignee", {"partial_effect": 1}, CHANGES_ASSIGNMENTS),
        )
    },
    # The module must succeed in spite of these.
    STALE: FaultKind(
        lambda world, _edit: {"replace": world.show_state_before}, False, (True,), (WRITES,), weight=4, is_harmless=True
    ),
    "latency": FaultKind({"delay": 0.02}, True, (True,), is_harmless=True),
    NESTED: FaultKind({"nest": 300}, True, (True,), is_harmless=True),
    ECHO: FaultKind(
        lambda world, _edit: _replaced(
            description=world.key_in_all_forms, contextualLabels={world.key_in_all_forms: world.key_in_all_forms}
        ),
        True,
        (True,),
        is_harmless=True,
        weight=2,
    ),
    # Pages of a list. Some gateways write a number of 64 bits as text.
    "page: total as text": _of_pages(
        _pagination(lambda pages: {**pages, "totalSize": str(pages["totalSize"])}),
        retryable=True,
        is_harmless=True,
        tasks=LISTS_INCIDENTS,
    ),
    "page: no pagination": _of_pages(_pagination(lambda _pages: None)),
    "page: no total": _of_pages(_pagination(lambda pages: {**pages, "totalSize": None}), tasks=LISTS_INCIDENTS),
    "page: token a number": _of_pages(_pagination(lambda pages: {**pages, "nextPageToken": 7})),
    LEADS_BACK: _of_pages(lambda world, _edit: {"replace": world.lead_back}, weight=12),
    # The service does not count cases: nothing shows that their pages never end.
    ENDLESS: _of_pages({"endless_pages": True}, weight=2, tasks=LISTS_INCIDENTS),
}
