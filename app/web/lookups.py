"""Lookups that many pages share: each portfolio's present day, and the names of colleagues."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.service import edges_of
from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.casework.cases.listing import PortfolioToday
from app.core.clock import local_date, local_instant
from app.core.ids import id_of
from app.core.staff.models import User
from app.web.rendering import Tone


def book_of(session: Session, portfolio: Portfolio, now: datetime) -> PortfolioToday:
    return portfolio_today(portfolio, last_closed(session, portfolio), now)


def portfolio_today(portfolio: Portfolio, last: date | None, now: datetime) -> PortfolioToday:
    """A portfolio whose last closed day is known."""
    today = local_date(now, portfolio.timezone)
    return PortfolioToday(
        portfolio_id=id_of(portfolio),
        code=portfolio.code,
        name=portfolio.creditor,
        currency=portfolio.currency,
        timezone=portfolio.timezone,
        edges=edges_of(portfolio),
        on=last or today,
        today=today,
        day_ends=local_instant(today + timedelta(days=1), 0, 0, portfolio.timezone),
    )


def staff_names(session: Session) -> dict[str, str]:
    """User name -> the name colleagues know."""
    users = sa.select(User.username, User.display_name)  # type: ignore[call-overload]
    return {username: name for username, name in session.execute(users)}


def bucket_tone(days: int) -> Tone:
    """Return the tone of a bucket, by one scale on every page: the colour only repeats what the label says."""
    return "neutral" if days < 1 else "info" if days < 30 else "warn" if days < 60 else "bad"
