# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules of this collection share: from task options to a result, in check, diff or real mode."""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import sys
import typing as t
from types import MappingProxyType

from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from . import _client, _options, _plan
from ._errors import ApiError, CoralogixError
from ._incident import Incident
from ._incidents import Incidents, Read
from ._plan import Change, Outcome, States

Params = t.Mapping[str, t.Any]
Spec = t.Mapping[str, t.Mapping[str, t.Any]]
Result = dict[str, t.Any]

CHECK_MODE_READS = "Check mode has to read: without, it cannot tell what a real run would do."
LEAVING_ALONE_READS = "This has to read first: without, it cannot tell which incidents to leave alone."
COUNTS_AS_NOT_FOUND = " An incident that the answer leaves out counts as not found."

MISSING: dict[str, t.Any] = {"type": "str", "choices": ["fail", "ignore"], "default": "fail"}


def run_change(make: t.Callable[[Params], Change], options: Spec = MappingProxyType({})) -> None:
    """All that a module does which changes incidents given by their IDs, with options of its own, if any."""
    spec: Spec = {"incident_ids": {"type": "list", "elements": "str", "required": True}, "missing": MISSING, **options}
    run(spec, lambda module: _change(make(module.params), options, module))


def run(options: Spec, work: t.Callable[[AnsibleModule], Result], **rules: t.Any) -> None:
    """All that any module does: its options and those that all share, its result, and how the task ends."""
    module = AnsibleModule(
        argument_spec={**options, "events": {"type": "bool", "default": True}, **_options.argument_spec()},
        supports_check_mode=True,
        **rules,
    )
    # Ending, Python searches all objects for garbage, several times; the end of the process frees them as well.
    atexit.register(gc.freeze)
    # The key may come from the environment, where AnsibleModule does not see it.
    module.no_log_values.update(_options.secrets(module.params, os.environ))
    result = work(module)
    with _quick_search_for_secrets():
        if "failure" in result:
            # Which library is missing, or broken, its traceback shows.
            traceback = {"exception": _client.REQUESTS_IMPORT_ERROR} if _client.REQUESTS_IMPORT_ERROR else {}
            module.fail_json(**result, **traceback)
        module.exit_json(**result)


@contextlib.contextmanager
def _quick_search_for_secrets() -> t.Iterator[None]:
    """Ansible looks for secrets value by value, but only in results that really hold one.

    That look takes most of the time of a task with thousands of incidents (see docs/performance.md). Should a later
    ansible-core do without the function, it is not missed.
    """
    thorough = getattr(basic, "remove_values", None)
    if thorough is None:
        yield
        return

    def remove_values(values: Result, secrets: t.Iterable[str]) -> Result:
        # Older versions of ansible-core put the options in, always with the key.
        given = {key: value for key, value in values.items() if key == "invocation"}
        rest = {key: value for key, value in values.items() if key not in given}
        return {**rest, **thorough(given, secrets)} if _is_free_of(secrets, rest) else thorough(values, secrets)

    basic.remove_values = remove_values
    try:
        yield
    finally:
        basic.remove_values = thorough


