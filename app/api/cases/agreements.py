"""Agreements: promises to pay, repayment and hardship plans, settlements."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from pydantic import Field
from sqlmodel import Session

from app.actions.agreements import (
    Agreement,
    Offer,
    agree,
    cancel_agreement,
    offer,
    preview,
    supersede,
)
from app.actions.negotiation.sending import accept_agreement
from app.api.cases.agreement_shapes import (
    AgreementShape,
    InstalmentShape,
    NewAcceptance,
    NewPlan,
    NewPromise,
    NewRenegotiation,
    NewSettlement,
    OfferShape,
    PlanShape,
)
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseReader, ApiCaseWorker, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import CaseRef, PlanRef, plan_id_of
from app.book.portfolios.models import Portfolio
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of, plan_of, plans_of
from app.core.ids import id_of
from app.core.text import Paragraph
from app.http.context import Now, ports_of

router = api_router("/cases/{reference}", tags=["agreements"])

_NOT_SAID = NewAcceptance()


@router.get("/plans", summary="List a case's agreements")
def list_plans(reference: CaseRef, _caller: ApiCaseReader, session: ReadSession) -> Page[PlanShape]:
    """Promises, repayment plans and settlements of the case, the latest first, offers and ended ones too."""
    case = case_named(session, reference)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    plans = plans_of(session, [id_of(case)])
    parts = instalments_of(session, [id_of(plan) for plan in plans])
    return Page(items=[PlanShape.of(portfolio, plan, parts[id_of(plan)]) for plan in plans])


@router.post("/promises", status_code=201, summary="Record a promise to pay")
def post_promise(
    request: Request,
    reference: CaseRef,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewPromise,
) -> AgreementShape:
    """Record what the customer promised. It is active at once, reminders rest while it is kept, and the business
    day judges it. A case has one live plan at a time. Written confirmations are queued where the gate clears them."""
    case = case_named(session, reference, lock=True)
    terms = body.terms(session.get_one(Portfolio, case.portfolio_id))
    letters, grantor = ports_of(request).catalog, Grantor(caller.by, caller.role)
    made = agree(session, case, terms, letters, body.agreed(), grantor=grantor, now=now)
    return _agreement(session, made)


@router.post("/plans", status_code=201, summary="Offer a repayment or hardship plan")
def post_plan(
    request: Request, reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewPlan
) -> OfferShape:
    """Offer instalments, in writing where the gate clears it. Accept it once the customer agrees. A longer plan, more
    fees waived or a lower rate than the portfolio lets an agent grant needs a manager's token, or a request."""
    case = case_named(session, reference, lock=True)
    terms = body.terms(session.get_one(Portfolio, case.portfolio_id))
    letters = ports_of(request).catalog
    made = offer(session, case, terms, letters, grantor=Grantor(caller.by, caller.role), now=now)
    return _offer(session, made)


@router.post("/plans/preview", summary="Preview the instalments of a plan")
def post_plan_preview(
    reference: CaseRef, _caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewPlan
) -> Page[InstalmentShape]:
    """The schedule such a plan would have; nothing is offered."""
    case = case_named(session, reference)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    parts = preview(session, case, body.terms(portfolio), now=now)
    return Page(items=[InstalmentShape.of(portfolio, part) for part in parts])


@router.post("/settlements", status_code=201, summary="Offer to settle")
def post_settlement(
    request: Request,
    reference: CaseRef,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewSettlement,
) -> OfferShape:
    """Offer to take less than is owed on the accounts that are late, in writing where the gate clears it. Paying it in
    time accepts it. Waiving more than the portfolio lets an agent grant needs a manager's token, or a request."""
    case = case_named(session, reference, lock=True)
    terms = body.terms(session.get_one(Portfolio, case.portfolio_id))
    letters = ports_of(request).catalog
    made = offer(session, case, terms, letters, grantor=Grantor(caller.by, caller.role), now=now)
    return _offer(session, made)


@router.post("/plans/{plan}/acceptance", summary="Accept an offer")
def post_acceptance(
    request: Request,
    reference: CaseRef,
    plan: PlanRef,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewAcceptance = _NOT_SAID,
) -> AgreementShape:
    """The customer agreed, or a third party with authority did: the plan is active, payments from today on count, and
    confirmations are queued. A plan that it was renegotiated from ends."""
    case = case_named(session, reference, lock=True)
    offered = plan_of(session, case, plan_id_of(plan))
    letters = ports_of(request).catalog
    made = accept_agreement(session, offered, letters, body.agreed(), by=caller.by, now=now)
    return _agreement(session, made)


@router.post("/plans/{plan}/renegotiation", status_code=201, summary="Renegotiate a live agreement")
def post_renegotiation(
    request: Request,
    reference: CaseRef,
    plan: PlanRef,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewRenegotiation,
) -> AgreementShape:
    """Replace a live agreement by a new plan that was agreed on, in one step. What was paid has lowered the debt.
    Limits and authority are those of an offer."""
    case = case_named(session, reference, lock=True)
    old = plan_of(session, case, plan_id_of(plan))
    terms = body.terms(session.get_one(Portfolio, case.portfolio_id))
    letters, grantor = ports_of(request).catalog, Grantor(caller.by, caller.role)
    made = supersede(session, old, terms, letters, body.agreed(), grantor=grantor, now=now)
    return _agreement(session, made)


class NewCancellation(Input):
    reason: Annotated[Paragraph, Field(min_length=1, max_length=300)]


@router.post("/plans/{plan}/cancellation", summary="Cancel an agreement or withdraw an offer")
def post_cancellation(
    request: Request,
    reference: CaseRef,
    plan: PlanRef,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewCancellation,
) -> PlanShape:
    """End it before its time; the strategy looks at the case again. A customer who has a written confirmation is told
    in writing where the gate clears it."""
    case = case_named(session, reference, lock=True)
    found = plan_of(session, case, plan_id_of(plan))
    cancel_agreement(session, found, body.reason, ports_of(request).catalog, by=caller.by, now=now)
    return _plan(session, found)


def _agreement(session: Session, made: Agreement) -> AgreementShape:
    return AgreementShape.with_answers(_plan(session, made.plan), made.confirmations)


def _offer(session: Session, made: Offer) -> OfferShape:
    return OfferShape.with_answers(_plan(session, made.plan), made.in_writing)


def _plan(session: Session, plan: Plan) -> PlanShape:
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    return PlanShape.of(portfolio, plan, instalments_of(session, [id_of(plan)])[id_of(plan)])
