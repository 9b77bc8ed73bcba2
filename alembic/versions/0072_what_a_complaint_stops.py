"""What an open complaint stops in a portfolio, besides legal steps.

Revision ID: 0072
Revises: 0066
"""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0066"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "portfolio",
        sa.Column("complaint_stops", sa.String(length=12), server_default="reminders", nullable=False),
    )


def downgrade() -> None:
    with op.batch_alter_table("portfolio") as portfolio:
        portfolio.drop_column("complaint_stops")
