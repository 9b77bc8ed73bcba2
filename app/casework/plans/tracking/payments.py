"""Payments that count toward an agreement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, select
from sqlmodel.sql.expression import SelectOfScalar

from app.book.ledger.models import Account, Entry, SameMoney
from app.book.ledger.queries import keeps_agreements
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import InstalmentPayment, Plan, PlanAccount
from app.casework.plans.queries import instalments_of
from app.casework.plans.rules import LIVE, PlanKind
from app.casework.plans.terms import AgreementTerms, read_terms
from app.casework.plans.tracking.progress import (
    InstalmentProgress,
    PlanPayment,
    PlanProgress,
    first_missed,
    progress,
    when_time_was_over,
)
from app.core.clock import local_date
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.ids import id_of

PLAN, ENTRY, ACCOUNT, LINK = table_of(Plan), table_of(Entry), table_of(Account), table_of(InstalmentPayment)
SETTLED, SAME, HOLDER = table_of(PlanAccount), table_of(SameMoney), ACCOUNT.alias("holder")


def progress_of(session: Session, plan: Plan, on: date) -> PlanProgress:
    """A plan at the end of `on`, instalment by instalment; an ended one as it stood when it ended."""
    return progress_by_plan(session, [plan], on)[id_of(plan)]


def progress_by_plan(session: Session, plans: Sequence[Plan], on: date) -> dict[int, PlanProgress]:
    """`progress_of` of many plans, in three statements."""
    ids = [id_of(plan) for plan in plans]
    parts = instalments_of(session, ids)
    payments = payments_of(session, ids, on)
    found = {}
    for plan in plans:
        until = on if plan.ended_on is None else min(on, plan.ended_on)
        found[id_of(plan)] = progress(
            parts[id_of(plan)],
            payments.get(id_of(plan), []),
            on=until,
            grace_days=plan.grace_days,
            tolerance=plan.tolerance_minor,
        )
    return found


def missed_lines(session: Session, plans: Sequence[Plan], on: date) -> dict[int, InstalmentProgress]:
    """The missed instalment of each of these broken plans, as it stood when its time was over, in three statements.
    Left out: one that ended before its day, as a payment of it came back, one that was paid in time after all, and
    plans of which it is not known."""
    plans = [plan for plan in plans if plan.broken_instalment is not None]
    ids = [id_of(plan) for plan in plans]
    parts = instalments_of(session, ids)
    payments = payments_of(session, ids, on)
    found = {}
    for plan in plans:
        theirs, ended = parts[id_of(plan)], min(on, plan.ended_on or on)
        part = next(each for each in theirs if each.n == plan.broken_instalment)
        line = when_time_was_over(
            part,
            theirs,
            payments.get(id_of(plan), []),
            on=ended,
            grace_days=plan.grace_days,
            tolerance=plan.tolerance_minor,
        )
        if part.due_on <= ended and line.short > 0:
            found[id_of(plan)] = line
    return found


def missed_instalment(session: Session, plan: Plan, on: date) -> int:
    """The number of the instalment at which a plan breaks whose payment came back (`first_missed`)."""
    return first_missed(
        instalments_of(session, [id_of(plan)])[id_of(plan)],
        payments_of(session, [id_of(plan)], on).get(id_of(plan), []),
        on=on,
        grace_days=plan.grace_days,
        tolerance=plan.tolerance_minor,
    )


def payments_of(session: Session, plan_ids: Collection[int], on: date) -> dict[int, list[PlanPayment]]:
    """Payments that count toward these plans up to `on`, net of reversals, by plan; in any status of the plan. Plans
    without one are left out."""
    session.flush()
    found: dict[int, list[PlanPayment]] = {}
    for ids in chunked(sorted(plan_ids), 5000):
        wanted = among(session, PLAN.c.id, ids)
        for query in (_of_customers(on).where(wanted), _of_settlements(on).where(wanted)):
            for plan_id, day, amount, n in session.connection().execute(query).all():
                found.setdefault(plan_id, []).append(PlanPayment(day, -amount, n))
    return found


def counted_from() -> sa.ColumnElement[date]:
    """The first day whose money counts toward an agreement: that of its offer (decision 0221)."""
    return sa.func.coalesce(PLAN.c.counts_from, PLAN.c.accepted_on)


def came_since() -> sa.ColumnElement[bool]:
    """Select entries since an agreement that was accepted was offered. What was on the ledger before had lowered the
    debt that it is about: it does not count again."""
    return sa.and_(PLAN.c.accepted_on.is_not(None), since_offer())


def since_offer(day: date | None = None) -> sa.ColumnElement[bool]:
    """Select money of a day after that of the offer (`day`, or as the plan has it), or of that day and first known to
    us after the offer. Its day is that of its value, whenever it was posted, moved or posted again (decision 0321)."""
    first = counted_from() if day is None else sa.literal(day, sa.Date)
    known = first_known(HOLDER.c.customer_id == PLAN.c.customer_id)
    return sa.or_(
        ENTRY.c.effective_on > first, sa.and_(ENTRY.c.effective_on == first, known >= PLAN.c.offered_at)
    )


def first_known(where: sa.ColumnElement[bool]) -> sa.ColumnElement[datetime]:
    """The time at which the money of an entry first came to an account (`HOLDER`) of those `where` it is looked for."""
    own, same, other = SAME.alias("own_money"), SAME.alias("all_of_it"), ENTRY.alias("earlier_entry")
    earlier = (
        sa.select(sa.func.min(other.c.created_at))
        .select_from(own)
        .join(same, same.c.first_id == own.c.first_id)
        .join(other, other.c.id == same.c.entry_id)
        .join(HOLDER, HOLDER.c.id == other.c.account_id)
        .where(own.c.entry_id == ENTRY.c.id, where)
        .correlate(ENTRY, PLAN)
        .scalar_subquery()
    )
    return sa.func.coalesce(earlier, ENTRY.c.created_at)


def paid_since_offer(session: Session, plan: Plan, on: date) -> int:
    """Minor units that came from the customer since a plan was offered, to the end of `on`, accepted or not."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(-ENTRY.c.amount_minor), 0))
        .select_from(PLAN)
        .join(ACCOUNT, ACCOUNT.c.customer_id == PLAN.c.customer_id)
        .join(ENTRY, ENTRY.c.account_id == ACCOUNT.c.id)
        .where(PLAN.c.id == id_of(plan), since_offer(), ENTRY.c.effective_on <= on, keeps_agreements())
    )
    session.flush()
    return int(session.connection().execute(query).scalar_one())


