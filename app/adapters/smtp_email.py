"""E-mail by SMTP (RFC 5321), one connection a message.

Until the server has the whole text nothing can have been sent; once it has, only its answer says so. An answer lost
in between is Uncertain and nothing here tries again.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import smtplib
import ssl
from dataclasses import dataclass
from email import policy
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from app.clock import Clock
from app.outreach.rules import Accepted, Dispatch, Misconfigured, Outcome, TryLater, Uncertain, Undeliverable

TIMEOUT_SECONDS = 20.0
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_POLICY = policy.SMTP.clone(cte_type="7bit")
"""7 bits only: no server on the way has to know 8BITMIME, and none re-encodes what a signature covers."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    scheme: str
    host: str
    port: int
    user: str
    password: str


def parse_smtp_url(url: str) -> SmtpServer:
    """`smtp://`, `smtp+starttls://` or `smtps://`, then `[user:password@]host[:port]`; percent-encoded credentials.

    Raises ValueError without repeating the URL, which holds the password.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("DESK_SMTP_URL must be smtp://, smtp+starttls:// or smtps:// and name a host")
    return SmtpServer(
        scheme=parts.scheme,
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


class SmtpEmailSender:
    def __init__(
        self,
        smtp_url: str,
        mail_from: str,
        clock: Clock,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`mail_from` is our own address, bare or as `Name <address>`. ValueError if it or the URL is malformed."""
        self._server = parse_smtp_url(smtp_url)
        address = parseaddr(mail_from)[1]
        if address.count("@") != 1 or not _plain_address(address):
            raise ValueError("DESK_MAIL_FROM is not an e-mail address")
        self._from = address
        self._domain = address.rpartition("@")[2]
        self._clock = clock
        self._timeout = timeout_seconds
        self._tls = tls or ssl.create_default_context()

    def send(self, dispatch: Dispatch) -> Outcome:
        """Accepted with the Message-ID, which is the same for every attempt of one message."""
        if not _plain_address(dispatch.to):
            return Undeliverable("not an e-mail address we can send to")
        try:
            content = self._compose(dispatch)
        except (ValueError, HeaderParseError) as problem:
            return Undeliverable(f"not a message that can be sent ({type(problem).__name__})")
        try:
            smtp = self._connect()
        except (smtplib.SMTPException, OSError) as failure:
            return _outcome_before_sending(failure)
        try:
            return self._transmit(smtp, dispatch, content)
        finally:
            _leave(smtp)

    # ------------------------------------------------------------------------------------------ the conversation

    def _connect(self) -> smtplib.SMTP:
        """Connected, encrypted and logged in, as the URL says."""
        server, us, timeout = self._server, self._domain, self._timeout
        smtp: smtplib.SMTP
        if server.scheme == "smtps":
            smtp = smtplib.SMTP_SSL(server.host, server.port, us, timeout=timeout, context=self._tls)
        else:
            smtp = smtplib.SMTP(server.host, server.port, us, timeout)
        try:
            if server.scheme == "smtp+starttls":
                smtp.starttls(context=self._tls)
            if server.user:
                smtp.login(server.user, server.password)
            smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _transmit(self, smtp: smtplib.SMTP, dispatch: Dispatch, content: bytes) -> Outcome:
        try:
            code, text = smtp.mail(self._from)
            if code != 250:
                return _refused(code, text, of="sender")
            code, text = smtp.rcpt(dispatch.to)
            if code not in (250, 251):
                return _refused(code, text, of="recipient", address=dispatch.to)
        except (smtplib.SMTPException, OSError) as failure:
            return _outcome_before_sending(failure)
        try:
            code, text = smtp.data(content)
        except smtplib.SMTPDataError as refusal:  # it did not want the text, and has none of it
            return _refused(refusal.smtp_code, refusal.smtp_error, of="message")
        except (smtplib.SMTPException, OSError) as failure:
            return Uncertain(f"connection lost while handing over the message ({type(failure).__name__})")
        if code != 250:
            return _refused(code, text, of="message")
        return Accepted(self.message_id(dispatch.key))

    # ----------------------------------------------------------------------------------------------- the message

    def message_id(self, key: str) -> str:
        """Fixed by the outbox key: should a message ever arrive twice, mail systems can see that it is the same."""
        return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{self._domain}>"

    def _compose(self, dispatch: Dispatch) -> bytes:
        message = EmailMessage(policy=_POLICY)
        message["Subject"] = _one_line(dispatch.subject)
        message["From"] = Address(_one_line(dispatch.sender_name), addr_spec=self._from)
        message["To"] = Address(_one_line(dispatch.recipient_name), addr_spec=dispatch.to)
        reply_to = str(dispatch.context.get("contact_email", ""))
        if _plain_address(reply_to):
            message["Reply-To"] = Address(addr_spec=reply_to)
        message["Date"] = self._clock.now()
        message["Message-ID"] = self.message_id(dispatch.key)
        message["Content-Language"] = dispatch.language
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(dispatch.text)
        if dispatch.html:
            message.add_alternative(dispatch.html, subtype="html")
        return _unsubscribe_headers(dispatch.unsubscribe_url) + message.as_bytes()


def _unsubscribe_headers(url: str) -> bytes:
    """RFC 8058 one-click unsubscribe. Written by hand: the email package breaks a long URL into encoded words."""
    if not url:
        return b""
    if not re.fullmatch(r"https?://[!-;=?-~]{1,900}", url):
        raise ValueError("unsubscribe URL is not a plain http(s) URL")
    return f"List-Unsubscribe: <{url}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n".encode(
        "ascii"
    )


def _plain_address(address: str) -> bool:
    """ASCII, one @, nothing that could end a command or a header; what the mailbox rules are beyond is theirs."""
    return re.fullmatch(r"[!-;=?A-Z\[-~]+@[A-Za-z0-9.\-]+", address) is not None


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


# ---------------------------------------------------------------------------------------------- what answers mean


def _refused(code: int, text: bytes | str, *, of: str, address: str = "") -> Outcome:
    """A reply that says no (or a code that belongs nowhere). Its text is not kept: servers repeat the address in it."""
    words = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    enhanced = re.match(r"[245]\.\d{1,3}\.\d{1,3}", words)
    reason = f"mail server refused the {of}: {code}{' ' + enhanced.group() if enhanced else ''}"
    if 400 <= code < 500:
        return TryLater(reason)
    relaying = re.search(r"\brelay(ing)?\b", words.replace(address, "") if address else words, re.IGNORECASE)
    if of == "sender" or code in (530, 534, 535, 538) or (of == "recipient" and relaying):
        return Misconfigured(reason)
    if 500 <= code < 600:
        return Undeliverable(reason)
    return Uncertain(reason) if of == "message" else TryLater(reason)


def _outcome_before_sending(failure: Exception) -> Outcome:
    """Something broke before the text was handed over: certainly not sent."""
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


def _leave(smtp: smtplib.SMTP) -> None:
    """Say goodbye if anybody listens; whatever happens now does not change what happened to the message."""
    with contextlib.suppress(smtplib.SMTPException, OSError):
        smtp.quit()
    smtp.close()
