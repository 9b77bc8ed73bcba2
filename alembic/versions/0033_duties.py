"""Duties: letters that the law wants within some days of an event.

Revision ID: 0033
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0033"
down_revision = "0026"
branch_labels = None
depends_on = None

OPEN = sa.text("ended_on IS NULL")


def upgrade() -> None:
    op.create_table(
        "duty",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("citation", sa.String(length=300), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column(
            "event",
            sa.Enum(
                "first_contact", "dispute", "complaint", "settlement",
                name="dutyevent", native_enum=False, create_constraint=True, length=40,
            ),
            nullable=False,
        ),
        sa.Column("occasion", BigId, nullable=False),
        sa.Column("letters", sa.String(length=200), nullable=False),
        sa.Column("channels", sa.String(length=40), nullable=False),
        sa.Column("arose_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("told_person_on", sa.Date(), nullable=True),
        sa.Column("overdue_on", sa.Date(), nullable=True),
        sa.Column("met_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ended_why", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["portfolio_id"], ["portfolio.id"], name=op.f("fk_duty_portfolio_id_portfolio")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_duty_customer_id_customer")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_duty_case_id_collections_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty")),
        sa.UniqueConstraint("customer_id", "rule", "occasion", name=op.f("uq_duty_customer_id_rule_occasion")),
    )  # fmt: skip
    op.create_index(
        "ix_duty_open", "duty", ["portfolio_id", "due_on"], sqlite_where=OPEN, postgresql_where=OPEN
    )


def downgrade() -> None:
    op.drop_table("duty")
