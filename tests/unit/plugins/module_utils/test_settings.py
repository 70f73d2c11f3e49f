# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From options and environment to settings, without Ansible."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _settings
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import CoralogixError
from ansible_collections.coralogix.incidents.plugins.module_utils._settings import Settings, resolve_settings
from helpers import refusal, table
from hypothesis import given, settings
from hypothesis import strategies as st

HOST = "https://api.eu2.coralogix.com"
REGIONS = ("ap1", "ap2", "ap3", "eu1", "eu2", "us1", "us2", "us3")
SECRET = "s3cr3t"
# In the order in which they are looked at.
OPTION_OF = {
    "CORALOGIX_URL": "api_url",
    "CORALOGIX_DOMAIN": "domain",
    "CORALOGIX_REGION": "region",
    "CX_REGION": "region",
}
KEY_VARIABLES = ("CORALOGIX_API_KEY", "CX_API_KEY")


def resolve(environ: t.Mapping[str, str] = {}, **options: t.Any) -> Settings:
    return resolve_settings({"api_key": "k", **options}, environ)


def base_url(environ: t.Mapping[str, str] = {}, **options: t.Any) -> str:
    return resolve(environ, **options).base_url


def test_a_key_is_enough() -> None:
    assert resolve() == Settings(
        base_url="https://api.coralogix.com/mgmt/openapi/latest",
        api_version="latest",
        authorization="Bearer k",
        timeout=30.0,
        deadline=None,
        retries=4,
        verify=True,
        key_source="api_key",
        host_source="",
    )
    assert resolve(**dict.fromkeys(set(_settings.CONNECTION_OPTIONS) - {"api_key"})) == resolve()


def test_argument_spec_is_the_table_without_the_environment() -> None:
    spec = _settings.argument_spec()
    assert spec.keys() == _settings.CONNECTION_OPTIONS.keys()
    assert {key for option in spec.values() for key in option} == {"type", "choices", "default", "no_log"}
    assert [name for name, option in spec.items() if option.get("no_log")] == ["api_key"]


# What each way to name the host can say, and where that leads. Unset comes in three forms.
UNSET = (None, "", " \t")
HOSTS = {
    "api_url": {"https://one.example.com": "https://one.example.com", " http://localhost:1/ ": "http://localhost:1"},
    "domain": {
        "two.example.com": "https://api.two.example.com",
        " API.three.example.com": "https://api.three.example.com",
    },
    "region": {"us3": "https://api.us3.coralogix.com", " EU2 ": "https://api.eu2.coralogix.com"},
}
option_values = {option: st.sampled_from((*UNSET, *hosts)) for option, hosts in HOSTS.items()}
variable_values = {
    variable: option_values[option].map(lambda value: value or "") for variable, option in OPTION_OF.items()
}


@settings(max_examples=250)
@given(task=st.fixed_dictionaries(option_values), environ=st.fixed_dictionaries({}, optional=variable_values))
def test_host_is_that_of_the_task_or_of_the_first_variable(task: dict[str, t.Any], environ: dict[str, str]) -> None:
    in_task = [(option, value, option) for option, value in task.items() if value and value.strip()]
    if len(in_task) > 1:
        message = refusal(base_url, environ, **task)
        assert all(option in message for option, _value, _source in in_task)
        assert "module_defaults" in message
        return
    in_environ = [(option, environ.get(name, ""), name) for name, option in OPTION_OF.items()]
    named = [(HOSTS[option][value], source) for option, value, source in in_task + in_environ if value.strip()]
    expected, source = (*named, ("https://api.coralogix.com", ""))[0]
    resolved = resolve(environ, **task)
    assert (resolved.base_url, resolved.host_source) == (f"{expected}/mgmt/openapi/latest", source)


key_values = st.sampled_from((*UNSET, "key-a", " key-b\n"))
key_variables = {name: key_values.map(lambda key: key or "") for name in KEY_VARIABLES}


