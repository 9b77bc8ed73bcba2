"""The things behind a figure, on any closed day, by slice; and their total."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.ledger.models import Account, Customer
from app.book.portfolios.days import is_closed
from app.book.portfolios.models import Portfolio
from app.core.errors import Invalid, NotFound
from app.reporting.kpis.definitions.catalog import figure_named
from app.reporting.kpis.family import EDGE_COLUMNS, Scope
from app.reporting.kpis.measuring import WHOLE, SlicedRows, SliceKey, sliced_rows
from app.reporting.kpis.rules import Definition, Dimension, Part, Thing
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
    sliced, amount = _sliced(session, asked)
    values = sliced.days.values(asked.portfolio, asked.on)
    rows = sliced.rows
    order = (amount.desc(), rows.c.kind, rows.c.thing_id)
    first = sa.select(*(rows.c[name] for name in EDGE_COLUMNS), amount.label("amount"))
    first = (
        first.select_from(_source(sliced, asked)).where(amount != 0, sliced.of(asked.key)).order_by(*order)
    )
    if after is not None:
        last, kind, thing_id = after
        behind = sa.or_(rows.c.kind > kind, sa.and_(rows.c.kind == kind, rows.c.thing_id > thing_id))
        first = first.where(sa.or_(amount < last, sa.and_(amount == last, behind)))
    # Names are looked up for what is shown, not for all that is sorted.
    shown = first.limit(limit).subquery("shown")
    query = (
        sa.select(
            shown.c.kind, shown.c.thing_id, sa.type_coerce(shown.c.on, sa.Date), shown.c.account_id,
            col(Account.reference), shown.c.customer_id, col(Customer.full_name), shown.c.amount,
        )
        .join(Account, col(Account.id) == shown.c.account_id)
        .join(Customer, col(Customer.id) == shown.c.customer_id)
        .order_by(shown.c.amount.desc(), shown.c.kind, shown.c.thing_id)
    )  # fmt: skip
    return [
        Behind(Thing(kind), thing_id, on, account_id, reference, customer_id, name, int(minor))
        for kind, thing_id, on, account_id, reference, customer_id, name, minor in session.execute(
            query, values
        )
    ]


def total_behind(session: Session, asked: FigureSlice) -> tuple[int, int]:
    """(how many things, their sum): what `things_behind` lists, and what the tile says."""
    sliced, amount = _sliced(session, asked)
    values = sliced.days.values(asked.portfolio, asked.on)
    query = (
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(amount), 0))
        .select_from(_source(sliced, asked))
        .where(amount != 0, sliced.of(asked.key))
    )
    number, total = session.execute(query, values).one()
    return int(number), int(total)


def _sliced(session: Session, asked: FigureSlice) -> tuple[SlicedRows, sa.ColumnElement[int]]:
    """The rows of its family and the column of its side. Those of the last night come from the rows that the night
    measured, so that the list adds up to the tile whatever was posted since."""
    family, definition = figure_named(asked.definition.name)
    shape = Scope(asked.portfolio, standing_through(session, asked.portfolio)).shape(asked.on)
    sliced = sliced_rows(family, shape, with_members=asked.key != WHOLE)
    return sliced, sliced.rows.c[definition.column(asked.part)]


def _source(sliced: SlicedRows, asked: FigureSlice) -> sa.FromClause:
    """The rows, joined to their members only where a member is asked for."""
    return sliced.rows if asked.key == WHOLE else sliced.source
