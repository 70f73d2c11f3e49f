# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection to the service: URLs, versions and keys; proxies; TLS; redirects; answers that never end."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import contract
import pytest
from ansible_collections.coralogix.incidents.plugins.module_utils._failure import FailureKind as Kind
from messages import is_about
from parity import ALL, assert_same_results
from playbooks import AS_MODULE, IN_PROCESS, KEY, Ansible, HostTask, Run, unassign
from servers import BadProxy, closed_port, issue_certificates, run_proxy
from simulator import Entry, Fault, Simulator


class Connection(NamedTuple):
    """One way to say where the service is. C({...}) in options and environment stands for what the fixtures start."""

    options: Mapping[str, Any] = MappingProxyType({})
    env: Mapping[str, str] = MappingProxyType({})
    error: Kind | str = ""
    """What the message is about. Empty if the task succeeds."""
    fault: Mapping[str, Any] | None = None
    sim: str = "plain"
    """The simulator that has the incident: a row of SIMULATORS."""
    as_module: bool | None = False
    """Whether it also runs as a module, to compare both ways. None if the result depends on Python's own libraries."""


# Name -> what it serves as "latest", or the names of its certificate and key.
SIMULATORS: dict[str, dict[str, Any]] = {
    "plain": {"latest": "5"},
    "v3": {"latest": "3"},
    "tls": {"tls": ("cert", "key")},
    "other_host": {"tls": ("other-host-cert", "other-host-key")},
    "no_identifiers": {"tls": ("plain-cert", "plain-key")},
}
REFUSES_PLAIN_CERTIFICATES = sys.version_info >= (3, 13)

VERSIONS: dict[str, tuple[Connection, int]] = {
    "version 3": (Connection({"api_version": "3"}), 1),
    "version 4": (Connection({"api_version": "4"}), 1),
    "version 5": (Connection({"api_version": "5"}, sim="v3"), 1),
    "latest is 5": (Connection(), 1),
    "latest is 3": (Connection(sim="v3"), 2),
    "base URL of version 3": (Connection({"api_url": "{plain}/mgmt/openapi/3"}), 1),
    "base URL of latest": (Connection({"api_url": "{v3}/mgmt/openapi/latest"}, sim="v3"), 2),
    "base URL of latest, pinned": (
        Connection({"api_url": "{v3}/mgmt/openapi/latest", "api_version": "3"}, sim="v3"),
        1,
    ),
    "bare key": (Connection({"auth_scheme": "raw"}), 1),
}
"""With the number of reads that they take."""