def _of_customers(on: date) -> Query:
    """Payments on any account of the customer, since the offer."""
    return (
        sa.select(PLAN.c.id, ENTRY.c.effective_on, ENTRY.c.amount_minor, LINK.c.n)
        .join(ACCOUNT, ACCOUNT.c.customer_id == PLAN.c.customer_id)
        .join(ENTRY, ENTRY.c.account_id == ACCOUNT.c.id)
        .outerjoin(LINK, sa.and_(LINK.c.entry_id == ENTRY.c.id, LINK.c.plan_id == PLAN.c.id))
        .where(
            PLAN.c.kind != PlanKind.SETTLEMENT,
            came_since(),
            ENTRY.c.effective_on <= on,
            keeps_agreements(),
        )
    )


def _of_settlements(on: date) -> Query:
    """Payments on the accounts that a settlement settles, from the day of its offer on: paying accepts it."""
    return (
        sa.select(PLAN.c.id, ENTRY.c.effective_on, ENTRY.c.amount_minor, LINK.c.n)
        .join(SETTLED, SETTLED.c.plan_id == PLAN.c.id)
        .join(ENTRY, ENTRY.c.account_id == SETTLED.c.account_id)
        .outerjoin(LINK, sa.and_(LINK.c.entry_id == ENTRY.c.id, LINK.c.plan_id == PLAN.c.id))
        .where(
            PLAN.c.kind == PlanKind.SETTLEMENT,
            came_since(),
            ENTRY.c.effective_on <= on,
            keeps_agreements(),
        )
    )


