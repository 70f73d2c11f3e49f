# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Masks the API key in text, in every form in which a service, a proxy or a library may repeat it."""

from __future__ import annotations

import base64
import json
import typing as t
from urllib.parse import quote

MASK = "********"
# Shorter keys exist in tests only. Their encoded forms would match by chance.
_SHORTEST = 8


class Masker:
    """Replaces secrets in text. Knows them as they are, percent-encoded, escaped, and in base64."""

    def __init__(self, secrets: t.Iterable[str]) -> None:
        forms = {form for secret in secrets for form in secret_forms(secret)}
        # The longest one first: a form may contain another one.
        self.forms = tuple(sorted(forms, key=len, reverse=True))
        # In JSON, each of these forms may be escaped once more.
        self._in_json = frozenset(_encode(text) for form in forms for text in (form, json.dumps(form)[1:-1]))

    def mask(self, text: str) -> str:
        """The text with every form of every secret replaced."""
        for form in self.forms:
            text = text.replace(form, MASK)
        return text

    def may_occur_in(self, body: bytes) -> bool:
        """Whether a secret may be in JSON. False is certain; true asks for a closer look."""
        return has_escape(body, b"\\u") or has_escape(body, b"\\/") or any(text in body for text in self._in_json)

    def mask_value(self, value: t.Any) -> t.Any:
        """The same value of plain JSON types with secrets masked, in the keys of maps as well."""
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, dict):
            return {self.mask_value(key): self.mask_value(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.mask_value(inner) for inner in value]
        return value


def has_escape(body: bytes, escape: bytes) -> bool:
    """Whether an escape sequence may be in JSON."""
    # Many answers have none at all. The search for a single byte is ten times as fast.
    return b"\\" in body and escape in body


def secret_forms(secret: str) -> set[str]:
    """The forms of one secret that are looked for."""
    if len(secret) < _SHORTEST:
        return {secret}
    escaped = json.dumps(secret)[1:-1]
    percent = quote(_encode(secret), safe="")
    forms = {secret, percent, percent.replace("%2F", "/"), escaped, escaped.replace("/", "\\/"), repr(secret)[1:-1]}
    forms.add(_lower_hex(percent))
    for offset in range(3):
        # Base64 of a longer text that contains the secret: its first and last characters depend on the neighbours.
        encoded = base64.b64encode(b"\0" * offset + _encode(secret)).decode().rstrip("=")
        inner = encoded[(0, 2, 3)[offset] : -1]
        forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {form for form in forms if form}


def _encode(text: str) -> bytes:
    """Bytes of any text. A variable of the environment may hold bytes that are no UTF-8: surrogates in the text."""
    return text.encode("utf-8", "surrogatepass")


def _lower_hex(percent_encoded: str) -> str:
    """%2F as %2f."""
    first, *rest = percent_encoded.split("%")
    return first + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)
