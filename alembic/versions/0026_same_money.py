"""Entries of money that was moved or posted again.

Revision ID: 0026
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId

revision = "0026"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "same_money",
        sa.Column("entry_id", BigId, nullable=False),
        sa.Column("first_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], name=op.f("fk_same_money_entry_id_ledger_entry")
        ),
        sa.ForeignKeyConstraint(
            ["first_id"], ["ledger_entry.id"], name=op.f("fk_same_money_first_id_ledger_entry")
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_same_money")),
    )
    op.create_index("ix_same_money_first", "same_money", ["first_id"])


def downgrade() -> None:
    op.drop_table("same_money")
