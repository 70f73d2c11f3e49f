# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The incidents service in its own words: IDs in, incidents out. Knows the API, not Ansible."""

from __future__ import annotations

import re
import threading
import typing as t

from ._client import PARALLEL, Client
from ._errors import ApiError, WrongShape
from ._incident import Incident
from ._routes import GENERATIONS, NO_VALUES, UUID, Values, request, split

_Answer = t.TypeVar("_Answer")
_Parse = t.Callable[[dict[str, t.Any], list[str]], _Answer]

# Incidents in one page of a list: large answers are slow to come, and many of them take long.
PAGE = 500
# An ID of no incident, for reading just to find out which routes there are.
_NO_INCIDENT = "00000000-0000-0000-0000-000000000000"

# How a read fails where the key lacks the permission, or the service the route.
_UNREADABLE = frozenset(("forbidden", "no_route"))


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


class Found(t.NamedTuple):
    incidents: list[Incident]
    total: int
    """How many there are, as the service counts them."""


class _Page(t.NamedTuple):
    incidents: list[Incident]
    total: int
    next_token: str


class Incidents:
    """C(texts) are keys that each incident must have as text: those that decisions rest on."""

    def __init__(self, client: Client, api_version: str, texts: t.Iterable[str] = ()) -> None:
        self._client = client
        self._generations = GENERATIONS[api_version]
        self._texts = ("id", *texts)

    def read(self, ids: t.Sequence[str]) -> Read:
        """Read incidents; raises the first ApiError."""
        read = Read({}, [])
        errors = []
        answers = self._send("read", ids, self._read_answer)
        for _chunk, answer in answers:
            if isinstance(answer, ApiError):
                errors.append(answer)
            else:
                read.found.update(answer.found)
                read.not_found.extend(answer.not_found)
        if errors:
            # Where one request was answered, there are the permission and the route, and something else is wrong.
            errors[0].unreadable = errors[0].kind in _UNREADABLE and len(errors) == len(answers)
            raise errors[0]
        return read

    def find(self, query: Values, keep: t.Callable[[Incident], bool] | None = None, limit: int | None = None) -> Found:
        """List incidents, page by page, until there are as many to keep as the limit says, or no more.

        Raises the first ApiError, and SettingsError if the query cannot be put to this service.
        """
        if len(self._generations) > 1:
            # Both generations list at the same address, and the older one would pass over the query in the body.
            self._call("read", [_NO_INCIDENT], lambda _answer, _ids: None, NO_VALUES)
        # Pages of one size, as few as it takes, and where that can be foretold, no larger than it takes.
        size = PAGE if limit is None or keep else _dealt(limit, _dealt(limit, PAGE))
        found: dict[str, Incident] = {}
        seen: set[str] = set()
        total, token = None, ""

        def parse(answer: dict[str, t.Any], _ids: list[str]) -> _Page:
            page = self._page_answer(answer)
            if page.next_token and seen.issuperset(incident["id"] for incident in page.incidents):
                raise WrongShape("it goes on to a next page without anything new in this one")
            return page

        while limit is None or len(found) < limit:
            pagination = {"pageSize": size, **({"pageToken": token} if token else {})}
            try:
                page = self._call("list", [], parse, {**query, "pagination": pagination})
            except ApiError as error:
                if total is not None:
                    error.note = f"{error.note} {len(seen)} of {total} incidents had been read.".lstrip()
                raise
            total, token = page.total, page.next_token
            seen.update(incident["id"] for incident in page.incidents)
            # Between two pages incidents may come and go, so that one is seen twice.
            found.update((incident["id"], incident) for incident in page.incidents if not keep or keep(incident))
            if not token:
                break
        return Found(list(found.values())[:limit], total or 0)

    def write(self, operation: str, ids: t.Sequence[str], values: Values = NO_VALUES) -> Written:
        """Carry an operation out; a failure is returned, for what was done has to be told with it."""
        written = Written({}, [], [], None)
        for chunk, answer in self._send(operation, ids, self._write_answer, values):
            if isinstance(answer, ApiError):
                written = written._replace(error=written.error or answer)
                written.uncertain.extend(chunk if answer.uncertain else ())
            else:
                written.answered.update(answer)
                written.accepted.extend(chunk)
        return written

    def _send(
        self, operation: str, ids: t.Sequence[str], parse: _Parse[_Answer], values: Values = NO_VALUES
    ) -> list[tuple[list[str], _Answer | ApiError]]:
        """Send the operation in as many requests as it takes; after a failure no further one is begun.

        Returns the chunk of IDs and the answer of each request that was sent, in order.
        """
        chunks = split(operation, self._generations, self._client.base_url, ids, values)
        failed = threading.Event()

        def send(chunk: list[str]) -> tuple[list[str], _Answer | ApiError] | None:
            if failed.is_set():
                return None
            try:
                return chunk, self._call(operation, chunk, parse, values)
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

    def _call(self, operation: str, ids: list[str], parse: _Parse[_Answer], values: Values) -> _Answer:
        """Send one request by the routes that are served, trying which they are where that is open.

        A route that does not exist has no effect, so that going on to the next one is harmless even
        for a write; but as every operation reads first, the routes are mostly known by then.
        """
        generations = self._generations
        missing: list[ApiError] = []
        for position, generation in enumerate(generations):
            made = request(self._client.base_url, operation, generation, ids, values)
            try:
                answer = self._client.exchange(made, lambda json: parse(json, ids))
            except ApiError as error:
                # What an earlier try may have done stays done.
                error.uncertain = error.uncertain or any(other.uncertain for other in missing)
                by_batch = (operation, generation) == ("read", "v3")
                if by_batch and _takes_batch_for_an_id(error, ids, bool(missing)):
                    error.kind = "no_route"
                if error.kind not in ("no_route", "no_page"):
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

    def _read_answer(self, answer: dict[str, t.Any], ids: list[str]) -> Read:
        incidents = answer.get("incidents")
        not_found = answer.get("notFoundIds")
        if not isinstance(incidents, dict):
            raise WrongShape("incidents is not a map")
        if not isinstance(not_found, list):
            raise WrongShape("notFoundIds is not a list")
        read = Read({}, [])
        for incident_id in ids:
            # Of one UUID in two spellings, a service may know the one and not the other.
            unknown = incident_id in not_found and incident_id not in incidents
            incident = None if unknown else _pick(incidents, incident_id)
            if incident is not None:
                read.found[incident_id] = self._checked(incident)
                if incident["id"] != incident_id and _as_told(incident["id"]) != _as_told(incident_id):
                    raise WrongShape(f"under the ID {incident_id} it has the incident {incident['id']}")
            elif incident_id in not_found or _as_told(incident_id) in not_found:
                read.not_found.append(incident_id)
            else:
                raise WrongShape(f"it says nothing of the incident {incident_id}")
        return read

    def _write_answer(self, answer: dict[str, t.Any], ids: list[str]) -> dict[str, Incident]:
        by_id = {incident["id"]: incident for incident in self._listed(answer)}
        picked = {incident_id: _pick(by_id, incident_id) for incident_id in ids}
        return {incident_id: incident for incident_id, incident in picked.items() if incident is not None}

    def _page_answer(self, answer: dict[str, t.Any]) -> _Page:
        pagination = answer.get("pagination")
        if not isinstance(pagination, dict):
            raise WrongShape("pagination is not an object")
        # Gateways write a number of 64 bits as a number or as text.
        total, token = str(pagination.get("totalSize")), pagination.get("nextPageToken") or ""
        if not (re.match(r"[0-9]{1,19}\Z", total) and isinstance(token, str)):
            raise WrongShape("pagination has no totalSize that is a number, or a nextPageToken that is no text")
        return _Page(self._listed(answer), int(total), token)

    def _listed(self, answer: dict[str, t.Any]) -> list[Incident]:
        incidents = answer.get("incidents")
        if not isinstance(incidents, list):
            raise WrongShape("incidents is not a list")
        return [self._checked(incident) for incident in incidents]

    def _checked(self, incident: t.Any) -> Incident:
        """The incident itself, if it has what decisions rest on; all else in it is handed on as it is."""
        if not isinstance(incident, dict):
            raise WrongShape(f"an incident is not an object but {type(incident).__name__}")
        for key in self._texts:
            if not isinstance(incident.get(key), str):
                raise WrongShape(f"{_named(incident)} has no {key}")
        if not isinstance(incident.get("assignments"), list):
            raise WrongShape(f"{_named(incident)} has no list of assignments")
        return incident


