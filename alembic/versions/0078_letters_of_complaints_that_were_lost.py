"""The letter of a complaint that did not reach the customer, on the complaint's row.

Revision ID: 0078
Revises: 0092
"""

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0092"
branch_labels = None
depends_on = None

LETTERS = ("acknowledgement", "holding", "summary", "final")
IS_LOST = sa.text("lost_on IS NOT NULL")


def upgrade() -> None:
    kind = sa.Enum(*LETTERS, name="letterkind", native_enum=False, create_constraint=True, length=40)
    with op.batch_alter_table("complaint") as complaint:
        complaint.add_column(sa.Column("lost_on", sa.Date(), nullable=True))
        complaint.add_column(sa.Column("lost_letter", kind, nullable=True))
        complaint.create_check_constraint(
            op.f("ck_complaint_lost"), "(lost_on IS NULL) = (lost_letter IS NULL)"
        )
    op.create_index(
        "ix_complaint_lost", "complaint", ["portfolio_id", "answer_by", "id"],
        sqlite_where=IS_LOST, postgresql_where=IS_LOST,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_complaint_lost", "complaint")
    with op.batch_alter_table("complaint") as complaint:
        complaint.drop_constraint(op.f("ck_complaint_lost"), type_="check")
        complaint.drop_constraint(op.f("ck_complaint_letterkind"), type_="check")
        complaint.drop_column("lost_letter")
        complaint.drop_column("lost_on")
