"""When money last came for an account."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Entry
from app.book.ledger.rules import MONEY_IN
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of


def last_payments(session: Session, account_ids: Iterable[int]) -> dict[int, date]:
    """The date of the last money that came and was not reversed, by account; accounts that never had any are left
    out."""
    entry = table_of(Entry)
    reversal = entry.alias()
    paid: dict[int, date] = {}
    for some in chunked(list(account_ids), 5000):
        query = (
            sa.select(entry.c.account_id, sa.func.max(entry.c.effective_on))
            .where(among(session, entry.c.account_id, some), entry.c.kind.in_(MONEY_IN))
            .where(~sa.exists().where(reversal.c.reverses_id == entry.c.id))
            .group_by(entry.c.account_id)
        )
        paid.update({account_id: on for account_id, on in session.connection().execute(query)})
    return paid
