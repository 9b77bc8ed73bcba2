"""Invariants of disputes: each account leaves out the sum of its disputes, and closed ones leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.models import DisputedAmount
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.disputes.models import Dispute, dispute_reference
from app.core.database.engine import table_of
from app.core.money import to_decimal_string


def disputed_amounts_match_disputes(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """What is left out of an account is the sum of what its disputes leave out."""
    row, dispute, account = table_of(DisputedAmount), table_of(Dispute), table_of(Account)
    sums = (
        sa.select(dispute.c.account_id, _summed(dispute.c.left_out_minor))
        .where(dispute.c.portfolio_id == portfolio.id, dispute.c.left_out_minor > 0)
        .group_by(dispute.c.account_id)
        .subquery()
    )
    # Two joins by an index: a full join compares each sum with each row on SQLite.
    wrong = (
        sa.select(sums.c.account_id, row.c.amount_minor.label("kept"), sums.c.amount_minor.label("right"))
        .outerjoin(row, row.c.account_id == sums.c.account_id)
        .where(sa.func.coalesce(row.c.amount_minor, 0) != sums.c.amount_minor)
    )
    stray = sa.select(row.c.account_id, row.c.amount_minor, sa.cast(0, sa.BigInteger)).where(
        row.c.portfolio_id == portfolio.id,
        ~sa.exists().where(dispute.c.account_id == row.c.account_id, dispute.c.left_out_minor > 0),
    )
    found_wrong = sa.union_all(wrong, stray).subquery()
    query = (
        sa.select(account.c.reference, found_wrong.c.kept, found_wrong.c.right)
        .join(account, account.c.id == found_wrong.c.account_id)
        .order_by(account.c.id)
    )
    for reference, left_out, disputed in session.connection().execute(query.limit(20)):
        found, right = (to_decimal_string(each or 0, portfolio.currency) for each in (left_out, disputed))
        yield (
            f"account {reference} leaves out {found} {portfolio.currency}, and its disputes leave out {right}"
        )


def closed_disputes_leave_nothing_out(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """A dispute with an outcome leaves a sum out only until it is corrected, or its days to pay are over. An open
    one with a hold leaves none out: the hold stops everything."""
    dispute = table_of(Dispute)
    may_wait = sa.or_(dispute.c.outcome.is_(None), dispute.c.awaits_correction, dispute.c.pay_by.is_not(None))
    is_wrong = sa.or_(~may_wait, sa.and_(dispute.c.outcome.is_(None), dispute.c.hold_id.is_not(None)))
    query = (
        sa.select(dispute.c.id, dispute.c.left_out_minor)
        .where(dispute.c.portfolio_id == portfolio.id, dispute.c.left_out_minor > 0, is_wrong)
        .order_by(dispute.c.id)
    )
    for number, left_out in session.connection().execute(query.limit(20)):
        amount = to_decimal_string(left_out, portfolio.currency)
        yield f"dispute {dispute_reference(number)} still leaves out {amount} {portfolio.currency}"


def _summed(amount: sa.Column[int]) -> sa.Label[int]:
    """A sum in minor units: PostgreSQL adds large integers to a decimal number."""
    return sa.cast(sa.func.sum(amount), sa.BigInteger).label("amount_minor")
