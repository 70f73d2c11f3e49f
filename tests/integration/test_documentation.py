# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read is true: examples run, results are as documented, messages, tables and links agree with the code.

The commands and playbooks of the README and the guides run in test_demo.py, the playbooks of the collection in
test_playbooks.py.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Callable, NamedTuple
from urllib.parse import unquote

import pytest
import yaml
from ansible_collections.coralogix.incidents.plugins.module_utils import _settings
from ansible_collections.coralogix.incidents.plugins.module_utils._case import CASE
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import CoralogixError
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._messages import FAILURE_TEXTS
from ansible_collections.coralogix.incidents.plugins.module_utils._request import build_request
from documents import (
    DOCUMENTS,
    GUIDES,
    ROOT,
    blocks_of,
    commands_of,
    rows_of,
    section_of,
    sections_of,
    tables_in,
    text_of,
)
from operations import OPERATIONS
from playbooks import COLLECTION, KEY, Ansible, Run, TaskResult
from simulator import Fault, Simulator
from tools.pythons import CORES, OLDEST_TARGET

MODULES = {
    path.stem: importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.modules.{path.stem}")
    for path in sorted((ROOT / "plugins" / "modules").glob("*_*.py"))
    if not path.stem.startswith("__")
}
RETURNS: Mapping[str, Any] = {name: yaml.safe_load(module.RETURN) for name, module in MODULES.items()}

UNKNOWN_ID = "11111111-2222-4333-8444-555555555555"
ME = "9b7a3d4e-1c2f-4e5d-8a6b-7c8d9e0f1a2b"
EMAILS = ("dana@example.com", "lee@example.com")
# A task that names a real host ends at a proxy that does not exist.
NO_WAY_OUT = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


# The examples of the modules.

_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_HOST = re.compile(r"(?:region|domain): \S+")


def add_things(sim: Simulator, module: str, text: str) -> dict[str, Any]:
    """Add all that an example speaks of. Returns its variables."""
    uuids = sorted(set(_UUID.findall(text)))
    if not module.startswith("incident"):
        for email in EMAILS:
            sim.add_user(email)
        status = "acknowledged" if module == "case_unacknowledge" else "active"
        override = "P2" if module == "case_priority" else None
        readable_ids = sorted({"CASE-123", "CASE-124", *re.findall(r"CASE-\d+", text)})
        for readable_id in readable_ids:
            sim.add_case(readableId=readable_id, assignee=sim.add_user(), status=status, override=override)
        for case_id in uuids:
            sim.add_case(case_id, assignee=sim.add_user(), readableId="CASE-9")
        sim.add_case(priority="P1")
        return {"case_ids": readable_ids, "my_user_id": ME}
    # The first has all that is documented; the second has nothing that may be missing.
    optional = ("name", "description", "isMuted", "metaLabels")
    ids = [
        sim.add_incident(uuid, assignees=("alice", "bob"), without=optional if number else ())
        for number, uuid in enumerate(uuids or [sim.add_incident(), sim.add_incident()])
    ]
    free = sim.add_incident(assignees=(), severity="INCIDENT_SEVERITY_CRITICAL", displayLabels={"team": "payments"})
    # Its closing is the only thing that an open incident does not show.
    closed = sim.add_incident(
        assignees=("alice",), closedAt="2026-11-23T04:10:00.000Z", status="INCIDENT_STATUS_RESOLVED"
    )
    return {"incident_ids": [*ids, free, closed], "coralogix_api_key": KEY, "my_user_id": ME}


class Examples(NamedTuple):
    run: Run
    results: dict[str, list[TaskResult]]
    """Of the tasks of each module. The last one fails: its key is wrong."""


