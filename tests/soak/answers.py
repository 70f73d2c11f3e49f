# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an answer of the service says to a reader who knows the API. Nothing comes from the collection."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from simulator import Entry

Incident = Mapping[str, Any]

READ, LIST = "read_many", "list"
CASE_READ, CASE_LIST, CASE_EVENTS, CASE_COMMENT = "case_read", "case_list", "case_events", "case_comment"
ACCEPTED, UNCERTAIN, REFUSED = "accepted", "uncertain", "refused"

MAX_LEVELS = 64
# Faults after which the client has no whole answer, or one that it must not take.
_NOT_RECEIVED = ("truncate", "truncate_chunked", "drip", "inflate_to", "hang", "reset", "raw")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_RESERVED_KEY = re.compile("_+ansible_")


def canonical(text: str) -> str:
    """UUIDs in lower case. In any other text, "a" and "A" are two IDs."""
    return text.lower() if is_uuid(text) else text


def is_uuid(text: str) -> bool:
    return bool(_UUID.match(text))


def portable(value: Any, levels: int = MAX_LEVELS) -> Any:
    """How a value of an answer is to be returned, so that Ansible can carry it."""
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, (dict, list)) and not levels:
        return "(nested too deep)"
    if isinstance(value, dict):
        return {_portable_key(key): portable(inner, levels - 1) for key, inner in value.items()}
    return [portable(inner, levels - 1) for inner in value] if isinstance(value, list) else value


def _portable_key(key: str) -> str:
    return ("__" if _RESERVED_KEY.match(key) else "") + _LONE_SURROGATE.sub("\ufffd", key)


class Content(NamedTuple):
    """What a whole and well-shaped answer says."""

    incidents: Mapping[str, Incident]
    """By the ID asked for where the request has IDs, else by their own IDs in the canonical form. An answer about
    events, or about a comment, has only C(events)."""
    unknown: Sequence[str] = ()
    next_token: str = ""
    total: int = 0
    truncated: bool = False


def _has_shape(incident: Any, texts: Sequence[str]) -> bool:
    return (
        isinstance(incident, dict)
        and all(isinstance(incident.get(field), str) for field in ("id", *texts))
        and isinstance(incident.get("assignments"), list)
    )


def _answer(entry: Entry) -> Mapping[str, Any] | None:
    """The JSON object of a success that was received as a whole."""
    is_success = entry.status is not None and 200 <= entry.status < 300 and entry.fault not in _NOT_RECEIVED
    if not (is_success and isinstance(entry.answer, dict) and entry.operation):
        return None
    answer: Mapping[str, Any] = portable(entry.answer)
    return answer


def incident_content_of(entry: Entry, texts: Sequence[str] = ()) -> Content | None:
    """What the answer says, or None if it says nothing that can be understood.

    C(texts) are fields with texts that every incident must have, besides those that all tasks need.
    """
    answer = _answer(entry)
    if answer is None:
        return None
    if entry.operation == READ:
        return _content_of_read(entry, answer, texts)
    listed = answer.get("incidents")
    if not (isinstance(listed, list) and all(_has_shape(incident, texts) for incident in listed)):
        return None
    content = Content({canonical(incident["id"]): incident for incident in listed})
    return _content_of_page(content, answer.get("pagination")) if entry.operation == LIST else content


def case_content_of(entry: Entry, _texts: Sequence[str] = ()) -> Content | None:
    """The same for a request about cases. That a case is unknown is said by an error."""
    if entry.fault not in _NOT_RECEIVED and entry.operation in (CASE_READ, CASE_EVENTS) and _names_unknown_case(entry):
        return Content({}, entry.ids)
    answer = _answer(entry)
    return None if answer is None else _CASE_CONTENTS.get(str(entry.operation), _content_of_cases)(entry, answer)


def _names_unknown_case(entry: Entry) -> bool:
    words = str(_message(entry.answer) or entry.text).lower()
    if entry.status == 400:
        return "not found" in words
    is_thing = re.search(r"\b(incident|case)\b", words) or words.startswith("not found: ")
    return entry.status == 404 and bool(is_thing) and words != "not found: not found"


def _message(answer: Any) -> Any:
    while isinstance(answer, dict):
        answer = next((answer[name] for name in ("message", "error", "detail") if answer.get(name)), None)
    return answer


def _is_case(case: Any) -> bool:
    return isinstance(case, dict) and all(isinstance(case.get(field), str) for field in ("id", "status", "title"))


