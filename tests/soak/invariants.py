# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to hold after every run, and, in one table, what nobody can know.

An invariant yields a sentence for each breach. Where knowledge ends it asks for an excuse by its name, and
says for which incident; RELAXATIONS says when that excuse counts, and why.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from simulator import Entry

from . import bound
from .drive import Ran
from .scenario import HARMLESS, IN_PROCESS, KINDS, LEADS_BACK, STALE, Scenario
from .tasks import LIST, NOW, ORDERS, READ, Change, chooses_none, is_counted, only_in_a_body, passes
from .world import Incident, Told, World, open_fate, told

# Seconds by which a busy machine may be late, and in which a process starts.
ALLOWANCE = 10.0
FAILURE = {"status": int, "method": str, "url": str, "message": str, "correlation_id": str}
# What a refusal to read is: the job is then done without reading. "Invalid" counts once a route was missing.
UNREADABLE = {403, 404, 405, 501}
MASK = "********"


@dataclass
class Case:
    """A run that has ended, and what truly happened."""

    world: World
    ran: Ran
    journal: list[Entry]
    strays: int
    """Requests at the other host, to which redirects lead."""
    excuses: Counter[str] = field(default_factory=Counter)

    @property
    def scenario(self) -> Scenario:
        return self.world.scenario

    @functools.cached_property
    def result(self) -> dict[str, Any]:
        if self.ran.result is None:
            raise ValueError("a run that was killed has no result")
        return self.ran.result

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @functools.cached_property
    def asked(self) -> list[str]:
        return self.scenario.asked

    @property
    def change(self) -> Change:
        """What the module does; asked for only where it does anything."""
        if self.scenario.task.change is None:
            raise ValueError("this task changes nothing")
        return self.scenario.task.change

    @property
    def texts(self) -> tuple[str, ...]:
        return self.scenario.task.change.texts if self.scenario.task.change else ()

    @property
    def done(self) -> list[str]:
        """The IDs that the task says it changed."""
        found: list[str] = self.result[f"{self.change.done}_ids"]
        return found

    @functools.cached_property
    def writes(self) -> list[Entry]:
        reads = (READ, LIST)
        return [entry for entry in self.journal if entry.method != "GET" and entry.operation not in reads]

    @functools.cached_property
    def answers(self) -> list[tuple[int, Entry, Told]]:
        """The answers that can be understood, with their places in the journal."""
        return [
            (place, entry, said)
            for place, entry in enumerate(self.journal)
            for said in [told(entry, self.texts)]
            if said
        ]

    @functools.cached_property
    def pages(self) -> list[tuple[Entry, Told]]:
        """The pages of a list that were answered."""
        return [(entry, said) for _place, entry, said in self.answers if entry.operation == LIST]

    @functools.cached_property
    def first_write(self) -> int:
        return next((place for place, entry in enumerate(self.journal) if entry in self.writes), len(self.journal))

    @functools.cached_property
    def first_seen(self) -> dict[str, Incident | None]:
        """What the reads before the first write said of each incident; None is unknown."""
        seen: dict[str, Incident | None] = {}
        for place, entry, said in self.answers:
            if place < self.first_write:
                seen.update({one: said.incidents.get(one) for one in entry.ids})
        return seen

    @functools.cached_property
    def last_seen(self) -> dict[str, tuple[int, Incident | None]]:
        """What the last answer about each incident said, and where that answer stands in the journal."""
        seen: dict[str, tuple[int, Incident | None]] = {}
        for place, entry, said in self.answers:
            named = entry.ids if entry.operation == READ else [one for one in entry.ids if one in said.incidents]
            seen.update({one: (place, said.incidents.get(one)) for one in named})
        return seen

    @functools.cached_property
    def ours(self) -> set[str]:
        """The incidents that a request of ours changed."""
        return {one for entry in self.journal for one in entry.effect}

    @functools.cached_property
    def unread(self) -> bool:
        """Whether reading was refused, so that the job had to be done without."""
        reads = [entry for entry in self.journal[: self.first_write] if entry.operation == READ or not entry.operation]
        all_seen = self.first_seen.keys() >= {*self.asked}
        return not all_seen and bool({entry.status for entry in reads} & UNREADABLE)

    def shown_in_need(self, one: str) -> bool:
        incident = self.first_seen.get(one)
        return incident is not None and self.change.needs(incident)

    def open_fate(self, entry: Entry) -> bool:
        return open_fate(entry, self.texts)

    def silent(self, entry: Entry, one: str) -> bool:
        """Whether a write was accepted, and its answer leaves the incident out."""
        said = told(entry, self.texts)
        return said is not None and one not in said.incidents

    def shown_as_before(self, entry: Entry, one: str) -> bool:
        """Whether a write was accepted, and its answer shows the incident as if nothing had been done."""
        said = told(entry, self.texts)
        shown = said.incidents.get(one) if said else None
        return shown is not None and not self.change.is_done(shown)

    def last_write(self, one: str, leaves_open: Callable[[Entry], bool]) -> int:
        """The place of the last write of the incident whose answer leaves so much open, or -1."""
        places = [
            place
            for place, entry in enumerate(self.journal)
            if entry in self.writes and one in entry.ids and leaves_open(entry)
        ]
        return max(places, default=-1)

    def perhaps(self, one: str) -> bool:
        """Whether all that the module was told leaves open that it changed the incident."""
        place, incident = self.last_seen.get(one, (-1, None))
        if self.unread:
            return any(one in entry.ids for entry in self.writes) and not incident
        untold = self.last_write(one, lambda entry: self.open_fate(entry) or self.silent(entry, one))
        as_before = self.last_write(one, lambda entry: self.shown_as_before(entry, one))
        if place < untold or 0 <= place == as_before:
            return True
        before = self.first_seen.get(one)
        unlike = incident is None or (not self.change.is_done(incident) and incident != before)
        return unlike and untold >= 0

    def excused(self, name: str, one: str) -> bool:
        counts = RELAXATIONS[name].when(self, one)
        self.excuses[name] += counts
        return counts


