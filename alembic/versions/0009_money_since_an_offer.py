"""the day from which money counts toward an agreement

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plan", sa.Column("counts_from", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("plan", "counts_from")
