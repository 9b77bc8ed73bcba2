"""kinds: a case opened again, statements replaced and withdrawn

Revision ID: 0105
Revises: 0130
"""

from app.core.schema import change_event_kinds

revision = "0105"
down_revision = "0130"
branch_labels = None
depends_on = None

NEW_KINDS = {"case.reopened", "statement.replaced", "statement.withdrawn"}


def upgrade() -> None:
    change_event_kinds(lambda kinds: kinds | NEW_KINDS)


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kind exist: history is not thrown away."""
    change_event_kinds(lambda kinds: kinds - NEW_KINDS)
