"""Nightly assessment: which promises, plans and settlements were kept, broken, or are in their grace days."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.delinquency.service import fold_accounts
from app.book.ledger.balances import balance_of, still_owed
from app.book.ledger.ends.status import set_status
from app.book.ledger.models import Account
from app.book.ledger.rules import COLLECTABLE, AccountStatus
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import (
    CustomerDebt,
    debts_as_folded,
)
from app.casework.plans.assessing import (
    NOTHING_OWED,
    Broken,
    InGrace,
    Kept,
    Pointless,
    Running,
    assess,
)
from app.casework.plans.models import Plan
from app.casework.plans.payments import accounts_of, offered_on, paid_to_settle, payments_for
from app.casework.plans.queries import instalments_of, live_plan, offered_settlements
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.service import break_plan, cancel, move_plan, wake_case
from app.core.actor import SYSTEM
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import lock_customers


def assess_due(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> dict[str, int]:
    """Judge every active plan, and every settlement that was offered, at the end of `on`. Returns how many were kept,
    broken, in grace."""
    _take_up_settlements(session, portfolio, on, now=now)
    query = select(Plan).where(Plan.portfolio_id == portfolio.id, Plan.status == PlanStatus.ACTIVE)
    # Locked, so that a cancellation made meanwhile is not overwritten by what was read before it.
    plans = list(session.scalars(query.order_by(col(Plan.id)).with_for_update()))
    parts = instalments_of(session, [id_of(p) for p in plans])
    paid = payments_for(session, portfolio, plans, on)
    paid_off = _nothing_left(session, plans, on)
    counts = {"kept": 0, "broken": 0, "in_grace": 0}
    for plan in plans:
        if plan.kind is PlanKind.SETTLEMENT:
            since = paid_to_settle(session, plan, on)
        else:
            since = [(d, a) for d, a in paid.get(plan.customer_id, []) if d >= (plan.accepted_on or on)]
        found = assess(
            parts[id_of(plan)],
            since,
            today=on,
            grace_days=portfolio.grace_days,
            nothing_left=plan.id in paid_off,
        )
        match found:
            case Kept(why=why):
                counts["kept"] += 1
                plan.ended_on, plan.why = on, why
                move_plan(session, plan, PlanStatus.KEPT, by=SYSTEM, now=now)
                if plan.kind is PlanKind.SETTLEMENT and not why:
                    _settle_accounts(session, portfolio, plan, on, now=now)
                wake_case(session, plan, on)
            case Pointless():
                cancel(session, plan, NOTHING_OWED, by=SYSTEM, today=on, now=now)
            case Broken() as broken:
                counts["broken"] += 1
                break_plan(session, plan, broken.n, broken.why, on, by=SYSTEM, now=now)
            case InGrace(until=until):
                counts["in_grace"] += 1
                plan.assess_on = until
            case Running(next_due_on=next_due_on):
                plan.assess_on = next_due_on
    return counts


def _nothing_left(session: Session, plans: Sequence[Plan], on: date) -> set[int]:
    """Ids of the plans for which nothing is left to pay at the end of `on`: of a promise nothing that is past due, of a
    plan no balance, of a settlement no balance on its accounts. A charged-off balance is off the book, not paid."""
    customers = {plan.customer_id for plan in plans}
    owes = debts_as_folded(session, customers)
    off_the_book = _charged_off_accounts(session, customers)
    done: set[int] = set()
    for plan in plans:
        standing = owes.get(plan.customer_id, CustomerDebt())
        match plan.kind:
            case PlanKind.PROMISE:
                left = standing.past_due
            case PlanKind.INSTALMENTS:
                left = standing.debt
            case _:
                left = sum(
                    max(0, balance_of(session, each, on)) for each in session.scalars(accounts_of(plan))
                )
        charged_off = off_the_book.get(plan.customer_id, ())
        if left == 0 and not any(still_owed(session, account, on) > 0 for account in charged_off):
            done.add(id_of(plan))
    return done


def _charged_off_accounts(session: Session, customer_ids: Collection[int]) -> dict[int, list[Account]]:
    """By customer; few have one."""
    found: dict[int, list[Account]] = {}
    for ids in chunked(customer_ids, 5000):
        query = select(Account).where(
            among(session, table_of(Account).c.customer_id, ids), Account.status == AccountStatus.CHARGED_OFF
        )
        for account in session.scalars(query.order_by(col(Account.id))):
            found.setdefault(account.customer_id, []).append(account)
    return found


def _take_up_settlements(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> None:
    """Offers to settle that were paid are accepted by that; those whose day is over end."""
    offered = offered_settlements().where(Plan.portfolio_id == portfolio.id).order_by(col(Plan.id))
    for plan in session.scalars(offered.with_for_update()).all():
        parts = instalments_of(session, [id_of(plan)])[id_of(plan)]
        paid = paid_to_settle(session, plan, on)
        match assess(parts, paid, today=on, grace_days=portfolio.grace_days):
            case Kept():
                if (other := live_plan(session, plan.case_id)) is not None:
                    cancel(session, other, "the debt was settled", by=SYSTEM, today=on, now=now)
                    session.flush()
                plan.accepted_on = offered_on(session, plan)
                move_plan(session, plan, PlanStatus.ACCEPTED, by=SYSTEM, now=now)
                move_plan(session, plan, PlanStatus.ACTIVE, by=SYSTEM, now=now)
            case Broken():
                cancel(session, plan, "the offer was not taken up", by=SYSTEM, today=on, now=now)


def _settle_accounts(session: Session, portfolio: Portfolio, plan: Plan, on: date, *, now: datetime) -> None:
    """Settle the accounts of a paid settlement at the end of `on`: the rest is waived."""
    lock_customers(session, [plan.customer_id])
    query = select(Account).where(
        col(Account.id).in_(accounts_of(plan)),
        col(Account.status).in_((*COLLECTABLE, AccountStatus.CHARGED_OFF)),
    )
    reason = f"the settlement offered by {plan.offered_by} was paid"
    accounts = session.scalars(
        query.order_by(col(Account.id)).execution_options(populate_existing=True)
    ).all()
    for account in accounts:
        balance = balance_of(session, id_of(account), on)
        set_status(session, account, AccountStatus.SETTLED, on, balance, reason, by=SYSTEM, now=now)
    fold_accounts(session, portfolio, [id_of(account) for account in accounts], through=on)
