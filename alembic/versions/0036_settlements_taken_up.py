"""The day on which an offer to settle was found to be taken up by paying.

Revision ID: 0036
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plan", sa.Column("taken_up_on", sa.Date(), nullable=True))
    op.create_index("ix_plan_taken_up", "plan", ["portfolio_id", "taken_up_on"])


def downgrade() -> None:
    op.drop_index("ix_plan_taken_up", table_name="plan")
    with op.batch_alter_table("plan") as plan:
        plan.drop_column("taken_up_on")
