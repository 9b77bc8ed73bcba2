"""Who gets a digest of which days, addresses that may be on the list, and when a failed one is tried again. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

from app.core.errors import Invalid
from app.outreach.outbox.dispatch import SendResult
from app.reporting.changes.rules import Compare


class DigestWay(StrEnum):
    """How a digest travels."""

    EMAIL = "email"
    """To a member of staff who is an active manager."""
    WEBHOOK = "webhook"


class DigestCadence(StrEnum):
    DAILY = "daily"
    """After every closed day."""
    WEEKLY = "weekly"
    """On Mondays: after a Sunday is closed."""
    MONTHLY = "monthly"
    """On the first of a month: after the month's last day is closed."""


class DigestStatus(StrEnum):
    DUE = "due"
    """To be sent, for the first time or again, at its next moment."""
    SENDING = "sending"
    """A worker has it until its lease ends."""
    SENT = "sent"
    FAILED = "failed"
    """Given up."""
    WITHHELD = "withheld"
    """Its recipient may not have it any more."""


CADENCE_LABELS = {
    DigestCadence.DAILY: "Every closed day",
    DigestCadence.WEEKLY: "Mondays",
    DigestCadence.MONTHLY: "First of the month",
}
COMPARED = {
    DigestCadence.DAILY: (Compare.YESTERDAY, Compare.WEEK),
    DigestCadence.WEEKLY: (Compare.WEEK, Compare.MONTH),
    DigestCadence.MONTHLY: (Compare.MONTH, Compare.WEEK),
}
"""The days with which a digest compares; the first one says what changed and why."""


def is_due(cadence: DigestCadence, on: date) -> bool:
    """Whether the closed day `on` has a digest; it leaves on the morning after."""
    morning = on + timedelta(days=1)
    if cadence is DigestCadence.WEEKLY:
        return morning.weekday() == 0
    return cadence is DigestCadence.DAILY or morning.day == 1


def due_day(cadence: DigestCadence, closed: Iterable[date]) -> date | None:
    """The latest of these closed days that has a digest. After several nights at once only the last one is news."""
    return max((on for on in closed if is_due(cadence, on)), default=None)


# --- trying again -------------------------------------------------------------------------------------------

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=2)
GIVEN_UP_AFTER = timedelta(hours=24)


def next_try(attempts: int, made_at: datetime, now: datetime) -> datetime | None:
    """When a digest that failed `attempts` times is tried again: after 1, 2, 4 ... minutes, at most two hours. None
    once it is a day old."""
    if now - made_at >= GIVEN_UP_AFTER:
        return None
    doublings = min(max(attempts, 1) - 1, 10)
    return now + min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


# --- addresses ----------------------------------------------------------------------------------------------

LONGEST_URL = 500


def check_url(url: str, *, private: bool) -> str:
    """The address of a webhook. Invalid where it is not https, holds credentials, or names a private machine.

    `private`: DESK_WEBHOOK_PRIVATE permits private machines, and http:// to this one. The name of a public machine may
    still lead to a private one: the adapter looks at the address that it is connected to.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Invalid(
            "This is not a web address. Write one such as https://example.com/hook.", "url"
        ) from None
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or not host:
        raise Invalid("This is not a web address. Write one such as https://example.com/hook.", "url")
    if parts.username or parts.password or parts.fragment:
        raise Invalid("Leave out a user name, a password and anything after #.", "url")
    if parts.scheme != "https" and not (parts.scheme == "http" and private and _is_loopback(host)):
        raise Invalid(
            "Write an address that begins with https://: a digest is never sent unencrypted.", "url"
        )
    if not private and is_private_name(host):
        raise Invalid(
            "This address is inside a private network. DESK_WEBHOOK_PRIVATE=true permits such addresses.",
            "url",
        )
    return url


def is_private_name(host: str) -> bool:
    """Whether a host, as it is written, is a machine of a private network."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return is_private(name)
    except ValueError:
        return False


def is_private(address: str) -> bool:
    """Whether an IP address is not one of the public internet. ValueError for no address."""
    found = ip_address(address.partition("%")[0])
    inner = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    return not found.is_global or found.is_multicast or (inner is not None and not inner.is_global)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


# --- the secret of a webhook --------------------------------------------------------------------------------


def webhook_secret(installation_secret: str, salt: str) -> str:
    """The secret of one endpoint as Standard Webhooks writes it. It is derived and never stored: who reads the
    database cannot sign."""
    key = hmac.new(installation_secret.encode(), f"digest webhook {salt}".encode(), hashlib.sha256).digest()
    return "whsec_" + base64.b64encode(key).decode()


def webhook_secrets(
    installation_secret: str, salt: str, old_salt: str, old_until: datetime | None, now: datetime
) -> list[str]:
    """The secrets that sign a webhook now: its own, and the one before while that is still valid."""
    salts = [salt, old_salt] if old_salt and old_until is not None and now < old_until else [salt]
    return [webhook_secret(installation_secret, each) for each in salts]


class OldSecret(StrEnum):
    """How long the secret that was replaced goes on signing beside the new one."""

    NOT_AT_ALL = "not_at_all"
    """It is known to others."""
    A_DAY = "a_day"
    A_WEEK = "a_week"


OLD_SECRET_DAYS = {OldSecret.NOT_AT_ALL: 0, OldSecret.A_DAY: 1, OldSecret.A_WEEK: 7}
OLD_SECRET_LABELS = {
    OldSecret.A_WEEK: "a week",
    OldSecret.A_DAY: "a day",
    OldSecret.NOT_AT_ALL: "not at all: others may know it",
}


class Hook(Protocol):
    """The adapter that posts to webhooks."""

    def post(self, url: str, identity: str, secrets: Sequence[str], body: bytes) -> SendResult:
        """POST JSON, signed with each secret as Standard Webhooks 1.0.0 describes. Must not raise for anything a
        network can do."""
        ...


@dataclass(frozen=True, slots=True)
class DigestPorts:
    """The ways by which digests leave."""

    email: Callable[..., SendResult]
    """`Sender.send` of the e-mail adapter."""
    hook: Hook
    pdf: Callable[..., bytes]
    """Typesets `as_pdf_data` of a digest as of its business date. ValueError where it cannot."""
    pages_url: str
    secret: str
    """DESK_SECRET_KEY, of which the secrets of webhooks are derived."""
