"""Words that every layer shares: the channels, the purposes of a contact, and the kinds of hold with their traits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum


class Word(StrEnum):
    """A member of a small vocabulary, hashed as its text: Enum's own hash is slow where millions are looked up."""

    __hash__ = str.__hash__


class Channel(Word):
    """Ways to reach a cardholder. `post` is a printed letter; the sources of contact rules call it 'letter'."""

    SMS = "sms"
    EMAIL = "email"
    POST = "post"
    CALL = "call"


class Purpose(Word):
    """Purpose of a contact; holds and waits stop some purposes and let others pass."""

    REMINDER = "reminder"
    CONFIRMATION = "confirmation"
    """Answers something the cardholder agreed to (a promise, a plan)."""
    NOTICE = "notice"
    """A notice the law demands; passes where a reminder may not, if the rule says so."""
    REPRESENTATIVE = "representative"
    """Tells an authorised representative what concerns an agreement that they made; never for the customer."""


TO_CUSTOMERS = (Purpose.REMINDER, Purpose.CONFIRMATION, Purpose.NOTICE)
"""Purposes of contacts with the customer: a rule that names none is about these."""


class HoldKind(StrEnum):
    """Reason for which a customer is left alone; a policy pack says which purposes each kind stops."""

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
    PAYMENT_CLAIMED = "payment_claimed"
    """The customer says that it is paid, and a person looks for the payment."""
    MANUAL = "manual"


class Suit(Enum):
    """Effect of a hold on an action in court."""

    NONE = "none"
    SPEAKS_AGAINST = "speaks_against"
    """A named person may decide to go on."""
    STOPS = "stops"
    STOPS_BY_PACK = "stops_by_pack"
    """Stops it where a pack protects those in military service; elsewhere it speaks against it."""


@dataclass(frozen=True, slots=True)
class HoldTraits:
    """What follows from a kind of hold. Each kind states every trait; the purposes it stops are in the policy packs."""

    label: str
    told: str
    """The customer's words in the reason of a hold from a call: "On the phone: ..."."""
    stop: tuple[str, str]
    """Line over the case page: what the hold means, and whom to contact instead; ("", "") = none."""
    letter: str
    """Folder in `letters/` of the letter that acknowledges it; '' = none."""
    suit: Suit
    for_good: bool
    """No date ends it, only a person (`FOR_GOOD` in `app/casework/holds/rules.py`)."""
    stops_calls: bool
    """The customer is not called: a callback ends with it, and none is set while it stands."""
    by_others: bool
    """Another person than the cardholder may give the reason for it."""
    ends_mandate: bool
    """An adviser is not written to: another speaks for the customer, nobody may be told anything, or a person looks
    into it first."""
    stops_agreements: bool
    """A court, an estate or an inquiry decides before an agreement is made."""
    rests_agreements: bool
    """A running agreement rests: no date of it is missed, and what it waived is not charged (decision 0386)."""
    may_pause: bool
    """A pack may say that days do not count during it; then it is a `PauseKind` too."""
    by_message: bool
    """A customer's message may bring it (`PAGE_HOLDS` in `app/inbound/rules.py`)."""
    short: bool
    """Brought by a message, it ends by itself after a few days."""


_NO_LINE = ("", "")

