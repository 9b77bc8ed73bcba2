"""The mailbox that undeliverable e-mail comes back to: IMAP over TLS, or a maildir or mbox of the mail server."""

from __future__ import annotations

import imaplib
import mailbox
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.inbound.bounces.rules import OpenPostbox, Postbox, PostboxFailed

TIMEOUT_SECONDS = 30.0
AT_ONCE = 500
"""Messages of one visit; the next one comes within a minute."""
LONGEST = 256 * 1024
"""Bytes of a message that are fetched."""
_PORTS = {"imaps": 993, "imap+starttls": 143}


def make_postbox(url: str, *, tls: ssl.SSLContext | None = None) -> Postbox:
    """`imaps://` or `imap+starttls://user:password@host[:port]/FOLDER`, `maildir:///path` or `mbox:///path`.

    Raises ValueError without repeating the URL, which holds the password.
    """
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.scheme in _PORTS and parts.hostname and parts.username:
        return ImapPostbox(
            parts.scheme,
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            unquote(parts.username),
            unquote(parts.password or ""),
            path.strip("/") or "INBOX",
            tls or ssl.create_default_context(),
        )
    if parts.scheme in ("maildir", "mbox") and not parts.netloc and path.startswith("/"):
        return FolderPostbox(Path(path), is_mbox=parts.scheme == "mbox")
    raise ValueError("DESK_BOUNCE_URL must be imaps://, imap+starttls://, maildir:/// or mbox:///")


class ImapPostbox:
    def __init__(
        self,
        scheme: str,
        host: str,
        port: int,
        user: str,
        password: str,
        folder: str,
        tls: ssl.SSLContext,
    ) -> None:
        self._scheme, self._host, self._port = scheme, host, port
        self._user, self._password, self._folder, self._tls = user, password, folder, tls

    @contextmanager
    def open(self) -> Iterator[OpenPostbox]:
        try:
            imap = self._connect()
            try:
                yield _OpenImap(imap)
            finally:
                with suppress(imaplib.IMAP4.error, OSError):
                    imap.logout()
        except (imaplib.IMAP4.error, OSError) as failure:  # the server's reply may repeat the user's name
            raise PostboxFailed(
                f"The bounce mailbox cannot be read ({type(failure).__name__}). Check DESK_BOUNCE_URL."
            ) from None

    def _connect(self) -> imaplib.IMAP4:
        imap: imaplib.IMAP4
        if self._scheme == "imaps":
            imap = imaplib.IMAP4_SSL(self._host, self._port, ssl_context=self._tls, timeout=TIMEOUT_SECONDS)
        else:
            imap = imaplib.IMAP4(self._host, self._port, TIMEOUT_SECONDS)
        try:
            if self._scheme != "imaps":
                imap.starttls(self._tls)
            imap.login(self._user, self._password)
            quoted = self._folder.replace("\\", "\\\\").replace('"', '\\"')
            _good(imap.select(f'"{quoted}"'))
        except BaseException:
            imap.shutdown()
            raise
        return imap


class _OpenImap:
    def __init__(self, imap: imaplib.IMAP4) -> None:
        self._imap = imap

    def messages(self) -> Iterator[tuple[str, bytes]]:
        [found] = _good(self._imap.uid("SEARCH", "UNDELETED"))
        for uid in (found or b"").split()[:AT_ONCE]:
            parts = _good(self._imap.uid("FETCH", uid.decode(), f"(BODY.PEEK[]<0.{LONGEST}>)"))
            for part in parts:
                if isinstance(part, tuple):
                    yield uid.decode(), part[1]

    def remove(self, handle: str) -> None:
        """Mark and remove these messages at once, so that only recorded messages are removed."""
        _good(self._imap.uid("STORE", handle, "+FLAGS.SILENT", r"(\Deleted)"))
        if "UIDPLUS" in self._imap.capabilities:
            _good(self._imap.uid("EXPUNGE", handle))
        else:
            _good(self._imap.expunge())


def _good(answer: tuple[str, list]) -> list:  # type: ignore[type-arg]
    """Return the data of an OK; raise imaplib's own error for anything else."""
    if answer[0] != "OK":
        raise imaplib.IMAP4.error("not OK")
    return answer[1]


class FolderPostbox:
    """A maildir, or an mbox that is locked while it is read."""

    def __init__(self, path: Path, *, is_mbox: bool) -> None:
        self._path, self._is_mbox = path, is_mbox

    @contextmanager
    def open(self) -> Iterator[OpenPostbox]:
        box: mailbox.Mailbox[mailbox.Message] | None = None
        try:
            kind = mailbox.mbox if self._is_mbox else mailbox.Maildir
            box = kind(self._path, create=False)
            box.lock()
            try:
                yield _OpenFolder(box)
            finally:
                box.flush()
                box.unlock()
        except (mailbox.Error, OSError) as failure:
            raise PostboxFailed(
                f"The bounce mailbox cannot be read ({type(failure).__name__}). Check DESK_BOUNCE_URL."
            ) from None
        finally:
            if box is not None:
                box.close()


class _OpenFolder:
    def __init__(self, box: mailbox.Mailbox[mailbox.Message]) -> None:
        self._box = box
        self._keys = {str(key): key for key in sorted(box.keys())[:AT_ONCE]}

    def messages(self) -> Iterator[tuple[str, bytes]]:
        for handle, key in self._keys.items():
            with suppress(KeyError):  # another worker was quicker
                yield handle, self._box.get_bytes(key)[:LONGEST]

    def remove(self, handle: str) -> None:
        self._box.discard(self._keys[handle])
