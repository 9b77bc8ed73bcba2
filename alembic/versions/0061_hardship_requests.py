"""Requests for help with payments, and what was asked of the customer.

Revision ID: 0061
Revises: 0057
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0061"
down_revision = "0057"
branch_labels = None
depends_on = None

LINKS = (
    ("case_id", "collections_case"), ("customer_id", "customer"), ("hold_id", "case_hold"), ("plan_id", "plan"),
    ("statement_id", "household_statement"),
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "hardship_request",
        sa.Column("id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("hold_id", BigId, nullable=False),
        sa.Column("way", _enum("hardshipway", "call", "message", "letter", "adviser"), nullable=False),
        sa.Column("reasons", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("statement_id", BigId, nullable=True),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column(
            "status",
            _enum("hardshipstatus", "open", "granted", "partly", "refused", "withdrawn"),
            nullable=False,
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.Column("refusals", sa.String(length=120), nullable=False),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("plan_id", BigId, nullable=True),
        *_keys("hardship_request", LINKS),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hardship_request")),
    )
    op.create_index("ix_hardship_request_customer", "hardship_request", ["customer_id"])
    is_open = sa.text("status = 'open'")
    op.create_index(
        "ux_hardship_request_open", "hardship_request", ["customer_id"],
        unique=True, sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip
    op.create_table(
        "hardship_document",
        sa.Column("id", BigId, nullable=False),
        sa.Column("request_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("what", sa.String(length=120), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("state", _enum("documentstate", "asked", "received", "insufficient"), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("document_id", BigId, nullable=True),
        sa.Column("lacking", sa.String(length=200), nullable=False),
        *_keys(
            "hardship_document",
            (
                ("customer_id", "customer"),
                ("document_id", "case_document"),
                ("request_id", "hardship_request"),
            ),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hardship_document")),
    )
    op.create_index("ix_hardship_document_request", "hardship_document", ["request_id"])


def downgrade() -> None:
    op.drop_table("hardship_document")
    op.drop_table("hardship_request")


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _keys(table: str, links: tuple[tuple[str, str], ...]) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))
        for column, to in links
    ]
