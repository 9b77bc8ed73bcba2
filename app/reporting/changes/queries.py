"""Changes of stored figures between two closed days, and restatements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.core.database.engine import table_of
from app.reporting.changes.models import FigureLook
from app.reporting.changes.rules import Change, Contribution, Pair, contributions
from app.reporting.kpis.definitions.catalog import DEFINITIONS
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.rules import Definition, Dimension, Figure, Statistic

EXPLAINING = (Dimension.BUCKET, Dimension.PRODUCT, Dimension.AGENT, Dimension.TEAM)
MOST_REASONS = 3
Stored = Mapping[tuple[str, str, str], tuple[int, int, int]]
"""(version, numerator, denominator) by (name, dimension, member): `latest_versions` of a day."""


def look_before(session: Session, username: str, portfolio_id: int, on: date) -> tuple[date, datetime] | None:
    """The closed day that the person saw before `on`, and when; None at the first look."""
    mark = session.get(FigureLook, (username, portfolio_id))
    if mark is None:
        return None
    if mark.seen_on < on:
        return mark.seen_on, mark.seen_at
    if mark.before_on is None or mark.before_at is None:
        return None
    return mark.before_on, mark.before_at


def changes(was: Stored, now: Stored, dimension: str = "", member: str = "") -> dict[str, Change]:
    """Each figure that reads as one, of the whole portfolio or one slice, on two days. Slices of a slice are not kept:
    the change of a slice has no reasons."""
    members = _by_dimension(was, now) if not dimension else {}
    found = {}
    for name, definition in DEFINITIONS.items():
        if not definition.is_tile:
            continue
        key = (name, dimension, member)
        before, after = _figure(was, key), _figure(now, key)
        found[name] = Change(name, before, after, _reasons(definition, before, after, members))
    return found


def _figure(stored: Stored, key: tuple[str, str, str]) -> Figure | None:
    return Figure(key[0], *stored[key][1:]) if key in stored else None


Members = Mapping[tuple[str, str], dict[str, tuple[Pair, Pair]]]
"""By figure and dimension, the pair of each member before and after."""


def _by_dimension(was: Stored, now: Stored) -> Members:
    found: Members = defaultdict(dict)
    for name, dimension, member in {*was, *now}:
        if dimension in EXPLAINING:
            key = (name, dimension, member)
            before, after = was.get(key, (0, 0, 0)), now.get(key, (0, 0, 0))
            found[name, dimension][member] = (before[1], before[2]), (after[1], after[2])
    return found


def _reasons(
    definition: Definition, before: Figure | None, after: Figure | None, members: Members
) -> tuple[Contribution, ...]:
    """The member of each dimension that moved the figure most, the strongest of them first. A dimension with one
    member explains nothing."""
    if before is None or after is None or definition.statistic is not Statistic.RATIO:
        return ()
    strongest = []
    for dimension in EXPLAINING:
        pairs = members.get((definition.name, dimension), {})
        if len(pairs) > 1:
            shares = contributions(before, after, pairs, dimension)
            strongest += sorted(shares, key=lambda share: -abs(share.amount))[:1]
    return tuple(sorted(strongest, key=lambda share: -abs(share.amount))[:MOST_REASONS])


# --- restatements -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Restated:
    """A figure of a past day as it was read before a moment, and as it is now."""

    on: date
    before: Figure
    after: Figure


def restated_since(session: Session, portfolio_id: int, since: datetime) -> list[Restated]:
    """Figures of the whole portfolio that got another version since then, the newest day first."""
    kept = table_of(KpiSnapshot)
    touched = (
        sa.select(kept.c.business_date, kept.c.kpi)
        .where(
            kept.c.portfolio_id == portfolio_id,
            kept.c.dimension == "",
            kept.c.version > 1,
            kept.c.computed_at > since,
        )
        .distinct()
        .subquery("touched")
    )
    query = (
        sa.select(kept.c.business_date, kept.c.kpi, kept.c.numerator, kept.c.denominator, kept.c.computed_at)
        .join(
            touched,
            sa.and_(touched.c.business_date == kept.c.business_date, touched.c.kpi == kept.c.kpi),
        )
        .where(kept.c.portfolio_id == portfolio_id, kept.c.dimension == "")
        .order_by(kept.c.business_date.desc(), kept.c.kpi, kept.c.version)
    )
    versions: dict[tuple[date, str], list[tuple[Figure, datetime]]] = defaultdict(list)
    for on, kpi, numerator, denominator, computed_at in session.execute(query):
        versions[on, kpi].append((Figure(kpi, numerator, denominator), computed_at))
    found = []
    for (on, kpi), rows in versions.items():
        known = [figure for figure, at in rows if at <= since]
        if known and kpi in DEFINITIONS and known[-1] != rows[-1][0]:
            found.append(Restated(on, known[-1], rows[-1][0]))
    return found
