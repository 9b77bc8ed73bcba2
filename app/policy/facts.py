"""The facts of a review: the contact that is planned, and what is known about the customer. Pure.

A contact is a message, a letter or a call. Decisions on record keep these facts as JSON, so a field is never renamed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise

from app.core.vocabulary import Channel, HoldKind, Purpose


class ContactResult(StrEnum):
    """Result of a past contact. Each includes the ones before it: an answered call was also placed."""

    ATTEMPTED = "attempted"
    PLACED = "placed"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact that a person or a strategy wants to make."""

    channel: Channel
    purpose: Purpose
    address: str
    """E.164 number, e-mail address or postal address; '' when the customer has none for this channel."""
    letter: str = ""
    """The letter or script to be used; '' = none chosen yet, and rules about certain letters are not asked."""
    blocks: tuple[str, ...] | None = None
    """Standard blocks that its words carry, sorted; None = nothing is worded yet, and content is not asked."""
    language: str = ""
    """Of the words, as a tag such as `en`; '' = not known yet."""
    account: str = ""
    """The one debt it is about; '' = all the customer's debts."""
    flaw: str = ""
    """Reason why the letter's words would be false or incomplete for this customer, as a sentence; '' = no flaw is
    known."""


@dataclass(frozen=True, slots=True)
class PastContact:
    """A contact already made, or reserved in the outbox; caps count these."""

    at: datetime
    channel: Channel
    result: ContactResult
    address: str = ""
    account: str = ""
    """The one debt it was about; '' = all debts, or not written down, which counts for each."""
    inbound: bool = False
    """The customer called us: no attempt of ours, so no cap counts it; a conversation all the same, which gaps count
    (12 CFR 1006.14(b)(2)(i)(B) looks at a telephone conversation, whoever began it)."""
    asked_for: datetime | None = None
    """Time at which the customer asked, in this conversation, to be called."""


def last_conversation(history: Sequence[PastContact]) -> PastContact | None:
    """The last call in which the customer spoke with us. `history`: oldest first."""
    return next(
        (
            past
            for past in reversed(history)
            if past.channel is Channel.CALL and past.result is ContactResult.ANSWERED
        ),
        None,
    )


def call_asked_for(history: Sequence[PastContact], callback_at: datetime | None) -> datetime | None:
    """The time at which the customer asked, in the last conversation, to be called, while a callback stands. A callback
    that another person arranged, or the desk's own next attempt, is no wish of theirs. `history`: oldest first."""
    spoke = last_conversation(history)
    return spoke.asked_for if spoke is not None and callback_at is not None else None


@dataclass(frozen=True, slots=True)
class Notice:
    """A letter that was sent, on which later steps may have to wait."""

    letter: str
    at: datetime
    answer_by: date | None = None
    """Last day that the letter leaves the customer, as it was printed; None = it names none, or it is not known."""


class PreferenceKind(StrEnum):
    """The kinds of preference that a customer tells about being contacted."""

    TIME = "inconvenient_time"
    PLACE = "inconvenient_place"
    WORKPLACE = "workplace"
    """A number or address at work, known or forbidden by the employer."""
    TIMEZONE = "timezone"
    """Time zone in which they say they live; goes into `Facts.timezones`."""


@dataclass(frozen=True, slots=True)
class Preference:
    """Time when they do not want contact the customer, or an address that must not be used."""

    kind: PreferenceKind
    channels: tuple[Channel, ...] = ()
    """Empty = every channel."""
    weekdays: tuple[int, ...] = ()
    """Monday is 0; empty = every day."""
    start: int = 0
    end: int = 1440
    """An inconvenient time: minutes after local midnight, `end` exclusive."""
    address: str = ""
    """An inconvenient place or workplace: the number or address as it is on file; '' = every one of its channels."""
    until: datetime | None = None
    """Time at which it lapses; None = it stands."""


