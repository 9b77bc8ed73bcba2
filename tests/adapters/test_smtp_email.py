"""The SMTP adapter against a real server (aiosmtpd), and against sockets that hang up at the worst moment."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from app.adapters.mail.server import parse_smtp_url
from app.adapters.mail.smtp import SmtpEmailSender
from app.adapters.print.letter_page import LetterPaper
from app.core.clock import FixedClock
from app.core.settings import ROOT
from app.core.vocabulary import Channel
from app.outreach.outbox.dispatch import (
    Accepted,
    Misconfigured,
    SendResult,
    TryLater,
    Uncertain,
    Undeliverable,
)
from tests.adapters.dispatches import a_dispatch

LETTERS = ROOT / "letters"
CLOCK = FixedClock(datetime(2026, 11, 14, 9, 30, tzinfo=UTC))


class Mailbox:
    """Takes mail, or answers with what the test tells it to."""

    def __init__(self, *, mail: str = "", rcpt: str = "", data: str = "") -> None:
        self.answers = {"mail": mail, "rcpt": rcpt, "data": data}
        self.received: list[bytes] = []
        self.envelopes: list[Any] = []

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if not self.answers["mail"]:
            envelope.mail_from = address
        return self.answers["mail"] or "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if not self.answers["rcpt"]:
            envelope.rcpt_tos.append(address)
        return self.answers["rcpt"] or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.received.append(envelope.content)
        self.envelopes.append(envelope)
        return self.answers["data"] or "250 2.0.0 queued"

    def message(self) -> EmailMessage:
        [content] = self.received
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message


@contextmanager
def serving(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def sender(url: str, **options: Any) -> SmtpEmailSender:
    return SmtpEmailSender(
        url, "Desk <desk@post.example>", CLOCK, **{"timeout_seconds": 3.0, "verdict_seconds": 3.0, **options}
    )


def send_to(mailbox: Mailbox, **changes: Any) -> SendResult:
    with serving(mailbox) as port:
        return sender(f"smtp://127.0.0.1:{port}").send(a_dispatch(Channel.EMAIL, **changes))


def test_a_letter_that_is_enclosed_arrives_as_the_printed_page() -> None:
    mailbox = Mailbox()
    letter = a_dispatch(
        Channel.POST, letter="plan_confirmation", text="# Your plan\n\nYou pay $85.00 on 1 December 2026."
    )
    with serving(mailbox) as port:
        mail = sender(f"smtp://127.0.0.1:{port}", paper=LetterPaper(LETTERS).pdf)
        outcome = mail.send(a_dispatch(Channel.EMAIL, letter="plan_confirmation", enclosed=letter))
    assert isinstance(outcome, Accepted)
    [file] = mailbox.message().iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == (
        "plan-confirmation-C-000041.pdf",
        "application/pdf",
    )
    page = pypdfium2.PdfDocument(file.get_content())[0].get_textpage().get_text_bounded()
    assert "You pay $85.00 on 1 December 2026." in page
    assert "Alex Rivera" in page


def test_what_no_font_can_print_is_left_out_and_the_message_arrives() -> None:
    mailbox = Mailbox()
    letter = a_dispatch(Channel.POST, text="# Your plan\n\n\U000130b8")
    with serving(mailbox) as port, capture_logs() as logged:
        mail = sender(f"smtp://127.0.0.1:{port}", paper=LetterPaper(LETTERS).pdf)
        assert isinstance(mail.send(a_dispatch(Channel.EMAIL, enclosed=letter)), Accepted)
    assert not list(mailbox.message().iter_attachments())
    assert [line["event"] for line in logged] == ["letter_not_enclosed"]


def test_a_message_as_the_reader_gets_it() -> None:
    mailbox = Mailbox()
    outcome = send_to(
        mailbox,
        subject="您的信用卡款項尚未入帳，若有困難請與我們聯絡，我們可以協助您安排（案件編號 C-000041）",
        recipient_name="王小明",
        sender_name="第一港灣銀行",
        text="王小明 您好：\n\n.\n.. 這一行以句點開始\n逾期金額 NT$1,200",
        html="<p>逾期金額 NT$1,200</p>",
        context={"contact_email": "care@harbor.example"},
    )

    message = mailbox.message()
    assert message["Subject"].startswith("您的信用卡款項尚未入帳")
    assert message["From"].addresses[0].display_name == "第一港灣銀行"
    assert message["From"].addresses[0].addr_spec == "desk@post.example"
    assert message["To"].addresses[0].addr_spec == "alex.rivera@mail.example"
    assert message["Reply-To"] == "care@harbor.example"
    assert message["Date"].datetime == CLOCK.now()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (
        text.get_content()
        .rstrip("\r\n")
        .replace("\r\n", "\n")
        .endswith("\n.\n.. 這一行以句點開始\n逾期金額 NT$1,200")
    )
    assert html.get_content_type() == "text/html"
    assert "NT$1,200" in html.get_content()
    assert outcome == Accepted(message["Message-ID"])
    assert mailbox.envelopes[0].mail_from == "desk@post.example"
    assert mailbox.received[0].isascii()


def test_one_click_unsubscribe_survives_a_long_link() -> None:
    mailbox = Mailbox()
    url = "https://collections.bank.example/u/" + "x1-_" * 60
    send_to(mailbox, unsubscribe_url=url)
    raw = re.sub(rb"\r\n[ \t]", b" ", mailbox.received[0])
    assert f"List-Unsubscribe: <{url}>\r\n".encode() in raw
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


def test_the_message_id_is_the_attempt() -> None:
    """The outbox knows the attempt, and nobody who wants to forge a bounce can guess it."""
    mailbox = Mailbox()
    assert send_to(mailbox, attempt_id="41-f00d") == Accepted("<41-f00d@post.example>")
    assert mailbox.message()["Message-ID"] == "<41-f00d@post.example>"


@pytest.mark.parametrize("field", ["subject", "recipient_name", "sender_name"])
def test_a_line_break_cannot_add_a_header(field: str) -> None:
    mailbox = Mailbox()
    send_to(mailbox, **{field: "Hello\r\nBcc: thief@evil.example\r\n\r\nbody\u2028Cc: x@y.example"})
    assert mailbox.message()["Bcc"] is None
    assert mailbox.message()["Cc"] is None
    assert mailbox.envelopes[0].rcpt_tos == ["alex.rivera@mail.example"]


@pytest.mark.parametrize(
    "to",
    [
        "",
        "nobody",
        "a@b\r\nRCPT TO:<x@y.example>",
        "a b@c.example",
        "<a@b.example>",
        "a@b@c.example",
        "名字@mail.example",
    ],
)
def test_what_is_no_address_is_never_sent(to: str) -> None:
    mailbox = Mailbox()
    assert isinstance(send_to(mailbox, to=to), Undeliverable)
    assert mailbox.received == []


def test_a_link_that_could_break_the_header_is_never_sent() -> None:
    mailbox = Mailbox()
    assert isinstance(
        send_to(mailbox, unsubscribe_url="https://x.example/>\r\nBcc: a@b.example"), Undeliverable
    )
    assert mailbox.received == []


@pytest.mark.parametrize(
    ("answer", "gone"),
    [
        ("550 5.1.1 <alex.rivera@mail.example>: no such user", True),
        ("550 No such user here", True),
        ("550 5.4.1 Recipient address rejected: user unknown", True),
        ("554 5.7.1 Message blocked by reputation", False),
        ("550 rejected: your server is listed", False),
        ("552 5.2.2 mailbox full", False),
    ],
)
def test_only_an_address_that_is_gone_is_closed(answer: str, gone: bool) -> None:
    """A mistaken yes would cost us a customer; a mistaken no costs one more try."""
    outcome = send_to(Mailbox(rcpt=answer))
    assert isinstance(outcome, Undeliverable)
    assert outcome.no_such_address is gone


@pytest.mark.parametrize(
    ("mailbox", "kind"),
    [
        (Mailbox(rcpt="550 5.7.26 unauthenticated: DMARC"), Misconfigured),
        (Mailbox(rcpt="550 5.1.1 <alex.rivera@mail.example>: no such user"), Undeliverable),
        (Mailbox(rcpt="553 mailbox name not allowed"), Undeliverable),
        (Mailbox(rcpt="451 4.7.1 greylisted"), TryLater),
        (Mailbox(rcpt="452 4.2.2 mailbox full"), TryLater),
        (Mailbox(rcpt="554 5.7.1 <alex.rivera@mail.example>: Relay access denied"), Misconfigured),
        (Mailbox(rcpt="530 5.7.0 authentication required"), Misconfigured),
        (Mailbox(mail="550 5.7.1 sender not allowed"), Misconfigured),
        (Mailbox(mail="421 4.3.2 shutting down"), TryLater),
        (Mailbox(data="554 5.6.0 content refused"), Undeliverable),
        (Mailbox(data="451 4.3.0 try again"), TryLater),
    ],
)
def test_what_a_refusal_means(mailbox: Mailbox, kind: type) -> None:
    outcome = send_to(mailbox)
    assert isinstance(outcome, kind), outcome
    assert not isinstance(outcome, Accepted)
    assert "alex" not in outcome.reason, "no address in a reason"


def test_nobody_listening_is_certainly_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert isinstance(sender(f"smtp://127.0.0.1:{port}").send(a_dispatch(Channel.EMAIL)), TryLater)


# ------------------------------------------------------------------------------------------ login and encryption


def authenticator(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"desk", b"p@ss/word"), handled=False)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_login_with_percent_encoded_credentials() -> None:
    mailbox = Mailbox()
    with serving(mailbox, authenticator=authenticator, auth_require_tls=False, auth_required=True) as port:
        good = sender(f"smtp://desk:p%40ss%2Fword@127.0.0.1:{port}").send(a_dispatch(Channel.EMAIL))
        wrong = sender(f"smtp://desk:wrong@127.0.0.1:{port}").send(a_dispatch(Channel.EMAIL))
        none = sender(f"smtp://127.0.0.1:{port}").send(a_dispatch(Channel.EMAIL))
    assert isinstance(good, Accepted)
    assert isinstance(wrong, Misconfigured)
    assert isinstance(none, Misconfigured)
    assert len(mailbox.received) == 1


def test_a_server_without_starttls_gets_nothing() -> None:
    mailbox = Mailbox()
    with serving(mailbox) as port:
        outcome = sender(f"smtp+starttls://127.0.0.1:{port}").send(a_dispatch(Channel.EMAIL))
    assert isinstance(outcome, Misconfigured)
    assert mailbox.received == []


def test_starttls_only_with_a_certificate_we_trust(tmp_path: Path) -> None:
    own, authority = a_certificate(tmp_path)
    mailbox = Mailbox()
    with serving(mailbox, tls_context=own, require_starttls=True) as port:
        url = f"smtp+starttls://127.0.0.1:{port}"
        trusting = sender(url, tls=authority).send(a_dispatch(Channel.EMAIL))
        doubting = sender(url).send(a_dispatch(Channel.EMAIL))
    assert isinstance(trusting, Accepted)
    assert isinstance(doubting, Misconfigured)
    assert len(mailbox.received) == 1


def a_certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a fresh self-signed certificate for 127.0.0.1, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=3))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem, private)
    return server, ssl.create_default_context(cafile=str(pem))


# -------------------------------------------------------------------------------------------- the worst moments

Script = list[tuple[bytes, bytes]]
UP_TO_DATA: Script = [(b"ehlo", b"250 ok\r\n"), (b"mail", b"250 ok\r\n"), (b"rcpt", b"250 ok\r\n")]


@pytest.fixture
def scripted() -> Iterator[Callable[..., str]]:
    """A server that follows a script of (what the client says, our answer), then hangs up or falls silent."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def start(script: Script, *, greeting: bytes = b"220 hi\r\n", then: str = "hang up") -> str:
        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                connection.sendall(greeting)
                for expected, answer in script:
                    while not (line := lines.readline()).lower().startswith(expected):
                        if not line:
                            return
                    connection.sendall(answer)
                if then == "silence":
                    done.wait(5)

        threading.Thread(target=serve, daemon=True).start()
        return f"smtp://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    done.set()
    listener.close()


