"""what calls found out: holds for good, wishes about calls, forms sent once

Open holds of the kinds that no date ends become holds for good by their kind: nothing is rewritten. Their date is a
review date from now on.

Revision ID: 0130
Revises: 0110
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime
from app.core.schema import change_event_kinds

revision = "0130"
down_revision = "0110"
branch_labels = None
depends_on = None

NEW_KINDS = {"hold.review_due", "hold.reviewed"}


def upgrade() -> None:
    op.add_column("case_hold", sa.Column("end_reason", sa.String(500), nullable=False, server_default=""))
    op.add_column("case_hold", sa.Column("review_raised_on", sa.Date(), nullable=True))
    op.add_column("call_task", sa.Column("not_before", UtcDateTime(), nullable=True))
    op.add_column("call_task", sa.Column("wish", sa.String(300), nullable=False, server_default=""))
    op.create_table(
        "sent_form",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sent_form")),
    )
    op.create_index(op.f("ix_sent_form_created_at"), "sent_form", ["created_at"])
    change_event_kinds(lambda kinds: kinds | NEW_KINDS)


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kinds exist: history is not thrown away."""
    change_event_kinds(lambda kinds: kinds - NEW_KINDS)
    op.drop_index(op.f("ix_sent_form_created_at"), "sent_form")
    op.drop_table("sent_form")
    op.drop_column("call_task", "wish")
    op.drop_column("call_task", "not_before")
    op.drop_column("case_hold", "review_raised_on")
    op.drop_column("case_hold", "end_reason")
