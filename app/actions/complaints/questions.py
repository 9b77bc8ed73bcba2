"""Answer the question whether words are a complaint: a yes opens one, a no is on record with who and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from app.actions.complaints.opening import open_complaint
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.events import ComplaintDenied
from app.casework.complaints.models import ComplaintQuestion, QuestionSource
from app.casework.complaints.questions import get_question
from app.casework.complaints.rules import ComplaintChannel, ReceivedComplaint
from app.casework.correspondence.models import InboundMessage
from app.casework.correspondence.rules import InboundSource
from app.core.actor import Actor
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.timeline.service import about_customer, lock_customers, record
from app.outreach.planning.letterhead import LetterCatalog

_CHANNELS: Mapping[QuestionSource | InboundSource, ComplaintChannel] = {
    InboundSource.SMS: ComplaintChannel.SMS,
    InboundSource.PAGE: ComplaintChannel.PAGE,
    QuestionSource.CALL: ComplaintChannel.CALL,
    QuestionSource.NOTE: ComplaintChannel.OTHER,
}


def answer_question(
    session: Session,
    question_id: int,
    letters: LetterCatalog,
    *,
    is_complaint: bool,
    by: Actor,
    now: datetime,
) -> ComplaintQuestion:
    """A yes opens the complaint with these words, received when they were; its category is chosen on its page. Conflict
    where it was answered."""
    lock_customers(session, [get_question(session, question_id).customer_id])
    question = get_question(session, question_id, lock=True)
    if question.answered_at is not None:
        said = "is a complaint" if question.is_complaint else "is none"
        raise Conflict(f"This was answered already: it {said}.")
    case = session.get_one(CollectionsCase, question.case_id)
    question.is_complaint, question.answered_at, question.answered_by = is_complaint, now, by
    if is_complaint:
        received = ReceivedComplaint(
            question.words, channel=_channel(session, question), received_at=question.asked_at
        )
        opened = open_complaint(session, case, received, letters, by=by, now=now)
        question.complaint_id = id_of(opened.complaint)
        session.flush()
        return question
    session.flush()
    denied = ComplaintDenied(question_id, question.words, question.cues)
    record(session, about_customer(question.customer_id, denied, case_id=question.case_id), by=by, now=now)
    return question


def _channel(session: Session, question: ComplaintQuestion) -> ComplaintChannel:
    """How the words came; a message by its own source."""
    if question.message_id is None:
        return _CHANNELS.get(question.source, ComplaintChannel.OTHER)
    return _CHANNELS[session.get_one(InboundMessage, question.message_id).source]
