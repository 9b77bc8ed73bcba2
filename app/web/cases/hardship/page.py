"""The page of help with payments: the open request with its clock, what was asked, the decision, and earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Query
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.hardship.requests import clock_of, help_limits
from app.casework.documents.models import CaseDocument
from app.casework.documents.service import documents_of
from app.casework.hardship.models import HardshipDocument, HardshipRequest
from app.casework.hardship.queries import documents_of_request, requests_of
from app.casework.hardship.rules import HardshipStatus, HardshipWay
from app.casework.plans.models import Plan
from app.casework.plans.queries import live_plan
from app.casework.questions.models import CaseQuestion
from app.casework.questions.queries import question_of_hardship, waiting_question
from app.casework.questions.rules import SOURCE_LABELS, QuestionSource
from app.casework.recognition.cues import Subject
from app.casework.support_needs.sight import sight_of
from app.core.ids import id_of
from app.core.labels import (
    HARDSHIP_LABELS,
    HARDSHIP_REASON_LABELS,
    HARDSHIP_WAY_LABELS,
    REFUSAL_LABELS,
    Labels,
)
from app.core.staff.rules import CASEWORK, MANAGEMENT, Staff
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.policy.sections.hardship import HardshipClock
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.cases.forms import action
from app.web.cases.forms.action import Place
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, Typed
from app.web.lookups import staff_names
from app.web.rendering import Page, page
from app.web.timeline import PageReader

router = Router(prefix="/cases")
LABELS: Mapping[str, Labels] = {
    "status": HARDSHIP_LABELS,
    "reason": HARDSHIP_REASON_LABELS,
    "way": HARDSHIP_WAY_LABELS,
    "refusal": REFUSAL_LABELS,
}


@dataclass(frozen=True, slots=True)
class HardshipPage(Page):
    template = "cases/hardship.html"
    file: CaseFile
    open: HardshipRequest | None
    heard: CaseQuestion | None
    """The words with which the open request was taken down."""
    question: CaseQuestion | None
    """The words that the form takes up."""
    sources: Mapping[QuestionSource, str]
    asked: Sequence[HardshipDocument]
    earlier: Sequence[HardshipRequest]
    documents: Sequence[CaseDocument]
    plan: Plan | None
    clock: HardshipClock
    labels: Mapping[str, Labels]
    today: date
    may_grant_until: date
    charges_rest: bool
    """Nothing is charged while granted help lasts."""
    manages: bool
    may_refuse: bool
    """A manager who did not take the request down."""
    reader: PageReader
    can_write: bool
    form: FormState


@router.get("/{case_id}/hardship")
def hardship_page(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: ReadSession,
    now: Now,
    do: str = "",
    question: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> Response:
    """`?question=` brings words that wait for an answer to the form."""
    file = open_case_file(session, case_id, now)
    asked = waiting_question(session, id_of(file.customer), question, Subject.HARDSHIP)
    form = FormState(do) if asked is None else FormState("request", _taken_up(asked))
    return show(request, session, staff, file, form)


def _taken_up(question: CaseQuestion) -> dict[str, str]:
    """The form as the words fill it in. What they ask for is written by a person: their words may name an illness."""
    way = WAYS.get(question.source)
    return {
        "question": str(question.id),
        "received_on": question.received_on.isoformat(),
        "way": way.value if way else "",
    }


WAYS: Mapping[QuestionSource, HardshipWay] = {
    QuestionSource.MESSAGE: HardshipWay.MESSAGE,
    QuestionSource.EMAIL: HardshipWay.MESSAGE,
    QuestionSource.CALL: HardshipWay.CALL,
    QuestionSource.POST: HardshipWay.LETTER,
}


@router.get("/{case_id}/hardship/{_form:path}")
def form_address(case_id: RowId, _form: str, _staff: CaseWorker) -> Response:
    """The address of a form, opened after a refused form or by hand."""
    return RedirectResponse(f"/cases/{case_id}/hardship", status_code=303)


def show(
    request: Request,
    session: Session,
    staff: Staff,
    file: CaseFile,
    form: FormState,
    status: int = 200,
) -> Response:
    rows = requests_of(session, id_of(file.customer))
    waiting = next((row for row in rows if row.status is HardshipStatus.OPEN), None)
    manages, limits = staff.role in MANAGEMENT, help_limits(session, file.case)
    number = form.of("request").values.get("question", "")
    return page(
        request,
        HardshipPage(
            file=file,
            open=waiting,
            heard=question_of_hardship(session, id_of(waiting)) if waiting else None,
            question=waiting_question(
                session, id_of(file.customer), int(number) if number.isdigit() else None, Subject.HARDSHIP
            ),
            sources=SOURCE_LABELS,
            asked=documents_of_request(session, id_of(waiting)) if waiting else (),
            earlier=[row for row in rows if row.status is not HardshipStatus.OPEN],
            documents=[d for d in documents_of(session, id_of(file.customer)) if d.withdrawn_at is None],
            plan=live_plan(session, id_of(file.case)),
            clock=clock_of(session, file.case),
            labels=LABELS,
            today=file.book.today,
            may_grant_until=file.book.today + limits.longest_for(staff.role),
            charges_rest=limits.charges_rest,
            manages=manages,
            may_refuse=manages and waiting is not None and waiting.by != staff.by,
            reader=PageReader(
                reader_locale(request), file.book.currency, file.portfolio.timezone, staff_names(session)
            ),
            can_write=staff.role in CASEWORK,
            form=form,
        ),
        status,
        sight_of(session, id_of(file.customer), staff.role, staff.by),
    )


def submit(
    request: Request,
    session: Session,
    staff: Staff,
    case_id: int,
    form: str,
    typed: Typed,
    act: Callable[[CaseFile, Fields], Flash],
    *,
    now: datetime,
) -> Response:
    """Do what a form of this page asks, or show the page again with what was typed."""

    def again(file: CaseFile, state: FormState, status: int) -> Response:
        return show(request, session, staff, file, state, status)

    place = Place(again, lambda: f"/cases/{case_id}/hardship#content", keeps_drafts=False)
    return action.submit(request, session, staff, case_id, form, typed, act, now=now, place=place)
