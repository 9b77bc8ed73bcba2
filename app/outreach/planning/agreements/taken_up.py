"""Letters about an offer to settle that was taken up by paying it: the settlement is confirmed, which also says that
the plan it replaced is over. Where no confirmation is written, because the settlement is over already, a letter of its
own says that of the plan. Nobody was there to write them when the payment came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.rules import LIVE, PlanStatus
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.outreach.agreements.known import left_in_writing
from app.outreach.planning.agreements.truth import why_false
from app.outreach.planning.event_letters import EventLetter, closing_says_it, in_rounds, known_steps
from app.outreach.planning.in_writing.rules import WITH_SMS
from app.outreach.strategy.models import StrategyTask

CONFIRMED, ENDED = "settlement_confirmation", "plan_cancelled"


def taken_up_letters(session: Session, portfolio: Portfolio, on: date) -> list[list[EventLetter]]:
    """The letters about settlements taken up on `on` or the day before: some are while a night runs. Each is decided
    once, on all its channels. Customers differ within each list."""
    since = on - timedelta(days=1)
    query = select(Plan).where(Plan.portfolio_id == portfolio.id, col(Plan.taken_up_on).between(since, on))
    plans = list(session.scalars(query.order_by(col(Plan.id))))
    plans = [plan for plan in plans if not _is_settled(session, plan)]
    confirmations = [CaseStep(plan.case_id, DeskStep.CONFIRMATION, plan_id=id_of(plan)) for plan in plans]
    known = _decided(session, confirmations)
    letters = []
    for plan, step in zip(plans, confirmations, strict=True):
        if step in known:
            continue
        if plan.status in LIVE:
            letters.append(EventLetter(step, CONFIRMED, plan=plan, channels=WITH_SMS))
        elif (ended := _end_of(session, plan)) is not None:
            letters.append(ended)
    letters = [letter for letter in letters if not why_false(session, letter.step, on)]
    known = _decided(session, [letter.step for letter in letters])
    return in_rounds(session, [letter for letter in letters if letter.step not in known])


def _decided(session: Session, steps: Sequence[CaseStep]) -> set[CaseStep]:
    return known_steps(session, steps) | _left_to_a_person(session, steps)


def _left_to_a_person(session: Session, steps: Sequence[CaseStep]) -> set[CaseStep]:
    """Those of these steps whose letter was refused, for which a person has a task."""
    task = table_of(StrategyTask)
    query = sa.select(*(task.c[name] for name in CaseStep._fields)).where(
        among(session, task.c.case_id, {step.case_id for step in steps}),
        task.c.step.in_(sorted({step.step for step in steps})),
    )
    return {CaseStep(*row) for row in session.connection().execute(query)} & set(steps)


def _is_settled(session: Session, plan: Plan) -> bool:
    """True where all of it was paid at once, and the letter that all is settled says so."""
    case = session.get_one(CollectionsCase, plan.case_id)
    return plan.status is PlanStatus.KEPT and closing_says_it(case, plan)


def _end_of(session: Session, plan: Plan) -> EventLetter | None:
    """The letter that the plan which ended for it is over, on each channel by which the customer may have it."""
    old = session.get(Plan, plan.supersedes_id) if plan.supersedes_id else None
    if old is None or old.status is not PlanStatus.CANCELLED or old.ended_on != plan.taken_up_on:
        return None
    channels = tuple(left_in_writing(session, old, DeskStep.CONFIRMATION))
    if not channels:
        return None
    step = CaseStep(old.case_id, DeskStep.CANCELLED_PLAN, plan_id=id_of(old))
    return EventLetter(step, ENDED, {"replaced_by": plan.reference}, plan=old, channels=channels)
