# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out which routes the service has, where C(latest) leaves that open.

A route that does not exist has no effect, so going on to the next one is harmless even for a write. Tasks read first,
so that the routes are known before the first write.
"""

from __future__ import annotations

import typing as t

from ._errors import DeadlinePassed, FailureKind, RequestFailed, option_invalid
from ._resource import Resource

_MISSING_KINDS = frozenset((FailureKind.NO_ROUTE, FailureKind.HTML_NOT_FOUND))

_Answer = t.TypeVar("_Answer")


class RouteNegotiation:
    """The route sets that may be served, for one run."""

    def __init__(self, resource: Resource, api_version: str) -> None:
        if api_version not in resource.route_sets:
            versions = " or ".join(resource.route_sets)
            raise option_invalid(f"api_version is {api_version}. {resource.plural.capitalize()} need {versions}.")
        self._resource = resource
        self.route_sets = resource.route_sets[api_version]

    @property
    def is_settled(self) -> bool:
        return len(self.route_sets) == 1

    def call(
        self, operation: str, ids: t.Sequence[str], attempt: t.Callable[[str], _Answer | RequestFailed]
    ) -> _Answer | RequestFailed:
        """The answer by the first route set that is served, or the failure."""
        missing: list[RequestFailed] = []
        for position, route_set in enumerate(self.route_sets):
            outcome = attempt(route_set)
            if isinstance(outcome, DeadlinePassed):
                return outcome
            if not isinstance(outcome, RequestFailed):
                self.route_sets = (route_set,)
                return outcome
            if any(failed.may_have_applied for failed in missing):
                # What an earlier try may have done stays done.
                outcome = outcome._replace(may_have_applied=True)
            failure = outcome.failure
            if self._resource.means_missing_route(operation, route_set, failure, ids, bool(missing)):
                failure = failure._replace(kind=FailureKind.NO_ROUTE)
            if failure.kind not in _MISSING_KINDS:
                # It is not certain that this route is served. Those before it are not.
                self.route_sets = self.route_sets[position:]
                return outcome
            missing.append(outcome._replace(failure=failure))
        # No route to read by. A write then begins with the oldest set: the vendor's documentation once showed its
        # routes under the name "latest".
        self.route_sets = self.route_sets[::-1]
        return missing[0]._replace(may_have_applied=missing[-1].may_have_applied)
