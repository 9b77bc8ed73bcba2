"""A complaint: its story, its clocks, its letters and redress, and what is to be done next."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.complaints.letters import LetterAgain, letter_to_send
from app.book.ledger.models import Account
from app.casework.complaints.models import Complaint, ComplaintAnswer, ComplaintLetter, ComplaintRedress
from app.casework.complaints.queries import (
    answers_of,
    get_complaint,
    letters_of,
    redress_of,
)
from app.casework.complaints.rules import (
    LETTER_LABELS,
    OmbudsmanStage,
    RedressStatus,
)
from app.casework.documents.models import CaseDocument
from app.casework.documents.service import documents_of
from app.casework.support_needs.sight import sight_of
from app.core.ids import id_of
from app.core.labels import in_sentence
from app.core.staff.queries import is_same_person
from app.core.staff.rules import MANAGEMENT, Staff
from app.core.vocabulary import Channel
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import CaseWorker
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.outreach.planning.complaints.arrival import answers_never_arrived
from app.web.cases.case_file import CaseFile, open_case_file
from app.web.complaints.choices import LABELS, choices_of, may_resolve
from app.web.complaints.words import Options
from app.web.forms import FormState
from app.web.lookups import staff_names
from app.web.rendering import Page, page

router = Router(prefix="/complaints")


@dataclass(frozen=True, slots=True)
class ComplaintPage(Page):
    template = "complaints/complaint.html"
    complaint: Complaint
    file: CaseFile
    account: Account | None
    answers: Sequence[ComplaintAnswer]
    lost: Collection[int]
    """Of these, the ids of those whose letter never reached the customer."""
    letters: Sequence[tuple[ComplaintLetter, Sequence[tuple[int, Channel]]]]
    redress: Sequence[ComplaintRedress]
    documents: Sequence[CaseDocument]
    again: LetterAgain | None
    """The letter that may be sent again."""
    next_step: str
    today: date
    state: FormState
    choices: Mapping[str, Options]
    labels: Mapping[str, Mapping[str, str]]
    names: Mapping[str, str]
    may_decide: Collection[int]
    """Redress that the reader may decide: a manager other than the one who asked."""


@router.get("/{complaint_id}")
def complaint(
    request: Request, complaint_id: RowId, staff: CaseWorker, session: ReadSession, now: Now
) -> Response:
    row = get_complaint(session, complaint_id)
    file = open_case_file(session, row.case_id, now)
    return show_complaint(request, session, staff, file, row, FormState(), 200)


def show_complaint(
    request: Request,
    session: Session,
    staff: Staff,
    file: CaseFile,
    row: Complaint,
    state: FormState,
    status: int,
) -> Response:
    """The page, with the form open that was refused."""
    number, names = id_of(row), staff_names(session)
    redress = redress_of(session, number)
    documents = [
        each
        for each in documents_of(session, row.customer_id)
        if each.withdrawn_at is None and each.dated_on >= row.began_on
    ]
    today, answers = file.book.today, answers_of(session, number)
    lost = answers_never_arrived(session, number)
    return page(
        request,
        ComplaintPage(
            complaint=row,
            file=file,
            account=next((each for each in file.accounts if each.id == row.account_id), None),
            answers=answers,
            lost=lost,
            letters=letters_of(session, number),
            redress=redress,
            documents=documents,
            again=letter_to_send(session, row),
            next_step=next_step(row, redress, today),
            today=today,
            state=state,
            choices=choices_of(session, file, row, names, documents),
            labels=LABELS,
            names=names,
            may_decide={
                id_of(each)
                for each in redress
                if staff.role in MANAGEMENT
                and each.status is RedressStatus.REQUESTED
                and not is_same_person(session, each.requested_by, staff.by)
            },
        ),
        status,
        sight_of(session, row.customer_id, staff.role, staff.by),
    )


def next_step(row: Complaint, redress: Sequence[ComplaintRedress], today: date) -> str:
    """What the person who reads the page does next, in a sentence."""
    if row.lost_letter is not None:
        said = f"Its {in_sentence(LETTER_LABELS[row.lost_letter])} did not reach the customer."
        late = "" if row.is_open or today <= row.answer_by else f" The answer was owed by {row.answer_by}."
        return f"{said}{late} Find an address that works, and send it again."
    if not row.is_open:
        if row.ombudsman is OmbudsmanStage.REFERRED:
            return "The ombudsman has it. Record what was decided, once we know."
        if row.cause_id is None:
            return "Find the root cause, so that it does not happen again."
        return "Nothing is to be done. Reopen it if the customer comes back with something new."
    if not row.owner:
        return "Give it an owner who was not involved."
    if any(each.status is RedressStatus.REQUESTED for each in redress):
        return "A manager decides about the redress; then answer it."
    if row.first_by is not None and row.first_on is None:
        return "Give the first response on the portal, and record it here."
    if may_resolve(row, today):
        return "Try to resolve it with the customer now: then a summary resolution is enough."
    if row.is_overdue(today):
        return "Answer it today: its day is over."
    return "Find out what happened, then write the final response."
