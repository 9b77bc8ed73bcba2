"""Complaints: put on record, listed, changed, answered, put right, reopened, taken to the ombudsman."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field
from sqlmodel import Session, col, select

from app.actions.complaints.answering import Decision, answer_complaint
from app.actions.complaints.letters import send_letter_again
from app.actions.complaints.opening import open_complaint
from app.actions.complaints.redress import decide_redress, give_redress
from app.actions.complaints.stages import (
    ComplaintChange,
    change_complaint,
    record_first_response,
    reopen_complaint,
    set_ombudsman,
)
from app.api.cases.lookup import case_named
from app.api.complaints.shapes import ComplaintShape, RedressShape, WholeComplaintShape
from app.api.deps import ApiCaseWorker, ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import (
    Amount,
    CaseRef,
    Currency,
    Cursor,
    Day,
    Instant,
    Limit,
    PortfolioCode,
    RowId,
    minor_of,
)
from app.api.shapes import covered
from app.book.ledger.models import Account
from app.book.portfolios.days import local_today
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.complaints.models import Complaint, ComplaintRedress
from app.casework.complaints.queries import (
    RegisterFilter,
    after_row,
    complaints_of,
    get_complaint,
    register_query,
)
from app.casework.complaints.rules import (
    AnswerKind,
    ComplaintCategory,
    ComplaintChannel,
    ComplaintOutcome,
    ComplaintSeverity,
    FinalForm,
    OmbudsmanStage,
    ReceivedComplaint,
)
from app.casework.support_needs.sight import sight_of, sight_over
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.staff.rules import Caller
from app.core.text import Line, Paragraph
from app.core.vocabulary import Channel
from app.http.context import Now, ports_of
from app.http.cursors import decode_cursor, encode_cursor

router = api_router("", tags=["complaints"])

Owner = Annotated[Line, Field(max_length=64, description="User name; empty = none yet.")]
Staff = Annotated[Line, Field(max_length=120, description="The person complained about; empty = none.")]


class NewComplaint(Input):
    words: Annotated[Paragraph, Field(min_length=1, max_length=4000, description="The customer's words.")]
    category: Annotated[ComplaintCategory, Field(strict=False)]
    channel: Annotated[ComplaintChannel, Field(strict=False)]
    severity: Annotated[ComplaintSeverity, Field(strict=False)] = ComplaintSeverity.NORMAL
    received_at: Annotated[Instant | None, Field(description="None = now.")] = None
    account: Annotated[Line | None, Field(max_length=60, description="Reference of the account.")] = None
    owner: Owner = ""
    about_staff: Staff = ""


@router.post("/cases/{reference}/complaints", status_code=201, summary="Put a complaint on record")
def post_complaint(
    request: Request,
    reference: CaseRef,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewComplaint,
) -> ComplaintShape:
    """With its hold, which stops what the policy pack says and every legal step, its clocks, and the letter that
    acknowledges it where the gate clears that."""
    case = case_named(session, reference, lock=True)
    account_id = None
    if body.account is not None:
        found = select(Account.id).where(
            Account.portfolio_id == case.portfolio_id, Account.reference == body.account
        )
        account_id = session.scalar(found) or 0
    received = ReceivedComplaint(
        body.words, body.category, body.channel, body.severity, body.received_at, account_id, body.about_staff,
        body.owner,
    )  # fmt: skip
    opened = open_complaint(session, case, received, ports_of(request).catalog, by=caller.by, now=now)
    return _shape(session, opened.complaint, caller)


@router.get("/cases/{reference}/complaints", summary="List a customer's complaints")
def list_case_complaints(
    reference: CaseRef, caller: ApiCaseWorker, session: ReadSession
) -> Page[ComplaintShape]:
    """All complaints of the customer, open ones first."""
    case = case_named(session, reference)
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    found = complaints_of(session, case.customer_id)
    return Page(items=[covered(ComplaintShape.of(row), sight) for row in found])


class RegisterState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    OVERDUE = "overdue"
    LOST = "lost"
    """A letter of it did not reach the customer."""


@router.get("/portfolios/{code}/complaints", summary="List the register of complaints")
def list_complaints(
    code: PortfolioCode,
    caller: ApiCaseWorker,
    session: ReadSession,
    now: Now,
    state: Annotated[RegisterState | None, Query()] = None,
    category: Annotated[ComplaintCategory | None, Query()] = None,
    severity: Annotated[ComplaintSeverity | None, Query()] = None,
    owner: Annotated[Line | None, Query(max_length=64, description="Empty = without an owner.")] = None,
    outcome: Annotated[ComplaintOutcome | None, Query()] = None,
    ombudsman: Annotated[OmbudsmanStage | None, Query()] = None,
    cause_id: Annotated[int | None, Query(ge=1)] = None,
    received_from: Annotated[Day | None, Query()] = None,
    received_to: Annotated[Day | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[ComplaintShape]:
    """The one whose answer is owed first is first."""
    portfolio = get_portfolio(session, code)
    wanted = RegisterFilter(
        is_open={RegisterState.OPEN: True, RegisterState.CLOSED: False}.get(state) if state else None,
        is_overdue=state is RegisterState.OVERDUE,
        is_lost=state is RegisterState.LOST,
        category=category, severity=severity, owner=owner, outcome=outcome, ombudsman=ombudsman, cause_id=cause_id,
        received_from=received_from, received_to=received_to,
    )  # fmt: skip
    query = register_query(id_of(portfolio), wanted, local_today(session, id_of(portfolio), now))
    seen = decode_cursor(cursor or "", 2, date.fromisoformat, int)
    if seen is not None:
        query = query.where(after_row(date.fromisoformat(str(seen[0])), int(seen[1])))
    rows = [row for row, _ in session.execute(query.limit(limit + 1))]
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    sight = sight_over(session, {row.customer_id for row in shown}, caller.role, caller.by)
    return Page(
        items=[covered(ComplaintShape.of(row), sight) for row in shown],
        next_cursor=encode_cursor(last.answer_by.isoformat(), id_of(last)) if last else None,
    )


@router.get("/complaints/{complaint_id}", summary="Get a complaint")
def get_one(complaint_id: RowId, caller: ApiCaseWorker, session: ReadSession) -> WholeComplaintShape:
    """With its answers, letters and redress."""
    return _whole(session, get_complaint(session, complaint_id), caller)


class ComplaintDetails(Input):
    category: Annotated[ComplaintCategory, Field(strict=False)]
    severity: Annotated[ComplaintSeverity, Field(strict=False)]
    owner: Owner = ""
    about_staff: Staff = ""
    cause_id: Annotated[
        int | None, Field(ge=1, le=2**63 - 1, description="Root cause; none = not found.")
    ] = None


@router.post("/complaints/{complaint_id}/details", summary="Change what a complaint is about")
def post_details(
    complaint_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now, body: ComplaintDetails
) -> ComplaintShape:
    """Category, severity, owner, the person complained about and the root cause, as they are from now on."""
    change = ComplaintChange(body.category, body.severity, body.owner, body.about_staff, body.cause_id)
    changed = change_complaint(session, complaint_id, change, by=caller.by, now=now)
    return _shape(session, changed, caller)


class NewAnswer(Input):
    kind: Annotated[
        AnswerKind, Field(strict=False, description="`hold` is of old complaints only, and is refused.")
    ]
    outcome: Annotated[ComplaintOutcome, Field(strict=False)]
    reasons: Annotated[
        Paragraph, Field(min_length=1, max_length=3000, description="The customer reads them.")
    ]
    form: Annotated[
        FinalForm | None, Field(strict=False, description="What a final response does; else none.")
    ] = None
    apology: bool = False
    correction: Annotated[Paragraph, Field(max_length=500)] = ""
    document_id: Annotated[
        int | None,
        Field(ge=1, le=2**63 - 1, description="The letter on file, where it left outside the desk."),
    ] = None


@router.post("/complaints/{complaint_id}/answer", summary="Answer a complaint")
def post_complaint_answer(
    request: Request,
    complaint_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewAnswer,
) -> WholeComplaintShape:
    """Close it with its letter: the final response, or a summary resolution within its business days; or because the
    customer withdrew it. Refused where the letter cannot leave."""
    decision = Decision(
        body.kind, body.outcome, body.reasons, body.form, body.apology, body.correction, body.document_id
    )
    closed = answer_complaint(
        session, complaint_id, decision, ports_of(request).catalog, by=caller.by, now=now
    )
    return _whole(session, closed.complaint, caller)


class NewRedress(Input):
    account: Annotated[Line, Field(min_length=1, max_length=60)]
    amount: Amount
    currency: Currency
    reason: Annotated[Paragraph, Field(min_length=1, max_length=300)]


@router.post("/complaints/{complaint_id}/redress", status_code=201, summary="Give redress")
def post_redress(
    complaint_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewRedress
) -> RedressShape:
    """A credit on an account of the customer: at once within the caller's authority, else another manager decides."""
    complaint = get_complaint(session, complaint_id)
    portfolio = session.get_one(Portfolio, complaint.portfolio_id)
    account_id = session.scalar(
        select(Account.id).where(
            col(Account.portfolio_id) == complaint.portfolio_id, col(Account.reference) == body.account
        )
    )
    if account_id is None:
        raise Invalid("There is no account of this reference.", "account")
    made = give_redress(
        session, complaint_id, account_id, minor_of(body.amount, body.currency, portfolio), body.reason,
        by=caller.by, role=caller.role, now=now,
    )  # fmt: skip
    return _redress(session, made, caller)


