"""Digests against a real mail server and a real receiver, and workers that are killed between sending and settling."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from multiprocessing import get_context
from typing import Any

import pypdfium2
import pytest
from aiosmtpd.controller import Controller
from pytest_httpserver import HTTPServer
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.adapters.mail.smtp import SmtpEmailSender
from app.adapters.print.digest import typeset_digest
from app.adapters.webhooks import DigestHook
from app.core.clock import FixedClock
from app.core.database.engine import make_engine, transaction
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.settings import Settings
from app.operations.digests.models import DigestRecipient
from app.operations.digests.rules import DigestPorts, DigestStatus, OldSecret, webhook_secret
from app.operations.digests.sending import make_due, send_due
from app.operations.digests.service import replace_secret
from app.outreach.outbox.dispatch import Accepted, Misconfigured, SendResult, TryLater, Undeliverable
from app.programs.ports import make_ports
from app.programs.worker import Worker
from tests import builders
from tests.operations.digests.story import (
    LEASE,
    MEI,
    NOW,
    SATURDAY,
    SECRET,
    SUNDAY,
    close,
    digests,
    list_hook,
    list_mei,
    open_book,
    the_book,
)

NO_SMTP = "smtp://127.0.0.1:9"
SECOND = timedelta(seconds=1)
KEY = base64.b64encode(b"k" * 32).decode()


class Mailbox:
    def __init__(self) -> None:
        self.received: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.received.append(envelope)
        return "250 OK"

    def read(self) -> list[EmailMessage]:
        return [message_from_bytes(each.content, policy=policy.default) for each in self.received]  # type: ignore[misc]


@pytest.fixture
def mailbox(free_port: int) -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=free_port)
    server.start()
    yield box, f"smtp://127.0.0.1:{free_port}"
    server.stop()


def settings_for(smtp_url: str) -> Settings:
    return Settings.model_validate(
        {
            "secret_key": SECRET,
            "email": "smtp",
            "smtp_url": smtp_url,
            "mail_from": "desk@desk.example",
            "public_url": "https://desk.example.test",
            "webhook_private": True,
        }
    )


def fill(engine: Engine, *, hook: str = "") -> str:
    """A book with a digest due by e-mail, or to a webhook; returns the webhook's salt."""
    with transaction(engine) as session:
        portfolio = open_book(session)
        close(session, portfolio, SATURDAY, 10)
        salt = ""
        if hook:
            salt = list_hook(session, portfolio, hook, private=True).salt
        else:
            list_mei(session, portfolio)
        close(session, portfolio, SUNDAY, 15)
    return salt


def verified(request: Any, secret: str) -> dict[str, Any]:
    """The body of a webhook whose signature a receiver has computed again, by the text of the standard alone."""
    headers = request.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.data
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{wanted}" in headers["webhook-signature"].split(" ")
    body: dict[str, Any] = json.loads(request.data)
    return body


# --- real servers -------------------------------------------------------------------------------------------


def test_the_worker_mails_a_digest_whose_pdf_opens(engine: Engine, mailbox: tuple[Mailbox, str]) -> None:
    box, url = mailbox
    fill(engine)
    settings = settings_for(url)
    worker = Worker(engine, make_ports(settings, FixedClock(NOW)), settings)
    worker.send_digests()
    worker.send_digests()
    (message,) = box.read()
    assert message["To"] == "mei@desk.example"
    assert message["Subject"] == "CARDS: digest of 1 March 2026"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == f"<{digests(engine)[0].key}@desk.example>"
    html = message.get_body(("html",))
    assert html is not None
    assert "<h2>What changed</h2>" in html.get_content()
    (file,) = message.iter_attachments()
    assert file.get_filename() == "digest-CARDS-2026-03-01.pdf"
    content = file.get_content()
    assert b"pdfuaid:part" in content  # tagged, as PDF/UA-1 asks
    document = pypdfium2.PdfDocument(content)
    text = "".join(page.get_textpage().get_text_bounded() for page in document)
    for word in ("CARDS: digest of 1 March 2026", "Overdue rate by accounts, 30+ days", "+5.0 points, worse"):
        assert word in text


