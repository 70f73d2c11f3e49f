# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the API key goes and does not go, and what stands between the module and the service: proxies and TLS."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from playbooks import KEY, Ansible, Task, unassign
from simulator import Fault, Simulator

LOUD = ["-vvvv", "--diff"]


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class TestKeyStaysOutOfOutput:
    def test_at_any_verbosity(self, ansible: Ansible, sim: Simulator) -> None:
        """A success, and failures of all kinds; the service even repeats the key it was sent."""
        ids = sim.add_incidents(1, assigned=1)
        options = {"api_url": sim.url, "retries": 0, "ignore_errors": True}
        echo = {"code": 401, "message": f"invalid header Authorization: Bearer {KEY}"}
        sim.fault(Fault("read_many", status=401, body=echo, skip=1, times=1))
        sim.fault(Fault("read_many", replace={"incidents": {}, "notFoundIds": [], "key": KEY}, skip=1, times=1))
        sim.fault(Fault("read_many", malformed=True, skip=1, times=1))
        run = ansible.play(
            unassign(ids, name="success", api_key=KEY, **options),
            unassign(ids, name="echoed", api_key=KEY, **options),
            unassign(ids, name="wrong shape", api_key=KEY, **options),
            unassign(ids, name="not JSON", api_key=KEY, **options),
            unassign(ids, name="broken key", api_key=f"{KEY}\n{KEY}", **options),
            unassign(ids, name="with prefix", api_key=f"Bearer {KEY}", **options),
            unassign(ids, name="bare", api_key=KEY, auth_scheme="raw", **options),
            unassign(
                ids, name="nobody there", api_key=KEY, **{**options, "api_url": f"http://127.0.0.1:{closed_port()}"}
            ),
            args=LOUD,
        )
        failed = {task.task for task in run.tasks if task.failed}
        assert failed == {"echoed", "wrong shape", "not JSON", "broken key", "nobody there"}, run.output
        assert KEY not in run.output

    def test_key_from_the_environment(self, ansible: Ansible, sim: Simulator) -> None:
        ids = sim.add_incidents(1, assigned=1)
        echo = {"code": 401, "message": f"invalid header Authorization: Bearer {KEY}"}
        sim.fault(Fault("read_many", status=401, body=echo, times=1))
        run = ansible.play(
            unassign(ids, name="echoed", ignore_errors=True),
            unassign(ids, name="success"),
            args=LOUD,
            env={"CORALOGIX_API_KEY": f" {KEY}\n", "CORALOGIX_URL": sim.url},
        )
        assert run.returncode == 0, run.output
        assert KEY not in run.output

    def test_password_in_the_url(self, ansible: Ansible) -> None:
        run = ansible.play(unassign(["x"], api_key=KEY), env={"CORALOGIX_URL": "https://me:hush-4711@api.example.com"})
        assert run.only.failed
        assert "CORALOGIX_URL holds a user name or password" in run.only["msg"]
        assert "hush-4711" not in run.output


class TestKeyGoesNowhereElse:
    @pytest.mark.parametrize("operation", ["read_many", "unassign"])
    def test_redirects_are_not_followed(
        self, ansible: Ansible, sim: Simulator, simulators: Callable[..., Simulator], operation: str
    ) -> None:
        elsewhere = simulators()
        ids = sim.add_incidents(1, assigned=1)
        for status in (301, 302, 303, 307, 308):
            sim.fault(Fault(operation, redirect=f"{elsewhere.url}/login", status=status, times=1))
        names = ["301", "302", "303", "307", "308"]
        run = ansible.play(
            *(unassign(ids, name=name, api_url=sim.url, api_key=KEY, ignore_errors=True) for name in names)
        )
        for name in names:
            assert run.of(name).failed
            assert run.of(name)["failure"]["status"] == int(name)
            assert f"a redirect ({name}: to {elsewhere.url}/login)" in run.of(name)["msg"]
        assert elsewhere.journal == []

    def test_netrc_does_not_replace_the_key(self, ansible: Ansible, sim: Simulator) -> None:
        ids = sim.add_incidents(1, assigned=1)
        netrc = ansible.folder / ".netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
        netrc.chmod(0o600)
        run = ansible.play(unassign(ids, api_url=sim.url, api_key=KEY))
        assert run.returncode == 0, run.output
        assert {entry.headers["authorization"] for entry in sim.journal} == {f"Bearer {KEY}"}

    @pytest.mark.parametrize("url", ["http://api.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1"])
    def test_plain_http_is_refused_but_for_loopback(self, ansible: Ansible, url: str) -> None:
        run = ansible.play(unassign(["x"], api_url=url, api_key=KEY))
        assert run.only.failed
        assert "not sent over plain http" in run.only["msg"]

    def test_plain_http_does_not_pass_through_a_proxy_elsewhere(self, ansible: Ansible, sim: Simulator) -> None:
        """The proxy would see the key; loopback needs none."""
        ids = sim.add_incidents(1, assigned=1)
        run = ansible.play(
            unassign(ids, api_url=sim.url, api_key=KEY), env={"http_proxy": "http://proxy.example.invalid:3128"}
        )
        assert run.returncode == 0, run.output


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


