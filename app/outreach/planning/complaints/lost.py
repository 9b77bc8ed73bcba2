"""A letter of a complaint that did not reach the customer: the complaint says so, and its owner has the task
at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.complaints.models import Complaint, ComplaintAnswer
from app.casework.complaints.queries import get_complaint, letter_of_step
from app.casework.complaints.rules import LETTER_LABELS, LETTERS, LetterKind
from app.casework.complaints.service import note_lost_letter
from app.casework.contacts.rules import CaseStep, DeskStep
from app.core.labels import in_sentence
from app.core.vocabulary import Channel
from app.outreach.strategy.tasks import give_task
from app.policy.answers import Answer, Refusals


def tell_of_lost_letter(
    session: Session, of: CaseStep, letter: str, why: str, *, on: date, now: datetime
) -> bool:
    """Mark the complaint whose letter this step was, and give its owner the task to send it again, due today; without
    an owner whoever works the case has it. True if it was a letter of a complaint that still has to be told. The caller
    holds the customer's lock."""
    found = _complaint_of(session, of, letter)
    if found is None:
        return False
    complaint, kind = found
    if not is_owed(session, complaint, kind, of):
        return True
    note_lost_letter(session, complaint, kind, why, on=on, now=now)
    said = (
        f"Complaint {complaint.reference}: the {in_sentence(LETTER_LABELS[kind])} did not reach the customer "
        f"({why[:120].rstrip('. ')}). Find an address that works, and send it again on the complaint’s page."
    )
    give_task(
        session, _open_case(session, complaint), DeskStep.COMPLAINT_LETTER, said, to=complaint.owner, due_on=on,
        now=now,
    )  # fmt: skip
    return True


def why_refused(answers: Mapping[Channel, Answer]) -> str:
    """The first reason for which the gate refused a letter."""
    refused = (each for each in answers.values() if isinstance(each, Refusals))
    return next((each.reasons[0].detail for each in refused), "")


def is_owed(session: Session, complaint: Complaint, kind: LetterKind, of: CaseStep) -> bool:
    """Whether the letter still tells something: the acknowledgement and the holding letter of an open complaint, the
    answer by which it is closed now."""
    if kind in (LetterKind.ACKNOWLEDGEMENT, LetterKind.HOLDING):
        return complaint.is_open
    known = letter_of_step(session, of.case_id, of.step, of.occurrence)
    answer = session.get(ComplaintAnswer, known.answer_id) if known and known.answer_id else None
    return answer is not None and not complaint.is_open and answer.number == complaint.reopenings + 1


def _complaint_of(session: Session, of: CaseStep, letter: str) -> tuple[Complaint, LetterKind] | None:
    known = letter_of_step(session, of.case_id, of.step, of.occurrence)
    if known is not None and of.hold_id is None and of.plan_id is None:
        return get_complaint(session, known.complaint_id, lock=True), known.kind
    if of.step == DeskStep.HOLD and letter == LETTERS[LetterKind.ACKNOWLEDGEMENT]:
        query = select(Complaint.id).where(Complaint.hold_id == of.hold_id).order_by(col(Complaint.id))
        first = session.scalars(query).first()
        if first is not None:
            return get_complaint(session, first, lock=True), LetterKind.ACKNOWLEDGEMENT
    return None


def _open_case(session: Session, complaint: Complaint) -> CollectionsCase:
    """The customer's open case, on which somebody works; else the complaint's own."""
    query = select(CollectionsCase).where(
        CollectionsCase.customer_id == complaint.customer_id, CollectionsCase.status == CaseStatus.OPEN
    )
    return session.scalars(query).first() or session.get_one(CollectionsCase, complaint.case_id)
