"""A case's matter with the lawyers: their reports, questions and answers, court dates."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Response
from pydantic import Field

from app.actions.matters import questions
from app.actions.matters.reports import Report, report_matter
from app.api.cases.lookup import case_named
from app.api.deps import (
    ApiCaseReader,
    ApiLegal,
    ApiLegalReader,
    Input,
    OnceSession,
    Page,
    ReadSession,
    api_router,
)
from app.api.fields import Amount, CaseRef, Currency, Day, RowId, minor_of
from app.api.shapes import Shape, covered
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import case_reference
from app.casework.support_needs.sight import sight_of
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.text import Line, Paragraph
from app.http.context import Now
from app.legal.matters.calendar import MEDIA_TYPE, calendar_of
from app.legal.matters.models import LegalQuestion, LegalReport
from app.legal.matters.queries import court_dates, questions_of, reports_of
from app.legal.matters.rules import ReportKind

router = api_router("", tags=["legal"])


class LegalReportShape(Shape):
    """What the lawyers said became of a case."""

    id: int
    case: str = Field(examples=["C-000012"])
    referral_id: int
    kind: ReportKind
    on: date = Field(description="Of a hearing the day on which it is.")
    court: str
    court_reference: str
    amount: str | None = Field(description="What a judgment awards, costs included; decimal string.")
    currency: str
    note: str
    by: str
    at: datetime

    @classmethod
    def of(cls, row: LegalReport, currency: str) -> Self:
        amount = None if row.amount_minor is None else to_decimal_string(row.amount_minor, currency)
        return cls(
            id=id_of(row), case=case_reference(row.case_id), referral_id=row.referral_id, kind=row.kind,
            on=row.on_date, court=row.court, court_reference=row.court_reference, amount=amount, currency=currency,
            note=row.note, by=row.by, at=row.at,
        )  # fmt: skip


class LegalQuestionShape(Shape):
    """A question between collections and the legal team, and its answer."""

    id: int
    case: str = Field(examples=["C-000012"])
    to_legal: bool = Field(description="Collections asks; otherwise the legal team does.")
    question: str
    asked_by: str
    asked_at: datetime
    answer: str = Field(description="Empty while it waits.")
    answered_by: str
    answered_at: datetime | None

    @classmethod
    def of(cls, row: LegalQuestion) -> Self:
        return cls(
            id=id_of(row), case=case_reference(row.case_id), to_legal=row.to_legal, question=row.question,
            asked_by=row.asked_by, asked_at=row.asked_at, answer=row.answer, answered_by=row.answered_by,
            answered_at=row.answered_at,
        )  # fmt: skip


class NewLegalReport(Input):
    kind: Annotated[ReportKind, Field(strict=False)]
    on: Day
    court: Annotated[Line, Field(max_length=120, description="Empty = as reported before.")] = ""
    court_reference: Annotated[Line, Field(max_length=80)] = ""
    amount: Annotated[Amount | None, Field(description="Of a judgment only; needs `currency`.")] = None
    currency: Currency | None = None
    note: Annotated[Paragraph, Field(max_length=500, description="Needed where the matter is closed.")] = ""


class NewQuestion(Input):
    question: Annotated[Paragraph, Field(min_length=1, max_length=1000)]


class NewAnswer(Input):
    answer: Annotated[Paragraph, Field(min_length=1, max_length=2000)]


@router.get("/cases/{reference}/legal-reports", summary="List the lawyers' reports about a case")
def list_legal_reports(
    reference: CaseRef, caller: ApiCaseReader, session: ReadSession
) -> Page[LegalReportShape]:
    """The oldest first."""
    case = case_named(session, reference)
    currency = session.get_one(Portfolio, case.portfolio_id).currency
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    rows = reports_of(session, id_of(case))
    return Page(items=[covered(LegalReportShape.of(row, currency), sight) for row in rows])


@router.post("/cases/{reference}/legal-reports", status_code=201, summary="Report what became of a case")
def post_legal_report(
    reference: CaseRef, caller: ApiLegal, session: OnceSession, now: Now, body: NewLegalReport
) -> LegalReportShape:
    """Of a case that the legal team has: received, filed, hearing, judgment, enforcement, closed. A stage may be left
    out, none comes after a later one."""
    case = case_named(session, reference, lock=True)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    awarded = None if body.amount is None else minor_of(body.amount, body.currency or "", portfolio)
    said = Report(body.kind, body.on, body.court, body.court_reference, awarded, body.note)
    row = report_matter(session, case, said, by=caller.by, now=now)
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    return covered(LegalReportShape.of(row, portfolio.currency), sight)


@router.get("/cases/{reference}/legal-questions", summary="List questions between collections and legal")
def list_legal_questions(
    reference: CaseRef, caller: ApiCaseReader, session: ReadSession
) -> Page[LegalQuestionShape]:
    """The newest first."""
    case = case_named(session, reference)
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    return Page(
        items=[covered(LegalQuestionShape.of(row), sight) for row in questions_of(session, id_of(case))]
    )


@router.post("/cases/{reference}/legal-questions", status_code=201, summary="Ask the other side about a case")
def post_legal_question(
    reference: CaseRef, caller: ApiCaseReader, session: OnceSession, now: Now, body: NewQuestion
) -> LegalQuestionShape:
    """The legal team asks collections, where it is work for the owner of the case; everybody else asks the legal
    team."""
    case = case_named(session, reference, lock=True)
    row = questions.ask(session, case, body.question, by=caller.by, role=caller.role, now=now)
    return covered(LegalQuestionShape.of(row), sight_of(session, case.customer_id, caller.role, caller.by))


@router.post(
    "/cases/{reference}/legal-questions/{legal_question_id}/answer", summary="Answer a question about a case"
)
def post_legal_answer(
    reference: CaseRef, legal_question_id: RowId, caller: ApiCaseReader, session: OnceSession, now: Now, body: NewAnswer
) -> LegalQuestionShape:  # fmt: skip
    """By the side that was asked."""
    case = case_named(session, reference, lock=True)
    row = questions.answer(
        session, case, legal_question_id, body.answer, by=caller.by, role=caller.role, now=now
    )
    return covered(LegalQuestionShape.of(row), sight_of(session, case.customer_id, caller.role, caller.by))


class Calendar(Response):
    media_type = MEDIA_TYPE


@router.get(
    "/court-dates",
    response_class=Calendar,
    summary="Read court dates as a calendar",
    responses={
        200: {"description": "iCalendar (RFC 5545).", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
    },
)
def get_court_dates(_caller: ApiLegalReader, session: ReadSession, now: Now) -> Response:
    """Hearings from yesterday on, of cases that the legal team has: whole days with court and number, no names."""
    return Calendar(calendar_of(court_dates(session, now=now), now))
