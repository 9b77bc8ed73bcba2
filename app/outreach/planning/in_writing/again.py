"""What a letter says when it is written again, because the first one did not arrive: the figures of now."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session

from app.casework.contacts.rules import CaseStep
from app.casework.holds.models import CaseHold
from app.core.clock import local_date
from app.outreach.planning.agreements.event_figures import figures_now
from app.outreach.planning.deferred import Figures


def figures_again(session: Session, of: CaseStep, zone: str, on: date) -> Figures:
    """The figures that the event of a step adds to its letter, as of the end of `on`; `zone` is the portfolio's. Only
    for a step whose letter is true still."""
    if of.hold_id is not None:
        hold = session.get_one(CaseHold, of.hold_id)
        return {"received_on": local_date(hold.started_at, zone), "review_on": hold.until}
    return figures_now(session, of, on, {})
