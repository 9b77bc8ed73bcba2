"""The business name that callers leave on voicemail.

Revision ID: 0051
Revises: 0045
"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "portfolio", sa.Column("voicemail_name", sa.String(length=80), server_default="", nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("portfolio") as portfolio:
        portfolio.drop_column("voicemail_name")
