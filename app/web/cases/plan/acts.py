"""Acts on an agreement, from its page or the case's: accept it, move or skip a payment, cancel it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.agreements import cancel_agreement
from app.actions.approvals.asking import ask_approval
from app.actions.negotiation.sending import accept_agreement
from app.actions.plans.instalments import move_instalment, skip_instalment
from app.casework.approvals.rules import AskSkip
from app.casework.plans.limits import Grantor
from app.casework.plans.queries import instalments_of, plan_of
from app.core.labels import PLAN_LABELS
from app.core.staff.rules import Staff
from app.http.context import Now, ports_of
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import SENT, Place, submit
from app.web.cases.forms.answers import answer_words, confirmation_words, reader_of
from app.web.cases.plan.acceptance import AcceptanceForm, agreed_in
from app.web.cases.plan.page import show_plan
from app.web.cases.plan.words import interest_words
from app.web.form_action import Flash
from app.web.forms import Fields, FormState, Typed

router = Router(prefix="/cases")


class PlanActForm(Typed):
    from_plan: str = ""
    """`1` from the page of the agreement: it is shown again, not the case's."""
    reason: str = ""


def place_of(request: Request, session: Session, staff: Staff, case_id: int, plan_id: int) -> Place:
    """The page of an agreement as the place of its forms."""

    def show(file: CaseFile, state: FormState, status: int) -> Response:
        return show_plan(request, session, staff, file, plan_id, state, status)

    return Place(show, lambda: f"/cases/{case_id}/plans/{plan_id}")


class AcceptForm(PlanActForm, AcceptanceForm):
    """The acceptance of an offer, as typed."""


@router.post("/{case_id}/plans/{plan_id}/accept")
def accept_plan(
    request: Request,
    case_id: RowId,
    plan_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[AcceptForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        typed_acceptance = agreed_in(fields)
        fields.done()
        plan = plan_of(session, file.case, plan_id)
        first = instalments_of(session, [plan_id])[plan_id][0]
        agreed = typed_acceptance.agreed(first.due_on)
        made = accept_agreement(session, plan, ports_of(request).catalog, agreed, by=staff.by, now=now)
        words, tone = confirmation_words(request, file, made.confirmations, now)
        return f"{PLAN_LABELS[plan.kind.value]} accepted. {words}", tone

    place = place_of(request, session, staff, case_id, plan_id)
    return submit(request, session, staff, case_id, f"accept-{plan_id}", typed, act, now=now, place=place)


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


class InstalmentForm(PlanActForm):
    n: str = ""
    due_on: str = ""


@router.post("/{case_id}/plans/{plan_id}/move")
def move_payment(
    request: Request,
    case_id: RowId,
    plan_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[InstalmentForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        n, due_on = fields.whole("n"), fields.day("due_on")
        fields.done()
        plan = plan_of(session, file.case, plan_id)
        made = move_instalment(
            session, plan, n, due_on, ports_of(request).catalog, typed.reason, by=staff.by, now=now
        )
        reader = reader_of(request, file)
        words, tone = confirmation_words(request, file, made.confirmations, now)
        said = f"The payment is due on {reader.day(due_on)} now.{interest_words(reader, made.change)}"
        return f"{said} {words}", tone

    place = place_of(request, session, staff, case_id, plan_id)
    return submit(request, session, staff, case_id, f"move-{plan_id}", typed, act, now=now, place=place)


@router.post("/{case_id}/plans/{plan_id}/skip")
def skip_payment(
    request: Request,
    case_id: RowId,
    plan_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[InstalmentForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        n = fields.whole("n")
        fields.done()
        plan = plan_of(session, file.case, plan_id)
        grantor = Grantor(staff.by, staff.role)
        made = skip_instalment(
            session, plan, n, ports_of(request).catalog, typed.reason, grantor=grantor, now=now
        )
        reader, last_on = reader_of(request, file), made.change.to_on
        words, tone = confirmation_words(request, file, made.confirmations, now)
        said = f"The payment is skipped; its amount is due on {reader.day(last_on)}, with the last one."
        return f"{said}{interest_words(reader, made.change)} {words}", tone

    place = place_of(request, session, staff, case_id, plan_id)
    return submit(request, session, staff, case_id, f"skip-{plan_id}", typed, act, now=now, place=place)


@router.post("/{case_id}/plans/{plan_id}/skip/request")
def ask_for_skip(
    request: Request,
    case_id: RowId,
    plan_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[InstalmentForm, Form()],
) -> Response:
    """Ask a manager for a skip beyond the agreement and one's own limit."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        ask, reason = AskSkip(plan_id, fields.whole("n")), fields.reason()
        fields.done()
        ask_approval(session, file.case, ask, reason, by=staff.by, role=staff.role, now=now)
        return SENT

    place = place_of(request, session, staff, case_id, plan_id)
    return submit(request, session, staff, case_id, f"skip-{plan_id}", typed, act, now=now, place=place)
