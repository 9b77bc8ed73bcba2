"""Taking the night's snapshot, and restating earlier days that late entries changed."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.portfolios.days import closed_days
from app.book.portfolios.models import Portfolio
from app.core.database.bulk import insert_rows
from app.core.ids import id_of
from app.reporting.kpis.definitions.catalog import DEFINITIONS, FAMILIES
from app.reporting.kpis.family import Scope
from app.reporting.kpis.measuring import measured_figures
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.proof.restatements import note_restatement
from app.reporting.kpis.queries import latest_versions
from app.reporting.kpis.rules import Figure
from app.reporting.kpis.wide import standing_through


def take_snapshot(
    session: Session,
    portfolio_id: int,
    on: date,
    *,
    now: datetime,
    restatement_id: int | None = None,
    beside: Engine | None = None,
) -> int:
    """Store the figures of `on` with all their slices. A figure that is already stored and differs gets a new version
    beside the old one; returns how many rows were written. A second session of `beside` measures half of them."""
    portfolio = session.get_one(Portfolio, portfolio_id)
    scope = Scope(portfolio, standing_through(session, portfolio))
    found = measured_figures(session, FAMILIES, scope, on, beside=beside)
    latest = latest_versions(session, portfolio_id, on)
    # A slice that counts nothing any more is 0 of 0 from now on.
    found |= {key: Figure(key[0], 0, 0) for key in latest if key not in found and key[0] in DEFINITIONS}
    rows = []
    for (kpi, dimension, member), figure in found.items():
        version, *pair = latest.get((kpi, dimension, member), (0, None, None))
        if pair == [figure.numerator, figure.denominator]:
            continue
        rows.append(
            {
                "portfolio_id": portfolio_id,
                "business_date": on,
                "kpi": kpi,
                "dimension": dimension,
                "member": member,
                "definition": DEFINITIONS[kpi].version,
                "version": version + 1,
                "numerator": figure.numerator,
                "denominator": figure.denominator,
                "computed_at": now,
                "restatement_id": restatement_id,
            }
        )
    insert_rows(session, KpiSnapshot, rows)
    return len(rows)


def restate(
    session: Session,
    portfolio: Portfolio,
    on: date,
    since: date,
    *,
    now: datetime,
    beside: Engine | None = None,
) -> int:
    """In the night of `on`: take the snapshots of the closed days in [since, on) again, and keep what changed them."""
    days = closed_days(session, id_of(portfolio), since, on)
    if not days:
        return 0
    cause = note_restatement(session, portfolio, on, since, now=now)
    return sum(
        take_snapshot(session, id_of(portfolio), day, now=now, restatement_id=cause, beside=beside)
        for day in days
    )
