"""Take an offer of a negotiation: it becomes a plan at its own price, or a request to a manager."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.actions.agreements import Agreement, accept_offer, agree, beyond_authority
from app.actions.approvals.asking import ask_approval
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.queries import get_request
from app.casework.approvals.rules import ApprovalStatus, AskAgreement
from app.casework.cases.debt import debt_now
from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.facts import Option
from app.casework.negotiation.record import service
from app.casework.negotiation.record.models import NegotiationOffer
from app.casework.negotiation.record.queries import offer_of
from app.casework.negotiation.record.rules import require_standing
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.offering import propose
from app.casework.plans.queries import live_plan, owed_on_late_accounts
from app.casework.plans.rules import NOT_RECORDED, Agreed, PlanKind
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Forbidden
from app.core.ids import id_of
from app.core.money import with_code
from app.core.staff.rules import CASEWORK, Role
from app.core.timeline.service import lock_customers
from app.outreach.planning.letterhead import LetterCatalog


@dataclass(frozen=True, slots=True)
class Taken:
    """An offer that was taken: its plan, or the request that waits for a manager."""

    offer: NegotiationOffer
    agreement: Agreement | None = None
    request: ApprovalRequest | None = None


def take_offer(
    session: Session,
    case: CollectionsCase,
    offer_id: int,
    letters: LetterCatalog,
    agreed: Agreed = NOT_RECORDED,
    *,
    reason: str = "",
    by: Actor,
    role: Role,
    now: datetime,
) -> Taken:
    """Agree on an offer at the price that was shown. Beyond this person's authority it becomes a request to a manager,
    with `reason`; once that is approved, taking the offer again agrees on it.

    A plan that runs is replaced. Conflict where the offer has expired, or less is owed than it asks.
    """
    if role not in CASEWORK:
        raise Forbidden("Your role may not make agreements. Ask an agent or a manager.")
    lock_customers(session, [case.customer_id])
    offer = offer_of(session, case, offer_id)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    require_standing(offer.status, offer.expires_on, today)
    option = offer.option
    assert option is not None  # a standing offer has terms
    if (approved := _approved(session, offer)) is not None:
        agreement = accept_offer(session, approved, letters, agreed, by=by, now=now)
        service.accept(session, case, offer, id_of(agreement.plan), by=by, now=now)
        return Taken(offer, agreement)
    _require_owed(session, portfolio, case, option, today)
    running = live_plan(session, id_of(case))
    proposal = propose(session, case, option.terms, replaces=running, is_agreed=True, today=today)
    if tuple(proposal.parts) != option.parts:
        raise Conflict(
            f"The dates or amounts of offer {offer.reference} can no longer be kept. Negotiate again."
        )
    if beyond_authority(portfolio, proposal, role) is not None:
        ask = AskAgreement(option.terms, running.id if running else None)
        why = reason or f"Offer {offer.reference} of negotiation {offer.negotiation_id}."
        request = ask_approval(session, case, ask, why, by=by, role=role, now=now)
        offer.request_id = id_of(request)
        session.flush()
        return Taken(offer, request=request)
    grantor = Grantor(by, role)
    agreement = agree(
        session, case, option.terms, letters, agreed, replaces=running, grantor=grantor, now=now
    )
    service.accept(session, case, offer, id_of(agreement.plan), by=by, now=now)
    return Taken(offer, agreement)


def _approved(session: Session, offer: NegotiationOffer) -> Plan | None:
    """The plan that was sent, or that a manager's approval offered; None where there is none, or the request was taken
    back."""
    if offer.plan_id is not None:  # it was sent in writing
        return session.get_one(Plan, offer.plan_id)
    if offer.request_id is None:
        return None
    request = get_request(session, offer.request_id)
    if request.status is ApprovalStatus.REQUESTED:
        raise Conflict(f"Offer {offer.reference} waits for a manager, who decides about the request.")
    if request.status is ApprovalStatus.DECLINED:
        raise Conflict(f"A manager declined offer {offer.reference}: {request.note}")
    if request.status is ApprovalStatus.WITHDRAWN or request.plan_id is None:
        return None
    return session.get_one(Plan, request.plan_id)


def _require_owed(
    session: Session, portfolio: Portfolio, case: CollectionsCase, option: Option, today: date
) -> None:
    """Conflict where less is owed now than the offer would pay: nobody agrees to pay more than the debt."""
    if option.plan_kind is PlanKind.SETTLEMENT:
        owed, least = owed_on_late_accounts(session, case, today), option.terms.total_minor + 1
    else:
        owed = debt_now(session, portfolio, case.customer_id, today).debt
        least = option.terms.total_minor + option.terms.waived_fees_minor
    if owed < least:
        raise Conflict(
            f"{with_code(owed, portfolio.currency)} is owed now, less than when this was offered. Negotiate again."
        )
