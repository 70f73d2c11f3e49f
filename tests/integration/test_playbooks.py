# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks of the collection, called by name: for both kinds in check mode, then twice; for one kind once.

One playbook imports them all, so that Ansible starts once for each mode. Each run of a playbook is a host, which has
its variables.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import yaml
from documents import ROOT, tables_in, text_of
from playbooks import COLLECTION, KEY, Ansible, Run
from simulator import Simulator, timestamp

PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
TEAM = 4711
KINDS = ("incidents", "cases", "both")
# A name that Ansible must not take for a template.
NAME = "Checkout {{ 1 / 0 }} latency"

# The name of the run, the name of the playbook, and its variables.
PlaybookRun = tuple[str, str, dict[str, Any]]


class Service:
    """A simulator that has something for each playbook to do, of one kind or both."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.now = timestamp(time.time() - 60)
        self.emails: dict[str, str] = {}

    def user(self, email: str) -> str:
        self.emails[email] = self.simulator.add_user(email)
        return self.emails[email]

    def incident(self, *assignees: str, status: str = "TRIGGERED", **fields: Any) -> str:
        status = f"INCIDENT_STATUS_{status}"
        given = {"name": NAME, "severity": "INCIDENT_SEVERITY_ERROR", "createdAt": self.now, "status": status, **fields}
        return self.simulator.add_incident(assignees=assignees, **given)

    def case(self, assignee: str | None = None, **fields: Any) -> str:
        case_id = self.simulator.add_case(
            assignee=assignee, createTime=self.now, **{"title": NAME, "priority": "P3", **fields}
        )
        return str(self.simulator.case(case_id)["readableId"])

    def runs(self) -> Iterator[PlaybookRun]:
        """Each run has incidents and cases of its own. Those of the other kind must not be changed."""
        for kind in KINDS:
            given = {} if kind == "both" else {"kind": kind}
            first, second = (self.user(f"{name}.{kind}@example.com") for name in ("dana", "lee"))
            self.incident(first, "bob")
            self.case(first)
            by_email = {"from_user": f"Dana.{kind}@example.com", "to_user": f"lee.{kind}@example.com", "team_id": TEAM}
            by_id = {"from_user": first, "to_user": second}
            yield f"hand_over-{kind}", "hand_over", {**(by_email if kind == "both" else by_id), **given}

            leaver = self.user(f"kim.{kind}@example.com")
            self.incident(leaver, "bob")
            self.case(leaver)
            yield f"leaver-{kind}", "leaver", {"user": leaver, **given}

            fixer = self.user(f"sam.{kind}@example.com")
            acknowledged = {"status": "ACKNOWLEDGED", "name": f"Billing {kind}"}
            self.incident(fixer, **acknowledged)
            self.incident(fixer, status="ACKNOWLEDGED")
            self.case(fixer, status="acknowledged", title=f"Billing {kind}")
            self.case(fixer, status="acknowledged")
            yield f"resolve-mine-{kind}", "resolve", {"user": fixer, "search": f"Billing {kind}", **given}

            ids = {
                "incident_ids": [self.incident("alice")],
                "case_ids": [self.case(self.user(f"pat.{kind}@example.com"))],
            }
            wanted = {"incidents": ["incident_ids"], "cases": ["case_ids"], "both": ["incident_ids", "case_ids"]}[kind]
            yield f"unassign-{kind}", "unassign", {name: ids[name] for name in wanted}

            ids = {"incident_ids": [self.incident()], "case_ids": [self.case()]}
            variables = {name: ids[name] for name in wanted}
            yield f"resolve-{kind}", "resolve", {**variables, "close": True, "reason": "The disk was extended"}

            ids = {"incident_ids": [self.incident()], "case_ids": [self.case()]}
            variables = {name: ids[name] for name in wanted}
            yield f"triage-given-{kind}", "triage", {**variables, "assignee": second}

        # What triage finds by its severity or priority.
        assignee = self.emails["lee.both@example.com"]
        self.incident(severity="INCIDENT_SEVERITY_CRITICAL")
        self.case(priority="P1")
        for kind in ("incidents", "cases"):
            yield f"triage-{kind}", "triage", {"assignee": assignee, "kind": kind, "created_after": "-15m"}
        # Last, because they show what the others have changed.
        for kind in KINDS:
            shown = {} if kind == "both" else {"kind": kind, "limit": 1}
            yield f"list-{kind}", "list", {**shown, "user": "lee.both@example.com", "team_id": TEAM}


def of_both_kinds(runs: Sequence[PlaybookRun]) -> list[PlaybookRun]:
    """One run of each playbook, and of each way to call it."""
    return [run for run in runs if run[0].endswith("-both")]


def imports(runs: Sequence[PlaybookRun], rounds: int) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """A playbook that imports each of them for the hosts of its runs, and these hosts with their variables."""
    plays, hosts = [], {}
    for playbook in dict.fromkeys(playbook for _name, playbook, _variables in runs):
        for number in range(1, rounds + 1):
            played = runs if number == 1 else of_both_kinds(runs)
            own = {f"{name}-{number}": variables for name, of, variables in played if of == playbook}
            hosts.update(own)
            target = {"vars": {"target_hosts": ",".join(own)}}
            plays.append({"ansible.builtin.import_playbook": f"{COLLECTION}.{playbook}", **target})
    return plays, hosts


def environment(simulator: Simulator) -> dict[str, str]:
    return {"CORALOGIX_URL": simulator.url, "CORALOGIX_API_KEY": KEY}


class Played:
    """What each of the runs returned."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @property
    def hosts(self) -> set[str]:
        return {task.host for task in self.run.tasks}

    def changes(self, host: str) -> dict[str, list[str]]:
        """The lists of IDs that tasks of the collection changed, by the names of the tasks."""
        return {
            task.task: [value for key, value in sorted(task.result.items()) if key in _NAMES_OF_CHANGED_IDS]
            for task in self.run.tasks
            if task.host == host and task.result.get("changed")
        }

    def lines(self, host: str) -> list[str]:
        """The lines that its tasks named Show print."""
        shown = [
            task.result["msg"]
            for task in self.run.tasks
            if task.host == host and task.task.startswith("Show ") and task.outcome == "ok"
        ]
        return [line for text in shown for line in ([text] if isinstance(text, str) else text)]


