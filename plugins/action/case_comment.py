# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ..plugin_utils._bytecode_cache import bytecode_cache

with bytecode_cache():
    from ..modules.case_comment import MODULE
    from ..plugin_utils._in_process import InProcessAction


class ActionModule(InProcessAction):
    definition = MODULE
