"""Rates that the law caps while a hold stands.

Revision ID: 0048
Revises: 0047
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "protected_rate",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("hold_id", BigId, nullable=False),
        sa.Column("apr_millionths", sa.Integer(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("to_on > from_on", name=op.f("ck_protected_rate_ends_after_it_began")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_protected_rate_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["case_hold.id"], name=op.f("fk_protected_rate_hold_id_case_hold")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_protected_rate_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_protected_rate")),
    )
    op.create_index("ix_protected_rate_account", "protected_rate", ["account_id", "from_on"])
    op.create_index("ix_protected_rate_hold", "protected_rate", ["hold_id"])


def downgrade() -> None:
    op.drop_table("protected_rate")
