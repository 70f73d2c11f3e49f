# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The campaign as a command: `python -m soak --minutes 2`; `--seed N --runs 1` repeats the run of a seed."""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from .campaign import Report, run_seeds
from .scenario import MODES


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="begin no run after so many")
    parser.add_argument("--seed", type=int, default=None, help="of the first run; by default a new one each time")
    parser.add_argument("--runs", type=int, default=None, help="at most so many")
    parser.add_argument(
        "--mode", "--way", choices=MODES, default=None, help="run all tasks so; by default the seed says"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--json", type=Path, default=None, help="where to write the report as JSON")
    return parser


def main() -> int:
    options = make_parser().parse_args()
    first = options.seed if options.seed is not None else int(time.time()) % 10_000 * 100_000
    workers = min(options.workers, options.runs or options.workers)
    started = time.monotonic()
    print(f"seeds from {first} on, {workers} processes at a time", flush=True)
    total = Report()
    # Processes of their own, each with all of its simulators: threads would share one interpreter. Started
    # anew, as a fork would copy threads in the middle of something.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        parts = []
        for worker in range(workers):
            seeds: range | itertools.count[int] = itertools.count(first + worker, workers)
            if options.runs is not None:
                seeds = range(first + worker, first + options.runs, workers)
            parts.append(pool.submit(run_seeds, seeds, started + options.minutes * 60, options.mode))
        for part in parts:
            total.add(part.result())
    seconds = time.monotonic() - started
    print(total)
    print(f"\n{seconds:.0f} s; seeds from {first} on")
    if options.json:
        content = {"first_seed": first, "seconds": round(seconds, 1), **total.as_json()}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return int(bool(total.defects))


if __name__ == "__main__":
    sys.exit(main())
