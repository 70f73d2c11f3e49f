# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from tools import return_docs


def test_every_module_has_a_generated_block() -> None:
    modules = (return_docs.ROOT / "plugins" / "modules").glob("*.py")
    assert [path.name for path in modules if not return_docs.GENERATED.search(path.read_text(encoding="utf-8"))] == []


def test_return_blocks_are_as_their_source_says() -> None:
    assert return_docs.find_outdated() == [], "run: python tests/tools/return_docs.py"
