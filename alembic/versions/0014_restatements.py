"""Restatements of key figures, and the entries that caused them.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kpi_restatement",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("run_on", sa.Date(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_kpi_restatement_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kpi_restatement")),
    )
    op.create_index("ix_kpi_restatement_portfolio", "kpi_restatement", ["portfolio_id", "run_on"])
    op.create_table(
        "kpi_restatement_entry",
        sa.Column("restatement_id", BigId, nullable=False),
        sa.Column("entry_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], name=op.f("fk_kpi_restatement_entry_entry_id_ledger_entry")
        ),
        sa.ForeignKeyConstraint(
            ["restatement_id"],
            ["kpi_restatement.id"],
            name=op.f("fk_kpi_restatement_entry_restatement_id_kpi_restatement"),
        ),
        sa.PrimaryKeyConstraint("restatement_id", "entry_id", name=op.f("pk_kpi_restatement_entry")),
    )
    with op.batch_alter_table("kpi_snapshot", schema=None) as batch_op:
        batch_op.add_column(sa.Column("restatement_id", BigId, nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_kpi_snapshot_restatement_id_kpi_restatement"),
            "kpi_restatement",
            ["restatement_id"],
            ["id"],
        )
    op.add_column(
        "standing_night", sa.Column("last_entry_id", sa.BigInteger(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("standing_night", "last_entry_id")
    with op.batch_alter_table("kpi_snapshot", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("fk_kpi_snapshot_restatement_id_kpi_restatement"), type_="foreignkey")
        batch_op.drop_column("restatement_id")
    op.drop_table("kpi_restatement_entry")
    op.drop_table("kpi_restatement")
