"""print drops

Revision ID: 0097
Revises: 0096
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0097"
down_revision = "0096"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("print_batch", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("drop_status", sa.String(length=40), nullable=False, server_default="none")
        )
        batch_op.add_column(sa.Column("drop_error", sa.String(length=500), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("dropped_at", UtcDateTime(), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_print_batch_dropstatus"), "drop_status IN ('none', 'waiting', 'uploaded', 'dropped')"
        )


def downgrade() -> None:
    with op.batch_alter_table("print_batch", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_print_batch_dropstatus"), type_="check")
        batch_op.drop_column("dropped_at")
        batch_op.drop_column("drop_error")
        batch_op.drop_column("drop_status")
