# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API key is masked in every form in which it may come back."""

from __future__ import annotations

import base64
import json
import typing as t
from urllib.parse import quote, quote_plus

from ansible_collections.coralogix.incidents.plugins.module_utils._secrets import MASK, Masker
from hypothesis import assume, given, settings
from hypothesis import strategies as st

# What the settings accept as a key, long enough to be one.
keys = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\"'"), min_size=8, max_size=40)

FORMS: dict[str, t.Callable[[str], str]] = {
    "plain": str,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with escaped slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded, slashes kept": quote,
    "percent-encoded in lower case": lambda text: _lower_hex(quote(text, safe="")),
    "form-encoded": quote_plus,
    "representation": repr,
    "representation of bytes": lambda text: repr(text.encode()),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
}


def _lower_hex(text: str) -> str:
    first, *rest = text.split("%")
    return first + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)


def reveals(text: str, key: str) -> bool:
    return any(form in text for form in (key, json.dumps(key)[1:-1], quote(key, safe="")))


@settings(max_examples=100)
@given(
    key=keys, before=st.text("ab:/ ", max_size=5), after=st.text("yz\n?", max_size=5), form=st.sampled_from([*FORMS])
)
def test_key_is_masked_in_every_form_and_every_surrounding(key: str, before: str, after: str, form: str) -> None:
    encoded = FORMS[form](before + key + after)
    masked = Masker({key}).mask(encoded)
    assert MASK in masked
    assert not reveals(masked, key)


@settings(max_examples=100)
@given(key=keys, form=st.sampled_from([*FORMS]), ensure_ascii=st.booleans())
def test_key_in_json_is_noticed_and_masked_in_keys_and_values(key: str, form: str, ensure_ascii: bool) -> None:
    text = FORMS[form](key)
    answer = {"a": [{text: 1}, (text, 2, None, True)], "b": "x"}
    masker = Masker({key})
    assert masker.may_occur_in(json.dumps(answer, ensure_ascii=ensure_ascii).encode())
    masked = masker.mask_value(answer)
    assert not reveals(json.dumps(masked), key)
    assert masked["b"] == "x"
    assert masked["a"][1][1:] == [2, None, True]


@given(key=keys, text=st.text())
def test_other_text_stays(key: str, text: str) -> None:
    assume(not any(form in text for form in Masker({key}).forms))
    assert Masker({key}).mask(text) == text


def test_longer_secret_is_masked_first() -> None:
    assert Masker({"secret-key", "Bearer secret-key"}).mask("is Bearer secret-key") == f"is {MASK}"


def test_short_secret_is_masked_only_as_it_is() -> None:
    assert Masker({"a/b"}).mask("a/b a%2Fb") == f"{MASK} a%2Fb"
    assert Masker(()).mask("text") == "text"
