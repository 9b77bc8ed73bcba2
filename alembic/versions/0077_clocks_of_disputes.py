"""Disputes of transactions that were not authorised, and the rule that names the day of the answer.

Revision ID: 0077
Revises: 0078
"""

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0078"
branch_labels = None
depends_on = None

KINDS = (
    "whole_debt", "not_mine", "identity", "already_paid", "amount", "transaction", "fee", "billing_error"
)  # fmt: skip


def upgrade() -> None:
    with op.batch_alter_table("dispute") as dispute:
        dispute.add_column(sa.Column("citation", sa.String(length=600), server_default="", nullable=False))
        dispute.add_column(sa.Column("verified", sa.Boolean(), server_default=sa.false(), nullable=False))
    _allow((*KINDS, "unauthorised"))


def downgrade() -> None:
    op.execute(sa.text("UPDATE dispute SET kind = 'transaction' WHERE kind = 'unauthorised'"))
    _allow(KINDS)
    with op.batch_alter_table("dispute") as dispute:
        dispute.drop_column("verified")
        dispute.drop_column("citation")


def _allow(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{each}'" for each in kinds)
    name = op.f("ck_dispute_disputekind")
    with op.batch_alter_table("dispute") as dispute:
        dispute.drop_constraint(name, type_="check")
        dispute.create_check_constraint(name, f"kind IN ({listed})")
