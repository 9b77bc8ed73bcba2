"""The bounce mailbox: a maildir, an mbox, and an IMAP server of a few commands behind real TLS."""

from __future__ import annotations

import mailbox
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.adapters.mail.bounce_mailbox import make_postbox
from app.inbound.bounces.rules import Postbox, PostboxFailed
from tests.adapters.test_smtp_email import a_certificate

FIRST, SECOND = b"Subject: one\r\n\r\nFrom here on\r\n", b"Subject: two\r\n\r\n2\r\n"


def contents(postbox: Postbox) -> list[bytes]:
    with postbox.open() as opened:
        return [content.replace(b"\r\n", b"\n") for _, content in opened.messages()]


def take_first(postbox: Postbox) -> None:
    with postbox.open() as opened:
        handle, _ = next(iter(opened.messages()))
        opened.remove(handle)


@pytest.mark.parametrize("kind", ["maildir", "mbox"])
def test_a_folder_that_the_mail_server_fills(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bounces"
    box: mailbox.Mailbox = mailbox.Maildir(path) if kind == "maildir" else mailbox.mbox(path)  # type: ignore[type-arg]
    for message in (FIRST, SECOND):
        box.add(message.replace(b"\r\n", b"\n"))
    box.flush()
    box.close()
    postbox = make_postbox(f"{kind}://{path}")
    before = contents(postbox)
    assert len(before) == 2
    assert contents(postbox) == before, "looking takes nothing away, and the bytes stay the same"
    take_first(postbox)
    assert contents(postbox) == before[1:]


@pytest.mark.parametrize("url", ["maildir:///nowhere/at/all", "mbox:///nowhere/at/all"])
def test_a_folder_that_is_not_there(url: str) -> None:
    with pytest.raises(PostboxFailed), make_postbox(url).open():
        pass


@pytest.mark.parametrize(
    "url", ["", "imap://u:secret@mail.example", "imaps://mail.example", "maildir://host/x"]
)
def test_a_url_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="DESK_BOUNCE_URL") as refused:
        make_postbox(url)
    assert "secret" not in str(refused.value)


# --- IMAP -----------------------------------------------------------------------------------------------------


@dataclass
class Imap:
    """As much of RFC 3501 (and UIDPLUS, RFC 4315) as reading a mailbox needs."""

    mails: dict[int, bytes]
    starttls: bool = False
    password: str = "p@ss/word"
    deleted: set[int] = field(default_factory=set)
    folders: list[str] = field(default_factory=list)

    def serve(self, connection: socket.socket, tls: ssl.SSLContext) -> None:
        if not self.starttls:
            connection = tls.wrap_socket(connection, server_side=True)
        lines = connection.makefile("rb")
        connection.sendall(b"* OK hello\r\n")
        while line := lines.readline():
            tag, _, command = line.decode().strip().partition(" ")
            connection.sendall(self.answer(command) + f"{tag} {self.verdict(command)}\r\n".encode())
            if command == "STARTTLS":
                connection = tls.wrap_socket(connection, server_side=True)
                lines = connection.makefile("rb")

    def verdict(self, command: str) -> str:
        if command.startswith("LOGIN"):
            return "OK in" if command == f'LOGIN desk "{self.password}"' else "NO who is that?"
        return "OK done"

    def answer(self, command: str) -> bytes:
        if command == "CAPABILITY":
            return b"* CAPABILITY IMAP4rev1 UIDPLUS STARTTLS\r\n"
        if command.startswith("SELECT"):
            self.folders.append(command)
            return b"* %d EXISTS\r\n" % len(self.mails)
        if command.startswith("UID SEARCH UNDELETED"):
            return b"* SEARCH %s\r\n" % b" ".join(
                b"%d" % uid for uid in self.mails if uid not in self.deleted
            )
        if found := re.match(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command):
            uid, text = int(found[1]), self.mails[int(found[1])][: int(found[2])]
            return b"* 1 FETCH (UID %d BODY[]<0> {%d}\r\n%s)\r\n" % (uid, len(text), text)
        if found := re.match(r"UID STORE (\d+) \+FLAGS\.SILENT \(\\Deleted\)", command):
            self.deleted.add(int(found[1]))
        if found := re.match(r"UID EXPUNGE (\d+)", command):
            del self.mails[int(found[1])]
        return b""


@contextmanager
def serving(imap: Imap, tls: ssl.SSLContext) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with suppress(OSError), connection:
                    imap.serve(connection, tls)

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
def test_an_imap_mailbox_over_tls(tmp_path: Path, scheme: str) -> None:
    own, authority = a_certificate(tmp_path)
    imap = Imap({7: FIRST, 9: SECOND}, starttls=scheme != "imaps")
    with serving(imap, own) as port:
        url = f"{scheme}://desk:p%40ss%2Fword@127.0.0.1:{port}/Bounces"
        postbox = make_postbox(url, tls=authority)
        assert contents(postbox) == [FIRST.replace(b"\r\n", b"\n"), SECOND.replace(b"\r\n", b"\n")]
        take_first(postbox)
        assert imap.mails == {9: SECOND}
        assert imap.folders[0] == 'SELECT "Bounces"'

        for doubting in (make_postbox(url), make_postbox(url.replace("p%40ss", "wrong"), tls=authority)):
            with pytest.raises(PostboxFailed) as failed, doubting.open():
                pass
            assert "desk" not in str(failed.value)
    assert imap.mails == {9: SECOND}
