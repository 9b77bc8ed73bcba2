"""Letters of an agreement as it is offered, accepted and cancelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.agreements.known import left_in_writing
from app.outreach.planning.agreements.event_figures import offer_figures
from app.outreach.planning.event_letters import EventLetter, write_event_letters
from app.outreach.planning.in_writing.rules import WITH_SMS
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer

CONFIRMED_BY: Mapping[PlanKind, str] = {
    PlanKind.PROMISE: "promise_confirmation",
    PlanKind.INSTALMENTS: "plan_confirmation",
    PlanKind.HARDSHIP: "plan_confirmation",
    PlanKind.SETTLEMENT: "settlement_confirmation",
}


def offer_in_writing(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> dict[Channel, Answer]:
    """The plan as offered, to be answered by the offer's last day; a settlement is answered by paying it. Returns the
    gate's answers, none where it was written before."""
    letter = "settlement_offer" if plan.kind is PlanKind.SETTLEMENT else "plan_offer"
    step = CaseStep(plan.case_id, DeskStep.OFFER, plan_id=id_of(plan))
    event_letter = EventLetter(step, letter, offer_figures(session, plan, on), plan=plan)
    written = write_event_letters(session, portfolio, [event_letter], catalog, on=on, by=by, now=now)
    return written.get(plan.case_id, {})


def confirm_plan(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    catalog: LetterCatalog,
    *,
    channels: Sequence[Channel] = WITH_SMS,
    on: date,
    by: Actor,
    now: datetime,
) -> dict[Channel, Answer]:
    """Queue the written confirmation of an accepted promise or plan on each channel that the gate clears, and by post
    where none of them tells the customer all of it. Returns the gate's answers."""
    step = CaseStep(plan.case_id, DeskStep.CONFIRMATION, plan_id=plan.id)
    letter = EventLetter(step, CONFIRMED_BY[plan.kind], plan=plan, channels=tuple(channels))
    written = write_event_letters(session, portfolio, [letter], catalog, on=on, by=by, now=now)
    return written.get(plan.case_id, {})


def take_back_confirmation(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> dict[Channel, Answer]:
    """Tell the customer that a cancelled agreement is no longer in force, on each channel by which its confirmation
    left or may have left, and by post where none of them is permitted any more. One that is queued or claimed needs no
    letter: the recheck before sending withholds it."""
    channels = tuple(left_in_writing(session, plan, DeskStep.CONFIRMATION))
    if not channels:
        return {}
    step = CaseStep(plan.case_id, DeskStep.CANCELLED_PLAN, plan_id=plan.id)
    letter = EventLetter(step, "plan_cancelled", plan=plan, channels=channels)
    written = write_event_letters(session, portfolio, [letter], catalog, on=on, by=by, now=now)
    return written.get(plan.case_id, {})
