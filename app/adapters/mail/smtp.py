"""E-mail by SMTP (RFC 5321), over connections that are kept for the next message.

Until the server has the whole text nothing can have been sent; once it has, only its answer says so. An answer lost
in between is Uncertain and nothing here tries again.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parseaddr

import structlog

from app.adapters.mail.mime import ascii_address, compose
from app.adapters.mail.server import connect, parse_smtp_url
from app.core.clock import Clock
from app.core.errors import Invalid
from app.inbound.bounces.rules import Severity, severity
from app.outreach.outbox.dispatch import (
    Accepted,
    Attachment,
    Dispatch,
    Misconfigured,
    SendResult,
    TryLater,
    Uncertain,
    Undeliverable,
)

log = structlog.get_logger("desk.email")

TIMEOUT_SECONDS = 20.0
VERDICT_SECONDS = 120.0
"""Time to wait for the answer to a whole message, while the server looks for viruses in it. RFC 5321 (4.5.3.2.6)
wants ten minutes; a worker's claim does not last that long."""
CONNECTIONS = 10
"""At once. Postfix lets one client have 50 (smtpd_client_connection_count_limit); others take fewer."""
MESSAGES_A_CONNECTION = 100
IDLE_SECONDS = 20.0
"""After which a kept connection is not trusted any more: servers begin to hang up after 30 seconds."""


@dataclass(slots=True)
class _Connection:
    smtp: smtplib.SMTP
    sent: int = 0
    idle_since: float = 0.0
    broken: bool = False