DATA: Script = [*UP_TO_DATA, (b"data", b"354 go\r\n"), (b".\r\n", b"")]


@pytest.mark.parametrize("then", ["hang up", "silence"])
def test_no_answer_after_the_whole_message_is_uncertain(scripted: Callable[..., str], then: str) -> None:
    outcome = sender(scripted(DATA, then=then), verdict_seconds=0.5).send(a_dispatch(Channel.EMAIL))
    assert isinstance(outcome, Uncertain), outcome


@pytest.mark.parametrize("steps", [0, 1, 2])
@pytest.mark.parametrize("then", ["hang up", "silence"])
def test_a_break_before_the_message_is_certainly_not_sent(
    scripted: Callable[..., str], steps: int, then: str
) -> None:
    url = scripted(UP_TO_DATA[:steps], then=then)
    assert isinstance(sender(url, timeout_seconds=0.5).send(a_dispatch(Channel.EMAIL)), TryLater)


def test_a_server_that_does_not_want_the_text_has_not_got_it(scripted: Callable[..., str]) -> None:
    later = scripted([*UP_TO_DATA, (b"data", b"451 not now\r\n")])
    assert isinstance(sender(later).send(a_dispatch(Channel.EMAIL)), TryLater)


def test_a_yes_followed_by_a_rude_goodbye_is_still_a_yes(scripted: Callable[..., str]) -> None:
    url = scripted([*DATA[:-1], (b".\r\n", b"250 queued\r\n")])
    assert isinstance(sender(url).send(a_dispatch(Channel.EMAIL)), Accepted)


