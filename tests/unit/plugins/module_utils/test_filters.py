# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From filter options to the query that the API gets."""

from __future__ import annotations

import contextlib
import itertools
import json
import typing as t
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import CoralogixError
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import FIELDS, INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._resource import Query
from helpers import refusal, table
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator import INCIDENT_FIELDS, ROUTES
from simulator.schema import Message, decode, parse_time

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
OPTIONS = INCIDENT.filters.options


def query(**options: t.Any) -> Query:
    """What a task with these options asks for. All others are null."""
    assert OPTIONS.keys() >= options.keys()
    return INCIDENT.filters.build_query({**dict.fromkeys(OPTIONS), **options}, NOW)


def filter_of(**options: t.Any) -> dict[str, t.Any]:
    values: dict[str, t.Any] = query(**options).values["filter"]
    return values


def column(**chosen: t.Any) -> dict[str, t.Any]:
    """Suboptions as Ansible hands them over."""
    return {"field": None, "contextual_label": None, **chosen}


def enum(prefix: str, *names: str) -> list[str]:
    return [f"INCIDENT_{prefix}_{name}" for name in names]


def labels(kind: str, *texts: tuple[str, ...]) -> dict[str, dict[str, list[str]]]:
    return {label: {f"{kind}LabelValues": values} for label, *values in texts}


def pairs(*texts: str) -> list[dict[str, str]]:
    return [dict(zip(("key", "value"), text.split("="))) for text in texts]


CLOSED_TIME = {"incidentField": "INCIDENTS_FIELDS_CLOSED_TIME"}


# The options, and what the API gets for them, by the names of its contract.
SINGLE: list[tuple[str, t.Any, str, t.Any]] = [
    ("assignees", [" u1", "u2 ", "u1"], "assignee", ["u1", "u2"]),
    ("status", ["acknowledged", "INCIDENT_STATUS_TRIGGERED"], "status", enum("STATUS", "ACKNOWLEDGED", "TRIGGERED")),
    ("status", ["resolved"] * 1001, "status", enum("STATUS", "RESOLVED")),
    ("state", ["triggered", "INCIDENT_STATE_RESOLVED"], "state", enum("STATE", "TRIGGERED", "RESOLVED")),
    ("severity", ["info", "low", "warning"], "severity", enum("SEVERITY", "INFO", "LOW", "WARNING")),
    ("severity", ["error", "critical"], "severity", enum("SEVERITY", "ERROR", "CRITICAL")),
    ("applications", ["shop", " billing"], "applicationName", ["shop", "billing"]),
    ("subsystems", ["a b", "c"], "subsystemName", ["a b", "c"]),
    (
        "contextual_labels",
        {"Zone Name": ["a", " b"]},
        "contextualLabels",
        labels("contextual", ("Zone Name", "a", "b")),
    ),
    ("contextual_labels", {"h": "1", "p": 5}, "contextualLabels", labels("contextual", ("h", "1"), ("p", "5"))),
    ("display_labels", {" a ": "x"}, "displayLabels", labels("display", ("a", "x"))),
    ("meta_labels", {"team": "x"}, "metaLabels", pairs("team=x")),
    ("muted", True, "isMuted", True),
    ("muted", False, "isMuted", False),
    ("search", column(text=" disk full ", field="closed_time"), "searchQuery", {"query": "disk full", **CLOSED_TIME}),
    ("search", column(text="h", contextual_label=" host "), "searchQuery", {"query": "h", "contextualLabel": "host"}),
]
FILTERS: dict[str, tuple[dict[str, t.Any], dict[str, t.Any]]] = {
    **{f"{option}: {value}": ({option: value}, {parameter: expected}) for option, value, parameter, expected in SINGLE},
    "all meta labels": (
        {"meta_labels": {"team": "x", "tier": ["1"]}},
        {"metaLabels": pairs("team=x", "tier=1"), "metaLabelsOp": "FILTER_OPERATOR_AND"},
    ),
    "any meta labels": (
        {"meta_labels": {"team": ["x", "y"], "tier": "1"}},
        {"metaLabels": pairs("team=x", "team=y", "tier=1"), "metaLabelsOp": "FILTER_OPERATOR_OR_OR_UNSPECIFIED"},
    ),
    "created": (
        {"created_after": "2026-11-22T00:00:00+02:00", "created_before": "-1h"},
        {"createdAtRange": {"startTime": "2026-11-21T22:00:00Z", "endTime": "2026-11-23T11:00:00Z"}},
    ),
    "open": (
        {"open_after": "2026-11-22", "open_before": "2026-11-23"},
        {"incidentDurationRange": {"startTime": "2026-11-22T00:00:00Z", "endTime": "2026-11-23T00:00:00Z"}},
    ),
    "several": ({"muted": False, "assignees": ["u"]}, {"isMuted": False, "assignee": ["u"]}),
}
# What version 5 takes.
LIST = Message(ROUTES["5"]["list"].fields)


