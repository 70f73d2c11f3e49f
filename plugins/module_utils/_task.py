# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One task, from checked options to its result. The same function lies under the module and the action plugin.

No Ansible in here. Whoever calls it has let Ansible check the options against the argument spec.
"""

from __future__ import annotations

import platform
import sys
import traceback
import typing as t
import uuid
from datetime import datetime, timezone
from types import MappingProxyType

from . import _arguments, _settings
from ._client import Client
from ._errors import CoralogixError, IdsUnknown, LibraryMissing, Unexpected
from ._executor import Outcome, execute
from ._messages import Context
from ._plan import Change, drop_aliases
from ._requests_import import import_problem
from ._resource import Resource
from ._result import Result, change_result, failure_result, returned_items
from ._secrets import Masker
from ._service import Listing, Service
from ._transport import Transport

Spec = t.Mapping[str, t.Mapping[str, t.Any]]
# Makes what carries requests, from settings, user agent, correlation ID and the number of connections.
NewTransport = t.Callable[[_settings.Settings, str, str, int], t.Any]
Sleep = t.Callable[[float], t.Any]

MISSING: dict[str, t.Any] = {"type": "str", "choices": ["fail", "ignore"], "default": "fail"}
INCLUDE_EVENTS: dict[str, t.Any] = {"type": "bool", "default": True}
NO_OPTIONS: Spec = MappingProxyType({})


class Task(t.NamedTuple):
    """One task of a play: what it was given, and where it runs."""

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
        self, task: Task, resource: Resource, masker: Masker, new_transport: NewTransport, sleep: Sleep | None
    ) -> None:
        self._task = task
        self._masker = masker
        self._new_transport = new_transport
        self._sleep = sleep
        self._client: Client | None = None
        self.context = Context(resource)

    def connect(self, required_fields: t.Mapping[str, type] = MappingProxyType({})) -> Service:
        """The service that options and environment name. Nothing is sent yet. Raises CoralogixError."""
        problem = import_problem()
        if problem is not None:
            raise CoralogixError(LibraryMissing((sys.executable,), problem))
        settings = _settings.resolve_settings(self._task.params, self._task.environ)
        correlation_id = str(uuid.uuid4())
        user_agent = f"ansible-core/{self._task.ansible_version} Python/{platform.python_version()}"
        resource = self.context.resource
        transport = self._new_transport(settings, user_agent, correlation_id, resource.max_concurrent_requests)
        self._client = Client(
            transport,
            base_url=settings.base_url,
            timeout=settings.timeout,
            retries=settings.retries,
            deadline=settings.deadline,
            correlation_id=correlation_id,
            masker=self._masker,
            sleep=self._sleep,
        )
        self.context = Context(
            resource,
            key_source=settings.key_source,
            host_source=settings.host_source,
            proxy_source=transport.proxy.source if transport.proxy else "",
            ca_source=settings.ca_source,
        )
        return Service(self._client, resource, settings.api_version, required_fields)

    @property
    def warnings(self) -> list[str]:
        return list(self._client.warnings) if self._client else []


def run_task(
    definition: ModuleDefinition, task: Task, new_transport: NewTransport = Transport, sleep: Sleep | None = None
) -> Result:
    """The result of a task. It always is one, whatever is raised on the way; Stopped alone passes through.

    C(new_transport) and C(sleep) are for tests: what carries the requests, and what waits.
    """
    masker = Masker(_settings.find_secrets(task.params, task.environ))
    run = Run(task, definition.resource, masker, new_transport, sleep)
    try:
        _arguments.check_given(task.given, definition.options, definition.not_null)
        result = definition.run(task, run)
    except CoralogixError as error:
        result = {"changed": False, **failure_result(error.error, run.context)}
    except Exception as error:
        unexpected = Unexpected(f"{type(error).__name__}: {error}", traceback.format_exc())
        result = {"changed": False, **failure_result(unexpected, run.context)}
    warnings = [*result.pop("warnings", ()), *run.warnings]
    if warnings:
        result["warnings"] = warnings
    return _mask(result, definition.resource, masker)


def _mask(result: Result, resource: Resource, masker: Masker) -> Result:
    """The result without the API key. Items were masked when they arrived; they may be many."""
    masked: Result = masker.mask_value(
        {name: value for name, value in result.items() if name not in (resource.plural, "ansible_facts")}
    )
    return {**result, **masked}


def change_module(
    resource: Resource, make_change: t.Callable[[t.Mapping[str, t.Any]], Change], options: Spec = NO_OPTIONS
) -> ModuleDefinition:
    """A module that changes items given by their IDs. C(options) are its own; C(make_change) gets all options."""

    def run_change(task: Task, run: Run) -> Result:
        params = task.params
        change, ids = make_change(params), []
        try:
            _arguments.check_texts(params, options)
            ids = _arguments.check_ids(resource, params[resource.id_option])
            outcome = Outcome()
            if ids:
                service = run.connect(change.required_fields)
                outcome = execute(change, service, ids, params["missing"], task.check_mode)
        except CoralogixError as error:
            outcome = Outcome(error=error.error)
        return change_result(resource, change, ids, outcome, run.context, task.diff, params["include_events"])

    spec: Spec = {
        resource.id_option: {"type": "list", "elements": "str", "required": True},
        "missing": MISSING,
        "include_events": INCLUDE_EVENTS,
        **options,
    }
    return ModuleDefinition(resource, spec, run_change, not_null=(resource.id_option,))


def info_module(resource: Resource) -> ModuleDefinition:
    """The module that finds items, by their IDs or by filters."""
    filters = resource.filters
    spec: Spec = {
        resource.id_option: {"type": "list", "elements": "str"},
        "missing": MISSING,
        "include_events": INCLUDE_EVENTS,
        **filters.options,
    }

    def run_info(task: Task, run: Run) -> Result:
        listing = Listing([], 0)
        not_found: list[str] = []
        error: t.Any = None
        try:
            if task.params[resource.id_option] is None:
                listing = _list_items(task, run)
            else:
                listing, not_found = _read_items(task, run)
                if not_found and task.params["missing"] == "fail":
                    error = IdsUnknown(tuple(not_found))
        except CoralogixError as failed:
            error = failed.error
        return {
            "changed": False,
            resource.plural: returned_items(listing.items, task.params["include_events"]),
            "count": len(listing.items),
            "total": listing.total,
            "not_found_ids": not_found,
            **(failure_result(error, run.context) if error else {}),
        }

    return ModuleDefinition(
        resource,
        spec,
        run_info,
        not_null=(resource.id_option, *filters.options),
        mutually_exclusive=[*filters.mutually_exclusive, *((resource.id_option, name) for name in filters.options)],
    )


def _read_items(task: Task, run: Run) -> tuple[Listing, list[str]]:
    ids = _arguments.check_ids(run.context.resource, task.params[run.context.resource.id_option])
    if not ids:
        return Listing([], 0), []
    read = run.connect().read(ids)
    if read.error:
        raise CoralogixError(read.error)
    known = drop_aliases([item_id for item_id in ids if item_id in read.items], read.items)
    return Listing([read.items[item_id] for item_id in known], len(known)), read.not_found


def _list_items(task: Task, run: Run) -> Listing:
    query = run.context.resource.filters.build_query(task.params, datetime.now(timezone.utc))
    if query.matches_nothing:
        return Listing([], 0)
    return run.connect().list_items(query.values, query.keep, task.params["limit"])
