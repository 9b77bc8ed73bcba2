"""Agreements with a customer: a promise to pay, a repayment plan, a settlement.

Each act changes the plan, records its event and queues the letter that goes with it, for a page, the API and the demo
alike. The portfolio sets the limit up to which an agent may grant one; beyond it a manager makes the offer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans import service
from app.casework.plans.models import Plan
from app.casework.plans.queries import owed_on_late_accounts
from app.casework.plans.rules import Instalment, InstalmentTerms, is_within_discount
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Forbidden
from app.core.staff.rules import MANAGEMENT, Role
from app.core.text import clean_text
from app.core.vocabulary import Channel
from app.outreach.planning.event_letters import confirm_plan, offer_in_writing, take_back_confirmation
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer

CONFIRMED_BY = (Channel.SMS, Channel.EMAIL)
"""Channels on which an agreement is confirmed in writing."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """An active promise, plan or settlement, and the gate's answer for each channel that confirms it."""

    plan: Plan
    confirmations: Mapping[Channel, Answer]


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan or settlement that the customer may accept, and the gate's answer for its letter."""

    plan: Plan
    in_writing: Answer | None


@dataclass(frozen=True, slots=True)
class Discount:
    """The part of the debt that a settlement would waive, in minor units."""

    owed_minor: int
    waived_minor: int


def promise(
    session: Session,
    case: CollectionsCase,
    amount_minor: int,
    due_on: date,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> Agreement:
    """Record what the customer promised, active at once, and confirm it in writing."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    plan = service.promise_to_pay(session, case, amount_minor, due_on, by=by, today=today, now=now)
    return _confirmed(session, portfolio, plan, letters, by=by, today=today, now=now)


def offer_plan(
    session: Session,
    case: CollectionsCase,
    terms: InstalmentTerms,
    letters: LetterCatalog,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> Offer:
    """Offer a repayment plan, also in writing. Forbidden where it is longer than this role may grant."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    plan = service.offer_instalments(
        session, case, terms, may_exceed_limits=role in MANAGEMENT, by=by, today=today, now=now
    )
    return Offer(plan, offer_in_writing(session, portfolio, plan, letters, on=today, by=by, now=now))


def preview_plan(
    session: Session, case: CollectionsCase, terms: InstalmentTerms, *, now: datetime
) -> Sequence[Instalment]:
    """The instalments that such a plan would have; nothing is offered. Invalid as for the offer itself."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    return service.preview_instalments(session, case, terms, today=local_date(now, portfolio.timezone))


def offer_settlement(
    session: Session,
    case: CollectionsCase,
    amount_minor: int,
    settle_by: date,
    letters: LetterCatalog,
    *,
    by: Actor,
    role: Role,
    now: datetime,
    by_two: bool = False,
) -> Offer:
    """Offer to settle the late accounts for less, also in writing; paying it accepts it. Forbidden where it waives more
    than one person of this role may grant; `by_two`: another person asked for it and this one approves."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    owed = service.check_settlement(session, case, amount_minor, settle_by, today=today)
    most = discount_limit(portfolio, role)
    if not by_two and not is_within_discount(sum(owed.values()), amount_minor, most):
        who, whom = (
            ("a manager", "another manager to approve")
            if role in MANAGEMENT
            else ("an agent", "a manager to offer")
        )
        raise Forbidden(
            f"This waives more than the {most} % that {who} may grant alone. Ask {whom} it.", "amount"
        )
    plan = service.offer_settlement(
        session, case, amount_minor, settle_by, may_exceed_limits=True, by=by, today=today, now=now
    )
    return Offer(plan, offer_in_writing(session, portfolio, plan, letters, on=today, by=by, now=now))


def discount_limit(portfolio: Portfolio, role: Role) -> int:
    """Per cent of a debt that one person of this role may waive in a settlement alone."""
    if role in MANAGEMENT:
        return portfolio.manager_max_discount_percent
    return portfolio.agent_max_discount_percent


def discount_of(
    session: Session, case: CollectionsCase, amount_minor: int, *, role: Role, now: datetime
) -> Discount | None:
    """The discount of settling for this amount; None where such an offer is refused."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    owed = owed_on_late_accounts(session, case, local_date(now, portfolio.timezone))
    may = is_within_discount(owed, amount_minor, discount_limit(portfolio, role))
    return Discount(owed, owed - amount_minor) if may and 0 < amount_minor < owed else None


def accept_offer(
    session: Session, plan: Plan, letters: LetterCatalog, *, by: Actor, now: datetime
) -> Agreement:
    """Activate an offer that the customer agreed to, and confirm it in writing."""
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    today = local_date(now, portfolio.timezone)
    service.accept(session, plan, by=by, today=today, now=now)
    return _confirmed(session, portfolio, plan, letters, by=by, today=today, now=now)


def cancel_agreement(
    session: Session, plan: Plan, reason: str, letters: LetterCatalog, *, by: Actor, now: datetime
) -> Mapping[Channel, Answer]:
    """End a live agreement before its time, or withdraw an offer. A customer who has its written confirmation is told
    in writing; returns the gate's answer for each channel."""
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    reason = clean_text(reason, "reason", at_most=300)
    today = local_date(now, portfolio.timezone)
    service.cancel(session, plan, reason, by=by, today=today, now=now)
    return take_back_confirmation(session, portfolio, plan, letters, on=today, by=by, now=now)


def _confirmed(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    letters: LetterCatalog,
    *,
    by: Actor,
    today: date,
    now: datetime,
) -> Agreement:
    answers = confirm_plan(session, portfolio, plan, letters, channels=CONFIRMED_BY, on=today, by=by, now=now)
    return Agreement(plan, dict(zip(CONFIRMED_BY, answers, strict=True)))
