"""The things behind a figure, on any closed day, by slice; and their total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.book.portfolios.days import is_closed
from app.book.portfolios.models import Portfolio
from app.core.database.engine import table_of
from app.core.errors import Invalid, NotFound
from app.reporting.kpis.definitions.catalog import figure_named
from app.reporting.kpis.family import Scope
from app.reporting.kpis.lists.statements import (
    AMOUNT,
    COUNTED_TO,
    ID,
    KIND,
    LIMIT,
    MEMBER,
    ListStatements,
    list_statements,
)
from app.reporting.kpis.measuring import WHOLE, SliceKey, sliced_rows
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.rules import Definition, Dimension, Part, Statistic, Thing, Unit
from app.reporting.kpis.wide import standing_through


@dataclass(frozen=True, slots=True)
class Behind:
    """A thing that a figure counts, and how much of it."""

    kind: Thing
    thing_id: int
    on: date | None
    """The day it belongs to."""
    account_id: int
    account_ref: str
    customer_id: int
    name: str
    amount: int
    """Its share of the side that is listed: minor units, or a number."""

    @property
    def place(self) -> tuple[int, str, int]:
        """Its place in the list."""
        return self.amount, self.kind.value, self.thing_id


@dataclass(frozen=True, slots=True)
class FigureSlice:
    """One side of a figure of a closed day, of the whole portfolio or one slice of it."""

    portfolio: Portfolio
    definition: Definition
    on: date
    part: Part = Part.NUMERATOR
    key: SliceKey = WHOLE


def figure_slice(
    session: Session,
    portfolio: Portfolio,
    kpi: str,
    on: date,
    *,
    dimension: str = "",
    member: str = "",
    part: Part = Part.NUMERATOR,
) -> FigureSlice:
    """The slice that is asked for. NotFound for an unknown figure or a day that is not closed, Invalid for an unknown
    dimension."""
    family, definition = figure_named(kpi)
    if not is_closed(session, portfolio, on):
        raise NotFound(f"{portfolio.code} has not closed {on}. Choose a day that is closed.")
    if not dimension:
        return FigureSlice(portfolio, definition, on, part)
    known = sliced_rows(family, Scope(portfolio).shape(on), with_members=True).members
    if dimension not in known:
        raise Invalid(
            f"{definition.title} is not sliced by this. Choose one of {', '.join(sorted(known))}.",
            "dimension",
        )
    return FigureSlice(portfolio, definition, on, part, SliceKey(Dimension(dimension), member))


def things_behind(
    session: Session,
    asked: FigureSlice,
    *,
    after: tuple[int, str, int] | None = None,
    limit: int | None = None,
) -> list[Behind]:
    """The things that the side of the figure counts, the largest first; `after` = `Behind.place` of the last one
    seen."""
    statements, values = _statements(session, asked, goes_on=after is not None, is_page=limit is not None)
    if statements is None:
        return []
    if limit is not None:
        values[LIMIT.key] = limit
    if after is not None:
        values |= {AMOUNT.key: after[0], KIND.key: after[1], ID.key: after[2]}
    return [
        Behind(Thing(kind), thing_id, on, account_id, reference, customer_id, name, int(minor))
        for kind, thing_id, on, account_id, reference, customer_id, name, minor in session.execute(
            statements.shown, values
        )
    ]


def total_behind(session: Session, asked: FigureSlice) -> tuple[int, int]:
    """(how many things, their sum): what `things_behind` lists, added up."""
    statements, values = _statements(session, asked)
    if statements is None:
        return 0, 0
    number, total = session.execute(statements.total, values).one()
    return int(number), int(total)


@dataclass(frozen=True, slots=True)
class Tile:
    """What a page says of a whole list."""

    number: int | None
    """Things in it; None: more than `COUNTED_TO`."""
    total: int


def tile_behind(session: Session, asked: FigureSlice, whole: Sequence[Behind] | None = None) -> Tile:
    """The number and the sum of a list; `whole` is the list itself, where it is at hand. A page shows a few of what may
    be a million things, and does not add them up: of a long list the sum is that of the tile, where the night stored
    it. `desk kpis --check` adds up and compares."""
    if whole is not None:
        return Tile(len(whole), sum(each.amount for each in whole))
    family, definition = figure_named(asked.definition.name)
    stored = _stored_side(session, asked)
    each_is_one = definition.unit not in _AMOUNTS
    if family.is_folded and each_is_one and stored is not None:
        return Tile(stored, stored)
    statements, values = _statements(session, asked)
    if statements is None:
        return Tile(0, 0)
    number, total = map(int, session.execute(statements.number, values).one())
    if number <= COUNTED_TO:
        return Tile(number, stored if family.is_folded and stored is not None else total)
    if stored is None or (each_is_one and stored < number):
        return Tile(*total_behind(session, asked))
    return Tile(stored if each_is_one else None, stored)


_AMOUNTS = (Unit.MONEY, Unit.DAYS, Unit.ANSWERS)
"""Units of which a thing may count more than one."""


def _stored_side(session: Session, asked: FigureSlice) -> int | None:
    """The side as the last version of the tile has it; None where that is not a sum."""
    if asked.definition.statistic is Statistic.MEDIAN:
        return None
    kept = table_of(KpiSnapshot)
    query = (
        sa.select(kept.c.numerator if asked.part is Part.NUMERATOR else kept.c.denominator)
        .where(
            kept.c.portfolio_id == asked.portfolio.id,
            kept.c.business_date == asked.on,
            kept.c.kpi == asked.definition.name,
            kept.c.dimension == (asked.key.dimension or ""),
            kept.c.member == asked.key.member,
        )
        .order_by(kept.c.version.desc())
        .limit(1)
    )
    found: int | None = session.scalar(query)
    return found


def _statements(
    session: Session, asked: FigureSlice, *, goes_on: bool = False, is_page: bool = False
) -> tuple[ListStatements | None, dict[str, object]]:
    """The statements of the list, and the values of their parameters. Lists of the last night read the rows that the
    night measured, so that they add up to the tile whatever was posted since."""
    family, definition = figure_named(asked.definition.name)
    shape = Scope(asked.portfolio, standing_through(session, asked.portfolio)).shape(asked.on)
    found = list_statements(
        family,
        replace(shape, for_list=True),
        definition.column(asked.part),
        asked.key.dimension,
        goes_on=goes_on,
        is_page=is_page,
    )
    if found is None:
        return None, {}
    values = found.days.values(asked.portfolio, asked.on)
    return found, {**values, MEMBER.key: asked.key.member} if asked.key != WHOLE else dict(values)