@table("options, values", FILTERS)
def test_filters_become_what_the_contract_has(options: dict[str, t.Any], values: dict[str, t.Any]) -> None:
    built = query(**options)
    assert built.values == {"filter": values}
    assert not built.matches_nothing
    assert json.loads(json.dumps(built.values)) == built.values
    decode(LIST, built.values, "", strict=True)


def test_order_becomes_what_the_contract_has() -> None:
    by_label = column(contextual_label=" host ", direction="desc")
    built = query(order_by=[column(field="closed_time", direction="asc"), by_label])
    assert built.values["orderBys"] == [
        {**CLOSED_TIME, "direction": "ORDER_BY_DIRECTION_ASC"},
        {"contextualLabel": "host", "direction": "ORDER_BY_DIRECTION_DESC"},
    ]
    decode(LIST, built.values, "", strict=True)
    assert query(order_by=[]).values == {}


def test_every_option_is_in_the_tables_and_every_field_in_the_contract() -> None:
    tried = {name for options, _values in FILTERS.values() for name in options}
    assert OPTIONS.keys() - tried == {"assigned", "order_by", "limit"}
    known = {name for name in INCIDENT_FIELDS if not name.endswith("_UNSPECIFIED")}
    assert {f"INCIDENTS_FIELDS_{name.upper()}" for name in FIELDS} == known


def test_no_options_make_an_empty_query_and_1000_values_are_accepted() -> None:
    assert query() == Query({}, None, matches_nothing=False)
    assert len(filter_of(subsystems=MANY[:1000])["subsystemName"]) == 1000


LISTS = [name for name, option in OPTIONS.items() if option["type"] == "list" and name != "order_by"]
LABELS = [name for name, option in OPTIONS.items() if option["type"] == "dict" and name != "search"]
EMPTY = [*({name: []} for name in LISTS), *({name: value} for name in LABELS for value in ({}, {"a": "x", "b": []}))]


@pytest.mark.parametrize("options", EMPTY, ids=str)
def test_empty_list_or_map_matches_nothing(options: dict[str, t.Any]) -> None:
    # To the API it would be no filter.
    assert query(**options).matches_nothing
    assert query(**options, muted=True).matches_nothing


