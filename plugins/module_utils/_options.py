# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection options: one table of them, and the way from options to checked settings.

No Ansible in here: whatever else is to take these options, such as an Event-Driven Ansible plugin, can use it as well.
"""

from __future__ import annotations

import math
import os
import re
import typing as t
from urllib.parse import urlsplit

from ._errors import SettingsError

# An argument spec, and under C(env) the environment variables that stand in for an option, the
# first one set winning. Names as the vendor's SDK, Terraform provider and command-line client use them.
CONNECTION_OPTIONS: dict[str, dict[str, t.Any]] = {
    "api_key": {"type": "str", "no_log": True, "env": ("CORALOGIX_API_KEY", "CX_API_KEY")},
    "auth_scheme": {"type": "str", "choices": ["bearer", "raw"], "default": "bearer"},
    "api_url": {"type": "str", "env": ("CORALOGIX_URL",)},
    "domain": {"type": "str", "env": ("CORALOGIX_DOMAIN",)},
    "region": {"type": "str", "env": ("CORALOGIX_REGION", "CX_REGION")},
    "api_version": {"type": "str", "choices": ["latest", "3", "4", "5"], "default": "latest"},
    "timeout": {"type": "float", "default": 30.0},
    "retries": {"type": "int", "default": 4},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
}

# In the order in which their environment variables are looked at.
HOST_OPTIONS = ("api_url", "domain", "region")
DEFAULT_URL = "https://api.coralogix.com"
REGIONS = ("ap1", "ap2", "ap3", "eu1", "eu2", "us1", "us2", "us3")
MAX_TIMEOUT = 3600.0

_VERSIONED_PATH = re.compile(r"/mgmt/openapi/(latest|[0-9]+)\Z")
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\Z", re.I)


class Settings(t.NamedTuple):
    """Where to send requests and how, checked and complete."""

    base_url: str
    """Such as C(https://api.eu2.coralogix.com/mgmt/openapi/5), without a slash at the end."""
    api_version: str
    """C(latest), C(3), C(4) or C(5): the routes that this base serves."""
    authorization: str
    """The whole value of the Authorization header."""
    timeout: float
    """Seconds, for each connect and each read."""
    retries: int
    verify: bool | str
    """As C(requests) takes it: a path of a CA file or folder, or whether to verify."""
    key_source: str
    """For messages: the option or the environment variable that the key comes from."""
    host_source: str
    """The same of the host; empty where none names one."""


def argument_spec() -> dict[str, dict[str, t.Any]]:
    """The connection options in the form that AnsibleModule takes."""
    return {
        name: {key: value for key, value in option.items() if key != "env"}
        for name, option in CONNECTION_OPTIONS.items()
    }


def secrets(params: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> set[str]:
    """Every form of the key that must not show up in output."""
    found = _lookup("api_key", params, environ)
    if found is None:
        return set()
    return {found.value, found.value.split()[-1]}


def settings(params: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> Settings:
    """Check options and environment; raises SettingsError with the name of what is wrong."""
    timeout, retries = params["timeout"], params["retries"]
    if not (math.isfinite(timeout) and 0 < timeout <= MAX_TIMEOUT):
        raise SettingsError(f"timeout is {timeout}: it has to be more than 0 and at most {MAX_TIMEOUT:.0f} seconds.")
    if retries < 0:
        raise SettingsError(f"retries is {retries}: it has to be 0 or more.")
    host = _host(params, environ)
    base_url, api_version = _base_url(host, params["api_version"])
    key = _key(params, environ)
    return Settings(
        base_url=base_url,
        api_version=api_version,
        authorization=_authorization(key, params["auth_scheme"]),
        timeout=timeout,
        retries=retries,
        verify=_verify(params["validate_certs"], params["ca_path"]),
        key_source=key.source,
        host_source=host.source,
    )


class _Found(t.NamedTuple):
    option: str
    value: str
    source: str
    """For messages: the option or the environment variable that the value comes from."""


def _lookup(option: str, params: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> _Found | None:
    """The option's value, else that of its environment variables; null and blanks count as unset."""
    sources = [(option, params.get(option))]
    sources += [(name, environ.get(name)) for name in CONNECTION_OPTIONS[option].get("env", ())]
    for source, value in sources:
        if value is not None and value.strip():
            return _Found(option, value.strip(), source)
    return None


def _host(params: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> _Found:
    in_task = [found for option in HOST_OPTIONS for found in [_lookup(option, params, {})] if found]
    if len(in_task) > 1:
        names = " and ".join(found.option for found in in_task)
        raise SettingsError(
            f"{names} are given together: give at most one of {', '.join(HOST_OPTIONS)} "
            "(module_defaults count; null takes one of them back)."
        )
    in_environment = [found for option in HOST_OPTIONS for found in [_lookup(option, {}, environ)] if found]
    return (in_task + in_environment + [_Found("api_url", DEFAULT_URL, "")])[0]


def _base_url(host: _Found, api_version: str) -> tuple[str, str]:
    base = {"api_url": _url, "domain": _domain_url, "region": _region_url}[host.option](host)
    stated = _VERSIONED_PATH.search(base)
    if stated is None:
        return f"{base}/mgmt/openapi/{api_version}", api_version
    in_url = stated.group(1)
    if in_url not in CONNECTION_OPTIONS["api_version"]["choices"]:
        raise SettingsError(
            f"{host.source} asks for API version {in_url}, which is not supported: use 3, 4, 5 or latest."
        )
    # Only a pinned version says which routes there are: "latest" leaves it to the other of the two.
    pinned = {version for version in (in_url, api_version) if version != "latest"}
    if len(pinned) > 1:
        raise SettingsError(
            f"api_version is {api_version}, but {host.source} ends in /mgmt/openapi/{in_url}: "
            "leave out one of them, or let them agree."
        )
    return base, pinned.pop() if pinned else "latest"


def _url(host: _Found) -> str:
    try:
        parts = urlsplit(host.value)
        _port = parts.port  # Raises where it is no number.
    except ValueError:
        raise SettingsError(f"{host.source} is not a URL.") from None
    # First of all, and without repeating the value: what stands before the @ may be a password.
    if "@" in parts.netloc:
        raise SettingsError(f"{host.source} holds a user name or password: use api_key instead.")
    name = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not (_HOST_NAME.match(name) or _ip_address(name)):
        raise SettingsError(f"{host.source} is {host.value!r}, not a URL such as https://api.eu2.coralogix.com.")
    if parts.query or parts.fragment:
        raise SettingsError(f"{host.source} is {host.value!r}: take off what follows the path.")
    if parts.scheme == "http" and not is_loopback(name):
        raise SettingsError(
            f"{host.source} is {host.value!r}: the API key is not sent over plain http (but to loopback): use https."
        )
    path = parts.path.rstrip("/")
    if path and not _VERSIONED_PATH.search(path):
        raise SettingsError(
            f"{host.source} is {host.value!r}: give the host alone (https://host), or the whole base up to and with "
            "/mgmt/openapi/<version>."
        )
    return f"{parts.scheme}://{parts.netloc}{path}"


def _domain_url(host: _Found) -> str:
    domain = host.value.lower()
    if not _HOST_NAME.match(domain) or "." not in domain:
        raise SettingsError(
            f"{host.source} is {host.value!r}, not a domain such as eu2.coralogix.com. A whole URL goes into api_url."
        )
    return f"https://{domain}" if domain.startswith("api.") else f"https://api.{domain}"


def _region_url(host: _Found) -> str:
    region = host.value.lower()
    if region not in REGIONS:
        raise SettingsError(
            f"{host.source} is {host.value!r}; known regions are {', '.join(REGIONS)}. "
            "Any other place goes into domain or api_url."
        )
    return f"https://api.{region}.coralogix.com"


def _key(params: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> _Found:
    key = _lookup("api_key", params, environ)
    if key is None:
        raise SettingsError(
            "There is no API key: set api_key, or one of the environment variables "
            f"{' and '.join(CONNECTION_OPTIONS['api_key']['env'])} where the module runs."
        )
    return key


def _authorization(key: _Found, scheme: str) -> str:
    prefix, _blank, rest = key.value.partition(" ")
    has_prefix = prefix.lower() == "bearer"
    token = rest if has_prefix else key.value
    # requests would refuse some of these too, with the key in its message.
    if not re.match(r"[!#-&(-~]+\Z", token):
        raise SettingsError(
            f"{key.source} holds a quote, a blank, a line break or another character that is in no API key."
        )
    return key.value if has_prefix or scheme == "raw" else f"Bearer {token}"


def _verify(validate_certs: bool, ca_path: str | None) -> bool | str:
    if not validate_certs or not ca_path:
        return validate_certs
    if not os.path.exists(ca_path):
        raise SettingsError(f"ca_path is {ca_path!r}: there is no such file or folder where the module runs.")
    return ca_path


def _ip_address(name: str) -> t.Any:
    import ipaddress  # Only addresses need it, and Coralogix is reached by name.

    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def is_loopback(name: str) -> bool:
    """Whether a host's name or address is this machine itself."""
    address = _ip_address(name)
    return name == "localhost" or bool(address and address.is_loopback)
