# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The incidents service in its own words: IDs in, incidents out. Knows the API, not Ansible."""

from __future__ import annotations

import re
import threading
import typing as t

from ._client import PARALLEL, Client
from ._errors import ApiError, Request, WrongShape
from ._routes import GENERATIONS, OPERATIONS, split, url

Incident = dict[str, t.Any]
"""An incident as the API shows it; checked so far that C(id) is text and C(assignments) a list."""

_Answer = t.TypeVar("_Answer")
_Parse = t.Callable[[dict[str, t.Any], list[str]], _Answer]

# A read that fails so leaves the incidents' state unknown, but does not stand in the way of a write.
UNREADABLE = frozenset(("forbidden", "no_route"))


class Read(t.NamedTuple):
    found: dict[str, Incident]
    """By the ID asked for."""
    not_found: list[str]


class Written(t.NamedTuple):
    """What is known after a write, in one or several requests."""

    answered: dict[str, Incident]
    """By the ID asked for: the incidents as the answers show them."""
    accepted: list[str]
    """The IDs in requests that the service accepted; those that are not answered are left to be read."""
    uncertain: list[str]
    """The IDs in requests that failed, and that may have been carried out all the same."""
    error: ApiError | None
    """The first failure; the requests that had not begun then were not sent."""


class Incidents:
    def __init__(self, client: Client, api_version: str) -> None:
        self._client = client
        self._generations = GENERATIONS[api_version]

    def read(self, ids: t.Sequence[str]) -> Read:
        """Read incidents; raises the first ApiError."""
        read = Read({}, [])
        for _chunk, answer in self._send("read", ids, _read_answer):
            if isinstance(answer, ApiError):
                raise answer
            read.found.update(answer.found)
            read.not_found.extend(answer.not_found)
        return read

    def write(self, operation: str, ids: t.Sequence[str]) -> Written:
        """Carry an operation out; a failure is returned, for what was done has to be told with it."""
        written = Written({}, [], [], None)
        for chunk, answer in self._send(operation, ids, _write_answer):
            if isinstance(answer, ApiError):
                written = written._replace(error=written.error or answer)
                written.uncertain.extend(chunk if answer.uncertain else ())
            else:
                written.answered.update(answer)
                written.accepted.extend(chunk)
        return written

    def _send(
        self, operation: str, ids: t.Sequence[str], parse: _Parse[_Answer]
    ) -> list[tuple[list[str], _Answer | ApiError]]:
        """Send the operation in as many requests as it takes; after a failure no further one is begun.

        Returns the chunk of IDs and the answer of each request that was sent, in order.
        """
        chunks = split(OPERATIONS[operation], self._client.base_url, ids)
        failed = threading.Event()

        def send(chunk: list[str]) -> tuple[list[str], _Answer | ApiError] | None:
            if failed.is_set():
                return None
            try:
                return chunk, self._call(operation, chunk, parse)
            except ApiError as error:
                failed.set()
                return chunk, error

        # Until an answer has told which routes there are, one request goes ahead of the others.
        ahead = 1 if len(self._generations) > 1 or len(chunks) == 1 else 0
        results = [send(chunk) for chunk in chunks[:ahead]]
        if chunks[ahead:]:
            from concurrent.futures import ThreadPoolExecutor  # Most tasks need none.

            with ThreadPoolExecutor(PARALLEL) as pool:
                results += pool.map(send, chunks[ahead:])
        return [result for result in results if result is not None]

    def _call(self, operation: str, ids: list[str], parse: _Parse[_Answer]) -> _Answer:
        """Send one request by the routes that are served, trying which they are where that is open.

        A route that does not exist has no effect, so that going on to the next one is harmless even
        for a write; but as every operation reads first, the routes are mostly known by then.
        """
        wanted = OPERATIONS[operation]
        generations = self._generations
        missing: list[ApiError] = []
        for position, generation in enumerate(generations):
            route = wanted.routes[generation]
            request = Request(
                route.method,
                url(self._client.base_url, route, ids),
                wanted.action,
                wanted.permission,
                wanted.personal_key,
            )
            try:
                answer = self._client.exchange(request, lambda json: parse(json, ids))
            except ApiError as error:
                # What an earlier try may have done stays done.
                error.uncertain = error.uncertain or any(one.uncertain for one in missing)
                if not _is_missing(operation, error, bool(missing)):
                    # Not certain that this route is served, but those before it are not.
                    self._generations = generations[position:]
                    raise
                missing.append(error)
            else:
                self._generations = (generation,)
                return answer
        # No route to read by: the one left to believe in is that of the operation's own page, which
        # was that of version 3 when it said "latest".
        self._generations = generations[::-1]
        missing[0].uncertain = missing[-1].uncertain
        raise missing[0]


def _is_missing(operation: str, error: ApiError, others_missing: bool) -> bool:
    """Whether the route does not exist, and not something else is wrong."""
    # Version 3's route to read many ends in "batch", which other versions take for an ID: they know no
    # such incident, or refuse it or the parameter as invalid. Unknown IDs are no error of reading many.
    if operation == "read" and (
        error.kind == "no_incident"
        or (others_missing and error.kind == "invalid" and _ABOUT_AN_ID.search(error.message))
    ):
        error.kind = "no_route"
    return error.kind == "no_route"


_ABOUT_AN_ID = re.compile(r"\b(batch|ids?|uuid)\b", re.I)


def _read_answer(answer: dict[str, t.Any], ids: list[str]) -> Read:
    incidents = answer.get("incidents")
    not_found = answer.get("notFoundIds")
    if not isinstance(incidents, dict):
        raise WrongShape("incidents is not a map")
    if not isinstance(not_found, list):
        raise WrongShape("notFoundIds is not a list")
    read = Read({}, [])
    for one in ids:
        incident = _pick(incidents, one)
        if incident is not None:
            read.found[one] = _checked(incident)
            if incident["id"].lower() != one.lower():
                raise WrongShape(f"under the ID {one} it has the incident {incident['id']}")
        elif one in not_found or one.lower() in not_found:
            read.not_found.append(one)
        else:
            raise WrongShape(f"it says nothing of the incident {one}")
    return read


def _write_answer(answer: dict[str, t.Any], ids: list[str]) -> dict[str, Incident]:
    incidents = answer.get("incidents")
    if not isinstance(incidents, list):
        raise WrongShape("incidents is not a list")
    by_id = {incident["id"]: incident for incident in map(_checked, incidents)}
    picked = {one: _pick(by_id, one) for one in ids}
    return {one: incident for one, incident in picked.items() if incident is not None}


def _pick(incidents: dict[str, t.Any], wanted: str) -> t.Any:
    """The incident of that ID; UUIDs may come back in lower case."""
    return incidents.get(wanted, incidents.get(wanted.lower()))


def _checked(incident: t.Any) -> Incident:
    """The incident itself, if it has what decisions rest on; all else in it is handed on as it is."""
    if not isinstance(incident, dict):
        raise WrongShape(f"an incident is not an object but {type(incident).__name__}")
    if not isinstance(incident.get("id"), str):
        raise WrongShape("an incident has no id")
    if not isinstance(incident.get("assignments"), list):
        raise WrongShape(f"the incident {incident['id']} has no list of assignments")
    return incident