_NAMES_OF_CHANGED_IDS = ("acknowledged_ids", "assigned_ids", "closed_ids", "resolved_ids", "unassigned_ids")


@pytest.fixture(scope="module")
def service(simulators: Callable[..., Simulator]) -> Service:
    return Service(simulators())


@pytest.fixture(scope="module")
def runs(service: Service) -> Sequence[PlaybookRun]:
    return list(service.runs())


@pytest.fixture(scope="module")
def played(service: Service, runs: Sequence[PlaybookRun], shared_ansible: Ansible) -> tuple[Played, Played]:
    """In check mode, and then twice. What is for one kind runs once: its tasks are among those for both."""
    results: list[Played] = []
    for played, rounds, arguments in ((of_both_kinds(runs), 1, ["--check"]), (runs, 2, [])):
        plays, hosts = imports(played, rounds)
        run = shared_ansible.playbook(plays, arguments, env=environment(service.simulator), hosts=hosts)
        assert run.returncode == 0, run.output
        assert "[WARNING]" not in run.output
        if not results:
            assert service.simulator.writes == [], "check mode writes"
        results.append(Played(run))
    return results[0], results[1]


# Run, without its kind -> the tasks that change something.
TASKS = {
    "hand_over": ("Assign the {} to the next on call",),
    "leaver": ("Unassign the {}",),
    "list": (),
    "resolve": ("Resolve the {}", "Close the {}"),
    "resolve-mine": ("Resolve the {}",),
    "triage": ("Acknowledge the {}", "Assign the {}"),
    "triage-given": ("Acknowledge the {}", "Assign the {}"),
    "unassign": ("Unassign the {}",),
}


def test_every_playbook_is_run(runs: Sequence[PlaybookRun]) -> None:
    assert sorted({playbook for _name, playbook, _variables in runs}) == PLAYBOOKS


