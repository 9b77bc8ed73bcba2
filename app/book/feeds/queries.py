"""Feed loads, for pages and the API."""

from __future__ import annotations

from sqlmodel import Session, col, select

from app.book.feeds.models import FeedLoad


def history(session: Session, portfolio_id: int, limit: int) -> list[FeedLoad]:
    """The latest loads of a portfolio, newest first."""
    query = select(FeedLoad).where(FeedLoad.portfolio_id == portfolio_id).order_by(col(FeedLoad.id).desc())
    return list(session.scalars(query.limit(limit)))


def loads_after(session: Session, portfolio_id: int, after: int, limit: int) -> list[FeedLoad]:
    """Loads of a portfolio with an id above `after`, oldest first."""
    query = select(FeedLoad).where(FeedLoad.portfolio_id == portfolio_id, col(FeedLoad.id) > after)
    return list(session.scalars(query.order_by(col(FeedLoad.id)).limit(limit)))
