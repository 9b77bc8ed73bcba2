"""Verbs that change one instalment of a running plan: moved to another day, skipped as agreed. The plan goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.charges.concessions import lower_by_law
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import worked_accounts
from app.casework.cases.queries import get_case
from app.casework.plans.events import InstalmentMoved, InstalmentSkipped
from app.casework.plans.limits import check_length, limits_of
from app.casework.plans.models import Plan, PlanChange, PlanInstalment
from app.casework.plans.queries import instalments_of
from app.casework.plans.rules import InstalmentChange, PlanStatus
from app.casework.plans.service import require_with_us
from app.casework.plans.terms import Authority
from app.casework.plans.tracking.assessing import InGrace, Running, as_due
from app.casework.plans.tracking.change_rules import MoveLimits, check_move
from app.casework.plans.tracking.payments import offered_on, paid_toward, progress_of, terms_of
from app.casework.plans.tracking.rework import reworked
from app.casework.plans.tracking.skips import Skip, beyond_grant, propose_skip
from app.core.actor import SYSTEM, Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import about_customer, record


def move_instalment(
    session: Session, plan: Plan, n: int, to_on: date, reason: str, *, by: Actor, today: date, now: datetime
) -> PlanChange:
    """Move the due date of an instalment, within the portfolio's bounds; it keeps its place among the others. The plan
    is locked by the caller. Conflict or Invalid says why not."""
    reason = clean_text(reason, "reason", required=False, at_most=300)
    _require_running(session, plan)
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    moved = moved_in_month(session, plan, today, portfolio.timezone)
    limits = MoveLimits(portfolio.move_days, portfolio.moves_a_month, moved)
    line = check_move(progress_of(session, plan, today), n, to_on, limits)
    if to_on > line.due_on:
        _check_length(session, portfolio, plan, n, to_on)
    part = session.get_one(PlanInstalment, (id_of(plan), n))
    part.agreed_on, part.due_on = line.agreed_on, to_on
    interest, last_minor = _work_out_again(session, portfolio, plan, today)
    short = progress_of(session, plan, today).line(n).short
    event = InstalmentMoved(id_of(plan), plan.kind, n, short, line.due_on, to_on, reason, last_minor)
    return _changed(session, plan, n, InstalmentChange.MOVED, event, interest, by=by, today=today, now=now)


def skip_instalment(
    session: Session,
    plan: Plan,
    n: int,
    reason: str,
    *,
    authority: Authority | None,
    by: Actor,
    today: date,
    now: datetime,
) -> PlanChange:
    """Skip an instalment: its amount falls due with the last one. The plan is locked by the caller. Conflict says why
    nobody may skip it; Forbidden why a person of this authority may not go beyond the agreement alone. `authority`
    None: two people decided."""
    reason = clean_text(reason, "reason", required=False, at_most=300)
    skip = check_skippable(session, plan, n, today)
    if authority is not None and (refused := beyond_grant(skip, authority)) is not None:
        raise Forbidden(refused.why, refused.field)
    plan.skips_allowed += skip.is_granted
    session.get_one(PlanInstalment, (id_of(plan), n)).is_skipped = True
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    interest, last_minor = _work_out_again(session, portfolio, plan, today)
    line, last = skip.line, skip.last
    event = InstalmentSkipped(
        id_of(plan), plan.kind, n, line.amount, line.due_on, last.due_on, reason, last_minor, skip.is_granted
    )
    return _changed(session, plan, n, InstalmentChange.SKIPPED, event, interest, by=by, today=today, now=now)


def give_time(
    session: Session,
    plan: Plan,
    dates: Mapping[int, date],
    reason: str,
    *,
    today: date,
    now: datetime,
) -> None:
    """Move instalments of a running plan to these dates, by number, because nobody could pay them in time. It is no
    move of the customer's: no bounds apply, and their own of this month are not used up. The plan is locked by the
    caller."""
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    for n, to_on in sorted(dates.items(), key=lambda each: each[1], reverse=True):
        part = session.get_one(PlanInstalment, (id_of(plan), n))
        was = part.due_on
        part.agreed_on, part.due_on = part.agreed_on or was, to_on
        session.flush()
        interest, last_minor = _work_out_again(session, portfolio, plan, today)
        short = progress_of(session, plan, today).line(n).short
        event = InstalmentMoved(id_of(plan), plan.kind, n, short, was, to_on, reason, last_minor)
        _changed(session, plan, n, InstalmentChange.MOVED, event, interest, by=SYSTEM, today=today, now=now)


def check_skippable(session: Session, plan: Plan, n: int, today: date) -> Skip:
    """The skip of an instalment of a running plan. NotFound or Conflict where nobody may grant it now."""
    _require_running(session, plan)
    return propose_skip(session, session.get_one(Portfolio, plan.portfolio_id), plan, n, today)


def _work_out_again(session: Session, portfolio: Portfolio, plan: Plan, today: date) -> tuple[int, int]:
    """Work the interest of the plan out for its new dates. Returns the interest that they bring (negative: save), and
    what falls due with the last instalment; 0 where no interest changed."""
    parts = instalments_of(session, [id_of(plan)])[id_of(plan)]
    payments = paid_toward(session, plan, today)
    account_ids = [account_id for account_id, _ in worked_accounts(session, [plan.customer_id])]
    changed = reworked(
        parts,
        terms_of(plan, portfolio),
        payments,
        lower=lower_by_law(session, account_ids) if plan.apr_millionths else (),
        today=today,
        grace_days=plan.grace_days,
        tolerance=plan.tolerance_minor,
    )
    for before, after in zip(parts, changed, strict=True):
        if before != after:
            row = session.get_one(PlanInstalment, (id_of(plan), after.n))
            if after.amount != before.amount and row.agreed_minor is None:
                row.agreed_minor = before.amount
            row.amount_minor, row.interest_minor = after.amount, after.interest
    total = sum(part.amount for part in changed)
    interest = total - sum(part.amount for part in parts)
    plan.total_minor = total
    session.flush()
    return interest, as_due(changed)[-1].amount if interest else 0


def _require_running(session: Session, plan: Plan) -> None:
    if plan.status is not PlanStatus.ACTIVE:
        raise Conflict(
            f"Agreement {plan.reference} is {plan.status.value}. Only a running agreement can be changed."
        )
    require_with_us(get_case(session, plan.case_id))


def _check_length(session: Session, portfolio: Portfolio, plan: Plan, n: int, to_on: date) -> None:
    """Invalid where moving its last instalment would make the agreement longer than anyone may grant."""
    parts = as_due(instalments_of(session, [id_of(plan)])[id_of(plan)])
    if parts[-1].n != n:
        return
    parts[-1] = replace(parts[-1], due_on=to_on)
    limits = limits_of(session, portfolio, plan.customer_id)
    try:
        check_length(plan.kind, parts, limits, offered_on(session, plan))
    except Invalid as too_long:
        raise Invalid(too_long.message, "due_on") from None


def moved_in_month(session: Session, plan: Plan, today: date, timezone: str) -> int:
    """Due dates of the plan that people moved in today's calendar month."""
    moved = select(PlanChange.at).where(
        PlanChange.plan_id == plan.id,
        col(PlanChange.change) == InstalmentChange.MOVED,
        PlanChange.by != SYSTEM,
    )
    days = (local_date(at, timezone) for at in session.scalars(moved))
    return sum((day.year, day.month) == (today.year, today.month) for day in days)


def _changed(
    session: Session,
    plan: Plan,
    n: int,
    change: InstalmentChange,
    event: InstalmentMoved | InstalmentSkipped,
    interest: int,
    *,
    by: Actor,
    today: date,
    now: datetime,
) -> PlanChange:
    row = PlanChange(
        plan_id=id_of(plan),
        n=n,
        change=change,
        from_on=event.from_on,
        to_on=event.to_on,
        interest_minor=interest,
        is_granted=event.is_granted,
        reason=event.reason,
        by=by,
        at=now,
    )
    session.add(row)
    session.flush()
    match progress_of(session, plan, today).stands:
        case Running(next_due_on=day) | InGrace(until=day):
            plan.assess_on = day
        case _:  # the night ends it
            plan.assess_on = today
    record(session, about_customer(plan.customer_id, event, case_id=plan.case_id), by=by, now=now)
    return row
