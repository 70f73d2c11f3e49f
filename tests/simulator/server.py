# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator itself: listener, service, stores, faults and journal."""

from __future__ import annotations

import collections
import email.utils
import hashlib
import json
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from types import TracebackType
from typing import Any, Callable, NamedTuple, TextIO
from urllib.parse import parse_qsl, urlsplit

from . import cases
from .cases import CaseStore
from .fault_delivery import deliver
from .faults import Fault, Faults
from .gateway import URL_TOO_LONG, Reply, parsed
from .incident_list import assignees
from .incidents import OPTIONAL_FIELDS, IncidentStore, assignment
from .routes import OPERATIONS, PERMISSIONS, ROUTES, find, requested_ids
from .samples import Samples
from .service import Call, Key, Result, Service
from .store import Lag, Store, Thing, Write
from .users import UserStore
from .wire import Delivery, Listener, Request

_STORES: Mapping[str, type[Store]] = {"incidents": IncidentStore, "cases": CaseStore, "users": UserStore}

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
    """As sent; None when it was not whole or not JSON. It is shared: do not change it."""
    text: str = ""
    """The answer, where it is a text that is not JSON."""
    fault: str | None = None
    effect: Sequence[str] = ()
    """The IDs of what was really changed."""


class _RateLimit:
    def __init__(self, per_second: int | None) -> None:
        self._lock = threading.Lock()
        self._limit = per_second
        self._recent: collections.deque[float] = collections.deque()

    def allows(self) -> bool:
        if self._limit is None:
            return True
        with self._lock:
            now = time.monotonic()
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            if len(self._recent) >= self._limit:
                return False
            self._recent.append(now)
            return True


def _http_date() -> str:
    # The form knows whole seconds only: two of them, so that one at least remains.
    return email.utils.formatdate(time.time() + 2, usegmt=True)


_RETRY_AFTER: Mapping[str, Callable[[], str]] = {"seconds": lambda: "1", "date": _http_date}


def _line(entry: Entry) -> str:
    """An entry as a JSON line, with a hash in place of the key: files outlive tests."""
    headers = dict(entry.headers)
    if "authorization" in headers:
        digest = hashlib.sha256(headers["authorization"].encode()).hexdigest()
        headers["authorization"] = f"sha256:{digest[:12]}"
    return json.dumps(entry._replace(headers=headers)._asdict(), separators=(",", ":"))


def _lag_attribute(what: str, name: str, doc: str) -> Any:
    """An attribute of the simulator that is kept in one of its lags."""

    def get(simulator: Simulator) -> Any:
        return getattr(simulator._lags[what], name)

    def put(simulator: Simulator, value: Any) -> None:
        setattr(simulator._lags[what], name, value)

    return property(get, put, doc=doc)


