"""Skills and absences of people."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.assignment.rules import SkillKind
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
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was called off, or ended early; None = it lasts as planned."""
    ended_by: str = Field(default="", max_length=120)
