"""Offering, accepting, cancelling and assessing promises and repayment plans."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.book.delinquency.service import fold_accounts, standing_on
from app.book.ledger.balances import balance_of, still_owed
from app.book.ledger.lifecycle import set_status
from app.book.ledger.models import Account, Entry, Portfolio
from app.book.ledger.queries import keeps_agreements
from app.book.ledger.rules import COLLECTABLE, AccountStatus
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import case_event, clean_text, get_case
from app.casework.cases.standing import Standing, as_folded, standing_now, worked_accounts
from app.casework.plans.models import Plan, PlanAccount, PlanInstalment
from app.casework.plans.rules import (
    FIRST_WITHIN,
    LIVE,
    NOTHING_OWED,
    SETTLE_WITHIN,
    TRANSITIONS,
    Broken,
    InGrace,
    Instalment,
    Kept,
    OfferEnd,
    PlanKind,
    PlanStatus,
    Pointless,
    Running,
    assess,
    may_let_off,
    offer_end,
    schedule,
)
from app.core.actor import SYSTEM, Actor
from app.core.bulk import among, chunked
from app.core.clock import local_date
from app.core.db import table_of
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.timeline.rules import Kind
from app.core.timeline.service import lock_customers, record

_EVENT_OF = {
    PlanStatus.OFFERED: Kind.PLAN_OFFERED,
    PlanStatus.ACCEPTED: Kind.PLAN_ACCEPTED,
    PlanStatus.ACTIVE: Kind.PLAN_ACTIVATED,
    PlanStatus.KEPT: Kind.PLAN_KEPT,
    PlanStatus.BROKEN: Kind.PLAN_BROKEN,
    PlanStatus.CANCELLED: Kind.PLAN_CANCELLED,
}


def promise_to_pay(
    session: Session,
    case: CollectionsCase,
    amount_minor: int,
    due_on: date,
    *,
    by: Actor,
    today: date,
    now: datetime,
) -> Plan:
    """Record what the customer promised: one amount by one date. Accepted and active at once."""
    if due_on > date.fromordinal(today.toordinal() + 60):
        raise Invalid("a promise lies at most 60 days ahead; offer a repayment plan instead", "due_on")
    parts = [Instalment(1, due_on, amount_minor)]
    plan = _create(session, case, PlanKind.PROMISE, parts, by=by, today=today, now=now)
    accept(session, plan, by=by, today=today, now=now)
    return plan


def offer_instalments(
    session: Session,
    case: CollectionsCase,
    total_minor: int,
    down_payment_minor: int,
    months: int,
    first_due_on: date,
    *,
    may_exceed_limits: bool,
    by: Actor,
    today: date,
    now: datetime,
) -> Plan:
    """Offer a repayment plan. Forbidden when it is longer than the portfolio lets an agent grant."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    if months > portfolio.agent_max_instalments and not may_exceed_limits:
        raise Forbidden(
            f"{months} instalments are beyond the {portfolio.agent_max_instalments} an agent may grant; "
            "ask a manager to offer this plan"
        )
    if months > 60:
        raise Invalid("a plan has at most 60 instalments", "months")
    if first_due_on > today + timedelta(days=FIRST_WITHIN):
        raise Invalid(f"the first payment is due within {FIRST_WITHIN} days", "due_on")
    try:
        parts = schedule(total_minor, down_payment_minor, months, first_due_on)
    except ValueError as error:
        raise Invalid(str(error), "total") from None
    return _create(session, case, PlanKind.INSTALMENTS, parts, by=by, today=today, now=now)


def offer_settlement(
    session: Session,
    case: CollectionsCase,
    amount_minor: int,
    settle_by: date,
    *,
    may_exceed_limits: bool,
    by: Actor,
    today: date,
    now: datetime,
) -> Plan:
    """Offer to let off the rest of what is owed on the accounts that are late, for one payment by `settle_by`.

    It needs no answer but the payment: the night that finds it settles the accounts. Forbidden when it lets off more
    than the portfolio lets an agent grant.
    """
    if settle_by > today + timedelta(days=SETTLE_WITHIN):
        raise Invalid(f"a settlement is paid within {SETTLE_WITHIN} days", "due_on")
    owed = _owed_on_late_accounts(session, case, today)
    total = sum(owed.values())
    if total <= 0 and case.status is CaseStatus.OPEN:
        raise Conflict(_nothing_to_agree_on(case))
    if amount_minor >= total:
        raise Invalid("a settlement is less than what is owed on the accounts that are late", "amount")
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    most = portfolio.agent_max_discount_percent
    if not may_exceed_limits and not may_let_off(total, amount_minor, most):
        raise Forbidden(f"this lets off more than the {most} % an agent may; ask a manager to offer it")
    if session.scalar(_offered_settlements().where(Plan.case_id == case.id)):
        raise Conflict("this case has an offer to settle already; withdraw it before making another")
    parts = [Instalment(1, settle_by, amount_minor)]
    plan = _create(session, case, PlanKind.SETTLEMENT, parts, by=by, today=today, now=now)
    session.add_all(PlanAccount(plan_id=id_of(plan), account_id=account_id) for account_id in owed)
    session.flush()
    return plan


