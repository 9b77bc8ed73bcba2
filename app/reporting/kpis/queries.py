"""The figures of a day, each one statement over spells, movements and balances."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.days import DAY
from app.book.delinquency.facts import MovementKind
from app.book.delinquency.models import AccountState, Movement
from app.book.delinquency.queries import RollForward, late_on, past_due_total, roll_forward
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.core.database.engine import table_of
from app.core.database.rows import Expression
from app.core.dates import month_start
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.rules import OVERDUE_DAYS, Figure


def figures_on(session: Session, portfolio_id: int, on: date) -> list[Figure]:
    """Every key figure at the end of `on`, a day that was closed, with everything folded so far."""
    return [
        _recovery(session, portfolio_id, "recovery_rate", month_start(on), on),
        _recovery(session, portfolio_id, "recovery_rate_30d", on - timedelta(days=29), on),
        *_overdue(session, portfolio_id, on),
    ]


def _recovery(session: Session, portfolio_id: int, kpi: str, first_on: date, on: date) -> Figure:
    query = (
        sa.select(col(Movement.kind), sa.func.sum(Movement.amount_minor))
        .where(col(Movement.portfolio_id) == portfolio_id, col(Movement.on).between(first_on, on))
        .group_by(col(Movement.kind))
    )
    sums = {kind: int(total) for kind, total in session.execute(query)}
    start = past_due_total(session, portfolio_id, first_on - DAY)
    denominator = start + sums.get(MovementKind.FELL_PAST_DUE, 0)
    return Figure(kpi, sums.get(MovementKind.PAID, 0), denominator)


def _overdue(session: Session, portfolio_id: int, on: date) -> list[Figure]:
    """Both overdue rates for every N: one pass over all accounts for the denominators, one over the spells of
    the day for the numerators."""
    account, state = table_of(Account), table_of(AccountState)
    own = account.c.portfolio_id == portfolio_id
    outside = sa.select(account.c.id).where(own, sa.not_(counted_on(on)))
    accounts = session.scalar(sa.select(sa.func.count()).where(own, counted_on(on))) or 0
    held = sa.select(sa.func.coalesce(sa.func.sum(_positive(state.c.balance_minor)), 0))
    total = session.scalar(held.where(state.c.portfolio_id == portfolio_id)) or 0
    total -= session.scalar(held.where(state.c.account_id.in_(outside))) or 0
    total -= _positive_since(session, portfolio_id, on)
    late = late_on(portfolio_id, on)
    balance = _positive(late.c.balance_minor)
    columns = []
    for days in OVERDUE_DAYS:
        that_late = late.c.oldest_due_on <= on - timedelta(days=days)
        columns.append(sa.func.coalesce(sa.func.sum(sa.case((that_late, balance), else_=0)), 0))
        columns.append(sa.func.coalesce(sa.func.sum(sa.case((that_late, 1), else_=0)), 0))
    query = (
        sa.select(*columns)
        .select_from(late)
        .join(Account, col(Account.id) == late.c.account_id)
        .where(counted_on(on))
    )
    sums = [int(value) for value in session.execute(query).one()]
    figures = []
    for n, days in enumerate(OVERDUE_DAYS):
        figures.append(Figure(f"overdue_rate_balance_{days}", sums[2 * n], int(total)))
        figures.append(Figure(f"overdue_rate_accounts_{days}", sums[2 * n + 1], accounts))
    return figures


def counted_on(on: date) -> sa.ColumnElement[bool]:
    """Select the accounts that the overdue rates of `on` count: opened by then and not charged off by then.

    In a third-party collector's portfolio, accounts that the creditor charged off before they came count too: the
    collector was given them to work.
    """
    account, portfolio = table_of(Account), table_of(Portfolio)
    a_collectors = account.c.portfolio_id.in_(
        sa.select(portfolio.c.id).where(portfolio.c.collector == CollectorKind.THIRD_PARTY)
    )
    came_so = sa.and_(account.c.ended_on.is_(None), sa.not_(a_collectors))
    ended_here = sa.and_(account.c.ended_on.is_not(None), account.c.ended_on <= on)
    charged_off = sa.and_(account.c.status == AccountStatus.CHARGED_OFF, sa.or_(came_so, ended_here))
    return sa.and_(account.c.opened_on <= on, sa.not_(charged_off))


def _positive_since(session: Session, portfolio_id: int, on: date) -> int:
    """Return how much the positive balances of counted accounts rose from the end of `on` to their states. Reads only
    accounts with an entry since, so a recent day costs little."""
    account, state, entry = table_of(Account), table_of(AccountState), table_of(Entry)
    moved = (
        sa.select(entry.c.account_id, state.c.balance_minor, sa.func.sum(entry.c.amount_minor).label("moved"))
        .join(state, state.c.account_id == entry.c.account_id)
        .join(account, account.c.id == entry.c.account_id)
        .where(
            entry.c.portfolio_id == portfolio_id,
            entry.c.effective_on > on,
            entry.c.effective_on <= state.c.folded_through,
            counted_on(on),
        )
        .group_by(entry.c.account_id, state.c.balance_minor)
        .subquery("moved")
    )
    then = moved.c.balance_minor - moved.c.moved
    more = _positive(moved.c.balance_minor) - _positive(then)
    return int(session.scalar(sa.select(sa.func.coalesce(sa.func.sum(more), 0))) or 0)


def _positive(amount: Expression) -> sa.ColumnElement[int]:
    return sa.case((amount > 0, amount), else_=0)


def month_roll_forward(session: Session, portfolio_id: int, on: date) -> RollForward:
    return roll_forward(session, portfolio_id, month_start(on), on)


def snapshots(
    session: Session, portfolio_id: int, first_on: date, last_on: date, kpis: list[str] | None = None
) -> list[KpiSnapshot]:
    """Current figures (highest version) of the whole portfolio on these days, by date and name."""
    newer = sa.orm.aliased(KpiSnapshot)
    is_superseded = sa.exists().where(
        col(newer.portfolio_id) == KpiSnapshot.portfolio_id,
        col(newer.business_date) == KpiSnapshot.business_date,
        col(newer.kpi) == KpiSnapshot.kpi,
        col(newer.dimension) == KpiSnapshot.dimension,
        col(newer.member) == KpiSnapshot.member,
        col(newer.version) > KpiSnapshot.version,
    )
    query = (
        select(KpiSnapshot)
        .where(
            KpiSnapshot.portfolio_id == portfolio_id,
            col(KpiSnapshot.business_date).between(first_on, last_on),
            KpiSnapshot.dimension == "",
            ~is_superseded,
        )
        .order_by(col(KpiSnapshot.business_date), col(KpiSnapshot.kpi))
    )
    if kpis:
        query = query.where(col(KpiSnapshot.kpi).in_(kpis))
    return list(session.scalars(query))
