"""Reminders of an agreement: which instalment is reminded of on which day, and when its messages are false. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from app.casework.contacts.rules import DeskStep
from app.casework.plans.rules import LIVE, PlanStatus

OF_AN_INSTALMENT = (
    DeskStep.INSTALMENT_AHEAD, DeskStep.INSTALMENT_TODAY, DeskStep.INSTALMENT_GRACE, DeskStep.MOVED_INSTALMENT,
    DeskStep.SKIPPED_INSTALMENT,
)  # fmt: skip
"""Steps whose messages speak of one instalment of a live agreement."""


@dataclass(frozen=True, slots=True)
class ReminderDays:
    """A portfolio's days. 0 = no such reminder."""

    ahead: int
    """Days before the due date."""
    ahead_by_post: int
    today: bool
    """On the due date."""
    in_grace: int
    """Days after the due date, within the grace days."""

    @property
    def longest_ahead(self) -> int:
        return max(self.ahead, self.ahead_by_post)


@dataclass(frozen=True, slots=True)
class DueInstalment:
    """An instalment of a live agreement, as far as its reminders look at it."""

    due_on: date
    grace_days: int
    known_since: date
    """The day on which this due date was agreed: of the agreement, or of the change that moved it."""


def reminder_due(
    instalment: DueInstalment, days: ReminderDays, on: date, *, by_post: bool
) -> DeskStep | None:
    """The reminder that leaves on the day `on`, None = none does.

    One that the gate made wait leaves on a later day before the due date. Nobody is reminded ahead of a date that they
    agreed to lately: it has to lie more than twice those days back. A letter by post only leaves ahead: it would arrive
    too late otherwise.
    """
    to_go = (instalment.due_on - on).days
    ahead = days.ahead_by_post if by_post else days.ahead
    if 0 < to_go <= ahead:
        known_for = (instalment.due_on - instalment.known_since).days
        return DeskStep.INSTALMENT_AHEAD if known_for > 2 * ahead else None
    if by_post:
        return None
    if to_go == 0:
        return DeskStep.INSTALMENT_TODAY if days.today else None
    if days.in_grace and days.in_grace <= -to_go <= instalment.grace_days:
        return DeskStep.INSTALMENT_GRACE
    return None


def last_day(reminder: DeskStep, instalment: DueInstalment) -> date:
    """The last day on which a reminder says something true."""
    match reminder:
        case DeskStep.INSTALMENT_AHEAD:
            return instalment.due_on - timedelta(days=1)
        case DeskStep.INSTALMENT_TODAY:
            return instalment.due_on
    return instalment.due_on + timedelta(days=instalment.grace_days)


JOINS_WITHIN = 2
"""Days for which a reminder in grace waits for the day of another instalment, to leave in one message with it."""


def waits_to_join(
    reminder: DeskStep, instalment: DueInstalment, days: ReminderDays, on: date, others: Collection[date]
) -> bool:
    """True if a reminder in grace waits for the due date of another unpaid instalment, which lies within its grace days
    and a few days ahead. Contact rules count messages: two would leave no room for the grace days of the other."""
    if reminder is not DeskStep.INSTALMENT_GRACE or not days.today:
        return False
    latest = min(last_day(reminder, instalment), on + timedelta(days=JOINS_WITHIN))
    return any(on < other <= latest for other in others)


def ended_since(step: str, status: PlanStatus) -> str:
    """The reason that an agreement of this status makes a message of that step false; '' = it makes none. What was said
    yes to is no offer any more: its confirmation tells it."""
    if step in OF_AN_INSTALMENT and status not in LIVE:
        return "the agreement that it speaks of has ended"
    if step == DeskStep.CONFIRMATION and status not in (*LIVE, PlanStatus.KEPT):
        return "the agreement it confirms has ended"
    if step == DeskStep.OFFER and status is not PlanStatus.OFFERED:
        return "the agreement it offers is no longer on offer"
    return ""
