"""Forms of a case's matter with the lawyers: report, ask, answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.matters import questions
from app.actions.matters.reports import Report, report_matter
from app.core.staff.rules import Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseReader, LegalMember
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.legal.matters.rules import ReportKind
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import Place, submit
from app.web.cases.legal.page import show
from app.web.form_action import Flash
from app.web.forms import Fields, Typed

router = Router(prefix="/cases/{case_id}/legal")


class ReportForm(Typed):
    kind: str = ""
    on: str = ""
    court: str = ""
    court_reference: str = ""
    amount: str = ""
    note: str = ""


@router.post("/reports")
def report(
    request: Request, case_id: RowId, staff: LegalMember, session: WriteSession, now: Now,
    typed: Annotated[ReportForm, Form()],
) -> Response:  # fmt: skip
    def act(file: CaseFile, fields: Fields) -> Flash:
        kind, on = fields.choice("kind", ReportKind), fields.day("on")
        awarded = fields.amount("amount") if fields.has("amount") else None
        fields.done()
        said = Report(kind, on, typed.court, typed.court_reference, awarded, typed.note)
        report_matter(session, file.case, said, by=staff.by, now=now)
        return "The report is on record.", "good"

    return _send(request, session, staff, case_id, "report", typed, act, now)


class QuestionForm(Typed):
    question: str = ""


@router.post("/questions")
def ask(
    request: Request, case_id: RowId, staff: CaseReader, session: WriteSession, now: Now,
    typed: Annotated[QuestionForm, Form()],
) -> Response:  # fmt: skip
    def act(file: CaseFile, fields: Fields) -> Flash:
        fields.done()
        row = questions.ask(session, file.case, typed.question, by=staff.by, role=staff.role, now=now)
        words = "The legal team sees it." if row.to_legal else "The owner of the case has it as a task."
        return f"Asked. {words}", "good"

    return _send(request, session, staff, case_id, "question", typed, act, now)


class AnswerForm(Typed):
    answer: str = ""


@router.post("/questions/{legal_question_id}/answer")
def answer(
    request: Request, case_id: RowId, legal_question_id: RowId, staff: CaseReader, session: WriteSession, now: Now,
    typed: Annotated[AnswerForm, Form()],
) -> Response:  # fmt: skip
    def act(file: CaseFile, fields: Fields) -> Flash:
        fields.done()
        questions.answer(
            session, file.case, legal_question_id, typed.answer, by=staff.by, role=staff.role, now=now
        )
        return "The answer is on record.", "good"

    return _send(request, session, staff, case_id, f"answer-{legal_question_id}", typed, act, now)


def _send(
    request: Request, session: Session, staff: Staff, case_id: int, form: str, typed: Typed,
    act: Callable[[CaseFile, Fields], Flash], now: datetime,
) -> Response:  # fmt: skip
    place = Place(
        show=lambda file, state, status: show(request, session, staff, file, state, status, now=now),
        back=lambda: f"/cases/{case_id}/legal",
    )
    return submit(request, session, staff, case_id, form, typed, act, now=now, place=place)
