# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator as a command: `python tests/simulator --key KEY --incidents FILE.json`.

The first line of output is the address; the rest is silence until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

if not __package__:
    # Started as a folder: Python then looks for modules in here, not beside.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from simulator import OPERATIONS, PERMISSIONS, VERSIONS, Fault, Simulator, load_incidents
from simulator.gateway import ERROR_STYLES, MISSING_ROUTE, WRONG_METHOD


def parse_key(text: str) -> dict[str, Any]:
    """KEY[,kind=team][,user=ID][,permissions=P+P] as the arguments of add_key."""
    names = {"kind": "kind", "user": "user_id", "permissions": "permissions"}
    key, *settings = text.split(",")
    arguments: dict[str, Any] = {"key": key}
    for setting in settings:
        name, _equals, value = setting.partition("=")
        if name not in names:
            raise argparse.ArgumentTypeError(f"{name} is not one of {', '.join(names)}")
        arguments[names[name]] = value.split("+") if name == "permissions" else value
    return arguments


def parse_fault(text: str) -> Fault:
    try:
        return Fault(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parse_setting(text: str) -> tuple[str, Any]:
    """NAME=VALUE, where a value that is no JSON is text."""
    name, _equals, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def parse_incidents(text: str) -> Any:
    try:
        return json.loads(Path(text).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def command_line() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="simulator", description=__doc__)
    add = options.add_argument
    add("--port", type=int, default=0, help="0 is any free port")
    add("--latest", choices=VERSIONS, default="5", help="the version that `latest` serves")
    add(
        "--incidents",
        type=parse_incidents,
        default=[],
        metavar="FILE",
        help="JSON: a list in the API's form; may be partial",
    )
    add("--count", type=int, default=0, metavar="N", help="add N further incidents of sample data")
    add("--assigned", type=int, default=0, metavar="N", help="of these, N are assigned")
    add("--cases", type=int, default=0, metavar="N", help="add N cases of sample data")
    add("--user", action="append", default=[], metavar="USERNAME", help="a user that the search finds")
    add(
        "--setting",
        action="append",
        default=[],
        type=parse_setting,
        metavar="NAME=VALUE",
        help="a field of IncidentSettings, CaseSettings or UserSettings, such as repeated=400",
    )
    add(
        "--key",
        action="append",
        default=[],
        type=parse_key,
        metavar="KEY[,kind=team][,user=ID][,permissions=P+P]",
        help=f"permissions are {', '.join(PERMISSIONS)}; all of them and personal by default; no other key is accepted",
    )
    add(
        "--fault",
        action="append",
        default=[],
        type=parse_fault,
        metavar="JSON",
        help='such as {"operation": "unassign", "status": 503, "times": 2}; its fields: tests/simulator/faults.py',
    )
    add("--without", action="append", default=[], choices=sorted(OPERATIONS))
    add("--auth-first", action="store_true", help="look at the key before the route")
    add("--not-found", choices=sorted(MISSING_ROUTE), default="json5")
    add("--wrong-method", type=int, choices=sorted(WRONG_METHOD), default=501)
    add("--error-style", choices=sorted(ERROR_STYLES), default="json")
    add("--unknown-parameters", choices=("refuse", "ignore"), default="refuse")
    add("--read-lag", type=float, default=0, metavar="SECONDS", help="how far reads are behind writes")
    add("--stale-reads", type=int, default=0, metavar="N", help="reads after each write that show the state before it")
    add("--max-url", type=int, default=8192, metavar="BYTES")
    add("--latency", type=float, default=0, metavar="SECONDS")
    add("--rate-limit", type=int, metavar="PER_SECOND")
    add("--retry-after", choices=("seconds", "date"), default="seconds")
    add("--tls", nargs=2, metavar=("CERTFILE", "KEYFILE"))
    add("--seed", type=int, default=0)
    add("--journal", type=Path, metavar="FILE", help="write every request there as a JSON line")
    return options


def main() -> None:
    options = vars(command_line().parse_args())
    incidents, keys, faults = options.pop("incidents"), options.pop("key"), options.pop("fault")
    cases, users, settings = (options.pop(name) for name in ("cases", "user", "setting"))
    count, assigned, journal = (options.pop(name) for name in ("count", "assigned", "journal"))
    options["tls"] = tuple(options["tls"]) if options["tls"] else None
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_args: stopped.set())
    with contextlib.ExitStack() as stack:
        if journal:
            opened = journal.open("a", encoding="utf-8")
            options["journal_file"] = stack.enter_context(opened)
        try:
            simulator = Simulator(**options, **dict(settings))
        except TypeError as error:
            sys.exit(f"simulator: {error}")
        for key in keys:
            simulator.add_key(**key)
        for fault in faults:
            simulator.fault(fault)
        load_incidents(simulator, incidents)
        simulator.add_incidents(count, assigned)
        simulator.add_cases(cases)
        for username in users:
            simulator.add_user(username)
        try:
            stack.enter_context(simulator)
        except OSError as error:
            sys.exit(f"simulator: {error.strerror}")
        print(simulator.url, flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