@pytest.fixture(scope="module")
def examples(simulators: Callable[..., Simulator], shared_ansible: Ansible) -> Examples:
    """The examples of all modules in one playbook. Each module is a host."""
    plays: list[dict[str, Any]] = []
    for name, module in MODULES.items():
        sim = simulators()
        text, count = _HOST.subn(f"api_url: {sim.url}", module.EXAMPLES)
        assert count == text.count("api_url") > 0
        common = {"hosts": name, "gather_facts": False, "vars": add_things(sim, name, module.EXAMPLES)}
        tasks = yaml.safe_load(text)
        # Where an example comes to the rescue of a failure, that one fails.
        failing = next((task for task in tasks if "rescue" in task), {**tasks[0], "ignore_errors": True})
        for key, listed in ((KEY, tasks), ("wrong", [failing])):
            environment = {"CORALOGIX_API_KEY": key}
            plays.append({**common, "tasks": listed, "environment": environment, "strategy": "free"})
    hosts: dict[str, dict[str, Any]] = {name: {} for name in MODULES}
    run = shared_ansible.playbook(plays, env=NO_WAY_OUT, hosts=hosts)
    results = {name: [task for task in run.tasks if task.host == name and is_of_collection(task)] for name in MODULES}
    return Examples(run, results)


def is_of_collection(task: TaskResult) -> bool:
    return any(key.startswith("not_found_") for key in task.result)


@pytest.mark.parametrize("name", MODULES)
class TestModules:
    def test_examples_run(self, examples: Examples, name: str) -> None:
        *succeeded, failed = examples.results[name]
        assert len(succeeded) == len(re.findall(rf"{re.escape(COLLECTION)}\.{name}:", MODULES[name].EXAMPLES))
        assert not [task for task in succeeded if task.failed]
        assert failed.failed
        assert "did not accept the API key" in failed["msg"]
        counts = [task.result.get("count", task["changed"]) for task in succeeded]
        assert counts[0], "the first example finds or changes something"

    def test_results_are_as_documented(self, examples: Examples, name: str) -> None:
        seen: set[str] = set()
        for task in examples.results[name]:
            check_result(task, name, seen)
        if name.startswith("incident"):
            # Nobody is assigned after a task that unassigns.
            never = r".*\.assignments\..*" if name == "incident_unassign" else "$^"
            documented = {path for path in documented_paths(RETURNS[name], "") if not re.match(never, path)}
            assert seen >= documented, "documented, and never returned with a value"


def check_result(task: TaskResult, name: str, seen: set[str]) -> None:
    """Compare a result with RETURN. Adds the paths of all values to C(seen)."""
    documented = RETURNS[name]
    own = {key: value for key, value in task.result.items() if key in documented or not is_ansibles_own(key)}
    check_values(own, documented, name, "", seen)
    when = {"always": True, "success": not task.failed, "failure": task.failed}
    for key, specification in documented.items():
        # Other conditions cannot be seen in a result.
        assert (key in own) is when.get(specification["returned"], key in own), key


def is_ansibles_own(key: str) -> bool:
    """What every module may return, and what Ansible adds."""
    common = ("changed", "diff", "exception", "failed", "invocation", "msg", "warnings", "item", "ansible_loop_var")
    return key in common or key.startswith("_")


_TYPES: Mapping[str, type] = {"str": str, "int": int, "bool": bool, "list": list, "dict": dict}
_REFERENCE = re.compile(r"RV\((?:coralogix\.incidents\.(?P<module>\w+)#module:)?(?P<key>\w+)\)")


def check_values(
    value: Mapping[str, Any], documented: Mapping[str, Any], module: str, path: str, seen: set[str], above: str = ""
) -> None:
    """Compare values with RETURN. C(above) is the description of what contains them."""
    assert set(value) <= set(documented), f"in {path or 'the result'}"
    for key, content in value.items():
        here, specification = f"{path}.{key}", documented[key]
        text = description_of(specification)
        if content is None:
            assert "null" in f"{above} {text}".lower(), here
            continue
        seen.add(here)
        assert isinstance(content, _TYPES[specification["type"]]), here
        parts: list[Any] = content if isinstance(content, list) else [content]
        if isinstance(content, list):
            assert all(isinstance(part, _TYPES[specification["elements"]]) for part in parts), here
        container = with_contents(specification, module)
        for part in parts if "contains" in container else ():
            check_values(part, container["contains"], module, here, seen, description_of(container))