@given(key=key_values, environ=st.fixed_dictionaries({}, optional=key_variables))
def test_key_is_that_of_the_task_or_of_the_first_variable(key: str | None, environ: dict[str, str]) -> None:
    given_keys = {"api_key": key, **{name: environ.get(name) for name in KEY_VARIABLES}}
    found = [(value.strip(), source) for source, value in given_keys.items() if value and value.strip()]
    assert _settings.find_secrets({"api_key": key}, environ) == {value for value, _source in found[:1]}
    if found:
        resolved = resolve(environ, api_key=key)
        assert (resolved.authorization, resolved.key_source) == (f"Bearer {found[0][0]}", found[0][1])
    else:
        assert refusal(resolve, environ, api_key=key).startswith("No API key. Set api_key, or")


def test_regions_are_the_known_ones() -> None:
    assert _settings.REGIONS == REGIONS
    assert [base_url(region=region.upper()) for region in REGIONS] == [
        f"https://api.{region}.coralogix.com/mgmt/openapi/latest" for region in REGIONS
    ]


def test_api_is_put_before_a_domain_that_does_not_begin_with_it() -> None:
    assert base_url(domain="cx498.coralogix.com") == "https://api.cx498.coralogix.com/mgmt/openapi/latest"
    assert base_url(domain="apiary.example.com") == "https://api.apiary.example.com/mgmt/openapi/latest"


URLS: dict[str, tuple[str, str, str, str]] = {
    "host": (HOST, "latest", f"{HOST}/mgmt/openapi/latest", "latest"),
    "host and slash, pinned": (f"{HOST}/", "4", f"{HOST}/mgmt/openapi/4", "4"),
    "port": (f"{HOST}:8443", "latest", f"{HOST}:8443/mgmt/openapi/latest", "latest"),
    "whole base": (f"{HOST}/mgmt/openapi/3//", "latest", f"{HOST}/mgmt/openapi/3", "3"),
    "whole base, pinned alike": (f"{HOST}/mgmt/openapi/4", "4", f"{HOST}/mgmt/openapi/4", "4"),
    "whole base of latest": (f"{HOST}/mgmt/openapi/latest", "latest", f"{HOST}/mgmt/openapi/latest", "latest"),
    # The alias stays, and the option says what it leads to.
    "whole base of latest, pinned": (f"{HOST}/mgmt/openapi/latest", "3", f"{HOST}/mgmt/openapi/latest", "3"),
    "whole base below a path": (f"{HOST}/proxy/mgmt/openapi/5", "latest", f"{HOST}/proxy/mgmt/openapi/5", "5"),
    "scheme in capitals": ("HTTPS://api.eu2.coralogix.com", "latest", f"{HOST}/mgmt/openapi/latest", "latest"),
    "IPv6": ("https://[2001:db8::1]:8443", "latest", "https://[2001:db8::1]:8443/mgmt/openapi/latest", "latest"),
    **{
        f"http to {host}": (f"http://{host}", "5", f"http://{host}/mgmt/openapi/5", "5")
        for host in ("localhost:8080", "127.8.9.1", "[::1]:8080")
    },
}


@pytest.mark.parametrize("source", ["api_url", "CORALOGIX_URL"])
@table("api_url, api_version, base, routes", URLS)
def test_url_is_a_host_or_a_whole_base(source: str, api_url: str, api_version: str, base: str, routes: str) -> None:
    named = {source: api_url}
    options = named if source == "api_url" else {}
    resolved = resolve(named, api_version=api_version, **options)
    assert (resolved.base_url, resolved.api_version) == (base, routes)


# What names a host that cannot be used: an option and its values. The message names the option or the variable.
BAD_HOSTS = {
    "region": ["eu9", "mars"],
    "domain": [
        *(
            "https://eu2.coralogix.com",
            "eu2.coralogix.com/x",
            "eu2.coralogix.com:443",
            "coralogix",
            "eu2 .coralogix.com",
        ),
        *("eu2.coralogix.com\nx.com", "a..example.com", "a." * 130 + "com", "u@example.com", f"{'a' * 64}.com"),
    ],
    "api_url": [
        *("nonsense", "api.eu2.coralogix.com", "ftp://api.eu2.coralogix.com", "https:///mgmt/openapi/5", "https://a b"),
        *("https://host:port", "https://host:99999", "https://[::1", f"https://{'a' * 64}.com", "https://"),
        *("http://api.eu2.coralogix.com", "http://192.0.2.1", "http://127.0.0.1.example.com"),
        *("http://localhost.example.com", f"{HOST}/mgmt/openapi/5?a=b", f"{HOST}#a", f"{HOST}/api/v1"),
        *(
            f"{HOST}/mgmt/openapi/5/incidents",
            f"{HOST}/mgmt/openapi",
            f"{HOST}/mgmt/openapi/2",
            f"{HOST}/mgmt/openapi/55",
        ),
    ],
}


