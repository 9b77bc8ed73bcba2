"""Tasks about an agreement are found by it.

Revision ID: 0042
Revises: 0037
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_strategy_task_plan",
        "strategy_task",
        ["plan_id", "id"],
        sqlite_where=sa.text("plan_id IS NOT NULL"),
        postgresql_where=sa.text("plan_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_strategy_task_plan", table_name="strategy_task")
