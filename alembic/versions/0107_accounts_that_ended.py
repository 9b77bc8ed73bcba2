"""an index of the accounts that ended here

Revision ID: 0107
Revises: 0126
"""

import sqlalchemy as sa
from alembic import op

revision = "0107"
down_revision = "0126"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_account_ended",
        "account",
        ["portfolio_id"],
        sqlite_where=sa.text("ended_on IS NOT NULL"),
        postgresql_where=sa.text("ended_on IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_account_ended", "account")
