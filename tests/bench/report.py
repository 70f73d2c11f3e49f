# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From figures to goals and tables: pure functions, all times in seconds as measured."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Callable, NamedTuple

Measured = Mapping[str, Any]
Row = Mapping[str, Any]

# What a task returns unless options say otherwise.
EVERYTHING = "everything"

TASKS = {
    "ping": "`ansible.builtin.ping`, the floor of any task",
    "unassign": "`incident_unassign`, 20 incidents, 10 assigned",
    "again": "the same, none assigned any more",
    "uri": "two `ansible.builtin.uri` tasks and `set_fact`",
    "loop": "a loop of `uri` over the 20 IDs",
}

# The parts of a task: what it is, and its seconds from one run's marks.
PARTS: dict[str, Callable[[Row], float]] = {
    "start of Python": lambda row: row["interpreter"],
    "unpacking, and Ansible's code for modules": lambda row: row["all"] - row["import all"] - row["run"],
    "`import requests`": lambda row: row["import requests"],
    "import of the collection's code": lambda row: row["import all"] - row["import requests"],
    "checking the options (Ansible)": lambda row: row["options"],
    "connecting": lambda row: row["connect"],
    "waiting for the service": lambda row: row["wait"],
    "`requests` at work": lambda row: row["requests"] - row["connect"] - row["wait"],
    "the collection's code at work": lambda row: row["run"] - row["options"] - row["requests"] - row["result"],
    "writing the result (Ansible)": lambda row: row["result"],
    "end of Python": lambda row: row["process"] - row["interpreter"] - row["all"],
}
OURS = "the collection's code at work"


class Goal(NamedTuple):
    what: str
    value: Callable[[Measured, str], float]
    """From all that was measured and the figure that counts: C(wall), or for comparison C(cpu)."""
    limit: float


def one(rows: Iterable[Row], **wanted: Any) -> Row:
    """The row that has these values."""
    (found,) = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return found


def ratio(case: str, other: str) -> Callable[[Measured, str], float]:
    """What a case of the tasks costs, in terms of another one."""
    return lambda measured, figure: (
        one(measured["tasks"], case=case)[figure] / one(measured["tasks"], case=other)[figure]
    )


def growth(measured: Measured, figure: str) -> float:
    """By how much a figure grows, at most, where the IDs become ten times as many."""
    rows = [row for row in measured["scale"] if row["returned"] == EVERYTHING]
    return max(
        one(rows, ids=10 * row["ids"], events=row["events"])[figure] / row[figure]
        for row in rows
        if any(other["ids"] == 10 * row["ids"] for other in rows)
    )


def memory_growth(measured: Measured, figure: str) -> float:
    return growth(measured, "memory")


def against_sequential(measured: Measured, figure: str) -> float:
    """The requests for many IDs, as the collection sends them, in terms of one after another: a matter of waiting."""
    rows = [row for row in measured["parallel"] if row["latency"] == measured["surroundings"]["latency"]]
    return one(rows, parallel=measured["surroundings"]["parallel"])["wall"] / one(rows, parallel=0)["wall"]


def pages_against_script(measured: Measured, figure: str) -> float:
    """incident_info in terms of a script, where there are most incidents."""
    most = max(row["incidents"] for row in measured["pages"])
    module, script = (one(measured["pages"], incidents=most, case=case) for case in ("module", "script"))
    return module[figure] / script[figure]


def pages_memory_growth(measured: Measured, figure: str) -> float:
    rows = {row["incidents"]: row["memory"] for row in measured["pages"] if row["case"] == "module"}
    return max(rows[10 * size] / memory for size, memory in rows.items() if 10 * size in rows)


def part(name: str, measured: Measured) -> float:
    return statistics.median(PARTS[name](row) for row in measured["parts"])


def own_share(measured: Measured, figure: str) -> float:
    return part(OURS, measured) / one(measured["tasks"], case="unassign")["wall"]


GOALS = (
    Goal("20 incidents, in terms of `ping`", ratio("unassign", "ping"), 1.35),
    Goal("20 incidents, in terms of the two `uri` tasks", ratio("unassign", "uri"), 0.42),
    Goal("20 incidents, in terms of the loop", ratio("unassign", "loop"), 0.05),
    Goal("the second run, in terms of the first", ratio("again", "unassign"), 1.0),
    Goal("time, for ten times the IDs", growth, 10.0),
    Goal("memory, for ten times the IDs", memory_growth, 10.0),
    Goal("requests for 10,000 IDs, in terms of one after another", against_sequential, 1 / 3),
    Goal("`incident_info`, 10,000 incidents, in terms of a bare script", pages_against_script, 1.5),
    Goal("memory of `incident_info`, for ten times the incidents", pages_memory_growth, 10.0),
    Goal("the collection's code at work, as a part of a task", own_share, 0.05),
)


def goals(measured: Measured) -> list[dict[str, Any]]:
    """Time decides; the processor's time stands beside it, as a busy machine disturbs that less."""
    found = [(goal, goal.value(measured, "wall"), goal.value(measured, "cpu")) for goal in GOALS]
    return [
        {"goal": goal.what, "limit": goal.limit, "value": value, "by_cpu": by_cpu, "met": value <= goal.limit}
        for goal, value, by_cpu in found
    ]


