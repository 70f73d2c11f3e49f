# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Polls against the simulator: their requests, what the first poll emits, and what each failure means."""

from __future__ import annotations

import logging
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _event_poll
from ansible_collections.coralogix.incidents.plugins.module_utils._case import CASE
from ansible_collections.coralogix.incidents.plugins.module_utils._case_events import CASE_EVENTS
from ansible_collections.coralogix.incidents.plugins.module_utils._event_poll import Poller, SourceError
from ansible_collections.coralogix.incidents.plugins.module_utils._event_state import StateFile
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._incident_events import INCIDENT_EVENTS
from helpers import KEY, table
from simulator import Fault, Simulator, timestamp

LOG = logging.getLogger("tests.event_source")
RESOURCES = {"incident": (INCIDENT, INCIDENT_EVENTS), "case": (CASE, CASE_EVENTS)}


class Source:
    """A poller with a clock that the test moves."""

    def __init__(self, url: str, kind: str = "incident", page_size: int = 500, **arguments: t.Any) -> None:
        resource, rules = RESOURCES[kind]
        self.kind = kind
        self.now = datetime.now(timezone.utc)
        given = {"api_url": url, "api_key": KEY, "retries": 0, **arguments}
        self.poller = Poller(
            resource._replace(page_size=page_size), rules, given, {}, LOG, now=lambda: self.now, sleep=lambda _s: None
        )
        self.poller.open()
        self.delay = 0.0

    def poll(self) -> list[tuple[str, str]]:
        """Poll once, and commit all events. Returns their IDs and changes."""
        poll = self.poller.poll()
        self.delay = poll.delay
        self.now += timedelta(minutes=1)
        if poll.observation is None:
            return [("", "failed")]
        self.poller.commit(poll.observation.deliveries, poll.observation)
        events = [event for delivery in poll.observation.deliveries for event in delivery.events]
        return [(event[self.kind]["id"], event["change"]) for event in events]


def ago(minutes: float) -> str:
    return timestamp((datetime.now(timezone.utc) - timedelta(minutes=minutes)).timestamp())


# What happened to the items of a test, the oldest first.
HISTORY = {
    "closed": ("opened", "resolved", "closed"),
    "old": ("opened",),
    "new": ("opened",),
    "ended": ("opened", "resolved", "closed"),
}


@table(
    "initial, expected",
    {
        "none": ("none", []),
        "open": ("open", ["old opened", "new opened"]),
        "relative": ("-1h", ["new opened", "ended opened", "ended resolved", "ended closed"]),
        "absolute": (ago(60), ["new opened", "ended opened", "ended resolved", "ended closed"]),
        "later": ("-1m", []),
        "long ago": ("-2d", [f"{name} {change}" for name, changes in HISTORY.items() for change in changes]),
    },
)
@pytest.mark.parametrize("kind", RESOURCES)
def test_initial_decides_what_the_first_poll_emits(
    simulator: Simulator, kind: str, initial: str, expected: list[str]
) -> None:
    add: t.Any = simulator.add_incident if kind == "incident" else simulator.add_case
    created = "createdAt" if kind == "incident" else "createTime"
    fields: dict[str, t.Any] = {"assignees": ()} if kind == "incident" else {}
    ids = {
        add(**fields, **{created: ago(minutes)}): name for name, minutes in (("old", 120), ("new", 40), ("ended", 30))
    }
    closed: dict[str, t.Any] = {"status": "closed"}
    if kind == "incident":
        closed = {"assignees": (), "status": "INCIDENT_STATUS_RESOLVED", "closedAt": ago(30 * 60)}
    ids[add(**closed, **{created: ago(40 * 60)})] = "closed"
    ended = next(item_id for item_id, name in ids.items() if name == "ended")
    simulator.act("close" if kind == "incident" else "case_close", ended)
    source = Source(simulator.url, kind, initial=initial)
    found = [f"{ids[item_id]} {change}" for item_id, change in source.poll()]
    assert found == expected
    assert source.poll() == []


