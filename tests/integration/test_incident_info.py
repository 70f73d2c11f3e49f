# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""incident_info: by filters and by IDs, page by page, in the words of each version of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playbooks import COLLECTION, KEY, Ansible, Case, TaskResult, host
from simulator import Entry, Fault, Simulator
from simulator.lifelike import APPLICATION_LABEL, SUBSYSTEM_LABEL

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
# What keeps an incident from passing one of the filters: for those that a query can carry, and for the others.
SPOILT_FOR_ALL: list[dict[str, Any]] = [
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
SPOILT_FOR_LABELS: list[dict[str, Any]] = [
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
    "meta_labels": {"tier": [1, 2], "runbook": True},
}
ORDER = [{"field": "severity", "direction": "desc"}, {"contextual_label": "zone"}]

# What API version 5 is asked for by these, but for the time from which the incidents are to be open.
ASKED: dict[str, Any] = {
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

# Simulator and options; `ids` are filled in where they stand.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "filters in a body": ({}, {**FILTERS, **LABELS, "order_by": ORDER, "api_version": "5"}),
    "filters in a query": ({"latest": "3"}, FILTERS),
    "order in a query": ({}, {**FILTERS, "order_by": ORDER, "api_version": "3"}),
    "labels in a query": ({"latest": "3"}, LABELS),
    "every page": ({}, {"api_version": "3", "events": False}),
    "limit": ({}, {"limit": 501, "events": False}),
    "a page fails": ({}, {"api_version": "5", "events": False, "retries": 0}),
    "none to choose from": ({}, {"assignees": [], "api_version": "5"}),
    "nobody holds": ({}, {"assigned": False, "api_version": "5"}),
    "somebody holds": ({}, {"assigned": True, "limit": 1, "api_version": "5"}),
    "by IDs": ({"key": {"kind": "team"}}, {"incident_ids": "{ids}", "missing": "ignore"}),
    "unknown ID": ({}, {"incident_ids": "{ids}"}),
    "wrong key": ({}, {"status": ["triggered"], "api_key": "not-the-key-5521"}),
    "without read": ({"key": {"permissions": ["incidents:assign"]}}, {"status": ["triggered"], "api_version": "5"}),
}
IN_CHECK_MODE = ("filters in a query", "by IDs")


class Subject:
    def __init__(self, name: str, sim: Simulator) -> None:
        self.sim = sim
        if name in ("every page", "limit", "a page fails"):
            self.ids = sim.add_incidents(MANY, assigned=1, events=0)
        elif name.startswith("filters"):
            self.ids = [sim.add_incident(**WANTED) for _number in range(2)]
            self.ids += [sim.add_incident(**{**WANTED, **spoilt}) for spoilt in SPOILT_FOR_LABELS]
            for spoilt in SPOILT_FOR_ALL:
                sim.add_incident(**{**WANTED, **spoilt})
        else:
            self.ids = sim.add_incidents(3, assigned=1)
        self.asked = [self.ids[2], UNKNOWN, self.ids[0], self.ids[2]]

    @property
    def pages(self) -> list[Entry]:
        return [entry for entry in self.sim.journal if entry.operation == "list"]


@pytest.fixture(scope="module")
def subjects(simulators: Callable[..., Simulator]) -> dict[str, Subject]:
    made = {name: Subject(name, simulators(**server)) for name, (server, _options) in CASES.items()}
    made["a page fails"].sim.fault(Fault("list", status=500, skip=1))
    return made


@pytest.fixture(scope="module")
def result(subjects: dict[str, Subject], module_ansible: Ansible) -> Callable[[str], TaskResult]:
    """All of them in one playbook."""
    cases = {}
    for name, (_server, options) in CASES.items():
        given = {"api_url": subjects[name].sim.url, "api_key": KEY, **options}
        if "incident_ids" in given:
            given["incident_ids"] = subjects[name].asked
        play = "check" if name in IN_CHECK_MODE else "real"
        cases[name] = Case(given, module="incident_info", plays=[play])
    run = module_ansible.each(cases, {"name": "check", "check_mode": True}, {"name": "real"})
    assert "Traceback" not in run.output
    return lambda name: run.of("check" if name in IN_CHECK_MODE else "real", host(name))


def ids_of(found: TaskResult) -> list[str]:
    return [incident["id"] for incident in found["incidents"]]


Result = Callable[[str], TaskResult]
Subjects = dict[str, Subject]


@pytest.mark.parametrize("name", CASES)
def test_changes_nothing_and_leaves_no_facts(result: Result, subjects: Subjects, name: str) -> None:
    found, sim = result(name), subjects[name].sim
    assert found["changed"] is False
    assert "ansible_facts" not in found
    assert found["count"] == len(found["incidents"])
    assert sim.writes == []


class TestFilters:
    def test_in_a_body(self, result: Result, subjects: Subjects) -> None:
        found, subject = result("filters in a body"), subjects["filters in a body"]
        assert sorted(ids_of(found)) == sorted(subject.ids[:2])
        # The API was asked for any of the pairs of meta labels, so that it counts one more.
        assert (found["count"], found["total"]) == (2, 3)
        (entry,) = subject.sim.journal
        times = entry.body["filter"]["incidentDurationRange"]
        assert times["startTime"].endswith("Z")
        assert times["startTime"] < times["endTime"]
        assert entry.body == {
            "filter": {**ASKED, "incidentDurationRange": times},
            "orderBys": [
                {"incidentField": "INCIDENTS_FIELDS_SEVERITY", "direction": "ORDER_BY_DIRECTION_DESC"},
                {"contextualLabel": "zone", "direction": "ORDER_BY_DIRECTION_ASC"},
            ],
            "pagination": {"pageSize": 500},
        }

    def test_in_a_query(self, result: Result, subjects: Subjects) -> None:
        """The same, but for labels. That "latest" is version 3 takes two reads to find out."""
        found, subject = result("filters in a query"), subjects["filters in a query"]
        assert sorted(ids_of(found)) == sorted(subject.ids)
        assert found["incidents"][0] == subject.sim.incident(ids_of(found)[0])
        assert [(entry.method, entry.operation) for entry in subject.sim.journal][1:] == [
            ("GET", "read_many"),
            ("POST", "list"),
        ]
        (entry,) = subject.pages
        assert entry.body is None
        assert [pair for pair in entry.query if "incidentDurationRange" not in pair[0]] == [
            *[("filter.assignee", "alice"), ("filter.assignee", "bob")],
            *[("filter.status", one) for one in ASKED["status"]],
            ("filter.state", "INCIDENT_STATE_TRIGGERED"),
            ("filter.severity", "INCIDENT_SEVERITY_CRITICAL"),
            ("filter.applicationName", "shop"),
            *[("filter.subsystemName", "api"), ("filter.subsystemName", "database")],
            ("filter.isMuted", "false"),
            ("filter.searchQuery.query", "LATENCY above"),
            ("filter.searchQuery.incidentField", "INCIDENTS_FIELDS_NAME"),
            ("filter.createdAtRange.startTime", "2020-01-01T00:00:00Z"),
            ("filter.createdAtRange.endTime", "2099-12-31T00:00:00Z"),
            ("pagination.pageSize", "500"),
        ]

    @pytest.mark.parametrize(("name", "option"), [("order", "order_by"), ("labels", "contextual_labels")])
    def test_what_a_query_cannot_carry(self, result: Result, subjects: Subjects, name: str, option: str) -> None:
        refused, subject = result(f"{name} in a query"), subjects[f"{name} in a query"]
        assert refused.failed
        assert f"{option} cannot be sent in API version 3" in refused["msg"]
        assert "api_version to 5" in refused["msg"]
        assert subject.pages == []

    def test_none_to_choose_from_sends_nothing(self, result: Result, subjects: Subjects) -> None:
        found = result("none to choose from")
        assert not found.failed
        assert (found["incidents"], found["total"]) == ([], 0)
        assert subjects["none to choose from"].sim.journal == []

    def test_what_the_api_cannot_filter(self, result: Result, subjects: Subjects) -> None:
        for name, wanted in (("nobody holds", slice(1, None)), ("somebody holds", slice(1))):
            found, subject = result(name), subjects[name]
            assert sorted(ids_of(found)) == sorted(subject.ids[wanted])
            assert found["total"] == 3
            assert all("filter" not in entry.body for entry in subject.pages)


class TestPages:
    def test_all(self, result: Result, subjects: Subjects) -> None:
        found, subject = result("every page"), subjects["every page"]
        assert sorted(ids_of(found)) == sorted(subject.ids)
        assert (found["count"], found["total"]) == (MANY, MANY)
        assert not any("events" in incident for incident in found["incidents"])
        sent = [dict(entry.query) for entry in subject.sim.journal]
        assert [query["pagination.pageSize"] for query in sent] == ["500"] * 3
        assert ["pagination.pageToken" in query for query in sent] == [False, True, True]

    def test_limit_reads_no_more_than_it_takes(self, result: Result, subjects: Subjects) -> None:
        found, subject = result("limit"), subjects["limit"]
        assert (found["count"], found["total"], len(set(ids_of(found)))) == (501, MANY, 501)
        assert [entry.body["pagination"]["pageSize"] for entry in subject.pages] == [251, 251]
        assert [entry.operation for entry in subject.sim.journal] == ["read_many", "list", "list"]

    def test_a_page_that_fails_half_way(self, result: Result, subjects: Subjects) -> None:
        failed = result("a page fails")
        assert failed.failed
        assert "failed to list incidents" in failed["msg"]
        assert f"500 of {MANY} incidents had been read" in failed["msg"]
        assert (failed["failure"]["status"], failed["failure"]["method"]) == (500, "POST")
        assert failed["incidents"] == []
        assert len(subjects["a page fails"].pages) == 2


class TestIds:
    def test_order_is_kept_and_a_team_key_may_read(self, result: Result, subjects: Subjects) -> None:
        found, subject = result("by IDs"), subjects["by IDs"]
        assert found["incidents"] == [subject.sim.incident(one) for one in (subject.ids[2], subject.ids[0])]
        assert (found["total"], found["not_found_ids"]) == (2, [UNKNOWN])

    def test_unknown_id(self, result: Result, subjects: Subjects) -> None:
        failed, subject = result("unknown ID"), subjects["unknown ID"]
        assert failed.failed
        assert f"There is no incident {UNKNOWN}" in failed["msg"]
        assert failed["not_found_ids"] == [UNKNOWN]
        assert ids_of(failed) == [subject.ids[2], subject.ids[0]]


class TestKeys:
    def test_wrong_key(self, result: Result, subjects: Subjects) -> None:
        failed = result("wrong key")
        assert failed.failed
        assert "did not accept the API key" in failed["msg"]
        assert "not-the-key-5521" not in str(failed.result)
        assert subjects["wrong key"].pages == []

    def test_without_read(self, result: Result) -> None:
        failed = result("without read")
        assert failed.failed
        assert "incidents:read" in failed["msg"]
        assert "personal key" not in failed["msg"]
        assert failed["failure"]["status"] == 403


def test_ad_hoc(ansible: Ansible, sim: Simulator) -> None:
    ids = sim.add_incidents(2, assigned=1)
    arguments = f"api_url={sim.url} assignees=user-0,user-7 limit=5 events=false"
    run = ansible.command(
        "ansible", "localhost", "-m", f"{COLLECTION}.incident_info", "-a", arguments, env={"CX_API_KEY": KEY}
    )
    assert run.returncode == 0, run.output
    assert "localhost | SUCCESS" in run.output
    assert ids[0] in run.output
    assert ids[1] not in run.output
