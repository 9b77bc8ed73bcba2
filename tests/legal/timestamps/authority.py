"""A time-stamp authority for tests: `openssl ts` behind a small HTTP server."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CONFIG = """
[tsa]
default_tsa = desk
[desk]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
certs = {folder}/root.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_chain = no
"""


def make_authority(folder: Path, name: str = "TSA of tests") -> Path:
    """Keys, certificates and configuration of an authority in `folder`; the file with its root."""
    folder.mkdir(parents=True, exist_ok=True)
    root_key, key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    root_name, own = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (f"Root of {name}", name)
    )
    now = datetime.now(UTC) - timedelta(days=1)

    def begun(subject: x509.Name, public: rsa.RSAPublicKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(root_name, subject, public, x509.random_serial_number())
        return builder.not_valid_before(now).not_valid_after(now + timedelta(days=3650))

    root = begun(root_name, root_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    stamping = begun(own, key.public_key()).add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
    )
    for file, certificate in (("root.pem", root), ("tsa.pem", stamping)):
        (folder / file).write_bytes(certificate.sign(root_key, hashes.SHA256()).public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "tsa.key").write_bytes(private)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder))
    return folder / "root.pem"


def reply(folder: Path, query: bytes) -> bytes:
    """The authority's answer to a TimeStampReq."""
    (folder / "query.tsq").write_bytes(query)
    command = ["openssl", "ts", "-reply", "-queryfile", folder / "query.tsq", "-out", folder / "reply.tsr"]
    subprocess.run([*command, "-config", folder / "tsa.cnf"], check=True, capture_output=True)
    return (folder / "reply.tsr").read_bytes()


@contextmanager
def serving(answer: Callable[[bytes], tuple[int, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """An HTTP server that answers each query; its address and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 - the name is the library's
            asked.append(self.path)
            assert self.headers["content-type"] == "application/timestamp-query"
            status, content = answer(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/elsewhere")
            self.send_header("content-type", "application/timestamp-reply")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa", asked
    finally:
        server.shutdown()
        server.server_close()
