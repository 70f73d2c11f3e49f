# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A short campaign of fixed seeds, and proof that the campaign finds broken code."""

from __future__ import annotations

import math
from random import Random
from typing import Any, NamedTuple

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import (
    _arguments,
    _client,
    _executor,
    _messages,
    _plan,
    _request,
    _result,
    _retry,
    _secrets,
    _service,
    _task,
    _transport,
)

from . import bound
from .campaign import run_seeds
from .scenario import IN_MEMORY, MODULE, OVER_HTTP, PLAYBOOK, STOPPED, draw
from .tasks import TASKS

# How many seeds for each mode. A seed of a playbook is that of all its hosts.
SEEDS = {IN_MEMORY: 60, OVER_HTTP: 15, MODULE: 1, STOPPED: 1, PLAYBOOK: 1}


@pytest.mark.parametrize("mode", SEEDS)
def test_a_short_campaign_finds_no_defect(mode: str) -> None:
    report = run_seeds(range(SEEDS[mode]), math.inf, mode)
    assert not report.defects, str(report)
    assert report.counts["runs by mode"][mode] >= SEEDS[mode]


def test_every_task_is_drawn() -> None:
    assert {draw(Random(seed)).name for seed in range(300)} == {*TASKS}


def test_a_seed_draws_the_same_again() -> None:
    for seed in range(50):
        assert str(draw(Random(seed))) == str(draw(Random(seed)))


class Break(NamedTuple):
    """A function or constant of the collection, and what takes its place."""

    target: Any
    name: str
    value: Any
    mode: str = IN_MEMORY


def _wrap(target: Any, name: str, change: Any) -> Break:
    """The function, with its result changed."""
    original = getattr(target, name)
    return Break(target, name, lambda *args, **options: change(original(*args, **options)))


def _certain(outcome: Any) -> Any:
    return outcome._replace(may_have_applied=False) if hasattr(outcome, "may_have_applied") else outcome


def _no_state_but_wanted(effect: Any) -> Any:
    return effect if effect in (_plan.Effect.CHANGED, _plan.Effect.UNKNOWN) else _plan.Effect.NONE


def _execute(**changed: Any) -> Any:
    original = _executor.execute

    def execute(change: Any, service: Any, ids: Any, missing: str, check_mode: bool) -> Any:
        return original(change, service, ids, **{"missing": missing, "check_mode": check_mode, **changed})

    return execute


