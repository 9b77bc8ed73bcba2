"""Default sums: fees for a breach, of which the Consumer Credit Act has the customer told (s.86E)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.charges.default_sums import LATE_FEES
from app.book.ledger.models import Account, Entry
from app.book.ledger.queries import worked
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.clock import local_date
from app.core.database.engine import table_of
from app.outreach.duties.happened import Happened


def default_sums(
    session: Session, portfolio: Portfolio, since: datetime, now: datetime
) -> Iterable[Happened]:
    """Late fees that the desk posted lately on accounts of open cases, and that were not reversed. Of fees that a
    creditor sends nobody knows which are for a breach: it gives its own notices."""
    entry, account, case = table_of(Entry), table_of(Account), table_of(CollectionsCase)
    undone = entry.alias()
    first, last = (local_date(at, portfolio.timezone) for at in (since, now))
    query = (
        sa.select(account.c.customer_id, case.c.id, entry.c.id, entry.c.effective_on)
        .join(account, account.c.id == entry.c.account_id)
        .join(case, sa.and_(case.c.customer_id == account.c.customer_id, case.c.status == CaseStatus.OPEN))
        .where(
            account.c.portfolio_id == portfolio.id, entry.c.kind == EntryKind.FEE, entry.c.reference.like(LATE_FEES),
            entry.c.posted_on.between(first, last), entry.c.amount_minor > 0, worked(),
            ~sa.exists().where(undone.c.reverses_id == entry.c.id),
        )
    )  # fmt: skip
    for row in session.execute(query):
        yield Happened(*row)