def test_a_receiver_verifies_the_webhook_by_its_own_code(engine: Engine, httpserver: HTTPServer) -> None:
    salt = fill(engine, hook=httpserver.url_for("/desk"))
    httpserver.expect_oneshot_request("/desk", method="POST").respond_with_data("", status=204)
    settings = settings_for(NO_SMTP)
    worker = Worker(engine, make_ports(settings, FixedClock(NOW)), settings)
    worker.send_digests()
    (request, _), *others = httpserver.log
    assert not others
    body = verified(request, webhook_secret(SECRET, salt))
    assert request.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert body["id"] == request.headers["webhook-id"] == digests(engine)[0].key
    assert body["data"]["business_date"] == "2026-03-01"
    assert body["data"]["href"].startswith("https://desk.example.test/morning?")
    with pytest.raises(AssertionError):
        verified(request, webhook_secret(SECRET, "another endpoint"))


@pytest.mark.parametrize(
    ("old", "days", "both"),
    [
        (OldSecret.A_WEEK, 0, True),
        (OldSecret.A_WEEK, 7, False),
        (OldSecret.A_DAY, 0, True),
        (OldSecret.NOT_AT_ALL, 0, False),
    ],
)
def test_a_replaced_secret_signs_beside_the_new_one_for_its_time(
    engine: Engine, httpserver: HTTPServer, old: OldSecret, days: int, both: bool
) -> None:
    before = fill(engine, hook=httpserver.url_for("/desk"))
    replaced_at = NOW - timedelta(days=days)
    with transaction(engine) as session:
        number = id_of(session.scalars(select(DigestRecipient)).one())
        row = replace_secret(session, the_book(session), number, old, by=MEI, now=replaced_at)
        after = row.salt
        [told] = builders.events(session, "digest.secret_replaced")
    assert (told["until"] == "") is (old is OldSecret.NOT_AT_ALL)
    httpserver.expect_oneshot_request("/desk", method="POST").respond_with_data("", status=204)
    settings = settings_for(NO_SMTP)
    Worker(engine, make_ports(settings, FixedClock(NOW)), settings).send_digests()
    [(request, _)] = httpserver.log
    assert verified(request, webhook_secret(SECRET, after))
    assert len(request.headers["webhook-signature"].split(" ")) == 1 + both
    if both:
        assert verified(request, webhook_secret(SECRET, before))
    else:
        with pytest.raises(AssertionError):
            verified(request, webhook_secret(SECRET, before))


def test_a_person_has_no_secret_to_replace(engine: Engine) -> None:
    fill(engine)
    with pytest.raises(Invalid, match="Only a webhook has a secret"), transaction(engine) as session:
        replace_secret(session, the_book(session), 1, OldSecret.A_DAY, by=MEI, now=NOW)


# --- the webhook's adapter ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [
        (200, Accepted, ""),
        (302, Misconfigured, "redirects are not followed"),
        (400, TryLater, "400"),
        (410, Undeliverable, "gone"),
        (429, TryLater, "429"),
        (503, TryLater, "503"),
    ],
)
def test_what_an_answer_means(httpserver: HTTPServer, status: int, kind: type, word: str) -> None:
    httpserver.expect_request("/desk").respond_with_data("", status=status, headers={"location": "/else"})
    result = DigestHook(FixedClock(NOW), private=True).post(httpserver.url_for("/desk"), "id", [KEY], b"{}")
    assert isinstance(result, kind)
    assert word in getattr(result, "reason", "")
    assert len(httpserver.log) == 1