class Relaxation(NamedTuple):
    when: Callable[[Case, str], bool]
    why: str


def _untrue(case: Case, one: str) -> bool:
    """Whether the answer to a write that took effect was silent about it, or showed it as it had been."""
    for entry in case.writes:
        said = told(entry, case.texts)
        if said and one in entry.effect:
            shown = said.incidents.get(one)
            if shown is None or not case.change.is_done(shown):
                return True
    return False


def _looks_as_before(case: Case, one: str) -> bool:
    _place, incident = case.last_seen.get(one, (-1, None))
    before = case.first_seen.get(one)
    same = bool(incident and before and all(incident.get(key) == before.get(key) for key in case.change.shows))
    return same and case.world.others_acted(one)


def _repeated(case: Case, one: str) -> bool:
    """Whether a write took effect, its answer was lost, and a further try was answered after another had acted."""
    tries = [entry for entry in case.writes if one in entry.ids]
    lost = next((n for n, entry in enumerate(tries) if one in entry.effect and case.open_fate(entry)), len(tries))
    return any(told(entry, case.texts) for entry in tries[lost + 1 :]) and case.world.meddled(one)


RELAXATIONS = {
    "taken by another": Relaxation(
        lambda case, one: case.world.others_acted(one),
        "Another user did the same to the incident after the module had read it. The answer to the write shows it as "
        "it was to be, whoever did it: it is reported as done by this task.",
    ),
    "not to be read": Relaxation(
        lambda case, _one: case.unread,
        "Reading is refused. How the incident was before is unknown, and what the answer to the write leaves out can "
        "be neither told from an unknown ID nor made sure of: changed is true, with a warning.",
    ),
    "perhaps": Relaxation(
        lambda case, one: case.perhaps(one),
        "The answer to the write was lost, or showed the incident as it had been, and no later one tells of its "
        "effect: reading failed as well, or by then "
        "the incident had been removed, or changed by another. changed is true, the message says perhaps, and the "
        "incident may have been left as it was.",
    ),
    "looks as before": Relaxation(
        _looks_as_before,
        "The answer to the write was lost, and before the next read another user made the incident look as it had "
        "been. That cannot be told from a write without effect.",
    ),
    "repeated": Relaxation(
        _repeated,
        "The answer to the write was lost, and it was tried again; but in between another user had removed the "
        "incident, or changed it. The answer to the further try shows what that user did.",
    ),
    "untrue answer": Relaxation(
        _untrue,
        "The service said, with status 200, that the incident is as it was, or nothing of it, although it had been "
        "changed; and what would have shown the truth failed, or another user acted before it.",
    ),
    "too late": Relaxation(
        lambda case, one: one in case.world.late,
        "The service carried the write out after the module had stopped waiting for it, and had read again.",
    ),
    "afterwards": Relaxation(
        lambda case, one: case.world.meddled(one),
        "Another user acted after the last answer about the incident. The result tells what that answer showed.",
    ),
    "between pages": Relaxation(
        lambda case, _one: any(case.world.meddled(each) for each in case.world.states),
        "Another user changed incidents while a list was read. What comes or goes then may be in the list or not, and "
        "may move others from one page to the next.",
    ),
}


