# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The type of the rules by which event sources see one kind of resource. No I/O."""

from __future__ import annotations

import typing as t
from datetime import datetime

from ._resource import Item, Options

# The stages of an item's life, in their order.
OPEN, ACKNOWLEDGED, RESOLVED, CLOSED = STAGES = ("open", "acknowledged", "resolved", "closed")


class EventRules(t.NamedTuple):
    """All that is special to the events of one kind of resource."""

    kinds: t.Mapping[str, tuple[str, ...]]
    """The kinds of changes in the order of an item's life, each with the fields that it is about."""
    level: str
    """The kind of change and the field that show how urgent an item is: C(severity), C(priority)."""
    stage: t.Callable[[Item], str]
    """One of STAGES."""
    assignees: t.Callable[[Item], frozenset[str]]
    """The IDs of the users it is assigned to."""
    volatile: frozenset[str]
    """Fields that change by themselves. They make no event and are not remembered."""
    created: str
    """The field with the time of creation."""
    times: tuple[str, ...]
    """All fields with times of the service's clock."""
    version: t.Callable[[Item], tuple[str, int]]
    """Grows with each change. An answer that shows a smaller one than an earlier answer is out of date."""
    unsupported: frozenset[str]
    """Filter options that make no sense in an event source."""
    find_problem: t.Callable[[Options], str]
    """Why a filter cannot be used, for a message. Empty if all can."""
    build_lists: t.Callable[[Options, str, datetime], list[Options]]
    """From filter options, a time in RFC 3339 format and the present time to the filter options of the lists that show
    all items which are open, and those that ended since that time without ever having been listed."""