def test_a_poll_lists_page_by_page_with_the_filters(simulator: Simulator) -> None:
    simulator.add_incidents(25)
    source = Source(simulator.url, page_size=10, api_version="5", severity=["critical"], applications="a,b")
    source.poll()
    simulator.clear_journal()
    source.poll()
    filters = [entry.body["filter"] for entry in simulator.journal]
    assert len(filters) == len({str(each) for each in filters})
    assert filters[0]["severity"] == ["INCIDENT_SEVERITY_CRITICAL"]
    assert filters[0]["applicationName"] == ["a", "b"]
    assert {*filters[0]} == {"severity", "applicationName", "incidentDurationRange"}


def test_polls_of_cases_list_those_not_closed_and_those_closed_since(simulator: Simulator) -> None:
    simulator.add_cases(3)
    source = Source(simulator.url, "case")
    source.poll()
    simulator.clear_journal()
    source.poll()
    filters = [entry.body["filters"] for entry in simulator.journal]
    assert [{*each["statuses"]} for each in filters] == [
        {"CASE_STATUS_ACTIVE", "CASE_STATUS_ACKNOWLEDGED", "CASE_STATUS_RESOLVED"},
        {"CASE_STATUS_CLOSED"},
    ]
    assert filters[1]["dateRange"]["mode"] == "DATE_RANGE_MODE_CREATED_AT"


@table(
    "arguments, lists",
    {
        "status": ({"status": ["active"]}, 1),
        "created after": ({"created_after": "2026-01-01"}, 2),
        "created before": ({"created_before": "2026-01-01"}, 1),
        "created before a later day": ({"created_before": "2099-01-01"}, 2),
        "nothing matches": ({"labels": {}}, 0),
    },
)
def test_number_of_lists_of_cases_depends_on_filters(
    simulator: Simulator, arguments: dict[str, t.Any], lists: int
) -> None:
    Source(simulator.url, "case", **arguments).poll()
    assert len(simulator.journal) == lists


def test_a_case_opened_and_closed_between_two_polls_makes_events(simulator: Simulator) -> None:
    simulator.add_case()
    source = Source(simulator.url, "case")
    source.poll()
    case_id = simulator.add_case(createTime=ago(0))
    simulator.act("case_close", case_id)
    assert source.poll() == [(case_id, "opened"), (case_id, "resolved"), (case_id, "closed")]
    assert source.poll() == []


def test_a_list_that_breaks_off_emits_nothing(simulator: Simulator) -> None:
    ids = simulator.add_incidents(25)
    source = Source(simulator.url, page_size=10)
    source.poll()
    simulator.act("assign", ids[0], "dana")
    simulator.fault(Fault("list", status=503, skip=1, times=1))
    assert source.poll() == [("", "failed")]
    assert source.poll() == [(ids[0], "assigned")]


def test_a_read_that_fails_leaves_its_items_for_later(simulator: Simulator) -> None:
    ids = simulator.add_incidents(2)
    source = Source(simulator.url, severity=["info", "low", "warning", "error", "critical"], assigned=False)
    source.poll()
    simulator.act("assign", ids[0], "dana")
    simulator.act("acknowledge", ids[1])
    simulator.fault(Fault("read_many", status=503, times=1))
    assert source.poll() == [(ids[1], "acknowledged")]
    assert 2 < source.delay < 10
    assert source.poll() == [(ids[0], "assigned")]


