# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file in which an event source remembers which events it has sent, across restarts.

One line of JSON says what the file is, one line holds each item, and the last one proves that the file is whole. The
lines of items are kept as text, so that writing the file costs little even where it is large.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import typing as t
import zlib

from ._errors import CoralogixError, option_invalid

_FORMAT = "coralogix.incidents event source"
_VERSION = 1


class Header(t.NamedTuple):
    """What is remembered besides the items."""

    generation: int = 0
    newest: str = ""


class StateFile:
    """The state of one event source. Nobody else may use the file while this object has it locked.

    C(owner) says whose state it is: the host and the kind of resource. A state of another owner is refused.
    """

    def __init__(self, path: str, owner: str) -> None:
        self._given = path
        # A symbolic link stays one.
        self._path = os.path.realpath(path)
        self._owner = owner
        self._lock: t.Any = None
        self._lines: dict[str, str] = {}
        self.header = Header()
        self.is_dirty = False

    def open(self) -> list[str] | None:
        """Lock the file and read it. Returns the lines of the items, or None if there is no state yet.

        Raises CoralogixError(OptionInvalid).
        """
        try:
            self._lock = _lock(self._path + ".lock")
        except BlockingIOError:
            raise option_invalid(
                f"state_path is {self._given!r}. Another event source uses this file now. Each source needs its own."
            ) from None
        except OSError as error:
            raise self._unusable(error) from None
        if os.path.exists(self._path) and not os.path.isfile(self._path):
            # A pipe or a device would be read for ever.
            raise option_invalid(f"state_path is {self._given!r}. It is a folder, a pipe or a device. Name a file.")
        try:
            with open(self._path, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise self.damaged("is not UTF-8 text") from None
        except OSError as error:
            raise self._unusable(error) from None
        if not text.strip():
            return None
        return self._parse(text)

    def put(self, item_id: str, line: str) -> None:
        """Remember an item. It is in the file after the next C(save)."""
        if self._lines.get(item_id) != line:
            self._lines[item_id] = line
            self.is_dirty = True

    def finish(self, header: Header, forgotten: t.Iterable[str]) -> None:
        """Remember that all of a poll has arrived. It is in the file after the next C(save)."""
        for item_id in forgotten:
            self.is_dirty = self._lines.pop(item_id, None) is not None or self.is_dirty
        if header != self.header:
            self.header = header
            self.is_dirty = True

    def save(self) -> None:
        """Replace the file. Whatever happens, either the old or the new content is there as a whole.

        Raises OSError.
        """
        if not self.is_dirty:
            return
        first = {"format": _FORMAT, "version": _VERSION, "owner": self._owner, **self.header._asdict()}
        content = "\n".join([json.dumps(first), *self._lines.values(), ""])
        data = content.encode()
        data += f'{{"items": {len(self._lines)}, "crc32": {zlib.crc32(data)}}}\n'.encode()
        _replace(self._path, data)
        self.is_dirty = False

    def close(self) -> None:
        """Give up the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _parse(self, text: str) -> list[str]:
        lines = text.split("\n")
        try:
            first = json.loads(lines[0])
            is_ours = isinstance(first, dict) and first.get("format") == _FORMAT
        except (ValueError, RecursionError):
            is_ours = False
        if not is_ours:
            raise self._refused("It is not the state of an event source of coralogix.incidents.")
        if first.get("version") != _VERSION:
            raise self._refused(
                f"It was written in format {first.get('version')}, and this version needs format {_VERSION}."
            )
        if first.get("owner") != self._owner:
            raise self._refused(f"It is the state of {first.get('owner')}, and this source watches {self._owner}.")
        try:
            last = json.loads(lines[-2])
            whole = "\n".join([*lines[:-2], ""]).encode()
            is_whole = lines[-1] == "" and last == {"items": len(lines) - 3, "crc32": zlib.crc32(whole)}
            header = Header(int(first["generation"]), str(first["newest"]))
            items = {_item_id(line): line for line in lines[1:-2]}
        except (ValueError, LookupError, TypeError, RecursionError):
            is_whole = False
        if not is_whole:
            raise self.damaged()
        self.header = header
        self._lines = items
        return list(self._lines.values())

    def damaged(self, problem: str = "is damaged") -> CoralogixError:
        """The exception for a file whose content cannot be used."""
        return self._refused(f"The file {problem}.")

    def _refused(self, problem: str) -> CoralogixError:
        return option_invalid(
            f"state_path is {self._given!r}. {problem} It was not changed. Name another file, or remove this one to "
            "start from now."
        )

    def _unusable(self, error: OSError) -> Exception:
        return option_invalid(f"state_path is {self._given!r}. The file cannot be used: {error.strerror or error}.")


def _item_id(line: str) -> str:
    return str(json.loads(line)[0]["id"])


def _lock(path: str) -> int:
    """A descriptor that holds a lock, which ends with the process. Raises BlockingIOError if somebody has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _replace(path: str, data: bytes) -> None:
    folder = os.path.dirname(path)
    # Readable by its owner alone, as temporary files are.
    descriptor, temporary = tempfile.mkstemp(prefix=f"{os.path.basename(path)}.", suffix=".new", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    # The new name must be on the disk as well.
    folder_descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(folder_descriptor)
    finally:
        os.close(folder_descriptor)
