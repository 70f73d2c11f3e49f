# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options that choose incidents to the API's query, by value."""

from __future__ import annotations

import contextlib
import itertools
import json
import typing as t
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _filters
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import SettingsError
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator import messages

Incident = dict[str, t.Any]

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)


def query(**given: t.Any) -> _filters.Query:
    """As a task would with these options, and null for all others."""
    params = dict.fromkeys(_filters.options())
    assert params.keys() >= given.keys()
    return _filters.query({**params, **given}, NOW)


def incident(*labels: t.Any, held: bool = False) -> Incident:
    return {"id": "a", "assignments": [{}] if held else [], "metaLabels": list(labels)}


def column(**given: t.Any) -> dict[str, t.Any]:
    """Suboptions as AnsibleModule hands them over."""
    return {"field": None, "contextual_label": None, **given}


# Each option, and what the API is asked for it under "filter"; the names are those of its contract.
FILTERS: dict[str, tuple[dict[str, t.Any], dict[str, t.Any]]] = {
    "assignees": ({"assignees": ["u1", "u2"]}, {"assignee": ["u1", "u2"]}),
    "status": (
        {"status": ["acknowledged", "INCIDENT_STATUS_TRIGGERED", "resolved"]},
        {"status": ["INCIDENT_STATUS_ACKNOWLEDGED", "INCIDENT_STATUS_TRIGGERED", "INCIDENT_STATUS_RESOLVED"]},
    ),
    "state": (
        {"state": ["triggered", "INCIDENT_STATE_RESOLVED"]},
        {"state": ["INCIDENT_STATE_TRIGGERED", "INCIDENT_STATE_RESOLVED"]},
    ),
    "severity": (
        {"severity": ["info", "low", "warning", "error", "critical", "INCIDENT_SEVERITY_LOW"]},
        {
            "severity": [
                *("INCIDENT_SEVERITY_INFO", "INCIDENT_SEVERITY_LOW", "INCIDENT_SEVERITY_WARNING"),
                *("INCIDENT_SEVERITY_ERROR", "INCIDENT_SEVERITY_CRITICAL", "INCIDENT_SEVERITY_LOW"),
            ]
        },
    ),
    "applications": ({"applications": ["shop"]}, {"applicationName": ["shop"]}),
    "subsystems": ({"subsystems": ["a b", "c"]}, {"subsystemName": ["a b", "c"]}),
    "contextual_labels": (
        {"contextual_labels": {"host": "h1", "Zone Name": ["a", "b"]}},
        {
            "contextualLabels": {
                "host": {"contextualLabelValues": ["h1"]},
                "Zone Name": {"contextualLabelValues": ["a", "b"]},
            }
        },
    ),
    "label values of other types": (
        {"display_labels": {"a": 5, "b": True, "c": [1.5, False, ""]}},
        {
            "displayLabels": {
                "a": {"displayLabelValues": ["5"]},
                "b": {"displayLabelValues": ["true"]},
                "c": {"displayLabelValues": ["1.5", "false", ""]},
            }
        },
    ),
    "meta_labels": ({"meta_labels": {"team": "x"}}, {"metaLabels": [{"key": "team", "value": "x"}]}),
    "meta_labels, all of several": (
        {"meta_labels": {"team": "x", "tier": ["1"]}},
        {
            "metaLabels": [{"key": "team", "value": "x"}, {"key": "tier", "value": "1"}],
            "metaLabelsOp": "FILTER_OPERATOR_AND",
        },
    ),
    "meta_labels, any of several": (
        {"meta_labels": {"team": ["x", "y"], "tier": "1"}},
        {
            "metaLabels": [
                {"key": "team", "value": "x"},
                {"key": "team", "value": "y"},
                {"key": "tier", "value": "1"},
            ],
            "metaLabelsOp": "FILTER_OPERATOR_OR_OR_UNSPECIFIED",
        },
    ),
    "muted": ({"muted": True}, {"isMuted": True}),
    "not muted": ({"muted": False}, {"isMuted": False}),
    "search in a field": (
        {"search": column(text="disk full", field="closed_time")},
        {"searchQuery": {"query": "disk full", "incidentField": "INCIDENTS_FIELDS_CLOSED_TIME"}},
    ),
    "search in a label": (
        {"search": column(text="h", contextual_label="host")},
        {"searchQuery": {"query": "h", "contextualLabel": "host"}},
    ),
    "created": (
        {"created_after": "2026-11-22T00:00:00+02:00", "created_before": "-1h"},
        {"createdAtRange": {"startTime": "2026-11-21T22:00:00Z", "endTime": "2026-11-23T11:00:00Z"}},
    ),
    "open": (
        {"open_after": "2026-11-22", "open_before": "2026-11-23"},
        {"incidentDurationRange": {"startTime": "2026-11-22T00:00:00Z", "endTime": "2026-11-23T00:00:00Z"}},
    ),
    "several": (
        {"muted": False, "assignees": ["u"], "state": ["triggered"]},
        {"isMuted": False, "assignee": ["u"], "state": ["INCIDENT_STATE_TRIGGERED"]},
    ),
    "no labels": ({"contextual_labels": {}}, {"contextualLabels": {}}),
}
# What these options make is something that version 5 takes.
LIST = messages.request_message(("filter", "pagination", "order_bys"), ())


