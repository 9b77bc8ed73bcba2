"""Public files of peers' rates, and the values of their series. Append-only: a newer file stands beside the older."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.reporting.peers.rules import PeerSource


class PeerFile(Row, table=True):
    """One file that was loaded whole."""

    __tablename__ = "peer_file"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    source: PeerSource = Field(sa_type=enum_type(PeerSource))
    name: str = Field(max_length=200)
    sha256: str = Field(max_length=64, unique=True)
    """The same bytes are loaded once."""
    as_of: date
    """The newest quarter in it."""
    loaded_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)


class PeerValue(Row, table=True):
    """One series at the end of one quarter, as one file has it."""

    __tablename__ = "peer_value"
    __table_args__ = (sa.Index("ix_peer_value_series", "series", "quarter_ends_on"),)

    file_id: int = Field(primary_key=True, foreign_key="peer_file.id", sa_type=BigId)
    series: str = Field(primary_key=True, max_length=40)
    """Code of the series, which names its definition (`app.reporting.peers.rules`)."""
    quarter_ends_on: date = Field(primary_key=True)
    millionths: int
    """3.35 % is 33,500."""
