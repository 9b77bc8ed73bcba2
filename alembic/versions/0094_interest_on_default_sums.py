"""Interest that was charged on default sums in the United Kingdom: the night takes it back.

Revision ID: 0094
Revises: 0077a
"""

from alembic import op

revision = "0094"
down_revision = "0077a"
branch_labels = None
depends_on = None

MARKS = """
    INSERT INTO ledger_change (account_id, portfolio_id, earliest_on)
    SELECT fee.account_id, fee.portfolio_id, MIN(fee.effective_on)
    FROM ledger_entry AS fee
    JOIN portfolio ON portfolio.id = fee.portfolio_id
    WHERE portfolio.accrues AND portfolio.pack LIKE 'uk%' AND fee.kind = 'fee' AND fee.reference LIKE 'late-fee:%'
    GROUP BY fee.account_id, fee.portfolio_id
    ON CONFLICT (account_id) DO UPDATE SET earliest_on = CASE
        WHEN excluded.earliest_on < ledger_change.earliest_on THEN excluded.earliest_on
        ELSE ledger_change.earliest_on END
"""
"""Accounts with late fees of ours are new again from their first one on: the night computes their interest anew."""


def upgrade() -> None:
    op.execute(MARKS)


def downgrade() -> None:
    """A mark that nobody needs costs one computation more."""
