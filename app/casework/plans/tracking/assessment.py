"""Nightly assessment: which promises, plans and settlements were kept, broken, or are in their grace days.

The night looks at agreements whose day has come or whose customer's ledger has changed. The database finds those that
are on time (`sweep.py`); only the others are judged one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.charges.concessions import end_concessions
from app.book.delinquency.service import fold_accounts
from app.book.ledger.balances import balance_of, still_owed
from app.book.ledger.ends.status import set_status
from app.book.ledger.models import Account
from app.book.ledger.rules import COLLECTABLE, AccountStatus
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import CustomerDebt, debts_as_folded
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.cases.rules import CaseStatus
from app.casework.holds.queries import at_rest
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of, live_plan, offered_settlement, offered_settlements
from app.casework.plans.rules import LIVE, Acceptance, Instalment, PlanKind, PlanStatus
from app.casework.plans.service import cancel, move_plan, move_plans
from app.casework.plans.tracking.assessing import (
    NOTHING_OWED,
    Assessment,
    Broken,
    InGrace,
    Kept,
    Payments,
    Pointless,
    Running,
    as_due,
    assess,
)
from app.casework.plans.tracking.payments import (
    accounts_of,
    offered_on,
    paid_to_settle,
    payments_of,
)
from app.casework.plans.tracking.progress import progress
from app.casework.plans.tracking.sweep import DuePlan, due_plans, locked_plans, next_dates, set_assess_on
from app.core.actor import SYSTEM
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.timeline.service import lock_customers

CHUNK = 10_000
ENDS = (Kept, Broken, Pointless)


def assess_due(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> dict[str, int]:
    """Judge the active plans that have to be looked at, and every settlement that was offered, at the end of `on`.
    Returns how many were kept, broken, in grace."""
    _take_up_settlements(session, portfolio, on, now=now)
    counts = Counter(kept=0, broken=0, in_grace=0)
    due, days = due_plans(session, portfolio, on), dict[int, date]()
    for plans in chunked(due, CHUNK):
        running = next_dates(session, plans, on)
        found = _judged(session, [plan for plan in plans if plan.id not in running], on)
        days.update(running)
        ending = locked_plans(session, [plan for plan in plans if isinstance(found.get(plan.id), ENDS)])
        # Judged again under lock: since they were read, a date may have been moved or a payment posted. One that rests
        # is not broken; every night looks at it.
        ended = _judged(session, ending, on)
        for plan_id, stands in {**found, **ended}.items():
            counts["in_grace"] += isinstance(stands, InGrace)
            match stands:
                case InGrace(until=day) | Running(next_due_on=day):
                    days[plan_id] = day
        rests = at_rest(session, {plan.customer_id for plan in ending})
        for plan in ending:
            if plan.customer_id in rests and isinstance(ended[plan.id], Broken):
                del ended[plan.id]
                days[plan.id] = on
        counts.update(_end(session, portfolio, ended, on, now=now))
    set_assess_on(session, due, days)
    return dict(counts)


def _judged(session: Session, plans: Sequence[DuePlan], on: date) -> dict[int, Assessment]:
    parts = instalments_of(session, [plan.id for plan in plans])
    payments = payments_of(session, [plan.id for plan in plans], on)
    paid_off = _nothing_left(session, plans, on)
    found: dict[int, Assessment] = {}
    for plan in plans:
        theirs = payments.get(plan.id, [])
        stands = assess(
            parts[plan.id],
            [(payment.on, payment.amount) for payment in theirs],
            today=on,
            grace_days=plan.grace_days,
            tolerance=plan.tolerance_minor,
            nothing_left=plan.id in paid_off,
        )
        if isinstance(stands, Broken | InGrace) and any(payment.n is not None for payment in theirs):
            stands = progress(
                parts[plan.id], theirs, on=on, grace_days=plan.grace_days, tolerance=plan.tolerance_minor
            ).stands
        found[plan.id] = stands
    return found


def _end(
    session: Session, portfolio: Portfolio, found: Mapping[int, Assessment], on: date, *, now: datetime
) -> dict[str, int]:
    """End the plans that are kept, broken or about nothing any more."""
    ended = {plan_id: stands for plan_id, stands in found.items() if isinstance(stands, ENDS)}
    if not ended:
        return {}
    query = select(Plan).where(among(session, table_of(Plan).c.id, ended)).order_by(col(Plan.id))
    plans = list(session.scalars(query.execution_options(populate_existing=True)))
    kept, broken = [], []
    for plan in plans:
        plan.ended_on = on
        match ended[id_of(plan)]:
            case Kept(why=why):
                plan.why = why
                kept.append(plan)
            case Broken() as stands:
                plan.why, plan.broken_instalment = _story(stands, portfolio), stands.n
                broken.append(plan)
            case Pointless():
                cancel(session, plan, NOTHING_OWED, by=SYSTEM, today=on, now=now)
    move_plans(session, kept, PlanStatus.KEPT, by=SYSTEM, now=now)
    move_plans(session, broken, PlanStatus.BROKEN, by=SYSTEM, now=now)
    _wake_cases(session, kept, broken, on)
    for plan in kept:
        if plan.kind is PlanKind.SETTLEMENT and not plan.why:
            _settle_accounts(session, portfolio, plan, on, now=now)
    return {"kept": len(kept), "broken": len(broken)}


def keep_plan(session: Session, portfolio: Portfolio, plan: Plan, on: date, *, now: datetime) -> None:
    """Keep a plan of which all was paid, at the end of `on`."""
    plan.ended_on, plan.why = on, ""
    move_plan(session, plan, PlanStatus.KEPT, by=SYSTEM, now=now)
    if plan.kind is PlanKind.SETTLEMENT:
        _settle_accounts(session, portfolio, plan, on, now=now)


def _story(broken: Broken, portfolio: Portfolio) -> str:
    """Which instalment was not paid, how much of it came, and when."""
    if broken.came_on is None:
        return f"{broken.why}: nothing of it came"
    came = to_decimal_string(broken.came, portfolio.currency)
    return f"{broken.why}: {came} {portfolio.currency} of it came, the last on {broken.came_on.isoformat()}"


def _wake_cases(session: Session, kept: Sequence[Plan], broken: Sequence[Plan], on: date) -> None:
    """Let the strategy look at these cases again, and count the broken agreements."""
    case_ids = [plan.case_id for plan in (*kept, *broken)]
    theirs = select(CollectionsCase).where(among(session, table_of(CollectionsCase).c.id, case_ids))
    cases = {case.id: case for case in session.scalars(theirs)}
    for plan in broken:
        cases[plan.case_id].broken_promises += 1
    for case in cases.values():
        if case.status is CaseStatus.OPEN:
            case.next_contact_on = on


def _nothing_left(session: Session, plans: Sequence[DuePlan], on: date) -> set[int]:
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
            case PlanKind.INSTALMENTS | PlanKind.HARDSHIP:
                left = standing.debt
            case PlanKind.SETTLEMENT:
                left = sum(
                    max(0, balance_of(session, each, on)) for each in session.scalars(accounts_of(plan.id))
                )
        charged_off = off_the_book.get(plan.customer_id, ())
        if left == 0 and not any(still_owed(session, account, on) > 0 for account in charged_off):
            done.add(plan.id)
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
    """Offers to settle whose first payment was made are accepted by that, unless the legal team has the case
    (`paid_with_legal`); those whose first day is over end."""
    offered = offered_settlements().where(Plan.portfolio_id == portfolio.id).order_by(col(Plan.id))
    lock_customers(session, {plan.customer_id for plan in session.scalars(offered)})
    fresh = offered.with_for_update().execution_options(populate_existing=True)
    for plan in session.scalars(fresh).all():
        match _first_payment(session, plan, on):
            case Kept() if get_case(session, plan.case_id).with_legal_since is not None:
                continue
            case Kept():
                _take_up(session, plan, _paid_on(session, plan, on), on, now=now)
            case Broken():
                cancel(session, plan, "the offer was not taken up", by=SYSTEM, today=on, now=now)


def _take_up(session: Session, plan: Plan, accepted_on: date, on: date, *, now: datetime) -> None:
    """Accept an offer to settle because its first payment was made. The plan that it replaces ends for it."""
    if (other := live_plan(session, plan.case_id)) is not None:
        why = f"the customer took up settlement {plan.reference}"
        cancel(session, other, why, by=SYSTEM, today=on, now=now)
        end_concessions(session, id_of(other), on, by=SYSTEM, now=now)
    plan.counts_from = plan.counts_from or offered_on(session, plan)
    plan.accepted_on, plan.assess_on, plan.acceptance = accepted_on, on, Acceptance.PAYMENT
    plan.taken_up_on = on
    move_plan(session, plan, PlanStatus.ACCEPTED, by=SYSTEM, now=now)
    move_plan(session, plan, PlanStatus.ACTIVE, by=SYSTEM, now=now)


def take_up_after_legal(session: Session, case_id: int, on: date, *, now: datetime) -> Plan | None:
    """Accept the offer to settle whose first payment was made while the legal team had the case, now that it is back:
    as of today, as nothing could be accepted before. The caller holds the customer's lock."""
    plan = offered_settlement(session, case_id)
    if plan is None or not isinstance(_first_payment(session, plan, on), Kept):
        return None
    _take_up(session, plan, on, on, now=now)
    return plan


