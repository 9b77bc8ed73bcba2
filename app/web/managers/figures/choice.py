"""The portfolio of a page of figures, and the address of what a figure counts."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlencode

from sqlmodel import Session, col, select

from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.core.errors import NotFound
from app.reporting.kpis.rules import Part


def choose_portfolio(session: Session, code: str) -> tuple[list[Portfolio], Portfolio | None]:
    """All portfolios, and the one asked for; otherwise the first one that has figures."""
    portfolios = list(session.scalars(select(Portfolio).order_by(col(Portfolio.code))))
    if code:
        chosen = next((p for p in portfolios if p.code == code), None)
        if chosen is None:
            raise NotFound(f"There is no portfolio {code}. Choose one from the list.")
        return portfolios, chosen
    closed = (p for p in portfolios if last_closed(session, p) is not None)
    return portfolios, next(closed, portfolios[0] if portfolios else None)


def figure_href(
    kpi: str, code: str, on: date, dimension: str = "", member: str = "", part: Part = Part.NUMERATOR
) -> str:
    """The address that lists the things behind a figure."""
    asked = {"portfolio": code, "date": str(on), "part": part.value}
    if dimension:
        asked |= {"dimension": dimension, "member": member}
    return f"/figures/{kpi}?{urlencode(asked)}"
