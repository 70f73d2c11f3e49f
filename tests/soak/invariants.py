# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be true after every run, and, in one table, what nobody can know.

An invariant yields a sentence for each breach. Where nobody can know the truth, it asks for an excuse by its name, and
says for which incident. EXCUSES says when an excuse applies, and why.
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
from .faults import ENDLESS, INTERIM_STATUSES, KINDS, LEADS_BACK, STALE, key_forms
from .kinds import CASES
from .scenario import IN_MEMORY, OVER_HTTP, Scenario
from .tasks import ORDERS, is_counted, is_kept, matches, matches_nothing, needs_body
from .trial import DIFFERENT, NOT_VISIBLE, OVERTAKEN, UNKNOWN, UNTOUCHED, Trial

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


class Excuse(NamedTuple):
    applies: Callable[[Trial, str], bool]
    reason: str


def _last_answer_was_untrue(trial: Trial, incident_id: str) -> bool:
    last, first = trial.last_seen(incident_id), trial.first_seen(incident_id)
    return not all(seen.is_true for seen in (first, last) if seen)


def _is_changed_meanwhile(trial: Trial, incident_id: str) -> bool:
    return incident_id in trial.world.touched or incident_id in trial.world.late


EXCUSES = {
    "same act of another user": Excuse(
        lambda trial, incident_id: incident_id in trial.world.touched,
        "Another user does the same to an incident after the module has read it. The answer to the write shows it as "
        "asked, whoever did it: it is reported as changed by this task.",
    ),
    "not read": Excuse(
        lambda trial, _id: trial.is_unread,
        "Reading is refused. How the incident was before is unknown, and what the answer to the write leaves out can "
        "be neither distinguished from an unknown ID nor looked up: changed is true, with a warning.",
    ),
    "looks as before": Excuse(
        lambda trial, incident_id: incident_id in trial.world.touched,
        "The answer to a write is lost, and before the next read another user makes the incident look as it did. That "
        "cannot be distinguished from a write without effect. A further try of the write undoes what that user did.",
    ),
    "acted in between": Excuse(
        lambda trial, incident_id: incident_id in trial.world.touched,
        "Another user acts between the last read of an incident and the write. The API has no conditional write.",
    ),
    "untrue answer": Excuse(
        _last_answer_was_untrue,
        "The service says, with status 200, something untrue about the incident, and again when asked: a read that "
        "lags behind a write for longer than the module looks again is such an answer.",
    ),
    "untrue read": Excuse(
        lambda trial, case_id: any(
            case_id in trial.world.untrue.get(id(entry), ())
            for entry in trial.journal
            if entry.operation == CASE_EVENTS
        ),
        "The answer to a comment is lost, and the events do not show it for as long as the module looks for it: it is "
        "posted again.",
    ),
    "too late": Excuse(
        lambda trial, incident_id: incident_id in trial.world.late,
        "The service carries a write out after the module has stopped waiting for it, and has read again.",
    ),
    "afterwards": Excuse(
        _is_changed_meanwhile,
        "Another user acts after the last answer about the incident. The result shows what that answer showed.",
    ),
    "between pages": Excuse(
        lambda trial, _id: any(_is_changed_meanwhile(trial, incident_id) for incident_id in trial.world.states),
        "Another user changes incidents while a list is read. What comes or goes then may be in the list or not, and "
        "may move others from one page to the next.",
    ),
    "untrue page": Excuse(
        lambda trial, _id: (
            any(fault.operation == trial.kind.list for fault in trial.scenario.faults) and bool(_harmful(trial))
        ),
        "A page of a list says, with status 200, something untrue.",
    ),
}


def _is_excused(trial: Trial, incident_id: str, *names: str) -> bool:
    for name in names:
        if EXCUSES[name].applies(trial, incident_id):
            trial.excuses[name] += 1
            return True
    return False


# Which invariants apply.
Test = Callable[[Trial], bool]
INVARIANTS: list[tuple[Callable[[Trial], Breaches], Test]] = []