Breaches = Iterator[str]


# Of every run, whether it was killed or not.
def no_traceback(case: Case) -> Breaches:
    if case.ran.crash or "Traceback (most recent" in case.ran.output:
        yield f"a traceback: {(case.ran.crash or case.ran.output)[-1500:]}"
    elif case.ran.result is None and not case.ran.killed:
        yield f"no result: {case.ran.output[-500:]!r}"


def no_key(case: Case) -> Breaches:
    token = case.scenario.key.removeprefix("Bearer ")
    if token in case.ran.output or token in json.dumps(case.ran.result):
        yield "the API key is in the output"
    elif case.ran.result:
        own = {name: value for name, value in case.ran.result.items() if name != "invocation"}
        if MASK in json.dumps(own) or "VALUE_SPECIFIED_IN_NO_LOG" in json.dumps(own):
            yield "the API key was in the result, and Ansible had to mask it"


def key_goes_nowhere_else(case: Case) -> Breaches:
    if case.strays:
        yield f"{case.strays} requests followed a redirect to another host"
    key = case.scenario.key
    expected = key if key.startswith("Bearer ") or case.scenario.auth_scheme == "raw" else f"Bearer {key}"
    for entry in case.journal:
        if entry.headers.get("authorization") != expected:
            yield "a request without the Authorization header that it should have"


def nothing_is_written_that_should_not_be(case: Case) -> Breaches:
    """In check mode, and by a task that only reads."""
    if (case.scenario.check_mode or case.scenario.task.change is None) and (case.writes or case.ours):
        yield f"{len(case.writes)} writes"


def writes_only_what_was_read_as_in_need(case: Case) -> Breaches:
    for entry in case.writes:
        blind = case.unread and not case.scenario.task.needs_reading
        surplus = [one for one in entry.ids if one not in case.asked or not (blind or case.shown_in_need(one))]
        if surplus:
            yield f"a write of {surplus[:3]}, which no read showed as in need of it"


def nothing_is_dragged_back(case: Case) -> Breaches:
    """Whatever was read: what should be left alone, and nobody else touched, is as it was."""
    for one in case.ours:
        if not case.world.meddled(one) and not case.change.needs(case.world.start[one]):
            yield f"{one[:80]} was changed, though it was to be left alone: {case.world.start[one]}"


def writes_say_what_is_asked(case: Case) -> Breaches:
    for entry in case.writes:
        if entry.operation not in (case.change.operation, None):
            yield f"{entry.operation} in place of {case.change.operation}"


def no_write_if_an_id_is_unknown(case: Case) -> Breaches:
    unknown = [one for one, incident in case.first_seen.items() if incident is None]
    if unknown and case.scenario.missing == "fail" and case.writes and not case.unread:
        yield f"a write, though {unknown[:3]} are unknown"


def urls_are_short(case: Case) -> Breaches:
    base = len(case.world.simulator.url)
    for entry in case.journal:
        if base + len(entry.target) >= bound.MAX_URL:
            yield f"a URL of {base + len(entry.target)} characters"


def no_more_tries_than_allowed(case: Case) -> Breaches:
    tries = case.scenario.retries + 1
    sent = Counter((entry.method, entry.target, json.dumps(entry.body)) for entry in case.journal)
    for (method, target, _body), count in sent.items():
        # Making sure of a write may take the same request as the first read; and that a page leads back shows
        # when it comes again.
        if count > tries * (2 if method == "GET" or case.world.hits[LEADS_BACK] else 1):
            yield f"{count} times {method} {target[:60]}, with {case.scenario.retries} retries"


def few_at_a_time(case: Case) -> Breaches:
    # While one that was given up is still being answered, further ones may come.
    if case.world.simulator.peak > bound.PARALLEL and not case.world.hits["hang"]:
        yield f"{case.world.simulator.peak} requests at one time"


def _bounds(case: Case) -> tuple[float, float]:
    """The bounds of the time that passed, and of the waits that were only accounted."""
    scenario = case.scenario
    bare = len(case.world.simulator.url) + len("/mgmt/openapi/latest/incidents/incidents/v1/all/by-user?")
    routes = 2 if scenario.api_version == "latest" else 1
    seconds = [re.search(r"Retry-After (\d+)", fault.kind) for fault in scenario.faults]
    asked = max((float(found.group(1)) for found in seconds if found), default=3.0)
    count = bound.requests(case.asked, bare)
    longest: Callable[[int, int, float], float] = bound.longest
    if scenario.task.by_filters:
        count, longest = 1 + len(case.world.states) // scenario.page, bound.listing
    exchange = longest(count, routes, bound.exchange(scenario.timeout, scenario.retries))
    waits = longest(count, routes, bound.pauses(scenario.retries, asked))
    passed = exchange if scenario.way == IN_PROCESS else exchange + waits
    return passed + ALLOWANCE, waits


