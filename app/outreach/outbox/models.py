"""The outbox: every message that is to leave, with the exact words and where it stands."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.core.ids import id_of
from app.core.vocabulary import Purpose
from app.outreach.outbox.printing import BatchStatus, HandoffStatus
from app.outreach.outbox.rules import Destination, Occasion, OutboxStatus, PartyLetterStatus
from app.policy.facts import Suppression

ONE_SUBJECT = (
    " + ".join(
        f"CASE WHEN {column} IS NULL THEN 0 ELSE 1 END"
        for column in ("contact_id", "bundle_id", "party_letter_id")
    )
    + " = 1"
)
"""A message is a contact with the customer, a bundle, or a letter to their representative."""


def message_reference(number: int) -> str:
    """Such as `M-000012`."""
    return f"M-{number:06d}"


class OutboxMessage(Row, table=True):
    __tablename__ = "outbox_message"
    __table_args__ = (
        sa.Index("ix_outbox_message_due", "status", "not_before"),
        sa.Index("ix_outbox_message_customer", "customer_id", "status"),
        sa.Index("ix_outbox_message_case", "case_id"),
        sa.Index("ix_outbox_message_provider_ref", "provider_ref"),
        # A contact has one message, and one more in the place of each that was withheld.
        sa.Index(
            "uq_outbox_message_contact",
            "contact_id",
            unique=True,
            sqlite_where=sa.text("instead_of_id IS NULL"),
            postgresql_where=sa.text("instead_of_id IS NULL"),
        ),
        # So has a letter to a representative.
        sa.Index(
            "uq_outbox_message_party_letter",
            "party_letter_id",
            unique=True,
            sqlite_where=sa.text("instead_of_id IS NULL"),
            postgresql_where=sa.text("instead_of_id IS NULL"),
        ),
        sa.Index(
            "uq_outbox_message_instead_of",
            "instead_of_id",
            unique=True,
            sqlite_where=sa.text("instead_of_id IS NOT NULL"),
            postgresql_where=sa.text("instead_of_id IS NOT NULL"),
        ),
        sa.CheckConstraint(ONE_SUBJECT, name="one_subject"),
        # Few rows at a time: those whose step is to go on by another channel.
        sa.Index(
            "ix_outbox_message_fallback",
            "fallback_at",
            sqlite_where=sa.text("fallback_at IS NOT NULL"),
            postgresql_where=sa.text("fallback_at IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    contact_id: int | None = Field(default=None, foreign_key="contact.id", sa_type=BigId)
    """None = it carries a bundle to the legal desk, or goes to a representative."""
    instead_of_id: int | None = Field(default=None, foreign_key="outbox_message.id", sa_type=BigId)
    """The message of the same contact that was withheld, or of the same letter to a representative that could not
    arrive, in whose place this one was written."""
    destination: Destination = Field(sa_type=enum_type(Destination))
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    bundle_id: int | None = Field(default=None, unique=True, sa_type=BigId)
    party_letter_id: int | None = Field(default=None, foreign_key="party_letter.id", sa_type=BigId)
    """The letter to a representative that it carries; None = it goes to the customer or the legal desk."""
    recipient: str = Field(default="", max_length=420, sa_column_kwargs={"server_default": ""})
    """Name of the representative to whom it goes; '' = the customer, or the legal desk."""
    purpose: Purpose = Field(sa_type=enum_type(Purpose))

    letter: str = Field(default="", max_length=60)
    template_version: str = Field(default="", max_length=64)
    language: str = Field(default="", max_length=8)
    address: str = Field(default="", max_length=600)
    subject: str = Field(default="", max_length=300)
    text: str = Field(default="", sa_type=sa.Text)
    html: str = Field(default="", sa_type=sa.Text)
    enclosed: str = Field(default="", sa_type=sa.Text, sa_column_kwargs={"server_default": ""})
    """Words of the printed letter that travels with an e-mail as PDF; '' = none does."""
    context: str = Field(default="{}", sa_type=sa.Text)
    """Canonical JSON of the figures the words were made from."""
    past_due_minor: int = Field(default=0, sa_type=sa.BigInteger)
    """Amount that the words ask for; less is owed at delivery = the message is withheld."""
    answer_by: date | None = None
    """Last day on which the customer may do what the letter asks, and for which later steps wait; None = it sets no
    day."""
    clearance: str = Field(default="{}", sa_type=sa.Text)
    business_date: date

    status: OutboxStatus = Field(default=OutboxStatus.QUEUED, sa_type=enum_type(OutboxStatus))
    not_before: datetime = Field(sa_type=UtcDateTime)
    not_after: datetime | None = Field(default=None, sa_type=UtcDateTime)
    claimed_by: str = Field(default="", max_length=80)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = Field(default=0)
    attempt_id: str = Field(default="", max_length=40)
    """Of the last attempt: the row's id, a dash and random letters; the provider's reports bring it back."""
    attempted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Time at which the row was last committed as `sending`, right before the provider was called."""
    provider_ref: str = Field(default="", max_length=120)
    console_only: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """It was printed to the console: no provider saw it, and nothing left."""
    error: str = Field(default="", max_length=500)
    created_at: datetime = Field(sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    looked_up_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Time at which the provider's own list was last searched for a message of unknown fate."""
    fallback_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """It cannot arrive: from then on its step may go on by another channel. None = nothing left to do."""

    @property
    def reference(self) -> str:
        """Its number for people, providers and files."""
        return message_reference(id_of(self))

    @property
    def contact(self) -> int:
        """The id of its contact; LookupError for a message that has none."""
        if self.contact_id is None:
            raise LookupError(f"Message {self.reference} is no contact with the customer")
        return self.contact_id


class PartyLetter(Row, table=True):
    """A letter to a representative about an agreement or a case of the customer's, or to the estate of one who died:
    written, waiting, or not written and why. Each is decided once."""

    __tablename__ = "party_letter"
    __table_args__ = (
        sa.UniqueConstraint("plan_id", "party_id", "occasion", "occurrence"),
        sa.Index(
            "uq_party_letter_case",
            "case_id",
            "party_id",
            "occasion",
            "occurrence",
            unique=True,
            sqlite_where=sa.text("plan_id IS NULL AND party_id IS NOT NULL"),
            postgresql_where=sa.text("plan_id IS NULL AND party_id IS NOT NULL"),
        ),
        sa.Index(
            "uq_party_letter_estate",
            "case_id",
            "occurrence",
            unique=True,
            sqlite_where=sa.text("party_id IS NULL"),
            postgresql_where=sa.text("party_id IS NULL"),
        ),
        # Few rows at a time.
        sa.Index(
            "ix_party_letter_until",
            "until",
            sqlite_where=sa.text("until IS NOT NULL"),
            postgresql_where=sa.text("until IS NOT NULL"),
        ),
        sa.CheckConstraint("(until IS NOT NULL) = (status = 'waits')", name="until_where_it_waits"),
        sa.CheckConstraint(
            "(plan_id IS NULL) = (occasion IN ('statement', 'estate', 'estate_enquiry'))",
            name="plan_where_of_one",
        ),
        sa.CheckConstraint("(party_id IS NULL) = (occasion = 'estate_enquiry')", name="party_unless_enquiry"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    plan_id: int | None = Field(default=None, foreign_key="plan.id", sa_type=BigId)
    """The agreement that it is about; None = it is about the case."""
    party_id: int | None = Field(default=None, foreign_key="third_party.id", sa_type=BigId)
    """None = it goes to the estate, of which nobody is known to be in charge."""
    occasion: Occasion = Field(sa_type=enum_type(Occasion))
    occurrence: int = Field(default=0, sa_type=BigId)
    """Which one of its occasion: of a change the id of the last change of an instalment, of a break its day and of a
    reminder the due day as a number (`date.toordinal`), of a letter about the case the day it was asked for; 0 = there
    is only one."""
    status: PartyLetterStatus = Field(
        default=PartyLetterStatus.WRITTEN,
        sa_type=enum_type(PartyLetterStatus),
        sa_column_kwargs={"server_default": PartyLetterStatus.WRITTEN.value},
    )
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Of a letter that waits: the moment from which the gate is asked again."""
    why: str = Field(default="", max_length=300, sa_column_kwargs={"server_default": ""})
    """Reason why it waits, was refused or was not written."""
    created_at: datetime = Field(sa_type=UtcDateTime)


class ClosedPartyAddress(Row, table=True):
    """An e-mail or postal address of representatives to which nothing more is sent. The suppression list of customers
    is another one: neither closes an address of the other."""

    __tablename__ = "closed_party_address"
    __table_args__ = (
        sa.Index(
            "uq_closed_party_address_now",
            "address",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    address: str = Field(max_length=400)
    """In small letters; a postal one on one line."""
    reason: Suppression = Field(sa_type=enum_type(Suppression))
    detail: str = Field(default="", max_length=300)
    since: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)
    ended_why: str = Field(default="", max_length=300)


class SendingPace(Row, table=True):
    """Lead of a sender over its rate, shared by all workers: the earliest moment at which every message handed over so
    far could have left at that rate."""

    __tablename__ = "sending_pace"

    line: str = Field(primary_key=True, max_length=160)
    """Destination and sender, such as `sms:+15005550006`."""
    caught_up_at: datetime = Field(sa_type=UtcDateTime)


class PrintBatch(Row, table=True):
    """A portfolio's letters of one day, made into one PDF. Its messages carry its attempt id."""

    __tablename__ = "print_batch"
    __table_args__ = (
        sa.Index(
            "uq_print_batch_day",
            "portfolio_id",
            "printed_on",
            unique=True,
            sqlite_where=sa.text("status IN ('making', 'publishing', 'published')"),
            postgresql_where=sa.text("status IN ('making', 'publishing', 'published')"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    printed_on: date
    """The portfolio's own date."""
    status: BatchStatus = Field(default=BatchStatus.MAKING, sa_type=enum_type(BatchStatus))
    lease_until: datetime = Field(sa_type=UtcDateTime)
    """The worker that makes it, or hands it over, is taken for dead after this."""
    letters: int = Field(default=0)
    pages: int = Field(default=0)
    sha256: str = Field(default="", max_length=64)
    """Of the PDF."""
    handoff_status: HandoffStatus = Field(default=HandoffStatus.NONE, sa_type=enum_type(HandoffStatus))
    handoff_error: str = Field(default="", max_length=500)
    """Reason why the message could not be handed over last time."""
    handed_off_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str = Field(default="", max_length=500)
    created_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def name(self) -> str:
        return f"{self.printed_on.isoformat()}/batch-{id_of(self):06}"

    @property
    def attempt_id(self) -> str:
        return f"print-batch-{self.id}"


class ChannelStop(Row, table=True):
    """A time during which a channel is switched off, by a person or because its provider refuses our credentials."""

    __tablename__ = "channel_stop"
    __table_args__ = (
        sa.Index(
            "uq_channel_stop_now",
            "destination",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    destination: Destination = Field(sa_type=enum_type(Destination))
    reason: str = Field(max_length=500)
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)


class Heartbeat(Row, table=True):
    """Heartbeat: the time at which each worker process was last alive."""

    __tablename__ = "heartbeat"

    worker: str = Field(primary_key=True, max_length=80)
    at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime = Field(sa_type=UtcDateTime)