MANY = [f"v{number}" for number in range(1001)]
# The options, and how the message begins.
REFUSED: list[tuple[dict[str, t.Any], str]] = [
    ({"assignees": ["u1", " "]}, "assignees contains a blank value"),
    ({"applications": [""]}, "applications contains a blank value"),
    ({"subsystems": MANY}, "subsystems has 1001 values"),
    ({"contextual_labels": {"a": MANY}}, "contextual_labels.a has 1001 values"),
    ({"meta_labels": {"a": MANY[:600], "b": MANY[:600]}}, "meta_labels has 1200 values"),
    ({"meta_labels": {"a": ["x", ""]}}, "meta_labels.a contains a blank value"),
    *(
        ({"display_labels": {"host": value}}, "display_labels.host must give a value")
        for value in (None, {"a": 1}, [["a"]], ["a", None])
    ),
    *(
        ({"contextual_labels": labels_given}, "contextual_labels contains a label without a name, or one label twice.")
        for labels_given in ({" ": "x"}, {"a": "x", "a ": "y"})
    ),
    ({"contextual_labels": {"\ud800": "x"}}, "contextual_labels contains a character that has no UTF-8"),
    ({"assignees": ["u1", "{u2}"]}, "assignees contains '{u2}', which cannot be an ID: it contains a brace."),
    ({"assignees": ["u" * 301]}, "assignees has 301 characters."),
    ({"meta_labels": {"enabled": False}}, "meta_labels.enabled contains False, a boolean"),
    ({"meta_labels": {"version": ["x", 1.1]}}, "meta_labels.version contains 1.1, a"),
    ({"search": column(text=" ", field="name")}, "search.text contains a blank value"),
    ({"search": column(text="a", contextual_label=" ")}, "search.contextual_label contains a blank"),
    ({"order_by": [column(contextual_label=" ")]}, "order_by.contextual_label contains a blank"),
    ({"limit": 0}, "limit is 0. It must be 1 or more"),
    ({"limit": -5}, "limit is -5"),
    ({"created_after": "-1h", "created_before": "-2h"}, "created_after is '-1h' and created_before is '-2h'. Nothing"),
    ({"created_after": "2030-01-01"}, "created_after is '2030-01-01'. Nothing can match"),
    ({"open_before": "1969-12-31"}, "open_before is '1969-12-31'. Nothing can match"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=lambda part: part[:50] if isinstance(part, str) else "")
def test_invalid_filters_are_refused_by_name(options: dict[str, t.Any], message: str) -> None:
    assert refusal(query, **options).startswith(message)


# Times.
NO_TIMES = [
    *("", " ", "now", "24h", "-24", "-h", "-1.5h", "- 1h", "-1H", "-1y", "--1h", "-1h ago", "+1h", "-1234567s"),
    *("2026-11-23T03:00:00", "2026-11-23T03:00Z", "2026-11-23T3:00:00Z", "2026-13-01", "2026-02-30T00:00:00Z"),
    *("2026-11-23T24:01:00Z", "2026-11-23T03:00:60Z", "2026-11-23T03:00:00.Z", "2026-11-23T03:00:00+25:00"),
    *("2026-11-23T03:00:00+01", "1763866800", "2026", "20261123", "2026-W48-1", "23.11.2026"),
    *("2026-11-23T03:00:00.1234567891Z", "\u0662\u0660\u0662\u0666-11-23", "-\u0661h", "0000-01-01", "-999999w"),
    # In UTC these are in no year that there is.
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
]


@pytest.mark.parametrize("text", NO_TIMES, ids=ascii)
def test_invalid_times_are_refused(text: str) -> None:
    for bound in ("created_after", "open_before"):
        message = refusal(query, **{bound: text})
        assert message.startswith(f"{bound} is ")
        assert "-24h" in message


def range_of(name: str, **options: str) -> tuple[datetime, datetime]:
    """The bounds that the API is given, in the form that its contract asks for."""
    bounds = filter_of(**options)[name]
    assert all(text.endswith("Z") for text in bounds.values())
    return parse_time(bounds["startTime"]), parse_time(bounds["endTime"])


# What RFC 3339 can write, after the time that an open start stands for.
moments = st.datetimes(datetime(1971, 1, 1), datetime(2026, 11, 22), timezones=st.timezones() | st.just(timezone.utc))


@settings(max_examples=60)
@given(moment=moments, separator=st.sampled_from("Tt "), digits=st.integers(0, 9), blanks=st.sampled_from(["", " "]))
def test_times_are_converted_to_utc(moment: datetime, separator: str, digits: int, blanks: str) -> None:
    offset = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    moment = moment.astimezone(timezone(timedelta(minutes=offset)))
    text = moment.replace(microsecond=0).isoformat(separator)
    fraction = f"{moment.microsecond:06}000"[:digits]
    written = f"{text[:19]}{fraction and '.'}{fraction}{text[19:]}"
    known = moment.replace(microsecond=int(f"{fraction[:6]:<06}"))
    start, end = range_of("createdAtRange", created_after=f"{blanks}{written}{blanks}")
    assert (start, end > NOW) == (known, True)
    assert range_of("incidentDurationRange", open_before=written)[1] == known
    if not offset:
        assert {range_of("createdAtRange", created_after=f"{written[:-6]}{zone}")[0] for zone in "Zz"} == {known}


SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@settings(max_examples=60)
@given(count=st.integers(0, 2000), unit=st.sampled_from(sorted(SECONDS)), zeros=st.sampled_from(["", "0"]))
def test_time_before_now_is_counted_from_now(count: int, unit: str, zeros: str) -> None:
    start, _end = range_of("createdAtRange", created_after=f"-{zeros}{count}{unit}")
    assert start == NOW - timedelta(seconds=count * SECONDS[unit])


@settings(max_examples=100)
@given(text=st.text("0123456789-+:.TtZz smhdw", max_size=26) | st.text(max_size=8))
def test_every_text_is_accepted_as_a_time_or_refused(text: str) -> None:
    with contextlib.suppress(CoralogixError):
        start, end = range_of("createdAtRange", created_before=text)
        assert start <= end


def test_a_missing_bound_is_1970_or_tomorrow() -> None:
    # Clocks differ: what the service made a moment ago may lie in the future here.
    assert range_of("createdAtRange", created_after="-0s") == (NOW, NOW + timedelta(days=1))
    assert range_of("incidentDurationRange", open_before="-0s") == (datetime(1970, 1, 1, tzinfo=timezone.utc), NOW)
    assert range_of("createdAtRange", created_after="-1h", created_before="-1h") == (NOW - timedelta(hours=1),) * 2


# What the API cannot filter is filtered in the answer.
@pytest.mark.parametrize("assigned", [True, False])
def test_assigned_is_filtered_in_the_answer(assigned: bool) -> None:
    built = query(assigned=assigned)
    assert built.values == {}
    assert built.keep
    assert (built.keep({"assignments": [{}]}), built.keep({"assignments": []})) == (assigned, not assigned)


one_value = st.sampled_from("12")
some_labels = st.dictionaries(
    st.sampled_from("ab"), one_value | st.lists(one_value, min_size=1, max_size=2), min_size=1
)


@given(wanted=some_labels, has=st.lists(st.sampled_from([*itertools.product("ab", "12")]), max_size=3))
def test_meta_labels_match_one_of_the_values_of_each_label(wanted: dict[str, t.Any], has: list[t.Any]) -> None:
    built = query(meta_labels=wanted)
    matches = all(any((label, value) in has for value in one_of) for label, one_of in wanted.items())
    found = [(label["key"], label["value"]) in has for label in built.values["filter"]["metaLabels"]]
    is_and = built.values["filter"].get("metaLabelsOp") == "FILTER_OPERATOR_AND"
    item = {"metaLabels": [{"key": key, "value": value} for key, value in has]}
    # The API returns all that match. Where it returns more, the answer is filtered.
    assert ((all(found) if is_and else any(found)) and (built.keep is None or built.keep(item))) == matches
    assert (built.keep is None) == (len(wanted) == 1 or not any(len(set(one_of)) > 1 for one_of in wanted.values()))


@pytest.mark.parametrize("labels", [..., None, 5, "team", {"key": "team"}, [None, 5, [], {}], [{"key": [1]}]], ids=str)
def test_odd_labels_do_not_match(labels: t.Any) -> None:
    built = query(meta_labels={"team": ["x", "y"], "key": "z"})
    assert built.keep
    assert not built.keep({} if labels is ... else {"metaLabels": labels})
