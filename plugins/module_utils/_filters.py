# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which incidents a list is to hold: a table of options, and the way from options to the API's query. No I/O."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta, timezone

from ._errors import SettingsError
from ._incident import Incident, rfc3339
from ._routes import Values


class Query(t.NamedTuple):
    values: Values
    """What the API is asked."""
    keep: t.Callable[[Incident], bool] | None
    """Whether to keep an incident of the answer, where the API cannot be asked for all that is wanted."""
    empty: bool
    """Whether nothing can match: one of several is wanted, and there are none to choose from."""


class Filter(t.NamedTuple):
    spec: dict[str, t.Any]
    """The option, in the form that AnsibleModule takes."""
    name: str
    """The API's name for it."""
    convert: t.Callable[[t.Any], t.Any] = lambda value: value
    """From the option's value to the API's; raises ValueError with what is wrong."""


def _enum(name: str, prefix: str, *short: str) -> Filter:
    """Values of an enum, by short names or by those of the API."""
    full = {word: f"{prefix}_{word.upper()}" for word in short}
    spec = {"type": "list", "elements": "str", "choices": [*full, *full.values()]}
    return Filter(spec, name, lambda values: [full.get(value, value) for value in values])


def _texts(name: str) -> Filter:
    return Filter({"type": "list", "elements": "str"}, name, _without_blanks)


def _without_blanks(values: list[str]) -> list[str]:
    if not all(value.strip() for value in values):
        raise ValueError("holds a blank")
    return values


def _labels(name: str, values_name: str) -> Filter:
    def convert(labels: dict[str, t.Any]) -> dict[str, dict[str, list[str]]]:
        return {label: {values_name: _label_values(wanted)} for label, wanted in labels.items()}

    return Filter({"type": "dict"}, name, convert)


def _label_values(wanted: t.Any) -> list[str]:
    """The values of a label, of which one or a list can be given."""
    values = wanted if isinstance(wanted, list) else [wanted]
    if any(value is None or isinstance(value, (dict, list)) for value in values):
        raise ValueError("has to give a value, or a list of values, for each label")
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def _meta_labels(labels: dict[str, t.Any]) -> list[dict[str, str]]:
    return [{"key": label, "value": value} for label, wanted in labels.items() for value in _label_values(wanted)]


FIELDS = (
    "id",
    "name",
    "severity",
    "state",
    "status",
    "created_time",
    "closed_time",
    "last_state_update_time",
    "duration",
    "application_name",
    "subsystem_name",
)
# A field of incidents, or one of their contextual labels.
_COLUMN: dict[str, t.Any] = {
    "field": {"type": "str", "choices": list(FIELDS)},
    "contextual_label": {"type": "str"},
}
_ONE_COLUMN = {"mutually_exclusive": [tuple(_COLUMN)], "required_one_of": [tuple(_COLUMN)]}


def _column(chosen: dict[str, t.Any]) -> dict[str, str]:
    if chosen["field"]:
        return {"incidentField": f"INCIDENTS_FIELDS_{chosen['field'].upper()}"}
    return {"contextualLabel": chosen["contextual_label"]}


FILTERS: dict[str, Filter] = {
    "assignees": _texts("assignee"),
    "status": _enum("status", "INCIDENT_STATUS", "triggered", "acknowledged", "resolved"),
    "state": _enum("state", "INCIDENT_STATE", "triggered", "resolved"),
    "severity": _enum("severity", "INCIDENT_SEVERITY", "info", "low", "warning", "error", "critical"),
    "applications": _texts("applicationName"),
    "subsystems": _texts("subsystemName"),
    "contextual_labels": _labels("contextualLabels", "contextualLabelValues"),
    "display_labels": _labels("displayLabels", "displayLabelValues"),
    "meta_labels": Filter({"type": "dict"}, "metaLabels", _meta_labels),
    "muted": Filter({"type": "bool"}, "isMuted"),
    "search": Filter(
        {"type": "dict", "options": {"text": {"type": "str", "required": True}, **_COLUMN}, **_ONE_COLUMN},
        "searchQuery",
        lambda search: {"query": _without_blanks([search["text"]])[0], **_column(search)},
    ),
}

# Options that bound a time, in pairs: the API takes a range with both ends.
RANGES = {
    "createdAtRange": ("created_after", "created_before"),
    "incidentDurationRange": ("open_after", "open_before"),
}

ORDER_BY: dict[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "options": {**_COLUMN, "direction": {"type": "str", "choices": ["asc", "desc"], "default": "asc"}},
    **_ONE_COLUMN,
}

