"""Letters about a request for help with payments: that it came, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.models import Pause
from app.book.ledger.queries import accounts_of
from app.book.ledger.rules import ENDED
from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.hardship.models import HardshipRequest
from app.casework.hardship.rules import HardshipStatus
from app.casework.holds.models import CaseHold
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.planning.deferred import Figures
from app.outreach.planning.event_letters import EventLetter, write_event_letters
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer

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
    answer_by = max(row.answer_by, on + timedelta(days=1))
    day = row.until or (answer_by if row.status is HardshipStatus.OPEN else hold.until)
    return {
        "received_on": row.received_on,
        "review_on": day,
        "refusal": " ".join(each.value for each in row.refusal_list),
        "answer": row.words,
        "interest": "none" if row.until is not None and _is_free(session, portfolio, row, row.until) else "",
    }


def _is_free(session: Session, portfolio: Portfolio, row: HardshipRequest, until: date) -> bool:
    """Whether we may write that nothing is charged until the last day of the help: the ledger is kept here, so that no
    creditor charges anything, and every account rests so long with the hold."""
    if not portfolio.accrues:
        return False
    since = row.decided_on or until
    query = select(Pause.account_id).where(
        Pause.hold_id == row.hold_id,
        col(Pause.from_on) <= since,
        sa.or_(col(Pause.to_on).is_(None), col(Pause.to_on) > until),
    )
    rested = set(session.scalars(query))
    owed = [each for each in accounts_of(session, row.customer_id) if each.status not in ENDED]
    return bool(owed) and all(each.id in rested for each in owed)


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
