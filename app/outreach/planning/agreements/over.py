"""Letters that an agreement has ended, where no letter asks for what was missed: nothing is past due, an earlier
payment does not count any more, or nothing is owed that it was about.

One end has one letter. Where `plan_broken` is to be written, left or may have left, it says so; where that one was
withheld or failed and nothing is past due any more, this one takes its place.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.queries import live_plan
from app.casework.plans.rules import PlanStatus
from app.casework.plans.tracking.assessing import NOTHING_OWED
from app.core.clock import local_instant
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.agreements.known import left_in_writing
from app.outreach.outbox.models import OutboxMessage
from app.outreach.planning.agreements.event_figures import ended_figures
from app.outreach.planning.agreements.truth import WhyEnded, break_number, why_ended
from app.outreach.planning.event_letters import EventLetter, closing_says_it, in_rounds
from app.outreach.planning.in_writing.told import NEVER_LEFT, is_on_its_way

LETTER = "plan_over"
LOST_WITHIN = timedelta(days=14)
"""Days after an end within which the loss of the letter that it is broken is looked for: it leaves or is withheld in
the days after its night."""
ANY = (Channel.SMS, Channel.EMAIL, Channel.POST)


def over_letters(
    session: Session, portfolio: Portfolio, on: date, broken: Collection[EventLetter]
) -> list[list[EventLetter]]:
    """The letters about agreements that ended on `on` or the day before, as some end while a night runs, and those in
    the place of a letter lost since. `broken`: the letters of this night that an agreement is broken. Customers differ
    within each list."""
    told = {each.step.plan_id for each in broken if each.step.step == DeskStep.BROKEN_PLAN}
    ended = (plan for plan in _ended(session, portfolio, on) if plan.id not in told)
    return in_rounds(session, filter(None, (_letter(session, plan, on) for plan in ended)))


def _ended(session: Session, portfolio: Portfolio, on: date) -> list[Plan]:
    since = on - timedelta(days=1)
    is_new = col(Plan.ended_on) >= since
    is_lost = sa.exists().where(
        col(PlannedContact.case_id) == col(Plan.case_id),
        col(PlannedContact.plan_id) == col(Plan.id),
        col(PlannedContact.step) == DeskStep.BROKEN_PLAN,
        col(OutboxMessage.contact_id) == col(PlannedContact.id),
        col(OutboxMessage.status).in_(NEVER_LEFT),
        col(OutboxMessage.finished_at) >= local_instant(since, 0, 0, portfolio.timezone),
    )
    status = col(Plan.status)
    by_itself = sa.and_(status == PlanStatus.CANCELLED, col(Plan.why) == NOTHING_OWED, is_new)
    query = select(Plan).where(
        Plan.portfolio_id == portfolio.id,
        status.in_((PlanStatus.BROKEN, PlanStatus.CANCELLED)),
        col(Plan.ended_on).between(on - LOST_WITHIN, on),
        col(Plan.accepted_on).is_not(None),
        sa.or_(by_itself, sa.and_(status == PlanStatus.BROKEN, sa.or_(is_new, is_lost))),
    )
    return list(session.scalars(query.order_by(col(Plan.id))))


def _letter(session: Session, plan: Plan, on: date) -> EventLetter | None:
    """None where another letter says it, or says more, or nobody has read of the agreement."""
    case, why = session.get_one(CollectionsCase, plan.case_id), why_ended(session, plan, on)
    if why is None or closing_says_it(case, plan) or live_plan(session, plan.case_id) is not None:
        return None
    if why is WhyEnded.NOTHING_OWED and not left_in_writing(session, plan, DeskStep.CONFIRMATION):
        return None
    is_asked_for = case.status is CaseStatus.OPEN and case.past_due_minor > 0
    if why is WhyEnded.MISSED and is_asked_for:
        return None
    number = break_number(session, plan)
    asks = CaseStep(plan.case_id, DeskStep.BROKEN_PLAN, number, plan_id=id_of(plan))
    if is_on_its_way(session, asks, ANY):
        return None
    step = asks._replace(step=DeskStep.OVER_PLAN)
    return EventLetter(step, LETTER, ended_figures(session, plan, on), plan)
