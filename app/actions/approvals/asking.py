"""Ask a manager for what is beyond one's own authority, with the reason and the figures of that moment."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.actions.agreements import discount_limit
from app.actions.assignment import assignable
from app.book.delinquency.days import days_past_due
from app.book.portfolios.models import Portfolio
from app.casework.approvals import service
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.queries import get_request
from app.casework.approvals.rules import (
    ApprovalStatus,
    Ask,
    AskHandOver,
    AskPlan,
    AskSettlement,
    Figures,
)
from app.casework.cases.debt import debt_now
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.cases.rules import CaseStatus
from app.casework.plans.queries import owed_on_late_accounts
from app.casework.plans.rules import instalments_for, is_within_discount
from app.casework.plans.service import check_agreement, check_settlement
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.staff.queries import is_same_person
from app.core.staff.rules import MANAGEMENT, Role
from app.core.timeline.service import lock_customers


def ask_approval(
    session: Session, case: CollectionsCase, ask: Ask, reason: str, *, by: Actor, role: Role, now: datetime
) -> ApprovalRequest:
    """Send a request to the managers. Invalid or Conflict for one that nobody could grant now, or that the asker may
    grant alone. The caller holds the customer's lock."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    check_possible(session, case, ask, today=today)
    figures = figures_now(session, case, ask, today=today)
    _require_beyond_authority(portfolio, ask, figures, role)
    return service.ask(session, case, ask, figures, reason, by=by, now=now)


def withdraw_request(session: Session, request_id: int, *, by: Actor, now: datetime) -> ApprovalRequest:
    """Take one's own request back. Forbidden to others: a manager declines it."""
    lock_customers(session, [get_request(session, request_id).customer_id])
    request = get_request(session, request_id, lock=True)
    case = get_case(session, request.case_id, lock=True)
    if not is_same_person(session, request.asked_by, by):
        raise Forbidden("Another person asked for this. A manager may decline it.")
    service.answer(session, case, request, ApprovalStatus.WITHDRAWN, "", by=by, now=now)
    return request


def check_possible(session: Session, case: CollectionsCase, ask: Ask, *, today: date) -> None:
    """Invalid or Conflict, with a sentence, where the figures of this moment do not allow what is asked."""
    match ask:
        case AskSettlement(amount_minor=amount, settle_by=day):
            check_settlement(session, case, amount, day, today=today)
        case AskPlan(terms=terms):
            check_agreement(session, case, instalments_for(terms, today), today=today)
        case AskHandOver(to=to):
            if case.status is not CaseStatus.OPEN:
                raise Conflict(f"Case {case.reference} is closed: it has no owner.")
            if to not in assignable(session):
                raise Invalid("There is no active member of staff with this user name.", "to")
            if to == case.owner:
                raise Conflict(f"Case {case.reference} is theirs already.")


def figures_now(session: Session, case: CollectionsCase, ask: Ask, *, today: date) -> Figures:
    """The debt that a request is about, with everything posted until now."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    debt = debt_now(session, portfolio, case.customer_id, today)
    owed = owed_on_late_accounts(session, case, today) if isinstance(ask, AskSettlement) else debt.debt
    return Figures(owed, debt.past_due, days_past_due(debt.oldest, today))


def _require_beyond_authority(portfolio: Portfolio, ask: Ask, figures: Figures, role: Role) -> None:
    """A request is for what one may not do alone."""
    match ask:
        case AskSettlement(amount_minor=amount):
            if is_within_discount(figures.owed_minor, amount, discount_limit(portfolio, role)):
                raise Invalid("This is within your own limit. Offer it yourself.", "amount")
        case AskPlan(terms=terms):
            if role in MANAGEMENT or terms.months <= portfolio.agent_max_instalments:
                raise Invalid("This is within your own limit. Offer it yourself.", "months")
        case AskHandOver():
            if role in MANAGEMENT:
                raise Conflict("You may assign the case yourself.")
