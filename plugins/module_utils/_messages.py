# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All texts about errors and warnings: from an error and its context to what a person reads. Pure functions."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from ._errors import (
    AnswerIncomplete,
    DeadlinePassed,
    EffectMissing,
    FailureKind,
    IdsUnknown,
    LibraryMissing,
    ListFailed,
    OptionInvalid,
    ProbeFailed,
    ReadRequired,
    RequestFailed,
    Unexpected,
)
from ._plan import Change, Effect
from ._retry import MAX_TOTAL_DELAY, is_too_long

if t.TYPE_CHECKING:
    from ._executor import Outcome
    from ._resource import Request, Resource

# IDs in one message, and characters of one ID. The result has all of them.
MAX_LISTED = 20
MAX_ID_LENGTH = 80


class Context(t.NamedTuple):
    """What a message says besides the error: the names of things, and where settings come from."""

    resource: Resource
    key_source: str = "api_key"
    """The option or the environment variable that the key comes from."""
    host_source: str = ""
    """The same for the host. Empty if nothing names one."""
    proxy_source: str = ""
    ca_source: str = ""


def list_ids(ids: t.Sequence[str]) -> str:
    """IDs for a message: 'A', 'B' and 3 more."""
    listed = ", ".join(repr(_shorten(item_id)) for item_id in ids[:MAX_LISTED])
    return listed + (f" and {len(ids) - MAX_LISTED} more" if len(ids) > MAX_LISTED else "")


def _shorten(item_id: str) -> str:
    return item_id if len(item_id) <= MAX_ID_LENGTH else f"{item_id[: MAX_ID_LENGTH - 1]}…"


def describe_error(error: t.Any, context: Context) -> str:
    """What happened, then what to do about it."""
    return _DESCRIPTIONS[type(error)](error, context)


def describe_failure(error: t.Any) -> dict[str, t.Any]:
    """The parts of the failed request. They are null if no request is to blame."""
    while isinstance(error, (ListFailed, ReadRequired, ProbeFailed)):
        error = error.cause
    if isinstance(error, RequestFailed):
        return {
            "status": error.failure.status,
            "method": error.request.method,
            "url": error.request.url,
            "message": error.failure.message,
            "correlation_id": error.correlation_id,
        }
    return dict.fromkeys(("status", "method", "url", "message", "correlation_id"))


def _describe_option(error: OptionInvalid, _context: Context) -> str:
    return error.message


def _describe_request(error: RequestFailed, context: Context) -> str:
    request, failure = error.request, error.failure
    parts = urlsplit(request.url)
    operation = request.operation
    message = failure.message.rstrip(".")
    text = FAILURE_TEXTS[failure.kind].format(
        action=operation.action,
        answer=": ".join(str(part) for part in (failure.status, message) if part) or "no reason given",
        ca_advice=(_CHECK_CA if context.ca_source else _SET_CA).format(context.ca_source),
        ca_source=context.ca_source or "the CA file",
        correlation_id=error.correlation_id,
        read_advice="" if operation.permission.lower().endswith(":read") else _READ_ADVICE.format(context=context),
        host=parts.netloc,
        host_source=f"{context.host_source}, which names this host" if context.host_source else _NO_HOST_SOURCE,
        id_option=context.resource.id_option,
        key_source=context.key_source,
        length=len(request.url),
        method=request.method,
        path=parts.path,
        permission=operation.permission,
        personal_key=_PERSONAL_KEY if operation.needs_personal_key else "",
        plural=context.resource.plural,
        proxy_source=context.proxy_source or "the environment",
        route_advice=_route_advice(request, context.resource),
        singular=context.resource.singular,
        uuids=_ONLY_UUIDS.format(context.resource.singular, list_ids(request.not_uuids)) if request.not_uuids else "",
    )
    return f"{text}{_describe_attempts(error)}"


def _route_advice(request: Request, resource: Resource) -> str:
    """What to do about a missing route. A resource of one API version may be missing in an account as a whole."""
    pinned = [version for version in resource.route_sets if version != "latest"]
    if len(pinned) != 1 or request.operation not in resource.operations.values():
        return "The API version or the URL is wrong. Check api_version"
    ask = f"ask whether the account has {resource.plural}"
    if f"/mgmt/openapi/{pinned[0]}/" in request.url:
        return f"This host does not serve {resource.plural}. {ask.capitalize()}"
    return f'Set api_version to "{pinned[0]}". If that does not help, {ask}'


