"""Questions whether words are a complaint, a request for help, a support need or a dispute, by programs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Query
from pydantic import Field
from starlette.requests import Request

from app.actions.questions.answering import answer_question
from app.api.deps import ApiCaseWorker, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import Cursor, Limit, PortfolioCode, RowId, after, page_of
from app.api.shapes import Shape, covered
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import case_reference
from app.casework.questions.models import CaseQuestion
from app.casework.questions.queries import open_questions
from app.casework.questions.rules import QuestionSource
from app.casework.recognition.cues import Subject
from app.casework.support_needs.sight import sight_of, sight_over
from app.core.ids import id_of
from app.http.context import Now, ports_of

router = api_router("", tags=["cases"])


class QuestionShape(Shape):
    """Words in which something was heard, for a person to say whether it is so."""

    id: int
    case: str = Field(examples=["C-000012"])
    about: Subject
    source: QuestionSource
    words: str
    cues: list[str]
    received_on: date = Field(description="The day on which the words reached us.")
    asked_at: datetime
    is_so: bool | None = Field(description="null = nobody has answered.")
    answered_by: str
    complaint_id: int | None
    hardship_id: int | None
    dispute_id: int | None

    @classmethod
    def of(cls, row: CaseQuestion) -> Self:
        return cls(
            id=id_of(row), case=case_reference(row.case_id), about=row.about, source=row.source, words=row.words,
            cues=row.cues.split(" | "), received_on=row.received_on, asked_at=row.asked_at, is_so=row.is_so,
            answered_by=row.answered_by, complaint_id=row.complaint_id, hardship_id=row.hardship_id,
            dispute_id=row.dispute_id,
        )  # fmt: skip


@router.get("/portfolios/{code}/questions", summary="List words that wait for an answer")
def list_questions(
    code: PortfolioCode,
    caller: ApiCaseWorker,
    session: ReadSession,
    about: Annotated[Subject | None, Query(description="One subject alone; all without it.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[QuestionShape]:
    """Those that nobody answered, the oldest first."""
    portfolio = get_portfolio(session, code)
    rows = open_questions(session, id_of(portfolio), about=about, after=after(cursor), limit=limit + 1)
    shown, next_cursor = page_of(rows, limit, id_of)
    sight = sight_over(session, {row.customer_id for row in shown}, caller.role, caller.by)
    return Page(items=[covered(QuestionShape.of(row), sight) for row in shown], next_cursor=next_cursor)


class QuestionAnswer(Input):
    is_so: bool


@router.post("/questions/{question_id}/answer", summary="Say whether words are what was heard")
def post_question_answer(
    request: Request,
    question_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: QuestionAnswer,
) -> QuestionShape:
    """A no is on record with who and when. A yes opens a complaint; a yes to any other question is the request for
    help, the support need or the dispute itself, sent with `question_id`."""
    letters = ports_of(request).catalog
    row = answer_question(session, question_id, letters, is_so=body.is_so, by=caller.by, now=now)
    return covered(QuestionShape.of(row), sight_of(session, row.customer_id, caller.role, caller.by))
