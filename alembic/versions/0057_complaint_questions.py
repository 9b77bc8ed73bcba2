"""Questions whether words are a complaint, with the answers of people.

Revision ID: 0057
Revises: 0056
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "complaint_question",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "message",
                "call",
                "note",
                name="questionsource",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("cues", sa.String(length=300), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("is_complaint", sa.Boolean(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("answered_by", sa.String(length=120), nullable=False),
        sa.Column("complaint_id", BigId, nullable=True),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (is_complaint IS NULL)", name=op.f("ck_complaint_question_answered")
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_complaint_question_{column}_{table}")
            )
            for column, table in (
                ("case_id", "collections_case"),
                ("complaint_id", "complaint"),
                ("customer_id", "customer"),
                ("message_id", "inbound_message"),
                ("portfolio_id", "portfolio"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_question")),
    )
    is_open = sa.text("answered_at IS NULL")
    op.create_index(
        "ix_complaint_question_open", "complaint_question", ["portfolio_id", "id"],
        sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip
    op.create_index("ix_complaint_question_customer", "complaint_question", ["customer_id"])


def downgrade() -> None:
    op.drop_table("complaint_question")
