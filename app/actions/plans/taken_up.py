"""Settlements of which no letter can tell what happened: the payment that took one up came back. A person is told."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.actions.plans.with_legal import tell_once
from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import DeskStep
from app.casework.plans.tracking.assessment import taken_up_for_nothing


def tell_of_returned_payments(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give the owner of a case the work to decide, once for each settlement whose first payment came back by the end
    of `on`. Returns how many."""
    text = (
        "The payment that took up settlement {} came back. It runs on until its day is over; a plan that ended for it "
        "stays ended. Their letters that had not left are withheld. Agree with the customer what holds, and write it."
    )
    plans = taken_up_for_nothing(session, portfolio, on)
    return tell_once(session, plans, DeskStep.TAKE_UP_RETURNED, text, on, now=now)
