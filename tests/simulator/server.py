# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator itself: listener, service, faults and journal under one roof."""

from __future__ import annotations

import collections
import copy
import email.utils
import hashlib
import json
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import (
    Any,
    Callable,
    NamedTuple,
    TextIO,
)
from urllib.parse import parse_qsl, urlsplit

from .faults import Fault, Faults
from .gateway import HTML, JSON, TEXT, URL_TOO_LONG, Reply, parsed
from .lifelike import OPTIONAL, assignment
from .routes import OPERATIONS, PERMISSIONS, ROUTES, find
from .service import Call, Key, Service, asked_ids
from .wire import Delivery, Listener, Request

_READING_METHODS = ("GET", "HEAD", "OPTIONS")


class Entry(NamedTuple):
    """One request in the journal, and what became of it."""

    time: float
    method: str
    target: str
    version: str | None
    operation: str | None
    ids: list[str]
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: Any
    status: int | None = None
    """As sent; None when no answer was sent, and for `on_request`."""
    answer: Any = None
    """As sent; None when it was not whole or not JSON. It is shared: not to be changed."""
    fault: str | None = None
    effect: Sequence[str] = ()
    """The incidents that were really changed."""


class _RateLimit:
    def __init__(self, per_second: int | None) -> None:
        self._lock = threading.Lock()
        self._limit = per_second
        self._passed: collections.deque[float] = collections.deque()

    def passes(self) -> bool:
        if self._limit is None:
            return True
        with self._lock:
            now = time.monotonic()
            while self._passed and self._passed[0] <= now - 1:
                self._passed.popleft()
            if len(self._passed) >= self._limit:
                return False
            self._passed.append(now)
            return True


def _http_date() -> str:
    # The form knows whole seconds only: two of them, so that one at least remains.
    return email.utils.formatdate(time.time() + 2, usegmt=True)


_RETRY_AFTER: Mapping[str, Callable[[], str]] = {"seconds": lambda: "1", "date": _http_date}


def _content_type(content: Any) -> str:
    if parsed(content) is not None or content is None:
        return JSON
    text = content.decode("latin-1") if isinstance(content, bytes) else content
    return HTML if text.lstrip().startswith("<") else TEXT


def _made_reply(status: int, content: Any, headers: Mapping[str, str]) -> Reply:
    return Reply(status, content, _content_type(content), tuple(headers.items()))


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _status(fault: Fault, true: Reply, error: Callable[[int, str], Reply]) -> Delivery:
    status = fault.status or 307
    location = {} if fault.redirect is None else {"Location": fault.redirect}
    headers = {**location, **fault.headers}
    if fault.has_body:
        return Delivery("whole", _made_reply(status, fault.body, headers))
    made = error(status, "a fault on demand")
    return Delivery("whole", Reply(status, made.content, made.content_type, tuple(headers.items())))


def _replaced(fault: Fault, true: Reply, error: Callable[[int, str], Reply]) -> Delivery:
    new = fault.replace(copy.deepcopy(true.answer)) if callable(fault.replace) else fault.replace
    return Delivery("whole", _made_reply(200, new, fault.headers))


# Kind of fault -> what is sent, and how, in place of the true answer.
_STRIKES: Mapping[str, Callable[[Fault, Reply, Callable[[int, str], Reply]], Delivery]] = {
    "status": _status,
    "redirect": _status,
    "replace": _replaced,
    "reset": lambda fault, true, error: Delivery("reset"),
    "hang": lambda fault, true, error: Delivery("drop"),
    "truncate": lambda fault, true, error: Delivery("truncated", true),
    "truncate_chunked": lambda fault, true, error: Delivery("truncated_chunked", true),
    "malformed": lambda fault, true, error: Delivery(
        "whole", Reply(true.status, _half(true.encode()), true.content_type, true.headers)
    ),
    "delay": lambda fault, true, error: Delivery("whole", true),
}


def _line(entry: Entry) -> str:
    """An entry as a JSON line, with a hash in the key's stead: files outlive tests."""
    headers = dict(entry.headers)
    if "authorization" in headers:
        digest = hashlib.sha256(headers["authorization"].encode()).hexdigest()
        headers["authorization"] = f"sha256:{digest[:12]}"
    return json.dumps(entry._replace(headers=headers)._asdict(), separators=(",", ":"))


