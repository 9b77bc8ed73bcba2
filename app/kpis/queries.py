"""The figures of a day, each one statement over spells, movements and balances."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.delinquency.models import AccountState, Movement
from app.delinquency.queries import RollForward, balances_on, late_on, past_due_total, roll_forward
from app.delinquency.rules import DAY, MovementKind
from app.kpis.models import KpiSnapshot
from app.kpis.rules import OVERDUE_DAYS, Figure, month_start
from app.ledger.models import Account
from app.ledger.rules import AccountStatus


def figures_on(session: Session, portfolio_id: int, on: date, *, is_latest: bool) -> list[Figure]:
    """Every key figure at the end of `on`. `is_latest` = the states stand at `on`, so balances come from them
    instead of being summed from the whole ledger."""
    return [
        _recovery(session, portfolio_id, "recovery_rate", month_start(on), on),
        _recovery(session, portfolio_id, "recovery_rate_30d", on - timedelta(days=29), on),
        *_overdue(session, portfolio_id, on, is_latest=is_latest),
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


def _overdue(session: Session, portfolio_id: int, on: date, *, is_latest: bool) -> list[Figure]:
    """Both overdue rates for every N: one pass over all accounts for the denominators, one over the spells of
    the day for the numerators."""
    counted = sa.and_(
        col(Account.portfolio_id) == portfolio_id,
        col(Account.opened_on) <= on,
        col(Account.status) != AccountStatus.CHARGED_OFF,
    )
    accounts = session.scalar(sa.select(sa.func.count()).select_from(Account).where(counted)) or 0
    owed = _balances(portfolio_id, on, is_latest=is_latest)
    total = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(_positive(owed.c.balance_minor)), 0))
        .select_from(owed)
        .join(Account, col(Account.id) == owed.c.account_id)
        .where(counted)
    )
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
        .where(counted)
    )
    sums = [int(value) for value in session.execute(query).one()]
    figures = []
    for n, days in enumerate(OVERDUE_DAYS):
        figures.append(Figure(f"overdue_rate_balance_{days}", sums[2 * n], int(total or 0)))
        figures.append(Figure(f"overdue_rate_accounts_{days}", sums[2 * n + 1], accounts))
    return figures


def _positive(amount: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.case((amount > 0, amount), else_=0)


def _balances(portfolio_id: int, on: date, *, is_latest: bool) -> sa.Subquery:
    """(account_id, balance_minor); a customer's account without entries has no row and owes nothing."""
    if not is_latest:
        return balances_on(portfolio_id, on)
    return (
        sa.select(col(AccountState.account_id), col(AccountState.balance_minor))
        .where(col(AccountState.portfolio_id) == portfolio_id)
        .subquery("balances")
    )


def month_roll_forward(session: Session, portfolio_id: int, on: date) -> RollForward:
    return roll_forward(session, portfolio_id, month_start(on), on)


def snapshots(
    session: Session, portfolio_id: int, first_on: date, last_on: date, kpis: list[str] | None = None
) -> list[KpiSnapshot]:
    """Current figures (highest version) of these days, by date and name."""
    newer = sa.orm.aliased(KpiSnapshot)
    is_superseded = sa.exists().where(
        col(newer.portfolio_id) == KpiSnapshot.portfolio_id,
        col(newer.business_date) == KpiSnapshot.business_date,
        col(newer.kpi) == KpiSnapshot.kpi,
        col(newer.slice) == KpiSnapshot.slice,
        col(newer.version) > KpiSnapshot.version,
    )
    query = (
        select(KpiSnapshot)
        .where(
            KpiSnapshot.portfolio_id == portfolio_id,
            col(KpiSnapshot.business_date).between(first_on, last_on),
            ~is_superseded,
        )
        .order_by(col(KpiSnapshot.business_date), col(KpiSnapshot.kpi))
    )
    if kpis:
        query = query.where(col(KpiSnapshot.kpi).in_(kpis))
    return list(session.scalars(query))
