"""Requests beyond one's own authority: ask, list, decide, withdraw. Waivers have their own verbs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field
from sqlmodel import Session, col, select

from app.actions.approvals.asking import ask_approval, goodwill_account, withdraw_request
from app.actions.approvals.deciding import decide_approval
from app.actions.disputes.deciding import check_decision
from app.actions.disputes.goodwill import credit_goodwill
from app.api.accounts.shapes import EntryShape
from app.api.approvals.shapes import ApprovalShape
from app.api.cases.agreement_shapes import NewPlan, NewSettlement
from app.api.cases.disputes.disputes import NewDecision, row_named
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseWorker, ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import Amount, CaseRef, Currency, Cursor, Limit, RowId, after, minor_of, page_of
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import (
    ApprovalStatus,
    Ask,
    AskAgreement,
    AskDispute,
    AskGoodwill,
    AskHandOver,
)
from app.casework.cases.models import CollectionsCase
from app.casework.disputes.queries import get_dispute
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import MANAGEMENT, Caller
from app.core.text import Line, Paragraph
from app.http.context import Now, ports_of

router = api_router("", tags=["approvals"])

Why = Annotated[Paragraph, Field(min_length=1, max_length=500, description="Reason, for the manager.")]


@router.get("/approvals", summary="List requests to managers")
def list_approvals(
    caller: ApiCaseWorker,
    session: ReadSession,
    status: Annotated[ApprovalStatus | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ApprovalShape]:
    """Requests for settlements, plans, skips, decisions of disputes, goodwill and hand-overs, in the order in which
    they were asked: all of them for a manager, else those of the caller and of the person who answers for it."""
    query = select(ApprovalRequest).where(col(ApprovalRequest.id) > after(cursor))
    if caller.role not in MANAGEMENT:
        own = [caller.by, *([Actor.user(caller.owner)] if caller.owner else [])]
        query = query.where(col(ApprovalRequest.asked_by).in_(own))
    if status is not None:
        query = query.where(ApprovalRequest.status == status)
    rows = session.scalars(query.order_by(col(ApprovalRequest.id)).limit(limit + 1)).all()
    shown, next_cursor = page_of(rows, limit, id_of)
    return Page(items=[_shape(session, row) for row in shown], next_cursor=next_cursor)


class NewSettlementRequest(NewSettlement):
    reason: Why


class NewPlanRequest(NewPlan):
    reason: Why


class NewHandOverRequest(Input):
    to: Annotated[Line, Field(min_length=1, max_length=64, description="User name of the colleague.")]
    reason: Why


@router.post(
    "/cases/{reference}/settlements/request", status_code=201, summary="Ask a manager for a settlement"
)
def post_settlement_request(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewSettlementRequest
) -> ApprovalShape:
    """For a settlement that waives more than the caller may grant. A manager decides on the figures of that moment."""
    case, portfolio = _case(session, reference)
    return _ask(session, case, AskAgreement(body.terms(portfolio)), body.reason, caller, now)


@router.post(
    "/cases/{reference}/plans/request",
    status_code=201,
    summary="Ask a manager for a repayment or hardship plan",
)
def post_plan_request(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewPlanRequest
) -> ApprovalShape:
    """For a plan that is longer, waives more fees or lowers the rate further than the caller may grant."""
    case, portfolio = _case(session, reference)
    return _ask(session, case, AskAgreement(body.terms(portfolio)), body.reason, caller, now)


@router.post("/cases/{reference}/hand-over/request", status_code=201, summary="Ask a manager for a hand-over")
def post_hand_over_request(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewHandOverRequest
) -> ApprovalShape:
    """For a case that the caller may not give to this colleague without a manager."""
    case, _portfolio = _case(session, reference)
    return _ask(session, case, AskHandOver(body.to), body.reason, caller, now)


class NewDisputeRequest(NewDecision):
    reason: Why


@router.post(
    "/cases/{reference}/disputes/{dispute_id}/decision/request",
    status_code=201,
    summary="Ask a manager for the decision of a dispute",
)
def post_dispute_request(
    reference: CaseRef,
    dispute_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewDisputeRequest,
) -> ApprovalShape:
    """For a decision that concedes more than the caller may grant. It is carried out when a manager approves it."""
    case, portfolio = _case(session, reference)
    dispute = get_dispute(session, case.customer_id, dispute_id, lock=True)
    decision = body.decision(session, portfolio)
    ask = AskDispute(dispute_id, decision, check_decision(session, dispute, decision).conceded_minor)
    return _ask(session, case, ask, body.reason, caller, now)


class NewGoodwill(Input):
    account: Annotated[Line, Field(min_length=1, max_length=80, description="Account reference.")]
    amount: Amount
    currency: Currency
    reason: Annotated[Line, Field(min_length=1, max_length=200, description="Why; it goes on record.")]

    def ask(self, session: Session, portfolio: Portfolio) -> AskGoodwill:
        account_id = row_named(session, portfolio, Account, self.account, "account")
        assert account_id is not None
        return AskGoodwill(account_id, minor_of(self.amount, self.currency, portfolio))


@router.post("/cases/{reference}/goodwill", status_code=201, summary="Credit goodwill")
def post_goodwill(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewGoodwill
) -> EntryShape:
    """A credit for which there is no duty, within the caller's limit: what the customer was credited as goodwill in the
    last 365 days counts. It pays what is past due first."""
    case, portfolio = _case(session, reference)
    ask = body.ask(session, portfolio)
    account = goodwill_account(session, case, ask.account_id)
    entry = credit_goodwill(
        session, account, ask.amount_minor, body.reason, by=caller.by, role=caller.role, now=now
    )
    return EntryShape.of(portfolio, account, entry)


@router.post("/cases/{reference}/goodwill/request", status_code=201, summary="Ask a manager for goodwill")
def post_goodwill_request(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewGoodwill
) -> ApprovalShape:
    """For a credit beyond the caller's limit. It is posted when a manager approves it."""
    case, portfolio = _case(session, reference)
    return _ask(session, case, body.ask(session, portfolio), body.reason, caller, now)


