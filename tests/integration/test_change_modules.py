# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""incident_assign, _acknowledge, _resolve and _close: in check mode, for real, and again; and what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from playbooks import COLLECTION, KEY, Ansible, Case, Run, TaskResult, host
from simulator import Simulator

UNKNOWN = "11111111-2222-4333-8444-555555555555"

ACKNOWLEDGED = {"status": "INCIDENT_STATUS_ACKNOWLEDGED"}
RESOLVED = {"status": "INCIDENT_STATUS_RESOLVED", "state": "INCIDENT_STATE_RESOLVED"}
CLOSED = {"closedAt": "2026-11-23T04:10:00.000Z"}

# Incidents in every stage of their lives; every case has one of each.
STAGES: dict[str, dict[str, Any]] = {
    "new": {"assignees": ()},
    "held": {"assignees": ("alice", "bob")},
    "shared": {"assignees": ("me", "bob")},
    "mine": {"assignees": ("me",)},
    "acknowledged": {"assignees": ("me",), **ACKNOWLEDGED},
    "resolved": {"assignees": ("me",), **RESOLVED},
    "closed": {"assignees": ("me",), **RESOLVED, **CLOSED},
    "closed early": {"assignees": ("me",), **ACKNOWLEDGED, **CLOSED},
}


class Kind(NamedTuple):
    """What a module makes of them."""

    module: str
    done: str
    shows: set[str]
    changes: list[str]
    leaves_alone: list[str] | None = None
    options: Mapping[str, Any] = MappingProxyType({})
    reports: Mapping[str, Any] = MappingProxyType({})


KINDS = {
    "assign": Kind(
        "incident_assign",
        "assigned",
        {"assignments"},
        ["new", "held", "shared"],
        options={"assignee": "me"},
        reports={"reassigned_ids": {"held": ["alice", "bob"], "shared": ["me", "bob"]}},
    ),
    "assign what is free": Kind(
        "incident_assign",
        "assigned",
        {"assignments"},
        ["new"],
        ["held", "shared"],
        options={"assignee": "me", "only_unassigned": True},
        reports={"reassigned_ids": {}},
    ),
    "acknowledge": Kind(
        "incident_acknowledge", "acknowledged", {"status"}, ["new", "held", "shared", "mine"], ["resolved", "closed"]
    ),
    "resolve": Kind(
        "incident_resolve",
        "resolved",
        {"status", "state"},
        ["new", "held", "shared", "mine", "acknowledged"],
        ["closed early"],
    ),
    "close": Kind(
        "incident_close",
        "closed",
        {"status", "state", "closedAt"},
        ["new", "held", "shared", "mine", "acknowledged", "resolved"],
    ),
}

# What is run: a kind, what the simulator serves as "latest", the version asked for, whether the write has a body, and
# whether it runs in check mode and again besides. Bodies and queries take turns.
RUNS: dict[str, tuple[str, str, str, bool, bool]] = {
    "assign by query": ("assign", "5", "3", False, True),
    "assign by body": ("assign", "3", "5", True, False),
    "assign what is free": ("assign what is free", "4", "latest", True, False),
    "acknowledge by query": ("acknowledge", "5", "3", False, False),
    "acknowledge by body": ("acknowledge", "3", "5", True, True),
    "resolve by query": ("resolve", "3", "latest", False, True),
    "resolve by body": ("resolve", "3", "4", True, False),
    "close by query": ("close", "3", "latest", False, False),
    "close by body": ("close", "5", "latest", True, True),
}
THREE_TIMES = [name for name, (*_rest, three_times) in RUNS.items() if three_times]

# What is refused, or done all the same: module, simulator, options.
WRITING_ONLY = {"key": {"permissions": ["incidents:assign", "incidents:acknowledge", "incidents:close"]}}
OTHERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "unknown ID": ("incident_assign", {}, {"assignee": "me"}),
    "unknown ID ignored": ("incident_close", {}, {"missing": "ignore"}),
    "wrong key": ("incident_resolve", {}, {"api_key": "not-the-key-5521"}),
    "team key": ("incident_acknowledge", {"key": {"kind": "team"}}, {}),
    "unread assign": ("incident_assign", {**WRITING_ONLY, "latest": "3"}, {"assignee": "me"}),
    "unread close": ("incident_close", WRITING_ONLY, {}),
    "unread assign what is free": ("incident_assign", WRITING_ONLY, {"assignee": "me", "only_unassigned": True}),
    "unread acknowledge": ("incident_acknowledge", WRITING_ONLY, {}),
    "unread resolve": ("incident_resolve", WRITING_ONLY, {}),
}


