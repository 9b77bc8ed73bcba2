"""A call as a person reports it, and the effects that it had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from app.actions.holds import PlacedHold
from app.casework.plans.models import Plan
from app.casework.results.rules import CallField, ContactWay, Direction
from app.core.vocabulary import Channel
from app.policy.answers import Answer

WAY_TOLD: Mapping[ContactWay, str] = {
    ContactWay.CALL: "On the phone",
    ContactWay.EMAIL: "By e-mail",
    ContactWay.POST: "In a letter",
    ContactWay.VISIT: "On a visit",
}
"""How the customer told us, before what they told: the reason of a hold begins so."""


@dataclass(frozen=True, slots=True)
class CallReport:
    """A call that was made or taken, or a letter, e-mail or visit, and its contents.
    `amount_minor` 0 and `due_on` None = no promise."""

    result: str
    """A code of the portfolio."""
    note: str = ""
    callback_at: datetime | None = None
    amount_minor: int = 0
    due_on: date | None = None
    number: str = ""
    """The number that was called, as typed; '' = the main one."""
    paid_on: date | None = None
    paid_minor: int = 0
    disputed_minor: int = 0
    texts: Mapping[CallField, str] = field(default_factory=dict)
    """Fields that are text, or one of a few words."""
    direction: Direction = Direction.OUT
    way: ContactWay = ContactWay.CALL
    on: date | None = None
    """The day on which a letter or e-mail came or left, or of the visit; None = today. A call is logged on its day."""

    @property
    def is_call(self) -> bool:
        return self.way is ContactWay.CALL

    @property
    def told(self) -> str:
        """`On the phone`, as a sentence begins."""
        return WAY_TOLD[self.way]

    def received_on(self, today: date) -> date:
        """The day on which it was received, or left: from it the law's clocks run, whenever it is logged."""
        return self.on or today

    def text(self, name: CallField) -> str:
        return self.texts.get(name, "").strip()

    def given(self) -> frozenset[CallField]:
        """The fields that are filled in."""
        typed = {
            CallField.CALLBACK_AT: self.callback_at,
            CallField.AMOUNT: self.amount_minor,
            CallField.DUE_ON: self.due_on,
            CallField.NUMBER: self.number.strip(),
            CallField.PAID_ON: self.paid_on,
            CallField.PAID_AMOUNT: self.paid_minor,
            CallField.DISPUTED_AMOUNT: self.disputed_minor,
        }
        filled = {name for name, value in typed.items() if value}
        return frozenset(filled | {name for name in self.texts if self.text(name)})


@dataclass(slots=True)
class CallEffects:
    """The effects of a call."""

    placed: PlacedHold | None = None
    number_rests: str = ""
    """The number that is not used any more."""
    retry_at: datetime | None = None
    """When an unanswered call may be tried again; None = not at all, or not within a week."""
    attempt: int = 0
    """Number of this attempt; 0 = the result says nothing of attempts."""
    attempts: int = 0
    task_kept: bool = False
    tasks: list[str] = field(default_factory=list)
    """Work that it gave a person."""
    opted_out: Channel | None = None
    request: str = ""
    """The decision that a manager is asked for."""
    plan: Plan | None = None
    confirmations: Mapping[Channel, Answer] = field(default_factory=dict)
