# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From options and environment variables to settings."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _options
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import SettingsError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Params = t.Callable[..., dict[str, t.Any]]

HOST = "https://api.eu2.coralogix.com"
REGIONS = ("ap1", "ap2", "ap3", "eu1", "eu2", "us1", "us2", "us3")
# In the order in which they are looked at.
HOST_VARIABLES = ("CORALOGIX_URL", "CORALOGIX_DOMAIN", "CORALOGIX_REGION", "CX_REGION")
KEY_VARIABLES = ("CORALOGIX_API_KEY", "CX_API_KEY")

SECRET = "s3cr3t"


def base_url(params: Params, environ: dict[str, str] | None = None, **given: t.Any) -> str:
    return _options.settings(params(**given), environ or {}).base_url


def refusal(params: Params, environ: dict[str, str] | None = None, **given: t.Any) -> str:
    with pytest.raises(SettingsError) as raised:
        _options.settings(params(**given), environ or {})
    assert set(raised.value.failure.values()) == {None, str(raised.value)}
    return str(raised.value)


# Precedence.
# What each way of naming the host can say, and where that leads. Unset comes in three forms.
UNSET = (None, "", " \t")
LEADS_TO = {
    "api_url": {"https://one.example.com": "https://one.example.com", " http://localhost:1/ ": "http://localhost:1"},
    "domain": {
        "two.example.com": "https://api.two.example.com",
        " api.three.example.com": "https://api.three.example.com",
    },
    "region": {"us3": "https://api.us3.coralogix.com", " EU2 ": "https://api.eu2.coralogix.com"},
}
OPTION_OF = dict(zip(HOST_VARIABLES, ("api_url", "domain", "region", "region")))


def of_host(option: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from((*UNSET, *LEADS_TO[option]))


hosts_in_task = st.fixed_dictionaries({option: of_host(option) for option in LEADS_TO})
hosts_in_environment = st.fixed_dictionaries(
    {}, optional={variable: of_host(option).map(lambda value: value or "") for variable, option in OPTION_OF.items()}
)


def expected_host(task: dict[str, str | None], environ: dict[str, str]) -> str | None:
    """Independent of the code: the URL that the documentation promises; None where it is a refusal."""
    given = [(option, value) for option, value in task.items() if value and value.strip()]
    if len(given) > 1:
        return None
    for variable in HOST_VARIABLES:
        given.append((OPTION_OF[variable], environ.get(variable, "")))
    for option, value in given:
        if value in LEADS_TO[option]:
            return LEADS_TO[option][value]
    return "https://api.coralogix.com"


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(task=hosts_in_task, environ=hosts_in_environment)
def test_host_is_that_of_the_task_else_of_the_first_variable(
    params: Params, task: dict[str, str | None], environ: dict[str, str]
) -> None:
    expected = expected_host(task, environ)
    if expected is None:
        message = refusal(params, environ, **task)
        assert all(option in message for option, value in task.items() if value and value.strip())
    else:
        assert base_url(params, environ, **task) == f"{expected}/mgmt/openapi/latest"


keys = st.sampled_from((*UNSET, "key-a", " key-b\n"))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    task=keys,
    environ=st.fixed_dictionaries({}, optional={name: keys.map(lambda key: key or "") for name in KEY_VARIABLES}),
)
def test_key_is_that_of_the_task_else_of_the_first_variable(
    params: Params, task: str | None, environ: dict[str, str]
) -> None:
    found = [key.strip() for key in (task or "", *(environ.get(name, "") for name in KEY_VARIABLES)) if key.strip()]
    if found:
        assert _options.settings(params(api_key=task), environ).authorization == f"Bearer {found[0]}"
    else:
        message = refusal(params, environ, api_key=task)
        assert all(name in message for name in ("api_key", *KEY_VARIABLES))
    assert _options.secrets(params(api_key=task), environ) == set(found[:1])


# Hosts.
def test_default_is_the_server_of_the_reference_page(params: Params) -> None:
    assert base_url(params) == "https://api.coralogix.com/mgmt/openapi/latest"


@pytest.mark.parametrize("region", REGIONS)
def test_region_is_a_host(params: Params, region: str) -> None:
    assert base_url(params, region=region.upper()) == f"https://api.{region}.coralogix.com/mgmt/openapi/latest"


def test_there_are_no_further_regions() -> None:
    assert set(_options.REGIONS) == set(REGIONS)


DOMAINS = {
    "new": ("eu2.coralogix.com", "https://api.eu2.coralogix.com"),
    "with api": ("api.eu2.coralogix.com", "https://api.eu2.coralogix.com"),
    "with api in capitals": ("API.EU2.coralogix.com", "https://api.eu2.coralogix.com"),
    "old": ("cx498.coralogix.com", "https://api.cx498.coralogix.com"),
    "api as a mere prefix": ("apiary.example.com", "https://api.apiary.example.com"),
}


