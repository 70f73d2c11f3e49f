# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection options: one table, and the way from options and environment to checked settings.

No Ansible in here: modules, action plugins and event sources use the same table.
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
import typing as t
from urllib.parse import urlsplit

from ._errors import option_invalid

# An argument spec. C(env) lists the environment variables that stand in for an option; the first one
# set wins. Their names are those of the vendor's SDK, Terraform provider and command-line client.
CONNECTION_OPTIONS: dict[str, dict[str, t.Any]] = {
    "api_key": {"type": "str", "no_log": True, "env": ("CORALOGIX_API_KEY", "CX_API_KEY")},
    "auth_scheme": {"type": "str", "choices": ["bearer", "raw"], "default": "bearer"},
    "api_url": {"type": "str", "env": ("CORALOGIX_URL",)},
    "domain": {"type": "str", "env": ("CORALOGIX_DOMAIN",)},
    "region": {"type": "str", "env": ("CORALOGIX_REGION", "CX_REGION")},
    "team_id": {"type": "int", "env": ("CORALOGIX_TEAM_ID",)},
    "api_version": {"type": "str", "choices": ["latest", "3", "4", "5"], "default": "latest"},
    "timeout": {"type": "float", "default": 30.0},
    "deadline": {"type": "float"},
    "retries": {"type": "int", "default": 4},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
}

# In the order in which their environment variables are looked up.
HOST_OPTIONS = ("api_url", "domain", "region")
DEFAULT_URL = "https://api.coralogix.com"
REGIONS = ("ap1", "ap2", "ap3", "eu1", "eu2", "us1", "us2", "us3")
# The web pages of a region are at https://TEAM.app.DOMAIN. Older regions also have a domain of their own.
_REGION_OF_DOMAIN = {
    "coralogix.com": "eu1",
    "coralogix.us": "us1",
    "cx498.coralogix.com": "us2",
    "coralogix.in": "ap1",
    "coralogixsg.com": "ap2",
    **{f"{region}.coralogix.com": region for region in REGIONS},
}
MAX_SECONDS = {"timeout": 3600.0, "deadline": 86_400.0}
MAX_RETRIES = 100
# requests looks at these in this order where no CA is given.
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

_VERSIONED_PATH = re.compile(r"/mgmt/openapi/(latest|[0-9]+)\Z")
_LABEL = r"(?![^.]{64})[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*\Z", re.I)
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "text"),
    "path": ((str,), "text"),
    "bool": ((bool,), "a boolean"),
    "int": ((int,), "a whole number"),
    "float": ((float, int), "a number"),
    "dict": ((dict,), "a map"),
    "list": ((list,), "a list"),
}


class Settings(t.NamedTuple):
    """Where to send requests and how, checked and complete."""

    base_url: str
    """Such as C(https://api.eu2.coralogix.com/mgmt/openapi/5), without a slash at the end."""
    api_version: str
    """C(latest), C(3), C(4) or C(5): the routes that this base serves."""
    authorization: str
    """The whole value of the Authorization header."""
    timeout: float
    """Seconds for each connect, and for each answer as a whole."""
    deadline: float | None
    """Seconds for the whole task."""
    retries: int
    verify: bool | str
    """As C(requests) takes it: the path of a CA file or folder, or whether to verify."""
    key_source: str
    """For messages: the option or the environment variable that the key comes from."""
    host_source: str
    """The same for the host. Empty if nothing names one."""
    ca_source: str = ""
    """The same for the CA file or folder."""
    team_id: int | None = None
    """The number of the team whose users are searched."""


def argument_spec() -> dict[str, dict[str, t.Any]]:
    """The connection options in the form that AnsibleModule takes."""
    return {
        name: {key: value for key, value in option.items() if key != "env"}
        for name, option in CONNECTION_OPTIONS.items()
    }