@pytest.mark.parametrize(("given", "asked"), FILTERS.values(), ids=FILTERS)
def test_filter_becomes_what_the_contract_has(given: dict[str, t.Any], asked: dict[str, t.Any]) -> None:
    made = query(**given)
    assert made.values == {"filter": asked}
    assert not made.empty
    assert json.loads(json.dumps(made.values)) == made.values
    messages.decode(LIST, made.values, "", strict=True)


def test_each_option_is_in_the_tables() -> None:
    tried = {name for given, _asked in FILTERS.values() for name in given}
    assert _filters.options().keys() - tried == {"assigned", "order_by", "limit"}


def test_no_option_is_no_filter() -> None:
    made = query()
    assert made.values == {}
    assert not made.empty
    assert made.keep is None


ORDERS: dict[str, tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]] = {
    "field": (
        [column(field="created_time", direction="desc")],
        [{"incidentField": "INCIDENTS_FIELDS_CREATED_TIME", "direction": "ORDER_BY_DIRECTION_DESC"}],
    ),
    "two": (
        [column(field="id", direction="asc"), column(contextual_label="host", direction="desc")],
        [
            {"incidentField": "INCIDENTS_FIELDS_ID", "direction": "ORDER_BY_DIRECTION_ASC"},
            {"contextualLabel": "host", "direction": "ORDER_BY_DIRECTION_DESC"},
        ],
    ),
}


@pytest.mark.parametrize(("given", "asked"), ORDERS.values(), ids=ORDERS)
def test_order_becomes_what_the_contract_has(given: list[dict[str, t.Any]], asked: list[dict[str, t.Any]]) -> None:
    made = query(order_by=given)
    assert made.values == {"orderBys": asked}
    messages.decode(LIST, made.values, "", strict=True)
    assert not query(order_by=[]).values


@pytest.mark.parametrize("field", _filters.FIELDS)
def test_each_field_is_one_of_the_contract(field: str) -> None:
    values = query(order_by=[column(field=field, direction="asc")], search=column(text="x", field=field)).values
    messages.decode(LIST, values, "", strict=True)


# An empty list would be no filter to the API.
LISTS = [name for name, option in _filters.options().items() if option["type"] == "list" and name != "order_by"]


@pytest.mark.parametrize(
    "given",
    [
        *({name: []} for name in LISTS),
        *({name: {"a": "x", "b": []}} for name in ("contextual_labels", "display_labels", "meta_labels")),
    ],
    ids=str,
)
def test_empty_list_chooses_none(given: dict[str, t.Any]) -> None:
    assert query(**given).empty
    assert query(**given, muted=True).empty