def applies_if(test: Test) -> Callable[[Callable[[Trial], Breaches]], Callable[[Trial], Breaches]]:
    def add(find_breaches: Callable[[Trial], Breaches]) -> Callable[[Trial], Breaches]:
        INVARIANTS.append((find_breaches, test))
        return find_breaches

    return add


def always(_trial: Trial) -> bool:
    return True


def changes(trial: Trial) -> bool:
    return trial.scenario.task.operation is not None


def has_result(trial: Trial) -> bool:
    return trial.run.result is not None


def has_whole_result(trial: Trial) -> bool:
    """A result about an option has nothing else in it. What an interrupted task knew of the answers is unknown."""
    return has_result(trial) and not trial.scenario.refused and not trial.is_interrupted


def has_changes(trial: Trial) -> bool:
    return changes(trial) and has_whole_result(trial)


def has_ids(trial: Trial) -> bool:
    return not trial.scenario.task.by_filters and has_whole_result(trial)


def has_list(trial: Trial) -> bool:
    return trial.scenario.task.by_filters and has_whole_result(trial)


@applies_if(always)
def no_traceback(trial: Trial) -> Breaches:
    is_stopped = trial.world.stopped_at > 0
    if trial.run.crash or ("Traceback (most recent" in trial.run.output and not is_stopped):
        yield f"a traceback: {(trial.run.crash or trial.run.output)[-1500:]}"
    elif trial.run.result is None and not (
        is_stopped and (trial.run.returncode == -signal.SIGKILL or not trial.writes)
    ):
        yield f"no result: {trial.run.output[-1500:]!r}"


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


def _own_texts(trial: Trial) -> list[Text]:
    """Those in the result, but for what Ansible writes in a form of its own."""
    by_ansible = ("warnings", "deprecations", "exception", "invocation")
    return list(_texts({name: value for name, value in trial.result.items() if name not in by_ansible}))


@applies_if(always)
def the_key_is_nowhere(trial: Trial) -> Breaches:
    texts = [text for text, _depth, _is_key in _texts(trial.run.result)]
    found = [form for form in key_forms(trial.scenario.key) if form in "\n".join([trial.run.output, *texts])]
    if found:
        yield f"the API key is in the output, as {found}"


@applies_if(has_result)
def ansible_has_nothing_to_mask(trial: Trial) -> Breaches:
    if any("VALUE_SPECIFIED_IN_NO_LOG" in text.text for text in _own_texts(trial)):
        yield "the API key was in the result, and Ansible had to mask it"


@applies_if(always)
def the_key_goes_nowhere_else(trial: Trial) -> Breaches:
    if trial.redirected:
        yield f"{trial.redirected} requests followed a redirect to another host"
    key = trial.scenario.key
    expected = key if key.startswith("Bearer ") or trial.scenario.auth_scheme == "raw" else f"Bearer {key}"
    for entry in trial.journal:
        if entry.headers.get("authorization") != expected:
            yield "a request without the Authorization header that it should have"


@applies_if(always)
def nothing_is_written_that_should_not_be(trial: Trial) -> Breaches:
    """In check mode, and by a task that only reads."""
    if (trial.scenario.check_mode or trial.scenario.task.operation is None) and (trial.writes or trial.changed_by_us):
        yield f"{len(trial.writes)} writes"


@applies_if(always)
def urls_are_short(trial: Trial) -> Breaches:
    for entry in trial.journal:
        if len(trial.world.url + entry.target) >= bound.MAX_URL:
            yield f"a URL of {len(trial.world.url + entry.target)} characters"


