"""Days of a billing error: since when interest may hold some on it, and until when what was rejected is to be paid."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.delinquency.days import DAY
from app.book.ledger.models import Entry, Statement
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import (
    Correction,
    DisputeKind,
    DisputeOutcome,
    days_to_pay,
)
from app.policy.pack import Pack

CYCLE = timedelta(days=31)
"""A statement's own cycle, where it is the account's first."""


def pay_by_of(
    session: Session, dispute: Dispute, outcome: DisputeOutcome, pack: Pack, today: date
) -> date | None:
    """The last day to pay what was not conceded of a billing error; None where the law gives no days. It has as many
    days as the pack says, or as the customer has from a statement's closing to its due date where those are more
    (12 CFR 1026.13(g)(2), (3))."""
    rules = pack.disputes
    denies = outcome in (DisputeOutcome.REJECTED, DisputeOutcome.PARTLY)
    if dispute.kind is not DisputeKind.BILLING_ERROR or not denies or rules is None:
        return None
    grace = None
    if rules.grace_to_pay and dispute.account_id is not None:
        query = sa.select(col(Statement.closing_on), col(Statement.due_on)).where(
            col(Statement.account_id) == dispute.account_id
        )
        latest = session.execute(query.order_by(col(Statement.closing_on).desc()).limit(1)).first()
        grace = (latest.due_on - latest.closing_on).days if latest else None
    days = days_to_pay(rules.pay_days, grace)
    return today + timedelta(days=days) if days else None


def billed_from(session: Session, dispute: Dispute) -> date:
    """The first day whose interest may hold some on the disputed sum: the day after its entry, or the first of the
    cycle of the statement that showed it."""
    if dispute.entry_id is not None:
        billed = session.get_one(Entry, dispute.entry_id).effective_on + DAY
    else:
        statement = session.get_one(Statement, dispute.statement_id)
        last = sa.select(sa.func.max(col(Statement.closing_on))).where(
            col(Statement.account_id) == statement.account_id,
            col(Statement.closing_on) < statement.closing_on,
        )
        billed = (session.scalar(last) or statement.closing_on - CYCLE) + DAY
    return min(billed, dispute.received_on)


def asked_for_on(session: Session, dispute: Dispute) -> date:
    """The day from which on a statement billed what is disputed: of its entry, of the statement that showed it, or of
    the last one that had closed when it came."""
    if dispute.entry_id is not None:
        charge = session.get_one(Entry, dispute.entry_id)
        return (
            charge.effective_on
            if charge.source.startswith("feed:")
            else max(charge.effective_on, charge.posted_on)
        )
    if dispute.statement_id is not None:
        return session.get_one(Statement, dispute.statement_id).closing_on
    last = sa.select(sa.func.max(col(Statement.closing_on))).where(
        col(Statement.account_id) == dispute.account_id, col(Statement.closing_on) <= dispute.received_on
    )
    return session.scalar(last) or dispute.received_on


def corrected_on(correction: Correction, entry: Entry | None, today: date) -> date | None:
    """The day of the entry by which the balance is lower; None = it is still to come."""
    if correction is Correction.CREDITOR:
        return None
    return entry.effective_on if entry is not None else today
