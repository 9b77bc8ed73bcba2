"""Our rate of a definition beside the band of the peers that use the same one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.queries import snapshots
from app.reporting.kpis.rules import Figure
from app.reporting.peers.models import PeerFile, PeerValue
from app.reporting.peers.rules import SERIES, BandPoint, PeerPoint, PeerSeries, band, place

QUARTERS = 20


@dataclass(frozen=True, slots=True)
class PeerQuarter:
    """One quarter: the peers, and our figure at its end (None where that day is not closed)."""

    peers: BandPoint
    own: Figure | None

    @property
    def place(self) -> str:
        return place(self.own.value if self.own else None, self.peers)


@dataclass(frozen=True, slots=True)
class PeerComparison:
    """One of our key figures beside its peers."""

    kpi: str
    series: Sequence[PeerSeries]
    """Those of which values are loaded."""
    points: Sequence[PeerPoint]
    quarters: Sequence[PeerQuarter]
    """Oldest first."""


def peer_files(session: Session) -> Sequence[PeerFile]:
    """Newest first."""
    return session.scalars(select(PeerFile).order_by(col(PeerFile.id).desc())).all()


def compare_with_peers(session: Session, portfolio: Portfolio) -> list[PeerComparison]:
    """Every key figure of which a peer is known, over the last five years of quarters."""
    points = _latest(session)
    own = _own(session, portfolio, sorted({point.on for point in points}))
    found = []
    for kpi in dict.fromkeys(each.kpi for each in SERIES.values()):
        theirs = [point for point in points if SERIES[point.series].kpi == kpi]
        quarters = [PeerQuarter(each, own.get((each.on, kpi))) for each in band(theirs)[-QUARTERS:]]
        if quarters:
            codes = dict.fromkeys(point.series for point in theirs)
            found.append(PeerComparison(kpi, [SERIES[code] for code in codes], theirs, quarters))
    return found


def _latest(session: Session) -> list[PeerPoint]:
    """Each series and quarter as the newest file has it, of the series that have a definition."""
    value = table_of(PeerValue)
    query = sa.select(value.c.series, value.c.quarter_ends_on, value.c.millionths).order_by(
        value.c.series, value.c.quarter_ends_on, value.c.file_id
    )
    found = {
        (series, on): PeerPoint(series, on, int(millionths))
        for series, on, millionths in session.connection().execute(query)
        if series in SERIES
    }
    return list(found.values())


def _own(session: Session, portfolio: Portfolio, days: Sequence[date]) -> dict[tuple[date, str], Figure]:
    """Our figures at the ends of these quarters, as they are known now."""
    found: dict[tuple[date, str], Figure] = {}
    begun = session.scalar(
        sa.select(sa.func.min(KpiSnapshot.business_date)).where(col(KpiSnapshot.portfolio_id) == portfolio.id)
    )
    for on in days[-QUARTERS:]:
        if begun is not None and on >= begun:
            for row in snapshots(session, id_of(portfolio), on, on):
                found[on, row.kpi] = Figure(row.kpi, row.numerator, row.denominator)
    return found