class Simulator:
    """A stand-in for the Coralogix incidents service on the loopback.

    `latest` is the version that the alias serves; `without` names operations that have no route
    here; `auth_first` looks at the key before the route; `not_found`, `wrong_method` and
    `error_style` choose among the bodies in gateway.py; `unknown_ids` is what a write does about
    them, "skip" or "404"; `unknown_parameters` in a query are met with "refuse" (400) or "ignore"
    (some gateways do); `max_url` is the longest request line in bytes; `latency` goes before
    every answer; `rate_limit` is in requests a second and `retry_after` "seconds" or "date";
    `tls` a certificate and a key file; `clock` gives the time of what happens to incidents;
    `journal_file` receives the journal as JSON lines.
    """

    def __init__(
        self,
        *,
        latest: str = "5",
        port: int = 0,
        without: Iterable[str] = (),
        auth_first: bool = False,
        not_found: str = "json5",
        wrong_method: int = 501,
        error_style: str = "json",
        unknown_ids: str = "skip",
        unknown_parameters: str = "refuse",
        max_url: int = 8192,
        latency: float = 0,
        rate_limit: int | None = None,
        retry_after: str = "seconds",
        tls: tuple[str, str] | None = None,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        journal_file: TextIO | None = None,
    ) -> None:
        if latest not in ROUTES:
            raise ValueError(f"latest must be one of {sorted(ROUTES)}")
        self.latest = latest
        self.max_url = max_url
        self.latency = latency
        self.on_request: Callable[[Entry], object] | None = None
        self.after_request: Callable[[Entry], object] | None = None
        self.journal: list[Entry] = []
        self.peak = 0
        """The most requests that were being answered at one time."""
        self.errors: list[BaseException] = []
        """What went wrong in the simulator or in a hook; leaving the `with` block raises it."""
        self._service = Service(
            without=tuple(without),
            auth_first=auth_first,
            not_found=not_found,
            wrong_method=wrong_method,
            error_style=error_style,
            unknown_ids=unknown_ids,
            unknown_parameters=unknown_parameters,
            seed=seed,
            clock=clock,
        )
        self._port, self._tls = port, tls
        self._rate_limit = _RateLimit(rate_limit)
        self._retry_after = _RETRY_AFTER[retry_after]
        self._faults = Faults()
        self._journal_file = journal_file
        self._lock = threading.Lock()
        self._busy = 0
        self._stopping = threading.Event()
        self._listener: Listener | None = None

    # Life.
    def start(self) -> Simulator:
        self._listener = Listener(self._handle, self._port, self._tls)
        return self

    def stop(self) -> None:
        self._stopping.set()
        if self._listener:
            self._listener.close()

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self.errors and error is None:
            raise self.errors[0]

    @property
    def url(self) -> str:
        if self._listener is None:
            raise RuntimeError("the simulator has not been started")
        host, port = self._listener.address
        return f"http{'s' if self._tls else ''}://{host}:{port}"

    # Keys.
    def add_key(
        self,
        key: str,
        permissions: Iterable[str] = PERMISSIONS,
        kind: str = "personal",
        user_id: str | None = None,
    ) -> str:
        """Returns the ID of the key's user."""
        if kind not in ("personal", "team"):
            raise ValueError("a key is personal or team")
        # Not made from the key: assignments show it, and a key must show nowhere.
        with self._service.making:
            user = user_id or self._service.maker.uuid()
        self._service.keys[key] = Key(frozenset(permissions), kind, user)
        return user

    # Incidents.
    def add_incident(
        self,
        id: str | None = None,  # noqa: A002 - the API's own name, as in the fields beside it
        assignees: Iterable[str] = ("u1",),
        events: int | Sequence[Mapping[str, Any]] = 3,
        without: Iterable[str] = (),
        **fields: Any,
    ) -> str:
        """Returns the ID; `without` names those of the OPTIONAL fields that it does not have."""
        service = self._service
        if not OPTIONAL.issuperset(without):
            raise TypeError(f"no optional fields of an incident: {sorted(set(without) - OPTIONAL)}")
        with service.making:
            made = service.maker.incident(id, assignees, events, service.clock(), fields)
        service.incidents.put({key: value for key, value in made.items() if key not in without})
        return str(made["id"])

    def add_incidents(self, count: int, assigned: int = 0, events: int = 3) -> list[str]:
        """`count` incidents, the first `assigned` of them assigned to a user of their own."""
        return [self.add_incident(assignees=[f"user-{n}"] if n < assigned else [], events=events) for n in range(count)]

    def remove_incident(self, incident_id: str) -> None:
        self._service.incidents.remove(incident_id)

    def incident(self, incident_id: str) -> dict[str, Any]:
        return self._service.incidents.copy(incident_id)

    def assignees(self, incident_id: str) -> list[str]:
        found, _missing = self._service.incidents.get([incident_id])
        return [made["assignedTo"]["userId"] for made in found[incident_id]["assignments"]]

    def act(self, operation: str, incident_id: str, user: str | None = None, by: str = "somebody-else") -> None:
        """Somebody else does this to the incident, if need be for a user."""
        self._service.write(operation, [incident_id], by, user)

    # Faults and journal.
    def fault(self, fault: Fault) -> None:
        self._faults.add(fault)

    def clear_faults(self) -> None:
        self._faults.clear()

    @property
    def writes(self) -> list[Entry]:
        """Requests for a write, refused ones and those that no route serves included."""
        return [
            entry
            for entry in list(self.journal)
            if (OPERATIONS[entry.operation].write if entry.operation else entry.method not in _READING_METHODS)
        ]

    def clear_journal(self) -> None:
        self.journal.clear()

    # One exchange.
    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._busy += 1
            self.peak = max(self.peak, self._busy)
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    def _handle(self, request: Request) -> Delivery:
        with self._counted():
            try:
                return self._exchange(request)
            except Exception as error:
                self.errors.append(error)
                text = f"the simulator failed: {traceback.format_exc()}"
                return Delivery("whole", Reply(500, {"code": 500, "message": text}))

    def _exchange(self, request: Request) -> Delivery:
        self._wait(self.latency)
        # A proxy is asked for an absolute address; urlsplit takes both.
        address = urlsplit(request.target)
        query = parse_qsl(address.query, keep_blank_values=True)
        match = find(request.method, address.path, self.latest)
        body = parsed(request.body)
        ids = asked_ids(match, query, body)
        call = Call(request.method, match, query, request.body, request.headers.get("authorization", ""))
        entry = Entry(
            time.time(),
            request.method,
            request.target,
            match.version,
            match.operation,
            ids,
            query,
            request.headers,
            body,
        )
        if self.on_request:
            self.on_request(entry)
        early = self._refusal_before_all(request)
        fault = None if early else self._faults.take(match.operation, ids)
        if fault:
            self._wait(fault.delay)
        true, changed = (early, []) if early else self._service.answer(call, fault is None or bool(fault.effect))
        delivery = Delivery("whole", true)
        if fault:
            delivery = _STRIKES[fault.kind](fault, true, self._service.error)
        self._record(entry, delivery, fault, changed)
        if fault and fault.hang:
            self._wait(fault.hang)
        return delivery

    def _refusal_before_all(self, request: Request) -> Reply | None:
        """What the front end refuses without looking at the request."""
        if request.line_length > self.max_url:
            return URL_TOO_LONG
        if not self._rate_limit.passes():
            made = self._service.error(429, "Too Many Requests")
            header = (("Retry-After", self._retry_after()),)
            return Reply(429, made.content, made.content_type, header)
        return None

    def _record(self, entry: Entry, delivery: Delivery, fault: Fault | None, changed: list[str]) -> None:
        """Before the answer is sent: who has the answer finds the entry in the journal."""
        reply = delivery.reply
        entry = entry._replace(
            status=reply.status if reply else None,
            answer=reply.answer if reply and delivery.how == "whole" else None,
            fault=fault.kind if fault else None,
            effect=changed,
        )
        with self._lock:
            self.journal.append(entry)
            if self._journal_file:
                self._journal_file.write(_line(entry) + "\n")
                self._journal_file.flush()
        if self.after_request:
            self.after_request(entry)

    def _wait(self, seconds: float) -> None:
        if seconds:
            self._stopping.wait(seconds)


def load_incidents(simulator: Simulator, content: Any) -> list[str]:
    """Add incidents from JSON: a list, or an object that has one (or a map) as `incidents`.

    Each needs an `id` at most; `assignees` is a short form of `assignments`.
    """
    if isinstance(content, dict):
        content = content.get("incidents", [])
    if isinstance(content, dict):
        content = list(content.values())
    by = "somebody-else"
    added = []
    for given in content:
        fields = dict(given)
        assignees = fields.pop("assignees", ())
        fields.setdefault("assignments", [assignment(user, by) for user in assignees])
        added.append(simulator.add_incident(**fields))
    return added
