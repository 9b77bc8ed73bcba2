"""Words that every layer shares: the channels, the purposes of a contact, and the kinds of hold."""

from __future__ import annotations

from enum import StrEnum


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
