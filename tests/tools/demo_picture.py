# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draws docs/demo.svg from what the demo prints: `make picture`.

The background is dark and opaque, so the picture reads well on light and on dark pages.
"""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "demo.svg"
COLUMNS = 125  # The longest lines of check mode fit
FIRST, LAST = "PLAY [Take incidents", "TASK [Resolve the less severe"

# rich's own frame loads a font from the web.
FRAME = """\
<!--
SPDX-FileCopyrightText: 2026 the coralogix.incidents contributors
SPDX-License-Identifier: GPL-3.0-or-later
-->
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>The output of make demo: tasks find three incidents, acknowledge, assign and unassign them.</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, monospace; font-size: {char_height}px }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def demo_output() -> str:
    """The output of the demo with colours, from its first play on, without the end of that play."""
    environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "1"}
    environment.pop("ANSIBLE_NOCOLOR", None)
    command = [sys.executable, str(ROOT / "examples" / "demo.py")]
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = itertools.dropwhile(lambda line: not line.startswith(FIRST), output.splitlines())
    return "\n".join(itertools.takewhile(lambda line: not line.startswith(LAST), lines)).rstrip()


def draw(output: str) -> str:
    """A picture of a terminal with this output."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"$ make demo\n\n{output}\n\n…"), overflow="fold")
    svg = console.export_svg(title="make demo", theme=MONOKAI, code_format=FRAME, unique_id="demo")
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines())


if __name__ == "__main__":
    PICTURE.write_text(draw(demo_output()), encoding="utf-8")
    print(f"Wrote {PICTURE.relative_to(ROOT)}.")
