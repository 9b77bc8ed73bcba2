"""bank transactions

Revision ID: 0110
Revises: 0141
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime

revision = "0110"
down_revision = "0141"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bank_transaction",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("message", sa.String(length=40), nullable=False),
        sa.Column("page", sa.String(length=40), nullable=False),
        sa.Column("nth", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("bank_reference", sa.String(length=80), nullable=False),
        sa.Column("end_to_end", sa.String(length=80), nullable=False),
        sa.Column("payer_key", sa.String(length=64), nullable=False),
        sa.Column("told", sa.String(length=32), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_bank_transaction_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_transaction")),
        sa.UniqueConstraint(
            "portfolio_id",
            "key",
            "message",
            "page",
            "nth",
            name=op.f("uq_bank_transaction_portfolio_id_key_message_page_nth"),
        ),
    )
    for column in ("reference", "bank_reference", "end_to_end"):
        op.create_index(f"ix_bank_transaction_{column}", "bank_transaction", ["portfolio_id", column])


def downgrade() -> None:
    op.drop_table("bank_transaction")
