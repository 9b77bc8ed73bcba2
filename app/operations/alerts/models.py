"""Alerts, and the news of them that each messenger sent."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.operations.alerts.rules import About, AlertKind


class Alert(Row, table=True):
    """A failure from its first sign to its end. At most one of a kind and subject is open."""

    __tablename__ = "alert"
    __table_args__ = (
        sa.Index(
            "uq_alert_open",
            "kind",
            "subject",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: AlertKind = Field(sa_type=enum_type(AlertKind))
    subject: str = Field(max_length=120)
    detail: str = Field(sa_type=sa.Text)
    first_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    times: int = Field(default=1, ge=1)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class AlertNotice(Row, table=True):
    """One piece of news that a messenger took."""

    __tablename__ = "alert_notice"
    __table_args__ = (sa.Index("ix_alert_notice_alert", "alert_id", "messenger"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    alert_id: int = Field(foreign_key="alert.id", sa_type=BigId)
    messenger: str = Field(max_length=20)
    about: About = Field(sa_type=enum_type(About))
    at: datetime = Field(sa_type=UtcDateTime)
