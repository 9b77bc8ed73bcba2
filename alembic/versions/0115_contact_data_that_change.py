"""contact data that change

Revision ID: 0115
Revises: 0106
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime
from app.core.schema import change_event_kinds

revision = "0115"
down_revision = "0106"
branch_labels = None
depends_on = None

NEW_KINDS = {
    "account.changed", "account.holder_changed", "account.change_reported", "account.report_decided",
    "customer.changed",
}  # fmt: skip


def upgrade() -> None:
    change_event_kinds(lambda kinds: kinds | NEW_KINDS)
    op.create_table(
        "contact_correction",
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("field", sa.String(30), nullable=False),
        sa.Column("fed", sa.String(254), nullable=False),
        sa.Column("by", sa.String(120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_contact_correction_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("customer_id", "field", name=op.f("pk_contact_correction")),
    )
    op.create_table(
        "reported_change",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("value", sa.String(60), nullable=False),
        sa.Column("was", sa.String(60), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("reported_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(120), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.CheckConstraint("what IN ('holder', 'status')", name=op.f("ck_reported_change_reportedwhat")),
        sa.CheckConstraint(
            "status IN ('waiting', 'accepted', 'refused', 'withdrawn')",
            name=op.f("ck_reported_change_reportedstatus"),
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_reported_change_portfolio_id_portfolio")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_reported_change_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reported_change")),
    )
    op.create_index("ix_reported_change_open", "reported_change", ["portfolio_id", "status"])
    op.create_index("ix_reported_change_account", "reported_change", ["account_id"])
    with op.batch_alter_table("feed_load", schema=None) as batch_op:
        batch_op.add_column(sa.Column("updated", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("warned", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("warnings_file", sa.String(500), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("notes", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kinds exist: history is not thrown away."""
    with op.batch_alter_table("feed_load", schema=None) as batch_op:
        for column in ("notes", "warnings_file", "warned", "updated"):
            batch_op.drop_column(column)
    op.drop_table("reported_change")
    op.drop_table("contact_correction")
    change_event_kinds(lambda kinds: kinds - NEW_KINDS)
