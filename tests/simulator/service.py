# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a request that has been routed to its true answer: keys, parameters, operations."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Callable, NamedTuple

from . import listing
from .gateway import ERROR_STYLES, MISSING_ROUTE, WRONG_METHOD, Reply
from .lifelike import Maker
from .messages import BadRequest, Message, camel, decode, query_tree, request_message
from .routes import OPERATIONS, Match, Route, permissions_for_method
from .state import Act, Incidents, NotFound, Written

_ID_LISTS = ("ids", "incidentIds")


class Key(NamedTuple):
    permissions: frozenset[str]
    kind: str
    user_id: str


class Call(NamedTuple):
    """A request, taken apart."""

    method: str
    match: Match
    query: Sequence[tuple[str, str]]
    body: bytes
    authorization: str


def asked_ids(match: Match, query: Sequence[tuple[str, str]], body: Any) -> list[str]:
    """The incidents a request names, whether or not the request is valid."""
    in_body = body if isinstance(body, dict) else {}
    listed = [ids for name, ids in in_body.items() if camel(name) in _ID_LISTS]
    return [
        *([match.path_id] if match.path_id is not None else []),
        *(value for name, value in query if camel(name) in _ID_LISTS),
        *(str(i) for ids in listed if isinstance(ids, list) for i in ids),
    ]


@functools.cache
def _message(route: Route) -> Message:
    return request_message(route.parameters, route.required)


def _body(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None


_TREES: Mapping[str, Callable[[Call, Message], Any]] = {
    "query": lambda call, message: query_tree(message, call.query),
    "body": lambda call, message: _body(call.body),
    "path": lambda call, message: {"id": call.match.path_id},
}


def _known_query(call: Call, route: Route) -> Call:
    """The call as a gateway sees it that passes over what it does not know."""
    known = _message(route).fields if route.where == "query" else ()
    return call._replace(query=[(n, v) for n, v in call.query if camel(n.split(".")[0]) in known])


def parameters(call: Call, route: Route) -> dict[str, Any]:
    if call.query and route.where != "query":
        raise BadRequest(f'unknown query parameter "{call.query[0][0]}"')
    if call.body and route.where != "body":
        raise BadRequest("this operation has no body")
    message = _message(route)
    return decode(message, _TREES[route.where](call, message), "", strict=call.match.serves == "5")


class Service:
    def __init__(
        self,
        *,
        without: Sequence[str],
        auth_first: bool,
        not_found: str,
        wrong_method: int,
        error_style: str,
        unknown_ids: str,
        unknown_parameters: str,
        seed: int,
        clock: Callable[[], float],
    ) -> None:
        self.incidents = Incidents()
        self.keys: dict[str, Key] = {}
        self.clock = clock
        self.maker = Maker(seed)
        # One thread at a time draws random numbers.
        self.making = threading.Lock()
        self._without = frozenset(without)
        self._missing_route = MISSING_ROUTE[not_found]
        self._wrong_method = WRONG_METHOD[wrong_method]
        self._style = ERROR_STYLES[error_style]
        self._ignore_surplus = {"refuse": False, "ignore": True}[unknown_parameters]
        self._refuse_unknown = {"skip": False, "404": True}[unknown_ids]
        self._checks = (
            (self._authentication, self._method_permission, self._routing, self._permission)
            if auth_first
            else (self._routing, self._authentication, self._permission)
        )
        unknown = self._without - set(OPERATIONS)
        if unknown:
            raise ValueError(f"not operations: {sorted(unknown)}")

    def error(self, status: int, text: str) -> Reply:
        return Reply(status, *self._style(status, text))

    # The gateway's checks, each None or a refusal.
    def _key(self, call: Call) -> Key | None:
        scheme, space, rest = call.authorization.partition(" ")
        bearer = bool(space) and scheme.lower() == "bearer"
        return self.keys.get(rest.strip() if bearer else call.authorization)

    def _routing(self, call: Call) -> Reply | None:
        if call.match.wrong_method:
            return self._wrong_method
        served = call.match.operation is not None and call.match.operation not in self._without
        return None if served else self._missing_route

    def _authentication(self, call: Call) -> Reply | None:
        return None if self._key(call) else self.error(401, "Unauthorized: invalid API key")

    def _lacks(self, permissions: str) -> Reply:
        return self.error(403, f"Forbidden: the API key lacks the permission {permissions}")

    def _method_permission(self, call: Call) -> Reply | None:
        key, wanted = self._key(call), permissions_for_method(call.method)
        if not key or not wanted or wanted & key.permissions:
            return None
        return self._lacks(" or ".join(sorted(wanted)))

    def _permission(self, call: Call) -> Reply | None:
        key, operation = self._key(call), OPERATIONS[str(call.match.operation)]
        if key and operation.permission not in key.permissions:
            return self._lacks(operation.permission)
        if key and operation.personal_key and key.kind != "personal":
            text = "Forbidden: this operation needs a personal (user-owned) API key"
            return self.error(403, text)
        return None

    def answer(self, call: Call, effect: bool = True) -> tuple[Reply, list[str]]:
        """The true answer and the IDs of the incidents changed; no write without `effect`."""
        for check in self._checks:
            refusal = check(call)
            if refusal:
                return refusal, []
        route, key, operation = call.match.route, self._key(call), call.match.operation
        if not (route and key and operation):
            raise AssertionError("the checks let a request pass that nobody may answer")
        try:
            call = _known_query(call, route) if self._ignore_surplus else call
            given = parameters(call, route)
            if OPERATIONS[operation].write:
                return self._write(operation, given, key, effect)
            return getattr(self, f"_{operation}")(given), []
        except BadRequest as error:
            return self.error(400, str(error)), []
        except NotFound as error:
            return self.error(404, f"Not Found: incident {error}"), []

    # The operations.
    def _list(self, given: Mapping[str, Any]) -> Reply:
        return Reply(200, listing.page(self.incidents.all(), given))

    def _read_one(self, given: Mapping[str, Any]) -> Reply:
        found, missing = self.incidents.get([given["id"]])
        if missing:
            raise NotFound(given["id"])
        return Reply(200, {"incident": found[given["id"]]})

    def _read_many(self, given: Mapping[str, Any]) -> Reply:
        found, missing = self.incidents.get(given.get("ids", []))
        return Reply(200, {"incidents": found, "notFoundIds": missing})

    def _write(self, operation: str, given: Mapping[str, Any], key: Key, effect: bool) -> tuple[Reply, list[str]]:
        ids = given.get("incidentIds", [])
        if not effect:
            found, missing = self.incidents.get(ids)
            if missing and self._refuse_unknown:
                raise NotFound(missing[0])
            return Reply(200, {"incidents": list(found.values())}), []
        assignee = given.get("assignedTo", {}).get("userId")
        written = self.write(operation, ids, key.user_id, assignee, self._refuse_unknown)
        return Reply(200, {"incidents": written.incidents}), written.changed

    def write(
        self,
        operation: str,
        ids: Sequence[str],
        by: str,
        assignee: str | None = None,
        refuse_unknown: bool = True,
    ) -> Written:
        def act() -> Act:
            with self.making:
                return Act(by, self.clock(), self.maker.uuid(), assignee)

        return self.incidents.write(operation, ids, act, refuse_unknown)
