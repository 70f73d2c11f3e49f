# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tools import zip_bytecode

# Says what it counts, and where it thinks that it is.
SOURCE = "import sys\nsys.stdout.write(f'{COUNT} {(lambda: 0).__code__.co_filename}')\n"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def run_zipped(archive: Path, count: int, cache: Path | None) -> str:
    """What a module prints that is imported from this zip, in a process of its own."""
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("zipped.py", SOURCE.replace("COUNT", str(count)))
    program = "import zip_bytecode; zip_bytecode.start(); import zipped"
    path = [str(archive), str(Path(zip_bytecode.__file__).parent)]
    arguments = [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {path}; {program}"]
    env = {"PYTHONPYCACHEPREFIX": str(cache)} if cache else {}
    return subprocess.run(arguments, env=env, check=True, capture_output=True, text=True).stdout


def kept(cache: Path) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in (cache / "zips").iterdir()}


def test_the_same_source_is_compiled_once_wherever_its_zip_is(tmp_path: Path, cache: Path) -> None:
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    assert run_zipped(first, 1, cache) == f"1 {first}/zipped.py"
    after_first = kept(cache)
    assert len(after_first) == 1
    assert run_zipped(second, 1, cache) == f"1 {second}/zipped.py"
    assert kept(cache) == after_first


def test_another_source_is_compiled_anew(tmp_path: Path, cache: Path) -> None:
    archive = tmp_path / "1.zip"
    run_zipped(archive, 1, cache)
    assert run_zipped(archive, 2, cache).startswith("2 ")
    assert len(kept(cache)) == 2


def test_what_is_kept_is_what_runs(tmp_path: Path, cache: Path) -> None:
    """Or else the cache would save nothing, and nobody would notice."""
    archive = tmp_path / "1.zip"
    run_zipped(archive, 1, cache)
    (first,) = kept(cache)
    run_zipped(archive, 2, cache)
    (second,) = kept(cache).keys() - {first}
    first.write_bytes(second.read_bytes())
    assert run_zipped(archive, 1, cache).startswith("2 ")


def test_without_a_place_for_bytecode_nothing_is_kept(tmp_path: Path, cache: Path) -> None:
    archive = tmp_path / "1.zip"
    assert run_zipped(archive, 1, None) == f"1 {archive}/zipped.py"
    assert not cache.exists()
