# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pages of a list, with tokens that are valid for the query they were given for."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from .schema import BadRequest
from .store import Thing

# How many things a page has when the request does not say; the contract does not name it.
DEFAULT_PAGE_SIZE = 100


class Page(NamedTuple):
    things: Sequence[Thing]
    size: int
    next_token: str | None


def _token(offset: int, digest: int) -> str:
    return base64.urlsafe_b64encode(f"{offset}.{digest}".encode()).decode()


def _offset(token: str | None, digest: int) -> int:
    if not token:
        return 0
    try:
        offset, of = map(int, base64.urlsafe_b64decode(token.encode()).decode().split("."))
    except (ValueError, binascii.Error):
        raise BadRequest("invalid page token") from None
    if of != digest:
        raise BadRequest("the page token belongs to another query")
    return offset


def page(things: Sequence[Thing], query: Any, pagination: dict[str, Any], endless: bool = False) -> Page:
    """The page that `pagination` names of the things that `query` found; `endless` always promises another."""
    digest = zlib.crc32(json.dumps(query, sort_keys=True, default=str).encode())
    size = pagination.get("pageSize", DEFAULT_PAGE_SIZE)
    if size < 1:
        raise BadRequest("pagination.pageSize must be positive")
    start = _offset(pagination.get("pageToken"), digest) or pagination.get("skip", 0)
    end = start + size
    return Page(things[start:end], size, _token(end, digest) if endless or end < len(things) else None)
