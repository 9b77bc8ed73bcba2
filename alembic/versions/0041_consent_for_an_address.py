"""A consent is given for a number or an address.

Revision ID: 0041
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consent", sa.Column("given_for", sa.String(length=32), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("consent", "given_for")
