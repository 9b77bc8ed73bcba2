"""Append-only events, their kinds, their erasable facts, and the head of each stream's hash chain."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type, sorted_text
from app.core.vocabulary import Channel


class TimelineKind(Row, table=True):
    """A kind of event. `desk migrate` adds those that have a payload class; none is ever removed."""

    __tablename__ = "timeline_kind"

    kind: str = Field(primary_key=True, max_length=40)


class Event(Row, table=True):
    """Something that happened. UPDATE and DELETE are refused by triggers on both databases."""

    __tablename__ = "timeline_event"
    __table_args__ = (
        sa.UniqueConstraint("stream", "seq"),
        sa.Index("ix_timeline_event_customer_kind_at", "customer_id", "kind", "at"),
        sa.Index("ix_timeline_event_case", "case_id", "id"),
        sa.Index("ix_timeline_event_kind_at", "kind", "at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    stream: str = Field(max_length=60)
    """The stream that it belongs to: `customer:<id>`, `portfolio:<id>`, `staff:<id>`."""
    seq: int
    kind: str = Field(max_length=40, foreign_key="timeline_kind.kind")
    """`KIND` of the payload that `data` spells."""
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    """`user:<name>`, `token:<name>` or `system`."""
    customer_id: int | None = Field(default=None, sa_type=BigId)
    case_id: int | None = Field(default=None, sa_type=BigId)
    account_id: int | None = Field(default=None, sa_type=BigId)
    channel: Channel | None = Field(default=None, sa_type=enum_type(Channel))
    data: str = Field(default="{}", sa_type=sa.Text)
    """Canonical JSON; kept as text because the hash is over these very bytes."""
    prev_hash: str = Field(max_length=64)
    hash: str = Field(max_length=64)


class DecisionFacts(Row, table=True):
    """The facts of a decision, beside its event. It may be deleted when its time is over: the event, which cannot
    change, holds only its SHA-256."""

    __tablename__ = "decision_facts"
    __table_args__ = (sa.Index("ix_decision_facts_at", "at"),)

    event_id: int = Field(primary_key=True, sa_type=BigId)
    pack: str = Field(max_length=400)
    """Label of the policy pack that was asked; it says how long the row is kept."""
    at: datetime = Field(sa_type=UtcDateTime)
    facts: str = Field(sa_type=sa.Text)
    """JSON as it was hashed."""


class TimelineWord(Row, table=True):
    """A word that a person wrote in an event, folded; see `words.py`. Derived from the event."""

    __tablename__ = "timeline_word"
    __table_args__ = ({"sqlite_with_rowid": False},)

    word: str = Field(primary_key=True, sa_type=sorted_text(24))  # type: ignore[call-overload]
    event_id: int = Field(primary_key=True, sa_type=BigId)


class StreamHead(Row, table=True):
    """Last sequence number and hash of a stream; its row lock serialises the writers of one stream."""

    __tablename__ = "timeline_head"

    stream: str = Field(primary_key=True, max_length=60)
    seq: int
    hash: str = Field(max_length=64)
