# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of one incident with every sequence of answers that the service may give, up to a length.

The incident may show any state at any time, because others change it too. What the result says must follow from the
answers.
"""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change
from ansible_collections.coralogix.incidents.plugins.modules import incident_assign
from ansible_collections.coralogix.incidents.plugins.modules.incident_acknowledge import ACKNOWLEDGE
from ansible_collections.coralogix.incidents.plugins.modules.incident_unassign import UNASSIGN
from helpers import A, Request, Response, Result, incident, respond, run_change, table

# After so many answers that differ, the incident shows the same state again and again.
DEPTH = 5
OPEN = {"status": "INCIDENT_STATUS_TRIGGERED", "state": "INCIDENT_STATE_TRIGGERED"}
FREE, DANAS, LEES, BOTH = (incident(A, *users, **OPEN) for users in ((), ("dana",), ("lee",), ("dana", "lee")))
ACKNOWLEDGED, RESOLVED = ({**FREE, "status": f"INCIDENT_STATUS_{word}"} for word in ("ACKNOWLEDGED", "RESOLVED"))
STATELESS = {**FREE, "state": "INCIDENT_STATE_UNSPECIFIED"}

# Answers without a state.
UNKNOWN, LEFT_OUT, LOST, REFUSED, LIMITED = "unknown", "left out", "lost", "refused", "limited"
ERRORS = {LOST: 503, REFUSED: 400, LIMITED: 429}


class Kind(t.NamedTuple):
    change: Change
    unwanted: t.Sequence[Result]
    wanted: Result
    skipped: t.Sequence[Result] = ()

    @property
    def states(self) -> list[Result]:
        return [*self.unwanted, self.wanted, *self.skipped]


KINDS = {
    "unassign": Kind(UNASSIGN, [DANAS, BOTH], FREE),
    "assign": Kind(incident_assign.make_change({"assignee": "lee", "only_unassigned": False}), [FREE, DANAS], LEES),
    "assign, only unassigned": Kind(
        incident_assign.make_change({"assignee": "lee", "only_unassigned": True}), [FREE], LEES, [DANAS]
    ),
    "acknowledge": Kind(ACKNOWLEDGE, [FREE, STATELESS], ACKNOWLEDGED, [RESOLVED]),
}


class Answer(t.NamedTuple):
    is_write: bool
    content: t.Any
    """A state of the incident, or one of the words above."""

    @property
    def shows(self) -> bool:
        return isinstance(self.content, dict) or self.content == UNKNOWN

    @property
    def may_have_applied(self) -> bool:
        return self.is_write and self.content not in (REFUSED, LIMITED)


class Service:
    """Gives the chosen answers, by their numbers, and after them always the first possible one."""

    proxy: t.Any = None

    def __init__(self, kind: Kind, chosen: t.Sequence[int]) -> None:
        self._states = kind.states
        self.chosen = list(chosen)
        self.counts: list[int] = []
        """How many answers there were to choose from, each time."""
        self.answers: list[Answer] = []

    def send(self, request: Request, _seconds: float) -> Response:
        is_write = request.method != "GET"
        others = [LEFT_OUT, LOST, REFUSED, LIMITED] if is_write else [UNKNOWN, LOST]
        content = self._choose([*self._states, *others])
        self.answers.append(Answer(is_write, content))
        assert len(self.answers) < 50
        is_shown = isinstance(content, dict)
        if not is_shown and content in ERRORS:
            return respond({"message": "a fault"}, ERRORS[content])
        if is_write:
            return respond({"incidents": [content] if is_shown else []})
        return respond({"incidents": {A: content} if is_shown else {}, "notFoundIds": [] if is_shown else [A]})

    def _choose(self, options: list[t.Any]) -> t.Any:
        place = len(self.counts)
        if place >= DEPTH:
            return next((answer.content for answer in reversed(self.answers) if answer.content in options), options[0])
        self.counts.append(len(options))
        self.chosen += [0] * (place + 1 - len(self.chosen))
        return options[self.chosen[place]]

    def abort(self) -> None:
        pass


def answer_sequences(kind: Kind, missing: str) -> t.Iterator[tuple[list[Answer], Result]]:
    """The answers and the result of each sequence."""
    chosen: list[int] = []
    while True:
        service = Service(kind, chosen)
        yield service.answers, run_change(kind.change, service, [A], missing, api_version="5", retries=1)
        chosen = service.chosen[: len(service.counts)]
        while chosen and chosen[-1] + 1 == service.counts[len(chosen) - 1]:
            chosen.pop()
        if not chosen:
            return
        chosen[-1] += 1


@table("kind", KINDS)
@pytest.mark.parametrize("missing", ["fail", "ignore"])
def test_result_follows_from_the_answers(kind: Kind, missing: str) -> None:
    count = 0
    for answers, result in answer_sequences(kind, missing):
        count += 1
        wrong = [name for name, holds in expectations(kind, missing, answers, result).items() if not holds]
        assert not wrong, (answers, result)
    assert count > 200


def expectations(kind: Kind, missing: str, answers: list[Answer], result: Result) -> dict[str, bool]:
    shown = [answer.content for answer in answers if answer.shows]
    last = shown[-1] if shown else None
    writes = [place for place, answer in enumerate(answers) if answer.may_have_applied]
    first = writes[0] if writes else len(answers)
    before = [answer.content for answer in answers[:first] if answer.shows][-1:]
    after = [answer.content for answer in answers[first:] if answer.shows]
    succeeded, is_changed = "msg" not in result, bool(result[f"{kind.change.participle}_ids"])
    final_states = [kind.wanted, *kind.skipped, *([UNKNOWN] if missing == "ignore" else [])]
    return {
        "success leaves nothing to do": not succeeded or (last in final_states and answers[-1].content != LOST),
        "the last state is returned": not succeeded
        or result["incidents"] == [state for state in shown[-1:] if state in kind.states],
        "not changed without a write": bool(writes) or not result["changed"],
        "a write without effect shows the state before": result["changed"] or not writes or after[-1:] == before,
        "an accepted write is a change": result["changed"]
        or not any(answers[place].content != LOST for place in writes),
        "IDs count as changed if the wanted state shows after a write": is_changed
        == (bool(writes) and after[-1:] == [kind.wanted]),
        "an incident that is gone is not found": (last == UNKNOWN) >= (A in result["not_found_ids"]),
        "a change by somebody else brings a warning": not (succeeded and writes and last in kind.skipped)
        or "warnings" in result,
        "only an incident that shows the state before is written again": all(
            is_rewrite_justified(kind, answers[:place], before) for place in writes[1:]
        ),
        "the message says so if nothing was changed": succeeded
        or ("Nothing was changed" in result["msg"]) == (not result["changed"]),
    }


def is_rewrite_justified(kind: Kind, earlier: list[Answer], before: list[Result]) -> bool:
    """After an answer that was lost, and a read that shows the incident in need, and as it was before."""
    *_, write = (place for place, answer in enumerate(earlier) if answer.is_write)
    read = [answer.content for answer in earlier[write + 1 :] if answer.shows][-1:]
    return earlier[write].content in (LOST, LIMITED) and read == before and read[0] in kind.unwanted
