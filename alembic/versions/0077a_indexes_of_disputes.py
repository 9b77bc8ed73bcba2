"""Indexes of disputes for what the night and the register ask: came lately, decided lately, to be asked for again.

Revision ID: 0077a
Revises: 0079
"""

import sqlalchemy as sa
from alembic import op

revision = "0077a"
down_revision = "0079"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_dispute_answer", ["portfolio_id", "answer_by", "id"], None),
    ("ix_dispute_opened", ["portfolio_id", "opened_at"], None),
    ("ix_dispute_decided", ["portfolio_id", "decided_at"], "outcome IS NOT NULL"),
    ("ix_dispute_release", ["portfolio_id", "pay_by"], "left_out_minor > 0 AND outcome IS NOT NULL"),
)


def upgrade() -> None:
    for name, columns, where in INDEXES:
        only = sa.text(where) if where else None
        op.create_index(name, "dispute", columns, sqlite_where=only, postgresql_where=only)


def downgrade() -> None:
    for name, _, _ in INDEXES:
        op.drop_index(name, "dispute")
