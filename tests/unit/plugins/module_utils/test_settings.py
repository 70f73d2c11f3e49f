# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From options and environment to settings, without Ansible."""

from __future__ import annotations

import typing as t
from pathlib import Path
from types import MappingProxyType

import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils import _settings
from ansible_collections.coralogix.incidents.plugins.module_utils._errors import CoralogixError
from ansible_collections.coralogix.incidents.plugins.module_utils._settings import Settings, resolve_settings
from helpers import missing_words, refusal, table
from hypothesis import given, settings
from hypothesis import strategies as st

HOST = "https://api.eu2.coralogix.com"
REGIONS = ("ap1", "ap2", "ap3", "eu1", "eu2", "us1", "us2", "us3")
SECRET = "s3cr3t"
VARIABLES = {
    # In the order in which they are looked at.
    "CORALOGIX_URL": "api_url",
    "CORALOGIX_DOMAIN": "domain",
    "CORALOGIX_REGION": "region",
    "CX_REGION": "region",
    "CORALOGIX_API_KEY": "api_key",
    "CX_API_KEY": "api_key",
}


def resolve(environ: t.Any = MappingProxyType({}), **options: t.Any) -> Settings:
    return resolve_settings({"api_key": "k", **options}, environ)


def from_source(source: str, value: t.Any, **options: t.Any) -> t.Any:
    """Options and environment, with the value in the option or in the variable of this name."""
    option = VARIABLES.get(source, source)
    task = {"api_key": "k", **options, option: None if source in VARIABLES else value}
    return task, {source: value} if source in VARIABLES else {}


def test_a_key_is_all_that_must_be_set() -> None:
    base = "https://api.coralogix.com/mgmt/openapi/latest"
    expected = Settings(base, "latest", "Bearer k", 30.0, None, 4, True, key_source="api_key", host_source="")
    assert resolve() == expected
    assert resolve(**dict.fromkeys(set(_settings.CONNECTION_OPTIONS) - {"api_key"})) == expected


def test_argument_spec_is_the_table_without_the_environment() -> None:
    spec = _settings.argument_spec()
    assert spec.keys() == _settings.CONNECTION_OPTIONS.keys()
    assert {key for option in spec.values() for key in option} == {"type", "choices", "default", "no_log"}
    assert [name for name, option in spec.items() if option.get("no_log")] == ["api_key"]


# What each way to name the host can say, and where that leads. Unset comes in three forms.
UNSET = (None, "", " \t")
HOSTS = {
    "api_url": {"https://one.example.com": "https://one.example.com", " http://localhost:1/ ": "http://localhost:1"},
    "domain": {"two.example.com": "https://api.two.example.com", " API.three.x.com": "https://api.three.x.com"},
    "region": {"us3": "https://api.us3.coralogix.com", " EU2 ": "https://api.eu2.coralogix.com"},
    "api_key": {"key-a": "Bearer key-a", " key-b\n": "Bearer key-b"},
}
in_task = st.fixed_dictionaries({option: st.sampled_from((*UNSET, *values)) for option, values in HOSTS.items()})
in_environment = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(("", " ", *HOSTS[option])) for name, option in VARIABLES.items()}
)


@settings(max_examples=120)
@given(task=in_task, environ=in_environment)
def test_option_beats_the_variables_and_the_first_variable_the_others(
    task: dict[str, t.Any], environ: dict[str, str]
) -> None:
    given_values = [(option, value, option) for option, value in task.items()]
    given_values += [(option, environ.get(name), name) for name, option in VARIABLES.items()]
    found = [(HOSTS[option][value], source) for option, value, source in given_values if value and value.strip()]
    keys = [(header, source) for header, source in found if header.startswith("Bearer")]
    hosts = [*((url, source) for url, source in found if (url, source) not in keys), ("https://api.coralogix.com", "")]
    set_together = [source for _url, source in hosts if source in HOSTS]
    expected_secrets = {header.split()[-1] for header, _source in keys[:1]}
    assert _settings.find_secrets(task, environ) == expected_secrets
    if len(set_together) > 1 or not keys:
        message = refusal(resolve_settings, task, environ)
        words = [*set_together, "module_defaults"] if len(set_together) > 1 else ["api_key", "CX_API_KEY"]
        assert missing_words(words, message) == []
        return
    resolved = resolve_settings(task, environ)
    assert (resolved.base_url, resolved.host_source) == (f"{hosts[0][0]}/mgmt/openapi/latest", hosts[0][1])
    assert (resolved.authorization, resolved.key_source) == keys[0]


