"""Outbox rules: the states of a message, attempts and their waits, the pace of a line, links to hide. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.casework.knowledge.rules import ASKS_FOR_NOTHING, Topic
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.policy.facts import Hold


class Destination(StrEnum):
    SMS = "sms"
    EMAIL = "email"
    POST = "post"
    LEGAL_DESK = "legal_desk"
    ADVISER = "adviser"
    """E-mail to a debt adviser who represents the customer; no contact with the customer."""
    ADVISER_POST = "adviser_post"
    """The same by letter, printed with the customers' letters of the day."""


TO_CUSTOMERS = (Destination.SMS, Destination.EMAIL, Destination.POST)
"""Destinations whose messages are contacts with the customer."""
TO_ADVISERS: Mapping[Channel, Destination] = {
    Channel.EMAIL: Destination.ADVISER,
    Channel.POST: Destination.ADVISER_POST,
}
"""The channels that reach an adviser, and the destination of each."""
PRINTED = (Destination.POST, Destination.ADVISER_POST)
"""Destinations whose messages are letters; a day's print batch has them all."""
BY_CHANNEL: Mapping[Destination, Channel] = {
    Destination.SMS: Channel.SMS,
    Destination.EMAIL: Channel.EMAIL,
    Destination.POST: Channel.POST,
    Destination.ADVISER: Channel.EMAIL,
    Destination.ADVISER_POST: Channel.POST,
}
"""The channel by which a message leaves; the legal desk has none."""


class Occasion(StrEnum):
    """Why a representative is written to: what became of an agreement that they made for the customer, or the case."""

    CONFIRMED = "confirmed"
    CHANGED = "changed"
    AHEAD = "ahead"
    """An instalment falls due in some days, and the customer is not reminded of it."""
    BROKEN = "broken"
    RESTORED = "restored"
    """It was found broken, and a payment that was made in time was posted later."""
    ENDED = "ended"
    """It was cancelled, or another one replaces it."""
    STATEMENT = "statement"
    """A person tells the attorney, or another who acts for the customer, what is past due."""
    ESTATE = "estate"
    """A person tells the executor what the estate owes."""
    ESTATE_ENQUIRY = "estate_enquiry"
    """A person asks at the last address who administers the estate."""


ABOUT_CASE = frozenset({Occasion.STATEMENT, Occasion.ESTATE, Occasion.ESTATE_ENQUIRY})
"""Occasions of letters about a case; the others are about an agreement."""


class PartyLetterStatus(StrEnum):
    """What became of a letter to a representative before it was a message of the outbox."""

    WRITTEN = "written"
    WAITS = "waits"
    """The gate names a later moment; it is asked again then."""
    REFUSED = "refused"
    NOT_WRITTEN = "not_written"
    """They must not be written to, or the words would be false."""


def unreachable(portfolio_code: str) -> str:
    """Error text for a portfolio that gives customers neither a telephone number nor an e-mail address."""
    return (
        f"Portfolio {portfolio_code} has no telephone number and no e-mail address for customers to answer to: no "
        f"letter leaves. Set one with: desk portfolio set {portfolio_code} contact-phone=..."
    )


ANSWER_LETTER = "sms_answer"
"""A customer's own SMS answered in free words."""


def purpose_of_answer(holds: Sequence[Hold]) -> Purpose:
    """The purpose under which the gate reviews an answer in free words. They may ask for money, so to a customer who
    disputes the debt they count as a reminder; to any other they are a confirmation."""
    return Purpose.REMINDER if any(hold.kind is HoldKind.DISPUTE for hold in holds) else Purpose.CONFIRMATION


KNOWLEDGE_LETTER = "knowledge_answer"
"""An article of the knowledge base, sent as the answer to a customer's own question."""
ANSWERS = (ANSWER_LETTER, KNOWLEDGE_LETTER)
"""Letters that answer a customer's own question."""


def purpose_of_article(topic: Topic, holds: Sequence[Hold]) -> Purpose:
    """The purpose under which the gate reviews an article that answers a customer's own question: one that tells them
    what they may do is a confirmation to anybody, any other as an answer in free words."""
    return Purpose.CONFIRMATION if topic in ASKS_FOR_NOTHING else purpose_of_answer(holds)


MOVED = "the customer's address has changed since it was written"
"""The reason of a message that is withheld and written to its reader's new address instead (`planning/fallback.py`)."""
OUTDATED = "a date of the agreement was changed since it was written"
"""The reason of a confirmation that is withheld and written again with the dates of now."""
CHANGED = "what it tells of the agreement has changed since it was written"
WRITTEN_AS_OF_NOW = (OUTDATED, CHANGED)
"""Reasons for which the letter of an agreement is written again by the same channel, with the figures of the moment."""
PARTY_MOVED = "the adviser's address has changed since it was written"
"""The reason of a letter to an adviser that is withheld and written to their new address instead."""
OWED_CHANGED = "what is owed has changed since it was written"
"""The reason of a statement to a representative that is withheld and written again with the figures of the moment."""
DUE_CHANGED = "what is missing of the instalment has changed since it was written"
"""The reason of a reminder to an adviser that is withheld and written again with what is still due."""
TO_ADVISERS_AGAIN = (PARTY_MOVED, DUE_CHANGED, OWED_CHANGED, CHANGED)
"""Reasons for which a letter to an adviser is written again by the same channel."""
NOT_WHOLE = "the payment for which it says that the agreement stands does not count any more"
"""The reason of a letter, to customer or adviser, that a break was taken back, which is withheld for good."""
REFUSED_AT_DELIVERY = "the gate refused it"
"""What the reason begins with of a message that the gate stopped as it was to leave."""
RESTATED = "what is past due is not what it says any more"
"""The reason of a notice, or a demand of costs, that is withheld and written again with the figures of the moment."""
WRITTEN_AGAIN = (MOVED, RESTATED, *WRITTEN_AS_OF_NOW)
TOO_OLD = "it waited too long to leave"
"""What the reason begins with of a message whose words are too old by now."""


