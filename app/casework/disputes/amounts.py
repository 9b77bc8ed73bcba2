"""Disputed amounts of accounts: the sums of their disputes, written where every figure of a debt reads them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.models import DisputedAmount
from app.book.ledger.service import touch
from app.casework.disputes.models import Dispute
from app.core.database.bulk import among, chunked, upsert
from app.core.database.engine import table_of

CHUNK = 2000


def restate_disputed(session: Session, portfolio_id: int, account_ids: Collection[int]) -> None:
    """Add up what is left out of these accounts, after a dispute of theirs changed. Their cases follow with the
    transaction; the caller holds the customers' locks."""
    session.flush()
    row, dispute = table_of(DisputedAmount), table_of(Dispute)
    for ids in chunked(sorted(account_ids), CHUNK):
        session.connection().execute(sa.delete(row).where(among(session, row.c.account_id, ids)))
        sums = (
            sa.select(dispute.c.account_id, sa.literal(portfolio_id), sa.func.sum(dispute.c.left_out_minor))
            .where(among(session, dispute.c.account_id, ids), dispute.c.left_out_minor > 0)
            .group_by(dispute.c.account_id)
        )
        insert = upsert(session, DisputedAmount).from_select(
            ["account_id", "portfolio_id", "amount_minor"], sums
        )
        session.connection().execute(insert)
    touch(session, portfolio_id, account_ids)


def due_to_release(portfolio_id: int, opens: date) -> sa.Select[tuple[int, int]]:
    """(dispute, customer) of decided disputes whose days to pay are over when `opens` begins."""
    dispute = table_of(Dispute)
    return sa.select(dispute.c.id, dispute.c.customer_id).where(
        dispute.c.portfolio_id == portfolio_id,
        dispute.c.left_out_minor > 0,
        dispute.c.outcome.is_not(None),
        dispute.c.pay_by < opens,
        dispute.c.left_out_minor > sa.case((dispute.c.awaits_correction, dispute.c.conceded_minor), else_=0),
    )