def is_taken_up_for_nothing(session: Session, plan: Plan, on: date) -> bool:
    """True for a settlement that was taken up by paying whose first payment is not whole any more at the end of `on`:
    it came back."""
    return bool(_without_first_payment(session, [plan], on))


def taken_up_for_nothing(session: Session, portfolio: Portfolio, on: date) -> list[Plan]:
    """Settlements that were taken up by paying and run, or ended on `on`, whose first payment came back."""
    query = select(Plan).where(
        Plan.portfolio_id == portfolio.id,
        col(Plan.taken_up_on).is_not(None),
        sa.or_(col(Plan.status).in_(LIVE), col(Plan.ended_on) == on),
    )
    return _without_first_payment(session, session.scalars(query.order_by(col(Plan.id))).all(), on)


def _without_first_payment(session: Session, plans: Sequence[Plan], on: date) -> list[Plan]:
    """Those of these plans that were taken up by paying and whose first payment is not whole, in three statements."""
    taken_up = {id_of(plan): plan for plan in plans if plan.taken_up_on is not None}
    parts, paid = instalments_of(session, list(taken_up)), payments_of(session, taken_up, on)

    def is_whole(plan_id: int, plan: Plan) -> bool:
        payments = [(each.on, each.amount) for each in paid.get(plan_id, [])]
        return isinstance(_judge_first(plan, parts[plan_id], payments, on), Kept)

    return [plan for plan_id, plan in taken_up.items() if not is_whole(plan_id, plan)]


