"""The portfolios."""

from __future__ import annotations

from sqlmodel import col, select

from app.api.deps import ApiCaseReader, Page, ReadSession, api_router
from app.api.fields import Cursor, Limit, after, page_of
from app.api.managers.shapes import PortfolioShape
from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.core.ids import id_of

router = api_router("/portfolios", tags=["portfolios"])


@router.get("", summary="List portfolios")
def list_portfolios(
    _caller: ApiCaseReader,
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
