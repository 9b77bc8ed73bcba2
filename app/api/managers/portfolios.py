"""The portfolios."""

from __future__ import annotations

from typing import Annotated

from sqlmodel import col, select

from app.api.deps import Page, ReadSession, api_requires, api_router
from app.api.fields import Cursor, Limit, after, page_of
from app.api.managers.shapes import PortfolioShape
from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.core.ids import id_of
from app.core.staff.rules import CASE_READING, Caller

router = api_router("/portfolios", tags=["portfolios"])


@router.get("", summary="List portfolios")
def list_portfolios(
    _caller: Annotated[Caller, api_requires(*CASE_READING)],
    session: ReadSession,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PortfolioShape]:
    """Every portfolio, in the order in which they were opened."""
    query = select(Portfolio).where(col(Portfolio.id) > after(cursor))
    rows = session.scalars(query.order_by(col(Portfolio.id)).limit(limit + 1)).all()
    shown, next_cursor = page_of(rows, limit, lambda portfolio: id_of(portfolio))
    items = [PortfolioShape.of(portfolio, last_closed(session, portfolio)) for portfolio in shown]
    return Page(items=items, next_cursor=next_cursor)
