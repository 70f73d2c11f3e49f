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
from .scenario import HARMLESS, IN_PROCESS, KINDS, READ, Scenario
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

    @functools.cached_property
    def writes(self) -> list[Entry]:
        return [entry for entry in self.journal if entry.method not in ("GET", "HEAD", "OPTIONS")]

    @functools.cached_property
    def answers(self) -> list[tuple[int, Entry, Told]]:
        """The answers that can be understood, with their places in the journal."""
        return [(place, entry, said) for place, entry in enumerate(self.journal) for said in [told(entry)] if said]

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
        """The incidents from which a request of ours removed an assignment."""
        return {one for entry in self.journal for one in entry.effect}

    @functools.cached_property
    def unread(self) -> bool:
        """Whether reading was refused, so that the job had to be done without."""
        reads = [entry for entry in self.journal[: self.first_write] if entry.operation == READ or not entry.operation]
        return not self.first_seen and bool({entry.status for entry in reads} & UNREADABLE)

    def shown_assigned(self, one: str) -> bool:
        incident = self.first_seen.get(one)
        return incident is not None and bool(incident["assignments"])

    def last_write(self, one: str, leaves_open: Callable[[Entry], bool]) -> int:
        """The place of the last write of the incident whose answer leaves so much open, or -1."""
        places = [
            place
            for place, entry in enumerate(self.journal)
            if entry in self.writes and one in entry.ids and leaves_open(entry)
        ]
        return max(places, default=-1)

    def perhaps(self, one: str) -> bool:
        """Whether all that the module was told leaves open that it unassigned the incident."""
        place, incident = self.last_seen.get(one, (-1, None))
        if self.unread:
            return any(one in entry.ids for entry in self.writes) and not incident
        untold = self.last_write(one, lambda entry: open_fate(entry) or _silent(entry, one))
        if place < untold:
            return True
        before = self.first_seen.get(one)
        unlike = incident is None or bool(incident["assignments"] and incident != before)
        return unlike and untold >= 0

    def excused(self, name: str, one: str) -> bool:
        counts = RELAXATIONS[name].when(self, one)
        self.excuses[name] += counts
        return counts


def _silent(entry: Entry, one: str) -> bool:
    """Whether a write was accepted, and its answer leaves the incident out."""
    said = told(entry)
    return said is not None and one not in said.incidents


class Relaxation(NamedTuple):
    when: Callable[[Case, str], bool]
    why: str


def _untrue(case: Case, one: str) -> bool:
    """Whether the answer to a write that took effect was silent about it, or showed it as it had been."""
    for entry in case.writes:
        said = told(entry)
        if said and one in entry.effect:
            shown = said.incidents.get(one)
            if shown is None or shown["assignments"]:
                return True
    return False


def _looks_as_before(case: Case, one: str) -> bool:
    _place, incident = case.last_seen.get(one, (-1, None))
    before = case.first_seen.get(one)
    same = bool(incident and before and incident["assignments"] == before["assignments"])
    return same and case.world.others_assigned(one)


