# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit tests share: tables, clients that do not wait, scripted transports and servers."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import threading
import typing as t

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _errors, _messages, _result, _settings
from ansible_collections.coralogix.incidents.plugins.module_utils._answers import Response
from ansible_collections.coralogix.incidents.plugins.module_utils._client import Client
from ansible_collections.coralogix.incidents.plugins.module_utils._executor import execute
from ansible_collections.coralogix.incidents.plugins.module_utils._failure import Failure
from ansible_collections.coralogix.incidents.plugins.module_utils._failure import FailureKind as K
from ansible_collections.coralogix.incidents.plugins.module_utils._incident import INCIDENT
from ansible_collections.coralogix.incidents.plugins.module_utils._plan import Change
from ansible_collections.coralogix.incidents.plugins.module_utils._request import build_request
from ansible_collections.coralogix.incidents.plugins.module_utils._resource import Request, Resource
from ansible_collections.coralogix.incidents.plugins.module_utils._secrets import Masker
from ansible_collections.coralogix.incidents.plugins.module_utils._service import Service
from ansible_collections.coralogix.incidents.plugins.module_utils._transport import Transport
from requests.structures import CaseInsensitiveDict

__all__ = ["INCIDENT", "Failure", "K", "Response", "build_request"]

# Not dict[…]: Python 3.9 evaluates these lines.
Result = t.Dict[str, t.Any]  # noqa: UP006
Conversation = t.Callable[[socket.socket], object]
"""What a server does with one connection."""

KEY = "cxup_key/of+the-tests"
"""The API key that every simulator of the tests knows. Encodings change two of its characters."""
URL = "https://api.example.com"
CORRELATION_ID = "3f0c8f9e-8d3c-4a73-9d60-0d8f5b0a7f51"
A, B, C, UNKNOWN, UNKNOWN_2 = (f"0b5f8a3e-6c1d-4f0e-9a57-00000000000{digit}" for digit in "abcde")


def table(names: str, rows: t.Mapping[str, t.Any]) -> pytest.MarkDecorator:
    """Parametrise a test by a table. Its keys name the rows."""
    return pytest.mark.parametrize(names, list(rows.values()), ids=list(rows))


def error_of(function: t.Callable[..., t.Any], *args: t.Any, **kwargs: t.Any) -> t.Any:
    """The error value that a call raises."""
    with pytest.raises(_errors.CoralogixError) as raised:
        function(*args, **kwargs)
    return raised.value.error


def refusal(function: t.Callable[..., t.Any], *args: t.Any, **kwargs: t.Any) -> str:
    """The message of the OptionInvalid that a call raises."""
    error = error_of(function, *args, **kwargs)
    assert isinstance(error, _errors.OptionInvalid)
    return error.message


def missing_words(words: t.Iterable[str], text: str) -> list[str]:
    return [word for word in words if word not in text]


def parse_anything(answer: t.Any) -> t.Any:
    """A parser that takes every answer."""
    return answer


def incident(incident_id: t.Any, *users: str, **fields: t.Any) -> dict[str, t.Any]:
    return {"id": incident_id, "assignments": [{"assignedTo": {"userId": user}} for user in users], **fields}


