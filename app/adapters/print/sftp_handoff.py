"""Print batches to a print service's SFTP server, each in two files:

    2026-11-22-batch-000012.pdf    and, when that has its name,
    2026-11-22-batch-000012.csv    the manifest: once it is there, the batch is whole

They are written under names that end in `.part`, read back and compared by SHA-256, and renamed. The server must show
the host key that was agreed on: a key is never taken on trust because it is the first one seen.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncssh
from asyncssh import SFTPClient, SFTPError

from app.adapters.print.batch import MANIFEST, PDF
from app.core.errors import Invalid
from app.outreach.outbox.printing import HandoffFailed

FILES = ((PDF, ".pdf"), (MANIFEST, ".csv"))
"""The files of a batch, in the order in which they get their names."""
PART = ".part"
CONNECT_SECONDS, ALL_SECONDS = 30, 20 * 60
"""The second is for one batch; a worker is taken for dead later than that."""
BLOCK = 1 << 20


class SftpPrintService:
    def __init__(self, print_dir: Path, url: str, host_key: str, key: str = "") -> None:
        """`url` is sftp://user[:password]@host[:port]/folder, percent-encoded; `host_key` one line as in
        `known_hosts`, without the host; `key` a private key in OpenSSH or PEM form, or a file with it. Raises
        Invalid."""
        parts = urlsplit(url)
        if parts.scheme != "sftp" or not parts.hostname or not parts.username:
            raise Invalid(
                "The SFTP address is not like sftp://user@host/folder. Correct DESK_PRINT_SFTP_URL.",
                "print_sftp_url",
            )
        if not (key or parts.password):
            raise Invalid(
                "SFTP has no way to sign in. Put a password in the address, or name a private key.",
                "print_sftp_key",
            )
        self._print_dir = print_dir
        self._folder = unquote(parts.path).removeprefix("/") or "."
        self._login = {
            "host": parts.hostname,
            "port": parts.port or 22,
            "username": unquote(parts.username),
            "password": unquote(parts.password) if parts.password else None,
            "client_keys": [_private_key(key)] if key else None,
            "known_hosts": ([_host_key(host_key)], [], []),
            # No settings from the home directory of the account that runs this.
            "config": None,
            "agent_path": None,
            "connect_timeout": CONNECT_SECONDS,
            "login_timeout": CONNECT_SECONDS,
        }

    def upload(self, batch: str) -> None:
        async def work(sftp: SFTPClient) -> None:
            for local, ending in FILES:
                remote = self._remote(batch, ending)
                if await sftp.exists(remote):
                    raise HandoffFailed(
                        f"{remote} is on the server already. Ask the print service whether it was printed."
                    )
                written = await _copy(sftp, self._print_dir / batch / local, remote + PART)
                if await _digest(sftp, remote + PART) != written:
                    raise HandoffFailed(f"{remote} does not read as it was written. It is sent again.")

        self._with_server(work)

    def name(self, batch: str) -> None:
        async def work(sftp: SFTPClient) -> None:
            for _, ending in FILES:
                remote = self._remote(batch, ending)
                # Without its temporary name it has its own, or was taken away since: never again.
                if await sftp.exists(remote + PART):
                    await sftp.rename(remote + PART, remote)

        self._with_server(work)

    def _remote(self, batch: str, ending: str) -> str:
        return f"{self._folder}/{batch.replace('/', '-')}{ending}"

    def _with_server(self, work: Callable[[SFTPClient], Awaitable[None]]) -> None:
        """Raises HandoffFailed, whose reason names no secret."""
        try:
            asyncio.run(asyncio.wait_for(self._connected(work), ALL_SECONDS))
        except asyncssh.HostKeyNotVerifiable as problem:
            raise HandoffFailed(
                "The server shows another host key than the one agreed on. Ask the print service why."
            ) from problem
        except asyncssh.PermissionDenied as problem:
            raise HandoffFailed(
                "The server refuses our login. Check the user, password and key."
            ) from problem
        except TimeoutError as problem:
            raise HandoffFailed("The server took too long. The batch is sent again.") from problem
        except FileNotFoundError as problem:
            raise HandoffFailed(
                "The batch is not in the print folder any more. Somebody took it away."
            ) from problem
        except SFTPError as problem:
            raise HandoffFailed(f"The server refuses a file: {problem.reason}") from problem
        except (asyncssh.Error, OSError) as problem:
            raise HandoffFailed(f"The server cannot be reached ({type(problem).__name__}).") from problem

    async def _connected(self, work: Callable[[SFTPClient], Awaitable[None]]) -> None:
        async with asyncssh.connect(**self._login) as connection, connection.start_sftp_client() as sftp:
            await work(sftp)


async def _copy(sftp: SFTPClient, local: Path, remote: str) -> str:
    """SHA-256 of the sent bytes."""
    digest = hashlib.sha256()
    with local.open("rb") as file:
        async with sftp.open(remote, "wb") as there:
            while block := file.read(BLOCK):
                digest.update(block)
                await there.write(block)
    return digest.hexdigest()


async def _digest(sftp: SFTPClient, remote: str) -> str:
    digest = hashlib.sha256()
    async with sftp.open(remote, "rb") as there:
        while block := await there.read(BLOCK):
            assert isinstance(block, bytes)
            digest.update(block)
    return digest.hexdigest()


def _host_key(line: str) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_public_key(line)
    except (asyncssh.KeyImportError, ValueError):
        raise Invalid(
            "The SFTP host key cannot be read. Give one line such as ssh-ed25519 AAAA..., as the server shows it.",
            "print_sftp_host_key",
        ) from None


def _private_key(text_or_path: str) -> asyncssh.SSHKey:
    try:
        if "-----BEGIN" in text_or_path:
            return asyncssh.import_private_key(text_or_path.replace("\\n", "\n"))
        return asyncssh.read_private_key(text_or_path)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, OSError, ValueError) as problem:
        # Never the text itself: it may be the key.
        raise Invalid(
            f"The SFTP key cannot be read ({type(problem).__name__}). Name an unencrypted private key.",
            "print_sftp_key",
        ) from None