def _describe_attempts(error: RequestFailed) -> str:
    attempts = error.attempts
    if attempts.refused_wait is not None:
        limit = (
            f"exceed the {MAX_TOTAL_DELAY:.0f} s allowed for all waits"
            if is_too_long(attempts.refused_wait, attempts)
            else "pass the deadline"
        )
        return f" Gave up after try {attempts.tries}: the next wait of {attempts.refused_wait:.1f} s would {limit}."
    if attempts.tries > 1:
        return f" Tried {attempts.tries} times, with {attempts.waited:.1f} s of waiting."
    return ""


def _describe_list(error: ListFailed, context: Context) -> str:
    cause = describe_error(error.cause, context)
    return f"{cause} {error.read} of {error.total} {context.resource.plural} had been read."


def _describe_probe(error: ProbeFailed, context: Context) -> str:
    return f"Could not find out which API version the service has. {describe_error(error.cause, context)}"


def _describe_deadline(error: DeadlinePassed, _context: Context) -> str:
    return (
        f"The deadline of {error.deadline:g} s passed before the task could {error.action}. "
        "Raise deadline, or split the task."
    )


def _describe_unknown_ids(error: IdsUnknown, context: Context) -> str:
    more = " All of them are in not_found_ids." if len(error.ids) > MAX_LISTED else ""
    return f"Unknown {context.resource.id_noun}: {list_ids(error.ids)}. Set missing=ignore to skip them.{more}"


def _describe_read_required(error: ReadRequired, context: Context) -> str:
    reason = (
        "Check mode must read first: otherwise it cannot tell what a real run would do."
        if error.check_mode
        else f"This task must read first: otherwise it cannot tell which {context.resource.plural} need the change."
    )
    return f"{describe_error(error.cause, context)} {reason}"


def _describe_missing_effect(error: EffectMissing, context: Context) -> str:
    plural = context.resource.plural
    texts = []
    if error.unchanged_ids:
        texts.append(
            f"Coralogix accepted the request, but its effect is not visible yet on these {plural}: "
            f"{list_ids(error.unchanged_ids)}. They may change later. Run the task again to make sure."
        )
    if error.different_ids:
        texts.append(
            f"After the request, these {plural} show neither the state before nor the one asked for: "
            f"{list_ids(error.different_ids)}. The request was carried out only in part, or somebody else changed "
            "them at the same time. Run the task again if that is still wanted."
        )
    return " ".join(texts)


def _describe_incomplete_answer(error: AnswerIncomplete, context: Context) -> str:
    return (
        f"Coralogix accepted the request, but its answer leaves out {list_ids(error.ids)}. These "
        f"{context.resource.singular} IDs may be unknown. They cannot be read to find out."
    )


def _describe_missing_library(error: LibraryMissing, _context: Context) -> str:
    pythons = " and ".join(error.pythons)
    if not error.reason:
        return (
            f"The Python library requests is missing on {pythons}. Install it there "
            "(python3 -m pip install requests), or set ansible_python_interpreter to a Python that has it."
        )
    return f"The Python library requests cannot be imported on {pythons}: {error.reason}"


def _describe_unexpected(error: Unexpected, _context: Context) -> str:
    return f"The task was interrupted ({error.message})."


_DESCRIPTIONS: dict[type, t.Callable[[t.Any, Context], str]] = {
    OptionInvalid: _describe_option,
    RequestFailed: _describe_request,
    ListFailed: _describe_list,
    ProbeFailed: _describe_probe,
    DeadlinePassed: _describe_deadline,
    IdsUnknown: _describe_unknown_ids,
    ReadRequired: _describe_read_required,
    EffectMissing: _describe_missing_effect,
    AnswerIncomplete: _describe_incomplete_answer,
    LibraryMissing: _describe_missing_library,
    Unexpected: _describe_unexpected,
}


