"""what was forgotten

Revision ID: 0090
Revises: 0060
"""

from app.core.schema import change_event_kinds

revision = "0090"
down_revision = "0060"
branch_labels = None
depends_on = None

NEW_KINDS = {"facts.forgotten"}


def upgrade() -> None:
    change_event_kinds(lambda kinds: kinds | NEW_KINDS)


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kind exist: history is not thrown away."""
    change_event_kinds(lambda kinds: kinds - NEW_KINDS)
