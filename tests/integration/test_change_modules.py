# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that change incidents: in check mode, for real, and again; unknown IDs; keys without permissions."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from operations import ACKNOWLEDGED, ASSIGNEE, NOW, OPERATIONS, RESOLVED, STATE_RESOLVED, Operation
from parity import ALL, assert_same_requests, assert_same_results
from playbooks import AS_MODULE, IN_PROCESS, KEY, Ansible, HostTask, Run, TaskResult
from simulator import PERMISSIONS, ROUTES, Simulator

UNKNOWN = ["11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"]
# API version 3 takes IDs of any form.
IDS_TO_ENCODE = ("Störung-№-1", "INC:1;2@x", "a/b?d&e=f#g%h+i")

_RESOLVED = {"status": RESOLVED, "state": STATE_RESOLVED}
_CLOSED = {"closedAt": "2026-11-23T04:10:00.000Z"}
# One incident of each stage.
STAGES: tuple[dict[str, Any], ...] = (
    {"assignees": ()},
    {"assignees": ("alice", "bob")},
    {"assignees": (ASSIGNEE, "bob")},
    {"assignees": (ASSIGNEE,)},
    {"assignees": (ASSIGNEE,), "status": ACKNOWLEDGED, "without": ("name",)},
    {"assignees": (ASSIGNEE,), **_RESOLVED},
    {"assignees": (ASSIGNEE,), **_RESOLVED, **_CLOSED},
    {"assignees": (ASSIGNEE,), "status": ACKNOWLEDGED, **_CLOSED},
)

CHECK = {"name": "check", "check_mode": True, "diff": True}
REAL = {"name": "real", "diff": True}
AGAIN = {"name": "again", "diff": True}
THREE_TIMES = ("check", "real", "again")


class Scenario(NamedTuple):
    operation: str
    """A row of OPERATIONS."""
    server: Mapping[str, Any] = MappingProxyType({})
    """Options of the simulator."""
    options: Mapping[str, Any] = MappingProxyType({})
    ids: Collection[str] = ()
    """IDs besides those of STAGES."""
    plays: tuple[str, ...] = ("real",)
    as_module: tuple[str, ...] = ()
    """The plays in which it also runs as a module, to compare both ways."""


def _version_scenarios() -> Iterator[tuple[str, Scenario]]:
    """Each operation by the routes of version 3, and by the newer ones. "latest" must find out which there are."""
    for number, name in enumerate(OPERATIONS):
        # The service may write the IDs of users in lower case.
        server = {"lower_case_user_ids": name == "assign"}
        for version, other in (("3", "5"), ("5", "3")):
            # Version 3 is pinned for every other operation, and version 5 for the rest.
            is_pinned = (number + int(version)) % 4 == 0
            plays = THREE_TIMES if version == "5" else ("real",)
            yield (
                f"{name} v{version}",
                Scenario(
                    name,
                    {"latest": other if is_pinned else version, **server},
                    {"api_version": version} if is_pinned else {},
                    plays=plays,
                    # The other modules: test_hand_over.py.
                    as_module=THREE_TIMES if (name, version) == ("unassign", "5") else (),
                ),
            )


