"""Key figures of a day, as they are stored and as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.days import bucket_labels
from app.book.delinquency.queries import RollForward, roll_forward
from app.book.delinquency.service import edges_of
from app.book.portfolios.models import Portfolio
from app.core.database.engine import table_of
from app.core.dates import month_start
from app.core.ids import id_of
from app.reporting.kpis.definitions.flow import ARROW
from app.reporting.kpis.definitions.roll_forward import LINES, ROLL_FORWARD
from app.reporting.kpis.family import Scope
from app.reporting.kpis.measuring import SliceKey, measure
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.rules import BucketFlow, Dimension


def latest_versions(
    session: Session, portfolio_id: int, on: date
) -> Mapping[tuple[str, str, str], tuple[int, int, int]]:
    """(version, numerator, denominator) of the last version of each figure and slice of the day, by (name, dimension,
    member)."""
    kept = table_of(KpiSnapshot)
    query = (
        sa.select(
            kept.c.kpi, kept.c.dimension, kept.c.member, kept.c.version, kept.c.numerator, kept.c.denominator
        )
        .where(kept.c.portfolio_id == portfolio_id, kept.c.business_date == on)
        .order_by(kept.c.version)
    )
    return {
        (kpi, dimension, member): (version, numerator, denominator)
        for kpi, dimension, member, version, numerator, denominator in session.execute(query)
    }


Matrix = dict[str, dict[str, tuple[int, int]]]
"""Bucket at the last month end before the month of a day -> bucket on the day -> accounts, and their balance then."""


def roll_matrix(session: Session, portfolio: Portfolio, on: date) -> Matrix:
    """The roll-rate matrix of a closed day as it is stored; in both directions from current to the worst bucket, ends
    last."""
    cells: dict[tuple[str, str], list[int]] = {}
    for kpi in ("roll_matrix", "roll_matrix_balance"):
        for row in snapshots(session, id_of(portfolio), on, on, [kpi], dimension=Dimension.MOVE):
            then, _, now = row.member.partition(ARROW)
            cells.setdefault((then, now), [0, 0])[kpi == "roll_matrix_balance"] = row.numerator
    order = {label: n for n, label in enumerate(bucket_labels(edges_of(portfolio)))}

    def place(cell: tuple[str, str]) -> list[tuple[int, str]]:
        return [(order.get(bucket, len(order)), bucket) for bucket in cell]

    matrix: Matrix = {}
    for then, now in sorted(cells, key=place):
        accounts, balance = cells[then, now]
        if accounts:
            matrix.setdefault(then, {})[now] = (accounts, balance)
    return matrix


def class_totals(
    session: Session, portfolio: Portfolio, on: date, scheme: Dimension
) -> dict[str, tuple[int, int]]:
    """Accounts and balance of each class of a scheme, as a closed day stored them."""
    totals: dict[str, list[int]] = {}
    for place, kpi in enumerate(("supervisory_class_accounts", "supervisory_class_balance")):
        for row in snapshots(session, id_of(portfolio), on, on, [kpi], dimension=scheme):
            totals.setdefault(row.member, [0, 0])[place] = row.numerator
    return {name: (accounts, balance) for name, (accounts, balance) in totals.items()}


def month_roll_forward(session: Session, portfolio_id: int, on: date) -> RollForward:
    return roll_forward(session, portfolio_id, month_start(on), on)


def bucket_flows(session: Session, portfolio: Portfolio, on: date) -> dict[str, BucketFlow]:
    """The lines of every bucket, current first, at the end of `on`, with everything known now."""
    scope = Scope(portfolio)
    measured = measure(session, ROLL_FORWARD, scope, on)
    places = {name: n for n, name in enumerate(ROLL_FORWARD.measures)}
    flows = {}
    for label in bucket_labels(edges_of(portfolio)):
        sums = measured.get(SliceKey(Dimension.BUCKET, label))
        flows[label] = BucketFlow(**{line: sums.totals[places[line]] if sums else 0 for line in LINES})
    return flows


def snapshots(
    session: Session,
    portfolio_id: int,
    first_on: date,
    last_on: date,
    kpis: list[str] | None = None,
    *,
    dimension: str = "",
) -> list[KpiSnapshot]:
    """Current figures (highest version) on these days, by date and name: of the whole portfolio, or of every member of
    a dimension."""
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
            KpiSnapshot.dimension == dimension,
            ~is_superseded,
        )
        .order_by(col(KpiSnapshot.business_date), col(KpiSnapshot.kpi))
    )
    if kpis:
        query = query.where(col(KpiSnapshot.kpi).in_(kpis))
    return list(session.scalars(query))