def _is_free_of(secrets: t.Iterable[str], values: Result) -> bool:
    """Whether no secret occurs anywhere in the values."""
    try:
        text = json.dumps(values, check_circular=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return not any(json.dumps(secret)[1:-1] in text for secret in secrets)


def _change(change: Change, options: t.Iterable[str], module: AnsibleModule) -> Result:
    params = module.params
    ids: list[str] = []
    try:
        _plan.check_texts(params, options)
        ids = _plan.checked_ids(params["incident_ids"])
        outcome = Outcome()
        if ids:
            outcome = apply(change, connect(module, change.texts), ids, params["missing"], module.check_mode)
    except CoralogixError as error:
        outcome = Outcome(error=error)
    if outcome.warning:
        module.warn(outcome.warning)
    return _plan.result(change, ids, outcome, module._diff, params["events"])


def apply(change: Change, service: Incidents, ids: list[str], missing: str, check_mode: bool) -> Outcome:
    """Read, plan, write, verify. An error is in the outcome, together with what was done before it."""
    try:
        before, not_found = service.read(ids)
    except ApiError as unread:
        if not unread.unreadable:
            return Outcome(error=unread)
        if check_mode or change.passed:
            unread.note = f"{unread.note} {CHECK_MODE_READS if check_mode else LEAVING_ALONE_READS}".lstrip()
            return Outcome(error=unread)
        return _apply_unseen(change, service, ids, missing, unread)
    if not_found and missing == "fail":
        return Outcome(before, before, not_found=not_found, error=no_such(not_found))
    todo = _plan.those(change.needed, ids, before)
    if check_mode:
        return Outcome(before, _plan.predicted(change, todo, before), todo, not_found)
    outcome = _carry_out(change, service, todo, before)
    error = outcome.error
    if outcome.not_found and missing == "fail":
        error = error or no_such(outcome.not_found)
    gone = {*not_found, *outcome.not_found}
    return outcome._replace(not_found=[incident_id for incident_id in ids if incident_id in gone], error=error)


def _carry_out(change: Change, service: Incidents, ids: list[str], before: States) -> Outcome:
    """Write, and read again every incident whose state the answers leave open or show as it was."""
    written = service.write(change.operation, ids, change.values)
    error: CoralogixError | None = written.error
    answered = {*_plan.those(change.wanted, ids, written.answered)}
    unclear = [*(incident_id for incident_id in written.accepted if incident_id not in answered), *written.uncertain]
    read, unread = Read({}, []), []
    if unclear:
        try:
            read = service.read(unclear)
        except ApiError as unverified:
            error = error or unverified
            unread = unclear
    after = {**before, **written.answered, **read.found}
    for incident_id in (*read.not_found, *unread):
        # An answer that shows it as it was may be older than its effect.
        del after[incident_id]
    # By now somebody else may have removed it, or changed it in a way that hides what the write did.
    hidden = [
        incident_id
        for incident_id in written.uncertain
        if not _tells(change, before[incident_id], after.get(incident_id))
    ]
    perhaps = {*unread, *hidden}
    return Outcome(
        before,
        after,
        done=_plan.those(change.wanted, ids, after),
        not_found=read.not_found,
        doubtful=[incident_id for incident_id in ids if incident_id in perhaps],
        error=error or _without_effect(change, written.accepted, after),
    )


def _apply_unseen(change: Change, service: Incidents, ids: list[str], missing: str, unread: ApiError) -> Outcome:
    """The job without reading: every incident is written, and the answer to that is all that is known."""
    written = service.write(change.operation, ids, change.values)
    if written.error and not written.accepted and not written.uncertain:
        # Where there is no route at all, that of the read shows best that the URL is wrong.
        return Outcome(error=unread if unread.kind == written.error.kind == "no_route" else written.error)
    silent = [incident_id for incident_id in written.accepted if incident_id not in written.answered]
    error = written.error or _without_effect(change, written.accepted, written.answered)
    if silent and missing == "fail":
        error = error or CoralogixError(
            f"Coralogix accepted the request, but its answer leaves out {', '.join(silent)}: perhaps there is no such "
            "incident. They cannot be read to find out."
        )
    return Outcome(
        after=written.answered,
        done=_plan.those(change.wanted, ids, written.answered),
        not_found=silent if missing == "ignore" else [],
        # That the request had no effect on what its answer leaves out would be a guess.
        doubtful=[*silent, *written.uncertain],
        error=error,
        warning=(
            f"Whether the incidents were {change.done} before is unknown, as they could not be read first: all that "
            f"are now count as changed.{COUNTS_AS_NOT_FOUND if missing == 'ignore' else ''} "
            f"To read takes the permission {unread.request.operation.permission}. {unread}"
        ),
    )


def _tells(change: Change, before: Incident, after: Incident | None) -> bool:
    """Whether the state after a write whose answer was lost shows if it was carried out."""
    if after is None:
        return False
    return change.wanted(after) or all(after.get(key) == before.get(key) for key in change.shows)


def _without_effect(change: Change, ids: list[str], states: States) -> CoralogixError | None:
    unchanged = _plan.those(change.needed, ids, states)
    if not unchanged:
        return None
    return CoralogixError(
        f"Coralogix accepted the request, but these incidents are still not {change.done} as asked: "
        f"{', '.join(unchanged)}."
    )


def no_such(ids: t.Sequence[str]) -> CoralogixError:
    return CoralogixError(
        f"There is no incident {', '.join(ids)} (not_found_ids). With missing=ignore such IDs are left out."
    )


def connect(module: AnsibleModule, texts: t.Iterable[str] = ()) -> Incidents:
    """The service that the options name; C(texts) are keys of incidents that have to be text."""
    if _client.REQUESTS_IMPORT_ERROR:
        raise CoralogixError(f"{missing_required_lib('requests')}.")
    settings = _options.settings(module.params, os.environ)
    user_agent = f"ansible-core/{module.ansible_version} Python/{sys.version.split()[0]}"
    return Incidents(_client.Client(settings, user_agent), settings.api_version, texts)