HOLD_TRAITS: Mapping[HoldKind, HoldTraits] = {
    HoldKind.DECEASED: HoldTraits(
        "Deceased", "has died, says the person who answered",
        ("The cardholder has died.", "Write to the executor or heirs only."), letter="", suit=Suit.STOPS,
        for_good=True, stops_calls=True, by_others=True, ends_mandate=True, stops_agreements=True,
        rests_agreements=True, may_pause=False, by_message=True, short=False,
    ),
    HoldKind.BANKRUPTCY: HoldTraits(
        "Bankruptcy", "speaks of bankruptcy",
        ("Insolvency.", "Write to the trustee or the court only."), letter="", suit=Suit.STOPS,
        for_good=True, stops_calls=True, by_others=False, ends_mandate=True, stops_agreements=True,
        rests_agreements=True, may_pause=False, by_message=True, short=False,
    ),
    HoldKind.CEASE_CONTACT: HoldTraits(
        "Asked us to cease contact", "wants no contact",
        ("They asked us to cease contact.", "Only a notice that the law requires may go out."), letter="",
        suit=Suit.NONE, for_good=True, stops_calls=True, by_others=False, ends_mandate=True,
        stops_agreements=False, rests_agreements=False, may_pause=False, by_message=True, short=False,
    ),
    HoldKind.ATTORNEY: HoldTraits(
        "Represented by an attorney", "is represented by an attorney",
        ("Represented by an attorney.", "Contact the attorney only."), letter="", suit=Suit.NONE,
        for_good=True, stops_calls=True, by_others=False, ends_mandate=True, stops_agreements=False,
        rests_agreements=False, may_pause=False, by_message=True, short=False,
    ),
    HoldKind.FRAUD: HoldTraits(
        "Suspected fraud", "says that it was fraud",
        ("Suspected fraud.", "Leave the case to the fraud team."), letter="", suit=Suit.SPEAKS_AGAINST,
        for_good=True, stops_calls=False, by_others=True, ends_mandate=True, stops_agreements=True,
        rests_agreements=True, may_pause=False, by_message=False, short=False,
    ),
    HoldKind.DISPUTE: HoldTraits(
        "Dispute", "disputes the debt",
        ("The debt is disputed.", "Send the answer to the dispute first."), letter="dispute_acknowledged",
        suit=Suit.NONE, for_good=True, stops_calls=False, by_others=False, ends_mandate=False,
        stops_agreements=False, rests_agreements=True, may_pause=True, by_message=True, short=False,
    ),
    HoldKind.BREATHING_SPACE: HoldTraits(
        "Breathing space", "is in breathing space",
        ("Breathing space.", "Contact the debt adviser only."), letter="", suit=Suit.STOPS,
        for_good=False, stops_calls=False, by_others=False, ends_mandate=False, stops_agreements=False,
        rests_agreements=True, may_pause=True, by_message=False, short=False,
    ),
    HoldKind.MILITARY: HoldTraits(
        "Military service", "is in military service",
        ("Military service.", "Ask the legal team before any step."), letter="", suit=Suit.STOPS_BY_PACK,
        for_good=False, stops_calls=False, by_others=False, ends_mandate=False, stops_agreements=False,
        rests_agreements=True, may_pause=False, by_message=False, short=False,
    ),
    HoldKind.HARDSHIP: HoldTraits(
        "Hardship", "cannot pay", _NO_LINE, letter="", suit=Suit.SPEAKS_AGAINST,
        for_good=False, stops_calls=False, by_others=False, ends_mandate=False, stops_agreements=False,
        rests_agreements=False, may_pause=True, by_message=False, short=False,
    ),
    HoldKind.COMPLAINT: HoldTraits(
        "Complaint", "complains",
        ("A complaint is open.", "Answer it first; no legal step until then."), letter="complaint_acknowledged",
        suit=Suit.STOPS, for_good=True, stops_calls=False, by_others=False, ends_mandate=False, stops_agreements=False,
        rests_agreements=False, may_pause=False, by_message=False, short=False,
    ),
    HoldKind.VULNERABLE: HoldTraits(
        "Vulnerable customer", "needs support", _NO_LINE, letter="", suit=Suit.NONE,
        for_good=False, stops_calls=False, by_others=False, ends_mandate=False, stops_agreements=False,
        rests_agreements=False, may_pause=False, by_message=False, short=False,
    ),
    HoldKind.PAYMENT_CLAIMED: HoldTraits(
        "Payment claimed", "says that it is paid", _NO_LINE, letter="", suit=Suit.NONE,
        for_good=False, stops_calls=False, by_others=False, ends_mandate=False, stops_agreements=False,
        rests_agreements=False, may_pause=False, by_message=True, short=True,
    ),
    HoldKind.MANUAL: HoldTraits(
        "Other reason", "asks us to wait", _NO_LINE, letter="", suit=Suit.NONE,
        for_good=False, stops_calls=False, by_others=True, ends_mandate=True, stops_agreements=False,
        rests_agreements=False, may_pause=False, by_message=True, short=True,
    ),
}  # fmt: skip
"""The strongest first: that one stands over the case page where several are open."""


def holds_with(trait: Callable[[HoldTraits], bool]) -> frozenset[HoldKind]:
    """The kinds of hold that have a trait."""
    return frozenset(kind for kind, traits in HOLD_TRAITS.items() if trait(traits))
