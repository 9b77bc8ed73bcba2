"""The warning letter after abusive contact: its words, and when a supervisor had it written.

Revision ID: 0079
Revises: 0085
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import UtcDateTime

revision = "0079"
down_revision = "0085"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("conduct_record") as conduct:
        conduct.add_column(sa.Column("letter_words", sa.Text(), server_default="", nullable=False))
        conduct.add_column(sa.Column("letter_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("conduct_record") as conduct:
        conduct.drop_column("letter_at")
        conduct.drop_column("letter_words")