@pytest.mark.parametrize(
    ("greeting", "kind"), [(b"421 busy\r\n", TryLater), (b"554 go away\r\n", Misconfigured)]
)
def test_a_greeting_that_is_none(scripted: Callable[..., str], greeting: bytes, kind: type) -> None:
    assert isinstance(sender(scripted([], greeting=greeting)).send(a_dispatch(Channel.EMAIL)), kind)


# --------------------------------------------------------------------------------------------- kept connections


class Counting(Mailbox):
    """Counts who says hello, and hangs up on whoever comes with a second message."""

    def __init__(self, *, disconnect: bool = False) -> None:
        super().__init__()
        self.hellos, self.disconnect = 0, disconnect

    async def handle_EHLO(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.hellos += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.disconnect and getattr(session, "had_one", False):
            server.transport.close()
            return "421 idle too long"
        session.had_one = True
        return await super().handle_MAIL(server, session, envelope, address, options)


def test_one_connection_carries_many_messages_and_a_refusal_between() -> None:
    mailbox = Counting()
    with serving(mailbox) as port:
        ours = sender(f"smtp://127.0.0.1:{port}")
        first = ours.send(a_dispatch(Channel.EMAIL, attempt_id="1"))
        mailbox.answers["rcpt"] = "550 5.1.1 no such user"
        refused = ours.send(a_dispatch(Channel.EMAIL, attempt_id="2"))
        mailbox.answers["rcpt"] = ""
        third = ours.send(a_dispatch(Channel.EMAIL, attempt_id="3"))
        ours.close()
    assert [type(first), type(refused), type(third)] == [Accepted, Undeliverable, Accepted]
    assert mailbox.hellos == 1
    assert len(mailbox.received) == 2


def test_a_kept_connection_that_the_server_ended_costs_no_message() -> None:
    mailbox = Counting(disconnect=True)
    with serving(mailbox) as port:
        ours = sender(f"smtp://127.0.0.1:{port}")
        outcomes = [ours.send(a_dispatch(Channel.EMAIL, attempt_id=str(n))) for n in range(3)]
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert mailbox.hellos == 3
    assert len(mailbox.received) == 3


def test_threads_share_the_connections() -> None:
    mailbox = Counting()
    with serving(mailbox) as port:
        ours = sender(f"smtp://127.0.0.1:{port}")
        with ThreadPoolExecutor(4) as threads:
            mails = [a_dispatch(Channel.EMAIL, attempt_id=f"a-{n}") for n in range(20)]
            outcomes = list(threads.map(ours.send, mails))
        ours.close()
    assert outcomes == [Accepted(f"<a-{n}@post.example>") for n in range(20)]
    assert len(mailbox.received) == 20
    assert mailbox.hellos <= 4


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    own, authority = a_certificate(tmp_path)
    mailbox = Mailbox()
    with serving(mailbox, ssl_context=own) as port:
        url = f"smtps://127.0.0.1:{port}"
        trusting = sender(url, tls=authority).send(a_dispatch(Channel.EMAIL))
        doubting = sender(url).send(a_dispatch(Channel.EMAIL))
    assert isinstance(trusting, Accepted)
    assert isinstance(doubting, Misconfigured)


# ---------------------------------------------------------------------------------- what a server may offer besides


@pytest.fixture
def extended() -> Iterator[Callable[..., tuple[str, list[bytes]]]]:
    """A server that takes commands as fast as they come (RFC 2920) and tells of failures (RFC 3461); its answers to
    RCPT, DATA and the text are the test's. Also what it was told."""
    listener = socket.create_server(("127.0.0.1", 0))

    def start(rcpt: bytes, data: bytes, verdict: bytes = b"250 2.0.0 taken") -> tuple[str, list[bytes]]:
        told: list[bytes] = []
        answers = {
            b"EHLO": b"250-hi\r\n250-PIPELINING\r\n250-DSN\r\n250 SIZE 1000000",
            b"RCPT": rcpt,
            b"DATA": data,
            b"QUIT": b"221 bye",
        }

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"220 hi\r\n")
                while line := lines.readline():
                    told.append(line.rstrip(b"\r\n"))
                    answer = answers.get(line[:4].upper(), b"250 ok")
                    connection.sendall(answer + b"\r\n")
                    if line[:4] == b"DATA" and answer.startswith(b"354"):
                        text = []
                        while (line := lines.readline()) not in (b".\r\n", b""):
                            text.append(line)
                        told.append(b"text of %d lines" % len(text))
                        connection.sendall((verdict if rcpt.startswith(b"250") else b"554 nobody") + b"\r\n")

        threading.Thread(target=serve, daemon=True).start()
        return f"smtp://127.0.0.1:{listener.getsockname()[1]}", told

    yield start
    listener.close()


