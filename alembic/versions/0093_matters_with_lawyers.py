"""Reports of lawyers, and questions between them and collections.

Revision ID: 0093
Revises: 0081
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0093"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "legal_report",
        *_whose(),
        sa.Column(
            "kind",
            sa.Enum(
                "received", "filed", "hearing", "judgment", "enforcement", "closed",
                name="reportkind", native_enum=False, create_constraint=True, length=40,
            ),
            nullable=False,
        ),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("court", sa.String(length=120), nullable=False),
        sa.Column("court_reference", sa.String(length=80), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "amount_minor IS NULL OR kind = 'judgment'", name=op.f("ck_legal_report_amount_of_judgment")
        ),
        *_keys("legal_report"),
    )  # fmt: skip
    op.create_index("ix_legal_report_referral", "legal_report", ["referral_id", "id"])
    op.create_index("ix_legal_report_hearing", "legal_report", ["kind", "on_date"])
    op.create_table(
        "legal_question",
        *_whose(),
        sa.Column("to_legal", sa.Boolean(), nullable=False),
        sa.Column("question", sa.String(length=1000), nullable=False),
        sa.Column("asked_by", sa.String(length=120), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("answer", sa.String(length=2000), nullable=False),
        sa.Column("answered_by", sa.String(length=120), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("task_id", BigId, nullable=True),
        sa.CheckConstraint("(answered_at IS NULL) = (answer = '')", name=op.f("ck_legal_question_answered")),
        sa.ForeignKeyConstraint(
            ["task_id"], ["strategy_task.id"], name=op.f("fk_legal_question_task_id_strategy_task")
        ),
        *_keys("legal_question"),
    )
    op.create_index("ix_legal_question_case", "legal_question", ["case_id", "id"])
    waiting = sa.text("answered_at IS NULL")
    op.create_index(
        "ix_legal_question_waiting", "legal_question", ["to_legal", "id"],
        sqlite_where=waiting, postgresql_where=waiting,
    )  # fmt: skip


def downgrade() -> None:
    for table in ("legal_question", "legal_report"):
        op.drop_table(table)


def _whose() -> list[sa.Column[object]]:
    names = ("id", "portfolio_id", "customer_id", "case_id", "referral_id")
    return [sa.Column(name, BigId, nullable=False) for name in names]


def _keys(table: str) -> list[sa.Constraint]:
    owners = {
        "portfolio_id": "portfolio", "customer_id": "customer", "case_id": "collections_case",
        "referral_id": "referral",
    }  # fmt: skip
    keys: list[sa.Constraint] = [
        sa.ForeignKeyConstraint([name], [f"{owner}.id"], name=op.f(f"fk_{table}_{name}_{owner}"))
        for name, owner in owners.items()
    ]
    return [*keys, sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))]
