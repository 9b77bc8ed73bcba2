"""Verbs of promises, repayment plans and settlements: accept, cancel, break, resume.

Each changes the plan and records its event in the caller's transaction. Offers are made in `offering.py`; the letters
that go with them belong to `app.actions.agreements`; the nightly assessment is in `assessment.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.charges.concessions import end_concessions
from app.book.ledger.balances import balance_of
from app.book.portfolios.days import local_today
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import debt_now
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.cases.rules import CaseStatus
from app.casework.plans.concessions import (
    concedes,
    pass_on_waivers,
    start_concessions,
    un_keep,
    waivable_fees,
    waive_fees,
    waived_by_agreements,
    wind_up,
)
from app.casework.plans.events import (
    PlanAccepted,
    PlanActivated,
    PlanAgreed,
    PlanBroken,
    PlanCancelled,
    PlanEvent,
    PlanKept,
    PlanOffered,
)
from app.casework.plans.models import Plan
from app.casework.plans.queries import has_its_rate, instalments_of, live_plan
from app.casework.plans.rules import (
    TRANSITIONS,
    Agreed,
    Instalment,
    OfferEnd,
    PlanKind,
    PlanStatus,
    check_agreed,
    offer_end,
)
from app.casework.plans.tracking.payments import (
    accounts_of,
    offered_on,
    paid_since_offer,
    paid_to_settle,
)
from app.core.actor import Actor
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.labels import PLAN_LABELS
from app.core.text import clean_text
from app.core.timeline.service import about_customer, record_many

LESS_OWED = "Less is owed now than this offer asks for. Make a new offer."

_EVENT_OF: Mapping[PlanStatus, type[PlanEvent]] = {
    PlanStatus.OFFERED: PlanOffered,
    PlanStatus.ACCEPTED: PlanAccepted,
    PlanStatus.ACTIVE: PlanActivated,
    PlanStatus.KEPT: PlanKept,
    PlanStatus.BROKEN: PlanBroken,
    PlanStatus.CANCELLED: PlanCancelled,
}


def accept(
    session: Session,
    plan: Plan,
    *,
    agreed: Agreed = Agreed(),
    by: Actor,
    today: date,
    now: datetime,
) -> None:
    """Activate an offer that the customer agreed to. Payments since its offer count. The live plan that it was
    renegotiated from ends in the same transaction."""
    case = get_case(session, plan.case_id)
    require_with_us(case)
    if plan.status is not PlanStatus.OFFERED:
        raise Conflict(f"Agreement {plan.reference} is {plan.status.value}. Only an offer can be accepted.")
    live = live_plan(session, plan.case_id)
    if live is not None and live.id != plan.supersedes_id:
        label = PLAN_LABELS[live.kind.value]
        raise Conflict(f"{label} {live.reference} is running. Cancel it before accepting another agreement.")
    parts = instalments_of(session, [id_of(plan)])[id_of(plan)]
    until = plan.offer_until or parts[0].due_on
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    has_rate = has_its_rate(portfolio, plan)
    end = offer_end(until, today, is_open=case.status is CaseStatus.OPEN, has_rate=has_rate)
    if end is OfferEnd.CASE_CLOSED:
        raise Conflict(f"Case {case.reference} is closed, and its offers with it.")
    if end is OfferEnd.RATE_NOT_LOWERED:
        raise Conflict(
            f"The creditor charges the interest of portfolio {portfolio.code} and lowers it for nobody now. Make a new "
            "offer without a rate."
        )
    if end is OfferEnd.DAY_PASSED:
        raise Conflict(f"This offer stood until {until.isoformat()}. Make a new one.")
    _require_owed(session, case, plan, parts, live is not None, today)
    if plan.waived_fees_minor and waived_by_agreements(session, case, after=plan.offered_at):
        # Its authority was judged on what was waived when it was offered.
        raise Conflict("Another agreement waived fees since this was offered. Make a new offer.")
    check_agreed(agreed)
    plan.acceptance, plan.acceptance_words, plan.agreed_with_id = agreed.means, agreed.words, agreed.party_id
    plan.accepted_on, plan.counts_from = today, plan.counts_from or offered_on(session, plan)
    plan.assess_on = parts[0].due_on
    if live is not None:
        _supersede(session, live, plan, by=by, today=today, now=now)
    move_plan(session, plan, PlanStatus.ACCEPTED, agreed=agreed, by=by, now=now)
    session.flush()
    move_plan(session, plan, PlanStatus.ACTIVE, agreed=agreed, by=by, now=now)
    waive_fees(session, plan, by=by, now=now)
    start_concessions(session, plan, today, by=by, now=now)


def less_is_owed(session: Session, plan: Plan, today: date) -> bool:
    """True if nobody owes any more what an offer asks for: it cannot be accepted."""
    case, parts = get_case(session, plan.case_id), instalments_of(session, [id_of(plan)])[id_of(plan)]
    try:
        _require_owed(session, case, plan, parts, live_plan(session, plan.case_id) is not None, today)
    except Conflict:
        return True
    return False


def _require_owed(
    session: Session,
    case: CollectionsCase,
    plan: Plan,
    parts: Sequence[Instalment],
    is_renegotiated: bool,
    today: date,
) -> None:
    """Conflict where nobody owes any more what an offer asks for. What was paid since the offer counts toward it."""
    if plan.kind is PlanKind.SETTLEMENT:
        paid = sum(amount for _, amount in paid_to_settle(session, plan, today))
        balances = (balance_of(session, each, today) for each in session.scalars(accounts_of(id_of(plan))))
        if plan.total_minor - paid > sum(max(0, balance) for balance in balances):
            raise Conflict(LESS_OWED)
        return
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    owes = debt_now(session, portfolio, case.customer_id, today)
    if owes.past_due == 0 and not is_renegotiated:
        raise Conflict(nothing_to_agree_on(case))
    fees = sum(left for _, left in waivable_fees(session, case.customer_id)) if plan.waived_fees_minor else 0
    waives = min(plan.waived_fees_minor, fees)
    paid = paid_since_offer(session, plan, today)
    if sum(part.amount - part.interest for part in parts) + waives - paid > owes.debt:
        raise Conflict(LESS_OWED)


def _supersede(session: Session, old: Plan, new: Plan, *, by: Actor, today: date, now: datetime) -> None:
    """End a live plan because it was renegotiated. Its payments have lowered the debt, and its waivers go on."""
    pass_on_waivers(session, old, new, today)
    old.ended_on, old.why = today, f"renegotiated: replaced by {new.reference}"
    move_plan(session, old, PlanStatus.CANCELLED, by=by, now=now)
    # Also during a rest: those of the new one take their place.
    end_concessions(session, id_of(old), today, by=by, now=now)


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
    """Make a kept plan active again: a payment came back, and there is time to pay again. Its reminders say so."""
    plan.ended_on, plan.assess_on, plan.why = None, assess_on, why
    move_plan(session, plan, PlanStatus.ACTIVE, by=by, now=now)
    start_concessions(session, plan, local_today(session, plan.portfolio_id, now), by=by, now=now)


def run_on(session: Session, plan: Plan, assess_on: date, *, by: Actor, now: datetime) -> None:
    """Let a broken plan run on, as it was not broken after all."""
    plan.ended_on, plan.broken_instalment, plan.assess_on, plan.why = None, None, assess_on, ""
    move_plan(session, plan, PlanStatus.ACTIVE, by=by, now=now)
    # What was offered to the customer since would take its place.
    offers = select(Plan).where(Plan.case_id == plan.case_id, Plan.status == PlanStatus.OFFERED)
    for offered in session.scalars(offers.order_by(col(Plan.id)).with_for_update()).all():
        offered.supersedes_id = id_of(plan)


def wake_case(session: Session, plan: Plan, on: date) -> None:
    """Let the strategy look at the case again: the plan no longer holds it."""
    case = get_case(session, plan.case_id)
    if case.status is CaseStatus.OPEN:
        case.next_contact_on = on


def move_plan(
    session: Session, plan: Plan, to: PlanStatus, *, agreed: Agreed = Agreed(), by: Actor, now: datetime
) -> None:
    move_plans(session, [plan], to, agreed=agreed, by=by, now=now)


def move_plans(
    session: Session,
    plans: Sequence[Plan],
    to: PlanStatus,
    *,
    agreed: Agreed = Agreed(),
    by: Actor,
    now: datetime,
) -> None:
    """Move plans to a status, each with its event. Conflict where the lifecycle has no such move. One that ends
    has its `ended_on` before: what it conceded ends with that day. One that is not kept any more loses what it conceded
    for that."""
    unended = () if to is PlanStatus.ACTIVE else (PlanStatus.ACTIVE, PlanStatus.BROKEN)
    ending = [plan for plan in plans if plan.status in unended and concedes(plan)]
    unkept = [plan for plan in plans if plan.status is PlanStatus.KEPT and concedes(plan)]
    for plan in plans:
        if to not in TRANSITIONS[plan.status]:
            raise Conflict(f"A plan that is {plan.status.value} cannot become {to.value}.")
        plan.status = to
    session.flush()
    events = [
        about_customer(plan.customer_id, _told(plan, to, agreed), case_id=plan.case_id) for plan in plans
    ]
    record_many(session, events, by=by, now=now)
    for plan in ending:
        assert plan.ended_on is not None
        wind_up(session, plan, plan.ended_on, by=by, now=now)
    for plan in unkept:
        un_keep(session, plan, by=by, now=now)


def _told(plan: Plan, to: PlanStatus, agreed: Agreed) -> PlanEvent:
    event = _EVENT_OF[to](id_of(plan), plan.kind, plan.total_minor, plan.broken_instalment, plan.why)
    if isinstance(event, PlanAgreed):
        return replace(event, acceptance=agreed.means, words=agreed.words, agreed_with=agreed.party)
    return event


def require_with_us(case: CollectionsCase) -> None:
    """Conflict where the case is with the legal team: only they agree on payments."""
    if case.with_legal_since is not None:
        raise Conflict(
            f"Case {case.reference} is with the legal team, and only they agree on payments. Tell them what the "
            "customer says."
        )


def nothing_to_agree_on(case: CollectionsCase) -> str:
    return f"Nothing is past due and owed on case {case.reference} now, so there is nothing to agree on."
