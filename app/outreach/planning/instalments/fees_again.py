"""Letters that fees which an agreement had waived are charged again: nobody learns of it from a statement."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.concessions import FeesAgain, fees_charged_again
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.core.clock import local_instant
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.agreements.truth import break_number
from app.outreach.planning.deferred import Figures, deferred_steps
from app.outreach.planning.event_letters import EventLetter, in_rounds
from app.outreach.planning.in_writing.told import ON_ITS_WAY

SAY_IT = (DeskStep.BROKEN_PLAN, DeskStep.OVER_PLAN)
"""Steps whose letters that an agreement has ended tell the fees too."""
LOST_WITHIN = timedelta(days=14)
"""Days after a charge within which the loss of the letter that the agreement is broken is looked for: it leaves or is
withheld in the days after its night."""


def fees_letters_of_night(
    session: Session, portfolio: Portfolio, on: date, broken: Collection[EventLetter]
) -> list[list[EventLetter]]:
    """The letters about fees charged again on `on` or the day before, which a night charges after its letters. The
    letter that an agreement is broken says it already: `broken` are those of this night. Where it was withheld or
    failed on `on` or the day before, nobody was told, though they were charged earlier. Customers differ within each
    list."""
    since = on - timedelta(days=1)
    lost_since = local_instant(since, 0, 0, portfolio.timezone)
    told = {each.step.plan_id for each in broken if each.step.step in SAY_IT and not _is_cancelled(each)}
    letters = []
    for charge in fees_charged_again(session, id_of(portfolio), on - LOST_WITHIN, on):
        plan = session.get_one(Plan, charge.plan_id)
        if charge.plan_id in told:
            continue
        written = _broken_letters(session, plan, charge)
        if _is_told(session, plan, written):
            continue
        is_lost = any(finished_at and finished_at >= lost_since for _, finished_at in written)
        if charge.posted_on < since and not is_lost:
            continue
        step = CaseStep(plan.case_id, DeskStep.FEES_AGAIN, charge.occurrence, plan_id=charge.plan_id)
        figures: Figures = {"waived_fees": charge.minor, "charged_on": charge.posted_on}
        letters.append(EventLetter(step, "fees_charged_again", figures, plan))
    return in_rounds(session, letters)


def _is_cancelled(letter: EventLetter) -> bool:
    """True for the letter that an agreement ended because nothing is owed: it tells no fees."""
    return letter.plan is not None and letter.plan.status is PlanStatus.CANCELLED


def _broken_letters(
    session: Session, plan: Plan, charge: FeesAgain
) -> list[tuple[OutboxStatus, datetime | None]]:
    """Status and end of each letter that the agreement is broken or over, as far as it was written since the charge."""
    contact, message = table_of(PlannedContact), table_of(OutboxMessage)
    written = (
        sa.select(message.c.status, message.c.finished_at)
        .join(contact, contact.c.id == message.c.contact_id)
        .where(
            contact.c.case_id == plan.case_id,
            contact.c.plan_id == id_of(plan),
            contact.c.step.in_(SAY_IT),
            contact.c.created_at >= charge.charged_at,
        )
    )
    return [(status, finished_at) for status, finished_at in session.connection().execute(written)]


def _is_told(session: Session, plan: Plan, written: Collection[tuple[OutboxStatus, datetime | None]]) -> bool:
    """True where one of these letters left or is to leave, or where it waits to be written."""
    if any(status in ON_ITS_WAY for status, _ in written):
        return True
    number = break_number(session, plan)
    asked = [CaseStep(plan.case_id, step, number, plan_id=id_of(plan)) for step in SAY_IT]
    return plan.status is PlanStatus.BROKEN and bool(deferred_steps(session, asked))
