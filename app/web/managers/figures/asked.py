"""Reading the address of a page of figures: portfolio, day and slice, each with a sentence where it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from app.book.portfolios.days import first_day, is_closed, last_closed
from app.book.portfolios.models import Portfolio
from app.core.errors import Invalid, NotFound
from app.web.managers.figures.choice import choose_portfolio


@dataclass(frozen=True, slots=True)
class ClosedBook:
    """A portfolio with closed days, and the day that is shown."""

    portfolios: Sequence[Portfolio]
    portfolio: Portfolio
    on: date
    last_on: date
    """The last closed day."""


def closed_book(session: Session, code: str, day: str) -> ClosedBook | None:
    """The portfolio and the closed day asked for, the last one without a day; None while nothing is closed. NotFound
    for a day that is not closed, Invalid for no day at all."""
    portfolios, chosen = choose_portfolio(session, code)
    last_on = last_closed(session, chosen) if chosen else None
    if chosen is None or last_on is None:
        return None
    on = day_of(day, "date") or last_on
    if not is_closed(session, chosen, on):
        first_on = first_day(session, chosen)
        if first_on and on < first_on:
            raise NotFound(
                f"The first closed day of {chosen.code} is {first_on}; {on} is before it. Choose a later day."
            )
        raise NotFound(f"{chosen.code} has not closed {on}. The last closed day is {last_on}.")
    return ClosedBook(portfolios, chosen, on, last_on)


def day_of(text: str, field: str) -> date | None:
    """A day of an address; None where it is empty. Invalid where it is no day."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text[:20]!r} is not a day. Write it as 2026-01-31.", field) from None
