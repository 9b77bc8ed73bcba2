"""Payments that come back: the reversal, and its effects outside the ledger, in one transaction.

Every reversal (a bank's return, page, API, a payment moved to another account) goes through here. The ledger undoes the
account's end; here the agreement that the payment had kept is broken or runs on, and the case is open again. The night
finds a reversal that bypassed this file (`break_undone_settlements`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.corrections import entries, reversals
from app.book.ledger.ends.after_reversal import last_end
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import COLLECTABLE, PAYS_DUES, AccountStatus, EntryKind
from app.book.ledger.service import lock_account
from app.book.portfolios.days import business_date
from app.book.portfolios.models import Portfolio
from app.casework.cases.queries import get_case
from app.casework.cases.service import reopen_case
from app.casework.plans.concessions import look_at_waivers_again
from app.casework.plans.models import InstalmentPayment, Plan, PlanAccount
from app.casework.plans.queries import instalments_of, live_plan
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.service import break_plan, resume_plan
from app.casework.plans.tracking.assessing import (
    ComesToNothing,
    InGrace,
    Kept,
    Running,
    after_reversal,
    assess,
)
from app.casework.plans.tracking.payments import (
    counted_from,
    missed_instalment,
    paid_besides,
    paid_toward,
)
from app.core.actor import SYSTEM, Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.timeline.service import lock_customers

CREDITS = PAYS_DUES | {EntryKind.RECOVERY}


def reverse_entry(
    session: Session, entry: Entry, *, reason: str, posted_on: date, by: Actor, now: datetime
) -> Entry:
    """Undo an entry (`corrections.reversals.reverse_entry`) and its effects. Returns the mirror image."""
    ended = _ended(session, entry)
    mirror = reversals.reverse_entry(
        session,
        entry,
        reason=reason,
        posted_on=posted_on,
        stays_settled=_stays_settled(session, entry, ended, now),
        by=by,
        now=now,
    )
    _look_after(session, entry, ended, reason, by=by, now=now)
    return mirror


def move_payment(
    session: Session, entry: Entry, to_account: Account, reason: str, *, by: Actor, role: Role, now: datetime
) -> Entry:
    """Put a payment on the right account (`entries.move_payment`). The first account loses what the payment had
    brought about there."""
    ended = _ended(session, entry)
    stays = _stays_settled(session, entry, ended, now)
    moved = entries.move_payment(
        session, entry, to_account, reason, stays_settled=stays, by=by, role=role, now=now
    )
    _keep_named(session, entry, moved, to_account)
    _look_after(session, entry, ended, f"moved to {to_account.reference}: {reason}", by=by, now=now)
    return moved


def _keep_named(session: Session, entry: Entry, moved: Entry, to_account: Account) -> None:
    """Let the moved payment pay the instalment that it had named, of an agreement of the same customer."""
    named = select(InstalmentPayment).join(Plan, col(Plan.id) == InstalmentPayment.plan_id)
    query = named.where(InstalmentPayment.entry_id == entry.id, Plan.customer_id == to_account.customer_id)
    for row in session.scalars(query).all():
        session.add(InstalmentPayment(entry_id=id_of(moved), plan_id=row.plan_id, n=row.n))
    session.flush()


def _ended(session: Session, entry: Entry) -> date | None:
    """The day on which the entry's account ended, before the reversal is judged."""
    account = lock_account(session, session.get_one(Account, entry.account_id))
    return last_end(session, account).on if account.ended_on else None


def _stays_settled(session: Session, entry: Entry, ended: date | None, now: datetime) -> bool:
    """True if the account was settled by an agreement whose other payments, made in time, cover it: the entry was paid
    besides. One from before the offer is not: the debt that was settled was a higher one without it."""
    account = session.get_one(Account, entry.account_id)
    if ended is None or account.status is not AccountStatus.SETTLED or entry.kind not in CREDITS:
        return False
    today = business_date(session, session.get_one(Portfolio, account.portfolio_id), now)
    for plan in _kept(session, account, col(Plan.ended_on) >= ended, settlement=True):
        others = paid_besides(session, plan, id_of(entry), max(today, entry.effective_on))
        if others is not None and _is_covered(session, plan, others):
            return True
    return False


def _is_covered(session: Session, plan: Plan, payments: Sequence[tuple[date, int]]) -> bool:
    assert plan.ended_on is not None
    stands = assess(
        instalments_of(session, [id_of(plan)])[id_of(plan)],
        payments,
        today=plan.ended_on,
        grace_days=plan.grace_days,
        tolerance=plan.tolerance_minor,
    )
    return isinstance(stands, Kept)


