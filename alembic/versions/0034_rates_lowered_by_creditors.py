"""A creditor that charges the interest may lower the rate that an agreement promises.

Revision ID: 0034
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("portfolio") as batch:
        batch.add_column(
            sa.Column("creditor_lowers_rates", sa.Boolean(), server_default=sa.false(), nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table("portfolio") as batch:
        batch.drop_column("creditor_lowers_rates")