_CA = {"ca_path": "{ca}"}
CONNECTIONS: dict[str, Connection] = {
    "key from the environment": Connection({"api_key": None}, {"CORALOGIX_API_KEY": "{env_key}"}),
    "http to a name like loopback": Connection(
        {"api_url": "http://127.0.0.1.example.com"}, error="not sent over plain http"
    ),
    "host label too long": Connection({"api_url": f"https://{'a' * 64}.example.com"}, error="It must be a URL such as"),
    "http and a proxy elsewhere": Connection(env={"http_proxy": "http://proxy.example.invalid:3128"}),
    "http and a loopback proxy": Connection(env={"http_proxy": "{proxy}"}),
    "netrc": Connection(env={"HOME": "{home}"}),
    "password in the URL": Connection(
        {"api_url": None},
        {"CORALOGIX_URL": "https://me:hush-4711@api.example.com"},
        "CORALOGIX_URL contains a user name or password",
    ),
    # TLS.
    "ca_path": Connection(_CA, sim="tls"),
    "REQUESTS_CA_BUNDLE": Connection(env={"REQUESTS_CA_BUNDLE": "{ca}"}, sim="tls", as_module=True),
    "CURL_CA_BUNDLE": Connection(env={"CURL_CA_BUNDLE": "{ca}"}, sim="tls"),
    "ca_path overrides the environment": Connection(_CA, {"REQUESTS_CA_BUNDLE": "{other-ca}"}, sim="tls"),
    "no validation": Connection({"validate_certs": False}, {"REQUESTS_CA_BUNDLE": "{other-ca}"}, sim="tls"),
    "unknown authority": Connection(error=Kind.CERTIFICATE, sim="tls"),
    "no CA file": Connection({"ca_path": "/no/such/file"}, error="no such file or folder", sim="tls"),
    "no CA file in the environment": Connection(
        env={"REQUESTS_CA_BUNDLE": "/no/such/file"},
        error="REQUESTS_CA_BUNDLE is '/no/such/file'. There is no such file",
        sim="tls",
    ),
    "damaged CA file": Connection(
        {"ca_path": "{damaged-ca}"},
        error=Kind.CA_FILE,
        sim="tls",
    ),
    "CA file without certificates": Connection(
        env={"CURL_CA_BUNDLE": "{empty-ca}"}, error="Check CURL_CA_BUNDLE.", sim="tls"
    ),
    "folder without hashes": Connection({"ca_path": "{folder}"}, error="Run `openssl rehash` on it", sim="tls"),
    "certificate of another host": Connection(_CA, error=Kind.CERTIFICATE_HOST, sim="other_host", as_module=None),
    "certificate without key identifiers": Connection(
        {"ca_path": "{plain-ca}"},
        error=Kind.CERTIFICATE_FORM if REFUSES_PLAIN_CERTIFICATES else "",
        sim="no_identifiers",
        as_module=None,
    ),
    "SSLKEYLOGFILE": Connection(
        _CA, {"SSLKEYLOGFILE": "/no/such/folder/keys"}, "SSLKEYLOGFILE is '/no/such/folder/keys'", sim="tls"
    ),
    # Proxies.
    "tunnel": Connection(_CA, {"https_proxy": "{proxy}"}, sim="tls", as_module=True),
    "no_proxy": Connection(_CA, {"https_proxy": "http://127.0.0.1:{closed}", "no_proxy": "127.0.0.1"}, sim="tls"),
    "unreachable proxy": Connection(
        _CA,
        {"https_proxy": "http://u:hush-4711@127.0.0.1:{closed}"},
        Kind.PROXY,
        sim="tls",
    ),
    "proxy that refuses the tunnel": Connection(
        {**_CA, "retries": 2},
        {"https_proxy": "{refusing}"},
        "it refused the tunnel: 407 Login Required",
        sim="tls",
        as_module=True,
    ),
    "http proxy as https": Connection(
        _CA, {"HTTPS_PROXY": "{https_refusing}"}, "it speaks http, and its URL begins with https://", sim="tls"
    ),
    "proxy without a host": Connection(
        _CA, {"https_proxy": "http://:3128"}, "https_proxy names a proxy, but its URL has no host", sim="tls"
    ),
    "SOCKS without its library": Connection(
        _CA,
        {"https_proxy": "socks5://127.0.0.1:{closed}"},
        "https_proxy names a SOCKS proxy. That needs requests[socks]",
        sim="tls",
        as_module=True,
    ),
    # Redirects.
    "redirected read": Connection(
        fault={"operation": "read_many", "redirect": "{elsewhere}/login", "status": 302},
        error="(302: to {elsewhere}/login)",
    ),
    "redirected write": Connection(
        fault={"operation": "unassign", "redirect": "{elsewhere}/login", "status": 308},
        error="(308: to {elsewhere}/login)",
    ),
}

# Answers that come byte by byte, and take far longer than the timeout of a second.
TIMEOUT = 1
DRIPS: dict[str, Connection] = {
    **{
        f"drip: {part}": Connection(
            fault={"operation": "read_many", "drip": 0.7, "drip_part": part},
            error=Kind.TIMEOUT,
        )
        for part in ("status", "headers", "body", "chunks", "trailers", "interim")
    },
    "drip: TLS body": Connection(_CA, fault={"operation": "read_many", "drip": 0.7}, error=Kind.TIMEOUT, sim="tls"),
    "drip: tunnel": Connection(_CA, {"https_proxy": "{dripping}"}, Kind.PROXY, sim="tls"),
}

