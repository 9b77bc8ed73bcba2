"""Questions whether words are a complaint, and their answers."""

from __future__ import annotations

from fastapi import Request

from app.actions.complaints.questions import answer_question
from app.api.complaints.shapes import QuestionShape
from app.api.deps import ApiCaseWorker, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import Cursor, Limit, PortfolioCode, RowId, after, page_of
from app.api.shapes import covered
from app.book.portfolios.service import get_portfolio
from app.casework.complaints.questions import open_questions
from app.casework.support_needs.sight import sight_of, sight_over
from app.core.ids import id_of
from app.http.context import Now, ports_of

router = api_router("", tags=["complaints"])


@router.get("/portfolios/{code}/complaint-questions", summary="List questions whether words are a complaint")
def list_questions(
    code: PortfolioCode,
    caller: ApiCaseWorker,
    session: ReadSession,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[QuestionShape]:
    """Those that nobody answered, the oldest first."""
    portfolio = get_portfolio(session, code)
    rows = open_questions(session, id_of(portfolio), after=after(cursor), limit=limit + 1)
    shown, next_cursor = page_of(rows, limit, id_of)
    sight = sight_over(session, {row.customer_id for row in shown}, caller.role, caller.by)
    return Page(items=[covered(QuestionShape.of(row), sight) for row in shown], next_cursor=next_cursor)


class QuestionAnswer(Input):
    is_complaint: bool


@router.post("/complaint-questions/{question_id}/answer", summary="Say whether words are a complaint")
def post_question_answer(
    request: Request,
    question_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: QuestionAnswer,
) -> QuestionShape:
    """A yes opens the complaint; a no is on record with who and when."""
    letters = ports_of(request).catalog
    row = answer_question(
        session, question_id, letters, is_complaint=body.is_complaint, by=caller.by, now=now
    )
    return covered(QuestionShape.of(row), sight_of(session, row.customer_id, caller.role, caller.by))
