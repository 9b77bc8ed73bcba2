"""decisions on record

Revision ID: 0030
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime

revision = "0030"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decision_facts",
        sa.Column("event_id", BigId, autoincrement=False, nullable=False),
        sa.Column("pack", sa.String(length=400), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_decision_facts")),
    )
    op.create_index("ix_decision_facts_at", "decision_facts", ["at"])


def downgrade() -> None:
    op.drop_index("ix_decision_facts_at", "decision_facts")
    op.drop_table("decision_facts")
