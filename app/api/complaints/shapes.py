"""Complaints as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from pydantic import Field
from sqlmodel import Session

from app.api.shapes import Money, Shape
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import case_reference
from app.casework.complaints.models import (
    Complaint,
    ComplaintAnswer,
    ComplaintRedress,
    RootCause,
)
from app.casework.complaints.queries import answers_of, letters_of, redress_of
from app.casework.complaints.rules import (
    AnswerKind,
    ComplaintCategory,
    ComplaintChannel,
    ComplaintOutcome,
    ComplaintSeverity,
    FinalForm,
    LetterKind,
    OmbudsmanStage,
    RedressStatus,
)
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.vocabulary import Channel


class ComplaintShape(Shape):
    """A complaint, and the days by which it is answered."""

    id: int
    reference: str = Field(examples=["K-000012"])
    case: str = Field(examples=["C-000012"])
    category: ComplaintCategory
    severity: ComplaintSeverity
    channel: ComplaintChannel
    words: str = Field(description="The customer's words.")
    received_at: datetime
    received_on: date
    by: str
    owner: str = Field(description="User name of the person who answers it; empty = none yet.")
    about_staff: str = Field(description="The person complained about; empty = none.")
    resolve_by: date | None = Field(description="Last day on which a summary resolution is enough.")
    first_by: date | None = Field(description="Last day for the first response to a regulator's portal.")
    first_on: date | None
    answer_by: date = Field(description="Last day for the final response.")
    holding_on: date | None = Field(description="Day on which the letter was written that it is late.")
    expected_on: date | None = Field(description="The day that this letter names.")
    lost_on: date | None = Field(
        description="Day on which a letter of it was found not to have reached the customer; none = none is missing."
    )
    lost_letter: LetterKind | None
    citation: str
    verified: bool
    outcome: ComplaintOutcome | None
    closed_with: AnswerKind | None
    closed_on: date | None
    cause_id: int | None
    ombudsman: OmbudsmanStage
    ombudsman_on: date | None
    ombudsman_reference: str
    ombudsman_note: str
    reopenings: int

    @classmethod
    def of(cls, row: Complaint) -> Self:
        names = set(cls.model_fields) - {"id", "case", "reference"}
        return cls(
            id=id_of(row),
            reference=row.reference,
            case=case_reference(row.case_id),
            **{name: getattr(row, name) for name in names},
        )


class ComplaintAnswerShape(Shape):
    """How a complaint was closed."""

    number: int
    kind: AnswerKind
    outcome: ComplaintOutcome | None
    form: FinalForm | None
    reasons: str
    redress: Money
    apology: bool
    correction: str
    answer_by: date
    answered_on: date
    by: str
    document_id: int | None

    @classmethod
    def of(cls, row: ComplaintAnswer, currency: str) -> Self:
        names = set(cls.model_fields) - {"redress"}
        return cls(
            redress=to_decimal_string(row.redress_minor, currency),
            **{name: getattr(row, name) for name in names},
        )


class RedressShape(Shape):
    """A credit that puts a complaint right."""

    id: int
    complaint: str = Field(examples=["K-000012"])
    account: str
    amount: Money
    currency: str
    reason: str
    status: RedressStatus
    requested_by: str
    decided_by: str
    note: str

    @classmethod
    def of(cls, session: Session, row: ComplaintRedress) -> Self:
        portfolio = session.get_one(Portfolio, row.portfolio_id)
        return cls(
            id=id_of(row),
            complaint=session.get_one(Complaint, row.complaint_id).reference,
            account=session.get_one(Account, row.account_id).reference,
            amount=to_decimal_string(row.amount_minor, portfolio.currency),
            currency=portfolio.currency,
            reason=row.reason,
            status=row.status,
            requested_by=row.requested_by,
            decided_by=row.decided_by,
            note=row.note,
        )


class ComplaintLetterShape(Shape):
    kind: LetterKind
    written_at: datetime
    channels: list[Channel] = Field(description="Channels by which it was queued; none = it waits.")


class WholeComplaintShape(ComplaintShape):
    """A complaint with its answers, letters and redress."""

    answers: list[ComplaintAnswerShape]
    letters: list[ComplaintLetterShape]
    redress: list[RedressShape]

    @classmethod
    def whole(cls, session: Session, row: Complaint) -> Self:
        currency = session.get_one(Portfolio, row.portfolio_id).currency
        return cls(
            **ComplaintShape.of(row).model_dump(),
            answers=[ComplaintAnswerShape.of(each, currency) for each in answers_of(session, id_of(row))],
            letters=[
                ComplaintLetterShape(
                    kind=letter.kind,
                    written_at=letter.written_at,
                    channels=[channel for _, channel in contacts],
                )
                for letter, contacts in letters_of(session, id_of(row))
            ],
            redress=[RedressShape.of(session, each) for each in redress_of(session, id_of(row))],
        )


class CauseShape(Shape):
    """A root cause, and the complaints of it in the 90 days before and after its action."""

    id: int
    name: str
    owner: str
    action: str
    action_on: date | None
    complaints: int
    before: int | None = Field(
        description="In as many days before the action as have passed since, at most 90."
    )
    after: int | None

    @classmethod
    def of(cls, row: RootCause, complaints: int, before: int | None, after: int | None) -> Self:
        return cls(
            id=id_of(row),
            name=row.name,
            owner=row.owner,
            action=row.action,
            action_on=row.action_on,
            complaints=complaints,
            before=before,
            after=after,
        )
