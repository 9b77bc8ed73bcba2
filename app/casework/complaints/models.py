"""A complaint, the answers it had, its letters, its redress, and the root causes of complaints."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

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
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.core.ids import id_of

_OPEN = sa.text("closed_at IS NULL")
_HOLDING = sa.text("closed_at IS NULL AND holding_on IS NULL AND holding_from IS NOT NULL")
_LOST = sa.text("lost_on IS NOT NULL")
_LATE = sa.text("closed_at IS NULL AND overdue_on IS NULL")


class RootCause(Row, table=True):
    """A cause that several complaints have in common, who removes it and how."""

    __tablename__ = "root_cause"
    __table_args__ = (sa.UniqueConstraint("portfolio_id", "name"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    name: str = Field(max_length=120)
    owner: str = Field(max_length=64)
    """User name of the person who removes it."""
    action: str = Field(default="", max_length=1000)
    """'' = none was decided yet."""
    action_on: date | None = None
    """The day from which the action works: complaints before and after it are compared."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)


class Complaint(Row, table=True):
    """A complaint of a customer. It is open until it was answered, resolved or withdrawn; a reopened one runs again."""

    __tablename__ = "complaint"
    __table_args__ = (
        sa.Index("ix_complaint_open", "portfolio_id", "answer_by", sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.Index(
            "ix_complaint_holding", "portfolio_id", "holding_from",
            sqlite_where=_HOLDING, postgresql_where=_HOLDING,
        ),
        sa.Index("ix_complaint_lost", "portfolio_id", "answer_by", "id", sqlite_where=_LOST, postgresql_where=_LOST),
        sa.Index("ix_complaint_late", "portfolio_id", "answer_by", "id", sqlite_where=_LATE, postgresql_where=_LATE),
        sa.Index("ix_complaint_received", "portfolio_id", "received_on"),
        sa.Index("ix_complaint_opened", "portfolio_id", "opened_at"),
        sa.Index("ix_complaint_customer", "customer_id", "closed_at"),
        sa.Index("ix_complaint_cause", "cause_id", "received_on"),
        sa.Index("ix_complaint_hold", "hold_id"),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_with IS NULL)", name="closed_with"),
        sa.CheckConstraint("(lost_on IS NULL) = (lost_letter IS NULL)", name="lost"),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_on IS NULL)", name="closed_on"),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    account_id: int | None = Field(default=None, foreign_key="account.id", sa_type=BigId)
    """None = about no account in particular."""
    hold_id: int | None = Field(default=None, foreign_key="case_hold.id", sa_type=BigId)
    """The hold that stands while it is open; several complaints of a customer share one."""
    category: ComplaintCategory = Field(sa_type=enum_type(ComplaintCategory))
    severity: ComplaintSeverity = Field(
        default=ComplaintSeverity.NORMAL, sa_type=enum_type(ComplaintSeverity)
    )
    channel: ComplaintChannel = Field(sa_type=enum_type(ComplaintChannel))
    words: str = Field(sa_type=sa.Text)
    """The customer's words."""
    received_at: datetime = Field(sa_type=UtcDateTime)
    received_on: date
    """The local day of receipt, from which its clocks run."""
    opened_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    """The person who received it, or the customer."""
    owner: str = Field(default="", max_length=64)
    """User name of the person who answers it; '' = none yet."""
    about_staff: str = Field(default="", max_length=120)
    """The person complained about; '' = none."""
    began_on: date
    """The day from which its clocks run: of receipt, or of its reopening."""
    resolve_by: date | None = None
    first_by: date | None = None
    first_on: date | None = None
    """Day of the first response to a regulator's portal."""
    answer_by: date
    holding_from: date | None = None
    holding_on: date | None = None
    """Day on which the holding letter was written."""
    expected_on: date | None = None
    """The day that the holding letter names for the answer."""
    overdue_on: date | None = None
    """Day on which it was found past its day."""
    lost_on: date | None = None
    """Day on which it was found that a letter of it did not reach the customer and that nothing else takes its place;
    None = none is missing."""
    lost_letter: LetterKind | None = Field(default=None, sa_type=enum_type(LetterKind))
    pack: str = Field(max_length=200)
    citation: str = Field(max_length=600)
    verified: bool
    outcome: ComplaintOutcome | None = Field(default=None, sa_type=enum_type(ComplaintOutcome))
    closed_with: AnswerKind | None = Field(default=None, sa_type=enum_type(AnswerKind))
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_on: date | None = None
    cause_id: int | None = Field(default=None, foreign_key="root_cause.id", sa_type=BigId)
    ombudsman: OmbudsmanStage = Field(default=OmbudsmanStage.NONE, sa_type=enum_type(OmbudsmanStage))
    ombudsman_on: date | None = None
    ombudsman_reference: str = Field(default="", max_length=80)
    ombudsman_note: str = Field(default="", max_length=1000)
    reopenings: int = Field(default=0)

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def reference(self) -> str:
        return complaint_reference(id_of(self))

    @property
    def is_unanswered(self) -> bool:
        """True while it is open, and of a closed one whose answer never arrived: the clock goes on."""
        return self.closed_at is None or self.lost_on is not None

    def is_overdue(self, today: date) -> bool:
        return self.is_unanswered and self.answer_by < today


