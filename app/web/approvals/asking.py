"""Ask a manager from a case's page, and hand a case over: the forms of what takes a second person."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from app.actions.approvals.asking import ask_approval, goodwill_account
from app.actions.assignment import hand_over_case
from app.actions.disputes.deciding import check_decision
from app.actions.disputes.goodwill import credit_goodwill
from app.casework.approvals.rules import AskAgreement, AskDispute, AskGoodwill, AskHandOver
from app.casework.disputes.queries import get_dispute
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.cases.case_file import CaseFile
from app.web.cases.disputes import acts as disputes_page
from app.web.cases.disputes.acts import DecisionForm, decision_in
from app.web.cases.forms.action import SENT, submit
from app.web.cases.forms.plans import SettlementForm, settlement_terms
from app.web.cases.plan.typed import PLAN_FIELDS, PlanForm, plan_terms
from app.web.form_action import Flash
from app.web.forms import Fields, ReasonForm, chosen_row

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


class DisputeRequestForm(DecisionForm, ReasonForm):
    pass


@router.post("/{case_id}/disputes/{dispute_id}/decide/request")
def ask_for_dispute(
    request: Request,
    case_id: RowId,
    dispute_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[DisputeRequestForm, Form()],
) -> Response:
    """Send a decision that concedes more than one may grant to the managers; it is carried out when one approves."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        decision, reason = decision_in(fields, typed), fields.reason()
        fields.done()
        dispute = get_dispute(session, file.case.customer_id, dispute_id, lock=True)
        conceded = check_decision(session, dispute, decision).conceded_minor
        ask = AskDispute(dispute_id, decision, conceded)
        ask_approval(session, file.case, ask, reason, by=staff.by, role=staff.role, now=now)
        return SENT

    form = f"decide-{dispute_id}"
    return disputes_page.submit(request, session, staff, case_id, form, typed, act, now=now)


class GoodwillForm(ReasonForm):
    account: str = ""
    amount: str = ""


@router.post("/{case_id}/goodwill")
def post_goodwill(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[GoodwillForm, Form()],
) -> Response:
    """Credit an account as goodwill, within one's own limit."""

    def act(file: CaseFile, fields: Fields) -> Flash:
        ask, reason = _goodwill_in(fields), fields.reason()
        fields.done()
        account = goodwill_account(session, file.case, ask.account_id)
        credit_goodwill(session, account, ask.amount_minor, reason, by=staff.by, role=staff.role, now=now)
        return "Credited as goodwill. It pays what is past due first.", "good"

    return submit(request, session, staff, case_id, "goodwill", typed, act, now=now)


@router.post("/{case_id}/goodwill/request")
def ask_for_goodwill(
    request: Request,
    case_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    typed: Annotated[GoodwillForm, Form()],
) -> Response:
    def act(file: CaseFile, fields: Fields) -> Flash:
        ask, reason = _goodwill_in(fields), fields.reason()
        fields.done()
        ask_approval(session, file.case, ask, reason, by=staff.by, role=staff.role, now=now)
        return SENT

    return submit(request, session, staff, case_id, "goodwill", typed, act, now=now)


def _goodwill_in(fields: Fields) -> AskGoodwill:
    account_id, amount = chosen_row(fields, "account"), fields.amount("amount")
    if account_id is None:
        fields.errors.setdefault("account", "Choose the account.")
        account_id = 0
    return AskGoodwill(account_id, amount)


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
