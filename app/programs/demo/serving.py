"""The demo's programs and files: web and worker in one process, a key, an .env, the legal desk beside them."""

from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from starlette.types import ASGIApp

from app.core.database.engine import make_engine
from app.core.kit.processes import finish
from app.core.settings import Settings
from app.programs.demo.terminal import say
from app.programs.jobs import start
from app.programs.ports import WorkerPorts
from app.programs.serving import serve_app
from app.programs.web import create_app
from app.programs.worker import Worker


def serve_demo(settings: Settings, ports: WorkerPorts, port: int) -> None:
    """Web and worker in one process, until Ctrl-C."""
    engine = make_engine(settings.database_url)
    worker = Worker(engine, ports, settings)
    scheduler = start(worker)
    try:
        application = create_app(settings, engine, ports)
        serve_app(application, host="127.0.0.1", port=port, announce=lambda at: say(f"\nServing at {at}"))
    finally:
        worker.stopping.set()
        finish(scheduler.shutdown)  # when what was sent is written down


def serve_in_background(app: ASGIApp, port: int) -> None:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    threading.Thread(target=server.run, daemon=True, name="legal-desk").start()
    for _ in range(100):
        if server.started:
            return
        time.sleep(0.05)
    raise SystemExit(
        f"The legal desk did not start on port {port}. End the program that uses the port, or start again."
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def make_key(home: Path) -> Path:
    path = home / "bundle-key.pem"
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return path


def make_certificate(home: Path) -> Path:
    """A key with a certificate that it signed itself, as no authority gives one to a demo."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Arrears Desk demo")])
    now = datetime.now(UTC)
    uses = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(uses, critical=True)
        .sign(key, hashes.SHA256())
    )
    path = home / "seal-certificate.pem"
    path.touch(mode=0o600)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return path


def write_env(home: Path, settings: Settings) -> None:
    """Settings so that the other commands can be tried on the demo's database."""
    path = home / "demo.env"
    path.touch(mode=0o600)
    path.write_text(
        f"DESK_DATABASE_URL={settings.database_url}\n"
        f"DESK_SECRET_KEY={settings.secret_key.get_secret_value()}\n"
        f"DESK_BUNDLE_KEY={settings.bundle_key.get_secret_value()}\n"
        f"DESK_SEAL_CERTIFICATE={settings.seal_certificate.get_secret_value()}\n"
        f"DESK_PUBLIC_URL={settings.public_url}\n"
    )