@applies_if(always)
def tries_are_bounded(trial: Trial) -> Breaches:
    routes = 2 if trial.scenario.api_version == "latest" else 1
    tries = trial.scenario.retries + 1
    # A read comes first, before each further try of a write, and to look for its effect. That a page leads back shows
    # when it comes again.
    # What must not be done twice is looked for several times before each further try. A case may have two names.
    looks = 1 + 1 + LAG_READS + (tries * LAG_READS if trial.needs_events else 0)
    most = {"GET": routes * tries * looks, LIST: tries * (2 if trial.world.hits[LEADS_BACK] else 1)}
    sent = Counter(
        (LIST if entry.operation == trial.kind.list else entry.method, entry.operation, what)
        for entry in trial.journal
        for what in ([json.dumps([entry.target, entry.body])] if entry.operation == trial.kind.list else entry.ids)
    )
    for (method, _operation, what), count in sent.items():
        if count > most.get(method, routes * tries):
            yield f"{count} times {method} of {what[:200]}"


@applies_if(lambda trial: changes(trial) and trial.operation.needs_events)
def a_comment_is_posted_once(trial: Trial) -> Breaches:
    posts = Counter(i for entry in trial.journal for i in entry.effect if entry.operation == CASE_COMMENT)
    for case_id, count in posts.items():
        if count > 1 and not _is_excused(trial, case_id, "too late", "untrue read"):
            yield f"{count} comments on {case_id}"
    accepted = Counter(i for write in trial.writes if write.outcome == ACCEPTED for i in trial.ids_of(write.entry))
    yield from (f"a further comment on {i} after one was accepted" for i, count in accepted.items() if count > 1)


@applies_if(has_result)
def ids_are_named_as_given(trial: Trial) -> Breaches:
    known = {*trial.scenario.spelled.values()}
    for name, value in (trial.run.result or {}).items():
        if name.endswith("_ids") and not {*(value or ())} <= known:
            yield f"{name} are {value}, of which some were not given so"


@applies_if(lambda trial: has_whole_result(trial) and trial.kind is CASES)
def events_are_returned_and_true(trial: Trial) -> Breaches:
    """As an answer showed them. A case that is removed after the write has none."""
    unknown = {case_id for content in trial.contents if content for case_id in content.unknown}
    for item in trial.items:
        is_expected = trial.scenario.include_events and item["id"] not in unknown
        if ("events" in item) != is_expected and not trial.failed:
            yield f"events are {'there' if 'events' in item else 'missing'}"
        if "events" in item and not trial.scenario.check_mode and not trial.needs_events:
            key = trial.scenario.stored_id(item["id"])
            shown = [content.incidents.get(key, {}).get("events") for content in trial.contents if content]
            if item["events"] not in shown:
                yield f"events of {item['id']} that no answer showed"


@applies_if(always)
def few_requests_at_a_time(trial: Trial) -> Breaches:
    # While one that was given up is still being answered, further ones may come.
    is_silent = any(KINDS[kind].is_silent for kind in trial.world.hits)
    if trial.world.simulator.peak > trial.kind.max_concurrent and not is_silent:
        yield f"{trial.world.simulator.peak} requests at one time"


def _bounds(trial: Trial) -> bound.Seconds:
    """The bounds of the time that passed, and of the waits that were only counted."""
    scenario = trial.scenario
    routes = 2 if scenario.api_version == "latest" else 1
    seconds = [re.search(r"Retry-After (\d+)", fault.kind) for fault in scenario.faults]
    retry_after = max((float(found.group(1)) for found in seconds if found), default=3.0)
    options = (routes, scenario.timeout, scenario.retries, retry_after)
    bare = len(f"{trial.world.url}/mgmt/openapi/latest/incidents/incidents/v1/all/by-user?")
    count = len(trial.asked) if trial.kind is CASES else bound.count_requests(trial.asked, bare)
    # Their events take as many requests again.
    count *= 2 if trial.kind.events else 1
    if scenario.task.by_filters:
        pages = 2 + len(trial.world.states) // scenario.page_size
        most = bound.by_filters(pages + (len(trial.world.states) if trial.kind.events else 0), *options)
    else:
        most = bound.by_ids(count, *options)
    if scenario.deadline is not None:
        # One try after it is for the read that verifies.
        most = bound.Seconds(scenario.deadline + bound.rounds(count) * 2 * scenario.timeout, 0)
    is_counted_only = scenario.mode in (IN_MEMORY, OVER_HTTP)
    return bound.Seconds(most.requests + ALLOWANCE + (0 if is_counted_only else most.waits), most.waits)