class Suppression(StrEnum):
    """Reasons why nothing more is sent to an address."""

    BOUNCED = "bounced"
    """It does not exist, or is closed for good."""
    KEEPS_BOUNCING = "keeps_bouncing"
    COMPLAINT = "complaint"
    """The reader reported a message of ours as spam."""
    REFUSED = "refused"
    """The provider would not even take a message for it."""
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold that is open, as far as rules look at it."""

    kind: HoldKind
    started_at: datetime
    until: datetime | None
    """Time at which it ends by itself; None = only a person ends it."""
    review_on: date | None = None
    """For a hold that only a person ends: the day on which a person looks at it again."""


@dataclass(frozen=True, slots=True)
class KeptAgreement:
    """An agreement on payments that the customer keeps: not broken, not paid, not cancelled."""

    kind: str
    """As `PlanKind` spells it."""
    reference: str
    """Such as `P-000003`."""
    since: date


@dataclass(frozen=True, slots=True)
class Representation:
    """A third party who speaks for the customer, may be told everything, and has an address that is open."""

    kind: str
    """As `PartyKind` spells it."""
    since: datetime
    until: datetime | None = None
    """Time at which the authority lapses; None = it stands until it is withdrawn."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known about the customer at the moment of the review."""

    timezones: tuple[str, ...]
    """IANA zones the customer may be in; all of them must permit. Empty = unknown, refused."""
    consent: Mapping[Channel, bool] = field(default_factory=dict)
    """True = consented, False = opted out, absent = never asked."""
    opted_out_at: Mapping[Channel, datetime] = field(default_factory=dict)
    electronic_notices: frozenset[Channel] = frozenset()
    """Channels by which they agreed to get notices that the law wants in writing."""
    suppressed_since: Mapping[Channel, datetime] = field(default_factory=dict)
    """Channels whose address on file is on the suppression list."""
    holds: tuple[Hold, ...] = ()
    history: tuple[PastContact, ...] = ()
    """Past contacts, oldest first, reaching back at least as far as the pack's longest window."""
    preferences: tuple[Preference, ...] = ()
    notices: tuple[Notice, ...] = ()
    """Each sending of the letters that a wait of the pack looks for, oldest first."""
    due_since: date | None = None
    """The oldest due date of all debts. None = no debt is old enough to be time-barred, or it is not known."""
    paid_or_due_since: date | None = None
    """The same, but of each debt its last payment where that was later; of several debts the earliest."""
    with_legal_since: datetime | None = None
    """Since when the legal team has the customer's open case; None = it does not."""
    agreement: KeptAgreement | None = None
    """The agreement that they keep, as far as a rule of the pack looks at it."""
    callback_at: datetime | None = None
    """Time of the callback of the case, whoever arranged it. Only decisions recorded before `call_asked_for` was known
    have it, and are read by it."""
    call_asked_for: datetime | None = None
    """Time at which the customer asked, in the last conversation, to be called; None where no callback stands."""
    represented: Representation | None = None
    """Who may be contacted in the customer's place, as far as a rule of the pack looks at it."""
    representative: str = ""
    """The kind of third party to whom this contact goes, whose authority stands; `estate` = to the estate of a customer
    who died, of which nobody is known to be in charge; '' = it goes to the customer."""
    stands_in: bool = False
    """The contact goes to that person in the customer's place, about the case: hours, caps, gaps and wishes hold for
    them as they do for the customer, and `history` and `preferences` are of contacts with them (12 CFR 1006.2(e),
    1006.14(b)). False = it tells an adviser of the agreement that they made."""
    contacted_on: date | None = None
    """Of a customer with a debt that may be time-barred: the first day since its oldest due date on which a message
    left or a call was made; None = there is none on record, or no rule of the pack looks at it."""

    def __post_init__(self) -> None:
        # Caps walk back from the newest and stop at the window's edge: disorder would hide contacts from them.
        if len(self.history) > 1 and any(later.at < earlier.at for earlier, later in pairwise(self.history)):
            object.__setattr__(self, "history", tuple(sorted(self.history, key=lambda past: past.at)))