class OutboxStatus(StrEnum):
    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    BOUNCED = "bounced"
    FAILED = "failed"
    WITHHELD = "withheld"
    UNKNOWN = "unknown"


PENDING = (OutboxStatus.QUEUED, OutboxStatus.CLAIMED, OutboxStatus.SENDING, OutboxStatus.UNKNOWN)
"""States of a message that may still reach its reader: it counts toward caps although nothing is known to be sent."""
LEFT = (OutboxStatus.SENT, OutboxStatus.DELIVERED)
"""States of a message that left and did not come back."""
MAY_HAVE_LEFT = (OutboxStatus.SENDING, OutboxStatus.SENT, OutboxStatus.DELIVERED, OutboxStatus.UNKNOWN)
"""States of a message that its reader has, or may have: what it says is taken back in writing."""


# A message that the provider says it took is `sent`, against our own belief: also where we had read its answer, or a
# person its list, as a no, and even while the message waits for its next attempt.
TRANSITIONS: Mapping[OutboxStatus, frozenset[OutboxStatus]] = {
    OutboxStatus.QUEUED: frozenset({OutboxStatus.CLAIMED, OutboxStatus.WITHHELD, OutboxStatus.SENT}),
    OutboxStatus.CLAIMED: frozenset(
        {OutboxStatus.SENDING, OutboxStatus.QUEUED, OutboxStatus.WITHHELD, OutboxStatus.SENT}
    ),
    OutboxStatus.SENDING: frozenset(
        {
            OutboxStatus.SENT,
            OutboxStatus.FAILED,
            OutboxStatus.UNKNOWN,
            OutboxStatus.QUEUED,
            OutboxStatus.UNDELIVERED,
        }
    ),
    OutboxStatus.SENT: frozenset({OutboxStatus.DELIVERED, OutboxStatus.UNDELIVERED, OutboxStatus.BOUNCED}),
    OutboxStatus.UNKNOWN: frozenset({OutboxStatus.SENT, OutboxStatus.FAILED}),
    OutboxStatus.DELIVERED: frozenset({OutboxStatus.BOUNCED}),
    OutboxStatus.UNDELIVERED: frozenset(),
    OutboxStatus.BOUNCED: frozenset(),
    OutboxStatus.FAILED: frozenset({OutboxStatus.SENT}),
    OutboxStatus.WITHHELD: frozenset(),
}


# --- attempts -------------------------------------------------------------------------------------------------


def write_attempt_id(message_id: int, token: str) -> str:
    """Write the id of an attempt to send a message. Reports of providers and bounces bring it back."""
    return f"{message_id}-{token}"


def message_of_attempt(attempt: str) -> int | None:
    """The id of the message that an attempt id names, as a stranger wrote it; None = it names none. The caller compares
    the whole attempt id with that of the message."""
    found = _ATTEMPT.match(attempt)
    return int(found[1]) if found else None


_ATTEMPT = re.compile(r"([0-9]{1,18})(?:-|$)")

MAX_ATTEMPTS = 8
LONGEST_WAIT = timedelta(hours=2)


def retry_wait(after_seconds: int, attempts: int) -> timedelta:
    """The wait after so many attempts: as long as the provider asked for, twice as long each time, up to two hours."""
    told = timedelta(seconds=after_seconds)
    return max(told, min(told * float(2 ** (attempts - 1)), LONGEST_WAIT))


# --- pace -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pace:
    """Pace of one of our numbers or servers: so many units a second (segments of SMS, e-mails)."""

    units_per_second: float
    units: Callable[[str], int] = lambda _text: 1
    """The units of a message's text."""

    def admit(self, caught_up_at: datetime, units: int, now: datetime) -> datetime | None:
        """The moment at which the sender has caught up if these units leave now; None = they may not. A sender may be
        BURST ahead of its rate: workers look every few seconds, and the provider spreads so few."""
        start = max(caught_up_at, now)
        if start - now >= BURST:
            return None
        return start + timedelta(seconds=units / self.units_per_second)


BURST = timedelta(seconds=10)


# --- links that open a customer's page ------------------------------------------------------------------------

LINK_GONE = "[personal link removed]"
_BEARER_LINK = re.compile(
    r"(?:https?://[^\s\"'<>]{0,300}?)?/u/[0-9]{1,18}\.[a-z]{3,5}\.[0-9]{1,18}w[0-9]{1,6}\.[0-9A-Za-z_-]{10,40}"
    r"(?:/[a-z]{1,20})?"
)


def redact_links(text: str) -> str:
    """Remove the link to the reader's own page: its holder can act in the reader's name."""
    return _BEARER_LINK.sub(LINK_GONE, text) if "/u/" in text else text