def _names_of(case: Incident) -> list[str]:
    """Both IDs of a case, in the form of the API."""
    return [text.lower() if is_uuid(text) else text.upper() for text in (case["id"], str(case.get("readableId")))]


def _content_of_case(entry: Entry, answer: Mapping[str, Any]) -> Content | None:
    case: Any = answer.get("case")
    return Content({entry.ids[0]: case}) if _is_case(case) and entry.ids[0] in _names_of(case) else None


def _content_of_cases(entry: Entry, answer: Mapping[str, Any]) -> Content | None:
    """The answer to a write. It need not show what was written."""
    cases = answer.get("cases") if str(entry.operation).endswith("_many") else [answer.get("case")]
    if not (isinstance(cases, list) and all(map(_is_case, cases))):
        return None
    by_name = {name: case for case in cases for name in _names_of(case)}
    return Content({case_id: by_name[case_id] for case_id in entry.ids if case_id in by_name})


def _content_of_events(entry: Entry, answer: Mapping[str, Any]) -> Content | None:
    events = answer.get("events")
    return Content({entry.ids[0]: {"events": events}}) if isinstance(events, list) else None


def _content_of_comment(entry: Entry, answer: Mapping[str, Any]) -> Content | None:
    event = answer.get("event")
    return Content({entry.ids[0]: {"events": [event]}}) if isinstance(event, dict) else None


def _content_of_case_page(_entry: Entry, answer: Mapping[str, Any]) -> Content | None:
    cases, pagination = answer.get("cases"), answer.get("pagination")
    token = pagination.get("nextPageToken") or "" if isinstance(pagination, dict) else None
    if not (isinstance(cases, list) and all(map(_is_case, cases)) and isinstance(token, str)):
        return None
    is_truncated = answer.get("pbacTruncated") is True
    return Content({canonical(case["id"]): case for case in cases}, (), token, truncated=is_truncated)


_CASE_CONTENTS = {
    CASE_READ: _content_of_case,
    CASE_EVENTS: _content_of_events,
    CASE_COMMENT: _content_of_comment,
    CASE_LIST: _content_of_case_page,
}


def _content_of_read(entry: Entry, answer: Mapping[str, Any], texts: Sequence[str]) -> Content | None:
    incidents, unknown = answer.get("incidents"), answer.get("notFoundIds")
    if not (isinstance(incidents, dict) and isinstance(unknown, list)):
        return None
    found = {incident_id: incidents[incident_id] for incident_id in entry.ids if incident_id in incidents}
    for incident_id in entry.ids:
        # Some services write the ID in their own spelling.
        if incident_id not in found and incident_id not in unknown and canonical(incident_id) in incidents:
            found[incident_id] = incidents[canonical(incident_id)]
    missing = [incident_id for incident_id in entry.ids if incident_id not in found]
    is_right = all(
        _has_shape(incident, texts) and canonical(incident["id"]) == canonical(incident_id)
        for incident_id, incident in found.items()
    )
    is_whole = all(incident_id in unknown or canonical(incident_id) in unknown for incident_id in missing)
    return Content(found, missing) if is_right and is_whole else None


def _content_of_page(content: Content, pagination: Any) -> Content | None:
    if not isinstance(pagination, dict):
        return None
    total, token = str(pagination.get("totalSize")), pagination.get("nextPageToken") or ""
    if not (re.match(r"[0-9]{1,19}\Z", total) and isinstance(token, str)):
        return None
    return content._replace(next_token=token, total=int(total))


def outcome_of(entry: Entry, content: Content | None) -> str:
    """What the answer says about a write: that it was carried out, that it was not, or nothing certain."""
    status = entry.status
    # Also in an object of another form than documented, the service has said yes.
    if content or _answer(entry) is not None:
        return ACCEPTED
    if status is None or entry.fault in _NOT_RECEIVED or status < 400 or status in (408, 499):
        return UNCERTAIN
    if status == 429 and "larger than max" in str(entry.answer):
        return UNCERTAIN
    if str(entry.operation).endswith("_many") and entry.operation != READ and _is_about_cases(entry):
        return UNCERTAIN
    return UNCERTAIN if status >= 500 and status != 501 else REFUSED


def _is_about_cases(entry: Entry) -> bool:
    """Whether a bulk request was refused for what it says: other cases of it may have been changed."""
    is_page = entry.text.startswith("<")
    return not is_page and (_names_unknown_case(entry) or entry.status not in (401, 403, 404, 405, 407, 414, 429, 501))