def share_of_bound(trial: Trial) -> float:
    most = _bounds(trial)
    return (trial.run.elapsed + trial.run.waited) / sum(most)


@applies_if(always)
def ends_in_time(trial: Trial) -> Breaches:
    most = _bounds(trial)
    if trial.world.is_cut_off:
        yield f"it had not ended after {trial.run.elapsed:.0f} s, and was cut off"
    if trial.run.elapsed > most.requests or trial.run.waited > most.waits:
        yield f"{trial.run.elapsed:.1f} s and waits of {trial.run.waited:.1f} s, of at most {most}"
    # Before the first request, Python may just be starting.
    if trial.world.stopped_at > trial.world.first > 0 and trial.run.ended_at > trial.world.stopped_at + STOP_GRACE:
        yield f"it ended {trial.run.ended_at - trial.world.stopped_at:.1f} s after the signal"


@applies_if(always)
def nothing_begins_after_the_deadline(trial: Trial) -> Breaches:
    if trial.scenario.deadline is None or not trial.journal:
        return
    end = trial.journal[0].time + trial.scenario.deadline + GRACE
    late = [entry for entry in trial.journal if entry.time > end]
    if any(entry.method != "GET" or not trial.writes for entry in late):
        yield f"{len(late)} requests after the deadline"
    again = [target for target, count in Counter(entry.target for entry in late).items() if count > 1]
    if again:
        yield f"more than one try after the deadline: {again[:3]}"


@applies_if(changes)
def only_what_a_read_showed_in_need_is_written(trial: Trial) -> Breaches:
    """Only what the last read showed in need is written. Before a further try it is read again."""
    is_blind = trial.is_unread and not trial.scenario.task.needs_reading
    for write in [] if is_blind else trial.writes:
        for incident_id in trial.ids_of(write.entry):
            if incident_id not in trial.asked:
                yield f"a write of {incident_id[:80]}, which was not asked for"
                continue
            seen = trial.last_seen(incident_id, write.place)
            earlier = [other for other in trial.writes_of(incident_id) if other.place < write.place]
            if seen is None or seen.incident is None or not trial.operation.needs_change(seen.incident):
                yield f"a write of {incident_id[:80]}, which no read showed in need of it"
            elif earlier and seen.place < earlier[-1].place:
                yield f"a further write of {incident_id[:80]}, which was not read again"
            elif any(other.outcome == UNCERTAIN for other in earlier):
                before = trial.before(incident_id)
                is_done = trial.operation.is_done is not None and trial.operation.took_effect(before, seen.incident)
                if before is None or is_done or not trial.operation.is_same(before, seen.incident):
                    yield f"a further write of {incident_id[:80]}, whose state had changed after an uncertain one"


@applies_if(changes)
def what_should_be_skipped_is_untouched(trial: Trial) -> Breaches:
    """Whatever was read: an incident that should be skipped is as it was, unless somebody else changed it."""
    for incident_id in trial.changed_by_us:
        start = trial.world.start[incident_id]
        names = ("acted in between", "too late", "untrue answer", "not read")
        if not trial.operation.needs_change(start) and not _is_excused(trial, incident_id, *names):
            yield f"{incident_id[:80]} was changed, though it was to be skipped: {start}"


@applies_if(changes)
def writes_use_the_operation_of_the_task(trial: Trial) -> Breaches:
    for write in trial.writes:
        if write.entry.operation not in (trial.operation.name, None):
            yield f"{write.entry.operation} in place of {trial.operation.name}"


@applies_if(changes)
def no_write_if_an_id_is_unknown(trial: Trial) -> Breaches:
    if trial.unknown_ids and trial.scenario.missing == "fail" and trial.writes and not trial.is_unread:
        yield f"a write, though {trial.unknown_ids[:3]} are unknown"


