"""Verbs of promises, repayment plans and settlements: offer, accept, cancel, break, resume.

Each changes the plan and records its event in the caller's transaction. The letters that go with them belong to
`app.actions.agreements`; the nightly assessment is in `assessment.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import (
    CustomerDebt,
    debt_now,
)
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.cases.rules import CaseStatus
from app.casework.plans.events import (
    PlanAccepted,
    PlanActivated,
    PlanBroken,
    PlanCancelled,
    PlanEvent,
    PlanKept,
    PlanOffered,
)
from app.casework.plans.models import Plan, PlanAccount, PlanInstalment
from app.casework.plans.queries import balances_to_settle, instalments_of, live_plan, offered_settlement
from app.casework.plans.rules import (
    PROMISE_WITHIN,
    SETTLE_WITHIN,
    TRANSITIONS,
    Instalment,
    InstalmentTerms,
    OfferEnd,
    PlanKind,
    PlanStatus,
    instalments_for,
    is_within_discount,
    offer_end,
)
from app.casework.plans.tracking.payments import offered_on
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import about_customer, record_many

_EVENT_OF: Mapping[PlanStatus, type[PlanEvent]] = {
    PlanStatus.OFFERED: PlanOffered,
    PlanStatus.ACCEPTED: PlanAccepted,
    PlanStatus.ACTIVE: PlanActivated,
    PlanStatus.KEPT: PlanKept,
    PlanStatus.BROKEN: PlanBroken,
    PlanStatus.CANCELLED: PlanCancelled,
}


def promise_to_pay(
    session: Session,
    case: CollectionsCase,
    amount_minor: int,
    due_on: date,
    *,
    by: Actor,
    today: date,
    now: datetime,
) -> Plan:
    """Record what the customer promised: one amount by one date. Accepted and active at once."""
    if due_on > today + timedelta(days=PROMISE_WITHIN):
        raise Invalid(
            f"A promise lies at most {PROMISE_WITHIN} days ahead. Offer a repayment plan instead.", "due_on"
        )
    parts = [Instalment(1, due_on, amount_minor)]
    plan = _create(session, case, PlanKind.PROMISE, parts, by=by, today=today, now=now)
    accept(session, plan, by=by, today=today, now=now)
    return plan


def offer_instalments(
    session: Session,
    case: CollectionsCase,
    terms: InstalmentTerms,
    *,
    may_exceed_limits: bool,
    by: Actor,
    today: date,
    now: datetime,
) -> Plan:
    """Offer a repayment plan. Forbidden when it is longer than the portfolio lets an agent grant."""
    most = session.get_one(Portfolio, case.portfolio_id).agent_max_instalments
    if terms.months > most and not may_exceed_limits:
        raise Forbidden(
            f"{terms.months} instalments are beyond the {most} that an agent may grant. "
            "Ask a manager to offer this plan.",
            "months",
        )
    parts = instalments_for(terms, today)
    return _create(session, case, PlanKind.INSTALMENTS, parts, by=by, today=today, now=now)


def preview_instalments(
    session: Session, case: CollectionsCase, terms: InstalmentTerms, *, today: date
) -> Sequence[Instalment]:
    """Return the instalments that such a plan would have; nothing is offered. Invalid as for the offer itself."""
    parts = instalments_for(terms, today)
    _require_payable(session, case, parts, today)
    return parts


def offer_settlement(
    session: Session,
    case: CollectionsCase,
    amount_minor: int,
    settle_by: date,
    *,
    may_exceed_limits: bool,
    by: Actor,
    today: date,
    now: datetime,
) -> Plan:
    """Offer to waive the rest of the debt on the accounts that are late, for one payment by `settle_by`.

    It needs no answer but the payment: the night that finds it settles the accounts. Forbidden when it waives more
    than the portfolio lets an agent grant.
    """
    owed = check_settlement(session, case, amount_minor, settle_by, today=today)
    total = sum(owed.values())
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    most = portfolio.agent_max_discount_percent
    if not may_exceed_limits and not is_within_discount(total, amount_minor, most):
        raise Forbidden(
            f"This waives more than the {most} % that an agent may grant. Ask a manager to offer it.",
            "amount",
        )
    parts = [Instalment(1, settle_by, amount_minor)]
    plan = _create(session, case, PlanKind.SETTLEMENT, parts, by=by, today=today, now=now)
    session.add_all(PlanAccount(plan_id=id_of(plan), account_id=account_id) for account_id in owed)
    session.flush()
    return plan


def check_settlement(
    session: Session, case: CollectionsCase, amount_minor: int, settle_by: date, *, today: date
) -> dict[int, int]:
    """Return the balances, by account, that such a settlement settles. Invalid or Conflict where nobody may offer
    it."""
    if settle_by > today + timedelta(days=SETTLE_WITHIN):
        raise Invalid(f"A settlement is paid within {SETTLE_WITHIN} days.", "due_on")
    owed = balances_to_settle(session, case, today)
    total = sum(owed.values())
    if total <= 0 and case.status is CaseStatus.OPEN:
        raise Conflict(_nothing_to_agree_on(case))
    if amount_minor >= total:
        raise Invalid("A settlement is less than what is owed on the accounts that are late.", "amount")
    if offered_settlement(session, id_of(case)):
        raise Conflict(
            f"Case {case.reference} has an offer to settle already. Withdraw it before making another."
        )
    check_agreement(session, case, [Instalment(1, settle_by, amount_minor)], today=today)
    return owed


def check_agreement(
    session: Session, case: CollectionsCase, parts: Sequence[Instalment], *, today: date
) -> int:
    """Return the total of an agreement in these parts. Invalid or Conflict where nobody may make it now."""
    if case.status is not CaseStatus.OPEN:
        raise Conflict(f"Case {case.reference} is closed. Reopen it to make an agreement.")
    if case.with_legal_since is not None:
        raise Conflict(
            f"Case {case.reference} is with the legal team, and only they agree on payments. Tell them what the "
            "customer says."
        )
    total = _require_payable(session, case, parts, today)
    if live_plan(session, id_of(case)):
        raise Conflict(f"Case {case.reference} has a live plan. Cancel it before making another.")
    return total


def _create(
    session: Session,
    case: CollectionsCase,
    kind: PlanKind,
    parts: Sequence[Instalment],
    *,
    by: Actor,
    today: date,
    now: datetime,
) -> Plan:
    total = check_agreement(session, case, parts, today=today)
    plan = Plan(
        portfolio_id=case.portfolio_id,
        case_id=id_of(case),
        customer_id=case.customer_id,
        kind=kind,
        status=PlanStatus.DRAFT,
        total_minor=total,
        offered_at=now,
        offered_by=by,
        grace_days=session.get_one(Portfolio, case.portfolio_id).grace_days,
    )
    session.add(plan)
    session.flush()
    session.add_all(
        PlanInstalment(plan_id=id_of(plan), n=p.n, due_on=p.due_on, amount_minor=p.amount) for p in parts
    )
    move_plan(session, plan, PlanStatus.OFFERED, by=by, now=now)
    return plan


def _require_payable(
    session: Session, case: CollectionsCase, parts: Sequence[Instalment], today: date
) -> int:
    """The total of the parts, where the customer owes as much and the first is not due in the past."""
    total = sum(part.amount for part in parts)
    if total <= 0:
        raise Invalid("The amount must be positive.", "amount")
    if parts[0].due_on < today:
        raise Invalid("The first payment cannot be due in the past.", "due_on")
    owes = _owes_now(session, case, today)
    if owes.past_due == 0:
        raise Conflict(_nothing_to_agree_on(case))
    if total > owes.debt:
        raise Invalid("This is more than the customer owes.", "amount")
    return total


def _nothing_to_agree_on(case: CollectionsCase) -> str:
    return f"Nothing is past due and owed on case {case.reference} now, so there is nothing to agree on."


def _owes_now(session: Session, case: CollectionsCase, today: date) -> CustomerDebt:
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    return debt_now(session, portfolio, case.customer_id, today)


def accept(session: Session, plan: Plan, *, by: Actor, today: date, now: datetime) -> None:
    """Activate an offer that the customer agreed to. Payments count from today on; for a settlement from its offer
    on."""
    case = get_case(session, plan.case_id)
    if live_plan(session, plan.case_id):
        raise Conflict(f"Case {case.reference} has a live plan already. Cancel it before accepting another.")
    if plan.kind is PlanKind.INSTALMENTS and _owes_now(session, case, today).past_due == 0:
        raise Conflict(_nothing_to_agree_on(case))
    parts = instalments_of(session, [id_of(plan)])[id_of(plan)]
    end = offer_end(parts[0].due_on, today, is_open=case.status is CaseStatus.OPEN)
    if end is OfferEnd.CASE_CLOSED:
        raise Conflict(f"Case {case.reference} is closed, and its offers with it.")
    if end is OfferEnd.DAY_PASSED:
        raise Conflict("The first payment of this offer is already past its date. Offer a new plan.")
    plan.accepted_on = offered_on(session, plan) if plan.kind is PlanKind.SETTLEMENT else today
    plan.assess_on = parts[0].due_on
    move_plan(session, plan, PlanStatus.ACCEPTED, by=by, now=now)
    session.flush()
    move_plan(session, plan, PlanStatus.ACTIVE, by=by, now=now)


def cancel(session: Session, plan: Plan, reason: str, *, by: Actor, today: date, now: datetime) -> None:
    """End an offer or a live plan before its time; the strategy looks at the case again."""
    reason = clean_text(reason, "reason", required=False, at_most=300)
    plan.ended_on = today
    plan.why = reason
    move_plan(session, plan, PlanStatus.CANCELLED, by=by, now=now)
    wake_case(session, plan, today)


def break_plan(session: Session, plan: Plan, n: int, why: str, on: date, *, by: Actor, now: datetime) -> None:
    """Break a plan at instalment `n`, record why, and let the strategy look at the case again."""
    plan.broken_instalment = n
    plan.why = why
    plan.ended_on = on
    move_plan(session, plan, PlanStatus.BROKEN, by=by, now=now)
    case = get_case(session, plan.case_id)
    case.broken_promises += 1
    wake_case(session, plan, on)


def resume_plan(session: Session, plan: Plan, assess_on: date, why: str, *, by: Actor, now: datetime) -> None:
    """Make a kept plan active again: a payment came back, and there is time to pay again."""
    plan.ended_on, plan.assess_on, plan.why = None, assess_on, why
    move_plan(session, plan, PlanStatus.ACTIVE, by=by, now=now)


def wake_case(session: Session, plan: Plan, on: date) -> None:
    """Let the strategy look at the case again: the plan no longer holds it."""
    case = get_case(session, plan.case_id)
    if case.status is CaseStatus.OPEN:
        case.next_contact_on = on


def move_plan(session: Session, plan: Plan, to: PlanStatus, *, by: Actor, now: datetime) -> None:
    move_plans(session, [plan], to, by=by, now=now)


def move_plans(session: Session, plans: Sequence[Plan], to: PlanStatus, *, by: Actor, now: datetime) -> None:
    """Move plans to a status, each with its event. Conflict where the lifecycle does not have such a move."""
    for plan in plans:
        if to not in TRANSITIONS[plan.status]:
            raise Conflict(f"A plan that is {plan.status.value} cannot become {to.value}.")
        plan.status = to
    session.flush()
    events = [
        about_customer(
            plan.customer_id,
            _EVENT_OF[to](id_of(plan), plan.kind, plan.total_minor, plan.broken_instalment, plan.why),
            case_id=plan.case_id,
        )
        for plan in plans
    ]
    record_many(session, events, by=by, now=now)
