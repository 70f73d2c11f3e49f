# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes an answer portable: Ansible can pass it on, and the API key is not in it.

Labels, names and keys of maps are user data. Ansible reserves some keys of maps, fails on deep nesting, and cannot
pass on half of a surrogate pair. All of it is found out before anything is written.
"""

from __future__ import annotations

import json
import re
import typing as t

from ._secrets import Masker, has_escape

# Levels of nesting. The API documents eight; Ansible's own functions fail at some hundreds.
MAX_DEPTH = 64
TOO_DEEP = "(nested too deep)"
# Ansible takes maps with keys such as __ansible_type for values of its own, and drops keys such as _ansible_verbose
# from facts. With two more underscores, it leaves them alone, and no two keys become the same.
_RESERVED_KEY = re.compile("_+ansible_")

_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
# A surrogate, as its escape sequence or as its bytes. Two make a character; one alone has no encoding.
_SURROGATE = re.compile(rb"\\u[Dd][89A-Fa-f]|\xed[\xa0-\xbf]")

RENAMED = (
    "Keys of maps that Ansible reserves were renamed: two underscores were put in front of _ansible_… and __ansible_…"
)
CUT = f"Values nested more than {MAX_DEPTH} levels deep were replaced by {TOO_DEEP!r}."
REPAIRED = "Characters that have no UTF-8 encoding were replaced by \ufffd."


def make_portable(answer: t.Any, body: bytes, masker: Masker) -> tuple[t.Any, list[str]]:
    """The answer that was decoded from the body, and warnings about what had to be changed in it.

    Most answers are returned as they are, after a few fast searches in the body.
    """
    warnings = []
    for is_needed, repair, warning in _REPAIRS:
        if is_needed(body):
            repaired = repair(answer)
            if repaired != answer:
                answer = repaired
                warnings.append(warning)
        if json.detect_encoding(body) not in ("utf-8", "utf-8-sig"):
            # The other searches are for UTF-8, in which nearly every answer comes.
            body = json.dumps(answer).encode()
    if masker.may_occur_in(body):
        answer = masker.mask_value(answer)
    return answer, warnings


def is_deep(body: bytes) -> bool:
    """Whether JSON may be nested deeper than allowed.

    Brackets in texts count as well. So true is not certain, and texts that are made for it can hide nesting. To leave
    texts out would take longer than decoding the JSON.
    """
    brackets = body.translate(None, _BRACKETS)
    for _level in range(MAX_DEPTH // 2):
        if not brackets:
            return False
        shorter = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(shorter) == len(brackets):
            return True
        brackets = shorter
    return bool(brackets)


def _cut(value: t.Any, levels: int) -> t.Any:
    if isinstance(value, dict):
        return {key: _cut(inner, levels - 1) for key, inner in value.items()} if levels else TOO_DEEP
    if isinstance(value, list):
        return [_cut(inner, levels - 1) for inner in value] if levels else TOO_DEEP
    return value


def _rename(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {f"__{key}" if _RESERVED_KEY.match(key) else key: _rename(inner) for key, inner in value.items()}
    return [_rename(inner) for inner in value] if isinstance(value, list) else value


def _has_surrogate(body: bytes) -> bool:
    # The pattern is slow, and few answers have what it begins with.
    return (has_escape(body, b"\\u") or b"\xed" in body) and _SURROGATE.search(body) is not None


def _repair_surrogates(answer: t.Any) -> t.Any:
    text = json.dumps(answer, ensure_ascii=False)
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


# Whether a repair may be needed, by the body; the repair; the warning. What is nested too deep comes first: the others
# could not even walk through it.
_REPAIRS: tuple[tuple[t.Callable[[bytes], t.Any], t.Callable[[t.Any], t.Any], str], ...] = (
    (is_deep, lambda answer: _cut(answer, MAX_DEPTH), CUT),
    (_has_surrogate, _repair_surrogates, REPAIRED),
    (lambda body: has_escape(body, b"\\u") or b"_ansible_" in body, _rename, RENAMED),
)
