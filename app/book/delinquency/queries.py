"""Aging of a portfolio at the end of any day, from spells and the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.days import CURRENT, DAY, bucket_labels
from app.book.delinquency.facts import MovementKind
from app.book.delinquency.models import AccountState, DisputedAmount, Movement, Spell
from app.book.delinquency.rules import owed_of, standing
from app.book.delinquency.service import edges_of, refold_from_nothing, stale_accounts
from app.book.ledger.models import Account, Entry
from app.book.portfolios.models import Portfolio
from app.core.database.bulk import chunked
from app.core.database.engine import table_of


@dataclass
class BucketTotal:
    """Minor units and counts of one bucket."""

    accounts: int = 0
    balance: int = 0
    past_due: int = 0
    owed: int = 0
    """The part of it that is owed."""


@dataclass
class Aging:
    """The whole portfolio at the end of a day; `balance` is the plain sum, credit balances included."""

    on: date
    buckets: dict[str, BucketTotal] = field(default_factory=dict)
    small_debt: int = 0
    """The portfolio's threshold; 0 = none."""
    small: BucketTotal = field(default_factory=BucketTotal)
    """Past-due accounts with less than the threshold; they are in the buckets too."""

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
    def owed_amount(self) -> int:
        return sum(b.owed for b in self.buckets.values())

    @property
    def past_due_accounts(self) -> int:
        return sum(b.accounts for label, b in self.buckets.items() if label != CURRENT)


def owed_by_statements_minor() -> sa.ColumnElement[int]:
    """`owed_of` in SQL, over `AccountState`, with what is disputed: key figures count it."""
    state = table_of(AccountState)
    balance, past_due = state.c.balance_minor, state.c.past_due_minor
    return sa.case((balance <= 0, 0), (balance < past_due, balance), else_=past_due)


def disputed_minor() -> sa.ColumnElement[int]:
    """The sum that is disputed of the account of a row of `AccountState`, in SQL; 0 = nothing."""
    state, disputed = table_of(AccountState), table_of(DisputedAmount)
    found = sa.select(disputed.c.amount_minor).where(disputed.c.account_id == state.c.account_id)
    return sa.func.coalesce(found.correlate(state).scalar_subquery(), 0)


def owed_minor() -> sa.ColumnElement[int]:
    """`owed_of` in SQL, over `AccountState`: without what is disputed. Looked up by key where something is past due."""
    owed, disputed = owed_by_statements_minor(), disputed_minor()
    return sa.case((owed <= 0, 0), (owed > disputed, owed - disputed), else_=0)


def spells_on(portfolio_id: int | sa.ColumnElement[int], on: date | sa.ColumnElement[date]) -> sa.Subquery:
    """The spell each past-due account was in at the end of `on`.

    Two index scans, of the spells still open and of those that ended later, and none of what was over by then.
    """
    return sa.union_all(*spell_selects_on(portfolio_id, on)).subquery("spells")


def spell_selects_on(
    portfolio_id: int | sa.ColumnElement[int], on: date | sa.ColumnElement[date]
) -> tuple[sa.Select[tuple[int, str, int, date]], ...]:
    """The two selects of `spells_on`: of the spells still open, and of those that ended later."""
    spell = table_of(Spell)
    began = sa.select(
        spell.c.account_id, spell.c.bucket, spell.c.past_due_minor, spell.c.oldest_due_on
    ).where(spell.c.portfolio_id == portfolio_id, spell.c.from_on <= on)
    return began.where(spell.c.to_on.is_(None)), began.where(spell.c.to_on > on)


def late_on(portfolio_id: int, on: date) -> sa.Subquery:
    """`spells_on` with each account's balance at the end of `on`: the balance of its state, less the entries in
    between.

    Balances are looked up one by one, because past-due accounts are few and recent days touch few entries.
    """
    spells, state, entry = spells_on(portfolio_id, on), table_of(AccountState), table_of(Entry)
    since = (
        sa.select(sa.func.coalesce(sa.func.sum(entry.c.amount_minor), 0))
        .where(
            entry.c.account_id == spells.c.account_id,
            entry.c.effective_on > on,
            entry.c.effective_on <= state.c.folded_through,
        )
        .scalar_subquery()
    )
    return (
        sa.select(spells, (state.c.balance_minor - since).label("balance_minor"))
        .join(state, state.c.account_id == spells.c.account_id)
        .subquery("late")
    )


