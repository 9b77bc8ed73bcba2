"""How long help with payments is granted in a portfolio, and whether charges rest meanwhile.

Revision ID: 0083
Revises: 0074
"""

import sqlalchemy as sa
from alembic import op

revision = "0083"
down_revision = "0074"
branch_labels = None
depends_on = None

COLUMNS = ("hardship_days", "hardship_agent_days", "hardship_pauses")


def upgrade() -> None:
    op.add_column("portfolio", sa.Column("hardship_days", sa.Integer(), server_default="366", nullable=False))
    op.add_column(
        "portfolio", sa.Column("hardship_agent_days", sa.Integer(), server_default="92", nullable=False)
    )
    op.add_column(
        "portfolio", sa.Column("hardship_pauses", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("portfolio") as portfolio:
        for column in COLUMNS:
            portfolio.drop_column(column)
