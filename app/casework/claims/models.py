"""Payments that customers say they made."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime


class PaymentClaim(Row, table=True):
    """A payment that the customer says was made. It is open as long as its hold is, until a payment is posted."""

    __tablename__ = "payment_claim"
    __table_args__ = (
        sa.Index("ix_payment_claim_customer", "customer_id"),
        sa.Index(
            "ix_payment_claim_open",
            "portfolio_id",
            sqlite_where=sa.text("found_at IS NULL"),
            postgresql_where=sa.text("found_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    hold_id: int = Field(foreign_key="case_hold.id", sa_type=BigId)
    paid_on: date | None = None
    """None = they did not say when."""
    amount_minor: int = Field(default=0, sa_type=sa.BigInteger)
    """0 = they did not say how much."""
    method: str = Field(default="", max_length=40)
    claimed_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    found_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
