"""Duties of a portfolio, as pages and the API list them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.outreach.duties.models import Duty
from app.policy.kinds.duty import DutyEvent


@dataclass(frozen=True, slots=True)
class OwedLetter:
    """A duty, and the customer to whom the letter is owed."""

    duty: Duty
    customer_name: str

    def is_overdue(self, today: date) -> bool:
        return self.duty.ended_on is None and self.duty.due_on < today


def owed_letters(
    session: Session, portfolio_id: int, *, after: tuple[date, int] | None = None, limit: int = 50
) -> Sequence[OwedLetter]:
    """Open duties, the oldest due day first; `after` = (due day, id) of the last one seen."""
    query = (
        select(Duty, Customer.full_name)
        .join(Customer, col(Customer.id) == Duty.customer_id)
        .where(Duty.portfolio_id == portfolio_id, col(Duty.ended_on).is_(None))
        .order_by(col(Duty.due_on), col(Duty.id))
        .limit(limit)
    )
    if after is not None:
        due_on, duty_id = after
        query = query.where(
            sa.or_(col(Duty.due_on) > due_on, sa.and_(col(Duty.due_on) == due_on, col(Duty.id) > duty_id))
        )
    return [OwedLetter(duty, name) for duty, name in session.execute(query)]


NOT_ENFORCED_WITHOUT = (DutyEvent.TWO_PAYMENTS_BEHIND, DutyEvent.DEFAULT_SUM)
"""Events after which the agreement is not enforced until the notice is given, once it is late (Consumer Credit Act 1974
ss.86D(3), 86E(5))."""


def notices_overdue(session: Session, customer_id: int, today: date) -> list[Duty]:
    """Open duties of a customer whose letter should have left before `today`, and without which nothing is enforced."""
    query = select(Duty).where(
        Duty.customer_id == customer_id, col(Duty.ended_on).is_(None), col(Duty.due_on) < today,
        col(Duty.event).in_(NOT_ENFORCED_WITHOUT),
    )  # fmt: skip
    return list(session.scalars(query.order_by(col(Duty.due_on), col(Duty.id))))


@dataclass(frozen=True, slots=True)
class DutyCounts:
    open: int
    overdue: int


def duty_counts(session: Session, portfolio_id: int, today: date) -> DutyCounts:
    """How many letters are owed, and how many of them should have left before `today`."""
    late = sa.func.count().filter(col(Duty.due_on) < today)
    query = sa.select(sa.func.count(), late).where(
        col(Duty.portfolio_id) == portfolio_id, col(Duty.ended_on).is_(None)
    )
    total, overdue = session.execute(query).one()
    return DutyCounts(total, overdue)