ALL_CONNECTIONS = {**{name: connection for name, (connection, _reads) in VERSIONS.items()}, **CONNECTIONS, **DRIPS}
# Another key, because Ansible itself shows the variables of a task as it starts a module.
ENV_KEY = "key-of-the-environment"


class Network(NamedTuple):
    """All servers, and what they are called in CONNECTIONS."""

    simulators: dict[str, Simulator]
    elsewhere: Simulator
    refusing: BadProxy
    proxy_log: Path
    names: dict[str, str]

    def fill_in(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: re.sub(r"{([\w-]+)}", lambda found: self.names[found[1]], value) if isinstance(value, str) else value
            for key, value in values.items()
        }


@pytest.fixture(scope="module")
def network(simulators: Callable[..., Simulator], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    folder = tmp_path_factory.mktemp("network")
    (folder / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    (folder / ".netrc").chmod(0o600)
    tls = folder / "tls"
    tls.mkdir()
    files = issue_certificates(tls)
    started = {}
    for name, options in SIMULATORS.items():
        given = {**options, "tls": tuple(files[file] for file in options["tls"])} if "tls" in options else options
        started[name] = simulators(**given)
        started[name].add_key(ENV_KEY)
    elsewhere = simulators()
    with ExitStack() as stack:
        refusing = stack.enter_context(BadProxy(b"HTTP/1.1 407 Login Required\r\n\r\n"))
        dripping = stack.enter_context(BadProxy(b"HTTP/1.1 200 Connection established\r\n\r\n", 0.7))
        proxy, log = stack.enter_context(run_proxy(folder))
        names = {
            **files,
            **{name: simulator.url for name, simulator in started.items()},
            "elsewhere": elsewhere.url,
            "refusing": refusing.url,
            "https_refusing": refusing.url.replace("http:", "https:"),
            "dripping": dripping.url,
            "proxy": proxy,
            "closed": str(closed_port()),
            "home": str(folder),
            "folder": str(tls),
            "env_key": ENV_KEY,
        }
        yield Network(started, elsewhere, refusing, log, names)


@pytest.fixture(scope="module")
def incidents(network: Network) -> dict[str, dict[str, Any]]:
    """The incident of each task."""
    created = {}
    for name, connection in ALL_CONNECTIONS.items():
        simulator = network.simulators[connection.sim]
        incident_id = simulator.add_incident(assignees=("alice",))
        created[name] = simulator.incident(incident_id)
        if connection.fault:
            simulator.fault(Fault(when_id=incident_id, **network.fill_in(connection.fault)))
    return created


@pytest.fixture(scope="module")
def play(network: Network, incidents: dict[str, dict[str, Any]], shared_ansible: Ansible) -> Callable[[str], Run]:
    """Runs the connections in one playbook."""

    def run(way: str) -> Run:
        host_tasks = {}
        for name, connection in ALL_CONNECTIONS.items():
            if way == IN_PROCESS or connection.as_module or (ALL and connection.as_module is not None):
                simulator = network.simulators[connection.sim]
                # As it was before another run.
                incident_id = simulator.add_incident(**incidents[name])
                options = {
                    "api_url": simulator.url,
                    "api_key": KEY,
                    "incident_ids": [incident_id],
                    "retries": 0,
                    "timeout": TIMEOUT if name in DRIPS else 30,
                    **connection.options,
                }
                host_tasks[name] = HostTask(network.fill_in(options), network.fill_in(connection.env))
        return shared_ansible.run_each(host_tasks, way=way)

    return run


@pytest.fixture(scope="module")
def in_process(play: Callable[[str], Run]) -> Run:
    return play(IN_PROCESS)


@pytest.fixture(scope="module")
def requests(network: Network, incidents: dict[str, dict[str, Any]], in_process: Run) -> Callable[[str], list[Entry]]:
    """The requests of a connection."""
    journals = {name: list(simulator.journal) for name, simulator in network.simulators.items()}
    return lambda name: [entry for entry in journals[ALL_CONNECTIONS[name].sim] if incidents[name]["id"] in entry.ids]


Requests = Callable[[str], list[Entry]]


def test_requests_are_checked_against_the_contract() -> None:
    """The fixture `simulators` does so after the tests of a file. This test says so where it cannot."""
    contract.require()


@pytest.mark.parametrize("name", VERSIONS)
def test_version(in_process: Run, requests: Requests, name: str) -> None:
    _connection, reads = VERSIONS[name]
    assert in_process.of("unassign", name)["changed"] is True
    sent = requests(name)
    assert [entry.method for entry in sent] == ["GET"] * reads + ["DELETE"]
    scheme = "" if name == "bare key" else "Bearer "
    assert {entry.headers["authorization"] for entry in sent} == {f"{scheme}{KEY}"}
    (agent,) = {entry.headers["user-agent"] for entry in sent}
    assert re.fullmatch(r"coralogix\.incidents/[\d.]+ ansible-core/[\d.]+ Python/[\d.]+", agent)
    assert len({entry.headers["x-cx-correlation-id"] for entry in sent}) == 1


@pytest.mark.parametrize("name", CONNECTIONS)
def test_connection(in_process: Run, requests: Requests, network: Network, name: str) -> None:
    connection = CONNECTIONS[name]
    result = in_process.of("unassign", name)
    assert result.failed == bool(connection.error), result.result
    assert is_about(result.result.get("msg", ""), network.fill_in({"": connection.error})[""])
    sent = requests(name)
    assert bool(sent) == (not connection.error or connection.fault is not None)
    key = ENV_KEY if "CORALOGIX_API_KEY" in connection.env else KEY
    assert {entry.headers["authorization"] for entry in sent} <= {f"Bearer {key}"}


@pytest.mark.parametrize("name", DRIPS)
def test_timeout_bounds_the_whole_answer(in_process: Run, name: str) -> None:
    result = in_process.of("unassign", name)
    assert result.failed
    assert is_about(result["msg"], DRIPS[name].error), result["msg"]
    # Byte by byte, each of them would take longer. The machine may be busy.
    assert result.seconds < 8


def test_refused_tunnel_is_not_tried_again(in_process: Run, network: Network) -> None:
    # The other connection is the one of "http proxy as https".
    assert network.refusing.connections == 2


def test_proxy_was_used(in_process: Run, network: Network) -> None:
    log = network.proxy_log.read_text()
    assert f"CONNECT {network.names['tls'].removeprefix('https://')}" in log
    assert f"GET {network.names['plain'].removeprefix('http://')}" in log


def test_redirects_are_not_followed(in_process: Run, network: Network) -> None:
    assert network.elsewhere.journal == []


def test_output_has_no_secrets_and_no_noise(in_process: Run) -> None:
    for text in ("hush-4711", "InsecureRequestWarning", "Traceback"):
        assert text not in in_process.output


def test_both_ways_return_the_same(play: Callable[[str], Run], in_process: Run) -> None:
    assert_same_results(in_process, play(AS_MODULE), check_ways=False)


def test_options_override_defaults_and_defaults_override_the_environment(ansible: Ansible, sim: Simulator) -> None:
    ids = sim.add_incidents(3, assigned=2)
    elsewhere = {"CORALOGIX_URL": "https://wrong.example.invalid", "CORALOGIX_REGION": "eu2", "CX_API_KEY": "wrong"}
    defaults = {"group/coralogix.incidents.coralogix": {"region": "us1"}}
    run = ansible.play(
        unassign(ids, name="from the environment"),
        # Null takes the default back.
        unassign(ids, name="options", api_url=sim.url, region=None, environment=elsewhere, module_defaults=defaults),
        unassign(ids, name="both", api_url=sim.url, module_defaults=defaults, ignore_errors=True),
        env={"CORALOGIX_URL": sim.url, "CORALOGIX_API_KEY": KEY},
    )
    assert run.returncode == 0, run.end
    assert [run.of(name)["changed"] for name in ("from the environment", "options")] == [True, False]
    assert run.of("both")["msg"].startswith("api_url and region are set together.")
