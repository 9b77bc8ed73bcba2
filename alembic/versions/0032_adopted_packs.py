"""Packs that a portfolio adopted for countries that no pack covers.

Revision ID: 0032
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("portfolio", sa.Column("adopted_packs", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("portfolio") as portfolio:
        portfolio.drop_column("adopted_packs")
