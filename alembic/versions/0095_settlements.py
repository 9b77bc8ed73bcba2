"""settlements

Revision ID: 0095
Revises: 0080
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId

revision = "0095"
down_revision = "0080"
branch_labels = None
depends_on = None


def admit(kinds: str) -> None:
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_plan_plankind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_plan_plankind"), f"kind IN ({kinds})")


def upgrade() -> None:
    admit("'promise', 'instalments', 'settlement'")
    op.create_table(
        "plan_account",
        sa.Column("plan_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_account_plan_id_plan")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_plan_account_account_id_account")
        ),
        sa.PrimaryKeyConstraint("plan_id", "account_id", name=op.f("pk_plan_account")),
    )
    with op.batch_alter_table("portfolio", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("agent_max_discount_percent", sa.Integer(), nullable=False, server_default="0")
        )


def downgrade() -> None:
    op.execute("DELETE FROM plan_account")
    op.execute("DELETE FROM plan_instalment WHERE plan_id IN (SELECT id FROM plan WHERE kind = 'settlement')")
    op.execute("DELETE FROM plan WHERE kind = 'settlement'")
    with op.batch_alter_table("portfolio", schema=None) as batch_op:
        batch_op.drop_column("agent_max_discount_percent")
    op.drop_table("plan_account")
    admit("'promise', 'instalments'")
