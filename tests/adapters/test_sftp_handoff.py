"""Print batches on a real SFTP server: whole under their names or not there, and never twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from app.adapters.print.sftp_handoff import SftpPrintService
from app.core.errors import Invalid
from app.outreach.outbox.printing import HandoffFailed

BATCH = "2026-03-14/batch-000012"
FINAL = ["2026-03-14-batch-000012.csv", "2026-03-14-batch-000012.pdf"]
HOST_KEY, OTHER_KEY = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
CLIENT_KEY = asyncssh.generate_private_key("ssh-ed25519")


@dataclass
class Service:
    """A print service's server, and what is in its folder."""

    port: int
    folder: Path
    print_dir: Path
    host_key: str = HOST_KEY.export_public_key().decode()

    def drop(self, login: str = "desk:p%40ss", key: str = "", host_key: str = "") -> SftpPrintService:
        url = f"sftp://{login}@127.0.0.1:{self.port}/in"
        return SftpPrintService(self.print_dir, url, host_key or self.host_key, key)

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "in").iterdir())


class Gate(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("desk", "p@ss")

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "desk" and key.public_data == CLIENT_KEY.public_data


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    root, print_dir = tmp_path / "server", tmp_path / "print"
    (root / "in").mkdir(parents=True)
    (print_dir / BATCH).mkdir(parents=True)
    (print_dir / BATCH / "letters.pdf").write_bytes(b"%PDF" + bytes(range(256)) * 9_000)
    (print_dir / BATCH / "manifest.csv").write_text("piece,key\n1,a\n")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        def serve(channel: asyncssh.SSHServerChannel) -> asyncssh.SFTPServer:
            return asyncssh.SFTPServer(channel, chroot=str(root).encode())

        return await asyncssh.listen(
            "127.0.0.1", 0, server_factory=Gate, server_host_keys=[HOST_KEY], sftp_factory=serve
        )

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    yield Service(server.get_port(), root, print_dir)

    async def close() -> None:
        server.close()
        await server.wait_closed()

    asyncio.run_coroutine_threadsafe(close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_batch_appears_under_its_names_only_when_it_is_whole(service: Service) -> None:
    drop = service.drop()
    drop.upload(BATCH)
    assert service.files == [f"{name}.part" for name in FINAL]
    drop.upload(BATCH)
    drop.name(BATCH)
    assert service.files == FINAL
    for name, local in zip(FINAL, ("manifest.csv", "letters.pdf"), strict=True):
        assert (service.folder / "in" / name).read_bytes() == (service.print_dir / BATCH / local).read_bytes()


def test_what_the_service_has_is_never_there_again(service: Service) -> None:
    drop = service.drop()
    drop.upload(BATCH)
    drop.name(BATCH)
    with pytest.raises(HandoffFailed, match="on the server already"):
        drop.upload(BATCH)
    for name in FINAL:
        (service.folder / "in" / name).unlink()
    drop.name(BATCH)
    assert service.files == [], "fetched since"


def test_our_key_opens_it_as_the_password_does(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "id"
    path.write_bytes(CLIENT_KEY.export_private_key())
    service.drop("desk", key=str(path)).upload(BATCH)
    service.drop("desk", key=path.read_text()).name(BATCH)
    assert service.files == FINAL


@pytest.mark.parametrize(
    ("login", "host_key", "why"),
    [
        ("desk:p%40ss", OTHER_KEY.export_public_key().decode(), "another host key"),
        ("desk:wrong", "", "refuses our login"),
    ],
    ids=[
        "another host key",
        "a wrong password",
    ],  # a key made for the test would name it anew in each process
)
def test_nothing_is_put_where_it_should_not_be(service: Service, login: str, host_key: str, why: str) -> None:
    with pytest.raises(HandoffFailed, match=why) as refused:
        service.drop(login, host_key=host_key).upload(BATCH)
    assert "wrong" not in refused.value.reason, "no secret in a reason"
    assert service.files == []


def test_what_fails_says_why(service: Service) -> None:
    with pytest.raises(HandoffFailed, match="not in the print folder"):
        service.drop().upload("2026-03-14/batch-000099")
    (service.folder / "in").rename(service.folder / "out")
    with pytest.raises(HandoffFailed, match="refuses a file"):
        service.drop().upload(BATCH)
    nowhere = SftpPrintService(service.print_dir, "sftp://desk:x@127.0.0.1:1/in", service.host_key)
    with pytest.raises(HandoffFailed, match="cannot be reached"):
        nowhere.upload(BATCH)


@pytest.mark.parametrize(
    ("url", "host_key", "key", "field"),
    [
        ("sftp://desk:x@host/in", "", "", "print_sftp_host_key"),
        ("sftp://desk:x@host/in", "not a key", "", "print_sftp_host_key"),
        ("sftp://desk@host/in", "", "", "print_sftp_key"),
        ("sftp://desk@host/in", "", "/nowhere", "print_sftp_key"),
        ("ftp://desk:x@host/in", "", "", "print_sftp_url"),
        ("sftp://host/in", "", "", "print_sftp_url"),
    ],
)
def test_it_is_set_up_completely_or_not_at_all(url: str, host_key: str, key: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        SftpPrintService(Path(), url, host_key, key)
    assert refused.value.field == field
