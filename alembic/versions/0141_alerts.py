"""alerts

Revision ID: 0141
Revises: 0140
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime

revision = "0141"
down_revision = "0140"
branch_labels = None
depends_on = None

KINDS = ("day_failed", "invariant", "tick_failed")
NEWS = ("opened", "still_open", "ended")


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="alertkind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index(
        "uq_alert_open",
        "alert",
        ["kind", "subject"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "alert_notice",
        sa.Column("id", BigId, nullable=False),
        sa.Column("alert_id", BigId, nullable=False),
        sa.Column("messenger", sa.String(length=20), nullable=False),
        sa.Column(
            "about",
            sa.Enum(*NEWS, name="about", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_notice_alert_id_alert")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_notice")),
    )
    op.create_index("ix_alert_notice_alert", "alert_notice", ["alert_id", "messenger"])


def downgrade() -> None:
    op.drop_table("alert_notice")
    op.drop_table("alert")
