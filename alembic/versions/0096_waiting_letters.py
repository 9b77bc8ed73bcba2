"""waiting letters

Revision ID: 0096
Revises: 0095
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime

revision = "0096"
down_revision = "0095"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "waiting_letter",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("letter", sa.String(length=60), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("plan_id", BigId, nullable=True),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_waiting_letter_portfolio_id_portfolio")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_waiting_letter_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_waiting_letter_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_waiting_letter_plan_id_plan")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_waiting_letter")),
    )
    with op.batch_alter_table("waiting_letter", schema=None) as batch_op:
        batch_op.create_index("ix_waiting_letter_until", ["portfolio_id", "until"], unique=False)


def downgrade() -> None:
    op.drop_table("waiting_letter")