def share_of_bound(case: Case) -> float:
    passed, waits = _bounds(case)
    return max(case.ran.elapsed / passed, case.ran.waited / waits if waits else 0.0)


def ends_in_time(case: Case) -> Breaches:
    passed, waits = _bounds(case)
    if case.world.given_up:
        yield f"it had not ended after {case.ran.elapsed:.0f} s, and was cut off"
    if case.ran.elapsed > passed or case.ran.waited > waits:
        yield (
            f"{case.ran.elapsed:.1f} s, of at most {passed:.1f} s; "
            f"waits of {case.ran.waited:.1f} s, of at most {waits:.1f} s"
        )


# Of every run that came to its end.
def form(case: Case) -> Breaches:
    result, change = case.result, case.scenario.task.change
    for name in ("not_found_ids", *([f"{change.done}_ids"] if change else [])):
        if result.get(name) != [one for one in case.asked if one in result.get(name, ())]:
            yield f"{name} is not a part of incident_ids in its order"
    if not isinstance(result.get("changed"), bool) or not isinstance(result.get("incidents"), list):
        yield "changed or incidents are missing"
        return
    order = [one for one in case.asked if one in _ids(case)]
    if _ids(case) != (list(dict.fromkeys(_ids(case))) if case.scenario.task.by_filters else order):
        yield "incidents are not those asked for in their order, each once"
    facts = {"coralogix_incidents": result["incidents"]}
    if result.get("ansible_facts") != (None if case.failed or not change else facts):
        yield "ansible_facts are not the incidents, or are returned on failure, or by a task that only reads"


def _ids(case: Case) -> list[str]:
    return [incident.get("id") for incident in case.result["incidents"]]


def failure_tells(case: Case) -> Breaches:
    result = case.result
    if not case.failed:
        if "failure" in result or "msg" in result:
            yield "failure or msg, although the task ended well"
        return
    failure = result.get("failure")
    if not result.get("msg") or not isinstance(failure, dict) or failure.keys() != FAILURE.keys():
        yield f"a failure without msg or the parts of failure: {failure}"
        return
    for name, kind in FAILURE.items():
        if failure[name] is not None and not isinstance(failure[name], kind):
            yield f"failure.{name} is {failure[name]!r}"
    if failure["method"] is not None:
        yield from _failed_request(case, failure)


def _failed_request(case: Case, failure: dict[str, Any]) -> Breaches:
    blamed = [
        entry
        for entry in case.journal
        if (entry.method, case.world.simulator.url + entry.target) == (failure["method"], failure["url"])
    ]
    if not blamed:
        yield f"failure names a request that was not sent: {failure['method']} {failure['url'][:80]}"
    elif failure["status"] is not None and failure["status"] not in {entry.status for entry in blamed}:
        yield f"failure.status is {failure['status']}, which was not answered"
    elif failure["correlation_id"] not in {entry.headers.get("x-cx-correlation-id") for entry in blamed}:
        yield "failure.correlation_id is not the one that was sent"


# Of those by modules that change something.
def a_change_is_never_hidden(case: Case) -> Breaches:
    if case.result["changed"]:
        return
    for one in case.ours:
        names = ("looks as before", "repeated", "untrue answer", "too late")
        if not any(case.excused(name, one) for name in names):
            yield f"changed is false, but {one[:80]} was {case.change.done} by this task"


def no_change_is_made_up(case: Case) -> Breaches:
    changed = case.result["changed"]
    if case.scenario.check_mode:
        if changed != bool(case.done):
            yield f"changed and {case.change.done}_ids disagree in check mode"
    elif changed and not case.done:
        if not any(case.excused("perhaps", one) for one in case.asked):
            yield f"changed is true, but nothing was {case.change.done}, and nothing is open"
    elif case.done and not changed:
        yield f"{case.change.done}_ids, but changed is false"


def done_ids_are_true(case: Case) -> Breaches:
    if case.scenario.check_mode:
        return
    name = f"{case.change.done}_ids"
    for one in case.done:
        _place, last = case.last_seen.get(one, (-1, None))
        if last is None or not case.change.is_done(last):
            yield f"{one[:80]} is among {name}, but no answer showed it so"
        elif one in case.ours or case.excused("not to be read", one):
            continue
        elif not case.shown_in_need(one):
            yield f"{one[:80]} is among {name}, but was not in need of it"
        elif not case.excused("taken by another", one):
            yield f"{one[:80]} is among {name}, but nobody did it"


