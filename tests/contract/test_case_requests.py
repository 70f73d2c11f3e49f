# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every request of the modules for cases and users is one of the vendor's contract, and so is every answer to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import contract
import pytest
from in_process import KEY, TEAM, Runner
from simulator import Fault, Simulator

contract.require()

USER, OTHER = "1b4c7d2e-0f3a-4b5c-8d6e-7f8091a2b3c4", "9e8d7c6b-5a49-4838-a726-15041f2e3d4c"
ALERT = "2C963F66-AFA6-4F64-B3FC-5717AFA60000"
UNKNOWN = "00000000-0000-4000-8000-00000000000F"
EMAIL = "dana.smith+oncall@example.com"

# Module, options, and what the cases are like that it changes.
CHANGES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "assign": ("case_assign", {"assignee": USER.upper()}, {"assignee": OTHER}),
    "assign by e-mail": ("case_assign", {"assignee": EMAIL, "only_unassigned": True}, {}),
    "unassign": ("case_unassign", {}, {"assignee": OTHER}),
    "acknowledge": ("case_acknowledge", {}, {}),
    "unacknowledge": ("case_unacknowledge", {}, {"status": "acknowledged"}),
    "resolve": ("case_resolve", {}, {}),
    "resolve with a reason": ("case_resolve", {"reason": f" {'x' * 500} "}, {}),
    "close": ("case_close", {}, {"status": "resolved"}),
    "set priority": ("case_priority", {"priority": "P1"}, {}),
    "clear priority": ("case_priority", {"state": "absent"}, {"override": "P1"}),
    "comment": ("case_comment", {"text": f"\n{'x' * 10_000}\n"}, {}),
    "update title": ("case_update", {"title": f" {'x' * 512}"}, {}),
    "update reason": ("case_update", {"resolution_reason": "x" * 500}, {"status": "resolved"}),
    "update both": ("case_update", {"title": "x", "resolution_reason": "y"}, {"status": "resolved"}),
}
# Options of case_info.
LISTS: dict[str, dict[str, Any]] = {
    "everything": {},
    "statuses": {"status": ["pending_activation", "active", "acknowledged", "resolved", "CASE_STATUS_CLOSED"]},
    "priorities": {"priority": ["P1", "P2", "P3", "P4", "P5", "CASE_PRIORITY_P1"]},
    "categories": {"category": ["security", "availability"]},
    "assignees": {"assignees": [USER.upper(), EMAIL, OTHER]},
    "nobody": {"assigned": False},
    "anybody": {"assigned": True, "limit": 3},
    "labels": {"labels": {"team": ["sre", "data"], "port": 80}, "groupings": {"service": "checkout"}},
    "search": {"search": " latency "},
    "active": {"active_after": "-90s", "active_before": "2101-01-01T00:00:00.123456789+05:30"},
    "active since": {"active_after": "2026-11-23"},
    "created": {"created_after": "-2w", "created_before": "-1s"},
    "created before": {"created_before": "2101-01-01"},
    "alerts": {"alert_ids": [ALERT, ALERT.lower()]},
    "breached": {"breached": True},
    "not breached": {"breached": False},
    **{
        f"ordered by {field} {direction}": {"order_by": {"field": field, "direction": direction}, "limit": 2}
        for field in ("priority", "status", "updated_at", "created_at", "category", "duration")
        for direction in ("asc", "desc")
    },
    "1000 values": {"assignees": [f"{number:08x}{USER[8:]}" for number in range(1000)]},
    "details": {"include_events": True, "include_links": True, "include_notifications": True},
}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """At the end, the first ten requests of each operation are checked against the contract."""
    with Simulator() as started:
        started.add_key(KEY)
        started.add_user(EMAIL)
        yield started
        assert started.journal
        seen = Counter[str]()
        for entry in started.journal:
            seen[str(entry.operation)] += 1
            if seen[str(entry.operation)] <= 10:
                contract.check(entry, serves=started.latest)


@pytest.fixture
def run(sim: Simulator) -> Runner:
    return Runner(sim)