def test_a_restart_continues_from_the_state_file(simulator: Simulator, tmp_path: Path) -> None:
    ids = simulator.add_incidents(3)
    path = str(tmp_path / "state")
    first = Source(simulator.url, state_path=path)
    assert first.poll() == []
    simulator.act("assign", ids[0], "dana")
    uncommitted = first.poller.poll().observation
    assert uncommitted
    first.poller.close()
    second = Source(simulator.url, state_path=path, initial="open")
    again = second.poller.poll().observation
    assert again
    assert again.deliveries == uncommitted.deliveries
    second.poller.commit(again.deliveries, again)
    second.poller.close()
    simulator.act("close", ids[1])
    simulator.remove_incident(ids[2])
    third = Source(simulator.url, state_path=path)
    assert sorted(third.poll()) == sorted([(ids[1], "resolved"), (ids[1], "closed"), (ids[2], "gone")])
    third.poller.close()
    assert KEY not in (tmp_path / "state").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", RESOURCES)
def test_a_start_with_nothing_to_watch_is_remembered(simulator: Simulator, tmp_path: Path, kind: str) -> None:
    path = str(tmp_path / "state")
    first = Source(simulator.url, kind, state_path=path)
    first.now -= timedelta(days=2)
    assert first.poll() == []
    first.poller.close()
    add: t.Any = simulator.add_incident if kind == "incident" else simulator.add_case
    created, fields = ("createdAt", {"assignees": ()}) if kind == "incident" else ("createTime", {})
    ended, still_open = (add(**fields, **{created: ago(minutes)}) for minutes in (24 * 60, 30))
    simulator.act("close" if kind == "incident" else "case_close", ended)
    second = Source(simulator.url, kind, state_path=path)
    changes = [(ended, "opened"), (ended, "resolved"), (ended, "closed"), (still_open, "opened")]
    assert second.poll() == changes
    second.poller.close()


@pytest.mark.parametrize("line", ["{}", "x", '[{"id":"A"},1,0,{}]', '[{"id":"A"},["",0],0,[]]'])
def test_a_state_whose_lines_are_no_records_is_refused_as_damaged(
    simulator: Simulator, tmp_path: Path, line: str
) -> None:
    path = tmp_path / "state"
    state = StateFile(str(path), f"incidents at {simulator.url.partition('//')[2]}")
    state.open()
    state.put("A", line)
    state.save()
    state.close()
    with pytest.raises(SourceError, match="The file is damaged"):
        Source(simulator.url, state_path=str(path))
    assert line in path.read_text(encoding="utf-8")


