"""The list of who gets digests, and the digests that were made."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.operations.digests.rules import DigestCadence, DigestStatus, DigestWay


class DigestRecipient(Row, table=True):
    """A person or an endpoint that gets the digest of one portfolio."""

    __tablename__ = "digest_recipient"
    __table_args__ = (
        sa.Index(
            "uq_digest_recipient_open",
            "portfolio_id",
            "way",
            "username",
            "url",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    way: DigestWay = Field(sa_type=enum_type(DigestWay))
    username: str = Field(default="", max_length=64)
    """The manager who gets it by e-mail; '' = a webhook."""
    email: str = Field(default="", max_length=254)
    url: str = Field(default="", max_length=500)
    salt: str = Field(default="", max_length=64)
    """Of which the secret of the webhook is derived."""
    old_salt: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})
    """Of the secret that was replaced last."""
    old_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Until when the secret that was replaced signs beside the new one."""
    cadence: DigestCadence = Field(sa_type=enum_type(DigestCadence))
    language: str = Field(default="en", max_length=20, sa_column_kwargs={"server_default": "en"})
    """Of the digest's words: a catalogue's name. A webhook's are English."""
    active: bool = True
    after_on: date | None = Field(default=None, sa_type=sa.Date)
    """Only later days are told: the last closed day when the recipient joined, or came back."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)


class Digest(Row, table=True):
    """One digest: of one closed day, for one recipient. Made once, and sent until it is sent or a day old."""

    __tablename__ = "digest"
    __table_args__ = (
        sa.UniqueConstraint("recipient_id", "business_date"),
        sa.Index("ix_digest_status", "status", "next_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    recipient_id: int = Field(foreign_key="digest_recipient.id", sa_type=BigId)
    business_date: date
    key: str = Field(max_length=40)
    """Its Message-ID or webhook-id, the same at every attempt."""
    content: str = Field(sa_type=sa.Text)
    """JSON of `DigestContent` as of the moment it was made; '' once it is sent or given up."""
    status: DigestStatus = Field(default=DigestStatus.DUE, sa_type=enum_type(DigestStatus))
    attempts: int = Field(default=0, ge=0)
    made_at: datetime = Field(sa_type=UtcDateTime)
    next_at: datetime = Field(sa_type=UtcDateTime)
    """When it is sent next; while it is being sent, the end of the worker's lease."""
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    problem: str = Field(default="", max_length=300)
    """Reason of the last attempt that failed."""