VERSIONS = dict(_version_scenarios())
OTHERS = {
    "empty list": Scenario("unassign", options={"incident_ids": [], "api_key": None}, plays=THREE_TIMES),
    "without events": Scenario("close", options={"include_events": False}, plays=THREE_TIMES),
    "IDs to encode": Scenario("unassign", options={"api_version": "3"}, ids=IDS_TO_ENCODE, plays=THREE_TIMES),
    "unknown IDs fail": Scenario("assign", ids=UNKNOWN, plays=THREE_TIMES, as_module=("real",)),
    "unknown IDs ignored": Scenario("close", ids=UNKNOWN, options={"missing": "ignore"}, plays=THREE_TIMES),
    "wrong key": Scenario("resolve", options={"api_key": "not-the-key-5521"}),
    "team key": Scenario("acknowledge", {"key": {"kind": "team"}}),
}
# A key without incidents:read, and services without a route to read by.
_KEY_WITHOUT_READ: dict[str, Any] = {"key": {"permissions": sorted(set(PERMISSIONS) - {"incidents:read"})}}
_WITHOUT_ROUTE: dict[str, Any] = {"without": ["read_many"], "latest": "3"}
NO_READ = {
    "no read": Scenario("unassign", _KEY_WITHOUT_READ, plays=THREE_TIMES, as_module=("real",)),
    "no read, latest is 3": Scenario("assign", {**_KEY_WITHOUT_READ, "latest": "3"}, plays=THREE_TIMES),
    "no read, key before route": Scenario(
        "close", {**_KEY_WITHOUT_READ, "latest": "3", "auth_first": True}, plays=THREE_TIMES
    ),
    "no route": Scenario("unassign", _WITHOUT_ROUTE, plays=THREE_TIMES),
    "no route, batch taken for an ID": Scenario(
        "unassign",
        {
            **_WITHOUT_ROUTE,
            "latest": "4",
            "unknown_parameters": "ignore",
            "not_found": "json404",
            "wrong_method": 405,
        },
        plays=THREE_TIMES,
    ),
    "no route, plain text": Scenario("unassign", {**_WITHOUT_ROUTE, "not_found": "text"}, plays=THREE_TIMES),
}
NO_READ_UNKNOWN = {
    "no read, unknown IDs fail": Scenario("unassign", _KEY_WITHOUT_READ, ids=UNKNOWN),
    "no read, unknown IDs ignored": Scenario("unassign", _KEY_WITHOUT_READ, {"missing": "ignore"}, ids=UNKNOWN),
}
# They skip incidents, so they must read.
NO_READ_REFUSED = {
    f"no read, {name}": Scenario(name, _KEY_WITHOUT_READ)
    for name, operation in OPERATIONS.items()
    if operation.is_skipped
}
SCENARIOS = {**VERSIONS, **OTHERS, **NO_READ, **NO_READ_UNKNOWN, **NO_READ_REFUSED}


class Subject:
    """A simulator with an incident of each stage, and the task for it."""

    def __init__(self, scenario: Scenario, sim: Simulator) -> None:
        self.operation: Operation = OPERATIONS[scenario.operation]
        self.sim = sim
        ids = [sim.add_incident(**stage) for stage in STAGES]
        ids += [sim.add_incident(incident_id) for incident_id in scenario.ids if incident_id not in UNKNOWN]
        self.before = {incident_id: sim.incident(incident_id) for incident_id in ids}
        unknown = [incident_id for incident_id in scenario.ids if incident_id in UNKNOWN]
        # An ID that is given twice counts once.
        given = {"api_url": sim.url, "api_key": KEY, "incident_ids": [*ids, *unknown, ids[0]]}
        self.options = {**given, **self.operation.options, **scenario.options}

    @property
    def ids(self) -> list[str]:
        return list(self.before)

    @property
    def to_change(self) -> list[str]:
        return [incident_id for incident_id, incident in self.before.items() if self.operation.needs_change(incident)]

    @property
    def to_skip(self) -> list[str]:
        return [incident_id for incident_id, incident in self.before.items() if self.operation.skips(incident)]

    def now(self) -> list[dict[str, Any]]:
        return [self.sim.incident(incident_id) for incident_id in self.before]


class Played(NamedTuple):
    run: Run
    subjects: dict[str, Subject]

    def result(self, name: str, play: str = "real") -> TaskResult:
        return self.run.of(play, name)


def ids_of(result: TaskResult) -> list[str]:
    return [incident["id"] for incident in result["incidents"]]


Play = Callable[[str], Played]


@pytest.fixture(scope="module")
def play(simulators: Callable[..., Simulator], shared_ansible: Ansible) -> Play:
    """Runs the scenarios in one playbook."""

    def run(way: str) -> Played:
        plays_of = {
            name: scenario.plays if way == IN_PROCESS or ALL else scenario.as_module
            for name, scenario in SCENARIOS.items()
        }
        subjects = {
            name: Subject(SCENARIOS[name], simulators(**SCENARIOS[name].server)) for name in plays_of if plays_of[name]
        }
        host_tasks = {
            name: HostTask(subject.options, module=subject.operation.module, plays=plays_of[name])
            for name, subject in subjects.items()
        }
        return Played(shared_ansible.run_each(host_tasks, CHECK, REAL, AGAIN, way=way), subjects)

    return run


@pytest.fixture(scope="module")
def played(play: Play) -> Played:
    return play(IN_PROCESS)


def test_both_ways_return_and_send_the_same(play: Play, played: Played) -> None:
    as_modules = play(AS_MODULE)
    assert_same_results(played.run, as_modules.run, check_ways=False)
    for name, subject in as_modules.subjects.items():
        if ALL or SCENARIOS[name].plays == SCENARIOS[name].as_module:
            assert_same_requests(played.subjects[name].sim.journal, subject.sim.journal)


