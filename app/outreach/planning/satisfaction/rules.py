"""The letter of a satisfaction question, its steps, and what was closed before it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from app.casework.contacts.rules import DeskStep
from app.casework.satisfaction.rules import AskedAfter

SATISFACTION_LETTER = "satisfaction_question"
SATISFACTION_STEPS = (DeskStep.SATISFACTION, DeskStep.SATISFACTION_AGAIN)
FIRST: tuple[AskedAfter, ...] = (AskedAfter.CASE, AskedAfter.CALL, AskedAfter.MESSAGE)
"""Of several things that were closed with one customer, the one that is asked about."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Something that was closed with a customer, about which they may be asked."""

    after: AskedAfter
    number: int
    """The case, the event of the call, or the customer's message."""
    case_id: int
    customer_id: int
    reason: str
    agent: str

    @property
    def order(self) -> tuple[int, int]:
        return FIRST.index(self.after), -self.number