URLS: dict[str, tuple[dict[str, str], str, str]] = {
    **{f"region {name}": ({"region": name.upper()}, f"https://api.{name}.coralogix.com", "latest") for name in REGIONS},
    "domain": ({"domain": "cx498.coralogix.com"}, "https://api.cx498.coralogix.com", "latest"),
    "domain like api": ({"domain": "apiary.example.com"}, "https://api.apiary.example.com", "latest"),
    "host, pinned": ({"api_url": f"{HOST}/", "api_version": "4"}, HOST, "4"),
    "port": ({"api_url": f"{HOST}:8443"}, f"{HOST}:8443", "latest"),
    "whole base": ({"api_url": f"{HOST}/mgmt/openapi/3//"}, HOST, "3"),
    "whole base, pinned alike": ({"api_url": f"{HOST}/mgmt/openapi/4", "api_version": "4"}, HOST, "4"),
    "whole base below a path": ({"api_url": f"{HOST}/proxy/mgmt/openapi/5"}, f"{HOST}/proxy", "5"),
    "scheme in capitals": ({"api_url": "HTTPS://api.eu2.coralogix.com"}, HOST, "latest"),
    "IPv6": ({"api_url": "https://[2001:db8::1]:8443"}, "https://[2001:db8::1]:8443", "latest"),
    **{
        f"http to {host}": ({"api_url": f"http://{host}"}, f"http://{host}", "latest")
        for host in ("localhost:8080", "127.8.9.1", "[::1]:8080")
    },
}


@table("options, host, version", URLS)
def test_host_and_version_make_the_base_url(options: dict[str, str], host: str, version: str) -> None:
    resolved = resolve(**options)
    assert (resolved.base_url, resolved.api_version) == (f"{host}/mgmt/openapi/{version}", version)


def test_latest_in_the_url_can_be_combined_with_a_pinned_version() -> None:
    pinned = resolve(api_url=f"{HOST}/mgmt/openapi/latest", api_version="3")
    assert (pinned.base_url, pinned.api_version) == (f"{HOST}/mgmt/openapi/latest", "3")


# Hosts that cannot be used, by the names of the option and of its variable, with a word of the advice.
BAD_HOSTS: dict[tuple[str, str, str], list[str]] = {
    ("region", "CX_REGION", ", ".join(REGIONS)): ["eu9", "mars"],
    ("domain", "CORALOGIX_DOMAIN", "api_url"): [
        *("https://eu2.coralogix.com", "eu2.coralogix.com/x", "eu2.coralogix.com:443", "coralogix", "eu2 .x.com"),
        *("eu2.coralogix.com\nx.com", "a..example.com", "a." * 130 + "com", "u@example.com", f"{'a' * 64}.com"),
    ],
    ("api_url", "CORALOGIX_URL", "URL"): [
        *("nonsense", "api.eu2.coralogix.com", "ftp://x.com", "https:///mgmt/openapi/5", "https://a b", "https://"),
        *("https://host:port", "https://host:99999", "https://[::1", f"https://{'a' * 64}.com"),
    ],
    ("api_url", "CORALOGIX_URL", "Use https"): [
        *("http://x.com", "http://192.0.2.1", "http://127.0.0.1.example.com", "http://localhost.example.com"),
    ],
    ("api_url", "CORALOGIX_URL", "Remove everything after the path"): [f"{HOST}/mgmt/openapi/5?a=b", f"{HOST}#a"],
    ("api_url", "CORALOGIX_URL", "/mgmt/openapi/VERSION"): [
        *(f"{HOST}/api/v1", f"{HOST}/mgmt/openapi/5/incidents", f"{HOST}/mgmt/openapi"),
    ],
    ("api_url", "CORALOGIX_URL", "3, 4, 5 or latest"): [f"{HOST}/mgmt/openapi/2", f"{HOST}/mgmt/openapi/55"],
    ("api_url", "CORALOGIX_URL", "api_key"): [
        *(f"https://me:{SECRET}@host.x", f"https://{SECRET}@h", f"https://a:{SECRET}@[::1]:1"),
    ],
}


@pytest.mark.parametrize(
    ("names", "value"), [(names, value) for names, values in BAD_HOSTS.items() for value in values]
)
def test_bad_host_is_refused_by_name_and_with_advice(names: tuple[str, str, str], value: str) -> None:
    for source in names[:2]:
        message = refusal(resolve_settings, *from_source(source, value))
        assert message.startswith(source)
        # A password is not repeated.
        assert (names[2] in message, SECRET in message) == (True, False)


WEB_PAGES = {
    "https://team.app.eu2.coralogix.com": "eu2",
    "https://team.app.eu2.coralogix.com/#/settings/api-keys": "eu2",
    "http://Team.App.EU2.Coralogix.com:443": "eu2",
    "https://app.coralogix.com": "eu1",
    "https://team.app.coralogix.us": "us1",
    "https://team.app.cx498.coralogix.com": "us2",
    "https://team.app.coralogix.in": "ap1",
    "https://team.app.coralogixsg.com": "ap2",
    "https://team.app.ap3.coralogix.com": "ap3",
}


