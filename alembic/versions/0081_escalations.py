"""Escalations to a supervisor.

Revision ID: 0081
Revises: 0082
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0081"
down_revision = "0082"
branch_labels = None
depends_on = None


def _one_of(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "escalation",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column(
            "reason",
            _one_of("escalationreason", "customer_asks", "harm", "difficult", "advice", "other"),
            nullable=False,
        ),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("is_waiting", sa.Boolean(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column(
            "status",
            _one_of("escalationstatus", "asked", "taken", "answered", "returned", "taken_over", "withdrawn"),
            nullable=False,
        ),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("taken_by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.Column("answer", sa.String(length=1000), nullable=False),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (status IN ('answered', 'returned', 'taken_over', 'withdrawn'))",
            name=op.f("ck_escalation_ended"),
        ),
        sa.CheckConstraint("status <> 'taken' OR taken_at IS NOT NULL", name=op.f("ck_escalation_taken")),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_escalation_portfolio_id_portfolio")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_escalation_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_escalation_case_id_collections_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalation")),
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index("ix_escalation_customer", "escalation", ["customer_id"])
    op.create_index("ix_escalation_case", "escalation", ["case_id"])
    op.create_index(
        "uq_escalation_open", "escalation", ["case_id"], unique=True,
        sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("escalation")
