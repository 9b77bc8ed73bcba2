"""What is to be paid next of a running agreement, and by when, as a letter tells it on its day."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session

from app.casework.plans.models import Plan
from app.casework.plans.rests.queries import interest_of_rest
from app.casework.plans.tracking.payments import progress_of
from app.casework.plans.tracking.progress import InstalmentState
from app.core.ids import id_of

OPEN = (InstalmentState.IN_GRACE, InstalmentState.TO_COME)
Told = dict[str, date | int | str]


def open_payments(session: Session, plan: Plan, on: date, *, has_new_last: bool) -> Told:
    """What is missing next at the end of `on`, and by when; with the end of its grace days where its day is over.
    `has_new_last`: also the last payment, which new dates have changed."""
    facts = progress_of(session, plan, on)
    line, told = facts.next, Told()
    if line is not None:
        wanted = [each for each in facts.instalments if each.state in OPEN and each.due_on <= line.due_on]
        told |= {"missing": sum(each.short for each in wanted), "due_on": line.due_on}
        if line.due_on < on:
            told["grace_until"] = line.grace_until
    if has_new_last:
        told |= {"new_last_amount": facts.last.due, "last_due_on": facts.last.due_on}
    return told


def resumed_figures(session: Session, plan: Plan, on: date) -> Told:
    """What a letter tells of an agreement that goes on after a rest: what is next, and the day of the last payment."""
    has_new_last = interest_of_rest(session, id_of(plan)) != 0
    told = open_payments(session, plan, on, has_new_last=has_new_last)
    last_on = progress_of(session, plan, on).last.due_on
    return told if told.get("due_on") == last_on else {**told, "last_due_on": last_on}
