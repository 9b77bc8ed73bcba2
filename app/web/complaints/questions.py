"""Questions whether words are a complaint: the queue, and the two answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.complaints.questions import answer_question
from app.book.portfolios.models import Portfolio
from app.casework.complaints.models import ComplaintQuestion, complaint_reference
from app.casework.complaints.questions import get_question, open_questions
from app.casework.support_needs.sight import sight_over
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.text import sentence
from app.http.context import Now, ports_of
from app.http.cursors import RowId, decode_cursor, encode_cursor
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.managers.figures.choice import choose_portfolio
from app.web.rendering import Page, page, redirect

router = Router(prefix="/complaints/questions")
PAGE = 50
SOURCES = {"message": "A message of theirs", "call": "The note of a call", "note": "A note"}


@dataclass(frozen=True, slots=True)
class QuestionsPage(Page):
    template = "complaints/questions.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    rows: Sequence[ComplaintQuestion]
    sources: Mapping[str, str]
    next_cursor: str | None


@router.get("")
def questions(
    request: Request, staff: CaseWorker, session: ReadSession, portfolio: str = "", cursor: str = ""
) -> Response:
    portfolios, chosen = choose_portfolio(session, portfolio)
    seen = decode_cursor(cursor, 1, int)
    rows = open_questions(
        session, id_of(chosen) if chosen else 0, after=int(seen[0]) if seen else 0, limit=PAGE + 1
    )
    shown = rows[:PAGE]
    more = encode_cursor(id_of(shown[-1])) if len(rows) > PAGE else None
    sight = sight_over(session, {each.customer_id for each in shown}, staff.role, staff.by)
    return page(request, QuestionsPage(chosen, portfolios, shown, SOURCES, more), sight=sight)


@router.post("/{question_id}")
def answer(
    request: Request,
    question_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    answer: Annotated[str, Form(max_length=3)] = "",
    back: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """`answer` is `yes` or `no`; `back` is `case` or `reply` where that page asked: whoever answers stays there."""
    question = get_question(session, question_id)
    place = _place(question, back)
    if answer not in ("yes", "no"):
        return redirect(request, place, "Say yes or no.", tone="warn")
    try:
        with session.begin_nested():
            done = answer_question(
                session, question_id, ports_of(request).catalog, is_complaint=answer == "yes", by=staff.by, now=now
            )  # fmt: skip
    except Conflict as refused:
        return redirect(request, place, sentence(refused.message), tone="warn")
    if done.complaint_id is not None:
        if back in ("case", "reply"):
            reference = complaint_reference(done.complaint_id)
            said = f"Complaint {reference} is on record. Say what it is about on its page, once you have the time."
            return redirect(request, place, said)
        return redirect(request, f"/complaints/{done.complaint_id}", "On record. Say what it is about.")
    return redirect(request, place, "On record: not a complaint.")


def _place(question: ComplaintQuestion, back: str) -> str:
    if back == "reply" and question.message_id is not None:
        return f"/replies/{question.message_id}"
    return f"/cases/{question.case_id}" if back == "case" else "/complaints/questions"
