# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line, TLS, and how the server starts and stops."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from simulator import Simulator

TESTS = Path(__file__).resolve().parents[2]
FOLDER = [str(TESTS / "simulator")]
MODULE = ["-m", "simulator"]
V1 = "/mgmt/openapi/latest/incidents/incidents/v1"


class Command:
    def __init__(self, how: list[str], *arguments: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(TESTS)} if how == MODULE else None
        self.process = subprocess.Popen(
            [sys.executable, *how, *arguments], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_args: object) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize(("how", "number"), [(FOLDER, signal.SIGTERM), (MODULE, signal.SIGINT)])
def test_command(tmp_path: Path, how: list[str], number: signal.Signals) -> None:
    incidents, journal = tmp_path / "incidents.json", tmp_path / "journal.jsonl"
    incidents.write_text(json.dumps([{"id": "i1", "assignees": ["u"]}]), encoding="utf-8")
    arguments = [
        *("--port", "0", "--latest", "3", "--incidents", str(incidents), "--count", "2"),
        *("--key", "SECRET", "--key", "poor,kind=team,user=u9,permissions=incidents:read+incidents:assign"),
        *("--fault", '{"operation": "read_many", "status": 503, "times": 1}'),
        *("--journal", str(journal), "--without", "close"),
        *("--cases", "2", "--user", "dana@example.com", "--setting", "team_id=7", "--setting", "repeated=200"),
    ]
    with Command(how, *arguments) as command:
        headers = {"Authorization": "Bearer SECRET"}
        listed = requests.post(command.url + V1, headers=headers, timeout=5)
        asked = f"{command.url}{V1}/by-user?incident_ids=i1"
        assert listed.json()["pagination"]["totalSize"] == 3
        assert requests.get(f"{command.url}{V1}/batch", timeout=5).status_code == 503
        assert requests.delete(asked, headers={"Authorization": "poor"}, timeout=5).status_code == 403
        assert requests.delete(asked, headers={"Authorization": "SECRET"}, timeout=5).status_code == 200
        found = requests.get(f"{command.url}/mgmt/openapi/5/aaa/teams/v2/7/search", headers=headers, timeout=5).json()
        assert [user["username"] for user in found["users"]] == ["dana@example.com"]
        listed = requests.post(f"{command.url}/mgmt/openapi/5/cases/cases/v1", headers=headers, timeout=5)
        assert {case["readableId"] for case in listed.json()["cases"]} == {"CASE-1", "CASE-2"}
        command.process.send_signal(number)
        output, _errors = command.process.communicate(timeout=5)
        assert (output, command.process.returncode) == ("", 0)
    written = journal.read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = [json.loads(line) for line in written.splitlines()]
    assert [entry["operation"] for entry in entries] == [
        *("list", "read_many", "unassign", "unassign"),
        *("user_search", "case_list"),
    ]
    assert entries[3]["effect"] == ["i1"]
    assert "SECRET" not in written
    assert entries[-1]["headers"]["authorization"].startswith("sha256:")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--key", "k,colour=red"], "--key"),
        (["--fault", "{}"], "--fault"),
        (["--fault", '{"x": 1}'], "--fault"),
        (["--setting", "colour=red"], "colour"),
    ],
)
def test_command_refuses(arguments: list[str], error: str) -> None:
    ended = subprocess.run([sys.executable, *FOLDER, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode in (1, 2)
    assert error in ended.stderr


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = ["-keyout", key, "-out", cert, "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return cert, key


def test_tls(certificate: tuple[str, str]) -> None:
    with Simulator(tls=certificate) as sim:
        sim.add_key("k")
        assert sim.url.startswith("https://127.0.0.1:")
        with requests.Session() as session:
            session.trust_env = False
            session.verify = certificate[0]
            for _n in range(2):
                assert session.post(sim.url + V1, headers={"Authorization": "k"}, timeout=5).status_code == 200
            session.verify = True
            with pytest.raises(requests.exceptions.SSLError):
                requests.post(sim.url + V1, timeout=5)
        assert len(sim.journal) == 2


@pytest.mark.parametrize(
    "sent", [b"", b"nonsense\r\n\r\n", b"GET /\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_http_gets_no_answer(sent: bytes) -> None:
    with Simulator() as sim, socket.create_connection(("127.0.0.1", int(sim.url.rsplit(":")[-1]))) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""


def test_stopping_closes_idle_connections() -> None:
    sim = Simulator().start()
    with requests.Session() as session:
        session.post(sim.url + V1, timeout=5)
        url = sim.url
        sim.stop()
        with pytest.raises(requests.ConnectionError):
            session.post(url + V1, timeout=5)


def test_no_address_before_the_start() -> None:
    with pytest.raises(RuntimeError, match="started"):
        assert Simulator().url
