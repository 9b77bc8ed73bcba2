"""Writing of letters about a dispute: through the gate like any event letter, by e-mail or post."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.disputes.models import Dispute
from app.core.actor import Actor
from app.core.vocabulary import Channel
from app.outreach.planning.disputes_told.figures import (
    DECISION_LETTERS,
    decision_figures,
    received_figures,
    received_letter,
)
from app.outreach.planning.event_letters import EventLetter, write_event_letters
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer


def acknowledge_dispute(
    session: Session,
    portfolio: Portfolio,
    dispute: Dispute,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Mapping[Channel, Answer]:
    """Tell the customer in writing that a dispute of a part was received, and by when they hear of it. Returns the
    gate's answers."""
    step = CaseStep(dispute.case_id, DeskStep.DISPUTE_RECEIVED, dispute.n)
    letter = EventLetter(step, received_letter(dispute), received_figures(dispute))
    written = write_event_letters(session, portfolio, [letter], catalog, on=on, by=by, now=now)
    return written.get(dispute.case_id, {})


def tell_decision(
    session: Session,
    portfolio: Portfolio,
    dispute: Dispute,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Mapping[Channel, Answer]:
    """Tell the customer in writing how a dispute was decided, and why. Returns the gate's answers; none for an outcome
    that is not written."""
    name = DECISION_LETTERS.get(dispute.outcome) if dispute.outcome else None
    if name is None:
        return {}
    step = CaseStep(dispute.case_id, DeskStep.DISPUTE_DECIDED, dispute.n)
    letter = EventLetter(step, name, decision_figures(dispute))
    written = write_event_letters(session, portfolio, [letter], catalog, on=on, by=by, now=now)
    return written.get(dispute.case_id, {})
