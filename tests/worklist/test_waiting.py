"""Work of a portfolio that waits: claims of payment that nobody found by their day."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, select

from app.actions.assignment import add_note
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.ids import id_of
from app.outreach.strategy.models import StrategyTask
from app.worklist.books import books_at
from app.worklist.view import View, page_of
from app.worklist.waiting import CLAIMS, OVERDUE, QUESTIONS, waiting_cases
from tests import builders
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


def test_complaints_past_their_day_and_questions_wait_beside_the_rest(session: Session) -> None:  # noqa: F811
    case, book = a_case(session), session.scalars(select(Portfolio)).one()
    add_note(session, case, "He wants to make a complaint.", by=Actor.user("mei"), now=NOW)
    builders.complaint(session, case, received_at=NOW, answer_by=NOW.date() + timedelta(days=1))
    for days, overdue in ((1, 0), (2, 1)):
        found = {each.label: each for each in waiting_cases(session, book, NOW + timedelta(days=days))}
        assert (found[OVERDUE].count, found[QUESTIONS].count) == (overdue, 1), days
