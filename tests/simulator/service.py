# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a request that has been routed to its true answer: keys, parameters, operations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable, NamedTuple

from .gateway import ERROR_STYLES, MISSING_ROUTE, WRONG_METHOD, Reply
from .operations import Query, Route
from .routes import OPERATIONS, Match, permissions_for_method
from .schema import BadRequest, Message, camel, decode, query_tree
from .store import Refused, Store, Write


class Key(NamedTuple):
    permissions: frozenset[str]
    kind: str
    user_id: str


class Call(NamedTuple):
    """A request, taken apart, and how it is to be carried out."""

    method: str
    match: Match
    query: Sequence[tuple[str, str]]
    body: bytes
    authorization: str
    write: Write = Write()
    endless_pages: bool = False


class Result(NamedTuple):
    reply: Reply
    changed: Sequence[str] = ()
    """The IDs of the things changed."""


def _body(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None


_TREES: Mapping[str, Callable[[Call, Message], Any]] = {
    "query": lambda call, message: query_tree(message, call.query),
    "body": lambda call, message: _body(call.body),
    "path": lambda call, message: {},
}


def _without_unknown(call: Call, route: Route) -> Call:
    """The call as a gateway sees it that ignores query parameters it does not know."""
    known = route.message.fields if route.where == "query" else ()
    return call._replace(query=[(n, v) for n, v in call.query if camel(n.split(".")[0]) in known])


def _parameters(call: Call, route: Route) -> dict[str, Any]:
    if call.query and route.where != "query":
        raise BadRequest(f'unknown query parameter "{call.query[0][0]}"')
    if call.body and route.where != "body":
        raise BadRequest("this operation has no body")
    tree, in_path = _TREES[route.where](call, route.message), call.match.path_parameters
    if isinstance(tree, dict):
        for name in tree:
            if camel(name) in map(camel, in_path):
                raise BadRequest(f'unknown field "{name}"')
        tree = {**tree, **in_path}
    return decode(route.message, tree, "", strict=call.match.serves == "5")


class Service:
    """The operations on all stores, behind the gateway's checks."""

    def __init__(
        self,
        *,
        stores: Mapping[str, Store],
        without: Iterable[str],
        latest_without: Callable[[], Iterable[str]],
        auth_first: bool,
        not_found: str,
        wrong_method: int,
        error_style: str,
        unknown_parameters: str,
    ) -> None:
        self.stores = stores
        self.keys: dict[str, Key] = {}
        self._without = frozenset(without)
        self._latest_without = latest_without
        self._missing_route = MISSING_ROUTE[not_found]
        self._wrong_method = WRONG_METHOD[wrong_method]
        self._style = ERROR_STYLES[error_style]
        self._ignores_unknown = {"refuse": False, "ignore": True}[unknown_parameters]
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
        without = {None, *self._without, *(self._latest_without() if call.match.version == "latest" else ())}
        return self._missing_route if call.match.operation in without else None

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
        if key and operation.permission and operation.permission not in key.permissions:
            return self._lacks(operation.permission)
        if key and operation.needs_personal_key and key.kind != "personal":
            text = "Forbidden: this operation needs a personal (user-owned) API key"
            return self.error(403, text)
        return None

    def answer(self, call: Call) -> Result:
        """The true answer, and what has been changed."""
        for check in self._checks:
            refusal = check(call)
            if refusal:
                return Result(refusal)
        route, key = call.match.route, self._key(call)
        if not (route and key):
            raise AssertionError("the checks let a request through that nobody may answer")
        try:
            params = _parameters(_without_unknown(call, route) if self._ignores_unknown else call, route)
            return self._carry_out(call, route, params, key)
        except BadRequest as error:
            return Result(self.error(400, str(error)))
        except Refused as error:
            return Result(self.error(error.status, str(error)))

    def _carry_out(self, call: Call, route: Route, params: Mapping[str, Any], key: Key) -> Result:
        operation = OPERATIONS[str(call.match.operation)]
        store = self.stores[operation.store]
        if operation.read:
            return Result(Reply(200, operation.read(store, Query(params, call.endless_pages))))
        if not (operation.effect and operation.show):
            raise AssertionError(f"{call.match.operation} neither reads nor writes")
        how = call.write._replace(bad_ids=store.bad_ids if route.is_bulk else "error")
        written = store.write(operation.effect, route.ids(params), key.user_id, params, how)
        if written.error:
            return Result(self.error(written.error.status, str(written.error)), written.changed)
        return Result(Reply(200, operation.show(written)), written.changed)