@pytest.mark.parametrize("option", ["api_url", "domain", "region"])
@pytest.mark.parametrize(("url", "region"), WEB_PAGES.items())
def test_address_of_the_web_page_is_refused_with_its_region(option: str, url: str, region: str) -> None:
    name = url.partition("//")[2].partition("/")[0]
    for value in (url, name.partition(":")[0]) if option != "api_url" else (url,):
        for source in (option, *_settings.CONNECTION_OPTIONS[option]["env"]):
            message = refusal(resolve_settings, *from_source(source, value))
            advice = f"Set region to {region}" if source == option else f"set CORALOGIX_REGION to {region}."
            assert message.startswith(f"{source} is {value!r}. That is the web page of Coralogix, not its API.")
            assert advice in message


@pytest.mark.parametrize(
    "host", ["my.app.example.com", "app.example.coralogix.com.example.org", "api.app.coralogix.in"]
)
def test_other_hosts_that_are_called_app_are_used(host: str) -> None:
    assert resolve(api_url=f"https://{host}").base_url.startswith(f"https://{host}/")


def test_conflicting_versions_are_refused_by_both_names() -> None:
    for source in ("api_url", "CORALOGIX_URL"):
        message = refusal(resolve_settings, *from_source(source, f"{HOST}/mgmt/openapi/5", api_version="3"))
        assert missing_words(["api_version is 3", source], message) == []


@settings(max_examples=80)
@given(
    option=st.sampled_from(["api_url", "domain", "region"]),
    value=st.text(),
    prefix=st.sampled_from(("", "https://", "http://", "https://h/")),
)
def test_every_text_as_a_host_is_used_over_tls_or_refused(option: str, value: str, prefix: str) -> None:
    try:
        base = resolve(**{option: prefix + value}).base_url
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
    *(f"Basic {SECRET}", f'"{SECRET}"', f"'{SECRET}'", f"\u201c{SECRET}\u201d", f"{SECRET}\u00e9", f"{SECRET}\0"),
    "Bearer ",
]


@pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
def test_bad_key_is_refused_by_its_source_and_not_repeated(key: str) -> None:
    for source in ("api_key", "CORALOGIX_API_KEY", "CX_API_KEY"):
        message = refusal(resolve_settings, *from_source(source, key))
        assert (message.startswith(source), SECRET in message) == (True, False)


@settings(max_examples=80)
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


def test_values_at_the_bounds_are_taken() -> None:
    most = resolve(timeout=3600, deadline=86_400.0, retries=100)
    assert (most.timeout, most.deadline, most.retries) == (3600.0, 86_400.0, 100)
    least = resolve(timeout=0.001, deadline=0.001, retries=0)
    assert (least.timeout, least.deadline, least.retries) == (0.001, 0.001, 0)


def test_team_is_that_of_the_task_or_of_the_variable() -> None:
    environ = {"CORALOGIX_TEAM_ID": " 4711 "}
    assert [resolve(environ).team_id, resolve(environ, team_id=1).team_id, resolve().team_id] == [4711, 1, None]
    assert refusal(resolve, {"CORALOGIX_TEAM_ID": "x"}).startswith("CORALOGIX_TEAM_ID is 'x'.")


def test_authorities_come_from_the_option_or_the_environment(tmp_path: Path) -> None:
    file, folder, empty = (tmp_path / name for name in ("ca.pem", "hashed", "empty"))
    folder.mkdir()
    empty.mkdir()
    file.touch()
    (folder / "0a1b2c3d.0").touch()
    variables = {"REQUESTS_CA_BUNDLE": str(file), "CURL_CA_BUNDLE": str(folder)}
    cases: list[tuple[dict[str, str], dict[str, t.Any], t.Any, str]] = [
        ({}, {"ca_path": ""}, True, ""),
        (variables, {}, str(file), "REQUESTS_CA_BUNDLE"),
        ({**variables, "REQUESTS_CA_BUNDLE": ""}, {}, str(folder), "CURL_CA_BUNDLE"),
        (variables, {"ca_path": str(folder)}, str(folder), "ca_path"),
        (variables, {"validate_certs": False, "ca_path": "missing"}, False, ""),
        ({"CURL_CA_BUNDLE": "missing"}, {"api_url": "http://localhost"}, True, ""),
    ]
    for environ, options, verify, source in cases:
        resolved = resolve(environ, **options)
        assert (resolved.verify, resolved.ca_source) == (verify, source)
    assert refusal(resolve, ca_path="missing").startswith("ca_path is 'missing'. There is no such file")
    # Reading it fails for root as well.
    unreadable = "/proc/self/mem"
    assert refusal(resolve, ca_path=unreadable).startswith(f"ca_path is '{unreadable}'. It cannot be read (")
    assert (
        missing_words(["CURL_CA_BUNDLE is ", "openssl rehash"], refusal(resolve, {"CURL_CA_BUNDLE": str(empty)})) == []
    )