def paid_with_legal(session: Session, portfolio: Portfolio, on: date) -> list[Plan]:
    """Offers to settle whose first payment was made while the legal team has the case: only they agree on payments, so
    nothing is accepted. The money is posted, and the offer stands until a person decides."""
    offered = offered_settlements().join(CollectionsCase, col(CollectionsCase.id) == Plan.case_id)
    with_legal = offered.where(
        Plan.portfolio_id == portfolio.id, col(CollectionsCase.with_legal_since).is_not(None)
    )
    plans = session.scalars(with_legal.order_by(col(Plan.id))).all()
    return [plan for plan in plans if isinstance(_first_payment(session, plan, on), Kept)]


def _first_payment(session: Session, plan: Plan, on: date) -> Assessment:
    """An offer to settle, judged by its first payment alone. While an agreement runs that it would not replace, no
    payment is for it, as nobody can accept it then."""
    parts = instalments_of(session, [id_of(plan)])[id_of(plan)]
    live = live_plan(session, plan.case_id)
    is_free = live is None or live.id == plan.supersedes_id
    return _judge_first(plan, parts, paid_to_settle(session, plan, on) if is_free else [], on)


def _judge_first(plan: Plan, parts: Sequence[Instalment], payments: Payments, on: date) -> Assessment:
    """A settlement judged by its first payment alone, at the end of `on`."""
    first = as_due(parts)[:1]
    return assess(first, payments, today=on, grace_days=plan.grace_days, tolerance=plan.tolerance_minor)


def _paid_on(session: Session, plan: Plan, on: date) -> date:
    """The day on which the first payment of a settlement was whole; `on` where only the tolerance makes it so."""
    first = as_due(instalments_of(session, [id_of(plan)])[id_of(plan)])[0]
    came = 0
    for day, amount in sorted(paid_to_settle(session, plan, on)):
        came += amount
        if came >= first.amount:
            return day
    return on


def _settle_accounts(session: Session, portfolio: Portfolio, plan: Plan, on: date, *, now: datetime) -> None:
    """Settle the accounts of a paid settlement at the end of `on`: the rest is waived."""
    lock_customers(session, [plan.customer_id])
    query = select(Account).where(
        col(Account.id).in_(accounts_of(id_of(plan))),
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