class _Lost(Exception):
    """The connection broke before the text was handed over: certainly not sent."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause


class SmtpEmailSender:
    """Sends e-mails. Many threads may use it at once; each has a connection of its own while it sends."""

    def __init__(
        self,
        smtp_url: str,
        mail_from: str,
        clock: Clock,
        *,
        bounce_address: str = "",
        paper: Callable[[Dispatch], bytes] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        verdict_seconds: float = VERDICT_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`mail_from` is our own address, bare or as `Name <address>`; `bounce_address` where undeliverable mail goes
        back to ('' = the same), a `*` in it stands for the attempt (VERP). `paper` makes PDFs of letters that are
        enclosed. ValueError if an address or the URL is malformed.
        """
        self._server = parse_smtp_url(smtp_url)
        self._from = ascii_address(parseaddr(mail_from)[1])
        if not self._from:
            raise ValueError("DESK_MAIL_FROM is not an e-mail address")
        self._return_path = bounce_address or self._from
        if not ascii_address(self._return_path):
            raise ValueError("DESK_BOUNCE_ADDRESS is not an e-mail address")
        self._domain = self._from.rpartition("@")[2]
        self._clock = clock
        self._paper = paper
        self._timeout, self._verdict = timeout_seconds, verdict_seconds
        self._tls = tls or ssl.create_default_context()
        self._kept: list[_Connection] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(CONNECTIONS)

    def send(self, dispatch: Dispatch) -> SendResult:
        """Send one e-mail; Accepted with its Message-ID."""
        to = ascii_address(dispatch.to)
        if not to:
            return Undeliverable("not an e-mail address we can send to")
        try:
            content = self._compose(dispatch, to)
        except ValueError as problem:
            return Undeliverable(f"not a message that can be sent ({type(problem).__name__})")
        if not self._places.acquire(timeout=self._timeout):
            return TryLater("every connection to the mail server is busy", after_seconds=60)
        try:
            return self._send(dispatch.attempt_id, to, content)
        finally:
            self._places.release()

    def close(self) -> None:
        """Say goodbye on every connection that is kept."""
        with self._lock:
            kept, self._kept = self._kept, []
        for connection in kept:
            _leave(connection.smtp)

    # ------------------------------------------------------------------------------------------ the conversation

    def _send(self, attempt_id: str, to: str, content: bytes) -> SendResult:
        kept = self._take_kept()
        if kept is not None:
            try:
                with self._using(kept) as connection:
                    return self._transmit(connection, attempt_id, to, content)
            except _Lost:
                pass  # the server had hung up on a connection that we kept: a new one will do
        try:
            with self._using(
                _Connection(connect(self._server, self._domain, self._timeout, self._tls))
            ) as connection:
                return self._transmit(connection, attempt_id, to, content)
        except _Lost as lost:
            return _outcome_before_sending(lost.cause)
        except (smtplib.SMTPException, OSError) as failure:
            return _outcome_before_sending(failure)

    def _take_kept(self) -> _Connection | None:
        """Take the connection that was used last, so that superfluous ones grow old."""
        stale: list[_Connection] = []
        with self._lock:
            found = self._kept.pop() if self._kept else None
            if found is not None and time.monotonic() - found.idle_since > IDLE_SECONDS:
                stale, self._kept = [found, *self._kept], []
                found = None
        for connection in stale:
            connection.smtp.close()
        return found

    @contextmanager
    def _using(self, connection: _Connection) -> Iterator[_Connection]:
        """Use the connection, and keep it for the next message if this one leaves it in order."""
        finished = False
        try:
            yield connection
            finished = True
        finally:
            connection.sent += 1
            if not finished or connection.broken:
                connection.smtp.close()
            elif connection.sent >= MESSAGES_A_CONNECTION:
                _leave(connection.smtp)
            else:
                connection.idle_since = time.monotonic()
                with self._lock:
                    self._kept.append(connection)

    def _transmit(self, connection: _Connection, attempt_id: str, to: str, content: bytes) -> SendResult:
        """Hand one message over. _Lost if the connection broke before anything of its text was."""
        smtp = connection.smtp
        try:
            refusal = self._announce(smtp, attempt_id, to, len(content))
        except (smtplib.SMTPException, OSError) as failure:
            raise _Lost(failure) from failure
        if refusal is not None:
            code, text, of = refusal
            if code == 421 and connection.sent:
                raise _Lost(smtplib.SMTPServerDisconnected("the server ended a kept connection"))
            connection.broken = not _start_over(smtp, code)
            return _refused(code, text, of=of, address=to)
        try:
            assert smtp.sock is not None
            smtp.sock.settimeout(self._verdict)
            smtp.send(content)
            code, text = smtp.getreply()
            smtp.sock.settimeout(self._timeout)
        except (smtplib.SMTPException, OSError) as failure:
            connection.broken = True
            return Uncertain(f"connection lost while handing over the message ({type(failure).__name__})")
        if code != 250:
            connection.broken = not _start_over(smtp, code)
            return _refused(code, text, of="message")
        return Accepted(self.message_id(attempt_id))

    def _announce(
        self, smtp: smtplib.SMTP, attempt_id: str, to: str, size: int
    ) -> tuple[int, bytes, str] | None:
        """MAIL, RCPT and DATA, in one go where the server takes it so (RFC 2920). Returns its refusal, or None: it
        waits for the text."""
        mail, rcpt = f"MAIL FROM:<{self._return_path.replace('*', attempt_id)}>", f"RCPT TO:<{to}>"
        if smtp.has_extn("size"):
            mail += f" SIZE={size}"
        if smtp.has_extn("dsn"):  # RFC 3461: tell us of failures, and with which of our attempts
            mail += f" RET=HDRS ENVID={attempt_id}"
            rcpt += f" NOTIFY=FAILURE ORCPT=rfc822;{re.sub('[+=]', lambda c: f'+{ord(c[0]):X}', to)}"
        commands = ((mail, "sender", (250,)), (rcpt, "recipient", (250, 251)), ("DATA", "message", (354,)))
        at_once = smtp.has_extn("pipelining")
        if at_once:
            smtp.send("".join(f"{command}\r\n" for command, _, _ in commands))
        refusal: tuple[int, bytes, str] | None = None
        for command, of, welcome in commands:
            if not at_once:
                smtp.putcmd(command)
            code, text = smtp.getreply()
            if refusal is None and code not in welcome:
                refusal = code, text, of
                if not at_once or code == 421:
                    break
            elif refusal is not None and code == 354:
                smtp.send(".\r\n")  # it wants a text all the same: an empty one, to no address
                smtp.getreply()
        return refusal

    # ----------------------------------------------------------------------------------------------- the message

    def message_id(self, attempt_id: str) -> str:
        """One attempt, one Message-ID: a message that comes back tells which it was, and a stranger cannot guess it."""
        return f"<{attempt_id}@{self._domain}>"

    def _compose(self, dispatch: Dispatch, to: str) -> bytes:
        """The text as it is transmitted: points at the beginning of lines doubled, a line with one point at the end."""
        if not re.fullmatch(r"[\w\-]{1,40}", dispatch.attempt_id, re.ASCII):
            raise ValueError("the attempt's id is none")
        if not re.fullmatch(r"[A-Za-z0-9\-]{0,20}", dispatch.language):
            raise ValueError("not a language tag")
        extra = {
            "Content-Language": dispatch.language,
            "Auto-Submitted": "auto-generated",  # RFC 3834: no machine shall answer
            "X-Auto-Response-Suppress": "All",  # the same in Exchange's words
        }
        if dispatch.unsubscribe_url:  # RFC 8058
            extra["List-Unsubscribe"] = f"<{_plain_url(dispatch.unsubscribe_url)}>"
            extra["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        content = compose(
            sender=(dispatch.sender_name, self._from),
            recipient=(dispatch.recipient_name, to),
            reply_to=ascii_address(str(dispatch.context.get("contact_email", ""))),
            subject=dispatch.subject,
            message_id=self.message_id(dispatch.attempt_id),
            date=self._clock.now(),
            extra=extra,
            text=dispatch.text,
            html=dispatch.html,
            attachments=(*dispatch.attachments, *self._enclosed(dispatch)),
            boundary=dispatch.attempt_id,
        )
        return content.replace(b"\r\n.", b"\r\n..") + b".\r\n"

    def _enclosed(self, dispatch: Dispatch) -> Iterator[Attachment]:
        """The enclosed letter as PDF. What it says stands in the e-mail too: a name that no font can print does not
        keep the e-mail back."""
        if dispatch.enclosed is None or self._paper is None:
            return
        try:
            pdf = self._paper(dispatch.enclosed)
        except Invalid as problem:
            log.warning("letter_not_enclosed", key=dispatch.key, reason=str(problem))
            return
        name = f"{dispatch.letter.replace('_', '-')}-{dispatch.reference}.pdf"
        yield Attachment(name, "application/pdf", pdf)


