"""Contacts: each one that the gate cleared, of one step of a case on one channel."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.contacts.rules import CaseStep
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.core.vocabulary import Channel, Purpose


class CaseStepColumns(Row):
    """The columns of a `CaseStep`, for tables whose rows belong to one."""

    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    step: str = Field(max_length=60)
    """A step of the strategy, or a DeskStep."""
    occurrence: int = Field(default=1)
    """1 for the first time that the case takes this step, 2 for the second."""
    plan_id: int | None = Field(default=None, foreign_key="plan.id", sa_type=BigId)
    """The plan that it offers, confirms or tells the end of."""
    hold_id: int | None = Field(default=None, foreign_key="case_hold.id", sa_type=BigId)
    """The hold that it acknowledges."""
    instalment: int | None = None
    """The instalment of the plan that it reminds of, or whose change it confirms."""

    @property
    def case_step(self) -> CaseStep:
        return CaseStep(self.case_id, self.step, self.occurrence, self.plan_id, self.hold_id, self.instalment)


def once_a_step(table: str, *also: str) -> tuple[sa.Index, ...]:
    """Unique indexes that let each step of a case (and each of `also`) have one row in `table`. A step that speaks of a
    hold is told apart by that, one of a plan or of an instalment by that and its occurrence, any other by its
    occurrence."""
    return tuple(
        sa.Index(
            f"uq_{table}_{name}",
            *columns,
            *also,
            unique=True,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
        for name, columns, where in (
            ("step", ("case_id", "step", "occurrence"), "plan_id IS NULL AND hold_id IS NULL"),
            ("plan", ("plan_id", "step", "occurrence"), "plan_id IS NOT NULL AND instalment IS NULL"),
            ("instalment", ("plan_id", "instalment", "step", "occurrence"), "instalment IS NOT NULL"),
            ("hold", ("hold_id", "step"), "hold_id IS NOT NULL"),
        )
    )


class PlannedContact(CaseStepColumns, table=True):
    """A contact that the gate cleared. Its messages and its call task refer to it, and its uniqueness is what keeps two
    planners from contacting a customer twice."""

    __tablename__ = "contact"
    __table_args__ = once_a_step("contact", "channel")

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    channel: Channel = Field(sa_type=enum_type(Channel))
    purpose: Purpose = Field(sa_type=enum_type(Purpose))
    letter: str = Field(default="", max_length=60)
    """'' = a call."""
    decision_id: int | None = Field(default=None, foreign_key="timeline_event.id", sa_type=BigId)
    """The event in which the gate cleared it."""
    created_at: datetime = Field(sa_type=UtcDateTime)
