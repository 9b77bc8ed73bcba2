"""Bounces and complaints about our e-mail, and the meaning of each for the address. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol


class Severity(StrEnum):
    """Severity of a delivery failure: how lasting it is."""

    HARD = "hard"
    """There is no such mailbox, or it is closed for good."""
    SOFT = "soft"
    """This message did not arrive; another may: a full mailbox, a server out of reach for days."""
    POLICY = "policy"
    """The other side does not want this message, or mail from us; that says nothing about the address."""


class NoticeKind(StrEnum):
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    """The reader pressed "this is spam" (RFC 5965)."""
    PASSING = "passing"
    """Nothing to do: a message that is only late, a receipt, an automatic reply."""
    OTHER = "other"
    """Something a person wrote, or what we do not understand."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message of the bounce mailbox, as far as it was understood."""

    kind: NoticeKind
    severity: Severity | None = None
    """Of a bounce."""
    status: str = ""
    """Enhanced status code (RFC 3463), as `5.1.1`; '' = none was told."""
    recipients: tuple[str, ...] = ()
    """Addresses it names as failed or complaining, in lower case."""
    attempts: tuple[str, ...] = ()
    """Possible ids of our attempts, the surest first."""


class Postbox(Protocol):
    """The mailbox for bounces."""

    def open(self) -> AbstractContextManager[OpenPostbox]: ...


class OpenPostbox(Protocol):
    def messages(self) -> Iterator[tuple[str, bytes]]:
        """(handle, content) of the messages in the mailbox, the oldest first."""
        ...

    def remove(self, handle: str) -> None:
        """Remove a message that is on record."""
        ...


class PostboxFailed(Exception):
    """The mailbox cannot be read now; the message says why, without addresses or passwords."""


SOFT_LIMIT = 3
SOFT_WITHIN = timedelta(days=30)
"""So many messages that did not arrive, within this time, close an address. Mailman closes one after 5 days with
failures; no customer gets that many messages from us."""

GONE = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""No such mailbox or domain, no address at all, moved without a trace, disabled (RFC 3463); takes no mail (7505)."""
OURS = frozenset({"5.1.7", "5.1.8", "5.6.0", "5.3.4", "5.2.3"})
"""About the sender's address, or the content and size of the message."""
GENERAL = frozenset({"", "5.0.0", "5.1.0", "5.4.1", "5.5.0"})
"""Say little; Exchange has 5.4.1 for a recipient it does not know."""
_UNKNOWN = re.compile(
    r"no such (?:user|mailbox|recipient|address|person|account)|user unknown|unknown (?:user|mailbox|recipient|account)"
    r"|(?:user|mailbox|recipient|address|account)\b[^.\n]{0,60}?"
    r"(?:not found|does ?n.t exist|does not exist|unknown|is disabled|is inactive|has been disabled|no longer exists)"
    r"|unrouteable address|no mailbox here by that name|invalid (?:mailbox|recipient)",
    re.IGNORECASE,
)


_BUSY = re.compile(
    r"(?:mailbox|account|user|recipient)\b[^.\n]{0,40}?\b"
    r"(?:busy|locked|full|over ?quota|temporarily|too (?:quickly|many))"
    r"|(?:over|exceed\w*|out of) (?:\w+ ){0,3}(?:quota|storage)|quota (?:is )?exceeded|try again later|grey ?list",
    re.IGNORECASE,
)
_FOR_NOW = re.compile(r"(?<![\d.])(?:4\d\d(?=[\s-])|4\.\d{1,3}\.\d{1,3}(?![\d.]))")
_FOR_GOOD = re.compile(r"(?<![\d.])5\d\d(?=[\s-])")
BUSY = "4.2."
"""Beginning of the enhanced status of a mailbox that is there and takes nothing now (RFC 3463)."""


def told(status: str, words: str) -> tuple[Severity, str]:
    """Severity of a failure with this enhanced status ('' = none told) and the server's words, and the status that it
    comes to: mail servers that gave up after days report 5.0.0 beside the 450 that they heard.

    Where the code is a general one the words decide; a doubt is SOFT, because closing an address that works loses
    a customer."""
    if not status.startswith("4.") and is_busy(words):
        found = re.search(r"(?<![\d.])4\.2\.\d{1,3}", words)
        return Severity.SOFT, status if status == "5.2.2" else (found.group() if found else f"{BUSY}0")
    return severity(status, words), status


def is_busy(words: str) -> bool:
    """The mailbox is there: locked, in use, full, or the server only wants to be asked later."""
    return bool(_BUSY.search(words) or (_FOR_NOW.search(words) and not _FOR_GOOD.search(words)))


def severity(status: str, words: str) -> Severity:
    """The severity of a failure with this enhanced status ('' = none told) and the server's words.

    Where the code is a general one the words decide; a doubt is SOFT, because closing an address that works loses
    a customer."""
    if status in GONE or (status in GENERAL and _UNKNOWN.search(words)):
        return Severity.HARD
    if status in OURS or status.startswith("5.7."):
        return Severity.POLICY
    return Severity.SOFT
