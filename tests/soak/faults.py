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
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any, Callable, NamedTuple, Protocol
from urllib.parse import quote

from operations import ACKNOWLEDGED, RESOLVED, TRIGGERED
from simulator import assignment

from .tasks import TASKS

# The requests that a fault applies to.
READS, WRITES = "reads", "writes"
BY_FILTERS = tuple(name for name, task in TASKS.items() if task.by_filters)
CHANGES_ASSIGNMENTS = tuple(name for name, task in TASKS.items() if task.operation and "assign" in task.operation.name)

EITHER = (False, True)
Arguments = Mapping[str, Any]


class Edit(NamedTuple):
    """A change of one node of a true answer."""

    node: int
    how: str
    value: Any


class Place(Protocol):
    """What a fault may depend on: the world in which it happens."""

    @property
    def echo(self) -> str:
        """Text with the API key in every form."""
        ...

    @property
    def trap_url(self) -> str: ...

    def show_state_before(self, answer: Any) -> Any: ...

    def lead_back(self, answer: Any) -> Any: ...


class FaultKind(NamedTuple):
    fault: Arguments | Callable[[Place, Edit], Arguments]
    """The arguments of the simulator's Fault."""
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
    shown = answer.get("incidents") if isinstance(answer, dict) else None
    return {**answer, "incidents": shown[:-1]} if isinstance(shown, list) else answer


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


def _draw_lie(random: Random) -> Edit:
    return Edit(random.randrange(3), "lie", {name: random.choice(values) for name, values in _LIES.items()})


def _lie(answer: Any, edit: Edit) -> Any:
    """One of the incidents is shown otherwise than it is."""
    shown = answer.get("incidents") if isinstance(answer, dict) else None
    incidents = list(shown.values()) if isinstance(shown, dict) else shown or []
    if incidents:
        incidents[edit.node % len(incidents)].update(copy.deepcopy(edit.value))
    return answer


def key_forms(key: str) -> list[str]:
    """The API key as it is, percent-encoded, escaped, and inside of base64."""
    token = key.removeprefix("Bearer ")
    encoded = [base64.b64encode(b"x" * offset + token.encode()).decode().rstrip("=") for offset in range(3)]
    return [token, quote(token, safe=""), json.dumps(token)[1:-1], *(text[4:-1] for text in encoded)]


def _echo(place: Place) -> Arguments:
    """A true answer, but for texts and labels that hold the API key."""
    return _replaced(description=place.echo, contextualLabels={place.echo: place.echo})


PAGE = "<html><head><title>Proxy Login</title></head><body>Please log in</body></html>"
TOO_LARGE = {"code": 8, "message": "grpc: received message larger than max (5242880 vs. 4194304)"}
INTERIM_STATUSES = (102, 103)
STALE = "answer shows the state before"
LEADS_BACK = "page: leads back"
ENDLESS = "page: endless"
NESTED = "nested"
ECHO = "answer holds the key"
EDITED = "answer edited"


def _statuses(
    statuses: Iterable[int], retryable: bool = False, effects: tuple[bool, ...] = EITHER
) -> dict[str, FaultKind]:
    return {f"status {status}": FaultKind({"status": status}, retryable, effects) for status in statuses}


def _of_lists(fault: Any, **given: Any) -> FaultKind:
    return FaultKind(fault, requests=(READS,), tasks=BY_FILTERS, **{"weight": 3, **given})


def _drip(**given: Any) -> FaultKind:
    retryable = given.get("interim_statuses", (100,)) == (100,)
    return FaultKind({"drip": 0.05, **given}, retryable, EITHER, needs_http=True, is_silent=True, weight=0.6)


_MIS_SHAPED: dict[str, Any] = {
    "incidents null": {"replace": {"incidents": None, "notFoundIds": None}},
    "no assignments": _replaced(assignments=...),
    "assignments null": _replaced(assignments=None),
    "assignments a map": _replaced(assignments={}),
    "id gone": _replaced(id=...),
}

