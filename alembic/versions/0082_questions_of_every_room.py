"""Questions whether words are a complaint become questions of four rooms, with the day on which the words came.

Revision ID: 0082
Revises: 0077
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0082"
down_revision = "0077"
branch_labels = None
depends_on = None

SUBJECTS = ("complaint", "hardship", "support_need", "dispute")
SOURCES = ("message", "call", "note", "post", "email", "visit")
KEPT = (
    "id, portfolio_id, customer_id, case_id, source, message_id, words, cues, asked_at, by, "
    "answered_at, answered_by, complaint_id"
)


def _enum(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _keys(table: str, *pairs: tuple[str, str]) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))
        for column, other in pairs
    ]


SAME = (
    ("case_id", "collections_case"),
    ("complaint_id", "complaint"),
    ("customer_id", "customer"),
    ("message_id", "inbound_message"),
    ("portfolio_id", "portfolio"),
)


def _columns() -> list[sa.Column]:
    return [
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("cues", sa.String(length=300), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("answered_by", sa.String(length=120), nullable=False),
        sa.Column("complaint_id", BigId, nullable=True),
    ]


def upgrade() -> None:
    op.create_table(
        "case_question",
        *_columns(),
        sa.Column("about", _enum("subject", SUBJECTS), nullable=False),
        sa.Column("source", _enum("questionsource", SOURCES), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("is_so", sa.Boolean(), nullable=True),
        sa.Column("hardship_id", BigId, nullable=True),
        sa.Column("dispute_id", BigId, nullable=True),
        sa.CheckConstraint("(answered_at IS NULL) = (is_so IS NULL)", name=op.f("ck_case_question_answered")),
        *_keys("case_question", *SAME, ("hardship_id", "hardship_request"), ("dispute_id", "dispute")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_question")),
    )
    # A question of before was asked on the day on which the words came, or of a letter on the day it was logged.
    day = "date(asked_at)" if op.get_bind().dialect.name == "sqlite" else "CAST(asked_at AS date)"
    op.execute(
        f"INSERT INTO case_question ({KEPT}, about, received_on, is_so) "  # noqa: S608
        f"SELECT {KEPT}, 'complaint', {day}, is_complaint FROM complaint_question"
    )
    _count_on("case_question")
    op.drop_table("complaint_question")
    is_open = sa.text("answered_at IS NULL")
    op.create_index(
        "ix_case_question_open", "case_question", ["portfolio_id", "id"],
        sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip
    op.create_index("ix_case_question_customer", "case_question", ["customer_id"])
    op.create_index("ix_case_question_hardship", "case_question", ["hardship_id"])


def downgrade() -> None:
    op.create_table(
        "complaint_question",
        *_columns(),
        sa.Column("source", _enum("questionsource", ("message", "call", "note")), nullable=False),
        sa.Column("is_complaint", sa.Boolean(), nullable=True),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (is_complaint IS NULL)", name=op.f("ck_complaint_question_answered")
        ),
        *_keys("complaint_question", *SAME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_question")),
    )
    source = "CASE WHEN source IN ('message', 'call') THEN source ELSE 'note' END"
    selected = KEPT.replace("source", source, 1)
    op.execute(
        f"INSERT INTO complaint_question ({KEPT}, is_complaint) "  # noqa: S608
        f"SELECT {selected}, is_so FROM case_question WHERE about = 'complaint'"
    )
    _count_on("complaint_question")
    op.drop_table("case_question")
    is_open = sa.text("answered_at IS NULL")
    op.create_index(
        "ix_complaint_question_open", "complaint_question", ["portfolio_id", "id"],
        sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip
    op.create_index("ix_complaint_question_customer", "complaint_question", ["customer_id"])


def _count_on(table: str) -> None:
    """Number the next row after those that were copied."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table} HAVING max(id) > 0"  # noqa: S608
        )
