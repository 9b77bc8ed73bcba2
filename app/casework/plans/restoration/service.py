"""Restore broken agreements whose payment was made in time and posted later (decision 0300).

The agreement stands as if it had not been broken: it runs on or is kept, its concessions have no gap, the case counts
one broken agreement less. Where another agreement took its place, or its case was closed, it ends without being broken.
The letters that take back what was written are the night's (`outreach/planning/agreements/restored.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.ledger.models import Entry
from app.book.ledger.service import touched_accounts
from app.book.portfolios.days import business_date, first_open_day
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import about_case
from app.casework.plans.concessions import concede_again
from app.casework.plans.events import PlanRestored
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of, live_plan
from app.casework.plans.restoration.models import PlanRestoration
from app.casework.plans.restoration.queries import LatePayment, paid_late, paid_late_in, paid_late_to
from app.casework.plans.restoration.rules import CASE_CLOSED, Break, Restored, judge_break
from app.casework.plans.rules import PlanStatus
from app.casework.plans.service import move_plan, run_on, wake_case
from app.casework.plans.tracking.assessing import InGrace, Kept, Running
from app.casework.plans.tracking.assessment import keep_plan
from app.casework.plans.tracking.changes import give_time
from app.casework.plans.tracking.payments import paid_toward
from app.core.actor import SYSTEM
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import lock_customers, record


def restore_plans(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Restore, in the night that closes `on`, the broken plans for which a payment was posted since the night before.
    Returns how many."""
    found = paid_late(session, id_of(portfolio), on, on)
    return sum(
        _restore(session, portfolio, plan, found[id_of(plan)], on, is_night=True, now=now)
        for plan in _locked(session, found)
    )


def restore_touched(session: Session, now: datetime) -> int:
    """Let broken plans run on whose payment this transaction posted. The others are the night's. To be asked before
    `refresh_touched`."""
    count = 0
    for portfolio_id, account_ids in list(touched_accounts(session).items()):
        portfolio = session.get_one(Portfolio, portfolio_id)
        on = business_date(session, portfolio, now)
        found = paid_late_to(session, account_ids)
        for plan in _locked(session, found):
            count += _restore(session, portfolio, plan, found[id_of(plan)], on, is_night=False, now=now)
    return count


def restore_loaded(session: Session, portfolio: Portfolio, *, now: datetime) -> int:
    """Let broken plans run on whose payment came with a file."""
    on = business_date(session, portfolio, now)
    # While nights are behind, what arrives is posted into the first open day.
    found = paid_late(session, id_of(portfolio), first_open_day(session, id_of(portfolio)) or on, on)
    return sum(
        _restore(session, portfolio, plan, found[id_of(plan)], on, is_night=False, now=now)
        for plan in _locked(session, found)
    )


def restore_after_legal(session: Session, case_id: int, on: date, *, now: datetime) -> list[Plan]:
    """Let the broken plan of a case run on whose payment was posted while the legal team had the case. The caller holds
    the customer's lock."""
    found = paid_late_in(session, case_id)
    return [
        plan
        for plan in _locked(session, found)
        if _restore(
            session,
            session.get_one(Portfolio, plan.portfolio_id),
            plan,
            found[id_of(plan)],
            on,
            is_night=False,
            now=now,
        )
    ]


def paid_in_time_with_legal(session: Session, portfolio: Portfolio, on: date) -> list[Plan]:
    """Broken plans that were paid in time, as was posted by the end of `on`, of cases that the legal team has: only
    they agree on payments, so nothing is restored before a person decides."""
    found = paid_late(session, id_of(portfolio), on, on)
    with_legal = (
        select(Plan)
        .join(CollectionsCase, col(CollectionsCase.id) == Plan.case_id)
        .where(among(session, table_of(Plan).c.id, found), col(CollectionsCase.with_legal_since).is_not(None))
    )
    plans = session.scalars(with_legal.order_by(col(Plan.id))).all() if found else []
    return [plan for plan in plans if _judged(session, plan, found[id_of(plan)], on) is not None]


