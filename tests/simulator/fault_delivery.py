# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent, and how, when a fault applies."""

from __future__ import annotations

import copy
import dataclasses
import gzip
import json
import zlib
from collections.abc import Mapping
from typing import Any, Callable

from .faults import Fault
from .gateway import BLANKS, HTML, JSON, TEXT, Padded, Reply, parsed
from .wire import Delivery

ErrorReply = Callable[[int, str], Reply]

_GZIP_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
_NESTED = "nested here"


def _content_type(content: Any) -> str:
    if parsed(content) is not None or content is None:
        return JSON
    text = content.decode("latin-1") if isinstance(content, bytes) else content
    return HTML if text.lstrip().startswith("<") else TEXT


def _with_status(fault: Fault, true: Reply, error: ErrorReply) -> Delivery:
    status = fault.status or 307
    location = {} if fault.redirect is None else {"Location": fault.redirect}
    headers = tuple({**location, **fault.headers}.items())
    if fault.has_body:
        reply = Reply(status, fault.body, _content_type(fault.body), headers)
    else:
        reply = dataclasses.replace(error(status, "a fault on demand"), headers=headers)
    return Delivery(reply=reply)


def _replaced(fault: Fault, true: Reply, error: ErrorReply) -> Delivery:
    # What changes an answer leaves an error an error.
    is_change = callable(fault.replace)
    new = fault.replace(copy.deepcopy(true.answer)) if is_change else fault.replace
    status = true.status if is_change else 200
    return Delivery(reply=Reply(status, new, _content_type(new), tuple(fault.headers.items())))


def _malformed(fault: Fault, true: Reply, error: ErrorReply) -> Delivery:
    content = true.encode()
    return Delivery(reply=dataclasses.replace(true, content=content[: len(content) // 2]))


def _padded(size: int, true: Reply) -> Padded:
    # Before the last brace: whoever stops reading in between has no whole JSON.
    content = true.encode()
    return Padded(content[:-1], max(0, size - len(content)), content[-1:])


def _gzip(content: Padded) -> bytes:
    """As gzip.compress, without a second of work for each 200 MB: all blocks of blanks are compressed alike."""
    whole_blocks, rest = divmod(content.fill, len(BLANKS))
    last = BLANKS[:rest] + content.after
    checksum = zlib.crc32(content.before)
    for _block in range(whole_blocks):
        checksum = zlib.crc32(BLANKS, checksum)
    checksum, size = zlib.crc32(last, checksum), len(content.before) + content.fill + len(content.after)
    parts = []
    for part in (content.before, BLANKS, last):
        deflate = zlib.compressobj(9, wbits=-15)
        parts.append(deflate.compress(part) + deflate.flush(zlib.Z_FINISH if part is last else zlib.Z_FULL_FLUSH))
    trailer = checksum.to_bytes(4, "little") + (size % (1 << 32)).to_bytes(4, "little")
    return _GZIP_HEADER + parts[0] + parts[1] * whole_blocks + parts[2] + trailer


def _inflating(fault: Fault, true: Reply, error: ErrorReply) -> Delivery:
    content = _gzip(_padded(fault.inflate_to or 0, true))
    for _layer in range(1, fault.gzip_layers):
        content = gzip.compress(content)
    encoding = ", ".join(["gzip"] * fault.gzip_layers)
    headers = (*true.headers, ("Content-Encoding", encoding))
    return Delivery(reply=dataclasses.replace(true, content=content, headers=headers))


def _first_thing(answer: Any) -> Any:
    """The first thing that an answer shows, or the innermost object above where one would be."""
    inner = next(iter(answer.values() if isinstance(answer, dict) else answer), None)
    if isinstance(inner, (dict, list)) and not (isinstance(answer, dict) and "id" in answer):
        return _first_thing(inner) or answer
    return answer if isinstance(answer, dict) else None


def _nested(fault: Fault, true: Reply, error: ErrorReply) -> Delivery:
    # As text: Python's own encoder does not go that deep.
    levels, answer = fault.nest or 0, copy.deepcopy(true.answer)
    thing = _first_thing(answer) if isinstance(answer, dict) else None
    if thing is None:
        answer = _NESTED
    else:
        thing["nested"] = _NESTED
    text = json.dumps(answer).replace(json.dumps(_NESTED), "[" * levels + "]" * levels)
    return Delivery(reply=dataclasses.replace(true, content=text))


_DELIVERIES: Mapping[str, Callable[[Fault, Reply, ErrorReply], Delivery]] = {
    "status": _with_status,
    "redirect": _with_status,
    "replace": _replaced,
    "malformed": _malformed,
    "inflate_to": _inflating,
    "nest": _nested,
    "pad_to": lambda fault, true, error: Delivery(
        reply=dataclasses.replace(true, content=_padded(fault.pad_to or 0, true))
    ),
    "reset": lambda fault, true, error: Delivery("reset"),
    "hang": lambda fault, true, error: Delivery("drop"),
    "raw": lambda fault, true, error: Delivery("raw", raw=fault.raw_bytes),
    "truncate": lambda fault, true, error: Delivery("truncated", true),
    "truncate_chunked": lambda fault, true, error: Delivery("truncated_chunked", true),
}


def deliver(fault: Fault, true: Reply, error: ErrorReply) -> Delivery:
    """What is sent in place of the true answer; `error` makes an error of the server's style."""
    spoil = _DELIVERIES.get(fault.kind)
    delivery = spoil(fault, true, error) if spoil else Delivery(reply=true)
    if fault.drip and delivery.how == "whole":
        delivery = dataclasses.replace(
            delivery,
            how="drip",
            drip=fault.drip,
            drip_part=fault.drip_part,
            interim_statuses=tuple(fault.interim_statuses),
        )
    return delivery