def test_failures_are_asked_for_and_come_back_under_the_attempt(extended: Callable[..., Any]) -> None:
    url, told = extended(b"250 ok", b"354 go")
    ours = sender(url, bounce_address="bounces+*@post.example")
    message = a_dispatch(Channel.EMAIL, attempt_id="41-f00d", to="alex+x@mail.example")
    assert isinstance(ours.send(message), Accepted)
    ours.close()
    mail, rcpt = told[1], told[2]
    assert re.fullmatch(
        rb"MAIL FROM:<bounces\+41-f00d@post.example> SIZE=\d+ RET=HDRS ENVID=41-f00d", mail
    ), mail
    assert rcpt == b"RCPT TO:<alex+x@mail.example> NOTIFY=FAILURE ORCPT=rfc822;alex+2Bx@mail.example"


@pytest.mark.parametrize("data", [b"354 go", b"503 5.5.1 no valid recipients"])
def test_all_at_once_and_nobody_there_sends_nothing(extended: Callable[..., Any], data: bytes) -> None:
    url, told = extended(b"550 5.1.1 no such user", data)
    ours = sender(url)
    outcome = ours.send(a_dispatch(Channel.EMAIL))
    ours.close()
    assert outcome == Undeliverable("mail server refused the recipient: 550 5.1.1", no_such_address=True)
    assert told[4:] == ([b"text of 0 lines"] if data.startswith(b"354") else []) + [b"rset", b"quit"]


# ------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", ("mail.example", 25, "", "")),
        ("smtp+starttls://u:p%3Aw@mail.example", ("mail.example", 587, "u", "p:w")),
        ("smtps://u%40x.example:p@mail.example:4650", ("mail.example", 4650, "u@x.example", "p")),
    ],
)
def test_smtp_urls(url: str, expected: tuple[str, int, str, str]) -> None:
    server = parse_smtp_url(url)
    assert (server.host, server.port, server.user, server.password) == expected


@pytest.mark.parametrize("url", ["", "http://u:secret@mail.example", "smtp://", "mail.example:25"])
def test_a_url_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="DESK_SMTP_URL") as refused:
        parse_smtp_url(url)
    assert "secret" not in str(refused.value)


def test_our_own_address_must_be_one() -> None:
    with pytest.raises(ValueError, match="DESK_MAIL_FROM"):
        SmtpEmailSender("smtp://mail.example", "nobody", CLOCK)
    with pytest.raises(ValueError, match="DESK_BOUNCE_ADDRESS"):
        SmtpEmailSender("smtp://mail.example", "a@b.example", CLOCK, bounce_address="bounces")