REFUSED: dict[str, tuple[dict[str, t.Any], str]] = {
    "blank assignee": ({"assignees": ["u1", " "]}, "assignees holds a blank"),
    "empty application": ({"applications": [""]}, "applications holds a blank"),
    "blank subsystem": ({"subsystems": ["\t"]}, "subsystems holds a blank"),
    "blank search": ({"search": column(text=" ", field="name")}, "search holds a blank"),
    "label without a value": ({"contextual_labels": {"host": None}}, "contextual_labels has to give a value"),
    "label with an object": ({"display_labels": {"host": {"a": 1}}}, "display_labels has to give a value"),
    "label with lists in a list": ({"meta_labels": {"host": [["a"]]}}, "meta_labels has to give a value"),
    "label with null in a list": ({"meta_labels": {"host": ["a", None]}}, "meta_labels has to give a value"),
    "limit 0": ({"limit": 0}, "limit is 0: it has to be 1 or more"),
    "limit below 0": ({"limit": -5}, "limit is -5"),
    "start after end": (
        {"created_after": "-1h", "created_before": "-2h"},
        "created_after is '-1h' and created_before is '-2h': nothing can match",
    ),
    "open start after end": (
        {"open_after": "2026-11-24", "open_before": "-1d"},
        "open_after is '2026-11-24' and open_before is '-1d': nothing",
    ),
    "start beyond the end that is open": (
        {"created_after": "2030-01-01"},
        "created_after is '2030-01-01': nothing can match",
    ),
    "end before the start that is open": (
        {"open_before": "1969-12-31"},
        "open_before is '1969-12-31': nothing can match",
    ),
}
BOUNDS = ("created_after", "created_before", "open_after", "open_before")
NO_TIMES = [
    *("", " ", "now", "24h", "-24", "-h", "-1.5h", "- 1h", "-1H", "-1y", "--1h", "-1h ago", "+1h", "-1234567s"),
    *("2026-11-23T03:00:00", "2026-11-23T03:00Z", "2026-11-23T3:00:00Z", "2026-13-01", "2026-02-30T00:00:00Z"),
    *("2026-11-23T24:01:00Z", "2026-11-23T03:00:60Z", "2026-11-23T03:00:00.Z", "2026-11-23T03:00:00+25:00"),
    *("2026-11-23T03:00:00+01", "1763866800", "2026", "20261123", "2026-W48-1", "23.11.2026"),
    *("2026-11-23T03:00:00.1234567891Z", "\u0662\u0660\u0662\u0666-11-23", "-\u0661h", "0000-01-01", "-999999w"),
    # In UTC these are in no year that there is.
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
]