BREAKS: dict[str, Break] = {
    "everything is written": Break(_plan.Change, "needs_change", lambda _change, _item: True),
    "check mode writes": Break(_task, "execute", _execute(check_mode=False)),
    "unknown IDs are no failure": Break(_task, "execute", _execute(missing="ignore")),
    "a missing effect is no failure": Break(_executor, "_missing_effect", lambda *_args: None),
    "an accepted write without effect is no change": _wrap(_plan, "assess", _no_state_but_wanted),
    "an uncertain status is taken for a refusal": _wrap(_client, "classify_response", _certain),
    "a lost answer is taken for a refusal": _wrap(_client, "classify_exception", _certain),
    "what an answer leaves open is not read again": Break(_executor._Tracker, "_unclear_ids", lambda _tracker: []),
    "a read does not wait for a write": Break(_executor, "LAG_DELAYS", ()),
    "a further try does not read again": Break(
        _executor._Tracker, "_record_reread", lambda _tracker, ids, _read: list(ids)
    ),
    "a further try undoes what others did": Break(
        _plan, "is_rewrite_safe", lambda change, _write, _before, latest: change.needs_change(latest)
    ),
    "what is to be skipped is changed": Break(_plan.Change, "skips", lambda _change, _item: False),
    "nothing is tried again": Break(_retry.RetryPolicy, "next_delay", lambda *_args: None),
    "waits are not bounded": Break(_client, "is_too_long", lambda *_args: False),
    "the deadline is passed over": Break(
        _client.Client,
        "__init__",
        lambda client, *args, original=_client.Client.__init__, **options: original(
            client, *args, **{**options, "deadline": None}
        ),
        mode=OVER_HTTP,
    ),
    "URLs have any length": Break(_request, "MAX_URL", 10**6),
    "answers have any size": Break(_transport, "MAX_BODY", 1 << 40, mode=OVER_HTTP),
    "sixteen requests at a time": Break(
        _service,
        "map_concurrently",
        lambda function, rest, _limit, stop, original=_service.map_concurrently: original(function, rest, 16, stop),
        mode=OVER_HTTP,
    ),
    "the key is not masked": Break(_secrets.Masker, "mask", lambda _masker, text: text),
    "the key is masked as it is only": Break(_secrets, "secret_forms", lambda secret: {secret}),
    "results are not made carriable": Break(_client, "make_portable", lambda answer, _body, _masker: (answer, [])),
    "messages list all IDs": Break(_messages, "list_ids", lambda ids: ", ".join(ids)),
    "null means everything": Break(_arguments, "check_given", lambda *_args: None),
    "anything may be an ID": Break(_arguments, "_id_problem", lambda _item_id: ""),
    "a UUID in upper case is another one": Break(
        _arguments,
        "check_ids",
        lambda resource, ids, original=_arguments.check_ids: original(resource._replace(canonical_id=str), ids),
    ),
    "a diff shows names as they are": Break(_result, "printable", str),
    "a failure about options has parts": Break(_result, "OptionInvalid", str),
    "routes are not looked for before a list": Break(_service.Service, "_settle_routes", lambda _service: None),
    "a list ends with its first page": _wrap(
        _service.Service, "_parse_page", lambda page: page._replace(next_token="")
    ),
    "a list passes over its limit": Break(
        _service.Service,
        "list_items",
        lambda service, query, keep, _limit, original=_service.Service.list_items: original(service, query, keep),
    ),
    "two names of a case are two cases": Break(_plan, "drop_aliases", lambda ids, _items: list(ids)),
    "pages are larger than needed": Break(
        _service.Service, "_page_size", lambda service, _limit: service.resource.page_size
    ),
}
# The seed to begin at, so that it does not take long.
FIRST_SEEDS = {
    "unknown IDs are no failure": 35,
    "an accepted write without effect is no change": 40,
    "a lost answer is taken for a refusal": 151,
    "the deadline is passed over": 1146,
    "a read does not wait for a write": 120,
    "a further try undoes what others did": 151,
    "nothing is tried again": 14,
    "null means everything": 137,
    "a UUID in upper case is another one": 41,
    "a failure about options has parts": 42,
    "two names of a case are two cases": 72,
    "a missing effect is no failure": 40,
    "an uncertain status is taken for a refusal": 14,
    "what an answer leaves open is not read again": 14,
    "a further try does not read again": 151,
    "waits are not bounded": 68,
    "URLs have any length": 29,
    "sixteen requests at a time": 134,
    "messages list all IDs": 595,
    "anything may be an ID": 42,
    "a diff shows names as they are": 16,
    "routes are not looked for before a list": 49,
    "pages are larger than needed": 186,
    "answers have any size": 145,
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_campaign_finds_broken_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = BREAKS[name]
    monkeypatch.setattr(broken.target, broken.name, broken.value)
    first = FIRST_SEEDS.get(name, 0)
    assert any(run_seeds([seed], math.inf, broken.mode).defects for seed in range(first, first + 1000))


@pytest.mark.parametrize(
    ("retries", "retry_after", "seconds"),
    [(0, 0, 0), (1, 0, 0.5), (4, 0, 7.5), (2, 1, 3), (3, 7200, 125), (20, 0, 125)],
)
def test_delays(retries: int, retry_after: float, seconds: float) -> None:
    assert bound.delays(retries, retry_after) == seconds


def test_rounds() -> None:
    assert [bound.rounds(count) for count in (0, 1, 2, 5, 6, 9, 10)] == [0, 1, 2, 2, 3, 3, 4]


def test_count_requests() -> None:
    ids = ["0b5f8a3e-6c1d-4f0e-9a57-3d2b1c4e5f60"] * 1000
    # An ID takes 50 characters of 8,000.
    assert [bound.count_requests(some, 90) for some in ([], ids[:1], ids)] == [0, 1, 7]
