"""Mail server: its address and credentials, and a connection to it."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Mail server that mail is handed over to, and the account there."""

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


def connect(server: SmtpServer, domain: str, timeout: float, tls: ssl.SSLContext) -> smtplib.SMTP:
    """Connect to the server, encrypted and logged in as its URL says; `domain` is ours, for the greeting."""
    smtp: smtplib.SMTP
    if server.scheme == "smtps":
        smtp = smtplib.SMTP_SSL(server.host, server.port, domain, timeout=timeout, context=tls)
    else:
        smtp = smtplib.SMTP(server.host, server.port, domain, timeout)
    try:
        if server.scheme == "smtp+starttls":
            smtp.starttls(context=tls)
        if server.user:
            smtp.login(server.user, server.password)
        smtp.ehlo_or_helo_if_needed()
    except BaseException:
        smtp.close()
        raise
    return smtp