def owed_on_late_accounts(session: Session, case: CollectionsCase, today: date) -> int:
    """What a settlement is about: everything owed now on the accounts that are late, in minor units."""
    return sum(_owed_on_late_accounts(session, case, today).values())


def _owed_on_late_accounts(session: Session, case: CollectionsCase, today: date) -> dict[int, int]:
    """Balance by account, as of now."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    ids = [account_id for account_id, _ in worked_accounts(session, [case.customer_id])]
    stands = standing_on(session, portfolio, ids, today)
    return {account_id: each.balance for account_id, each in stands.items() if each.owed > 0}


def _offered_settlements() -> SelectOfScalar[Plan]:
    return select(Plan).where(Plan.kind == PlanKind.SETTLEMENT, Plan.status == PlanStatus.OFFERED)


def _create(
    session: Session,
    case: CollectionsCase,
    kind: PlanKind,
    parts: Sequence[Instalment],
    *,
    by: Actor,
    today: date,
    now: datetime,
) -> Plan:
    total = sum(part.amount for part in parts)
    if case.status is not CaseStatus.OPEN:
        raise Conflict("this case is closed")
    if total <= 0:
        raise Invalid("the amount must be positive", "amount")
    if parts[0].due_on < today:
        raise Invalid("the first payment cannot be due in the past", "due_on")
    owes = _owes_now(session, case, today)
    if owes.past_due == 0:
        raise Conflict(_nothing_to_agree_on(case))
    if total > owes.debt:
        raise Invalid("this is more than the customer owes", "amount")
    if live_plan(session, id_of(case)):
        raise Conflict("this case has a live plan; cancel it before making another")
    plan = Plan(
        portfolio_id=case.portfolio_id,
        case_id=id_of(case),
        customer_id=case.customer_id,
        kind=kind,
        status=PlanStatus.DRAFT,
        total_minor=total,
        offered_at=now,
        offered_by=by,
    )
    session.add(plan)
    session.flush()
    session.add_all(
        PlanInstalment(plan_id=id_of(plan), n=p.n, due_on=p.due_on, amount_minor=p.amount) for p in parts
    )
    _move(session, plan, PlanStatus.OFFERED, by=by, now=now)
    return plan


def _nothing_to_agree_on(case: CollectionsCase) -> str:
    return f"Nothing is past due and owed on case {case.reference} now, so there is nothing to agree on."


def _owes_now(session: Session, case: CollectionsCase, today: date) -> Standing:
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    return standing_now(session, portfolio, case.customer_id, today)


def accept(session: Session, plan: Plan, *, by: Actor, today: date, now: datetime) -> None:
    """The customer agreed: payments from today on count, of a settlement from its offer on, and the plan is active."""
    if live_plan(session, plan.case_id):
        raise Conflict("this case has a live plan already")
    case = get_case(session, plan.case_id)
    if plan.kind is PlanKind.INSTALMENTS and _owes_now(session, case, today).past_due == 0:
        raise Conflict(_nothing_to_agree_on(case))
    parts = instalments_of(session, [id_of(plan)])[id_of(plan)]
    end = offer_end(parts[0].due_on, today, is_open=case.status is CaseStatus.OPEN)
    if end is OfferEnd.CASE_CLOSED:
        raise Conflict(f"Case {case.reference} is closed, and its offers with it.")
    if end is OfferEnd.DAY_PASSED:
        raise Conflict("the first payment of this offer is already past its date; offer a new plan")
    plan.accepted_on = _offered_on(session, plan) if plan.kind is PlanKind.SETTLEMENT else today
    plan.assess_on = parts[0].due_on
    _move(session, plan, PlanStatus.ACCEPTED, by=by, now=now)
    session.flush()
    _move(session, plan, PlanStatus.ACTIVE, by=by, now=now)


def cancel(session: Session, plan: Plan, reason: str, *, by: Actor, today: date, now: datetime) -> None:
    reason = clean_text(reason, "reason", required=False, at_most=300)
    plan.ended_on = today
    plan.why = reason
    _move(session, plan, PlanStatus.CANCELLED, by=by, now=now)
    _wake_case(session, plan, today)


def assess_due(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> dict[str, int]:
    """Judge every active plan, and every settlement that was offered, at the end of `on`. Returns how many were kept,
    broken, in grace."""
    _take_up_settlements(session, portfolio, on, now=now)
    query = select(Plan).where(Plan.portfolio_id == portfolio.id, Plan.status == PlanStatus.ACTIVE)
    # Locked, so that a cancellation made meanwhile is not overwritten by what was read before it.
    plans = list(session.scalars(query.order_by(col(Plan.id)).with_for_update()))
    parts = instalments_of(session, [id_of(p) for p in plans])
    paid = _payments(session, portfolio, plans, on)
    paid_off = _nothing_left(session, plans, on)
    counts = {"kept": 0, "broken": 0, "in_grace": 0}
    for plan in plans:
        if plan.kind is PlanKind.SETTLEMENT:
            since = _paid_to_settle(session, plan, on)
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
                _move(session, plan, PlanStatus.KEPT, by=SYSTEM, now=now)
                if plan.kind is PlanKind.SETTLEMENT and not why:
                    _settle_accounts(session, portfolio, plan, on, now=now)
                _wake_case(session, plan, on)
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
    plan no balance, of a settlement no balance on its accounts. What was charged off is off the book, not paid."""
    customers = {plan.customer_id for plan in plans}
    owes = as_folded(session, customers)
    off_the_book = _charged_off_accounts(session, customers)
    done: set[int] = set()
    for plan in plans:
        standing = owes.get(plan.customer_id, Standing())
        match plan.kind:
            case PlanKind.PROMISE:
                left = standing.past_due
            case PlanKind.INSTALMENTS:
                left = standing.debt
            case _:
                left = sum(
                    max(0, balance_of(session, each, on)) for each in session.scalars(_accounts_of(plan))
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
    offered = _offered_settlements().where(Plan.portfolio_id == portfolio.id).order_by(col(Plan.id))
    for plan in session.scalars(offered.with_for_update()).all():
        parts = instalments_of(session, [id_of(plan)])[id_of(plan)]
        paid = _paid_to_settle(session, plan, on)
        match assess(parts, paid, today=on, grace_days=portfolio.grace_days):
            case Kept():
                if (other := live_plan(session, plan.case_id)) is not None:
                    cancel(session, other, "the debt was settled", by=SYSTEM, today=on, now=now)
                    session.flush()
                plan.accepted_on = _offered_on(session, plan)
                _move(session, plan, PlanStatus.ACCEPTED, by=SYSTEM, now=now)
                _move(session, plan, PlanStatus.ACTIVE, by=SYSTEM, now=now)
            case Broken():
                cancel(session, plan, "the offer was not taken up", by=SYSTEM, today=on, now=now)


def _offered_on(session: Session, plan: Plan) -> date:
    return local_date(plan.offered_at, session.get_one(Portfolio, plan.portfolio_id).timezone)


def _paid_to_settle(session: Session, plan: Plan, on: date) -> list[tuple[date, int]]:
    """What came for it to its accounts from its offer to `on`."""
    query = sa.select(col(Entry.effective_on), col(Entry.amount_minor)).where(
        col(Entry.account_id).in_(_accounts_of(plan)),
        col(Entry.effective_on) >= _offered_on(session, plan),
        col(Entry.effective_on) <= on,
        keeps_agreements(),
    )
    return [(effective_on, -amount) for effective_on, amount in session.execute(query)]


def _accounts_of(plan: Plan) -> SelectOfScalar[int]:
    return select(PlanAccount.account_id).where(PlanAccount.plan_id == plan.id)


def _settle_accounts(session: Session, portfolio: Portfolio, plan: Plan, on: date, *, now: datetime) -> None:
    """What was paid settles its accounts at the end of `on`: the rest is let off."""
    lock_customers(session, [plan.customer_id])
    query = select(Account).where(
        col(Account.id).in_(_accounts_of(plan)),
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


def paid_toward(session: Session, portfolio: Portfolio, plan: Plan, on: date) -> list[tuple[date, int]]:
    """Payments that count toward one plan up to `on`, net of reversals, whatever its status."""
    if plan.kind is PlanKind.SETTLEMENT:
        return _paid_to_settle(session, plan, on)
    paid = _payments(session, portfolio, [plan], on).get(plan.customer_id, [])
    return [(day, amount) for day, amount in paid if day >= (plan.accepted_on or on)]


def resume_plan(session: Session, plan: Plan, assess_on: date, why: str, *, by: Actor, now: datetime) -> None:
    """A kept plan runs on: a payment came back, and there is time to pay again."""
    plan.ended_on, plan.assess_on, plan.why = None, assess_on, why
    _move(session, plan, PlanStatus.ACTIVE, by=by, now=now)


def break_plan(session: Session, plan: Plan, n: int, why: str, on: date, *, by: Actor, now: datetime) -> None:
    """A plan is broken by instalment `n`; the reason is on record and the case is looked at again."""
    plan.broken_instalment = n
    plan.why = why
    plan.ended_on = on
    _move(session, plan, PlanStatus.BROKEN, by=by, now=now)
    case = get_case(session, plan.case_id)
    case.broken_promises += 1
    _wake_case(session, plan, on)


def _wake_case(session: Session, plan: Plan, on: date) -> None:
    """The plan no longer speaks for the case: let the strategy look at it again."""
    case = get_case(session, plan.case_id)
    if case.status is CaseStatus.OPEN:
        case.next_contact_on = on


def _payments(
    session: Session, portfolio: Portfolio, plans: Sequence[Plan], on: date
) -> dict[int, list[tuple[date, int]]]:
    """What came for agreements by customer up to `on`, for the customers of these plans."""
    if not plans:
        return {}
    entry, account = table_of(Entry), table_of(Account)
    plan = table_of(Plan)
    query = (
        sa.select(account.c.customer_id, entry.c.effective_on, entry.c.amount_minor)
        .join(account, account.c.id == entry.c.account_id)
        .where(
            keeps_agreements(),
            entry.c.effective_on <= on,
            entry.c.effective_on >= min(p.accepted_on or on for p in plans),
            account.c.customer_id.in_(
                sa.select(plan.c.customer_id).where(
                    plan.c.portfolio_id == portfolio.id, plan.c.status == PlanStatus.ACTIVE
                )
                if len(plans) > 1
                else [plans[0].customer_id]
            ),
        )
    )
    paid: dict[int, list[tuple[date, int]]] = {}
    for customer_id, effective_on, amount in session.connection().execute(query):
        paid.setdefault(customer_id, []).append((effective_on, -amount))
    return paid


def instalments_of(session: Session, plan_ids: Sequence[int]) -> dict[int, list[Instalment]]:
    query = (
        select(PlanInstalment)
        .where(col(PlanInstalment.plan_id).in_(plan_ids))
        .order_by(col(PlanInstalment.plan_id), col(PlanInstalment.n))
    )
    parts: dict[int, list[Instalment]] = {plan_id: [] for plan_id in plan_ids}
    for row in session.scalars(query):
        parts[row.plan_id].append(Instalment(row.n, row.due_on, row.amount_minor))
    return parts


def live_plan(session: Session, case_id: int) -> Plan | None:
    """The plan that speaks for this case now, if any."""
    return session.scalar(select(Plan).where(Plan.case_id == case_id, col(Plan.status).in_(LIVE)))


def cases_with_live_plan(session: Session, portfolio_id: int) -> list[int]:
    query = select(Plan.case_id).where(Plan.portfolio_id == portfolio_id, col(Plan.status).in_(LIVE))
    return list(session.scalars(query))


def cases_with_settlement_offer(session: Session, portfolio_id: int) -> list[int]:
    """Cases whose customer has our word in writing that less than the debt is enough: a payment that brings the account
    up to date does not end it before its day."""
    query = _offered_settlements().where(Plan.portfolio_id == portfolio_id)
    return [plan.case_id for plan in session.scalars(query)]


def _move(session: Session, plan: Plan, to: PlanStatus, *, by: Actor, now: datetime) -> None:
    if to not in TRANSITIONS[plan.status]:
        raise Conflict(f"a plan that is {plan.status.value} cannot become {to.value}")
    plan.status = to
    session.flush()
    case = get_case(session, plan.case_id)
    data = {
        "plan": plan.id,
        "kind": plan.kind.value,
        "total_minor": plan.total_minor,
        "broken_instalment": plan.broken_instalment,
        "why": plan.why,
    }
    record(session, case_event(_EVENT_OF[to], case, data), by=by, now=now)
