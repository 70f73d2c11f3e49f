# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One task, from checked options to its result. Module and action plugin both call it.

Nothing of Ansible is imported. The caller has let Ansible check the options against the argument spec.
"""

from __future__ import annotations

import sys
import typing as t
import uuid
from datetime import datetime, timezone
from types import MappingProxyType

from . import _arguments, _settings
from ._answers import load_with_shared_texts
from ._client import Client
from ._errors import CoralogixError, IdsUnknown, LibraryMissing, Unexpected
from ._executor import Outcome, execute
from ._messages import Context, describe_truncation
from ._plan import Change, drop_aliases
from ._requests_import import import_problem
from ._resource import Resource
from ._result import Result, change_result, failure_result, fallback_result, returned_items
from ._secrets import Masker
from ._service import Listing, ReadResult, Service
from ._transport import Transport
from ._users import UserDirectory

Spec = t.Mapping[str, t.Mapping[str, t.Any]]
# Makes the transport, from settings, user agent, correlation ID and the number of connections.
NewTransport = t.Callable[[_settings.Settings, str, str, int], t.Any]
Sleep = t.Callable[[float], t.Any]
Params = t.Mapping[str, t.Any]

MISSING: dict[str, t.Any] = {"type": "str", "choices": ["fail", "ignore"], "default": "fail"}
PYTHON_VERSION = ".".join(map(str, sys.version_info[:3]))
NO_OPTIONS: Spec = MappingProxyType({})


class Task(t.NamedTuple):
    """One task of a play: its options, environment and mode."""

    params: t.Mapping[str, t.Any]
    """The options as Ansible converted them, with defaults."""
    given: t.Mapping[str, t.Any]
    """The options as they were given, without those that were left out."""
    environ: t.Mapping[str, str]
    check_mode: bool
    diff: bool
    ansible_version: str


class ModuleDefinition(t.NamedTuple):
    """All that a module is, besides its documentation."""

    resource: Resource
    options: Spec
    """An argument spec without the connection options."""
    run: t.Callable[[Task, Run], Result]
    not_null: t.Collection[str] = ()
    """Options that may not be given as null: those that choose items."""
    mutually_exclusive: t.Sequence[t.Sequence[str]] = ()

    @property
    def argument_spec(self) -> dict[str, t.Any]:
        return {**self.options, **_settings.argument_spec()}


class Run:
    """What belongs to one run of a task: settings, correlation ID, connection, warnings."""

    def __init__(
        self,
        task: Task,
        resource: Resource,
        masker: Masker,
        new_transport: NewTransport,
        sleep: Sleep | None,
        on_connect: t.Callable[[Client], None],
    ) -> None:
        self._task = task
        self._masker = masker
        self._new_transport = new_transport
        self._sleep = sleep
        self._on_connect = on_connect
        self._connection: tuple[Client, _settings.Settings] | None = None
        self.context = Context(resource)

    def connect(
        self, required_fields: t.Mapping[str, type] = MappingProxyType({}), details: t.Sequence[str] = ()
    ) -> Service:
        """The service that options and environment name. Nothing is sent yet. Raises CoralogixError."""
        client, settings = self._connect()
        resource = self.context.resource
        returns_events = self._task.params.get("include_events", True)
        dropped_fields = () if returns_events or not resource.events_are_fields else ("events",)
        return Service(client, resource, settings.api_version, required_fields, details, dropped_fields)

    def users(self) -> UserDirectory:
        """The search for users at the same host. Raises CoralogixError."""
        return UserDirectory(*self._connect())

    def _connect(self) -> tuple[Client, _settings.Settings]:
        if self._connection:
            return self._connection
        problem = import_problem()
        if problem is not None:
            raise CoralogixError(LibraryMissing((sys.executable,), problem))
        settings = _settings.resolve_settings(self._task.params, self._task.environ)
        correlation_id = str(uuid.uuid4())
        user_agent = f"ansible-core/{self._task.ansible_version} Python/{PYTHON_VERSION}"
        resource = self.context.resource
        transport = self._new_transport(settings, user_agent, correlation_id, resource.max_concurrent_requests)
        client = Client(
            transport,
            base_url=settings.base_url,
            timeout=settings.timeout,
            retries=settings.retries,
            deadline=settings.deadline,
            correlation_id=correlation_id,
            masker=self._masker,
            sleep=self._sleep,
            load=load_with_shared_texts,
        )
        self.context = Context(
            resource,
            key_source=settings.key_source,
            host_source=settings.host_source,
            proxy_source=transport.proxy.source if transport.proxy else "",
            ca_source=settings.ca_source,
        )
        self._on_connect(client)
        self._connection = client, settings
        return self._connection

    @property
    def has_written(self) -> bool:
        """Whether a request that changes something was sent."""
        return self._connection is not None and self._connection[0].has_written

    @property
    def warnings(self) -> list[str]:
        return list(self._connection[0].warnings) if self._connection else []


def run_task(
    definition: ModuleDefinition,
    task: Task,
    new_transport: NewTransport = Transport,
    sleep: Sleep | None = None,
    on_connect: t.Callable[[Client], None] = lambda _client: None,
) -> Result:
    """The result of a task. There always is one, whatever is raised on the way.

    C(new_transport) and C(sleep) are for tests: they replace the transport and the waits. C(on_connect) gets the
    client, which the caller may stop.
    """
    masker = Masker(_settings.find_secrets(task.params, task.environ))
    run = Run(task, definition.resource, masker, new_transport, sleep, on_connect)
    try:
        _arguments.check_given(task.given, definition.options, definition.not_null)
        result = definition.run(task, run)
    except CoralogixError as error:
        result = {"changed": False, **failure_result(error.error, run.context)}
    except Exception as error:
        result = {"changed": run.has_written, **failure_result(Unexpected.of(error), run.context)}
        if run.has_written:
            result["msg"] += f" The task may have changed {definition.resource.plural} before that. Check them."
    warnings = [*result.pop("warnings", ()), *run.warnings]
    if warnings:
        result["warnings"] = warnings
    return _mask(result, definition.resource, masker)


def _mask(result: Result, resource: Resource, masker: Masker) -> Result:
    """The result without the API key. Items were masked when they arrived; masking many again would take long."""
    masked: Result = masker.mask_value(
        {name: value for name, value in result.items() if name not in (resource.plural, "ansible_facts")}
    )
    return {**result, **masked}


def change_module(
    resource: Resource,
    make_change: t.Callable[[Params], Change],
    options: Spec = NO_OPTIONS,
    resolve: t.Callable[[Params, Run], Params] | None = None,
    check: t.Callable[[Params], None] | None = None,
) -> ModuleDefinition:
    """A module that changes items given by their IDs.

    C(options) are its own; C(make_change) gets all options. C(check) refuses options before anything is sent.
    C(resolve) replaces options by what the API wants, such as an e-mail address by a user ID.
    """

    def run_change(task: Task, run: Run) -> Result:
        params = task.params
        change, ids, outcome = make_change(params), [], Outcome()
        try:
            _arguments.refuse_blank_texts(params, options)
            if check:
                check(params)
            ids = _arguments.check_ids(resource, params[resource.id_option])
            if ids:
                service = run.connect(change.required_fields, change.details)
                change = make_change(resolve(params, run)) if resolve else change
                outcome = execute(change, service, ids, params["missing"], task.check_mode)
                outcome = _with_events(outcome, service, params["include_events"])
        except CoralogixError as error:
            outcome = Outcome(error=error.error)
        except Exception as error:
            if run.has_written:
                raise
            outcome = Outcome(error=Unexpected.of(error))
        try:
            return change_result(resource, change, ids, outcome, run.context, task.diff, params["include_events"])
        except Exception as error:
            # Something was perhaps written. At least that can be returned.
            return fallback_result(change, ids, outcome, run.context, error)

    spec: Spec = {**_id_options(resource, required=True), **options}
    return ModuleDefinition(resource, spec, run_change, not_null=(resource.id_option,))


def _id_options(resource: Resource, required: bool) -> dict[str, dict[str, t.Any]]:
    """The options that all modules of a resource have."""
    return {
        resource.id_option: {"type": "list", "elements": "str", **({"required": True} if required else {})},
        "missing": MISSING,
        "include_events": {"type": "bool", "default": resource.events_are_fields},
    }


def _with_events(outcome: Outcome, service: Service, include_events: bool) -> Outcome:
    """The outcome with the events of the items, where these take requests of their own."""
    missing = {item_id: item for item_id, item in outcome.progress.after.items() if "events" not in item}
    if not include_events or service.resource.events_are_fields or not missing:
        return outcome
    try:
        read = service.add_details(ReadResult(missing, []), ("events",))
    except Exception as error:
        # Something was perhaps written. Returning that matters more than the events.
        return outcome._replace(error=outcome.error or Unexpected.of(error))
    progress = outcome.progress._replace(after={**outcome.progress.after, **read.items})
    return outcome._replace(progress=progress, error=outcome.error or read.error)


def info_module(resource: Resource, resolve: t.Callable[[Params, Run], Params] | None = None) -> ModuleDefinition:
    """The module that finds items, by their IDs or by filters. C(resolve) is as for a module that changes items."""
    filters = resource.filters
    details = {f"include_{detail}": {"type": "bool", "default": False} for detail in resource.details}
    spec: Spec = {**details, **_id_options(resource, required=False), **filters.options}

    def run_info(task: Task, run: Run) -> Result:
        params = task.params
        listing = Listing([], 0)
        not_found: list[str] = []
        error: t.Any = None
        try:
            if params[resource.id_option] is None:
                _arguments.refuse_lists_as_text(task.given, filters.options)
                listing = _list_items(params, run, resolve)
            else:
                listing, not_found = _read_items(params, run)
                if not_found and params["missing"] == "fail":
                    error = IdsUnknown(tuple(not_found))
        except CoralogixError as failed:
            error = failed.error
        return {
            "changed": False,
            resource.plural: returned_items(listing.items, params["include_events"]),
            "count": len(listing.items),
            **resource.describe_total(listing.total, listing.truncated),
            "not_found_ids": not_found,
            **({"warnings": [describe_truncation(run.context)]} if listing.truncated else {}),
            **(failure_result(error, run.context) if error else {}),
        }

    return ModuleDefinition(
        resource,
        spec,
        run_info,
        not_null=(resource.id_option, *filters.options),
        mutually_exclusive=[*filters.mutually_exclusive, *((resource.id_option, name) for name in filters.options)],
    )


def _wanted_details(resource: Resource, params: Params) -> list[str]:
    return [detail for detail in resource.details if params[f"include_{detail}"]]


def _read_items(params: Params, run: Run) -> tuple[Listing, list[str]]:
    resource = run.context.resource
    ids = _arguments.check_ids(resource, params[resource.id_option])
    if not ids:
        return Listing([], 0), []
    read = run.connect(details=_wanted_details(resource, params)).read(ids)
    if read.error:
        raise CoralogixError(read.error)
    known = drop_aliases([item_id for item_id in ids if item_id in read.items], read.items)
    return Listing([read.items[item_id] for item_id in known], len(known)), read.not_found


def _list_items(params: Params, run: Run, resolve: t.Callable[[Params, Run], Params] | None) -> Listing:
    resource = run.context.resource
    query = resource.filters.build_query(params, datetime.now(timezone.utc))
    if query.matches_nothing:
        return Listing([], 0)
    service = run.connect()
    if resolve:
        query = resource.filters.build_query(resolve(params, run), datetime.now(timezone.utc))
    listing = service.list_items(query.values, query.keep, params["limit"])
    details = _wanted_details(resource, params)
    if not details:
        return listing
    read = service.add_details(ReadResult({item["id"]: item for item in listing.items}, []), details)
    if read.error:
        raise CoralogixError(read.error)
    return listing._replace(items=list(read.items.values()))