class Subject:
    """A simulator with an incident in each of the stages."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.of = {stage: sim.add_incident(**fields) for stage, fields in STAGES.items()}
        self.ids = list(self.of.values())


@pytest.fixture(scope="module")
def subjects(simulators: Callable[..., Simulator]) -> dict[str, Subject]:
    servers: dict[str, dict[str, Any]] = {
        **{name: {"latest": latest} for name, (_kind, latest, *_rest) in RUNS.items()},
        **{name: server for name, (_module, server, _options) in OTHERS.items()},
    }
    return {name: Subject(simulators(**server)) for name, server in servers.items()}


@pytest.fixture(scope="module")
def result(subjects: dict[str, Subject], module_ansible: Ansible) -> Callable[..., TaskResult]:
    """All of them in one playbook: what the task of a case returned, by the names of the case and the play."""

    def given(name: str, **options: Any) -> dict[str, Any]:
        return {"api_url": subjects[name].sim.url, "api_key": KEY, "incident_ids": subjects[name].ids, **options}

    cases = {}
    for name, (kind, _latest, version, _body, three_times) in RUNS.items():
        options = given(name, api_version=version, **KINDS[kind].options)
        cases[name] = Case(options, module=KINDS[kind].module, plays=() if three_times else ["real"])
    for name, (module, _server, options) in OTHERS.items():
        ids = subjects[name].ids + ([UNKNOWN] if "unknown" in name else [])
        cases[name] = Case({**given(name, incident_ids=ids), **options}, module=module, plays=["real"])
    run: Run = module_ansible.each(
        cases,
        {"name": "check", "check_mode": True, "diff": True},
        {"name": "real", "diff": True},
        {"name": "again", "diff": True},
    )
    assert "Traceback" not in run.output
    return lambda name, play="real": run.of(play, host(name))


def foreseen(incident: dict[str, Any]) -> dict[str, Any]:
    """What check mode can tell of an incident: neither who assigns it nor when it is closed."""
    held = [one["assignedTo"] for one in incident.get("assignments", ())]
    return {**incident, "assignments": held, "closedAt": bool(incident.get("closedAt"))}


@pytest.mark.parametrize("name", RUNS)
class TestForReal:
    def test_result(self, result: Callable[..., TaskResult], subjects: dict[str, Subject], name: str) -> None:
        real, subject, kind = result(name), subjects[name], KINDS[RUNS[name][0]]
        assert not real.failed, real.result
        assert real["changed"] is True
        assert real[f"{kind.done}_ids"] == [subject.of[stage] for stage in kind.changes]
        assert real["not_found_ids"] == []
        assert ("left_alone_ids" in real) == (kind.leaves_alone is not None)
        assert real.result.get("left_alone_ids", []) == [subject.of[stage] for stage in kind.leaves_alone or ()]
        for key, by_stage in kind.reports.items():
            assert real[key] == {subject.of[stage]: value for stage, value in by_stage.items()}

    def test_incidents_are_what_the_api_shows(
        self, result: Callable[..., TaskResult], subjects: dict[str, Subject], name: str
    ) -> None:
        real, subject = result(name), subjects[name]
        assert real["incidents"] == [subject.sim.incident(one) for one in subject.ids]
        assert real["ansible_facts"] == {"coralogix_incidents": real["incidents"]}

    def test_diff(self, result: Callable[..., TaskResult], subjects: dict[str, Subject], name: str) -> None:
        kind, diff = KINDS[RUNS[name][0]], result(name)["diff"]
        assert list(diff["before"]) == list(diff["after"]) == [subjects[name].of[stage] for stage in kind.changes]
        assert all(set(shown) == kind.shows for side in diff.values() for shown in side.values())
        assert all(diff["before"][one] != diff["after"][one] for one in diff["before"])

    def test_requests(self, result: Callable[..., TaskResult], subjects: dict[str, Subject], name: str) -> None:
        """One write of only those that need it, where this version of the API wants its parameters."""
        real, subject = result(name), subjects[name]
        kind, _latest, version, by_body, three_times = RUNS[name]
        (write,) = subject.sim.writes
        wanted = {"incidentIds": real[f"{KINDS[kind].done}_ids"]}
        if "assign" in kind:
            wanted["assignedTo"] = {"userId": "me"}
        assert write.body == (wanted if by_body else None)
        assert bool(write.query) != by_body
        assert write.ids == wanted["incidentIds"]
        read = ["read_many"] * (1 if by_body or version == "3" else 2)
        reads = [entry.operation or "read_many" for entry in subject.sim.journal if entry != write]
        assert reads == read * (3 if three_times else 1)
        assert subject.sim.journal.index(write) == len(read) * (2 if three_times else 1)


@pytest.mark.parametrize("name", THREE_TIMES)
class TestThreeTimes:
    def test_check_mode_predicts_what_the_real_run_reports(self, result: Callable[..., TaskResult], name: str) -> None:
        check, real, kind = result(name, "check"), result(name), KINDS[RUNS[name][0]]
        for key in ("changed", f"{kind.done}_ids", "not_found_ids", "left_alone_ids", *kind.reports):
            assert check.result.get(key) == real.result.get(key)
        assert check["diff"]["before"] == real["diff"]["before"]
        assert [foreseen(one) for one in check["diff"]["after"].values()] == [
            foreseen(one) for one in real["diff"]["after"].values()
        ]
        for one, other in zip(check["incidents"], real["incidents"], strict=True):
            # What happened, and when, nobody can predict.
            known = {key: one[key] for key in ("events", "lastStateUpdateTime", "duration")}
            assert foreseen({**other, **known}) == foreseen(one)

    def test_second_run_changes_nothing(
        self, result: Callable[..., TaskResult], subjects: dict[str, Subject], name: str
    ) -> None:
        again, kind = result(name, "again"), KINDS[RUNS[name][0]]
        assert not again.failed
        assert again["changed"] is False
        assert again[f"{kind.done}_ids"] == []
        assert all(again[key] == {} for key in kind.reports)
        assert again["diff"] == {"before": {}, "after": {}}
        assert again.result.get("left_alone_ids") == result(name).result.get("left_alone_ids")
        assert again["incidents"] == [subjects[name].sim.incident(one) for one in subjects[name].ids]


class TestOthers:
    def test_unknown_id_fails_before_any_write(
        self, result: Callable[..., TaskResult], subjects: dict[str, Subject]
    ) -> None:
        failed = result("unknown ID")
        assert failed.failed
        assert f"There is no incident {UNKNOWN}" in failed["msg"]
        assert (failed["changed"], failed["assigned_ids"], failed["not_found_ids"]) == (False, [], [UNKNOWN])
        assert subjects["unknown ID"].sim.writes == []

    def test_unknown_id_is_left_out(self, result: Callable[..., TaskResult], subjects: dict[str, Subject]) -> None:
        ignored, subject = result("unknown ID ignored"), subjects["unknown ID ignored"]
        assert not ignored.failed
        assert ignored["not_found_ids"] == [UNKNOWN]
        assert [incident["id"] for incident in ignored["incidents"]] == subject.ids
        assert [write.ids for write in subject.sim.writes] == [ignored["closed_ids"]]

    def test_wrong_key_is_explained(self, result: Callable[..., TaskResult], subjects: dict[str, Subject]) -> None:
        failed = result("wrong key")
        assert failed.failed
        assert "did not accept the API key" in failed["msg"]
        assert "not-the-key-5521" not in str(failed.result)
        assert failed["failure"]["status"] == 401
        assert [entry.operation for entry in subjects["wrong key"].sim.journal] == ["read_many"]

    def test_team_key_is_refused_and_told_why(self, result: Callable[..., TaskResult]) -> None:
        failed = result("team key")
        assert failed.failed
        assert (failed["changed"], failed["acknowledged_ids"]) == (False, [])
        assert "incidents:acknowledge" in failed["msg"]
        assert "personal key" in failed["msg"]

    @pytest.mark.parametrize(("name", "done"), [("unread assign", "assigned"), ("unread close", "closed")])
    def test_done_with_a_warning_where_reading_is_refused(
        self, result: Callable[..., TaskResult], subjects: dict[str, Subject], name: str, done: str
    ) -> None:
        unread, subject = result(name), subjects[name]
        assert not unread.failed, unread.result
        assert unread["changed"] is True
        assert unread[f"{done}_ids"] == subject.ids
        assert unread["incidents"] == [subject.sim.incident(one) for one in subject.ids]
        assert unread.result.get("reassigned_ids", {}) == {}
        assert "incidents:read" in " ".join(unread["warnings"])
        assert [write.ids for write in subject.sim.writes if write.status == 200] == [subject.ids]

    @pytest.mark.parametrize("name", ["unread assign what is free", "unread acknowledge", "unread resolve"])
    def test_refused_where_reading_is_and_incidents_have_to_be_left_alone(
        self, result: Callable[..., TaskResult], subjects: dict[str, Subject], name: str
    ) -> None:
        refused = result(name)
        assert refused.failed
        assert refused["changed"] is False
        assert "incidents:read" in refused["msg"]
        assert "which incidents to leave alone" in refused["msg"]
        assert refused["failure"]["status"] == 403
        assert subjects[name].sim.writes == []


def test_ad_hoc(ansible: Ansible, sim: Simulator) -> None:
    ids = sim.add_incidents(2)
    arguments = f"api_url={sim.url} incident_ids={ids[0]},{ids[1]}"
    run = ansible.command(
        "ansible", "localhost", "-m", f"{COLLECTION}.incident_close", "-a", arguments, env={"CX_API_KEY": KEY}
    )
    assert run.returncode == 0, run.output
    assert "localhost | CHANGED" in run.output
    assert all(sim.incident(one)["closedAt"] for one in ids)
    assert sim.writes[0].body == {"incidentIds": ids}
