"""Third parties of a customer."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.parties.rules import PROVEN_ON_PAPER, MayBeTold, PartyKind, in_force
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class ThirdParty(Row, table=True):
    """A person beside the customer: who they are, how to reach them, what they may be told and until when. Ended, never
    deleted."""

    __tablename__ = "third_party"
    __table_args__ = (
        sa.Index("ix_third_party_customer", "customer_id", "ended_at"),
        sa.Index("ix_third_party_phone", "phone"),
        # The night looks for authorities that end on its day.
        sa.Index(
            "ix_third_party_until",
            "authority_until",
            sqlite_where=sa.text("authority_until IS NOT NULL"),
            postgresql_where=sa.text("authority_until IS NOT NULL"),
        ),
        sa.CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name="quiet_from_until"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    kind: PartyKind = Field(sa_type=enum_type(PartyKind))
    name: str = Field(max_length=200)
    organisation: str = Field(default="", max_length=200)
    reference: str = Field(default="", max_length=60)
    """Their own number of the matter."""
    phone: str = Field(default="", max_length=20)
    """E.164, or empty."""
    email: str = Field(default="", max_length=254)
    address: str = Field(default="", max_length=400)
    """As it is to be printed, a line a part."""
    country: str = Field(default="", max_length=2, sa_column_kwargs={"server_default": ""})
    """Of their address and their own law, ISO 3166; '' = the customer's."""
    language: str = Field(default="", max_length=8, sa_column_kwargs={"server_default": ""})
    """In which they are written to; '' = the customer's."""
    timezone: str = Field(default="", max_length=60, sa_column_kwargs={"server_default": ""})
    """IANA zone in which they live; '' = not known, and the customer's counts."""
    by_call: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})
    """They agree to be called; so do `by_email` and `by_post` say of writing."""
    by_email: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})
    by_post: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})
    quiet_from: int | None = None
    """Minutes after their midnight; from then until `quiet_until` they do not want contact. None = no such hours."""
    quiet_until: int | None = None
    may_be_told: MayBeTold = Field(sa_type=enum_type(MayBeTold))
    authority_from: date | None = None
    authority_until: date | None = None
    """The last day; None = until it is withdrawn."""
    document_id: int | None = Field(default=None, foreign_key="case_document.id", sa_type=BigId)
    """The letter of authority, probate or power of attorney on file."""
    note: str = Field(default="", max_length=300)
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)
    end_reason: str = Field(default="", max_length=200)

    @property
    def full_name(self) -> str:
        return ", ".join(filter(None, [self.name, self.organisation]))

    @property
    def is_proven(self) -> bool:
        """Whether the paper that gives them authority is on file, where one is needed."""
        return self.kind not in PROVEN_ON_PAPER or self.document_id is not None

    def knows_on(self, today: date) -> bool:
        """Whether this person may be told of the debt on a day."""
        allowed = self.may_be_told is not MayBeTold.NOTHING and self.ended_at is None and self.is_proven
        return allowed and in_force(self.authority_from, self.authority_until, today)
