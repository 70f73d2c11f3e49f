# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read is true: examples, playbooks and commands run as they stand, and messages, links and tables hold.

An example names a real region. One substitution, in `at_simulator`, puts the simulator in its place; should it miss
one, the request ends at a proxy that is not there.
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.coralogix.incidents.plugins.module_utils import _errors, _options, _routes
from ansible_collections.coralogix.incidents.plugins.modules import incident_unassign
from playbooks import KEY, MODULE, Ansible, Run, TaskResult
from simulator import Entry, Fault, Simulator
from tools.pythons import CORES, OLDEST_TARGET

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "docs/guide.md", "docs/api-versions.md", "docs/troubleshooting.md", "docs/architecture.md")
# Those with playbooks and commands.
RUN_DOCUMENTS = ("README.md", "docs/guide.md")
ALL_DOCUMENTS = (*DOCUMENTS, "CONTRIBUTING.md")

UNKNOWN_ID = "11111111-2222-4333-8444-555555555555"
LEAVER = "5e1f0c52-7a0c-4b7e-8f57-2f7d8f1a9b11"
GROUP = "group/coralogix.incidents.coralogix"

# How the examples give their host -> how the same is said of the simulator.
HOSTS = {
    "region: eu2": "api_url: {}",
    "domain: eu2.coralogix.com": "api_url: {}",
    "region=eu2": "api_url={}",
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


def commands_of(document: str) -> list[list[str]]:
    lines = [line for block in blocks_of(document, "shell") for line in block.text.splitlines()]
    return [shlex.split(line) for line in lines]


# A simulator that has what the examples speak of.

_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def furnish(sim: Simulator, *texts: str) -> list[str]:
    """Incidents of all IDs in the texts; those from which somebody is taken off get somebody again afterwards."""
    ids = sorted({one for text in texts for one in _UUID.findall(text)} - {LEAVER, UNKNOWN_ID})
    for one in ids:
        sim.add_incident(one, assignees=("alice", "bob"))

    def assign_again(entry: Entry) -> None:
        for one in entry.effect:
            sim.assign(one, "carol")

    sim.after_request = assign_again
    return ids


def environment(sim: Simulator) -> dict[str, str]:
    # Without the last one, `ansible` loads no callbacks: not even that of the harness.
    return {**NO_WAY_OUT, "CORALOGIX_URL": sim.url, "CORALOGIX_API_KEY": KEY, "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"}


def play_all(
    ansible: Ansible, sim: Simulator, named: Mapping[str, str], variables: Mapping[str, Any], *, retries: int = 4
) -> Run:
    """Run playbooks and lists of tasks, given by their file names, one after the other in one run."""
    plays: list[dict[str, Any]] = []
    for name, text in named.items():
        (ansible.folder / name).write_text(at_simulator(text, sim.url)[0], encoding="utf-8")
        if all("hosts" in one for one in yaml.safe_load(text)):
            plays.append({"ansible.builtin.import_playbook": name})
        else:
            tasks = [{"ansible.builtin.import_tasks": name}]
            defaults = {GROUP: {"retries": retries}}
            plays.append({"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": tasks})
    return ansible.playbook(plays, ["--extra-vars", json.dumps(variables)], environment(sim))


def of_module(run: Run) -> list[TaskResult]:
    """What the module returned, in each round of a loop, too."""
    rounds = [
        replace(task, result=result) for task in run.tasks for result in task.result.get("results", [task.result])
    ]
    return [task for task in rounds if "not_found_ids" in task]


# The module's own documentation.


@pytest.fixture(scope="module")
def results(simulators: Callable[..., Simulator], module_ansible: Ansible) -> list[TaskResult]:
    sim = simulators()
    examples = incident_unassign.EXAMPLES
    text, replaced = at_simulator(examples, sim.url)
    assert replaced == examples.count("region:") + examples.count("domain:") > 0
    ids = furnish(sim, examples)
    # Its closing is the only thing that an open incident does not show.
    closed = sim.add_incident(closedAt="2026-11-23T04:10:00.000Z", status="INCIDENT_STATUS_RESOLVED")
    (module_ansible.folder / "examples.yml").write_text(text, encoding="utf-8")
    last = yaml.safe_dump([yaml.safe_load(text)[-1]])
    (module_ansible.folder / "rescue.yml").write_text(last, encoding="utf-8")

    def play(file: str, incident_ids: Sequence[str], key: str = KEY) -> dict[str, Any]:
        return {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {"incident_ids": list(incident_ids), "coralogix_api_key": KEY},
            "environment": {"CORALOGIX_API_KEY": key},
            "tasks": [{"ansible.builtin.import_tasks": file}],
        }

    plays = [
        play("examples.yml", [*ids, closed]),
        # The failures that the last example is about: without a request to blame, and with one.
        play("rescue.yml", [*ids, UNKNOWN_ID]),
        play("rescue.yml", ids, key="wrong"),
    ]
    run = module_ansible.playbook(plays, env=NO_WAY_OUT)
    assert run.returncode == 0, run.output
    assert [task["msg"] for task in run.tasks if task.task == "Tell what happened"] == [
        f"Unassigned {len(ids) + 1} of {len(ids) + 1} incidents; unknown: none"
    ]
    return of_module(run)


class TestModule:
    """Its EXAMPLES run, and what they return is what RETURN says."""

    def test_examples_run_and_their_failures_are_rescued(self, results: list[TaskResult]) -> None:
        assert [task.outcome for task in results] == ["ok"] * 4 + ["failed"] * 2
        assert all(task["changed"] for task in results[:4])

    def test_results_are_as_documented(self, results: list[TaskResult]) -> None:
        documented = yaml.safe_load(incident_unassign.RETURN)
        seen: set[str] = set()
        for task in results:
            own = {key: value for key, value in task.result.items() if key in documented or not _is_ansibles(key)}
            hold_against(own, documented, "", seen)
            for key, specification in documented.items():
                wanted = {"always": True, "success": not task.failed, "failure": task.failed}
                assert (key in own) is wanted[specification["returned"]], key
        # The facts of a task that ended well, the only one that sets them, show no assignments.
        never = re.compile(r"\.ansible_facts\.coralogix_incidents\.assignments\..*")
        expected = {path for path in _paths(documented, "") if not never.match(path)}
        assert seen == expected, "documented, and never returned with a value, or the other way round"


def _is_ansibles(key: str) -> bool:
    """What every module may return."""
    return key in ("changed", "diff", "exception", "failed", "invocation", "msg", "warnings") or key.startswith("_")


_TYPES: Mapping[str, type] = {"str": str, "int": int, "bool": bool, "list": list, "dict": dict}


def hold_against(value: Mapping[str, Any], documented: Mapping[str, Any], path: str, seen: set[str]) -> None:
    assert set(value) <= set(documented), f"in {path or 'the result'}"
    for key, content in value.items():
        here, specification = f"{path}.{key}", documented[key]
        if content is None:
            assert "null" in " ".join([*specification["description"], *documented_above(path)]).lower(), here
            continue
        seen.add(here)
        assert isinstance(content, _TYPES[specification["type"]]), here
        parts: list[Any] = content if isinstance(content, list) else [content]
        if isinstance(content, list):
            assert all(isinstance(part, _TYPES[specification["elements"]]) for part in parts), here
        if "contains" in specification:
            for part in parts:
                hold_against(part, specification["contains"], here, seen)


def documented_above(path: str) -> list[str]:
    """The description of what holds the value at the top: it may speak for all its values."""
    top = yaml.safe_load(incident_unassign.RETURN).get(path.split(".")[1] if path else "", {})
    return list(top.get("description", ()))


def _paths(documented: Mapping[str, Any], path: str) -> Iterable[str]:
    for key, specification in documented.items():
        yield f"{path}.{key}"
        yield from _paths(specification.get("contains", {}), f"{path}.{key}")


# The documents' playbooks and commands.


class TestPlaybooks:
    def test_playbooks_and_tasks_run(self, ansible: Ansible, sim: Simulator) -> None:
        """All in one run. What the reader includes from elsewhere lies beside, under the name that is given."""
        blocks = [block for document in RUN_DOCUMENTS for block in blocks_of(document, "yaml") if not block.not_run]
        ids = furnish(sim, *map(text_of, RUN_DOCUMENTS))
        held = [sim.add_incident(assignees=(LEAVER, "bob")) for _n in range(5)]
        sim.add_incident(assignees=(LEAVER,), status="INCIDENT_STATUS_RESOLVED")
        (ansible.folder / "vault.yml").write_text(f"coralogix_api_key: {KEY}\n", encoding="utf-8")
        named: dict[str, str] = {}
        for block in blocks:
            if block.file and not block.is_playbook:
                assert any(f"include_tasks: {block.file}" in other.text for other in blocks if other.is_playbook)
                text, _hosts = at_simulator(block.text, sim.url)
                (ansible.folder / block.file).write_text(text, encoding="utf-8")
            else:
                named[block.file or f"block-{len(named)}.yml"] = block.text
        variables = {"incident_ids": ids, "coralogix_api_key": KEY, "user_id": LEAVER, "page_size": 2}
        run = play_all(ansible, sim, named, variables)
        assert run.returncode == 0, run.output
        assert "WARNING" not in run.output
        results = of_module(run)
        assert len(results) == sum(text.count(f"{MODULE}:") for text in named.values()) > 0
        assert all(task["changed"] for task in results)
        # The pages of the guide's recipe: three of two incidents at most.
        assert [entry.operation for entry in sim.journal].count("list") == 3
        assert sorted(run.of("Unassign them")["unassigned_ids"]) == sorted(held)

    def test_rescue_of_the_guide(self, ansible: Ansible, simulators: Callable[..., Simulator]) -> None:
        """If the service is at fault it goes on and tells; if not, it fails with the module's message."""
        (block,) = [block for block in blocks_of("docs/guide.md", "yaml") if "rescue:" in block.text]
        sim = simulators()
        variables = {"incident_ids": furnish(sim, incident_unassign.EXAMPLES)}
        sim.fault(Fault("read_many", status=503, times=1))
        run = play_all(ansible, sim, {"rescue.yml": block.text}, variables, retries=0)
        assert run.returncode == 0, run.output
        assert all(one in run.of("Tell what is left to do")["msg"] for one in variables["incident_ids"])
        run = play_all(ansible, sim, {"rescue.yml": block.text}, {"incident_ids": [UNKNOWN_ID]}, retries=0)
        assert run.returncode == 2
        assert run.of("Go on only if the service is at fault")["msg"].startswith(f"There is no incident {UNKNOWN_ID}")

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
    @pytest.mark.parametrize("document", RUN_DOCUMENTS)
    def test_commands_run(self, ansible: Ansible, sim: Simulator, document: str) -> None:
        commands = [words for words in commands_of(document) if words[0] in ("ansible", "ansible-playbook")]
        assert commands
        ids = furnish(sim, text_of(document))
        held = sim.add_incident(assignees=(LEAVER,))
        for block in blocks_of(document, "yaml"):
            if block.file:
                (ansible.folder / block.file).write_text(at_simulator(block.text, sim.url)[0], encoding="utf-8")
        for words in commands:
            sim.clear_journal()
            run = ansible.command(*(at_simulator(word, sim.url)[0] for word in words), env=environment(sim))
            assert run.returncode == 0, run.output
            (result,) = of_module(run)
            assert set(result["unassigned_ids"]) <= {*ids, held}
            assert result["changed"], words
            assert bool(sim.writes) is ("--check" not in words), words
            assert "--diff" not in words or "diff" in result

    def test_exit_code_of_a_failure(self, ansible: Ansible, sim: Simulator) -> None:
        """The guide names it."""
        arguments = f"api_url={sim.url} incident_ids={UNKNOWN_ID}"
        run = ansible.command("ansible", "localhost", "-m", MODULE, "-a", arguments, env=environment(sim))
        assert run.returncode == 2

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
    if isinstance(node, ast.Constant):
        return str(node.value)
    # The only change that there is.
    words = {"change.done": "unassigned", "change.done.capitalize()": "Unassigned"}
    return words.get(ast.unparse(node.value), "…") if isinstance(node, ast.FormattedValue) else "…"


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


def messages_in_code() -> list[str]:
    found: dict[str, None] = dict.fromkeys(re.sub(r"\{\w+\}", "…", text) for text in _errors.EXPLANATIONS.values())
    for path in sorted((ROOT / "plugins" / "module_utils").glob("*.py")):
        texts = map(_message, _told(ast.parse(path.read_text(encoding="utf-8"))))
        found.update(dict.fromkeys(text for text in texts if text and " " in text))
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
        others = [entry for entry, section in entries_of_troubleshooting().items() if section != "Other trouble"]
        assert set(others) == set(meant), "entries for messages that nothing says"

    def test_the_reader_of_the_code_finds_messages(self) -> None:
        """Should the code change so that they are looked for in vain, the test above would test nothing."""
        messages = messages_in_code()
        assert len(messages) > len(_errors.EXPLANATIONS) + 20
        for text in ("There is no API key", "There is no incident", "Nothing was changed.", "Tried …"):
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
        assert f"| Python where the module runs | {OLDEST_TARGET} or newer" in text_of("README.md")
        oldest = min(CORES, key=lambda core: [int(part) for part in core.split(".")])
        assert yaml.safe_load(text_of("meta/runtime.yml"))["requires_ansible"] == f">={oldest}.0"
        library, version = text_of("requirements.txt").splitlines()[-1].split(">=")
        assert f"`{library}` {version} or newer" in text_of("README.md")

    def test_routes(self) -> None:
        in_code = {
            operation.action: [
                f"{route.method} {route.path}?{route.ids}=…"
                for route in (operation.routes[generation] for generation in ("v3", "v4"))
            ]
            for operation in _routes.OPERATIONS.values()
        }
        routes, permissions = table_rows("docs/api-versions.md", "Operation"), _permission_rows()
        assert {action: addresses for action, *addresses in routes} == in_code
        assert permissions == [
            [operation.action, operation.permission, "yes" if operation.personal_key else "no"]
            for operation in _routes.OPERATIONS.values()
        ]


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
