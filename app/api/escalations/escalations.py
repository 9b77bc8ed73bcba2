"""Escalations: ask a supervisor about a case; the queue; take, answer, take over, withdraw."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field
from sqlmodel import Session

from app.actions.escalations.supervisor import (
    answer_escalation,
    ask_supervisor,
    take_escalation,
    take_over,
    withdraw_escalation,
)
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseWorker, ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import CaseRef, Day, RowId
from app.api.shapes import Shape, covered
from app.casework.cases.models import case_reference
from app.casework.escalations.models import Escalation
from app.casework.escalations.queries import escalations_of, queue, today_of
from app.casework.escalations.rules import EscalationReason, EscalationStatus
from app.casework.support_needs.sight import sight_of, sight_over
from app.core.ids import id_of
from app.core.staff.rules import MANAGEMENT, Caller
from app.core.text import Line, Paragraph
from app.http.context import Now

router = api_router("", tags=["cases"])


class EscalationShape(Shape):
    """A question to the supervisors about a case, and what came of it."""

    id: int
    case: str
    reason: EscalationReason
    words: str
    waiting: bool = Field(description="The customer may still be on the line.")
    due_on: date
    overdue: bool
    asked_at: datetime
    by: str
    status: EscalationStatus
    taken_by: str
    ended_at: datetime | None
    ended_by: str
    answer: str

    @classmethod
    def of(cls, row: Escalation, now: datetime, today: date) -> Self:
        return cls(
            id=id_of(row), case=case_reference(row.case_id), reason=row.reason, words=row.words, waiting=row.waits(now),
            due_on=row.due_on, overdue=row.is_overdue(now, today), asked_at=row.asked_at, by=row.by, status=row.status,
            taken_by=row.taken_by, ended_at=row.ended_at, ended_by=row.ended_by, answer=row.answer,
        )  # fmt: skip


class NewEscalation(Input):
    reason: Annotated[EscalationReason, Field(strict=False)]
    words: Annotated[
        Paragraph, Field(min_length=1, max_length=500, description="What happened, and what is wanted.")
    ]
    due_on: Annotated[Day | None, Field(description="null = today.")] = None
    is_waiting: Annotated[bool, Field(description="The customer is on the line.")] = False


class EscalationAnswer(Input):
    answer: Annotated[Paragraph, Field(min_length=1, max_length=1000)]
    returned: Annotated[bool, Field(description="True: an instruction that the colleague carries out.")] = (
        False
    )


class TakeOver(Input):
    answer: Annotated[Paragraph, Field(min_length=1, max_length=1000)]
    to: Annotated[Line, Field(min_length=1, max_length=60, description="User name of the supervisor.")]


@router.get("/escalations", summary="List open escalations")
def list_escalations(caller: ApiCaseWorker, session: ReadSession, now: Now) -> Page[EscalationShape]:
    """In the order in which they are answered, at most 200. A token of an agent sees those that it asked."""
    items = queue(session, now, None if caller.role in MANAGEMENT else [str(caller.by)])
    sight = sight_over(session, {each.row.customer_id for each in items}, caller.role, caller.by)
    shapes = [EscalationShape.of(each.row, now, today_of(session, each.row, now)) for each in items]
    return Page(items=[covered(shape, sight) for shape in shapes])


@router.get("/cases/{reference}/escalations", summary="List escalations of a case")
def list_case_escalations(
    reference: CaseRef, caller: ApiCaseWorker, session: ReadSession, now: Now
) -> Page[EscalationShape]:
    """The newest first, with the answers."""
    case = case_named(session, reference)
    rows = escalations_of(session, id_of(case))
    return Page(items=[_shown(session, row, caller, now) for row in rows])


@router.post("/cases/{reference}/escalations", status_code=201, summary="Ask a supervisor about a case")
def post_escalation(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewEscalation
) -> EscalationShape:
    """One question of a case may be open. What is beyond one's own limit is asked as an approval instead."""
    case = case_named(session, reference, lock=True)
    row = ask_supervisor(
        session, case, body.reason, body.words, due_on=body.due_on, is_waiting=body.is_waiting, by=caller.by, now=now
    )  # fmt: skip
    return _shown(session, row, caller, now)


@router.post("/escalations/{escalation_id}/taking", summary="Take an escalation")
def post_escalation_taking(
    escalation_id: RowId, caller: ApiManager, session: OnceSession, now: Now
) -> EscalationShape:
    """Say that one looks at it. Not one's own."""
    return _shown(session, take_escalation(session, escalation_id, by=caller.by, now=now), caller, now)


@router.post("/escalations/{escalation_id}/answer", summary="Answer an escalation")
def post_escalation_answer(
    escalation_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: EscalationAnswer
) -> EscalationShape:
    """Who asked gets the words as a task."""
    row = answer_escalation(
        session, escalation_id, body.answer, returned=body.returned, by=caller.by, now=now
    )
    return _shown(session, row, caller, now)


@router.post("/escalations/{escalation_id}/take-over", summary="Take the case of an escalation over")
def post_escalation_take_over(
    escalation_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: TakeOver
) -> EscalationShape:
    """The case is the supervisor's from now on."""
    row = take_over(session, escalation_id, body.answer, body.to, by=caller.by, role=caller.role, now=now)
    return _shown(session, row, caller, now)


@router.post("/escalations/{escalation_id}/cancellation", summary="Withdraw an escalation")
def post_escalation_cancellation(
    escalation_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now
) -> EscalationShape:
    """One's own."""
    return _shown(session, withdraw_escalation(session, escalation_id, by=caller.by, now=now), caller, now)


def _shown(session: Session, row: Escalation, caller: Caller, now: datetime) -> EscalationShape:
    shape = EscalationShape.of(row, now, today_of(session, row, now))
    return covered(shape, sight_of(session, row.customer_id, caller.role, caller.by))
