# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every course that a change of one incident can take: each of the first answers is each that the service may give.

The incident may show any state at any time, because others change it too. What the result says must follow from the
answers.
"""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change
from ansible_collections.coralogix.incidents.plugins.modules.incident_acknowledge import ACKNOWLEDGE
from ansible_collections.coralogix.incidents.plugins.modules.incident_assign import assign
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
    in_need: t.Sequence[Result]
    wanted: Result
    skipped: t.Sequence[Result] = ()

    @property
    def states(self) -> list[Result]:
        return [*self.in_need, self.wanted, *self.skipped]


KINDS = {
    "unassign": Kind(UNASSIGN, [DANAS, BOTH], FREE),
    "assign": Kind(assign({"assignee": "lee", "only_unassigned": False}), [FREE, DANAS], LEES),
    "assign, only unassigned": Kind(assign({"assignee": "lee", "only_unassigned": True}), [FREE], LEES, [DANAS]),
    "acknowledge": Kind(ACKNOWLEDGE, [FREE, STATELESS], ACKNOWLEDGED, [RESOLVED]),
}


class Answer(t.NamedTuple):
    is_write: bool
    what: t.Any
    """A state of the incident, or one of the words above."""

    @property
    def shows(self) -> bool:
        return isinstance(self.what, dict) or self.what == UNKNOWN

    @property
    def may_have_applied(self) -> bool:
        return self.is_write and self.what not in (REFUSED, LIMITED)


class Service:
    """Gives the answers chosen, by their numbers, and beyond them the first of each."""

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
        what = self._choose([*self._states, *others])
        self.answers.append(Answer(is_write, what))
        assert len(self.answers) < 50
        is_shown = isinstance(what, dict)
        if not is_shown and what in ERRORS:
            return respond({"message": "a fault"}, ERRORS[what])
        if is_write:
            return respond({"incidents": [what] if is_shown else []})
        return respond({"incidents": {A: what} if is_shown else {}, "notFoundIds": [] if is_shown else [A]})

    def _choose(self, options: list[t.Any]) -> t.Any:
        place = len(self.counts)
        if place >= DEPTH:
            return next((answer.what for answer in reversed(self.answers) if answer.what in options), options[0])
        self.counts.append(len(options))
        self.chosen += [0] * (place + 1 - len(self.chosen))
        return options[self.chosen[place]]

    def abort(self) -> None:
        pass


def courses(kind: Kind, missing: str) -> t.Iterator[tuple[list[Answer], Result]]:
    """The answers and the result of each course."""
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
    for answers, result in courses(kind, missing):
        count += 1
        wrong = [what for what, holds in expectations(kind, missing, answers, result).items() if not holds]
        assert not wrong, (answers, result)
    assert count > 200


def expectations(kind: Kind, missing: str, answers: list[Answer], result: Result) -> dict[str, bool]:
    shown = [answer.what for answer in answers if answer.shows]
    last = shown[-1] if shown else None
    writes = [place for place, answer in enumerate(answers) if answer.may_have_applied]
    first = writes[0] if writes else len(answers)
    before = [answer.what for answer in answers[:first] if answer.shows][-1:]
    after = [answer.what for answer in answers[first:] if answer.shows]
    is_well, is_done = "msg" not in result, bool(result[f"{kind.change.participle}_ids"])
    settled = [kind.wanted, *kind.skipped, *([UNKNOWN] if missing == "ignore" else [])]
    return {
        "success leaves nothing to do": not is_well or (last in settled and answers[-1].what != LOST),
        "the last state is returned": not is_well
        or result["incidents"] == [state for state in shown[-1:] if state in kind.states],
        "changed without a write": bool(writes) or not result["changed"],
        "a write without effect shows the state before": result["changed"] or not writes or after[-1:] == before,
        "an accepted write is a change": result["changed"] or not any(answers[place].what != LOST for place in writes),
        "done is what shows so after a write": is_done == (bool(writes) and after[-1:] == [kind.wanted]),
        "what is gone is not found": (last == UNKNOWN) >= (A in result["not_found_ids"]),
        "who was overtaken is warned": not (is_well and writes and last in kind.skipped) or "warnings" in result,
        "only what shows as before is written again": all(
            is_written_again_rightly(kind, answers[:place], before) for place in writes[1:]
        ),
        "no word of a change, if there was none": is_well
        or ("Nothing was changed" in result["msg"]) == (not result["changed"]),
    }


def is_written_again_rightly(kind: Kind, earlier: list[Answer], before: list[Result]) -> bool:
    """After an answer that was lost, and a read that shows the incident in need, and as it was before."""
    *_, write = (place for place, answer in enumerate(earlier) if answer.is_write)
    read = [answer.what for answer in earlier[write + 1 :] if answer.shows][-1:]
    return earlier[write].what in (LOST, LIMITED) and read == before and read[0] in kind.in_need
