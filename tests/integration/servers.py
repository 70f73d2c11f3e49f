# Copyright (c) 2026, the coralogix.incidents contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands between a task and the service: proxies, good and bad, and certificates of all kinds."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def run_proxy(folder: Path) -> Iterator[tuple[str, Path]]:
    """A real proxy: its URL, and its log."""
    log, port = folder / "proxy.log", folder / "port"
    command = [sys.executable, "-m", "proxy", "--hostname", LOOPBACK, "--port", "0", "--port-file", str(port)]
    command += ["--num-workers", "1", "--num-acceptors", "1", "--log-file", str(log)]
    with subprocess.Popen(command, cwd=folder) as process:
        try:
            while not (port.exists() and port.read_text().strip()):
                assert process.poll() is None, "the proxy has ended"
                time.sleep(0.05)
            yield f"http://{LOOPBACK}:{port.read_text().strip()}", log
        finally:
            process.terminate()


class BadProxy(socketserver.ThreadingTCPServer):
    """A proxy that answers every request with these bytes, with so many seconds between them."""

    daemon_threads = True

    def __init__(self, answer: bytes, seconds_between: float = 0) -> None:
        super().__init__((LOOPBACK, 0), _BadProxyHandler)
        self.answer = answer
        self.seconds_between = seconds_between
        self.connections = 0
        self.stopped = threading.Event()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    def __enter__(self) -> BadProxy:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_args: object) -> None:
        self.stopped.set()
        self.shutdown()
        self.server_close()


class _BadProxyHandler(socketserver.BaseRequestHandler):
    server: BadProxy

    def handle(self) -> None:
        self.server.connections += 1
        self.request.recv(1 << 16)  # The request, or the beginning of TLS.
        with contextlib.suppress(OSError):
            for byte in self.server.answer:
                if self.server.stopped.wait(self.server.seconds_between):
                    return
                self.request.sendall(bytes([byte]))


def issue_certificates(folder: Path) -> dict[str, str]:
    """Files by name. C(cert) and C(key) are for the loopback, C(ca) is their authority; the others are of no use."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other-ca.pem")
    for name, host in (("", LOOPBACK), ("other-host-", "other.example.com")):
        issued = authority.issue_cert(host)
        issued.private_key_pem.write_to_path(folder / f"{name}key.pem")
        for number, blob in enumerate(issued.cert_chain_pems):
            blob.write_to_path(folder / f"{name}cert.pem", append=number > 0)
    whole = (folder / "ca.pem").read_text(encoding="ascii")
    (folder / "damaged-ca.pem").write_text(whole.replace("A", "*"), encoding="ascii")
    (folder / "empty-ca.pem").write_text("no certificate\n", encoding="ascii")
    _issue_without_identifiers(folder)
    return {path.stem: str(path) for path in folder.iterdir()}


def _issue_without_identifiers(folder: Path) -> None:
    """A certificate and its authority without key identifiers, as older tools make them. They break RFC 5280."""
    now = datetime.datetime.now(datetime.timezone.utc)
    names = {name: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("plain-ca", "plain-cert")}
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in names}
    for name, subject in names.items():
        is_ca = name == "plain-ca"
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(names["plain-ca"])
            .public_key(keys[name].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False
            )
            .sign(keys["plain-ca"], hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key = keys["plain-cert"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "plain-key.pem").write_bytes(key)
