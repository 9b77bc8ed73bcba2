"""enclosed letters

Revision ID: 0098
Revises: 0097
"""

import sqlalchemy as sa
from alembic import op

revision = "0098"
down_revision = "0097"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in batch mode, which on SQLite would copy the whole outbox.
    op.add_column("outbox_message", sa.Column("enclosed", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("outbox_message", "enclosed")
