"""What a case that is handed to the legal team costs, for the cost to collect.

Revision ID: 0030
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "portfolio", sa.Column("cost_legal_case_minor", sa.BigInteger(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("portfolio") as portfolio:
        portfolio.drop_column("cost_legal_case_minor")
