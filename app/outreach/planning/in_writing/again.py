"""What a letter says when it is written again, because the first one did not arrive: the figures of now."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import OF_DISPUTES, CaseStep, DeskStep
from app.casework.hand_overs.models import ConductRecord
from app.casework.hardship.models import HardshipRequest
from app.casework.holds.models import CaseHold
from app.outreach.planning.agreements.event_figures import figures_now
from app.outreach.planning.deferred import Figures
from app.outreach.planning.disputes_told.figures import figures_of_dispute
from app.outreach.planning.in_writing.conduct import conduct_figures
from app.outreach.planning.in_writing.hardship import hardship_figures
from app.outreach.planning.in_writing.holds import hold_figures


def figures_again(session: Session, of: CaseStep, portfolio: Portfolio, on: date) -> Figures:
    """The figures that the event of a step adds to its letter, as of the end of `on`. Only for a step whose letter is
    true still."""
    if of.hold_id is not None:
        hold = session.get_one(CaseHold, of.hold_id)
        if of.step in (DeskStep.HARDSHIP, DeskStep.HARDSHIP_DECIDED):
            request = session.get_one(HardshipRequest, of.occurrence)
            return hardship_figures(session, portfolio, request, on)
        return hold_figures(session, portfolio, hold)
    if of.step == DeskStep.CONDUCT_WARNING:
        return conduct_figures(portfolio, session.get_one(ConductRecord, of.occurrence))
    if of.step in OF_DISPUTES:
        return figures_of_dispute(session, of)
    return figures_now(session, of, on, {})
