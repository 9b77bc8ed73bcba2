"""The creditor's postal address and the term of payment, which default notices name.

Revision ID: 0035
Revises: 0040
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "portfolio", sa.Column("creditor_address", sa.String(length=200), server_default="", nullable=False)
    )
    op.add_column(
        "portfolio", sa.Column("payment_term", sa.String(length=120), server_default="", nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("portfolio") as portfolio:
        portfolio.drop_column("payment_term")
        portfolio.drop_column("creditor_address")