def description_of(specification: Mapping[str, Any]) -> str:
    description = specification["description"]
    return description if isinstance(description, str) else " ".join(description)


def with_contents(specification: Mapping[str, Any], module: str) -> Mapping[str, Any]:
    """The specification itself, or the one of another value, perhaps of another module, to which it refers."""
    if "contains" in specification or "dict" not in (specification["type"], specification.get("elements")):
        return specification
    for reference in _REFERENCE.finditer(description_of(specification)):
        other = reference["module"] or module
        referenced: Mapping[str, Any] = RETURNS[other][reference["key"]]
        if referenced is not specification and "contains" in with_contents(referenced, other):
            return with_contents(referenced, other)
    return specification


def documented_paths(documented: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, specification in documented.items():
        yield f"{path}.{key}"
        yield from documented_paths(specification.get("contains", {}), f"{path}.{key}")


# The documents.


def test_rescue_of_the_guide(ansible: Ansible, simulators: Callable[..., Simulator]) -> None:
    """If the service is at fault, it goes on and says what is left. If not, it fails with the module's message."""
    (block,) = [block for block in blocks_of(f"{GUIDES}/guide.rst", "yaml") if "rescue:" in block.text]
    down, works = simulators(), simulators()
    down.fault(Fault("read_many", status=503))
    hosts = {
        "at-fault": {"incident_ids": down.add_incidents(1), "url": down.url},
        "not-at-fault": {"incident_ids": [*works.add_incidents(1), UNKNOWN_ID], "url": works.url},
    }
    defaults = {f"group/{COLLECTION}.coralogix": {"retries": 0, "api_url": "{{ url }}", "api_key": "{{ api_key }}"}}
    play = {"hosts": "all", "gather_facts": False, "module_defaults": defaults, "vars": {"api_key": KEY}}
    run = ansible.playbook([{**play, "tasks": yaml.safe_load(block.text)}], hosts=hosts)
    failed = run.of("Unassign", "at-fault")
    shown = run.of("Show what is left to do", "at-fault")["msg"]
    assert hosts["at-fault"]["incident_ids"][0] in shown
    assert failed["failure"]["correlation_id"] in shown
    last = run.of("Go on only if the service is at fault", "not-at-fault")
    assert last.failed
    assert last["msg"].startswith(f"Unknown incident IDs: '{UNKNOWN_ID}'")
    assert run.returncode == 2


def example_functions() -> dict[str, Callable[..., None]]:
    """The tests in the example of CONTRIBUTING.md."""
    (block,) = blocks_of("CONTRIBUTING.md", "python")
    assert block.mark == "file: tests/integration/test_example.py"
    namespace: dict[str, Any] = {}
    exec(compile(block.text, block.mark, "exec"), namespace)  # noqa: S102 - our own document
    return {name: content for name, content in namespace.items() if name.startswith("test_")}


@pytest.mark.parametrize("name", example_functions())
def test_example_of_contributing(ansible: Ansible, sim: Simulator, name: str) -> None:
    example_functions()[name](ansible=ansible, sim=sim)


@pytest.mark.parametrize("document", DOCUMENTS)
class TestDocuments:
    def test_blocks_can_be_read(self, document: str) -> None:
        for block in blocks_of(document, "yaml"):
            assert yaml.safe_load(block.text)
        for block in blocks_of(document, "json"):
            assert json.loads(block.text)

    def test_names_exist(self, document: str) -> None:
        """Of modules, playbooks, rulebooks and event sources."""
        places = ("plugins/modules", "playbooks", "extensions/eda/rulebooks", "extensions/eda/plugins/event_source")
        existing = {path.stem for place in places for path in (ROOT / place).glob("*.*")}
        existing |= {"coralogix", "docsite"}
        named = set(re.findall(rf"\b{re.escape(COLLECTION)}\.(\w+)", text_of(document)))
        assert named <= existing

    def test_links(self, document: str) -> None:
        """Those of Markdown. Sphinx checks those of the guides."""
        for target in re.findall(r"\]\(([^)\s]+)\)", text_of(document)):
            if re.match(r"\w+:", target):
                assert target.startswith("https://"), target
                continue
            path, _hash, anchor = target.partition("#")
            found = ((ROOT / document).parent / path).resolve() if path else ROOT / document
            assert found.exists(), target
            assert not anchor or anchor in anchors_of(os.path.relpath(found, ROOT)), target

    def test_commands_that_no_test_runs(self, document: str) -> None:
        """They install and build: what they name exists."""
        tarball = "{namespace}-{name}-{version}.tar.gz".format(**yaml.safe_load(text_of("galaxy.yml")))
        files = {block.file for block in blocks_of(document, "yaml")}
        requirement = text_of("requirements.txt").splitlines()[-1]
        targets = set(re.findall(r"^(\w+):", text_of("Makefile"), re.M))
        for words in (shlex.split(line, comments=True) for line in commands_of(document)):
            if words[:3] == ["ansible-galaxy", "collection", "install"]:
                assert words[3] in (tarball, ".") or (words[3] == "-r" and words[4] in files), words
            elif words[:1] == ["make"]:
                assert {word for word in words[1:] if "=" not in word} <= targets, words
            libraries = {word for word in words if re.match(r"requests\W", word)}
            assert libraries <= {requirement, "requests[socks]"}, words


def anchors_of(document: str) -> set[str]:
    """The anchors of headings, as GitHub makes them."""
    headings = [section.heading.lower() for section in sections_of(document)]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


# Messages.

# Where texts for people are. Those of event sources are in their log; what plugin_utils says only follows another text.
_SOURCES = [path for folder in ("module_utils", "modules") for path in sorted((ROOT / "plugins" / folder).glob("*.py"))]
NOT_OURS = ("Messages of Ansible itself", "Other problems")
PARTS = "How to read a message"


def template(node: ast.AST) -> str | None:
    """A text or format string, with … for what differs. None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"\{\w+\}", "…", node.value).strip()
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values).strip()
    return None


def templates_in_code() -> set[str]:
    """All texts and format strings, without docstrings and documentation."""
    found = {re.sub(r"\{\w+\}", "…", text) for text in FAILURE_TEXTS.values()}
    for path in _SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        formatted = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        parts = {id(part) for node in formatted for part in ast.walk(node) if part is not node}
        nodes = (node for node in ast.walk(tree) if id(node) not in docstrings | parts)
        texts = {text for text in map(template, nodes) if text and " " in text and "\n" not in text}
        found |= texts
    return found


def entries_of_troubleshooting() -> dict[str, str]:
    """Entry -> its section. An entry is a heading that is code, or a row of a table that begins with code."""
    entries, above = {}, ""
    for section in sections_of(f"{GUIDES}/troubleshooting.rst"):
        above = section.heading if section.level == 2 else above
        cells = [row[0] for table in tables_in(section.text) for row in table]
        entries.update({text.strip("`"): above for text in (section.heading, *cells) if re.match("``.*``$", text)})
    return entries


def pattern_of(entry: str) -> str:
    return re.escape(entry).replace("…", ".+")


# A task for each message that Ansible itself has.
REFUSED_BY_ANSIBLE: dict[str, dict[str, Any]] = {
    "misspelt option": {f"{COLLECTION}.incident_unassign": {"incident_ids": "x", "regoin": "eu2"}},
    "missing option": {f"{COLLECTION}.incident_unassign": {"region": "eu2"}},
    "two ways to choose": {f"{COLLECTION}.incident_info": {"incident_ids": "x", "status": "triggered"}},
    "no such status": {f"{COLLECTION}.incident_info": {"status": "triggered,closed"}},
    "search in short": {f"{COLLECTION}.incident_info": {"search": "timeout"}},
}


class TestMessages:
    def test_every_message_has_an_entry(self) -> None:
        """A message is a sentence. An entry is how it begins."""
        entries = [pattern_of(entry) for entry in entries_of_troubleshooting()]
        messages = [text for text in templates_in_code() if re.search(r"\w.*\.$", text)]
        assert len(messages) > len(FAILURE_TEXTS) + 40
        missing = [text for text in messages if not any(re.match(entry, text) for entry in entries)]
        assert not missing, "the page on troubleshooting has no entry for these"

    def test_every_entry_is_a_message(self) -> None:
        texts = templates_in_code()
        for entry, section in entries_of_troubleshooting().items():
            if section not in NOT_OURS:
                find = re.search if section == PARTS else re.match
                # The colon and the list that follow are put in elsewhere.
                words = entry.partition(": …")[0] if section == PARTS else entry
                assert any(find(pattern_of(words), text) for text in texts), entry

    def test_messages_of_ansible(self, ansible: Ansible) -> None:
        entries = [entry for entry, section in entries_of_troubleshooting().items() if section == NOT_OURS[0]]
        tasks = ({"name": name, **task, "ignore_errors": True} for name, task in REFUSED_BY_ANSIBLE.items())
        texts = [str(task["msg"]) for task in ansible.play(*tasks).tasks]
        texts.append(ansible.ad_hoc("incident_unasign", "").output)
        for entry in entries:
            assert any(re.search(pattern_of(part), text) for part in entry.split("``, ``") for text in texts), entry
        assert len(texts) == len(entries)


# Tables.


API_VERSIONS = f"{GUIDES}/api_versions.rst"


def region_of_web_page(address: str) -> str | None:
    """The region that the message names for this address, or None if it is taken for a host of the API."""
    try:
        _settings.resolve_settings({"api_url": f"https://{address}", "api_key": "k"}, {})
    except CoralogixError as error:
        return re.findall(r"Set region to (\w+) instead", error.error.message)[0]
    return None


class TestTables:
    def test_environment_variables(self) -> None:
        """In the order in which they are looked up. docs/docsite/config.yml names them for links."""
        page = f"{GUIDES}/environment_variables.rst"
        documented = {
            section.heading: re.findall(r"^\.\. envvar:: (\w+)$", section.text, re.M) for section in sections_of(page)
        }
        options = _settings.CONNECTION_OPTIONS
        assert documented["API key"] == [*options["api_key"]["env"]]
        assert documented["Host"] == [name for option in _settings.HOST_OPTIONS for name in options[option]["env"]]
        in_code = {name for option in options.values() for name in option.get("env", ())}
        assert {*documented["API key"], *documented["Host"], *documented["Team"]} == in_code
        names = [name for section in documented.values() for name in section]
        assert yaml.safe_load(text_of("docs/docsite/config.yml"))["envvar_directives"] == names

    def test_regions(self) -> None:
        rows = rows_of(f"{GUIDES}/getting_started.rst", "Address in the browser")
        assert sorted(region for _addresses, region, _host in rows) == list(_settings.REGIONS)
        for addresses, region, host in rows:
            settings = _settings.resolve_settings({"region": region, "api_key": "k"}, {})
            assert settings.base_url == f"https://{host}/mgmt/openapi/latest"
            for address in addresses.split(", "):
                assert region_of_web_page(address) == (region if ".app." in address else None)
        in_readme = re.findall(r"`(app\.[\w.]+)` means `(\w+)`", " ".join(text_of("README.md").split()))
        assert len(in_readme) == 5
        assert all(region_of_web_page(address) == region for address, region in in_readme)

    def test_versions(self) -> None:
        rows = rows_of("README.md", "ansible-core")
        assert {core: tuple(pythons.split(", ")[::-1]) for core, pythons in rows} == CORES
        assert f"| Python where the modules run | {OLDEST_TARGET} or newer" in text_of("README.md")
        oldest = min(CORES, key=lambda core: [int(part) for part in core.split(".")])
        assert yaml.safe_load(text_of("meta/runtime.yml"))["requires_ansible"] == f">={oldest}.0"
        library, version = text_of("requirements.txt").splitlines()[-1].split(">=")
        assert f"`{library}` {version} or newer" in text_of("README.md")

    def test_routes_of_incidents(self) -> None:
        in_code = {
            operation.action: [route_in_words(name, route_set) for route_set in ("v3", "v4")]
            for name, operation in INCIDENT.operations.items()
        }
        assert {action: routes for action, *routes in rows_of(API_VERSIONS, "Operation")} == in_code

    def test_routes_of_cases(self) -> None:
        rows = {}
        for operation in CASE.operations.values():
            (route,) = operation.routes.values()
            in_query = route.ids and not route.in_body
            count = f"{operation.max_ids_in_body:,}" if route.ids else ""
            rows[operation.action] = [
                f"{route.method} {route.path.removeprefix('/cases')}{f'?{route.ids}=…' if in_query else ''}",
                "1" if "{id}" in route.path else "as many as fit into the URL" if in_query else count,
                operation.permission,
            ]
        assert {action: rest for action, *rest in rows_of(API_VERSIONS, "Operation on cases")} == rows

    def test_permissions_of_incidents(self) -> None:
        (table,) = tables_in(section_of(API_VERSIONS, "Permissions"))
        assert table[1:] == [
            [operation.action, f"``{operation.permission}``", "yes" if operation.needs_personal_key else "no"]
            for operation in INCIDENT.operations.values()
        ]

    def test_what_version_3_cannot(self) -> None:
        section = " ".join(section_of(API_VERSIONS, "Lists in version 3").split())
        named = re.search(r"((?:``\w+``(?:, | and ))+``\w+``) are refused", section)
        assert named
        refused = {INCIDENT.parameter_options[name] for name in INCIDENT.not_in_query}
        assert set(re.findall(r"\w+(?=`)", named[1])) == refused

    def test_modules_and_their_permissions(self) -> None:
        permissions = {
            name: set(re.findall(r"C\(((?:incidents|case):\w+)\)", module.DOCUMENTATION))
            for name, module in MODULES.items()
        }
        rows = rows_of("README.md", "Module") + rows_of("README.md", "Module for cases and users")
        assert {name: set(re.findall(r"\w+:\w+", text)) for name, _what, text in rows} == permissions

    def test_lists_of_ids(self) -> None:
        """The guide's table of returned lists, for incidents."""
        returned_by: dict[str, set[str]] = {}
        for keys, modules, _meaning in rows_of(f"{GUIDES}/guide.rst", "Returned"):
            returned_by.update({key: set(re.findall(r"incident_\w+", modules)) for key in keys.split(", ")})
        documented = {name: set(RETURNS[name]) for name in MODULES if name.startswith("incident")}
        for name, returned in documented.items():
            for key in (key for key in returned if key.endswith("_ids")):
                assert name in (returned_by[key] or {name}), f"{key} of {name}"
        all_returned = {key for returned in documented.values() for key in returned if key.endswith("_ids")}
        assert returned_by.keys() == all_returned


LIST_VALUES = {"filter": {"status": ["…"]}, "pagination": {"pageSize": "…"}}


def route_in_words(operation: str, route_set: str) -> str:
    values = LIST_VALUES if operation == "list" else {}
    if operation in OPERATIONS:
        values = with_placeholders(OPERATIONS[operation].values)
    ids = [] if operation == "list" else ["…"]
    request = build_request("", INCIDENT, operation, route_set, ids, values)
    body = f" {json.dumps(request.body, ensure_ascii=False)}" if request.body else ""
    return f"{request.method} {unquote(request.url.removeprefix('/incidents/incidents'))}{body}"


def with_placeholders(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, with an ellipsis for each text in them."""
    return {name: with_placeholders(value) if isinstance(value, Mapping) else "…" for name, value in values.items()}