def test_a_state_that_cannot_be_written_is_logged(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.add_incidents(1)
    source = Source(simulator.url, state_path=str(tmp_path / "state"))

    def fail(*_args: t.Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        source.poll()
    assert "No space left on device" in caplog.text
    source.poll()
    source.poller.close()
    assert (tmp_path / "state").read_text(encoding="utf-8").count("\n") == 3


@table(
    "fault, words",
    {
        "unauthorized": ({"status": 401}, "did not accept the API key"),
        "forbidden": ({"status": 403}, "It needs the permission incidents:read"),
    },
)
def test_a_refused_key_ends_the_source(simulator: Simulator, fault: dict[str, t.Any], words: str) -> None:
    """At the start at once, later when it is refused twice."""
    source = Source(simulator.url)
    simulator.fault(Fault(**fault))
    with pytest.raises(SourceError, match=words):
        source.poller.poll()
    simulator.clear_faults()
    source.poll()
    simulator.fault(Fault(**fault, times=1))
    assert source.poll() == [("", "failed")]
    assert source.poll() == []
    simulator.fault(Fault(**fault))
    assert source.poll() == [("", "failed")]
    with pytest.raises(SourceError, match=words) as raised:
        source.poller.poll()
    assert KEY not in str(raised.value)


@table(
    "fault",
    {
        "invalid": {"status": 400},
        "no route": {"status": 404, "body": {"code": 5, "message": "Not Found"}},
        "login page": {"status": 403, "headers": {"Content-Type": "text/html"}, "body": "<html>login</html>"},
        "redirect": {"redirect": "https://login.example.com"},
    },
)
def test_a_wrong_answer_ends_the_source_only_in_the_first_poll(simulator: Simulator, fault: dict[str, t.Any]) -> None:
    source = Source(simulator.url, api_version="5")
    simulator.fault(Fault(**fault))
    with pytest.raises(SourceError):
        source.poller.poll()
    simulator.clear_faults()
    source.poll()
    simulator.fault(Fault(**fault))
    assert [source.poll() for _n in range(5)] == [[("", "failed")]] * 5


@table(
    "fault",
    {
        "overloaded": {"status": 503},
        "rate": {"status": 429},
        "reset": {"reset": True},
        "broken": {"malformed": True},
        "unexpected": {"replace": {"incidents": 1}},
    },
)
def test_temporary_failures_are_retried_forever(
    simulator: Simulator, fault: dict[str, t.Any], caplog: pytest.LogCaptureFixture
) -> None:
    simulator.add_incidents(1)
    source = Source(simulator.url, initial="open")
    simulator.fault(Fault("list", **fault, times=12))
    delays = []
    for _n in range(12):
        assert source.poll() == [("", "failed")]
        delays.append(source.delay)
    assert 2.5 <= delays[0] <= 5
    assert 150 <= delays[-1] <= 300
    assert len(caplog.records) == 12
    assert KEY not in caplog.text
    assert [change for _id, change in source.poll()] == ["opened"]
    assert source.delay == 60


@pytest.mark.parametrize(("seconds", "delay"), [("200", 200), ("99999999", 3600)])
def test_retry_after_is_honoured_up_to_an_hour(simulator: Simulator, seconds: str, delay: float) -> None:
    source = Source(simulator.url)
    simulator.fault(Fault(status=429, headers={"Retry-After": seconds}, times=1))
    source.poll()
    assert source.delay == delay


def test_routes_are_found_anew_after_a_failure(simulator: Simulator) -> None:
    source = Source(simulator.url)
    assert source.poll() == []
    simulator.latest = "3"
    simulator.fault(Fault(status=503, times=1))
    assert [source.poll() for _n in range(2)] == [[("", "failed")], []]


def test_an_unreachable_service_is_retried() -> None:
    with Simulator() as stopped:
        url = stopped.url
    source = Source(url)
    assert source.poll() == [("", "failed")]


def test_an_unexpected_exception_is_logged_without_the_key(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source(simulator.url)

    def fail(*_args: t.Any) -> None:
        raise ZeroDivisionError(KEY)

    with monkeypatch.context() as patch:
        patch.setattr(_event_poll, "rfc3339", fail)
        assert source.poll() == [("", "failed")]
    assert "ZeroDivisionError" in caplog.text
    assert KEY not in caplog.text
    assert source.poll() == []


def test_wrong_arguments_and_states_end_the_source(simulator: Simulator, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Unknown arguments: sevrity"):
        Source(simulator.url, sevrity=1)
    with pytest.raises(SourceError, match="are set together"):
        Source(simulator.url, region="eu1")
    (tmp_path / "state").write_text("x", encoding="utf-8")
    with pytest.raises(SourceError, match="It is not the state of an event source"):
        Source(simulator.url, state_path=str(tmp_path / "state"))
    assert (tmp_path / "state").read_text(encoding="utf-8") == "x"


def test_hidden_cases_are_warned_about_once(simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    simulator.add_case()
    simulator.add_case(hidden=True)
    source = Source(simulator.url, "case")
    source.poll()
    source.poll()
    assert caplog.text.count("Access policies hide some cases") == 1


def test_assignees_can_be_given_by_email(simulator: Simulator) -> None:
    user = simulator.add_user("dana@example.com")
    case_id = simulator.add_case(assignee=user)
    source = Source(simulator.url, "case", assignees="dana@example.com", team_id=4711, initial="open")
    assert source.poll() == [(case_id, "opened")]


def test_a_stopped_source_sends_nothing(simulator: Simulator) -> None:
    source = Source(simulator.url)
    source.poller.stop()
    assert source.poll() == [("", "failed")]
    assert simulator.journal == []
