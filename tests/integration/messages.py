# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recognises the messages of the collection, whatever their wording."""

from __future__ import annotations

import re

from ansible_collections.coralogix.incidents.plugins.module_utils._failure import FailureKind
from ansible_collections.coralogix.incidents.plugins.module_utils._messages import FAILURE_TEXTS


def pattern(template: str) -> str:
    """A regular expression for what a format string may become."""
    return re.sub(r"\\{\w+\\}", ".*", re.escape(template))


def is_about(message: str, error: FailureKind | str) -> bool:
    """Whether a message is the one about this kind of failure, or contains this text."""
    if isinstance(error, FailureKind):
        return re.match(pattern(FAILURE_TEXTS[error]), message, re.S) is not None
    return error in message
