# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A short soak, and proof that a soak finds defects."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import (
    _event_changes,
    _event_memory,
    _event_poll,
    _event_state,
)

from .soak import KINDS, run_soak


@pytest.mark.parametrize("name", KINDS)
def test_a_short_soak_finds_no_defect(name: str) -> None:
    soak = run_soak(name, seed=1, polls=150)
    assert not soak.defects, "\n".join(soak.defects)
    assert soak.kills
    assert soak.failed
    assert len(soak.stream) > 100


@dataclasses.dataclass(frozen=True)
class Break:
    """A part of the collection, and what takes its place."""

    target: Any
    name: str
    value: Any


_uuid, _forget = _event_changes.change_uuid, _event_memory.Memory._forget

BREAKS: dict[str, Break] = {
    "missing items are not read": Break(_event_memory.Memory, "ids_to_read", lambda *_args: []),
    "late answers are believed": Break(_event_memory, "_MAX_STALE", 0),
    "what has ended is forgotten at once": Break(_event_memory.Memory, "_ended_before", lambda *_args: True),
    "a list is not expected to be late": Break(_event_memory, "LAG", timedelta(0)),
    "the state is never written": Break(_event_state.StateFile, "save", lambda _state: None),
    "events are committed before they arrive": Break(
        _event_poll.Poller,
        "poll",
        lambda poller, poll=_event_poll.Poller.poll: _committed_at_once(poller, poll(poller)),
    ),
    "UUIDs do not count repetitions": Break(
        _event_memory, "change_uuid", lambda name, item_id, _generation, change, _n: _uuid(name, item_id, 0, change, 1)
    ),
}


def _committed_at_once(poller: Any, poll: Any) -> Any:
    if poll.observation:
        poller.commit(poll.observation.deliveries, poll.observation)
    return poll


@pytest.mark.parametrize("name", BREAKS)
def test_the_soak_finds_a_broken_source(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = BREAKS[name]
    monkeypatch.setattr(broken.target, broken.name, broken.value)
    assert any(run_soak(kind, seed, 150).defects for seed in range(3) for kind in KINDS)