def table(head: str, rows: Iterable[Iterable[str]]) -> str:
    """In Markdown; the first column is words, all others are figures."""
    names = head.split(" | ")
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def mb(size: float) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 1e7 else f"{size / 1e6:,.0f} MB"


def _tasks(measured: Measured) -> str:
    floor = one(measured["tasks"], case="ping")
    return table(
        "Task | Time | Processor | Times `ping` | Requests",
        (
            (
                TASKS[row["case"]],
                ms(row["wall"]),
                ms(row["cpu"]),
                f"{row['wall'] / floor['wall']:.2f}",
                str(row["requests"]),
            )
            for row in measured["tasks"]
        ),
    )


def _parts(measured: Measured) -> str:
    # The stopwatch costs a little itself: shares are of what the parts are together.
    parts = {name: part(name, measured) for name in PARTS}
    task = one(measured["tasks"], case="unassign")["wall"]
    parts = {"Ansible on the controller": max(0.0, task - measured["parts"][0]["bare"]), **parts}
    whole = sum(parts.values())
    return table(
        "Part | Time | Share",
        ((name, f"{value * 1000:.1f} ms", f"{value / whole:.1%}") for name, value in parts.items()),
    )


def _parallel(measured: Measured) -> str:
    latencies = sorted({row["latency"] for row in measured["parallel"]})
    names = {0: "one after another, on a bare session"}

    def cells(number: int) -> Iterable[str]:
        yield names.get(number, str(number))
        for latency in latencies:
            rows = [row for row in measured["parallel"] if row["latency"] == latency]
            wall = one(rows, parallel=number)["wall"]
            yield f"{wall:.2f} s"
            yield f"{wall / one(rows, parallel=0)['wall']:.2f}"

    head = " | ".join(["Requests at a time", *(f"{ms(latency)} each | ratio" for latency in latencies)])
    numbers = dict.fromkeys(row["parallel"] for row in measured["parallel"])
    return table(head, (cells(number) for number in numbers))


def _large(rows: Iterable[Row]) -> str:
    return table(
        "IDs | Events each | Returned | Time | Processor | Requests | Result | Memory",
        (
            (
                f"{row['ids']:,}",
                str(row["events"]),
                row["returned"],
                f"{row['wall']:.2f} s",
                f"{row['cpu']:.2f} s",
                str(row["requests"]),
                mb(row["output"]),
                mb(row["memory"]),
            )
            for row in rows
        ),
    )


def _pages(measured: Measured) -> str:
    names = {"module": "`incident_info`", "script": "a bare `requests` script"}
    return table(
        "Incidents, of 3 events each | By | Time | Processor | Requests | Memory",
        (
            (
                f"{row['incidents']:,}",
                names[row["case"]],
                f"{row['wall']:.2f} s",
                f"{row['cpu']:.2f} s",
                str(row["requests"]),
                mb(row["memory"]),
            )
            for row in measured["pages"]
        ),
    )


def _plays(measured: Measured) -> str:
    return table(
        "IDs | Events each | Returned | Time | Processor | Memory of Ansible",
        (
            (
                f"{row['ids']:,}",
                str(row["events"]),
                row["returned"],
                f"{row['wall']:.1f} s",
                f"{row['cpu']:.1f} s",
                mb(row["memory"]),
            )
            for row in measured["plays"]
        ),
    )


def _goals(measured: Measured) -> str:
    return table(
        "Goal | At most | Measured | By the processor's time | Met",
        (
            (
                row["goal"],
                f"{row['limit']:.3g}",
                f"{row['value']:.3g}",
                "" if row["by_cpu"] == row["value"] else f"{row['by_cpu']:.3g}",
                "yes" if row["met"] else "no",
            )
            for row in measured["goals"]
        ),
    )


def _surroundings(measured: Measured) -> str:
    told = measured["surroundings"]
    return (
        f"Measured with Python {told['python']}, ansible-core {told['ansible_core']} and requests {told['requests']}\n"
        f"on {told['processors']} processors; every answer of the service waits {ms(told['latency'])}. "
        f"Medians of {told['repeat']} runs."
    )


TABLES: dict[str, Callable[[Measured], str]] = {
    "surroundings": _surroundings,
    "tasks": _tasks,
    "parts": _parts,
    "parallel": _parallel,
    "scale": lambda measured: _large(measured["scale"]),
    "pages": _pages,
    "plays": _plays,
    "goals": _goals,
}


def tables(measured: Measured) -> dict[str, str]:
    return {name: made(measured) for name, made in TABLES.items()}


def write_into(path: Path, made: Mapping[str, str]) -> None:
    """Replace what stands between `<!-- bench: NAME -->` and `<!-- end -->` by the table of that name."""
    text = path.read_text(encoding="utf-8")
    for name, content in made.items():
        place = re.compile(rf"(<!-- bench: {name} -->\n).*?(<!-- end -->)", re.S)
        text = place.sub(partial(_between, content), text)
    path.write_text(text, encoding="utf-8")


def _between(content: str, found: re.Match[str]) -> str:
    return f"{found[1]}\n{content}\n\n{found[2]}"