def find_secrets(options: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> set[str]:
    """The API key in the forms that must not show up in output: as it is, and without C(Bearer)."""
    found = _look_up("api_key", options, environ)
    return {found.value, found.value.split()[-1]} if found else set()


def resolve_settings(options: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> Settings:
    """Check options and environment, and fill in defaults. Options may be missing or null.

    Raises CoralogixError(OptionInvalid) with the name of the option or variable.
    """
    values = {name: _typed_value(name, options.get(name)) for name in CONNECTION_OPTIONS}
    for name, maximum in MAX_SECONDS.items():
        seconds = values[name]
        if seconds is not None and not (math.isfinite(seconds) and 0 < seconds <= maximum):
            raise option_invalid(f"{name} is {seconds}. It must be more than 0 and at most {maximum:.0f} seconds.")
    if not 0 <= values["retries"] <= MAX_RETRIES:
        raise option_invalid(f"retries is {values['retries']}. It must be 0 or more, and at most {MAX_RETRIES}.")
    host = _find_host(values, environ)
    base_url, api_version = _base_url(host, values["api_version"])
    key = _look_up("api_key", values, environ)
    if key is None:
        names = " or ".join(CONNECTION_OPTIONS["api_key"]["env"])
        raise option_invalid(f"No API key. Set api_key, or the environment variable {names} where the task runs.")
    verify, ca_source = _verify(values, environ if base_url.startswith("https:") else {})
    return Settings(
        base_url=base_url,
        api_version=api_version,
        authorization=_authorization(key, values["auth_scheme"]),
        timeout=float(values["timeout"]),
        deadline=values["deadline"],
        retries=values["retries"],
        verify=verify,
        key_source=key.source,
        host_source=host.source,
        ca_source=ca_source,
        team_id=_team_id(values["team_id"], environ),
    )


class _Value(t.NamedTuple):
    option: str
    value: str
    source: str
    """For messages: the option or the environment variable that the value comes from."""


def check_type(name: str, value: t.Any, type_name: str) -> None:
    """Refuse what is not of this type. The types are those of Ansible's options."""
    classes, wanted = _TYPES[type_name]
    if not isinstance(value, classes) or (isinstance(value, bool) and type_name != "bool"):
        found = next((text for candidates, text in _TYPES.values() if type(value) in candidates), type(value).__name__)
        raise option_invalid(f"{name} is {found}. It must be {wanted}.")


def _typed_value(name: str, value: t.Any) -> t.Any:
    """The value of an option, or its default. Ansible has converted it already; an event source has not."""
    option = CONNECTION_OPTIONS[name]
    if value is None:
        return option.get("default")
    check_type(name, value, option["type"])
    choices = option.get("choices")
    if choices and value not in choices:
        raise option_invalid(f"{name} is {value!r}. It must be one of {', '.join(choices)}.")
    return value


def _look_up(option: str, options: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> _Value | None:
    """The option's value, else that of its environment variables. Null and blanks count as unset."""
    sources = [(option, options.get(option))]
    sources += [(name, environ.get(name)) for name in CONNECTION_OPTIONS[option].get("env", ())]
    for source, value in sources:
        # Not converted to text yet if Ansible has not checked the options.
        text = "" if value is None else str(value).strip()
        if text:
            return _Value(option, text, source)
    return None


def _team_id(option: int | None, environ: t.Mapping[str, str]) -> int | None:
    (name,) = CONNECTION_OPTIONS["team_id"]["env"]
    text = str(environ.get(name) or "").strip() if option is None else str(option)
    if text and not re.match(r"[0-9]{1,19}\Z", text):
        raise option_invalid(f"{name if option is None else 'team_id'} is {text!r}. It must be the number of a team.")
    return int(text) if text else None


def _find_host(options: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> _Value:
    in_task = [value for option in HOST_OPTIONS for value in [_look_up(option, options, {})] if value]
    if len(in_task) > 1:
        names = " and ".join(value.option for value in in_task)
        raise option_invalid(
            f"{names} are set together. Set at most one of {', '.join(HOST_OPTIONS)}. "
            "Options from module_defaults count as well. To drop one, set it to null in the task."
        )
    in_environment = [value for option in HOST_OPTIONS for value in [_look_up(option, {}, environ)] if value]
    return (in_task + in_environment + [_Value("api_url", DEFAULT_URL, "")])[0]


def _base_url(host: _Value, api_version: str) -> tuple[str, str]:
    _refuse_web_page(host)
    base = {"api_url": _check_url, "domain": _domain_url, "region": _region_url}[host.option](host)
    versioned = _VERSIONED_PATH.search(base)
    if versioned is None:
        return f"{base}/mgmt/openapi/{api_version}", api_version
    in_url = versioned.group(1)
    if in_url not in CONNECTION_OPTIONS["api_version"]["choices"]:
        raise option_invalid(f"{host.source} ends in API version {in_url}. Use 3, 4, 5 or latest.")
    # Only a pinned version says which routes there are. "latest" leaves that to the other one.
    pinned = {version for version in (in_url, api_version) if version != "latest"}
    if len(pinned) > 1:
        raise option_invalid(
            f"api_version is {api_version}, but {host.source} ends in /mgmt/openapi/{in_url}. "
            "Leave one of them out, or make them agree."
        )
    return base, pinned.pop() if pinned else "latest"


def _refuse_web_page(host: _Value) -> None:
    """People copy the address of the product from their browser. It is not the host of the API."""
    page = re.match(r"(https?://)?((?!api\.)[\w-]+\.)?app\.(?P<domain>[\w.-]+)(:\d+)?([/?#]|\Z)", host.value, re.I)
    region = page and _REGION_OF_DOMAIN.get(page["domain"].lower())
    if not region:
        return
    advice = f"Set region to {region} instead."
    if host.source != host.option:
        advice = f"Unset it, and set {CONNECTION_OPTIONS['region']['env'][0]} to {region}."
    raise option_invalid(f"{host.source} is {host.value!r}. That is the web page of Coralogix, not its API. {advice}")


def _check_url(host: _Value) -> str:
    try:
        parts = urlsplit(host.value)
        _port = parts.port  # Raises ValueError if it is no number.
    except ValueError:
        raise option_invalid(f"{host.source} is not a URL.") from None
    # This comes first and does not repeat the value: a password may stand before the @.
    if "@" in parts.netloc:
        raise option_invalid(f"{host.source} contains a user name or password. Use api_key instead.")
    name = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not (_HOST_NAME.match(name) or _ip_address(name)):
        raise option_invalid(
            f"{host.source} is {host.value!r}. It must be a URL such as https://api.eu2.coralogix.com."
        )
    if parts.query or parts.fragment:
        raise option_invalid(f"{host.source} is {host.value!r}. Remove everything after the path.")
    if parts.scheme == "http" and not is_loopback(name):
        raise option_invalid(
            f"{host.source} is {host.value!r}. The API key is not sent over plain http, except to the loopback "
            "interface. Use https."
        )
    path = parts.path.rstrip("/")
    if path and not _VERSIONED_PATH.search(path):
        raise option_invalid(
            f"{host.source} is {host.value!r}. Give only the host (https://HOST), or the base URL that ends in "
            "/mgmt/openapi/VERSION."
        )
    return f"{parts.scheme}://{parts.netloc}{path}"


def _domain_url(host: _Value) -> str:
    domain = host.value.lower()
    if not _HOST_NAME.match(domain) or "." not in domain:
        raise option_invalid(
            f"{host.source} is {host.value!r}. It must be a domain such as eu2.coralogix.com. Use api_url for a URL."
        )
    return f"https://{domain}" if domain.startswith("api.") else f"https://api.{domain}"


def _region_url(host: _Value) -> str:
    region = host.value.lower()
    if region not in REGIONS:
        raise option_invalid(
            f"{host.source} is {host.value!r}. Known regions are {', '.join(REGIONS)}. "
            "Use domain or api_url for any other place."
        )
    return f"https://api.{region}.coralogix.com"


def _authorization(key: _Value, scheme: str) -> str:
    prefix, _blank, rest = key.value.partition(" ")
    has_prefix = prefix.lower() == "bearer"
    token = rest if has_prefix else key.value
    # requests would refuse some of these too, with the key in its message.
    if not re.match(r"[!#-&(-~]+\Z", token):
        raise option_invalid(
            f"{key.source} contains a quote, a blank, a line break or another character that no API key has."
        )
    return key.value if has_prefix or scheme == "raw" else f"Bearer {token}"


def _verify(options: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> tuple[bool | str, str]:
    """What C(requests) gets as C(verify), and the option or variable that it comes from."""
    if not options["validate_certs"]:
        return False, ""
    candidates = [("ca_path", options["ca_path"]), *((name, environ.get(name)) for name in CA_VARIABLES)]
    source, path = next(((source, path) for source, path in candidates if path), ("", None))
    if path is None:
        return True, ""
    if not os.path.exists(path):
        raise option_invalid(f"{source} is {path!r}. There is no such file or folder where the task runs.")
    try:
        names = os.listdir(path) if os.path.isdir(path) else None
        if names is None:
            with open(path, "rb") as file:
                file.read(1)
    except OSError as error:
        raise option_invalid(f"{source} is {path!r}. It cannot be read ({error.strerror}).") from None
    if names is not None and not any(re.match(r"[0-9a-f]{8}\.\d+\Z", name) for name in names):
        raise option_invalid(
            f"{source} is {path!r}. The folder has no hashed certificates, so OpenSSL finds none in it. "
            "Run `openssl rehash` on it, or name a file."
        )
    return path, source


def _ip_address(name: str) -> t.Any:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def is_loopback(name: str) -> bool:
    """Whether the name or address of a host is this machine itself."""
    address = _ip_address(name)
    return name == "localhost" or bool(address and address.is_loopback)