@pytest.mark.parametrize(("domain", "expected"), DOMAINS.values(), ids=DOMAINS)
def test_domain_is_a_host(params: Params, domain: str, expected: str) -> None:
    assert base_url(params, domain=domain) == f"{expected}/mgmt/openapi/latest"


URLS = {
    "host": (HOST, "latest", f"{HOST}/mgmt/openapi/latest", "latest"),
    "host, pinned": (HOST, "4", f"{HOST}/mgmt/openapi/4", "4"),
    "host with slash": (f"{HOST}/", "5", f"{HOST}/mgmt/openapi/5", "5"),
    "port": (f"{HOST}:8443", "latest", f"{HOST}:8443/mgmt/openapi/latest", "latest"),
    "whole base": (f"{HOST}/mgmt/openapi/5", "latest", f"{HOST}/mgmt/openapi/5", "5"),
    "whole base with slashes": (f"{HOST}/mgmt/openapi/3//", "latest", f"{HOST}/mgmt/openapi/3", "3"),
    "whole base, pinned alike": (f"{HOST}/mgmt/openapi/4", "4", f"{HOST}/mgmt/openapi/4", "4"),
    "whole base of latest": (f"{HOST}/mgmt/openapi/latest", "latest", f"{HOST}/mgmt/openapi/latest", "latest"),
    # The alias is kept, and what it leads to is told.
    "whole base of latest, pinned": (f"{HOST}/mgmt/openapi/latest", "3", f"{HOST}/mgmt/openapi/latest", "3"),
    "whole base below a path": (f"{HOST}/proxy/mgmt/openapi/5", "latest", f"{HOST}/proxy/mgmt/openapi/5", "5"),
    "scheme in capitals": ("HTTPS://api.eu2.coralogix.com", "latest", f"{HOST}/mgmt/openapi/latest", "latest"),
    "IPv4": ("https://192.0.2.1", "latest", "https://192.0.2.1/mgmt/openapi/latest", "latest"),
    "IPv6": ("https://[2001:db8::1]:8443", "latest", "https://[2001:db8::1]:8443/mgmt/openapi/latest", "latest"),
    "http on localhost": ("http://localhost:8080", "5", "http://localhost:8080/mgmt/openapi/5", "5"),
    "http on loopback": ("http://127.8.9.1", "5", "http://127.8.9.1/mgmt/openapi/5", "5"),
    "http on IPv6 loopback": ("http://[::1]:8080", "5", "http://[::1]:8080/mgmt/openapi/5", "5"),
}


@pytest.mark.parametrize(("api_url", "api_version", "base", "routes"), URLS.values(), ids=URLS)
@pytest.mark.parametrize("source", ["option", "environment"])
def test_url_is_a_host_or_the_whole_base(
    params: Params, source: str, api_url: str, api_version: str, base: str, routes: str
) -> None:
    task, environ = ({"api_url": api_url}, {}) if source == "option" else ({}, {"CORALOGIX_URL": api_url})
    made = _options.settings(params(api_version=api_version, **task), environ)
    assert (made.base_url, made.api_version) == (base, routes)


