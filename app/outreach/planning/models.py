"""Letters that an event asked for and that have to wait."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.contacts.models import CaseStepColumns, once_a_step
from app.core.database.engine import BigId, UtcDateTime


class DeferredLetter(CaseStepColumns, table=True):
    """A letter that an event asked for, and that the gate makes wait longer than a night plans ahead."""

    __tablename__ = "deferred_letter"
    __table_args__ = (
        *once_a_step("deferred_letter", "channel"),
        sa.Index("ix_deferred_letter_until", "portfolio_id", "until"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    letter: str = Field(max_length=60)
    channel: str = Field(max_length=10)
    """'' = by e-mail, or by post to a customer without an e-mail address."""
    figures: str = Field(sa_type=sa.Text)
    """JSON of what the event adds to the letter's values: ISO dates, and amounts in minor units."""
    until: datetime = Field(sa_type=UtcDateTime)
