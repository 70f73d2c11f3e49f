# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads, lists and writes items of any kind of resource: splitting, a few requests at a time, pages, routes.

Knows the API by the resource's declaration only, and no Ansible.
"""

from __future__ import annotations

import threading
import typing as t
from types import MappingProxyType

from ._client import Client
from ._concurrency import map_concurrently
from ._errors import (
    AnswerInvalid,
    CoralogixError,
    DeadlinePassed,
    FailureKind,
    ListFailed,
    ProbeFailed,
    RequestFailed,
)
from ._negotiation import RouteNegotiation
from ._request import build_request, chunk_ids
from ._resource import NO_VALUES, Found, Item, Page, Resource, Values

_Answer = t.TypeVar("_Answer")
_Parse = t.Callable[[t.Any, t.Sequence[str]], _Answer]

# How a read fails if the key lacks the permission, or the service the route.
_REFUSED_KINDS = frozenset((FailureKind.FORBIDDEN, FailureKind.NO_ROUTE))
# A list is given up when it shows that many more items than the service counts.
_MAX_SURPLUS = 1_000
# A list that the service does not count is given up when it shows that many.
_MAX_UNCOUNTED = 200_000

NO_FIELDS: t.Mapping[str, type] = MappingProxyType({})
# A refusal for one of these reasons may be about some of the IDs. Any other is about the request as a whole.
_ITEM_REFUSALS = frozenset((FailureKind.INVALID, FailureKind.UNKNOWN_ID, FailureKind.REFUSED))


class ReadResult(t.NamedTuple):
    """What a read brought. With an error, the items of those requests that succeeded."""

    items: dict[str, Item]
    """By the ID asked for."""
    not_found: list[str]
    error: RequestFailed | DeadlinePassed | None = None
    """The first failure."""
    is_refused: bool = False
    """Whether the failure shows that this key, or this service, lets no item be read."""


class Listing(t.NamedTuple):
    """The items that match a query."""

    items: list[Item]
    total: int
    """How many there are, as the service counts them, or as many as were seen."""
    truncated: bool = False
    """Whether access policies hide items that match."""


class Service:
    """One kind of resource at the API, for one run.

    C(required_fields) are fields that every item must have besides those of the resource. C(details) are added to every
    item that is read. C(dropped_fields) are removed as soon as an item arrives: the events of thousands of items take
    most of the memory.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        api_version: str,
        required_fields: t.Mapping[str, type] = NO_FIELDS,
        details: t.Sequence[str] = (),
        dropped_fields: t.Sequence[str] = (),
    ) -> None:
        self.client = client
        self.resource = resource
        self._required_fields = required_fields
        self._details = details
        self._dropped_fields = dropped_fields
        self._routes = RouteNegotiation(resource, api_version)

    def read(self, ids: t.Sequence[str], retry: bool = True, may_pass_deadline: bool = False) -> ReadResult:
        """Read items by their IDs. C(retry) and C(may_pass_deadline) are as in the client's exchange."""
        items: dict[str, Item] = {}
        not_found: list[str] = []
        errors: list[RequestFailed | DeadlinePassed] = []
        answers = self._send_chunks("read", ids, self._parse_read, retry=retry, may_pass_deadline=may_pass_deadline)
        for answer in answers:
            if isinstance(answer, Found):
                items.update(answer.items)
                not_found.extend(answer.not_found)
            else:
                errors.append(answer)
        if not errors:
            return self.add_details(ReadResult(items, not_found), self._details, retry, may_pass_deadline)
        first = errors[0]
        # If one request was answered, permission and route are there, and something else is wrong.
        is_refused = (
            isinstance(first, RequestFailed) and first.failure.kind in _REFUSED_KINDS and len(errors) == len(answers)
        )
        # The details are read after all items. Without them, an item says only a part.
        return ReadResult({} if self._details else items, not_found, first, is_refused)

    def add_details(
        self, read: ReadResult, details: t.Sequence[str], retry: bool = True, may_pass_deadline: bool = False
    ) -> ReadResult:
        """The items with details, each of which takes requests of its own. With an error, those without it are gone."""
        items = dict(read.items)
        for detail in details:
            answers = self._send_chunks(detail, list(items), self._parse_detail(detail), retry, may_pass_deadline)
            errors = [answer for answer in answers if isinstance(answer, (RequestFailed, DeadlinePassed))]
            values = {name: value for answer in answers if isinstance(answer, dict) for name, value in answer.items()}
            not_found = [item_id for item_id in items if item_id not in values] if not errors else []
            items = {item_id: {**items[item_id], detail: values[item_id]} for item_id in items if item_id in values}
            read = read._replace(items=items, not_found=[*read.not_found, *not_found])
            if errors:
                return read._replace(error=errors[0])
        return read

    def list_items(
        self, query: Values, keep: t.Callable[[Item], bool] | None = None, limit: int | None = None
    ) -> Listing:
        """List items page by page, until there are as many to keep as the limit says, or no more.

        Raises CoralogixError.
        """
        self._settle_routes()
        size = self._page_size(None if keep else limit)
        kept: dict[str, Item] = {}
        seen: set[str] = set()
        total, token, truncated = 0, "", False

        def parse(answer: t.Any, ids: t.Sequence[str]) -> Page:
            page = self._parse_page(answer, ids)
            if page.next_token and seen.issuperset(item["id"] for item in page.items):
                raise AnswerInvalid("it names a next page, but this page has nothing new")
            if page.total is not None and len(seen) + len(page.items) > 2 * page.total + _MAX_SURPLUS:
                raise AnswerInvalid(
                    f"the pages show far more than the {page.total} {self.resource.plural} that it counts"
                )
            if page.total is None and len(seen) + len(page.items) > _MAX_UNCOUNTED:
                raise AnswerInvalid(f"the pages show more than {_MAX_UNCOUNTED} {self.resource.plural}")
            return page

        while limit is None or len(kept) < limit:
            page = self._call("list", [], parse, {**query, **self.resource.pagination(size, token)})
            if not isinstance(page, Page):
                raise CoralogixError(ListFailed(page, len(seen), total) if seen else page)
            token, truncated = page.next_token, truncated or page.truncated
            seen.update(item["id"] for item in page.items)
            total = len(seen) if page.total is None else page.total
            # Items come and go between two pages, so that a page may show one again.
            kept.update((item["id"], item) for item in page.items if not keep or keep(item))
            if not token:
                break
        return Listing(list(kept.values())[:limit], total, truncated)

    def _settle_routes(self) -> None:
        """Find out which routes there are by a harmless read.

        The route sets list at the same address, and the older one would ignore a query in the body.
        """
        if not self._routes.is_settled:
            probed = self._call("read", [self.resource.probe_id], lambda _answer, _ids: None)
            if isinstance(probed, (RequestFailed, DeadlinePassed)):
                raise CoralogixError(ProbeFailed(probed))

    def _page_size(self, limit: int | None) -> int:
        """For pages of one size, as few as possible and no larger than needed."""
        size = self.resource.page_size
        if limit is None:
            return size
        pages = -(-limit // size)
        return -(-limit // pages)

    def chunks(self, operation: str, ids: t.Sequence[str], values: Values = NO_VALUES) -> list[list[str]]:
        """The IDs as they are split into requests."""
        return chunk_ids(self.client.base_url, self.resource, operation, self._routes.route_sets, ids, values)

    def write_once(
        self, operation: str, ids: t.Sequence[str], values: Values = NO_VALUES
    ) -> dict[str, Item] | RequestFailed | DeadlinePassed:
        """Send a write once. Returns what the answer shows of the items, by the ID asked for, or the failure."""

        def parse(answer: t.Any, ids: t.Sequence[str]) -> dict[str, Item]:
            declared = self.resource.operations[operation]
            items = declared.parse(answer, ids)
            if declared.merge:
                return dict(zip(ids, items))
            return self._by_id([self._check(item) for item in items], ids)

        self.client.has_written = True
        answer = self._call(operation, ids, parse, values, retry=False)
        if isinstance(answer, RequestFailed) and answer.failure.kind in _ITEM_REFUSALS:
            may_have_applied = answer.may_have_applied or self.resource.operations[operation].refusal_may_apply
            return answer._replace(may_have_applied=may_have_applied)
        return answer

    def for_each_chunk(
        self, function: t.Callable[[list[str]], _Answer], chunks: t.Sequence[list[str]]
    ) -> list[_Answer]:
        """Call the function for each chunk, a few at a time."""
        # Until an answer tells which routes there are, one request goes first.
        first = 0 if self._routes.is_settled else 1
        results = [function(chunk) for chunk in chunks[:first]]
        rest = chunks[first:]
        if len(rest) < 2:
            return results + [function(chunk) for chunk in rest]
        limit = self.resource.max_concurrent_requests
        return results + map_concurrently(function, rest, limit, self.client.stop)

    def _send_chunks(
        self, operation: str, ids: t.Sequence[str], parse: _Parse[_Answer], retry: bool, may_pass_deadline: bool
    ) -> list[_Answer | RequestFailed | DeadlinePassed]:
        """The answers in order. After a failure no further request begins."""
        failed = threading.Event()

        def send(chunk: list[str]) -> _Answer | RequestFailed | DeadlinePassed | None:
            if failed.is_set():
                return None
            answer = self._call(operation, chunk, parse, retry=retry, may_pass_deadline=may_pass_deadline)
            if isinstance(answer, (RequestFailed, DeadlinePassed)):
                failed.set()
            return answer

        answers = self.for_each_chunk(send, self.chunks(operation, ids))
        return [answer for answer in answers if answer is not None]

    def _call(
        self,
        operation: str,
        ids: t.Sequence[str],
        parse: _Parse[_Answer],
        values: Values = NO_VALUES,
        retry: bool = True,
        may_pass_deadline: bool = False,
    ) -> _Answer | RequestFailed | DeadlinePassed:
        """One request, by the routes that are served."""

        def attempt(route_set: str) -> t.Any:
            sent_ids = [self.resource.request_id(item_id) for item_id in ids]
            request = build_request(self.client.base_url, self.resource, operation, route_set, sent_ids, values)
            try:
                return self.client.exchange(request, lambda answer: parse(answer, ids), retry, may_pass_deadline)
            except CoralogixError as failed:
                is_unknown = (
                    operation in ("read", *self.resource.details)
                    and len(ids) == 1
                    and isinstance(failed.error, RequestFailed)
                    and self.resource.means_unknown_id(failed.error.failure)
                )
                return Found({}, list(ids)) if is_unknown else failed.error

        return self._routes.call(operation, ids, attempt)

    def _parse_read(self, answer: t.Any, ids: t.Sequence[str]) -> Found:
        found: Found = self.resource.operations["read"].parse(answer, ids)
        for item_id, item in found.items.items():
            self._check(item)
            if not any(self._is_named(item, field, item_id) for field in self.resource.id_fields):
                raise AnswerInvalid(f"under the ID {item_id} it shows the {self.resource.singular} {item['id']}")
        return found

    def _by_id(self, items: t.Sequence[Item], ids: t.Sequence[str]) -> dict[str, Item]:
        spell = self.resource.canonical_id
        by_id = {spell(str(item.get(field))): item for item in items for field in self.resource.id_fields}
        return {item_id: by_id[spell(item_id)] for item_id in ids if spell(item_id) in by_id}

    def _is_named(self, item: Item, field: str, item_id: str) -> bool:
        return self.resource.canonical_id(str(item.get(field))) == self.resource.canonical_id(item_id)

    def _parse_detail(self, detail: str) -> t.Callable[[t.Any, t.Sequence[str]], dict[str, t.Any]]:
        """From an answer to the values by the IDs asked for."""

        def parse(answer: t.Any, ids: t.Sequence[str]) -> dict[str, t.Any]:
            sent_ids = [self.resource.request_id(item_id) for item_id in ids]
            values = self.resource.operations[detail].parse(answer, sent_ids)
            return {item_id: values[sent] for item_id, sent in zip(ids, sent_ids) if sent in values}

        return parse

    def _parse_page(self, answer: t.Any, ids: t.Sequence[str]) -> Page:
        page: Page = self.resource.operations["list"].parse(answer, ids)
        for item in page.items:
            self._check(item)
        return page

    def _check(self, item: t.Any) -> Item:
        problem = self.resource.check_item(item, self._required_fields)
        if problem:
            raise AnswerInvalid(problem)
        checked: Item = item
        for field in self._dropped_fields:
            checked.pop(field, None)
        return checked