class Simulator:
    """A stand-in for the Coralogix API on the loopback.

    `latest` is the version that the alias serves; `without` names operations that have no route
    here; `auth_first` looks at the key before the route; `not_found`, `wrong_method` and
    `error_style` choose among the bodies in gateway.py; `unknown_parameters` in a query are met with
    "refuse" (400) or "ignore" (some gateways do); `read_lag` is how many seconds reads and lists are
    behind every write, and `stale_reads` how many reads of each thing after each write show the state
    before it; `events_lag` and `stale_events` are the same for the events of a case; `max_url` is the
    longest request line in bytes; `latency` goes before every answer; `rate_limit` is in requests a
    second and `retry_after` "seconds" or "date"; `tls` a certificate and a key file; `clock` gives the
    time of what happens; `journal_file` receives the journal as JSON lines.

    All further options are fields of IncidentSettings, CaseSettings and UserSettings, such as
    `unknown_ids="404"`. They can be changed later: `simulator.settings["cases"].repeated = "400"`.
    """

    read_lag = _lag_attribute("state", "seconds", "How far reads are behind the writes from now on, in seconds.")
    stale_reads = _lag_attribute("state", "reads", "How many reads show the state before, for each write from now on.")
    events_lag = _lag_attribute("events", "seconds", "As read_lag, for the events of cases.")
    stale_events = _lag_attribute("events", "reads", "As stale_reads, for the events of cases.")

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
        unknown_parameters: str = "refuse",
        read_lag: float = 0,
        stale_reads: int = 0,
        events_lag: float = 0,
        stale_events: int = 0,
        max_url: int = 8192,
        latency: float = 0,
        rate_limit: int | None = None,
        retry_after: str = "seconds",
        tls: tuple[str, str] | None = None,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        journal_file: TextIO | None = None,
        **settings: Any,
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
        self._samples = Samples(seed)
        self._lags = {"state": Lag(read_lag, stale_reads), "events": Lag(events_lag, stale_events)}
        self._stores = self._make_stores(clock, settings)
        self.settings = {name: store.settings for name, store in self._stores.items()}
        self._service = Service(
            stores=self._stores,
            without=without,
            latest_without=self._latest_without,
            auth_first=auth_first,
            not_found=not_found,
            wrong_method=wrong_method,
            error_style=error_style,
            unknown_parameters=unknown_parameters,
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

    def _make_stores(self, clock: Callable[[], float], settings: Mapping[str, Any]) -> dict[str, Store]:
        stores: dict[str, Store] = {}
        unknown = set(settings)
        for name, kind in _STORES.items():
            own = {field.name: settings[field.name] for field in fields(kind.Settings) if field.name in settings}
            stores[name] = kind(self._samples, clock, self._lags, kind.Settings(**own))
            unknown -= set(own)
        if unknown:
            raise TypeError(f"not options of the simulator: {sorted(unknown)}")
        return stores

    def _latest_without(self) -> Iterable[str]:
        return () if self.settings["cases"].latest_serves_cases else cases.OPERATIONS

    # Start and stop.
    def start(self) -> Simulator:
        self._listener = Listener(self._handle, self._stopping.wait, self._port, self._tls)
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
        # Not derived from the key: assignments show it, and a key must appear nowhere.
        user = user_id or self._samples.uuid()
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
        """Returns the ID; `fields` are taken as they are, `without` names OPTIONAL_FIELDS that it does not have."""
        if not OPTIONAL_FIELDS.issuperset(without):
            raise TypeError(f"no optional fields of an incident: {sorted(set(without) - OPTIONAL_FIELDS)}")
        store: Any = self._stores["incidents"]
        incident = store.sample(id, assignees, events, fields)
        store.put({key: value for key, value in incident.items() if key not in without})
        return str(incident["id"])

    def add_incidents(self, count: int, assigned: int = 0, events: int = 3) -> list[str]:
        """`count` incidents, the first `assigned` of them assigned to a user of their own."""
        return [self.add_incident(assignees=[f"user-{n}"] if n < assigned else [], events=events) for n in range(count)]

    def remove_incident(self, incident_id: str) -> None:
        self._stores["incidents"].remove(incident_id)

    def incident(self, incident_id: str) -> dict[str, Any]:
        return self._stores["incidents"].copy(incident_id)

    def assignees(self, incident_id: str) -> list[str]:
        return assignees(self._stores["incidents"].copy(incident_id))

    # Cases and users.
    def _add(self, store_name: str, *arguments: Any, **given: Any) -> str:
        store: Any = self._stores[store_name]
        thing = store.sample(*arguments, **given)
        store.put(thing)
        return str(thing["id"])

    def add_case(self, id: str | None = None, assignee: str | None = None, **given: Any) -> str:  # noqa: A002
        """Returns the UUID; an active case of nobody. For `given` see CaseStore.sample."""
        return self._add("cases", id, assignee, **given)

    def add_cases(self, count: int, assigned: int = 0, **given: Any) -> list[str]:
        """`count` cases, the first `assigned` of them assigned to a user of their own."""
        return [self.add_case(assignee=self._samples.uuid() if n < assigned else None, **given) for n in range(count)]

    def remove_case(self, case_id: str) -> None:
        self._stores["cases"].remove(case_id)

    def _case_record(self, case_id: str) -> Thing:
        return self._stores["cases"].copy(case_id)

    def case(self, case_id: str) -> dict[str, Any]:
        """The case as it is, by either of its IDs."""
        return dict(self._case_record(case_id)["case"])

    def case_events(self, case_id: str) -> list[dict[str, Any]]:
        return list(self._case_record(case_id)["events"])

    def case_assignee(self, case_id: str) -> str | None:
        assignee: str | None = self.case(case_id).get("assignee", {}).get("userId")
        return assignee

    def comments(self, case_id: str) -> list[str]:
        data = [event["eventData"] for event in self.case_events(case_id)]
        return [content["comment"]["unsafeText"] for content in data if "comment" in content]

    def add_user(self, username: str | None = None, user_id: str | None = None, **given: Any) -> str:
        """Returns the user ID; an active user. For `given` see UserStore.sample."""
        return self._add("users", username, user_id, **given)

    # Somebody else.
    def act(
        self, operation: str, thing_id: str, user: str | None = None, by: str = "somebody-else", **arguments: Any
    ) -> None:
        """Somebody else does this to a thing, if need be for a user, with further parameters of the operation.

        `act("assign", incident_id, "u2")`, `act("case_resolve", "CASE-1", by="system", reason="fixed")`.
        """
        row = OPERATIONS[operation]
        store = self._stores[row.store]
        if row.effect is None:
            raise ValueError(f"{operation} changes nothing")
        if user is not None:
            arguments[store.assignee_parameter] = {"userId": user}
        written = store.write(row.effect, [thing_id], by, arguments, Write())
        if written.error:
            raise written.error

    # Faults and journal.
    def fault(self, fault: Fault) -> None:
        self._faults.add(fault)

    def clear_faults(self) -> None:
        self._faults.clear()

    @property
    def writes(self) -> list[Entry]:
        """Requests for a write, including refused ones and those that no route serves."""
        return [
            entry
            for entry in list(self.journal)
            if (OPERATIONS[entry.operation].is_write if entry.operation else entry.method not in _READING_METHODS)
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
                return Delivery(reply=Reply(500, {"code": 500, "message": text}))

    def _exchange(self, request: Request) -> Delivery:
        self._wait(self.latency)
        # A proxy gets an absolute address; urlsplit takes both.
        address = urlsplit(request.target)
        query = parse_qsl(address.query, keep_blank_values=True)
        match = find(request.method, address.path, self.latest)
        body = parsed(request.body)
        ids = requested_ids(match, query, body)
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
        refusal = self._front_end_refusal(request)
        fault = None if refusal else self._faults.find(match.operation, ids)
        if fault:
            self._wait(fault.delay)
            write = Write(effect=bool(fault.effect), max_ids=fault.partial_ids, max_removed=fault.partial_effect)
            call = call._replace(write=write, endless_pages=fault.endless_pages)
        result = Result(refusal) if refusal else self._service.answer(call)
        delivery = deliver(fault, result.reply, self._service.error) if fault else Delivery(reply=result.reply)
        self._record(entry, delivery, fault, result.changed)
        if fault and fault.hang:
            self._wait(fault.hang)
        return delivery

    def _front_end_refusal(self, request: Request) -> Reply | None:
        """What the front end refuses without looking at the request."""
        if request.line_length > self.max_url:
            return URL_TOO_LONG
        if not self._rate_limit.allows():
            headers = (("Retry-After", self._retry_after()),)
            return replace(self._service.error(429, "Too Many Requests"), headers=headers)
        return None

    def _record(self, entry: Entry, delivery: Delivery, fault: Fault | None, changed: Sequence[str]) -> None:
        """Before the answer is sent, so that a client with the answer finds the entry in the journal."""
        reply = delivery.reply
        entry = entry._replace(
            status=reply.status if reply else None,
            answer=reply.answer if reply and delivery.is_whole else None,
            text=reply.content if reply and isinstance(reply.content, str) and reply.answer is None else "",
            fault=fault.kind if fault else None,
            effect=list(changed),
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
    added = []
    for given in content:
        fields = dict(given)
        users = fields.pop("assignees", ())
        fields.setdefault("assignments", [assignment(user, "somebody-else") for user in users])
        added.append(simulator.add_incident(**fields))
    return added