class ComplaintAnswer(Row, table=True):
    """How a complaint was closed: once, or again after a reopening."""

    __tablename__ = "complaint_answer"
    __table_args__ = (
        sa.UniqueConstraint("complaint_id", "number"),
        sa.Index("ix_complaint_answer_day", "portfolio_id", "answered_on"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    complaint_id: int = Field(foreign_key="complaint.id", sa_type=BigId)
    number: int
    """1, or 1 + how often it was reopened before."""
    kind: AnswerKind = Field(sa_type=enum_type(AnswerKind))
    outcome: ComplaintOutcome | None = Field(default=None, sa_type=enum_type(ComplaintOutcome))
    """None = it ended as a hold, without a decision on record."""
    form: FinalForm | None = Field(default=None, sa_type=enum_type(FinalForm))
    reasons: str = Field(default="", sa_type=sa.Text)
    """What was found and why it is decided so, as the customer reads it."""
    redress_minor: int = Field(default=0, sa_type=sa.BigInteger)
    apology: bool = Field(default=False)
    correction: str = Field(default="", max_length=500)
    began_on: date
    answer_by: date
    answered_on: date
    answered_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    document_id: int | None = Field(default=None, foreign_key="case_document.id", sa_type=BigId)
    """The letter on file, where it left outside the desk."""


class ComplaintLetter(Row, table=True):
    """A letter of a complaint, by the step of its case under which its contact is found."""

    __tablename__ = "complaint_letter"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "step", "occurrence"),
        sa.Index("ix_complaint_letter", "complaint_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    complaint_id: int = Field(foreign_key="complaint.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    step: str = Field(max_length=60)
    occurrence: int
    kind: LetterKind = Field(sa_type=enum_type(LetterKind))
    answer_id: int | None = Field(default=None, foreign_key="complaint_answer.id", sa_type=BigId)
    """The answer that it tells."""
    written_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)


class ComplaintRedress(Row, table=True):
    """A credit that puts a complaint right, and who decided it."""

    __tablename__ = "complaint_redress"
    __table_args__ = (
        sa.Index("ix_complaint_redress", "complaint_id"),
        sa.Index("ix_complaint_redress_waiting", "portfolio_id", "status"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        sa.CheckConstraint("decided_by <> requested_by OR alone", name="two_people"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    complaint_id: int = Field(foreign_key="complaint.id", sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    reason: str = Field(max_length=300)
    status: RedressStatus = Field(default=RedressStatus.REQUESTED, sa_type=enum_type(RedressStatus))
    requested_by: str = Field(max_length=120)
    requested_at: datetime = Field(sa_type=UtcDateTime)
    alone: bool = Field(default=False)
    """One person was enough: a manager within the portfolio's limit."""
    decided_by: str = Field(default="", max_length=120)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    note: str = Field(default="", max_length=300)
    entry_id: int | None = Field(default=None, foreign_key="ledger_entry.id", sa_type=BigId)
    """The credit that was posted."""


def complaint_reference(complaint_id: int) -> str:
    """How a complaint is named: `K-000012`."""
    return f"K-{complaint_id:06d}"
