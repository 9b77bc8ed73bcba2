"""Consents, preferences, suppressed addresses, and the versions of packs that decided."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.core.vocabulary import Channel
from app.policy.facts import PreferenceKind, Suppression


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
    given_for: str = Field(default="", max_length=32, sa_column_kwargs={"server_default": ""})
    """Of a consent: the fingerprint (keyed hash) of the number or address on file when it was given, `none` where there
    was none, or `earlier` for one of before the key that was not on file any more; '' = it is bound to none: one from
    before these were kept, and one for letters."""
    given_by: str = Field(default="", max_length=120, sa_column_kwargs={"server_default": ""})
    """Of a consent: who gave it for the customer; '' = the customer."""
    until: date | None = None
    """Of a consent: the last day on which it holds; None = until it is withdrawn."""
    electronic_notices: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """Of a consent: the customer agreed, after being told what that means, to get notices that the law wants in writing
    by this channel instead of on paper (15 USC 7001(c))."""


class ContactPreference(Row, table=True):
    """A time or place that does not suit the customer, or the time zone they say they live in."""

    __tablename__ = "contact_preference"
    __table_args__ = (
        sa.Index("ix_contact_preference_customer", "customer_id", "ended_at"),
        sa.Index(
            "ix_contact_preference_need",
            "need_id",
            sqlite_where=sa.text("need_id IS NOT NULL"),
            postgresql_where=sa.text("need_id IS NOT NULL"),
        ),
        sa.CheckConstraint(
            "start_minute >= 0 AND start_minute < end_minute AND end_minute <= 1440", name="span_in_a_day"
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    kind: PreferenceKind = Field(sa_type=enum_type(PreferenceKind))
    channel: Channel | None = Field(default=None, sa_type=enum_type(Channel))
    """None = every channel."""
    weekdays: str = Field(default="", max_length=20)
    """Monday is 0, as `0,1,2`; empty = every day."""
    start_minute: int = Field(default=0)
    end_minute: int = Field(default=1440)
    """The inconvenient time, in minutes after local midnight."""
    address: str = Field(default="", max_length=600)
    """The inconvenient place, spelt as on file."""
    need_id: int | None = Field(default=None, foreign_key="support_need.id", sa_type=BigId)
    """The support need that placed it, and with which it ends; None = none."""
    timezone: str = Field(default="", max_length=60)
    until: date | None = None
    """Last local date on which it binds; None = until they say otherwise."""
    source: str = Field(default="", max_length=120)
    created_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SuppressedAddress(Row, table=True):
    """A number or e-mail address to which nothing is sent, for any customer, until a person lifts it with a reason."""

    __tablename__ = "suppressed_address"
    __table_args__ = (
        sa.Index(
            "ux_suppressed_address",
            "address",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    channel: Channel = Field(sa_type=enum_type(Channel))
    """The one channel it is closed to: a number that takes no SMS may still be called."""
    address: str = Field(max_length=254)
    """As `app.outreach.gate.suppression.normalised` spells it."""
    spelt: str = Field(max_length=254)
    """As it was on file."""
    reason: Suppression = Field(sa_type=enum_type(Suppression))
    detail: str = Field(default="", max_length=300)
    since: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)
    ended_why: str = Field(default="", max_length=300)


class PolicyPackVersion(Row, table=True):
    """The full text of a pack that decided a contact, kept so that the decision can be made again."""

    __tablename__ = "policy_pack_version"

    label: str = Field(primary_key=True, max_length=400)
    sha256: str = Field(max_length=64)
    text: str = Field(sa_type=sa.Text)
    first_used_at: datetime = Field(sa_type=UtcDateTime)
