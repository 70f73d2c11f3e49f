# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options as they arrive from surveys, command lines and YAML, and user data that Ansible refuses in a result.

Each version of Ansible converts values in its own way, so the wording of a refusal differs as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from parity import ALL, assert_same_results
from playbooks import AS_MODULE, IN_PROCESS, KEY, MAX_VERBOSITY, WAYS, Ansible, Run, Task, task
from simulator import Fault, Simulator

pytestmark = pytest.mark.parity

FIRST, SECOND = "11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"
VARIABLES = {
    "survey": None,
    "text_area": f"{FIRST}\n{SECOND}",
    "many": [f"app-{number}" for number in range(1001)],
}
# As a user writes it: -e "ids=['A','B']". Older versions of Ansible make a list of it.
EXTRA_VARS = f"ids=['{FIRST}','{SECOND}']"


class Refused(NamedTuple):
    module: str
    options: dict[str, Any]
    texts: tuple[str, ...]
    """One of them is in the message."""
    as_module: bool = False
    """Whether it also runs as a module. Ansible passes options to modules in another way."""


def _unassign(ids: Any, *texts: str) -> Refused:
    return Refused("incident_unassign", {"incident_ids": ids}, texts)


def _find(option: str, value: Any, *texts: str) -> Refused:
    return Refused("incident_info", {option: value}, texts)


NULL = ("is null", "blank", "choices", "must be one of")
REFUSED = {
    "IDs from a blank survey": _unassign("{{ survey }}", *NULL),
    "IDs null": _unassign(None, "incident_ids is null. Null does not mean everything")._replace(as_module=True),
    "filter from a blank survey": _find("assignees", "{{ survey }}", *NULL)._replace(as_module=True),
    "choice from a blank survey": _find("status", "{{ survey }}", *NULL),
    "filter null": _find("applications", None, "applications is null. Null does not mean everything"),
    "null in a list": _find("assignees", ["dana", None], "assignees contains null"),
    "list from the command line": _unassign("{{ ids }}", "it contains a bracket", f"Unknown incident IDs: '{FIRST}'"),
    "text area": _unassign("{{ text_area }}", "it contains a blank or a line break. Give a YAML list, or IDs"),
    "list in a list": _unassign([[FIRST], [SECOND]], "incident_ids contains a list in a list. Use the filter flatten"),
    "URL": _unassign(f"https://example.com/{FIRST}", "it contains a URL"),
    "quote": _unassign([f"'{FIRST}'"], "it contains a quote"),
    "boolean": _find("assignees", [True], "assignees contains True, a boolean. Put the value in quotes")._replace(
        as_module=True
    ),
    "number": _find("applications", [1.1], "applications contains 1.1", "Put the value in quotes"),
    "blank value": _find("applications", "shop, ", "applications contains a blank value"),
    # Ansible's own check. In its own process as well.
    "IDs and a filter": Refused("incident_info", {"incident_ids": [FIRST], "muted": True}, ("mutually exclusive",)),
    "too many values": _find("applications", "{{ many }}", "applications has 1001 values. The API takes at most 1000"),
}


@pytest.fixture(scope="module")
def sims(simulators: Callable[..., Simulator]) -> dict[str, Simulator]:
    return {way: simulators() for way in WAYS}


@pytest.fixture(scope="module")
def play(sims: dict[str, Simulator], shared_ansible: Ansible) -> Callable[[str], Run]:
    def run(way: str) -> Run:
        common = {"api_url": sims[way].url, "api_key": KEY}
        tasks: list[Task] = [
            task(refused.module, name=name, ignore_errors=True, **common, **refused.options)
            for name, refused in REFUSED.items()
            if way == IN_PROCESS or ALL or refused.as_module
        ]
        left_out = {"assignees": "{{ survey | default(omit, true) }}", "applications": "shop,  billing"}
        accepted = task("incident_info", name="accepted", **common, api_version="5", **left_out)
        return shared_ansible.play(*tasks, accepted, args=["-e", EXTRA_VARS, *MAX_VERBOSITY], way=way, vars=VARIABLES)

    return run


@pytest.fixture(scope="module")
def in_process(play: Callable[[str], Run]) -> Run:
    return play(IN_PROCESS)


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_values_are_refused(in_process: Run, name: str) -> None:
    result = in_process.of(name)
    assert result.failed
    assert any(text in result["msg"] for text in REFUSED[name].texts), result["msg"]
    # No request is to blame.
    assert result.result.get("failure") is None or "Unknown incident IDs" in result["msg"]


def test_only_the_valid_task_sends_a_request(in_process: Run, sims: dict[str, Simulator]) -> None:
    assert not in_process.of("accepted").failed
    sent = [entry for entry in sims[IN_PROCESS].journal if FIRST not in entry.ids]
    assert [entry.operation for entry in sent] == ["list"]
    # Values that are separated by commas are trimmed.
    assert sent[0].body["filter"] == {"applicationName": ["shop", "billing"]}


def test_both_ways_return_the_same(play: Callable[[str], Run], in_process: Run) -> None:
    # A required option that is null is refused by the module in both ways.
    assert_same_results(in_process, play(AS_MODULE), check_ways=False)


# Levels of nesting in an answer. Ansible's own functions fail at some hundreds.
LEVELS = 700
# Keys that Ansible takes for marks of its own.
RESERVED = {"__ansible_type": "x", "__ansible_unsafe": "y", "ordinary": "z"}


@pytest.mark.parametrize("way", WAYS)
def test_data_that_ansible_refuses_is_made_portable(ansible: Ansible, sim: Simulator, way: str) -> None:
    """Otherwise Ansible would refuse the result, after the write. The task warns of what it changed."""
    sim.add_incident(FIRST, assignees=("dana",), displayLabels=RESERVED, name="half a character: \ud83d")
    for operation in ("read_many", "unassign"):
        sim.fault(Fault(operation, nest=LEVELS))
    options = {"api_url": sim.url, "api_key": KEY, "incident_ids": [FIRST]}
    facts = "{{ ansible_facts.coralogix_incidents[0].displayLabels }}"
    run = ansible.play(
        task("incident_unassign", name="check", check_mode=True, diff=True, **options),
        task("incident_unassign", name="real", diff=True, register="done", **options),
        {"name": "facts", "ansible.builtin.debug": {"msg": facts}},
        args=MAX_VERBOSITY,
        way=way,
    )
    assert run.returncode == 0, run.end
    assert sim.assignees(FIRST) == []
    for name in ("check", "real"):
        result = run.of(name)
        assert result["changed"] is True
        (incident,) = result["incidents"]
        assert incident["displayLabels"] == {"____ansible_type": "x", "____ansible_unsafe": "y", "ordinary": "z"}
        assert incident["name"] == "half a character: \ufffd"
        assert "(nested too deep)" in str(incident)
        warnings = " ".join(result["warnings"])
        for text in ("Keys of maps that Ansible reserves", "nested more than", "no UTF-8 encoding"):
            assert text in warnings
    assert run.of("facts")["msg"] == run.of("real")["incidents"][0]["displayLabels"]
    assert run.started_module() == (way == AS_MODULE)
