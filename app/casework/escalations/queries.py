"""Reads of escalations: one, those of a case, and the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.escalations.models import Escalation
from app.casework.escalations.rules import WAITS_FOR, EscalationReason, turn
from app.core.clock import local_date
from app.core.database.rows import locked_row
from app.core.errors import NotFound

MOST = 200
"""Open escalations that the queue shows."""


def get_escalation(session: Session, escalation_id: int, *, lock: bool = False) -> Escalation:
    """NotFound where there is none."""
    row = locked_row(session, Escalation, escalation_id) if lock else session.get(Escalation, escalation_id)
    if row is None:
        raise NotFound(f"There is no escalation {escalation_id}.")
    return row


def escalations_of(session: Session, case_id: int) -> Sequence[Escalation]:
    """Of a case, the newest first."""
    query = select(Escalation).where(Escalation.case_id == case_id)
    return session.scalars(query.order_by(col(Escalation.id).desc())).all()


def open_escalation(session: Session, case_id: int) -> Escalation | None:
    query = select(Escalation).where(Escalation.case_id == case_id, col(Escalation.ended_at).is_(None))
    return session.scalar(query)


@dataclass(frozen=True, slots=True)
class QueueItem:
    """An open escalation as the queue shows it. Amounts in minor units, of this moment."""

    row: Escalation
    customer: str
    owner: str
    past_due_minor: int
    balance_minor: int
    currency: str
    timezone: str
    waits: bool
    """The customer may still be on the line."""
    is_overdue: bool
    minutes: int
    """Since it was asked."""


def queue(
    session: Session, now: datetime, asked_by: Sequence[str] | None = None, *, most: int = MOST
) -> list[QueueItem]:
    """Open escalations in the order in which they are answered. `asked_by`: of these authors alone."""
    # As `turn` orders them: what is over the limit is what can wait longest.
    waits = sa.and_(col(Escalation.is_waiting), col(Escalation.asked_at) > now - WAITS_FOR)
    harm = col(Escalation.reason) == EscalationReason.HARM
    query = (
        sa.select(Escalation, Customer, CollectionsCase, Portfolio)
        .join(Customer, col(Customer.id) == Escalation.customer_id)
        .join(CollectionsCase, col(CollectionsCase.id) == Escalation.case_id)
        .join(Portfolio, col(Portfolio.id) == Escalation.portfolio_id)
        .where(col(Escalation.ended_at).is_(None))
        .order_by(
            waits.desc(), harm.desc(), col(Escalation.due_on), col(Escalation.asked_at), col(Escalation.id)
        )
        .limit(most)
    )
    if asked_by is not None:
        query = query.where(col(Escalation.by).in_(asked_by))
    found = []
    for row, customer, case, portfolio in session.execute(query):
        today = local_date(now, portfolio.timezone)
        found.append(
            QueueItem(
                row=row,
                customer=customer.full_name,
                owner=case.owner,
                past_due_minor=case.now_past_due_minor,
                balance_minor=case.now_balance_minor,
                currency=portfolio.currency,
                timezone=portfolio.timezone,
                waits=row.waits(now),
                is_overdue=row.is_overdue(now, today),
                minutes=int((now - row.asked_at).total_seconds() // 60),
            )
        )
    return sorted(
        found,
        key=lambda each: (
            *turn(each.row.reason, each.row.due_on, each.row.asked_at, waits=each.waits),
            each.row.id,
        ),
    )


def ended_since(
    session: Session, since: datetime, asked_by: Sequence[str] | None = None
) -> Sequence[tuple[Escalation, str]]:
    """Ended escalations with the customer's name, the latest first. `asked_by`: of these authors alone."""
    query = (
        sa.select(Escalation, col(Customer.full_name))
        .join(Customer, col(Customer.id) == Escalation.customer_id)
        .where(col(Escalation.ended_at) >= since)
        .order_by(col(Escalation.ended_at).desc())
        .limit(50)
    )
    if asked_by is not None:
        query = query.where(col(Escalation.by).in_(asked_by))
    return [(row, name) for row, name in session.execute(query)]


def today_of(session: Session, row: Escalation, now: datetime) -> date:
    return local_date(now, session.get_one(Portfolio, row.portfolio_id).timezone)
