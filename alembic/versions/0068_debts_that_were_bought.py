"""Debts that were bought: seller, day and notice on file; duties to tell of it and of default sums.

Revision ID: 0068
Revises: 0061
"""

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0061"
branch_labels = None
depends_on = None

EVENTS = (
    "first_contact", "dispute", "complaint", "settlement", "two_payments_behind", "case_open", "quarter_of_agreement",
)  # fmt: skip
NEW = ("debt_assigned", "default_sum")
DOCUMENTS = (
    "agreement", "assignment", "statement", "letter_of_claim", "default_notice", "validation_notice", "payment_demand",
    "inkassovarsel", "fourteen_day_letter", "collection_notice", "verification", "correspondence", "other",
)  # fmt: skip


def upgrade() -> None:
    op.add_column(
        "portfolio", sa.Column("original_creditor", sa.String(length=120), server_default="", nullable=False)
    )
    op.add_column("portfolio", sa.Column("assigned_on", sa.Date(), nullable=True))
    _allow("duty", "event", "ck_duty_dutyevent", (*EVENTS, *NEW))
    _allow("case_document", "kind", "ck_case_document_documentkind", (*DOCUMENTS, "assignment_notice"))


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM duty WHERE event IN ('debt_assigned', 'default_sum')"))
    op.execute(sa.text("UPDATE case_document SET kind = 'other' WHERE kind = 'assignment_notice'"))
    _allow("case_document", "kind", "ck_case_document_documentkind", DOCUMENTS)
    _allow("duty", "event", "ck_duty_dutyevent", EVENTS)
    with op.batch_alter_table("portfolio") as portfolio:
        portfolio.drop_column("assigned_on")
        portfolio.drop_column("original_creditor")


def _allow(table: str, column: str, name: str, allowed: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{each}'" for each in allowed)
    with op.batch_alter_table(table) as changed:
        changed.drop_constraint(op.f(name), type_="check")
        changed.create_check_constraint(op.f(name), f"{column} IN ({listed})")
