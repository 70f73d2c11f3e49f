# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From figures to goals and tables. Pure functions; times are in seconds, memory in bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Callable, NamedTuple

Measured = Mapping[str, Any]
Row = Mapping[str, Any]

# The ways in which a task of the collection can run. Others have only one.
IN_PROCESS, MODULE, NO_WAY = "in process", "module", ""

TASKS = {
    "ping": "`ansible.builtin.ping`",
    "unassign": "`incident_unassign`, 10 of 20 incidents assigned",
    "again": "the same, none assigned any more",
    "bare": "the same requests, by an action plugin of a few lines",
    "uri": "two `ansible.builtin.uri` tasks and `set_fact`",
    "loop": "a loop of `uri` over the 20 IDs",
}


def find(rows: Iterable[Row], **wanted: Any) -> Row:
    """The row that has these values."""
    (found,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return found


class Goal(NamedTuple):
    """A figure of one row in terms of the same figure of another row of the section."""

    text: str
    section: str
    row: Row
    other: Row
    limit: float
    figures: tuple[str, ...] = ("wall", "cpu")
    """Time waits for the service, and for other programs. Processor time does not."""

    def values(self, measured: Measured) -> list[float]:
        rows = measured[self.section]
        return [find(rows, **self.row)[figure] / find(rows, **self.other)[figure] for figure in self.figures]


_READS = ({"parallel": 8}, {"parallel": 1})
_FIRST = {"case": "unassign", "way": IN_PROCESS, "count": 1}
_LARGEST = {"count": 10_000, "events": 3, "options": {}}
_LARGE = (
    "10,000 incidents of 3 events, whole play",
    "large",
    {**_LARGEST, "way": IN_PROCESS},
    {**_LARGEST, "way": MODULE},
)
GOALS = (
    Goal("first task of a play / `ping`", "tasks", _FIRST, {"case": "ping", "count": 1}, 0.6),
    Goal("five tasks / five `ping`s", "tasks", {**_FIRST, "count": 5}, {"case": "ping", "count": 5}, 0.3),
    Goal("first task / two `uri` tasks", "tasks", _FIRST, {"case": "uri"}, 0.2),
    Goal("first task / loop of `uri`", "tasks", _FIRST, {"case": "loop"}, 0.03),
    Goal("1,000 cases by ID, 8 requests at a time / 1 at a time", "cases", *_READS, 0.2, ("wall",)),
    Goal(f"{_LARGE[0]} / as a module: time", *_LARGE[1:], 0.5),
    Goal(f"{_LARGE[0]} / as a module: memory", *_LARGE[1:], 0.7, ("memory",)),
)


def table(head: str, rows: Iterable[Iterable[str]], texts: int = 1) -> str:
    """In Markdown. The first columns are texts, all others are figures."""
    names = head.split(" | ")
    lines = [names, ["---"] * texts + ["---:"] * (len(names) - texts), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def mb(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"


def _goals(measured: Measured) -> str:
    def cells(goal: Goal) -> Iterable[str]:
        yield goal.text
        yield f"{goal.limit}"
        values = [f"{value:.3f} ({'met' if value <= goal.limit else 'not met'})" for value in goal.values(measured)]
        yield from (*values, "")[:2]

    goals = [goal for goal in GOALS if goal.section in measured]
    return table("Goal | At most | Measured | By processor time", map(cells, goals))


def _tasks(measured: Measured) -> str:
    rows = measured["tasks"]
    pings = {row["count"]: row for row in rows if row["case"] == "ping"}

    def cells(row: Row) -> Iterable[str]:
        yield str(row["count"])
        yield TASKS[row["case"]]
        yield row["way"]
        yield ms(row["wall"])
        yield ms(row["cpu"])
        yield from (f"{row[figure] / pings[row['count']][figure]:.2f}" for figure in ("wall", "cpu"))
        yield f"{row['requests']:.0f}"

    head = "In a play | Task | Way | Time | Processor | Time / `ping` | Processor / `ping` | Requests"
    return table(head, map(cells, sorted(rows, key=lambda row: row["count"])), texts=3)


def _parallel(measured: Measured) -> str:
    latencies = sorted({row["latency"] for row in measured["parallel"]})

    def cells(limit: int) -> Iterable[str]:
        yield str(limit or "one after another, on a bare session")
        for latency in latencies:
            rows = [row for row in measured["parallel"] if row["latency"] == latency]
            wall = find(rows, parallel=limit)["wall"]
            yield f"{wall:.2f} s"
            yield f"{wall / find(rows, parallel=0)['wall']:.2f}"

    head = " | ".join(["Requests at a time", *(f"{ms(latency)} each | ratio" for latency in latencies)])
    return table(head, map(cells, dict.fromkeys(row["parallel"] for row in measured["parallel"])))


def _cases(measured: Measured) -> str:
    rows = measured["cases"]

    def cells(row: Row) -> Iterable[str]:
        yield str(row["parallel"])
        yield f"{row['wall']:.2f} s"
        yield f"{row['wall'] / find(rows, parallel=1)['wall']:.2f}"

    return table("Requests at a time | 20 ms each | ratio", map(cells, rows))


def _large(measured: Measured) -> str:
    def cells(row: Row) -> Iterable[str]:
        yield f"{row['count']:,}"
        yield str(row["events"])
        yield "without events" if row["options"] else "everything"
        yield row["way"]
        yield from _costs(row)

    head = "Incidents | Events each | Returned | Way | Time | Processor | Memory | Requests"
    return table(head, map(cells, measured["large"]), texts=4)


def _lists(measured: Measured) -> str:
    def cells(row: Row) -> Iterable[str]:
        yield f"{row['count']:,}"
        yield "a bare `requests` script" if row["way"] == "script" else f"`incident_info`, {row['way']}"
        yield from _costs(row)

    return table("Incidents | By | Time | Processor | Memory | Requests", map(cells, measured["lists"]), texts=2)


def _costs(row: Row) -> Iterable[str]:
    return f"{row['wall']:.2f} s", f"{row['cpu']:.2f} s", mb(row["memory"]), f"{row['requests']:.0f}"


def _conditions(measured: Measured) -> str:
    values = measured["conditions"]
    return (
        f"Measured with Python {values['python']}, ansible-core {values['ansible_core']} and requests "
        f"{values['requests']}\non {values['processors']} processors. Each answer of the service takes "
        f"{ms(values['latency'])}. Medians of {values['repeat']} runs, of {values['repeat_large']} for many incidents."
    )


TABLES: dict[str, Callable[[Measured], str]] = {
    "conditions": _conditions,
    "tasks": _tasks,
    "parallel": _parallel,
    "cases": _cases,
    "large": _large,
    "lists": _lists,
    "goals": _goals,
}


def tables(measured: Measured) -> dict[str, str]:
    """The tables of all sections that were measured."""
    return {name: make(measured) for name, make in TABLES.items() if name == "goals" or name in measured}


def write_into(path: Path, contents: Mapping[str, str]) -> None:
    """Replace what stands between `<!-- bench: NAME -->` and `<!-- end -->` by the table of that name."""
    text = path.read_text(encoding="utf-8")
    for name, content in contents.items():
        place = re.compile(rf"(<!-- bench: {name} -->\n).*?(<!-- end -->)", re.S)
        text = place.sub(partial(_replace, content), text)
    path.write_text(text, encoding="utf-8")


def _replace(content: str, found: re.Match[str]) -> str:
    return f"{found[1]}\n{content}\n\n{found[2]}"