KINDS: dict[str, FaultKind] = {
    # Refusals.
    **_statuses((400, 401, 405, 409, 414, 418, 428), effects=(False,)),
    "status 403": FaultKind({"status": 403}, weight=3),
    "status 404, no route": FaultKind({"status": 404, "body": {"code": 5, "message": "Not Found", "details": []}}),
    "status 404, no incident": FaultKind({"status": 404, "body": "Not Found: incident X"}),
    "status 501": FaultKind({"status": 501, "body": {"code": 12, "message": "Method Not Allowed"}}),
    "status 407, a page": FaultKind({"status": 407, "body": PAGE}),
    "status 400, holds the key": FaultKind(lambda place, _edit: {"status": 400, "body": {"message": place.echo}}),
    # Statuses that leave open whether a write was carried out.
    **_statuses((101, 102, 103, 199, 300, 304, 306, 308, 408, 499, 525, 599)),
    **_statuses((500, 502, 503, 504, *range(520, 525), 529), retryable=True),
    "status 502, a page": FaultKind({"status": 502, "body": PAGE}, True, EITHER),
    "status 503, Retry-After 1": FaultKind({"status": 503, "headers": {"Retry-After": "1"}}, True, EITHER, weight=3),
    "status 503, holds the key": FaultKind(lambda place, _edit: {"status": 503, "body": place.echo}, True, EITHER),
    "status 429, too large": FaultKind({"status": 429, "body": TOO_LARGE}, False, EITHER),
    "status 100": FaultKind({"status": 100}, True, EITHER, needs_http=True),
    "status 202": FaultKind({"status": 202}, False, EITHER),
    "status 204": FaultKind({"status": 204, "body": ""}, True, EITHER),
    **{
        f"redirect {status}": FaultKind(
            lambda place, _edit, s=status: {"redirect": place.trap_url, "status": s}, False, EITHER
        )
        for status in (301, 302, 303, 307, 308)
    },
    # The rate is limited.
    **{
        f"status 429, Retry-After {value}": FaultKind(
            {"status": 429, "headers": {"Retry-After": value}}, True, weight=2
        )
        for value in ("0", "1", "2", "soon")
    },
    "status 429": FaultKind({"status": 429}, True, weight=3),
    "status 429, Retry-After a date": FaultKind(
        lambda _place, _edit: {
            "status": 429,
            # The form has whole seconds only.
            "headers": {"Retry-After": email.utils.formatdate(time.time() + 2, usegmt=True)},
        },
        True,
    ),
    "status 429, Retry-After 7200": FaultKind({"status": 429, "headers": {"Retry-After": "7200"}}, weight=4),
    # No answer, or a broken one.
    "reset": FaultKind({"reset": True}, True, EITHER, weight=6),
    "hang": FaultKind({"hang": 20}, True, EITHER, needs_http=True, is_silent=True),
    "truncated": FaultKind({"truncate": True}, True, EITHER, weight=3),
    "truncated chunks": FaultKind({"truncate_chunked": True}, True, EITHER),
    "malformed": FaultKind({"malformed": True}, True, EITHER),
    "no HTTP": FaultKind(lambda place, _edit: {"raw": f"{place.echo}\r\n\r\n"}, True, EITHER, needs_http=True),
    "a page": FaultKind({"replace": PAGE}, False, EITHER),
    "empty": FaultKind({"replace": ""}, True, EITHER),
    "bomb": FaultKind({"inflate_to": 130 << 20}, False, EITHER, needs_http=True, weight=0.3),
    "bomb, packed twice": FaultKind({"inflate_to": 1 << 20, "gzip_layers": 2}, False, EITHER, needs_http=True),
    "nested without end": FaultKind({"nest": 200_000}, False, EITHER),
    **{
        f"drips: {part}": _drip(drip_part=part)
        for part in ("status", "headers", "body", "chunks", "trailers", "interim")
    },
    "drips: interim 102, 103": _drip(drip_part="interim", interim_statuses=INTERIM_STATUSES),
    # Answers of another shape, or with another content.
    **{f"mis-shaped: {name}": FaultKind(fault, False, EITHER) for name, fault in _MIS_SHAPED.items()},
    **{
        f"mis-shaped: no {field}": FaultKind(
            _replaced(**{field: ...}),
            False,
            EITHER,
            tasks=tuple(n for n, task in TASKS.items() if task.operation and field in task.operation.required_fields),
            weight=8,
        )
        for field in ("status", "state")
    },
    "answer leaves one out": FaultKind({"replace": _last_left_out}, False, EITHER, (WRITES,), weight=3),
    "other JSON": FaultKind(
        lambda _place, edit: {"replace": edit.value},
        False,
        EITHER,
        draw=lambda random: Edit(0, "replace", random.choice(OTHER_JSON)),
        weight=5,
    ),
    "cut short": FaultKind(
        lambda _place, edit: {"replace": lambda answer: json.dumps(answer)[: edit.node]},
        True,
        EITHER,
        draw=lambda random: Edit(random.randint(2, 300), "cut", None),
        weight=2,
    ),
    EDITED: FaultKind(
        lambda _place, edit: {"replace": lambda answer: edit_answer(answer, edit)},
        False,
        EITHER,
        draw=_draw_edit,
        weight=12,
    ),
    "lie": FaultKind(
        lambda _place, edit: {"replace": lambda answer: _lie(answer, edit)}, False, EITHER, draw=_draw_lie, weight=8
    ),
    # Writes that are carried out otherwise than their answers say, or only in part.
    "accepted without effect": FaultKind({"replace": lambda answer: answer}, False, (False,), (WRITES,), weight=6),
    "partial: one incident": FaultKind({"partial_ids": 1}, False, (True,), (WRITES,), weight=3),
    "partial: one incident, then lost": FaultKind(
        {"partial_ids": 1, "reset": True}, True, (True,), (WRITES,), weight=2
    ),
    "partial: one assignee": FaultKind({"partial_effect": 1}, False, (True,), (WRITES,), CHANGES_ASSIGNMENTS, weight=5),
    STALE: FaultKind(
        lambda place, _edit: {"replace": place.show_state_before}, False, (True,), (WRITES,), weight=4, is_harmless=True
    ),
    # What costs only time, or nothing.
    "latency": FaultKind({"delay": 0.02}, True, (True,), is_harmless=True),
    NESTED: FaultKind({"nest": 300}, True, (True,), is_harmless=True),
    ECHO: FaultKind(lambda place, _edit: _echo(place), True, (True,), is_harmless=True, weight=2),
    # Pages of a list.
    "page: no pagination": _of_lists(_pagination(lambda _pagination: None)),
    "page: no total": _of_lists(_pagination(lambda pagination: {**pagination, "totalSize": None})),
    "page: token a number": _of_lists(_pagination(lambda pagination: {**pagination, "nextPageToken": 7})),
    # As some gateways write a number of 64 bits.
    "page: total as text": _of_lists(
        _pagination(lambda pagination: {**pagination, "totalSize": str(pagination["totalSize"])}),
        retryable=True,
        is_harmless=True,
    ),
    LEADS_BACK: _of_lists(lambda place, _edit: {"replace": place.lead_back}, weight=12),
    ENDLESS: _of_lists({"endless_pages": True}, weight=2),
}