# The end of a range whose end is open: in the future, as clocks differ.
_MARGIN = timedelta(days=1)
_START = datetime(1970, 1, 1, tzinfo=timezone.utc)


def options() -> dict[str, dict[str, t.Any]]:
    """All options that choose or order incidents, in the form that AnsibleModule takes."""
    return {
        **{name: option.spec for name, option in FILTERS.items()},
        "assigned": {"type": "bool"},
        **{name: {"type": "str"} for bounds in RANGES.values() for name in bounds},
        "order_by": ORDER_BY,
        "limit": {"type": "int"},
    }


def query(params: t.Mapping[str, t.Any], now: datetime) -> Query:
    """From the options to what is asked; raises SettingsError."""
    if params["limit"] is not None and params["limit"] < 1:
        raise SettingsError(f"limit is {params['limit']}: it has to be 1 or more.")
    given = {name: params[name] for name in FILTERS if params[name] is not None}
    asked = {FILTERS[name].name: _converted(name, value) for name, value in given.items()}
    for name, bounds in RANGES.items():
        if any(params[bound] is not None for bound in bounds):
            asked[name] = _range(bounds, params, now)
    keeps: list[t.Callable[[Incident], bool]] = []
    if params["assigned"] is not None:
        keeps.append(lambda incident: bool(incident["assignments"]) is params["assigned"])
    if len(asked.get("metaLabels", ())) > 1:
        labels: dict[str, t.Any] = given["meta_labels"]
        # The API looks for any of the pairs or for all of them; several values of one label are looked for here.
        several = any(len(_label_values(wanted)) > 1 for wanted in labels.values())
        asked["metaLabelsOp"] = "FILTER_OPERATOR_OR_OR_UNSPECIFIED" if several else "FILTER_OPERATOR_AND"
        if several and len(labels) > 1:
            keeps.append(lambda incident: _has_labels(incident, labels))
    orders = [
        {**_column(order), "direction": f"ORDER_BY_DIRECTION_{order['direction'].upper()}"}
        for order in params["order_by"] or ()
    ]
    return Query(
        {**({"filter": asked} if asked else {}), **({"orderBys": orders} if orders else {})},
        (lambda incident: all(keep(incident) for keep in keeps)) if keeps else None,
        empty=any(_chooses_none(value) for value in given.values()),
    )


def _converted(name: str, value: t.Any) -> t.Any:
    try:
        return FILTERS[name].convert(value)
    except ValueError as error:
        raise SettingsError(f"{name} {error}.") from None


def _chooses_none(value: t.Any) -> bool:
    """An empty list: to the API it would be no filter at all, and to whoever computed it, the opposite."""
    return value == [] or (isinstance(value, dict) and any(wanted == [] for wanted in value.values()))


def _has_labels(incident: Incident, wanted: dict[str, t.Any]) -> bool:
    labels = incident.get("metaLabels")
    listed = labels if isinstance(labels, list) else ()
    has = [(label.get("key"), label.get("value")) for label in listed if isinstance(label, dict)]
    return all(any((label, value) in has for value in _label_values(values)) for label, values in wanted.items())


def _range(bounds: tuple[str, str], params: t.Mapping[str, t.Any], now: datetime) -> dict[str, str]:
    start, end = (None if params[bound] is None else _time(bound, params[bound], now) for bound in bounds)
    start, end = start or _START, end or now + _MARGIN
    if start > end:
        # An end that was not given is 1970, or the day after now.
        told = [f"{bound} is {params[bound]!r}" for bound in bounds if params[bound] is not None]
        raise SettingsError(f"{' and '.join(told)}: nothing can match.")
    return {"startTime": rfc3339(start), "endTime": rfc3339(end)}


_AGO = re.compile(r"-([0-9]{1,6})([smhdw])\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# With a blank, too: YAML makes a time of what looks like one, and Ansible writes it so.
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9:]{8})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})\Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


def _time(name: str, text: str, now: datetime) -> datetime:
    text = text.strip()
    ago, time, day = _AGO.match(text), _TIME.match(text), _DAY.match(text)
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago.group(2)]: int(ago.group(1))})
        if day:
            return datetime.fromisoformat(f"{text}T00:00:00+00:00")
        if time:
            date, clock, fraction, zone = time.groups()
            micros = (fraction or "0")[:6].ljust(6, "0")
            local = datetime.fromisoformat(f"{date}T{clock}.{micros}{'+00:00' if zone in 'Zz' else zone}")
            return local.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        pass
    raise SettingsError(
        f"{name} is {text!r}, not a time such as 2026-11-23T03:00:00Z, with its time zone, or such as -24h, which is "
        "24 hours ago (s, m, h, d and w are seconds to weeks)."
    )
