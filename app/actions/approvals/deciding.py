"""Decide requests and waivers: approving does what was asked by the same action as anybody's own, and the answer comes
back to the person who asked as a task."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.actions.agreements import Offer, offer
from app.actions.approvals.asking import check_possible, figures_now, goodwill_account, replaced
from app.actions.assignment import hand_over_case
from app.actions.disputes.deciding import decide_dispute
from app.actions.disputes.goodwill import credit_goodwill
from app.actions.plans.instalments import skip_instalment
from app.book.ledger.corrections import waivers
from app.book.ledger.models import Account, Waiver
from app.book.portfolios.models import Portfolio
from app.casework.approvals import service
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.queries import get_request
from app.casework.approvals.rules import (
    APPROVAL_LABELS,
    ApprovalStatus,
    AskAgreement,
    AskDecision,
    AskDispute,
    AskGoodwill,
    AskHandOver,
    AskSkip,
    require_decider,
    require_no_more_waived,
    require_same_figures,
    require_waiting,
)
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import cases_of, get_case
from app.casework.disputes.models import dispute_reference
from app.casework.disputes.queries import get_dispute
from app.casework.plans.limits import Grantor
from app.casework.plans.queries import plan_of
from app.core.actor import Actor, ActorKind
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.money import with_code
from app.core.staff.queries import is_same_person
from app.core.staff.rules import Role
from app.core.timeline.service import lock_customers
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.strategy.tasks import give_task


@dataclass(frozen=True, slots=True)
class Decided:
    """A request that was answered, and the offer that its approval made."""

    request: ApprovalRequest
    offer: Offer | None = None


def decide_approval(
    session: Session,
    request_id: int,
    letters: LetterCatalog,
    *,
    approve: bool,
    note: str = "",
    seen: str = "",
    by: Actor,
    role: Role,
    now: datetime,
) -> Decided:
    """Approve a request, which does what it asks for, or decline it. Forbidden to the person who asked.

    The figures are checked again: a debt that was paid meanwhile refuses the approval. `seen` is the mark of the
    figures that the manager saw (`Figures.mark`); '' = none were shown but those of the request.
    """
    lock_customers(session, [get_request(session, request_id).customer_id])
    request = get_request(session, request_id, lock=True)
    case = get_case(session, request.case_id, lock=True)
    require_decider(role=role, is_asker=is_same_person(session, request.asked_by, by))
    require_waiting(request.status)
    portfolio = session.get_one(Portfolio, request.portfolio_id)
    today = local_date(now, portfolio.timezone)
    made = None
    if approve:
        check_possible(session, case, request.ask, today=today)
        figures = figures_now(session, case, request.ask, today=today)
        require_same_figures(seen, figures)
        if not seen:
            require_no_more_waived(request.ask, request.figures, figures)
        made = _do(session, case, request, letters, by=by, role=role, now=now)
        request.plan_id = made.plan.id if made else None
    status = ApprovalStatus.APPROVED if approve else ApprovalStatus.DECLINED
    service.answer(session, case, request, status, note, by=by, now=now)
    _tell_asker(
        session, case, "approval", id_of(request), _answer_words(portfolio, request), request.asked_by,
        today=today, now=now,
    )  # fmt: skip
    return Decided(request, made)


def decide_waiver(
    session: Session, waiver: Waiver, *, approve: bool, note: str = "", by: Actor, role: Role, now: datetime
) -> Waiver:
    """Approve a waiver, which posts the credit, or decline it; the person who asked is told on the customer's case."""
    waiver = waivers.decide_waiver(session, waiver, approve=approve, note=note, by=by, role=role, now=now)
    account = session.get_one(Account, waiver.account_id)
    portfolio = session.get_one(Portfolio, waiver.portfolio_id)
    if cases := cases_of(session, account.customer_id):
        amount = with_code(waiver.amount_minor, portfolio.currency)
        verdict = "approved" if approve else "declined"
        words = f"Waiver of {amount} {verdict}" + (f": {note}" if note else "")
        today = local_date(now, portfolio.timezone)
        _tell_asker(
            session, cases[0], "waiver", id_of(waiver), words, waiver.requested_by, today=today, now=now
        )
    return waiver


def _do(
    session: Session,
    case: CollectionsCase,
    request: ApprovalRequest,
    letters: LetterCatalog,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> Offer | None:
    """The action that a request asks for, by the name under which a page calls it."""
    match request.ask:
        case AskAgreement(terms=terms) as ask:
            grantor = Grantor(by, role, is_second=True)
            return offer(
                session, case, terms, letters, replaces=replaced(session, ask), grantor=grantor, now=now
            )
        case AskSkip(plan_id=plan_id, n=n):
            plan = plan_of(session, case, plan_id)
            grantor = Grantor(by, role, is_second=True)
            skip_instalment(session, plan, n, letters, request.reason[:300], grantor=grantor, now=now)
        case AskDispute(dispute_id=dispute_id, decision=decision):
            dispute = get_dispute(session, case.customer_id, dispute_id, lock=True)
            decide_dispute(session, dispute, decision, letters, is_second=True, by=by, role=role, now=now)
        case AskGoodwill(account_id=account_id, amount_minor=amount):
            account = goodwill_account(session, case, account_id)
            credit_goodwill(
                session, account, amount, request.reason[:200], is_second=True, by=by, role=role, now=now
            )
        case AskHandOver(to=to):
            hand_over_case(session, case, to, request.reason, by=by, role=role, now=now)
    return None


def _answer_words(portfolio: Portfolio, request: ApprovalRequest) -> str:
    amount = with_code(request.amount_minor, portfolio.currency)
    label = APPROVAL_LABELS[request.kind]
    match request.ask:
        case AskAgreement():
            what = f"{label} of {amount}"
        case AskSkip(n=n):
            what = f"Skip of payment {n} of {amount}"
        case AskDispute(dispute_id=dispute_id):
            what = f"Decision of dispute {dispute_reference(dispute_id)} that concedes {amount}"
        case AskGoodwill():
            what = f"{label} of {amount}"
        case AskHandOver(to=to):
            what = f"{label} to {to}"
        case AskDecision():
            what = f"Request “{request.reason[:120]}”"
    return f"{what} {request.status.value}" + (f": {request.note}" if request.note else "")


def _tell_asker(
    session: Session,
    case: CollectionsCase,
    step: str,
    number: int,
    text: str,
    asked_by: str,
    *,
    today: date,
    now: datetime,
) -> None:
    asker = Actor(asked_by)
    if asker.kind is ActorKind.USER:
        give_task(session, case, step, text, to=asker.name, due_on=today, number=number, now=now)