@applies_if(has_result)
def ansible_can_carry_the_result(trial: Trial) -> Breaches:
    texts = _own_texts(trial)
    reserved = [text.text for text in texts if text.is_key and text.text.startswith("__ansible_")]
    deepest = max(text.depth for text in texts)
    if reserved or deepest > MAX_DEPTH:
        yield f"Ansible cannot carry the result: {reserved[:3]}, {deepest} levels"
    try:
        json.dumps(trial.result, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        yield f"the result has no UTF-8 form: {error}"


@applies_if(has_result)
def messages_are_bounded(trial: Trial) -> Breaches:
    texts = [trial.result.get("msg", ""), *map(str, trial.result.get("warnings", ()))]
    longest_id = min(MAX_ID, max(map(len, trial.asked), default=0))
    most = MAX_TEXT + LISTS_IN_TEXT * IDS_IN_LIST * (longest_id + len("'', "))
    yield from (f"a message of {len(text)} characters" for text in texts if len(text) > most)
    words = (trial.result.get("failure") or {}).get("message") or ""
    if len(words) > MAX_MESSAGE:
        yield f"failure.message has {len(words)} characters"


def must_refuse(scenario: Scenario) -> bool:
    """Whether the version cannot be asked for what the filters say."""
    if scenario.task.kind is CASES:
        return scenario.api_version in ("3", "4") and not matches_nothing(scenario.query)
    return scenario.serves == "3" and needs_body(scenario.query) and not matches_nothing(scenario.query)


@applies_if(has_result)
def refused_options_are_named(trial: Trial) -> Breaches:
    if trial.scenario.refused:
        name = trial.scenario.refused[0]
        if not trial.failed or name not in str(trial.result.get("msg")) or trial.result.get("changed"):
            yield f"{trial.scenario.refused} was not refused: {trial.result}"
        if trial.journal:
            yield f"{len(trial.journal)} requests, though {name} was to be refused"


@applies_if(has_result)
def failure_is_described(trial: Trial) -> Breaches:
    result, failure = trial.result, trial.result.get("failure")
    if not trial.failed:
        if "failure" in result or "msg" in result:
            yield "failure or msg, although the task ended well"
        return
    is_about_options = bool(trial.scenario.refused) or must_refuse(trial.scenario)
    stopped_early = trial.world.stopped_at > 0 and str(result.get("msg")).startswith("Stopped by")
    if not result.get("msg") or (failure is None and not (is_about_options or stopped_early)):
        yield f"a failure without msg or its parts: {result}"
    elif failure is not None:
        types = {name: type(value) for name, value in failure.items() if value is not None}
        if trial.scenario.refused or failure.keys() != FAILURE.keys() or not types.items() <= FAILURE.items():
            yield f"failure is {failure}"
        elif failure["method"] is not None and not trial.world.stopped_at:
            yield from _failed_request(trial, failure)


def _failed_request(trial: Trial, failure: dict[str, Any]) -> Breaches:
    request = (failure["method"], failure["url"])
    blamed = [entry for entry in trial.journal if (entry.method, trial.world.url + entry.target) == request]
    if not blamed:
        yield f"failure names a request that was not sent: {failure['method']} {failure['url'][:80]}"
    elif failure["status"] not in {None, *INTERIM_STATUSES, *(entry.status for entry in blamed)}:
        yield f"failure.status is {failure['status']}, which was not answered"
    elif failure["correlation_id"] not in {entry.headers.get("x-cx-correlation-id") for entry in blamed}:
        yield "failure.correlation_id is not the one that was sent"


def _causes(trial: Trial) -> set[str]:
    """What may have caused a failure."""
    scenario, world, task = trial.scenario, trial.world, trial.scenario.task
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
        "an unknown ID": any(incident_id not in scenario.incidents for incident_id in trial.asked)
        and (scenario.missing == "fail" or not can_read),
        "no route to read by": not can_read and (scenario.check_mode or task.needs_reading),
        "an ID that the version does not take": scenario.valid != trial.asked,
        "an option": bool(scenario.refused) or must_refuse(scenario),
        # In a list, others may fill a page with those of the page before it, which looks as if it led back.
        "another user": any(
            _is_changed_meanwhile(trial, i) for i in (world.states if task.by_filters else trial.asked)
        ),
        "short URLs": "max_url" in scenario.simulator,
        "a lag": lag >= LAG_READS or (lag > 0 and service.get("repeated") == "400"),
        # Of cases, an error says that one is unknown.
        "a fault in what says that an ID is unknown": kind is CASES
        and any(entry.fault and not {*trial.ids_of(entry)} <= {*scenario.incidents} for entry in trial.journal),
        "what the service refuses": kind is CASES and any(is_refused(trial, i) for i in trial.asked),
        "the deadline": scenario.deadline is not None,
        "a signal": world.stopped_at > 0,
        "a fault": bool(_harmful(trial)),
    }
    return {name for name, counts in causes.items() if counts}


