"""outbox: attempts, look-ups, other channels; the pace of each sender

Revision ID: 0050
Revises: 0070
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0050"
down_revision = "0070"
branch_labels = None
depends_on = None

ADDED = ("attempted_at", "looked_up_at", "fallback_at")


def upgrade() -> None:
    for name in ADDED:
        op.add_column("outbox_message", sa.Column(name, UtcDateTime(), nullable=True))
    op.create_index(
        "ix_outbox_message_fallback",
        "outbox_message",
        ["fallback_at"],
        sqlite_where=sa.text("fallback_at IS NOT NULL"),
        postgresql_where=sa.text("fallback_at IS NOT NULL"),
    )
    op.create_table(
        "sending_pace",
        sa.Column("line", sa.String(length=160), nullable=False),
        sa.Column("caught_up_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("line", name=op.f("pk_sending_pace")),
    )


def downgrade() -> None:
    op.drop_table("sending_pace")
    op.drop_index("ix_outbox_message_fallback", "outbox_message")
    with op.batch_alter_table("outbox_message") as batch:
        for name in ADDED:
            batch.drop_column(name)
