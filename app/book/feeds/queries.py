"""Feed loads, for the pages."""

from __future__ import annotations

from sqlmodel import Session, col, select

from app.book.feeds.models import FeedLoad


def history(session: Session, portfolio_id: int, limit: int) -> list[FeedLoad]:
    """The latest loads of a portfolio, newest first."""
    query = select(FeedLoad).where(FeedLoad.portfolio_id == portfolio_id).order_by(col(FeedLoad.id).desc())
    return list(session.scalars(query.limit(limit)))
