# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""incident_info: by filters and by IDs, page by page, in the form of each version of the API."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from parity import ALL, assert_same_requests, assert_same_results
from playbooks import AS_MODULE, IN_PROCESS, KEY, Ansible, HostTask, Run, TaskResult
from simulator import APPLICATION_LABEL, SUBSYSTEM_LABEL, Entry, Fault, Simulator

UNKNOWN = "11111111-2222-4333-8444-555555555555"
MANY = 1100

WANTED: dict[str, Any] = {
    "assignees": ("alice",),
    "name": "Checkout latency above 2 s",
    "severity": "INCIDENT_SEVERITY_CRITICAL",
    "contextualLabels": {APPLICATION_LABEL: "shop", SUBSYSTEM_LABEL: "api", "zone": "a"},
    "displayLabels": {"team": "web & co"},
    "metaLabels": [{"key": "tier", "value": "1"}, {"key": "runbook", "value": "true"}],
}
# Changes to it, each of which one filter excludes: filters that a query can carry, and the others.
EXCLUDED_BY_FILTERS: list[dict[str, Any]] = [
    {"assignees": ("carol",)},
    {"status": "INCIDENT_STATUS_RESOLVED"},
    {"state": "INCIDENT_STATE_RESOLVED"},
    {"severity": "INCIDENT_SEVERITY_ERROR"},
    {"contextualLabels": {**WANTED["contextualLabels"], APPLICATION_LABEL: "blog"}},
    {"contextualLabels": {**WANTED["contextualLabels"], SUBSYSTEM_LABEL: "worker"}},
    {"isMuted": True},
    {"createdAt": "2019-12-31T23:59:59.000Z"},
    {"closedAt": "2020-01-01T00:00:00.000Z"},
    {"name": "Disk nearly full"},
]
EXCLUDED_BY_LABELS: list[dict[str, Any]] = [
    {"contextualLabels": {**WANTED["contextualLabels"], "zone": "c"}},
    {"displayLabels": {"team": "app"}},
    {"metaLabels": [{"key": "tier", "value": "1"}]},
]

FILTERS: dict[str, Any] = {
    "assignees": ["alice", "bob"],
    "status": ["triggered", "INCIDENT_STATUS_ACKNOWLEDGED"],
    "state": "triggered",
    "severity": ["critical"],
    "applications": ["shop"],
    "subsystems": ["api", "database"],
    "muted": False,
    "created_after": "2020-01-01T01:00:00+01:00",
    "created_before": "2099-12-31",
    "open_after": "-2h",
    "search": {"text": "LATENCY above", "field": "name"},
}
LABELS: dict[str, Any] = {
    "contextual_labels": {"zone": ["a", "b"]},
    "display_labels": {"team": "web & co"},
    "meta_labels": {"tier": [1, 2], "runbook": "true"},
}
ORDER = [{"field": "severity", "direction": "desc"}, {"contextual_label": "zone"}]

# The query that these become in API version 5, without the time from which the incidents were open.
QUERY: dict[str, Any] = {
    "assignee": ["alice", "bob"],
    "status": ["INCIDENT_STATUS_TRIGGERED", "INCIDENT_STATUS_ACKNOWLEDGED"],
    "state": ["INCIDENT_STATE_TRIGGERED"],
    "severity": ["INCIDENT_SEVERITY_CRITICAL"],
    "applicationName": ["shop"],
    "subsystemName": ["api", "database"],
    "isMuted": False,
    "createdAtRange": {"startTime": "2020-01-01T00:00:00Z", "endTime": "2099-12-31T00:00:00Z"},
    "searchQuery": {"query": "LATENCY above", "incidentField": "INCIDENTS_FIELDS_NAME"},
    "contextualLabels": {"zone": {"contextualLabelValues": ["a", "b"]}},
    "displayLabels": {"team": {"displayLabelValues": ["web & co"]}},
    "metaLabels": [{"key": "tier", "value": "1"}, {"key": "tier", "value": "2"}, {"key": "runbook", "value": "true"}],
    "metaLabelsOp": "FILTER_OPERATOR_OR_OR_UNSPECIFIED",
}

