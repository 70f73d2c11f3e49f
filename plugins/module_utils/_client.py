# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP with Coralogix: one session, and an exchange that ends in a JSON object or in an ApiError.

Knows nothing of incidents. The retry loop is our own because a truncated or unreadable answer has to
be tried again as well, which urllib3's Retry never sees, and because the whole wait has to be bounded
whatever Retry-After says.
"""

from __future__ import annotations

import email.utils
import json
import random
import re
import time
import traceback
import typing as t
import uuid
import warnings
from datetime import timezone
from urllib.parse import urlsplit

from ._errors import ApiError, WrongShape
from ._options import Settings, is_loopback
from ._routes import Request

REQUESTS_IMPORT_ERROR: str | None = None
try:
    import requests
except ImportError:
    REQUESTS_IMPORT_ERROR = traceback.format_exc()

VERSION = "1.0.0"

# Requests of one task that run at the same time.
PARALLEL = 4

RETRY_STATUS = frozenset((429, 500, 502, 503, 504))
# Seconds before the second try, doubled for each further one.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
# Seconds that all the pauses of one request may take together: two minutes, with room for what spreads clients
# that wait as long as they were asked to.
MAX_WAIT = 125.0

MAX_MESSAGE = 300
MASK = "********"


class Trouble(t.NamedTuple):
    """One try that did not bring a JSON object."""

    kind: str
    """A key of the explanations in _errors."""
    message: str
    """As it came: the key may be in it, and it may be long."""
    status: int | None = None
    again: bool = False
    """Whether another try may help."""
    uncertain: bool = False
    """Whether the service may have carried the request out."""
    retry_after: float | None = None
    """Seconds the service asks to wait."""


_Parsed = t.TypeVar("_Parsed")


class Client:
    """Sends requests as the settings say. One instance serves several threads."""

    def __init__(self, settings: Settings, user_agent: str, sleep: t.Callable[[float], None] = time.sleep) -> None:
        self.base_url = settings.base_url
        self._settings = settings
        self._sleep = sleep
        self._correlation_id = str(uuid.uuid4())
        self._secret = settings.authorization.split()[-1]
        self._session = session = _new_session()
        session.auth = _key_auth(settings.authorization)
        session.headers.update(
            {
                "Accept": "application/json",
                "User-Agent": f"coralogix.incidents/{VERSION} {user_agent}",
                "x-cx-correlation-id": self._correlation_id,
            }
        )
        session.mount(self.base_url, requests.adapters.HTTPAdapter(pool_maxsize=PARALLEL))
        session.trust_env = _environment_is_safe(self.base_url)
        if settings.verify is False:
            warnings.filterwarnings("ignore", message="Unverified HTTPS request")

    def exchange(self, request: Request, parse: t.Callable[[dict[str, t.Any]], _Parsed]) -> _Parsed:
        """Send a request, again where that may help, and return what C(parse) makes of the JSON object.

        Raises ApiError; C(parse) raises WrongShape.
        """
        uncertain = False
        waited = 0.0
        tries = 0
        while True:
            tries += 1
            status, answer = self._try(request)
            if not isinstance(answer, Trouble):
                try:
                    return parse(answer)
                except WrongShape as error:
                    answer = Trouble("wrong_shape", f"{error}{_said(answer)}", status, uncertain=True)
            uncertain = uncertain or answer.uncertain
            note = f"Tried {tries} times, with {waited:.1f} s of waiting." if tries > 1 else ""
            if answer.again and tries <= self._settings.retries:
                wait = pause(tries, answer.retry_after, random.random())
                if waited + wait <= MAX_WAIT:
                    self._sleep(wait)
                    waited += wait
                    continue
                note = f"Gave up after try {tries}: a further wait of {wait:.0f} s would pass {MAX_WAIT:.0f} s in all."
            raise ApiError(
                answer.kind,
                request,
                one_line(answer.message, self._secret),
                status=answer.status,
                correlation_id=self._correlation_id,
                uncertain=uncertain,
                note=note,
                key_source=self._settings.key_source,
                host_source=self._settings.host_source,
            )

    def _try(self, request: Request) -> tuple[int | None, dict[str, t.Any] | Trouble]:
        settings = self._settings
        try:
            # verify goes with the request: on the session, REQUESTS_CA_BUNDLE would override it.
            response = self._session.request(
                request.method,
                request.url,
                json=request.body,
                timeout=settings.timeout,
                verify=settings.verify,
                allow_redirects=False,
            )
        except (OSError, ValueError) as error:
            return None, connection_trouble(error, settings.timeout)
        status = response.status_code
        return status, judge(status, response.headers, response.content, time.time())


def _new_session() -> requests.Session:
    class Session(requests.Session):
        def get_redirect_target(self, resp: requests.Response) -> None:
            """None: not following redirects, requests would still take them apart, and fail on some."""

    return Session()


def _key_auth(
    authorization: str,
) -> t.Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Authentication of our own: without any, requests puts a .netrc entry for the host in the key's place."""

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = authorization
        return request

    return authorize


