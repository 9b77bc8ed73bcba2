"""Agreements keep the terms of their offer, and a change of an instalment the interest that it brings.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plan", sa.Column("terms", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "plan_change", sa.Column("interest_minor", sa.BigInteger(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("plan_change", "interest_minor")
    op.drop_column("plan", "terms")