# Options of the simulator and of the task. The IDs of the task are filled in.
SCENARIOS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "filters in a body": ({}, {**FILTERS, **LABELS, "order_by": ORDER, "api_version": "5"}),
    "filters in a query": ({"latest": "3"}, FILTERS),
    "order in a query": ({}, {**FILTERS, "order_by": ORDER, "api_version": "3"}),
    "labels in a query": ({"latest": "3"}, LABELS),
    "every page": ({}, {"api_version": "3", "include_events": False}),
    "limit": ({}, {"limit": 501, "include_events": False}),
    "a page fails": ({}, {"api_version": "5", "include_events": False, "retries": 0}),
    "pages without end": ({}, {"api_version": "5", "include_events": False}),
    "empty filter": ({}, {"assignees": [], "api_version": "5"}),
    "unassigned": ({}, {"assigned": False, "api_version": "5"}),
    "assigned": ({}, {"assigned": True, "limit": 1, "api_version": "5"}),
    "by IDs": ({"key": {"kind": "team"}}, {"incident_ids": [], "missing": "ignore"}),
    "unknown ID": ({}, {"incident_ids": []}),
    "wrong key": ({}, {"status": ["triggered"], "api_key": "not-the-key-5521"}),
    "without read": ({"key": {"permissions": ["incidents:assign"]}}, {"status": ["triggered"], "api_version": "5"}),
}
IN_CHECK_MODE = ("filters in a query", "by IDs")
BOTH_WAYS = tuple(SCENARIOS) if ALL else ("filters in a body", "a page fails", "unknown ID")


class Subject:
    """A simulator with incidents, and the task that looks for them."""

    def __init__(self, name: str, sim: Simulator) -> None:
        self.sim = sim
        if name in ("every page", "limit", "a page fails"):
            self.ids = sim.add_incidents(MANY, assigned=1, events=0)
        elif name.startswith("filters"):
            self.ids = [sim.add_incident(**WANTED) for _number in range(2)]
            self.ids += [sim.add_incident(**{**WANTED, **changes}) for changes in EXCLUDED_BY_LABELS]
            for changes in EXCLUDED_BY_FILTERS:
                sim.add_incident(**{**WANTED, **changes})
        else:
            self.ids = sim.add_incidents(3, assigned=1)
        if name == "a page fails":
            sim.fault(Fault("list", status=500, skip=1))
        if name == "pages without end":
            sim.fault(Fault("list", endless_pages=True))
        self.options = {"api_url": sim.url, "api_key": KEY, **SCENARIOS[name][1]}
        if "incident_ids" in self.options:
            # The same incident, in another spelling of its ID, is returned once.
            self.options["incident_ids"] = [self.ids[2], UNKNOWN, self.ids[0], self.ids[2].upper()]

    @property
    def pages(self) -> list[Entry]:
        return [entry for entry in self.sim.journal if entry.operation == "list"]


class Played(NamedTuple):
    run: Run
    subjects: dict[str, Subject]

    def result(self, name: str) -> TaskResult:
        return self.run.of("check" if name in IN_CHECK_MODE else "real", name)


Play = Callable[..., Played]


@pytest.fixture(scope="module")
def play(simulators: Callable[..., Simulator], shared_ansible: Ansible) -> Play:
    """Runs the scenarios in one playbook."""

    def run(names: tuple[str, ...], way: str) -> Played:
        # The clock stands still, so that the order by creation is the same each time.
        now = time.time()
        subjects = {name: Subject(name, simulators(clock=lambda: now, **SCENARIOS[name][0])) for name in names}
        host_tasks = {
            name: HostTask(
                subject.options, module="incident_info", plays=["check" if name in IN_CHECK_MODE else "real"]
            )
            for name, subject in subjects.items()
        }
        plays = ({"name": "check", "check_mode": True}, {"name": "real"})
        return Played(shared_ansible.run_each(host_tasks, *plays, way=way), subjects)

    return run


