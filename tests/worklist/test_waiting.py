"""Work of a portfolio that waits: claims of payment that nobody found by their day."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, select

from app.book.portfolios.models import Portfolio
from app.core.ids import id_of
from app.outreach.strategy.models import StrategyTask
from app.worklist.books import books_at
from app.worklist.view import View, page_of
from app.worklist.waiting import CLAIMS, waiting_cases
from tests.actions.test_call_effects import NOW, a_case, claim, session

__all__ = ["session"]  # a fixture


def waiting(session: Session, days: int) -> tuple[int, list[int]]:  # noqa: F811
    """The count on the morning page so many days later, and the cases of its list."""
    now = NOW + timedelta(days=days)
    book = session.scalars(select(Portfolio)).one()
    [found] = [each for each in waiting_cases(session, book, now) if each.label == CLAIMS]
    assert found.href.endswith("&state=claimed")
    items, _ = page_of(
        session, View(books=books_at(session, now), state="claimed"), after=None, limit=9, now=now
    )
    return found.count, [item.case_id for item in items]


def test_a_claim_waits_for_a_decision_once_its_day_has_come(session: Session) -> None:  # noqa: F811
    case = a_case(session)
    claim(session, case)
    assert waiting(session, 9) == (0, [])
    assert waiting(session, 10) == (1, [id_of(case)])
    task = session.scalars(select(StrategyTask)).one()
    task.done_at = NOW
    session.flush()
    assert waiting(session, 10) == (0, [])
