"""Requests for the decision of a dispute, and for a goodwill credit.

Revision ID: 0055
Revises: 0054
"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KINDS = ("settlement", "plan", "hardship", "hand_over", "decision")
NEW = ("dispute", "goodwill")


def upgrade() -> None:
    with op.batch_alter_table("approval_request") as request:
        request.add_column(sa.Column("dispute_id", BigId, nullable=True))
        request.add_column(sa.Column("decision", sa.Text(), server_default="", nullable=False))
        request.add_column(sa.Column("account_id", BigId, nullable=True))
        for column, table in (("dispute_id", "dispute"), ("account_id", "account")):
            name = op.f(f"fk_approval_request_{column}_{table}")
            request.create_foreign_key(name, table, [column], ["id"])
    _allow((*KINDS, *NEW))


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM approval_request WHERE kind IN ('dispute', 'goodwill')"))
    _allow(KINDS)
    with op.batch_alter_table("approval_request") as request:
        for column, table in (("dispute_id", "dispute"), ("account_id", "account")):
            request.drop_constraint(op.f(f"fk_approval_request_{column}_{table}"), type_="foreignkey")
        for column in ("account_id", "decision", "dispute_id"):
            request.drop_column(column)


def _allow(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{each}'" for each in kinds)
    name = op.f("ck_approval_request_approvalkind")
    with op.batch_alter_table("approval_request") as request:
        request.drop_constraint(name, type_="check")
        request.create_check_constraint(name, f"kind IN ({listed})")
