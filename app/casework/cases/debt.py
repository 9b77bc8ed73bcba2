"""Debt of a customer on all accounts that are worked: as the last night left it, and as of this moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.models import AccountState
from app.book.delinquency.queries import disputed_minor, owed_by_statements_minor
from app.book.delinquency.service import Now, standing_on
from app.book.ledger.models import Account, Entry, Position, Statement
from app.book.ledger.queries import worked
from app.book.portfolios.models import Portfolio
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.types import Rows


@dataclass(frozen=True, slots=True)
class CustomerDebt:
    """The debt of a customer, in minor units. Accounts on which nothing is owed do not count."""

    past_due: int = 0
    """The amount that is past due, owed and not disputed, which may be asked for: on each account never more than its
    balance."""
    not_owed: int = 0
    """The amount that is past due by the statements beyond the balances, and is not owed."""
    balance: int = 0
    debt: int = 0
    """The positive balances alone, without what is disputed: a credit on one account pays nothing on another."""
    oldest: date | None = None
    """The oldest unpaid due date of accounts on which something past due is owed; as `AccountState.oldest_due_on`."""
    disputed: int = 0
    """The amount that is past due and owed but for a dispute; it is in neither `past_due` nor `not_owed`."""


def debt_of(accounts: Iterable[Now]) -> CustomerDebt:
    """Add up a customer's worked accounts."""
    past_due = not_owed = balance = debt = disputed = 0
    oldest: date | None = None
    for each in accounts:
        past_due += each.owed
        not_owed += each.not_owed
        balance += each.balance
        debt += each.collectable
        disputed += each.left_out
        if each.owed > 0 and each.oldest_due_on is not None:
            oldest = min(oldest or each.oldest_due_on, each.oldest_due_on)
    return CustomerDebt(past_due, not_owed, balance, debt, oldest, disputed)


def debts_as_folded(session: Session, customer_ids: Iterable[int]) -> dict[int, CustomerDebt]:
    """By customer, as the last fold left it; customers without a worked account are left out.

    Looked up some thousand customers at a time through indexes. One join with the sums of all is a statement less
    to read, but a planner that has no statistics yet computes those sums again for every case.
    """
    state, account, owed = table_of(AccountState), table_of(Account), owed_by_statements_minor()
    found: dict[int, CustomerDebt] = {}
    for ids in chunked(customer_ids, 2000):
        # One row an account: the key of the disputed amount is looked up once, whatever uses it.
        each = (
            sa.select(
                account.c.customer_id,
                owed.label("owed"),
                disputed_minor().label("disputed"),
                state.c.past_due_minor,
                state.c.balance_minor,
                state.c.oldest_due_on,
            )
            .join(state, state.c.account_id == account.c.id)
            .where(among(session, account.c.customer_id, ids), worked())
            .subquery()
        )
        asked = sa.case((each.c.owed > each.c.disputed, each.c.owed - each.c.disputed), else_=0)
        left = each.c.balance_minor - each.c.disputed
        query = sa.select(
            each.c.customer_id,
            sa.func.sum(asked),
            sa.func.sum(each.c.owed),
            sa.func.sum(each.c.past_due_minor),
            sa.func.sum(each.c.balance_minor),
            sa.func.sum(sa.case((left > 0, left), else_=0)),
            sa.func.min(sa.case((asked > 0, each.c.oldest_due_on))),
        ).group_by(each.c.customer_id)
        for who, past_due, owed_all, unpaid, balance, debt, oldest in (
            session.connection().execute(query).all()
        ):
            found[who] = CustomerDebt(
                int(past_due),
                int(unpaid - owed_all),
                int(balance),
                int(debt),
                oldest,
                int(owed_all - past_due),
            )
    return found


def debts_now(
    session: Session, portfolio: Portfolio, customer_ids: Sequence[int], today: date
) -> dict[int, CustomerDebt]:
    """By customer, with everything posted until this moment; milliseconds a customer. Customers without a worked
    account are left out."""
    accounts = worked_accounts(session, customer_ids)
    stands = standing_on(session, portfolio, [account_id for account_id, _ in accounts], today)
    theirs: dict[int, list[Now]] = {}
    for account_id, customer_id in accounts:
        theirs.setdefault(customer_id, []).append(stands[account_id])
    return {customer_id: debt_of(lines) for customer_id, lines in theirs.items()}


def debt_now(session: Session, portfolio: Portfolio, customer_id: int, today: date) -> CustomerDebt:
    """`debts_now` for one customer; nothing where no account is worked."""
    return debts_now(session, portfolio, [customer_id], today).get(customer_id, CustomerDebt())


def is_known(session: Session, customer_id: int) -> bool:
    """True if any file or person has told what this customer owes: an entry, a statement or a position."""
    account = table_of(Account)
    theirs = sa.select(account.c.id).where(account.c.customer_id == customer_id)
    told = (
        sa.exists().where(table_of(model).c.account_id.in_(theirs)) for model in (Entry, Statement, Position)
    )
    return bool(session.execute(sa.select(sa.or_(*told))).scalar())


def worked_accounts(session: Session, customer_ids: Sequence[int]) -> Rows:
    """(account id, customer id) of accounts of these customers that are worked."""
    account = table_of(Account)
    query = sa.select(account.c.id, account.c.customer_id).where(
        among(session, account.c.customer_id, customer_ids), worked()
    )
    return session.connection().execute(query.order_by(account.c.id)).all()
