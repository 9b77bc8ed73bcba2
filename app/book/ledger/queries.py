"""The ledger as a case page shows it: entries with a running balance, and statements with what came for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer, Entry, Waiver
from app.book.ledger.references import normal_reference
from app.book.ledger.rules import COLLECTABLE, PAYS_DUES, AccountStatus, EntryKind
from app.book.portfolios.models import DailyRun, Portfolio
from app.core.database.engine import table_of
from app.core.ids import id_of


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """An entry and the balance of its account after it."""

    entry_id: int
    account_id: int
    kind: EntryKind
    amount_minor: int
    effective_on: date
    posted_on: date
    reference: str
    source: str
    description: str
    reverses_id: int | None
    mirror_id: int | None
    """The entry that reverses this one."""
    balance_minor: int

    @property
    def reversed(self) -> bool:
        return self.mirror_id is not None


def worked() -> sa.ColumnElement[bool]:
    """`rules.is_worked` in SQL, over `Account`."""
    account = table_of(Account)
    came_charged_off = sa.and_(account.c.status == AccountStatus.CHARGED_OFF, account.c.ended_on.is_(None))
    return sa.or_(account.c.status.in_(COLLECTABLE), came_charged_off)


def accounts_of(session: Session, customer_id: int) -> list[Account]:
    query = select(Account).where(Account.customer_id == customer_id).order_by(col(Account.reference))
    return list(session.scalars(query))


def find_accounts(session: Session, text: str, *, limit: int) -> list[Account]:
    """Accounts with this reference, or of customers with this reference or with `text` in their name."""
    customer = table_of(Customer)
    text = normal_reference(text)
    called = sa.func.upper(col(Account.reference)) == text.upper()
    holders = sa.select(customer.c.id).where(
        sa.or_(customer.c.reference == text, customer.c.full_name.icontains(text, autoescape=True))
    )
    query = (
        select(Account)
        .where(sa.or_(called, col(Account.customer_id).in_(holders)))
        .order_by((col(Account.reference) != text), col(Account.reference), col(Account.id))
        .limit(limit)
    )
    return list(session.scalars(query))


def ledger_lines(
    session: Session, account_ids: Sequence[int], *, newest_first: bool, limit: int | None = None
) -> Iterator[LedgerLine]:
    """Entries of these accounts, account by account, each with the running balance of its own account."""
    line = _lines(account_ids)
    order = [c.desc() if newest_first else c.asc() for c in (line.c.effective_on, line.c.id)]
    query = sa.select(line).order_by(line.c.account_id, *order).limit(limit)
    for row in session.connection().execute(query):
        yield LedgerLine(*row)


def ledger_page(
    session: Session,
    account_id: int,
    *,
    kinds: Sequence[EntryKind] = (),
    first_on: date | None = None,
    last_on: date | None = None,
    before: tuple[date, int] | None = None,
    limit: int | None = None,
) -> list[LedgerLine]:
    """Entries of one account, the latest first, of some kinds (none = all) and effective dates; the running
    balance counts those left out too. `before` is the effective date and the id of the last entry shown."""
    line = _lines([account_id])
    query = sa.select(line)
    if kinds:
        query = query.where(line.c.kind.in_(kinds))
    if first_on:
        query = query.where(line.c.effective_on >= first_on)
    if last_on:
        query = query.where(line.c.effective_on <= last_on)
    if before:
        on, entry_id = before
        query = query.where(
            sa.or_(line.c.effective_on < on, sa.and_(line.c.effective_on == on, line.c.id < entry_id))
        )
    query = query.order_by(line.c.effective_on.desc(), line.c.id.desc()).limit(limit)
    return [LedgerLine(*row) for row in session.connection().execute(query)]


def _lines(account_ids: Sequence[int]) -> sa.Subquery:
    entry = table_of(Entry)
    mirror = entry.alias("mirror")
    running = sa.func.sum(entry.c.amount_minor).over(
        partition_by=entry.c.account_id, order_by=(entry.c.effective_on, entry.c.id)
    )
    return (
        sa.select(
            entry.c.id,
            entry.c.account_id,
            entry.c.kind,
            entry.c.amount_minor,
            entry.c.effective_on,
            entry.c.posted_on,
            entry.c.reference,
            entry.c.source,
            entry.c.description,
            entry.c.reverses_id,
            mirror.c.id.label("mirror_id"),
            # PostgreSQL sums BIGINT to NUMERIC.
            sa.cast(running, sa.BigInteger).label("balance_minor"),
        )
        .outerjoin(mirror, mirror.c.reverses_id == entry.c.id)
        .where(entry.c.account_id.in_(account_ids))
        .subquery("line")
    )


def credits_between(
    session: Session, account_ids: Sequence[int], first_on: date | None, last_on: date
) -> list[Entry]:
    """Payments, refunds, credits and reversals with an effective date in a stretch of days, the latest first."""
    query = select(Entry).where(
        col(Entry.account_id).in_(account_ids),
        col(Entry.kind).in_((*PAYS_DUES, EntryKind.REVERSAL)),
        col(Entry.effective_on) <= last_on,
    )
    if first_on is not None:
        query = query.where(col(Entry.effective_on) >= first_on)
    return list(session.scalars(query.order_by(col(Entry.effective_on).desc(), col(Entry.id).desc())))


@lru_cache
def keeps_agreements() -> sa.ColumnElement[bool]:
    """Select entries that count toward a promise, a plan or a settlement: money, also after a charge-off, refunds and
    credits, none of them reversed. A waived fee or interest is not a payment."""
    entry, waiver = table_of(Entry), table_of(Waiver)
    mirror = entry.alias("mirror")
    return sa.and_(
        entry.c.kind.in_(PAYS_DUES),
        ~sa.exists().where(mirror.c.reverses_id == entry.c.id),
        entry.c.id.not_in(sa.select(waiver.c.credit_id).where(waiver.c.credit_id.is_not(None))),
    )


@dataclass(frozen=True, slots=True)
class PortfolioOverview:
    code: str
    creditor: str
    currency: str
    timezone: str
    policy: str
    accounts: int
    last_closed_on: date | None


def portfolio_overview(session: Session) -> list[PortfolioOverview]:
    """Each portfolio with its number of accounts and the last business day it closed, by code."""
    count = sa.select(col(Account.portfolio_id), sa.func.count()).group_by(col(Account.portfolio_id))
    accounts: dict[int, int] = {key: n for key, n in session.execute(count)}
    last = (
        sa.select(col(DailyRun.portfolio_id), sa.func.max(DailyRun.business_date))
        .where(col(DailyRun.finished_at).is_not(None))
        .group_by(col(DailyRun.portfolio_id))
    )
    closed: dict[int, date] = {key: day for key, day in session.execute(last)}
    return [
        PortfolioOverview(
            code=each.code,
            creditor=each.creditor,
            currency=each.currency,
            timezone=each.timezone,
            policy=each.pack,
            accounts=accounts.get(id_of(each), 0),
            last_closed_on=closed.get(id_of(each)),
        )
        for each in session.scalars(select(Portfolio).order_by(col(Portfolio.code)))
    ]
