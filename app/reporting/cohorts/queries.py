"""The curves of cohorts: from stored slices, and before the first closed day from the history of accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.days import DAY
from app.book.delinquency.models import Spell
from app.book.ledger.models import Account
from app.book.portfolios.days import first_day
from app.book.portfolios.models import Portfolio
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.reporting.cohorts.rules import CURVES, Cohort, Curve, Point, month_ends, months_since
from app.reporting.kpis.definitions.sql import month_of
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.standing import counted_on

LONGEST = 60
"""Months that are looked back."""
Counts = dict[tuple[date, str], tuple[int, int]]
"""Day and cohort -> numerator and denominator."""


def cohorts_of(session: Session, portfolio: Portfolio, curve: Curve, on: date) -> list[Cohort]:
    """The cohorts at every month end up to `on`, a closed day, and on it; the oldest cohort first.

    Points of closed days are the stored slices. A vintage goes on before the first closed day, from how accounts stood
    then: of a creditor who reports positions it needs nothing but these.
    """
    words = CURVES[curve]
    first_on = first_day(session, portfolio) or on
    counts = _stored(session, portfolio, curve, month_ends(first_on, on))
    earlier: Counts = {}
    if words.late_days:
        begun_on = max(_first_late(session, portfolio) or on, on - timedelta(days=31 * LONGEST))
        days = [
            day for day in month_ends(begun_on, first_on - DAY) if day < first_on and (day + DAY).day == 1
        ]
        earlier = _from_history(session, portfolio, words.late_days, days) if begun_on < first_on else {}
    points: dict[str, list[Point]] = {}
    for source, is_stored in ((earlier, False), (counts, True)):
        for (day, month), pair in sorted(source.items()):
            months = months_since(month, day)
            if months >= 0 and pair[1]:
                points.setdefault(month, []).append(Point(day, months, *pair, is_stored))
    return [Cohort(month, points[month]) for month in sorted(points)]


def all_cohorts(session: Session, portfolio: Portfolio, on: date) -> Mapping[Curve, Sequence[Cohort]]:
    """The cohorts of every curve."""
    return {curve: cohorts_of(session, portfolio, curve, on) for curve in Curve}


def _stored(session: Session, portfolio: Portfolio, curve: Curve, days: Sequence[date]) -> Counts:
    kept, words = table_of(KpiSnapshot), CURVES[curve]
    query = (
        sa.select(kept.c.business_date, kept.c.member, kept.c.numerator, kept.c.denominator)
        .where(
            kept.c.portfolio_id == portfolio.id,
            kept.c.business_date.in_(days),
            kept.c.kpi == words.kpi,
            kept.c.dimension == words.dimension.value,
            kept.c.member != "",
        )
        .order_by(kept.c.version)
    )
    return {
        (day, member): (numerator, denominator)
        for day, member, numerator, denominator in session.execute(query)
    }


def _first_late(session: Session, portfolio: Portfolio) -> date | None:
    spell = table_of(Spell)
    found: date | None = session.scalar(
        sa.select(sa.func.min(spell.c.from_on)).where(spell.c.portfolio_id == portfolio.id)
    )
    return found


def _from_history(session: Session, portfolio: Portfolio, late_days: int, days: Sequence[date]) -> Counts:
    """Accounts so many days past due, of those that count, by day and cohort: two statements for all days."""
    if not days:
        return {}
    spell, account = table_of(Spell), table_of(Account)
    rows = [
        sa.select(
            sa.literal(day, sa.Date()).label("day"),
            sa.literal(day - timedelta(days=late_days), sa.Date()).label("due_by"),
        )
        for day in days
    ]
    ends = sa.union_all(*rows).cte("ends")
    month = month_of(sa.func.coalesce(account.c.placed_on, account.c.opened_on))
    own = (account.c.portfolio_id == id_of(portfolio), counted_on(ends.c.day))
    everybody = (
        sa.select(ends.c.day, month, sa.func.count())
        .select_from(account)
        .join(ends, sa.true())
        .where(*own)
        .group_by(ends.c.day, month)
    )
    late = (
        sa.select(ends.c.day, month, sa.func.count())
        .select_from(spell)
        .join(
            ends,
            sa.and_(
                spell.c.from_on <= ends.c.day,
                sa.or_(spell.c.to_on.is_(None), spell.c.to_on > ends.c.day),
                spell.c.oldest_due_on <= ends.c.due_by,
            ),
        )
        .join(account, account.c.id == spell.c.account_id)
        .where(spell.c.portfolio_id == portfolio.id, *own)
        .group_by(ends.c.day, month)
    )
    counted = {(day, cohort): int(number) for day, cohort, number in session.execute(late)}
    return {
        (day, cohort): (counted.get((day, cohort), 0), int(number))
        for day, cohort, number in session.execute(everybody)
    }
