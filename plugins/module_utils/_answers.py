# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an HTTP answer means: the JSON in it, or a failure. No I/O."""

from __future__ import annotations

import json
import re
import typing as t

from ._errors import Failure, FailureKind
from ._retry import RETRY_STATUSES, parse_http_date, parse_retry_after


class Response(t.NamedTuple):
    """An HTTP answer with its whole body, decompressed."""

    status: int
    headers: t.Mapping[str, str]
    """Looked up without regard to case."""
    body: bytes


# Values in the JSON of one answer. Each takes at least 70 bytes of memory, however short it is in the JSON. 10,000
# incidents with 40 events each have about 4 million.
MAX_VALUES = 8_000_000

_KINDS_BY_STATUS = {
    400: FailureKind.INVALID,
    401: FailureKind.UNAUTHENTICATED,
    403: FailureKind.FORBIDDEN,
    404: FailureKind.NO_ROUTE,
    405: FailureKind.NO_ROUTE,
    # The service or a proxy gave up half-way.
    408: FailureKind.SERVER_ERROR,
    414: FailureKind.URL_TOO_LONG,
    429: FailureKind.RATE_LIMITED,
    499: FailureKind.SERVER_ERROR,
    # The gateway's status for a method that a route does not have.
    501: FailureKind.NO_ROUTE,
}
# Coralogix answers in JSON or plain text. HTML comes from something in front of it, or from another service.
_KINDS_OF_HTML = {
    FailureKind.INVALID: FailureKind.HTML_REFUSED,
    FailureKind.UNAUTHENTICATED: FailureKind.HTML_REFUSED,
    FailureKind.FORBIDDEN: FailureKind.HTML_REFUSED,
    FailureKind.REFUSED: FailureKind.HTML_REFUSED,
    FailureKind.NO_ROUTE: FailureKind.HTML_NOT_FOUND,
}
# The gateway itself accepts no answer above a certain size. It says so with the status of a limited rate.
_TOO_LARGE = r"(?i).*\blarger than max\b"
# A missing route is "Not Found" or "Not Found: Not Found". The vendor's SDK tells the two apart in the same way.
_UNKNOWN_ITEM = r"(?i)not found: (?!not found\Z)"


Load = t.Callable[[bytes], t.Any]
"""From a body to the JSON in it. Raises ValueError and RecursionError."""


def classify_response(response: Response, now: float, load: Load = json.loads, noun: str = "") -> t.Any | Failure:
    """The JSON object of an answer, or the failure that the answer means.

    C(now) is Unix time, C(noun) what the IDs in the request are IDs of.
    """
    status = response.status
    if 200 <= status < 300:
        return decode_json(response, load)
    message = error_message(response)
    if 300 <= status < 400:
        location = response.headers.get("Location")
        # A write may have been carried out before the redirect.
        return Failure(
            FailureKind.REDIRECT, f"to {location}" if location else "to nowhere", status, may_have_applied=True
        )
    if status < 200 or status >= 600:
        return Failure(FailureKind.UNEXPECTED_STATUS, message, status, may_have_applied=True)
    kind = _KINDS_BY_STATUS.get(status, FailureKind.SERVER_ERROR if status >= 500 else FailureKind.REFUSED)
    if _is_html(response):
        kind = _KINDS_OF_HTML.get(kind, kind)
    elif status == 404 and (re.match(_UNKNOWN_ITEM, message) or (noun and re.search(rf"(?i)\b{noun}\b", message))):
        kind = FailureKind.UNKNOWN_ID
    elif status == 429 and re.match(_TOO_LARGE, message):
        return Failure(FailureKind.ANSWER_TOO_LARGE_FOR_GATEWAY, message, status, may_have_applied=True)
    return Failure(
        kind,
        message,
        status,
        retryable=status in RETRY_STATUSES,
        may_have_applied=kind is FailureKind.SERVER_ERROR,
        # The clocks of the service and of this machine may differ.
        retry_after=parse_retry_after(
            response.headers.get("Retry-After"), parse_http_date(response.headers.get("Date")) or now
        ),
    )


def decode_json(response: Response, load: Load = json.loads) -> t.Any | Failure:
    """The JSON object in an answer of status 2xx, or the failure."""
    status, body = response.status, response.body
    if _has_too_many_values(body):
        message = f"it has more than {MAX_VALUES // 1_000_000} million values"
        return Failure(FailureKind.ANSWER_TOO_LARGE, message, status, may_have_applied=True)
    try:
        answer = load(body)
    except RecursionError:
        return Failure(FailureKind.BROKEN_JSON, "it is nested too deep", status, may_have_applied=True)
    except ValueError:
        if body.lstrip()[:1] in (b"{", b"["):
            # The message does not quote the answer: that would be a piece of incident data.
            return Failure(FailureKind.BROKEN_JSON, f"{len(body)} bytes", status, retryable=True, may_have_applied=True)
        # HTML is somebody else's answer and comes again. Anything else may be a broken answer.
        message = error_message(response) or "an empty answer"
        return Failure(FailureKind.NOT_JSON, message, status, retryable=not _is_html(response), may_have_applied=True)
    if not isinstance(answer, dict):
        message = f"not an object but {type(answer).__name__}"
        return Failure(FailureKind.UNEXPECTED_JSON, message, status, may_have_applied=True)
    return answer


def load_with_shared_texts(body: bytes) -> t.Any:
    """Decode JSON so that equal texts are one object: thousands of incidents share a few states, names and users.

    That takes longer than json.loads. It saves a tenth of the memory of a large task, and time wherever the incidents
    are copied.
    """
    texts: dict[str, str] = {}

    def share(values: dict[str, t.Any]) -> dict[str, t.Any]:
        for key, value in values.items():
            if isinstance(value, str):
                values[key] = texts.setdefault(value, value)
        return values

    return json.loads(body, object_hook=share)


def _has_too_many_values(body: bytes) -> bool:
    """Whether JSON may have more values than allowed. Before each is a comma, a bracket, or its name."""
    return len(body) > MAX_VALUES and sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES


def error_message(response: Response) -> str:
    """The message in the body of an error: JSON of any known shape, the title of an HTML page, or plain text."""
    text = response.body.decode("utf-8", "replace").strip()
    if _is_html(response):
        title = re.search(r"<title[^>]{0,99}>([^<]+)", text, re.I)
        return f"an HTML page titled '{title.group(1).strip()}'" if title else "an HTML page"
    if _has_too_many_values(response.body):
        return text
    try:
        answer: t.Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return message_in(answer) or text


def message_in(answer: t.Any) -> str | None:
    """The text in C({"message": …}), C({"error": …}), C({"error": {"message": …}}) or C({"detail": …})."""
    while isinstance(answer, dict):
        answer = next((answer[key] for key in ("message", "error", "detail") if answer.get(key)), None)
    return answer if isinstance(answer, str) else None


def _is_html(response: Response) -> bool:
    return "html" in response.headers.get("Content-Type", "").lower() or response.body.lstrip()[:1] == b"<"
