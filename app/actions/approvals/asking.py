"""Ask a manager for what is beyond one's own authority, with the reason and the figures of that moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from sqlmodel import Session

from app.actions.agreements import beyond_authority, require_live
from app.actions.assignment import assignable
from app.actions.disputes.deciding import check_decision
from app.actions.disputes.goodwill import check_goodwill, require_goodwill_grant
from app.actions.disputes.granting import require_grant
from app.book.delinquency.days import days_past_due
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.approvals import service
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.queries import get_request
from app.casework.approvals.rules import (
    ApprovalStatus,
    Ask,
    AskAgreement,
    AskDispute,
    AskGoodwill,
    AskHandOver,
    AskSkip,
    Figures,
)
from app.casework.cases.debt import debt_now
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.cases.rules import CaseStatus
from app.casework.disputes.models import Dispute
from app.casework.disputes.queries import get_dispute
from app.casework.plans.limits import authority_of
from app.casework.plans.models import Plan
from app.casework.plans.offering import Proposal, propose
from app.casework.plans.queries import owed_on_late_accounts, plan_of
from app.casework.plans.tracking.changes import check_skippable
from app.casework.plans.tracking.skips import beyond_grant
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
    figures = figures_now(session, case, ask, today=today)
    if isinstance(ask, AskSkip):
        skip = check_skippable(session, plan_of(session, case, ask.plan_id), ask.n, today)
        if beyond_grant(skip, authority_of(portfolio, role)) is None:
            raise Invalid("This is within your own limit. Skip it yourself.", "n")
        return service.ask(session, case, ask, figures, reason, skipped=skip.line, by=by, now=now)
    proposal = check_possible(session, case, ask, today=today)
    _require_beyond_authority(session, portfolio, ask, proposal, role, today)
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


def check_possible(session: Session, case: CollectionsCase, ask: Ask, *, today: date) -> Proposal | None:
    """Invalid or Conflict, with a sentence, where the figures of this moment do not allow what is asked. Returns the
    agreement that is asked for, if it is one."""
    match ask:
        case AskAgreement():
            return proposed(session, case, ask, today=today)
        case AskSkip(plan_id=plan_id, n=n):
            check_skippable(session, plan_of(session, case, plan_id), n, today)
        case AskDispute(dispute_id=dispute_id, decision=decision, conceded_minor=asked):
            dispute = get_dispute(session, case.customer_id, dispute_id)
            if check_decision(session, dispute, decision).conceded_minor != asked:
                raise Conflict(
                    f"Dispute {dispute.reference} changed since this was asked, and another sum would be conceded."
                    " Decline it, and let it be asked again."
                )
        case AskGoodwill(account_id=account_id, amount_minor=amount):
            check_goodwill(session, goodwill_account(session, case, account_id), amount, today=today)
        case AskHandOver(to=to):
            if case.status is not CaseStatus.OPEN:
                raise Conflict(f"Case {case.reference} is closed: it has no owner.")
            if to not in assignable(session):
                raise Invalid("There is no active member of staff with this user name.", "to")
            if to == case.owner:
                raise Conflict(f"Case {case.reference} is theirs already.")
    return None


def goodwill_account(session: Session, case: CollectionsCase, account_id: int) -> Account:
    """An account of the case's customer. Invalid, beside `account`, for any other."""
    account = session.get(Account, account_id)
    if account is None or account.customer_id != case.customer_id:
        raise Invalid("This is no account of this customer.", "account")
    return account


def proposed(session: Session, case: CollectionsCase, ask: AskAgreement, *, today: date) -> Proposal:
    """The agreement that is asked for, as of now. Invalid or Conflict as for its offer."""
    return propose(session, case, ask.terms, replaces=replaced(session, ask), today=today)


def replaced(session: Session, ask: AskAgreement) -> Plan | None:
    """The live plan that the agreement is renegotiated from. Conflict where it no longer runs."""
    if ask.replaces_id is None:
        return None
    plan = session.get_one(Plan, ask.replaces_id)
    require_live(plan)
    return plan


def figures_now(session: Session, case: CollectionsCase, ask: Ask, *, today: date) -> Figures:
    """The debt that a request is about, with everything posted until now."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    debt = debt_now(session, portfolio, case.customer_id, today)
    is_settlement = isinstance(ask, AskAgreement) and ask.is_settlement
    owed = owed_on_late_accounts(session, case, today) if is_settlement else debt.debt
    return Figures(owed, debt.past_due, days_past_due(debt.oldest, today))


def _require_beyond_authority(
    session: Session, portfolio: Portfolio, ask: Ask, proposal: Proposal | None, role: Role, today: date
) -> None:
    """A request is for what one may not do alone."""
    if proposal is not None and beyond_authority(portfolio, proposal, role) is None:
        field = "amount" if proposal.settles else "payments"
        raise Invalid("This is within your own limit. Offer it yourself.", field)
    if isinstance(ask, AskDispute):
        dispute = session.get_one(Dispute, ask.dispute_id)
        if _is_within(
            lambda: require_grant(session, portfolio, dispute, ask.decision, ask.conceded_minor, role, today)
        ):
            raise Invalid("This is within your own limit. Decide it yourself.", "outcome")
    if isinstance(ask, AskGoodwill) and _is_within(
        lambda: require_goodwill_grant(session, portfolio, ask.account_id, ask.amount_minor, role, today)
    ):
        raise Invalid("This is within your own limit. Credit it yourself.", "amount")
    if isinstance(ask, AskHandOver) and role in MANAGEMENT:
        raise Conflict("You may assign the case yourself.")


def _is_within(check: Callable[[], None]) -> bool:
    try:
        check()
    except Forbidden:
        return False
    return True
