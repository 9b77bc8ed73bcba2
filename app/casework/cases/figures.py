"""Figures of this moment on the rows of open cases, by which lists filter and sort.

The night's own columns (`past_due_minor`, `balance_minor`, `oldest_due_on`) move only when a day is closed: the
strategy and the key figures live by them. These columns follow within the transaction that moved the money.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.models import AccountState
from app.book.ledger.models import Account, LedgerChange
from app.book.ledger.service import take_touched
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import CustomerDebt, debts_now
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.clock import local_date
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.ids import id_of

CHUNK = 2000


def refresh_touched(session: Session, now: datetime) -> int:
    """Bring open cases to this moment whose accounts this transaction touched. The last step of a transaction that
    people, programs or files write in; returns how many cases were looked at."""
    count = 0
    for portfolio_id, account_ids in take_touched(session).items():
        session.flush()
        portfolio = session.get_one(Portfolio, portfolio_id)
        today = local_date(now, portfolio.timezone)
        for ids in chunked(sorted(account_ids), CHUNK):
            count += refresh_figures(session, portfolio, _worked_on(session, ids), today)
    return count


def refresh_figures(session: Session, portfolio: Portfolio, customer_ids: Iterable[int], today: date) -> int:
    """Write what these customers owe at this moment on their open cases. Returns how many customers there were."""
    case = table_of(CollectionsCase)
    update = (
        sa.update(case)
        .where(case.c.customer_id == sa.bindparam("b_customer"), case.c.status == CaseStatus.OPEN)
        .values(
            now_past_due_minor=sa.bindparam("b_past_due"),
            now_balance_minor=sa.bindparam("b_balance"),
            now_oldest_due_on=sa.bindparam("b_oldest"),
        )
    )
    count = 0
    for ids in chunked(sorted(customer_ids), CHUNK):
        owes = debts_now(session, portfolio, ids, today)
        rows = [
            {
                "b_customer": customer_id,
                "b_past_due": debt.past_due,
                "b_balance": debt.balance,
                "b_oldest": debt.oldest,
            }
            for customer_id in ids
            for debt in (owes.get(customer_id, CustomerDebt()),)
        ]
        session.connection().execute(update, rows)
        count += len(rows)
    return count


def refresh_tomorrow(session: Session, portfolio: Portfolio, closed: date) -> int:
    """After the close of a day: bring the cases on whose accounts something happens on the day that now begins (a due
    date, a bucket, an entry of a later date) to that day. All others stand as they were closed."""
    today = closed + timedelta(days=1)
    account, state, change = table_of(Account), table_of(AccountState), table_of(LedgerChange)
    case = table_of(CollectionsCase)
    waking = sa.select(state.c.account_id).where(
        state.c.portfolio_id == id_of(portfolio), state.c.wake_on <= today
    )
    changed = sa.select(change.c.account_id).where(change.c.portfolio_id == id_of(portfolio))
    theirs = (
        sa.select(case.c.customer_id)
        .join(account, account.c.customer_id == case.c.customer_id)
        .where(
            case.c.portfolio_id == id_of(portfolio),
            case.c.status == CaseStatus.OPEN,
            account.c.id.in_(sa.union_all(waking, changed)),
        )
    )
    return refresh_figures(session, portfolio, set(session.execute(theirs).scalars()), today)


def _worked_on(session: Session, account_ids: list[int]) -> set[int]:
    """The customers of these accounts who have an open case."""
    account, case = table_of(Account), table_of(CollectionsCase)
    query = (
        sa.select(case.c.customer_id)
        .join(account, account.c.customer_id == case.c.customer_id)
        .where(among(session, account.c.id, account_ids), case.c.status == CaseStatus.OPEN)
    )
    return set(session.execute(query).scalars())
