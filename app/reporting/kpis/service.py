"""Taking the night's snapshot, and restating earlier days that late entries changed."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.portfolios.days import closed_days
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.queries import figures_on
from app.reporting.kpis.rules import DEFINITIONS


def take_snapshot(session: Session, portfolio_id: int, on: date, *, now: datetime) -> int:
    """Store the figures of `on`. A figure that is already stored and differs gets a new version beside the
    old one; returns how many rows were written."""
    written = 0
    latest = {
        row.kpi: row
        for row in session.scalars(
            select(KpiSnapshot)
            .where(
                KpiSnapshot.portfolio_id == portfolio_id,
                KpiSnapshot.business_date == on,
                KpiSnapshot.dimension == "",
            )
            .order_by(col(KpiSnapshot.version))
        )
    }
    for figure in figures_on(session, portfolio_id, on):
        known = latest.get(figure.kpi)
        if known and (known.numerator, known.denominator) == (figure.numerator, figure.denominator):
            continue
        session.add(
            KpiSnapshot(
                portfolio_id=portfolio_id,
                business_date=on,
                kpi=figure.kpi,
                definition=DEFINITIONS[figure.kpi].version,
                version=known.version + 1 if known else 1,
                numerator=figure.numerator,
                denominator=figure.denominator,
                computed_at=now,
            )
        )
        written += 1
    return written


def restate(session: Session, portfolio_id: int, since: date, before: date, *, now: datetime) -> int:
    """Take the snapshots of the closed days in [since, before) again."""
    days = closed_days(session, portfolio_id, since, before)
    return sum(take_snapshot(session, portfolio_id, on, now=now) for on in days)
