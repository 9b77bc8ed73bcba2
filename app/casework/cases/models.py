"""A case: one customer in one portfolio while anything is past due; and the calls that are to be made about it."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.contacts.models import PlannedContact
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type, table_of
from app.core.ids import id_of


class CollectionsCase(Row, table=True):
    """`past_due_minor`, `balance_minor` and `oldest_due_on` are over the customer's accounts at the last business day;
    the day refreshes them, set-based. The columns `now_...` are the same of this moment (`figures.py`). Past due is
    what is owed of it; an account that owes nothing dates nothing."""

    __tablename__ = "collections_case"
    __table_args__ = (
        sa.Index(
            "uq_collections_case_open",
            "customer_id",
            unique=True,
            sqlite_where=sa.text("status = 'open'"),
            postgresql_where=sa.text("status = 'open'"),
        ),
        sa.Index("ix_collections_case_customer", "customer_id"),
        sa.Index("ix_collections_case_contact", "portfolio_id", "status", "next_contact_on"),
        sa.Index("ix_collections_case_priority", "portfolio_id", "status", "priority"),
        sa.Index(
            "ix_collections_case_callback",
            "portfolio_id",
            "callback_at",
            sqlite_where=sa.text("callback_at IS NOT NULL"),
            postgresql_where=sa.text("callback_at IS NOT NULL"),
        ),
        # The lists of one owner and their count, and the callbacks of one owner that are due.
        sa.Index("ix_collections_case_owner", "owner", "status", "portfolio_id"),
        sa.Index(
            "ix_collections_case_owner_callback",
            "owner",
            "callback_at",
            sqlite_where=sa.text("callback_at IS NOT NULL"),
            postgresql_where=sa.text("callback_at IS NOT NULL"),
        ),
        # Few rows: those whose owner works them for an absent colleague.
        sa.Index(
            "ix_collections_case_covered",
            "portfolio_id",
            sqlite_where=sa.text("covered_for <> ''"),
            postgresql_where=sa.text("covered_for <> ''"),
        ),
        # Few rows: those that the legal team has.
        sa.Index(
            "ix_collections_case_with_legal",
            "customer_id",
            sqlite_where=sa.text("with_legal_since IS NOT NULL"),
            postgresql_where=sa.text("with_legal_since IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    status: CaseStatus = Field(default=CaseStatus.OPEN, sa_type=enum_type(CaseStatus))
    outcome: CaseOutcome | None = Field(default=None, sa_type=enum_type(CaseOutcome))
    owner: str = Field(default="", max_length=60)
    """Username of the agent who works it; empty = none yet."""
    covered_for: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})
    """Username of the absent colleague whose case it is while `owner` works it; empty = the owner's own."""
    opened_on: date
    closed_on: date | None = None
    past_due_minor: int = Field(default=0, sa_type=sa.BigInteger)
    balance_minor: int = Field(default=0, sa_type=sa.BigInteger)
    oldest_due_on: date | None = None
    now_past_due_minor: int = Field(
        default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    now_balance_minor: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    now_oldest_due_on: date | None = None
    priority: int = Field(default=0)
    broken_promises: int = Field(default=0)
    callback_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    step_day: int = Field(default=0)
    """Day of the strategy step last taken (cleared, or refused for good) in this occurrence."""
    occurrence: int = Field(default=1)
    """Grows when a payment moved the days past due back behind `step_day`, so that steps may come again."""
    segment: str = Field(default="", max_length=60, sa_column_kwargs={"server_default": ""})
    """Segment of the strategy whose ladder it goes by; '' = the ladder of all other customers."""
    with_legal_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Since when the legal team has it: a referral was approved, and it did not come back. The gate then refuses
    reminders."""
    next_contact_on: date | None = None
    """The day on which the strategy is to be asked again; empty = not before something changes."""

    @property
    def reference(self) -> str:
        return case_reference(id_of(self))


def case_reference(case_id: int) -> str:
    return f"C-{case_id:06d}"


class CallTask(Row, table=True):
    """A call that an agent is to make: the strategy, or the customer, asks for it."""

    __tablename__ = "call_task"
    __table_args__ = (
        sa.UniqueConstraint("contact_id"),
        sa.Index("ix_call_task_case", "case_id", "done_at"),
        sa.Index(
            "ix_call_task_open",
            "due_on",
            "case_id",
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    contact_id: int = Field(foreign_key=f"{table_of(PlannedContact).name}.id", sa_type=BigId)
    due_on: date
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """A time of that day before which there is no point: the customer's own, or after an unanswered call."""
    wish: str = Field(default="", max_length=300, sa_column_kwargs={"server_default": ""})
    """The customer's own words about when to call."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    result: str = Field(default="", max_length=40)