@pytest.mark.parametrize("name", VERSIONS)
class TestRealRun:
    def test_result(self, played: Played, name: str) -> None:
        real, subject = played.result(name), played.subjects[name]
        operation = subject.operation
        assert not real.failed, real.result
        assert real["changed"] is True
        assert real[operation.ids_name] == subject.to_change
        assert real["not_found_ids"] == []
        assert real.result.get("skipped_ids") == (subject.to_skip if operation.is_skipped else None)
        extra_results = operation.extra_results(subject.before, subject.to_change)
        assert {key: real[key] for key in extra_results} == extra_results

    def test_incidents_are_what_the_api_shows(self, played: Played, name: str) -> None:
        real, subject = played.result(name), played.subjects[name]
        assert real["incidents"] == subject.now()
        assert real["ansible_facts"] == {"coralogix_incidents": real["incidents"]}
        assert not any(subject.operation.needs_change(incident) for incident in subject.now())

    def test_diff_has_a_line_for_each_change(self, played: Played, name: str) -> None:
        subject = played.subjects[name]
        describe = subject.operation.describe
        lines = []
        for before, after in zip(subject.before.values(), subject.now(), strict=True):
            title = f' "{before["name"]}"' if "name" in before else ""
            if before["id"] in subject.to_change:
                lines.append(f"{before['id']}{title}: {describe(before)} -> {describe(after)}\n")
        assert played.result(name)["diff"] == {"prepared": "".join(lines)}

    def test_requests(self, played: Played, name: str) -> None:
        """Each task reads once, and once more to find out what "latest" is. Only the real one writes, once."""
        subject, scenario = played.subjects[name], SCENARIOS[name]
        (write,) = subject.sim.writes
        version = name[-1]
        assert write.ids == subject.to_change
        has_body = ROUTES[version][subject.operation.name].where == "body"
        assert write.body == ({"incidentIds": subject.to_change, **subject.operation.values} if has_body else None)
        reads = ["GET"] * (2 if version == "3" and not scenario.options else 1)
        methods = [entry.method for entry in subject.sim.journal if entry != write]
        assert methods == reads * len(scenario.plays)
        assert subject.sim.journal.index(write) == len(reads) * (scenario.plays.index("real") + 1)


@pytest.mark.parametrize("name", [name for name, scenario in VERSIONS.items() if scenario.plays == THREE_TIMES])
class TestThreeTimes:
    def test_check_mode_predicts_the_real_run(self, played: Played, name: str) -> None:
        check, real, subject = played.result(name, "check"), played.result(name), played.subjects[name]
        for key in real.result.keys() - {"incidents", "ansible_facts"}:
            # Check mode shows the user's ID as it was given. The service may write it in lower case.
            assert json.dumps(check[key]).lower() == json.dumps(real[key]).lower()
        assert check["ansible_facts"] == {"coralogix_incidents": check["incidents"]}
        for predicted, before in zip(check["incidents"], subject.before.values(), strict=True):
            after = subject.operation.after if before["id"] in subject.to_change else {}
            if after.get("closedAt") == NOW:
                after = {**after, "closedAt": predicted["closedAt"]}
                assert predicted["closedAt"] > before["createdAt"]
            assert predicted == {**before, **after}

    def test_second_run_changes_nothing(self, played: Played, name: str) -> None:
        again, subject = played.result(name, "again"), played.subjects[name]
        assert not again.failed
        assert again["changed"] is False
        assert again[subject.operation.ids_name] == []
        assert again["diff"] == {"prepared": ""}
        assert again.result.get("reassigned_ids", {}) == {}
        assert again.result.get("skipped_ids") == played.result(name).result.get("skipped_ids")
        assert again["incidents"] == subject.now()


@pytest.mark.parametrize("name", [name for name, scenario in OTHERS.items() if scenario.plays == THREE_TIMES])
def test_other_tasks_three_times(played: Played, name: str) -> None:
    check, real, again = (played.result(name, play) for play in THREE_TIMES)
    subject = played.subjects[name]
    for key in ("changed", subject.operation.ids_name, "not_found_ids"):
        assert check[key] == real[key]
    assert (again["changed"], again[subject.operation.ids_name]) == (False, [])
    assert ids_of(check) == ids_of(real)
    assert again["incidents"] == real["incidents"]
    assert check.failed == real.failed == again.failed
    assert len(subject.sim.writes) == real["changed"]


