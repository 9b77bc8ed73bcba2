"""indexes for a million accounts

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CHANGED = {
    "ix_spell_portfolio": (
        "spell",
        ["portfolio_id", "from_on", "to_on"],
        ["portfolio_id", "to_on", "from_on"],
    ),
    "ix_past_due_movement_day": (
        "past_due_movement",
        ["portfolio_id", "on", "kind"],
        ["portfolio_id", "on", "kind", "amount_minor"],
    ),
}


def upgrade() -> None:
    op.create_index(
        "ix_ledger_entry_day", "ledger_entry", ["portfolio_id", "effective_on", "account_id", "amount_minor"]
    )
    for name, (table, _before, columns) in CHANGED.items():
        op.drop_index(name, table)
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, columns, _after) in CHANGED.items():
        op.drop_index(name, table)
        op.create_index(name, table, columns)
    op.drop_index("ix_ledger_entry_day", "ledger_entry")
