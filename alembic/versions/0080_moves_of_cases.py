"""Moves of many cases with their preview, and why a cover goes beyond their capacity.

Revision ID: 0080
Revises: 0073
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0080"
down_revision = "0073"
branch_labels = None
depends_on = None


def _one_of(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.add_column(
        "staff_absence", sa.Column("over_reason", sa.String(length=200), server_default="", nullable=False)
    )
    op.create_table(
        "case_move",
        sa.Column("id", BigId, nullable=False),
        sa.Column("status", _one_of("movestatus", "prepared", "done", "undone"), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("receivers", sa.Text(), nullable=False),
        sa.Column("returns", sa.Boolean(), nullable=False),
        sa.Column("overruled", sa.String(length=200), nullable=False),
        sa.Column("prepared_at", UtcDateTime(), nullable=False),
        sa.Column("prepared_by", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("moved_at", UtcDateTime(), nullable=True),
        sa.Column("moved_by", sa.String(length=120), nullable=False),
        sa.Column("undone_at", UtcDateTime(), nullable=True),
        sa.Column("undone_by", sa.String(length=120), nullable=False),
        sa.CheckConstraint("(status = 'prepared') = (moved_at IS NULL)", name=op.f("ck_case_move_moved")),
        sa.CheckConstraint("(status = 'undone') = (undone_at IS NOT NULL)", name=op.f("ck_case_move_undone")),
        sa.CheckConstraint("status = 'prepared' OR reason <> ''", name=op.f("ck_case_move_reason")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_move")),
    )
    op.create_index("ix_case_move_prepared", "case_move", ["prepared_at"])
    op.create_table(
        "case_move_line",
        sa.Column("move_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("from_owner", sa.String(length=60), nullable=False),
        sa.Column("from_covered_for", sa.String(length=64), nullable=False),
        sa.Column("to_owner", sa.String(length=60), nullable=False),
        sa.Column(
            "state",
            _one_of("movestate", "planned", "stays", "moved", "changed", "restored", "kept"),
            nullable=False,
        ),
        sa.Column("why", sa.String(length=120), nullable=False),
        sa.Column("past_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["move_id"], ["case_move.id"], name=op.f("fk_case_move_line_move_id_case_move")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_case_move_line_case_id_collections_case")
        ),
        sa.PrimaryKeyConstraint("move_id", "case_id", name=op.f("pk_case_move_line")),
    )
    op.create_index("ix_case_move_line_case", "case_move_line", ["case_id", "move_id"])


def downgrade() -> None:
    op.drop_table("case_move_line")
    op.drop_table("case_move")
    op.drop_column("staff_absence", "over_reason")
