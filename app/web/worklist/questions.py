"""Questions whether words are a complaint, a request for help, a need or a dispute: the queue, and the two answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.questions.answering import answer_question
from app.book.portfolios.models import Portfolio
from app.casework.complaints.models import complaint_reference
from app.casework.questions.models import CaseQuestion
from app.casework.questions.queries import counts_open, get_question, open_questions
from app.casework.questions.rules import ASKING, SOURCE_LABELS, Asking, QuestionSource, form_path
from app.casework.recognition.cues import Subject
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

router = Router(prefix="/questions")
PAGE = 50


@dataclass(frozen=True, slots=True)
class QuestionsPage(Page):
    template = "worklist/questions.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    about: str
    tabs: Sequence[tuple[str, str, bool]]
    rows: Sequence[CaseQuestion]
    sources: Mapping[QuestionSource, str]
    asking: Mapping[Subject, Asking]
    form_path: Callable[[Subject, int, int], str]
    next_cursor: str | None


@router.get("")
def questions(
    request: Request,
    staff: CaseWorker,
    session: ReadSession,
    portfolio: str = "",
    about: str = "",
    cursor: str = "",
) -> Response:
    """Questions that nobody answered, the oldest first; `?about=` shows those of one subject."""
    portfolios, chosen = choose_portfolio(session, portfolio)
    subject = Subject(about) if about in set(Subject) else None
    seen, portfolio_id = decode_cursor(cursor, 1, int), id_of(chosen) if chosen else 0
    rows = open_questions(
        session, portfolio_id, about=subject, after=int(seen[0]) if seen else 0, limit=PAGE + 1
    )
    counts = counts_open(session, portfolio_id)
    base = f"/questions?portfolio={chosen.code if chosen else ''}"
    tabs = [(f"All ({sum(counts.values()):,})", base, subject is None)]
    tabs += [
        (f"{ASKING[each].name} ({counts.get(each, 0):,})", f"{base}&about={each.value}", each is subject)
        for each in Subject
    ]
    shown = rows[:PAGE]
    more = encode_cursor(id_of(shown[-1])) if len(rows) > PAGE else None
    sight = sight_over(session, {each.customer_id for each in shown}, staff.role, staff.by)
    model = QuestionsPage(
        portfolio=chosen,
        portfolios=portfolios,
        about=subject.value if subject else "",
        tabs=tabs,
        rows=shown,
        sources=SOURCE_LABELS,
        asking=ASKING,
        form_path=form_path,
        next_cursor=more,
    )
    return page(request, model, sight=sight)


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
    """`answer` is `yes` or `no`; `back` is `case` or `reply` where that page asked: whoever answers stays there. A yes
    whose form says more goes there."""
    question = get_question(session, question_id)
    place = _place(question, back)
    if answer not in ("yes", "no"):
        return redirect(request, place, "Say yes or no.", tone="warn")
    if answer == "yes" and question.about is not Subject.COMPLAINT and question.answered_at is None:
        path = form_path(question.about, question.case_id, question_id)
        return redirect(
            request, path, "Their words are beside the form. The question is answered once it is sent."
        )
    try:
        with session.begin_nested():
            done = answer_question(
                session, question_id, ports_of(request).catalog, is_so=answer == "yes", by=staff.by, now=now
            )
    except Conflict as refused:
        return redirect(request, place, sentence(refused.message), tone="warn")
    if done.complaint_id is not None:
        if back in ("case", "reply"):
            reference = complaint_reference(done.complaint_id)
            said = f"Complaint {reference} is on record. Say what it is about on its page, once you have the time."
            return redirect(request, place, said)
        return redirect(request, f"/complaints/{done.complaint_id}", "On record. Say what it is about.")
    said = "not a complaint" if done.about is Subject.COMPLAINT else "they do not"
    return redirect(request, place, f"On record: {said}.")


def _place(question: CaseQuestion, back: str) -> str:
    if back == "reply" and question.message_id is not None:
        return f"/replies/{question.message_id}"
    return f"/cases/{question.case_id}" if back == "case" else "/questions"
