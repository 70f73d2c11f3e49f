# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong, and how it is said to the person who has to act on it."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

if t.TYPE_CHECKING:
    from ._routes import Request


class CoralogixError(Exception):
    """Something that ends the task; its text is the task's C(msg).

    C(failure) is what the task returns under that name: C(status) (int), C(method), C(url),
    C(message) (the service's own words) and C(correlation_id), each null where there is none.
    """

    status: int | None = None
    method: str | None = None
    url: str | None = None
    correlation_id: str | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def failure(self) -> dict[str, t.Any]:
        names = ("status", "method", "url", "message", "correlation_id")
        return {name: getattr(self, name) or None for name in names}


class SettingsError(CoralogixError):
    """An option or an environment variable whose value cannot be used."""


class WrongShape(Exception):
    """JSON that is not what the API documents; says what is wrong with it, and where."""


class ApiError(CoralogixError):
    """A request that failed for good.

    C(kind) is a key of C(EXPLANATIONS). C(message) holds the service's own words, or those of the
    connection's error. C(uncertain) says that the service may have carried the request out all the
    same (an answer lost, unreadable or too large, a 5xx and its like); otherwise it certainly has not.
    C(unreadable) is set on the error of a read which shows that this key, or this service, lets no
    incident be read. The sources are those of the settings.
    """

    def __init__(
        self,
        kind: str,
        request: Request,
        message: str,
        *,
        status: int | None = None,
        correlation_id: str | None = None,
        uncertain: bool = False,
        note: str = "",
        key_source: str = "api_key",
        host_source: str = "",
    ) -> None:
        super().__init__(message)
        self.unreadable = False
        self.kind = kind
        self.request = request
        self.method = request.method
        self.url = request.url
        self.status = status
        self.correlation_id = correlation_id
        self.uncertain = uncertain
        self.note = note
        self.key_source = key_source
        self.host_source = host_source

    def __str__(self) -> str:
        parts = urlsplit(self.request.url)
        operation = self.request.operation
        text = EXPLANATIONS[self.kind].format(
            action=operation.action,
            permission=operation.permission,
            personal=PERSONAL_KEY if operation.personal_key else "",
            method=self.method,
            host=parts.netloc,
            key_source=self.key_source,
            host_source=NAMED_BY.format(self.host_source) if self.host_source else NOT_NAMED,
            path=parts.path,
            length=len(self.request.url),
            answer=": ".join(str(part) for part in (self.status, self.message.rstrip(".")) if part),
            find_out="" if operation.permission.endswith(":read") else FIND_OUT,
            uuids=ONLY_UUIDS.format(listed(self.request.other_ids)) if self.request.other_ids else "",
            correlation_id=self.correlation_id,
        )
        return f"{text} {self.note}".rstrip()


ONLY_UUIDS = " API version 5 takes only UUIDs as incident IDs, which these are not: {}."
FIND_OUT = ", or run the task again with a key that may read them (incidents:read): it finds out which that is"
NAMED_BY = "{}, which names this host"
NOT_NAMED = "region, domain or api_url, of which none is set"
PERSONAL_KEY = " and has to be a personal key: team keys cannot do this"


def listed(ids: t.Sequence[str]) -> str:
    """For a message that another value of the result spells out, or that need not name them all."""
    rest = len(ids) - MAX_LISTED
    return ", ".join(ids[:MAX_LISTED]) + (f" and {rest} more" if rest > 0 else "")


MAX_LISTED = 20

# One text for each way in which a request can fail: what happened, then what to do about it.
EXPLANATIONS = {
    "invalid": "Coralogix at {host} refused the request to {action} as invalid ({answer}).{uuids}",
    "unauthenticated": (
        "Coralogix at {host} did not accept the API key ({answer}). Either the key is mistyped, revoked or of "
        "another kind (Send-Your-Data keys do not work here), or it belongs to another region: "
        "check {key_source}, and check {host_source}."
    ),
    "forbidden": ("The API key may not {action} at {host} ({answer}). It needs the permission {permission}{personal}."),
    "no_route": (
        "{host} has no route {method} {path} ({answer}). Either the API version or the URL is wrong: "
        "check api_version, and check {host_source}."
    ),
    "no_page": (
        "{host} answered {method} {path} with a page that says there is nothing ({answer}), as Coralogix would not. "
        "Check {host_source}."
    ),
    "blocked": (
        "{host} refused the request to {action} with a page ({answer}), as Coralogix would not. A proxy or a firewall "
        "may stand before it, or the URL is wrong: check these, and {host_source}."
    ),
    "no_incident": (
        "Coralogix at {host} refused to {action}, as it does not know one of them ({answer}). "
        "Leave that ID out{find_out}."
    ),
    "too_long": (
        "{host}, or a proxy before it, takes no URL of {length} characters ({answer}). "
        "Give fewer incident_ids to one task."
    ),
    "too_large": (
        "The answer to the request to {action} is larger than Coralogix at {host} can send ({answer}). "
        "Give fewer incident_ids to one task; of a list, a lower limit."
    ),
    "rate_limited": (
        "Coralogix at {host} limits the rate of requests and went on refusing to {action} ({answer}). "
        "Try again later, with fewer tasks at once."
    ),
    "server_error": (
        "Coralogix at {host} failed to {action} ({answer}). The trouble is on the side of the service or of a "
        "proxy before it; its support finds the request by the correlation ID {correlation_id}."
    ),
    "refused": "{host} refused the request to {action} ({answer}).",
    "redirect": (
        "{host} answered with a redirect ({answer}), which is not followed, so that the API key goes to no other "
        "host. Check {host_source}, and whether a proxy asks for a login."
    ),
    "not_json": (
        "{host} answered the request to {action} with something other than JSON ({answer}). A proxy or a login "
        "page may stand before Coralogix, or the URL is wrong: check {host_source}."
    ),
    "broken_json": (
        "Coralogix at {host} answered the request to {action} with JSON that is broken or cut short ({answer}). "
        "The trouble is on the side of the service or of a proxy before it; the correlation ID is {correlation_id}."
    ),
    "wrong_shape": (
        "Coralogix at {host} answered the request to {action} with JSON of another shape than the API documents "
        "({answer}). Check api_version and the URL; the correlation ID is {correlation_id}."
    ),
    "certificate": (
        "The TLS certificate of {host} could not be verified ({answer}). If a proxy or a private authority "
        "signs it, name its CA file with ca_path or REQUESTS_CA_BUNDLE."
    ),
    "other_certificate": (
        "The TLS certificate that {host} shows is for another host ({answer}). Either the name is wrong, or a proxy "
        "answers in its place: check {host_source}."
    ),
    "unreachable": ("Could not reach {host} to {action} ({answer}). Check the network, a proxy, and {host_source}."),
    "connection": (
        "The connection to {host} broke while it was asked to {action} ({answer}). "
        "Check the network and any proxy on the way."
    ),
    "timeout": ("{host} did not answer the request to {action} in time ({answer}). Raise timeout if it is only slow."),
}