RELAXATIONS = {
    "taken by another": Relaxation(
        lambda case, one: case.world.others_unassigned(one),
        "Another user unassigned the incident after the module had read it. The answer to the write shows nobody "
        "assigned, whoever removed them: it is reported as unassigned by this task.",
    ),
    "not to be read": Relaxation(
        lambda case, _one: case.unread,
        "Reading is refused. Who was assigned before is unknown, and what the answer to the write leaves out can be "
        "neither told from an unknown ID nor made sure of: changed is true, with a warning.",
    ),
    "perhaps": Relaxation(
        lambda case, one: case.perhaps(one),
        "The answer to the write was lost, and no later one tells of its effect: reading failed as well, or the "
        "incident was removed or assigned anew by then. changed is true, the message says perhaps, and the incident "
        "may have been left as it was.",
    ),
    "looks as before": Relaxation(
        _looks_as_before,
        "The answer to the write was lost, and before the next read another user assigned the incident to the same "
        "users again. That cannot be told from a write without effect.",
    ),
    "untrue answer": Relaxation(
        _untrue,
        "The service said, with status 200, that the incident is still assigned, or nothing of it, although it was "
        "unassigned; and what would have shown the truth failed, or another user acted before it.",
    ),
    "too late": Relaxation(
        lambda case, one: one in case.world.late,
        "The service carried the write out after the module had stopped waiting for it, and had read again.",
    ),
    "afterwards": Relaxation(
        lambda case, one: case.world.meddled(one),
        "Another user acted after the last answer about the incident. The result tells what that answer showed.",
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


def check_mode_writes_nothing(case: Case) -> Breaches:
    if case.scenario.check_mode and (case.writes or case.ours):
        yield f"{len(case.writes)} writes in check mode"


def writes_only_what_was_read_as_assigned(case: Case) -> Breaches:
    for place, entry in enumerate(case.journal):
        if entry not in case.writes:
            continue
        seen = {
            one
            for earlier, _entry, said in case.answers
            if earlier < place
            for one, incident in said.incidents.items()
            if incident["assignments"]
        }
        surplus = {*entry.ids} - ({*case.asked} if case.unread else seen & {*case.asked})
        if surplus:
            yield f"a write of {sorted(surplus)[:3]}, which no read showed as assigned"


def no_write_if_an_id_is_unknown(case: Case) -> Breaches:
    unknown = [one for one, incident in case.first_seen.items() if incident is None]
    if unknown and case.scenario.missing == "fail" and case.writes:
        yield f"a write, though {unknown[:3]} are unknown"


def urls_are_short(case: Case) -> Breaches:
    base = len(case.world.simulator.url)
    for entry in case.journal:
        if base + len(entry.target) >= bound.MAX_URL:
            yield f"a URL of {base + len(entry.target)} characters"


def no_more_tries_than_allowed(case: Case) -> Breaches:
    tries = case.scenario.retries + 1
    for (method, target), count in Counter((entry.method, entry.target) for entry in case.journal).items():
        # Making sure of a write may take the same request as the first read.
        if count > tries * (2 if method == "GET" else 1):
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
    exchange = bound.longest(count, routes, bound.exchange(scenario.timeout, scenario.retries))
    waits = bound.longest(count, routes, bound.pauses(scenario.retries, asked))
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
    result = case.result
    for name in ("unassigned_ids", "not_found_ids"):
        if result.get(name) != [one for one in case.asked if one in result.get(name, ())]:
            yield f"{name} is not a part of incident_ids in its order"
    if not isinstance(result.get("changed"), bool) or not isinstance(result.get("incidents"), list):
        yield "changed or incidents are missing"
        return
    if [one for one in case.asked if one in _ids(case)] != _ids(case):
        yield "incidents are not those asked for in their order, each once"
    facts = {"coralogix_incidents": result["incidents"]}
    if result.get("ansible_facts") != (None if case.failed else facts):
        yield "ansible_facts are not the incidents, or are returned on failure"


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


def a_change_is_never_hidden(case: Case) -> Breaches:
    if case.result["changed"]:
        return
    for one in case.ours:
        names = ("looks as before", "untrue answer", "too late")
        if not any(case.excused(name, one) for name in names):
            yield f"changed is false, but {one[:80]} was unassigned by this task"


def no_change_is_made_up(case: Case) -> Breaches:
    result = case.result
    if case.scenario.check_mode:
        if result["changed"] != bool(result["unassigned_ids"]):
            yield "changed and unassigned_ids disagree in check mode"
    elif result["changed"] and not result["unassigned_ids"]:
        if not any(case.excused("perhaps", one) for one in case.asked):
            yield "changed is true, but nothing was unassigned, and nothing is open"
    elif result["unassigned_ids"] and not result["changed"]:
        yield "unassigned_ids, but changed is false"


def unassigned_ids_are_true(case: Case) -> Breaches:
    if case.scenario.check_mode:
        return
    for one in case.result["unassigned_ids"]:
        _place, last = case.last_seen.get(one, (-1, None))
        if last is None or last["assignments"]:
            yield f"{one[:80]} is among unassigned_ids, but no answer showed it so"
        elif one in case.ours or case.excused("not to be read", one):
            continue
        elif not case.shown_assigned(one):
            yield f"{one[:80]} is among unassigned_ids, but was not assigned"
        elif not case.excused("taken by another", one):
            yield f"{one[:80]} is among unassigned_ids, but nobody unassigned it"


def unassigned_ids_are_all(case: Case) -> Breaches:
    for one in case.ours.difference(case.result["unassigned_ids"]):
        _place, last = case.last_seen.get(one, (-1, None))
        known_free = last is not None and not last["assignments"]
        if known_free and not case.excused("perhaps", one) and not case.excused("too late", one):
            yield f"{one[:80]} was unassigned and shown so, but is not among unassigned_ids"


def prediction_is_what_was_read(case: Case) -> Breaches:
    if not case.scenario.check_mode:
        return
    expected = [] if case.failed else [one for one in case.asked if case.shown_assigned(one)]
    if case.result["unassigned_ids"] != expected:
        yield f"check mode predicts {case.result['unassigned_ids']} in place of {expected}"


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
    predicted: Incident = {"assignments": []} if case.scenario.check_mode and not case.failed else {}
    hidden = () if case.scenario.events else ("events",)
    return {name: value for name, value in {**incident, **predicted}.items() if name not in hidden}


def incidents_are_as_last_seen(case: Case) -> Breaches:
    for incident in case.result["incidents"]:
        place, last = case.last_seen.get(incident["id"], (-1, None))
        if incident != _returned(case, last):
            yield f"the incident {incident['id'][:80]} is not as the last answer showed it"
        elif place < case.last_write(incident["id"], open_fate):
            yield f"the incident {incident['id'][:80]} is shown, though what became of it is open"


def incidents_are_as_they_are(case: Case) -> Breaches:
    for incident in case.result["incidents"]:
        expected = _returned(case, case.world.now(incident["id"]))
        names = ("afterwards", "untrue answer")
        if incident != expected and not any(case.excused(name, incident["id"]) for name in names):
            yield f"the incident {incident['id'][:80]} is not as it is"


def none_is_passed_over(case: Case) -> Breaches:
    told_of = {*_ids(case), *case.result["not_found_ids"]}
    if not case.failed:
        left_out = [one for one in case.asked if one not in told_of]
    elif case.writes and not case.unread:
        left_out = [one for one, incident in case.first_seen.items() if incident and one not in told_of]
    else:
        left_out = []
    left_out = [one for one in left_out if not case.excused("perhaps", one)]
    if left_out:
        yield f"{left_out[:3]} are neither among the incidents nor the unknown"


def success_leaves_nobody_assigned(case: Case) -> Breaches:
    if case.failed:
        return
    if any(incident["assignments"] for incident in case.result["incidents"]):
        yield "an incident is returned with somebody assigned, and the task did not fail"
    if case.scenario.check_mode:
        return
    for one in case.asked:
        if case.world.assigned(one) and not case.excused("afterwards", one) and not case.excused("not to be read", one):
            yield f"{one[:80]} is still assigned, and the task did not fail"


def diff_is_true(case: Case) -> Breaches:
    diff, ids = case.result.get("diff"), case.result["unassigned_ids"]
    if diff is None or diff == [] or not case.scenario.diff:
        if diff or (case.scenario.diff and any(case.first_seen.values()) and not case.failed):
            yield "a diff that was not asked for, or none"
        return
    if case.unread:
        yield "a diff, though the state before is unknown"
        return
    before = {one: {"assignments": (case.first_seen.get(one) or {}).get("assignments")} for one in ids}
    after: dict[str, Any] = {one: {"assignments": []} for one in ids}
    if diff != {"before": before, "after": after}:
        yield f"the diff is not what changed: {str(diff)[:300]}"


def not_reading_is_warned_of(case: Case) -> Breaches:
    if case.unread and case.writes and "incidents:read" not in case.ran.output:
        yield "no word about incidents:read, though reading was refused"


def _causes(case: Case) -> set[str]:
    """What a failure may be due to."""
    scenario, world = case.scenario, case.world
    reading = "incidents:read" in scenario.permissions and not world.blind
    causes = {
        "the key": not scenario.key_known or scenario.key_kind != "personal" or len(scenario.permissions) < 2,
        "an unknown ID": any(one not in world.start or one in world.created for one in case.asked)
        and (scenario.missing == "fail" or not reading),
        "no route to read by": not reading and scenario.check_mode,
        "an ID that the version does not take": scenario.valid != case.asked,
        "another user": any(world.meddled(one) for one in case.asked),
        "short URLs": "max_url" in dict(scenario.simulator),
        # Without reading, nothing shows that an answer was stale.
        "a fault": any(kind not in HARMLESS or (case.unread and kind != "latency") for kind in world.hits),
    }
    return {name for name, holds in causes.items() if holds}


def no_failure_without_a_cause(case: Case) -> Breaches:
    if case.failed and not _causes(case):
        yield f"a failure without a cause: {case.result.get('msg')}"


def what_retries_can_mend_is_mended(case: Case) -> Breaches:
    """Faults that pass, no more of them in all than one request has further tries."""
    hits = {kind: count for kind, count in case.world.hits.items() if kind not in HARMLESS}
    mends = all(KINDS[kind].mends for kind in hits) and sum(hits.values()) <= case.scenario.retries
    if case.failed and mends and _causes(case) == {"a fault"}:
        yield f"a failure, although {dict(hits)} pass with {case.scenario.retries} retries: {case.result.get('msg')}"


ALWAYS: tuple[Callable[[Case], Breaches], ...] = (
    no_traceback,
    no_key,
    key_goes_nowhere_else,
    check_mode_writes_nothing,
    writes_only_what_was_read_as_assigned,
    no_write_if_an_id_is_unknown,
    urls_are_short,
    no_more_tries_than_allowed,
    few_at_a_time,
    ends_in_time,
)
WITH_RESULT: tuple[Callable[[Case], Breaches], ...] = (
    form,
    failure_tells,
    a_change_is_never_hidden,
    no_change_is_made_up,
    unassigned_ids_are_true,
    unassigned_ids_are_all,
    prediction_is_what_was_read,
    not_found_ids_are_true,
    not_found_ids_are_all,
    incidents_are_as_last_seen,
    incidents_are_as_they_are,
    none_is_passed_over,
    success_leaves_nobody_assigned,
    diff_is_true,
    not_reading_is_warned_of,
    no_failure_without_a_cause,
    what_retries_can_mend_is_mended,
)


def check(case: Case, checked: Counter[str]) -> list[str]:
    """Hold all invariants that apply; returns the breaches, and counts what was held."""
    breaches = []
    for invariant in (*ALWAYS, *(WITH_RESULT if case.ran.result is not None else ())):
        name = invariant.__name__.replace("_", " ")
        checked[name] += 1
        # Three are enough to see what is wrong, where incidents go by the hundred.
        breaches += [f"{name}: {breach}" for breach in itertools.islice(invariant(case), 3)]
    return breaches


# Of the two runs after it, without faults and with a key that may do everything.
def check_second(world: World, ids: list[str], assigned: list[str], ran: Ran, checked: Counter[str]) -> list[str]:
    """The next run does what is left, all of it and nothing else."""
    checked["a clean run converges"] += 1
    result = ran.result or {}
    known = [one for one in ids if world.now(one) is not None]
    expected = {
        "failed": None,
        "changed": bool(ids if world.blind else assigned),
        "unassigned_ids": known if world.blind else assigned,
        "not_found_ids": [one for one in ids if one not in known],
        "incidents": [world.now(one) for one in known],
    }
    wrong = [name for name, value in expected.items() if result.get(name) != value]
    breaches = [f"a clean run converges: {wrong} are not as expected: {str(ran.result)[:600]}"] if wrong else []
    still = [one for one in ids if world.assigned(one)]
    if still:
        breaches.append(f"a clean run converges: {still[:3]} are still assigned after it")
    wrote = {one for entry in world.simulator.writes for one in entry.ids}
    if not world.blind and wrote != {*assigned}:
        breaches.append(f"a clean run converges: it wrote {sorted(wrote)[:3]} in place of {assigned[:3]}")
    return breaches


def check_third(world: World, ids: list[str], ran: Ran, checked: Counter[str]) -> list[str]:
    """The run after that has nothing to do."""
    checked["a further run changes nothing"] += 1
    result = ran.result or {}
    incidents = [incident for one in ids for incident in [world.now(one)] if incident]
    effect = [one for entry in world.simulator.journal for one in entry.effect]
    wrote = bool(world.simulator.writes) and not world.blind
    claims = bool(result.get("changed")) and not world.blind
    if effect or wrote or claims or result.get("failed") or result.get("incidents") != incidents:
        return [f"a further run changes nothing: {str(ran.result)[:600]}"]
    return []
