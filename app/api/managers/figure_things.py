"""The list behind a key figure, thing by thing."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from fastapi import Query

from app.api.deps import ApiManager, ReadSession, api_router
from app.api.fields import Cursor, Day, Limit
from app.api.shapes import Money, Shape
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.money import to_decimal_string
from app.core.text import Line
from app.http.cursors import decode_cursor, encode_cursor
from app.reporting.kpis.lists.drilldown import Behind, figure_slice, things_behind, total_behind
from app.reporting.kpis.rules import Part, Thing, Unit

router = api_router("/figures", tags=["figures"])


class ThingShape(Shape):
    """A thing that the figure counts; `amount` is a decimal string of money, or a number."""

    kind: Thing
    id: int
    on: date | None
    account_ref: str
    amount: Money | int

    @classmethod
    def of(cls, portfolio: Portfolio, unit: Unit, row: Behind) -> Self:
        return cls(
            kind=row.kind,
            id=row.thing_id,
            on=row.on,
            account_ref=row.account_ref,
            amount=_amount(portfolio, unit, row.amount),
        )


class FigureThings(Shape):
    """One page of the things, the largest first; `total` is the sum over all pages: the figure's own."""

    count: int
    total: Money | int
    items: list[ThingShape]
    next_cursor: str | None = None


@router.get("/{kpi}", summary="List what a key figure counts")
def get_figure_things(
    kpi: Line,
    _caller: ApiManager,
    session: ReadSession,
    portfolio: Annotated[Line, Query(max_length=40, description="Portfolio code.")],
    on: Annotated[Day, Query(alias="date", description="A closed business day.")],
    dimension: Annotated[Line, Query(max_length=30, description="Dimension of a slice.")] = "",
    member: Annotated[Line, Query(max_length=64, description="Member of the dimension.")] = "",
    part: Part = Part.NUMERATOR,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> FigureThings:
    """The accounts, payments or other things that make up one side of a figure, of the whole portfolio or of one
    slice."""
    book = get_portfolio(session, portfolio)
    asked = figure_slice(session, book, kpi, on, dimension=dimension, member=member, part=part)
    seen = decode_cursor(cursor, 3, int, str, int)
    rows = things_behind(session, asked, after=(seen[0], seen[1], seen[2]) if seen else None, limit=limit + 1)
    count, total = total_behind(session, asked)
    shown, unit = rows[:limit], asked.definition.unit
    return FigureThings(
        count=count,
        total=_amount(book, unit, total),
        items=[ThingShape.of(book, unit, row) for row in shown],
        next_cursor=encode_cursor(*shown[-1].place) if len(rows) > limit else None,
    )


def _amount(portfolio: Portfolio, unit: Unit, minor: int) -> str | int:
    return to_decimal_string(minor, portfolio.currency) if unit is Unit.MONEY else minor