def is_refused(trial: Trial, case_id: str) -> bool:
    """Whether the service may refuse to do this to a case that has ended, or not yet been resolved."""
    operation, start = trial.scenario.task.operation, trial.world.start.get(case_id)
    if operation is None or start is None:
        return False
    may = {name: trial.scenario.simulator.get(name, True) for name in _SWITCHES}
    is_closed, module = start["status"] == "CASE_STATUS_CLOSED", operation.module
    return (
        (module in ("case_assign", "case_unassign") and is_closed and not may["closed_cases_assignable"])
        or (module in ("case_comment", "case_update") and is_closed and not may["closed_cases_editable"])
        or (module == "case_close" and not may["active_cases_closable"])
        or (module == "case_update" and "resolutionDetails" not in start)
    )


_SWITCHES = ("closed_cases_assignable", "closed_cases_editable", "active_cases_closable")


def _harmful(trial: Trial) -> dict[str, int]:
    """The faults that occurred and may be the reason of a failure. Without reading, nothing shows a stale answer."""
    stale = (STALE,) if trial.is_unread or trial.scenario.simulator.get("stale_reads", 0) >= LAG_READS else ()
    return {kind: count for kind, count in trial.world.hits.items() if not KINDS[kind].is_harmless or kind in stale}


@applies_if(has_result)
def no_failure_without_a_cause(trial: Trial) -> Breaches:
    if trial.failed and not _causes(trial):
        yield f"a failure without a cause: {trial.result.get('msg')}"


@applies_if(has_result)
def retries_help(trial: Trial) -> Breaches:
    """Faults that pass, no more of them in all than one request has further tries."""
    faults = _harmful(trial)
    is_passing = all(KINDS[kind].retryable for kind in faults) and sum(faults.values()) <= trial.scenario.retries
    if trial.failed and is_passing and _causes(trial) == {"a fault"}:
        yield f"a failure, although {faults} pass with {trial.scenario.retries} retries: {trial.result.get('msg')}"


@applies_if(has_whole_result)
def result_is_exact(trial: Trial) -> Breaches:
    """All that is returned follows from what the service answered."""
    for name, value in trial.expected.items():
        found = trial.comparable(trial.result.get(name))
        found = None if name == "diff" and not found else found
        if found != value:
            yield f"{name} is {str(found)[:900]} in place of {str(value)[:900]}"


@applies_if(has_changes)
def no_change_is_hidden(trial: Trial) -> Breaches:
    for incident_id in trial.changed_by_us if not trial.result["changed"] else ():
        if not _is_excused(trial, incident_id, "looks as before", "untrue answer", "too late"):
            yield f"changed is false, but {incident_id[:80]} was {trial.operation.participle} by this task"


@applies_if(has_changes)
def changed_ids_are_true(trial: Trial) -> Breaches:
    for incident_id in [] if trial.scenario.check_mode else trial.result[trial.operation.ids_name]:
        names = ("not read", "same act of another user", "untrue answer")
        if incident_id not in trial.changed_by_us and not _is_excused(trial, incident_id, *names):
            yield f"{incident_id[:80]} is among {trial.operation.ids_name}, but nobody did it"