@pytest.mark.parametrize(("given", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused(given: dict[str, t.Any], told: str) -> None:
    with pytest.raises(SettingsError) as raised:
        query(**given)
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize("text", NO_TIMES, ids=ascii)
@pytest.mark.parametrize("bound", ["created_after", "open_before"])
def test_what_is_no_time_is_refused(bound: str, text: str) -> None:
    with pytest.raises(SettingsError, match=rf"\A{bound} is .*, not a time such as .*-24h"):
        query(**{bound: text})


def range_of(name: str, **given: str) -> tuple[datetime, datetime]:
    """The bounds that the API is given; in the form that its contract asks for."""
    asked = query(**given).values["filter"][name]
    assert all(text.endswith("Z") for text in asked.values())
    return messages.parse_time(asked["startTime"]), messages.parse_time(asked["endTime"])


# What can be written as RFC 3339, and after the time that an open start stands for.
moments = st.datetimes(
    datetime(1971, 1, 1), datetime(2026, 11, 22), timezones=st.timezones() | st.just(timezone.utc)
).map(
    lambda moment: moment.astimezone(
        timezone(timedelta(minutes=round((moment.utcoffset() or timedelta()).seconds / 60)))
    )
)


@settings(max_examples=60)
@given(moment=moments, separator=st.sampled_from("Tt "), digits=st.integers(0, 9), blanks=st.sampled_from(["", " "]))
def test_a_time_is_the_moment_it_names(moment: datetime, separator: str, digits: int, blanks: str) -> None:
    text = moment.replace(microsecond=0).isoformat(separator)
    fraction = f"{moment.microsecond:06}000"[:digits]
    written = f"{text[:19]}{fraction and '.'}{fraction}{text[19:]}"
    known = moment.replace(microsecond=int(f"{fraction[:6]:<06}"))
    start, end = range_of("createdAtRange", created_after=f"{blanks}{written}{blanks}")
    assert start == known
    assert end > NOW
    assert range_of("incidentDurationRange", open_before=written)[1] == known
    if moment.utcoffset() == timedelta():
        for zone in "Zz":
            assert range_of("createdAtRange", created_after=f"{written[:-6]}{zone}")[0] == known


SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@settings(max_examples=60)
@given(count=st.integers(0, 2000), unit=st.sampled_from(sorted(SECONDS)), zeros=st.sampled_from(["", "0"]))
def test_some_time_ago_is_counted_from_now(count: int, unit: str, zeros: str) -> None:
    start, _end = range_of("createdAtRange", created_after=f"-{zeros}{count}{unit}")
    assert start == NOW - timedelta(seconds=count * SECONDS[unit])


@settings(max_examples=100)
@given(text=st.text("0123456789-+:.TtZz smhdw", max_size=26) | st.text(max_size=8))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with contextlib.suppress(SettingsError):
        start, end = range_of("createdAtRange", created_before=text)
        assert start <= end


@pytest.mark.parametrize("moment", [f"2026-11-23T0{hour}:00:00Z" for hour in range(3)])
def test_range_of_one_moment_is_a_range(moment: str) -> None:
    start, end = range_of("createdAtRange", created_after=moment, created_before=moment)
    assert start == end


def test_open_ends_reach_as_far_as_incidents_can() -> None:
    # Clocks differ: what the service made a moment ago may lie in the future here.
    assert range_of("createdAtRange", created_after="-0s") == (NOW, NOW + timedelta(days=1))
    assert range_of("incidentDurationRange", open_before="-0s") == (datetime(1970, 1, 1, tzinfo=timezone.utc), NOW)


def test_both_ranges_can_be_given() -> None:
    asked = query(**dict.fromkeys(BOUNDS, "-1d")).values["filter"]
    assert asked.keys() == {"createdAtRange", "incidentDurationRange"}


# What the API cannot be asked is chosen here.
@pytest.mark.parametrize("assigned", [True, False])
def test_assigned_is_chosen_here(assigned: bool) -> None:
    made = query(assigned=assigned)
    assert made.values == {}
    assert made.keep
    assert made.keep(incident(held=assigned))
    assert not made.keep(incident(held=not assigned))


LABELS = [{"key": key, "value": value} for key, value in itertools.product("ab", "12")]


@given(
    wanted=st.dictionaries(
        st.sampled_from("ab"), st.sampled_from("12") | st.lists(st.sampled_from("12"), min_size=1, max_size=2)
    ),
    labels=st.lists(st.sampled_from(LABELS), max_size=3),
)
def test_meta_labels_are_one_of_the_values_for_each_label(
    wanted: dict[str, t.Any], labels: list[dict[str, str]]
) -> None:
    made = query(meta_labels=wanted)
    has = {(label["key"], label["value"]) for label in labels}
    fits = all(any((key, value) in has for value in values) for key, values in wanted.items())
    asked = made.values["filter"]["metaLabels"]
    found = [(label["key"], label["value"]) in has for label in asked]
    operator = made.values["filter"].get("metaLabelsOp")
    passes = not asked or (all(found) if operator == "FILTER_OPERATOR_AND" else any(found))
    # The API, which is asked less where it has to be, passes over none that fits; the rest is chosen from here.
    assert (passes and (made.keep is None or made.keep(incident(*labels)))) == fits


ODD_LABELS: dict[str, t.Any] = {
    "none": ...,
    "null": None,
    "a number": 5,
    "text": "team",
    "an object": {"key": "team", "value": "x"},
    "nulls": [None, 5, "team", [], {}],
    "values of other types": [{"key": ["team"], "value": {}}, {"key": "team"}],
}


@pytest.mark.parametrize("labels", ODD_LABELS.values(), ids=ODD_LABELS)
def test_odd_labels_are_not_those_wanted(labels: t.Any) -> None:
    odd = {"id": "a", "assignments": [], **({} if labels is ... else {"metaLabels": labels})}
    made = query(meta_labels={"team": ["x", "y"], "key": "z"})
    assert made.keep
    assert not made.keep(odd)


@pytest.mark.parametrize("labels", [{}, {"team": "x"}, {"team": ["x", "y"]}, {"team": "x", "key": "z"}])
def test_labels_that_the_api_can_be_asked_for_are_not_chosen_here(labels: dict[str, t.Any]) -> None:
    assert query(meta_labels=labels).keep is None
