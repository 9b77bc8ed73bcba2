"""The warning letter after abusive contact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.hand_overs.models import ConductRecord
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.planning.deferred import Figures
from app.outreach.planning.event_letters import EventLetter, write_event_letters
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer


def conduct_figures(portfolio: Portfolio, row: ConductRecord) -> Figures:
    """The day of the record, where the portfolio is, and what was said, as a supervisor wrote it for the customer."""
    return {"conduct_on": local_date(row.at, portfolio.timezone), "conduct_words": row.letter_words}


def warn_of_conduct(
    session: Session,
    portfolio: Portfolio,
    row: ConductRecord,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Mapping[Channel, Answer]:
    """Write the warning of this record once, through the gate; its answers."""
    step = CaseStep(row.case_id, DeskStep.CONDUCT_WARNING, id_of(row))
    letter = EventLetter(step, "conduct_warning", conduct_figures(portfolio, row))
    written = write_event_letters(session, portfolio, [letter], catalog, on=on, by=by, now=now)
    return written.get(row.case_id, {})