# Transports.
def respond(content: t.Any = b"", status: int = 200, **headers: str) -> Response:
    """An answer. Bytes are its body as they are; anything else becomes JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Response(status, CaseInsensitiveDict({name.replace("_", "-"): headers[name] for name in headers}), body)


class ScriptedTransport:
    """Gives its answers in turn, and the last one again and again, up to far more often than any test needs.

    An answer is a Response, an exception to raise, or a function that makes one of these from the request.
    """

    proxy: t.Any = None

    def __init__(self, *answers: t.Any) -> None:
        self.requests: list[Request] = []
        self.seconds: list[float] = []
        self.is_aborted = False
        self._answers = list(answers)

    def send(self, request: Request, seconds: float) -> Response:
        self.requests.append(request)
        if len(self.requests) > 1000:
            raise SystemExit("requests without an end")  # No code takes this for a failed request and retries.
        self.seconds.append(seconds)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        answer = answer(request) if callable(answer) else answer
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, Response)
        return answer

    def abort(self) -> None:
        self.is_aborted = True


def settings_for(target: t.Any, **options: t.Any) -> _settings.Settings:
    url = target if isinstance(target, str) else URL
    return _settings.resolve_settings({"api_key": KEY, "api_url": url, **options}, os.environ)


def client_for(target: t.Any, sleeps: list[float] | None = None, **options: t.Any) -> Client:
    """A client for the URL of a server, or for a transport. It records its waits, and does not wait."""
    settings = settings_for(target, **options)
    return Client(
        Transport(settings, "tests", CORRELATION_ID, 4) if isinstance(target, str) else target,
        base_url=settings.base_url,
        timeout=settings.timeout,
        retries=settings.retries,
        deadline=settings.deadline,
        correlation_id=CORRELATION_ID,
        masker=Masker({KEY}),
        sleep=(sleeps if sleeps is not None else []).append,
    )


def service_for(
    target: t.Any, resource: Resource = INCIDENT, required_fields: t.Any = None, sleeps: t.Any = None, **options: t.Any
) -> Service:
    """The service at the URL of a server, or behind a transport."""
    version = settings_for(target, **options).api_version
    return Service(client_for(target, sleeps, **options), resource, version, required_fields or {})


def with_limits(resource: Resource, max_ids: int) -> Resource:
    """The resource with so many IDs in one request at most."""
    rows = {name: row._replace(max_ids=max_ids, max_ids_in_body=max_ids) for name, row in resource.operations.items()}
    return resource._replace(operations=rows)


def run_change(
    change: Change,
    target: t.Any,
    ids: t.Sequence[str],
    missing: str = "fail",
    check_mode: bool = False,
    resource: Resource = INCIDENT,
    **options: t.Any,
) -> Result:
    """What a task returns for a change. Checks what holds for every result."""
    service = service_for(target, resource, change.required_fields, **options)
    outcome = execute(change, service, ids, missing, check_mode)
    result = _result.change_result(resource, change, ids, outcome, _messages.Context(resource), diff=True)
    changed_ids = result[f"{change.participle}_ids"]
    assert result["changed"] or not changed_ids
    for returned_ids in (changed_ids, result["not_found_ids"], result.get("skipped_ids", [])):
        assert returned_ids == [item_id for item_id in ids if item_id in returned_ids]
    fact = {f"coralogix_{resource.plural}": result[resource.plural]}
    assert ("msg" in result) == ("failure" in result) == ("failed" in result) == ("ansible_facts" not in result)
    assert result.get("ansible_facts", fact) == fact
    json.dumps(result)
    return result


# Real exchanges.
def read_once(url: str, **options: t.Any) -> t.Any:
    """What one try of a read brings: JSON or a failure."""
    client = client_for(url, **options)
    return client.send_once(build_request(client.base_url, INCIDENT, "read", "v4", [UNKNOWN]), parse_anything)


def failure_of_read(url: str, **options: t.Any) -> Failure:
    """The failure of one try. Its message has no prose of libraries, which shows objects and addresses."""
    outcome = read_once(url, **options)
    assert isinstance(outcome, Failure)
    assert not any(word in outcome.message for word in ("Pool", "object at 0x", "Exception", "Errno", KEY))
    return outcome


@contextlib.contextmanager
def listener(converse: Conversation) -> t.Iterator[str]:
    """A server that runs one function for each connection. Yields its address as host:port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as connection, contextlib.suppress(OSError):
                        connection.settimeout(10)
                        converse(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)  # Wakes the thread that waits in accept().


def read_head(connection: socket.socket) -> bytes:
    """The head of a request."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536) or b"\r\n\r\n"
    return received


def tunnel(converse: Conversation) -> Conversation:
    """A proxy that opens a tunnel to this conversation."""

    def within(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        converse(connection)

    return within


class Pki(t.NamedTuple):
    ca: str
    server: tuple[str, str]
    """Certificate and key of 127.0.0.1."""
    other: tuple[str, str]
    """The same for another name."""

    @property
    def context(self) -> ssl.SSLContext:
        """For a server at 127.0.0.1."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.server)
        return context

    def over_tls(self, converse: Conversation) -> Conversation:
        """The same conversation on a TLS connection."""

        def within(connection: socket.socket) -> None:
            with self.context.wrap_socket(connection, server_side=True) as inner:
                converse(inner)

        return within
