"""States and endings of a case, and the order of the worklist. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.book.ledger.rules import AccountStatus

CASE_REFERENCE = re.compile(r"c[-\s]?0*(\d{1,15})", re.IGNORECASE)
"""A case's reference as people write it."""


class CaseStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class CaseOutcome(StrEnum):
    CURED = "cured"
    """Nothing is past due any more."""
    PAID = "paid"
    """The balance is paid in full."""
    SETTLED = "settled"
    WRITTEN_OFF = "written_off"
    """Charged off, or sold: it is not worked here any more."""


@dataclass(frozen=True, slots=True)
class WorkFacts:
    """The figures that decide how urgent a case is."""

    past_due_minor: int
    days_past_due: int
    broken_promises: int
    callback_at: datetime | None
    call_task_open: bool


def priority(facts: WorkFacts, *, typical_minor: int) -> int:
    """Points by which the worklist is ordered, highest first; a callback that is due always comes on top.

    Amount counts relative to `typical_minor` (the portfolio's median past-due amount) and saturates, so that
    one large debt does not bury a hundred ordinary ones.
    """
    amount = min(40, 10 * facts.past_due_minor // max(1, typical_minor))
    age = min(30, facts.days_past_due // 3)
    broken = min(20, 10 * facts.broken_promises)
    return amount + age + broken + (15 if facts.call_task_open else 0)


ENDINGS: Mapping[AccountStatus, CaseOutcome] = {
    AccountStatus.CHARGED_OFF: CaseOutcome.WRITTEN_OFF,
    AccountStatus.SOLD: CaseOutcome.WRITTEN_OFF,
    AccountStatus.SETTLED: CaseOutcome.SETTLED,
    AccountStatus.PAID: CaseOutcome.PAID,
}
"""Outcome of a case whose accounts ended; where they ended differently, the first of these counts."""


def outcome_of(balance_minor: int, ended: Collection[AccountStatus] = ()) -> CaseOutcome:
    """The ending of a case whose accounts are no longer past due; `ended`: how its accounts did while it was open."""
    for status, outcome in ENDINGS.items():
        if status in ended:
            return outcome
    return CaseOutcome.PAID if balance_minor <= 0 else CaseOutcome.CURED
