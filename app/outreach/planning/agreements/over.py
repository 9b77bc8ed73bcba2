"""Letters that an agreement has ended, for each end that is told to nobody (`untold_ends`).

`plan_broken` asks for what was missed, in the night of the break. Where nothing is past due, where that letter was
refused, withheld or lost, or where nothing is owed any more, `plan_over` says it and asks for nothing. An agreement
that a person or another agreement ended has `plan_cancelled`. A settlement that was paid while its case stays open has
`settlement_completed`; where the case closes with it, the night of that end writes it. What none of them may say is a
person's task (`app.actions.plans.untold`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date

from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.queries import running_on
from app.casework.plans.restoration.queries import times_restored
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.tracking.payments import missed_lines
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.outreach.agreements.known import left_in_writing
from app.outreach.planning.agreements.ends import TELLS, untold_ends
from app.outreach.planning.agreements.event_figures import over_figures
from app.outreach.planning.agreements.given_up import given_up
from app.outreach.planning.agreements.truth import WhyEnded, owed_again, why_ended, why_false
from app.outreach.planning.deferred import Figures
from app.outreach.planning.event_letters import EventLetter, closing_says_it, in_rounds

OVER, CANCELLED, COMPLETED = "plan_over", "plan_cancelled", "settlement_completed"


def over_letters(
    session: Session, portfolio: Portfolio, on: date, tonight: Collection[EventLetter]
) -> list[list[EventLetter]]:
    """The letters about agreements that ended up to `on`. `tonight`: letters that this night writes before them.
    Customers differ within each list."""
    told = {each.step.plan_id for each in tonight if each.step.step in TELLS}
    confirmed = [each.plan for each in tonight if each.step.step == DeskStep.CONFIRMATION]
    told |= {plan.supersedes_id for plan in confirmed if plan is not None}
    plans = [plan for plan in untold_ends(session, portfolio, on) if plan.id not in told]
    return in_rounds(session, _letters(session, plans, on))


def _letters(session: Session, plans: Sequence[Plan], on: date) -> Iterator[EventLetter]:
    """Left out: an agreement in whose place another runs, the payment of which was in time, or whose payment that was
    missed is asked for tonight."""
    if not plans:
        return
    ids = [id_of(plan) for plan in plans]
    cases = cases_of(session, plans)
    missed, before, gone = (
        missed_lines(session, plans, on),
        times_restored(session, ids),
        given_up(session, plans, on),
    )
    live = running_on(session, cases)
    owed = owed_again(session, [id_of(plan) for plan in plans if is_complete(plan)], on)
    for plan in plans:
        case, plan_id = cases[plan.case_id], id_of(plan)
        if closing_says_it(case, plan):
            continue
        if is_complete(plan):
            if plan_id not in owed:
                step = CaseStep(plan.case_id, DeskStep.CLOSED, case.occurrence, plan_id=plan_id)
                yield EventLetter(step, COMPLETED, plan=plan)
            continue
        step = CaseStep(plan.case_id, DeskStep.OVER_PLAN, 1 + before.get(plan_id, 0), plan_id=plan_id)
        why = WhyEnded.MISSED if plan_id in missed else why_ended(session, plan, on)
        if plan.status is PlanStatus.CANCELLED and why is None:
            step = CaseStep(plan.case_id, DeskStep.CANCELLED_PLAN, plan_id=plan_id)
            if not why_false(session, step, on):
                channels = tuple(left_in_writing(session, plan, DeskStep.CONFIRMATION))
                yield EventLetter(step, CANCELLED, _taken_up(session, plan), plan, channels)
        elif why is not None and plan.case_id not in live and not is_asked_for(plan, case, why, on):
            yield EventLetter(step, OVER, over_figures(why, missed.get(plan_id), gone.get(plan_id, "")), plan)


def _taken_up(session: Session, plan: Plan) -> Figures:
    """The settlement for which a plan ended because it was taken up by paying it."""
    query = select(Plan).where(
        Plan.case_id == plan.case_id, Plan.supersedes_id == plan.id, Plan.taken_up_on == plan.ended_on
    )
    new = session.scalars(query).first()
    return {"replaced_by": new.reference} if new is not None else {}


def is_complete(plan: Plan) -> bool:
    """True for a settlement that was paid as agreed."""
    return plan.status is PlanStatus.KEPT and plan.kind is PlanKind.SETTLEMENT and not plan.why


def cases_of(session: Session, plans: Sequence[Plan]) -> dict[int, CollectionsCase]:
    query = select(CollectionsCase).where(
        among(session, table_of(CollectionsCase).c.id, {plan.case_id for plan in plans})
    )
    return {id_of(case): case for case in session.scalars(query.order_by(col(CollectionsCase.id)))}


def is_asked_for(plan: Plan, case: CollectionsCase, why: WhyEnded | None, on: date) -> bool:
    """True in the night of a break whose `plan_broken` asks for what was missed. Where nobody may be sent it, the night
    after knows that, and whether the adviser was written to."""
    is_past_due = case.status is CaseStatus.OPEN and case.past_due_minor > 0
    return why is WhyEnded.MISSED and is_past_due and plan.ended_on == on