class TestCertificates:
    @pytest.mark.parametrize(
        ("options", "env", "message"),
        [
            pytest.param({"ca_path": "ca"}, {}, "", id="ca_path"),
            pytest.param({}, {"REQUESTS_CA_BUNDLE": "ca"}, "", id="REQUESTS_CA_BUNDLE"),
            pytest.param({}, {"CURL_CA_BUNDLE": "ca"}, "", id="CURL_CA_BUNDLE"),
            pytest.param({"ca_path": "ca"}, {"REQUESTS_CA_BUNDLE": "other-ca"}, "", id="ca_path beats the environment"),
            pytest.param({"validate_certs": False}, {"REQUESTS_CA_BUNDLE": "other-ca"}, "", id="no validation"),
            pytest.param({}, {}, "could not be verified", id="unknown authority"),
            pytest.param({"ca_path": "other-ca"}, {}, "could not be verified", id="wrong authority"),
            pytest.param({"ca_path": "/no/such/file"}, {}, "no such file or folder", id="missing file"),
            pytest.param({}, {"REQUESTS_CA_BUNDLE": "/no/such/file"}, "invalid path", id="missing file in environment"),
        ],
    )
    def test_authorities(
        self,
        ansible: Ansible,
        tls: Simulator,
        certificate: dict[str, str],
        options: dict[str, Any],
        env: dict[str, str],
        message: str,
    ) -> None:
        ids = tls.add_incidents(1, assigned=1)
        options = {key: certificate.get(value, value) for key, value in options.items()}
        env = {key: certificate.get(value, value) for key, value in env.items()}
        run = ansible.play(unassign(ids, api_url=tls.url, api_key=KEY, **options), env=env)
        assert run.only.failed == bool(message), run.output
        assert message in run.only.result.get("msg", "")
        assert "Warning" not in run.output


class TestProxies:
    @pytest.fixture
    def running(self, tmp_path: Path) -> Iterator[tuple[str, Path]]:
        """A real proxy: its address, and its log."""
        log, port = tmp_path / "proxy.log", tmp_path / "port"
        command = [sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", "0", "--port-file", str(port)]
        command += ["--num-workers", "1", "--num-acceptors", "1", "--log-file", str(log)]
        with subprocess.Popen(command, cwd=tmp_path) as process:
            try:
                while not (port.exists() and port.read_text().strip()):
                    assert process.poll() is None, "the proxy has ended"
                    time.sleep(0.05)
                yield f"http://127.0.0.1:{port.read_text().strip()}", log
            finally:
                process.terminate()

    def task(self, sim: Simulator, certificate: dict[str, str]) -> Task:
        return unassign(
            sim.add_incidents(1, assigned=1), api_url=sim.url, api_key=KEY, retries=0, ca_path=certificate["ca"]
        )

    def test_https_through_a_tunnel(
        self, ansible: Ansible, tls: Simulator, certificate: dict[str, str], running: tuple[str, Path]
    ) -> None:
        address, log = running
        run = ansible.play(self.task(tls, certificate), env={"https_proxy": address})
        assert run.returncode == 0, run.output
        assert "CONNECT" in log.read_text()
        assert KEY not in log.read_text()

    def test_loopback_http_through_a_loopback_proxy(
        self, ansible: Ansible, sim: Simulator, certificate: dict[str, str], running: tuple[str, Path]
    ) -> None:
        address, log = running
        run = ansible.play(self.task(sim, certificate), env={"http_proxy": address})
        assert run.returncode == 0, run.output
        assert "GET 127.0.0.1" in log.read_text()

    def test_proxy_that_is_not_there(self, ansible: Ansible, tls: Simulator, certificate: dict[str, str]) -> None:
        run = ansible.play(
            self.task(tls, certificate), env={"https_proxy": f"http://u:hush-4711@127.0.0.1:{closed_port()}"}
        )
        assert run.only.failed
        assert "the proxy failed" in run.only["msg"]
        assert "hush-4711" not in run.output

    def test_no_proxy_is_heeded(self, ansible: Ansible, tls: Simulator, certificate: dict[str, str]) -> None:
        env = {"https_proxy": f"http://127.0.0.1:{closed_port()}", "no_proxy": "127.0.0.1"}
        run = ansible.play(self.task(tls, certificate), env=env)
        assert run.returncode == 0, run.output
