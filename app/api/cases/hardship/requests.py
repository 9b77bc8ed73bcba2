"""Requests for help with payments: listed, taken down, documents asked for and noted, decided, taken back."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from fastapi import Request
from pydantic import Field

from app.actions.hardship import requests as acts
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseWorker, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import CaseRef, Day, RowId
from app.api.shapes import Shape, covered
from app.book.portfolios.days import local_today
from app.casework.hardship.models import HardshipDocument, HardshipRequest
from app.casework.hardship.queries import documents_of_request, get_request, requests_of
from app.casework.hardship.rules import (
    DocumentState,
    HardshipReason,
    HardshipStatus,
    HardshipWay,
    RefusalReason,
)
from app.casework.hardship.service import NewRequest
from app.casework.questions.queries import waiting_question
from app.casework.recognition.cues import Subject
from app.casework.support_needs.sight import sight_of
from app.core.ids import id_of
from app.core.text import Line, Paragraph
from app.http.context import Now, ports_of

router = api_router("/cases/{reference}/hardship-requests", tags=["agreements"])


class HardshipShape(Shape):
    """A request for help with payments and what became of it."""

    id: int
    way: HardshipWay
    reasons: list[HardshipReason]
    note: str
    received_on: date
    answer_by: date = Field(description="The last day for our answer.")
    status: HardshipStatus
    decided_on: date | None
    until: date | None = Field(description="The last day of the help.")
    refusals: list[RefusalReason]
    words: str = Field(description="Printed in the letter, in the customer's language.")
    plan_id: int | None
    hold_id: int

    @classmethod
    def of(cls, row: HardshipRequest) -> Self:
        return cls(
            id=id_of(row),
            way=row.way,
            reasons=row.reason_list,
            note=row.note,
            received_on=row.received_on,
            answer_by=row.answer_by,
            status=row.status,
            decided_on=row.decided_on,
            until=row.until,
            refusals=row.refusal_list,
            words=row.words,
            plan_id=row.plan_id,
            hold_id=row.hold_id,
        )


class AskedShape(Shape):
    """Something that the customer was asked for."""

    id: int
    what: str
    asked_on: date
    state: DocumentState
    received_on: date | None
    document_id: int | None
    lacking: str

    @classmethod
    def of(cls, row: HardshipDocument) -> Self:
        return cls(
            id=id_of(row),
            what=row.what,
            asked_on=row.asked_on,
            state=row.state,
            received_on=row.received_on,
            document_id=row.document_id,
            lacking=row.lacking,
        )


class NewHardship(Input):
    way: Annotated[HardshipWay, Field(strict=False)]
    reasons: Annotated[
        list[Annotated[HardshipReason, Field(strict=False)]], Field(min_length=1, max_length=8)
    ]
    received_on: Annotated[
        Day | None, Field(description="null = the day of the question's words, or today.")
    ] = None
    note: Annotated[Paragraph, Field(max_length=300)] = ""
    question_id: Annotated[
        int | None,
        Field(ge=1, le=2**53, description="The question whose words this takes up; it is answered."),
    ] = None


class Asked(Input):
    what: Annotated[Line, Field(min_length=1, max_length=120, examples=["last three payslips"])]


class Came(Input):
    state: Annotated[DocumentState, Field(strict=False)]
    document_id: Annotated[int | None, Field(ge=1, le=2**53, description="A document on file.")] = None
    lacking: Annotated[Line, Field(max_length=200, description="What it does not show.")] = ""


class HardshipDecision(Input):
    decision: Annotated[HardshipStatus, Field(strict=False, description="granted, partly or refused.")]
    until: Annotated[Day | None, Field(description="The last day of the help.")] = None
    refusals: Annotated[list[Annotated[RefusalReason, Field(strict=False)]], Field(max_length=3)] = []
    words: Annotated[Paragraph, Field(max_length=500, description="What the customer can do now.")] = ""
    plan_id: Annotated[int | None, Field(ge=1, le=2**53, description="The agreement that the help is.")] = (
        None
    )


class TakenBack(Input):
    reason: Annotated[Line, Field(min_length=1, max_length=200)]


@router.get("", summary="List requests for help with payments")
def list_hardship_requests(
    reference: CaseRef, caller: ApiCaseWorker, session: ReadSession
) -> Page[HardshipShape]:
    """The newest first."""
    case = case_named(session, reference)
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    return Page(
        items=[covered(HardshipShape.of(row), sight) for row in requests_of(session, case.customer_id)]
    )


@router.post("", status_code=201, summary="Take a request for help with payments down")
def post_hardship_request(
    reference: CaseRef,
    request: Request,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewHardship,
) -> HardshipShape:
    """Reminders rest until it is decided, and the customer hears in writing by when."""
    case = case_named(session, reference, lock=True)
    question = waiting_question(session, case.customer_id, body.question_id, Subject.HARDSHIP)
    heard_on = question.received_on if question else local_today(session, case.portfolio_id, now)
    received_on = body.received_on or heard_on
    new = NewRequest(body.way, [each.value for each in body.reasons], received_on, body.note)
    taken = acts.take_request(
        session, case, new, ports_of(request).catalog, question_id=body.question_id, by=caller.by, now=now
    )
    return covered(
        HardshipShape.of(taken.request), sight_of(session, case.customer_id, caller.role, caller.by)
    )


@router.get("/{hardship_id}/documents", summary="List what was asked of the customer")
def list_hardship_documents(
    reference: CaseRef, hardship_id: RowId, caller: ApiCaseWorker, session: ReadSession
) -> Page[AskedShape]:
    """In the order in which it was asked for; what came says whether it shows enough."""
    case = case_named(session, reference)
    asked = documents_of_request(session, id_of(get_request(session, case.customer_id, hardship_id)))
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    return Page(items=[covered(AskedShape.of(row), sight) for row in asked])


@router.post("/{hardship_id}/documents", status_code=201, summary="Ask the customer for something")
def post_hardship_document(
    reference: CaseRef,
    hardship_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: Asked,
) -> AskedShape:
    """The day for our answer moves, as the law says."""
    case = case_named(session, reference, lock=True)
    row = acts.ask_for_document(session, case, hardship_id, body.what, by=caller.by, now=now)
    return covered(AskedShape.of(row), sight_of(session, case.customer_id, caller.role, caller.by))


@router.post("/{hardship_id}/documents/{asked_id}", summary="Note what came")
def post_hardship_document_came(
    reference: CaseRef,
    hardship_id: RowId,
    asked_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: Came,
) -> AskedShape:
    """It came, or does not show enough. Once all of it came, the day for our answer runs from then."""
    case = case_named(session, reference, lock=True)
    row = acts.note_document(
        session, case, hardship_id, asked_id, body.state,
        document_id=body.document_id, lacking=body.lacking, by=caller.by, now=now,
    )  # fmt: skip
    return covered(AskedShape.of(row), sight_of(session, case.customer_id, caller.role, caller.by))


@router.post("/{hardship_id}/decision", summary="Decide on help with payments")
def post_hardship_decision(
    reference: CaseRef,
    hardship_id: RowId,
    request: Request,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: HardshipDecision,
) -> HardshipShape:
    """The customer has the decision in writing. Help is refused, wholly or in part, by a manager who did not take the
    request down."""
    case = case_named(session, reference, lock=True)
    taken = acts.decide_request(
        session, case, hardship_id, body.decision, ports_of(request).catalog,
        until=body.until, refusals=body.refusals, words=body.words, plan_id=body.plan_id,
        by=caller.by, role=caller.role, now=now,
    )  # fmt: skip
    return covered(
        HardshipShape.of(taken.request), sight_of(session, case.customer_id, caller.role, caller.by)
    )


@router.post("/{hardship_id}/withdrawal", summary="Take a request back")
def post_hardship_withdrawal(
    reference: CaseRef,
    hardship_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: TakenBack,
) -> HardshipShape:
    """The customer takes it back; the case is worked again from the next day."""
    case = case_named(session, reference, lock=True)
    row = acts.withdraw_request(session, case, hardship_id, body.reason, by=caller.by, now=now)
    return covered(HardshipShape.of(row), sight_of(session, case.customer_id, caller.role, caller.by))
