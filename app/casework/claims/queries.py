"""Open claims of payment, the payments that came in for them, and unmatched payments that could be meant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import MONEY_IN, UnmatchedStatus
from app.casework.claims.models import PaymentClaim
from app.casework.holds.models import CaseHold
from app.core.database.engine import table_of

AROUND = timedelta(days=5)
"""Days before and after the claimed date within which a payment may be the claimed one."""
MOST_SHOWN = 5


def open_claims(session: Session, *where: sa.ColumnElement[bool]) -> Sequence[PaymentClaim]:
    """Claims without a payment whose hold stands, the oldest first."""
    query = (
        select(PaymentClaim)
        .join(CaseHold, col(CaseHold.id) == PaymentClaim.hold_id)
        .where(col(PaymentClaim.found_at).is_(None), col(CaseHold.ended_at).is_(None), *where)
    )
    return session.scalars(query.order_by(col(PaymentClaim.id))).all()


def posted_since(session: Session, claim: PaymentClaim) -> int:
    """Payments in minor units that were posted to the customer's accounts after the claim and that stand."""
    entry, account = table_of(Entry), table_of(Account)
    reversal = entry.alias()
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(-entry.c.amount_minor), 0))
        .join(account, account.c.id == entry.c.account_id)
        .where(
            account.c.customer_id == claim.customer_id,
            entry.c.kind.in_(MONEY_IN),
            entry.c.created_at >= claim.claimed_at,
            ~sa.exists().where(reversal.c.reverses_id == entry.c.id),
        )
    )
    return int(session.execute(query).scalar_one())


def possible_payments(
    session: Session, customer: Customer, amount_minor: int, paid_on: date | None
) -> Sequence[UnmatchedPayment]:
    """Unmatched payments that may be the claimed one: of this amount or from a payer with the customer's name, at most
    five days from the claimed date. Equal amounts first."""
    amount, payer = col(UnmatchedPayment.amount_minor), sa.func.lower(col(UnmatchedPayment.payer_name))
    same = [payer == customer.full_name.lower()]
    if amount_minor:
        same.append(amount == amount_minor)
    query = select(UnmatchedPayment).where(
        UnmatchedPayment.portfolio_id == customer.portfolio_id,
        col(UnmatchedPayment.status) == UnmatchedStatus.WAITING,
        sa.or_(*same),
    )
    if paid_on is not None:
        query = query.where(col(UnmatchedPayment.paid_on).between(paid_on - AROUND, paid_on + AROUND))
    order = (sa.case((amount == amount_minor, 0), else_=1), col(UnmatchedPayment.paid_on).desc())
    return session.scalars(query.order_by(*order, col(UnmatchedPayment.id)).limit(MOST_SHOWN)).all()
