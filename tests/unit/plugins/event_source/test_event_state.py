# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state file is whole at any time, has one owner, and never replaces a file of somebody else."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _event_state
from ansible_collections.coralogix.incidents.plugins.module_utils._event_state import Header, StateFile
from helpers import refusal, table

OWNER = "incidents at api.example.com"
LINE_A, LINE_B = '[{"id":"A"},["",0],0,{}]', '[{"id":"B","n":"\u00e9"},["",0],0,{}]'
HEADER = Header(3, "2026-11-23T03:00:00Z")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def state(path: Path) -> t.Iterator[StateFile]:
    opened = StateFile(str(path), OWNER)
    assert opened.open() is None
    yield opened
    opened.close()


def save_two_items(state: StateFile) -> None:
    state.put("A", LINE_A)
    state.put("B", LINE_B)
    state.finish(HEADER, [])
    state.save()


def reopen(path: Path, owner: str = OWNER) -> tuple[list[str] | None, Header]:
    state = StateFile(str(path), owner)
    try:
        return state.open(), state.header
    finally:
        state.close()


def test_what_was_saved_is_read_again(state: StateFile, path: Path) -> None:
    save_two_items(state)
    state.close()
    assert reopen(path) == ([LINE_A, LINE_B], HEADER)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(path.parent)) == ["state", "state.lock"]


def test_only_what_changed_is_written(state: StateFile, path: Path) -> None:
    save_two_items(state)
    written = path.stat().st_ino
    state.put("A", LINE_A)
    state.finish(HEADER, ["unknown"])
    state.save()
    assert path.stat().st_ino == written
    state.finish(HEADER, ["A"])
    state.save()
    state.close()
    assert reopen(path) == ([LINE_B], HEADER)


def test_a_symbolic_link_stays(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    state = StateFile(str(link), OWNER)
    state.open()
    save_two_items(state)
    state.close()
    assert link.is_symlink()
    assert reopen(path)[0] == [LINE_A, LINE_B]


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_file_is_no_state(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
    assert reopen(path) == (None, Header())


def _without_last_line(text: str) -> str:
    return "\n".join(text.split("\n")[:-2]) + "\n"


@table(
    "damage, words",
    {
        "cut short": (lambda text: text[:-20], "The file is damaged"),
        "without its end": (_without_last_line, "The file is damaged"),
        "one item is missing": (lambda text: text.replace(LINE_A + "\n", ""), "The file is damaged"),
        "another letter": (lambda text: text.replace('"B"', '"C"'), "The file is damaged"),
        "only its beginning": (lambda text: text.split("\n")[0], "The file is damaged"),
        "no number": (lambda text: text.replace('"generation": 3', '"generation": "x"'), "The file is damaged"),
        "something else": (lambda _text: "hello\n", "It is not the state of an event source"),
        "other JSON": (lambda _text: "[]\n", "It is not the state of an event source"),
        "a later format": (lambda text: text.replace('"version": 1', '"version": 2'), "It was written in format 2"),
        "no text": (lambda _text: "\udcff", "The file is not UTF-8 text"),
    },
)
def test_a_damaged_or_foreign_file_is_refused_and_not_changed(
    state: StateFile, path: Path, damage: t.Callable[[str], str], words: str
) -> None:
    save_two_items(state)
    state.close()
    content = damage(path.read_text(encoding="utf-8")).encode("utf-8", "surrogateescape")
    path.write_bytes(content)
    message = refusal(reopen, path)
    assert str(path) in message
    assert words in message
    assert path.read_bytes() == content


def test_the_state_of_another_source_is_refused(state: StateFile, path: Path) -> None:
    save_two_items(state)
    state.close()
    message = refusal(reopen, path, "cases at api.example.com")
    assert "It is the state of incidents at api.example.com, and this source watches cases" in message


def test_two_sources_cannot_use_one_file(state: StateFile, path: Path) -> None:
    assert "Another event source uses this file now" in refusal(reopen, path)
    state.close()
    assert reopen(path)[0] is None


@table(
    "name, words",
    {
        "no folder": ("missing/state", "No such file or directory"),
        "a folder": ("", "It is a folder, a pipe or a device."),
        "a pipe": ("pipe", "It is a folder, a pipe or a device."),
        "a file in place of a folder": ("file/state", "Not a directory"),
    },
)
def test_a_path_that_cannot_be_used_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    assert words in refusal(reopen, tmp_path / name)


def test_a_failed_save_keeps_the_old_file_and_can_be_repeated(
    state: StateFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_two_items(state)
    before = path.read_bytes()
    state.put("C", LINE_A.replace("A", "C"))

    def fail(_number: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(_event_state.os, "fsync", fail)
        with pytest.raises(OSError, match="No space left"):
            state.save()
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == ["state", "state.lock"]
    state.save()
    state.close()
    assert len(reopen(path)[0] or ()) == 3
