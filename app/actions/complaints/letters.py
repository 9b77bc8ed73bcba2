"""Send a letter of a complaint again, after it did not reach the customer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session

from app.actions.complaints.answering import LETTER_OF, locked_complaint, require_told
from app.actions.complaints.opening import require_not_about
from app.book.portfolios.models import Portfolio
from app.casework.complaints.models import Complaint, ComplaintAnswer
from app.casework.complaints.queries import answers_of, complaints_of, letters_of
from app.casework.complaints.rules import HOLDING_ADDS_DAYS, LETTER_LABELS, LetterKind
from app.casework.complaints.service import note_letter_again
from app.casework.contacts.rules import CaseStep, DeskStep
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.labels import in_sentence
from app.core.vocabulary import Channel
from app.outreach.planning.complaints.arrival import answers_never_arrived, is_waiting
from app.outreach.planning.complaints.writing import ComplaintTold, write_complaint_letters
from app.outreach.planning.in_writing.rules import IN_FULL
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.strategy.tasks import finish_tasks
from app.policy.answers import Answer

NEEDS_ANOTHER_WAY = (
    "Correct the address on the case, choose the other way, or send it outside the desk and reopen the complaint to put"
    " that letter on file."
)


class LetterAgain(NamedTuple):
    """The letter of a complaint that may be sent again, with the answer that it tells."""

    kind: LetterKind
    answer: ComplaintAnswer | None = None


def letter_to_send(session: Session, complaint: Complaint) -> LetterAgain | None:
    """The letter that the customer is to have by now and that did not arrive; None = there is none."""
    again = _latest_letter(session, complaint)
    return again if again and _is_lost(session, complaint, again) else None


def _is_lost(session: Session, complaint: Complaint, again: LetterAgain) -> bool:
    if complaint.lost_on is not None:
        return True
    return again.answer is not None and id_of(again.answer) in answers_never_arrived(
        session, id_of(complaint)
    )


def _latest_letter(session: Session, complaint: Complaint) -> LetterAgain | None:
    """The letter that the customer is to have by now, as the desk wrote it; None = there is none: the customer took the
    complaint back, or its letter left outside the desk."""
    if complaint.is_open:
        if complaint.holding_on is None or complaint.lost_letter is LetterKind.ACKNOWLEDGEMENT:
            return LetterAgain(LetterKind.ACKNOWLEDGEMENT)
        return LetterAgain(LetterKind.HOLDING)
    kind = LETTER_OF.get(complaint.closed_with) if complaint.closed_with else None
    answers = answers_of(session, id_of(complaint))
    if kind is None or not answers or answers[-1].document_id is not None:
        return None
    return LetterAgain(kind, answers[-1])


def send_letter_again(
    session: Session,
    complaint_id: int,
    channel: Channel,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> Mapping[Channel, Answer]:
    """Write the letter of a complaint once more, dated today, to the address of now by this channel (e-mail or post),
    and end the task to do so. Returns the gate's answers: an e-mail that it does not clear goes by post. Invalid,
    naming `channel`, where nothing may leave; Conflict where a copy is on its way or may have arrived (nobody is told a
    thing twice), or there is nothing to send.
    Forbidden to the person complained about."""
    complaint = locked_complaint(session, complaint_id)
    require_not_about(session, complaint, by)
    if channel not in IN_FULL:
        raise Invalid("A letter of a complaint goes by e-mail or by post.", "channel")
    again = _latest_letter(session, complaint)
    if again is None:
        raise Conflict(
            f"The desk wrote no letter of complaint {complaint.reference} that it could send again."
        )
    what = in_sentence(LETTER_LABELS[again.kind])
    if any(
        each.kind is again.kind and each.answer_id == (id_of(again.answer) if again.answer else None)
        and is_waiting(session, CaseStep(each.case_id, each.step, each.occurrence))
        for each, _ in letters_of(session, complaint_id)
    ):  # fmt: skip
        raise Conflict(f"The {what} of complaint {complaint.reference} is on its way already.")
    if not _is_lost(session, complaint, again):
        raise Conflict(
            f"The {what} of complaint {complaint.reference} has not come back: it is not sent twice."
        )
    portfolio = session.get_one(Portfolio, complaint.portfolio_id)
    today = local_date(now, portfolio.timezone)
    if again.kind is LetterKind.HOLDING and (complaint.expected_on is None or complaint.expected_on < today):
        complaint.expected_on = today + timedelta(days=HOLDING_ADDS_DAYS)
    told = ComplaintTold(complaint, again.kind, again.answer)
    answers = write_complaint_letters(
        session, portfolio, [told], letters, channels=(channel,), on=today, by=by, now=now
    )[complaint_id]
    require_told(answers, "channel", NEEDS_ANOTHER_WAY)
    note_letter_again(session, complaint, again.kind, by=by, now=now)
    if not any(each.lost_on for each in complaints_of(session, complaint.customer_id)):
        finish_tasks(session, complaint.customer_id, DeskStep.COMPLAINT_LETTER, by=by, now=now)
    return answers
