# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that finds incidents, from its options to its result."""

from __future__ import annotations

import functools
import typing as t

import pytest
from ansible.module_utils import basic
from ansible_collections.coralogix.incidents.plugins.module_utils import _incidents, _module
from made_up import KEY, Printed
from simulator import Fault, Simulator

NOBODY, NOWHERE = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))

Find = t.Callable[..., Printed]


@pytest.fixture
def find(run_module: t.Callable[..., Printed]) -> Find:
    return functools.partial(run_module, "incident_info")


def test_by_ids_in_the_order_asked(find: Find, simulator: Simulator) -> None:
    ids = simulator.add_incidents(3, assigned=1)
    status, result, _text = find(incident_ids=[ids[2], f" {ids[0]} ", ids[2]])
    assert (status, result["changed"], "ansible_facts" in result) == (0, False, False)
    assert result["incidents"] == [simulator.incident(ids[2]), simulator.incident(ids[0])]
    assert (result["count"], result["total"], result["not_found_ids"]) == (2, 2, [])
    assert [entry.operation for entry in simulator.journal] == ["read_many"]


@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_unknown_ids_are_named(find: Find, simulator: Simulator, missing: str) -> None:
    (known,) = simulator.add_incidents(1)
    status, result, _text = find(incident_ids=[NOBODY, known, NOWHERE], missing=missing)
    assert result["not_found_ids"] == [NOBODY, NOWHERE]
    assert result["incidents"] == [simulator.incident(known)]
    assert (status, "msg" in result, "failure" in result) == (
        (1, True, True) if missing == "fail" else (0, False, False)
    )
    if missing == "fail":
        assert result["msg"].startswith(f"There is no incident {NOBODY}, {NOWHERE}")


# Nothing can be found, so that nothing is asked, and no key is needed.
NOTHING: dict[str, dict[str, t.Any]] = {
    "no IDs": {"incident_ids": []},
    "none to hold it": {"assignees": []},
    "no status": {"status": []},
    "no value of a label": {"meta_labels": {"team": []}},
}


@pytest.mark.parametrize("given", NOTHING.values(), ids=NOTHING)
def test_nothing_is_found_without_asking(find: Find, simulator: Simulator, given: dict[str, t.Any]) -> None:
    status, result, _text = find(**given, api_key=..., api_url="nonsense")
    assert (status, result["incidents"], result["count"], result["total"]) == (0, [], 0, 0)
    assert simulator.journal == []


def test_by_filters(find: Find, simulator: Simulator) -> None:
    labels: dict[str, t.Any] = {"displayLabels": {"team": "x"}, "severity": "INCIDENT_SEVERITY_CRITICAL"}
    mine = [
        simulator.add_incident(assignees=users, createdAt=f"2026-01-0{day}T00:00:00Z", **labels)
        for day, users in enumerate((["u1"], [], ["u2"], [], ["u1"]), 1)
    ]
    simulator.add_incident(displayLabels={"team": "y"}, severity="INCIDENT_SEVERITY_CRITICAL")
    asked: dict[str, t.Any] = {"display_labels": {"team": "x"}, "severity": "critical"}
    order = [{"field": "created_time"}]
    everything = find(**asked, order_by=order, api_version=5).result
    assert [one["id"] for one in everything["incidents"]] == mine
    assert (everything["count"], everything["total"]) == (5, 5)
    unheld = find(**asked, order_by=order, assigned=False, events=False).result
    assert [one["id"] for one in unheld["incidents"]] == [mine[1], mine[3]]
    assert not any("events" in one for one in unheld["incidents"])
    assert (unheld["count"], unheld["total"]) == (2, 5)
    latest = find(**asked, order_by=[{"field": "created_time", "direction": "desc"}], limit=1).result
    assert ([one["id"] for one in latest["incidents"]], latest["count"], latest["total"]) == (mine[-1:], 1, 5)
    window = find(**asked, created_after="2026-01-02", created_before="2026-01-04T00:00:00Z", _ansible_check_mode=True)
    assert {one["id"] for one in window.result["incidents"]} == {*mine[1:4]}


