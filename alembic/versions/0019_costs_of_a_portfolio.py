"""What messages and agents cost a portfolio, for the cost to collect.

Revision ID: 0019
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0020"
branch_labels = None
depends_on = None

COSTS = ("cost_sms_minor", "cost_email_minor", "cost_letter_minor", "cost_agent_hour_minor")


def upgrade() -> None:
    for name in COSTS:
        op.add_column("portfolio", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column(
        "portfolio", sa.Column("cost_call_minutes", sa.Integer(), server_default="6", nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("portfolio") as portfolio:
        for name in (*COSTS, "cost_call_minutes"):
            portfolio.drop_column(name)
