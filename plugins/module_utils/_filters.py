# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From filter options to the API's query: what the filters of all kinds of resources share. No I/O."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta, timezone

from ._arguments import check_text_type, check_user_id
from ._errors import option_invalid
from ._resource import Options

# Version 5 of the API takes no more values of one filter.
MAX_VALUES = 1_000


class Filter(t.NamedTuple):
    """One option, and what the API calls it."""

    spec: dict[str, t.Any]
    """An argument spec."""
    parameter: str
    convert: t.Callable[[str, t.Any], t.Any] = lambda _name, value: value
    """From the option's name and value to the API's value. Raises CoralogixError(OptionInvalid)."""


def enum_filter(parameter: str, prefix: str, *names: str) -> Filter:
    """Values of an enum, by short names or by those of the API."""
    full = {name: f"{prefix}_{name.upper()}" for name in names}
    spec = {"type": "list", "elements": "str", "choices": [*full, *full.values()]}
    return Filter(spec, parameter, lambda _name, values: _unique(full.get(value, value) for value in values))


def _unique(values: t.Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def text_filter(parameter: str) -> Filter:
    """A list of texts."""
    return Filter({"type": "list", "elements": "str"}, parameter, text_values)


def text_values(name: str, values: t.Sequence[str]) -> list[str]:
    """The texts, stripped. None of them may be blank."""
    stripped = [value.strip() for value in values]
    if not all(stripped):
        raise option_invalid(f"{name} contains a blank value.")
    return check_count(name, _unique(stripped))


def user_values(name: str, values: t.Sequence[str]) -> list[str]:
    """IDs or e-mail addresses of users, stripped."""
    users = text_values(name, values)
    for user in users:
        check_user_id(name, user)
    return users


def check_count(name: str, values: list[t.Any]) -> list[t.Any]:
    """The values, if the API takes as many."""
    if len(values) > MAX_VALUES:
        raise option_invalid(f"{name} has {len(values)} values. The API takes at most {MAX_VALUES}. Use several tasks.")
    return values


def label_values(name: str, wanted: t.Any) -> list[str]:
    """The values of one label. A single value or a list can be given."""
    values = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]
    for value in values:
        if value is None or isinstance(value, (dict, list, tuple)):
            raise option_invalid(f"{name} must give a value, or a list of values, for each label.")
        check_text_type(name, value)
    return text_values(name, [str(value) for value in values])


def label_map(name: str, labels: t.Mapping[str, t.Any]) -> dict[str, list[str]]:
    """Labels with their values."""
    stripped: dict[str, list[str]] = {}
    for label, wanted in labels.items():
        check_text_type(name, label)
        if not label.strip() or label.strip() in stripped:
            raise option_invalid(f"{name} contains a label without a name, or one label twice.")
        stripped[label.strip()] = label_values(f"{name}.{label}", wanted)
    return stripped


def convert_filters(filters: t.Mapping[str, Filter], options: Options) -> dict[str, t.Any]:
    """The given filters as the API's parameters."""
    return {
        filter_.parameter: filter_.convert(name, options[name])
        for name, filter_ in filters.items()
        if options.get(name) is not None
    }


def matches_nothing(filters: t.Mapping[str, Filter], options: Options) -> bool:
    """Whether a filter is an empty list or map. To the API that would be no filter at all; whoever computed it
    means the opposite."""
    given = [options[name] for name in filters if options.get(name) is not None]
    return any(
        value in ([], {}) or (isinstance(value, dict) and any(inner == [] for inner in value.values()))
        for value in given
    )


def check_limit(options: Options) -> None:
    """A limit must let something through."""
    limit = options.get("limit")
    if limit is not None and limit < 1:
        raise option_invalid(f"limit is {limit}. It must be 1 or more.")


# The start of a range without a start, and the end of one without an end: in the future, as clocks differ.
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MARGIN = timedelta(days=1)


def time_range(bounds: tuple[str, str], options: Options, now: datetime) -> tuple[str, str] | None:
    """The range that two options give, one of which may be missing, in RFC 3339 format. None if both are missing."""
    given = {name: options[name] for name in bounds if options.get(name) is not None}
    if not given:
        return None
    start, end = (parse_time(name, given[name], now) if name in given else None for name in bounds)
    start, end = start or _EPOCH, end or now + _MARGIN
    if start > end:
        values = " and ".join(f"{name} is {value!r}" for name, value in given.items())
        raise option_invalid(f"{values}. Nothing can match.")
    return rfc3339(start), rfc3339(end)


def rfc3339(moment: datetime, timespec: str = "auto") -> str:
    """A time in UTC as the API writes it. C(timespec) is that of C(isoformat)."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


_AGO = r"-([0-9]{1,6})([smhdw])\Z"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# A blank in place of the T, too: YAML makes a time of such a text, and Ansible writes it so.
_TIME = r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9:]{8})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})\Z"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z"


def parse_time(name: str, text: str, now: datetime) -> datetime:
    """A time in UTC, from RFC 3339, a day, or a time before now such as C(-24h). C(name) is that of the option."""
    text = text.strip()
    ago, time, day = (re.match(pattern, text) for pattern in (_AGO, _TIME, _DAY))
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
    raise option_invalid(
        f"{name} is {text!r}. It must be a time with its time zone such as 2026-11-23T03:00:00Z, a day such as "
        "2026-11-23, or a time before now such as -24h (s, m, h, d and w are seconds to weeks)."
    )