def test_only_what_was_asked_for_is_changed(runs: Sequence[PlaybookRun], played: tuple[Played, Played]) -> None:
    _checked, done = played
    for name, _playbook, _variables in runs:
        what, _hyphen, kind = name.rpartition("-")
        kinds = ("incidents", "cases") if kind == "both" else (kind,)
        changes = done.changes(f"{name}-1")
        assert set(changes) == {task.format(one_kind) for one_kind in kinds for task in TASKS[what]}, name
        assert [len(ids) for lists in changes.values() for ids in lists] == [1] * len(changes), name


def test_a_second_run_changes_nothing(runs: Sequence[PlaybookRun], played: tuple[Played, Played]) -> None:
    _checked, done = played
    again = [name for name, _playbook, _variables in of_both_kinds(runs)]
    assert {*again} <= {host.removesuffix("-2") for host in done.hosts}
    assert [name for name in again if done.changes(f"{name}-2")] == []


def test_check_mode_predicts_the_run(runs: Sequence[PlaybookRun], played: tuple[Played, Played]) -> None:
    checked, done = played
    for name, _playbook, _variables in of_both_kinds(runs):
        assert checked.changes(f"{name}-1") == done.changes(f"{name}-1"), name


def test_summaries(service: Service, played: tuple[Played, Played]) -> None:
    checked, done = played
    first, second = (service.emails[f"{name}.both@example.com"] for name in ("dana", "lee"))
    summary, incident, case = done.lines("hand_over-both-1")
    assert summary == "Handed over. Incidents: 1, cases: 1."
    assert incident.endswith(f" {NAME}, taken from {first}, bob")
    assert case.startswith("CASE-")
    assert case.endswith(f" {NAME}, taken from {first}")
    assert checked.lines("hand_over-both-1")[0] == "Would be handed over. Incidents: 1, cases: 1."
    assert done.lines("hand_over-both-2") == ["Handed over. Incidents: 0, cases: 0."]
    assert done.lines("leaver-cases-1") == ["Unassigned. Incidents: 0, cases: 1."]
    assert done.lines("unassign-both-1") == ["Unassigned. Incidents: 1, cases: 1. Unknown: none."]
    assert done.lines("triage-given-both-1") == [
        "Taken. Incidents: 1, cases: 1. Already assigned to somebody else: 0. Not open: 0. Unknown: none."
    ]
    assert done.lines("resolve-both-1") == [
        "Resolved. Incidents: 1, cases: 1. Closed. Incidents: 1, cases: 1. Unknown: none."
    ]
    lines = done.lines("list-both-1")
    headings = [line for line in lines if line.startswith("Open ")]
    items = [line for line in lines if line not in headings]
    assert headings == ["Open incidents: 3", "Open cases: 3"]
    assert done.lines("list-incidents-1")[0] == "Open incidents: 3, shown: 1"
    assert done.lines("list-cases-1")[0] == "Open cases: at least 1"
    assert len(items) == 6, "what was handed over, what triage was given, and what it found"
    assert all(line.endswith(f" h  {NAME} [{second}]") for line in items), items


