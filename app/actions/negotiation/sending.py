"""Send an offer of a negotiation in writing, and accept a plan that came of one: the offer follows its plan."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

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
from app.casework.plans.rules import Agreed
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Forbidden
from app.core.ids import id_of
from app.core.staff.rules import CASEWORK, Role
from app.core.timeline.service import lock_customers
from app.outreach.planning.letterhead import LetterCatalog


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
        raise Forbidden("Agents and managers make agreements.")
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
    if (origin := _origin(session, id_of(plan))) is not None:
        case = get_case(session, plan.case_id)
        service.accept(session, case, origin, id_of(plan), by=by, now=now)
    return made


def _origin(session: Session, plan_id: int) -> NegotiationOffer | None:
    """The offer that was sent as this plan, or that a manager approved as this plan."""
    asked = select(ApprovalRequest.id).where(ApprovalRequest.plan_id == plan_id)
    query = select(NegotiationOffer).where(
        col(NegotiationOffer.status).in_(STANDING),
        sa.or_(col(NegotiationOffer.plan_id) == plan_id, col(NegotiationOffer.request_id).in_(asked)),
    )
    return session.scalar(query.limit(1))
