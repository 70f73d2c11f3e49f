# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers become something that Ansible can pass on, and warnings say what had to be changed."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _portable
from ansible_collections.coralogix.incidents.plugins.module_utils._portable import CUT, RENAMED, REPAIRED, TOO_DEEP
from ansible_collections.coralogix.incidents.plugins.module_utils._secrets import MASK, Masker
from helpers import KEY, table
from hypothesis import given
from hypothesis import strategies as st


def portable(body: bytes) -> tuple[t.Any, list[str]]:
    return _portable.make_portable(json.loads(body), body, Masker({KEY}))


def depth(value: t.Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def nested(levels: int) -> bytes:
    return b'{"a":' + b'[{"b":' * (levels // 2) + b"1" + b"}]" * (levels // 2) + b"}"


CASES: dict[str, tuple[bytes, t.Any, list[str]]] = {
    "plain": (b'{"a": ["\\u00e9", 1.5, null]}', {"a": ["\u00e9", 1.5, None]}, []),
    "brackets in a text": (b'{"a": "' + b"[" * 200 + b'"}', {"a": "[" * 200}, []),
    "reserved keys": (
        b'{"a": [{"__ansible_type": {"__ansible_unsafe": 1}, "_ansible_type": 2, "ansible_type": 3}]}',
        {"a": [{"____ansible_type": {"____ansible_unsafe": 1}, "___ansible_type": 2, "ansible_type": 3}]},
        [RENAMED],
    ),
    "escaped reserved key": (b'{"\\u005f_ansible_type": 1}', {"____ansible_type": 1}, [RENAMED]),
    "reserved text is no key": (b'{"a": "__ansible_type"}', {"a": "__ansible_type"}, []),
    "lone surrogates": (b'{"a\\uDFFF": ["\\ud83d"]}', {"a\ufffd": ["\ufffd"]}, [REPAIRED]),
    "surrogate in bytes": (b'{"a": "\xed\xa0\xbd"}', {"a": "\ufffd"}, [REPAIRED]),
    "surrogate pair": (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}, []),
    "escaped backslash": (b'{"a": "\\\\ud83d"}', {"a": "\\ud83d"}, []),
    "key": (json.dumps({f"k {KEY}": [f"v {KEY}"]}).encode(), {f"k {MASK}": [f"v {MASK}"]}, []),
    "key, escaped": (
        b'{"a": "' + KEY.replace("/", "\\/").replace("c", "\\u0063").encode() + b'"}',
        {"a": MASK},
        [],
    ),
}


@table("body, expected, warnings", CASES)
def test_only_what_ansible_cannot_carry_is_changed(body: bytes, expected: t.Any, warnings: list[str]) -> None:
    assert portable(body) == (expected, warnings)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@table("body, expected, warnings", CASES)
def test_other_encodings_of_json_are_treated_alike(
    encoding: str, body: bytes, expected: t.Any, warnings: list[str]
) -> None:
    text = json.dumps(json.loads(body), ensure_ascii=False)
    assert portable(text.encode(encoding, "surrogatepass")) == (expected, warnings)


@pytest.mark.parametrize("levels", [0, 60, 62, 64, 66, 400])
def test_deep_nesting_is_cut(levels: int) -> None:
    # Brackets in a text must not hide the others.
    answer, warnings = portable(nested(levels).replace(b"1", b'"]]["'))
    assert warnings == ([CUT] if levels > 62 else [])
    assert depth(answer) == min(levels + 1, _portable.MAX_DEPTH)
    assert (TOO_DEEP in json.dumps(answer)) == (levels > 62)


def test_deep_nesting_with_a_surrogate_is_cut_and_repaired() -> None:
    """However deep JSON may be to be read, it is not too deep to be repaired."""
    for levels in range(200, 4000, 100):
        body = nested(levels).replace(b"1", b'"\\ud83d"').replace(b'{"a":', b'{"\\ud83d": 0, "a":', 1)
        try:
            json.loads(body)
        except RecursionError:
            return
        answer, warnings = portable(body)
        assert (sorted(warnings), answer["\ufffd"]) == (sorted([CUT, REPAIRED]), 0)


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from([KEY, "\ud83d"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=2) | st.sampled_from(["__ansible_x", "_ansible_x", KEY, "\udc00"]), inner, max_size=3
        )
    ),
)


@given(value=json_values, ensure_ascii=st.booleans())
def test_every_answer_becomes_portable(value: t.Any, ensure_ascii: bool) -> None:
    answer, _warnings = portable(json.dumps({"a": value}, ensure_ascii=ensure_ascii).encode("utf-8", "surrogatepass"))
    text = json.dumps(answer, ensure_ascii=False)
    text.encode()
    assert KEY not in text
    assert '"__ansible_' not in text
    assert '"_ansible_' not in text
