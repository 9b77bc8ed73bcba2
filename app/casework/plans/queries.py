"""Reads of promises, plans and settlements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.book.delinquency.service import standing_on
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import worked_accounts
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan, PlanInstalment, plan_reference
from app.casework.plans.rules import LIVE, Instalment, PlanKind, PlanStatus, replaced_by
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.database.rows import locked_row
from app.core.errors import NotFound
from app.policy.facts import KeptAgreement


@dataclass(frozen=True, slots=True)
class BrokenPlan:
    """The agreement of a case that was broken last, and the story: which instalment, what came of it, and when."""

    kind: PlanKind
    n: int | None
    why: str


def broken_plans(session: Session, case_ids: Sequence[int]) -> dict[int, BrokenPlan]:
    """Case id -> its last agreement, where that one is broken."""
    plan, later = table_of(Plan), table_of(Plan).alias()
    started = (*LIVE, PlanStatus.KEPT, PlanStatus.BROKEN)
    is_last = ~sa.exists().where(
        later.c.case_id == plan.c.case_id, later.c.id > plan.c.id, later.c.status.in_(started)
    )
    query = sa.select(plan.c.case_id, plan.c.kind, plan.c.broken_instalment, plan.c.why).where(
        among(session, plan.c.case_id, case_ids), plan.c.status == PlanStatus.BROKEN, is_last
    )
    return {case_id: BrokenPlan(*rest) for case_id, *rest in session.connection().execute(query)}


def plans_of(session: Session, case_ids: Sequence[int]) -> list[Plan]:
    """Every promise and plan of these cases, the latest first."""
    return list(
        session.scalars(select(Plan).where(col(Plan.case_id).in_(case_ids)).order_by(col(Plan.id).desc()))
    )


def instalments_of(session: Session, plan_ids: Sequence[int]) -> dict[int, list[Instalment]]:
    """The instalments of these plans as agreed, by plan, in their order."""
    session.flush()
    part = table_of(PlanInstalment)
    columns = (part.c.n, part.c.due_on, part.c.amount_minor, part.c.interest_minor, part.c.agreed_on)
    parts: dict[int, list[Instalment]] = {plan_id: [] for plan_id in plan_ids}
    for ids in chunked(plan_ids, 5000):
        query = sa.select(part.c.plan_id, *columns, part.c.is_skipped, part.c.agreed_minor).where(
            among(session, part.c.plan_id, ids)
        )
        for plan_id, *values in session.connection().execute(query.order_by(part.c.plan_id, part.c.n)).all():
            parts[plan_id].append(Instalment(*values))
    return parts


def has_its_rate(portfolio: Portfolio, plan: Plan) -> bool:
    """True unless a plan promises a rate where the creditor charges the interest and lowers it for nobody."""
    return plan.apr_millionths is None or portfolio.accrues or portfolio.creditor_lowers_rates


def live_plan(session: Session, case_id: int) -> Plan | None:
    """The plan that runs on this case now, if any."""
    return session.scalar(select(Plan).where(Plan.case_id == case_id, col(Plan.status).in_(LIVE)))


def kept_agreements(session: Session, customer_ids: Sequence[int]) -> dict[int, KeptAgreement]:
    """By customer, the agreement that they keep. One in its grace days is not broken yet."""
    plan = table_of(Plan)
    found: dict[int, KeptAgreement] = {}
    for some in chunked(customer_ids, 5000):
        query = sa.select(plan.c.customer_id, plan.c.id, plan.c.kind, plan.c.accepted_on).where(
            among(session, plan.c.customer_id, some), plan.c.status.in_(LIVE), plan.c.accepted_on.is_not(None)
        )
        for customer_id, *kept in session.connection().execute(query):
            found[customer_id] = kept_agreement(*kept)
    return found


def kept_agreement(plan_id: int, kind: PlanKind, accepted_on: date) -> KeptAgreement:
    return KeptAgreement(kind.value, plan_reference(plan_id), accepted_on)


def cases_with_live_plan(session: Session, portfolio_id: int) -> list[int]:
    query = select(Plan.case_id).where(Plan.portfolio_id == portfolio_id, col(Plan.status).in_(LIVE))
    return list(session.scalars(query))


def running_on(session: Session, case_ids: Iterable[int]) -> set[int]:
    """Those of these cases on which a plan runs."""
    query = select(Plan.case_id).where(
        among(session, table_of(Plan).c.case_id, case_ids), col(Plan.status).in_(LIVE)
    )
    return set(session.scalars(query))


def offered_settlements() -> SelectOfScalar[Plan]:
    return select(Plan).where(Plan.kind == PlanKind.SETTLEMENT, Plan.status == PlanStatus.OFFERED)


def cases_with_settlement_offer(session: Session, portfolio_id: int) -> list[int]:
    """Cases with a settlement offer in writing: a payment that brings the account up to date does not close such a case
    before the offer's day."""
    query = offered_settlements().where(Plan.portfolio_id == portfolio_id)
    return [plan.case_id for plan in session.scalars(query)]


def offered_settlement(session: Session, case_id: int) -> Plan | None:
    """The offer to settle that this case has now."""
    return session.scalar(offered_settlements().where(Plan.case_id == case_id))


def offers_beside(session: Session, plan: Plan) -> list[Plan]:
    """Offers to settle that a settlement took the place of, or that no payment takes up while this accepted plan runs;
    not one that is to replace the plan itself."""
    of_case = select(Plan).where(
        Plan.case_id == plan.case_id, Plan.kind == PlanKind.SETTLEMENT, Plan.id != plan.id
    )
    if plan.kind is PlanKind.SETTLEMENT:
        found = of_case.where(Plan.status == PlanStatus.CANCELLED, Plan.why == replaced_by(plan.reference))
    elif plan.kind is not PlanKind.PROMISE and plan.status in LIVE:
        is_free = col(Plan.supersedes_id).is_distinct_from(plan.id)
        found = of_case.where(Plan.status == PlanStatus.OFFERED, is_free)
    else:
        return []
    return list(session.scalars(found.order_by(col(Plan.id))))


def plan_of(session: Session, case: CollectionsCase, plan_id: int) -> Plan:
    """A plan of the case, locked. NotFound where the case has no such plan."""
    plan = locked_row(session, Plan, plan_id)
    if plan is None or plan.case_id != case.id:
        raise NotFound(_no_plan(case, plan_id))
    return plan


def _no_plan(case: CollectionsCase, plan_id: int) -> str:
    return f"Case {case.reference} has no agreement {plan_reference(plan_id)}. Choose one of its agreements."


def find_plan(session: Session, case: CollectionsCase, plan_id: int) -> Plan:
    """A plan of the case, to read. NotFound where the case has no such plan."""
    plan = session.get(Plan, plan_id)
    if plan is None or plan.case_id != case.id:
        raise NotFound(_no_plan(case, plan_id))
    return plan


def owed_on_late_accounts(session: Session, case: CollectionsCase, today: date) -> int:
    """The debt that a settlement settles: everything owed now on the accounts that are late, in minor units."""
    return sum(balances_to_settle(session, case, today).values())


def balances_to_settle(session: Session, case: CollectionsCase, today: date) -> dict[int, int]:
    """Balance by account, as of now."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    ids = [account_id for account_id, _ in worked_accounts(session, [case.customer_id])]
    stands = standing_on(session, portfolio, ids, today)
    return {account_id: each.collectable for account_id, each in stands.items() if each.owed > 0}