# Every refusal names the option or variable to blame, and what else its message has to say.
HOST_REFUSALS: dict[str, tuple[dict[str, t.Any], dict[str, str], list[str]]] = {
    "region unknown": ({"region": "eu9"}, {}, ["region", "eu9", *REGIONS, "domain", "api_url"]),
    "region unknown, from the SDK's variable": ({}, {"CORALOGIX_REGION": "mars"}, ["CORALOGIX_REGION", "mars"]),
    "region unknown, from the client's variable": ({}, {"CX_REGION": "mars"}, ["CX_REGION", "mars"]),
    "domain is a URL": ({"domain": "https://eu2.coralogix.com"}, {}, ["domain", "api_url"]),
    "domain with a path": ({"domain": "eu2.coralogix.com/x"}, {}, ["domain"]),
    "domain with a port": ({"domain": "eu2.coralogix.com:443"}, {}, ["domain"]),
    "domain of one word": ({"domain": "coralogix"}, {}, ["domain"]),
    "domain with a blank": ({"domain": "eu2 .coralogix.com"}, {}, ["domain"]),
    "domain with a line break": ({"domain": "eu2.coralogix.com\nx.com"}, {}, ["domain"]),
    "domain that ends in a dot and more": ({"domain": "a..example.com"}, {}, ["domain"]),
    "domain too long": ({"domain": "a." * 130 + "com"}, {}, ["domain"]),
    "domain with an account": ({"domain": "u@example.com"}, {}, ["domain"]),
    "domain from the variable": ({}, {"CORALOGIX_DOMAIN": "nowhere"}, ["CORALOGIX_DOMAIN", "nowhere"]),
    "URL without a scheme": ({"api_url": "api.eu2.coralogix.com"}, {}, ["api_url", "https://"]),
    "URL of another scheme": ({"api_url": "ftp://api.eu2.coralogix.com"}, {}, ["api_url"]),
    "URL without a host": ({"api_url": "https:///mgmt/openapi/5"}, {}, ["api_url"]),
    "URL with a blank in the host": ({"api_url": "https://a b"}, {}, ["api_url"]),
    "URL with a port that is no number": ({"api_url": "https://host:port"}, {}, ["api_url"]),
    "URL with a port out of range": ({"api_url": "https://host:99999"}, {}, ["api_url"]),
    "URL with half an IPv6 address": ({"api_url": "https://[::1"}, {}, ["api_url"]),
    "URL from the variable": ({}, {"CORALOGIX_URL": "nonsense"}, ["CORALOGIX_URL"]),
    "plain http": ({"api_url": "http://api.eu2.coralogix.com"}, {}, ["api_url", "https"]),
    "plain http to an address": ({"api_url": "http://192.0.2.1"}, {}, ["api_url", "https"]),
    "plain http to a name like loopback": ({"api_url": "http://127.0.0.1.example.com"}, {}, ["api_url", "https"]),
    "plain http to a name below localhost": ({"api_url": "http://localhost.example.com"}, {}, ["api_url", "https"]),
    "plain http from the variable": ({}, {"CORALOGIX_URL": "http://example.com"}, ["CORALOGIX_URL", "https"]),
    "query": ({"api_url": f"{HOST}/mgmt/openapi/5?a=b"}, {}, ["api_url"]),
    "fragment": ({"api_url": f"{HOST}#a"}, {}, ["api_url"]),
    "path": ({"api_url": f"{HOST}/api/v1"}, {}, ["api_url", "/mgmt/openapi/<version>"]),
    "path that goes on": ({"api_url": f"{HOST}/mgmt/openapi/5/incidents"}, {}, ["api_url"]),
    "path that stops short": ({"api_url": f"{HOST}/mgmt/openapi"}, {}, ["api_url"]),
    "version unknown": ({"api_url": f"{HOST}/mgmt/openapi/2"}, {}, ["api_url", "2", "3, 4, 5 or latest"]),
    "version unknown, in the variable": ({}, {"CORALOGIX_URL": f"{HOST}/mgmt/openapi/55"}, ["CORALOGIX_URL", "55"]),
    "versions at odds": ({"api_url": f"{HOST}/mgmt/openapi/5", "api_version": "3"}, {}, ["api_url", "api_version"]),
    "versions at odds, with the variable": (
        {"api_version": "3"},
        {"CORALOGIX_URL": f"{HOST}/mgmt/openapi/5"},
        ["CORALOGIX_URL", "api_version"],
    ),
    "two in the task": ({"region": "eu2", "domain": "x.example.com"}, {}, ["region", "domain", "module_defaults"]),
}


@pytest.mark.parametrize(("task", "environ", "named"), HOST_REFUSALS.values(), ids=HOST_REFUSALS)
def test_refused_host_names_what_to_mend(
    params: Params, task: dict[str, t.Any], environ: dict[str, str], named: list[str]
) -> None:
    message = refusal(params, environ, **task)
    assert [word for word in named if word not in message] == []


@pytest.mark.parametrize(
    "api_url", [f"https://me:{SECRET}@host.example", f"https://{SECRET}@host", f"https://a:{SECRET}@[::1]:x"]
)
@pytest.mark.parametrize("source", ["api_url", "CORALOGIX_URL"])
def test_password_in_a_url_is_refused_and_not_repeated(params: Params, api_url: str, source: str) -> None:
    task, environ = ({"api_url": api_url}, {}) if source == "api_url" else ({}, {source: api_url})
    message = refusal(params, environ, **task)
    assert source in message
    assert SECRET not in message


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    option=st.sampled_from(sorted(LEADS_TO)),
    value=st.text(),
    prefix=st.sampled_from(("", "https://", "http://", "https://h/")),
)
def test_any_text_as_a_host_is_taken_over_tls_or_refused(params: Params, option: str, value: str, prefix: str) -> None:
    try:
        base = _options.settings(params(**{option: prefix + value}), {}).base_url
    except SettingsError:
        return
    assert base.startswith(("https://", "http://localhost", "http://127.", "http://[::1]"))
    assert not set(base) & set(" \t\r\n?#@")


