"""Lists behind figures of money find the largest payments, and the largest amounts past due, by an index.

Revision ID: 0050
Revises: 0046
"""

from alembic import op

revision = "0050"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_past_due_movement_amount",
        "past_due_movement",
        ["portfolio_id", "kind", "amount_minor", "id", "on", "account_id"],
    )
    op.create_index(
        "ix_spell_amount",
        "spell",
        ["portfolio_id", "past_due_minor", "account_id", "from_on", "to_on", "bucket"],
    )
    # SQLite asks by an index that it knows nothing of only where nothing else would do.
    for table in ("past_due_movement", "spell"):
        op.execute(f"ANALYZE {table}")


def downgrade() -> None:
    op.drop_index("ix_spell_amount", table_name="spell")
    op.drop_index("ix_past_due_movement_amount", table_name="past_due_movement")
