"""Letters about a request for help with payments: that it came, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlmodel import Session

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.hardship.models import HardshipRequest
from app.casework.hardship.rules import HardshipStatus
from app.casework.holds.models import CaseHold
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind
from app.outreach.planning.deferred import Figures
from app.outreach.planning.event_letters import EventLetter, write_event_letters
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer
from app.policy.composition import packs_for

LETTER_OF: Mapping[HardshipStatus, str] = {
    HardshipStatus.OPEN: "hardship_acknowledged",
    HardshipStatus.GRANTED: "hardship_granted",
    HardshipStatus.PARTLY: "hardship_granted",
    HardshipStatus.REFUSED: "hardship_refused",
}


def hardship_figures(session: Session, portfolio: Portfolio, row: HardshipRequest, on: date) -> Figures:
    """The figures of the letter of a request as it stands on a day. A letter of theirs that was logged late may have
    used up the days for the answer: no letter of ours promises a day that is over."""
    hold = session.get_one(CaseHold, row.hold_id)
    pack = packs_for(portfolio, session.get_one(Customer, row.customer_id))
    pauses = pack.pauses is not None and HoldKind.HARDSHIP in pack.pauses.holds
    answer_by = max(row.answer_by, on + timedelta(days=1))
    day = row.until or (answer_by if row.status is HardshipStatus.OPEN else hold.until)
    return {
        "received_on": row.received_on,
        "review_on": day,
        "refusal": " ".join(each.value for each in row.refusal_list),
        "answer": row.words,
        "interest": "none" if pauses else "",
    }


def write_hardship_letter(
    session: Session,
    portfolio: Portfolio,
    row: HardshipRequest,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Mapping[Channel, Answer]:
    """Tell the customer that the request came, or what was decided. Returns the gate's answers; none where it was taken
    back."""
    letter = LETTER_OF.get(row.status)
    if letter is None:
        return {}
    opened = row.status is HardshipStatus.OPEN
    name = DeskStep.HARDSHIP if opened else DeskStep.HARDSHIP_DECIDED
    step = CaseStep(row.case_id, name, id_of(row), hold_id=row.hold_id)
    figures = hardship_figures(session, portfolio, row, on)
    written = write_event_letters(
        session, portfolio, [EventLetter(step, letter, figures)], catalog, on=on, by=by, now=now
    )
    return written.get(row.case_id, {})
