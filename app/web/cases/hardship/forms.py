"""Forms of help with payments: take a request down, ask for more, note what came, decide, take back."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.hardship import requests as acts
from app.casework.hardship.rules import DocumentState, HardshipStatus, HardshipWay, RefusalReason
from app.casework.hardship.service import NewRequest
from app.core.labels import HARDSHIP_LABELS
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.answers import in_writing_words, reader_of
from app.web.cases.hardship.page import submit
from app.web.form_action import Flash
from app.web.forms import Fields, ReasonForm, Typed, chosen_row

router = Router(prefix="/cases/{case_id}/hardship")


class RequestForm(Typed):
    way: str = ""
    reasons: list[str] = []
    received_on: str = ""
    question: str = ""
    note: str = ""


@router.post("")
def take(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[RequestForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        way = fields.choice("way", HardshipWay)
        received_on = fields.day("received_on") if fields.has("received_on") else file.book.today
        question_id = chosen_row(fields, "question")
        fields.done()
        new = NewRequest(way, typed.reasons, received_on, typed.note)
        letters = ports_of(request).catalog
        taken = acts.take_request(
            session, file.case, new, letters, question_id=question_id, by=staff.by, now=now
        )
        day = reader_of(request, file).day(taken.request.answer_by)
        said = f"Taken down. Reminders rest until it is decided; the answer is due by {day}."
        return f"{said} {in_writing_words(request, file, taken.letter, now)}".strip(), "good"

    return submit(request, session, staff, case_id, "request", typed, act, now=now)


class AskForm(Typed):
    what: str = ""


@router.post("/{hardship_id}/documents")
def ask(
    request: Request,
    case_id: RowId,
    hardship_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AskForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        fields.done()
        acts.ask_for_document(session, file.case, hardship_id, typed.what, by=staff.by, now=now)
        return "Noted. Ask the customer for it on the telephone or in writing.", "good"

    return submit(request, session, staff, case_id, "ask", typed, act, now=now)


class CameForm(Typed):
    state: str = ""
    document_id: str = ""
    lacking: str = ""


@router.post("/{hardship_id}/documents/{asked_id}")
def came(
    request: Request,
    case_id: RowId,
    hardship_id: RowId,
    asked_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[CameForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        state = fields.choice("state", DocumentState)
        document_id = chosen_row(fields, "document_id")
        fields.done()
        acts.note_document(
            session, file.case, hardship_id, asked_id, state,
            document_id=document_id, lacking=typed.lacking, by=staff.by, now=now,
        )  # fmt: skip
        return "Noted.", "good"

    return submit(request, session, staff, case_id, f"came-{asked_id}", typed, act, now=now)


class DecisionForm(Typed):
    decision: str = ""
    until: str = ""
    refusals: list[str] = []
    words: str = ""
    plan_id: str = ""


@router.post("/{hardship_id}/decision")
def decide(
    request: Request,
    case_id: RowId,
    hardship_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[DecisionForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        decision = fields.choice("decision", HardshipStatus)
        until = fields.day("until") if fields.has("until") else None
        plan_id = chosen_row(fields, "plan_id")
        if set(typed.refusals) - set(RefusalReason):
            fields.errors["refusals"] = "Choose reasons from the list."
        fields.done()
        letters = ports_of(request).catalog
        taken = acts.decide_request(
            session, file.case, hardship_id, decision, letters,
            until=until, refusals=[RefusalReason(each) for each in typed.refusals], words=typed.words,
            plan_id=plan_id, by=staff.by, role=staff.role, now=now,
        )  # fmt: skip
        said = f"{HARDSHIP_LABELS[decision]}."
        return f"{said} {in_writing_words(request, file, taken.letter, now)}".strip(), "good"

    return submit(request, session, staff, case_id, "decision", typed, act, now=now)


@router.post("/{hardship_id}/withdrawal")
def withdraw(
    request: Request,
    case_id: RowId,
    hardship_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[ReasonForm, Form()],
) -> Response:
    """The customer takes the request back."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        fields.reason()
        fields.done()
        acts.withdraw_request(session, file.case, hardship_id, typed.reason, by=staff.by, now=now)
        return "The request is taken back; the case is worked again from tomorrow.", "good"

    return submit(request, session, staff, case_id, "withdrawal", typed, act, now=now)
