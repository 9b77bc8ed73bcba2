"""The control share: settings of a portfolio, and the cases of its comparison.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "portfolio", sa.Column("control_share_percent", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("portfolio", sa.Column("control_days", sa.Integer(), server_default="14", nullable=False))
    op.create_table(
        "strategy_control",
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("strategy", sa.String(length=40), nullable=False),
        sa.Column("is_control", sa.Boolean(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("past_due_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_strategy_control_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_strategy_control_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_strategy_control_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_strategy_control")),
    )
    op.create_index("ix_strategy_control_portfolio", "strategy_control", ["portfolio_id", "until"])


def downgrade() -> None:
    op.drop_table("strategy_control")
    op.drop_column("portfolio", "control_days")
    op.drop_column("portfolio", "control_share_percent")