def done_ids_are_all(case: Case) -> Breaches:
    for one in case.ours.difference(case.done):
        _place, last = case.last_seen.get(one, (-1, None))
        known = last is not None and case.change.is_done(last)
        if known and not case.excused("perhaps", one) and not case.excused("too late", one):
            yield f"{one[:80]} was {case.change.done} and shown so, but is not among {case.change.done}_ids"


def prediction_is_what_was_read(case: Case) -> Breaches:
    if not case.scenario.check_mode:
        return
    expected = [] if case.failed else [one for one in case.asked if case.shown_in_need(one)]
    if case.done != expected:
        yield f"check mode predicts {case.done} in place of {expected}"


def left_alone_ids_are_true(case: Case) -> Breaches:
    expected = [incident["id"] for incident in case.result["incidents"] if case.change.leaves(incident)]
    if case.result.get("left_alone_ids") != (None if case.change.is_past is None else expected):
        yield f"left_alone_ids are {case.result.get('left_alone_ids')} in place of {expected}"
    for one in case.ours.intersection(expected):
        names = ("repeated", "afterwards", "untrue answer")
        if not any(case.excused(name, one) for name in names):
            yield f"{one[:80]} is among left_alone_ids, but was {case.change.done} by this task"


def all_that_is_reported_besides_is_true(case: Case) -> Breaches:
    seen = {} if case.unread else case.first_seen
    for name, expected in case.change.reports(seen, case.done).items():
        if case.result.get(name) != expected:
            yield f"{name} is {case.result.get(name)} in place of {expected}"


# Of those that name incidents by their IDs.
def not_found_ids_are_true(case: Case) -> Breaches:
    unknown = {one for one in case.asked if one not in case.world.start or one in case.world.created}
    for one in case.result["not_found_ids"]:
        if one not in unknown and one not in case.world.removed and not case.excused("not to be read", one):
            yield f"{one[:80]} is among not_found_ids, but has always been there"


def not_found_ids_are_all(case: Case) -> Breaches:
    never = [one for one in case.asked if one not in case.world.start]
    unknown = {one for one, incident in case.first_seen.items() if incident is None}
    if len(case.first_seen) == len(case.asked) and not unknown.issuperset(never):
        yield "the service did not tell the truth"
    if len(case.first_seen) == len(case.asked) and not unknown <= {*case.result["not_found_ids"]}:
        yield f"{sorted(unknown.difference(case.result['not_found_ids']))[:3]} are unknown, but not in not_found_ids"
    if case.scenario.missing == "fail" and not case.failed and (case.result["not_found_ids"] or unknown):
        yield "IDs are unknown, and the task did not fail"


def _returned(case: Case, incident: Incident | None) -> Incident | None:
    """How the task returns an incident that is so: as it is, but for what its options say."""
    if incident is None:
        return None
    change = case.scenario.task.change
    dry = change and case.scenario.check_mode and not case.failed and change.needs(incident)
    predicted = change.after if change and dry else {}
    hidden = () if case.scenario.events else ("events",)
    return {name: value for name, value in {**incident, **predicted}.items() if name not in hidden}


def _same(incident: Incident, expected: Incident | None) -> bool:
    if expected and expected.get("closedAt") == NOW and incident.get("closedAt", "") > incident["createdAt"]:
        expected = {**expected, "closedAt": incident["closedAt"]}
    return incident == expected


def incidents_are_as_last_seen(case: Case) -> Breaches:
    for incident in case.result["incidents"]:
        place, last = case.last_seen.get(incident["id"], (-1, None))
        if not _same(incident, _returned(case, last)):
            yield f"the incident {incident['id'][:80]} is not as the last answer showed it"
        elif place < case.last_write(incident["id"], case.open_fate):
            yield f"the incident {incident['id'][:80]} is shown, though what became of it is open"


def incidents_are_as_they_are(case: Case) -> Breaches:
    for incident in case.result["incidents"]:
        expected = _returned(case, case.world.now(incident["id"]))
        names = ("afterwards", "untrue answer")
        if not _same(incident, expected) and not any(case.excused(name, incident["id"]) for name in names):
            yield f"the incident {incident['id'][:80]} is not as it is"


def none_is_passed_over(case: Case) -> Breaches:
    told_of = {*_ids(case), *case.result["not_found_ids"]}
    if not case.failed:
        left_out = [one for one in case.asked if one not in told_of]
    elif case.writes and not case.unread:
        left_out = [one for one, incident in case.first_seen.items() if incident and one not in told_of]
    else:
        left_out = []
    left_out = [one for one in left_out if not case.scenario.task.change or not case.excused("perhaps", one)]
    if left_out:
        yield f"{left_out[:3]} are neither among the incidents nor the unknown"


