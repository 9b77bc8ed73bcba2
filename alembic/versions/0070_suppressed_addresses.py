"""suppressed addresses

Revision ID: 0070
Revises: 0040
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime
from app.core.schema import change_event_kinds

revision = "0070"
down_revision = "0040"
branch_labels = None
depends_on = None

NEW_KINDS = {"address.suppressed", "address.restored"}


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    change_event_kinds(lambda kinds: kinds | NEW_KINDS)
    op.create_table(
        "suppressed_address",
        sa.Column("id", BigId, nullable=False),
        sa.Column("channel", _choice("channel", "sms", "email", "post", "call"), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("spelt", sa.String(length=254), nullable=False),
        sa.Column(
            "reason",
            _choice("suppression", "bounced", "keeps_bouncing", "complaint", "refused", "manual"),
            nullable=False,
        ),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.Column("ended_why", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressed_address")),
    )
    op.create_index(
        "ux_suppressed_address",
        "suppressed_address",
        ["address"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_customer_email", "customer", ["email"])


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kinds exist: history is not thrown away."""
    change_event_kinds(lambda kinds: kinds - NEW_KINDS)
    op.drop_index("ix_customer_email", "customer")
    op.drop_index("ux_suppressed_address", "suppressed_address")
    op.drop_table("suppressed_address")
