# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of a team, and the search for them, which only version 5 has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .operations import Operation, Query, Route
from .pages import DEFAULT_PAGE_SIZE
from .schema import Field, enum
from .store import Refused, Store, Thing

STATUSES = enum("USER_STATUS", "ACTIVE", "INACTIVE")


@dataclass
class UserSettings:
    team_id: int = 4711
    last_page_token: str = "absent"
    """What the last page has as `nextPageToken`: "absent" or "zero"."""


class UserStore(Store):
    noun = "user"
    Settings = UserSettings
    settings: UserSettings

    def sample(self, username: str | None = None, user_id: str | None = None, **fields: Any) -> dict[str, Any]:
        """A user, not stored; `fields` replace its own as they are. A status may be short: `active`."""
        draw = self.samples
        status = fields.pop("status", "active")
        first, last = draw.choice(("Dana", "Lee", "Kim")), draw.choice(("Smith", "Jones", "Brown"))
        number = draw.number(1000, 1_000_000)
        user = {
            "userId": user_id or draw.uuid(),
            "username": username or f"{first}.{last}.{number}@example.com".lower(),
            "firstName": first,
            "lastName": last,
            "status": status if status in STATUSES else f"USER_STATUS_{status.upper()}",
            "userAccountId": number,
            **fields,
        }
        return {"id": user["userId"], "user": user}


def _matches(user: Thing, params: Thing) -> bool:
    status = params.get("status", "USER_STATUS_UNSPECIFIED")
    named = params.get("username", "").casefold() in user["username"].casefold()
    return named and status in ("USER_STATUS_UNSPECIFIED", user["status"])


def _search(store: UserStore, query: Query) -> Any:
    params = query.params
    if params["teamId"] != store.settings.team_id:
        raise Refused(404, f"Not Found: team {params['teamId']}")
    found = [record["user"] for record in store.all() if _matches(record["user"], params)]
    size, start = params.get("pageSize", DEFAULT_PAGE_SIZE), params.get("pageToken", 0)
    users, end = found[start : start + size], start + size
    if query.endless_pages:
        users = [store.sample(params.get("username"))["user"] for _n in range(size)]
    last = {"absent": {}, "zero": {"nextPageToken": 0}}[store.settings.last_page_token]
    more = {"nextPageToken": end} if query.endless_pages or end < len(found) else last
    return {"users": users, **more, "totalCount": len(found)}


OPERATIONS = {
    # Which permission it takes is not published.
    "user_search": Operation(
        "users",
        None,
        {
            "5": Route(
                "GET",
                "/aaa/teams/v2/{team_id}/search",
                "query",
                {
                    "team_id": Field("int"),
                    "username": Field(),
                    "status": Field(STATUSES),
                    "page_size": Field("int"),
                    "page_token": Field("int"),
                },
                ("team_id",),
            )
        },
        read=_search,
    ),
}