def success_leaves_nothing_to_do(case: Case) -> Breaches:
    if case.failed:
        return
    if any(case.change.needs(incident) for incident in case.result["incidents"]):
        yield "an incident is returned that is still in need, and the task did not fail"
    if case.scenario.check_mode:
        return
    for one in case.asked:
        if case.world.needs(one) and not case.excused("afterwards", one) and not case.excused("not to be read", one):
            yield f"{one[:80]} is still not {case.change.done}, and the task did not fail"


def diff_is_true(case: Case) -> Breaches:
    diff, shows = case.result.get("diff"), case.change.shows
    if diff is None or diff == [] or not case.scenario.diff:
        lacking = case.scenario.diff and any(case.first_seen.values()) and not case.unread and not case.failed
        if diff or lacking:
            yield "a diff that was not asked for, or none"
        return
    if case.unread:
        yield "a diff, though the state before is unknown"
        return
    returned = {incident["id"]: incident for incident in case.result["incidents"]}
    before = {one: {key: (case.first_seen.get(one) or {}).get(key) for key in shows} for one in case.done}
    after = {one: {key: returned.get(one, {}).get(key) for key in shows} for one in case.done}
    if diff != {"before": before, "after": after}:
        yield f"the diff is not what changed: {str(diff)[:300]}"


def not_reading_is_warned_of(case: Case) -> Breaches:
    if case.unread and case.result["changed"] and "incidents:read" not in case.ran.output:
        yield "no word about incidents:read, though reading was refused"


# Of those that only read.
def reading_changes_nothing(case: Case) -> Breaches:
    if case.result["changed"] or "diff" in case.result:
        yield "changed, or a diff, though the task only reads"


def numbers_agree(case: Case) -> Breaches:
    result = case.result
    total = len(result["incidents"])
    if case.scenario.task.by_filters and not case.failed and not chooses_none(case.scenario.query):
        total = int(case.pages[-1][0].answer["pagination"]["totalSize"])
    if result.get("count") != len(result["incidents"]) or result.get("total") != total:
        yield f"count {result.get('count')} and total {result.get('total')}, of {len(result['incidents'])} and {total}"


# Of those that find incidents by filters.
def must_refuse(scenario: Scenario) -> bool:
    """Whether the version cannot be asked."""
    query = scenario.query
    return scenario.serves == "3" and bool(only_in_a_body(query)) and not chooses_none(query)


def what_cannot_be_asked_is_refused(case: Case) -> Breaches:
    if must_refuse(case.scenario) and (not case.failed or any(entry.operation == LIST for entry in case.journal)):
        yield "a query of which version 3 understands a part only"


def found_is_what_the_pages_showed(case: Case) -> Breaches:
    shown: dict[str, Incident] = {}
    for _entry, said in case.pages:
        shown.update((one, incident) for one, incident in said.incidents.items() if _kept(case, incident))
    wanted = [] if case.failed else list(shown.values())[: case.scenario.query.get("limit")]
    if case.result["incidents"] != [_returned(case, incident) for incident in wanted]:
        yield f"{_ids(case)[:5]} are returned in place of {[one['id'] for one in wanted][:5]}"


def _kept(case: Case, incident: Incident) -> bool:
    return passes(case.scenario.query, incident)


def found_was_true(case: Case) -> Breaches:
    """At some time during the run."""
    for incident in case.result["incidents"]:
        states = [state for state in case.world.states.get(incident["id"], ()) if _kept(case, state)]
        if incident not in [_returned(case, state) for state in states]:
            yield f"the incident {incident['id'][:80]} was never so, or does not pass the filters"


def found_is_all(case: Case) -> Breaches:
    query, found = case.scenario.query, case.result["incidents"]
    if case.failed:
        return
    there = case.world.passing()
    expected = min(len(there), query.get("limit", len(there)))
    if len(found) != expected and not case.excused("between pages", ""):
        yield f"{len(found)} incidents in place of {expected}"
    if is_counted(query) and case.result["total"] != len(there) and not case.excused("between pages", ""):
        yield f"total is {case.result['total']} in place of {len(there)}"


def found_is_in_order(case: Case) -> Breaches:
    for order in case.scenario.query.get("order_by", ()):
        values = [incident[ORDERS[order["field"]]] for incident in case.result["incidents"]]
        if values != sorted(values, reverse=order["direction"] == "desc") and not case.excused("between pages", ""):
            yield f"not in order: {values[:10]}"


