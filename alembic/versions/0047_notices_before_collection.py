"""A notice that comes before any contact: a duty of its own, a document of its own, and what it names.

Revision ID: 0047
Revises: 0050
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0050"
branch_labels = None
depends_on = None

EVENTS = ("first_contact", "dispute", "complaint", "settlement", "two_payments_behind")
DOCUMENTS = (
    "agreement", "assignment", "statement", "letter_of_claim", "default_notice", "validation_notice", "payment_demand",
    "inkassovarsel", "fourteen_day_letter", "verification", "correspondence", "other",
)  # fmt: skip


def upgrade() -> None:
    op.add_column(
        "portfolio", sa.Column("creditor_complaints", sa.String(length=40), server_default="", nullable=False)
    )
    _allow("duty", "event", "ck_duty_dutyevent", (*EVENTS, "case_open"))
    _allow("case_document", "kind", "ck_case_document_documentkind", (*DOCUMENTS, "collection_notice"))


def downgrade() -> None:
    op.execute(sa.text("UPDATE case_document SET kind = 'other' WHERE kind = 'collection_notice'"))
    op.execute(sa.text("DELETE FROM duty WHERE event = 'case_open'"))
    _allow("case_document", "kind", "ck_case_document_documentkind", DOCUMENTS)
    _allow("duty", "event", "ck_duty_dutyevent", EVENTS)
    with op.batch_alter_table("portfolio") as portfolio:
        portfolio.drop_column("creditor_complaints")


def _allow(table: str, column: str, name: str, allowed: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{each}'" for each in allowed)
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(op.f(name), type_="check")
        batch.create_check_constraint(op.f(name), f"{column} IN ({listed})")
