# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an event source knows of the items it watches, and which events follow from an answer. No I/O."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timedelta, timezone

from ._errors import CoralogixError
from ._event_changes import GONE, ItemChange, change_uuid, find_changes, first_changes, stable_fields
from ._event_rules import CLOSED, RESOLVED, EventRules
from ._filters import parse_time, rfc3339
from ._resource import Item

# How far a list may lag behind.
LAG = timedelta(minutes=10)
# How far the clock of this machine and that of the service may differ.
MAX_SKEW = timedelta(days=1)
# After so many answers in a row that seem out of date, they are believed.
_MAX_STALE = 10
# An item that so many lists in a row do not show has left the filters.
_MIN_ABSENCES = 5

Event = t.Dict[str, t.Any]  # noqa: UP006 - Python 3.9 evaluates this line


class Record(t.NamedTuple):
    """What is known of one item. This is also what the state file keeps of it."""

    item: Item
    version: tuple[str, int]
    generation: int
    """How often items had been forgotten before this one was first seen."""
    change_counts: dict[str, int]
    """How many changes of each kind there were."""

    def to_json(self) -> str:
        return json.dumps([self.item, self.version, self.generation, self.change_counts], separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Raises ValueError."""
        item, (moment, count), generation, change_counts = json.loads(text)
        if not (isinstance(item, dict) and isinstance(item.get("id"), str) and isinstance(change_counts, dict)):
            raise ValueError("this is not a record of an item")
        return cls(item, (str(moment), int(count)), int(generation), change_counts)


class Delivery(t.NamedTuple):
    """The events of one item, and what to remember once they have arrived."""

    item_id: str
    record: Record
    events: list[Event]


class Observation(t.NamedTuple):
    """What follows from one poll."""

    deliveries: list[Delivery]
    forgotten: list[str]
    """The IDs of items to remember no longer, once all events have arrived."""
    generation: int
    """The values to remember then."""
    newest: str


class _Absence(t.NamedTuple):
    """An item that is open as far as is known, and that the lists no longer show."""

    since: datetime
    polls: int

    def is_due(self) -> bool:
        """Whether to read the item again: after 1, 2, 4, 8… polls."""
        return not self.polls & (self.polls - 1)

    def is_over(self, now: datetime) -> bool:
        """Whether no list is so late that it may still show the item."""
        return self.polls >= _MIN_ABSENCES and now - self.since > LAG


class Memory:
    """The items that are watched.

    C(name) is the key of the item in events: C(incident). C(wanted) are the kinds of changes that make events.
    """

    def __init__(self, rules: EventRules, name: str, wanted: t.Collection[str]) -> None:
        self._rules = rules
        self._name = name
        self._wanted = frozenset(wanted)
        self.records: dict[str, Record] = {}
        self.generation = 0
        self.newest = ""
        """The newest time of the service's clock that an item has shown, or that it had at the first poll at least, in
        RFC 3339 format."""
        self._absent: dict[str, _Absence] = {}
        self._stale: dict[str, int] = {}
        """In how many lists in a row an item looked older than before, by ID."""
        self._gone: dict[str, datetime] = {}
        """When items were found to be gone, by ID. A late list may still show them."""

    def watched_since(self, now: datetime) -> datetime:
        """What ended after this time makes events, even if no list showed it before. C(now) is this machine's clock."""
        # Nothing that happened after the newest time seen can have been seen. The time never goes back: what was
        # forgotten would seem new.
        return (parse_moment(self.newest) or now - MAX_SKEW) - LAG

    def later_clock(self, now: datetime) -> datetime:
        """The later one of this machine's clock and the service's."""
        return max(now, parse_moment(self.newest) or now)

    def is_unchanged(self, item: Item) -> bool:
        """Whether an item is known as it is."""
        record = self.records.get(item["id"])
        if record is None or GONE in record.change_counts:
            return False
        # This runs for each item of each poll. It is faster than choosing the fields that count.
        rest = item.copy()
        for field in self._rules.volatile:
            rest.pop(field, None)
        return rest == record.item

    def ids_to_read(self, listed: t.Mapping[str, t.Any], now: datetime) -> list[str]:
        """The IDs of items that have vanished from the lists, and that are to be read to learn why."""
        ids = []
        for item_id in self._vanished(listed):
            record = self.records[item_id]
            if GONE in record.change_counts or self._rules.stage(record.item) == CLOSED:
                continue
            absence = self._absent.get(item_id)
            # A list may lag, and pages shift while they are read. So the item is read again, more and more rarely.
            if absence is None or absence.is_due() or self._can_be_forgotten(record, now):
                ids.append(item_id)
        return ids

    def _vanished(self, listed: t.Mapping[str, t.Any]) -> list[str]:
        """The IDs of items that the lists do not show, in the order in which they were first seen."""
        vanished = self.records.keys() - listed.keys()
        return [item_id for item_id in self.records if item_id in vanished] if vanished else []

    def observe(
        self,
        listed: t.Mapping[str, Item | None],
        read: t.Mapping[str, Item],
        not_found: t.Collection[str],
        now: datetime,
        emits_new: t.Callable[[Item], bool] = lambda _item: True,
    ) -> Observation:
        """Take in one poll: all items that the lists show, and what reading those that vanished brought.

        C(None) stands for an item that C(is_unchanged).
        C(emits_new) says whether an item that was not known makes events.
        """
        since, generation, returned = self.watched_since(now), self.generation, []
        deliveries = []
        self._stale = {item_id: number for item_id, number in self._stale.items() if item_id in listed}
        for item_id, item in listed.items():
            if item is None:
                continue
            record = self.records.get(item_id)
            if record is None:
                # An item as new as this was never forgotten. Its UUIDs do not depend on what else was.
                is_new = self.was_opened_after(item, since)
                deliveries.append(self._add(item_id, item, emits_new(item), 0 if is_new else generation, now))
            elif GONE not in record.change_counts:
                deliveries += self._update_from_list(item_id, record, item, now)
            elif not self._may_be_listed(item_id, now):
                del self._gone[item_id]
                returned.append(self._add(item_id, item, emits_new(item), generation + 1, now))
        for item_id in self._absent.keys() & listed.keys():
            del self._absent[item_id]
        deliveries += [*returned, *(self._mark_gone(item_id) for item_id in not_found)]
        for item_id, item in read.items():
            deliveries += self._update_from_read(item_id, item, now)
        forgotten = self._forget(listed, read, now)
        self.generation += bool(forgotten or returned)
        # With nothing to watch yet, what opens after a restart is new all the same.
        self.newest = self.newest or rfc3339(now - MAX_SKEW)
        created = self._rules.created
        # What makes no events comes first, so that it is remembered before any event is sent.
        deliveries.sort(key=lambda delivery: (bool(delivery.events), str(delivery.record.item.get(created))))
        return Observation(deliveries, forgotten, self.generation, self.newest)

    def _add(self, item_id: str, item: Item, emits: bool, generation: int, now: datetime) -> Delivery:
        self._update_newest(item, now)
        record = Record(stable_fields(self._rules, item), self._rules.version(item), generation, {})
        return self._deliver(item_id, record, item, first_changes(self._rules, item), emits)

    def _update_from_list(self, item_id: str, record: Record, item: Item, now: datetime) -> list[Delivery]:
        fields = stable_fields(self._rules, item)
        if fields == record.item:
            return []
        version = self._rules.version(item)
        if _sort_key(version) < _sort_key(record.version) and self._stale.get(item_id, 0) < _MAX_STALE:
            self._stale[item_id] = self._stale.get(item_id, 0) + 1
            return []
        self._stale.pop(item_id, None)
        self._update_newest(item, now)
        changes = find_changes(self._rules, record.item, fields)
        return [self._deliver(item_id, record._replace(item=fields, version=version), item, changes)]

    def _update_from_read(self, item_id: str, item: Item, now: datetime) -> list[Delivery]:
        """An item that vanished from the lists and could be read."""
        record = self.records[item_id]
        fields = stable_fields(self._rules, item)
        self._absent.setdefault(item_id, _Absence(now, 0))
        version = self._rules.version(item)
        # The last read before the item is forgotten is believed: only the times of its changes can be out of order.
        is_late = _sort_key(version)[0] < _sort_key(record.version)[0] and not self._can_be_forgotten(record, now)
        if fields == record.item or is_late:
            return []
        self._update_newest(item, now)
        version = (version[0], max(version[1], record.version[1]))
        changes = find_changes(self._rules, record.item, fields)
        return [self._deliver(item_id, record._replace(item=fields, version=version), item, changes)]

    def _mark_gone(self, item_id: str) -> Delivery:
        record = self.records[item_id]
        return self._deliver(item_id, record, record.item, [ItemChange(GONE, {})])

    def _forget(self, listed: t.Mapping[str, t.Any], read: t.Container[str], now: datetime) -> list[str]:
        """Forget what is gone, what came to its end and what left the filters, unless a late list may still show it."""
        since = self.watched_since(now)
        forgotten = []
        for item_id in self._vanished(listed):
            record = self.records[item_id]
            absence = self._absent.get(item_id)
            if absence:
                self._absent[item_id] = absence._replace(polls=absence.polls + 1)
            is_explained = item_id in read or GONE in record.change_counts
            if (is_explained and self._can_be_forgotten(record, now)) or self._ended_before(record, since):
                forgotten.append(item_id)
        for item_id in forgotten:
            del self.records[item_id]
            self._absent.pop(item_id, None)
            self._gone.pop(item_id, None)
        return forgotten

    def _can_be_forgotten(self, record: Record, now: datetime) -> bool:
        """Whether it can be forgotten after a last read: no list may still show it, and it is not new."""
        item_id = record.item["id"]
        absence = self._absent.get(item_id)
        if GONE in record.change_counts:
            is_over = not self._may_be_listed(item_id, now)
        else:
            is_over = absence is not None and absence.is_over(now)
        return is_over and not self.was_opened_after(record.item, self.watched_since(now))

    def _may_be_listed(self, item_id: str, now: datetime) -> bool:
        """Whether a list may still show an item that is gone."""
        return now - self._gone.setdefault(item_id, now) <= LAG

    def _ended_before(self, record: Record, moment: datetime) -> bool:
        if self._rules.stage(record.item) != CLOSED:
            return False
        times = [record.version[0], *(str(record.item.get(field) or "") for field in self._rules.times)]
        return (parse_moment(max(times)) or moment - LAG) < moment

    def _deliver(
        self, item_id: str, record: Record, item: Item, changes: t.Sequence[ItemChange], emits: bool = True
    ) -> Delivery:
        counts = dict(record.change_counts)
        events = []
        for change in changes:
            counts[change.kind] = count = counts.get(change.kind, 0) + 1
            if emits and change.kind in self._wanted:
                uuid = change_uuid(self._name, item_id, record.generation, change, count)
                events.append(self._event(item, change, uuid))
        record = record._replace(change_counts=counts)
        self.records[item_id] = record
        return Delivery(item_id, record, events)

    def _event(self, item: Item, change: ItemChange, uuid: str) -> Event:
        event = {self._name: item, "change": change.kind, "previous": change.previous, "meta": {"uuid": uuid}}
        # A copy, as the filters of a rulebook may change an event. The engine takes no NaN and no infinity.
        copy: Event = json.loads(json.dumps(event), parse_constant=lambda _name: None)
        return copy

    def _update_newest(self, item: Item, now: datetime) -> None:
        for field in self._rules.times:
            text = str(item.get(field) or "")
            # Most texts are in the API's own format, and older than the newest.
            if text > self.newest:
                moment = parse_moment(text)
                newest = parse_moment(self.newest)
                # A time in the far future is a mistake. It must not hide what happens now.
                if moment and moment < now + MAX_SKEW and not (newest and moment <= newest):
                    self.newest = rfc3339(moment)

    def was_opened_after(self, item: Item, start: datetime) -> bool:
        moment = parse_moment(str(item.get(self._rules.created) or ""))
        return moment is not None and moment >= start

    def is_open(self, item: Item) -> bool:
        return self._rules.stage(item) not in (RESOLVED, CLOSED)


def _sort_key(version: tuple[str, int]) -> tuple[str, int]:
    """By which versions compare. Without the Z, a whole second comes before its fractions."""
    moment, count = version
    return moment.rstrip("Z"), count


def parse_moment(text: str) -> datetime | None:
    """A time as the API writes it. None if the text is not one."""
    try:
        return parse_time("time", text, datetime.now(timezone.utc)) if text[:1].isdigit() else None
    except CoralogixError:
        return None
