"""Invariants of the ledger: balances are sums of entries, ended accounts owe nothing, one statement a closing day."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.models import AccountState
from app.book.ledger.models import Account, Entry, LedgerChange, Statement
from app.book.ledger.positions import unreconciled
from app.book.ledger.rules import ENDED
from app.book.portfolios.models import Portfolio
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.money import to_decimal_string


def ended_accounts_owe_nothing(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """An account that ended here has nothing left on the book, and is on no worklist."""
    account, state = table_of(Account), table_of(AccountState)
    query = (
        sa.select(account.c.reference, account.c.status, account.c.ended_on, state.c.balance_minor)
        .join(state, state.c.account_id == account.c.id)
        .where(
            account.c.portfolio_id == portfolio.id,
            account.c.ended_on.is_not(None),
            account.c.status.in_(ENDED),
            account.c.ended_on <= state.c.folded_through,
            state.c.balance_minor > 0,
        )
        .order_by(account.c.id)
    )
    for reference, status, ended_on, balance in session.connection().execute(query.limit(20)):
        owed = to_decimal_string(balance, portfolio.currency)
        yield (
            f"account {reference} is {status.value} since {ended_on} and owes {owed} {portfolio.currency}: make it "
            "active again, which undoes the end, or correct the entry"
        )


def one_statement_a_closing_day(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """Two that older versions loaded for one day both count, until a manager withdraws one."""
    twin, first, account = table_of(Statement), table_of(Statement).alias("first"), table_of(Account)
    query = (
        sa.select(account.c.reference, first.c.reference, twin.c.reference, twin.c.closing_on)
        .join(account, account.c.id == twin.c.account_id)
        .join(
            first,
            sa.and_(first.c.account_id == twin.c.account_id, first.c.closing_on == twin.c.closing_on),
        )
        .where(twin.c.portfolio_id == portfolio.id, twin.c.issue > 1, first.c.issue < twin.c.issue)
        .order_by(twin.c.id)
    )
    for reference, one, other, closing_on in session.connection().execute(query.limit(20)):
        yield (
            f"account {reference} has {one} and {other} of {closing_on}: withdraw one (desk statement withdraw)"
        )


def balances_match_ledger(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """A state's balance is the sum of the entries up to the day it was folded to (unless news is waiting)."""
    entry, state, change = table_of(Entry), table_of(AccountState), table_of(LedgerChange)
    total = (
        sa.select(sa.func.coalesce(sa.func.sum(entry.c.amount_minor), 0))
        .where(entry.c.account_id == state.c.account_id, entry.c.effective_on <= state.c.folded_through)
        .scalar_subquery()
    )
    query = sa.select(state.c.account_id, state.c.balance_minor, total).where(
        state.c.portfolio_id == portfolio.id,
        state.c.balance_minor != total,
        ~sa.exists().where(change.c.account_id == state.c.account_id),
    )
    for account_id, balance, summed in session.connection().execute(query.limit(20)):
        yield f"account {account_id}: balance {balance}, entries sum to {summed}"


def positions_match_ledger(session: Session, portfolio: Portfolio) -> Iterator[str]:
    """Check that the entries up to a day sum to the balance that the creditor reported for it, where it reports one."""
    for row in unreconciled(session, id_of(portfolio)):
        yield f"account {row.account_ref} on {row.as_of}: the ledger differs by {row.difference}"