def test_a_name_that_leads_into_a_private_network_gets_nothing(httpserver: HTTPServer) -> None:
    """The address of the connection counts, whatever a name, or another way to write the number, has led to."""
    for host in ("localhost", "2130706433", "127.1"):
        url = f"http://{host}:{httpserver.port}/desk"
        result = DigestHook(FixedClock(NOW)).post(url, "id", [KEY], b"{}")
        assert isinstance(result, Misconfigured | TryLater), host
    assert httpserver.log == []


def test_nobody_there_is_tried_again(free_port: int) -> None:
    result = DigestHook(FixedClock(NOW), private=True).post(
        f"http://127.0.0.1:{free_port}/", "id", [KEY], b"{}"
    )
    assert isinstance(result, TryLater)
    odd = DigestHook(FixedClock(NOW), private=True).post("gopher://127.0.0.1/", "id", [KEY], b"{}")
    assert isinstance(odd, Undeliverable)


def test_a_receiver_that_never_answers_is_left() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        result = DigestHook(FixedClock(NOW), private=True, timeout=0.2).post(url, "id", [KEY], b"{}")
    assert isinstance(result, TryLater)


# --- killed -------------------------------------------------------------------------------------------------


def one_tick(url: str, smtp: str, at: datetime, dies: bool) -> None:
    """A tick of a worker; one that dies is killed when the other side has the digest, before that is written down."""
    engine, clock = make_engine(url), FixedClock(at)
    email = SmtpEmailSender(smtp, "desk@desk.example", clock)
    ports = DigestPorts(
        email.send, DigestHook(clock, private=True), typeset_digest, "https://desk.example.test", SECRET
    )
    if dies:
        ports = replace(ports, email=killed_after(ports.email), hook=_KilledHook(ports.hook.post))
    make_due(engine, ports.pages_url, now=at)
    send_due(engine, ports, clock=clock, lease=LEASE)
    engine.dispose()


def killed_after(send: Callable[..., SendResult]) -> Callable[..., SendResult]:
    def sent(*given: Any) -> SendResult:
        send(*given)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    return sent


class _KilledHook:
    def __init__(self, post: Callable[..., SendResult]) -> None:
        self.post = killed_after(post)


def killed(url: str, smtp: str) -> bool:
    """A worker of its own process is killed in the middle. It is not forked off this one, whose typesetter has threads
    that a fork would wait for."""
    worker = get_context("spawn").Process(target=one_tick, args=(url, smtp, NOW, True))
    worker.start()
    worker.join()
    return worker.exitcode == -signal.SIGKILL


def test_an_e_mail_after_a_kill_has_the_same_message_id(
    engine: Engine, database_url: str, mailbox: tuple[Mailbox, str]
) -> None:
    box, smtp = mailbox
    fill(engine)
    assert killed(database_url, smtp)
    assert [row.status for row in digests(engine)] == [DigestStatus.SENDING]
    assert len(box.received) == 1
    one_tick(database_url, smtp, NOW + LEASE - SECOND, dies=False)  # its lease has not ended
    assert len(box.received) == 1
    one_tick(database_url, smtp, NOW + LEASE + SECOND, dies=False)
    first, second = box.read()
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_payload()[0].as_bytes() == second.get_payload()[0].as_bytes()  # type: ignore[union-attr,index]
    assert [(row.status, row.attempts) for row in digests(engine)] == [(DigestStatus.SENT, 2)]


def test_a_webhook_after_a_kill_has_the_same_id_and_body(
    engine: Engine, database_url: str, httpserver: HTTPServer
) -> None:
    salt = fill(engine, hook=httpserver.url_for("/desk"))
    httpserver.expect_request("/desk", method="POST").respond_with_data("", status=200)
    assert killed(database_url, NO_SMTP)
    one_tick(database_url, NO_SMTP, NOW + LEASE + SECOND, dies=False)
    first, second = (request for request, _ in httpserver.log)
    assert verified(first, webhook_secret(SECRET, salt)) == verified(second, webhook_secret(SECRET, salt))
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert [row.status for row in digests(engine)] == [DigestStatus.SENT]