INCIDENT, DANA = "0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60", "5e1f0c52-7a0c-4b7e-8f57-2f7d8f1a9b11"
BOTH_IDS = {"incident_ids": [INCIDENT], "case_ids": ["CASE-999"]}
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "nobody-to-hand-over-to": ("hand_over", {"from_user": "dana"}, "Set from_user and to_user"),
    "nobody-leaves": ("leaver", {"user": " "}, "Set user to the person who leaves"),
    "nobody-takes": ("triage", {"assignee": None}, "Set assignee to the person who takes over"),
    "nothing-to-unassign": ("unassign", {"incident_ids": "", "case_ids": None}, "Set what to unassign"),
    "nothing-to-resolve": ("resolve", {}, "Set what to resolve"),
    "both-ways-to-resolve": ("resolve", {"incident_ids": "x", "user": "dana"}, "Set what to resolve"),
    "no-such-kind": ("list", {"kind": "alerts"}, "kind must be incidents, cases or both"),
    "no-ids": ("triage", {"assignee": "dana", "incident_ids": None}, "incident_ids "),
    "no-team": ("leaver", {"user": "dana@example.com", "kind": "incidents"}, "team_id"),
    "no-such-boolean": ("resolve", {"incident_ids": [INCIDENT], "close": "yess"}, "close must be true or false"),
    # What is wrong about the cases is found before the incidents are written.
    "to-no-user-of-cases": ("hand_over", {"from_user": DANA, "to_user": "lee"}, "assignee contains 'lee'"),
    "taken-by-no-user-of-cases": ("triage", {"assignee": "lee"}, "assignee contains 'lee'"),
    "no-case-to-take": ("triage", {"assignee": DANA, "incident_ids": [INCIDENT], "case_ids": ""}, "case_ids "),
    "unknown-case-to-unassign": ("unassign", BOTH_IDS, "Unknown case IDs: 'CASE-999'"),
    "unknown-case-to-resolve": ("resolve", BOTH_IDS, "Unknown case IDs: 'CASE-999'"),
}


# Where all hosts of a play fail, Ansible does not go on to the next play.
ACCEPTED: dict[str, dict[str, Any]] = {
    "hand_over": {"from_user": "nobody", "to_user": "dana", "kind": "incidents"},
    "leaver": {"user": "nobody", "kind": "incidents"},
    "list": {},
    "resolve": {"incident_ids": []},
    "triage": {"assignee": "dana", "incident_ids": []},
    "unassign": {"incident_ids": []},
}


def test_invalid_variables_fail_before_any_write(ansible: Ansible, sim: Simulator) -> None:
    sim.add_incident(INCIDENT, assignees=(DANA,))
    sim.add_incident(assignees=(), severity="INCIDENT_SEVERITY_CRITICAL", createdAt=timestamp(time.time() - 60))
    refused = [(name, playbook, variables) for name, (playbook, variables, _message) in REFUSED.items()]
    accepted = [(f"accepted-{playbook}", playbook, variables) for playbook, variables in ACCEPTED.items()]
    runs = [*refused, *accepted]
    plays, hosts = imports(runs, 1)
    run = ansible.playbook(plays, env=environment(sim), hosts=hosts)
    assert run.returncode == 2
    messages = {task.host: str(task.result.get("msg")) for task in run.tasks if task.failed}
    for name, (_playbook, _variables, message) in REFUSED.items():
        assert message in messages.get(f"{name}-1", ""), (name, messages.get(f"{name}-1"))
    assert messages.keys() == {f"{name}-1" for name in REFUSED}
    assert sim.writes == []


def test_runs_by_name_on_localhost(ansible: Ansible, sim: Simulator) -> None:
    incident_id = sim.add_incident(assignees=("alice", "bob"))
    command = ("ansible-playbook", f"{COLLECTION}.unassign", "-e", f"incident_ids={incident_id}")
    run = ansible.command(*command, env=environment(sim))
    assert run.returncode == 0, run.output
    assert sim.assignees(incident_id) == []
    assert "alice, bob -> nobody" in run.output


FOLDER = ROOT / "playbooks"


def test_playbooks_set_neither_host_nor_key() -> None:
    """The environment sets both, so that the playbooks run against a simulator as well."""
    for name in PLAYBOOKS:
        tasks = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))[0]["tasks"]
        options = {option for task in tasks for value in task.values() if isinstance(value, dict) for option in value}
        assert not options & {"region", "domain", "api_url", "api_key"}


def test_readme_lists_them_with_their_variables() -> None:
    (table,) = [table for table in tables_in(text_of("README.md")) if table[0][0] == "Playbook"]
    rows = table[1:]
    assert sorted(row[0].strip("`") for row in rows) == PLAYBOOKS
    common = (FOLDER / "vars" / "common.yml").read_text(encoding="utf-8")
    for name, _what, variables in rows:
        playbook = common + (FOLDER / f"{name.strip('`')}.yml").read_text(encoding="utf-8")
        for variable in re.findall(r"`(\w+)`", variables):
            assert re.search(rf"\b{variable}\b", playbook), f"{name}: {variable}"
