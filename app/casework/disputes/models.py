"""Disputes of customers, and the evidence that was asked for."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.disputes.rules import DisputeKind, DisputeOutcome, EvidenceState, ReceivedAs
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type

IS_OPEN, IS_LEFT_OUT = sa.text("outcome IS NULL"), sa.text("left_out_minor > 0")
IS_CORRECTED = sa.text("correction_id IS NOT NULL")
IS_DECIDED = sa.text("outcome IS NOT NULL")
IS_TO_RELEASE = sa.text("left_out_minor > 0 AND outcome IS NOT NULL")


def dispute_reference(dispute_id: int) -> str:
    return f"D-{dispute_id:06d}"


class Dispute(Row, table=True):
    """What a customer says is wrong of their debt. It is open until it has an outcome.

    One about everything has a hold; any other has an amount that nobody asks for (`left_out_minor`).
    """

    __tablename__ = "dispute"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "n"),
        sa.Index("ix_dispute_customer", "customer_id"),
        sa.Index(
            "ix_dispute_open", "portfolio_id", "answer_by", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN
        ),
        sa.Index("ix_dispute_left_out", "account_id", sqlite_where=IS_LEFT_OUT, postgresql_where=IS_LEFT_OUT),
        sa.Index(
            "uq_dispute_entry_open", "entry_id", unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN
        ),
        sa.Index("ix_dispute_hold", "hold_id"),
        sa.Index("ix_dispute_received", "portfolio_id", "received_on"),
        # The register of all of them, those that came lately, those that were decided lately.
        sa.Index("ix_dispute_answer", "portfolio_id", "answer_by", "id"),
        sa.Index("ix_dispute_opened", "portfolio_id", "opened_at"),
        sa.Index(
            "ix_dispute_decided", "portfolio_id", "decided_at",
            sqlite_where=IS_DECIDED, postgresql_where=IS_DECIDED,
        ),
        # Which dispute an entry corrects.
        sa.Index(
            "ix_dispute_correction", "correction_id",
            sqlite_where=IS_CORRECTED, postgresql_where=IS_CORRECTED,
        ),
        # Few rows: decided, and still left out.
        sa.Index(
            "ix_dispute_release", "portfolio_id", "pay_by",
            sqlite_where=IS_TO_RELEASE, postgresql_where=IS_TO_RELEASE,
        ),
        sa.CheckConstraint("left_out_minor = 0 OR account_id IS NOT NULL", name="left_out_of_an_account"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        sa.CheckConstraint("left_out_minor >= 0", name="left_out_not_negative"),
        sa.CheckConstraint("conceded_minor >= 0", name="conceded_not_negative"),
        sa.CheckConstraint(
            "charges_credited_minor >= 0 AND charges_made_minor >= 0", name="charges_not_negative"
        ),
        sa.CheckConstraint("(outcome IS NULL) = (decided_at IS NULL)", name="decided_with_outcome"),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    n: int
    """1 for the first dispute of its case: the occurrence of the steps by which it is written to the customer."""
    kind: DisputeKind = Field(sa_type=enum_type(DisputeKind))
    account_id: int | None = Field(default=None, foreign_key="account.id", sa_type=BigId)
    """None = all accounts of the customer."""
    entry_id: int | None = Field(default=None, foreign_key="ledger_entry.id", sa_type=BigId)
    statement_id: int | None = Field(default=None, foreign_key="statement.id", sa_type=BigId)
    """The first statement that shows a billing error."""
    amount_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    """None = everything, or a sum that nobody told."""
    left_out_minor: int = Field(default=0, sa_type=sa.BigInteger)
    """The sum that nobody asks for now: while it is open, and after that until it is corrected or to be paid."""
    paid_on: date | None = None
    """The day on which the customer says that it was paid."""
    received_on: date
    received_as: ReceivedAs = Field(sa_type=enum_type(ReceivedAs))
    words: str = Field(max_length=1000)
    """What the customer says, in their words."""
    owner: str = Field(default="", max_length=64)
    acknowledge_by: date | None = None
    """Last day of the written acknowledgement that the law asks for; None = it asks for none."""
    answer_by: date
    """Last day of the answer: the law's, or ours where it names none."""
    by_law: bool = False
    """`answer_by` is the law's."""
    citation: str = Field(default="", max_length=600, sa_column_kwargs={"server_default": ""})
    """Of the rule that names `answer_by`; '' = none does, or it was not kept."""
    verified: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """A person has read that rule at first hand."""
    hold_id: int | None = Field(default=None, foreign_key="case_hold.id", sa_type=BigId)
    by: str = Field(max_length=120)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    outcome: DisputeOutcome | None = Field(default=None, sa_type=enum_type(DisputeOutcome))
    explanation: str = Field(default="", max_length=1000)
    """The reasons of the decision, as the letter tells them."""
    conceded_minor: int = Field(default=0, sa_type=sa.BigInteger)
    """The sum by which the decision lowers the debt."""
    charges_credited_minor: int = Field(
        default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    """Interest and late fees on it that were credited here since it came, without what was charged again when it
    changed; of one upheld in part, those on the part."""
    charges_made_minor: int = Field(
        default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    """Interest on what was not conceded that the decision charged, for the time in which it was open. Until then: what
    changes of the dispute charged beyond what it had credited."""
    correction_id: int | None = Field(default=None, foreign_key="ledger_entry.id", sa_type=BigId)
    """The entry that corrected the ledger, or the payment that was found."""
    awaits_correction: bool = Field(default=False)
    """The creditor has to post what was conceded."""
    pay_by: date | None = None
    """Last of the days that the customer has to pay what was not conceded; nobody asks for it before."""
    decided_by: str = Field(default="", max_length=120)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def reference(self) -> str:
        assert self.id is not None
        return dispute_reference(self.id)

    @property
    def is_open(self) -> bool:
        return self.outcome is None


class DisputeEvidence(Row, table=True):
    """Evidence for a dispute: asked for, and what came."""

    __tablename__ = "dispute_evidence"
    __table_args__ = (sa.Index("ix_dispute_evidence_dispute", "dispute_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    dispute_id: int = Field(foreign_key="dispute.id", sa_type=BigId)
    what: str = Field(max_length=200)
    state: EvidenceState = Field(sa_type=enum_type(EvidenceState))
    due_on: date
    document_id: int | None = Field(default=None, foreign_key="case_document.id", sa_type=BigId)
    """The document on file that came for it."""
    note: str = Field(default="", max_length=300)
    """Why it does not suffice."""
    asked_by: str = Field(max_length=120)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    judged_by: str = Field(default="", max_length=120)
    judged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
