"""Agreements: promises to pay, repayment plans and settlements."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from pydantic import Field
from sqlmodel import Session

from app.actions.agreements import (
    Agreement,
    Offer,
    accept_offer,
    cancel_agreement,
    offer_plan,
    offer_settlement,
    preview_plan,
    promise,
)
from app.api.cases.agreement_shapes import AgreementShape, InstalmentShape, OfferShape, PlanShape
from app.api.cases.lookup import case_named
from app.api.deps import Input, OnceSession, Page, ReadSession, api_requires, api_router
from app.api.fields import Amount, CaseRef, Currency, Day, PlanRef, minor_of, plan_id_of
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of, plan_of, plans_of
from app.casework.plans.rules import MAX_INSTALMENTS, InstalmentTerms
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.money import BadAmount, to_minor
from app.core.staff.rules import CASE_READING, CASEWORK, Caller
from app.core.text import Paragraph
from app.http.context import Now, ports_of

router = api_router("/cases/{reference}", tags=["agreements"])

Reader = Annotated[Caller, api_requires(*CASE_READING)]
Worker = Annotated[Caller, api_requires(*CASEWORK)]


@router.get("/plans", summary="List a case's agreements")
def list_plans(reference: CaseRef, _caller: Reader, session: ReadSession) -> Page[PlanShape]:
    """Promises, repayment plans and settlements of the case, the latest first, offers and ended ones too."""
    case = case_named(session, reference)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    plans = plans_of(session, [id_of(case)])
    parts = instalments_of(session, [id_of(plan) for plan in plans])
    return Page(items=[PlanShape.of(portfolio, plan, parts[id_of(plan)]) for plan in plans])


class NewPromise(Input):
    amount: Amount
    currency: Currency
    due_on: Annotated[Day, Field(description="At most 60 days ahead.")]


@router.post("/promises", status_code=201, summary="Record a promise to pay")
def post_promise(
    request: Request, reference: CaseRef, caller: Worker, session: OnceSession, now: Now, body: NewPromise
) -> AgreementShape:
    """Record what the customer promised. It is active at once, reminders rest while it is kept, and the business
    day judges it. A case has one live plan at a time. Written confirmations are queued where the gate clears them."""
    case = case_named(session, reference, lock=True)
    amount_minor = minor_of(body.amount, body.currency, session.get_one(Portfolio, case.portfolio_id))
    letters = ports_of(request).catalog
    made = promise(session, case, amount_minor, body.due_on, letters, by=caller.by, now=now)
    return _agreement(session, made)


class NewPlan(Input):
    amount: Annotated[Amount, Field(description="Total of the plan.")]
    currency: Currency
    down_payment: Annotated[
        str,
        Field(
            max_length=24,
            pattern=r"^[0-9]+(\.[0-9]+)?$",
            description="Part of the total, due on `due_on`; 0 = none.",
        ),
    ] = "0"
    months: Annotated[int, Field(description=f"Number of monthly instalments, 1 to {MAX_INSTALMENTS}.")]
    due_on: Annotated[Day, Field(description="Day of the first payment, at most 90 days ahead.")]

    def terms(self, portfolio: Portfolio) -> InstalmentTerms:
        total = minor_of(self.amount, self.currency, portfolio)
        try:
            down = to_minor(self.down_payment, self.currency)
        except BadAmount as error:
            raise Invalid(str(error), "down_payment") from None
        return InstalmentTerms(total, down, self.months, self.due_on)


@router.post("/plans", status_code=201, summary="Offer a repayment plan")
def post_plan(
    request: Request, reference: CaseRef, caller: Worker, session: OnceSession, now: Now, body: NewPlan
) -> OfferShape:
    """Offer monthly instalments, in writing where the gate clears it. Accept it once the customer agrees. A longer plan
    than the portfolio lets an agent grant needs a manager's token."""
    case = case_named(session, reference, lock=True)
    terms = body.terms(session.get_one(Portfolio, case.portfolio_id))
    letters = ports_of(request).catalog
    made = offer_plan(session, case, terms, letters, by=caller.by, role=caller.role, now=now)
    return _offer(session, made)


@router.post("/plans/preview", summary="Preview the instalments of a plan")
def post_plan_preview(
    reference: CaseRef, _caller: Worker, session: OnceSession, now: Now, body: NewPlan
) -> Page[InstalmentShape]:
    """The schedule such a plan would have; nothing is offered."""
    case = case_named(session, reference)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    parts = preview_plan(session, case, body.terms(portfolio), now=now)
    return Page(items=[InstalmentShape.of(portfolio, part) for part in parts])


class NewSettlement(Input):
    amount: Annotated[Amount, Field(description="What is paid; the rest of the late accounts is waived.")]
    currency: Currency
    due_on: Annotated[Day, Field(description="By when it is paid, at most 90 days ahead.")]


@router.post("/settlements", status_code=201, summary="Offer to settle")
def post_settlement(
    request: Request, reference: CaseRef, caller: Worker, session: OnceSession, now: Now, body: NewSettlement
) -> OfferShape:
    """Offer to take less than is owed on the accounts that are late, in writing where the gate clears it. Paying it in
    time accepts it. Waiving more than the portfolio lets an agent grant needs a manager's token."""
    case = case_named(session, reference, lock=True)
    amount_minor = minor_of(body.amount, body.currency, session.get_one(Portfolio, case.portfolio_id))
    letters = ports_of(request).catalog
    made = offer_settlement(
        session, case, amount_minor, body.due_on, letters, by=caller.by, role=caller.role, now=now
    )
    return _offer(session, made)


@router.post("/plans/{plan}/acceptance", summary="Accept an offer")
def post_acceptance(
    request: Request, reference: CaseRef, plan: PlanRef, caller: Worker, session: OnceSession, now: Now
) -> AgreementShape:
    """The customer agreed: the plan is active, payments from today on count, and confirmations are queued."""
    case = case_named(session, reference, lock=True)
    offer = plan_of(session, case, plan_id_of(plan))
    made = accept_offer(session, offer, ports_of(request).catalog, by=caller.by, now=now)
    return _agreement(session, made)


class NewCancellation(Input):
    reason: Annotated[Paragraph, Field(min_length=1, max_length=300)]


@router.post("/plans/{plan}/cancellation", summary="Cancel an agreement or withdraw an offer")
def post_cancellation(
    request: Request,
    reference: CaseRef,
    plan: PlanRef,
    caller: Worker,
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
    return OfferShape.with_answer(_plan(session, made.plan), made.in_writing)


def _plan(session: Session, plan: Plan) -> PlanShape:
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    return PlanShape.of(portfolio, plan, instalments_of(session, [id_of(plan)])[id_of(plan)])
