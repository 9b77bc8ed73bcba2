"""Indexes by which the lists behind figures find their first rows, and figures the movements of a window.

Revision ID: 0038
Revises: 0035
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0035"
branch_labels = None
depends_on = None

IS_LATE = sa.text("oldest_due_on IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_account_standing_balance", "account_standing", ["portfolio_id", "balance_minor"])
    for name, columns in (
        ("ix_account_standing_late", ["account_id"]),
        ("ix_account_standing_late_balance", ["balance_minor", "account_id"]),
    ):
        op.create_index(
            name,
            "account_standing",
            ["portfolio_id", *columns, "oldest_due_on"],
            sqlite_where=IS_LATE,
            postgresql_where=IS_LATE,
        )
    op.create_index(
        "ix_past_due_movement_window",
        "past_due_movement",
        ["portfolio_id", "on", "kind", "amount_minor", "account_id", "id"],
    )
    op.drop_index("ix_past_due_movement_day", table_name="past_due_movement")


def downgrade() -> None:
    op.create_index(
        "ix_past_due_movement_day", "past_due_movement", ["portfolio_id", "on", "kind", "amount_minor"]
    )
    op.drop_index("ix_past_due_movement_window", table_name="past_due_movement")
    for name in ("late_balance", "late", "balance"):
        op.drop_index(f"ix_account_standing_{name}", table_name="account_standing")
