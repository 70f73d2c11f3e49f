# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cases as event sources see them: what their changes are called, and which lists show those that are not closed."""

from __future__ import annotations

from datetime import datetime

from . import _event_rules
from ._case import ACKNOWLEDGED, CLOSED, RESOLVED, assignee_id
from ._filters import parse_time, rfc3339
from ._resource import Options

_STAGES = {
    ACKNOWLEDGED: _event_rules.ACKNOWLEDGED,
    RESOLVED: _event_rules.RESOLVED,
    CLOSED: _event_rules.CLOSED,
}


def _build_lists(options: Options, since: str, now: datetime) -> list[Options]:
    """Cases that are not closed, and those that were created and closed since.

    No filter of the API finds cases by the time at which they were closed.
    """
    if options.get("status"):
        return [options]
    start = options.get("created_after")
    if start is not None:
        since = max(since, rfc3339(parse_time("created_after", start, now)))
    end = options.get("created_before")
    lists: list[Options] = [{**options, "status": ["active", "acknowledged", "resolved"]}]
    if end is None or rfc3339(parse_time("created_before", end, now)) >= since:
        lists.append({**options, "status": ["closed"], "created_after": since})
    return lists


CASE_EVENTS = _event_rules.EventRules(
    kinds={
        "reopened": ("status", "resolutionDetails", "acknowledgeTime"),
        "unacknowledged": ("status", "acknowledgeTime"),
        "acknowledged": ("status", "acknowledgeTime"),
        "priority": ("priority", "priorityDetails"),
        "unassigned": ("assignee",),
        "assigned": ("assignee",),
        "resolved": ("status", "resolutionDetails"),
        "closed": ("status",),
    },
    level="priority",
    stage=lambda case: _STAGES.get(case["status"], _event_rules.OPEN),
    assignees=lambda case: frozenset((assignee_id(case),)) - {""},
    volatile=frozenset(("duration", "updateTime")),
    created="createTime",
    times=("createTime", "updateTime"),
    version=lambda case: (str(case.get("updateTime") or ""), 0),
    unsupported=frozenset(("active_after", "active_before", "order_by", "limit")),
    find_problem=lambda options: (
        "status contains closed. An event source watches cases until they are closed. Leave it out: the change "
        "closed makes an event all the same."
        if {"closed", CLOSED} & set(options.get("status") or ())
        else ""
    ),
    build_lists=_build_lists,
)
