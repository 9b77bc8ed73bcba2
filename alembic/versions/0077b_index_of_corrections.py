"""An index of the entries that correct disputes: the night asks for each payment whether one is corrected by it.

Revision ID: 0077b
Revises: 0094
"""

import sqlalchemy as sa
from alembic import op

revision = "0077b"
down_revision = "0094"
branch_labels = None
depends_on = None

WHERE = sa.text("correction_id IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_dispute_correction", "dispute", ["correction_id"], sqlite_where=WHERE, postgresql_where=WHERE
    )


def downgrade() -> None:
    op.drop_index("ix_dispute_correction", "dispute")
