"""Send an offer of a negotiation in writing, and accept a plan that came of one: the offer follows its plan, also one
that is accepted by paying it."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.actions.agreements import Agreement, Offer, accept_offer, offer
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.negotiation.record import service
from app.casework.negotiation.record.models import NegotiationOffer
from app.casework.negotiation.record.queries import offer_of
from app.casework.negotiation.record.rules import STANDING, require_standing
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.queries import live_plan
from app.casework.plans.rules import Agreed, PlanStatus
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.errors import Conflict, Forbidden
from app.core.ids import id_of
from app.core.staff.rules import CASEWORK, Role
from app.core.timeline.service import lock_customers
from app.outreach.planning.letterhead import LetterCatalog

OFFER, REQUEST, PLAN = table_of(NegotiationOffer), table_of(ApprovalRequest), table_of(Plan)


def send_offer(
    session: Session,
    case: CollectionsCase,
    offer_id: int,
    letters: LetterCatalog,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> Offer:
    """Offer it in writing at the price that was shown; it waits for the customer's answer. Forbidden beyond this
    person's authority, Conflict where it does not stand any more or was sent before."""
    if role not in CASEWORK:
        raise Forbidden("Your role may not make agreements. Ask an agent or a manager.")
    lock_customers(session, [case.customer_id])
    found = offer_of(session, case, offer_id)
    today = local_date(now, session.get_one(Portfolio, case.portfolio_id).timezone)
    require_standing(found.status, found.expires_on, today)
    if found.plan_id is not None or found.request_id is not None:
        raise Conflict(f"Offer {found.reference} was sent, or asked of a manager, before.")
    option = found.option
    assert option is not None  # a standing offer has terms
    running = live_plan(session, id_of(case))
    made = offer(
        session,
        case,
        option.terms,
        letters,
        until=found.expires_on,
        replaces=running,
        grantor=Grantor(by, role),
        now=now,
    )
    found.plan_id = id_of(made.plan)
    session.flush()
    return made


def accept_agreement(
    session: Session, plan: Plan, letters: LetterCatalog, agreed: Agreed, *, by: Actor, now: datetime
) -> Agreement:
    """Accept a plan that was offered. The offer of a negotiation that it came of is accepted with it."""
    made = accept_offer(session, plan, letters, agreed, by=by, now=now)
    _accept_origin(session, plan, by=by, now=now)
    return made


def end_shown_offers(session: Session, portfolio: Portfolio, on: date, *, by: Actor, now: datetime) -> int:
    """Look at the offers of negotiations at the end of `on`: one whose settlement was accepted by paying it is accepted
    with it; the others expire with their last day, but not while a plan that they became waits for its answer. Returns
    how many expired."""
    offers = OFFER.c.portfolio_id == portfolio.id
    accepted = session.connection().execute(
        _origins(PLAN.c.id).where(offers, PLAN.c.accepted_on.is_not(None)).order_by(PLAN.c.id)
    )
    plans = [session.get_one(Plan, plan_id) for plan_id in accepted.scalars().all()]
    lock_customers(session, {plan.customer_id for plan in plans})
    for plan in plans:
        _accept_origin(session, plan, by=by, now=now)
    session.flush()
    waiting = _origins(OFFER.c.id).where(offers, PLAN.c.status == PlanStatus.OFFERED)
    return service.expire_shown_offers(session, id_of(portfolio), on, but=waiting, by=by, now=now)


def _accept_origin(session: Session, plan: Plan, *, by: Actor, now: datetime) -> None:
    """Accept the offer that was sent as this plan, or that a manager approved as this plan. The caller holds the
    customer's lock."""
    session.flush()
    found = session.connection().execute(_origins(OFFER.c.id).where(PLAN.c.id == plan.id).limit(1)).scalar()
    if found is not None:
        origin = session.get_one(NegotiationOffer, found)
        service.accept(session, get_case(session, plan.case_id), origin, id_of(plan), by=by, now=now)


def _origins(column: sa.ColumnElement[int]) -> Query:
    """Of standing offers and the plans that they became: sent in writing, or approved by a manager."""
    became = sa.func.coalesce(OFFER.c.plan_id, REQUEST.c.plan_id)
    joined = OFFER.outerjoin(REQUEST, REQUEST.c.id == OFFER.c.request_id).join(PLAN, PLAN.c.id == became)
    return sa.select(column).select_from(joined).where(OFFER.c.status.in_(STANDING))
