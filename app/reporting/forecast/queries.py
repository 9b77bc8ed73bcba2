"""Month by month what stood past due, where it went and what was paid: the history that a forecast is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.days import CURRENT, DAY
from app.book.delinquency.facts import MovementKind
from app.book.delinquency.models import Movement
from app.book.delinquency.queries import spells_on
from app.book.ledger.models import Account
from app.book.portfolios.days import first_day
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.risk.queries import risk_model
from app.core.database.engine import table_of
from app.core.dates import add_months, month_start
from app.core.ids import id_of
from app.reporting.forecast.flows import AGREEMENT, HORIZONS, MonthFlow, Roll, expect
from app.reporting.forecast.rules import CashForecast, back_test, judge

MOST_MONTHS = 36
"""Months of history that a forecast looks back on."""


@dataclass(frozen=True, slots=True)
class PortfolioForecast:
    """Expected cash from the last month end on, and the months it was learned from."""

    as_of: date
    """The last month end that is closed."""
    flows: Sequence[MonthFlow]
    kept: float
    """Chance that an agreement is still kept a month later."""
    lines: Sequence[CashForecast]


def forecast_cash(session: Session, portfolio: Portfolio, closed_on: date) -> PortfolioForecast | None:
    """The forecast as of the last month end up to `closed_on`; None before the first whole month is closed."""
    as_of = month_start(closed_on + DAY) - DAY
    begun = first_day(session, portfolio)
    if begun is None or begun > as_of:
        return None
    ends = [as_of]
    while len(ends) <= MOST_MONTHS and (before := month_start(ends[-1]) - DAY) >= begun:
        ends.append(before)
    ends.reverse()
    if len(ends) < 2:
        return None
    kept = 1 - risk_model(session, id_of(portfolio)).base.monthly
    due = _instalments(session, portfolio)
    flows = [_flow(session, portfolio, start, end, due) for start, end in zip(ends, ends[1:], strict=False)]
    standing = flows[-1].ended
    now = expect(flows, standing, _due_after(due, as_of), kept)
    return PortfolioForecast(as_of, flows, kept, judge(now, back_test(flows, kept)))


def _flow(
    session: Session, portfolio: Portfolio, start: date, end: date, due: Sequence[_Instalment]
) -> MonthFlow:
    """The month after `start`, which ends on `end`: three grouped statements."""
    then, after = _standing(portfolio, start, "then"), _standing(portfolio, end, "after")
    rolls = {
        (before, now): Roll(accounts, int(begun), int(ended))
        for before, now, accounts, begun, ended in session.connection().execute(
            sa.select(
                then.c.bucket,
                _or_current(after.c.bucket),
                sa.func.count(),
                sa.func.sum(then.c.past_due_minor),
                sa.func.sum(sa.func.coalesce(after.c.past_due_minor, 0)),
            )
            .select_from(then.outerjoin(after, after.c.account_id == then.c.account_id))
            .group_by(then.c.bucket, _or_current(after.c.bucket))
        )
    }
    for now, accounts, ended in session.connection().execute(
        sa.select(after.c.bucket, sa.func.count(), sa.func.sum(after.c.past_due_minor))
        .select_from(after.outerjoin(then, then.c.account_id == after.c.account_id))
        .where(then.c.account_id.is_(None))
        .group_by(after.c.bucket)
    ):
        rolls[CURRENT, now] = Roll(accounts, 0, int(ended))
    paid, fell = _movements(session, portfolio, then, start + DAY, end)
    return MonthFlow(end, rolls, fell, paid, _due_after(due, start))


def _or_current(bucket: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Spelled, not bound: PostgreSQL groups by the very expression that is selected."""
    return sa.func.coalesce(bucket, sa.literal_column(f"'{CURRENT}'", sa.String()))


def _standing(portfolio: Portfolio, on: date, name: str) -> sa.Subquery:
    """Bucket and past due of each account at the end of `on`; without those that were current. Accounts of customers
    with a live agreement stand together."""
    spells, account, plan = spells_on(id_of(portfolio), on), table_of(Account), table_of(Plan)
    live = sa.exists().where(
        plan.c.customer_id == account.c.customer_id,
        plan.c.portfolio_id == portfolio.id,
        plan.c.accepted_on <= on,
        sa.or_(plan.c.ended_on.is_(None), plan.c.ended_on > on),
    )
    bucket = sa.case((live, AGREEMENT), else_=spells.c.bucket).label("bucket")
    query = sa.select(spells.c.account_id, bucket, spells.c.past_due_minor)
    return query.join(account, account.c.id == spells.c.account_id).subquery(name)


def _movements(
    session: Session, portfolio: Portfolio, then: sa.Subquery, first_on: date, last_on: date
) -> tuple[dict[str, int], int]:
    """Payments to unpaid dues by the bucket at the start, and what fell past due on accounts that were current."""
    movement = table_of(Movement)
    bucket = _or_current(then.c.bucket)
    query = (
        sa.select(bucket, movement.c.kind, sa.func.sum(movement.c.amount_minor))
        .select_from(movement.outerjoin(then, then.c.account_id == movement.c.account_id))
        .where(
            movement.c.portfolio_id == portfolio.id,
            movement.c.on.between(first_on, last_on),
            movement.c.kind.in_([MovementKind.PAID, MovementKind.FELL_PAST_DUE]),
        )
        .group_by(bucket, movement.c.kind)
    )
    paid, fell = {}, 0
    for before, kind, amount in session.connection().execute(query):
        if kind == MovementKind.PAID:
            paid[before] = int(amount)
        elif before == CURRENT:
            fell = int(amount)
    return paid, fell


@dataclass(frozen=True, slots=True)
class _Instalment:
    accepted_on: date
    ended_on: date | None
    due_on: date
    amount_minor: int


def _instalments(session: Session, portfolio: Portfolio) -> list[_Instalment]:
    plan, part = table_of(Plan), table_of(PlanInstalment)
    query = (
        sa.select(plan.c.accepted_on, plan.c.ended_on, part.c.due_on, part.c.amount_minor)
        .join(part, part.c.plan_id == plan.c.id)
        .where(plan.c.portfolio_id == portfolio.id, plan.c.accepted_on.is_not(None), ~part.c.is_skipped)
    )
    return [_Instalment(*row) for row in session.connection().execute(query)]


def _due_after(instalments: Sequence[_Instalment], on: date) -> Mapping[int, int]:
    """By month after the month end `on`, the instalments of agreements that were live then."""
    first = on + DAY
    found = dict.fromkeys(HORIZONS, 0)
    for each in instalments:
        if each.accepted_on > on or (each.ended_on is not None and each.ended_on <= on):
            continue
        for month in HORIZONS:
            if add_months(first, month - 1) <= each.due_on < add_months(first, month):
                found[month] += each.amount_minor
    return found