def _plain_url(url: str) -> str:
    if not re.fullmatch(r"https?://[!-;=?-~]{1,900}", url):
        raise ValueError("unsubscribe URL is not a plain http(s) URL")
    return url


# ---------------------------------------------------------------------------------------------- what answers mean

NOT_AUTHENTICATED = re.compile(r"5\.7\.(?:2[0-7]|8|9)")
"""Refusals for us to mend (RFC 7372, 4954): DKIM, SPF or DMARC fails for our domain, or our login does."""


def _refused(code: int, text: bytes | str, *, of: str, address: str = "") -> SendResult:
    """Read a refusal, or a code that belongs nowhere. Its text is not kept: servers repeat the address in it."""
    words = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    found = re.match(r"[245]\.\d{1,3}\.\d{1,3}", words)
    enhanced = found.group() if found else ""
    reason = f"mail server refused the {of}: {code}{' ' + enhanced if enhanced else ''}"
    if 400 <= code < 500:
        return TryLater(reason)
    relaying = re.search(r"\brelay(ing)?\b", words.replace(address, "") if address else words, re.IGNORECASE)
    ours = code in (530, 534, 535, 538) or NOT_AUTHENTICATED.fullmatch(enhanced)
    if of == "sender" or ours or (of == "recipient" and relaying):
        return Misconfigured(reason)
    if 500 <= code < 600:
        gone = of == "recipient" and severity(enhanced, words) is Severity.HARD
        return Undeliverable(reason, no_such_address=gone)
    return Uncertain(reason) if of == "message" else TryLater(reason)


def _outcome_before_sending(failure: Exception) -> SendResult:
    """Result of a failure before the text was handed over: certainly not sent."""
    name = type(failure).__name__
    if isinstance(failure, smtplib.SMTPResponseException):
        reason = f"mail server refused us: {failure.smtp_code} ({name})"
        return TryLater(reason) if 400 <= failure.smtp_code < 500 else Misconfigured(reason)
    if isinstance(failure, smtplib.SMTPNotSupportedError):
        return Misconfigured("mail server offers no STARTTLS or no login we know")
    if isinstance(failure, ssl.SSLCertVerificationError):
        return Misconfigured("mail server's certificate cannot be verified")
    if type(failure) is smtplib.SMTPException:  # what login() raises when no method is shared
        return Misconfigured("mail server offers no login method we know")
    return TryLater(f"no connection to the mail server ({name})")


def _start_over(smtp: smtplib.SMTP, code: int) -> bool:
    """Reset the connection after a refusal. True if it can take another message. 421 is a goodbye."""
    if not 400 <= code < 600 or code == 421:
        return False
    try:
        return smtp.rset()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _leave(smtp: smtplib.SMTP) -> None:
    """Say goodbye, ignoring failures: they do not change what happened to the message."""
    with contextlib.suppress(smtplib.SMTPException, OSError):
        smtp.quit()
    smtp.close()
