"""re-ages that agreements brought about

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plan_re_age",
        sa.Column("re_age_id", BigId, nullable=False),
        sa.Column("plan_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_re_age_plan_id_plan")),
        sa.ForeignKeyConstraint(["re_age_id"], ["re_age.id"], name=op.f("fk_plan_re_age_re_age_id_re_age")),
        sa.PrimaryKeyConstraint("re_age_id", name=op.f("pk_plan_re_age")),
    )
    with op.batch_alter_table("plan_re_age", schema=None) as batch_op:
        batch_op.create_index("ix_plan_re_age_plan", ["plan_id"], unique=False)


def downgrade() -> None:
    op.drop_table("plan_re_age")
