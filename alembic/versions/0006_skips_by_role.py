"""Who may grant the skip of an instalment, and requests for one.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = (
    ("plan_change", sa.Column("is_granted", sa.Boolean(), server_default=sa.false(), nullable=False)),
    ("approval_request", sa.Column("instalment", sa.Integer(), nullable=True)),
    ("portfolio", sa.Column("agent_skips_a_year", sa.Integer(), server_default="1", nullable=False)),
    ("portfolio", sa.Column("manager_skips_a_year", sa.Integer(), server_default="3", nullable=False)),
)


def upgrade() -> None:
    for table, column in COLUMNS:
        op.add_column(table, column)


def downgrade() -> None:
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column.name)
