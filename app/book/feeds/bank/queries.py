"""Payers, accounts and amounts of the ledger, for matching a bank payment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.models import AccountState
from app.book.feeds.bank.rules import (
    Known,
)
from app.book.feeds.models import PayerAccount
from app.book.ledger.models import Account, Statement
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.database.rows import StoredColumn
from app.core.types import Rows


def accounts_by_key(session: Session, portfolio_id: int, keys: Iterable[str]) -> dict[str, list[Known]]:
    account = table_of(Account)
    key: sa.ColumnElement[str] = account.c.reference  # as `rules.reference_key`
    for char in " -./":
        key = sa.func.replace(key, char, "")
    key = sa.func.upper(key)
    found: dict[str, list[Known]] = {}
    for some in chunked(sorted(keys), 20_000):
        query = sa.select(key, *_known_columns()).where(account.c.portfolio_id == portfolio_id, key.in_(some))
        for name, *rest in session.connection().execute(query):
            found.setdefault(name, []).append(_known_as(rest, {}))
    return found


def known_accounts(session: Session, account_ids: Iterable[int]) -> dict[int, Known]:
    """By id."""
    account = table_of(Account)
    query = sa.select(*_known_columns()).where(among(session, account.c.id, account_ids))
    return {row.id: _known_as(row, {}) for row in session.connection().execute(query)}


def _known_columns() -> list[StoredColumn]:
    account = table_of(Account)
    return [account.c[name] for name in ("id", "customer_id", "reference", "status", "ended_on", "opened_on")]


def _known_as(row: Rows, amounts: Mapping[int, str]) -> Known:
    """A row of `_known_columns` and the amounts that would be paid to the account."""
    account_id, customer_id, reference, status, ended_on, opened_on = row
    return Known(account_id, customer_id, reference, status, ended_on, amounts, opened_on)


def paid_before(session: Session, portfolio_id: int, keys: Iterable[str]) -> dict[str, list[Known]]:
    """payer key -> accounts it has paid for, with the amounts they could be paid by."""
    payer = table_of(PayerAccount)
    account = table_of(Account)
    found: dict[str, list[Known]] = {}
    for some in chunked(sorted(keys), 5000):
        query = (
            sa.select(payer.c.payer_key, payer.c.last_amount_minor, *_known_columns())
            .join(account, account.c.id == payer.c.account_id)
            .where(payer.c.portfolio_id == portfolio_id, payer.c.payer_key.in_(some))
        )
        rows = session.connection().execute(query).all()
        owed = amounts_expected(session, [row.id for row in rows])
        for row in rows:
            amounts = {**owed.get(row.id, {}), row.last_amount_minor: "what it paid last"}
            known = _known_as(row[2:], amounts)
            found.setdefault(row.payer_key, []).append(known)
    return found


def amounts_expected(session: Session, account_ids: Sequence[int]) -> dict[int, dict[int, str]]:
    """account id -> amounts that would be paid to it, and what each is."""
    state, statement = table_of(AccountState), table_of(Statement)
    latest = (
        sa.select(statement.c.account_id, sa.func.max(statement.c.closing_on).label("closing_on"))
        .where(statement.c.account_id.in_(account_ids))
        .group_by(statement.c.account_id)
        .subquery()
    )
    bills = sa.select(statement.c.account_id, statement.c.balance_minor, statement.c.minimum_due_minor).join(
        latest,
        sa.and_(latest.c.account_id == statement.c.account_id, latest.c.closing_on == statement.c.closing_on),
    )
    standing = sa.select(state.c.account_id, state.c.balance_minor, state.c.past_due_minor).where(
        state.c.account_id.in_(account_ids)
    )
    found: dict[int, dict[int, str]] = {}
    for query, whole, part in (
        (bills, "the balance of its last statement", "the minimum of its last statement"),
        (standing, "its balance", "its past-due amount"),
    ):
        for account_id, balance, due in session.connection().execute(query):
            found.setdefault(account_id, {}).update(
                {amount: what for amount, what in ((balance, whole), (due, part)) if amount > 0}
            )
    return found