def aging(session: Session, portfolio: Portfolio, on: date) -> Aging:
    """Buckets at the end of `on`, for any day, with everything known now.

    Accounts whose state does not reach `on` yet (no day was run, or a feed came after it) are folded in memory.
    """
    assert portfolio.id is not None
    edges = edges_of(portfolio)
    result = Aging(on, {label: BucketTotal() for label in bucket_labels(edges)}, portfolio.small_debt_minor)
    stale = stale_accounts(session, portfolio.id, on)
    _add_folded(session, portfolio, on, result, skip=set(stale))
    for account_ids in chunked(_opened(session, stale, on), 2000):
        for account in refold_from_nothing(session, portfolio, account_ids, on):
            stands = standing(account.state, on, edges, account.pauses)
            _add(result, stands.bucket if stands else CURRENT, account.balance, account.state.past_due)
    return result


def _add(result: Aging, bucket: str, balance: int, past_due: int) -> None:
    totals = [result.buckets[bucket]]
    if 0 < past_due < result.small_debt:
        totals.append(result.small)
    for total in totals:
        total.accounts += 1
        total.balance += balance
        total.past_due += past_due
        total.owed += owed_of(past_due, balance)


def _add_folded(session: Session, portfolio: Portfolio, on: date, result: Aging, *, skip: set[int]) -> None:
    """Add accounts whose spells reach `on`, `skip` left out: past-due ones by bucket, the rest is current.

    The portfolio's balance is one sum over the ledger; accounts that do not belong to it (those to skip, those opened
    later) are subtracted. A sum by account and a join cost minutes on a large portfolio.
    """
    assert portfolio.id is not None
    account = table_of(Account)
    own = account.c.portfolio_id == portfolio.id
    later = set(session.scalars(sa.select(account.c.id).where(own, account.c.opened_on > on)))
    everybody = session.scalar(sa.select(sa.func.count()).where(own)) or 0
    outside = skip | later
    current = result.buckets[CURRENT]
    current.accounts += everybody - len(outside)
    if current.accounts == 0:
        return
    current.balance += _owed_by_all(session, portfolio.id, on) - _owed_by(session, outside, on)
    for row in session.execute(sa.select(late_on(portfolio.id, on))):
        if row.account_id not in outside:
            _add(result, row.bucket, int(row.balance_minor), int(row.past_due_minor))
            current.accounts -= 1
            current.balance -= int(row.balance_minor)


def _owed_by_all(session: Session, portfolio_id: int, on: date) -> int:
    query = sa.select(sa.func.coalesce(sa.func.sum(Entry.amount_minor), 0)).where(
        col(Entry.portfolio_id) == portfolio_id, col(Entry.effective_on) <= on
    )
    return int(session.scalar(query) or 0)


def _owed_by(session: Session, account_ids: Iterable[int], on: date) -> int:
    total = 0
    for ids in chunked(account_ids, 5000):
        query = sa.select(sa.func.coalesce(sa.func.sum(Entry.amount_minor), 0)).where(
            col(Entry.account_id).in_(ids), col(Entry.effective_on) <= on
        )
        total += int(session.scalar(query) or 0)
    return total


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


def movement_sums(
    session: Session, portfolio_id: int, first_on: date, last_on: date
) -> dict[MovementKind, int]:
    """Sum of each kind of movement of these days."""
    query = (
        sa.select(col(Movement.kind), sa.func.sum(Movement.amount_minor))
        .where(col(Movement.portfolio_id) == portfolio_id, col(Movement.on).between(first_on, last_on))
        .group_by(col(Movement.kind))
    )
    return {kind: int(total) for kind, total in session.execute(query)}


def roll_forward(session: Session, portfolio_id: int, first_on: date, last_on: date) -> RollForward:
    """Return the roll-forward from the end of the day before `first_on` to the end of `last_on`.

    The movements explain the change; start and end are taken from the spells. Both must agree, which is the check.
    """
    sums = movement_sums(session, portfolio_id, first_on, last_on)
    return RollForward(
        start=past_due_total(session, portfolio_id, first_on - DAY),
        fell_past_due=sums.get(MovementKind.FELL_PAST_DUE, 0),
        paid=sums.get(MovementKind.PAID, 0),
        adjusted=sums.get(MovementKind.ADJUSTED, 0),
        end=past_due_total(session, portfolio_id, last_on),
    )
