# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must hold after every run, and, in one table, what nobody can know.

An invariant yields a sentence for each breach. Where knowledge ends it asks for an excuse by its name, and
says for which incident. RELAXATIONS says when that excuse counts, and why.
"""

from __future__ import annotations

import itertools
import json
import re
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any, Callable, NamedTuple

from simulator import Entry

from . import bound
from .answers import ACCEPTED, CASE_COMMENT, CASE_EVENTS, LIST, UNCERTAIN
from .case import DIFFERENT, NOT_VISIBLE, OVERTAKEN, UNKNOWN, UNTOUCHED, Case
from .faults import ENDLESS, INTERIM_STATUSES, KINDS, LEADS_BACK, STALE, key_forms
from .kinds import CASES
from .scenario import IN_MEMORY, OVER_HTTP, Scenario
from .tasks import ORDERS, is_counted, is_kept, matches, matches_nothing, needs_body

# Seconds by which a busy machine may be late, and in which a process starts.
ALLOWANCE = 10.0
# After this, a request of a task with a deadline was sent too late, and a signal was not obeyed.
GRACE, STOP_GRACE = 0.5, 5.0
FAILURE = {"status": int, "method": str, "url": str, "message": str, "correlation_id": str}
MAX_MESSAGE, MAX_DEPTH = 300, 100
# Characters of a text without its IDs; lists in a text, IDs in a list, characters of an ID.
MAX_TEXT, LISTS_IN_TEXT, IDS_IN_LIST, MAX_ID = 2_500, 4, 20, 80
# A read is looked at again so often while it shows the state before a write.
LAG_READS = 5

Breaches = Iterator[str]


class Relaxation(NamedTuple):
    counts: Callable[[Case, str], bool]
    why: str


def _last_answer_was_untrue(case: Case, incident_id: str) -> bool:
    last, first = case.last_seen(incident_id), case.first_seen(incident_id)
    return not all(seen.is_true for seen in (first, last) if seen)


def _is_changed_meanwhile(case: Case, incident_id: str) -> bool:
    return incident_id in case.world.touched or incident_id in case.world.late


RELAXATIONS = {
    "same act of another user": Relaxation(
        lambda case, incident_id: incident_id in case.world.touched,
        "Another user does the same to an incident after the module has read it. The answer to the write shows it as "
        "asked, whoever did it: it is reported as changed by this task.",
    ),
    "not read": Relaxation(
        lambda case, _id: case.is_unread,
        "Reading is refused. How the incident was before is unknown, and what the answer to the write leaves out can "
        "be neither told from an unknown ID nor looked up: changed is true, with a warning.",
    ),
    "looks as before": Relaxation(
        lambda case, incident_id: incident_id in case.world.touched,
        "The answer to a write is lost, and before the next read another user makes the incident look as it did. That "
        "cannot be told from a write without effect. If the write is tried again, it undoes what that user did.",
    ),
    "acted in between": Relaxation(
        lambda case, incident_id: incident_id in case.world.touched,
        "Another user acts between the last read of an incident and the write. The API has no conditional write.",
    ),
    "untrue answer": Relaxation(
        _last_answer_was_untrue,
        "The service says, with status 200, something untrue about the incident, and again when asked: a read that "
        "lags behind a write for longer than the module looks again is such an answer.",
    ),
    "untrue read": Relaxation(
        lambda case, case_id: any(
            case_id in case.world.untrue.get(id(entry), ()) for entry in case.journal if entry.operation == CASE_EVENTS
        ),
        "The answer to a comment is lost, and the events do not show it for as long as the module looks for it: it is "
        "posted again.",
    ),
    "too late": Relaxation(
        lambda case, incident_id: incident_id in case.world.late,
        "The service carries a write out after the module has stopped waiting for it, and has read again.",
    ),
    "afterwards": Relaxation(
        _is_changed_meanwhile,
        "Another user acts after the last answer about the incident. The result shows what that answer showed.",
    ),
    "between pages": Relaxation(
        lambda case, _id: any(_is_changed_meanwhile(case, incident_id) for incident_id in case.world.states),
        "Another user changes incidents while a list is read. What comes or goes then may be in the list or not, and "
        "may move others from one page to the next.",
    ),
    "untrue page": Relaxation(
        lambda case, _id: (
            any(fault.operation == case.kind.list for fault in case.scenario.faults) and bool(_harmful(case))
        ),
        "A page of a list says, with status 200, something untrue.",
    ),
}


def _is_excused(case: Case, incident_id: str, *names: str) -> bool:
    for name in names:
        if RELAXATIONS[name].counts(case, incident_id):
            case.excuses[name] += 1
            return True
    return False


# Which invariants apply.
Test = Callable[[Case], bool]
INVARIANTS: list[tuple[Callable[[Case], Breaches], Test]] = []


def applies_if(test: Test) -> Callable[[Callable[[Case], Breaches]], Callable[[Case], Breaches]]:
    def add(find_breaches: Callable[[Case], Breaches]) -> Callable[[Case], Breaches]:
        INVARIANTS.append((find_breaches, test))
        return find_breaches

    return add


def always(_case: Case) -> bool:
    return True


def changes(case: Case) -> bool:
    return case.scenario.task.operation is not None


def has_result(case: Case) -> bool:
    return case.run.result is not None


def has_whole_result(case: Case) -> bool:
    """A result about an option has nothing else in it. What an interrupted task knew of the answers is unknown."""
    return has_result(case) and not case.scenario.refused and not case.is_interrupted


def has_changes(case: Case) -> bool:
    return changes(case) and has_whole_result(case)


def has_ids(case: Case) -> bool:
    return not case.scenario.task.by_filters and has_whole_result(case)


def has_list(case: Case) -> bool:
    return case.scenario.task.by_filters and has_whole_result(case)


@applies_if(always)
def no_traceback(case: Case) -> Breaches:
    is_stopped = case.world.stopped_at > 0
    if case.run.crash or ("Traceback (most recent" in case.run.output and not is_stopped):
        yield f"a traceback: {(case.run.crash or case.run.output)[-1500:]}"
    elif case.run.result is None and not (is_stopped and (case.run.returncode == -signal.SIGKILL or not case.writes)):
        yield f"no result: {case.run.output[-1500:]!r}"


class Text(NamedTuple):
    """A text in a result, or the key of a map, and how deep it is nested."""

    text: str
    depth: int
    is_key: bool = False


def _texts(value: Any, depth: int = 1) -> Iterator[Text]:
    if isinstance(value, str):
        yield Text(value, depth)
    if isinstance(value, dict):
        yield from (Text(key, depth, True) for key in value)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner, depth + 1)


def _own_texts(case: Case) -> list[Text]:
    """Those in the result, but for what Ansible writes in a form of its own."""
    by_ansible = ("warnings", "deprecations", "exception", "invocation")
    return list(_texts({name: value for name, value in case.result.items() if name not in by_ansible}))


@applies_if(always)
def the_key_is_nowhere(case: Case) -> Breaches:
    texts = [text for text, _depth, _is_key in _texts(case.run.result)]
    found = [form for form in key_forms(case.scenario.key) if form in "\n".join([case.run.output, *texts])]
    if found:
        yield f"the API key is in the output, as {found}"


@applies_if(has_result)
def ansible_has_nothing_to_mask(case: Case) -> Breaches:
    if any("VALUE_SPECIFIED_IN_NO_LOG" in text.text for text in _own_texts(case)):
        yield "the API key was in the result, and Ansible had to mask it"


@applies_if(always)
def the_key_goes_nowhere_else(case: Case) -> Breaches:
    if case.redirected:
        yield f"{case.redirected} requests followed a redirect to another host"
    key = case.scenario.key
    expected = key if key.startswith("Bearer ") or case.scenario.auth_scheme == "raw" else f"Bearer {key}"
    for entry in case.journal:
        if entry.headers.get("authorization") != expected:
            yield "a request without the Authorization header that it should have"


@applies_if(always)
def nothing_is_written_that_should_not_be(case: Case) -> Breaches:
    """In check mode, and by a task that only reads."""
    if (case.scenario.check_mode or case.scenario.task.operation is None) and (case.writes or case.changed_by_us):
        yield f"{len(case.writes)} writes"


@applies_if(always)
def urls_are_short(case: Case) -> Breaches:
    for entry in case.journal:
        if len(case.world.url + entry.target) >= bound.MAX_URL:
            yield f"a URL of {len(case.world.url + entry.target)} characters"


@applies_if(always)
def tries_are_bounded(case: Case) -> Breaches:
    routes = 2 if case.scenario.api_version == "latest" else 1
    tries = case.scenario.retries + 1
    # A read comes first, before each further try of a write, and to look for its effect. That a page leads back shows
    # when it comes again.
    # What must not be done twice is looked for several times before each further try. A case may have two names.
    looks = 1 + 1 + LAG_READS + (tries * LAG_READS if case.needs_events else 0)
    most = {"GET": routes * tries * looks, LIST: tries * (2 if case.world.hits[LEADS_BACK] else 1)}
    sent = Counter(
        (LIST if entry.operation == case.kind.list else entry.method, entry.operation, what)
        for entry in case.journal
        for what in ([json.dumps([entry.target, entry.body])] if entry.operation == case.kind.list else entry.ids)
    )
    for (method, _operation, what), count in sent.items():
        if count > most.get(method, routes * tries):
            yield f"{count} times {method} of {what[:200]}"


@applies_if(lambda case: changes(case) and case.operation.needs_events)
def a_comment_is_posted_once(case: Case) -> Breaches:
    posts = Counter(i for entry in case.journal for i in entry.effect if entry.operation == CASE_COMMENT)
    for case_id, count in posts.items():
        if count > 1 and not _is_excused(case, case_id, "too late", "untrue read"):
            yield f"{count} comments on {case_id}"
    accepted = Counter(i for write in case.writes if write.outcome == ACCEPTED for i in case.ids_of(write.entry))
    yield from (f"a further comment on {i} after one was accepted" for i, count in accepted.items() if count > 1)


@applies_if(has_result)
def ids_are_named_as_given(case: Case) -> Breaches:
    known = {*case.scenario.spelled.values()}
    for name, value in (case.run.result or {}).items():
        if name.endswith("_ids") and not {*(value or ())} <= known:
            yield f"{name} are {value}, of which some were not given so"


@applies_if(lambda case: has_whole_result(case) and case.kind is CASES)
def events_are_there_and_true(case: Case) -> Breaches:
    """As an answer showed them. A case that is removed after the write has none."""
    unknown = {case_id for content in case.contents if content for case_id in content.unknown}
    for item in case.items:
        is_expected = case.scenario.include_events and item["id"] not in unknown
        if ("events" in item) != is_expected and not case.failed:
            yield f"events are {'there' if 'events' in item else 'missing'}"
        if "events" in item and not case.scenario.check_mode and not case.needs_events:
            key = case.scenario.stored_id(item["id"])
            shown = [content.incidents.get(key, {}).get("events") for content in case.contents if content]
            if item["events"] not in shown:
                yield f"events of {item['id']} that no answer showed"


@applies_if(always)
def few_requests_at_a_time(case: Case) -> Breaches:
    # While one that was given up is still being answered, further ones may come.
    is_silent = any(KINDS[kind].is_silent for kind in case.world.hits)
    if case.world.simulator.peak > case.kind.max_concurrent and not is_silent:
        yield f"{case.world.simulator.peak} requests at one time"


def _bounds(case: Case) -> bound.Seconds:
    """The bounds of the time that passed, and of the waits that were only accounted."""
    scenario = case.scenario
    routes = 2 if scenario.api_version == "latest" else 1
    seconds = [re.search(r"Retry-After (\d+)", fault.kind) for fault in scenario.faults]
    retry_after = max((float(found.group(1)) for found in seconds if found), default=3.0)
    options = (routes, scenario.timeout, scenario.retries, retry_after)
    bare = len(f"{case.world.url}/mgmt/openapi/latest/incidents/incidents/v1/all/by-user?")
    count = len(case.asked) if case.kind is CASES else bound.count_requests(case.asked, bare)
    # Their events take as many requests again.
    count *= 2 if case.kind.events else 1
    if scenario.task.by_filters:
        pages = 2 + len(case.world.states) // scenario.page_size
        most = bound.by_filters(pages + (len(case.world.states) if case.kind.events else 0), *options)
    else:
        most = bound.by_ids(count, *options)
    if scenario.deadline is not None:
        # One try after it is for the read that verifies.
        most = bound.Seconds(scenario.deadline + bound.rounds(count) * 2 * scenario.timeout, 0)
    is_accounted = scenario.mode in (IN_MEMORY, OVER_HTTP)
    return bound.Seconds(most.requests + ALLOWANCE + (0 if is_accounted else most.waits), most.waits)


def share_of_bound(case: Case) -> float:
    most = _bounds(case)
    return (case.run.elapsed + case.run.waited) / sum(most)


@applies_if(always)
def ends_in_time(case: Case) -> Breaches:
    most = _bounds(case)
    if case.world.is_cut_off:
        yield f"it had not ended after {case.run.elapsed:.0f} s, and was cut off"
    if case.run.elapsed > most.requests or case.run.waited > most.waits:
        yield f"{case.run.elapsed:.1f} s and waits of {case.run.waited:.1f} s, of at most {most}"
    # Before the first request, Python may just be starting.
    if case.world.stopped_at > case.world.first > 0 and case.run.ended_at > case.world.stopped_at + STOP_GRACE:
        yield f"it ended {case.run.ended_at - case.world.stopped_at:.1f} s after the signal"


@applies_if(always)
def nothing_begins_after_the_deadline(case: Case) -> Breaches:
    if case.scenario.deadline is None or not case.journal:
        return
    end = case.journal[0].time + case.scenario.deadline + GRACE
    late = [entry for entry in case.journal if entry.time > end]
    if any(entry.method != "GET" or not case.writes for entry in late):
        yield f"{len(late)} requests after the deadline"
    again = [target for target, count in Counter(entry.target for entry in late).items() if count > 1]
    if again:
        yield f"more than one try after the deadline: {again[:3]}"


@applies_if(changes)
def writes_rest_on_reads(case: Case) -> Breaches:
    """Only what the last read showed in need is written. Before a further try it is read again."""
    is_blind = case.is_unread and not case.scenario.task.needs_reading
    for write in [] if is_blind else case.writes:
        for incident_id in case.ids_of(write.entry):
            if incident_id not in case.asked:
                yield f"a write of {incident_id[:80]}, which was not asked for"
                continue
            seen = case.last_seen(incident_id, write.place)
            earlier = [other for other in case.writes_of(incident_id) if other.place < write.place]
            if seen is None or seen.incident is None or not case.operation.needs_change(seen.incident):
                yield f"a write of {incident_id[:80]}, which no read showed in need of it"
            elif earlier and seen.place < earlier[-1].place:
                yield f"a further write of {incident_id[:80]}, which was not read again"
            elif any(other.outcome == UNCERTAIN for other in earlier):
                before = case.before(incident_id)
                is_done = case.operation.is_done is not None and case.operation.took_effect(before, seen.incident)
                if before is None or is_done or not case.operation.is_same(before, seen.incident):
                    yield f"a further write of {incident_id[:80]}, whose state had changed after an uncertain one"


@applies_if(changes)
def nothing_is_dragged_back(case: Case) -> Breaches:
    """Whatever was read: what should be skipped, and nobody else touched, is as it was."""
    for incident_id in case.changed_by_us:
        start = case.world.start[incident_id]
        names = ("acted in between", "too late", "untrue answer", "not read")
        if not case.operation.needs_change(start) and not _is_excused(case, incident_id, *names):
            yield f"{incident_id[:80]} was changed, though it was to be skipped: {start}"


@applies_if(changes)
def writes_say_what_is_asked(case: Case) -> Breaches:
    for write in case.writes:
        if write.entry.operation not in (case.operation.name, None):
            yield f"{write.entry.operation} in place of {case.operation.name}"


@applies_if(changes)
def no_write_if_an_id_is_unknown(case: Case) -> Breaches:
    if case.unknown_ids and case.scenario.missing == "fail" and case.writes and not case.is_unread:
        yield f"a write, though {case.unknown_ids[:3]} are unknown"


@applies_if(has_result)
def result_is_carriable(case: Case) -> Breaches:
    texts = _own_texts(case)
    reserved = [text.text for text in texts if text.is_key and text.text.startswith("__ansible_")]
    deepest = max(text.depth for text in texts)
    if reserved or deepest > MAX_DEPTH:
        yield f"Ansible cannot carry the result: {reserved[:3]}, {deepest} levels"
    try:
        json.dumps(case.result, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        yield f"the result has no UTF-8 form: {error}"


@applies_if(has_result)
def messages_are_bounded(case: Case) -> Breaches:
    texts = [case.result.get("msg", ""), *map(str, case.result.get("warnings", ()))]
    longest_id = min(MAX_ID, max(map(len, case.asked), default=0))
    most = MAX_TEXT + LISTS_IN_TEXT * IDS_IN_LIST * (longest_id + len("'', "))
    yield from (f"a message of {len(text)} characters" for text in texts if len(text) > most)
    words = (case.result.get("failure") or {}).get("message") or ""
    if len(words) > MAX_MESSAGE:
        yield f"failure.message has {len(words)} characters"


def must_refuse(scenario: Scenario) -> bool:
    """Whether the version cannot be asked for what the filters say."""
    if scenario.task.kind is CASES:
        return scenario.api_version in ("3", "4") and not matches_nothing(scenario.query)
    return scenario.serves == "3" and needs_body(scenario.query) and not matches_nothing(scenario.query)


@applies_if(has_result)
def refused_options_are_named(case: Case) -> Breaches:
    if case.scenario.refused:
        name = case.scenario.refused[0]
        if not case.failed or name not in str(case.result.get("msg")) or case.result.get("changed"):
            yield f"{case.scenario.refused} was not refused: {case.result}"
        if case.journal:
            yield f"{len(case.journal)} requests, though {name} was to be refused"


@applies_if(has_result)
def failure_is_described(case: Case) -> Breaches:
    result, failure = case.result, case.result.get("failure")
    if not case.failed:
        if "failure" in result or "msg" in result:
            yield "failure or msg, although the task ended well"
        return
    is_about_options = bool(case.scenario.refused) or must_refuse(case.scenario)
    stopped_early = case.world.stopped_at > 0 and str(result.get("msg")).startswith("Stopped by")
    if not result.get("msg") or (failure is None and not (is_about_options or stopped_early)):
        yield f"a failure without msg or its parts: {result}"
    elif failure is not None:
        types = {name: type(value) for name, value in failure.items() if value is not None}
        if case.scenario.refused or failure.keys() != FAILURE.keys() or not types.items() <= FAILURE.items():
            yield f"failure is {failure}"
        elif failure["method"] is not None and not case.world.stopped_at:
            yield from _failed_request(case, failure)


def _failed_request(case: Case, failure: dict[str, Any]) -> Breaches:
    request = (failure["method"], failure["url"])
    blamed = [entry for entry in case.journal if (entry.method, case.world.url + entry.target) == request]
    if not blamed:
        yield f"failure names a request that was not sent: {failure['method']} {failure['url'][:80]}"
    elif failure["status"] not in {None, *INTERIM_STATUSES, *(entry.status for entry in blamed)}:
        yield f"failure.status is {failure['status']}, which was not answered"
    elif failure["correlation_id"] not in {entry.headers.get("x-cx-correlation-id") for entry in blamed}:
        yield "failure.correlation_id is not the one that was sent"


def _causes(case: Case) -> set[str]:
    """What a failure may be due to."""
    scenario, world, task = case.scenario, case.world, case.scenario.task
    kind, service = task.kind, scenario.simulator
    can_read = kind.read_permission in scenario.permissions and not world.is_unreadable
    if kind is CASES:
        can_read = can_read and scenario.serves == "5"
        can_read = can_read and (scenario.api_version == "5" or service.get("latest_serves_cases", True))
    # What a lagging read shows as undone is written again, and some services refuse that.
    lag = max(service.get(name, 0) for name in ("stale_reads", "stale_events"))
    is_personal = scenario.key_kind == "personal" or task.operation is None or not kind.needs_personal_key
    causes = {
        "the key": not (scenario.key_is_known and is_personal and scenario.permissions == task.permissions),
        "an unknown ID": any(incident_id not in scenario.incidents for incident_id in case.asked)
        and (scenario.missing == "fail" or not can_read),
        "no route to read by": not can_read and (scenario.check_mode or task.needs_reading),
        "an ID that the version does not take": scenario.valid != case.asked,
        "an option": bool(scenario.refused) or must_refuse(scenario),
        # In a list, others may fill a page with those of the page before it, which looks as if it led back.
        "another user": any(_is_changed_meanwhile(case, i) for i in (world.states if task.by_filters else case.asked)),
        "short URLs": "max_url" in scenario.simulator,
        "a lag": lag >= LAG_READS or (lag > 0 and service.get("repeated") == "400"),
        # Of cases, an error says that one is unknown.
        "a fault in what says that an ID is unknown": kind is CASES
        and any(entry.fault and not {*case.ids_of(entry)} <= {*scenario.incidents} for entry in case.journal),
        "what the service refuses": kind is CASES and any(is_refused(case, i) for i in case.asked),
        "the deadline": scenario.deadline is not None,
        "a signal": world.stopped_at > 0,
        "a fault": bool(_harmful(case)),
    }
    return {name for name, counts in causes.items() if counts}


def is_refused(case: Case, case_id: str) -> bool:
    """Whether the service may refuse to do this to a case that has ended, or not yet been resolved."""
    operation, start = case.scenario.task.operation, case.world.start.get(case_id)
    if operation is None or start is None:
        return False
    may = {name: case.scenario.simulator.get(name, True) for name in _SWITCHES}
    is_closed, module = start["status"] == "CASE_STATUS_CLOSED", operation.module
    return (
        (module in ("case_assign", "case_unassign") and is_closed and not may["closed_cases_assignable"])
        or (module in ("case_comment", "case_update") and is_closed and not may["closed_cases_editable"])
        or (module == "case_close" and not may["active_cases_closable"])
        or (module == "case_update" and "resolutionDetails" not in start)
    )


_SWITCHES = ("closed_cases_assignable", "closed_cases_editable", "active_cases_closable")


def _harmful(case: Case) -> dict[str, int]:
    """The faults that occurred and may be the reason of a failure. Without reading, nothing shows a stale answer."""
    stale = (STALE,) if case.is_unread or case.scenario.simulator.get("stale_reads", 0) >= LAG_READS else ()
    return {kind: count for kind, count in case.world.hits.items() if not KINDS[kind].is_harmless or kind in stale}


@applies_if(has_result)
def no_failure_without_a_cause(case: Case) -> Breaches:
    if case.failed and not _causes(case):
        yield f"a failure without a cause: {case.result.get('msg')}"


@applies_if(has_result)
def retries_help(case: Case) -> Breaches:
    """Faults that pass, no more of them in all than one request has further tries."""
    faults = _harmful(case)
    is_passing = all(KINDS[kind].retryable for kind in faults) and sum(faults.values()) <= case.scenario.retries
    if case.failed and is_passing and _causes(case) == {"a fault"}:
        yield f"a failure, although {faults} pass with {case.scenario.retries} retries: {case.result.get('msg')}"


@applies_if(has_whole_result)
def result_is_exact(case: Case) -> Breaches:
    """All that is returned follows from what the service answered."""
    for name, value in case.expected.items():
        found = case.comparable(case.result.get(name))
        found = None if name == "diff" and not found else found
        if found != value:
            yield f"{name} is {str(found)[:900]} in place of {str(value)[:900]}"


@applies_if(has_changes)
def no_change_is_hidden(case: Case) -> Breaches:
    for incident_id in case.changed_by_us if not case.result["changed"] else ():
        if not _is_excused(case, incident_id, "looks as before", "untrue answer", "too late"):
            yield f"changed is false, but {incident_id[:80]} was {case.operation.participle} by this task"


@applies_if(has_changes)
def changed_ids_are_true(case: Case) -> Breaches:
    for incident_id in [] if case.scenario.check_mode else case.result[case.operation.ids_name]:
        names = ("not read", "same act of another user", "untrue answer")
        if incident_id not in case.changed_by_us and not _is_excused(case, incident_id, *names):
            yield f"{incident_id[:80]} is among {case.operation.ids_name}, but nobody did it"


@applies_if(has_changes)
def what_is_not_as_asked_is_told(case: Case) -> Breaches:
    """A write without the effect asked for fails the task. Where the incident is to be skipped, the task warns."""
    effects = set().union(*(each for each in case.all_effects.values() if len(each) == 1))
    if effects & {NOT_VISIBLE, DIFFERENT} and not case.failed:
        yield f"no failure, though: {case.all_effects}"
    has_warned = "perhaps" in case.run.output or case.is_unread
    if effects & {OVERTAKEN, UNKNOWN} and not case.failed and not has_warned:
        yield f"no warning, though: {case.all_effects}"
    if case.is_unread and case.result["changed"] and case.kind.read_permission not in case.run.output:
        yield "no word about incidents:read, though reading was refused"
    claims_nothing = "Nothing was changed" in str(case.result.get("msg"))
    if case.failed and case.is_certain and claims_nothing and effects - {UNTOUCHED}:
        yield f"the message says that nothing was changed, though: {case.all_effects}"


@applies_if(has_changes)
def success_leaves_nothing_to_do(case: Case) -> Breaches:
    if case.failed:
        return
    if any(case.operation.leaves_work(item) for item in case.items if not case.operation.needs_events):
        yield "an incident is returned that is still in need, and the task did not fail"
    for incident_id in [] if case.scenario.check_mode else case.asked:
        names = ("afterwards", "not read", "untrue answer")
        if case.world.needs_change(incident_id) and not _is_excused(case, incident_id, *names):
            yield f"{incident_id[:80]} is still not {case.operation.participle}, and the task did not fail"


@applies_if(lambda case: has_result(case) and case.is_interrupted and not case.scenario.refused)
def an_interrupted_task_keeps_its_account(case: Case) -> Breaches:
    if changes(case) and case.expected.get("changed") and not case.result.get("changed"):
        yield f"changed is false, though {case.all_effects}"
    if case.result.get("changed") and not case.writes and not case.scenario.check_mode:
        yield "changed is true, though nothing was written"
    for name in [case.operation.ids_name] if case.scenario.task.operation else []:
        if not {*case.result.get(name, ())} <= {*(case.asked if case.is_unread else case.pending_ids)}:
            yield f"{name} are {case.result[name]}, of which some were not in need"


@applies_if(has_ids)
def not_found_ids_are_true(case: Case) -> Breaches:
    for incident_id in case.result["not_found_ids"]:
        was_gone = incident_id not in case.scenario.incidents or incident_id in case.world.removed
        if not was_gone and not _is_excused(case, incident_id, "not read", "untrue answer"):
            yield f"{incident_id[:80]} is among not_found_ids, but has always been there"


@applies_if(has_ids)
def incidents_are_as_they_are(case: Case) -> Breaches:
    for incident in case.items:
        now = case.world.now(incident["id"])
        # An answer that is not true may give the item another ID.
        asked = [i for i in case.asked if i == case.scenario.stored_id(incident["id"])] or case.asked
        is_right = now is not None and case.comparable([incident]) == [case.returned(now)]
        if not is_right and not any(_is_excused(case, item_id, "afterwards", "untrue answer") for item_id in asked):
            yield f"the incident {incident['id'][:80]} is not as it is"


@applies_if(has_list)
def what_cannot_be_asked_is_refused(case: Case) -> Breaches:
    if must_refuse(case.scenario) and (not case.failed or bool(case.pages)):
        yield "a query of which version 3 understands a part only"


@applies_if(has_list)
def found_was_true(case: Case) -> Breaches:
    """At some time during the run."""
    for incident in case.items:
        states = [s for s in case.world.states.get(incident["id"], ()) if matches(case.scenario.query, s)]
        is_true = case.comparable([incident])[0] in map(case.returned, states)
        if not is_true and not _is_excused(case, "", "untrue page"):
            yield f"the incident {incident['id'][:80]} was never so, or does not match the filters"


@applies_if(has_list)
def found_is_all(case: Case) -> Breaches:
    query, found = case.scenario.query, case.items
    matching = case.world.matching()
    is_all = len(found) == min(len(matching), query.get("limit", len(matching)))
    total_is_right = not is_counted(case.kind, query) or case.result.get("total", len(matching)) == len(matching)
    if not case.failed and case.scenario.simulator.get("pbac_truncated", False) and case.pages:
        has_said = case.result["truncated"] and "Access polic" in str(case.result.get("warnings"))
        if not has_said and not _is_excused(case, "", "untrue page"):
            yield "it does not say that access policies hide cases"
    is_wrong = not case.failed and not (is_all and total_is_right)
    if is_wrong and not _is_excused(case, "", "between pages", "untrue page"):
        yield f"{len(found)} incidents and a total of {case.result.get('total')}, of {len(matching)}"


@applies_if(has_list)
def found_is_in_order(case: Case) -> Breaches:
    orders = case.scenario.query.get("order_by", ())
    for order in [orders] if isinstance(orders, dict) else orders:
        # A page that is not true may lack the field.
        values = [str(incident.get(ORDERS[order["field"]])) for incident in case.items]
        is_sorted = values == sorted(values, reverse=order["direction"] == "desc")
        if not is_sorted and not _is_excused(case, "", "between pages", "untrue page"):
            yield f"not in order: {values[:10]}"


def _pagination(entry: Entry) -> dict[str, Any]:
    """What a request asks for of the pages, in its body or its query."""
    in_query = {name.rpartition(".")[2]: value for name, value in entry.query if name.startswith("pagination.")}
    in_body: dict[str, Any] = (entry.body or {}).get("pagination", {}) if isinstance(entry.body, dict) else {}
    return in_body or {re.sub("_(.)", lambda found: found[1].upper(), name): value for name, value in in_query.items()}


@applies_if(lambda case: case.scenario.task.by_filters)
def no_more_pages_than_needed(case: Case) -> Breaches:
    query, token, kept = case.scenario.query, "", set[str]()
    limit, size = query.get("limit", 10**9), case.scenario.page_size
    for entry, content in case.pages:
        asked = _pagination(entry)
        if len(kept) >= limit:
            yield f"a further page, though {len(kept)} of {limit} were there"
        if asked.get("pageToken", "") != token:
            yield f"the page {asked} in place of that behind {token}"
        if int(asked["pageSize"]) > (min(size, limit) if is_counted(case.kind, query) else size):
            yield f"a page of {asked['pageSize']}, for {limit} in pages of {size}"
        token = content.next_token
        kept |= {
            incident_id for incident_id, incident in content.incidents.items() if is_kept(case.kind, query, incident)
        }
    size = int(_pagination(case.pages[0][0])["pageSize"]) if case.pages else size
    most = max(1, -(-min(limit, len(case.world.states)) // size)) + bool(case.world.hits[LEADS_BACK])
    # Pages without end show more than the service counts. The module may look at so many before it gives up.
    most += (2 * len(case.world.states) + 1_000) // size + 1 if case.world.hits[ENDLESS] else 0
    if (
        is_counted(case.kind, query)
        and len(case.pages) > most
        and not _is_excused(case, "", "between pages", "untrue page")
    ):
        yield f"{len(case.pages)} pages for {limit} of {len(case.world.states)} incidents"


def check(case: Case, checked: Counter[str]) -> list[str]:
    """Check all invariants that apply. Returns the breaches, and counts what was checked."""
    breaches = []
    for find_breaches, applies in INVARIANTS:
        if applies(case):
            name = find_breaches.__name__.replace("_", " ")
            checked[name] += 1
            # Three are enough to see what is wrong, where incidents go by the hundred.
            breaches += [f"{name}: {breach}" for breach in itertools.islice(find_breaches(case), 3)]
    return breaches