def pause(tries: int, retry_after: float | None, fraction: float) -> float:
    """Seconds to wait after so many tries; C(fraction), of 0 to 1, spreads clients that fail together."""
    backoff = min(FIRST_PAUSE * 2 ** (min(tries, 32) - 1), LONGEST_PAUSE)
    if retry_after is None:
        return backoff * (1 + fraction) / 2
    return retry_after + FIRST_PAUSE * fraction


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """The value of Retry-After, seconds or an HTTP date, as seconds from C(now) (Unix time)."""
    value = (value or "").strip()
    if re.match(r"[0-9]{1,9}\Z", value):
        return float(value)
    moment = _http_date(value)
    return None if moment is None else max(0.0, moment - now)


def _http_date(value: str | None) -> float | None:
    """An HTTP date as Unix time."""
    try:
        moment = email.utils.parsedate_to_datetime(value or "")
        # Without a time zone, as in one of the forms of an HTTP date, it is in UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def judge(status: int, headers: t.Mapping[str, str], body: bytes, now: float) -> dict[str, t.Any] | Trouble:
    """What an answer amounts to: the JSON object in it, or the trouble."""
    if 200 <= status < 300:
        return _json_object(status, headers, body)
    words = service_words(headers, body)
    if 300 <= status < 400:
        return Trouble("redirect", f"to {headers.get('Location', 'nowhere')}", status)
    kind = _STATUS_KINDS.get(status, "server_error" if status >= 500 else "refused")
    if _is_page(headers, body):
        kind = _KINDS_OF_PAGES.get(kind, kind)
    elif status == 404 and _MISSING_THING.match(words):
        kind = "no_incident"
    elif status == 429 and _TOO_LARGE.match(words):
        return Trouble("too_large", words, status, uncertain=True)
    return Trouble(
        kind,
        words,
        status,
        again=status in RETRY_STATUS,
        uncertain=kind == "server_error",
        # The clocks of the service and of this machine may differ.
        retry_after=retry_after_seconds(headers.get("Retry-After"), _http_date(headers.get("Date")) or now),
    )


_STATUS_KINDS = {
    400: "invalid",
    401: "unauthenticated",
    403: "forbidden",
    404: "no_route",
    405: "no_route",
    # Given up half-way, by the service or by a proxy.
    408: "server_error",
    414: "too_long",
    429: "rate_limited",
    499: "server_error",
    # The gateway's word for a method that a route does not have.
    501: "no_route",
}
# Coralogix answers in JSON or in plain text: a page is by something before it, or by another service.
_KINDS_OF_PAGES = {
    "invalid": "blocked",
    "unauthenticated": "blocked",
    "forbidden": "blocked",
    "refused": "blocked",
    "no_route": "no_page",
}
# The gateway itself takes no answer above a certain size, and says so with the status of a limited rate.
_TOO_LARGE = re.compile(r".*\blarger than max\b", re.I)
# A missing route is "Not Found" or "Not Found: Not Found"; the vendor's SDK tells the two apart so, too.
_MISSING_THING = re.compile(r"not found: (?!not found\Z)|.*\bincident\b", re.I)


def _json_object(status: int, headers: t.Mapping[str, str], body: bytes) -> dict[str, t.Any] | Trouble:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        if body.lstrip()[:1] in (b"{", b"["):
            # Not in its own words: those would be a piece of the incidents.
            return Trouble("broken_json", f"{len(body)} bytes", status, again=True, uncertain=True)
        # A page is somebody else's answer and comes again; anything else may be a broken answer.
        page = _is_page(headers, body)
        words = service_words(headers, body) or "an empty answer"
        return Trouble("not_json", words, status, again=not page, uncertain=True)
    if _HALF_A_CHARACTER.search(body):
        answer = _whole_characters(answer)
    if not isinstance(answer, dict):
        return Trouble("wrong_shape", f"no object but {type(answer).__name__}", status, uncertain=True)
    return answer


# A surrogate, as its escape sequence or its bytes; two make a character, and one alone could not be told to Ansible.
_HALF_A_CHARACTER = re.compile(rb"\\u[Dd][89A-Fa-f]|\xed[\xa0-\xbf]")


def _whole_characters(answer: t.Any) -> t.Any:
    text = json.dumps(answer, ensure_ascii=False)
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def service_words(headers: t.Mapping[str, str], body: bytes) -> str:
    """The message in an error's body: JSON of any seen shape, a page's title, or plain text."""
    text = body[:65536].decode("utf-8", "replace").strip()
    if _is_page(headers, body):
        title = re.search(r"<title[^>]{0,99}>([^<]+)", text, re.I)
        return f"a page titled '{title.group(1).strip()}'" if title else "a page of HTML"
    try:
        found: t.Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _message_in(found) or text


