"""Broken agreements for which a payment was posted since, and the breaks that were taken back before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Entry
from app.book.ledger.queries import keeps_agreements
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan, PlanAccount
from app.casework.plans.restoration.models import PlanRestoration
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.tracking.payments import came_since
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.database.rows import Query

PLAN, ACCOUNT, ENTRY = table_of(Plan), table_of(Account), table_of(Entry)
CASE, SETTLED, MADE = table_of(CollectionsCase), table_of(PlanAccount), table_of(PlanRestoration)
NIGHTS = timedelta(days=1)
"""A payment that is posted while a night runs has the night's own day, and the night after finds it."""


@dataclass(frozen=True, slots=True)
class LatePayment:
    """A payment that was posted after its agreement broke."""

    entry_id: int
    on: date
    amount: int
    """Minor units."""


LatePayments = dict[int, list[LatePayment]]
"""By plan id, in the order in which they were written."""


def paid_late(session: Session, portfolio_id: int, since: date, until: date) -> LatePayments:
    """Broken plans with a payment that was posted in these days, or on the day before, and after they broke. Whether it
    was made in time is judged by `judge_break`."""
    posted = ENTRY.c.posted_on.between(since - NIGHTS, until)
    return _found(session, _broken_since().where(PLAN.c.portfolio_id == portfolio_id, posted))


def paid_late_to(session: Session, account_ids: Collection[int]) -> LatePayments:
    """The same of the customers of these accounts, with payments of any day since."""
    theirs = (
        sa.select(CASE.c.id)
        .join(ACCOUNT, ACCOUNT.c.customer_id == CASE.c.customer_id)
        .where(among(session, ACCOUNT.c.id, account_ids))
    )
    return _found(session, _broken_since().where(PLAN.c.case_id.in_(theirs)))


def paid_late_in(session: Session, case_id: int) -> LatePayments:
    """The same of a case, with payments of any day since."""
    return _found(session, _broken_since().where(PLAN.c.case_id == case_id))


def posted_since(session: Session, plan_id: int, day: date) -> list[LatePayment]:
    """What counts toward a plan in any status and was posted on `day` or later."""
    found = _found(session, _posted(PLAN.c.id == plan_id, ENTRY.c.posted_on >= day))
    return found.get(plan_id, [])


def _broken_since() -> Query:
    """(plan, payment, its day and amount): broken plans, and what was posted since that counts toward them."""
    return _posted(PLAN.c.status == PlanStatus.BROKEN, ENTRY.c.posted_on >= PLAN.c.ended_on)


def _posted(*only: sa.ColumnElement[bool]) -> Query:
    its_account = sa.exists().where(SETTLED.c.plan_id == PLAN.c.id, SETTLED.c.account_id == ACCOUNT.c.id)
    return (
        sa.select(PLAN.c.id, ENTRY.c.id, ENTRY.c.effective_on, -ENTRY.c.amount_minor)
        .join(ACCOUNT, ACCOUNT.c.customer_id == PLAN.c.customer_id)
        .join(ENTRY, ENTRY.c.account_id == ACCOUNT.c.id)
        .where(
            *only,
            came_since(),
            ENTRY.c.amount_minor < 0,
            keeps_agreements(),
            sa.or_(PLAN.c.kind != PlanKind.SETTLEMENT, its_account),
        )
        .order_by(PLAN.c.id, ENTRY.c.id)
    )


def _found(session: Session, query: Query) -> LatePayments:
    session.flush()
    found: LatePayments = {}
    for plan_id, *payment in session.connection().execute(query):
        found.setdefault(plan_id, []).append(LatePayment(*payment))
    return found


def times_restored(session: Session, plan_ids: Sequence[int]) -> dict[int, int]:
    """How often a break of these plans was taken back; plans without are left out."""
    query = sa.select(MADE.c.plan_id, sa.func.count()).group_by(MADE.c.plan_id)
    rows = session.connection().execute(query.where(among(session, MADE.c.plan_id, plan_ids)))
    return {plan_id: int(times) for plan_id, times in rows}


def last_restoration(session: Session, plan_id: int) -> PlanRestoration | None:
    query = select(PlanRestoration).where(PlanRestoration.plan_id == plan_id)
    return session.scalars(query.order_by(col(PlanRestoration.id).desc()).limit(1)).first()