class RedressVerdict(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"


class NewRedressDecision(Input):
    decision: Annotated[RedressVerdict, Field(strict=False)]
    note: Annotated[Paragraph, Field(max_length=300, description="Needed to decline.")] = ""


@router.post("/complaint-redress/{redress_id}/decision", summary="Decide redress")
def post_redress_decision(
    redress_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: NewRedressDecision
) -> RedressShape:
    """Approve it, which posts the credit, or decline it. Refused to the person who asked."""
    approve = body.decision is RedressVerdict.APPROVE
    made = decide_redress(
        session, redress_id, approve=approve, note=body.note, by=caller.by, role=caller.role, now=now
    )
    return _redress(session, made, caller)


class FirstResponse(Input):
    on: Day


@router.post("/complaints/{complaint_id}/first-response", summary="Record the first response on a portal")
def post_first_response(
    complaint_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now, body: FirstResponse
) -> ComplaintShape:
    """Of a complaint that came through a regulator's portal."""
    row = record_first_response(session, complaint_id, body.on, by=caller.by, now=now)
    return _shape(session, row, caller)


class Reopening(Input):
    reason: Annotated[Paragraph, Field(min_length=1, max_length=1000)]


@router.post("/complaints/{complaint_id}/reopening", summary="Reopen a complaint")
def post_reopening(
    request: Request,
    complaint_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: Reopening,
) -> ComplaintShape:
    """With its hold; its clock runs from today."""
    letters = ports_of(request).catalog
    row = reopen_complaint(session, complaint_id, body.reason, letters, by=caller.by, now=now)
    return _shape(session, row, caller)


class SendAgain(Input):
    channel: Annotated[
        Channel, Field(strict=False, description="`email` or `post`: to the address on file now.")
    ]


@router.post("/complaints/{complaint_id}/letter", summary="Send a complaint's letter again")
def post_letter_again(
    request: Request,
    complaint_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: SendAgain,
) -> WholeComplaintShape:
    """The answer of a closed complaint, the holding letter or the acknowledgement of an open one, dated today, after it
    did not reach the customer. An e-mail that the gate does not clear goes by post."""
    letters = ports_of(request).catalog
    send_letter_again(session, complaint_id, body.channel, letters, by=caller.by, now=now)
    return _whole(session, get_complaint(session, complaint_id), caller)


class OmbudsmanStep(Input):
    stage: Annotated[OmbudsmanStage, Field(strict=False)]
    on: Day
    reference: Annotated[Line, Field(max_length=80, description="Theirs.")] = ""
    note: Annotated[Paragraph, Field(max_length=1000, description="What was decided.")] = ""


@router.post("/complaints/{complaint_id}/ombudsman", summary="Record the ombudsman's stage")
def post_ombudsman(
    complaint_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now, body: OmbudsmanStep
) -> ComplaintShape:
    """Referred, then decided for us or for the customer."""
    row = set_ombudsman(
        session, complaint_id, body.stage, body.on, body.reference, body.note, by=caller.by, now=now
    )
    return _shape(session, row, caller)


def _shape(session: Session, row: Complaint, caller: Caller) -> ComplaintShape:
    return covered(ComplaintShape.of(row), sight_of(session, row.customer_id, caller.role, caller.by))


def _whole(session: Session, row: Complaint, caller: Caller) -> WholeComplaintShape:
    whole = WholeComplaintShape.whole(session, row)
    return covered(whole, sight_of(session, row.customer_id, caller.role, caller.by))


def _redress(session: Session, row: ComplaintRedress, caller: Caller) -> RedressShape:
    customer_id = get_complaint(session, row.complaint_id).customer_id
    return covered(RedressShape.of(session, row), sight_of(session, customer_id, caller.role, caller.by))
