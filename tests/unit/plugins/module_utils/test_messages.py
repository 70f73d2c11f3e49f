# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a message has to say. How it says it is up to the writer."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _errors
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import (
    Attempts,
    Failure,
    FailureKind,
    RequestFailed,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._messages import (
    FAILURE_TEXTS,
    Context,
    describe_error,
    list_ids,
)
from ansible_collections.coralogix.incidents.plugins.module_utils._request import build_request
from helpers import A, table

K = FailureKind
BASE = "https://host.example/mgmt/openapi/latest"
CONTEXT = Context(INCIDENT, "CX_API_KEY", "CORALOGIX_URL", "HTTPS_PROXY", "CURL_CA_BUNDLE")


def failed(
    kind: FailureKind, operation: str = "unassign", attempts: Attempts = Attempts(1), **failure: t.Any
) -> RequestFailed:
    request = build_request(BASE, INCIDENT, operation, "v4", [A, "INC-5"])
    return RequestFailed(request, Failure(kind, **{"message": "the words.", **failure}), attempts, "c-1")


def describe(error: t.Any, context: Context = CONTEXT) -> str:
    text = describe_error(error, context)
    assert text.endswith(".")
    assert not any(mark in text for mark in ("{", "}", "..", "  ", "None"))
    return text


# What the message for each kind of failure has to name, besides the words of the service.
WORDS: dict[FailureKind, list[str]] = {
    K.INVALID: ["invalid", "only UUIDs", "'INC-5'"],
    K.UNAUTHENTICATED: ["CX_API_KEY", "region", "CORALOGIX_URL"],
    K.FORBIDDEN: ["unassign incidents", "incidents:assign", "personal key"],
    K.NO_ROUTE: ["DELETE /mgmt/openapi/latest/incidents", "api_version", "CORALOGIX_URL"],
    K.HTML_NOT_FOUND: ["HTML", "CORALOGIX_URL"],
    K.HTML_REFUSED: ["HTML", "proxy", "CORALOGIX_URL"],
    K.UNKNOWN_ID: ["does not know", "may read incidents"],
    K.URL_TOO_LONG: ["characters", "incident_ids", "proxy"],
    K.ANSWER_TOO_LARGE_FOR_GATEWAY: ["larger than", "incident_ids", "limit"],
    K.RATE_LIMITED: ["rate", "later"],
    K.SERVER_ERROR: ["c-1"],
    K.REFUSED: ["refused"],
    K.UNEXPECTED_STATUS: ["status", "CORALOGIX_URL"],
    K.REDIRECT: ["not followed", "CORALOGIX_URL", "proxy"],
    K.NOT_JSON: ["JSON", "proxy", "CORALOGIX_URL"],
    K.BROKEN_JSON: ["JSON", "c-1"],
    K.UNEXPECTED_JSON: ["JSON", "api_version", "c-1"],
    K.ANSWER_TOO_LARGE: ["too large", "incident_ids", "limit"],
    K.TIMEOUT: ["in time", "timeout"],
    K.CONNECTION: ["connection", "proxy"],
    K.UNREACHABLE: ["connect", "proxy", "CORALOGIX_URL"],
    K.PROXY: ["HTTPS_PROXY"],
    K.CERTIFICATE: ["certificate", "ca_path", "REQUESTS_CA_BUNDLE"],
    K.CERTIFICATE_HOST: ["certificate", "CORALOGIX_URL"],
    K.CERTIFICATE_FORM: ["RFC 5280", "Python 3.13"],
    K.CA_FILE: ["CURL_CA_BUNDLE"],
    K.STOPPED: ["unassign incidents"],
    K.INTERNAL: ["this machine"],
}


def test_every_failure_has_a_text() -> None:
    assert FAILURE_TEXTS.keys() == WORDS.keys() == set(FailureKind)


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("status", [None, 418])
def test_message_says_what_happened_and_what_to_do(kind: FailureKind, status: int | None) -> None:
    text = describe(failed(kind, status=status))
    assert [word for word in WORDS[kind] if word not in text] == []
    assert ("418: the words" if status else "the words") in text
    assert ("host.example" in text) == ("{host}" in FAILURE_TEXTS[kind])


@pytest.mark.parametrize("kind", [K.CERTIFICATE_HOST, K.CERTIFICATE_FORM, K.CA_FILE, K.PROXY])
def test_message_does_not_advise_what_is_set_already(kind: FailureKind) -> None:
    assert "ca_path" not in describe(failed(kind))


def test_message_without_words_or_sources_still_reads_well() -> None:
    text = describe(failed(K.UNAUTHENTICATED, message=""), Context(INCIDENT))
    assert "no reason given" in text
    assert [word for word in ("api_key", "region, domain or api_url") if word not in text] == []
    assert "environment" in describe(failed(K.PROXY), Context(INCIDENT))


def test_reading_is_not_said_to_need_a_personal_key_or_a_key_that_may_read() -> None:
    assert "personal" not in describe(failed(K.FORBIDDEN, "read"))
    assert "may read" not in describe(failed(K.UNKNOWN_ID, "read"))


ATTEMPTS: dict[str, tuple[Attempts, list[str]]] = {
    "once": (Attempts(1), []),
    "several": (Attempts(3, 1.54), ["3 times", "1.5 s"]),
    "given up": (Attempts(2, 1.5, 300.4), ["after try 2", "300", "125 s"]),
}


@table("attempts, words", ATTEMPTS)
def test_message_says_how_often_it_was_tried(attempts: Attempts, words: list[str]) -> None:
    once, text = (describe(failed(K.RATE_LIMITED, attempts=tried)) for tried in (Attempts(1), attempts))
    added = text[len(once) :]
    assert (text.startswith(once), bool(added)) == (True, bool(words))
    assert [word for word in words if word not in added] == []


REQUEST = failed(K.FORBIDDEN, "read")
OTHERS: dict[str, tuple[t.Any, list[str]]] = {
    "option": (_errors.OptionInvalid("limit is 0."), ["limit is 0."]),
    "list": (_errors.ListFailed(REQUEST, 8, 10), ["incidents:read", "8 of 10 incidents"]),
    "probe": (_errors.ProbeFailed(REQUEST), ["API version", "incidents:read"]),
    "probe after the deadline": (
        _errors.ProbeFailed(_errors.DeadlinePassed(5, "read incidents")),
        ["API version", "5 s"],
    ),
    "deadline": (_errors.DeadlinePassed(2.5, "list incidents"), ["2.5 s", "list incidents", "deadline"]),
    "unknown IDs": (_errors.IdsUnknown(("a", "b")), ["incident IDs: 'a', 'b'.", "missing=ignore"]),
    "many unknown IDs": (
        _errors.IdsUnknown(tuple(map(str, range(50_000)))),
        ["'19' and 49980 more", "not_found_ids"],
    ),
    "check mode": (_errors.ReadRequired(REQUEST, True), ["incidents:read", "Check mode must read first"]),
    "skipping": (_errors.ReadRequired(REQUEST, False), ["incidents:read", "which incidents to skip"]),
    "no effect": (_errors.EffectMissing(("a",), ()), ["not visible yet", "'a'"]),
    "another effect": (_errors.EffectMissing((), ("b",)), ["neither", "'b'"]),
    "incomplete answer": (_errors.AnswerIncomplete(("a",)), ["leaves out 'a'"]),
    "missing library": (_errors.LibraryMissing(("/a/python", "/b/python"), ""), ["missing", "/a/python", "/b/python"]),
    "broken library": (
        _errors.LibraryMissing(("/a/python",), "AttributeError: x."),
        ["cannot be imported", "AttributeError"],
    ),
    "unforeseen": (_errors.Unexpected("KeyError: 'x'", ""), ["KeyError: 'x'"]),
}


@table("error, words", OTHERS)
def test_other_errors_say_what_happened_too(error: t.Any, words: list[str]) -> None:
    text = describe(error)
    assert [word for word in words if word not in text] == []
    assert len(text) < 1000


def test_ids_are_quoted_and_bounded() -> None:
    assert list_ids(["A", "it's"]) == "'A', \"it's\""
    assert len(list_ids(["x" * 9000] * 30)) < 2000