def paid_toward(session: Session, plan: Plan, on: date) -> list[tuple[date, int]]:
    """Payments that count toward one plan up to `on`, net of reversals, in any status of the plan."""
    found = payments_of(session, [id_of(plan)], on).get(id_of(plan), [])
    return [(payment.on, payment.amount) for payment in found]


def paid_besides(session: Session, plan: Plan, entry_id: int, on: date) -> list[tuple[date, int]] | None:
    """Payments that count toward a settlement up to `on` besides this entry, net of reversals; None where the entry
    does not count toward it."""
    session.flush()
    query = _of_settlements(on).add_columns(ENTRY.c.id).where(PLAN.c.id == id_of(plan))
    rows = [(day, -amount, each) for _, day, amount, _, each in session.connection().execute(query)]
    if all(each != entry_id for _, _, each in rows):
        return None
    return [(day, amount) for day, amount, each in rows if each != entry_id]


def paid_to_settle(session: Session, plan: Plan, on: date) -> list[tuple[date, int]]:
    """Payments for a settlement on its accounts, from its offer to `on`: not those that were on the ledger when it was
    offered, nor those for another agreement. One that names no instalment is for the plan that the settlement would
    replace where it is of that plan's amount: paying on as agreed accepts nothing."""
    names_another = sa.exists().where(LINK.c.entry_id == ENTRY.c.id, LINK.c.plan_id != id_of(plan))
    names_this = sa.exists().where(LINK.c.entry_id == ENTRY.c.id, LINK.c.plan_id == id_of(plan))
    asked = _asked_by_the_replaced(session, plan)
    query = (
        sa.select(ENTRY.c.effective_on, ENTRY.c.amount_minor)
        .select_from(PLAN)
        .join(SETTLED, SETTLED.c.plan_id == PLAN.c.id)
        .join(ENTRY, ENTRY.c.account_id == SETTLED.c.account_id)
        .where(
            PLAN.c.id == id_of(plan),
            since_offer(plan.counts_from or offered_on(session, plan)),
            ENTRY.c.effective_on <= on,
            keeps_agreements(),
            ~names_another,
            sa.or_(names_this, ENTRY.c.amount_minor.not_in([-amount for amount in asked])),
        )
    )
    session.flush()
    return [(effective_on, -amount) for effective_on, amount in session.execute(query)]


def _asked_by_the_replaced(session: Session, plan: Plan) -> set[int]:
    """Amounts of the instalments of the running plan that a settlement would replace."""
    replaced = session.get(Plan, plan.supersedes_id) if plan.supersedes_id else None
    if replaced is None or replaced.status not in LIVE:
        return set()
    return {part.amount for part in instalments_of(session, [id_of(replaced)])[id_of(replaced)]}


def offered_on(session: Session, plan: Plan) -> date:
    return local_date(plan.offered_at, session.get_one(Portfolio, plan.portfolio_id).timezone)


def terms_of(plan: Plan, portfolio: Portfolio) -> AgreementTerms:
    """The terms of its offer, with the days of a year by which its interest is posted now. A plan without terms on
    record has those of its columns."""
    if plan.terms:
        return replace(read_terms(plan.terms), day_count=portfolio.day_count)
    offered = local_date(plan.offered_at, portfolio.timezone)
    return AgreementTerms(
        plan.kind,
        plan.total_minor,
        offered,
        cadence=plan.cadence,
        apr_millionths=plan.apr_millionths,
        interest_from=offered - timedelta(days=1),
        day_count=portfolio.day_count,
    )


def accounts_of(plan_id: int) -> SelectOfScalar[int]:
    """The accounts that a settlement settles."""
    return select(PlanAccount.account_id).where(PlanAccount.plan_id == plan_id)
