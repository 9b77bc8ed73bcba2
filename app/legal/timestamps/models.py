"""Time stamps (RFC 3161) of bundles and of days of the timeline."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime


class TimelineDay(Row, table=True):
    """What was recorded in all streams since the day before, in one digest. It is of the text that `days.text_of`
    makes, which can be made again at any time, because events never change."""

    __tablename__ = "timeline_day"

    day: date = Field(primary_key=True)
    """The day (UTC) on which it was made."""
    after_id: int = Field(sa_type=BigId)
    """Events after this one ..."""
    to_id: int = Field(sa_type=BigId)
    """... and up to this one: the last that was seen a day before, so that none of a transaction that was still open is
    left out."""
    seen_id: int = Field(sa_type=BigId)
    """The last event of all when it was made: where the next day goes up to."""
    streams: int
    sha256: str = Field(max_length=64)
    made_at: datetime = Field(sa_type=UtcDateTime)


class TimeStamp(Row, table=True):
    """An authority's answer: these bytes existed at that time."""

    __tablename__ = "time_stamp"
    __table_args__ = (
        sa.UniqueConstraint("bundle_id"),
        sa.UniqueConstraint("timeline_day"),
        sa.CheckConstraint("(bundle_id IS NULL) <> (timeline_day IS NULL)", name="of_one_thing"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    bundle_id: int | None = Field(default=None, foreign_key="bundle.id", sa_type=BigId)
    """Its tag manifest is what was stamped."""
    timeline_day: date | None = Field(default=None, foreign_key="timeline_day.day")
    """Its text is what was stamped."""
    stamped_at: datetime = Field(sa_type=UtcDateTime)
    """The time that the authority certifies."""
    authority: str = Field(max_length=200)
    """Host name of the authority."""
    response: bytes = Field(sa_type=sa.LargeBinary)
    """TimeStampResp, DER: what `openssl ts -verify -in` reads."""
