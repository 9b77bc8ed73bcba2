"""with legal: no reminders after referral, reasons item by item, what was only printed to the console

Revision ID: 0125
Revises: 0115
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime
from app.core.schema import change_event_kinds

revision = "0125"
down_revision = "0115"
branch_labels = None
depends_on = None

NEW_KINDS = {"contact.simulated"}
INDEX = "ix_collections_case_with_legal"


def upgrade() -> None:
    change_event_kinds(lambda kinds: kinds | NEW_KINDS)
    op.add_column("collections_case", sa.Column("with_legal_since", UtcDateTime(), nullable=True))
    op.create_index(
        INDEX,
        "collections_case",
        ["customer_id"],
        sqlite_where=sa.text("with_legal_since IS NOT NULL"),
        postgresql_where=sa.text("with_legal_since IS NOT NULL"),
    )
    op.execute(
        "UPDATE collections_case SET with_legal_since = (SELECT max(referral.decided_at) FROM referral "
        "WHERE referral.case_id = collections_case.id AND referral.status IN ('approved', 'delivered'))"
    )
    op.add_column(
        "portfolio", sa.Column("legal_letter_days", sa.Integer(), nullable=False, server_default="14")
    )
    op.add_column(
        "referral", sa.Column("decision_reason", sa.String(length=500), nullable=False, server_default="")
    )
    op.add_column("bundle", sa.Column("excuses", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("bundle", sa.Column("owed_minor", sa.BigInteger(), nullable=True))
    op.add_column(
        "outbox_message", sa.Column("simulated", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute(sa.text("UPDATE outbox_message SET simulated = true WHERE provider_ref LIKE 'console:%'"))


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kind exist: history is not thrown away."""
    change_event_kinds(lambda kinds: kinds - NEW_KINDS)
    op.drop_column("outbox_message", "simulated")
    op.drop_column("bundle", "owed_minor")
    op.drop_column("bundle", "excuses")
    op.drop_column("referral", "decision_reason")
    op.drop_column("portfolio", "legal_letter_days")
    op.drop_index(INDEX, table_name="collections_case")
    op.drop_column("collections_case", "with_legal_since")
