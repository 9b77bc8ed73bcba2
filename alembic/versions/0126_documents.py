"""documents on file

Revision ID: 0126
Revises: 0125
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime
from app.core.schema import change_event_kinds

revision = "0126"
down_revision = "0125"
branch_labels = None
depends_on = None

NEW_KINDS = {"document.added", "document.downloaded", "document.withdrawn"}
DOCUMENT_KINDS = (
    "agreement", "assignment", "statement", "letter_of_claim", "default_notice", "validation_notice",
    "payment_demand", "correspondence", "other",
)  # fmt: skip
LISTED = ", ".join(f"'{kind}'" for kind in DOCUMENT_KINDS)


def upgrade() -> None:
    change_event_kinds(lambda kinds: kinds | NEW_KINDS)
    op.create_table(
        "document_content",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_document_content")),
    )
    op.create_table(
        "case_document",
        sa.Column("id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=300), nullable=False),
        sa.Column("dated_on", sa.Date(), nullable=False),
        sa.Column("uploaded_at", UtcDateTime(), nullable=False),
        sa.Column("uploaded_by", sa.String(length=120), nullable=False),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=120), nullable=False),
        sa.Column("withdrawn_why", sa.String(length=300), nullable=False),
        sa.CheckConstraint(f"kind IN ({LISTED})", name=op.f("ck_case_document_documentkind")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_case_document_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_case_document_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["sha256"], ["document_content.sha256"], name=op.f("fk_case_document_sha256_document_content")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_document")),
    )
    op.create_index("ix_case_document_customer", "case_document", ["customer_id"])


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kinds exist: history is not thrown away."""
    change_event_kinds(lambda kinds: kinds - NEW_KINDS)
    op.drop_index("ix_case_document_customer", table_name="case_document")
    op.drop_table("case_document")
    op.drop_table("document_content")