def _dealt(number: int, among: int) -> int:
    """The share of each, rounded up."""
    return (number + among - 1) // among


def _takes_batch_for_an_id(error: ApiError, ids: t.Iterable[str], others_missing: bool) -> bool:
    """Whether version 3's route to read by, …/batch, met the one of reading a single incident.

    That knows no such incident, or refuses it, or the parameter, as invalid. Version 3 itself has neither an error
    for unknown IDs nor a rule for their form; should it refuse one all the same, then one that was asked for.
    """
    about = [_BATCH]
    if error.kind == "no_incident":
        about.append(_NAMELESS)
    elif error.kind != "invalid":
        return False
    elif others_missing:
        about += [_UNKNOWN_PARAMETER, *([_NO_UUID] if all(map(UUID.match, ids)) else [])]
    return any(pattern.match(error.message) for pattern in about)


# "batch" in the place of an ID.
_BATCH = re.compile(r"(?:.*(?:[:=\"'`(]\s*|\b(?:id|uuid|incident)\s+))?batch(?=[\"'`).,;]|\s*\Z|\s+is\b)", re.I)
_NAMELESS = re.compile(r"(?:not found: )?(?:the )?incident(?: (?:was )?not found)?\.?\Z", re.I)
_UNKNOWN_PARAMETER = re.compile(r".*\bunknown\b.*\bparameter\b.*\bids\b", re.I)
# What is wrong with the form of one ID, which is not named. Version 3 itself would speak of several, or name it.
_NO_UUID = re.compile(
    r"(?!.*\b(?:ids|(?:team|request|user)[ _]?id)\b)(?!.*\b(?:id|uuid)\s*[:=(\"'`]+\s*\S+\Z)(?=.*\b(?:id|uuid)\b)"
    r".*\b(?:valid|invalid|malformed|must be|format|length|bounds)\b",
    re.I,
)


def _as_told(wanted: str) -> str:
    """The ID as an answer may spell it: UUIDs come back in lower case. Of other text, "a" and "A" are two."""
    return wanted.lower() if UUID.match(wanted) else wanted


def _pick(incidents: dict[str, t.Any], wanted: str) -> t.Any:
    return incidents[wanted] if wanted in incidents else incidents.get(_as_told(wanted))


def _named(incident: dict[str, t.Any]) -> str:
    """For messages; without its ID only where that is what it lacks."""
    return f"the incident {incident['id']}" if isinstance(incident.get("id"), str) else "an incident"
