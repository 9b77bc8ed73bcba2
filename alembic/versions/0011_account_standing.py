"""A wide row an account: how it stood at the end of the last night and of the month before.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_standing",
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("slice_id", BigId, nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("known_from", sa.Date(), nullable=True),
        sa.Column("bucket", sa.String(length=20), nullable=False),
        sa.Column("oldest_due_on", sa.Date(), nullable=True),
        sa.Column("past_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("then_on", sa.Date(), nullable=False),
        sa.Column("then_bucket", sa.String(length=20), nullable=False),
        sa.Column("then_balance_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_standing_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_account_standing_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_standing")),
    )
    op.create_index("ix_account_standing_portfolio", "account_standing", ["portfolio_id", "account_id"])
    op.create_index(
        "ix_account_standing_not_active",
        "account_standing",
        ["portfolio_id"],
        sqlite_where=sa.text("status <> 'active'"),
        postgresql_where=sa.text("status <> 'active'"),
    )
    op.create_table(
        "standing_night",
        sa.Column("portfolio_id", BigId, autoincrement=False, nullable=False),
        sa.Column("through", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_standing_night_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("portfolio_id", name=op.f("pk_standing_night")),
    )


def downgrade() -> None:
    op.drop_table("standing_night")
    op.drop_table("account_standing")
