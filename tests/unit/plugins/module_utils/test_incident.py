# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declaration of incidents: routes, permissions, signs of a missing route, fields."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _incident
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import OPERATIONS
from helpers import INCIDENT, A, Failure, K, incident, table
from simulator import OPERATIONS as SIMULATED_OPERATIONS


def test_operations_are_those_of_the_simulator() -> None:
    """The contract tests compare the simulator with what the vendor has published."""
    for name, row in OPERATIONS.items():
        simulated = SIMULATED_OPERATIONS["read_many" if name == "read" else name]
        assert (row.permission, row.needs_personal_key) == (simulated.permission, simulated.needs_personal_key)
        for version in ("3", "4", "5"):
            (route_set,) = INCIDENT.route_sets[version]
            there, here = simulated.routes[version], row.routes[route_set]
            assert (here.method, here.path, here.in_body) == (there.method, there.path, there.where == "body")
            ids = [parameter for parameter, field in there.fields.items() if field.is_id]
            assert ids == ([here.ids] if here.ids else [])
            assert all(there.fields[parameter].items == (1, row.max_ids) for parameter in ids)
    assert INCIDENT.route_sets["latest"] == ("v4", "v3")


# GET …/v1/batch may reach the route GET …/v1/{id}. Its refusal, and whether that means a missing route: if the newer
# route is not known to be missing, and if it is.
REFUSALS: dict[str, tuple[bool, bool]] = {
    "invalid incident id: batch": (True, True),
    'id "batch" is no UUID': (True, True),
    "incident not found: batch.": (True, True),
    "id: value must be a valid UUID": (False, True),
    'unknown query parameter "ids"': (False, True),
    "invalid UUID length: 5": (False, True),
    "invalid GetIncidentRequest.Id: value must be a valid UUID | caused by: invalid uuid format": (False, True),
    "id is out of bounds (36, 36)": (False, True),
    "invalid GetIncidentRequest.Id: value length must be 36 runes": (False, True),
    "too many ids in the request": (False, False),
    "invalid value for field ids: malformed id": (False, False),
    "batch too large": (False, False),
    "error: batch too large": (False, False),
    "batch service refused the request": (False, False),
    "invalid UUID: abc": (False, False),
    "missing team id": (False, False),
    "malformed query (request id 7f3a)": (False, False),
    "unknown ids": (False, False),
    "the request is malformed": (False, False),
    # Version 3 itself would name the ID that it refuses.
    f'invalid ID "{A}".': (False, False),
}


@pytest.mark.parametrize("another_is_missing", [False, True])
@pytest.mark.parametrize(("message", "is_missing"), REFUSALS.items(), ids=list(REFUSALS))
def test_refusal_of_batch_as_an_id_means_a_missing_route(
    message: str, is_missing: tuple[bool, bool], another_is_missing: bool
) -> None:
    failure = Failure(K.INVALID, message, 400)
    args = ("read", "v3", failure, [A], another_is_missing)
    assert INCIDENT.means_missing_route(*args) == is_missing[another_is_missing]
    assert not INCIDENT.means_missing_route("read", "v4", *args[2:])
    assert not INCIDENT.means_missing_route("unassign", *args[1:])


UNKNOWN: dict[str, tuple[list[str], K, str, bool]] = {
    "batch": ([A], K.UNKNOWN_ID, "Not Found: incident batch", True),
    "nameless": ([A], K.UNKNOWN_ID, "incident not found", True),
    "nameless, other words": ([A], K.UNKNOWN_ID, "Not Found: incident", True),
    "another thing": ([A], K.UNKNOWN_ID, "Not Found: team 42", False),
    "named": ([A], K.UNKNOWN_ID, f"Not Found: incident {A}", False),
    "no UUID, named": ([A, "foo"], K.UNKNOWN_ID, "Not Found: incident foo", False),
    "no UUID": ([A, "foo"], K.INVALID, "Invalid UUID length: 3", False),
    "no UUID, other words": ([A, "foo"], K.INVALID, "incident_id must be a UUID", False),
    "other failure": ([A], K.FORBIDDEN, "batch", False),
}


@table("ids, kind, message, is_missing", UNKNOWN)
def test_unknown_id_is_no_missing_route(ids: list[str], kind: K, message: str, is_missing: bool) -> None:
    assert INCIDENT.means_missing_route("read", "v3", Failure(kind, message), ids, True) == is_missing


ODD_ASSIGNMENTS: list[t.Any] = [
    *(None, "me", ["me"], {}, {"assignedTo": None}, {"assignedTo": "me"}, {"assignedTo": {}}),
    *({"assignedTo": {"userId": None}}, {"assignedTo": {"userId": ["me"]}}),
]


@pytest.mark.parametrize("assignment", ODD_ASSIGNMENTS, ids=str)
def test_assignment_without_a_user_counts_as_assigned(assignment: t.Any) -> None:
    odd = {"id": A, "assignments": [assignment, {"assignedTo": {"userId": "me"}}]}
    assert _incident.assignee_ids(odd) == ["", "me"]
    assert _incident.describe_assignees(odd) == "(unknown user), me"


def test_state_is_described_in_few_words() -> None:
    assert _incident.describe_assignees(incident(A)) == "nobody"
    assert _incident.describe_assignees(incident(A, "dana", "lee")) == "dana, lee"
    states = [{"status": "INCIDENT_STATUS_ACKNOWLEDGED"}, {"status": "INCIDENT_STATUS_RESOLVED", "closedAt": "x"}, {}]
    assert [_incident.describe_status(state) for state in states] == ["acknowledged", "closed", "none"]
