"""messages from customers, and what they choose themselves

Revision ID: 0060
Revises: 0050
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime
from app.core.schema import change_event_kinds

revision = "0060"
down_revision = "0050"
branch_labels = None
depends_on = None


NEW_KINDS = {"message.received", "message.reviewed", "customer.language_changed", "customer.links_replaced"}


def upgrade() -> None:
    op.add_column(
        "customer", sa.Column("language_chosen", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("customer", sa.Column("link_number", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_customer_mobile", "customer", ["mobile"])
    op.create_table(
        "inbound_message",
        sa.Column("id", BigId, nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "sms", "page", name="inboundsource", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("provider_ref", sa.String(length=120), nullable=False),
        sa.Column("sender", sa.String(length=40), nullable=False),
        sa.Column("recipient", sa.String(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("media", sa.Integer(), nullable=False),
        sa.Column("intents", sa.String(length=300), nullable=False),
        sa.Column("matched", sa.String(length=600), nullable=False),
        sa.Column("keyword", sa.Boolean(), nullable=False),
        sa.Column("provider_said", sa.String(length=10), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("interpreted_at", UtcDateTime(), nullable=True),
        sa.Column("reviewed_at", UtcDateTime(), nullable=True),
        sa.Column("reviewed_by", sa.String(length=120), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "automatic",
                "stopped",
                "stands",
                "lifted",
                "done",
                name="reviewoutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_message")),
        sa.UniqueConstraint("provider_ref", name=op.f("uq_inbound_message_provider_ref")),
    )
    op.create_index(
        "ix_inbound_message_open",
        "inbound_message",
        ["id"],
        sqlite_where=sa.text("reviewed_at IS NULL"),
        postgresql_where=sa.text("reviewed_at IS NULL"),
    )
    op.create_index(
        "ix_inbound_message_unread",
        "inbound_message",
        ["id"],
        sqlite_where=sa.text("interpreted_at IS NULL"),
        postgresql_where=sa.text("interpreted_at IS NULL"),
    )
    op.create_index("ix_inbound_message_sender", "inbound_message", ["sender"])
    op.create_table(
        "inbound_match",
        sa.Column("id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("preference_id", BigId, nullable=True),
        sa.Column("hold_id", BigId, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["inbound_message.id"], name=op.f("fk_inbound_match_message_id_inbound_message")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_inbound_match_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_inbound_match_case_id_collections_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_match")),
        sa.UniqueConstraint(
            "message_id", "customer_id", name=op.f("uq_inbound_match_message_id_customer_id")
        ),
    )
    op.create_index("ix_inbound_match_customer", "inbound_match", ["customer_id"])
    op.create_index("ix_inbound_match_case", "inbound_match", ["case_id"])
    change_event_kinds(lambda kinds: kinds | NEW_KINDS)


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kinds exist: history is not thrown away."""
    change_event_kinds(lambda kinds: kinds - NEW_KINDS)
    op.drop_table("inbound_match")
    op.drop_table("inbound_message")
    op.drop_index("ix_customer_mobile", "customer")
    op.drop_column("customer", "link_number")
    op.drop_column("customer", "language_chosen")
