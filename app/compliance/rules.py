"""The gate: may this contact be made now, and if not, every reason why. Pure and total.

`review` never stops at the first objection: a person who asks "why not?" gets all of it, each reason with
the rule's id, its citation and the figures it used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.timeline.rules import Channel


class Collector(StrEnum):
    FIRST_PARTY = "first_party"
    THIRD_PARTY = "third_party"


class Purpose(StrEnum):
    """Why the contact is made; holds and waits stop some purposes and let others pass."""

    REMINDER = "reminder"
    CONFIRMATION = "confirmation"
    """Answers something the cardholder agreed to (a promise, a plan)."""
    NOTICE = "notice"
    """A notice the law demands; passes where a reminder may not, if the rule says so."""


class HoldKind(StrEnum):
    DISPUTE = "dispute"
    HARDSHIP = "hardship"
    COMPLAINT = "complaint"
    BANKRUPTCY = "bankruptcy"
    DECEASED = "deceased"
    ATTORNEY = "attorney"
    CEASE_CONTACT = "cease_contact"
    MILITARY = "military"
    BREATHING_SPACE = "breathing_space"
    FRAUD = "fraud"
    VULNERABLE = "vulnerable"
    MANUAL = "manual"


class ContactResult(StrEnum):
    """How far a past contact got. Each includes the ones before it: an answered call was also placed."""

    ATTEMPTED = "attempted"
    PLACED = "placed"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact somebody or something wants to make."""

    channel: Channel
    purpose: Purpose
    address: str
    """E.164 number, e-mail address or postal address; '' when the customer has none for this channel."""


@dataclass(frozen=True, slots=True)
class PastContact:
    """A contact already made, or reserved in the outbox; what caps count."""

    at: datetime
    channel: Channel
    result: ContactResult
    address: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    kind: HoldKind
    started_at: datetime
    until: datetime | None
    """When it ends or comes up for review; None = open."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about the customer when the question is asked."""

    timezones: tuple[str, ...]
    """IANA zones the customer may be in; all of them must permit. Empty = unknown, refused."""
    consent: Mapping[Channel, bool] = field(default_factory=dict)
    """True = consented, False = opted out, absent = never asked."""
    opted_out_at: Mapping[Channel, datetime] = field(default_factory=dict)
    holds: tuple[Hold, ...] = ()
    history: tuple[PastContact, ...] = ()
    """Past contacts, oldest first, reaching back at least as far as the pack's longest window."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One objection. `until` is the first instant at which it lapses by itself; None = it does not."""

    rule: str
    citation: str
    detail: str
    force: str
    verified: bool
    until: datetime | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clearance:
    """Permission to make exactly this contact within [not_before, not_after). The outbox takes nothing else."""

    contact: Contact
    not_before: datetime
    not_after: datetime
    pack: str
    """`code@version` of the pack that was asked."""


@dataclass(frozen=True, slots=True)
class WaitUntil:
    at: datetime
    reasons: tuple[Reason, ...]
    pack: str


@dataclass(frozen=True, slots=True)
class Refusals:
    reasons: tuple[Reason, ...]
    pack: str


Answer = Clearance | WaitUntil | Refusals
