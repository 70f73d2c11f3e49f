# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The answers that the gateway, and the front end before it, give by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Callable

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html"


BLANKS = b" " * (1 << 20)


@dataclass(frozen=True)
class Padded:
    """A body with `fill` blanks inside, which need not be in memory all at once."""

    before: bytes
    fill: int
    after: bytes

    def __iter__(self) -> Iterator[bytes]:
        yield self.before
        for start in range(0, self.fill, len(BLANKS)):
            yield BLANKS[: self.fill - start]
        yield self.after


@dataclass(frozen=True)
class Reply:
    status: int
    content: Any
    """JSON-able, or text, bytes or Padded that are sent as they are."""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def answer(self) -> Any:
        content = self.content
        return parsed(content.before + content.after if isinstance(content, Padded) else content)

    @property
    def length(self) -> int:
        content = self.content
        if isinstance(content, Padded):
            return len(content.before) + content.fill + len(content.after)
        return len(self.encode())

    def encode(self) -> bytes:
        if isinstance(self.content, bytes):
            return self.content
        if isinstance(self.content, Padded):
            return b"".join(self.content)
        if isinstance(self.content, str):
            return self.content.encode()
        return json.dumps(self.content, separators=(",", ":")).encode()


def parsed(content: Any) -> Any:
    """What a client makes of the body: JSON, or None if it is not JSON."""
    if not isinstance(content, (str, bytes)):
        return content
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def reason(status: int) -> str:
    return HTTPStatus(status).phrase if status in {s.value for s in HTTPStatus} else "Unknown"


def html_page(status: int, title: str) -> str:
    return (
        f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {title}</h1></center>\r\n<hr><center>nginx</center>\r\n"
        "</body>\r\n</html>\r\n"
    )


_GRPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 429: 8, 500: 13, 501: 12, 503: 14, 504: 4}

ERROR_STYLES: Mapping[str, Callable[[int, str], tuple[Any, str]]] = {
    "json": lambda status, text: ({"code": status, "message": text}, JSON),
    "grpc": lambda status, text: (
        {"code": _GRPC_CODES.get(status, 2), "message": text, "details": []},
        JSON,
    ),
    "text": lambda status, text: (text, TEXT),
    "html": lambda status, text: (html_page(status, reason(status)), HTML),
    "error": lambda status, text: ({"error": text}, JSON),
    "error_message": lambda status, text: ({"error": {"message": text}}, JSON),
    "detail": lambda status, text: ({"detail": text}, JSON),
}

MISSING_ROUTE: Mapping[str, Reply] = {
    "json5": Reply(404, {"code": 5, "message": "Not Found", "details": []}),
    "json404": Reply(404, {"code": 404, "message": "Not Found: Not Found"}),
    "text": Reply(404, "Not Found: Not Found", TEXT),
}

WRONG_METHOD: Mapping[int, Reply] = {
    501: Reply(501, {"code": 12, "message": "Method Not Allowed", "details": []}),
    405: Reply(405, {"code": 405, "message": "Method Not Allowed"}),
}

URL_TOO_LONG = Reply(414, html_page(414, "Request-URI Too Large"), HTML)
