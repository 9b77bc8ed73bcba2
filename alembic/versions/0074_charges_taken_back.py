"""Wrong charges that an entry of the ledger took back, and which minimum billed them.

Revision ID: 0074
Revises: 0093
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0074"
down_revision = "0093"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "charge_taken_back",
        sa.Column("credit_id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("billed_on", sa.Date(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_charge_taken_back_amount_positive")),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_charge_taken_back_{column}_{table}")
            )
            for column, table in (
                ("account_id", "account"),
                ("credit_id", "ledger_entry"),
                ("portfolio_id", "portfolio"),
            )
        ),
        sa.PrimaryKeyConstraint("credit_id", name=op.f("pk_charge_taken_back")),
    )
    op.create_index("ix_charge_taken_back_account", "charge_taken_back", ["account_id"])


def downgrade() -> None:
    op.drop_table("charge_taken_back")
