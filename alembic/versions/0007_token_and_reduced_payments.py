"""Token payments, and instalments that are reduced for a time.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COLUMNS = (
    ("plan", sa.Column("is_token", sa.Boolean(), server_default=sa.false(), nullable=False)),
    ("plan", sa.Column("review_on", sa.Date(), nullable=True)),
    ("portfolio", sa.Column("token_months", sa.Integer(), server_default="6", nullable=False)),
    ("portfolio", sa.Column("reduced_months", sa.Integer(), server_default="6", nullable=False)),
    ("portfolio", sa.Column("agent_relief_months", sa.Integer(), server_default="3", nullable=False)),
)


def upgrade() -> None:
    for table, column in COLUMNS:
        op.add_column(table, column)
    op.create_index("ix_plan_review", "plan", ["portfolio_id", "review_on"])


def downgrade() -> None:
    op.drop_index("ix_plan_review", "plan")
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column.name)