# Keys.
SCHEMES = {
    "bearer": (SECRET, "bearer", f"Bearer {SECRET}"),
    "raw": (SECRET, "raw", SECRET),
    "prefix": (f"Bearer {SECRET}", "bearer", f"Bearer {SECRET}"),
    "prefix, raw": (f"Bearer {SECRET}", "raw", f"Bearer {SECRET}"),
    "prefix in small letters": (f"bearer {SECRET}", "bearer", f"bearer {SECRET}"),
    "a key that merely begins like it": (f"Bearer{SECRET}", "bearer", f"Bearer Bearer{SECRET}"),
    "blanks around": (f" \t{SECRET}\r\n", "bearer", f"Bearer {SECRET}"),
    "blanks around, raw": (f" \t{SECRET}\r\n", "raw", SECRET),
}


@pytest.mark.parametrize(("key", "scheme", "header"), SCHEMES.values(), ids=SCHEMES)
def test_key_becomes_the_header(params: Params, key: str, scheme: str, header: str) -> None:
    assert _options.settings(params(api_key=key, auth_scheme=scheme), {}).authorization == header


BAD_KEYS = {
    "line break": f"a{SECRET}\nb{SECRET}",
    "header of its own": f"{SECRET}\r\nX-Evil: {SECRET}",
    "blank": f"a{SECRET} b{SECRET}",
    "two blanks after the prefix": f"Bearer  {SECRET}",
    "another scheme": f"Basic {SECRET}",
    "double quotes": f'"{SECRET}"',
    "single quotes": f"'{SECRET}'",
    "curly quotes": f"\u201c{SECRET}\u201d",
    "no ASCII": f"{SECRET}\u00e9",
    "null character": f"{SECRET}\0",
    "prefix alone": "Bearer ",
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
@pytest.mark.parametrize("scheme", ["bearer", "raw"])
@pytest.mark.parametrize("source", ["api_key", *KEY_VARIABLES])
def test_what_is_no_key_is_refused_and_not_repeated(params: Params, key: str, scheme: str, source: str) -> None:
    task: dict[str, t.Any] = {"api_key": key if source == "api_key" else None}
    environ = {} if source == "api_key" else {source: key}
    message = refusal(params, environ, auth_scheme=scheme, **task)
    assert source in message
    assert SECRET not in message


def test_secrets_are_all_forms_of_the_key(params: Params) -> None:
    assert _options.secrets(params(api_key=f" Bearer {SECRET} "), {}) == {f"Bearer {SECRET}", SECRET}
    assert _options.secrets(params(api_key=None), {"CX_API_KEY": SECRET}) == {SECRET}
    assert _options.secrets(params(api_key=None), {}) == set()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.text(), scheme=st.sampled_from(["bearer", "raw"]))
def test_a_header_that_is_sent_is_masked_in_output(params: Params, key: str, scheme: str) -> None:
    given_params = params(api_key=key, auth_scheme=scheme)
    try:
        header = _options.settings(given_params, {}).authorization
    except SettingsError:
        return
    assert header.isascii()
    assert header.isprintable()
    assert header.split(" ")[-1] in _options.secrets(given_params, {})


# The rest.
@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, -1.0, 3600.5])
def test_timeout_out_of_bounds_is_refused(params: Params, timeout: float) -> None:
    assert "timeout" in refusal(params, timeout=timeout)


@pytest.mark.parametrize("timeout", [0.001, 30.0, 3600.0])
def test_timeout_within_bounds_is_taken(params: Params, timeout: float) -> None:
    assert _options.settings(params(timeout=timeout), {}).timeout == timeout


def test_retries_may_be_none_but_not_fewer(params: Params) -> None:
    assert _options.settings(params(retries=0), {}).retries == 0
    assert "retries" in refusal(params, retries=-1)


def test_certificates_are_verified_unless_told_otherwise(params: Params, tmp_path: Path) -> None:
    def verify(**given: t.Any) -> bool | str:
        return _options.settings(params(**given), {}).verify

    assert verify() is True
    assert verify(ca_path="") is True
    assert verify(ca_path=str(tmp_path)) == str(tmp_path)
    assert verify(validate_certs=False) is False
    assert verify(validate_certs=False, ca_path=str(tmp_path / "missing")) is False
    assert "ca_path" in refusal(params, ca_path=str(tmp_path / "missing"))


def test_argument_spec_is_the_table_without_the_environment() -> None:
    spec = _options.argument_spec()
    assert spec.keys() == _options.CONNECTION_OPTIONS.keys()
    assert all(option.keys() <= {"type", "choices", "default", "no_log"} for option in spec.values())
    assert [name for name, option in spec.items() if option.get("no_log")] == ["api_key"]
