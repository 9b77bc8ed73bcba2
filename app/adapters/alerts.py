"""Messengers of alerts: e-mail over SMTP, and a webhook signed as Standard Webhooks 1.0.0 describes."""

from __future__ import annotations

import json
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

import httpx2

from app.adapters.mail.server import connect, parse_smtp_url
from app.adapters.webhooks import key_of, signed_headers
from app.core.clock import Clock
from app.core.text import counted
from app.operations.alerts.rules import ALERT_ADVICE, AlertNews

TIMEOUT_SECONDS = 15.0


class MailMessenger:
    """E-mails alerts to the people who look after the installation; plain text, no customer's data."""

    name = "email"

    def __init__(
        self, smtp_url: str, mail_from: str, to: tuple[str, ...], pages_url: str, clock: Clock
    ) -> None:
        self._server = parse_smtp_url(smtp_url)
        self._from, self._to, self._pages, self._clock = mail_from, to, pages_url, clock
        self._domain = mail_from.rpartition("@")[2].strip(">") or "localhost"

    def tell(self, news: AlertNews) -> None:
        message = EmailMessage()
        message["Subject"] = f"Arrears Desk: {news.title}"
        message["From"], message["To"] = self._from, ", ".join(self._to)
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = make_msgid(domain=self._domain)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._text(news))
        with connect(self._server, self._domain, TIMEOUT_SECONDS, ssl.create_default_context()) as smtp:
            smtp.send_message(message)

    def _text(self, news: AlertNews) -> str:
        ended = f"Over since {news.ended_at:%Y-%m-%d %H:%M} UTC.\n" if news.ended_at else ""
        advice = "" if news.ended_at else f"\n{ALERT_ADVICE[news.kind]}\n"
        return (
            f"{news.title}.\n{ended}\n{news.detail}\n{advice}\n"
            f"First seen {news.first_at:%Y-%m-%d %H:%M} UTC, last {news.last_at:%Y-%m-%d %H:%M} UTC, "
            f"{counted(news.times, 'time')}.\nAll alerts: {self._pages}/alerts\n"
        )


class WebhookMessenger:
    """POSTs JSON to an address, with `webhook-id`, `webhook-timestamp` and `webhook-signature` (HMAC-SHA256).

    Follows no redirect; any answer but 2xx is an error, so that the news is sent again under the same id.
    """

    name = "webhook"

    def __init__(self, url: str, secret: str, clock: Clock) -> None:
        """`secret` as `whsec_` and base64, or any text."""
        self._url, self._clock, self._key = url, clock, key_of(secret)

    def tell(self, news: AlertNews) -> None:
        body = json.dumps(
            {
                "type": f"alert.{news.about.value}",
                "timestamp": news.last_at.isoformat(),
                "data": {
                    "alert": news.alert_id,
                    "kind": news.kind.value,
                    "subject": news.subject,
                    "title": news.title,
                    "detail": news.detail,
                    "times": news.times,
                    "first_at": news.first_at.isoformat(),
                    "ended_at": news.ended_at.isoformat() if news.ended_at else None,
                },
            }
        ).encode()
        identity = f"alert-{news.alert_id}-{news.about.value}-{news.times}"
        headers = signed_headers([self._key], identity, str(int(self._clock.now().timestamp())), body)
        with (
            httpx2.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client,
            client.stream("POST", self._url, content=body, headers=headers) as answer,
        ):
            if not answer.is_success:
                raise ConnectionError(f"the webhook answered {answer.status_code}")
