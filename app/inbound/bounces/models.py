"""Bounce notices, and those that wait for a person."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.inbound.bounces.rules import NoticeKind, Severity


class MailNotice(Row, table=True):
    """A message of the bounce mailbox that said something. Automatic replies and messages that are only late leave no
    row."""

    __tablename__ = "mail_notice"
    __table_args__ = (
        sa.Index("ix_mail_notice_address", "address", "at"),
        sa.Index(
            "ix_mail_notice_waiting",
            "id",
            sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    sha256: str = Field(max_length=64, unique=True)
    """Hash of its bytes: the same notice is read once."""
    kind: NoticeKind = Field(sa_type=enum_type(NoticeKind))
    severity: Severity | None = Field(default=None, sa_type=enum_type(Severity))
    status: str = Field(default="", max_length=12)
    """Enhanced status code, as `5.1.1`."""
    address: str = Field(default="", max_length=254)
    """Address our message went to; of an unrecognised one, the first address it names."""
    message_id: int | None = Field(default=None, foreign_key="outbox_message.id", sa_type=BigId)
    """Our message that it is about; None = unknown."""
    text: str = Field(default="", sa_type=sa.Text)
    """Its beginning, where a person has to read it; card numbers only by their last four digits."""
    at: datetime = Field(sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """None = waits for a person."""
    decided_by: str = Field(default="", max_length=120)
