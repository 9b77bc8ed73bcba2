"""Letters to representatives: their messages, and the addresses to which nothing more is sent.

Revision ID: 0015
Revises: 0014
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ONE_SUBJECT = " + ".join(
    f"CASE WHEN {column} IS NULL THEN 0 ELSE 1 END"
    for column in ("contact_id", "bundle_id", "party_letter_id")
)
DESTINATIONS = ("sms", "email", "post", "legal_desk")
PURPOSES = ("reminder", "confirmation", "notice")


def _enum(name: str, values: Sequence[str]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _admits(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def upgrade() -> None:
    op.create_table(
        "party_letter",
        sa.Column("id", BigId, nullable=False),
        sa.Column("plan_id", BigId, nullable=False),
        sa.Column("party_id", BigId, nullable=False),
        sa.Column("occasion", _enum("occasion", ("confirmed", "changed", "broken", "ended")), nullable=False),
        sa.Column("change_id", BigId, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_party_letter_plan_id_plan")),
        sa.ForeignKeyConstraint(
            ["party_id"], ["third_party.id"], name=op.f("fk_party_letter_party_id_third_party")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party_letter")),
        sa.UniqueConstraint(
            "plan_id",
            "party_id",
            "occasion",
            "change_id",
            name=op.f("uq_party_letter_plan_id_party_id_occasion_change_id"),
        ),
    )
    op.create_table(
        "closed_party_address",
        sa.Column("id", BigId, nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column(
            "reason",
            _enum("suppression", ("bounced", "keeps_bouncing", "complaint", "refused", "manual")),
            nullable=False,
        ),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.Column("ended_why", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closed_party_address")),
    )
    op.create_index(
        "uq_closed_party_address_now",
        "closed_party_address",
        ["address"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    with op.batch_alter_table("contact") as contact:
        _checks(contact, "contact", purpose=(*PURPOSES, "representative"))
    with op.batch_alter_table("channel_stop") as stop:
        _checks(stop, "channel_stop", destination=(*DESTINATIONS, "adviser"))
    with op.batch_alter_table("outbox_message") as message:
        message.add_column(sa.Column("party_letter_id", BigId, nullable=True))
        message.add_column(sa.Column("recipient", sa.String(length=420), server_default="", nullable=False))
        message.create_foreign_key(
            op.f("fk_outbox_message_party_letter_id_party_letter"),
            "party_letter",
            ["party_letter_id"],
            ["id"],
        )
        message.create_unique_constraint(op.f("uq_outbox_message_party_letter_id"), ["party_letter_id"])
        _checks(
            message,
            "outbox_message",
            destination=(*DESTINATIONS, "adviser"),
            purpose=(*PURPOSES, "representative"),
        )
        message.drop_constraint(op.f("ck_outbox_message_contact_or_bundle"), type_="check")
        message.create_check_constraint(op.f("ck_outbox_message_one_subject"), f"{ONE_SUBJECT} = 1")


def downgrade() -> None:
    op.execute("DELETE FROM outbox_message WHERE party_letter_id IS NOT NULL")
    op.execute("DELETE FROM channel_stop WHERE destination = 'adviser'")
    with op.batch_alter_table("outbox_message") as message:
        message.drop_constraint(op.f("ck_outbox_message_one_subject"), type_="check")
        message.create_check_constraint(
            op.f("ck_outbox_message_contact_or_bundle"), "(contact_id IS NULL) <> (bundle_id IS NULL)"
        )
        _checks(message, "outbox_message", destination=DESTINATIONS, purpose=PURPOSES)
        message.drop_constraint(op.f("uq_outbox_message_party_letter_id"), type_="unique")
        message.drop_constraint(op.f("fk_outbox_message_party_letter_id_party_letter"), type_="foreignkey")
        message.drop_column("recipient")
        message.drop_column("party_letter_id")
    with op.batch_alter_table("channel_stop") as stop:
        _checks(stop, "channel_stop", destination=DESTINATIONS)
    with op.batch_alter_table("contact") as contact:
        _checks(contact, "contact", purpose=PURPOSES)
    op.drop_table("closed_party_address")
    op.drop_table("party_letter")


def _checks(batch: object, table: str, **columns: Sequence[str]) -> None:
    """Let these columns hold these values."""
    for column, values in columns.items():
        name = op.f(f"ck_{table}_{column}")
        batch.drop_constraint(name, type_="check")  # type: ignore[attr-defined]
        batch.create_check_constraint(name, _admits(column, values))  # type: ignore[attr-defined]
