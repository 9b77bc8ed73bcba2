"""The list behind a tile: the exact things that it counts, on any closed day, of the whole portfolio or one slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.models import Portfolio
from app.core.errors import NotFound
from app.core.money import to_decimal_string
from app.core.types import Rows
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import Manager
from app.http.interface import marked
from app.http.routes import Router
from app.http.transactions import StreamSession
from app.reporting.kpis.history import latest_cases
from app.reporting.kpis.lists.drilldown import Behind, FigureSlice, figure_slice, things_behind, tile_behind
from app.reporting.kpis.lists.statements import COUNTED_TO
from app.reporting.kpis.rules import Definition, Part, Unit
from app.web.lists import Column, csv_download
from app.web.managers.figures.choice import choose_portfolio, figure_href
from app.web.rendering import Page, page

router = Router(prefix="/figures")
PAGE = 50
CSV_HEADER = ("kind", "id", "on", "account_ref", "name", "amount", "unit")


@dataclass(frozen=True, slots=True)
class BehindPage(Page):
    template = "managers/dashboard/behind.html"
    portfolio: Portfolio
    definition: Definition
    on: date
    part: Part
    parts: Sequence[tuple[Part, str, str]]
    """Each side, its words and its address."""
    dimension: str
    member: str
    columns: Sequence[Column]
    rows: Sequence[Behind]
    cases: Mapping[int, int]
    count: int | None
    """None: more than `counted_to`."""
    counted_to: int
    total: int
    next_cursor: str | None


@router.get("/{kpi}")
def things(
    request: Request,
    _staff: Manager,
    session: StreamSession,
    kpi: str,
    portfolio: str,
    on: Annotated[date, Query(alias="date")],
    dimension: str = "",
    member: str = "",
    part: Part = Part.NUMERATOR,
    cursor: str = "",
    format: str = "",
) -> Response:
    _, chosen = choose_portfolio(session, portfolio)
    if chosen is None:
        raise NotFound("There is no portfolio with figures yet. Create one, and close its first day.")
    asked = figure_slice(session, chosen, kpi, on, dimension=dimension, member=member, part=part)
    if format == "csv":
        return csv_download(
            f"{kpi}-{part.value}-{chosen.code}-{on}.csv",
            CSV_HEADER,
            _csv(asked, things_behind(session, asked)),
        )
    seen = decode_cursor(cursor, 3, int, str, int)
    rows = things_behind(session, asked, after=(seen[0], seen[1], seen[2]) if seen else None, limit=PAGE + 1)
    tile = tile_behind(session, asked, None if seen or len(rows) > PAGE else rows)
    shown = rows[:PAGE]
    words = asked.definition
    return page(
        request,
        BehindPage(
            portfolio=chosen,
            definition=words,
            on=on,
            part=part,
            parts=[
                (each, text, figure_href(kpi, chosen.code, on, dimension, member, each))
                for each, text in ((Part.NUMERATOR, words.counted), (Part.DENOMINATOR, words.out_of))
            ],
            dimension=dimension,
            member=member,
            columns=[
                Column(marked("Day")),
                Column(marked("Account")),
                Column(marked("Customer")),
                Column(marked("Amount") if words.unit is Unit.MONEY else marked("Counted"), numeric=True),
            ],
            rows=shown,
            cases=latest_cases(session, [row.customer_id for row in shown]),
            count=tile.number,
            counted_to=COUNTED_TO,
            total=tile.total,
            next_cursor=encode_cursor(*shown[-1].place) if len(rows) > PAGE else None,
        ),
    )


def _csv(asked: FigureSlice, rows: Sequence[Behind]) -> Iterator[Rows]:
    is_money = asked.definition.unit is Unit.MONEY
    currency = asked.portfolio.currency
    for row in rows:
        amount = to_decimal_string(row.amount, currency) if is_money else str(row.amount)
        unit = currency if is_money else asked.definition.unit.value
        yield row.kind.value, row.thing_id, row.on, row.account_ref, row.name, amount, unit