def was_paid_in_time(session: Session, plan: Plan, on: date) -> bool:
    """True if a broken plan was paid in time, as is known at the end of `on`: a night restores it, or a person decides
    where the legal team has its case."""
    found = paid_late_in(session, plan.case_id).get(id_of(plan))
    return found is not None and _judged(session, plan, found, on) is not None


def _locked(session: Session, plan_ids: Collection[int]) -> list[Plan]:
    """Those of these plans that are broken still; their customers are locked, then their rows."""
    if not plan_ids:
        return []
    query = select(Plan).where(among(session, table_of(Plan).c.id, plan_ids)).order_by(col(Plan.id))
    lock_customers(session, {plan.customer_id for plan in session.scalars(query)})
    fresh = query.with_for_update().execution_options(populate_existing=True)
    return [plan for plan in session.scalars(fresh).all() if plan.status is PlanStatus.BROKEN]


def _judged(session: Session, plan: Plan, late: Sequence[LatePayment], on: date) -> Restored | None:
    assert plan.broken_instalment is not None
    assert plan.ended_on is not None
    return judge_break(
        instalments_of(session, [id_of(plan)])[id_of(plan)],
        paid_toward(session, plan, on),
        [(payment.on, payment.amount) for payment in late],
        Break(plan.broken_instalment, plan.ended_on),
        today=on,
        grace_days=plan.grace_days,
        tolerance=plan.tolerance_minor,
    )


def _restore(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    late: Sequence[LatePayment],
    on: date,
    *,
    is_night: bool,
    now: datetime,
) -> bool:
    """Take a break back. By day only where the plan runs on: the night ends what has to end. False where it was broken,
    or the legal team has the case."""
    case, found = get_case(session, plan.case_id), _judged(session, plan, late, on)
    if found is None or case.with_legal_since is not None:
        return False
    other = live_plan(session, plan.case_id)
    runs_on = other is None and case.status is CaseStatus.OPEN
    if not (runs_on or is_night):
        return False
    _put_on_record(session, case, plan, session.get_one(Entry, late[-1].entry_id), on, now=now)
    concede_again(session, plan, by=SYSTEM, now=now)
    if runs_on:
        _run_on(session, plan, found, on, now=now)
        return True
    plan.broken_instalment, plan.why = None, ""
    if isinstance(found.stands, Kept):
        keep_plan(session, portfolio, plan, on, now=now)
    else:
        until = other.accepted_on if other is not None else case.closed_on
        plan.ended_on = min(on, until or on)
        plan.why = f"{other.reference} took its place" if other is not None else CASE_CLOSED
        move_plan(session, plan, PlanStatus.CANCELLED, by=SYSTEM, now=now)
    wake_case(session, plan, on)
    return True


def _put_on_record(
    session: Session, case: CollectionsCase, plan: Plan, entry: Entry, on: date, *, now: datetime
) -> None:
    assert plan.broken_instalment is not None
    assert plan.ended_on is not None
    made = PlanRestoration(
        portfolio_id=plan.portfolio_id,
        plan_id=id_of(plan),
        entry_id=id_of(entry),
        broken_on=plan.ended_on,
        broken_instalment=plan.broken_instalment,
        broken_why=plan.why,
        restored_on=on,
        created_at=now,
    )
    session.add(made)
    case.broken_promises = max(0, case.broken_promises - 1)
    why = (
        f"payment {entry.reference} of {entry.effective_on.isoformat()} was posted on {entry.posted_on.isoformat()}, "
        f"after it was found broken on {plan.ended_on.isoformat()}"
    )
    told = PlanRestored(id_of(plan), plan.kind, plan.total_minor, plan.broken_instalment, why[:300])
    record(session, about_case(case, told), by=SYSTEM, now=now)


def _run_on(session: Session, plan: Plan, found: Restored, on: date, *, now: datetime) -> None:
    match found.stands:
        case Running(next_due_on=day) | InGrace(until=day):
            run_on(session, plan, day, by=SYSTEM, now=now)
        case Kept():  # the night keeps it
            run_on(session, plan, on, by=SYSTEM, now=now)
    if found.new_date is not None:
        why = "the agreement was taken to be broken while its time ran"
        dates = {part.n: found.new_date for part in found.more_time}
        give_time(session, plan, dates, why, today=on, now=now)
    wake_case(session, plan, on)