@pytest.mark.parametrize("source", ["option", "variable"])
@pytest.mark.parametrize(("option", "value"), [(option, value) for option in BAD_HOSTS for value in BAD_HOSTS[option]])
def test_bad_host_is_refused_by_name(option: str, value: str, source: str) -> None:
    variable = next(name for name, variable_option in OPTION_OF.items() if variable_option == option)
    options, environ = ({option: value}, {}) if source == "option" else ({}, {variable: value})
    assert refusal(resolve, environ, **options).startswith(option if options else variable)


HOST_ADVICE: dict[str, tuple[dict[str, t.Any], list[str]]] = {
    "region": ({"region": "eu9"}, ["'eu9'", *REGIONS, "domain or api_url"]),
    "domain": ({"domain": "https://x.com"}, ["eu2.coralogix.com", "api_url"]),
    "plain http": ({"api_url": "http://x.com"}, ["Use https"]),
    "path": ({"api_url": f"{HOST}/api"}, ["https://HOST", "/mgmt/openapi/VERSION"]),
    "version": ({"api_url": f"{HOST}/mgmt/openapi/2"}, ["3, 4, 5 or latest"]),
    "versions at odds": ({"api_url": f"{HOST}/mgmt/openapi/5", "api_version": "3"}, ["api_version is 3", "agree"]),
}


@table("options, words", HOST_ADVICE)
def test_refused_host_comes_with_advice(options: dict[str, t.Any], words: list[str]) -> None:
    message = refusal(resolve, **options)
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize("source", ["api_url", "CORALOGIX_URL"])
@pytest.mark.parametrize("url", [f"https://me:{SECRET}@host.x", f"https://{SECRET}@h", f"https://a:{SECRET}@[::1]:x"])
def test_password_in_a_url_is_refused_and_not_repeated(url: str, source: str) -> None:
    options, environ = ({"api_url": url}, {}) if source == "api_url" else ({}, {source: url})
    message = refusal(resolve, environ, **options)
    assert message.startswith(source)
    assert SECRET not in message


@settings(max_examples=150)
@given(
    option=st.sampled_from(sorted(HOSTS)),
    value=st.text(),
    prefix=st.sampled_from(("", "https://", "http://", "https://h/")),
)
def test_every_text_as_a_host_is_used_over_tls_or_refused(option: str, value: str, prefix: str) -> None:
    try:
        base = base_url(**{option: prefix + value})
    except CoralogixError:
        return
    assert base.startswith(("https://", "http://localhost", "http://127.", "http://[::1]"))
    assert not set(base) & set(" \t\r\n?#@")


KEYS = {
    "bearer": (SECRET, "bearer", f"Bearer {SECRET}"),
    "raw": (SECRET, "raw", SECRET),
    "prefix": (f"Bearer {SECRET}", "bearer", f"Bearer {SECRET}"),
    "prefix, raw": (f"bearer {SECRET}", "raw", f"bearer {SECRET}"),
    "begins like the prefix": (f"Bearer{SECRET}", "bearer", f"Bearer Bearer{SECRET}"),
    "blanks around": (f" \t{SECRET}\r\n", "raw", SECRET),
}


@table("key, scheme, header", KEYS)
def test_key_becomes_the_header_and_is_a_secret(key: str, scheme: str, header: str) -> None:
    assert resolve(api_key=key, auth_scheme=scheme).authorization == header
    assert {key.strip(), key.split()[-1]} == _settings.find_secrets({"api_key": key}, {})


BAD_KEYS = [
    *(f"a{SECRET}\nb{SECRET}", f"{SECRET}\r\nX-Evil: {SECRET}", f"a{SECRET} b{SECRET}", f"Bearer  {SECRET}"),
    *(
        f"Basic {SECRET}",
        f'"{SECRET}"',
        f"'{SECRET}'",
        f"\u201c{SECRET}\u201d",
        f"{SECRET}\u00e9",
        f"{SECRET}\0",
        "Bearer ",
    ),
]


@pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
@pytest.mark.parametrize("source", ["api_key", *KEY_VARIABLES])
def test_bad_key_is_refused_and_not_repeated(key: str, source: str) -> None:
    options, environ = ({"api_key": key}, {}) if source == "api_key" else ({"api_key": None}, {source: key})
    message = refusal(resolve, environ, **options)
    assert message.startswith(source)
    assert SECRET not in message


@settings(max_examples=150)
@given(key=st.text(), scheme=st.sampled_from(["bearer", "raw"]))
def test_every_header_is_plain_text_and_a_known_secret(key: str, scheme: str) -> None:
    try:
        header = resolve(api_key=key, auth_scheme=scheme).authorization
    except CoralogixError:
        return
    assert header.isascii()
    assert header.isprintable()
    assert header.split(" ")[-1] in _settings.find_secrets({"api_key": key}, {})


BAD_VALUES: dict[str, list[t.Any]] = {
    "timeout": [float("nan"), float("inf"), float("-inf"), 0.0, -1.0, 3600.5, "30", True],
    "deadline": [float("nan"), 0, -1.0, 86_401, "60", False],
    "retries": [-1, 101, 1.5, "4", True],
    "validate_certs": ["no", 0],
    "api_version": ["6", 5],
    "auth_scheme": ["basic"],
    "region": [2],
    "team_id": [-1, "4711", True, 10**20],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD_VALUES for value in BAD_VALUES[name]])
def test_value_out_of_bounds_or_of_another_type_is_refused(name: str, value: t.Any) -> None:
    assert refusal(resolve, **{name: value}).startswith(f"{name} is ")


def test_team_is_that_of_the_task_or_of_the_variable() -> None:
    environ = {"CORALOGIX_TEAM_ID": " 4711 "}
    assert [resolve(environ).team_id, resolve(environ, team_id=1).team_id, resolve().team_id] == [4711, 1, None]
    assert refusal(resolve, {"CORALOGIX_TEAM_ID": "x"}).startswith("CORALOGIX_TEAM_ID is 'x'.")


def test_values_at_the_bounds_are_taken() -> None:
    most = resolve(timeout=3600, deadline=86_400.0, retries=100)
    assert (most.timeout, most.deadline, most.retries) == (3600.0, 86_400.0, 100)
    least = resolve(timeout=0.001, deadline=0.001, retries=0)
    assert (least.timeout, least.deadline, least.retries) == (0.001, 0.001, 0)


def test_authorities_come_from_the_option_or_the_environment(tmp_path: Path) -> None:
    file, folder = tmp_path / "ca.pem", tmp_path / "hashed"
    folder.mkdir()
    (folder / "0a1b2c3d.0").touch()
    file.touch()

    def verify(environ: t.Mapping[str, str] = {}, **options: t.Any) -> tuple[t.Any, str]:
        resolved = resolve(environ, **options)
        return resolved.verify, resolved.ca_source

    variables = {"REQUESTS_CA_BUNDLE": str(file), "CURL_CA_BUNDLE": str(folder)}
    assert verify() == verify(ca_path="") == (True, "")
    assert verify(variables) == (str(file), "REQUESTS_CA_BUNDLE")
    assert verify({**variables, "REQUESTS_CA_BUNDLE": ""}) == (str(folder), "CURL_CA_BUNDLE")
    assert verify(variables, ca_path=str(folder)) == (str(folder), "ca_path")
    assert verify(variables, validate_certs=False, ca_path="missing") == (False, "")
    assert verify({"CURL_CA_BUNDLE": "missing"}, api_url="http://localhost") == (True, "")


def test_authorities_that_are_not_there_are_refused_by_name(tmp_path: Path) -> None:
    assert refusal(resolve, ca_path="missing").startswith("ca_path is 'missing'. There is no such file")
    (tmp_path / "ca.pem").touch()
    message = refusal(resolve, {"CURL_CA_BUNDLE": str(tmp_path)})
    assert message.startswith("CURL_CA_BUNDLE is ")
    assert "openssl rehash" in message