@pytest.mark.parametrize(("name", "options", "given"), CHANGES.values(), ids=CHANGES)
def test_changes_of_cases(
    sim: Simulator, run: Runner, name: str, options: dict[str, Any], given: dict[str, Any]
) -> None:
    ids = [sim.add_case(**given) for _number in range(3)]
    # Both forms of IDs, in spellings that the contract does not have.
    asked = [sim.case(ids[0])["readableId"].lower(), ids[1].upper(), ids[2], UNKNOWN]
    result = run(
        name,
        case_ids=asked,
        missing="ignore",
        include_events=True,
        team_id=TEAM,
        **options,
    )
    assert (result["changed"], len(result["cases"]), result["not_found_ids"]) == (True, 3, [UNKNOWN])
    assert {case_id for entry in sim.writes for case_id in entry.effect} == set(ids)


def test_pinned_version(sim: Simulator, run: Runner) -> None:
    assert run("case_close", case_ids=sim.add_cases(2), api_version="5")["changed"]
    assert {entry.version for entry in sim.journal} == {"5"}


@pytest.mark.parametrize("change", ["unassign", "clear priority"])
def test_more_ids_than_a_url_takes(sim: Simulator, run: Runner, change: str) -> None:
    name, options, given = CHANGES[change]
    ids = [sim.add_case(**given) for _number in range(250)]
    assert run(name, case_ids=ids, **options)["changed"]
    assert all(entry.ids for entry in sim.writes), "a bulk request without IDs could mean all"
    assert len(sim.writes) == 2


@pytest.mark.parametrize(("name", "options", "given"), CHANGES.values(), ids=CHANGES)
def test_requests_repeated_after_a_lost_answer(
    sim: Simulator, run: Runner, name: str, options: dict[str, Any], given: dict[str, Any]
) -> None:
    case_id = sim.add_case(**given)
    sim.fault(Fault(reset=True, effect=False, times=3))
    assert run(name, case_ids=case_id, team_id=TEAM, **options)["changed"]


def test_a_bulk_write_holds_1000_ids(sim: Simulator, run: Runner) -> None:
    ids = [sim.add_case(status="resolved") for _number in range(1001)]
    assert run("case_close", case_ids=ids)["closed_ids"] == ids
    assert sorted(len(entry.ids) for entry in sim.writes) == [1, 1000]


@pytest.mark.parametrize("options", LISTS.values(), ids=LISTS)
def test_lists(sim: Simulator, run: Runner, options: dict[str, Any]) -> None:
    for number in range(5):
        sim.add_case(assignee=[USER, OTHER, None, None, USER][number])
    assert "failed" not in run("case_info", team_id=TEAM, **options)


def test_pages(sim: Simulator, run: Runner) -> None:
    ids = sim.add_cases(501)
    assert run("case_info", include_notifications=True)["count"] == len(ids)
    pages = [entry.body["pagination"] for entry in sim.journal if entry.operation == "case_list"]
    assert [page["pageSize"] for page in pages] == [500, 500]
    assert ["pageToken" in page for page in pages] == [False, True]


def test_reads_by_ids(sim: Simulator, run: Runner) -> None:
    ids = sim.add_cases(3)
    run("case_info", case_ids=["case-1", ids[1].upper(), UNKNOWN], missing="ignore", **LISTS["details"])


def test_user_searches(sim: Simulator, run: Runner) -> None:
    for number in range(120):
        sim.add_user(f"{number}@example.com")
    assert run("user_info", search="@example", team_id=TEAM)["count"] == 121
    assert run("user_info", usernames=[EMAIL, "7@EXAMPLE.com"], team_id=TEAM)["count"] == 2


def test_routes_of_the_declaration_are_those_of_the_contract() -> None:
    from ansible_collections.coralogix.incidents.plugins.module_utils._case import OPERATIONS

    known = {(method, path.replace("{case_id}", "{id}")) for method, path in contract.operations("5")}
    for operation in OPERATIONS.values():
        assert {(route.method, route.path) for route in operation.routes.values()} <= known
        assert set(operation.routes) == {"v5"}
