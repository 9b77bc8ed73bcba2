"""Money that was paid before an agreement was offered and came to its accounts after that.

It pays nothing of the agreement, and has lowered the debt that the agreement was made about: a person looks at it
(decision 0321).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Entry
from app.book.ledger.queries import keeps_agreements
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.rules import DeskStep
from app.casework.plans.models import Plan, PlanAccount
from app.casework.plans.rules import LIVE, PlanKind, PlanStatus
from app.casework.plans.tracking.payments import (
    HOLDER,
    counted_from,
    first_known,
    offered_on,
    since_offer,
)
from app.core.actor import SYSTEM
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.timeline.service import lock_customers
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.tasks import add_task

PLAN, ENTRY, ACCOUNT, SETTLED = table_of(Plan), table_of(Entry), table_of(Account), table_of(PlanAccount)
CASE = table_of(CollectionsCase)
AGAIN = 10_000
"""Entries before the last one that was seen, which are looked at once more: they may have been written later."""


def earlier_money(session: Session, plan_ids: Collection[int]) -> dict[int, int]:
    """Minor units of it by plan; plans without any are left out. Of a settlement it is what came to its accounts, also
    from another account of the customer."""
    session.flush()
    settles = sa.exists().where(SETTLED.c.plan_id == PLAN.c.id, SETTLED.c.account_id == HOLDER.c.id)
    theirs = sa.and_(
        HOLDER.c.customer_id == PLAN.c.customer_id,
        sa.or_(PLAN.c.kind != PlanKind.SETTLEMENT, settles.correlate(PLAN, HOLDER)),
    )
    is_settled = sa.and_(SETTLED.c.plan_id == PLAN.c.id, SETTLED.c.account_id == ACCOUNT.c.id)
    query = (
        sa.select(PLAN.c.id, sa.func.sum(-ENTRY.c.amount_minor))
        .join(ACCOUNT, ACCOUNT.c.customer_id == PLAN.c.customer_id)
        .join(ENTRY, ENTRY.c.account_id == ACCOUNT.c.id)
        .outerjoin(SETTLED, is_settled)
        .where(
            sa.or_(PLAN.c.kind != PlanKind.SETTLEMENT, SETTLED.c.account_id.is_not(None)),
            ENTRY.c.effective_on <= counted_from(),
            ~since_offer(),
            first_known(theirs) >= PLAN.c.offered_at,
            keeps_agreements(),
        )
        .group_by(PLAN.c.id)
    )
    found: dict[int, int] = {}
    for ids in chunked(sorted(plan_ids), 5000):
        rows = session.connection().execute(query.where(among(session, PLAN.c.id, ids)))
        found.update((plan_id, int(minor)) for plan_id, minor in rows)
    return found


def tell_of_earlier_money(
    session: Session, portfolio: Portfolio, on: date, *, seen_entry_id: int, now: datetime
) -> int:
    """Give the owner of a case the work to look at an agreement, once for each agreement to which entries after
    `seen_entry_id` brought money that was paid before it was offered. Returns how many."""
    step = DeskStep.EARLIER_MONEY
    ids = _to_ask_about(session, id_of(portfolio), max(0, seen_entry_id - AGAIN))
    theirs = among(session, table_of(StrategyTask).c.plan_id, ids)
    told = set(session.scalars(select(StrategyTask.plan_id).where(StrategyTask.step == step, theirs)))
    found = earlier_money(session, set(ids) - told)
    plans = session.scalars(select(Plan).where(among(session, PLAN.c.id, found)).order_by(col(Plan.id))).all()
    lock_customers(session, {plan.customer_id for plan in plans})
    for plan in plans:
        amount = f"{to_decimal_string(found[id_of(plan)], portfolio.currency)} {portfolio.currency}"
        text = (
            f"{amount} was paid before {plan.reference} was offered on {offered_on(session, plan)}, and posted "
            "after that. It does not count toward the agreement, and the debt is lower by it. Look whether the "
            "agreement still asks for the right amount; renegotiate it if not."
        )
        add_task(
            session, get_case(session, plan.case_id), step, text, on, plan_id=id_of(plan), by=SYSTEM, now=now
        )
    return len(plans)


def _to_ask_about(session: Session, portfolio_id: int, after_entry_id: int) -> Sequence[int]:
    """Agreements and offers of open cases to whose customers a later entry than this one brought money of an earlier
    day than their offer, or of that day."""
    query = (
        sa.select(PLAN.c.id)
        .distinct()
        .select_from(ENTRY)
        .join(ACCOUNT, ACCOUNT.c.id == ENTRY.c.account_id)
        .join(PLAN, PLAN.c.customer_id == ACCOUNT.c.customer_id)
        .join(CASE, CASE.c.id == PLAN.c.case_id)
        .where(
            ENTRY.c.id > after_entry_id,
            ENTRY.c.portfolio_id == portfolio_id,
            ENTRY.c.effective_on <= counted_from(),
            ENTRY.c.amount_minor < 0,
            PLAN.c.status.in_((PlanStatus.OFFERED, *LIVE)),
            CASE.c.status == CaseStatus.OPEN,
        )
        .order_by(PLAN.c.id)
    )
    session.flush()
    return session.connection().execute(query).scalars().all()