def _look_after(
    session: Session, entry: Entry, ended: date | None, reason: str, *, by: Actor, now: datetime
) -> None:
    """`ended`: the day on which the account had ended, if it had."""
    if entry.kind not in CREDITS:
        return
    account = session.get_one(Account, entry.account_id)
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    today = business_date(session, portfolio, now)
    why = f"payment {entry.reference} of {entry.effective_on.isoformat()} came back: {reason}"[:300]
    # The case first: a plan that runs on or ends wakes it.
    if ended is not None and account.status in COLLECTABLE:
        reopen_case(session, account, portfolio, why, closed_since=ended, on=today, by=by, now=now)
    if ended is not None and account.status not in (AccountStatus.SETTLED, AccountStatus.PAID):
        # The debt at the time of the settlement's offer counted every payment before it, this one too.
        for plan in _kept(session, account, col(Plan.ended_on) >= ended, settlement=True):
            _judge_again(session, [plan], why, today, by=by, now=now)
            if plan.status is PlanStatus.KEPT:
                break_plan(session, plan, missed_instalment(session, plan, today), why, today, by=by, now=now)
    counted = (counted_from() <= entry.effective_on, col(Plan.ended_on) >= entry.effective_on)
    plans = _kept(session, account, *counted, settlement=False)
    _judge_again(session, plans, why, today, by=by, now=now)
    look_at_waivers_again(session, account.customer_id, entry.effective_on, today, by=by, now=now)


def _kept(
    session: Session, account: Account, *only: sa.ColumnElement[bool], settlement: bool
) -> Sequence[Plan]:
    """Kept settlements of an account, or the customer's other kept plans."""
    query = select(Plan).where(Plan.customer_id == account.customer_id, Plan.status == PlanStatus.KEPT, *only)
    if settlement:
        settled = select(PlanAccount.plan_id).where(PlanAccount.account_id == account.id)
        query = query.where(Plan.kind == PlanKind.SETTLEMENT, col(Plan.id).in_(settled))
    else:
        query = query.where(Plan.kind != PlanKind.SETTLEMENT)
    return session.scalars(query.order_by(col(Plan.id)).with_for_update()).all()


def _judge_again(
    session: Session, plans: Sequence[Plan], why: str, today: date, *, by: Actor, now: datetime
) -> None:
    parts = instalments_of(session, [id_of(plan) for plan in plans])
    for plan in plans:
        match after_reversal(
            plan.kind,
            parts[id_of(plan)],
            paid_toward(session, plan, today),
            kept_on=plan.ended_on or today,
            today=today,
            grace_days=plan.grace_days,
            tolerance=plan.tolerance_minor,
        ):
            case ComesToNothing():
                n = missed_instalment(session, plan, today)
                break_plan(session, plan, n, why, today, by=by, now=now)
            case Running(next_due_on=on) | InGrace(until=on):
                if live_plan(session, plan.case_id) is None:
                    resume_plan(session, plan, on, why, by=by, now=now)
                else:
                    n = missed_instalment(session, plan, today)
                    break_plan(session, plan, n, why, today, by=by, now=now)
            case Kept():
                pass


def break_undone_settlements(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Break settlements whose accounts are worked again and whose payments do not cover them; those that can still be
    paid in time run on. Returns how many broke. Those of `reverse_entry` are broken already; one that a manager undid
    while its payment stands is kept."""
    worked = (
        select(PlanAccount.plan_id)
        .join(Account, col(Account.id) == PlanAccount.account_id)
        .where(col(Account.status).in_((*COLLECTABLE, AccountStatus.CHARGED_OFF)))
    )
    query = select(Plan).where(
        Plan.portfolio_id == portfolio.id,
        Plan.kind == PlanKind.SETTLEMENT,
        Plan.status == PlanStatus.KEPT,
        col(Plan.id).in_(worked),
    )
    plans = session.scalars(query.order_by(col(Plan.id)).with_for_update()).all()
    lock_customers(session, [plan.customer_id for plan in plans])
    why = "a payment of it came back"
    _judge_again(session, plans, why, on, by=SYSTEM, now=now)
    for plan in (each for each in plans if each.status is not PlanStatus.KEPT):
        theirs = select(Account).join(PlanAccount, col(PlanAccount.account_id) == Account.id)
        theirs = theirs.where(PlanAccount.plan_id == plan.id, col(Account.status).in_(COLLECTABLE))
        # Its case was closed on the day it was kept, or the night after.
        closed_since = get_case(session, plan.case_id).closed_on or on
        for account in session.scalars(theirs.order_by(col(Account.id)).limit(1)).all():
            reopen_case(
                session, account, portfolio, why, closed_since=closed_since, on=on, by=SYSTEM, now=now
            )
    return sum(plan.status is PlanStatus.BROKEN for plan in plans)
