"""Where a portfolio stood at the end of any day, from spells and the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.db import chunked
from app.delinquency.models import AccountState, Movement, Spell
from app.delinquency.rules import CURRENT, DAY, MovementKind, bucket_labels, standing
from app.delinquency.service import edges_of, refold_from_nothing, stale_accounts
from app.ledger.models import Account, Entry, Portfolio


@dataclass
class BucketTotal:
    """Minor units and counts of one bucket."""

    accounts: int = 0
    balance: int = 0
    past_due: int = 0


@dataclass
class Aging:
    """The whole portfolio at the end of a day; `balance` is the plain sum, credit balances included."""

    on: date
    buckets: dict[str, BucketTotal] = field(default_factory=dict)

    @property
    def accounts(self) -> int:
        return sum(b.accounts for b in self.buckets.values())

    @property
    def balance(self) -> int:
        return sum(b.balance for b in self.buckets.values())

    @property
    def past_due_amount(self) -> int:
        return sum(b.past_due for b in self.buckets.values())

    @property
    def past_due_accounts(self) -> int:
        return sum(b.accounts for label, b in self.buckets.items() if label != CURRENT)


def balances_on(portfolio_id: int, on: date) -> sa.Subquery:
    """(account_id, balance_minor) of every account with entries up to `on`, summed from the ledger."""
    return (
        sa.select(col(Entry.account_id), sa.func.sum(Entry.amount_minor).label("balance_minor"))
        .where(col(Entry.portfolio_id) == portfolio_id, col(Entry.effective_on) <= on)
        .group_by(col(Entry.account_id))
        .subquery("balances")
    )


def spells_on(portfolio_id: int, on: date) -> sa.Subquery:
    """The spell each past-due account was in at the end of `on`."""
    return (
        sa.select(
            col(Spell.account_id), col(Spell.bucket), col(Spell.past_due_minor), col(Spell.oldest_due_on)
        )
        .where(
            col(Spell.portfolio_id) == portfolio_id,
            col(Spell.from_on) <= on,
            sa.or_(col(Spell.to_on).is_(None), col(Spell.to_on) > on),
        )
        .subquery("spells")
    )


def late_on(portfolio_id: int, on: date) -> sa.Subquery:
    """`spells_on` with each account's balance; looked up one by one, because past-due accounts are few."""
    spells = spells_on(portfolio_id, on)
    balance = (
        sa.select(sa.func.coalesce(sa.func.sum(Entry.amount_minor), 0))
        .where(col(Entry.account_id) == spells.c.account_id, col(Entry.effective_on) <= on)
        .scalar_subquery()
    )
    return sa.select(spells, balance.label("balance_minor")).subquery("late")


def aging(session: Session, portfolio: Portfolio, on: date) -> Aging:
    """Buckets at the end of `on`, for any day, with everything known now.

    Accounts whose state does not reach `on` yet (no day was run, or a feed came after it) are folded in memory.
    """
    assert portfolio.id is not None
    result = Aging(on, {label: BucketTotal() for label in bucket_labels(edges_of(portfolio))})
    stale = stale_accounts(session, portfolio.id, on)
    _add_folded(session, portfolio, on, result, skip=set(stale))
    for account_ids in chunked(_opened(session, stale, on), 2000):
        for _, state, balance, _ in refold_from_nothing(session, portfolio, account_ids, on):
            stands = standing(state, on, edges_of(portfolio))
            _add(result, stands.bucket if stands else CURRENT, balance, state.past_due)
    return result


def _add(result: Aging, bucket: str, balance: int, past_due: int) -> None:
    total = result.buckets[bucket]
    total.accounts += 1
    total.balance += balance
    total.past_due += past_due


def _add_folded(session: Session, portfolio: Portfolio, on: date, result: Aging, *, skip: set[int]) -> None:
    """Accounts whose spells reach `on`, `skip` left out: past-due ones by bucket, the rest is current.

    Spells and balances are summed apart and joined over the few past-due accounts only: one join over all
    accounts costs SQLite minutes on a real book.
    """
    assert portfolio.id is not None
    folded = sa.and_(
        col(Account.portfolio_id) == portfolio.id,
        col(Account.opened_on) <= on,
        sa.select(col(AccountState.account_id)).where(col(AccountState.account_id) == Account.id).exists(),
    )
    accounts = sa.select(col(Account.id)).where(folded)
    balances, late = balances_on(portfolio.id, on), late_on(portfolio.id, on)
    owed = sa.select(balances).where(balances.c.account_id.in_(accounts))
    current = result.buckets[CURRENT]
    if skip:
        current.accounts += sum(1 for account_id in session.scalars(accounts) if account_id not in skip)
        current.balance += sum(
            int(minor) for account_id, minor in session.execute(owed) if account_id not in skip
        )
    else:
        current.accounts += session.scalar(sa.select(sa.func.count()).select_from(accounts.subquery())) or 0
        current.balance += int(session.scalar(sa.select(sa.func.sum(owed.subquery().c.balance_minor))) or 0)
    for row in session.execute(sa.select(late).where(late.c.account_id.in_(accounts))):
        if row.account_id not in skip:
            _add(result, row.bucket, int(row.balance_minor), int(row.past_due_minor))
            current.accounts -= 1
            current.balance -= int(row.balance_minor)


def _opened(session: Session, account_ids: Iterable[int], on: date) -> list[int]:
    opened: list[int] = []
    for ids in chunked(account_ids, 5000):
        query = select(Account.id).where(col(Account.id).in_(ids), col(Account.opened_on) <= on)
        opened += [i for i in session.scalars(query) if i is not None]
    return opened


@dataclass(frozen=True, slots=True)
class RollForward:
    """start + fell_past_due - paid - adjusted = end, in minor units."""

    start: int
    fell_past_due: int
    paid: int
    adjusted: int
    end: int

    @property
    def closes(self) -> bool:
        return self.start + self.fell_past_due - self.paid - self.adjusted == self.end


def past_due_total(session: Session, portfolio_id: int, on: date) -> int:
    """Past-due amount of the portfolio at the end of `on`, from the spells."""
    spells = spells_on(portfolio_id, on)
    return int(session.scalar(sa.select(sa.func.coalesce(sa.func.sum(spells.c.past_due_minor), 0))) or 0)


def roll_forward(session: Session, portfolio_id: int, first_on: date, last_on: date) -> RollForward:
    """From the end of the day before `first_on` to the end of `last_on`. The movements explain the change,
    start and end are taken from the spells: that both agree is the check."""
    query = (
        sa.select(col(Movement.kind), sa.func.sum(Movement.amount_minor))
        .where(col(Movement.portfolio_id) == portfolio_id, col(Movement.on).between(first_on, last_on))
        .group_by(col(Movement.kind))
    )
    sums = {kind: int(total) for kind, total in session.execute(query)}
    return RollForward(
        start=past_due_total(session, portfolio_id, first_on - DAY),
        fell_past_due=sums.get(MovementKind.FELL_PAST_DUE, 0),
        paid=sums.get(MovementKind.PAID, 0),
        adjusted=sums.get(MovementKind.ADJUSTED, 0),
        end=past_due_total(session, portfolio_id, last_on),
    )
