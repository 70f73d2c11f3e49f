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
ACCEPTED, UNCERTAIN, REFUSED = "accepted", "uncertain", "refused"

MAX_LEVELS = 64
# Faults after which the client has no whole answer, or one that it must not take.
_NOT_RECEIVED = ("truncate", "truncate_chunked", "drip", "inflate_to", "hang", "reset", "raw")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


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
    return ("__" if key.startswith(("_ansible_", "__ansible_")) else "") + _LONE_SURROGATE.sub("\ufffd", key)


class Content(NamedTuple):
    """What a whole and well-shaped answer says."""

    incidents: Mapping[str, Incident]
    """By the ID asked for in a read, else by their own IDs in the canonical form."""
    unknown: Sequence[str] = ()
    next_token: str = ""
    total: int = 0


def _has_shape(incident: Any, texts: Sequence[str]) -> bool:
    return (
        isinstance(incident, dict)
        and all(isinstance(incident.get(field), str) for field in ("id", *texts))
        and isinstance(incident.get("assignments"), list)
    )


def content_of(entry: Entry, texts: Sequence[str] = ()) -> Content | None:
    """What the answer says, or None if it says nothing that can be understood.

    C(texts) are fields with texts that every incident must have, besides those that all tasks need.
    """
    is_success = entry.status is not None and 200 <= entry.status < 300 and entry.fault not in _NOT_RECEIVED
    if not (is_success and isinstance(entry.answer, dict) and entry.operation):
        return None
    answer = portable(entry.answer)
    if entry.operation == READ:
        return _content_of_read(entry, answer, texts)
    listed = answer.get("incidents")
    if not (isinstance(listed, list) and all(_has_shape(incident, texts) for incident in listed)):
        return None
    content = Content({canonical(incident["id"]): incident for incident in listed})
    return _content_of_page(content, answer.get("pagination")) if entry.operation == LIST else content


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


def outcome_of(entry: Entry, texts: Sequence[str] = ()) -> str:
    """What the answer says about a write: that it was carried out, that it was not, or nothing certain."""
    status = entry.status
    if content_of(entry, texts):
        return ACCEPTED
    if status is None or entry.fault in _NOT_RECEIVED or status < 400 or status in (408, 499):
        return UNCERTAIN
    if status == 429 and "larger than max" in str(entry.answer):
        return UNCERTAIN
    return UNCERTAIN if status >= 500 and status != 501 else REFUSED
