# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads blocks, tables and sections of the documents, which are Markdown or reStructuredText."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
GUIDES = "docs/docsite/rst"
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", f"{GUIDES}/*.rst", "docs/site/*.rst")
    for path in ROOT.glob(pattern)
)


class Block(NamedTuple):
    """A block of code in a document."""

    language: str
    text: str
    mark: str
    """What the comment before it says: C(file: NAME) or C(not run: REASON)."""

    @property
    def file(self) -> str | None:
        return self.mark.removeprefix("file: ") if self.mark.startswith("file: ") else None

    @property
    def is_run(self) -> bool:
        return not self.mark.startswith("not run: ")


_BLOCKS = {
    ".md": re.compile(r"(?:^<!-- (?P<mark>.*?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S),
    ".rst": re.compile(
        r"(?:^\.\. (?P<mark>(?:file|not run): .*)\n\n)?"
        r"^\.\. code-block:: (?P<language>\w+)\n\n(?P<text>(?:(?:   .*)?\n)+)",
        re.M,
    ),
}
_HEADINGS = {
    ".md": re.compile(r"^(?P<marks>#+) (?P<text>.+)$", re.M),
    ".rst": re.compile(r"^(?P<text>\S.*)\n(?P<marks>[=^-])(?P=marks)+$", re.M),
}
_LEVELS = {"=": 1, "-": 2, "^": 3}


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks_of(document: str, language: str) -> list[Block]:
    found = _BLOCKS[Path(document).suffix].finditer(text_of(document))
    blocks = [
        Block(match["language"], textwrap.dedent(match["text"]).rstrip("\n") + "\n", match["mark"] or "")
        for match in found
    ]
    return [block for block in blocks if block.language == language]


class Section(NamedTuple):
    level: int
    heading: str
    """With its markup."""
    text: str
    """Without the sections below it."""


def sections_of(document: str) -> list[Section]:
    kind, text = Path(document).suffix, text_of(document)
    # What looks like a heading in a block of code is a comment.
    text = re.sub(r"^```.*?^```$", lambda block: re.sub(r"^#", " #", block[0], flags=re.M), text, flags=re.M | re.S)
    headings = list(_HEADINGS[kind].finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return [
        Section(_LEVELS.get(heading["marks"], len(heading["marks"])), heading["text"], text[heading.end() : end])
        for heading, end in zip(headings, ends)
    ]


def section_of(document: str, heading: str) -> str:
    (section,) = [section for section in sections_of(document) if section.heading == heading]
    return section.text


Table = list[list[str]]
"""Rows of cells with their markup. The first row is the heading."""


def tables_in(text: str) -> list[Table]:
    """The tables of a text in either markup."""
    markdown = re.findall(r"(?:^\|.*\|\n)+", text, re.M)
    tables = [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines() if set(row) - set("|-: ")]
        for table in markdown
    ]
    for table in re.findall(r"^\.\. list-table::\n(?:   :.*\n)*\n((?:   [* ] -.*\n)+)", text, re.M):
        rows: Table = []
        for line in table.splitlines():
            if line.startswith("   * -"):
                rows.append([])
            rows[-1].append(line[6:].strip())
        tables.append(rows)
    return tables


def rows_of(document: str, heading: str) -> Table:
    """The rows below the heading of the first table whose first column has it, without the markup of code."""
    table = next(table for table in tables_in(text_of(document)) if table[0][0] == heading)
    return [[cell.replace("`", "") for cell in row] for row in table[1:]]


def commands_of(document: str) -> list[str]:
    """The commands of all blocks for a shell. One that goes on over several lines is one line here."""
    return [line for block in blocks_of(document, "shell") for line in re.sub(r"\\\n *", "", block.text).splitlines()]
