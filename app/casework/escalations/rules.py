"""When a supervisor is asked about a case, in which order they answer, and what is late. Pure.

An escalation asks for help and grants nothing: what is beyond one's authority is an approval.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.core.errors import Invalid

LONGEST_DUE = timedelta(days=31)
WAITS_FOR = timedelta(minutes=30)
"""Time after which nobody is still on the line."""
WAITING_OVERDUE = timedelta(minutes=5)
"""A customer on the line is answered within this. A house rule."""


class EscalationReason(StrEnum):
    CUSTOMER_ASKS = "customer_asks"
    """The customer demands to speak to a manager."""
    HARM = "harm"
    """Somebody may come to harm."""
    DIFFICULT = "difficult"
    ADVICE = "advice"
    OTHER = "other"


class EscalationStatus(StrEnum):
    ASKED = "asked"
    TAKEN = "taken"
    ANSWERED = "answered"
    RETURNED = "returned"
    """Back to who asked, with an instruction."""
    TAKEN_OVER = "taken_over"
    """The supervisor works the case now."""
    WITHDRAWN = "withdrawn"


ENDED = (
    EscalationStatus.ANSWERED, EscalationStatus.RETURNED, EscalationStatus.TAKEN_OVER, EscalationStatus.WITHDRAWN,
)  # fmt: skip
REASON_LABELS: Mapping[EscalationReason, str] = {
    EscalationReason.CUSTOMER_ASKS: "The customer asks for a manager",
    EscalationReason.HARM: "Somebody may come to harm",
    EscalationReason.DIFFICULT: "A difficult conversation",
    EscalationReason.ADVICE: "I need advice",
    EscalationReason.OTHER: "Something else",
}
STATUS_LABELS: Mapping[EscalationStatus, str] = {
    EscalationStatus.ASKED: "Asked",
    EscalationStatus.TAKEN: "Taken",
    EscalationStatus.ANSWERED: "Answered",
    EscalationStatus.RETURNED: "Returned with an instruction",
    EscalationStatus.TAKEN_OVER: "Case taken over",
    EscalationStatus.WITHDRAWN: "Withdrawn",
}


def due_day(chosen: date | None, today: date) -> date:
    """The day by which an answer is wanted; today where none is chosen. Invalid for one that is over or far away."""
    on = chosen or today
    if not today <= on <= today + LONGEST_DUE:
        raise Invalid(f"Choose a day from today to {today + LONGEST_DUE}.", "due_on")
    return on


def still_waits(asked_at: datetime, now: datetime, *, is_waiting: bool, is_open: bool) -> bool:
    """Whether the customer may still be on the line."""
    return is_open and is_waiting and now - asked_at < WAITS_FOR


def is_late(due_on: date, asked_at: datetime, now: datetime, today: date, *, waits: bool) -> bool:
    """Whether an open escalation is overdue. `today`: of its portfolio."""
    return due_on < today or (waits and now - asked_at > WAITING_OVERDUE)


def turn(
    reason: EscalationReason, due_on: date, asked_at: datetime, *, waits: bool
) -> tuple[bool, bool, date, datetime]:
    """The place in the queue: who waits on the line, then possible harm, then by day and age."""
    return (not waits, reason is not EscalationReason.HARM, due_on, asked_at)
