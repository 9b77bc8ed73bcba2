"""Result codes of a call, letter or visit: the person reached, the fields asked for, the effects. Pure.

A code is data of its portfolio (`app/casework/results/shipped.toml` until a manager saves another version). The desk
itself knows the shipped codes by name (`CallResult`), and what no version may take from them (`protection.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from app.casework.results.effects import Effect, NumberBad, PlaceHold, Promise, Retry
from app.core.vocabulary import HoldKind, holds_with

E = TypeVar("E")


class CallResult(StrEnum):
    """The shipped codes, as dialers and regulators tell results apart."""

    NO_ANSWER = "no_answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"
    MESSAGE_LEFT = "message_left"
    """A message that names no debt was left, with no party on the line."""
    WRONG_NUMBER = "wrong_number"
    THIRD_PARTY = "third_party"
    THIRD_PARTY_CALLBACK = "third_party_callback"
    """Another person says when the cardholder can be reached."""
    RIGHT_PARTY = "right_party"
    """Right-party contact: the cardholder spoke with us."""
    REFUSED_TO_PAY = "refused_to_pay"
    PROMISED = "promised"
    WILL_PAY_NOW = "will_pay_now"
    """The cardholder pays by phone, during the call or at once after it."""
    CALL_BACK = "call_back"
    PAID = "paid"
    """The cardholder says that it is paid already."""
    DISPUTES = "disputes"
    COMPLAINT = "complaint"
    SUPPORT_NEED = "support_need"
    HARDSHIP = "hardship"
    ABOVE_AUTHORITY = "above_authority"
    """The cardholder asks for what the agent may not grant."""
    CEASE = "cease"
    """The cardholder wants no contact at all."""
    OPT_OUT = "opt_out"
    """The cardholder wants no contact by one channel."""
    ATTORNEY = "attorney"
    BANKRUPTCY = "bankruptcy"
    DECEASED = "deceased"
    """The person who answered says that the cardholder has died."""
    OUT_OF_SERVICE = "out_of_service"
    """The network says that this number is not in use."""
    HUNG_UP = "hung_up"
    """The person who answered hung up without giving a name."""
    LANGUAGE_BARRIER = "language_barrier"
    """No common language; it is not known who answered."""
    CORRESPONDENCE_IN = "correspondence_in"
    """A letter or e-mail of the customer that no other code describes."""
    CORRESPONDENCE_OUT = "correspondence_out"
    """A letter or e-mail that a person of ours wrote outside the desk."""
    NOBODY_MET = "nobody_met"
    OTHER_PERSON_MET = "other_person_met"
    ENDED_ABUSIVE = "ended_abusive"
    """The call was ended because the cardholder was abusive."""


class Direction(StrEnum):
    """The direction of a call. One from the customer is no attempt of ours."""

    OUT = "out"
    IN = "in"


class ContactWay(StrEnum):
    """How a person and we spoke or wrote, as a person logs it."""

    CALL = "call"
    EMAIL = "email"
    POST = "post"
    VISIT = "visit"
    """Face to face: at their door, or at our counter."""

    @property
    def is_written(self) -> bool:
        return self in (ContactWay.EMAIL, ContactWay.POST)


class Counts(StrEnum):
    """The person reached, by which caps and gaps count the call; from the least to the most."""

    ATTEMPT = "attempt"
    """No person."""
    ANSWERED = "answered"
    """A person who did not say who they are."""
    THIRD_PARTY = "third_party"
    """Another person than the cardholder."""
    CONVERSATION = "conversation"
    """The cardholder: right-party contact."""

    @property
    def weight(self) -> int:
        return list(Counts).index(self)


class CallField(StrEnum):
    """Fields that a code may ask for, beside the note."""

    AMOUNT = "amount"
    """Amount promised."""
    DUE_ON = "due_on"
    CALLBACK_AT = "callback_at"
    NUMBER = "number"
    """The number called, where it is not the main one."""
    RELATION = "relation"
    """Relation of the person who answered to the cardholder."""
    PAID_ON = "paid_on"
    PAID_AMOUNT = "paid_amount"
    METHOD = "method"
    CATEGORY = "category"
    """Kind of complaint."""
    WORDS = "words"
    """The customer's own words."""
    TRANSACTIONS = "transactions"
    """The transactions in dispute."""
    DISPUTED_AMOUNT = "disputed_amount"
    PERSON = "person"
    """Executor, attorney or adviser: name, telephone, address."""
    SUPPORT_TYPE = "support_type"
    CONSENT = "consent"
    """`yes` where the customer agrees that their need is recorded."""
    CHANNEL = "channel"
    REQUEST = "request"
    """The decision that a manager is asked for."""


@dataclass(frozen=True, slots=True)
class ResultCode:
    """A result code as a portfolio has it."""

    code: str
    label: str
    key: str = ""
    """The digit that chooses it on the case page; '' = under "More"."""
    directions: frozenset[Direction] = frozenset({Direction.OUT, Direction.IN})
    ways: frozenset[ContactWay] = frozenset(ContactWay)
    counts: Counts = Counts.ATTEMPT
    asks: tuple[CallField, ...] = ()
    requires: frozenset[CallField] = frozenset()
    effects: tuple[Effect, ...] = ()

    @property
    def conversation(self) -> bool:
        """True for right-party contact: 'answered' caps and gaps count it."""
        return self.counts is Counts.CONVERSATION

    @property
    def keeps_task(self) -> bool:
        """True if the call is still to be made after it: its task stays, and so does a callback that was due."""
        return self.effect(Retry) is not None

    @property
    def rests_number(self) -> bool:
        return self.effect(NumberBad) is not None

    @property
    def hold(self) -> HoldKind | None:
        """The hold that it places at once."""
        placed = self.effect(PlaceHold)
        return placed.kind if placed else None

    @property
    def promises(self) -> bool:
        return self.effect(Promise) is not None

    def effect(self, kind: type[E]) -> E | None:
        """Its effect of this kind; None where it has none."""
        return next((each for each in self.effects if isinstance(each, kind)), None)


@dataclass(frozen=True, slots=True)
class SavedText:
    """A text that an agent puts into a note."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ResultSet:
    """A portfolio's codes and saved texts, in order."""

    codes: tuple[ResultCode, ...]
    texts: tuple[SavedText, ...] = ()

    def named(self, code: str) -> ResultCode | None:
        return next((each for each in self.codes if each.code == code), None)


NO_CALLS = holds_with(lambda traits: traits.stops_calls)
"""Holds under which the customer is not called: a callback ends with them, and none is set while they stand."""

CALLBACK_DAYS = 90
"""Time ahead within which a callback may lie."""
CALLED_AGAIN_WITHIN = timedelta(minutes=10)
"""A call with the same result by the same person so short a time ago was more likely logged twice than made twice."""
