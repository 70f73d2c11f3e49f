# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read is true: examples, playbooks and commands run as they stand, and messages, links and tables hold.

An example names a real region. One substitution, in `at_simulator`, puts the simulator in its place; should it miss
one, the request ends at a proxy that is not there.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from ansible_collections.coralogix.incidents.plugins.module_utils import _errors, _options, _routes
from playbooks import COLLECTION, KEY, Ansible, Run, TaskResult
from simulator import Entry, Fault, Simulator
from simulator.lifelike import APPLICATION_LABEL, OPTIONAL, timestamp
from tools.pythons import CORES, OLDEST_TARGET

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "docs/guide.md", "docs/api-versions.md", "docs/troubleshooting.md", "docs/architecture.md")
# Those with playbooks and commands.
RUN_DOCUMENTS = ("README.md", "docs/guide.md")
ALL_DOCUMENTS = ("README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))

MODULES = {
    path.stem: importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.modules.{path.stem}")
    for path in sorted((ROOT / "plugins" / "modules").glob("incident_*.py"))
}
UNASSIGN = "incident_unassign"

UNKNOWN_ID = "11111111-2222-4333-8444-555555555555"
# Users of the guide's recipes: the first hands over to the second, who then leaves.
FIRST, SECOND = "5e1f0c52-7a0c-4b7e-8f57-2f7d8f1a9b11", "9b7a3d4e-1c2f-4e5d-8a6b-7c8d9e0f1a2b"
ME = SECOND
CLOSED = "99999999-2222-4333-8444-555555555555"
GROUP = "group/coralogix.incidents.coralogix"

# How the examples give their host -> how the same is said of the simulator.
HOSTS = {
    "region: eu2": "api_url: {}",
    "domain: eu2.coralogix.com": "api_url: {}",
    "region=eu2": "api_url={}",
    '"region": "eu2"': '"api_url": "{}"',
    "https://api.eu2.coralogix.com": "{}",
}
# What is left of the real service must not be reached.
NO_WAY_OUT = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def at_simulator(text: str, url: str) -> tuple[str, int]:
    """The text with the simulator in the place of each host, and how many hosts that were."""
    pattern = re.compile("|".join(map(re.escape, HOSTS)))
    return pattern.subn(lambda found: HOSTS[found[0]].format(url), text)


# The blocks of the documents.


@dataclass(frozen=True)
class Block:
    document: str
    line: int
    language: str
    text: str
    file: str | None
    """The name under which the reader saves it."""
    not_run: str | None
    """Why it cannot be run."""

    @property
    def content(self) -> Any:
        return yaml.safe_load(self.text)

    @property
    def is_playbook(self) -> bool:
        return isinstance(self.content, list) and all("hosts" in play for play in self.content)


_FENCE = re.compile(
    r"(?:^<!-- (?P<what>file|not run): (?P<value>.*?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)


def blocks_of(document: str, *languages: str) -> list[Block]:
    text = text_of(document)
    found = []
    for fence in _FENCE.finditer(text):
        what, value = fence["what"], fence["value"]
        line = text[: fence.start()].count("\n") + 1
        file, not_run = (value if what == name else None for name in ("file", "not run"))
        found.append(Block(document, line, fence["language"], fence["text"], file, not_run))
    return [block for block in found if block.language in languages]


ANSIBLE = ("ansible", "ansible-playbook")


def commands_in(block: Block) -> list[list[str]]:
    return [shlex.split(line) for line in block.text.splitlines()]


def commands_of(document: str) -> list[list[str]]:
    return [words for block in blocks_of(document, "shell") for words in commands_in(block)]


def ansible_commands_of(document: str) -> list[list[str]]:
    return [words for words in commands_of(document) if words[0] in ANSIBLE]


# A simulator that has what the examples speak of.

_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def furnish(sim: Simulator, *texts: str, more: Iterable[str] = ()) -> list[str]:
    """Incidents of all IDs in the texts, and more; whatever is done to them is undone afterwards."""
    ids = sorted({one for text in texts for one in _UUID.findall(text)} - {FIRST, SECOND, UNKNOWN_ID})
    # The first has all that is documented; of the others, nothing that they may lack is there to be relied on.
    for n, one in enumerate(ids):
        sim.add_incident(one, assignees=("alice", "bob"), without=OPTIONAL if n else ())
    as_made = {one: sim.incident(one) for one in (*ids, *more)}

    def undo(entry: Entry) -> None:
        for one in as_made.keys() & set(entry.effect):
            sim.add_incident(**as_made[one])

    sim.after_request = undo
    return list(as_made)


def environment(sim: Simulator) -> dict[str, str]:
    # Without the last one, `ansible` loads no callbacks: not even that of the harness.
    return {**NO_WAY_OUT, "CORALOGIX_URL": sim.url, "CORALOGIX_API_KEY": KEY, "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"}


def tasks_of(text: str, **keywords: Any) -> dict[str, Any]:
    """A play of the tasks."""
    return {"hosts": "localhost", "gather_facts": False, "tasks": yaml.safe_load(text), **keywords}


def of_module(run: Run) -> list[TaskResult]:
    """What modules of the collection returned, in each round of a loop, too."""
    rounds = [
        replace(task, result=result) for task in run.tasks for result in task.result.get("results", [task.result])
    ]
    return [task for task in rounds if "not_found_ids" in task]


def uses(text: str) -> int:
    """How many tasks of the collection there are in YAML or JSON."""
    return len(re.findall(rf'{re.escape(COLLECTION)}\.incident_\w+"?:', text))


# The modules' own documentation.

RETURNS: Mapping[str, Any] = {name: yaml.safe_load(module.RETURN) for name, module in MODULES.items()}


def module_of(task: TaskResult) -> str:
    """The module whose own values are in the result: those that no other module returns."""
    shared = {key for one, other in itertools.permutations(RETURNS.values(), 2) for key in one.keys() & other.keys()}
    (name,) = [name for name, documented in RETURNS.items() if (documented.keys() - shared) & task.result.keys()]
    return name


def example_plays(sim: Simulator) -> list[dict[str, Any]]:
    """The examples of all modules, and a failure of each."""
    texts = {}
    for name, module in MODULES.items():
        texts[name], replaced = at_simulator(module.EXAMPLES, sim.url)
        assert replaced == module.EXAMPLES.count("region:") + module.EXAMPLES.count("domain:") > 0
    # Its closing is the only thing that an open incident does not show.
    closed = sim.add_incident(CLOSED, closedAt="2026-11-23T04:10:00.000Z", status="INCIDENT_STATUS_RESOLVED")
    free = sim.add_incident(assignees=(), severity="INCIDENT_SEVERITY_CRITICAL", displayLabels={"team": "payments"})
    ids = furnish(sim, *(module.EXAMPLES for module in MODULES.values()), more=(closed, free))
    variables = {"incident_ids": ids, "coralogix_api_key": KEY, "my_user_id": ME}
    # The last example of unassigning is about a failure; Ansible would not come to the rescue of one that is ignored.
    others = [{**yaml.safe_load(texts[name])[0], "ignore_errors": True} for name in texts if name != UNASSIGN]
    unassign = yaml.safe_load(texts[UNASSIGN])[-1]
    right, wrong = ({"CORALOGIX_API_KEY": key} for key in (KEY, "wrong"))
    return [
        *(tasks_of(text, vars=variables, environment=right) for text in texts.values()),
        tasks_of(yaml.safe_dump([*others, unassign]), vars=variables, environment=wrong),
    ]


class TestModules:
    """Their EXAMPLES run, and what they return is what RETURN says."""

    def test_examples_run_and_failures_are_returned(self, reading: Reading) -> None:
        results = of_module(reading.examples)
        ended_well = sum(uses(module.EXAMPLES) for module in MODULES.values())
        assert [task.outcome for task in results] == ["ok"] * ended_well + ["failed"] * len(MODULES)
        assert all(found_or_changed(task) for task in results[:ended_well])
        told = {str(task["msg"]) for task in reading.examples.tasks if "msg" in task and not task.failed}
        count = len(results[0]["incidents"])
        assert told >= {
            f"Unassigned {count - 1} of {count} incidents; unknown: none",
            f"Took 1; held by others: {count - 1}",
            f"Resolved already: {CLOSED}",
            "Unknown: none",
        }

    @pytest.mark.parametrize("name", MODULES)
    def test_results_are_as_documented(self, reading: Reading, name: str) -> None:
        documented = RETURNS[name]
        seen: set[str] = set()
        for task in (*of_module(reading.examples), *of_module(reading.rescues)):
            if module_of(task) == name:
                hold_result_against(task, name, seen)
        # The facts of a task that unassigns and ends well, the only one that sets them, show no assignments.
        never = re.compile(r"\.ansible_facts\.coralogix_incidents\.assignments\..*")
        expected = {path for path in _paths(documented, "") if not never.match(path)}
        assert seen >= expected, "documented, and never returned with a value"


def found_or_changed(task: TaskResult) -> bool:
    """Whether the task did what an example is for."""
    return bool(task["count"] if module_of(task) == "incident_info" else task["changed"])


def hold_result_against(task: TaskResult, name: str, seen: set[str]) -> None:
    documented = RETURNS[name]
    own = {key: value for key, value in task.result.items() if key in documented or not _is_ansibles(key)}
    hold_against(own, documented, name, "", seen)
    when = {"always": True, "success": not task.failed, "failure": task.failed}
    for key, specification in documented.items():
        # What the rest depends on, the result does not tell.
        assert (key in own) is when.get(specification["returned"], key in own), key


def _is_ansibles(key: str) -> bool:
    """What every module may return, and what Ansible adds in a loop."""
    common = ("changed", "diff", "exception", "failed", "invocation", "msg", "warnings", "item", "ansible_loop_var")
    return key in common or key.startswith("_")


_TYPES: Mapping[str, type] = {"str": str, "int": int, "bool": bool, "list": list, "dict": dict}
_REFERENCE = re.compile(r"RV\((?:coralogix\.incidents\.(?P<module>\w+)#module:)?(?P<key>\w+)\)")


def hold_against(
    value: Mapping[str, Any], documented: Mapping[str, Any], module: str, path: str, seen: set[str], above: str = ""
) -> None:
    """Hold what a module returned against RETURN; C(above) is the description of what holds the value."""
    assert set(value) <= set(documented), f"in {path or 'the result'}"
    for key, content in value.items():
        here, specification = f"{path}.{key}", documented[key]
        text = _described(specification)
        if content is None:
            assert "null" in f"{above} {text}".lower(), here
            continue
        seen.add(here)
        assert isinstance(content, _TYPES[specification["type"]]), here
        parts: list[Any] = content if isinstance(content, list) else [content]
        if isinstance(content, list):
            assert all(isinstance(part, _TYPES[specification["elements"]]) for part in parts), here
        holding = _holding(specification, module)
        for part in parts if "contains" in holding else ():
            hold_against(part, holding["contains"], module, here, seen, _described(holding))


def _described(specification: Mapping[str, Any]) -> str:
    description = specification["description"]
    return description if isinstance(description, str) else " ".join(description)


def _holding(specification: Mapping[str, Any], module: str) -> Mapping[str, Any]:
    """The specification itself, or that of another value, perhaps of another module, to which it refers."""
    if "contains" in specification or "dict" not in (specification["type"], specification.get("elements")):
        return specification
    for reference in _REFERENCE.finditer(_described(specification)):
        other = reference["module"] or module
        meant: Mapping[str, Any] = RETURNS[other][reference["key"]]
        if meant is not specification and "contains" in _holding(meant, other):
            return _holding(meant, other)
    return specification


def _paths(documented: Mapping[str, Any], path: str) -> Iterable[str]:
    for key, specification in documented.items():
        yield f"{path}.{key}"
        yield from _paths(specification.get("contains", {}), f"{path}.{key}")


# The documents' playbooks and commands.


def shown(block: Block, url: str) -> str:
    return at_simulator(block.text, url)[0]


def plays_of(words: list[str], files: Mapping[str, str], url: str) -> list[dict[str, Any]]:
    """What a command does, as plays, so that all commands run in one playbook."""
    parser = argparse.ArgumentParser()
    for flag in ("--check", "--diff"):
        parser.add_argument(flag, action="store_true")
    for option in ("-m", "-a", "--extra-vars"):
        parser.add_argument(option, default="")
    parser.add_argument("target")
    given = parser.parse_args([at_simulator(word, url)[0] for word in words[1:]])
    if words[0] == "ansible-playbook":
        plays = yaml.safe_load(files[given.target])
    else:
        arguments = json.loads(given.a) if given.a.startswith("{") else given.a
        plays = [tasks_of("[]", hosts=given.target, tasks=[{given.m: arguments}])]
    variables = dict(pair.split("=") for pair in given.extra_vars.split())
    return [
        {**play, "check_mode": given.check, "diff": given.diff, "vars": {**play.get("vars", {}), **variables}}
        for play in plays
    ]


def plays_of_documents(url: str) -> list[dict[str, Any]]:
    """All that can be run, in the order of the documents; what a command runs, as the command says."""
    blocks = [block for one in RUN_DOCUMENTS for block in blocks_of(one, "yaml", "shell") if not block.not_run]
    playbooks = {block.file: shown(block, url) for block in blocks if block.file}
    named = {word for document in RUN_DOCUMENTS for words in ansible_commands_of(document) for word in words}

    def plays(block: Block) -> list[dict[str, Any]]:
        if block.language == "shell":
            commands = [words for words in commands_in(block) if words[0] in ANSIBLE]
            return [play for words in commands for play in plays_of(words, playbooks, url)]
        if not block.is_playbook:
            # How tasks end that come to the rescue, a test of their own shows.
            return [] if "rescue:" in block.text else [tasks_of(shown(block, url))]
        return [] if block.file in named else list(yaml.safe_load(shown(block, url)))

    return [play for block in blocks for play in plays(block)]


@dataclass(frozen=True)
class Reading:
    """One run of all that people read, so that what one recipe leaves is there for the next."""

    examples: Run
    run: Run
    """Of the documents."""
    rescues: Run
    sim: Simulator
    plays: list[dict[str, Any]]
    handed_over: list[str]
    """Incidents of the first colleague."""
    storm: list[str]
    """Incidents of nobody; and one that ends, and one that is taken, while the recipe works on them."""
    ended: str
    taken: str


def rescue_plays(sim: Simulator) -> list[dict[str, Any]]:
    """The guide's tasks that come to the rescue: the service is at fault, and it is not."""
    (block,) = [block for block in blocks_of("docs/guide.md", "yaml") if "rescue:" in block.text]
    unread, known = sim.add_incident(), sim.add_incident()
    sim.fault(Fault("read_many", when_id=unread, status=503))
    defaults = {GROUP: {"retries": 0}}
    return [
        tasks_of(shown(block, sim.url), vars={"incident_ids": ids}, module_defaults=defaults)
        for ids in ([unread], [known, UNKNOWN_ID])
    ]


# A task between the parts of the run.
PART = "The next part"


@pytest.fixture(scope="module")
def reading(simulators: Callable[..., Simulator], module_ansible: Ansible) -> Reading:
    sim = simulators()
    ids = furnish(sim, *map(text_of, RUN_DOCUMENTS))
    # What an incident may lack, no recipe may take for granted.
    handed_over = [sim.add_incident(assignees=(FIRST, "bob"), without=OPTIONAL) for _n in range(2)]
    critical: dict[str, Any] = {"severity": "INCIDENT_SEVERITY_CRITICAL", "createdAt": timestamp(time.time() - 60)}
    ours: dict[str, Any] = {
        **critical,
        "without": OPTIONAL,
        "assignees": (),
        "contextualLabels": {APPLICATION_LABEL: "billing"},
    }
    acknowledged, triggered, ended, taken = (
        sim.add_incident(**ours, status=f"INCIDENT_STATUS_{status}")
        for status in ("ACKNOWLEDGED", "TRIGGERED", "TRIGGERED", "TRIGGERED")
    )
    # What must not be found by the recipes, and what has to be found by other tasks.
    sim.add_incident(assignees=(FIRST, SECOND), status="INCIDENT_STATUS_RESOLVED")
    sim.add_incident(name="A timeout", displayLabels={"team": "payments"}, **critical)
    sim.add_incident(createdAt="2026-11-23T03:10:00.000Z", severity="INCIDENT_SEVERITY_ERROR")

    def meanwhile(entry: Entry) -> None:
        if entry.operation == "read_many" and {ended, taken} <= {*entry.ids}:
            sim.add_incident(**{**sim.incident(ended), "status": "INCIDENT_STATUS_RESOLVED"})
        if entry.operation == "acknowledge" and taken in entry.ids:
            sim.act("assign", taken, "bob")

    sim.on_request = meanwhile
    (module_ansible.folder / "vault.yml").write_text(f"coralogix_api_key: {KEY}\n", encoding="utf-8")
    variables = {"incident_ids": ids, "coralogix_api_key": KEY, "my_user_id": ME, "application": "billing"}
    plays = [{**play, "vars": {**variables, **play.get("vars", {})}} for play in plays_of_documents(sim.url)]
    part = tasks_of("[]", tasks=[{"name": PART, "ansible.builtin.debug": {}}])
    whole = [*example_plays(simulators()), part, *plays, part, *rescue_plays(sim)]
    run = module_ansible.playbook(whole, env=environment(sim))
    assert [task.task for task in run.tasks].count(PART) == 2, run.output
    first, second = (n for n, task in enumerate(run.tasks) if task.task == PART)
    parts = (run.tasks[:first], run.tasks[first + 1 : second], run.tasks[second + 1 :])
    examples, documents, rescues = (replace(run, tasks=tasks) for tasks in parts)
    return Reading(examples, documents, rescues, sim, plays, handed_over, [triggered, acknowledged], ended, taken)


class TestPlaybooks:
    def test_playbooks_tasks_and_commands_run(self, reading: Reading) -> None:
        assert "[WARNING]" not in reading.run.output
        assert not [task for task in reading.run.tasks if task.failed], reading.run.output
        results = of_module(reading.run)
        assert len(results) == sum(uses(json.dumps(play)) for play in reading.plays) > 25
        for task in results:
            hold_result_against(task, module_of(task), set())
            assert found_or_changed(task), task
        # Each play in check mode has one task that would write.
        in_check_mode = sum('"check_mode": true' in json.dumps(play) for play in reading.plays)
        assert in_check_mode == 4
        assert len(reading.sim.writes) == sum(task["changed"] for task in results) - in_check_mode

    def test_hand_over_and_leaver(self, reading: Reading) -> None:
        """The incidents go from the first to the second, and then to nobody."""
        checked, done = (task for task in of_module(reading.run) if task.task == "Assign it to the next on call")
        for task in (checked, done):
            assert sorted(task["assigned_ids"]) == sorted(reading.handed_over)
            assert task["reassigned_ids"] == {one: [FIRST, "bob"] for one in reading.handed_over}
        told = [task for task in reading.run.tasks if task.task == "Tell what the next on call has now"]
        assert [len(task["results"]) for task in told] == [2, 2]
        assert sorted(reading.run.of("Unassign them")["unassigned_ids"]) == sorted(reading.handed_over)
        assert all(reading.sim.assignees(one) == [] for one in reading.handed_over)

    def test_storm_and_after_the_fix(self, reading: Reading) -> None:
        """What is taken goes through all of its life; what ended or was taken meanwhile is left alone."""
        sim, run = reading.sim, reading.run
        assert run.of("Find the oldest of the last hour")["count"] == 4
        assert run.of("Acknowledge them")["left_alone_ids"] == [reading.ended]
        assert sim.assignees(reading.ended) == []
        assert run.of("Take them")["left_alone_ids"] == [reading.taken]
        assert sim.assignees(reading.taken) == ["bob"]
        for one in reading.storm:
            assert sim.assignees(one) == [ME]
            assert sim.incident(one)["closedAt"]
        assert not sim.incident(reading.taken).get("closedAt")

    def test_event_without_a_list_of_ids_is_refused(self, ansible: Ansible) -> None:
        (block,) = [block for block in blocks_of("docs/guide.md", "yaml") if block.file == "unassign_event.yml"]
        sent: dict[str, Any] = {"mapping": {"a": 1}, "text": "x", "numbers": [1]}
        hosts = {"nothing": {}, **{name: {"incident_ids": ids} for name, ids in sent.items()}}
        run = ansible.playbook([{**play, "hosts": "all"} for play in block.content], hosts=hosts)
        assert {task.host for task in run.tasks if task.failed} == set(hosts)
        assert {task["msg"] for task in run.tasks} == {"The event has no list of incident IDs."}

    def test_rescue_of_the_guide(self, reading: Reading) -> None:
        """If the service is at fault it goes on and tells; if not, it fails with the module's message."""
        at_fault, not_at_fault = of_module(reading.rescues)
        for task in (at_fault, not_at_fault):
            assert task.failed
            hold_result_against(task, UNASSIGN, set())
        told = reading.rescues.of("Tell what is left to do")["msg"]
        assert at_fault["failure"]["url"].rpartition("=")[2] in told
        assert at_fault["failure"]["correlation_id"] in told
        last = reading.rescues.tasks[-1]
        assert (last.task, last.failed) == ("Go on only if the service is at fault", True)
        assert last["msg"].startswith(f"There is no incident {UNKNOWN_ID}")
        assert reading.rescues.returncode == 2

    @pytest.mark.parametrize("document", DOCUMENTS)
    def test_what_is_not_run_is_yaml_at_least(self, document: str) -> None:
        for block in blocks_of(document, "yaml"):
            assert block.content, f"{document}:{block.line}"
            assert document in RUN_DOCUMENTS or block.not_run, f"{document}:{block.line} is run by no test"
        for block in blocks_of(document, "json"):
            assert json.loads(block.text), f"{document}:{block.line}"

    def test_rulebook_and_credential_fit_the_playbook(self) -> None:
        """What cannot be run is held against what can."""
        blocks = [block.content for block in blocks_of("docs/guide.md", "yaml") if block.not_run]
        rulebook = next(content for content in blocks if isinstance(content, list))
        action = rulebook[0]["rules"][0]["action"]["run_playbook"]
        (playbook,) = [block for block in blocks_of("docs/guide.md", "yaml") if block.file == action["name"]]
        job = next(content for content in blocks if "action" in content)["action"]["run_job_template"]
        (body,) = blocks_of("docs/guide.md", "json")
        for variable in (*action["extra_vars"], *job["job_args"]["extra_vars"], *json.loads(body.text)):
            assert f"{{{{ {variable} }}}}" in playbook.text
        inputs = next(content for content in blocks if "fields" in content)
        injectors = next(content for content in blocks if "env" in content)["env"]
        fields = {field["id"] for field in inputs["fields"]}
        assert set(inputs["required"]) <= fields
        known = {name for option in _options.CONNECTION_OPTIONS.values() for name in option.get("env", ())}
        assert set(injectors) <= known
        assert {value.strip("{} ") for value in injectors.values()} == fields
        assert [field["id"] for field in inputs["fields"] if field.get("secret")] == ["api_key"]


class TestCommands:
    def test_a_command_as_it_stands_and_the_exit_code_of_a_failure(self, ansible: Ansible, sim: Simulator) -> None:
        """The guide names it. The other commands run above, taken apart."""
        words = ansible_commands_of("docs/guide.md")[-1]
        words = [_UUID.sub(UNKNOWN_ID, at_simulator(word, sim.url)[0]) for word in words]
        assert words[0] == "ansible"
        run = ansible.command(*words, env=environment(sim))
        assert run.returncode == 2
        assert run.only["not_found_ids"] == [UNKNOWN_ID]

    @pytest.mark.parametrize("document", DOCUMENTS)
    def test_commands_that_are_not_run(self, document: str) -> None:
        """They install: what they name exists."""
        galaxy = yaml.safe_load(text_of("galaxy.yml"))
        name, version = f"{galaxy['namespace']}.{galaxy['name']}", galaxy["version"]
        installed = {name, f"git+{galaxy['repository']}.git", f"{name.replace('.', '-')}-{version}.tar.gz"}
        targets = set(re.findall(r"^(\w+):", text_of("Makefile"), re.M))
        for words in commands_of(document):
            if words[0] == "ansible-galaxy":
                assert words[1:3] == ["collection", "install"]
                assert words[3] in installed
            elif words[0] == "make":
                assert words[1] in targets
            elif words[:4] == ["python3", "-m", "pip", "install"]:
                assert words[4:] == [text_of("requirements.txt").splitlines()[-1]]
            elif words[0] == "ansible-rulebook":
                options = dict(zip(words[1::2], words[2::2], strict=True))
                assert options.keys() == {"--rulebook", "--inventory", "--env-vars"}
                assert all(f"`{options[name]}`" in text_of(document) for name in ("--rulebook", "--inventory"))
                assert f"{{{{ {options['--env-vars']} }}}}" in text_of(document)
            else:
                assert words[0] in ("ansible", "ansible-playbook", "read"), words


# Messages.


def _message(node: ast.AST) -> str | None:
    """The text of a string or f-string, with … for what differs; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"\{\w+\}", "…", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_part, node.values))
    return None


def _part(node: ast.AST) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else "…"


def _told(tree: ast.AST) -> Iterable[ast.AST]:
    """Where texts for people are: in errors, in warnings, and in whatever else is a sentence."""
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("SettingsError", "CoralogixError"):
            yield from node.args
        elif isinstance(node, ast.keyword) and node.arg == "warning":
            yield node.value
        elif (_message(node) or "").endswith(".") and not {id(node)} & (silent | inner):
            yield node


def _values_told(tree: ast.AST) -> Iterable[str]:
    """What is wrong with a value; the message is that, behind the name of the option."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ValueError":
            yield from (f"… {_message(text)}." for text in node.args)


def messages_in_code() -> list[str]:
    found: dict[str, None] = dict.fromkeys(re.sub(r"\{\w+\}", "…", text) for text in _errors.EXPLANATIONS.values())
    for path in sorted((ROOT / "plugins" / "module_utils").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = [(text or "").strip() for text in (*map(_message, _told(tree)), *_values_told(tree))]
        found.update(dict.fromkeys(text for text in texts if " " in text and re.search(r"\w", text)))
    return list(found)


def entries_of_troubleshooting() -> dict[str, str]:
    """Every entry, and the section that it stands in."""
    entries, section = {}, ""
    for line in text_of("docs/troubleshooting.md").splitlines():
        section = line[3:] if line.startswith("## ") else section
        entry = re.match(r"(?:### |\| )`(.+?)`(?: \||$)", line)
        if entry:
            entries[entry[1]] = section
    return entries


# A task for each of the messages that Ansible has itself.
REFUSED_BY_ANSIBLE: dict[str, dict[str, Any]] = {
    "misspelt option": {f"{COLLECTION}.{UNASSIGN}": {"incident_ids": "x", "regoin": "eu2"}},
    "missing option": {f"{COLLECTION}.{UNASSIGN}": {"region": "eu2"}},
    "two ways to choose": {f"{COLLECTION}.incident_info": {"incident_ids": "x", "status": "triggered"}},
    "no such status": {f"{COLLECTION}.incident_info": {"status": "triggered,closed"}},
    "search in short": {f"{COLLECTION}.incident_info": {"search": "timeout"}},
}


class TestMessages:
    def test_every_message_has_an_entry_of_its_own(self) -> None:
        """An entry is how a message begins; where several fit, the longest is meant."""
        entries = {entry: re.escape(entry).replace("…", ".+?") for entry in entries_of_troubleshooting()}
        meant: dict[str, str] = {}
        for message in messages_in_code():
            fitting = [entry for entry, pattern in entries.items() if re.match(pattern, message)]
            assert fitting, f"docs/troubleshooting.md has no entry for: {message}"
            entry = max(fitting, key=len)
            assert entry not in meant, f"one entry, two messages: {message} | {meant[entry]}"
            meant[entry] = message
        not_ours = ("Messages of Ansible itself", "Other trouble")
        ours = [entry for entry, section in entries_of_troubleshooting().items() if section not in not_ours]
        assert set(ours) == set(meant), "entries for messages that nothing says"

    def test_messages_of_ansible_are_what_it_says(self, ansible: Ansible) -> None:
        entries = entries_of_troubleshooting().items()
        rows = [entry for entry, section in entries if section == "Messages of Ansible itself"]
        run = ansible.play(
            *({"name": name, **made, "ignore_errors": True} for name, made in REFUSED_BY_ANSIBLE.items())
        )
        said = [str(task["msg"]) for task in run.tasks]
        said.append(ansible.command("ansible", "localhost", "-m", f"{COLLECTION}.incident_unasign").output)
        for row in rows:
            messages = [re.escape(message).replace("…", ".+") for message in row.split("`, `")]
            found = [text for text in said if any(re.search(message, text) for message in messages)]
            assert found, row
        assert len(said) == len(rows)

    def test_the_reader_of_the_code_finds_messages(self) -> None:
        """Should the code change so that they are looked for in vain, the test above would test nothing."""
        messages = messages_in_code()
        assert len(messages) > len(_errors.EXPLANATIONS) + 20
        for text in ("There is no API key", "There is no incident", "Nothing was changed.", "Tried …", "… holds a"):
            assert any(message.startswith(text) for message in messages), text


# Tables and links.


def table_rows(document: str, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading of its first column, without the markup of code."""
    lines = text_of(document).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines[start + 2 :])
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows]


class TestTables:
    def test_environment_variables(self) -> None:
        in_code = {name: option["env"] for name, option in _options.CONNECTION_OPTIONS.items() if "env" in option}
        in_table = {option: tuple(names.split(", ")) for option, names in table_rows("README.md", "Option")}
        assert in_table == in_code
        order = [name for option in _options.HOST_OPTIONS for name in in_code[option]]
        *first, last = (f"`{name}`" for name in order)
        assert f"{', '.join(first)} and {last}, in this order" in " ".join(text_of("README.md").split())

    def test_regions_and_their_hosts(self) -> None:
        rows = table_rows("README.md", "Value of `region`")
        assert [region for region, _host in rows] == list(_options.REGIONS)
        for region, host in rows:
            found = _options.settings({**_NO_OPTIONS, "region": region, "api_key": "k"}, {})
            assert found.base_url == f"https://{host}/mgmt/openapi/latest"

    def test_versions(self) -> None:
        rows = table_rows("README.md", "ansible-core")
        assert {core: tuple(reversed(pythons.split(", "))) for core, pythons in rows} == CORES
        assert f"| Python where the modules run | {OLDEST_TARGET} or newer" in text_of("README.md")
        oldest = min(CORES, key=lambda core: [int(part) for part in core.split(".")])
        assert yaml.safe_load(text_of("meta/runtime.yml"))["requires_ansible"] == f">={oldest}.0"
        library, version = text_of("requirements.txt").splitlines()[-1].split(">=")
        assert f"`{library}` {version} or newer" in text_of("README.md")

    def test_routes(self) -> None:
        in_code = {
            operation.action: [_route_in_words(name, generation) for generation in ("v3", "v4")]
            for name, operation in _routes.OPERATIONS.items()
        }
        routes, permissions = table_rows("docs/api-versions.md", "Operation"), _permission_rows()
        assert {action: addresses for action, *addresses in routes} == in_code
        assert permissions == [
            [operation.action, operation.permission, "yes" if operation.personal_key else "no"]
            for operation in _routes.OPERATIONS.values()
        ]

    def test_what_version_3_cannot(self) -> None:
        section = text_of("docs/api-versions.md").partition("## Lists in version 3\n")[2].partition("\n## ")[0]
        named = re.search(r"^((?:`\w+`(?:, | and ))+`\w+`) are refused", section, re.M)
        assert named
        assert set(re.findall(r"\w+(?=`)", named[1])) == set(_routes.NOT_IN_QUERY.values())

    def test_modules_and_their_permissions(self) -> None:
        named = {name: set(re.findall(r"C\((incidents:\w+)\)", one.DOCUMENTATION)) for name, one in MODULES.items()}
        rows = table_rows("README.md", "Module")
        assert {name: set(permissions.split(", ")) for name, _what, permissions in rows} == named

    def test_lists_of_ids_that_are_returned(self) -> None:
        returned_by: dict[str, set[str]] = {}
        for keys, by, _meaning in table_rows("docs/guide.md", "Returned"):
            returned_by.update({key: set(re.findall(r"incident_\w+", by)) for key in keys.split(", ")})
        for name, documented in RETURNS.items():
            for key in (key for key in documented if key.endswith("_ids")):
                assert name in (returned_by[key] or {name}), f"{key} of {name}"
        assert returned_by.keys() == {key for one in RETURNS.values() for key in one if key.endswith("_ids")}


# What a request says besides the IDs, as the table shows it.
_VALUES: dict[str, dict[str, Any]] = {
    "assign": {"assignedTo": {"userId": "…"}},
    "list": {"filter": {"status": ["…"]}, "pagination": {"pageSize": "…"}},
}


def _route_in_words(operation: str, generation: str) -> str:
    values = _VALUES.get(operation, {})
    ids = () if operation == "list" else ("…",)
    made = _routes.request("", operation, generation, ids, values)
    body = f" {json.dumps(made.body, ensure_ascii=False)}" if made.body else ""
    return f"{made.method} {unquote(made.url.removeprefix('/incidents/incidents'))}{body}"


_NO_OPTIONS = {name: option.get("default") for name, option in _options.CONNECTION_OPTIONS.items()}


def _permission_rows() -> list[list[str]]:
    section = text_of("docs/api-versions.md").partition("## Permissions\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows]


def anchors(document: str) -> set[str]:
    """The anchors of headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text_of(document), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", ALL_DOCUMENTS)
def test_links_between_the_documents(document: str) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", text_of(document))
    for target in targets:
        if re.match(r"\w+:", target):
            assert target.startswith("https://"), target
            continue
        path, _hash, anchor = target.partition("#")
        meant = ((ROOT / document).parent / path).resolve() if path else ROOT / document
        assert meant.exists(), f"{document} links to {target}"
        assert not anchor or anchor in anchors(os.path.relpath(meant, ROOT)), f"{document} links to {target}"


# The demonstration.

DEMO = str(ROOT / "examples" / "demo.py")


def left_over(marker: str) -> list[str]:
    """The processes that have the marker in their environment, as those have that a run has started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


class TestDemo:
    def test_shows_before_and_after(self, ansible: Ansible) -> None:
        # A key and a host of the user's own must not get in without --ids.
        own = {**NO_WAY_OUT, "CORALOGIX_API_KEY": "of-the-user", "CORALOGIX_REGION": "eu2"}
        run = ansible.command(sys.executable, DEMO, env=own)
        assert run.returncode == 0, run.output
        assert not re.search("WARN|ERROR|of-the-user", run.output)
        assert "+        assignments: []" in run.output
        assert re.search(r"dana, lee.*DELETE .* for 2 IDs: 200.*Still assigned: nobody\.", run.output, re.S)
        changed = [task["changed"] for task in of_module(run)]
        assert changed == [True, True, False]
        assert len(run.output.splitlines()) < 60, "compact"
        assert not left_over(str(ansible.folder))

    def test_on_the_service_that_the_environment_names(self, ansible: Ansible, sim: Simulator) -> None:
        ids = sim.add_incidents(3, assigned=2)
        run = ansible.command(sys.executable, DEMO, "--ids", ",".join(ids[:2]), env=environment(sim))
        assert run.returncode == 0, run.output
        said = run.output.splitlines()[0]
        assert said == "This is for real: 2 incidents at 127.0.0.1 (CORALOGIX_URL) will be assigned to nobody."
        assert sim.writes[0].ids == ids[:2]
        assert KEY not in run.output

    def test_without_a_key_it_writes_nothing(self, ansible: Ansible) -> None:
        run = ansible.command(sys.executable, DEMO, "--ids", UNKNOWN_ID, env=NO_WAY_OUT)
        assert run.returncode == 2
        assert "CORALOGIX_API_KEY" in run.output

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_leaves_nothing_when_it_is_ended(self, tmp_path: Path, number: signal.Signals) -> None:
        """Ctrl-C reaches all processes of the terminal, SIGTERM the demonstration alone."""
        environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(
            [sys.executable, DEMO],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as running:
            assert running.stdout
            next(line for line in running.stdout if line.startswith("TASK"))
            if number == signal.SIGINT:
                os.killpg(running.pid, number)
            else:
                os.kill(running.pid, number)
            running.stdout.read()
            assert running.wait(timeout=30) == 130
        # A process that Ansible has forked may need a moment to see that it is over.
        deadline = time.monotonic() + 10
        while left_over(str(tmp_path)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left_over(str(tmp_path))
        assert not list(tmp_path.glob("coralogix-demo-*"))