@pytest.fixture(scope="module")
def played(play: Play) -> Played:
    return play(tuple(SCENARIOS), IN_PROCESS)


def ids_of(found: TaskResult) -> list[str]:
    return [incident["id"] for incident in found["incidents"]]


def test_both_ways_return_and_send_the_same(play: Play, played: Played) -> None:
    as_modules = play(BOTH_WAYS, AS_MODULE)
    assert_same_results(played.run, as_modules.run, check_ways=False)
    for name in BOTH_WAYS:
        assert_same_requests(played.subjects[name].sim.journal, as_modules.subjects[name].sim.journal)


@pytest.mark.parametrize("name", SCENARIOS)
def test_changes_nothing_and_returns_no_facts(played: Played, name: str) -> None:
    found = played.result(name)
    assert found["changed"] is False
    assert "ansible_facts" not in found
    assert found["count"] == len(found["incidents"])
    assert played.subjects[name].sim.writes == []


class TestFilters:
    def test_in_a_body(self, played: Played) -> None:
        found, subject = played.result("filters in a body"), played.subjects["filters in a body"]
        assert sorted(ids_of(found)) == sorted(subject.ids[:2])
        # The API was asked for any of the pairs of meta labels, so it counts one more.
        assert (found["count"], found["total"]) == (2, 3)
        (entry,) = subject.sim.journal
        times = entry.body["filter"]["incidentDurationRange"]
        assert times["startTime"].endswith("Z")
        assert times["startTime"] < times["endTime"]
        assert entry.body == {
            "filter": {**QUERY, "incidentDurationRange": times},
            "orderBys": [
                {"incidentField": "INCIDENTS_FIELDS_SEVERITY", "direction": "ORDER_BY_DIRECTION_DESC"},
                {"contextualLabel": "zone", "direction": "ORDER_BY_DIRECTION_ASC"},
            ],
            "pagination": {"pageSize": 500},
        }

    def test_in_a_query(self, played: Played) -> None:
        """The same without labels. Two reads find out that "latest" is version 3."""
        found, subject = played.result("filters in a query"), played.subjects["filters in a query"]
        assert sorted(ids_of(found)) == sorted(subject.ids)
        assert found["incidents"][0] == subject.sim.incident(ids_of(found)[0])
        assert [(entry.method, entry.operation) for entry in subject.sim.journal][1:] == [
            ("GET", "read_many"),
            ("POST", "list"),
        ]
        (entry,) = subject.pages
        assert entry.body is None
        assert [pair for pair in entry.query if "incidentDurationRange" not in pair[0]] == [
            *[("filter.assignee", user) for user in QUERY["assignee"]],
            *[("filter.status", status) for status in QUERY["status"]],
            ("filter.state", "INCIDENT_STATE_TRIGGERED"),
            ("filter.severity", "INCIDENT_SEVERITY_CRITICAL"),
            ("filter.applicationName", "shop"),
            *[("filter.subsystemName", name) for name in QUERY["subsystemName"]],
            ("filter.isMuted", "false"),
            ("filter.searchQuery.query", "LATENCY above"),
            ("filter.searchQuery.incidentField", "INCIDENTS_FIELDS_NAME"),
            ("filter.createdAtRange.startTime", "2020-01-01T00:00:00Z"),
            ("filter.createdAtRange.endTime", "2099-12-31T00:00:00Z"),
            ("pagination.pageSize", "500"),
        ]

    @pytest.mark.parametrize(("name", "option"), [("order", "order_by"), ("labels", "contextual_labels")])
    def test_options_that_version_3_cannot_send(self, played: Played, name: str, option: str) -> None:
        refused = played.result(f"{name} in a query")
        assert refused.failed
        assert f"{option} cannot be sent in API version 3" in refused["msg"]
        assert "api_version to 5" in refused["msg"]
        assert played.subjects[f"{name} in a query"].pages == []

    def test_empty_filter_sends_nothing(self, played: Played) -> None:
        found = played.result("empty filter")
        assert not found.failed
        assert (found["incidents"], found["total"]) == ([], 0)
        assert played.subjects["empty filter"].sim.journal == []

    def test_assigned_is_filtered_by_the_module(self, played: Played) -> None:
        for name, wanted in (("unassigned", slice(1, None)), ("assigned", slice(1))):
            found, subject = played.result(name), played.subjects[name]
            assert sorted(ids_of(found)) == sorted(subject.ids[wanted])
            assert found["total"] == 3
            assert all("filter" not in entry.body for entry in subject.pages)


