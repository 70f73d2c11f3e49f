# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each module does to which incidents, by value and at the simulator. tests/operations.py says what is right."""

from __future__ import annotations

import importlib
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _plan
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change
from helpers import Result, incident, run_change
from operations import ASSIGNEE, NOW, OPERATIONS, Operation
from simulator import Simulator

TRIGGERED, ACKNOWLEDGED, RESOLVED = (f"INCIDENT_STATUS_{name}" for name in ("TRIGGERED", "ACKNOWLEDGED", "RESOLVED"))
LASTS, ENDED = (f"INCIDENT_STATE_{name}" for name in ("TRIGGERED", "RESOLVED"))
# Incidents as they may be: assignees, status, state, whether closed.
INCIDENTS: dict[str, tuple[list[str], str, str, bool]] = {
    "new": ([], TRIGGERED, LASTS, False),
    "taken": ([ASSIGNEE], TRIGGERED, LASTS, False),
    "taken, other spelling": ([ASSIGNEE.lower()], TRIGGERED, LASTS, False),
    "another's": (["u1"], ACKNOWLEDGED, LASTS, False),
    "shared": (["u1", ASSIGNEE.lower()], TRIGGERED, LASTS, False),
    "ended by itself": ([], TRIGGERED, ENDED, False),
    "acknowledged, then ended": ([], ACKNOWLEDGED, ENDED, False),
    "resolved": (["u1"], RESOLVED, ENDED, False),
    "resolved by hand": ([], RESOLVED, LASTS, False),
    "closed": ([], RESOLVED, ENDED, True),
    "closed as it was": ([ASSIGNEE], TRIGGERED, LASTS, True),
    "closed, acknowledged": (["u1"], ACKNOWLEDGED, ENDED, True),
}


def build(name: str) -> dict[str, t.Any]:
    users, status, state, is_closed = INCIDENTS[name]
    closed = {"closedAt": "2026-11-23T04:10:00.000Z"} if is_closed else {}
    return incident(name, *users, status=status, state=state, name="n", **closed)


def change_of(operation: Operation) -> Change:
    """The change that the module makes of its options."""
    module = importlib.import_module(f"ansible_collections.coralogix.incidents.plugins.modules.{operation.module}")
    change: Change | None = getattr(module, operation.name.upper(), None)
    if change is None:
        # It depends on options.
        defaults = {name: option.get("default") for name, option in module.MODULE.options.items()}
        change = module.make_change({**defaults, **operation.options})
    return change


each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))


@each_operation
def test_every_incident_is_changed_or_skipped_or_left_as_wanted(operation: Operation) -> None:
    change, items = change_of(operation), {name: build(name) for name in INCIDENTS}
    pending = _plan.select(change.needs_change, INCIDENTS, items)
    assert pending == [name for name, item in items.items() if operation.needs_change(item)]
    assert _plan.select(change.skips, INCIDENTS, items) == [
        name for name, item in items.items() if operation.skips(item)
    ]
    after = _plan.predict(change, pending, items)
    for name, item in after.items():
        assert change.describe(item) == operation.describe(item)
        if name not in pending:
            assert item == build(name)
            continue
        assert change.is_wanted(item)
        assert item == {
            **build(name),
            **operation.after,
            **({"closedAt": item["closedAt"]} if NOW in operation.after.values() else {}),
        }
        assert not change.is_same(items[name], item)
        assert change.describe(items[name]) != change.describe(item)
    assert (change.participle, change.fields) == (operation.participle, operation.fields)
    assert items == {name: build(name) for name in INCIDENTS}


@each_operation
def test_decisions_need_only_fields_that_are_checked(operation: Operation) -> None:
    change = change_of(operation)
    assert tuple(change.required_fields) == operation.required_fields
    for name in INCIDENTS:
        checked_fields_only = {
            key: value for key, value in build(name).items() if key in ("id", "assignments", *change.required_fields)
        }
        change.needs_change(checked_fields_only)
        change.describe(change.predict(checked_fields_only))


@each_operation
def test_assignment_without_a_user_counts_as_assigned(operation: Operation) -> None:
    change = change_of(operation)
    odd: t.Any
    for odd in ([None], [{}], [{"assignedTo": "me"}], [{"assignedTo": {"userId": None}}]):
        item = {**build("new"), "assignments": odd}
        assert (change.needs_change(item), change.skips(item)) == (operation.needs_change(item), operation.skips(item))
        assert change.extra_results({"a": item}, ["a"]) == operation.extra_results({"a": item}, ["a"])


def without_unpredictable_fields(result: t.Any) -> t.Any:
    """Such as who did it, when, and what the service notes down."""
    unknown = {"assignedBy", "closedAt", "duration", "lastStateUpdateTime", "events"}
    if isinstance(result, dict):
        return {key: without_unpredictable_fields(value) for key, value in result.items() if key not in unknown}
    return [without_unpredictable_fields(inner) for inner in result] if isinstance(result, list) else result


@pytest.mark.parametrize("version", ["3", "5"])
@each_operation
def test_run_does_what_check_mode_predicts(simulator: Simulator, operation: Operation, version: str) -> None:
    ids = []
    for name, (users, *_state) in INCIDENTS.items():
        fields = {key: value for key, value in build(name).items() if key not in ("id", "assignments")}
        ids.append(simulator.add_incident(assignees=users, **fields))
    before = {item_id: simulator.incident(item_id) for item_id in ids}
    expected = [item_id for item_id in ids if operation.needs_change(before[item_id])]
    change = change_of(operation)

    def run(check_mode: bool = False) -> Result:
        return run_change(change, simulator.url, ids, check_mode=check_mode, api_version=version)

    predicted = run(check_mode=True)
    assert simulator.writes == []
    done = run()
    assert without_unpredictable_fields(predicted) == without_unpredictable_fields(done)
    assert "msg" not in done
    assert done[operation.ids_name] == expected
    assert done["incidents"] == [simulator.incident(item_id) for item_id in ids]
    # Skipped is what is left so, even if the run changed others.
    skipped = [item_id for item_id in ids if operation.skips(before[item_id])]
    assert done.get("skipped_ids") == (None if operation.is_skipped is None else skipped)
    assert done.get("reassigned_ids") == operation.extra_results(before, expected).get("reassigned_ids")
    # One write of those that need it, and only of those. The second run writes nothing.
    (write,) = simulator.writes
    assert (write.operation, write.ids, list(write.effect)) == (operation.name, expected, expected)
    again = run()
    assert (again["changed"], again[operation.ids_name], again["incidents"]) == (False, [], done["incidents"])
    assert len(simulator.writes) == 1