REFUSED: dict[str, tuple[dict[str, t.Any], str]] = {
    "IDs and a filter": ({"incident_ids": [NOBODY], "muted": True}, "mutually exclusive: incident_ids|muted"),
    "IDs and a limit": ({"incident_ids": [NOBODY], "limit": 1}, "mutually exclusive: incident_ids|limit"),
    "two ways of being held": ({"assigned": True, "assignees": ["u"]}, "mutually exclusive: assignees|assigned"),
    "limit": ({"limit": 0}, "limit is 0"),
    "blank ID": ({"incident_ids": [" "]}, "incident_ids holds a blank"),
    "blank assignee": ({"assignees": [""]}, "assignees holds a blank"),
    "no time": ({"created_after": "yesterday"}, "created_after is 'yesterday'"),
    "unknown status": ({"status": "open"}, "value of status must be one or more of"),
    "search nowhere": ({"search": {"text": "x"}}, "one of the following is required: field, contextual_label"),
    "order by two in one": (
        {"order_by": [{"field": "id", "contextual_label": "x"}]},
        "mutually exclusive: field|contextual_label",
    ),
    "not in version 3": ({"contextual_labels": {"a": "b"}, "api_version": "3"}, "set api_version to 5"),
}


@pytest.mark.parametrize(("given", "told"), REFUSED.values(), ids=REFUSED)
def test_options_that_cannot_be_meant_are_refused(
    find: Find, simulator: Simulator, given: dict[str, t.Any], told: str
) -> None:
    status, result, _text = find(**given)
    assert (status, result["failed"]) == (1, True)
    assert told in result["msg"]
    assert simulator.journal == []


def test_page_that_fails_half_way(find: Find, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_incidents, "PAGE", 2)
    simulator.add_incidents(5)
    simulator.fault(Fault("list", skip=1, status=500))
    status, result, _text = find(muted=False, api_version="5")
    assert (status, result["incidents"], result["count"], result["changed"]) == (1, [], 0, False)
    assert "2 of 5 incidents had been read." in result["msg"]
    assert result["failure"]["status"] == 500
    # Nothing could have been changed, and nothing is said of it.
    assert "changed" not in result["msg"]


def test_key_that_may_not_read(find: Find, simulator: Simulator) -> None:
    simulator.add_key(KEY, permissions=["incidents:assign"])
    for given in ({"incident_ids": [NOBODY]}, {"muted": True}):
        status, result, _text = find(**given)
        assert (status, result["failure"]["status"]) == (1, 403)
        assert "It needs the permission incidents:read." in result["msg"]


HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

# The key somewhere in what the service answers; Ansible's own search for it is left out where it is nowhere.
HIDING_PLACES: dict[str, dict[str, t.Any]] = {
    "name": {"name": f"leaked: {KEY}"},
    "label": {"contextualLabels": {"team": KEY}},
    "meta label": {"metaLabels": [{"key": "url", "value": f"https://example.com/?{KEY}#x"}]},
}


@pytest.mark.parametrize("place", HIDING_PLACES.values(), ids=HIDING_PLACES)
def test_key_in_an_incident_is_hidden(find: Find, simulator: Simulator, place: dict[str, t.Any]) -> None:
    simulator.add_incident(name="untouched")
    simulator.add_incident(**place)
    status, result, text = find(order_by=[{"field": "created_time"}])
    assert (status, result["count"]) == (0, 2)
    assert "********" in text or HIDDEN in text
    assert "untouched" in text


def test_key_that_json_spells_otherwise_is_hidden(find: Find, simulator: Simulator) -> None:
    key = "back\\slash\\n"
    simulator.add_key(key)
    simulator.add_incident(name=f"leaked: {key}")
    _status, result, _text = find(api_key=key)
    assert [one["name"] for one in result["incidents"]] == ["leaked: ********"]


def test_what_ansible_has_for_hiding_is_put_back(find: Find) -> None:
    before = basic.remove_values
    find(incident_ids=[])
    assert basic.remove_values is before


def test_an_ansible_that_does_without_it_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(basic, "remove_values")
    with _module._quick_search_for_secrets():
        assert not hasattr(basic, "remove_values")


def test_only_options_are_searched_thoroughly_where_the_key_is_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older versions of ansible-core add the options to the result, always with the key."""
    searched: list[t.Any] = []
    ansibles = basic.remove_values

    def thorough(values: t.Any, secrets: t.Iterable[str]) -> t.Any:
        searched.append(values)
        return ansibles(values, secrets)

    monkeypatch.setattr(basic, "remove_values", thorough)
    with _module._quick_search_for_secrets():
        given = {"invocation": {"module_args": {"api_key": KEY}}, "incidents": [{"id": NOBODY}]}
        kept = basic.remove_values(given, {KEY})
    assert kept == {"invocation": {"module_args": {"api_key": HIDDEN}}, "incidents": [{"id": NOBODY}]}
    assert [sorted(values) for values in searched] == [["invocation"]]
