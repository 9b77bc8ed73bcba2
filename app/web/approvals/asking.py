"""Ask a manager from a case's page, and hand a case over: the forms of what takes a second person."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.approvals.asking import ask_approval
from app.actions.assignment import hand_over_case
from app.casework.approvals.rules import AskAgreement, AskHandOver
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.forms.action import SENT, submit
from app.web.cases.forms.plans import SettlementForm, settlement_terms
from app.web.cases.plan.typed import PLAN_FIELDS, PlanForm, plan_terms
from app.web.form_action import Flash
from app.web.forms import Fields, ReasonForm

router = Router(prefix="/cases")


@router.post("/{case_id}/settlements/request")
def ask_for_settlement(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[SettlementForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        ask, reason = AskAgreement(settlement_terms(fields)), fields.reason()
        fields.done()
        ask_approval(session, file.case, ask, reason, by=staff.by, role=staff.role, now=now)
        return SENT

    return submit(request, session, staff, case_id, "settlement", typed, act, now=now)


@router.post("/{case_id}/plans/request")
def ask_for_plan(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[PlanForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        ask, reason = AskAgreement(plan_terms(fields, file)), fields.reason()
        fields.done()
        ask_approval(session, file.case, ask, reason, by=staff.by, role=staff.role, now=now)
        return SENT

    return submit(request, session, staff, case_id, "plan", typed, act, now=now, names=PLAN_FIELDS)


class HandOverForm(ReasonForm):
    to: str = ""


@router.post("/{case_id}/hand-over/request")
def ask_for_hand_over(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[HandOverForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        reason = fields.reason()
        fields.done()
        ask = AskHandOver(typed.to)
        ask_approval(session, file.case, ask, reason, by=staff.by, role=staff.role, now=now)
        return SENT

    return submit(request, session, staff, case_id, "hand-over", typed, act, now=now)


@router.post("/{case_id}/hand-over")
def hand_over(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[HandOverForm, Form()],
) -> Response:
    """Give one's own case to a colleague, with a note."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        fields.done()
        hand_over_case(session, file.case, typed.to, typed.reason, by=staff.by, role=staff.role, now=now)
        return "Handed over. Your note is a task of your colleague.", "good"

    return submit(
        request, session, staff, case_id, "hand-over", typed, act, now=now, names={"note": "reason"}
    )
