"""Messages from customers, as they came, and whose they are."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.correspondence.rules import InboundSource, ReviewOutcome
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class InboundMessage(Row, table=True):
    """A message from a customer. One without a match came from a number that no customer has."""

    __tablename__ = "inbound_message"
    __table_args__ = (
        sa.Index(
            "ix_inbound_message_open",
            "id",
            sqlite_where=sa.text("reviewed_at IS NULL"),
            postgresql_where=sa.text("reviewed_at IS NULL"),
        ),
        sa.Index(
            "ix_inbound_message_unread",
            "id",
            sqlite_where=sa.text("interpreted_at IS NULL"),
            postgresql_where=sa.text("interpreted_at IS NULL"),
        ),
        sa.Index("ix_inbound_message_sender", "sender"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    source: InboundSource = Field(sa_type=enum_type(InboundSource))
    provider_ref: str = Field(max_length=120, unique=True)
    """The provider's id of it, by which a repetition is known."""
    sender: str = Field(default="", max_length=40)
    """E.164 as the provider says it; empty from the page."""
    recipient: str = Field(default="", max_length=40)
    body: str = Field(default="", sa_type=sa.Text)
    """As it came, but card numbers only by their last four digits."""
    masked: bool = False
    """A card number in the text was made unreadable."""
    media: int = 0
    """Pictures and the like that came with it; they stay with the provider."""
    intents: str = Field(default="", max_length=300)
    """`Intent` values, comma between them."""
    matched: str = Field(default="", max_length=600)
    """The phrases that say so, ` | ` between them."""
    keyword: bool = False
    """It is one phrase and nothing else."""
    provider_said: str = Field(default="", max_length=10)
    """STOP, START or HELP where the provider itself has recognised, and answered, a keyword."""
    received_at: datetime = Field(sa_type=UtcDateTime)
    interpreted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reviewed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reviewed_by: str = Field(default="", max_length=120)
    outcome: ReviewOutcome | None = Field(default=None, sa_type=enum_type(ReviewOutcome))


class InboundMatch(Row, table=True):
    """A customer a message may be from: each who has the number, or the one that a person names."""

    __tablename__ = "inbound_match"
    __table_args__ = (
        sa.UniqueConstraint("message_id", "customer_id"),
        sa.Index("ix_inbound_match_customer", "customer_id"),
        sa.Index("ix_inbound_match_case", "case_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    message_id: int = Field(foreign_key="inbound_message.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int | None = Field(default=None, foreign_key="collections_case.id", sa_type=BigId)
    """The open case, or the latest; None where there never was one."""
    preference_id: int | None = Field(default=None, sa_type=BigId)
    """The number or address that rests because of this message."""
    hold_id: int | None = Field(default=None, sa_type=BigId)
    """The hold that this message placed."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)


class InboundAnswer(Row, table=True):
    """Our SMS in answer to a message: which contact answers which."""

    __tablename__ = "inbound_answer"
    __table_args__ = (sa.UniqueConstraint("message_id", "words_sha256"),)

    contact_id: int = Field(primary_key=True, foreign_key="contact.id", sa_type=BigId)
    message_id: int = Field(foreign_key="inbound_message.id", sa_type=BigId)
    words_sha256: str = Field(max_length=64)
    """Digest of the answer: the same words answer one message once."""
