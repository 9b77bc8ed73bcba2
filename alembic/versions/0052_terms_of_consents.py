"""Who gave a consent, until when it holds, and whether it is for notices too.

Revision ID: 0052
Revises: 0051
"""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consent", sa.Column("given_by", sa.String(length=120), server_default="", nullable=False))
    op.add_column("consent", sa.Column("until", sa.Date(), nullable=True))
    op.add_column(
        "consent", sa.Column("electronic_notices", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("consent") as consent:
        consent.drop_column("electronic_notices")
        consent.drop_column("until")
        consent.drop_column("given_by")
