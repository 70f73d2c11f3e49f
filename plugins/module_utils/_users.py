# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of a team: how a person's e-mail address becomes the user ID that the API wants."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import quote

from ._client import Client
from ._errors import AnswerInvalid, CoralogixError, FailureKind, RequestFailed, option_invalid
from ._resource import UUID, Filters, Item, Operation, Query, Request, Resource
from ._settings import Settings

SEARCH = Operation("search the users of the team", "to read users (Coralogix publishes no name for it)", {})
_PAGE_SIZE = 100
# More users than any team has: the pages never end.
_MAX_USERS = 100_000
ACTIVE, INACTIVE = "USER_STATUS_ACTIVE", "USER_STATUS_INACTIVE"
# Options that also take what the search is for.
_ID_OPTIONS = frozenset(("assignee", "assignees"))


def is_email(text: str) -> bool:
    """Whether a text names a user by e-mail rather than by ID."""
    return "@" in text


class UserDirectory:
    """The search for users, for one run. Only version 5 of the API has it."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    def user_id(self, option: str, email: str) -> str:
        """The ID of the one user with this e-mail. Of several accounts, active ones count.

        C(option) is the name of the option, for messages. Warns of an inactive user. Raises CoralogixError.
        """
        users = self.find(option, email)
        active = [user for user in users if user.get("status") == ACTIVE]
        candidates = active or users
        if len(candidates) > 1:
            ids = ", ".join(str(user["userId"]) for user in candidates)
            raise option_invalid(
                f"{option} is {email!r}. Several users have this e-mail address: {ids}. Give one of these IDs."
            )
        if candidates[0].get("status") == INACTIVE:
            self._client.warnings[f"{option} is {email!r}. The user with this e-mail address is inactive."] = None
        return str(candidates[0]["userId"])

    def user_ids(self, option: str, texts: t.Sequence[str]) -> list[str]:
        """User IDs from IDs and e-mails. An e-mail stands for all accounts that have it. Raises CoralogixError."""
        ids: list[str] = []
        for text in texts:
            ids += [str(user["userId"]) for user in self.find(option, text)] if is_email(text) else [text]
        return list(dict.fromkeys(ids))

    def find(self, option: str, email: str) -> list[Item]:
        """The users whose e-mail this is, compared without regard to case. Raises CoralogixError if there is none.

        The contract requires no field of a user. Who has no ID cannot be assigned.
        """
        users = [user for user in same_username(email, self.search(option, email)) if user.get("userId")]
        if not users:
            raise option_invalid(
                f"{option} contains {email!r}. No user of team {self._settings.team_id} has this e-mail address."
            )
        return users

    def search(self, option: str, text: str) -> list[Item]:
        """The users whose username contains the text, over all pages, as the API shows them. Raises CoralogixError."""
        self.check(option)
        users: dict[t.Any, Item] = {}

        def parse(answer: t.Any) -> tuple[list[Item], str]:
            page, next_token = _parse_page(answer)
            if next_token and len(users) + len(page) > _MAX_USERS:
                raise AnswerInvalid(f"the pages show more than {_MAX_USERS} users")
            return page, next_token

        token = ""
        while True:
            page, token = self._exchange(self._request(text, token), parse)
            # Users come and go between two pages, so that a page may show one again.
            fresh = {_identity(user): user for user in page if _identity(user) not in users}
            users.update(fresh)
            if not token or not fresh:
                return list(users.values())

    def _exchange(self, request: Request, parse: t.Callable[[t.Any], tuple[list[Item], str]]) -> tuple[list[Item], str]:
        try:
            return self._client.exchange(request, parse)
        except CoralogixError as failed:
            error = failed.error
            if isinstance(error, RequestFailed) and error.failure.kind is FailureKind.UNKNOWN_ID:
                # The only ID in the request is that of the team.
                error = error._replace(failure=error.failure._replace(kind=FailureKind.INVALID))
            raise CoralogixError(error) from None

    def check(self, option: str) -> None:
        """Refuse what a search cannot be made with, before anything is sent."""
        version = self._settings.api_version
        if version not in ("latest", "5"):
            raise option_invalid(
                f"{option} names users to look up. Only API version 5 can do that, and api_version is {version}. "
                f"Set api_version to 5{', or give a user ID' if option in _ID_OPTIONS else ''}."
            )
        if self._settings.team_id is None:
            raise option_invalid(
                f"{option} names users to look up, which needs the number of the team. Set team_id, or the environment "
                "variable CORALOGIX_TEAM_ID. The account's settings in Coralogix show it."
            )

    def _request(self, text: str, token: str) -> Request:
        base_url = re.sub(r"/mgmt/openapi/[^/]+\Z", "/mgmt/openapi/5", self._settings.base_url)
        page = f"&page_token={quote(token, safe='')}" if token else ""
        query = f"username={quote(text, safe='')}&page_size={_PAGE_SIZE}{page}"
        team_id = self._settings.team_id
        operation = SEARCH._replace(action=f"search the users of team {team_id} (team_id)")
        return Request("GET", f"{base_url}/aaa/teams/v2/{team_id}/search?{query}", operation)


def same_username(username: str, users: t.Iterable[Item]) -> list[Item]:
    """The users whose username is this one as a whole."""
    wanted = username.strip().casefold()
    return [user for user in users if str(user.get("username") or "").strip().casefold() == wanted]


def check_user(option: str, text: str) -> None:
    """Refuse what is neither a UUID nor an e-mail, where the API takes nothing else."""
    if not (UUID.match(text) or is_email(text)):
        raise option_invalid(f"{option} contains {text[:80]!r}. It must be a user ID (a UUID) or an e-mail address.")


def _identity(user: Item) -> tuple[str, ...]:
    """What tells two users apart."""
    return tuple(str(user.get(field)) for field in ("userId", "userAccountId", "username"))


def _parse_page(answer: t.Any) -> tuple[list[Item], str]:
    users = answer.get("users", [])
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise AnswerInvalid("users is not a list of objects")
    token = answer.get("nextPageToken")
    return users, "" if token in (None, "", 0, "0") else str(token)


USER = Resource(
    singular="user",
    plural="users",
    id_option="usernames",
    id_noun="usernames",
    title_field="username",
    operations={"search": SEARCH},
    route_sets={},
    required_fields={},
    pagination=lambda _size, _token: {},
    filters=Filters({}, (), lambda _options, _now: Query({}, None, False)),
    page_size=_PAGE_SIZE,
    max_concurrent_requests=1,
    probe_id="",
    parameter_options={},
    check_id=lambda _username: "",
)


def resolve_assignee(params: t.Mapping[str, t.Any], run: t.Any) -> t.Mapping[str, t.Any]:
    """The options with a user ID in place of an e-mail. Raises CoralogixError."""
    assignee = params["assignee"].strip()
    if not is_email(assignee):
        return params
    return {**params, "assignee": run.users().user_id("assignee", assignee)}


def resolve_assignees(params: t.Mapping[str, t.Any], run: t.Any) -> t.Mapping[str, t.Any]:
    """The filter options with user IDs in place of e-mails. Raises CoralogixError."""
    assignees = [text.strip() for text in params["assignees"] or ()]
    if not any(map(is_email, assignees)):
        return params
    return {**params, "assignees": run.users().user_ids("assignees", assignees)}
