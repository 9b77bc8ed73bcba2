"""Skills and absences of people, and moves of many cases."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.assignment.rules import SkillKind
from app.casework.assignment.stays import MoveState, MoveStatus
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class StaffSkill(Row, table=True):
    """One thing that a person can do; how many cases they may have is `User.most_cases`."""

    __tablename__ = "staff_skill"
    __table_args__ = (sa.UniqueConstraint("user_id", "kind", "value"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    user_id: int = Field(foreign_key="staff_user.id", sa_type=BigId)
    kind: SkillKind = Field(sa_type=enum_type(SkillKind))
    value: str = Field(max_length=60)
    """Subtag of a language, product (case-folded), or `CareSkill`."""


class StaffAbsence(Row, table=True):
    """Days on which a person is away, both ends included, by the calendar of each case's portfolio."""

    __tablename__ = "staff_absence"
    __table_args__ = (
        sa.CheckConstraint("last_on >= first_on", name="days"),
        sa.Index("ix_staff_absence_user", "user_id", "last_on"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    user_id: int = Field(foreign_key="staff_user.id", sa_type=BigId)
    first_on: date
    last_on: date
    cover_id: int = Field(foreign_key="staff_user.id", sa_type=BigId)
    """Who works their cases meanwhile."""
    over_reason: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    """Why the cover gets more cases than their capacity; '' = they did not when it was planned."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was called off, or ended early; None = it lasts as planned."""
    ended_by: str = Field(default="", max_length=120)


class CaseMove(Row, table=True):
    """Many cases that a manager moves at once: prepared, then confirmed with a reason."""

    __tablename__ = "case_move"
    __table_args__ = (
        sa.CheckConstraint("(status = 'prepared') = (moved_at IS NULL)", name="moved"),
        sa.CheckConstraint("(status = 'undone') = (undone_at IS NOT NULL)", name="undone"),
        sa.CheckConstraint("status = 'prepared' OR reason <> ''", name="reason"),
        sa.Index("ix_case_move_prepared", "prepared_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    status: MoveStatus = Field(default=MoveStatus.PREPARED, sa_type=enum_type(MoveStatus))
    choice: str = Field(sa_type=sa.Text)
    """How the cases were chosen, as JSON."""
    receivers: str = Field(sa_type=sa.Text)
    """JSON [user name, ...], by name."""
    returns: bool
    """The cases go back to their own people when these are back."""
    overruled: str = Field(default="", max_length=200)
    """Reasons to stay that did not count, with commas between them."""
    prepared_at: datetime = Field(sa_type=UtcDateTime)
    prepared_by: str = Field(max_length=120)
    reason: str = Field(default="", max_length=200)
    moved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    moved_by: str = Field(default="", max_length=120)
    undone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    undone_by: str = Field(default="", max_length=120)


class CaseMoveLine(Row, table=True):
    """One case of a move: who had it, who gets it, and what became of it."""

    __tablename__ = "case_move_line"
    __table_args__ = (sa.Index("ix_case_move_line_case", "case_id", "move_id"),)

    move_id: int = Field(primary_key=True, foreign_key="case_move.id", sa_type=BigId)
    case_id: int = Field(primary_key=True, foreign_key="collections_case.id", sa_type=BigId)
    n: int
    """Its place in the preview, from 1."""
    from_owner: str = Field(default="", max_length=60)
    from_covered_for: str = Field(default="", max_length=64)
    to_owner: str = Field(default="", max_length=60)
    """'' = it stays."""
    state: MoveState = Field(sa_type=enum_type(MoveState))
    why: str = Field(default="", max_length=120)
    """Reasons for which it did not move or was not restored, with commas between them."""
    past_due_minor: int = Field(default=0, sa_type=sa.BigInteger)
    balance_minor: int = Field(default=0, sa_type=sa.BigInteger)
    """Both as the preview showed them."""
