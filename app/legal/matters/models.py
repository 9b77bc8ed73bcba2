"""Reports of lawyers, and questions between them and collections."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.legal.matters.rules import ReportKind

_WAITING = sa.text("answered_at IS NULL")


class LegalReport(Row, table=True):
    """What the lawyers said became of a case: never changed, a later one is another row."""

    __tablename__ = "legal_report"
    __table_args__ = (
        sa.Index("ix_legal_report_referral", "referral_id", "id"),
        sa.Index("ix_legal_report_hearing", "kind", "on_date"),
        sa.CheckConstraint("amount_minor IS NULL OR kind = 'judgment'", name="amount_of_judgment"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    referral_id: int = Field(foreign_key="referral.id", sa_type=BigId)
    kind: ReportKind = Field(sa_type=enum_type(ReportKind))
    on_date: date
    """The day of what is reported; of a hearing the day on which it is."""
    court: str = Field(default="", max_length=120)
    court_reference: str = Field(default="", max_length=80)
    """The court's number of the matter."""
    amount_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    """What a judgment awards, costs included."""
    note: str = Field(default="", max_length=500)
    by: str = Field(max_length=120)
    at: datetime = Field(sa_type=UtcDateTime)


class LegalQuestion(Row, table=True):
    """A question about a case from one side to the other, and its answer."""

    __tablename__ = "legal_question"
    __table_args__ = (
        sa.Index("ix_legal_question_case", "case_id", "id"),
        sa.Index(
            "ix_legal_question_waiting", "to_legal", "id", sqlite_where=_WAITING, postgresql_where=_WAITING
        ),
        sa.CheckConstraint("(answered_at IS NULL) = (answer = '')", name="answered"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    referral_id: int = Field(foreign_key="referral.id", sa_type=BigId)
    to_legal: bool
    """Collections asks; otherwise the legal team does."""
    question: str = Field(max_length=1000)
    asked_by: str = Field(max_length=120)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    answer: str = Field(default="", max_length=2000)
    answered_by: str = Field(default="", max_length=120)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    task_id: int | None = Field(default=None, foreign_key="strategy_task.id", sa_type=BigId)
    """The work that a question of the legal team gave the owner of the case; done when it is answered."""
