"""Requests that a manager decides."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.approvals.rules import (
    ApprovalKind,
    ApprovalStatus,
    Ask,
    AskAgreement,
    AskDecision,
    AskDispute,
    AskGoodwill,
    AskHandOver,
    AskSkip,
    Figures,
)
from app.casework.disputes.rules import DisputeDecision
from app.casework.plans.terms import read_terms
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.core.ids import id_of
from app.core.kit.frozen_json import from_json

WAITING = sa.text("status = 'requested' AND dispute_id IS NULL")
WAITING_OF_DISPUTE = sa.text("status = 'requested' AND dispute_id IS NOT NULL")


class ApprovalRequest(Row, table=True):
    """A request of an agent to a manager, with the figures of that moment. A case has one waiting request a kind, but
    one for each of its disputes."""

    __tablename__ = "approval_request"
    __table_args__ = (
        sa.Index(
            "uq_approval_request_waiting",
            "case_id",
            "kind",
            unique=True,
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        ),
        sa.Index(
            "uq_approval_request_dispute",
            "dispute_id",
            unique=True,
            sqlite_where=WAITING_OF_DISPUTE,
            postgresql_where=WAITING_OF_DISPUTE,
        ),
        sa.Index("ix_approval_request_status", "portfolio_id", "status"),
        sa.Index("ix_approval_request_asker", "asked_by", "asked_at"),
        sa.CheckConstraint("status <> 'approved' OR decided_by <> asked_by", name="two_people"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    kind: ApprovalKind = Field(sa_type=enum_type(ApprovalKind))
    status: ApprovalStatus = Field(default=ApprovalStatus.REQUESTED, sa_type=enum_type(ApprovalStatus))
    amount_minor: int = Field(default=0, sa_type=sa.BigInteger)
    """What the customer pays, or what is conceded or credited; 0 for a hand-over."""
    due_on: date | None = None
    """The day of the first payment."""
    terms: str = Field(default="", sa_type=sa.Text)
    """All terms of the agreement that is asked for, as JSON (`stored_terms`); empty where it is about none."""
    replaces_id: int | None = Field(default=None, foreign_key="plan.id", sa_type=BigId)
    """The live plan that it is renegotiated from, or whose instalment is to be skipped."""
    instalment: int | None = None
    """The instalment that is to be skipped; None = the request is about no skip."""
    dispute_id: int | None = Field(default=None, foreign_key="dispute.id", sa_type=BigId)
    """The dispute whose decision is asked for."""
    decision: str = Field(default="", sa_type=sa.Text)
    """That decision, as JSON (`DisputeDecision`)."""
    account_id: int | None = Field(default=None, foreign_key="account.id", sa_type=BigId)
    """The account that is to be credited as goodwill."""
    to_username: str = Field(default="", max_length=64)
    owed_minor: int = Field(sa_type=sa.BigInteger)
    past_due_minor: int = Field(sa_type=sa.BigInteger)
    days_past_due: int
    reason: str = Field(max_length=500)
    asked_by: str = Field(max_length=120)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    decided_by: str = Field(default="", max_length=120)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    note: str = Field(default="", max_length=300)
    plan_id: int | None = Field(default=None, foreign_key="plan.id", sa_type=BigId)
    """The offer that its approval made."""

    @property
    def ask(self) -> Ask:
        if self.kind is ApprovalKind.HAND_OVER:
            return AskHandOver(self.to_username)
        if self.dispute_id is not None:
            return AskDispute(self.dispute_id, from_json(DisputeDecision, self.decision), self.amount_minor)
        if self.account_id is not None:
            return AskGoodwill(self.account_id, self.amount_minor)
        if self.kind is ApprovalKind.DECISION:
            return AskDecision()
        if self.instalment is not None and self.replaces_id is not None:
            return AskSkip(self.replaces_id, self.instalment)
        return AskAgreement(read_terms(self.terms), self.replaces_id)

    @property
    def figures(self) -> Figures:
        return Figures(self.owed_minor, self.past_due_minor, self.days_past_due)

    @property
    def key(self) -> str:
        """Name of the request in addresses of the inbox."""
        return f"request-{id_of(self)}"