class ApprovalVerdict(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"


class NewApprovalDecision(Input):
    decision: Annotated[ApprovalVerdict, Field(strict=False)]
    note: Annotated[Paragraph, Field(max_length=300, description="Needed to decline.")] = ""


@router.post("/approvals/{request_id}/decision", summary="Decide a request")
def post_approval_decision(
    request: Request,
    request_id: RowId,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewApprovalDecision,
) -> ApprovalShape:
    """Approve it, which does what it asks for, or decline it. Refused where the figures no longer allow it. The person
    or program that asked cannot decide."""
    approve = body.decision is ApprovalVerdict.APPROVE
    decided = decide_approval(
        session, request_id, ports_of(request).catalog, approve=approve, note=body.note, by=caller.by,
        role=caller.role, now=now,
    )  # fmt: skip
    return _shape(session, decided.request)


@router.post("/approvals/{request_id}/cancellation", summary="Withdraw a request")
def post_approval_cancellation(
    request_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now
) -> ApprovalShape:
    """Take back a request of one's own that nobody decided yet."""
    return _shape(session, withdraw_request(session, request_id, by=caller.by, now=now))


def _case(session: Session, reference: str) -> tuple[CollectionsCase, Portfolio]:
    case = case_named(session, reference, lock=True)
    return case, session.get_one(Portfolio, case.portfolio_id)


def _ask(
    session: Session, case: CollectionsCase, ask: Ask, reason: str, caller: Caller, now: Now
) -> ApprovalShape:
    made = ask_approval(session, case, ask, reason, by=caller.by, role=caller.role, now=now)
    return _shape(session, made)


def _shape(session: Session, row: ApprovalRequest) -> ApprovalShape:
    account = session.get_one(Account, row.account_id).reference if row.account_id is not None else None
    return ApprovalShape.of(session.get_one(Portfolio, row.portfolio_id), row, account)
