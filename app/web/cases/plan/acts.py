"""What is done about an agreement, from its page or the case's: accept it, cancel it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.agreements import accept_offer, cancel_agreement
from app.casework.plans.queries import plan_of
from app.core.labels import PLAN_LABELS
from app.core.staff.rules import Staff
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import Place, submit
from app.web.cases.forms.answers import answer_words, confirmation_words, reader_of
from app.web.cases.plan.page import show_plan
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, Typed

router = APIRouter(prefix="/cases")


class PlanActForm(Typed):
    from_plan: str = ""
    """`1` from the page of the agreement: it is shown again, not the case's."""
    reason: str = ""


def place_of(request: Request, session: Session, staff: Staff, case_id: int, plan_id: int) -> Place:
    """The page of an agreement as the place of its forms."""

    def show(file: CaseFile, state: FormState, status: int) -> Response:
        return show_plan(request, session, staff, file, plan_id, state, status)

    return Place(show, lambda: f"/cases/{case_id}/plans/{plan_id}")


@router.post("/{case_id}/plans/{plan_id}/accept")
def accept_plan(
    request: Request,
    case_id: RowId,
    plan_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PlanActForm, Form()],
) -> Response:
    def act(file: CaseFile, _fields: Fields) -> Flash:
        plan = plan_of(session, file.case, plan_id)
        made = accept_offer(session, plan, ports_of(request).catalog, by=staff.by, now=now)
        words, tone = confirmation_words(request, file, made.confirmations, now)
        return f"{PLAN_LABELS[plan.kind.value]} accepted. {words}", tone

    form = f"accept-{plan_id}"
    place = place_of(request, session, staff, case_id, plan_id) if typed.from_plan else None
    return submit(request, session, staff, case_id, form, typed, act, now=now, tab="plans", place=place)


@router.post("/{case_id}/plans/{plan_id}/cancel")
def cancel_plan(
    request: Request,
    case_id: RowId,
    plan_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PlanActForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        reason = fields.reason()
        fields.done()
        plan = plan_of(session, file.case, plan_id)
        told = cancel_agreement(session, plan, reason, ports_of(request).catalog, by=staff.by, now=now)
        reader = reader_of(request, file, zone=file.zone)
        words = "; ".join(answer_words(channel, answer, reader, now) for channel, answer in told.items())
        said = f"{PLAN_LABELS[plan.kind.value]} cancelled."
        return f"{said} The customer is told: {words}." if words else said, "good"

    form = f"cancel-{plan_id}"
    place = place_of(request, session, staff, case_id, plan_id) if typed.from_plan else None
    return submit(request, session, staff, case_id, form, typed, act, now=now, tab="plans", place=place)