@applies_if(has_changes)
def missing_effects_are_reported(trial: Trial) -> Breaches:
    """A write without the effect asked for fails the task. Where the incident is to be skipped, the task warns."""
    effects = set().union(*(each for each in trial.all_effects.values() if len(each) == 1))
    if effects & {NOT_VISIBLE, DIFFERENT} and not trial.failed:
        yield f"no failure, though: {trial.all_effects}"
    has_warned = "perhaps" in trial.run.output or trial.is_unread
    if effects & {OVERTAKEN, UNKNOWN} and not trial.failed and not has_warned:
        yield f"no warning, though: {trial.all_effects}"
    if trial.is_unread and trial.result["changed"] and trial.kind.read_permission not in trial.run.output:
        yield "no word about incidents:read, though reading was refused"
    claims_nothing = "Nothing was changed" in str(trial.result.get("msg"))
    if trial.failed and trial.is_certain and claims_nothing and effects - {UNTOUCHED}:
        yield f"the message says that nothing was changed, though: {trial.all_effects}"


@applies_if(has_changes)
def success_leaves_nothing_to_do(trial: Trial) -> Breaches:
    if trial.failed:
        return
    if any(trial.operation.leaves_work(item) for item in trial.items if not trial.operation.needs_events):
        yield "an incident is returned that is still in need, and the task did not fail"
    for incident_id in [] if trial.scenario.check_mode else trial.asked:
        names = ("afterwards", "not read", "untrue answer")
        if trial.world.needs_change(incident_id) and not _is_excused(trial, incident_id, *names):
            yield f"{incident_id[:80]} is still not {trial.operation.participle}, and the task did not fail"


@applies_if(lambda trial: has_result(trial) and trial.is_interrupted and not trial.scenario.refused)
def an_interrupted_task_reports_what_it_did(trial: Trial) -> Breaches:
    if changes(trial) and trial.expected.get("changed") and not trial.result.get("changed"):
        yield f"changed is false, though {trial.all_effects}"
    if trial.result.get("changed") and not trial.writes and not trial.scenario.check_mode:
        yield "changed is true, though nothing was written"
    for name in [trial.operation.ids_name] if trial.scenario.task.operation else []:
        if not {*trial.result.get(name, ())} <= {*(trial.asked if trial.is_unread else trial.pending_ids)}:
            yield f"{name} are {trial.result[name]}, of which some were not in need"


@applies_if(has_ids)
def not_found_ids_are_true(trial: Trial) -> Breaches:
    for incident_id in trial.result["not_found_ids"]:
        was_gone = incident_id not in trial.scenario.incidents or incident_id in trial.world.removed
        if not was_gone and not _is_excused(trial, incident_id, "not read", "untrue answer"):
            yield f"{incident_id[:80]} is among not_found_ids, but has always been there"


@applies_if(has_ids)
def returned_items_are_true(trial: Trial) -> Breaches:
    for incident in trial.items:
        now = trial.world.now(incident["id"])
        # An answer that is not true may give the item another ID.
        asked = [i for i in trial.asked if i == trial.scenario.stored_id(incident["id"])] or trial.asked
        is_right = now is not None and trial.comparable([incident]) == [trial.returned(now)]
        if not is_right and not any(_is_excused(trial, item_id, "afterwards", "untrue answer") for item_id in asked):
            yield f"the incident {incident['id'][:80]} is not as it is"


@applies_if(has_list)
def filters_that_the_version_cannot_carry_are_refused(trial: Trial) -> Breaches:
    if must_refuse(trial.scenario) and (not trial.failed or bool(trial.pages)):
        yield "a query of which version 3 understands a part only"


@applies_if(has_list)
def found_items_matched_at_some_time(trial: Trial) -> Breaches:
    """At some time during the run."""
    for incident in trial.items:
        states = [s for s in trial.world.states.get(incident["id"], ()) if matches(trial.scenario.query, s)]
        is_true = trial.comparable([incident])[0] in map(trial.returned, states)
        if not is_true and not _is_excused(trial, "", "untrue page"):
            yield f"the incident {incident['id'][:80]} was never so, or does not match the filters"


