"""Which account a part of a lump payment is for, or why only a person can say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlmodel import Session, col, select

from app.book.delinquency.service import standing_on
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.advisers.models import AdviserClient, LumpPayment
from app.casework.advisers.queries import case_of, is_client
from app.casework.advisers.rules import Owed, account_for
from app.casework.cases.debt import worked_accounts
from app.casework.plans.models import Plan, PlanAccount
from app.casework.plans.rules import LIVE, PlanKind
from app.casework.plans.tracking.references import read_reference
from app.core.ids import id_of
from app.core.labels import PLAN_LABELS


@dataclass(frozen=True, slots=True)
class Target:
    account_id: int
    plan_id: int | None = None
    instalment: int | None = None
    """Where the reference names one."""


def target_of(
    session: Session, lump: LumpPayment, reference: str, amount_minor: int, today: date
) -> Target | str:
    """The account that a reference of a schedule means, or a sentence that says why a person decides. A reference is
    that of an instalment, a plan, a case, an account, or the adviser's own of the customer."""
    if not reference:
        return "The line has no reference."
    if (named := read_reference(reference)) is not None:
        meant = _of_plan(session, lump, f"P-{named[0]:06d}", amount_minor, today)
        return meant if isinstance(meant, str) else replace(meant, instalment=named[1])
    if reference.startswith("P-"):
        return _of_plan(session, lump, reference, amount_minor, today)
    case = case_of(session, lump.portfolio_id, reference)
    customer_id = case.customer_id if case else _of_client(session, lump, reference)
    if customer_id is None:
        return f"{reference} names no plan, case, account or customer of this adviser."
    if not is_client(session, lump.adviser_id, customer_id):
        return f"The adviser does not act for the customer of {reference}."
    query = select(Account).where(Account.portfolio_id == lump.portfolio_id, Account.reference == reference)
    account = session.scalars(query).first()
    plan = _live(session, customer_id)
    only = [id_of(account)] if account is not None else None
    return _place(session, customer_id, plan, reference, amount_minor, today, only)


def _of_plan(
    session: Session, lump: LumpPayment, reference: str, amount_minor: int, today: date
) -> Target | str:
    number = reference.removeprefix("P-")
    is_number = number.isascii() and number.isdigit() and len(number) < 16
    plan = session.get(Plan, int(number)) if is_number else None
    if plan is None or plan.portfolio_id != lump.portfolio_id:
        return f"There is no agreement {reference} in this portfolio."
    if not is_client(session, lump.adviser_id, plan.customer_id):
        return f"The adviser does not act for the customer of agreement {reference}."
    if plan.status not in LIVE:
        since = f" since {plan.ended_on.isoformat()}" if plan.ended_on else ""
        return f"{PLAN_LABELS[plan.kind.value]} {reference} is {plan.status.value}{since}."
    return _place(session, plan.customer_id, plan, reference, amount_minor, today, None)


def _of_client(session: Session, lump: LumpPayment, reference: str) -> int | None:
    """The customer whom the adviser knows by a number of its own."""
    query = select(AdviserClient.customer_id).where(
        AdviserClient.adviser_id == lump.adviser_id, AdviserClient.reference == reference
    )
    found = set(session.scalars(query).all())
    return found.pop() if len(found) == 1 else None


def _live(session: Session, customer_id: int) -> Plan | None:
    query = select(Plan).where(Plan.customer_id == customer_id, col(Plan.status).in_(LIVE))
    return session.scalars(query).first()


def _place(
    session: Session,
    customer_id: int,
    plan: Plan | None,
    reference: str,
    amount_minor: int,
    today: date,
    only: Sequence[int] | None,
) -> Target | str:
    ids = only
    if ids is None and plan is not None and plan.kind is PlanKind.SETTLEMENT:
        ids = session.scalars(select(PlanAccount.account_id).where(PlanAccount.plan_id == plan.id)).all()
    if ids is None:
        ids = [account_id for account_id, _ in worked_accounts(session, [customer_id])]
    portfolio = session.get_one(Portfolio, session.get_one(Account, ids[0]).portfolio_id) if ids else None
    stands = standing_on(session, portfolio, ids, today) if portfolio else {}
    owed = [Owed(key, each.balance, each.owed, each.oldest_due_on) for key, each in stands.items()]
    chosen = account_for(amount_minor, owed)
    if chosen is None:
        return f"No account of {reference} owes as much as this."
    return Target(chosen.account_id, plan.id if plan else None)
