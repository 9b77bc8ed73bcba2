"""Documents of two more notices and of the verification of a debt, and the day that a letter or document names.

Revision ID: 0031
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0019"
branch_labels = None
depends_on = None

KINDS = (
    "agreement", "assignment", "statement", "letter_of_claim", "default_notice", "validation_notice",
    "payment_demand", "correspondence", "other",
)  # fmt: skip
MORE = ("inkassovarsel", "fourteen_day_letter", "verification")


def upgrade() -> None:
    op.add_column("outbox_message", sa.Column("answer_by", sa.Date(), nullable=True))
    with op.batch_alter_table("case_document") as document:
        document.add_column(sa.Column("answer_by", sa.Date(), nullable=True))
        _kinds(document, (*KINDS, *MORE))


def downgrade() -> None:
    table = sa.table("case_document", sa.column("kind", sa.String))
    op.execute(table.update().where(table.c.kind.in_(MORE)).values(kind="correspondence"))
    with op.batch_alter_table("case_document") as document:
        _kinds(document, KINDS)
        document.drop_column("answer_by")
    with op.batch_alter_table("outbox_message") as message:
        message.drop_column("answer_by")


def _kinds(batch: object, kinds: tuple[str, ...]) -> None:
    name = op.f("ck_case_document_documentkind")
    batch.drop_constraint(name, type_="check")  # type: ignore[attr-defined]
    admitted = ", ".join(repr(kind) for kind in kinds)
    batch.create_check_constraint(name, f"kind IN ({admitted})")  # type: ignore[attr-defined]
