"""print batches

Revision ID: 0080
Revises: 0071
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime
from app.core.schema import change_event_kinds

revision = "0080"
down_revision = "0071"
branch_labels = None
depends_on = None

STATUSES = ("making", "publishing", "published", "abandoned", "lost")
LIVE = "status IN ('making', 'publishing', 'published')"


NEW_KINDS = {"print.batch_ended"}


def upgrade() -> None:
    change_event_kinds(lambda kinds: kinds | NEW_KINDS)
    op.create_table(
        "print_batch",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("printed_on", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(*STATUSES, name="batchstatus", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("lease_until", UtcDateTime(), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_print_batch_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_batch")),
    )
    op.create_index(
        "uq_print_batch_day",
        "print_batch",
        ["portfolio_id", "printed_on"],
        unique=True,
        sqlite_where=sa.text(LIVE),
        postgresql_where=sa.text(LIVE),
    )


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kind exist: history is not thrown away."""
    change_event_kinds(lambda kinds: kinds - NEW_KINDS)
    op.drop_table("print_batch")
