"""Letters that fees which an agreement had waived are charged again: nobody learns of it from a statement."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.concessions import FeesAgain, fees_charged_again
from app.casework.plans.models import Plan
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.outreach.planning.deferred import deferred_steps
from app.outreach.planning.event_letters import EventLetter


def fees_letters_of_night(
    session: Session, portfolio: Portfolio, on: date, broken: Collection[EventLetter]
) -> list[list[EventLetter]]:
    """The letters about fees charged again on `on` or the day before, which a night charges after its letters. The
    letter that an agreement is broken says it already: `broken` are those of this night. Customers differ within each
    list."""
    told = {each.step.plan_id for each in broken if each.step.step == DeskStep.BROKEN_PLAN}
    rounds: list[dict[int, EventLetter]] = []
    for charge in fees_charged_again(session, id_of(portfolio), on - timedelta(days=1), on):
        plan = session.get_one(Plan, charge.plan_id)
        if charge.plan_id in told or _is_told(session, plan, charge):
            continue
        step = CaseStep(plan.case_id, DeskStep.FEES_AGAIN, charge.occurrence, plan_id=charge.plan_id)
        letter = EventLetter(
            step,
            "fees_charged_again",
            {"waived_fees": charge.minor, "charged_on": charge.posted_on},
            plan,
        )
        free = next((each for each in rounds if plan.customer_id not in each), None)
        if free is None:
            rounds.append(free := {})
        free[plan.customer_id] = letter
    waiting = deferred_steps(session, [each.step for some in rounds for each in some.values()])
    return [[each for each in some.values() if each.step not in waiting] for some in rounds]


def _is_told(session: Session, plan: Plan, charge: FeesAgain) -> bool:
    """True where the letter that the agreement is broken was written since, or waits to be."""
    contact = table_of(PlannedContact)
    written = sa.select(contact.c.id).where(
        contact.c.case_id == plan.case_id,
        contact.c.plan_id == id_of(plan),
        contact.c.step == DeskStep.BROKEN_PLAN,
        contact.c.created_at >= charge.charged_at,
    )
    if session.connection().execute(written.limit(1)).scalar() is not None:
        return True
    return bool(deferred_steps(session, [CaseStep(plan.case_id, DeskStep.BROKEN_PLAN, plan_id=id_of(plan))]))
