# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules of this collection share: from task options to a result, in check, diff or real mode."""

from __future__ import annotations

import atexit
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
from ._incidents import UNREADABLE, Incident, Incidents, Read
from ._plan import Change, Outcome, States

Params = t.Mapping[str, t.Any]
Spec = t.Mapping[str, t.Mapping[str, t.Any]]
Result = dict[str, t.Any]

CHECK_MODE_READS = "Check mode has to read: without, it cannot tell what a real run would do."
LEAVING_ALONE_READS = "This has to read first: without, it cannot tell which incidents to leave alone."

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
    ansibles = basic.remove_values
    basic.remove_values = lambda values, secrets: values if _is_free_of(secrets, values) else ansibles(values, secrets)
    try:
        if "failure" in result:
            module.fail_json(**result)
        module.exit_json(**result)
    finally:
        basic.remove_values = ansibles


def _is_free_of(secrets: t.Iterable[str], values: Result) -> bool:
    """Whether no secret occurs anywhere in the values, so that Ansible need not look for them, value by value.

    That look takes most of the time of a task with thousands of incidents (see docs/performance.md).
    """
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
        if unread.kind not in UNREADABLE:
            return Outcome(error=unread)
        if check_mode or change.leaves_alone:
            unread.note = f"{unread.note} {CHECK_MODE_READS if check_mode else LEAVING_ALONE_READS}".lstrip()
            return Outcome(error=unread)
        return _apply_unseen(change, service, ids, missing, unread)
    if not_found and missing == "fail":
        return Outcome(before, before, not_found=not_found, error=no_such(not_found))
    todo = _plan.todo(change, ids, before)
    if check_mode:
        return Outcome(before, _plan.predicted(change, todo, before), todo, not_found)
    outcome = _carry_out(change, service, todo, before)
    error = outcome.error
    if outcome.not_found and missing == "fail":
        error = error or no_such(outcome.not_found)
    gone = {*not_found, *outcome.not_found}
    return outcome._replace(not_found=[one for one in ids if one in gone], error=error)


def _carry_out(change: Change, service: Incidents, ids: list[str], before: States) -> Outcome:
    """Write, and read again every incident whose state the answers leave open or show as it was."""
    written = service.write(change.operation, ids, change.values)
    error: CoralogixError | None = written.error
    unclear = [one for one in written.accepted if not _is_done(change, one, written.answered)] + written.uncertain
    read, unread = Read({}, []), []
    if unclear:
        try:
            read = service.read(unclear)
        except ApiError as unverified:
            error = error or unverified
            unread = [one for one in unclear if one not in written.answered]
    after = {**before, **written.answered, **read.found}
    for one in (*read.not_found, *unread):
        del after[one]
    # By now somebody else may have removed it, or changed it in a way that hides what the write did.
    hidden = [one for one in written.uncertain if not _tells(change, before[one], after.get(one))]
    perhaps = {*unread, *hidden}
    return Outcome(
        before,
        after,
        done=[one for one in ids if _is_done(change, one, after)],
        not_found=read.not_found,
        doubtful=[one for one in ids if one in perhaps],
        error=error or _without_effect(change, written.accepted, after),
    )


def _apply_unseen(change: Change, service: Incidents, ids: list[str], missing: str, unread: ApiError) -> Outcome:
    """The job without reading: every incident is written, and the answer to that is all that is known."""
    written = service.write(change.operation, ids, change.values)
    silent = [one for one in written.accepted if one not in written.answered]
    error = written.error or _without_effect(change, written.accepted, written.answered)
    if silent and missing == "fail":
        error = error or CoralogixError(
            f"Coralogix accepted the request, but its answer leaves out {', '.join(silent)}: perhaps there is no such "
            "incident. They cannot be read to find out."
        )
    return Outcome(
        after=written.answered,
        done=[one for one in ids if _is_done(change, one, written.answered)],
        not_found=silent if missing == "ignore" else [],
        # That the request had no effect on what its answer leaves out would be a guess.
        doubtful=[*silent, *written.uncertain],
        error=error,
        warning=(
            f"Whether the incidents were {change.done} before is unknown, as they could not be read first: changed "
            f"is reported all the same, and an incident that the answer leaves out counts as not found. "
            f"To read takes the permission {unread.request.permission}. {unread}"
        ),
    )


def _tells(change: Change, before: Incident, after: Incident | None) -> bool:
    """Whether the state after a write whose answer was lost shows if it was carried out."""
    if after is None:
        return False
    return change.wanted(after) or all(after.get(key) == before.get(key) for key in change.shows)


def _is_done(change: Change, one: str, states: States) -> bool:
    return one in states and change.wanted(states[one])


def _without_effect(change: Change, ids: list[str], states: States) -> CoralogixError | None:
    unchanged = _plan.todo(change, ids, states)
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
    if _client.REQUESTS_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("requests"), exception=_client.REQUESTS_IMPORT_ERROR)
    settings = _options.settings(module.params, os.environ)
    user_agent = f"ansible-core/{module.ansible_version} Python/{sys.version.split()[0]}"
    return Incidents(_client.Client(settings, user_agent), settings.api_version, texts)
