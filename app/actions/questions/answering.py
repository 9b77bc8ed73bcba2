"""Answer the question whether words are a complaint, or of another room: a no is on record with who and when.

A yes to a complaint opens it. A yes to any other question is the form of its room, sent with the question: the request,
need or dispute is then on record, or nothing is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from app.actions.complaints.opening import open_complaint
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.events import ComplaintDenied
from app.casework.complaints.rules import ComplaintChannel, ReceivedComplaint
from app.casework.correspondence.models import InboundMessage
from app.casework.correspondence.rules import InboundSource
from app.casework.questions.events import WordsDenied
from app.casework.questions.models import CaseQuestion
from app.casework.questions.queries import get_question
from app.casework.questions.rules import QuestionSource
from app.casework.questions.service import require_unanswered
from app.casework.recognition.cues import Subject
from app.core.actor import Actor
from app.core.clock import local_date, local_instant
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.timeline.service import about_customer, lock_customers, record
from app.outreach.planning.letterhead import LetterCatalog

_CHANNELS: Mapping[QuestionSource | InboundSource, ComplaintChannel] = {
    InboundSource.SMS: ComplaintChannel.SMS,
    InboundSource.PAGE: ComplaintChannel.PAGE,
    QuestionSource.CALL: ComplaintChannel.CALL,
    QuestionSource.POST: ComplaintChannel.POST,
    QuestionSource.EMAIL: ComplaintChannel.EMAIL,
}
_TAKEN_UP: Mapping[Subject, str] = {
    Subject.HARDSHIP: "Take the request for help down with this question",
    Subject.SUPPORT_NEED: "Record the need with this question",
    Subject.DISPUTE: "Open the dispute with this question",
}


def answer_question(
    session: Session, question_id: int, letters: LetterCatalog, *, is_so: bool, by: Actor, now: datetime
) -> CaseQuestion:
    """A yes opens the complaint with these words, received when they were; its category is chosen on its page. Conflict
    where it was answered, and for a yes to a question whose form says more."""
    lock_customers(session, [get_question(session, question_id).customer_id])
    question = get_question(session, question_id, lock=True)
    require_unanswered(question)
    if is_so and question.about is not Subject.COMPLAINT:
        raise Conflict(f"{_TAKEN_UP[question.about]}: its form says what was told.")
    case = session.get_one(CollectionsCase, question.case_id)
    question.is_so, question.answered_at, question.answered_by = is_so, now, by
    if is_so:
        _complain(session, case, question, letters, by=by, now=now)
        return question
    session.flush()
    record(session, about_customer(question.customer_id, _denied(question), case_id=case.id), by=by, now=now)
    return question


def _complain(
    session: Session, case: CollectionsCase, question: CaseQuestion, letters: LetterCatalog, *, by: Actor, now: datetime
) -> None:  # fmt: skip
    zone = session.get_one(Portfolio, case.portfolio_id).timezone
    late = question.received_on < local_date(question.asked_at, zone)
    received_at = local_instant(question.received_on, 12, 0, zone) if late else question.asked_at
    received = ReceivedComplaint(question.words, channel=_channel(session, question), received_at=received_at)
    opened = open_complaint(session, case, received, letters, by=by, now=now)
    question.complaint_id = id_of(opened.complaint)
    session.flush()


def _denied(question: CaseQuestion) -> ComplaintDenied | WordsDenied:
    number, about = id_of(question), question.about
    if about is Subject.COMPLAINT:
        return ComplaintDenied(number, question.words, question.cues)
    return WordsDenied(number, None if about is Subject.SUPPORT_NEED else about)


def _channel(session: Session, question: CaseQuestion) -> ComplaintChannel:
    """How the words came; a message by its own source."""
    if question.message_id is None:
        return _CHANNELS.get(question.source, ComplaintChannel.OTHER)
    return _CHANNELS[session.get_one(InboundMessage, question.message_id).source]