def describe_progress(
    change: Change, changed_ids: t.Sequence[str], effects: t.Mapping[str, Effect], error: t.Any, context: Context
) -> str:
    """For the message of a failed task: what it had done by then, as far as the error itself does not say it."""

    def ids_with(effect: Effect) -> tuple[str, ...]:
        return tuple(item_id for item_id, its_effect in effects.items() if its_effect is effect)

    missing = EffectMissing(ids_with(Effect.NOT_VISIBLE), ids_with(Effect.DIFFERENT))
    texts = [
        f"{text}: {list_ids(ids)}."
        for text, ids in (
            (f"{change.participle.capitalize()} before that", changed_ids),
            (f"Perhaps {change.participle}, but not verified", ids_with(Effect.UNKNOWN)),
            (f"Perhaps {change.participle}, then changed by somebody else", ids_with(Effect.OVERTAKEN)),
        )
        if ids
    ]
    if any(missing) and not isinstance(error, EffectMissing):
        texts.append(_describe_missing_effect(missing, context))
    if not texts and not any(missing):
        return "Nothing was changed."
    return " ".join(texts)


def outcome_warnings(
    change: Change, ids: t.Sequence[str], outcome: Outcome, effects: t.Mapping[str, Effect], context: Context
) -> list[str]:
    """Warnings about what the task could not know, or what happened to it meanwhile."""
    plural = context.resource.plural
    warnings = []
    if outcome.read_refusal and outcome.progress.writes:
        warnings.append(
            f"The {plural} could not be read first, so it is unknown whether they were {change.participle} before. "
            f"All that are {change.participle} now count as changed. To read them, the key needs the permission "
            f"{outcome.read_refusal.request.operation.permission}. {describe_error(outcome.read_refusal, context)}"
        )
        if outcome.progress.not_found:
            warnings.append(
                f"The answer leaves these IDs out. They count as not found: {list_ids([*outcome.progress.not_found])}."
            )
    if outcome.error is None:
        overtaken = [item_id for item_id in ids if effects[item_id] is Effect.OVERTAKEN]
        if overtaken:
            warnings.append(
                f"Somebody else changed these {plural} at the same time: {list_ids(overtaken)}. "
                f"They were perhaps {change.participle} before that."
            )
        gone = [item_id for item_id in ids if effects[item_id] is Effect.UNKNOWN and not outcome.read_refusal]
        if gone:
            warnings.append(
                f"These {plural} disappeared at the same time: {list_ids(gone)}. "
                f"They were perhaps {change.participle} before that."
            )
    return warnings


def describe_truncation(context: Context) -> str:
    """A warning about a list that is not complete."""
    return f"Access policies hide some {context.resource.plural} that match. The list is not complete."


_SET_CA = (
    "If a proxy or a private authority signed it, set ca_path or REQUESTS_CA_BUNDLE to the file of that authority."
)
_CHECK_CA = "Check whether {} names the file of the authority that signed it."
_ONLY_UUIDS = " API version 5 takes only UUIDs as {} IDs. These are not UUIDs: {}."
_READ_ADVICE = ", or run the task again with a key that may read {context.resource.plural}, to see which ID it is"
_NO_HOST_SOURCE = "region, domain or api_url, none of which is set"
_PERSONAL_KEY = " and must be a personal key. Team keys cannot do this"

