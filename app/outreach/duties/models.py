"""Duties: letters that the law wants within some days of an event, and what became of each."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.policy.kinds.duty import DutyEvent


class Duty(Row, table=True):
    """A letter that is owed to a customer. It is open until the letter left, or nothing is owed any more."""

    __tablename__ = "duty"
    __table_args__ = (
        sa.UniqueConstraint("customer_id", "rule", "occasion"),
        sa.Index(
            "ix_duty_open",
            "portfolio_id",
            "due_on",
            sqlite_where=sa.text("ended_on IS NULL"),
            postgresql_where=sa.text("ended_on IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    rule: str = Field(max_length=80)
    """Id of the pack's rule."""
    citation: str = Field(max_length=300)
    verified: bool
    event: DutyEvent = Field(sa_type=enum_type(DutyEvent))
    occasion: int = Field(default=0, sa_type=BigId)
    """Id of the dispute, hold, complaint or plan that it follows; of missed payments the account and the day, of an
    open case the case and the day (`sources.py`); 0 = the first contact, of which there is one."""
    letters: str = Field(max_length=200)
    """Names of the letters that fulfil it, the one that the desk writes first; by spaces."""
    channels: str = Field(max_length=40)
    """Channels by which it is owed, by spaces."""
    arose_on: date
    due_on: date
    """Last day on which the letter leaves in time."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    told_person_on: date | None = None
    """Day on which a person was given the work, because the desk cannot write the letter."""
    overdue_on: date | None = None
    """Day on which it was found overdue; it stays open all the same."""
    met_on: date | None = None
    """Day on which the letter left; it may be later than `due_on`."""
    ended_on: date | None = None
    """Day on which it was met, or fell away."""
    ended_why: str = Field(default="", max_length=200)

    @property
    def letter(self) -> str:
        """The letter that the desk writes."""
        return self.letters.split(" ", 1)[0]
