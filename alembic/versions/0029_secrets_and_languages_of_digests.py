"""The secret of a webhook that was replaced, while it signs beside the new one; the language of a person's digest.

Revision ID: 0029
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import UtcDateTime

revision = "0029"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "digest_recipient", sa.Column("old_salt", sa.String(length=64), server_default="", nullable=False)
    )
    op.add_column("digest_recipient", sa.Column("old_until", UtcDateTime(), nullable=True))
    op.add_column(
        "digest_recipient", sa.Column("language", sa.String(length=20), server_default="en", nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("digest_recipient") as recipient:
        recipient.drop_column("language")
        recipient.drop_column("old_until")
        recipient.drop_column("old_salt")