# One text for each way to fail: what happened, then what to do.
FAILURE_TEXTS: dict[FailureKind, str] = {
    FailureKind.INVALID: "Coralogix at {host} refused the request to {action} as invalid ({answer}).{uuids}",
    FailureKind.UNAUTHENTICATED: (
        "Coralogix at {host} did not accept the API key ({answer}). The key is mistyped, revoked, of another kind "
        "(Send-Your-Data keys do not work here), or belongs to another region. Check {key_source}, and check "
        "{host_source}."
    ),
    FailureKind.FORBIDDEN: (
        "The API key is not allowed to {action} at {host} ({answer}). It needs the permission "
        "{permission}{personal_key}."
    ),
    FailureKind.NO_ROUTE: "{host} has no route {method} {path} ({answer}). {route_advice}, and check {host_source}.",
    FailureKind.HTML_NOT_FOUND: (
        '{host} answered {method} {path} with an HTML "not found" page ({answer}). Coralogix answers in '
        "JSON. Check {host_source}."
    ),
    FailureKind.HTML_REFUSED: (
        "{host} refused the request to {action} with an HTML page ({answer}). Coralogix answers in JSON, so a proxy or "
        "a firewall may be in between, or the URL is wrong. Check these, and {host_source}."
    ),
    FailureKind.UNKNOWN_ID: (
        "Coralogix at {host} refused to {action} because it does not know one of the IDs ({answer}). "
        "Leave that ID out{read_advice}."
    ),
    FailureKind.URL_TOO_LONG: (
        "{host}, or a proxy in front of it, does not accept a URL of {length} characters ({answer}). Give fewer "
        "{id_option} or filter values to one task."
    ),
    FailureKind.ANSWER_TOO_LARGE_FOR_GATEWAY: (
        "The answer to the request to {action} is larger than Coralogix at {host} can send ({answer}). Give fewer "
        "{id_option} to one task, or a lower limit to a list."
    ),
    FailureKind.RATE_LIMITED: (
        "Coralogix at {host} limits the rate of requests and refused to {action} each time ({answer}). Try again "
        "later, or run fewer tasks at the same time."
    ),
    FailureKind.SERVER_ERROR: (
        "Coralogix at {host} failed to {action} ({answer}). The cause is at the service, or at a proxy in front of it. "
        "Coralogix support can find the request by its correlation ID {correlation_id}."
    ),
    FailureKind.REFUSED: "{host} refused the request to {action} ({answer}).",
    FailureKind.UNEXPECTED_STATUS: (
        "{host} answered the request to {action} with an unexpected status ({answer}). Check any proxy on "
        "the way, and {host_source}."
    ),
    FailureKind.REDIRECT: (
        "{host} answered with a redirect ({answer}). Redirects are not followed, so that the API key goes to no other "
        "host. Check {host_source}, and whether a proxy asks for a login."
    ),
    FailureKind.NOT_JSON: (
        "{host} answered the request to {action} with something other than JSON ({answer}). A proxy or a login page "
        "may be in between, or the URL is wrong. Check {host_source}."
    ),
    FailureKind.BROKEN_JSON: (
        "Coralogix at {host} answered the request to {action} with JSON that is broken or cut short ({answer}). The "
        "cause is at the service, or at a proxy in front of it. The correlation ID is {correlation_id}."
    ),
    FailureKind.UNEXPECTED_JSON: (
        "Coralogix at {host} answered the request to {action} with JSON that the API does not document ({answer}). "
        "Check api_version and the URL. The correlation ID is {correlation_id}."
    ),
    FailureKind.ANSWER_TOO_LARGE: (
        "The answer from {host} to the request to {action} is too large ({answer}). Give fewer {id_option} to one "
        "task, or a lower limit to a list."
    ),
    FailureKind.TIMEOUT: (
        "{host} did not answer the request to {action} in time ({answer}). Raise timeout if it is only slow."
    ),
    FailureKind.CONNECTION: (
        "The connection to {host} broke during the request to {action} ({answer}). Check the network and any proxy on "
        "the way."
    ),
    FailureKind.UNREACHABLE: (
        "Could not connect to {host} to {action} ({answer}). Check the network, any proxy, and {host_source}."
    ),
    FailureKind.PROXY: (
        "The proxy that {proxy_source} names failed before the request to {action} could be sent ({answer}). Check "
        "{proxy_source}."
    ),
    FailureKind.CERTIFICATE: "The TLS certificate of {host} cannot be verified ({answer}). {ca_advice}",
    FailureKind.CERTIFICATE_HOST: (
        "The TLS certificate that {host} shows is for another host ({answer}). The name is wrong, or a proxy answers "
        "in its place. Check {host_source}."
    ),
    FailureKind.CERTIFICATE_FORM: (
        "The TLS certificate of {host}, or of the authority that signed it, does not conform to RFC 5280 ({answer}). "
        "Python 3.13 and newer refuse such certificates. Have the authority issue a conforming one, or run the task on "
        "an older Python."
    ),
    FailureKind.CA_FILE: "The CA file cannot be used ({answer}). Check {ca_source}.",
    FailureKind.STOPPED: "The request to {action} was not completed: {answer}.",
    FailureKind.INTERNAL: (
        "The request to {action} failed on this machine ({answer}). If memory is not the cause, please report this."
    ),
}