class TestPages:
    def test_every_page_is_read(self, played: Played) -> None:
        found, subject = played.result("every page"), played.subjects["every page"]
        assert sorted(ids_of(found)) == sorted(subject.ids)
        assert (found["count"], found["total"]) == (MANY, MANY)
        assert not any("events" in incident for incident in found["incidents"])
        sent = [dict(entry.query) for entry in subject.sim.journal]
        assert [query["pagination.pageSize"] for query in sent] == ["500"] * 3
        assert ["pagination.pageToken" in query for query in sent] == [False, True, True]

    def test_limit_reads_no_more_than_needed(self, played: Played) -> None:
        found, subject = played.result("limit"), played.subjects["limit"]
        assert (found["count"], found["total"], len(set(ids_of(found)))) == (501, MANY, 501)
        assert [entry.body["pagination"]["pageSize"] for entry in subject.pages] == [251, 251]
        assert [entry.operation for entry in subject.sim.journal] == ["read_many", "list", "list"]

    def test_a_page_that_fails(self, played: Played) -> None:
        failed = played.result("a page fails")
        assert failed.failed
        assert "failed to list incidents" in failed["msg"]
        assert f"500 of {MANY} incidents had been read" in failed["msg"]
        assert (failed["failure"]["status"], failed["failure"]["method"]) == (500, "POST")
        assert failed["incidents"] == []
        assert len(played.subjects["a page fails"].pages) == 2

    def test_pages_without_end(self, played: Played) -> None:
        failed = played.result("pages without end")
        assert failed.failed
        assert "far more than the 3 incidents that it counts" in failed["msg"]
        assert len(played.subjects["pages without end"].pages) == 3


class TestIds:
    def test_order_is_kept_and_a_team_key_may_read(self, played: Played) -> None:
        found, subject = played.result("by IDs"), played.subjects["by IDs"]
        assert found["incidents"] == [subject.sim.incident(subject.ids[number]) for number in (2, 0)]
        assert (found["total"], found["not_found_ids"]) == (2, [UNKNOWN])

    def test_unknown_id(self, played: Played) -> None:
        failed, subject = played.result("unknown ID"), played.subjects["unknown ID"]
        assert failed.failed
        assert f"Unknown incident IDs: '{UNKNOWN}'" in failed["msg"]
        assert failed["not_found_ids"] == [UNKNOWN]
        assert ids_of(failed) == [subject.ids[2], subject.ids[0]]


class TestKeys:
    def test_wrong_key(self, played: Played) -> None:
        failed = played.result("wrong key")
        assert failed.failed
        assert "Could not find out which API version the service has" in failed["msg"]
        assert "did not accept the API key" in failed["msg"]
        assert "not-the-key-5521" not in str(failed.result)
        assert played.subjects["wrong key"].pages == []

    def test_key_that_may_not_read(self, played: Played) -> None:
        failed = played.result("without read")
        assert failed.failed
        assert "incidents:read" in failed["msg"]
        assert "personal key" not in failed["msg"]
        assert failed["failure"]["status"] == 403