def _pagination(entry: Entry) -> dict[str, Any]:
    """What a request asks for of the pages, from its body or its query."""
    in_query = {name.rpartition(".")[2]: value for name, value in entry.query if name.startswith("pagination.")}
    found: dict[str, Any] = (entry.body or {}).get("pagination", {}) if isinstance(entry.body, dict) else {}
    return found or in_query


def no_more_pages_than_needed(case: Case) -> Breaches:
    query, token, kept = case.scenario.query, None, set[str]()
    limit = query.get("limit", 10**9)
    for entry, said in case.pages:
        asked = _pagination(entry)
        if len(kept) >= limit:
            yield f"a further page, though {len(kept)} of {limit} were there"
        if asked.get("pageToken") != token:
            yield f"the page {asked} in place of that behind {token}"
        if int(asked["pageSize"]) > (min(case.scenario.page, limit) if is_counted(query) else case.scenario.page):
            yield f"a page of {asked['pageSize']}, for {limit} in pages of {case.scenario.page}"
        token = entry.answer["pagination"].get("nextPageToken")
        kept |= {one for one, incident in said.incidents.items() if _kept(case, incident)}
    most = max(1, -(-min(limit, len(case.world.states)) // case.scenario.page))
    most += bool(case.world.hits[LEADS_BACK])
    if is_counted(query) and len(case.pages) > most and not case.excused("between pages", ""):
        yield f"{len(case.pages)} pages for {limit} of {len(case.world.states)} incidents"


def _causes(case: Case) -> set[str]:
    """What a failure may be due to."""
    scenario, world, task = case.scenario, case.world, case.scenario.task
    reading = "incidents:read" in scenario.permissions and not world.blind
    personal = scenario.key_kind == "personal" or task.change is None
    causes = {
        "the key": not (scenario.key_known and personal and scenario.permissions == task.permissions),
        "an unknown ID": any(one not in world.start or one in world.created for one in case.asked)
        and (scenario.missing == "fail" or not reading),
        "no route to read by": not reading and (scenario.check_mode or task.needs_reading),
        "an ID that the version does not take": scenario.valid != case.asked,
        "a query that the version does not take": must_refuse(scenario),
        # New incidents may fill a page with those of the page before it, which looks as if it led back.
        "another user": any(world.meddled(one) for one in case.asked) or (task.by_filters and bool(world.created)),
        "short URLs": "max_url" in dict(scenario.simulator),
        "a fault": bool(_harmful(case)),
    }
    return {name for name, holds in causes.items() if holds}


def _harmful(case: Case) -> dict[str, int]:
    """The faults that struck and may be the reason of a failure. Without reading, nothing shows a stale answer."""
    stale = (STALE,) if case.unread else ()
    return {kind: count for kind, count in case.world.hits.items() if kind not in HARMLESS or kind in stale}


def no_failure_without_a_cause(case: Case) -> Breaches:
    if case.failed and not _causes(case):
        yield f"a failure without a cause: {case.result.get('msg')}"


def what_retries_can_mend_is_mended(case: Case) -> Breaches:
    """Faults that pass, no more of them in all than one request has further tries."""
    hits = _harmful(case)
    mends = all(KINDS[kind].mends for kind in hits) and sum(hits.values()) <= case.scenario.retries
    if case.failed and mends and _causes(case) == {"a fault"}:
        yield f"a failure, although {hits} pass with {case.scenario.retries} retries: {case.result.get('msg')}"


Invariants = tuple[Callable[[Case], Breaches], ...]

ALWAYS: Invariants = (
    no_traceback,
    no_key,
    key_goes_nowhere_else,
    nothing_is_written_that_should_not_be,
    urls_are_short,
    no_more_tries_than_allowed,
    few_at_a_time,
    ends_in_time,
)
ALWAYS_OF_A_CHANGE: Invariants = (
    writes_only_what_was_read_as_in_need,
    nothing_is_dragged_back,
    writes_say_what_is_asked,
    no_write_if_an_id_is_unknown,
)
ALWAYS_BY_FILTERS: Invariants = (no_more_pages_than_needed,)
WITH_RESULT: Invariants = (
    form,
    failure_tells,
    no_failure_without_a_cause,
    what_retries_can_mend_is_mended,
)
OF_A_CHANGE: Invariants = (
    a_change_is_never_hidden,
    no_change_is_made_up,
    done_ids_are_true,
    done_ids_are_all,
    prediction_is_what_was_read,
    left_alone_ids_are_true,
    all_that_is_reported_besides_is_true,
    success_leaves_nothing_to_do,
    diff_is_true,
    not_reading_is_warned_of,
)
OF_READING: Invariants = (reading_changes_nothing, numbers_agree)
BY_IDS: Invariants = (
    not_found_ids_are_true,
    not_found_ids_are_all,
    incidents_are_as_last_seen,
    incidents_are_as_they_are,
    none_is_passed_over,
)
BY_FILTERS: Invariants = (
    what_cannot_be_asked_is_refused,
    found_is_what_the_pages_showed,
    found_was_true,
    found_is_all,
    found_is_in_order,
)


def invariants_of(case: Case) -> Iterator[Callable[[Case], Breaches]]:
    """Those that apply to the task, and to what came of it."""
    task, has_result = case.scenario.task, case.ran.result is not None
    rows: tuple[tuple[bool, Invariants], ...] = (
        (True, ALWAYS),
        (task.change is not None, ALWAYS_OF_A_CHANGE),
        (task.by_filters, ALWAYS_BY_FILTERS),
        (has_result, WITH_RESULT),
        (has_result and task.change is not None, OF_A_CHANGE),
        (has_result and task.change is None, OF_READING),
        (has_result and not task.by_filters, BY_IDS),
        (has_result and task.by_filters, BY_FILTERS),
    )
    return itertools.chain.from_iterable(group for applies, group in rows if applies)


def check(case: Case, checked: Counter[str]) -> list[str]:
    """Hold all invariants that apply; returns the breaches, and counts what was held."""
    breaches = []
    for invariant in invariants_of(case):
        name = invariant.__name__.replace("_", " ")
        checked[name] += 1
        # Three are enough to see what is wrong, where incidents go by the hundred.
        breaches += [f"{name}: {breach}" for breach in itertools.islice(invariant(case), 3)]
    return breaches


# Of the two runs after it, without faults and with a key that may do everything.
def _clean(world: World, ids: list[str], todo: list[str]) -> dict[str, Any]:
    """What a run has to return that has these left to do; asked for before the run only where it changes nothing."""
    task = world.scenario.task
    known = [one for one in ids if world.now(one) is not None]
    incidents = [world.now(one) for one in known]
    expected: dict[str, Any] = {
        "failed": None,
        "changed": bool(todo),
        "incidents": incidents,
        "not_found_ids": [one for one in ids if one not in known],
    }
    if task.change:
        expected[f"{task.change.done}_ids"] = todo
        left = [incident["id"] for incident in incidents if incident and task.change.leaves(incident)]
        expected["left_alone_ids"] = None if task.change.is_past is None else left
    return expected


def _wrong(world: World, ran: Ran, ids: list[str], todo: list[str]) -> list[str]:
    """What of a result is not as it has to be."""
    result = ran.result or {}
    if not world.scenario.task.by_filters:
        return [name for name, value in _clean(world, ids, todo).items() if result.get(name) != value]
    there = world.passing()
    limit = world.scenario.query.get("limit", len(there))
    found = result.get("incidents", [])
    right = not result.get("failed") and len(found) == min(limit, len(there)) == result.get("count")
    return [] if right and all(one in there for one in found) else ["incidents"]


def check_second(world: World, ids: list[str], todo: list[str], ran: Ran, checked: Counter[str]) -> list[str]:
    """The next run does what is left, all of it and nothing else."""
    name = "a clean run converges"
    checked[name] += 1
    known = [one for one in ids if world.now(one) is not None]
    # Without reading all of them are written.
    done = known if world.blind else todo
    wrong = _wrong(world, ran, ids, done)
    breaches = [f"{name}: {wrong} are not as expected: {str(ran.result)[:600]}"] if wrong else []
    still = [one for one in ids if world.needs(one)]
    if still:
        breaches.append(f"{name}: {still[:3]} are still in need after it")
    wrote = {one for entry in world.simulator.writes if entry.operation != LIST for one in entry.ids}
    if wrote != {*done} and not world.blind:
        breaches.append(f"{name}: it wrote {sorted(wrote)[:3]} in place of {done[:3]}")
    return breaches


def check_third(world: World, ids: list[str], ran: Ran, checked: Counter[str]) -> list[str]:
    """The run after that has nothing to do."""
    name = "a further run changes nothing"
    checked[name] += 1
    effect = [one for entry in world.simulator.journal for one in entry.effect]
    known = [one for one in ids if world.now(one) is not None]
    wrong = _wrong(world, ran, ids, known if world.blind else [])
    wrote = bool([entry for entry in world.simulator.writes if entry.operation != LIST]) and not world.blind
    return [f"{name}: {wrong} {str(ran.result)[:600]}"] if effect or wrote or wrong else []
