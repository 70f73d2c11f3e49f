# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the API key goes and does not go, and what stands between the module and the service: proxies and TLS."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from playbooks import KEY, Ansible, Case, Run, host, task, unassign
from simulator import Fault, Simulator

LOUD = ["-vvvv", "--diff"]


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_key_stays_out_of_output_at_any_verbosity(
    ansible: Ansible, sim: Simulator, simulators: Callable[..., Simulator]
) -> None:
    """Successes, and failures of all kinds; the service even repeats the key it was sent."""
    ids = sim.add_incidents(1, assigned=1)
    given: dict[str, Any] = {"api_url": sim.url, "api_key": KEY, "retries": 0}
    # Where the key comes from here, AnsibleModule does not see it.
    env = {"CORALOGIX_URL": sim.url, "CORALOGIX_API_KEY": f" {KEY}\n"}
    echo = {"code": 401, "message": f"invalid header Authorization: Bearer {KEY}"}
    for operation in ("read_many", "assign", "list"):
        sim.fault(Fault(operation, status=401, body=echo, times=1))
    sim.fault(Fault("read_many", replace={"incidents": {}, "notFoundIds": [], "key": KEY}, times=1))
    sim.fault(Fault("read_many", malformed=True, times=1))
    careless = simulators()
    careless.add_incident(ids[0])
    careless.fault(Fault("read_many", status=403, body=f"the key {KEY} may not read", times=1))
    careless.fault(Fault("read_many", status=400, body="x" * 290 + KEY))
    tasks = {
        "echoed": unassign(ids),
        "wrong shape": unassign(ids, **given),
        "not JSON": unassign(ids, **given),
        "broken key": unassign(ids, **{**given, "api_key": f"{KEY}\n{KEY}"}),
        "nobody there": unassign(ids, **{**given, "api_url": f"http://127.0.0.1:{closed_port()}"}),
        "echoed to a body": task("incident_assign", incident_ids=ids, assignee="next", **given),
        "echoed to filters": task("incident_info", status=["triggered"], api_version="5"),
        "with prefix": task(
            "incident_assign", incident_ids=ids, assignee="next", **{**given, "api_key": f"Bearer {KEY}"}
        ),
        "bare": unassign(ids, auth_scheme="raw"),
        # Not all versions of ansible-core mask what is in a warning, and none masks a part of a key.
        "echoed in a warning": unassign(ids, **{**given, "api_url": careless.url}),
        "echoed and cut": unassign(ids, **{**given, "api_url": careless.url}),
    }
    run = ansible.play(
        *({**made, "name": name, "ignore_errors": True} for name, made in tasks.items()), args=LOUD, env=env
    )
    done_well = {"with prefix", "bare", "echoed in a warning"}
    assert {done.task for done in run.tasks if not done.failed} == done_well, run.output
    assert [run.of(name)["changed"] for name in ("with prefix", "bare")] == [True, True]
    assert {entry.operation for entry in sim.journal if entry.body is not None} == {"assign", "list"}
    assert "the key ******** may not read" in run.output
    assert not any(part in run.output for part in (KEY, KEY[:12], KEY[-12:]))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A certificate for 127.0.0.1: paths of its own two files and of the CA's."""
    folder = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(folder / "cert.pem", append=number > 0)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other-ca.pem")
    return {path.stem: str(path) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def tls(simulators: Callable[..., Simulator], certificate: dict[str, str]) -> Simulator:
    return simulators(tls=(certificate["cert"], certificate["key"]))


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A real proxy: its address, and its log."""
    folder = tmp_path_factory.mktemp("proxy")
    log, port = folder / "proxy.log", folder / "port"
    command = [sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", "0", "--port-file", str(port)]
    command += ["--num-workers", "1", "--num-acceptors", "1", "--log-file", str(log)]
    with subprocess.Popen(command, cwd=folder) as process:
        try:
            while not (port.exists() and port.read_text().strip()):
                assert process.poll() is None, "the proxy has ended"
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port.read_text().strip()}", log
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def elsewhere(simulators: Callable[..., Simulator]) -> Simulator:
    """Where redirects lead; nothing may arrive there."""
    return simulators()


@pytest.fixture(scope="module")
def plain(simulators: Callable[..., Simulator]) -> Simulator:
    return simulators(seed=1)


REDIRECTS = {"redirected read": ("read_many", 302), "redirected write": ("unassign", 308)}


# What stands between the module and the service: options and environment, and the failure's message, if it is one.
# {words} in braces stand for what the fixtures have made.
BETWEEN: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "http to a name like loopback": ({"api_url": "http://127.0.0.1.example.com"}, {}, "not sent over plain http"),
    "http and a proxy elsewhere": ({"api_url": "{plain}"}, {"http_proxy": "http://proxy.example.invalid:3128"}, ""),
    "http and a loopback proxy": ({"api_url": "{plain}"}, {"http_proxy": "{proxy}"}, ""),
    "netrc": ({"api_url": "{plain}"}, {"HOME": "{home}"}, ""),
    "password in the URL": (
        {"api_url": None},
        {"CORALOGIX_URL": "https://me:hush-4711@api.example.com"},
        "CORALOGIX_URL holds a user name or password",
    ),
    "ca_path": ({"ca_path": "{ca}"}, {}, ""),
    "REQUESTS_CA_BUNDLE": ({}, {"REQUESTS_CA_BUNDLE": "{ca}"}, ""),
    "CURL_CA_BUNDLE": ({}, {"CURL_CA_BUNDLE": "{ca}"}, ""),
    "ca_path beats the environment": ({"ca_path": "{ca}"}, {"REQUESTS_CA_BUNDLE": "{other-ca}"}, ""),
    "no validation": ({"validate_certs": False}, {"REQUESTS_CA_BUNDLE": "{other-ca}"}, ""),
    "unknown authority": ({}, {}, "could not be verified"),
    "no CA file": ({"ca_path": "/no/such/file"}, {}, "no such file or folder"),
    "no CA file in the environment": ({}, {"REQUESTS_CA_BUNDLE": "/no/such/file"}, "invalid path"),
    "tunnel": ({"ca_path": "{ca}"}, {"https_proxy": "{proxy}"}, ""),
    "proxy that is not there": (
        {"ca_path": "{ca}"},
        {"https_proxy": "http://u:hush-4711@127.0.0.1:{closed}"},
        "the proxy failed",
    ),
    "no_proxy": ({"ca_path": "{ca}"}, {"https_proxy": "http://127.0.0.1:{closed}", "no_proxy": "127.0.0.1"}, ""),
}


@pytest.fixture(scope="module")
def own_ids(plain: Simulator, tls: Simulator) -> dict[str, str]:
    return {
        name: (plain if options.get("api_url") == "{plain}" else tls).add_incident(assignees=("alice",))
        for name, (options, _env, _message) in BETWEEN.items()
    }


@pytest.fixture(scope="module")
def between(
    own_ids: dict[str, str],
    plain: Simulator,
    tls: Simulator,
    proxy: tuple[str, Path],
    certificate: dict[str, str],
    elsewhere: Simulator,
    module_ansible: Ansible,
) -> Run:
    """All of them, and the redirects, in one playbook."""
    home = module_ansible.folder
    (home / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    (home / ".netrc").chmod(0o600)
    made = {**certificate, "plain": plain.url, "proxy": proxy[0], "home": str(home), "closed": str(closed_port())}

    def fill(values: dict[str, Any]) -> dict[str, Any]:
        return {
            key: re.sub(r"{(.*?)}", lambda found: made[found[1]], value) if isinstance(value, str) else value
            for key, value in values.items()
        }

    common = {"api_key": KEY, "retries": 0, "api_url": tls.url}
    cases = {
        name: Case({**common, "incident_ids": [own_ids[name]], **fill(options)}, fill(env))
        for name, (options, env, _message) in BETWEEN.items()
    }
    for name, (operation, status) in REDIRECTS.items():
        one = plain.add_incident(assignees=("alice",))
        plain.fault(Fault(operation, when_id=one, redirect=f"{elsewhere.url}/login", status=status))
        cases[name] = Case({**common, "api_url": plain.url, "incident_ids": [one]})
    return module_ansible.each(cases)


class TestBetween:
    @pytest.mark.parametrize("name", BETWEEN)
    def test_outcome(self, between: Run, plain: Simulator, tls: Simulator, own_ids: dict[str, str], name: str) -> None:
        message = BETWEEN[name][2]
        result = between.of("unassign", host(name))
        assert result.failed == bool(message), result.result
        assert message in result.result.get("msg", "")
        sent = [entry for sim in (plain, tls) for entry in sim.journal if own_ids[name] in entry.ids]
        assert bool(sent) == (not message), "a request only where the task succeeds"
        assert {entry.headers["authorization"] for entry in sent} <= {f"Bearer {KEY}"}

    def test_proxy_was_used(self, between: Run, plain: Simulator, tls: Simulator, proxy: tuple[str, Path]) -> None:
        log = proxy[1].read_text()
        assert f"CONNECT {tls.url.removeprefix('https://')}" in log
        assert f"GET {plain.url.removeprefix('http://')}" in log

    def test_no_secret_in_output(self, between: Run) -> None:
        assert KEY not in between.output
        assert "hush-4711" not in between.output
        assert "InsecureRequestWarning" not in between.output


class TestRedirects:
    @pytest.mark.parametrize("name", REDIRECTS)
    def test_redirects_are_not_followed(self, between: Run, elsewhere: Simulator, name: str) -> None:
        result, status = between.of("unassign", host(name)), REDIRECTS[name][1]
        assert result.failed
        assert result["failure"]["status"] == status
        assert f"a redirect ({status}: to {elsewhere.url}/login)" in result["msg"]
        assert elsewhere.journal == []
