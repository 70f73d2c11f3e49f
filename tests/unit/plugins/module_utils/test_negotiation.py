# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which routes are tried, and what is known of them afterwards."""

from __future__ import annotations

import typing as t

from ansible_collections.coralogix.incidents.plugins.module_utils._errors import Attempts, DeadlinePassed, RequestFailed
from ansible_collections.coralogix.incidents.plugins.module_utils._negotiation import RouteNegotiation
from helpers import INCIDENT, A, Failure, K, build_request, refusal, table

READ = build_request("https://x.example", INCIDENT, "read", "v4", ["a"])
SERVED = "served"
DEADLINE = DeadlinePassed(1.0, "read incidents")


def failed(kind: K, message: str = "", may_have_applied: bool = False) -> RequestFailed:
    return RequestFailed(READ, Failure(kind, message), Attempts(1), "", may_have_applied)


NO_ROUTE, NO_PAGE, FORBIDDEN = failed(K.NO_ROUTE), failed(K.HTML_NOT_FOUND), failed(K.FORBIDDEN)
LOST = failed(K.NO_ROUTE, may_have_applied=True)

# What each route set answers, what the call brings, and the route sets that remain.
CALLS: dict[str, tuple[dict[str, t.Any], t.Any, tuple[str, ...]]] = {
    "first is served": ({"v4": SERVED}, SERVED, ("v4",)),
    "second is served": ({"v4": NO_ROUTE, "v3": SERVED}, SERVED, ("v3",)),
    "a page stands for the first": ({"v4": NO_PAGE, "v3": SERVED}, SERVED, ("v3",)),
    # A gateway may look at the key before the route: 403 says nothing about the route.
    "first is forbidden": ({"v4": FORBIDDEN}, FORBIDDEN, ("v4", "v3")),
    "second is forbidden": ({"v4": NO_ROUTE, "v3": FORBIDDEN}, FORBIDDEN, ("v3",)),
    "none is served": ({"v4": NO_ROUTE, "v3": NO_PAGE}, NO_ROUTE, ("v3", "v4")),
    "deadline": ({"v4": DEADLINE}, DEADLINE, ("v4", "v3")),
    # What an earlier try may have done stays done.
    "first may have applied, none is served": ({"v4": LOST, "v3": NO_ROUTE}, LOST, ("v3", "v4")),
    "first may have applied, second is forbidden": (
        {"v4": LOST, "v3": FORBIDDEN},
        FORBIDDEN._replace(may_have_applied=True),
        ("v3",),
    ),
    "route by another name": (
        {"v4": NO_ROUTE, "v3": failed(K.INVALID, "invalid UUID length: 5")},
        NO_ROUTE,
        ("v3", "v4"),
    ),
    "ID is refused": ({"v4": failed(K.UNKNOWN_ID, "incident a")}, failed(K.UNKNOWN_ID, "incident a"), ("v4", "v3")),
}


@table("answers, outcome, remaining", CALLS)
def test_routes_are_tried_until_one_is_served(
    answers: dict[str, t.Any], outcome: t.Any, remaining: tuple[str, ...]
) -> None:
    routes = RouteNegotiation(INCIDENT, "latest")
    pending = dict(answers)
    assert routes.call("read", [A], pending.pop) == outcome
    assert pending == {}
    assert routes.route_sets == remaining
    assert routes.is_settled == (len(remaining) == 1)


def test_pinned_version_is_not_negotiated() -> None:
    routes = {version: RouteNegotiation(INCIDENT, version) for version in ("3", "4", "5")}
    assert {version: known.route_sets for version, known in routes.items()} == {
        "3": ("v3",),
        "4": ("v4",),
        "5": ("v4",),
    }
    assert routes["3"].call("read", ["a"], lambda _route_set: NO_ROUTE) == NO_ROUTE
    assert routes["3"].is_settled


def test_version_without_routes_is_refused_with_those_that_have() -> None:
    cases = INCIDENT._replace(plural="cases", route_sets={"latest": ("v5",), "5": ("v5",)})
    assert refusal(RouteNegotiation, cases, "3") == "api_version is 3. Cases need latest or 5."
