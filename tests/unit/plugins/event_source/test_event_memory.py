# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a source remembers and forgets, and how it treats answers that are late."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

from ansible_collections.coralogix.incidents.plugins.module_utils._event_memory import (
    LAG,
    Memory,
    Observation,
    Record,
    parse_moment,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._incident_events import INCIDENT_EVENTS
from helpers import A, B, C, incident

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
KINDS = ("opened", *INCIDENT_EVENTS.kinds, "updated", "gone")
Item = t.Dict[str, t.Any]  # noqa: UP006 - Python 3.9 evaluates this line


def stamp(minutes: float = 0) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def item(item_id: str, *users: str, minutes: float = 0, **fields: t.Any) -> Item:
    base = {"createdAt": stamp(-60), "lastStateUpdateTime": stamp(minutes), "status": "INCIDENT_STATUS_TRIGGERED"}
    return incident(item_id, *users, **{**base, **fields})


def closed(item_id: str, minutes: float = 0) -> Item:
    return item(item_id, minutes=minutes, status="INCIDENT_STATUS_RESOLVED", closedAt=stamp(minutes))


class Polls:
    """A memory, and polls one minute apart."""

    def __init__(self, *items: Item, kinds: t.Sequence[str] = KINDS) -> None:
        self.memory = Memory(INCIDENT_EVENTS, "incident", kinds)
        self.minutes = 0.0
        self.read_ids: list[str] = []
        if items:
            self.poll(*items)

    def poll(
        self, *items: Item, read: t.Sequence[Item] = (), not_found: t.Sequence[str] = (), minutes: float = 1
    ) -> list[tuple[str, str]]:
        self.minutes += minutes
        now = NOW + timedelta(minutes=self.minutes)
        listed = {each["id"]: each for each in items}
        self.read_ids = self.memory.ids_to_read(listed, now)
        found = {each["id"]: each for each in read if each["id"] in self.read_ids}
        self.last: Observation = self.memory.observe(listed, found, not_found, now)
        self.events = [event for delivery in self.last.deliveries for event in delivery.events]
        return [(event["incident"]["id"], event["change"]) for event in self.events]


def test_events_of_the_oldest_item_come_first() -> None:
    assert Polls().poll(item(A), item(B, createdAt=stamp(-90))) == [(B, "opened"), (A, "opened")]


def test_only_wanted_kinds_make_events_but_all_are_counted() -> None:
    polls = Polls(item(A), kinds=("assigned",))
    assert polls.poll(item(A, "dana", severity="INCIDENT_SEVERITY_LOW")) == [(A, "assigned")]
    assert polls.memory.records[A].change_counts == {"opened": 1, "assigned": 1, "severity": 1}


def test_a_repeated_change_has_another_uuid() -> None:
    polls = Polls(item(A))
    uuids = set()
    for users in (["dana"], [], ["dana"], []):
        polls.poll(item(A, *users))
        uuids.add(polls.events[0]["meta"]["uuid"])
    assert len(uuids) == 4


def test_a_filter_of_a_rulebook_that_changes_an_event_does_not_change_the_memory() -> None:
    polls = Polls()
    polls.poll(item(A, contextualLabels={"a-b": "c"}, big=float("nan")))
    event = polls.events[0]
    assert event["incident"]["big"] is None
    event["incident"]["contextualLabels"]["a_b"] = event["incident"]["contextualLabels"].pop("a-b")
    assert polls.memory.records[A].item["contextualLabels"] == {"a-b": "c"}


def test_items_missing_from_the_list_are_read() -> None:
    polls = Polls(item(A), item(B), item(C))
    assert polls.poll(read=[closed(A), item(B, "dana", minutes=1)], not_found=[C]) == [
        (C, "gone"),
        (A, "resolved"),
        (A, "closed"),
        (B, "assigned"),
    ]
    assert polls.read_ids == [A, B, C]
    assert polls.events[0]["incident"]["status"] == "INCIDENT_STATUS_TRIGGERED"
    assert polls.last.forgotten == []
    assert polls.poll(minutes=11) == []
    assert polls.last.forgotten == [C]
    assert polls.read_ids == [B], "what is closed or gone is not read again"


def test_an_item_that_left_the_filters_emits_its_change_and_is_forgotten() -> None:
    polls = Polls(item(A), item(B))
    assert polls.poll(item(B), read=[item(A, "dana", minutes=1)]) == [(A, "assigned")]
    while A in polls.memory.records:
        assert polls.poll(item(B), read=[item(A, "dana", minutes=1)]) == []
        assert polls.minutes < 20
    # Back after it was forgotten.
    first = Polls()
    first.poll(item(A))
    assert polls.poll(item(A, "dana"), item(B)) == [(A, "opened")]
    assert polls.events[0]["meta"]["uuid"] != first.events[0]["meta"]["uuid"]


def test_a_late_list_does_not_reopen_a_gone_item() -> None:
    polls = Polls(item(A, minutes=0, createdAt=stamp(0)), item(B))
    opened = {event["meta"]["uuid"] for event in polls.events}
    assert polls.poll(item(B), not_found=[A]) == [(A, "gone")]
    # A restart in between: only the records are in the file.
    restarted = Polls()
    restarted.memory.records = {A: Record.from_json(polls.memory.records[A].to_json())}
    for each in (polls, restarted):
        assert (A, "opened") not in each.poll(item(A, createdAt=stamp(0)), item(B))
        assert each.read_ids == []
    assert polls.poll(item(A, createdAt=stamp(0)), item(B), minutes=11) == [(A, "opened")]
    assert polls.events[0]["meta"]["uuid"] not in opened


def test_an_item_that_comes_back_while_nothing_else_changes_has_a_new_uuid() -> None:
    """Nothing else happens, so the service's newest time stays as it is."""
    polls = Polls(item(A, createdAt=stamp(0)))
    for _n in range(30):
        polls.poll(read=[item(A, createdAt=stamp(0))])
    assert polls.poll(item(A, "dana", createdAt=stamp(0))) == [(A, "assigned")]
    # Others show that time goes on.
    polls.poll(item(B, minutes=40))
    while A in polls.memory.records:
        assert polls.poll(item(B), read=[item(A, "dana", createdAt=stamp(0))]) == []
    first = Polls(item(A, createdAt=stamp(0)))
    assert polls.poll(item(A, createdAt=stamp(0))) == [(A, "opened")]
    assert polls.events[0]["meta"]["uuid"] != first.events[0]["meta"]["uuid"]


def test_an_item_that_a_page_missed_makes_no_events() -> None:
    """Pages shift while they are read."""
    polls = Polls(item(A), item(B))
    assert polls.poll(item(B), read=[item(A)]) == []
    assert polls.poll(item(A), item(B)) == []
    assert polls.poll(item(A, "dana"), item(B)) == [(A, "assigned")]


def test_an_unchanged_item_that_stays_missing_is_read_less_and_less_often() -> None:
    polls = Polls(item(A))
    read_at = []
    for _n in range(13):
        polls.poll(read=[item(A)])
        if polls.read_ids:
            read_at.append(int(polls.minutes) - 1)
    assert read_at == [1, 2, 3, 5, 9, 12]
    assert not polls.memory.records


def test_a_missing_item_is_not_forgotten_because_the_machine_slept() -> None:
    polls = Polls(item(A), item(B))
    polls.poll(item(B), read=[item(A)])
    polls.poll(item(B), read=[item(A)], minutes=600)
    assert A in polls.memory.records


def test_a_missing_item_that_changed_is_read_again_in_the_next_poll() -> None:
    """It changed, and a page missed it. Before the next list, it was closed."""
    polls = Polls(item(A))
    assert polls.poll(read=[item(A, "dana", minutes=1)]) == [(A, "assigned")]
    assert polls.poll(read=[closed(A, 2)]) == [(A, "unassigned"), (A, "resolved"), (A, "closed")]


def test_uuid_of_a_new_item_does_not_depend_on_what_was_forgotten() -> None:
    """After a kill, other items may have been forgotten before it is seen again."""
    uuids = []
    for generation in (0, 7):
        polls = Polls(item(B, minutes=0))
        polls.memory.generation = generation
        polls.poll(item(A, createdAt=stamp(1), minutes=1), item(B))
        uuids.append(polls.events[0]["meta"]["uuid"])
    assert uuids[0] == uuids[1]


def test_closing_a_missing_item_makes_events() -> None:
    polls = Polls(item(A))
    polls.poll(read=[item(A)])
    assert polls.poll(read=[closed(A, 1)]) == [(A, "resolved"), (A, "closed")]


def test_a_missing_item_that_could_not_be_read_is_kept() -> None:
    polls = Polls(item(A))
    for _n in range(20):
        assert polls.poll() == []
        assert polls.read_ids == [A]
    assert polls.poll(read=[closed(A)]) == [(A, "resolved"), (A, "closed")]


def test_late_answers_make_no_events() -> None:
    polls = Polls(item(A, events=[{}]))
    polls.poll(item(A, "dana", events=[{}, {}]))
    assert polls.poll(item(A, events=[{}])) == []
    polls.poll(read=[closed(A, 2)])
    assert polls.poll(item(A, "dana", events=[{}, {}])) == []
    assert polls.poll(closed(A, 2)) == []
    # It opens again, which is later.
    assert polls.poll(item(A, "dana", minutes=5)) == [(A, "reopened"), (A, "assigned")]


def test_an_answer_without_events_is_not_late() -> None:
    polls = Polls(item(A, events=[{}]))
    assert polls.poll(item(A, "dana")) == [(A, "assigned")]


def test_answers_that_stay_late_are_accepted_after_ten() -> None:
    polls = Polls(item(A, minutes=1))
    found = [polls.poll(item(A, "dana")) for _n in range(12)]
    assert found == [[]] * 10 + [[(A, "assigned")], []]


def test_a_fraction_of_a_second_is_later_than_its_whole() -> None:
    polls = Polls(item(A, lastStateUpdateTime="2026-11-23T12:00:00Z"))
    assert polls.poll(item(A, "dana", lastStateUpdateTime="2026-11-23T12:00:00.500Z")) == [(A, "assigned")]


def test_a_late_read_makes_no_events() -> None:
    polls = Polls(item(A, "dana", minutes=5))
    assert polls.poll(read=[item(A)]) == []


def test_a_late_read_is_accepted_before_the_item_is_forgotten() -> None:
    """A change may carry an earlier time: the clocks of a service differ, and so do the digits of its seconds."""
    polls = Polls(item(A, minutes=1), item(B))
    found = [polls.poll(item(B, minutes=n), read=[closed(A, 0)]) for n in range(30)]
    assert not any(found[:5])
    assert [event for events in found for event in events] == [(A, "resolved"), (A, "closed")]
    assert A not in polls.memory.records


def test_a_closed_item_is_forgotten_once_no_list_shows_it() -> None:
    polls = Polls(item(A), item(B))
    polls.poll(closed(A, 1), item(B))
    assert polls.poll(closed(A, 1), item(B)) == []
    assert polls.poll(item(B)) == []
    assert A in polls.memory.records
    # Time passes as the items show it, and not by this machine's clock.
    polls.poll(item(B, "dana", minutes=12), minutes=600)
    assert polls.memory.records.keys() == {B}
    assert polls.memory.watched_since(NOW) == NOW + timedelta(minutes=12) - LAG
    assert closed(A, 1)["closedAt"] < stamp(2)


def test_times_in_the_far_future_are_ignored() -> None:
    polls = Polls(item(A, createdAt="2099-01-01T00:00:00Z"), item(B))
    assert polls.memory.watched_since(NOW) == NOW - LAG


def test_a_record_is_the_same_after_writing_and_reading() -> None:
    polls = Polls(item(A, "dana", events=[{}], name="x\ny"))
    record = polls.memory.records[A]
    assert Record.from_json(record.to_json()) == record
    assert "\n" not in record.to_json()


def test_parse_moment() -> None:
    assert parse_moment("2026-11-23T12:00:00.000Z") == NOW
    assert parse_moment("2026-11-23T13:00:00+01:00") == NOW
    assert parse_moment("") is parse_moment("soon") is parse_moment("-1h") is parse_moment("2026-13-01") is None