class TestOthers:
    def test_empty_list_sends_nothing_and_needs_no_key(self, played: Played) -> None:
        result = played.result("empty list")
        assert not result.failed
        assert (result["changed"], result["incidents"], result["unassigned_ids"]) == (False, [], [])
        assert result["ansible_facts"] == {"coralogix_incidents": []}
        assert played.subjects["empty list"].sim.journal == []

    def test_events_are_left_out_on_demand(self, played: Played) -> None:
        result, subject = played.result("without events"), played.subjects["without events"]
        without_events = [
            {key: value for key, value in incident.items() if key != "events"} for incident in subject.now()
        ]
        assert result["incidents"] == without_events
        assert result["ansible_facts"] == {"coralogix_incidents": without_events}

    def test_ids_that_need_encoding(self, played: Played) -> None:
        assert set(IDS_TO_ENCODE) <= set(played.result("IDs to encode")["unassigned_ids"])

    @pytest.mark.parametrize("play_name", THREE_TIMES)
    def test_unknown_ids_fail_before_any_write(self, played: Played, play_name: str) -> None:
        result, subject = played.result("unknown IDs fail", play_name), played.subjects["unknown IDs fail"]
        assert result.failed
        assert f"Unknown incident IDs: '{UNKNOWN[0]}', '{UNKNOWN[1]}'." in result["msg"]
        assert "Nothing was changed" in result["msg"]
        assert result["not_found_ids"] == UNKNOWN
        assert (result["changed"], result["assigned_ids"]) == (False, [])
        assert ids_of(result) == subject.ids
        assert subject.sim.writes == []

    def test_unknown_ids_are_skipped_on_demand(self, played: Played) -> None:
        result, subject = played.result("unknown IDs ignored"), played.subjects["unknown IDs ignored"]
        assert not result.failed
        assert result["changed"] is True
        assert result["not_found_ids"] == UNKNOWN
        assert ids_of(result) == subject.ids
        assert [write.ids for write in subject.sim.writes] == [subject.to_change]

    def test_wrong_key(self, played: Played) -> None:
        result = played.result("wrong key")
        assert result.failed
        assert "did not accept the API key" in result["msg"]
        assert "not-the-key-5521" not in str(result.result)
        assert result["failure"]["status"] == 401
        assert [entry.operation for entry in played.subjects["wrong key"].sim.journal] == ["read_many"]

    def test_team_key(self, played: Played) -> None:
        result, operation = played.result("team key"), played.subjects["team key"].operation
        assert result.failed
        assert (result["changed"], result[operation.ids_name]) == (False, [])
        assert operation.permission in result["msg"]
        assert "personal key" in result["msg"]


class TestWithoutRead:
    @pytest.mark.parametrize("play_name", ["real", "again"])
    @pytest.mark.parametrize("name", NO_READ)
    def test_all_are_written_with_a_warning(self, played: Played, name: str, play_name: str) -> None:
        """In the second run too: without reading, the module cannot see that nothing is left to do."""
        result, subject = played.result(name, play_name), played.subjects[name]
        assert not result.failed, result.result
        assert result["changed"] is True
        assert result[subject.operation.ids_name] == ids_of(result) == subject.ids
        assert result.result.get("reassigned_ids", {}) == {}
        assert all(subject.operation.is_wanted(incident) for incident in subject.now())
        assert "incidents:read" in " ".join(result["warnings"])
        assert [write.ids for write in subject.sim.writes if write.status == 200] == [subject.ids] * 2

    @pytest.mark.parametrize("name", NO_READ)
    def test_check_mode_must_read(self, played: Played, name: str) -> None:
        check = played.result(name, "check")
        assert check.failed
        assert check["changed"] is False
        assert "must read first" in check["msg"]
        assert "incidents:read" in check["msg"] or "no route" in check["msg"]

    @pytest.mark.parametrize("name", NO_READ_REFUSED)
    def test_tasks_that_skip_incidents_must_read(self, played: Played, name: str) -> None:
        result = played.result(name)
        assert result.failed
        assert result["changed"] is False
        assert "incidents:read" in result["msg"]
        assert "must read first" in result["msg"]
        assert result["failure"]["status"] == 403
        assert played.subjects[name].sim.writes == []

    def test_unknown_ids(self, played: Played) -> None:
        failed, ignored = (played.result(name) for name in NO_READ_UNKNOWN)
        assert failed.failed
        assert all(unknown in failed["msg"] for unknown in UNKNOWN)
        assert not ignored.failed
        assert ignored["not_found_ids"] == UNKNOWN
        assert failed["unassigned_ids"] == ignored["unassigned_ids"] == played.subjects[next(iter(NO_READ_UNKNOWN))].ids
