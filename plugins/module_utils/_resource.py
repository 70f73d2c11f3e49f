# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The types of which the declaration of a kind of resource (incidents, cases) consists. No I/O."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime
from types import MappingProxyType

from ._failure import Failure

# Not dict[…]: Python evaluates this line, and on an old Python the task must end with a message.
Item = t.Dict[str, t.Any]  # noqa: UP006
"""One incident or case, exactly as the API shows it."""

Items = t.Mapping[str, Item]
"""Items by the ID asked for."""

Values = t.Mapping[str, t.Any]
"""What a request says besides the IDs, by parameter, as in JSON: C({"assignedTo": {"userId": …}})."""

NO_VALUES: Values = MappingProxyType({})

Options = t.Mapping[str, t.Any]
"""The options of a task, or an argument spec."""

UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")


def canonical(text: str) -> str:
    """An ID as the API writes it: UUIDs in lower case. In any other text, "a" and "A" are two IDs."""
    return text.lower() if UUID.match(text) else text


class Route(t.NamedTuple):
    """Where one operation is served in one version of the API."""

    method: str
    path: str
    """Below the base URL that ends in C(/mgmt/openapi/<version>). C({id}) stands for the one ID of the request."""
    ids: str = ""
    """The parameter that takes the IDs. Empty if the path takes the ID, or if there is none."""
    in_body: bool = False
    """Whether the parameters travel in a JSON body. Otherwise they travel in the query."""


class Operation(t.NamedTuple):
    """One operation of the API."""

    action: str
    """For messages: what the request does, such as C(read incidents)."""
    permission: str
    routes: t.Mapping[str, Route]
    """By route set."""
    max_ids: int = 10_000
    """The most IDs in one request."""
    max_ids_in_body: int = 1_000
    """The same where a body takes them. The answer shows all of them, and must arrive in time."""
    needs_personal_key: bool = False
    """Whether Coralogix accepts only a personal (user-owned) key."""
    refusal_may_apply: bool = False
    """Whether a refused request may have been carried out for some of its IDs."""
    merge: t.Callable[[Item, Item], Item] | None = None
    """From an item, and the part of it that the answer to a write shows, to the item after the write. None if the
    answer shows whole items."""
    parse: t.Callable[[t.Any, t.Sequence[str]], t.Any] = lambda answer, _ids: answer
    """From an answer and the IDs asked for to a C(Found) for a read, a C(Page) for a list, a list of items for a write,
    and a map of values by ID for a detail. The items are not checked yet. Raises AnswerInvalid."""


class Request(t.NamedTuple):
    """One HTTP request, before authentication."""

    method: str
    url: str
    operation: Operation
    body: dict[str, t.Any] | None = None
    """Sent as JSON, if there is one."""
    not_uuids: tuple[str, ...] = ()
    """Those of the IDs that API version 5 refuses because they are no UUIDs."""
    noun: str = ""
    """What an ID in the request is an ID of, such as C(incident). A refusal that has this word is about an ID."""


class Found(t.NamedTuple):
    """The answer to a read."""

    items: dict[str, Item]
    """By the ID asked for."""
    not_found: list[str]


class Page(t.NamedTuple):
    """One page of a list."""

    items: list[Item]
    total: int | None
    """How many there are, as the service counts them. None if it does not count."""
    next_token: str
    truncated: bool = False
    """Whether access policies hide items that match."""


class Query(t.NamedTuple):
    """What a list is asked for."""

    values: Values
    """What the API is asked."""
    keep: t.Callable[[Item], bool] | None
    """Whether to keep an item of the answer, where the API cannot be asked for all that is wanted."""
    matches_nothing: bool
    """Whether nothing can match: one of several values is wanted, and there are none."""


class Filters(t.NamedTuple):
    """The options that choose, order and limit items of one kind of resource."""

    options: Options
    """An argument spec."""
    mutually_exclusive: t.Sequence[t.Sequence[str]]
    build_query: t.Callable[[Options, datetime], Query]
    """From the options, and the present time, to the query. Raises CoralogixError(OptionInvalid)."""


class Resource(t.NamedTuple):
    """All that is special to one kind of resource."""

    singular: str
    plural: str
    """Also the name of the returned list, and of the fact: C(coralogix_<plural>)."""
    id_option: str
    id_noun: str
    """For messages: what the IDs are called, such as C(incident IDs)."""
    title_field: str
    """The field with the name that people know the item by."""
    operations: t.Mapping[str, Operation]
    """C(read), C(list) and the writes."""
    route_sets: t.Mapping[str, tuple[str, ...]]
    """The route sets that may be served, by C(api_version); the most likely one first. A missing version is refused."""
    required_fields: t.Mapping[str, type]
    """Fields that every item must have, with their types. Decisions rest on them."""
    pagination: t.Callable[[int, str], Values]
    """From page size and page token to the values that ask for the page."""
    filters: Filters
    page_size: int
    max_concurrent_requests: int
    probe_id: str
    """An ID of no item. Reading it is a harmless way to find out which routes are served."""
    parameter_options: t.Mapping[str, str]
    """The option that fills a parameter, for messages about values that a route cannot carry."""
    check_id: t.Callable[[str], str]
    """What is wrong with the form of an ID, as the end of the message C(incident_ids contains 'x', …). Empty if nothing
    is."""
    id_fields: tuple[str, ...] = ("id",)
    """The fields that hold IDs by which the item can be asked for. The last one is the one that people use."""
    reads_before_writes: bool = False
    """Whether nothing may be written where reading is refused."""
    not_in_query: frozenset[str] = frozenset()
    """Parameters whose values (maps, lists of objects) have no certain form in a query."""
    sets_with_uuids_only: frozenset[str] = frozenset()
    """Route sets whose newest version takes only UUIDs as IDs. For messages."""
    means_missing_route: t.Callable[[str, str, Failure, t.Sequence[str], bool], bool] = lambda *_args: False
    """Whether a failure means that the route is missing although it says something else: from operation, route set,
    failure, IDs, and whether another route set was missing before."""
    means_unknown_id: t.Callable[[Failure], bool] = lambda _failure: False
    """Whether a failure of a read of one ID means that the ID is unknown."""
    canonical_id: t.Callable[[str], str] = canonical
    """The one spelling of an ID, by which IDs are compared."""
    request_id: t.Callable[[str], str] = str
    """The spelling of an ID in a request."""
    describe_total: t.Callable[[int, bool], dict[str, t.Any]] = lambda total, _truncated: {"total": total}
    """What the module that finds items returns about all that match: from their number, and whether access policies
    hide some."""
    events_are_fields: bool = True
    """Whether items come with their events. Otherwise the events take a request for each item."""
    details: t.Sequence[str] = ()
    """Operations that read more about an item. Each adds a field of its own name, if an option C(include_<name>) asks
    for it."""

    def check_item(self, item: t.Any, fields: t.Mapping[str, type]) -> str:
        """What is wrong with an item of an answer. Empty if nothing is. Other fields are passed on as they are."""
        if not isinstance(item, dict):
            return f"{self.with_article} is not an object but {type(item).__name__}"
        name = f"the {self.singular} {item['id']}" if isinstance(item.get("id"), str) else self.with_article
        for field, kind in {"id": str, **self.required_fields, **fields}.items():
            if not isinstance(item.get(field), kind):
                return f"{name} has no {field} of type {_JSON_TYPES[kind]}"
        return ""

    @property
    def with_article(self) -> str:
        return f"{'an' if self.singular[0] in 'aeiou' else 'a'} {self.singular}"


_JSON_TYPES: dict[type, str] = {str: "string", list: "list", dict: "object"}
