"""Close a complaint with its answer: a final response, a summary resolution, or because the customer withdrew it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlmodel import Session

from app.actions.complaints.opening import require_not_about
from app.actions.holds import end_hold
from app.book.portfolios.models import Portfolio
from app.casework.complaints.models import Complaint, ComplaintAnswer
from app.casework.complaints.queries import (
    answers_of,
    get_complaint,
    open_complaints_of_hold,
    redress_of,
)
from app.casework.complaints.rules import (
    AnswerKind,
    ComplaintOutcome,
    FinalForm,
    LetterKind,
    RedressStatus,
    require_answer,
)
from app.casework.complaints.service import close_complaint, require_open
from app.casework.documents.models import CaseDocument
from app.casework.holds.models import CaseHold
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Channel
from app.outreach.planning.complaints.writing import ComplaintTold, write_complaint_letters
from app.outreach.planning.in_writing.rules import IN_FULL, is_told
from app.outreach.planning.letterhead import LetterCatalog
from app.policy.answers import Answer, Refusals

NEEDS_ITS_LETTER = (
    "A complaint is not closed without its letter. Send it another way, put it on file as a document, and name that"
    " here."
)
LETTER_OF = {AnswerKind.SUMMARY: LetterKind.SUMMARY, AnswerKind.FINAL: LetterKind.FINAL}


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a complaint as a person decided it."""

    kind: AnswerKind
    outcome: ComplaintOutcome
    reasons: str
    """The customer reads them as they are typed."""
    form: FinalForm | None = None
    """What the final response does; None for another kind of answer."""
    apology: bool = False
    correction: str = ""
    """What is put right beside money; '' = nothing."""
    document_id: int | None = None
    """The letter on file, where it left outside the desk; None = the desk writes it."""


@dataclass(frozen=True, slots=True)
class ClosedComplaint:
    """A closed complaint, its answer, and the gate's answer for each channel of the letter that tells it."""

    complaint: Complaint
    answer: ComplaintAnswer
    letter: Mapping[Channel, Answer] = field(default_factory=dict)


def answer_complaint(
    session: Session,
    complaint_id: int,
    decision: Decision,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> ClosedComplaint:
    """Close a complaint. Invalid, naming the field, without its letter: the final response, or a summary resolution
    within its business days, queued by the desk or on file as a document. Its hold ends with the last open complaint
    of the customer. Redress that waits for a second person has to be decided first. Forbidden to the person complained
    about."""
    complaint = locked_complaint(session, complaint_id)
    require_not_about(session, complaint, by)
    require_open(complaint)
    portfolio = session.get_one(Portfolio, complaint.portfolio_id)
    today = local_date(now, portfolio.timezone)
    require_answer(
        decision.kind, decision.outcome, decision.form, resolve_by=complaint.resolve_by, today=today
    )
    paid = _redress(session, complaint)
    _check_document(session, complaint, decision, today)
    answer = close_complaint(
        session, complaint, decision.kind, decision.outcome, decision.reasons, form=decision.form,
        redress_minor=paid, apology=decision.apology, correction=decision.correction,
        document_id=decision.document_id, on=today, by=by, now=now,
    )  # fmt: skip
    told: Mapping[Channel, Answer] = {}
    kind = LETTER_OF.get(decision.kind)
    if kind is not None and decision.document_id is None:
        wanted = [ComplaintTold(complaint, kind, answer)]
        told = write_complaint_letters(session, portfolio, wanted, letters, on=today, by=by, now=now)[
            id_of(complaint)
        ]
        require_told(told, "document", NEEDS_ITS_LETTER)
    end_hold_of(session, complaint, f"Complaint {complaint.reference} was closed", by=by, now=now)
    return ClosedComplaint(complaint, answer, told)


def locked_complaint(session: Session, complaint_id: int) -> Complaint:
    """The complaint, locked after its customer: of two people who decide at once, the second is refused."""
    lock_customers(session, [get_complaint(session, complaint_id).customer_id])
    return get_complaint(session, complaint_id, lock=True)


def end_hold_of(session: Session, complaint: Complaint, reason: str, *, by: Actor, now: datetime) -> None:
    """End the complaint's hold, unless another open complaint needs it."""
    if complaint.hold_id is None or open_complaints_of_hold(session, complaint.hold_id):
        return
    hold = session.get_one(CaseHold, complaint.hold_id)
    if hold.ended_at is None:
        end_hold(session, hold, reason, by.name or str(by), by=by, now=now)


def _redress(session: Session, complaint: Complaint) -> int:
    """What was credited since it was opened, or reopened, in minor units. Invalid while a part of it waits."""
    number = id_of(complaint)
    # A closed complaint brings no redress: what came after its last answer is of the time since its reopening.
    told = [answer.answered_at for answer in answers_of(session, number)]
    rows = [row for row in redress_of(session, number) if not told or row.requested_at > max(told)]
    if any(row.status is RedressStatus.REQUESTED for row in rows):
        raise Invalid(
            "Redress waits for a second person. Have it approved or declined first: the letter names it.",
            "outcome",
        )
    return sum(row.amount_minor for row in rows if row.status is RedressStatus.PAID)


def _check_document(session: Session, complaint: Complaint, decision: Decision, today: date) -> None:
    if decision.document_id is None:
        return
    if decision.kind is AnswerKind.WITHDRAWN:
        return
    document = session.get(CaseDocument, decision.document_id)
    if document is None or document.customer_id != complaint.customer_id or document.withdrawn_at is not None:
        raise Invalid("There is no such document on file for this customer.", "document")
    if not complaint.began_on <= document.dated_on <= today:
        raise Invalid(
            f"The letter on file is of {document.dated_on}: before the complaint, or in the future.",
            "document",
        )


def require_told(answers: Mapping[Channel, Answer], field: str, advice: str) -> None:
    """Invalid, naming `field` and with what to do, where the letter neither leaves nor waits to leave."""
    if is_told(answers, IN_FULL):
        return
    refused = [answer for answer in answers.values() if isinstance(answer, Refusals)]
    why = "; ".join(
        dict.fromkeys(reason.detail.rstrip(".") for answer in refused for reason in answer.reasons)
    )
    raise Invalid(f"Its letter cannot leave: {why or 'there is no address to send it to'}. {advice}", field)