@applies_if(has_list)
def everything_that_matches_is_found(trial: Trial) -> Breaches:
    query, found = trial.scenario.query, trial.items
    matching = trial.world.matching()
    is_all = len(found) == min(len(matching), query.get("limit", len(matching)))
    total_is_right = not is_counted(trial.kind, query) or trial.result.get("total", len(matching)) == len(matching)
    if not trial.failed and trial.scenario.simulator.get("pbac_truncated", False) and trial.pages:
        has_said = trial.result["truncated"] and "Access polic" in str(trial.result.get("warnings"))
        if not has_said and not _is_excused(trial, "", "untrue page"):
            yield "it does not say that access policies hide cases"
    is_wrong = not trial.failed and not (is_all and total_is_right)
    if is_wrong and not _is_excused(trial, "", "between pages", "untrue page"):
        yield f"{len(found)} incidents and a total of {trial.result.get('total')}, of {len(matching)}"


@applies_if(has_list)
def found_items_are_in_order(trial: Trial) -> Breaches:
    orders = trial.scenario.query.get("order_by", ())
    for order in [orders] if isinstance(orders, dict) else orders:
        # A page that is not true may lack the field.
        values = [str(incident.get(ORDERS[order["field"]])) for incident in trial.items]
        is_sorted = values == sorted(values, reverse=order["direction"] == "desc")
        if not is_sorted and not _is_excused(trial, "", "between pages", "untrue page"):
            yield f"not in order: {values[:10]}"


def _pagination(entry: Entry) -> dict[str, Any]:
    """What a request asks for of the pages, in its body or its query."""
    in_query = {name.rpartition(".")[2]: value for name, value in entry.query if name.startswith("pagination.")}
    in_body: dict[str, Any] = (entry.body or {}).get("pagination", {}) if isinstance(entry.body, dict) else {}
    return in_body or {re.sub("_(.)", lambda found: found[1].upper(), name): value for name, value in in_query.items()}


@applies_if(lambda trial: trial.scenario.task.by_filters)
def no_more_pages_than_needed(trial: Trial) -> Breaches:
    query, token, kept = trial.scenario.query, "", set[str]()
    limit, size = query.get("limit", 10**9), trial.scenario.page_size
    for entry, content in trial.pages:
        asked = _pagination(entry)
        if len(kept) >= limit:
            yield f"a further page, though {len(kept)} of {limit} were there"
        if asked.get("pageToken", "") != token:
            yield f"the page {asked} in place of that behind {token}"
        if int(asked["pageSize"]) > (min(size, limit) if is_counted(trial.kind, query) else size):
            yield f"a page of {asked['pageSize']}, for {limit} in pages of {size}"
        token = content.next_token
        kept |= {
            incident_id for incident_id, incident in content.incidents.items() if is_kept(trial.kind, query, incident)
        }
    size = int(_pagination(trial.pages[0][0])["pageSize"]) if trial.pages else size
    most = max(1, -(-min(limit, len(trial.world.states)) // size)) + bool(trial.world.hits[LEADS_BACK])
    # Pages without end show more than the service counts. The module may look at so many before it gives up.
    most += (2 * len(trial.world.states) + 1_000) // size + 1 if trial.world.hits[ENDLESS] else 0
    if (
        is_counted(trial.kind, query)
        and len(trial.pages) > most
        and not _is_excused(trial, "", "between pages", "untrue page")
    ):
        yield f"{len(trial.pages)} pages for {limit} of {len(trial.world.states)} incidents"


def check(trial: Trial, checked: Counter[str]) -> list[str]:
    """Check all invariants that apply. Returns the breaches, and counts what was checked."""
    breaches = []
    for find_breaches, applies in INVARIANTS:
        if applies(trial):
            name = find_breaches.__name__.replace("_", " ")
            checked[name] += 1
            # Three are enough to see what is wrong, where incidents go by the hundred.
            breaches += [f"{name}: {breach}" for breach in itertools.islice(find_breaches(trial), 3)]
    return breaches