def _message_in(found: t.Any) -> str | None:
    """What is in C({"message": …}), C({"error": …}), C({"error": {"message": …}}) or C({"detail": …})."""
    while isinstance(found, dict):
        found = next((found[key] for key in ("message", "error", "detail") if found.get(key)), None)
    return found if isinstance(found, str) else None


def _said(answer: dict[str, t.Any]) -> str:
    """For a message about an answer of the wrong shape: what it says itself, if anything."""
    words = _message_in(answer)
    return f"; it says: {words}" if words else ""


def _is_page(headers: t.Mapping[str, str], body: bytes) -> bool:
    return "html" in headers.get("Content-Type", "").lower() or body.lstrip()[:1] == b"<"


def one_line(text: str, secret: str) -> str:
    """For a message. The key is masked before the text is cut: a part of a key, Ansible would not know to mask."""
    masked = text.replace(secret, MASK)
    line = " ".join("".join(char if char.isprintable() else " " for char in masked).split())
    return line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 1]}…"


# The first row decides whose name is among the errors behind an exception, or OpenSSL's reason for one, or begins
# the text of the innermost error, {cause}. Names, because urllib3's classes moved between its versions, and nothing
# but requests is imported.
_CONNECTION_KINDS: dict[str, tuple[str, str, bool, bool]] = {
    # name: (kind, words, whether to try again, whether the request may have been carried out)
    # What precedes any connection: the URL of the API is checked already, and that of a proxy may hold a password.
    **dict.fromkeys(
        ("InvalidProxyURL", "ProxySchemeUnknown", "InvalidSchema", "LocationParseError", "InvalidURL"),
        ("unreachable", "the environment names a proxy whose URL cannot be used", False, False),
    ),
    "Hostname mismatch": ("other_certificate", "{cause}", False, False),
    # urllib3's own, before its version 2.
    "CertificateError": ("other_certificate", "{cause}", False, False),
    "IP address mismatch": ("other_certificate", "{cause}", False, False),
    "Could not find a suitable TLS CA certificate bundle": ("certificate", "{cause}", False, False),
    "SSLCertVerificationError": ("certificate", "{cause}", False, False),
    "NO_CERTIFICATE_OR_CRL_FOUND": ("certificate", "there is no certificate in the CA file", False, False),
    "Tunnel connection failed": ("unreachable", "{cause}", True, False),
    "gaierror": ("unreachable", "the name does not resolve", True, False),
    "ConnectTimeout": ("unreachable", "no connection within {timeout:g} s", True, False),
    "ConnectionRefusedError": ("unreachable", "connection refused", True, False),
    "NewConnectionError": ("unreachable", "{cause}", True, False),
    "ReadTimeoutError": ("timeout", "no answer within {timeout:g} s", True, True),
    "ConnectionResetError": ("connection", "connection reset", True, True),
    "RemoteDisconnected": ("connection", "connection closed without an answer", True, True),
    "ChunkedEncodingError": ("connection", "the answer was cut short", True, True),
    "ContentDecodingError": ("connection", "the answer was broken", True, True),
    "SSLError": ("connection", "TLS failed: {cause}", True, True),
}


def connection_trouble(error: BaseException, timeout: float) -> Trouble:
    """Why no answer came, said shortly: what requests raises nests the reason in prose and addresses."""
    causes = list(_causes(error))
    names = {type(cause).__name__ for cause in causes} | {str(getattr(cause, "reason", "")) for cause in causes}
    cause = _text(causes[-1])
    for name, (kind, words, again, uncertain) in _CONNECTION_KINDS.items():
        if name in names or cause.startswith(name):
            # Once it has let the request pass, urllib3 blames the proxy for what may be the service's doing.
            proxy = "the proxy failed: " if "ProxyError" in names and not uncertain else ""
            return Trouble(kind, proxy + words.format(timeout=timeout, cause=cause), again=again, uncertain=uncertain)
    return Trouble("connection", cause, again=True, uncertain=True)


def _causes(error: BaseException) -> t.Iterator[BaseException]:
    """The error and those it wraps (as its cause, its reason or an argument), from the outside inwards."""
    seen: list[BaseException] = [error]
    for cause in seen:
        yield cause
        context = None if cause.__suppress_context__ else cause.__context__
        wrapped = (*cause.args, getattr(cause, "reason", None), cause.__cause__, context)
        seen += [inner for inner in wrapped if isinstance(inner, BaseException) and inner not in seen]


def _text(error: BaseException) -> str:
    return getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error)


def _environment_is_safe(base_url: str) -> bool:
    """Whether a proxy of the environment may be used: plain http, loopback only, would show it the key."""
    if not base_url.startswith("http:"):
        return True
    try:
        proxy = requests.utils.select_proxy(base_url, requests.utils.get_environ_proxies(base_url)) or "//localhost"
        return is_loopback(urlsplit(proxy if "//" in proxy else f"//{proxy}").hostname or "")
    except ValueError:
        return False
