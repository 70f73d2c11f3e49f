# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each message has to say, in whatever words."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _errors, _messages
from ansible_collections.coralogix.incidents.plugins.module_utils._case import CASE
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import Attempts
from helpers import INCIDENT, A, Failure, K, build_request, missing_words, table

CONTEXT = _messages.Context(INCIDENT, "CX_API_KEY", "CORALOGIX_URL", "HTTPS_PROXY", "CURL_CA_BUNDLE")


def failed(kind: K, operation: str = "unassign", attempts: t.Any = None, **failure: t.Any) -> _errors.RequestFailed:
    request = build_request("https://host.example/mgmt/openapi/latest", INCIDENT, operation, "v4", [A, "INC-5"])
    failure = {"message": "the words.", **failure}
    return _errors.RequestFailed(request, Failure(kind, **failure), attempts or Attempts(1), "c-1")


def describe(error: t.Any, context: _messages.Context = CONTEXT) -> str:
    text = _messages.describe_error(error, context)
    assert text.endswith(".")
    assert not any(mark in text for mark in ("{", "}", "..", "  ", "None"))
    assert len(text) < 1000
    return text


# What the message for each kind of failure has to name, besides the words of the service.
WORDS: dict[K, list[str]] = {
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
    K.CERTIFICATE: ["certificate", "whether CURL_CA_BUNDLE names the file"],
    K.CERTIFICATE_HOST: ["certificate", "CORALOGIX_URL"],
    K.CERTIFICATE_FORM: ["RFC 5280", "Python 3.13"],
    K.CA_FILE: ["CURL_CA_BUNDLE"],
    K.STOPPED: ["unassign incidents"],
    K.INTERNAL: ["this machine"],
}


def test_every_failure_has_a_text() -> None:
    assert _messages.FAILURE_TEXTS.keys() == WORDS.keys() == {*K}


@pytest.mark.parametrize("kind", K)
def test_message_says_what_happened_and_what_to_do(kind: K) -> None:
    for status, answer in ((None, "the words"), (418, "418: the words")):
        text = describe(failed(kind, status=status))
        assert missing_words([*WORDS[kind], answer], text) == []
        assert ("host.example" in text) == ("{host}" in _messages.FAILURE_TEXTS[kind])
    # It does not advise what is set already.
    assert "ca_path" not in text


def test_a_missing_route_of_cases_says_what_to_do_next() -> None:
    for version, words in (
        ("latest", 'Set api_version to "5". If that does not help, ask whether the account has cases'),
        ("5", "This host does not serve cases. Ask whether the account has cases"),
    ):
        request = build_request(f"https://host.example/mgmt/openapi/{version}", CASE, "read", "v5", [A])
        error = _errors.RequestFailed(request, Failure(K.NO_ROUTE, message="x"), Attempts(1), "c-1")
        assert f"{words}, and check CORALOGIX_URL" in describe(error, CONTEXT._replace(resource=CASE))
    # The search for users is not a route of cases.
    assert "account has" not in describe(failed(K.NO_ROUTE), CONTEXT._replace(resource=CASE))


def test_message_without_words_or_sources_still_reads_well() -> None:
    nothing = _messages.Context(INCIDENT)
    words = ["no reason given", "api_key", "region, domain or api_url"]
    assert missing_words(words, describe(failed(K.UNAUTHENTICATED, message=""), nothing)) == []
    assert "environment" in describe(failed(K.PROXY), nothing)
    assert "set ca_path or REQUESTS_CA_BUNDLE" in describe(failed(K.CERTIFICATE), nothing)


def test_reading_is_not_said_to_need_a_personal_key_or_a_key_that_may_read() -> None:
    assert "personal" not in describe(failed(K.FORBIDDEN, "read"))
    assert "may read" not in describe(failed(K.UNKNOWN_ID, "read"))


def test_message_says_how_often_it_was_tried() -> None:
    once = describe(failed(K.RATE_LIMITED))
    for attempts, words in (
        (Attempts(3, 1.54), ["3 times", "1.5 s"]),
        (Attempts(2, 1.5, 300.4), ["try 2", "300", "125"]),
    ):
        text = describe(failed(K.RATE_LIMITED, attempts=attempts))
        assert (text.startswith(once), missing_words(words, text[len(once) :])) == (True, [])


READ = failed(K.FORBIDDEN, "read")
MANY = tuple(map(str, range(50_000)))
OTHERS: dict[str, tuple[t.Any, list[str]]] = {
    "option": (_errors.OptionInvalid("limit is 0."), ["limit is 0."]),
    "list": (_errors.ListFailed(READ, 8, 10), ["incidents:read", "8 of 10 incidents"]),
    "probe": (_errors.ProbeFailed(READ), ["API version", "incidents:read"]),
    "probe too late": (_errors.ProbeFailed(_errors.DeadlinePassed(5, "read incidents")), ["API version", "5 s"]),
    "deadline": (_errors.DeadlinePassed(2.5, "list incidents"), ["2.5 s", "list incidents", "deadline"]),
    "unknown IDs": (_errors.IdsUnknown(("a", "b")), ["incident IDs: 'a', 'b'.", "missing=ignore"]),
    "many unknown IDs": (_errors.IdsUnknown(MANY), ["'19' and 49980 more", "not_found_ids"]),
    "check mode": (_errors.ReadRequired(READ, True), ["incidents:read", "Check mode must read first"]),
    "skipping": (_errors.ReadRequired(READ, False), ["incidents:read", "must read first"]),
    "no effect": (_errors.EffectMissing(("a",), ()), ["not visible yet", "'a'"]),
    "another effect": (_errors.EffectMissing((), ("b",)), ["neither", "'b'"]),
    "incomplete answer": (_errors.AnswerIncomplete(("a",)), ["leaves out 'a'"]),
    "missing library": (_errors.LibraryMissing(("/a/python", "/b/python"), ""), ["missing", "/a/python", "/b/python"]),
    "broken library": (_errors.LibraryMissing(("/a/python",), "TypeError: x."), ["cannot be imported", "TypeError: x"]),
    "unforeseen": (_errors.Unexpected("KeyError: 'x'", ""), ["KeyError: 'x'"]),
}


@table("error, words", OTHERS)
def test_other_errors_say_what_happened_too(error: t.Any, words: list[str]) -> None:
    assert missing_words(words, describe(error)) == []


def test_ids_are_quoted_and_bounded() -> None:
    assert _messages.list_ids(["A", "it's"]) == "'A', \"it's\""
    assert len(_messages.list_ids(["x" * 9000] * 30)) < 2000
