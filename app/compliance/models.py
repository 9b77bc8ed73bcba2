"""What the customer allows."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.db import BigId, Row, UtcDateTime, enum_type
from app.timeline.rules import Channel


class Consent(Row, table=True):
    """Consent or opt-out of one channel, as last stated; history is in the timeline."""

    __tablename__ = "consent"
    __table_args__ = (sa.UniqueConstraint("customer_id", "channel"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    channel: Channel = Field(sa_type=enum_type(Channel))
    allowed: bool
    source: str = Field(max_length=120)
    at: datetime = Field(sa_type=UtcDateTime)
