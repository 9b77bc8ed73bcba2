"""Rates that an agreement promises and that the creditor charges: a person has the creditor lower them.

The desk changes no rate of a creditor's core system. The owner of the case has a task when such an agreement begins to
run, with the day on which it ends; another one where that day is moved, and one where it ends before (decision 0365).
Until that one is done the case stays open.
"""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.charges.models import Concession
from app.book.delinquency.models import AccountState
from app.book.ledger.models import Account
from app.book.ledger.queries import worked
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.rules import DeskStep
from app.casework.holds.queries import at_rest
from app.casework.plans.models import Plan, PlanChange, PlanInstalment
from app.casework.plans.queries import instalments_of
from app.casework.plans.rules import LIVE, InstalmentChange, PlanStatus
from app.casework.plans.tracking.assessing import as_due
from app.core.actor import SYSTEM
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import lock_customers
from app.outreach.letters.locales import format_rate
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.tasks import LONGEST_TASK, add_task

LOWER, RAISE = DeskStep.RATE_TO_LOWER, DeskStep.RATE_TO_RAISE
PLAN, TASK, CASE = table_of(Plan), table_of(StrategyTask), table_of(CollectionsCase)
ACCOUNT, STATE = table_of(Account), table_of(AccountState)


def tell_of_promised_rates(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give the owners of open cases, at the end of `on`, the work to have the creditor lower the rates of agreements
    that run, and end those of agreements that were broken or cancelled, once their rest is over. Returns how many
    tasks. Safe to repeat."""
    session.flush()
    last_step = _last_told(TASK.c.step)
    to_lower = sa.and_(
        PLAN.c.status.in_(LIVE), sa.or_(sa.func.coalesce(last_step, "") != LOWER, _ends_later())
    )
    to_raise = sa.and_(PLAN.c.status.in_((PlanStatus.BROKEN, PlanStatus.CANCELLED)), last_step == LOWER)
    query = (
        select(Plan, CollectionsCase)
        .join(CollectionsCase, col(CollectionsCase.id) == Plan.case_id)
        .where(
            Plan.portfolio_id == portfolio.id,
            col(Plan.apr_millionths).is_not(None),
            CollectionsCase.status == CaseStatus.OPEN,
            sa.or_(to_lower, to_raise) if portfolio.creditor_lowers_rates else to_raise,
        )
        .order_by(col(Plan.id))
    )
    rows = session.execute(query).all()
    rests = at_rest(session, {plan.customer_id for plan, _ in rows})
    found = [(plan, case) for plan, case in rows if plan.status in LIVE or plan.customer_id not in rests]
    lock_customers(session, {plan.customer_id for plan, _ in found})
    for plan, case in found:
        step = LOWER if plan.status in LIVE else RAISE
        text = _words(session, plan, on)
        add_task(session, case, step, text, on, plan_id=id_of(plan), by=SYSTEM, now=now)
    return len(found)


def cases_with_rate_to_raise(session: Session, portfolio_id: int) -> list[int]:
    """Cases that stay open until their owner has had the creditor end a lower rate of an account that owes."""
    owes = sa.exists().where(
        STATE.c.account_id == ACCOUNT.c.id,
        ACCOUNT.c.customer_id == CASE.c.customer_id,
        worked(),
        STATE.c.balance_minor > 0,
    )
    query = (
        sa.select(CASE.c.id)
        .join(TASK, TASK.c.case_id == CASE.c.id)
        .where(CASE.c.portfolio_id == portfolio_id, TASK.c.step == RAISE, TASK.c.done_at.is_(None), owes)
    )
    return list(session.connection().execute(query).scalars())


def _last_told(column: sa.ColumnElement[str]) -> sa.ScalarSelect[str]:
    """A column of the last of these tasks about a plan; NULL = there is none."""
    theirs = sa.select(column).where(TASK.c.plan_id == PLAN.c.id, TASK.c.step.in_((LOWER, RAISE)))
    return theirs.order_by(TASK.c.id.desc()).limit(1).correlate(PLAN).scalar_subquery()


def _ends_later() -> sa.ColumnElement[bool]:
    """An instalment was moved since the last task, and is the last one now."""
    change, part = table_of(PlanChange), table_of(PlanInstalment)
    last_on = sa.select(sa.func.max(part.c.due_on)).where(part.c.plan_id == PLAN.c.id).correlate(PLAN)
    return sa.exists().where(
        change.c.plan_id == PLAN.c.id,
        change.c.change == InstalmentChange.MOVED,
        change.c.to_on == last_on.scalar_subquery(),
        change.c.at > _last_told(TASK.c.created_at),
    )


def _words(session: Session, plan: Plan, on: date) -> str:
    """The task. It names the accounts with their own rates, as far as there is room: the agreement's page has all."""
    conceded = select(Concession.account_id).where(Concession.plan_id == plan.id)
    query = select(Account).where(col(Account.id).in_(conceded)).order_by(col(Account.id))
    accounts = session.scalars(query).all()
    rate = format_rate(plan.apr_millionths or 0, "en")
    higher = [each for each in accounts if each.apr_millionths > (plan.apr_millionths or 0)] or accounts
    cards = ", ".join(f"{each.reference} ({format_rate(each.apr_millionths, 'en')})" for each in higher)
    if plan.status in LIVE:
        last = as_due(instalments_of(session, [id_of(plan)])[id_of(plan)])[-1]
        text = (
            f"{plan.reference} promises interest of {rate} from {plan.accepted_on} until {last.due_on}. Have the "
            f"creditor lower it for these days, also those that have passed: {cards}"
        )
    else:
        text = (
            f"{plan.reference} ended on {plan.ended_on or on}. Have the creditor end the lower rate of {rate} after "
            f"that day: {cards}"
        )
    return text if len(text) <= LONGEST_TASK else f"{text[: LONGEST_TASK - 1]}…"
