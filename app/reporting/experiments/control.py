"""Incremental cash of ordinary reminders: cash of the cases that got them at once, less that of the control share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import MONEY_IN
from app.book.portfolios.models import Portfolio
from app.core.database.engine import table_of
from app.outreach.strategy.experiments import FEWEST
from app.outreach.strategy.models import ControlCase
from app.reporting.experiments.arms import Difference, Moments, difference

PLANNED = 5_000
"""Cases at which the interval is narrowest for its chance of error."""


@dataclass(frozen=True, slots=True)
class ControlResult:
    """Cases whose wait is over, and what they paid until then."""

    reminded: Moments
    control: Moments
    difference: Difference | None
    """Paid per case, reminded less control, minor units; holds on every day. None below 100 cases of a side."""

    @property
    def gross_minor(self) -> int:
        """Paid by those who were reminded at once."""
        return self.reminded.y

    @property
    def incremental(self) -> tuple[float, float, float] | None:
        """Of it, what the reminders added, with its interval; minor units."""
        if self.difference is None:
            return None
        n, found = self.reminded.n, self.difference
        return n * found.value, n * found.low, n * found.high


def control_result(session: Session, portfolio: Portfolio, on: date) -> ControlResult:
    """The comparison at the end of `on`, the last closed day, adjusted for the past due on joining."""
    row, account, entry = table_of(ControlCase), table_of(Account), table_of(Entry)
    reversal = entry.alias("reversal")
    paid = (
        sa.select(row.c.case_id, sa.func.sum(-entry.c.amount_minor).label("paid"))
        .join(account, account.c.customer_id == row.c.customer_id)
        .join(entry, entry.c.account_id == account.c.id)
        .where(
            row.c.portfolio_id == portfolio.id,
            row.c.until <= on,
            entry.c.kind.in_(MONEY_IN),
            entry.c.effective_on > row.c.since,
            entry.c.effective_on <= row.c.until,
            ~sa.exists().where(reversal.c.reverses_id == entry.c.id),
        )
        .group_by(row.c.case_id)
        .subquery("paid")
    )
    query = (
        sa.select(row.c.is_control, row.c.past_due_minor, sa.func.coalesce(paid.c.paid, 0))
        .outerjoin(paid, paid.c.case_id == row.c.case_id)
        .where(row.c.portfolio_id == portfolio.id, row.c.until <= on)
    )
    sides: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    for is_control, before, amount in session.connection().execute(query):
        sides[bool(is_control)].append((int(amount), before))
    reminded, control = Moments.of(sides[False]), Moments.of(sides[True])
    enough = min(reminded.n, control.n) >= FEWEST
    return ControlResult(reminded, control, difference(control, reminded, PLANNED) if enough else None)
