"""Writing of letters about a dispute: through the gate like any event letter, by e-mail or post."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlmodel import Session, select

from app.book.ledger.models import Entry
from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import DisputeKind, DisputeOutcome
from app.core.actor import Actor
from app.core.clock import local_instant
from app.core.database.engine import table_of
from app.core.vocabulary import Channel
from app.outreach.planning.disputes_told.figures import (
    DECISION_LETTERS,
    decision_figures,
    received_figures,
    received_letter,
)
from app.outreach.planning.event_letters import EventLetter, known_steps, write_event_letters
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
    letter = EventLetter(step, received_letter(dispute), received_figures(dispute, on))
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
    letter = _decision_letter(session, dispute, name)
    written = write_event_letters(session, portfolio, [letter], catalog, on=on, by=by, now=now)
    return written.get(dispute.case_id, {})


def _decision_letter(session: Session, dispute: Dispute, name: str) -> EventLetter:
    entry = session.get(Entry, dispute.correction_id) if dispute.correction_id is not None else None
    step = CaseStep(dispute.case_id, DeskStep.DISPUTE_DECIDED, dispute.n)
    return EventLetter(step, name, decision_figures(dispute, entry))


def letters_of_found_payments(session: Session, portfolio: Portfolio, on: date) -> list[list[EventLetter]]:
    """Letters about disputes that ended by themselves on `on` or since, as their payment was found. Customers differ
    within each list. What was written before, or waits, is left out."""
    dispute = table_of(Dispute)
    query = select(Dispute).where(
        dispute.c.portfolio_id == portfolio.id,
        dispute.c.kind == DisputeKind.ALREADY_PAID,
        dispute.c.outcome.is_not(None),
        dispute.c.outcome == DisputeOutcome.UPHELD,
        dispute.c.explanation == "",
        dispute.c.decided_at >= local_instant(on, 0, 0, portfolio.timezone),
    )
    name = DECISION_LETTERS[DisputeOutcome.UPHELD]
    found = list(session.scalars(query.order_by(dispute.c.id)))
    letters = [(each.customer_id, _decision_letter(session, each, name)) for each in found]
    known = known_steps(session, [letter.step for _, letter in letters])
    rounds: list[dict[int, EventLetter]] = []
    for customer_id, letter in letters:
        if letter.step in known:
            continue
        free = next((each for each in rounds if customer_id not in each), None)
        if free is None:
            rounds.append(free := {})
        free[customer_id] = letter
    return [list(each.values()) for each in rounds]
